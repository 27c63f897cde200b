// Any bytes as the requests of a connection: however they are cut they are the same, within their limits, and what is
// written of one as a response is one response. The first byte is the size of the pieces.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>
#include "base/assert.hpp"
#include "net/http/http_parser.hpp"
#include "net/http/web_socket_handshake.hpp"

using namespace tandem;

namespace {

constexpr HttpParserLimits limits{.header_max = 512, .body_max = 256};

std::string text_of(const HttpRequest &request) {
    std::string text = request.method + " " + request.target + "\n";
    for (const HttpField &field : request.fields) text += field.name + ": " + field.value + "\n";
    return text + "\n" + request.body;
}

// All that is done with a request before its handler has it.
void look_at(const HttpRequest &request) {
    TANDEM_ASSERT(request.body.size() <= limits.body_max, "a body has a limit");
    static_cast<void>(is_origin_allowed(request, {"https://a.example"}));
    if (wants_web_socket(request) && !refuse_handshake(request)) {
        std::string out;
        write_response(out, switch_protocols(request, request.field("Sec-WebSocket-Protocol")), {});
        TANDEM_ASSERT(out.find("\r\n\r\n") == out.size() - 4, "nobody brings a line of his own into a response");
    }
}

std::vector<std::string> read(std::string_view stream, std::size_t piece) {
    HttpParser parser(limits);
    std::string in;
    std::vector<std::string> seen;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
        in += stream.substr(at, piece);
        for (;;) {
            if (in.empty()) break;
            const std::string part = in; // its end is an end for ASan too
            const HttpStep step = parser.feed(part);
            in.erase(0, step.used);
            if (step.state == HttpParse::failed) {
                TANDEM_ASSERT(parser.status() >= 400, "a refusal says why");
                return seen;
            }
            if (step.state == HttpParse::need_more) break;
            const HttpRequest request = parser.take();
            look_at(request);
            seen.push_back(text_of(request));
            parser = HttpParser(limits);
        }
        TANDEM_ASSERT(in.size() <= limits.header_max, "what is kept has a limit");
    }
    return seen;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view stream(reinterpret_cast<const char *>(data + 1), size - 1);
    // What is malformed may be refused before all of it is there: of a refusal the pieces say nothing.
    const auto whole = read(stream, stream.size() + 1);
    const auto pieces = read(stream, std::size_t{data[0]} + 1);
    // The limit of a header counts what is there at once, with or without the first line.
    if (stream.size() <= limits.header_max) TANDEM_ASSERT(pieces == whole, "pieces give what the whole gives");
    return 0;
}
