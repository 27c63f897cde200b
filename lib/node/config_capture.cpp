// [capture]: where copies of all messages go.
#include <fmt/format.h>
#include <string>
#include "node/config_sections.hpp"

namespace tandem {
namespace {

constexpr std::size_t password_max = 255;

// None: it is wrong, or nowhere.
std::optional<Endpoint> read_collector(ConfigSection &section) {
    std::string url;
    const TomlValue *value = section.text("url", url);
    if (!value || url.empty()) return std::nullopt;
    const std::size_t colon = url.find(':');
    const auto transport = parse_transport(std::string_view(url).substr(0, colon));
    auto at = parse_address_port(colon == std::string::npos ? "" : std::string_view(url).substr(colon + 1));
    if (!transport || !at) {
        section.problem(value->at, fmt::format("bad \"url\" in [capture]: \"{}\"; write udp:ADDRESS:PORT or "
                                               "tcp:ADDRESS:PORT, for example \"udp:127.0.0.1:9060\", or \"\" for none",
                                               url));
        return std::nullopt;
    }
    if (*transport != Transport::udp && *transport != Transport::tcp) {
        section.unavailable(value->at, fmt::format("the transport of \"{}\" in [capture]", url), "write udp or tcp");
        return std::nullopt;
    }
    at->transport = *transport;
    return at;
}

} // namespace

void read_capture(ConfigSection &section, Config &config) {
    config.capture.collector = read_collector(section);
    std::string password;
    if (const TomlValue *value = section.text("password", password); value && password.size() > password_max) {
        section.problem(value->at, fmt::format("\"password\" in [capture] must have at most {} bytes", password_max));
    }
    config.capture.password = password;
    std::int64_t agent = config.capture.agent;
    section.number("agent", 0, 0xffffffff, agent);
    config.capture.agent = static_cast<std::uint32_t>(agent);
    section.finish();
}

} // namespace tandem
