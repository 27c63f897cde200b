// [admin] and [call_api]: who may ask a node, and where.
#include <algorithm>
#include <fmt/format.h>
#include "base/text.hpp"
#include "node/config_sections.hpp"

namespace tandem {
namespace {

constexpr std::size_t token_max = 1024;
constexpr std::size_t origins_max = 64;

void read_listen(ConfigSection &section, ApiConfig &api) {
    std::string listen;
    const TomlValue *value = section.text("listen", listen);
    if (!value) return;
    api.is_default = false;
    api.listen.reset();
    if (listen.empty()) return;
    api.listen = parse_address_port(listen);
    if (api.listen) {
        api.listen->transport = Transport::tcp;
    } else {
        section.problem(value->at, fmt::format("bad \"listen\" in {}: \"{}\"; write ADDRESS:PORT, for example "
                                               "\"127.0.0.1:8080\", or \"\" for none",
                                               section.name(), listen));
    }
}

// What a header can carry: no blank inside, no quotes to be guessed at.
void read_token(ConfigSection &section, ApiConfig &api) {
    const TomlValue *value = section.text("token", api.token);
    if (!value) return;
    if (api.token.size() <= token_max && is_visible_ascii(api.token)) return;
    section.problem(value->at, fmt::format("\"token\" in {} must be up to {} visible characters of ASCII, without "
                                           "blanks",
                                           section.name(), token_max));
}

// As a browser writes it (RFC 6454 section 6.2): a scheme and a host, nothing behind it.
bool is_origin(std::string_view text) {
    const std::size_t scheme = text.find("://");
    if (scheme == std::string_view::npos || scheme == 0 || !is_visible_ascii(text)) return false;
    const std::string_view host = text.substr(scheme + 3);
    return !host.empty() && host.find('/') == std::string_view::npos;
}

void read_origins(ConfigSection &section, ApiConfig &api) {
    const TomlValue *origins = section.texts("origins");
    if (!origins) return;
    for (const TomlValue &item : origins->items) {
        if (!is_origin(item.text)) {
            section.problem(item.at, fmt::format("\"origins\" in {} has \"{}\"; write what a browser sends as Origin, "
                                                 "for example \"https://example.com\"",
                                                 section.name(), item.text));
        }
        api.origins.push_back(item.text);
    }
    if (api.origins.size() > origins_max) {
        section.problem(origins->at,
                        fmt::format("\"origins\" in {} has more than {} of them", section.name(), origins_max));
    }
}

bool is_loopback(const IpAddress &ip) {
    static const IpAddress v6 = *IpAddress::parse("::1");
    return ip == v6 || (!ip.is_v6 && ip.bytes[0] == 127);
}

} // namespace

void read_api(ConfigSection &section, const TlsFiles &tls, ApiConfig &api) {
    read_listen(section, api);
    read_token(section, api);
    read_origins(section, api);
    if (section.name() == "[admin]") section.flag("trace", api.is_traced);
    const TomlValue *is_tls = section.flag("tls", api.is_tls);
    if (is_tls && api.is_tls && tls.certificate.empty()) {
        section.problem(is_tls->at,
                        fmt::format("\"tls\" in {} needs \"certificate\" and \"key\" in [tls]", section.name()));
    }
    if (api.listen && api.token.empty() && !is_loopback(api.listen->ip)) {
        section.warn(section.at(), fmt::format("{} listens on {} without a \"token\": whoever reaches it may do "
                                               "everything",
                                               section.name(), api.listen->to_string()));
    }
    section.finish();
}

} // namespace tandem
