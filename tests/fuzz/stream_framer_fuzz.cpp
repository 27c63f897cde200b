// Any bytes as a stream: however it is cut the messages are the same, and the framer and the parser agree on where
// each of them ends. The first byte is the size of the pieces.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>
#include "base/assert.hpp"
#include "sip/message.hpp"
#include "sip/stream_framer.hpp"

using namespace tandem;

namespace {

struct Seen {
    std::vector<std::string> messages;
    std::string broken; // its reason

    bool operator==(const Seen &) const = default;
};

// From the first empty line to the end.
std::string_view body_of(std::string_view message) {
    for (std::size_t at = 0;;) {
        const std::size_t end = message.find('\n', at);
        TANDEM_ASSERT(end != std::string_view::npos, "a message has an empty line");
        const std::string_view line = message.substr(at, end - at);
        if (line.empty() || line == "\r") return message.substr(end + 1);
        at = end + 1;
    }
}

void check_message(std::string_view bytes) {
    TANDEM_ASSERT(bytes.size() <= message_size_max, "a message has a limit");
    const auto message = Message::parse(bytes);
    if (!message || message->defect_status() != 0) return;
    TANDEM_ASSERT(message->body() == body_of(bytes), "the parser finds the body where the framer did");
}

Seen read(std::string_view stream, std::size_t piece) {
    StreamFramer framer;
    Seen seen;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
        const std::string part(stream.substr(at, piece)); // its end is an end for ASan too
        framer.feed(part);
        for (Frame frame = framer.next(); frame.kind != FrameKind::more; frame = framer.next()) {
            TANDEM_ASSERT(seen.broken.empty(), "nothing comes after the stream broke");
            if (frame.kind == FrameKind::message) {
                check_message(frame.bytes);
                seen.messages.emplace_back(frame.bytes);
            } else if (frame.kind == FrameKind::broken) {
                static_cast<void>(Message::parse(frame.bytes));
                seen.broken = frame.reason;
            }
        }
        framer.release();
        TANDEM_ASSERT(framer.buffered() <= 2 * (message_size_max + piece) + 1024, "what is kept has a limit");
    }
    return seen;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view stream(reinterpret_cast<const char *>(data + 1), size - 1);
    const Seen whole = read(stream, stream.size() + 1);
    TANDEM_ASSERT(read(stream, std::size_t{data[0]} + 1) == whole, "pieces give what the whole gives");
    return 0;
}
