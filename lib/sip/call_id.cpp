#include "sip/call_id.hpp"
#include <algorithm>
#include <cstddef>
#include "base/text.hpp"

namespace tandem {
namespace {

// Behind the line that begins at `at`, and those that it is folded over (RFC 3261 section 7.3.1).
std::size_t end_of_header(std::string_view bytes, std::size_t at) {
    do {
        at = std::min(bytes.find('\n', at), bytes.size() - 1) + 1;
    } while (at < bytes.size() && (bytes[at] == ' ' || bytes[at] == '\t'));
    return at;
}

} // namespace

std::string_view call_id_of(std::string_view bytes) {
    bytes.remove_prefix(std::min(bytes.find_first_not_of("\r\n"), bytes.size()));
    if (bytes.empty()) return {};
    for (std::size_t at = end_of_header(bytes, 0); at < bytes.size();) { // behind the first line
        const std::size_t end = end_of_header(bytes, at);
        const std::string_view header = bytes.substr(at, end - at);
        if (trim(header).empty()) return {}; // a body follows
        const std::size_t colon = std::min(header.find(':'), header.size());
        const std::string_view name = trim(header.substr(0, colon));
        if (equals_ignoring_case(name, "Call-ID") || equals_ignoring_case(name, "i")) {
            return trim(header.substr(std::min(colon + 1, header.size())));
        }
        at = end;
    }
    return {};
}

} // namespace tandem
