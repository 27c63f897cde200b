#include "trunk/register_response.hpp"
#include <algorithm>
#include <cstdint>
#include <string_view>
#include "base/text.hpp"
#include "registrar/contact.hpp"
#include "sip/uri_equality.hpp"

namespace tandem {
namespace {

using std::chrono::seconds;

// The digits that a value begins with: a comment or parameters may follow. None if it begins with something else.
std::optional<Duration> leading_seconds(std::string_view value) {
    const std::size_t end = std::min(value.find_first_not_of("0123456789"), value.size());
    const std::string_view digits = value.substr(0, end);
    if (digits.empty()) return std::nullopt;
    constexpr std::uint64_t most = 1'000'000'000; // of seconds: an instant can still be made of it
    return seconds(std::min(parse_number(digits).value_or(most), most));
}

} // namespace

std::optional<Duration> granted_life(const Message &response, const Uri &contact, Duration asked) {
    // The time of a Contact counts, else that of the header, else what we have asked for (RFC 3261 section 10.2.4).
    const bool has_expires = response.has(Header::expires);
    const Duration otherwise = has_expires ? seconds(read_expires(response.value(Header::expires))) : asked;
    std::optional<Duration> granted;
    for (const HeaderLine &line : response.headers()) {
        if (line.id != Header::contact) continue;
        for (const std::string_view value : split_values(line.value)) {
            const auto listed = read_contact(value);
            if (!listed || !is_same_uri(listed->uri, contact)) continue;
            const Duration life = listed->expires ? seconds(*listed->expires) : otherwise;
            granted = std::max(granted.value_or(Duration::zero()), std::min(life, asked));
        }
    }
    return granted;
}

std::optional<Duration> retry_after_of(const Message &response) {
    return leading_seconds(response.value(Header::retry_after));
}

std::optional<Duration> min_expires_of(const Message &response) {
    for (const HeaderLine &line : response.headers()) {
        if (equals_ignoring_case(line.name, "Min-Expires")) return leading_seconds(line.value);
    }
    return std::nullopt;
}

} // namespace tandem
