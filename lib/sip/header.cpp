#include "sip/header.hpp"
#include <algorithm>
#include <array>
#include <cstddef>
#include "base/text.hpp"

namespace tandem {
namespace {

// In the order of the enumeration.
constexpr std::array<std::string_view, 55> names = {
    "", "Accept", "Alert-Info", "Allow", "Allow-Events", "Authorization", "Call-ID", "Call-Info", "Contact",
    "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Length", "Content-Type", "CSeq",
    "Date", "Error-Info", "Event", "Expires", "From", "Max-Forwards", "MIME-Version", "Min-SE",
    "P-Asserted-Identity", "P-Preferred-Identity", "Path", "Priority", "Privacy", "Proxy-Authenticate",
    "Proxy-Authorization", "Proxy-Require", "RAck", "Reason", "Record-Route", "Refer-To", "Referred-By",
    "Replaces", "Reply-To", "Require", "Retry-After", "Route", "RSeq", "Server", "Service-Route",
    "Session-Expires", "Subject", "Subscription-State", "Supported", "Timestamp", "To", "Unsupported",
    "User-Agent", "Via", "Warning", "WWW-Authenticate",
};
static_assert(names.size() == static_cast<std::size_t>(Header::www_authenticate) + 1);

// The headers in the order of the size of their names: few names have the same.
constexpr std::size_t name_size_max = 20;

struct BySize {
    std::array<Header, names.size()> headers{};
    std::array<std::size_t, name_size_max + 2> start{}; // of each size in `headers`
};

constexpr BySize sort_by_size() {
    BySize sorted;
    std::size_t place = 0;
    for (std::size_t size = 0; size <= name_size_max; ++size) {
        sorted.start[size] = place;
        for (std::size_t i = 0; i < names.size(); ++i) {
            if (names[i].size() == size) sorted.headers[place++] = static_cast<Header>(i);
        }
    }
    sorted.start[name_size_max + 1] = place;
    return sorted;
}

constexpr BySize by_size = sort_by_size();
static_assert(by_size.start.back() == names.size(), "no name is longer than name_size_max");

struct Compact {
    char letter;
    Header header;
};

// RFC 3261 section 7.3.3 and the RFCs that define the header.
constexpr Compact compacts[] = {
    {'b', Header::referred_by}, {'c', Header::content_type},    {'e', Header::content_encoding},
    {'f', Header::from},        {'i', Header::call_id},         {'k', Header::supported},
    {'l', Header::content_length}, {'m', Header::contact},      {'o', Header::event},
    {'r', Header::refer_to},    {'s', Header::subject},         {'t', Header::to},
    {'u', Header::allow_events}, {'v', Header::via},            {'x', Header::session_expires},
};

} // namespace

std::string_view header_name(Header header) { return names[static_cast<std::size_t>(header)]; }

Header parse_header_name(std::string_view name) {
    if (name.size() == 1) {
        for (const Compact &compact : compacts) {
            if (equals_ignoring_case(name, {&compact.letter, 1})) return compact.header;
        }
        return Header::other;
    }
    if (name.empty() || name.size() > name_size_max) return Header::other;
    const auto *first = by_size.headers.data() + by_size.start[name.size()];
    const auto *last = by_size.headers.data() + by_size.start[name.size() + 1];
    // Nearly all write them as the RFCs do.
    const auto *found = std::find_if(first, last, [&](Header header) { return header_name(header) == name; });
    if (found != last) return *found;
    found = std::find_if(first, last, [&](Header header) { return equals_ignoring_case(header_name(header), name); });
    return found != last ? *found : Header::other;
}

} // namespace tandem
