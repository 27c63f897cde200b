#include "registrar/name_addr.hpp"
#include <algorithm>
#include "base/endpoint.hpp"
#include "base/text.hpp"

namespace tandem {
namespace {

// Of RFC 3261 section 25.1, which knows no escapes here; and names of networks at home, which may have an underscore.
bool is_host(std::string_view host) {
    if (host.starts_with('[')) return IpAddress::parse(host).has_value();
    if (host.empty() || host.front() == '.' || host.find("..") != std::string_view::npos) return false;
    return std::all_of(host.begin(), host.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
               c == '_';
    });
}

} // namespace

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

std::optional<NameAddr> split_name_addr(std::string_view value) {
    NameAddr parts;
    const std::size_t open = find_unquoted(value, '<');
    const std::size_t bare_end = find_unquoted(value, ';');
    if (open >= value.size() || open > bare_end) {
        // Without <> all parameters are those of the header (RFC 3261 section 20).
        parts.uri = trim(value.substr(0, bare_end));
        parts.params = value.substr(bare_end);
        return parts;
    }
    const std::size_t close = value.find('>', open);
    if (close == std::string_view::npos) return std::nullopt;
    parts.uri = value.substr(open + 1, close - open - 1);
    parts.params = trim(value.substr(close + 1));
    parts.has_brackets = true;
    if (!parts.params.empty() && !parts.params.starts_with(';')) return std::nullopt;
    return parts;
}

std::optional<Uri> read_bracketed_uri(std::string_view text) {
    if (!is_visible_ascii(text) || text.find_first_of("<>\"\\") != std::string_view::npos) return std::nullopt;
    auto uri = Uri::parse(text);
    if (!uri || (uri->scheme != "sip" && uri->scheme != "sips") || !is_host(uri->host)) return std::nullopt;
    return std::move(*uri);
}

} // namespace tandem
