// The readers of single sections: each takes what it knows from its table into the configuration.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "node/config.hpp"
#include "node/config_section.hpp"

namespace tandem {

// What this version can listen on and send by.
constexpr std::string_view available_transports = "write udp, tcp or tls";
constexpr bool is_transport_available(Transport transport) { return transport <= Transport::tls; }

// "192.0.2.1:5060" or "[2001:db8::1]:5060".
std::optional<Endpoint> parse_address_port(std::string_view text);

// The blocks of addresses in an array; `where` says which it is.
std::vector<Cidr> read_cidrs(ConfigSection &section, const TomlValue &blocks, std::string_view where);

void read_sip(ConfigSection &section, Config &config);
void read_dns(ConfigSection &section, Config &config);
void read_tls(ConfigSection &section, Config &config);
void read_store(ConfigSection &section, Config &config);
void read_limits(ConfigSection &section, Config &config);
void read_timers(ConfigSection &section, Config &config);
void read_audit(ConfigSection &section, Config &config);
void read_capture(ConfigSection &section, Config &config);
void read_log(ConfigSection &section, Config &config);
void read_registrar(ConfigSection &section, Config &config);
void read_control(ConfigSection &section, Config &config);
void read_api(ConfigSection &section, const TlsFiles &tls, ApiConfig &api); // [admin], [call_api]

// Sections that are checked, and that this version serves nothing of.
void read_redis(ConfigSection &section, Config &config);
void read_rtpengine(ConfigSection &section);

struct TrunkTarget {
    std::string name;
    std::optional<TargetConfig> target; // none: its URI is wrong, which is noted already
    std::optional<TrunkRegistration> registration{};
};

// Of a [[trunk]]: the keys of its registration. None: there is to be none, or something is wrong.
std::optional<TrunkRegistration> read_registration(ConfigSection &section, const std::optional<TargetConfig> &target,
                                                   const std::shared_ptr<const Account> &account,
                                                   const std::vector<TrunkTarget> &others);

// The "name" of a [[profile]] or [[trunk]], which is not in `known`; none if it is wrong.
std::optional<std::string> read_name(ConfigSection &section, const std::vector<std::string_view> &known);

void read_profile(ConfigSection &section, Config &config);
void read_profile_uses(ConfigSection &section, const std::vector<ProfileOptions> &profiles, RouteConfig &route);
void read_trunk(ConfigSection &section, const Config &config, std::vector<TrunkTarget> &trunks);
void read_route(ConfigSection &section, const std::vector<TrunkTarget> &trunks, Config &config);

} // namespace tandem
