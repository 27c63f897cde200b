// One WebSocket, as its owner sees it: texts in both directions (RFC 6455). All on the loop's thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include "base/endpoint.hpp"

namespace tandem {

// Why it is closed (RFC 6455 section 7.4.1 and its registry).
enum class WebSocketClose : std::uint16_t {
    normal = 1000,
    going_away = 1001,
    protocol_error = 1002,
    unsupported_data = 1003, // a binary message
    none = 1005,             // said nothing
    abnormal = 1006,         // never sent: the connection was lost
    invalid_text = 1007,     // no UTF-8
    policy = 1008,
    too_big = 1009,
    try_again_later = 1013,
};

enum class WebSocketSend : std::uint8_t {
    queued,
    full,   // nothing was queued: the peer does not read. on_room() comes when half of the queue is free
    closed, // or closing
};

class WebSocket {
public:
    virtual ~WebSocket() = default;

    virtual WebSocketSend send(std::string_view text) = 0;

    // What may come later: it is `full` already where half of the queue is taken, and leaves the rest to send().
    virtual WebSocketSend offer(std::string_view text) = 0;

    // What is queued goes out before, as far as the peer takes it in time.
    virtual void close(WebSocketClose code, std::string_view reason) = 0;

    virtual std::size_t queued_bytes() const = 0;
    virtual const Endpoint &peer() const = 0;
};

// What happens on one. None of it is called from inside of a call of WebSocket.
class WebSocketSession {
public:
    virtual ~WebSocketSession() = default;

    // Which of the subprotocols that were offered (RFC 6455 section 1.9); empty: none. Asked before on_open().
    virtual std::string protocol() const { return {}; }

    virtual void on_open(std::shared_ptr<WebSocket> socket) = 0; // first of all
    virtual void on_text(std::string_view text) = 0;             // UTF-8
    virtual void on_room() {}                                    // once after WebSocketSend::full
    // By whomever; the last call. A server that is destroyed does not make it.
    virtual void on_closed(WebSocketClose code) = 0;
};

struct WebSocketLimits {
    std::size_t message_max = 64 << 10; // closed with 1009
    std::size_t fragments_max = 64;     // of one message; closed with 1008
};

} // namespace tandem
