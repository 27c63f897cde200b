// Any bytes as the answer of a decision server: what is read and sound makes an INVITE that a parser takes, with the
// headers that it had and no other one.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include "base/assert.hpp"
#include "base/text.hpp"
#include "control/answer.hpp"

using namespace tandem;

namespace {

Message invite() {
    return *Message::parse("INVITE sip:bob@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5061;branch=z9hG4bK-a\r\n"
                           "Max-Forwards: 70\r\nFrom: \"Alice\" <sip:alice@a>;tag=alice\r\nTo: <sip:bob@b>\r\n"
                           "Call-ID: call-a\r\nCSeq: 1 INVITE\r\nContact: <sip:alice@192.0.2.1:5061>\r\n"
                           "Content-Length: 0\r\n\r\n");
}

void check(const Decision &decision) {
    if (!is_sound(decision)) return;
    TANDEM_ASSERT(is_header_safe(decision.reason), "a phrase is one line");
    for (const auto &[name, value] : decision.headers) {
        TANDEM_ASSERT(is_token(name) && is_header_safe(value), "a header is one line");
    }
    const Message before = invite();
    const auto after = rewrite(before, decision);
    if (!after) return;
    TANDEM_ASSERT(after->defect().empty(), "it is a good INVITE");
    TANDEM_ASSERT(after->headers().size() == before.headers().size(), "nothing came with a name or a number");
    TANDEM_ASSERT(after->from_tag() == before.from_tag() && after->call_id() == before.call_id(),
                  "it is the same call");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const auto answer = read_answer(200, {reinterpret_cast<const char *>(data), size});
    if (!answer) {
        TANDEM_ASSERT(!answer.error().detail.empty(), "it says why");
        return 0;
    }
    TANDEM_ASSERT(answer->cache >= Duration::zero() && answer->cache <= cache_longest, "it is bounded");
    check(answer->decision);
    return 0;
}
