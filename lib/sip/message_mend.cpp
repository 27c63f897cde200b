#include "sip/message_mend.hpp"
#include <algorithm>
#include "base/text.hpp"
#include "sip/header.hpp"

namespace tandem {
namespace {

std::string_view line_at(std::string_view bytes, std::size_t start) {
    return bytes.substr(start, bytes.find('\n', start) - start);
}

} // namespace

Mended mend_request_line(std::string_view bytes) {
    const std::string_view whole = line_at(bytes, 0);
    const std::string_view line = trim(whole);
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last || line.substr(last + 1) != "SIP/2.0") return {};
    const std::string_view rest = bytes.substr(std::min(whole.size() + 1, bytes.size()));
    const std::string_view method = line.substr(0, first);

    Mended mended{std::string(method), 400, "Bad Request-Line"};
    // Legal in a method (RFC 3261 section 25.1), but sofia ends it there. No method that we know has one.
    if (is_token(method) && method.find_first_of("+`") != std::string_view::npos) mended = {"X", 501, "Unknown Method"};
    mended.bytes.append(" sip:bad.invalid SIP/2.0\r\n").append(rest);
    return mended;
}

Mended mend_via(std::string_view bytes) {
    for (std::size_t start = 0; start < bytes.size();) {
        const std::string_view line = line_at(bytes, start);
        if (trim(line).empty()) break;
        const std::size_t colon = line.find(':');
        if (start > 0 && colon != std::string_view::npos &&
            parse_header_name(trim(line.substr(0, colon))) == Header::via) {
            // The separators before the parameters; a semicolon or comma stands in no sent-by.
            const std::size_t params = line.find_first_of(";,", colon);
            if (params == std::string_view::npos) break; // it is sent-by or protocol that does not read
            Mended mended{std::string(bytes.substr(0, start + params)), 400, "Bad Via"};
            mended.bytes.append("\r\n").append(bytes.substr(std::min(start + line.size() + 1, bytes.size())));
            return mended;
        }
        start += line.size() + 1;
    }
    return {};
}

} // namespace tandem
