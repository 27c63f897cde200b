#include "registrar/contact.hpp"
#include <algorithm>
#include <limits>
#include <utility>
#include "base/text.hpp"
#include "registrar/name_addr.hpp"

namespace tandem {
namespace {

constexpr std::uint32_t reg_id_max = 0x7fffffff; // RFC 5626 section 4.2

// "0.7", "1", "1.000": at most three decimals, and not above 1 (RFC 3261 section 25.1).
std::optional<std::uint16_t> read_q(std::string_view text) {
    const bool is_one = text.starts_with('1');
    if (!is_one && !text.starts_with('0')) return std::nullopt;
    text.remove_prefix(1);
    if (text.empty()) return is_one ? 1000 : 0;
    if (text.front() != '.' || text.size() > 4) return std::nullopt;
    std::uint16_t thousandths = is_one ? 1000 : 0;
    std::uint16_t weight = 100;
    for (const char c : text.substr(1)) {
        if (c < '0' || c > '9') return std::nullopt;
        thousandths = static_cast<std::uint16_t>(thousandths + (c - '0') * weight);
        weight /= 10;
    }
    return thousandths <= 1000 ? std::optional(thousandths) : std::nullopt;
}

// Goes back to phones between quotation marks, so that none may be in it.
bool is_instance(std::string_view text) {
    return !text.empty() && is_visible_ascii(text) && text.find_first_of("\"\\ ") == std::string_view::npos;
}

struct Seen {
    bool q = false;
    bool expires = false;
    bool instance = false;
    bool reg_id = false;
};

bool first_time(bool &seen) { return !std::exchange(seen, true); }

Result<void> take_param(std::string_view name, std::string_view value, Seen &seen, Contact &contact) {
    if (equals_ignoring_case(name, "q")) {
        const auto q = read_q(value);
        if (!q || !first_time(seen.q)) return Error::invalid;
        contact.q = *q;
    } else if (equals_ignoring_case(name, "expires")) {
        if (!first_time(seen.expires)) return Error::invalid;
        contact.expires = read_expires(value);
    } else if (equals_ignoring_case(name, "+sip.instance")) {
        if (value.size() < 2 || !value.starts_with('"') || !value.ends_with('"')) return Error::invalid;
        value = value.substr(1, value.size() - 2);
        if (value.size() > instance_size_max) return Error::too_large;
        if (!is_instance(value) || !first_time(seen.instance)) return Error::invalid;
        contact.instance = value;
    } else if (equals_ignoring_case(name, "reg-id")) {
        const auto number = parse_number(value);
        if (!number || *number == 0 || *number > reg_id_max || !first_time(seen.reg_id)) return Error::invalid;
        contact.reg_id = static_cast<std::uint32_t>(*number);
    }
    return {};
}

Result<void> read_params(std::string_view params, Contact &contact) {
    Seen seen;
    while (!params.empty()) {
        const std::size_t end = find_unquoted(params, ';');
        const std::string_view param = params.substr(0, end);
        params.remove_prefix(std::min(end + 1, params.size()));
        const std::size_t equal = std::min(param.find('='), param.size());
        const std::string_view value = param.substr(std::min(equal + 1, param.size()));
        const auto taken = take_param(trim(param.substr(0, equal)), trim(value), seen, contact);
        if (!taken) return taken.error();
    }
    return {};
}

} // namespace

std::uint32_t read_expires(std::string_view text) {
    constexpr std::uint32_t most = std::numeric_limits<std::uint32_t>::max();
    const bool is_number =
        !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!is_number) return 3600;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(parse_number(text).value_or(most), most));
}

Result<Contact> read_contact(std::string_view value) {
    const auto parts = split_name_addr(value);
    if (!parts) return Error::invalid;
    if (parts->uri.size() > contact_size_max) return Error::too_large;
    auto uri = read_bracketed_uri(parts->uri);
    if (!uri) return Error::invalid;
    Contact contact;
    contact.text = parts->uri;
    contact.uri = std::move(*uri);
    const auto read = read_params(parts->params, contact);
    if (!read) return read.error();
    return contact;
}

} // namespace tandem
