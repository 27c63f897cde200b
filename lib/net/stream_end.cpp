// How a connection ends, who is told, and the time that each may take.
#include <cerrno>
#include "net/socket_address.hpp"
#include "net/stream_impl.hpp"
#include "net/system_clock.hpp"

namespace tandem {
namespace {

constexpr Duration slack = std::chrono::milliseconds(50); // patience is no exact thing: one wake-up serves many

std::chrono::steady_clock::time_point to_steady(Instant at) {
    return std::chrono::steady_clock::time_point(at.time_since_epoch());
}

const char *what_came_late(StreamState state) {
    switch (state) {
    case StreamState::connecting: return "no connection in time";
    case StreamState::handshaking: return "no handshake in time";
    default: return "quiet for too long";
    }
}

} // namespace

void StreamTransport::Impl::lose(StreamConnection &connection, int error, const std::string &reason) {
    if (connection.state() == StreamState::closed) return;
    const auto held = connection.shared_from_this();
    const bool is_made = !connection.is_ours() || connection.state() >= StreamState::open;
    queued_bytes -= connection.queued_bytes();
    for (const OutDatagram &datagram : connection.take_queue()) fail(datagram, {error, is_made});
    timers.cancel(connection.timer);
    table.remove(connection);
    connection.close();

    Endpoint address = connection.peer();
    tell_lost(address, is_made, reason);
    for (const std::uint16_t port : connection.alias_ports()) {
        address.port = port;
        tell_lost(address, is_made, reason);
    }
}

void StreamTransport::Impl::lose(StreamConnection &connection, const ChannelResult &end) {
    std::string why = connection.channel().failure();
    if (why.empty()) why = end.status == ChannelStatus::closed ? "closed by the peer" : error_text(end.error);
    lose(connection, end.error != 0 ? end.error : ECONNRESET, why);
}

void StreamTransport::Impl::tell_lost(const Endpoint &peer, bool is_made, const std::string &reason) {
    if (find(peer, {})) return;            // what is still to come may come there
    const Instant at = SystemClock::now(); // not of the event: its handlers have sent to the peer since then
    if (!lost.empty() && lost.back().loss.peer == peer && lost.back().loss.is_made == is_made) {
        lost.back().loss.at = at; // one for a whole batch that can not go there
        return;
    }
    lost.push_back({{peer, at, is_made}, reason});
    report_later();
}

void StreamTransport::Impl::fail(const OutDatagram &datagram, const SendFailure &failure) {
    ++statistics.send_failed;
    failures.emplace_back(datagram, failure);
    report_later();
}

void StreamTransport::Impl::report_later() {
    if (std::exchange(is_reporting, true)) return;
    asio::post(io, [self = shared_from_this()] { self->report(); });
}

void StreamTransport::Impl::report() {
    is_reporting = false;
    const auto reported = std::exchange(failures, {});
    const std::vector<LostConnection> ended = std::exchange(lost, {});
    for (const auto &[datagram, failure] : reported) {
        if (!is_closed && failed_handler) failed_handler(datagram, failure);
    }
    for (const LostConnection &connection : ended) {
        if (!is_closed && lost_handler) lost_handler(connection);
    }
}

// A timer that is due too early costs less than one that is moved with every message.
void StreamTransport::Impl::arm(StreamConnection &connection) {
    const Instant due = connection.next_check(options);
    if (due >= connection.timer_at) return;
    connection.timer_at = due;
    if (!connection.timer || !timers.rearm(connection.timer, due)) {
        connection.timer = timers.schedule(due, &connection);
    }
    arm_timer();
}

void StreamTransport::Impl::arm_timer() {
    const auto next = timers.next_deadline();
    if (!next || *next + slack >= timer_at) return;
    timer_at = *next + slack;
    timer.expires_at(to_steady(timer_at)); // an earlier wait ends with operation_aborted
    timer.async_wait([self = shared_from_this()](AsioError error) {
        if (!error && !self->is_closed) self->on_timer();
    });
}

void StreamTransport::Impl::on_timer() {
    timer_at = never;
    const Instant now = SystemClock::now();
    timers.advance(now, [&](StreamConnection *connection) {
        connection->timer = {};
        connection->timer_at = never;
        check(*connection, now);
    });
    arm_timer();
}

void StreamTransport::Impl::check(StreamConnection &connection, Instant now) {
    if (connection.deadline(options) <= now) {
        if (connection.state() != StreamState::refusing) ++stream_statistics.timed_out;
        return lose(connection, ETIMEDOUT, what_came_late(connection.state()));
    }
    if (connection.wants_ping(options, now)) {
        connection.note_ping(now);
        enqueue(connection, {connection.peer(), SharedBytes(ping), 0, {}}, now);
        flush(connection, now);
    }
    if (connection.state() != StreamState::closed) arm(connection);
}

} // namespace tandem
