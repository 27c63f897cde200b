#include "call/refer_to.hpp"
#include <algorithm>
#include "base/text.hpp"
#include "sip/uri.hpp"

namespace tandem {
namespace {

constexpr std::size_t token_max = 256; // of a Call-ID or a tag

bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::optional<std::string> unescape(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out.push_back(text[i]);
            continue;
        }
        const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        if (low < 0) return std::nullopt;
        out.push_back(static_cast<char>(high * 16 + low));
        i += 2;
    }
    return out;
}

std::string escape(std::string_view text) {
    static constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (char c : text) {
        if (is_unreserved(c)) {
            out.push_back(c);
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out.append({'%', digits[byte >> 4], digits[byte & 15]});
    }
    return out;
}

// A Call-ID or a tag: one word that can be written into a header as it is.
bool is_word(std::string_view text) {
    return !text.empty() && text.size() <= token_max && is_visible_ascii(text) &&
           text.find_first_of(" ,;=\"") == std::string_view::npos;
}

bool is_plain(std::string_view uri) {
    return is_visible_ascii(uri) && uri.find_first_of(" <>\"") == std::string_view::npos;
}

} // namespace

std::string Replaces::to_string() const {
    return call_id + ";to-tag=" + to_tag + ";from-tag=" + from_tag + (is_early_only ? ";early-only" : "");
}

std::optional<Replaces> parse_replaces(std::string_view value) {
    Replaces replaces;
    std::size_t end = std::min(value.find(';'), value.size());
    replaces.call_id = trim(value.substr(0, end));
    while (end < value.size()) {
        value.remove_prefix(end + 1);
        end = std::min(value.find(';'), value.size());
        const std::string_view param = trim(value.substr(0, end));
        const std::size_t equals = std::min(param.find('='), param.size());
        const std::string_view name = trim(param.substr(0, equals));
        const std::string_view text = trim(param.substr(std::min(equals + 1, param.size())));
        std::string *tag = equals_ignoring_case(name, "to-tag")     ? &replaces.to_tag
                           : equals_ignoring_case(name, "from-tag") ? &replaces.from_tag
                                                                    : nullptr;
        if (tag && !tag->empty()) return std::nullopt; // twice
        if (tag) *tag = text;
        if (equals_ignoring_case(name, "early-only")) replaces.is_early_only = true;
    }
    if (!is_word(replaces.call_id) || !is_word(replaces.to_tag) || !is_word(replaces.from_tag)) return std::nullopt;
    return replaces;
}

Result<ReferTo> read_refer_to(const Message &refer) { return parse_refer_to(refer.values(Header::refer_to)); }

Result<ReferTo> parse_refer_to(std::string_view values) {
    const auto entries = split_values(values);
    if (entries.size() != 1) return Error::invalid;
    auto uri = Uri::parse(addr_spec(entries.front()));
    if (!uri) return Error::invalid;
    if (uri->scheme != "sip" && uri->scheme != "sips" && uri->scheme != "tel") return Error::wrong_type;
    const auto method = uri->param("method");
    if (method && *method != "INVITE") return Error::wrong_type;
    ReferTo target;
    std::string_view headers = uri->headers;
    while (!headers.empty()) {
        const std::size_t end = std::min(headers.find('&'), headers.size());
        const std::string_view header = headers.substr(0, end);
        headers.remove_prefix(std::min(end + 1, headers.size()));
        const std::size_t equals = header.find('=');
        if (!equals_ignoring_case(header.substr(0, equals), "Replaces")) continue;
        const auto text = equals == std::string_view::npos ? std::nullopt : unescape(header.substr(equals + 1));
        if (!text || target.replaces) return Error::invalid;
        target.replaces = parse_replaces(*text);
        if (!target.replaces) return Error::invalid;
    }
    uri->headers.clear();
    target.uri = uri->to_string();
    if (!is_plain(target.uri) || (uri->scheme != "tel" && uri->host.empty())) return Error::invalid;
    return target;
}

std::string write_refer_to(const ReferTo &refer_to) {
    std::string out = "<" + refer_to.uri;
    if (refer_to.replaces) out += "?Replaces=" + escape(refer_to.replaces->to_string());
    return out + ">";
}

} // namespace tandem
