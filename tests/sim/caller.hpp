// The peer that begins the call.
#pragma once
#include "sim/user_agent.hpp"

namespace tandem::sim {

class Caller final : public UserAgent {
public:
    Caller(const Plan &plan, Board &board, Network &network, Journal &journal, std::uint64_t seed);

    void start();
    bool is_over() const override;
    int status() const { return invite_ ? invite_->status : 0; } // of the final response; 0: none came
    bool has_cancelled() const { return invite_ && invite_->is_cancelled; }
    bool has_begun() const { return invite_ != nullptr; }

protected:
    void on_response(const Client &client, const TextMessage &response) override;
    void on_timeout(const Client &client) override;
    bool may_be_stranger() const override;

private:
    bool take_rseq(const TextMessage &response); // false: it has been here
    void send_prack(std::size_t dialog, const TextMessage &response);
    void on_prack_response(const Client &client, const TextMessage &response);
    void check_prack_response(const TextMessage &response);
    void on_progress(const TextMessage &response);
    void on_answer(const TextMessage &response);
    void send_ack(std::size_t dialog, const TextMessage &response);
    void send_early_bye();
    void check_dialog(const TextMessage &response);

    Client invite_;
    std::string tag_;
    std::optional<std::size_t> answered_;        // the dialog
    std::map<std::string, std::uint32_t> rseqs_; // of the last reliable response, by To-tag
    std::set<std::string> described_;            // To-tags: a reliable response has brought a description
    bool has_updated_ = false;
    bool acks_ = false; // the first ACK is out: further copies of the 2xx get theirs at once
};

} // namespace tandem::sim
