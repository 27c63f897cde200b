// The transactions of one simulated peer: RFC 3261 section 17 over UDP, written on its own and as simply as it goes.
// Whoever derives from it is the user of the transactions.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include "sim/address.hpp"
#include "sim/journal.hpp"
#include "sim/network.hpp"
#include "sim/text_message.hpp"

namespace tandem::sim {

constexpr Duration t1 = std::chrono::milliseconds(500);
constexpr Duration t2 = std::chrono::seconds(4);

struct ClientTransaction {
    enum State { calling, proceeding, completed, given_up };

    TextMessage request;
    std::string bytes;
    State state = calling;
    int status = 0;            // of the final response; 0: none yet
    bool is_cancelled = false; // a CANCEL was sent, or waits for the first provisional response
    std::string ack;           // for a refusal, or what its user keeps for the next copy of a 2xx
    std::string label;         // of the body sent, or empty
    std::size_t dialog = 0;    // its user's number
};

struct ServerTransaction {
    TextMessage request;
    std::string bytes;
    Endpoint at; // where it arrived
    Endpoint source;
    std::string last; // response; empty: none yet
    int status = 0;   // of the final response; 0: none yet
    bool is_acked = false;
};

class Stack {
public:
    Stack(std::size_t call, Party party, Network &network, Journal &journal, std::uint64_t seed);
    virtual ~Stack() = default;
    Stack(const Stack &) = delete;
    Stack &operator=(const Stack &) = delete;

    void receive(const Endpoint &at, const Endpoint &source, const std::string &bytes);
    bool is_alive() const { return is_alive_; }

protected:
    using Client = std::shared_ptr<ClientTransaction>;
    using Server = std::shared_ptr<ServerTransaction>;

    void vanish() { is_alive_ = false; } // hears nothing and says nothing from now on
    void set_hops(std::uint16_t proxies, bool is_behind_nat);

    Client request(TextMessage message); // without Via: the Vias of this peer and its proxies are added
    void cancel(const Client &invite);   // waits for a provisional response (RFC 3261 section 9.1)
    void respond(const Server &server, const TextMessage &response);
    void repeat(const Server &server, const std::string &response); // of a 2xx: its user does that
    TextMessage answer_to(const Server &server, int status, std::string_view to_tag) const;
    void send(const std::string &bytes); // without a transaction: ACK
    std::vector<std::string> new_vias();

    virtual void on_request(const Server &server) = 0;                               // not ACK, not CANCEL
    virtual void on_cancel(const Server &invite) = 0;                                // the CANCEL is answered already
    virtual void on_ack(const TextMessage &ack) = 0;                                 // of a 2xx
    virtual void on_response(const Client &client, const TextMessage &response) = 0; // each 2xx of INVITE again
    virtual void on_timeout(const Client &client) = 0;

    void find(std::string text) { journal_.hear(network_.now(), call_, name_ + ": " + std::move(text)); }
    void note(std::string_view text) { journal_.note(network_.now(), call_, name_ + ": " + std::string(text)); }
    // Runs the action unless the peer has vanished by then.
    template <class Action>
    void after(Duration span, Action action) {
        network_.after(span, [this, action] {
            if (is_alive_) action();
        });
    }

    const std::size_t call_;
    const Party party_;
    const std::string name_;
    Network &network_;
    Dice dice_;

private:
    void receive_request(const Endpoint &at, const Endpoint &source, TextMessage message, const std::string &bytes);
    void receive_response(const Endpoint &at, const TextMessage &message);
    void retransmit_request(const Client &client, Duration interval);
    void retransmit_refusal(const Server &server, Duration interval, Instant until);
    void acknowledge_refusal(const Client &client, const TextMessage &response);
    void send_cancel(const Client &invite);
    void give_up_after(const Client &client, Duration span, ClientTransaction::State last);
    void send_from(const Endpoint &at, const Endpoint &to, const std::string &bytes);

    Journal &journal_;
    bool is_alive_ = true;
    std::uint16_t proxies_ = 0;
    bool is_behind_nat_ = false;
    std::map<std::string, Client> clients_; // by branch and method
    std::map<std::string, Server> servers_;
};

} // namespace tandem::sim
