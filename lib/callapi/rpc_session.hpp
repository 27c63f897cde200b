// A WebSocket on which JSON-RPC is spoken: its texts are calls, and what its features have to say are notifications.
// Which methods there are is the features' matter, so that several servers have sessions of this kind.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>
#include "callapi/json_rpc.hpp"
#include "net/http/web_socket.hpp"

namespace tandem {

// The way to one client, also for those who may outlive the session.
class RpcChannel {
public:
    explicit RpcChannel(std::shared_ptr<WebSocket> socket) : socket_(std::move(socket)) {}

    // What the client has to get: an answer, or how a command of his goes on. Who does not read until there is no room
    // for it is closed with 1013: he shall come back and look how things are.
    void deliver(std::string_view text);

    // What may wait elsewhere, and leaves room for what has to come. False: there is no room, or nobody any more;
    // RpcFeature::on_room() comes.
    bool offer(std::string_view text);

private:
    const std::shared_ptr<WebSocket> socket_;
};

// Adds its methods to a session, and lives as long as that.
class RpcFeature {
public:
    virtual ~RpcFeature() = default;
    virtual void on_room() {}
};

class RpcSession final : public WebSocketSession {
public:
    static constexpr std::size_t unanswered_max = 64; // texts; who sends more before the answers come is closed: 1008
    static constexpr std::size_t answer_max = 448 << 10; // has room in a WebSocket's queue, beside what is offered

    // `protocol`: the subprotocol, empty: none.
    explicit RpcSession(std::string protocol, const RpcLimits &limits = {.answer_max = answer_max})
        : rpc_(limits), protocol_(std::move(protocol)) {}

    // Makes the features when the session is open: they add their methods to `rpc` and speak by the channel.
    using Features = std::function<std::vector<std::unique_ptr<RpcFeature>>(
        JsonRpc &rpc, const std::shared_ptr<RpcChannel> &channel)>;
    void use(Features make) { make_ = std::move(make); } // before it is open

    std::string protocol() const override { return protocol_; }
    void on_open(std::shared_ptr<WebSocket> socket) override;
    void on_text(std::string_view text) override;
    void on_room() override;
    void on_closed(WebSocketClose code) override;

private:
    JsonRpc rpc_;
    const std::string protocol_;
    Features make_;
    std::shared_ptr<WebSocket> socket_;
    std::shared_ptr<RpcChannel> channel_; // what still refers to it weakly is dead with the session
    std::shared_ptr<std::size_t> unanswered_ = std::make_shared<std::size_t>(0);
    std::vector<std::unique_ptr<RpcFeature>> features_; // last: they go first
};

} // namespace tandem
