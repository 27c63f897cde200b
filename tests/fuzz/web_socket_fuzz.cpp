// Any bytes as the frames of a client: however they are cut the messages are the same, none is beyond its limits, and
// nothing comes after the end. The first byte is the size of the pieces.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>
#include "base/assert.hpp"
#include "base/text.hpp"
#include "net/http/web_socket_frame.hpp"

using namespace tandem;

namespace {

constexpr WebSocketLimits limits{.message_max = 512, .fragments_max = 4};

struct Seen {
    std::vector<std::string> texts;
    std::vector<std::string> pings;
    int end = 0; // the code that it ended with, 0: not

    bool operator==(const Seen &) const = default;
};

Seen read(std::string_view stream, std::size_t piece) {
    WebSocketReader reader(limits);
    Seen seen;
    for (std::size_t at = 0; at < stream.size() && seen.end == 0; at += piece) {
        const std::string part(stream.substr(at, piece)); // its end is an end for ASan too
        reader.feed(part);
        for (WebSocketInput input = reader.next(); input.kind != WebSocketInputKind::need_more; input = reader.next()) {
            if (input.kind == WebSocketInputKind::text) {
                TANDEM_ASSERT(input.bytes.size() <= limits.message_max, "a message has a limit");
                TANDEM_ASSERT(is_utf8(input.bytes), "a text is UTF-8");
                seen.texts.emplace_back(input.bytes);
            } else if (input.kind == WebSocketInputKind::ping) {
                TANDEM_ASSERT(input.bytes.size() <= 125, "a ping has a limit");
                seen.pings.emplace_back(input.bytes);
            } else if (input.kind != WebSocketInputKind::pong) {
                seen.end = static_cast<int>(input.code);
                break;
            }
        }
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
