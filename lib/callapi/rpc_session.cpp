#include "callapi/rpc_session.hpp"

namespace tandem {

void RpcChannel::deliver(std::string_view text) {
    if (socket_->send(text) == WebSocketSend::full) socket_->close(WebSocketClose::try_again_later, "reads too slowly");
}

bool RpcChannel::offer(std::string_view text) { return socket_->offer(text) == WebSocketSend::queued; }

void RpcSession::on_open(std::shared_ptr<WebSocket> socket) {
    socket_ = std::move(socket);
    channel_ = std::make_shared<RpcChannel>(socket_);
    if (make_) features_ = make_(rpc_, channel_);
}

void RpcSession::on_text(std::string_view text) {
    if (*unanswered_ >= unanswered_max) return socket_->close(WebSocketClose::policy, "too many calls at a time");
    ++*unanswered_;
    rpc_.call(text, [weak = std::weak_ptr(channel_), unanswered = unanswered_](const std::string &answer) {
        --*unanswered;
        const auto channel = weak.lock();
        if (channel && !answer.empty()) channel->deliver(answer);
    });
}

void RpcSession::on_room() {
    for (const auto &feature : features_) feature->on_room();
}

void RpcSession::on_closed(WebSocketClose) {
    features_.clear();
    channel_.reset();
    socket_.reset();
}

} // namespace tandem
