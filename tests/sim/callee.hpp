// The peer that is called: one phone, or two forks of one behind a proxy.
#pragma once
#include <array>
#include "sim/user_agent.hpp"

namespace tandem::sim {

class Callee final : public UserAgent {
public:
    Callee(const Plan &plan, Board &board, Network &network, Journal &journal, std::uint64_t seed);

    bool is_over() const override;
    bool was_called() const { return invite_ != nullptr; }
    int status() const { return invite_ ? invite_->status : 0; } // that it answered the INVITE with; 0: none

protected:
    void on_request(const Server &server) override;
    void on_cancel(const Server &invite) override;
    void on_prack(std::size_t dialog, const Server &prack) override;
    void on_first_ack(std::size_t dialog) override;

private:
    struct ReliableFork { // RFC 3262 section 3: one at a time
        std::uint32_t rseq = 0;
        std::string bytes;
        std::string offer;         // label
        bool is_unacked = false;   // no PRACK yet
        bool has_body = false;     // that one
        bool is_described = false; // one of them has brought the description, so that the 2xx does not
    };
    void check_invite(const TextMessage &invite);
    void ring(std::size_t next);
    void send_ring(std::size_t next);
    void repeat_ring(std::size_t fork, Duration interval, Instant until);
    bool is_offered_reliability() const;
    void finish();
    void give_up();
    void pick_up(std::size_t fork);
    std::size_t fork(std::size_t number); // its dialog
    void add_dialog_headers(TextMessage &response, std::size_t fork) const;

    Server invite_;
    std::array<std::string, 2> tags_;
    std::array<ReliableFork, 2> reliable_;
    std::array<std::optional<std::size_t>, 2> forks_; // dialogs
};

} // namespace tandem::sim
