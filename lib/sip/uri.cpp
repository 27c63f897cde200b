#include "sip/uri.hpp"
#include <array>
#include <cstring>
#include "base/text.hpp"
#include "sip/limits.hpp"
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

} // namespace

Result<Uri> Uri::parse(std::string_view source) {
    if (source.size() > uri_size_max) return Error::too_large;
    if (source.empty() || !is_header_safe(source)) return Error::invalid;
    std::array<char, uri_size_max + 1> copy; // sofia cuts the text up in place
    std::memcpy(copy.data(), source.data(), source.size());
    copy[source.size()] = '\0';
    url_t url;
    if (url_d(&url, copy.data()) < 0 || !url.url_scheme) return Error::invalid;

    Uri uri;
    uri.scheme = lower_case(text(url.url_scheme));
    uri.user = text(url.url_user);
    if (url.url_password) uri.user.append(":").append(url.url_password);
    uri.host = text(url.url_host);
    uri.params = text(url.url_params);
    uri.headers = text(url.url_headers);
    if (url.url_port && *url.url_port) {
        const auto port = parse_number(url.url_port);
        if (!port || *port == 0 || *port > 65535) return Error::invalid;
        uri.port = static_cast<std::uint16_t>(*port);
    }
    return uri;
}

std::string Uri::to_string() const {
    std::string out = scheme + ":";
    if (!user.empty()) out.append(user).append("@");
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
    }
    const std::uint16_t default_port = endpoint.transport == Transport::tls ? 5061 : 5060;
    endpoint.port = port != 0 ? port : default_port;
    return endpoint;
}

} // namespace tandem
