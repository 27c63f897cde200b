// Stands beside the B2BUA in one call and sees every datagram as it is handed in, and as it is sent, before the
// network can lose it. What RFC 3261 says of one message after another is checked here, with or without loss; and the
// order of events decides how the call has to end.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>
#include "base/endpoint.hpp"
#include "base/instant.hpp"
#include "sim/journal.hpp"
#include "sim/plan.hpp"
#include "sim/text_message.hpp"
#include "sim/user_agent.hpp"

namespace tandem::sim {

// What decided about the caller's INVITE: the first of these that reached the B2BUA.
enum class Decision : std::uint8_t { none, answer, refusal, cancel, early_bye, callee_bye, command };

struct Facts {
    std::optional<Instant> invite_in;  // from the caller
    std::optional<Instant> invite_out; // to the callee
    std::optional<Instant> answer_in;  // the first 2xx of the callee
    std::optional<Instant> answer_out; // the first 2xx to the caller
    std::optional<Instant> ack_in;
    Decision decision = Decision::none;
    Instant decided{};
    int status_in = 0;  // of the callee's response that decided
    int status_out = 0; // of the final response to the caller
    Instant final_out{};
    std::optional<Side> first_bye; // of the answered call, as they came in
    Instant first_bye_in{};
    bool is_answer_in_time = false; // of the callee, before he was given up
    // Of a hunted call that nobody answered: how each target failed, as far as the B2BUA could know.
    std::vector<int> failures;
    bool is_tie = false; // a ring timeout came in the same instant as an answer
    bool is_ended_by_command = false;
    bool has_probed_in_vain = false; // a re-INVITE or an UPDATE of the B2BUA's own had no answer in time, or 408 or 481
    bool has_missed_ack = false;     // of its 2xx to a re-INVITE, in time
    bool has_unknown_name = false;   // the callee's name has no address
};

class Witness {
public:
    Witness(const Plan &plan, Board &board, Journal &journal) : plan_(plan), board_(board), journal_(journal) {}

    void received(Party from, const TextMessage &message, Instant now);
    void sent(Party to, const Endpoint &at, const TextMessage &message, const std::string &bytes, Instant now);
    void lookup_out(Instant now); // the B2BUA wants the addresses of the callee
    void lookup_failed() { facts_.has_unknown_name = true; }
    void ended_by_command(Instant now);
    // What the last re-INVITE of the B2BUA's own said of the media to this side; empty: there was none.
    const std::string &told_direction(Side side) const { return legs_[index(side)].told_direction; }
    bool has_leg(std::string_view call_id) const { // to a callee
        return std::any_of(legs_.begin() + 1, legs_.end(), [&](const Leg &leg) { return leg.call_id == call_id; });
    }
    // After each batch of inputs, when its output is out.
    void batch_done(Instant now);
    // After the run: what was left undone.
    void finish(Instant now);

    const Facts &facts() const { return facts_; }

private:
    struct In { // a request from a peer
        TextMessage request;
        int status = 0; // of our final response
        std::string to_tag;
        std::string final_bytes;
        Instant final_out{};
        bool is_acked = false; // a 2xx to a re-INVITE, in time
    };
    struct Out { // a request to a peer
        std::string bytes;
        std::string method;
        std::uint32_t cseq = 0;
        Instant sent{};
        bool is_probe = false; // a re-INVITE or an UPDATE that nobody asked for
        bool has_provisional = false;
        std::optional<Instant> final_in;
    };
    struct Dialog {             // of a leg, by the peer's tag and ours
        std::uint32_t cseq = 0; // of our last request; 0: none yet
        std::optional<Instant> bye_out;
        std::optional<Instant> bye_in;
        std::optional<Instant> answered;           // the peer's 2xx came in, or ours went out
        bool is_acked = false;                     // our ACK went out
        std::map<std::uint32_t, std::string> acks; // by CSeq: body
    };
    struct Leg {
        std::map<std::string, In> in; // by branch and method
        std::map<std::string, Out> out;
        std::map<std::string, Dialog> dialogs; // by the tag that distinguishes: the callee's, or ours to the caller
        std::map<std::string, std::string> targets; // by the peer's tag: its Contact
        std::vector<std::string> routes;            // in the order of our requests
        std::string our_tag;                        // to the callee
        std::string call_id;
        std::string contact;               // ours
        std::optional<Instant> begun;      // the target is tried: its ring timeout counts from here
        std::optional<Instant> invite_out; // the first INVITE
        int status = 0;                    // of the final response to it that came in time
        bool is_stray = false;             // its first response came when the B2BUA had given up (Timer B)
        std::vector<std::string> answer_tags;
        std::string told_direction; // by our last own re-INVITE
    };

    void request_in(Party from, const TextMessage &request, Instant now);
    void response_in(Party from, const TextMessage &response, Instant now);
    void decide(Decision decision, int status, Instant now);
    void reconsider(Instant now);
    void ack_in(Party from, const TextMessage &ack, Instant now);
    void request_out(Party to, const Endpoint &at, const TextMessage &request, Instant now);
    void check_initial_invite(Party to, const TextMessage &invite, Instant now);
    void check_ack(Party to, const Endpoint &at, const TextMessage &ack, Instant now);
    void check_cancel(Leg &leg, const TextMessage &cancel, Instant now);
    void check_path(Party to, const Endpoint &at, const TextMessage &request, Instant now);
    void check_order(Party to, const TextMessage &request, Instant now);
    void response_out(Party to, const TextMessage &response, const std::string &bytes, Instant now);
    void check_copies(const In &in, const TextMessage &response, Instant now);
    void check_reliable(const TextMessage &response, const std::string &bytes, Instant now);
    void check_progress(const TextMessage &response, Instant now);
    void check_leak(Party to, const std::string &bytes, Instant now);
    static std::string dialog_key(Party to, const TextMessage &request);
    bool has_rung_out(const Leg &leg, Instant now) const;
    bool has_timed_out(const Leg &leg, Instant now) const;
    void check_hunt(Instant now);
    std::vector<int> outcomes_of(DecoyPlace place, Instant now);
    int outcome_of_callee(Instant now);
    int outcome_of(Party party, Instant now);
    void find(Instant now, std::string text) { journal_.hear(now, plan_.number, "b2bua: " + std::move(text)); }

    const Plan &plan_;
    Board &board_;
    Journal &journal_;
    Facts facts_;
    std::array<Leg, party_max> legs_;            // by the peer
    std::string answer_tag_out_;                 // of our 2xx to the caller
    std::map<std::string, Instant> progress_in_; // status and body of the callee's 18x, while they matter
    std::set<std::string> tied_progress_;        // of those, what came in the instant of the ring timeout
    std::set<std::string> progress_out_;
    std::map<std::string, std::string> fork_tags_;     // callee's tag: ours to the caller
    std::map<std::string, std::string> progress_tags_; // label of an 18x body: the callee's tag
    struct Reliably {                                  // the last one sent to the caller with one To-tag
        std::uint32_t rseq = 0;
        std::string bytes;
        bool is_acked = false;
        Instant sent{};
    };
    std::map<std::string, Reliably> reliable_out_;
    std::uint32_t invite_cseq_ = 0;   // the caller's
    std::set<int> prack_refusals_in_; // statuses, of the callee's forks
    bool owes_trying_ = false;
    bool was_answer_in_ = false; // when the decision was made
};

} // namespace tandem::sim
