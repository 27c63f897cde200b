#include "net/http/http_connection.hpp"
#include <algorithm>
#include <utility>
#include "net/http/http_server_impl.hpp"
#include "net/system_clock.hpp"

namespace tandem {
namespace {

constexpr Duration slack = std::chrono::milliseconds(20); // patience is no exact thing: it waits a little longer
constexpr Duration linger_timeout = std::chrono::seconds(2);
constexpr int steps_per_turn = 16; // then others of the loop get theirs

std::chrono::steady_clock::time_point to_steady(Instant at) {
    return std::chrono::steady_clock::time_point(at.time_since_epoch());
}

} // namespace

HttpConnection::HttpConnection(HttpServer::Impl &server, OwnedDescriptor fd, std::unique_ptr<StreamChannel> channel,
                               const Endpoint &peer, Instant now)
    : server_(server), fd_(std::move(fd)), readable_(server.io), channel_(std::move(channel)), peer_(peer),
      timer_(server.io), since_(now) {}

AsioError HttpConnection::watch() { return readable_.open(fd_.get(), shared_from_this()); }

void HttpConnection::begin() {
    set_waiting(true);
    advance();
}

void HttpConnection::advance() {
    if (is_advancing_ || phase_ == HttpPhase::closed) return;
    const auto held = shared_from_this();
    const auto server = server_.shared_from_this(); // a handler may end it
    is_advancing_ = true;
    int steps = steps_per_turn;
    while (steps > 0 && step()) --steps;
    is_advancing_ = false;
    if (steps == 0) advance_later();
    if (phase_ != HttpPhase::closed) arm();
}

void HttpConnection::advance_later() {
    if (is_turn_posted_ || is_advancing_) return;
    is_turn_posted_ = true;
    asio::post(server_.io, [self = shared_from_this()] {
        self->is_turn_posted_ = false;
        self->advance();
    });
}

bool HttpConnection::step() {
    switch (phase_) {
    case HttpPhase::handshaking: return shake_hands();
    case HttpPhase::idle:
    case HttpPhase::reading: return read_request();
    case HttpPhase::handling:
        if (!reply_) return false;
        respond(*std::exchange(reply_, std::nullopt));
        return true;
    case HttpPhase::writing:
        if (!flush()) return false;
        on_written();
        return true;
    case HttpPhase::lingering: return throw_away_input();
    case HttpPhase::web_socket:
    case HttpPhase::closing: return serve_web_socket();
    case HttpPhase::closed: break;
    }
    return false;
}

bool HttpConnection::shake_hands() {
    const ChannelResult result = channel_->handshake();
    if (result.status != ChannelStatus::done) {
        if (is_lost(result)) ++server_.statistics.handshakes_failed;
        return false;
    }
    phase_ = HttpPhase::reading; // in the time that is left
    return true;
}

bool HttpConnection::read_more() {
    const ChannelResult result = channel_->read(server_.in);
    if (result.status != ChannelStatus::done) {
        is_lost(result);
        return false;
    }
    const std::string_view bytes(server_.in.data(), result.size);
    heard_ = SystemClock::now();
    if (reader_) {
        reader_->feed(bytes);
    } else if (phase_ == HttpPhase::idle || phase_ == HttpPhase::reading) {
        in_.append(bytes);
    }
    return true;
}

// With unread bytes a close would be a reset, which may overtake the response.
bool HttpConnection::throw_away_input() { return read_more(); }

bool HttpConnection::flush() {
    while (written_ < out_.size()) {
        const iovec part{out_.data() + written_, out_.size() - written_};
        const ChannelResult result = channel_->write(std::span(&part, 1));
        if (result.status != ChannelStatus::done) {
            if (!is_lost(result)) drop_written();
            return false;
        }
        written_ += result.size;
        server_.write_bytes -= result.size;
        progress_ = SystemClock::now();
    }
    out_.clear();
    written_ = 0;
    constexpr std::size_t kept = 4096;
    if (out_.capacity() > kept) out_.shrink_to_fit();
    return true;
}

// Of who is always a little behind the queue is never empty. It moves no byte more often than one is written.
void HttpConnection::drop_written() {
    if (written_ <= out_.size() / 2) return;
    out_.erase(0, written_);
    written_ = 0;
}

void HttpConnection::start_writing() { progress_ = SystemClock::now(); }

void HttpConnection::count_written(std::size_t size) { server_.write_bytes += size; }

bool HttpConnection::is_lost(const ChannelResult &result) {
    switch (result.status) {
    case ChannelStatus::done:
    case ChannelStatus::would_block: return false;
    case ChannelStatus::wants_write: readable_.wait_writable(); return false;
    case ChannelStatus::closed:
    case ChannelStatus::failed: break;
    }
    end(phase_ == HttpPhase::closing ? close_code_ : WebSocketClose::abnormal);
    return true;
}

void HttpConnection::enter(HttpPhase phase) {
    phase_ = phase;
    since_ = SystemClock::now();
}

void HttpConnection::set_waiting(bool is_waiting) {
    if (place_) server_.waiting.erase(*place_);
    place_.reset();
    if (is_waiting) place_ = server_.waiting.insert(server_.waiting.end(), this);
}

void HttpConnection::shut_down() {
    is_shutting_down_ = true;
    switch (phase_) {
    case HttpPhase::handshaking:
    case HttpPhase::idle:
    case HttpPhase::reading: return end();
    case HttpPhase::handling:
    case HttpPhase::writing: keeps_alive_ = false; break;
    case HttpPhase::web_socket: return close(WebSocketClose::going_away, "the server ends");
    case HttpPhase::lingering:
    case HttpPhase::closing:
    case HttpPhase::closed: break;
    }
}

bool HttpConnection::close_all() {
    if (phase_ == HttpPhase::closed) return false;
    phase_ = HttpPhase::closed;
    set_waiting(false);
    release_body();
    server_.write_bytes -= queued_bytes();
    if (session_) --server_.statistics.web_sockets;
    timer_.cancel();
    readable_.close();
    fd_.close();
    server_.remove(*this);
    return true;
}

void HttpConnection::end(WebSocketClose code) {
    const auto held = shared_from_this();
    if (!close_all()) return;
    if (const auto session = std::move(session_)) session->on_closed(code);
}

void HttpConnection::abandon() {
    const auto held = shared_from_this();
    if (close_all()) session_.reset();
}

Instant HttpConnection::deadline() const {
    const HttpServerOptions &options = server_.options;
    switch (phase_) {
    case HttpPhase::reading:
        if (header_read_ != never) return header_read_ + options.body_timeout;
        [[fallthrough]];
    case HttpPhase::handshaking: return since_ + options.header_timeout;
    case HttpPhase::idle: return since_ + options.idle_timeout;
    case HttpPhase::handling: return since_ + options.reply_timeout;
    case HttpPhase::writing: return since_ + options.write_timeout;
    case HttpPhase::lingering: return since_ + linger_timeout;
    case HttpPhase::web_socket: return web_socket_deadline();
    case HttpPhase::closing: return since_ + options.close_timeout;
    case HttpPhase::closed: break;
    }
    return never;
}

void HttpConnection::arm() {
    const Instant at = round_up(deadline(), slack);
    if (at >= armed_) return; // it looks again when it wakes
    armed_ = at;
    timer_.expires_at(to_steady(at));
    timer_.async_wait([self = shared_from_this()](AsioError cancelled) {
        if (!cancelled && self->phase_ != HttpPhase::closed) self->on_timer();
    });
}

void HttpConnection::on_timer() {
    armed_ = never;
    const Instant now = SystemClock::now();
    const auto server = server_.shared_from_this();
    if (now >= deadline()) {
        if (phase_ == HttpPhase::web_socket) {
            on_web_socket_timer(now);
        } else if (phase_ == HttpPhase::handling) {
            ++server->statistics.timed_out;
            on_reply(number_, text_response(504, "no answer in time"));
        } else {
            if (phase_ != HttpPhase::idle && phase_ != HttpPhase::lingering) ++server->statistics.timed_out;
            end(phase_ == HttpPhase::closing ? close_code_ : WebSocketClose::abnormal);
        }
    }
    if (phase_ != HttpPhase::closed) arm();
}

} // namespace tandem
