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
    void on_first_ack(std::size_t dialog) override;

private:
    void check_invite(const TextMessage &invite);
    void ring(std::size_t next);
    void finish();
    void give_up();
    void pick_up(std::size_t fork);
    std::size_t fork(std::size_t number); // its dialog
    void add_dialog_headers(TextMessage &response, std::size_t fork) const;

    Server invite_;
    std::array<std::string, 2> tags_;
    std::array<std::optional<std::size_t>, 2> forks_; // dialogs
};

} // namespace tandem::sim
