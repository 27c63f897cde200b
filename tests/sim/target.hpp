// Who takes the place of one of the two, by a transfer.
#pragma once
#include "sim/user_agent.hpp"

namespace tandem::sim {

class Target final : public UserAgent {
public:
    Target(const Plan &plan, Board &board, Network &network, Journal &journal, std::uint64_t seed)
        : UserAgent(plan, plan.transfer ? plan.transfer->from : Side::callee, target_party, board, network, journal,
                    seed) {}

    bool is_over() const override;

protected:
    void on_request(const Server &server) override;
    void on_cancel(const Server &invite) override;
    void on_first_ack(std::size_t dialog) override;

private:
    void begin(const Server &invite);
    void ring();
    void finish();

    Server invite_;
    std::string tag_;
};

} // namespace tandem::sim
