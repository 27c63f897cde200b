#include "registrar/address_of_record.hpp"
#include <algorithm>
#include <iterator>
#include "base/text.hpp"
#include "sip/uri.hpp"

namespace tandem {
namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// Without escapes (RFC 3261 section 19.1.2); none if a % begins none.
std::optional<std::string> unescape(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out.push_back(text[i]);
            continue;
        }
        if (text.size() - i < 3) return std::nullopt;
        const int high = hex_digit(text[i + 1]);
        const int low = hex_digit(text[i + 2]);
        if (high < 0 || low < 0) return std::nullopt;
        out.push_back(static_cast<char>(high * 16 + low));
        i += 2;
    }
    return out;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

} // namespace

std::optional<std::string> address_of_record(std::string_view text) {
    const auto uri = Uri::parse(text);
    if (!uri || (uri->scheme != "sip" && uri->scheme != "sips") || uri->host.empty()) return std::nullopt;
    auto aor = unescape(std::string_view(uri->user).substr(0, uri->user.find(':')));
    if (!aor || aor->empty() || has_control_bytes(*aor)) return std::nullopt;
    aor->append("@");
    std::transform(uri->host.begin(), uri->host.end(), std::back_inserter(*aor), lower);
    if (aor->size() > aor_size_max) return std::nullopt;
    return aor;
}

std::string_view aor_user(std::string_view aor) { return aor.substr(0, std::min(aor.rfind('@'), aor.size())); }

std::string_view aor_host(std::string_view aor) {
    const std::size_t at = aor.rfind('@');
    return at == std::string_view::npos ? std::string_view() : aor.substr(at + 1);
}

} // namespace tandem
