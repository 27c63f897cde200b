// What a connection brings: its beginning, its messages, and what is no message.
#include <cerrno>
#include <sys/socket.h>
#include "base/text.hpp"
#include "base/token.hpp"
#include "net/socket_address.hpp"
#include "net/stream_impl.hpp"
#include "net/system_clock.hpp"
#include "sip/message.hpp"
#include "sip/writer.hpp"

namespace tandem {
namespace {

// The answer to a request that broke the stream; empty: it is none, or has too little to answer.
std::string answer_to(const Frame &frame, const Endpoint &peer, Random &random) {
    auto message = Message::parse(frame.bytes);
    if (!message || !message->is_request() || message->method() == Method::ack) return {};
    message->mark_received(peer);
    std::string answer;
    write_response(answer, *message, frame.status, frame.reason, make_token(random));
    return answer;
}

} // namespace

void StreamTransport::Impl::on_ready(StreamConnection &connection) {
    const auto self = shared_from_this(); // a handler may end the transport
    const auto held = connection.shared_from_this();
    const Instant now = SystemClock::now();
    if (connection.state() == StreamState::connecting && !finish_connect(connection, now)) return;
    if (connection.state() == StreamState::handshaking && !shake_hands(connection, now)) return;
    if (connection.state() != StreamState::closed) receive(connection, now);
    flush(connection, now);
    if (connection.state() != StreamState::closed) arm(connection);
}

bool StreamTransport::Impl::finish_connect(StreamConnection &connection, Instant now) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(connection.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        lose(connection, error, error_text(error));
        return false;
    }
    SocketAddress address{};
    size = sizeof address;
    if (::getpeername(connection.fd(), &address.any, &size) != 0) { // woken too early
        connection.wait_writable();
        return false;
    }
    ++stream_statistics.connected;
    connection.enter(StreamState::handshaking, now);
    return true;
}

bool StreamTransport::Impl::shake_hands(StreamConnection &connection, Instant now) {
    const ChannelResult result = connection.channel().handshake();
    switch (result.status) {
    case ChannelStatus::done: connection.enter(StreamState::open, now); return true;
    case ChannelStatus::would_block: break;
    case ChannelStatus::wants_write: connection.wait_writable(); break;
    case ChannelStatus::closed:
    case ChannelStatus::failed:
        ++stream_statistics.handshakes_failed;
        lose(connection, result);
        return false;
    }
    arm(connection);
    return false;
}

void StreamTransport::Impl::receive(StreamConnection &connection, Instant now) {
    if (connection.is_turn_posted) return; // it reads what has come meanwhile
    for (std::size_t i = 0; i < options.reads_per_wake; ++i) {
        if (!read_once(connection, now)) return;
    }
    connection.is_turn_posted = true;
    asio::post(io, [self = shared_from_this(), held = connection.shared_from_this()] {
        held->is_turn_posted = false;
        if (held->state() != StreamState::closed) self->on_ready(*held);
    });
}

bool StreamTransport::Impl::read_once(StreamConnection &connection, Instant now) {
    const ChannelResult result = connection.channel().read(std::span(in_bytes.get(), options.read_size));
    switch (result.status) {
    case ChannelStatus::done: break;
    case ChannelStatus::would_block: return false;
    case ChannelStatus::wants_write: connection.wait_writable(); return false;
    case ChannelStatus::closed:
    case ChannelStatus::failed: lose(connection, result); return false;
    }
    if (connection.state() == StreamState::refusing) return true; // thrown away
    statistics.received_bytes += result.size;
    take_frames(connection, {in_bytes.get(), result.size}, now);
    return connection.state() != StreamState::closed && !is_closed;
}

void StreamTransport::Impl::take_frames(StreamConnection &connection, std::string_view bytes, Instant now) {
    StreamFramer &framer = connection.framer();
    framer.feed(bytes);
    bool is_pinged = false;
    Frame frame;
    for (frame = framer.next(); frame.kind == FrameKind::message || frame.kind == FrameKind::ping;
         frame = framer.next()) {
        if (frame.kind == FrameKind::ping) {
            is_pinged = true;
            continue;
        }
        if (!connection.is_ours()) learn_alias(connection, frame.bytes);
        received.push_back({connection.peer(), frame.bytes});
    }
    connection.on_read(!received.empty(), now);
    if (is_pinged) {
        ++stream_statistics.pings;
        // Who pings and never reads makes us hold no more than one.
        if (!connection.owes_pong()) enqueue(connection, {connection.peer(), SharedBytes(pong), 0, {}}, now);
    }
    statistics.received += received.size();
    if (!received.empty() && batch_handler) batch_handler(received);
    received.clear();
    if (frame.kind == FrameKind::broken && connection.state() == StreamState::open) refuse(connection, frame, now);
    framer.release();
}

// RFC 5923 section 5: what is sent to the sender's listening port may take this connection. The address must be the
// one that it comes from: nobody speaks for another host.
void StreamTransport::Impl::learn_alias(StreamConnection &connection, std::string_view message) {
    if (message.find("alias") == std::string_view::npos) return; // nearly always
    const auto parsed = Message::parse(message);
    if (!parsed || !parsed->is_request()) return;
    const ViaView via = parsed->top_via();
    if (!via.has_alias || IpAddress::parse(via.host) != connection.peer().ip) return;
    if (connection.peer().transport == Transport::tls && !connection.channel().is_verified()) return;
    const auto port = via.port.empty() ? std::optional<std::uint64_t>(default_port(connection.peer().transport))
                                       : parse_number(via.port);
    if (port && *port <= 65535) table.add_alias(connection, static_cast<std::uint16_t>(*port));
}

void StreamTransport::Impl::refuse(StreamConnection &connection, const Frame &frame, Instant now) {
    ++stream_statistics.broken;
    const std::string answer = answer_to(frame, connection.peer(), random);
    if (answer.empty()) return lose(connection, EBADMSG, std::string(frame.reason));
    // With unread bytes a close would be a reset, which may overtake the answer: first everything is read.
    connection.enter(StreamState::refusing, now);
    enqueue(connection, {connection.peer(), SharedBytes(answer), 0, {}}, now);
    flush(connection, now);
}

} // namespace tandem
