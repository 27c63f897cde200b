// Frames of a WebSocket, the server's side (RFC 6455 section 5): bytes in, messages out. Pure. Own and not Beast's,
// whose stream limits no fragments, tells nothing of what waits to be written, and wants a stream of Asio.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include "net/http/web_socket.hpp"

namespace tandem {

enum class WebSocketOpcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

enum class WebSocketInputKind : std::uint8_t { need_more, text, ping, pong, close, failed };

struct WebSocketInput {
    WebSocketInputKind kind = WebSocketInputKind::need_more;
    std::string_view bytes;                     // of a text or a ping; why it failed. Until the next call
    WebSocketClose code = WebSocketClose::none; // that the peer closes with, or is to be closed with
};

class WebSocketReader {
public:
    explicit WebSocketReader(const WebSocketLimits &limits) : limits_(limits) {}

    void feed(std::string_view bytes) { in_.append(bytes); }

    // The next one that is complete. After `close` or `failed` nothing more is asked for.
    WebSocketInput next();

    // A message has begun and not ended, or a frame of one.
    bool is_unfinished() const { return fragments_ > 0 || used_ < in_.size(); }

private:
    struct Head {
        bool is_final = false;
        WebSocketOpcode opcode = WebSocketOpcode::continuation;
        std::size_t size = 0; // of the payload
        std::size_t head = 0; // of the bytes before it, mask included; 0: they are not there yet
    };
    WebSocketInput read_head(Head &head) const; // failed, or need_more: go on
    WebSocketInput check(const Head &head) const;
    WebSocketInput take_control(WebSocketOpcode opcode, std::string_view payload);
    std::string_view unmask(const Head &head); // in place
    void release();

    const WebSocketLimits limits_;
    std::string in_; // from used_ on
    std::size_t used_ = 0;
    std::string message_;       // the fragments so far
    std::size_t fragments_ = 0; // of a message that has not ended
};

// Appends a frame, which a server does not mask.
void write_frame(std::string &out, WebSocketOpcode opcode, std::string_view payload);
void write_close_frame(std::string &out, WebSocketClose code, std::string_view reason);

} // namespace tandem
