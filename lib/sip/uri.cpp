#include "sip/uri.hpp"
#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include "base/text.hpp"
#include "sip/limits.hpp"
#include "sip/plain_text.hpp"
#include "sip/sofia.hpp"

namespace tandem {
namespace {

std::string text(const char *c_string) { return c_string ? c_string : ""; }

std::string lower_case(std::string text) {
    for (char &c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return text;
}

// RFC 3986 section 3.1. sofia takes what stands before the first colon, and "*" alone.
bool is_scheme(std::string_view scheme) {
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    if (scheme.empty() || !is_letter(scheme.front())) return false;
    return std::all_of(scheme.begin(), scheme.end(), [&](char c) {
        return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
    });
}

bool is_mark(char c) { return std::string_view("-_.!~*'()").find(c) != std::string_view::npos; }

bool is_alphanumeric(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 && (c & 0x80) == 0; }

bool is_escape(std::string_view text) {
    return text.size() >= 3 && text[0] == '%' && std::isxdigit(static_cast<unsigned char>(text[1])) != 0 &&
           std::isxdigit(static_cast<unsigned char>(text[2])) != 0;
}

} // namespace

Result<Uri> Uri::parse(std::string_view source) {
    Cursor cursor(source);
    PlainUri plain;
    if (!take_uri(cursor, plain) || !cursor.is_done()) return parse_any(source);
    Uri uri;
    uri.scheme = "sip";
    uri.user = plain.user;
    uri.host = plain.host;
    uri.port = plain.port;
    if (!plain.params.empty()) uri.params = plain.params.substr(1);
    return uri;
}

Result<Uri> Uri::parse_any(std::string_view source) {
    if (source.size() > uri_size_max) return Error::too_large;
    if (source.empty() || !is_header_safe(source)) return Error::invalid;
    std::array<char, uri_size_max + 1> copy; // sofia cuts the text up in place
    std::memcpy(copy.data(), source.data(), source.size());
    copy[source.size()] = '\0';
    url_t url;
    if (url_d(&url, copy.data()) < 0 || !url.url_scheme || !is_scheme(url.url_scheme)) return Error::invalid;

    Uri uri;
    uri.scheme = lower_case(text(url.url_scheme));
    uri.user = text(url.url_user);
    if (url.url_password) uri.user.append(":").append(url.url_password);
    uri.host = text(url.url_host);
    // sofia lets them stand in a host.
    if (uri.host.find_first_of(" \t@<>\"") != std::string::npos) return Error::invalid;
    uri.params = text(url.url_params);
    uri.headers = text(url.url_headers);
    // After an empty user sofia lets a second '@' stand: without the first it would be read as the end of a user.
    const bool has_at = uri.params.find('@') != std::string::npos || uri.headers.find('@') != std::string::npos;
    if (uri.user.empty() && has_at) return Error::invalid;
    if (url.url_port && *url.url_port) {
        const auto port = parse_number(url.url_port);
        if (!port || *port == 0 || *port > 65535) return Error::invalid;
        uri.port = static_cast<std::uint16_t>(*port);
    }
    return uri;
}

std::string Uri::to_string() const {
    std::string out = scheme + ":";
    out.append(user);
    if (!user.empty() && (!host.empty() || scheme != "tel")) out.append("@"); // a tel URI has its number alone
    out.append(host);
    if (port != 0) out.append(":").append(std::to_string(port));
    if (!params.empty()) out.append(";").append(params);
    if (!headers.empty()) out.append("?").append(headers);
    return out;
}

std::optional<std::string_view> Uri::param(std::string_view name) const {
    std::string_view rest = params;
    while (!rest.empty()) {
        const std::size_t end = rest.find(';');
        const std::string_view item = rest.substr(0, end);
        const std::size_t equals = item.find('=');
        if (equals_ignoring_case(item.substr(0, equals), name)) {
            return equals == std::string_view::npos ? std::string_view() : item.substr(equals + 1);
        }
        if (end == std::string_view::npos) break;
        rest.remove_prefix(end + 1);
    }
    return std::nullopt;
}

bool is_sips(std::string_view uri) { return equals_ignoring_case(uri.substr(0, 5), "sips:"); }

std::optional<Endpoint> Uri::endpoint() const {
    const auto ip = IpAddress::parse(param("maddr").value_or(host));
    if (!ip) return std::nullopt;
    Endpoint endpoint;
    endpoint.ip = *ip;
    endpoint.transport = scheme == "sips" ? Transport::tls : Transport::udp;
    if (const auto name = param("transport")) {
        const auto transport = parse_transport(*name);
        if (!transport) return std::nullopt;
        endpoint.transport = *transport;
        if (scheme == "sips") {
            // It names what TLS runs over (RFC 3261 section 26.2.2); over UDP there is none.
            if (*transport == Transport::udp) return std::nullopt;
            if (*transport == Transport::tcp) endpoint.transport = Transport::tls;
            if (*transport == Transport::ws) endpoint.transport = Transport::wss;
        }
    }
    endpoint.port = port != 0 ? port : default_port(endpoint.transport);
    return endpoint;
}

bool is_userinfo(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_escape(text.substr(i))) {
            i += 2;
        } else if (!is_alphanumeric(text[i]) && !is_mark(text[i]) &&
                   std::string_view("&=+$,;?/:").find(text[i]) == std::string_view::npos) {
            return false;
        }
    }
    return true;
}

} // namespace tandem
