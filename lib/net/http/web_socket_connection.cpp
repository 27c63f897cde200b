// A connection once it is a WebSocket.
#include <algorithm>
#include <utility>
#include "net/http/http_connection.hpp"
#include "net/http/http_server_impl.hpp"
#include "net/http/web_socket_handshake.hpp"
#include "net/system_clock.hpp"

namespace tandem {

void HttpConnection::upgrade(const HttpRequest &request) {
    if (const auto refusal = refuse_handshake(request)) return refuse(*refusal);
    auto session = server_.handler.on_upgrade(request);
    if (phase_ == HttpPhase::closed) return; // it has ended the server
    if (!session) return respond(session.error());
    session_ = std::move(*session);
    ++server_.statistics.web_sockets;
    const HttpResponse response = switch_protocols(request, session_->protocol());
    append([&](std::string &out) { write_response(out, response, {SystemClock::utc_us() / 1'000'000}); });
    enter(HttpPhase::web_socket);
    release_body();
    heard_ = pinged_ = since_;
    reader_.emplace(server_.options.web_socket);
    reader_->feed(std::exchange(in_, {}));
    session_->on_open(shared_from_this());
}

bool HttpConnection::serve_web_socket() {
    const bool took = take_frames();
    if (phase_ == HttpPhase::closed) return false;
    const bool is_written = flush();
    if (phase_ == HttpPhase::closed) return false;
    if (is_written && pong_) {
        append([this](std::string &out) { write_frame(out, WebSocketOpcode::pong, *pong_); });
        pong_.reset();
        return true;
    }
    if (is_written && end_web_socket()) return false;
    const bool told = tell_room();
    return took || told || read_more();
}

// A few at a time; true: there may be more.
bool HttpConnection::take_frames() {
    constexpr int frames_per_step = 16;
    bool has_message = false;
    int taken = 0;
    while (taken < frames_per_step && reader_ && phase_ != HttpPhase::closed) {
        const WebSocketInput input = reader_->next();
        if (input.kind == WebSocketInputKind::need_more) break;
        has_message |= input.kind == WebSocketInputKind::text;
        on_input(input);
        ++taken;
    }
    if (!reader_ || !reader_->is_unfinished()) {
        message_begun_ = never;
    } else if (has_message || message_begun_ == never) {
        message_begun_ = heard_;
    }
    return taken == frames_per_step;
}

void HttpConnection::on_input(const WebSocketInput &input) {
    switch (input.kind) {
    case WebSocketInputKind::text:
        if (phase_ == HttpPhase::web_socket) session_->on_text(input.bytes);
        break;
    case WebSocketInputKind::ping:
        // Of several the last one is enough (RFC 6455 section 5.5.3).
        if (phase_ == HttpPhase::web_socket) pong_ = input.bytes;
        break;
    case WebSocketInputKind::close:
        has_peer_closed_ = true;
        reader_.reset();
        if (phase_ == HttpPhase::web_socket) begin_close(input.code, {});
        break;
    case WebSocketInputKind::failed: {
        ++server_.statistics.web_socket_violations;
        const std::string why(input.bytes);
        reader_.reset();
        if (phase_ == HttpPhase::web_socket) begin_close(input.code, why);
        break;
    }
    case WebSocketInputKind::pong:
    case WebSocketInputKind::need_more: break;
    }
}

// The last that is said: a pong that was owed is not any more (RFC 6455 section 5.5.2).
void HttpConnection::begin_close(WebSocketClose code, std::string_view reason) {
    close_code_ = code;
    pong_.reset();
    append([&](std::string &out) { write_close_frame(out, code, reason); });
    enter(HttpPhase::closing);
}

// Everything is written. The side of the server closes first (RFC 6455 section 7.1.1), once both have said so.
bool HttpConnection::end_web_socket() {
    if (phase_ != HttpPhase::closing) return false;
    if (has_peer_closed_) {
        channel_->shut_down();
        end(close_code_);
        return true;
    }
    if (!reader_ && !std::exchange(is_shut_, true)) channel_->shut_down(); // its close frame would not be understood
    return false;
}

bool HttpConnection::tell_room() {
    const HttpServerOptions &options = server_.options;
    if (!wants_room_ || phase_ != HttpPhase::web_socket || queued_bytes() > options.queue_max / 2) return false;
    if (server_.write_bytes > options.write_all_max / 2) return false; // looks again when something happens here
    wants_room_ = false;
    session_->on_room();
    return true;
}

WebSocketSend HttpConnection::send(std::string_view text) {
    if (phase_ != HttpPhase::web_socket) return WebSocketSend::closed;
    const HttpServerOptions &options = server_.options;
    if (queued_bytes() + text.size() > options.queue_max || server_.write_bytes + text.size() > options.write_all_max) {
        wants_room_ = true;
        return WebSocketSend::full;
    }
    append([text](std::string &out) { write_frame(out, WebSocketOpcode::text, text); });
    advance_later();
    return WebSocketSend::queued;
}

WebSocketSend HttpConnection::offer(std::string_view text) {
    if (phase_ != HttpPhase::web_socket || queued_bytes() <= server_.options.queue_max / 2) return send(text);
    wants_room_ = true;
    return WebSocketSend::full;
}

void HttpConnection::close(WebSocketClose code, std::string_view reason) {
    if (phase_ != HttpPhase::web_socket) return;
    begin_close(code, reason);
    advance_later();
}

Instant HttpConnection::web_socket_deadline() const {
    const HttpServerOptions &options = server_.options;
    const auto after = [](Instant since, Duration patience) { return since == never ? never : since + patience; };
    return std::min({heard_ + 2 * options.ping_interval, std::max(heard_, pinged_) + options.ping_interval,
                     after(message_begun_, options.message_timeout),
                     after(queued_bytes() > 0 ? progress_ : never, options.write_timeout)});
}

void HttpConnection::on_web_socket_timer(Instant now) {
    const HttpServerOptions &options = server_.options;
    const bool is_lost =
        now >= heard_ + 2 * options.ping_interval || (queued_bytes() > 0 && now >= progress_ + options.write_timeout);
    if (is_lost) {
        ++server_.statistics.timed_out;
        return end();
    }
    if (message_begun_ != never && now >= message_begun_ + options.message_timeout) {
        ++server_.statistics.timed_out;
        reader_.reset();
        begin_close(WebSocketClose::policy, "a message that does not end");
    } else {
        pinged_ = now;
        append([](std::string &out) { write_frame(out, WebSocketOpcode::ping, {}); });
    }
    advance_later();
}

} // namespace tandem
