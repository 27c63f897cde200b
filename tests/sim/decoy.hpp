// Somebody whom the route names and who does not get the call: it refuses, rings, says nothing, or answers when another
// has answered. A 2xx of its own has to be acknowledged and hung up.
#pragma once
#include "sim/stack.hpp"
#include "sim/user_agent.hpp"

namespace tandem::sim {

class Decoy final : public Stack {
public:
    Decoy(const Plan &plan, std::size_t number, Board &board, Network &network, Journal &journal, std::uint64_t seed);

    bool is_over() const; // true once nothing of the call is left here
    bool was_called() const { return invite_ != nullptr; }
    void on_decided(); // the B2BUA knows what becomes of the call

protected:
    void on_request(const Server &server) override;
    void on_cancel(const Server &invite) override;
    void on_ack(const TextMessage &ack) override;
    void on_response(const Client &client, const TextMessage &response) override;
    void on_timeout(const Client &client) override;

private:
    void begin(const Server &invite);
    void ring();
    void refuse();
    void pick_up();
    void repeat_answer(Duration interval, Instant until);
    void hang_up();
    void add_body(TextMessage &response, std::string_view purpose);

    const Plan &plan_;
    const DecoyPlan &own_;
    Board &board_;
    std::string tag_;
    std::string contact_;
    Server invite_;
    std::string answer_; // the 2xx
    bool is_acked_ = false;
    bool is_hung_up_ = false;
    unsigned labels_ = 0;
};

} // namespace tandem::sim
