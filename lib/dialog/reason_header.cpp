#include "dialog/reason_header.hpp"
#include "base/text.hpp"

namespace tandem {
namespace {

constexpr std::uint64_t cause_max = 127; // seven bits

// Where the part that begins at `start` ends: at a comma or a semicolon outside of quotes, or at the end.
std::size_t end_of_part(std::string_view text, std::size_t start) {
    bool is_quoted = false;
    for (std::size_t i = start; i < text.size(); ++i) {
        const char c = text[i];
        if (is_quoted && c == '\\') {
            ++i;
        } else if (c == '"') {
            is_quoted = !is_quoted;
        } else if (!is_quoted && (c == ',' || c == ';')) {
            return i;
        }
    }
    return text.size();
}

} // namespace

std::uint16_t parse_q850(std::string_view reason) {
    bool is_protocol = true; // the part to come, as against a parameter
    bool is_q850 = false;
    for (std::size_t start = 0; start < reason.size();) {
        const std::size_t end = end_of_part(reason, start);
        const std::string_view part = trim(reason.substr(start, end - start));
        const std::size_t equals = part.find('=');
        if (is_protocol) {
            is_q850 = equals_ignoring_case(part, "Q.850");
        } else if (is_q850 && equals_ignoring_case(trim(part.substr(0, equals)), "cause")) {
            const auto cause = equals < part.size() ? parse_number(trim(part.substr(equals + 1))) : std::nullopt;
            return cause && *cause <= cause_max ? static_cast<std::uint16_t>(*cause) : std::uint16_t{0};
        }
        is_protocol = end < reason.size() && reason[end] == ',';
        start = end + 1;
    }
    return 0;
}

} // namespace tandem
