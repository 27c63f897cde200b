// Any bytes as one message: every accessor, what is written from it, the URIs in it, and what is peeked of it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include "base/assert.hpp"
#include "base/text.hpp"
#include "sip/message.hpp"
#include "sip/peek_agreement.hpp"
#include "sip/same_message.hpp"
#include "sip/uri.hpp"
#include "sip/writer.hpp"

using namespace tandem;

namespace {

void check_uri(std::string_view text) {
    const auto uri = Uri::parse(text);
    const auto thorough = Uri::parse_any(text);
    TANDEM_ASSERT(uri.ok() == thorough.ok() && (!uri || *uri == *thorough), "both ways read the same");
    if (!uri) return;
    TANDEM_ASSERT(text.size() <= uri_size_max, "a longer URI is refused");
    static_cast<void>(uri->param("transport"));
    static_cast<void>(uri->param("maddr"));
    const auto endpoint = uri->endpoint();
    TANDEM_ASSERT(!endpoint || endpoint->port != 0, "an endpoint has a port");
    const std::string written = uri->to_string();
    TANDEM_ASSERT(is_header_safe(written), "a URI stays within its header");
    // Of other schemes only what is needed to name them is read.
    if (uri->scheme != "sip" && uri->scheme != "sips" && uri->scheme != "tel") return;
    const auto again = Uri::parse(written);
    TANDEM_ASSERT(again.ok() && again->to_string() == written, "a URI that was written reads the same");
}

void check_lists(std::string_view text) {
    std::size_t size = 0;
    for (std::string_view value : split_values(text)) {
        TANDEM_ASSERT(!value.empty() && trim(value) == value, "a value is trimmed and not empty");
        size += value.size();
    }
    TANDEM_ASSERT(size <= text.size(), "values are parts of the list");
}

void check_headers(const Message &message) {
    const bool is_well_formed = message.defect_status() == 0;
    for (const HeaderLine &line : message.headers()) {
        TANDEM_ASSERT(line.id == Header::other || message.has(line.id), "a line that is there is found");
        TANDEM_ASSERT(!is_well_formed || is_header_safe(line.name), "a name is within its line");
        TANDEM_ASSERT(!is_well_formed || is_header_safe(line.value), "a value is within its line");
        check_lists(line.value);
    }
    for (Header header : {Header::route, Header::record_route}) {
        for (std::string_view route : message.routes(header)) check_uri(route.substr(route.find('<') + 1));
    }
    for (std::string_view uri : {message.request_uri(), message.from_uri(), message.to_uri(), message.contact_uri()}) {
        check_uri(uri);
    }
}

void check_limits(const Message &message) {
    TANDEM_ASSERT(message.headers().size() <= header_count_max, "header lines have a limit");
    TANDEM_ASSERT(message.call_id().size() <= call_id_size_max && !message.call_id().empty(), "Call-ID");
    TANDEM_ASSERT(message.from_tag().size() <= tag_size_max && message.to_tag().size() <= tag_size_max, "tags");
    TANDEM_ASSERT(message.top_via().branch.size() <= branch_size_max, "branch");
    TANDEM_ASSERT(message.via_count() >= 1 && message.via_count() <= via_count_max, "Via");
    TANDEM_ASSERT(message.routes(Header::route).size() <= route_count_max, "Route");
    TANDEM_ASSERT(message.routes(Header::record_route).size() <= route_count_max, "Record-Route");
    TANDEM_ASSERT(message.max_forwards().value_or(0) <= 255 || !message.is_request(), "Max-Forwards");
    TANDEM_ASSERT(message.is_request() != (message.status() >= 100 && message.status() <= 699), "status");
}

// The answer to a request has no line that we did not write. To a well-formed one it is well-formed, and says again
// what the request said.
void check_answer(const Message &message, const Endpoint &source) {
    std::string written;
    write_response(written, message, 404, {}, "ours", "Retry-After: 5\r\n");
    const auto lines = static_cast<std::size_t>(std::count(written.begin(), written.end(), '\n'));
    TANDEM_ASSERT(lines == message.via_count() + 8, "no line is smuggled into an answer");
    const auto answer = Message::parse(written);
    if (message.defect_status() != 0) return;
    TANDEM_ASSERT(answer.ok() && answer->defect_status() == 0, "the answer to a request is well-formed");
    TANDEM_ASSERT(answer->call_id() == message.call_id() && answer->cseq() == message.cseq(), "Call-ID and CSeq");
    TANDEM_ASSERT(answer->method_name() == message.method_name(), "CSeq has the method");
    TANDEM_ASSERT(answer->from_tag() == message.from_tag(), "From stays");
    TANDEM_ASSERT(answer->to_tag() == (message.to_tag().empty() ? "ours" : message.to_tag()), "To has a tag");
    TANDEM_ASSERT(answer->via_count() == message.via_count(), "every Via goes back");
    TANDEM_ASSERT(answer->top_via().branch == message.top_via().branch, "the branch goes back");
    TANDEM_ASSERT(answer->headers().size() == 5 + message.via_count() + 1, "nothing else is in it");
    TANDEM_ASSERT(message.response_target(source).port != 0, "the answer goes somewhere");
}

void check(Message message) {
    Endpoint source;
    source.port = 5061;
    static_cast<void>(message.response_target(source));
    static_cast<void>(message.method());
    static_cast<void>(message.reason_phrase());
    static_cast<void>(message.from_display());
    static_cast<void>(message.to_display());
    static_cast<void>(message.content_type());
    TANDEM_ASSERT(message.body().size() <= message.size(), "the body is a part of the message");
    check_headers(message);
    if (message.defect_status() == 0) check_limits(message);
    TANDEM_ASSERT(message.defect().empty() == (message.defect_status() == 0), "a defect has a name");
    const Message copy = message;
    message.mark_received(source);
    if (message.is_request()) check_answer(copy, source);
    message = {};
    TANDEM_ASSERT(copy && copy.size() > 0, "a copy keeps the message");
}

// The quick way to read a message takes only what reads the same in sofia.
void check_reading(std::string_view bytes, const Message &message) {
    bytes.remove_prefix(bytes.find_first_not_of("\r\n"));
    const auto thorough = Message::parse_any(bytes);
    TANDEM_ASSERT(thorough.ok(), "what the quick way takes is SIP");
    TANDEM_ASSERT(test::fields_of(message) == test::fields_of(*thorough), "both ways read the same");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char *>(data), size);
    check_uri(bytes);
    check_lists(bytes);
    static_cast<void>(IpAddress::parse(bytes));
    static_cast<void>(parse_number(bytes));
    const Peek peeked = peek(bytes);
    if (auto message = Message::parse(bytes)) {
        check_reading(bytes, *message);
        const bool is_well_formed = message->defect_status() == 0;
        TANDEM_ASSERT(!is_well_formed || test::agrees(peeked, *message, bytes), "peek() reads what the parser reads");
        check(std::move(*message));
    }
    return 0;
}
