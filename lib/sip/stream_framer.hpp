// Cuts a stream into SIP messages by their Content-Length (RFC 3261 section 18.3), however the network splits it.
// Pure: what was read goes in by feed(), and next() is asked until it says `more`. Whatever two parsers could take for
// different ends of a message ends the stream instead: a lost connection is better than a smuggled request.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include "sip/limits.hpp"

namespace tandem {

enum class FrameKind : std::uint8_t {
    more,    // nothing whole is left
    message, // one whole message
    ping,    // CRLF CRLF between messages: one CRLF is the answer (RFC 5626 section 3.5.1); a run of them is one ping
    broken,  // nobody knows where the next message begins: answer this one if it can be, and close
};

struct Frame {
    FrameKind kind = FrameKind::more;
    std::string_view bytes;   // message: all of it; broken: as much of its header section as there is
    std::uint16_t status = 0; // broken: of the answer, 400, 413 or 414
    std::string_view reason;  // broken: its phrase, which says what is wrong
};

class StreamFramer {
public:
    explicit StreamFramer(std::size_t size_max = message_size_max) : size_max_(size_max) {}

    // Borrows `bytes` until release(); next() has answered `more` before. Only the beginning of a message whose end
    // has not come is copied.
    void feed(std::string_view bytes);

    // A view lives until release(). After `broken` there is never anything again.
    Frame next();

    // What next() gave is not used any more, and neither is what feed() got.
    void release();

    bool is_unfinished() const { return !rest_.empty(); } // a message has begun; asked after `more`
    std::size_t buffered() const { return kept_.capacity(); }

private:
    struct Length {
        std::size_t value = 0;
        std::string_view defect; // empty: none
        std::uint16_t status = 400;
    };

    bool skip_line_ends(); // true: they were a ping
    bool find_headers_end();
    Length content_length() const;
    Frame take(std::size_t size);
    Frame give_up(std::uint16_t status, std::string_view reason);

    std::size_t size_max_;
    std::string kept_;      // the message that has begun, where its end has not come
    std::string_view rest_; // what was not taken yet: of kept_, or borrowed
    bool is_kept_ = false;  // rest_ lies in kept_
    bool is_broken_ = false;
    std::uint8_t line_ends_ = 0;  // how much of CRLF CRLF has come between two messages
    std::size_t scanned_ = 0;     // whole lines of rest_ that were looked at
    std::size_t headers_end_ = 0; // of rest_; 0: not found yet
    std::size_t size_ = 0;        // of the message at the front of rest_; 0: not known yet
};

} // namespace tandem
