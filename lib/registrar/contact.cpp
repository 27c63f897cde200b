#include "registrar/contact.hpp"
#include <algorithm>
#include <limits>
#include <utility>
#include "base/text.hpp"

namespace tandem {
namespace {

// Where `wanted` first stands outside of quotation marks; the size of the text if nowhere.
std::size_t find_unquoted(std::string_view text, char wanted) {
    bool is_quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_quoted && text[i] == '\\') {
            ++i;
        } else if (text[i] == '"') {
            is_quoted = !is_quoted;
        } else if (!is_quoted && text[i] == wanted) {
            return i;
        }
    }
    return text.size();
}

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
    Contact contact;
    std::string_view params;
    const std::size_t open = find_unquoted(value, '<');
    const std::size_t bare_end = find_unquoted(value, ';');
    if (open < value.size() && open < bare_end) {
        const std::size_t close = value.find('>', open);
        if (close == std::string_view::npos) return Error::invalid;
        contact.text = value.substr(open + 1, close - open - 1);
        params = trim(value.substr(close + 1));
        if (!params.empty() && !params.starts_with(';')) return Error::invalid;
    } else {
        // Without <> all parameters are those of the header (RFC 3261 section 20).
        contact.text = trim(value.substr(0, bare_end));
        params = value.substr(bare_end);
    }
    if (contact.text.size() > contact_size_max) return Error::too_large;
    if (!is_visible_ascii(contact.text) || contact.text.find_first_of(" <>\"\\") != std::string::npos) {
        return Error::invalid;
    }
    auto uri = Uri::parse(contact.text);
    if (!uri || (uri->scheme != "sip" && uri->scheme != "sips") || uri->host.empty()) return Error::invalid;
    contact.uri = std::move(*uri);
    const auto read = read_params(params, contact);
    if (!read) return read.error();
    return contact;
}

} // namespace tandem
