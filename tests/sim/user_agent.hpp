// One simulated peer inside its dialogs, caller and callee alike: it answers what comes, asks what its plan says, hangs
// up, and holds what arrives against what the other peer sent.
#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include "sim/plan.hpp"
#include "sim/stack.hpp"

namespace tandem::sim {

struct Body {
    std::string type;
    std::string bytes;
};

// What the two peers of a call know of each other behind the B2BUA's back, to compare.
struct Board {
    std::map<std::string, Body> bodies;           // sent by either side, by label
    std::map<std::string, std::string> delivered; // label of a request's body: the branch that brought it
    std::array<std::string, party_max> call_ids;  // of their legs
    double loss = 0;                              // of the network between them
    bool is_ending = false;                       // one of them has hung up
    bool is_stray = false; // the callee's or the target's first response came when the B2BUA had given up (Timer B)
    std::set<std::string> premature; // branches of the caller's requests that reached the B2BUA before its first ACK
    std::set<std::string> told_bye;  // peers' tags: the B2BUA sent BYE in that dialog, which may have been lost
};

class UserAgent : public Stack {
public:
    UserAgent(const Plan &plan, Side side, Board &board, Network &network, Journal &journal, std::uint64_t seed)
        : UserAgent(plan, side, index(side), board, network, journal, seed) {}
    // Who takes the place of the one on this side is another party.
    UserAgent(const Plan &plan, Side side, Party party, Board &board, Network &network, Journal &journal,
              std::uint64_t seed);

    // True once nothing of the call is left on this side.
    virtual bool is_over() const;
    bool was_answered() const { return was_answered_; }
    bool has_sent_bye() const { return has_sent_bye_; }
    int last_notified() const { return last_notified_; } // what became of its REFER; 0: it has not heard

protected:
    struct SessionTimer {     // RFC 4028
        Duration interval{};  // zero: none
        bool is_ours = false; // this side refreshes
        unsigned turns = 0;   // how often it has begun anew
    };
    struct Dialog {
        enum State { early, confirmed, ended };

        std::string local_tag;
        std::string remote_tag;
        std::string target; // the other side's Contact
        std::uint32_t local_cseq = 0;
        std::uint32_t remote_cseq = 0; // 0: none yet
        State state = early;
        bool has_sent_bye = false;
        bool has_got_bye = false;
        Client invite; // ours without a final response
        Client update; // ours with an offer and without a final response
        Server asked;  // the other side's re-INVITE, not answered yet
        SessionTimer timer;
        std::optional<OriginLine> heard; // of the other side's last description
    };
    struct Answer { // a 2xx to INVITE
        std::size_t dialog = 0;
        Server server;
        std::string bytes;
        std::uint32_t cseq = 0;
        std::string offer; // label, if the 2xx carries the offer
        std::string ack;   // body; compared with that of its copies
        bool is_acked = false;
    };

    void on_request(const Server &server) override;
    void on_cancel(const Server &invite) override;
    void on_ack(const TextMessage &ack) override;
    void on_response(const Client &client, const TextMessage &response) override;
    void on_timeout(const Client &client) override;
    virtual void on_prack(std::size_t dialog, const Server &prack);
    virtual void on_first_ack(std::size_t) {}
    virtual bool may_be_stranger() const { return false; } // a request for a dialog that this side gave up

    std::size_t open(std::string local_tag, std::string remote_tag, std::string target);
    std::optional<std::size_t> dialog_of(std::string_view local_tag, std::string_view remote_tag) const;
    void confirm(std::size_t dialog); // and begin with what is planned
    void end(std::size_t dialog);
    void hang_up(std::size_t dialog);
    void answer(std::size_t dialog, const Server &invite, TextMessage response); // a 2xx, until its ACK comes
    void acknowledge(std::size_t dialog, const Client &invite, const TextMessage &response);
    TextMessage in_dialog(std::size_t dialog, std::string_view method, std::uint32_t cseq);

    std::string contact(std::string_view user) const;
    std::vector<std::string> record_route() const; // as it stands in a message, top first
    // Its label. `direction` is that of the media, and not said if it is empty.
    std::string put_body(TextMessage &message, std::string_view purpose, std::string_view direction = {});
    std::string put_tone(TextMessage &message); // of INFO: not even text
    // The label of the body, which must be one that the other side sent, byte for byte; or, where the B2BUA makes
    // offers of its own, with another origin and other directions. `purpose` begins it.
    std::string check_body(const TextMessage &message, std::string_view purpose);

    // session_timer.cpp
    void ask_timer(const SessionTimer &timer, TextMessage &request) const;
    void take_timer(std::size_t dialog, const TextMessage &request, const TextMessage &response);
    void grant_timer(std::size_t dialog, const TextMessage &request, TextMessage &response);
    bool refuse_timer(const Server &server);

    const Plan &plan_;
    const Side side_;
    Board &board_;
    std::string call_id_;
    std::string local_uri_;
    std::string remote_uri_;
    std::deque<Dialog> dialogs_;
    bool was_answered_ = false;
    bool has_sent_bye_ = false;

    void refuse(const Server &server, int status);
    void send_offer(std::size_t dialog, ActionKind kind);

private:
    void refer(std::size_t dialog, int tries);
    void on_refer_response(const Client &client, const TextMessage &response);
    void on_notify(std::size_t dialog, const Server &server);
    void act(std::size_t dialog, ActionKind kind, int tries);
    void ask(std::size_t dialog); // INFO
    void on_reinvite(std::size_t dialog, const Server &server);
    void answer_reinvite(std::size_t dialog, const Server &server);
    void on_update(std::size_t dialog, const Server &server);
    void on_bye(std::size_t dialog, const Server &server);
    void repeat_answer(std::size_t answer, Duration interval, Instant until);
    void answer_body(const TextMessage &offer, TextMessage &response);
    void check_origin(const TextMessage &message);
    void check_bye_response(const Dialog &dialog, const TextMessage &response);
    void on_reinvite_response(const Client &client, const TextMessage &response);
    void on_refusal(const Client &client, const TextMessage &response);
    void check_refusal(const Client &client, const TextMessage &response);

    void start_timer(std::size_t dialog);
    void refresh(std::size_t dialog, unsigned turn);
    const TimerPlan &timer_plan() const { return plan_.timers[index(side_)]; }
    bool is_principal() const { return party_ == index(side_); }

    std::deque<Answer> answers_;
    std::optional<std::size_t> referred_; // the dialog that its REFER went in
    bool is_refer_accepted_ = false;
    int last_notified_ = 0;  // the status in the last NOTIFY
    std::set<Client> late_;  // INFO after the end
    std::set<Client> early_; // UPDATE before the answer: nothing of it is about session timers
    unsigned labels_ = 0;
    std::int64_t session_id_ = 0; // of the o= line
};

} // namespace tandem::sim
