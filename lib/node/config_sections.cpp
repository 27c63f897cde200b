#include "node/config_sections.hpp"
#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include "base/text.hpp"
#include "registrar/address_of_record.hpp"

namespace tandem {
namespace {

constexpr std::size_t listener_max = 16;
constexpr std::size_t dns_server_max = 8;
constexpr std::int64_t timer_max_ms = 30LL * 86'400'000;

std::optional<std::uint16_t> parse_port(std::string_view text) {
    const auto port = parse_number(text);
    if (!port || *port == 0 || *port > 65535) return std::nullopt;
    return static_cast<std::uint16_t>(*port);
}

std::optional<Endpoint> parse_listen(ConfigSection &section, const TomlValue &item) {
    const std::string_view text = item.text;
    const std::size_t colon = text.find(':');
    const auto transport = parse_transport(text.substr(0, colon));
    const auto at = parse_address_port(colon == std::string_view::npos ? "" : text.substr(colon + 1));
    if (!transport || !at) {
        section.problem(item.at, fmt::format("bad address \"{}\" in \"listen\" of [sip]; write TRANSPORT:ADDRESS:PORT, "
                                             "for example \"udp:127.0.0.1:5060\" or \"udp:[::1]:5060\"",
                                             text));
        return std::nullopt;
    }
    if (!is_transport_available(*transport)) {
        section.unavailable(item.at, fmt::format("the transport of \"{}\" in \"listen\" of [sip]", text),
                            available_transports);
        return std::nullopt;
    }
    Endpoint endpoint = *at;
    endpoint.transport = *transport;
    return endpoint;
}

void read_listen(ConfigSection &section, SipConfig &sip) {
    const TomlValue *listen = section.texts("listen");
    if (!listen) return;
    if (listen->items.empty() || listen->items.size() > listener_max) {
        section.problem(listen->at, fmt::format("\"listen\" in [sip] must name from 1 to {} addresses, not {}",
                                                listener_max, listen->items.size()));
    }
    sip.listen.clear();
    for (const TomlValue &item : listen->items) {
        auto at = parse_listen(section, item);
        if (!at) return sip.listen.clear();
        for (const Endpoint &other : sip.listen) {
            // All but UDP are TCP sockets.
            const bool is_same_kind = is_reliable(other.transport) == is_reliable(at->transport);
            if (other.ip == at->ip && other.port == at->port && is_same_kind) {
                section.problem(item.at,
                                fmt::format("\"{}\" is in \"listen\" of [sip] twice; write it once", item.text));
            }
        }
        at->listener = static_cast<std::uint8_t>(sip.listen.size());
        if (at->ip.bytes == IpAddress().bytes && sip.advertise_host.empty()) {
            section.problem(item.at, fmt::format("\"{}\" in \"listen\" of [sip] is no address that others can send to; "
                                                 "say with \"advertise\" which one they use",
                                                 item.text));
        }
        if (sip.listen.size() < listener_max) sip.listen.push_back(*at);
    }
}

bool is_host_name(std::string_view host) {
    return !host.empty() && host.size() <= 255 && std::all_of(host.begin(), host.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '.';
    });
}

void read_advertise(ConfigSection &section, SipConfig &sip) {
    std::string advertise;
    const TomlValue *value = section.text("advertise", advertise);
    if (!value || advertise.empty()) return;
    const std::size_t bracket = advertise.find(']');
    const std::size_t colon = advertise.find(':', bracket == std::string::npos ? 0 : bracket);
    const std::string host = advertise.substr(0, colon);
    const auto port = colon == std::string::npos ? 0 : parse_port(std::string_view(advertise).substr(colon + 1));
    const auto ip = IpAddress::parse(host);
    const bool is_host = ip ? ip->is_v6 == (host.front() == '[') : is_host_name(host);
    if (!is_host || !port) {
        section.problem(value->at, fmt::format("bad \"advertise\" in [sip]: \"{}\"; write HOST or HOST:PORT, for "
                                               "example \"sip.example.com:5060\" or \"[2001:db8::1]\"",
                                               advertise));
        return;
    }
    sip.advertise_host = host;
    sip.advertise_port = *port;
}

// As the host of an address-of-record.
std::string domain_of(std::string_view text) {
    if (const auto ip = IpAddress::parse(text)) return ip->is_v6 ? "[" + ip->to_string() + "]" : ip->to_string();
    std::string domain(text);
    for (char &c : domain) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return domain;
}

std::optional<Endpoint> parse_dns_server(std::string_view text) {
    constexpr std::uint16_t dns_port = 53;
    const auto ip = IpAddress::parse(text);
    return ip ? Endpoint{.ip = *ip, .port = dns_port} : parse_address_port(text);
}

} // namespace

std::optional<Endpoint> parse_address_port(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const std::string_view host = text.substr(0, colon);
    const auto ip = IpAddress::parse(host);
    const auto port = parse_port(text.substr(colon + 1));
    if (!ip || !port || ip->is_v6 != (host.front() == '[')) return std::nullopt;
    Endpoint endpoint;
    endpoint.ip = *ip;
    endpoint.port = *port;
    return endpoint;
}

std::vector<Cidr> read_cidrs(ConfigSection &section, const TomlValue &blocks, std::string_view where) {
    std::vector<Cidr> cidrs;
    for (const TomlValue &item : blocks.items) {
        const auto cidr = Cidr::parse(item.text);
        if (!cidr) {
            section.problem(item.at,
                            fmt::format("bad address block \"{}\" in {}; write for example \"192.0.2.0/24\" or "
                                        "\"2001:db8::/32\"",
                                        item.text, where));
        } else if (!cidr->is_exact()) {
            section.problem(item.at, fmt::format("\"{}\" in {} has bits behind its prefix; write \"{}\"", item.text,
                                                 where, cidr->network()));
        } else {
            cidrs.push_back(*cidr);
        }
    }
    return cidrs;
}

void read_sip(ConfigSection &section, Config &config) {
    read_advertise(section, config.sip);
    read_listen(section, config.sip);
    section.milliseconds("drain_ms", 0, timer_max_ms, config.sip.drain);

    std::int64_t workers = config.sip.workers;
    section.number("workers", 1, 64, workers);
    config.sip.workers = static_cast<std::uint8_t>(workers);

    if (const TomlValue *trusted = section.texts("trusted"))
        config.sip.trusted = read_cidrs(section, *trusted, "\"trusted\" of [sip]");

    if (const TomlValue *domains = section.texts("domains")) {
        config.sip.domains.clear();
        for (const TomlValue &item : domains->items) {
            if (!IpAddress::parse(item.text) && !is_host_name(item.text)) {
                section.problem(item.at, fmt::format("bad host \"{}\" in \"domains\" of [sip]; write a name or an "
                                                     "address, for example \"example.com\"",
                                                     item.text));
            }
            config.sip.domains.push_back(domain_of(item.text));
        }
    }
    section.finish();
}

void read_dns(ConfigSection &section, Config &config) {
    if (const TomlValue *servers = section.texts("servers")) {
        if (servers->items.size() > dns_server_max) {
            section.problem(servers->at, fmt::format("\"servers\" in [dns] may name {} addresses at most, not {}",
                                                     dns_server_max, servers->items.size()));
        }
        for (const TomlValue &item : servers->items) {
            if (const auto server = parse_dns_server(item.text)) {
                config.dns.servers.push_back(*server);
            } else {
                section.problem(item.at, fmt::format("bad address \"{}\" in \"servers\" of [dns]; write ADDRESS or "
                                                     "ADDRESS:PORT, for example \"192.0.2.53\" or \"[::1]:5353\"",
                                                     item.text));
            }
        }
    }
    section.milliseconds("timeout_ms", 100, 60'000, config.dns.timeout);
    section.finish();
}

void read_store(ConfigSection &section, Config &config) {
    section.text("path", config.store.path);
    std::string durability = "process";
    section.choice("durability", {"none", "process", "power"}, durability);
    config.store.durability = durability == "none"    ? Durability::none
                              : durability == "power" ? Durability::power
                                                      : Durability::process;
    section.milliseconds("commit_interval_ms", 0, 1000, config.store.commit_interval);
    section.milliseconds("wait_max_ms", 1, 60'000, config.store.wait_max);
    std::string on_failure = "continue";
    section.choice("on_failure", {"continue", "reject"}, on_failure);
    config.store.rejects_calls = on_failure == "reject";
    section.finish();
}

void read_timers(ConfigSection &section, Config &config) {
    section.milliseconds("early_ms", 0, timer_max_ms, config.timers.early);
    section.milliseconds("no_ack_ms", 0, timer_max_ms, config.timers.no_ack);
    section.milliseconds("max_duration_ms", 0, timer_max_ms, config.timers.max_duration);

    std::int64_t session_expires = 1800;
    const TomlValue *value = section.number("session_expires_s", 0, 86'400, session_expires);
    std::int64_t min_se = 90; // RFC 4028 section 5; a laboratory may have less
    const TomlValue *min_value = section.number("min_se_s", 1, 86'400, min_se);
    if (session_expires != 0 && session_expires < min_se) {
        section.problem((value ? value : min_value)->at,
                        fmt::format("\"session_expires_s\" in [timers] is {}, less than \"min_se_s\", {}",
                                    session_expires, min_se));
    }
    config.timers.session_expires = std::chrono::seconds(session_expires);
    config.timers.min_se = std::chrono::seconds(min_se);
    std::int64_t probe = 0;
    value = section.number("probe_ms", 0, timer_max_ms, probe);
    if (probe != 0) section.unavailable(value->at, "\"probe_ms\" in [timers]", "write 0, or leave it out");
    section.finish();
}

void read_audit(ConfigSection &section, Config &config) {
    std::int64_t interval = 60;
    section.number("interval_s", 0, 86'400, interval);
    config.audit.interval = std::chrono::seconds(interval);
    section.finish();
}

void read_log(ConfigSection &section, Config &config) {
    std::string level = "info";
    section.choice("level", {"debug", "info", "warn", "error", "off"}, level);
    config.log.level = level == "debug"   ? LogLevel::debug
                       : level == "warn"  ? LogLevel::warn
                       : level == "error" ? LogLevel::error
                       : level == "off"   ? LogLevel::off
                                          : LogLevel::info;
    std::string format = "text";
    section.choice("format", {"text", "json"}, format);
    config.log.format = format == "json" ? LogFormat::json : LogFormat::text;
    section.finish();
}

void read_tls(ConfigSection &section, Config &config) {
    const TomlValue *certificate = section.text("certificate", config.tls.certificate);
    const TomlValue *key = section.text("key", config.tls.key);
    section.text("ca", config.tls.ca);
    section.flag("verify_peer", config.tls.verify_peer);
    if (config.tls.certificate.empty() != config.tls.key.empty()) {
        const bool has_key = config.tls.certificate.empty();
        section.problem((has_key ? key : certificate)->at,
                        fmt::format("\"{}\" in [tls] needs \"{}\" beside it", has_key ? "key" : "certificate",
                                    has_key ? "certificate" : "key"));
    }
    section.finish();
}

namespace {

// Braces would say which keys of a cluster belong together.
bool is_part_of_key(const std::string &text) {
    return text.size() <= 64 && text.find_first_of("{}") == std::string::npos && !has_control_bytes(text);
}

void read_cdr_stream(ConfigSection &section, RedisConfig &redis) {
    const TomlValue *name = section.text("cdr_stream", redis.cdr_stream);
    if (name && !is_part_of_key(redis.cdr_stream)) {
        section.problem(name->at,
                        "bad \"cdr_stream\" in [redis]; write up to 64 bytes without braces and control characters");
    } else if (name && !redis.cdr_stream.empty() && !redis.url) {
        section.problem(name->at, "\"cdr_stream\" in [redis] needs \"url\" beside it");
    }
    std::int64_t most = redis.cdr_stream_max;
    section.number("cdr_stream_max", 1, 1'000'000'000, most);
    redis.cdr_stream_max = static_cast<std::uint32_t>(most);
}

} // namespace

void read_redis(ConfigSection &section, Config &config) {
    std::string url;
    if (const TomlValue *value = section.text("url", url); value && !url.empty()) {
        auto read = RedisUrl::parse(url);
        if (read) {
            config.redis.url = std::move(*read);
        } else { // which may have a password in it
            section.problem(value->at, fmt::format("bad \"url\" in [redis]; {}", read.error().detail));
        }
    }
    const TomlValue *prefix = section.text("prefix", config.redis.prefix);
    if (prefix && !is_part_of_key(config.redis.prefix)) {
        section.problem(prefix->at,
                        "bad \"prefix\" in [redis]; write up to 64 bytes without braces and control characters");
    }
    section.milliseconds("lease_ms", 100, 3'600'000, config.redis.lease);
    section.milliseconds("timeout_ms", 1, 60'000, config.redis.timeout);
    read_cdr_stream(section, config.redis);
    const TomlValue *takeover = section.flag("takeover", config.redis.takes_over);
    if (takeover && config.redis.takes_over && !config.redis.url) {
        section.problem(takeover->at, "\"takeover\" in [redis] needs \"url\" beside it");
    } else if (takeover && config.redis.takes_over && config.redis.lease < std::chrono::milliseconds(2000)) {
        section.problem(takeover->at, "\"takeover\" in [redis] needs a \"lease_ms\" of 2000 or more");
    }
    section.finish();
}

namespace {

// One that is written otherwise there, or not at all, would never be met by any request.
bool is_user_of_address(std::string_view name) {
    const std::string address = std::string(name) + "@example.com";
    return address_of_record("sip:" + address) == address;
}

// No word of the passwords in what is said here.
void read_users(ConfigSection &section, const TomlValue *challenge, RegistrarConfig &registrar) {
    const TomlValue *users = section.table("users");
    if (!users || users->members.empty()) {
        if (registrar.challenge_calls) {
            section.problem(challenge->at, "\"challenge_calls\" in [registrar] needs \"users\" beside it");
        }
        return;
    }
    for (const TomlMember &user : users->members) {
        if (user.value.kind != TomlValue::Kind::text || user.key.empty() || !is_visible_ascii(user.key)) {
            section.problem(user.at, "\"users\" in [registrar] must hold names with their passwords, as in "
                                     "{ alice = \"secret\" }");
            continue;
        }
        if (!is_user_of_address(user.key)) {
            section.problem(user.at,
                            "\"users\" in [registrar] has a name that stands so in no SIP address; write alice "
                            "for alice@example.com, without \"@\", \":\" and \"%\"");
            continue;
        }
        if (user.value.text.empty()) {
            section.problem(user.at, "\"users\" in [registrar] has an empty password, with which anybody could "
                                     "register; give each user one");
            continue;
        }
        registrar.users.emplace(user.key, user.value.text);
    }
}

void read_algorithms(ConfigSection &section, RegistrarConfig &registrar) {
    const TomlValue *algorithms = section.texts("algorithms");
    if (!algorithms) return;
    std::vector<DigestAlgorithm> found;
    bool is_good = !algorithms->items.empty();
    for (const TomlValue &item : algorithms->items) {
        const auto algorithm = parse_digest_algorithm(item.text);
        is_good = is_good && algorithm && !is_session_algorithm(*algorithm) &&
                  std::find(found.begin(), found.end(), *algorithm) == found.end();
        if (is_good) found.push_back(*algorithm);
    }
    if (is_good) {
        registrar.algorithms = std::move(found);
    } else {
        section.problem(algorithms->at, "\"algorithms\" in [registrar] must be some of \"SHA-512-256\", "
                                        "\"SHA-256\" and \"MD5\", each once");
    }
}

} // namespace

void read_registrar(ConfigSection &section, Config &config) {
    read_algorithms(section, config.registrar);
    section.flag("enabled", config.registrar.is_enabled);
    const TomlValue *realm = section.text("realm", config.registrar.realm);
    if (realm && (config.registrar.realm.empty() || has_control_bytes(config.registrar.realm))) {
        section.problem(realm->at, "\"realm\" in [registrar] must be a line of text, for example \"tandem\"");
    }
    const TomlValue *challenge = section.flag("challenge_calls", config.registrar.challenge_calls);
    std::int64_t nonce = 300;
    section.number("nonce_s", 1, 86'400, nonce);
    config.registrar.nonce_lifetime = std::chrono::seconds(nonce);
    std::int64_t min_expires = 60;
    std::int64_t max_expires = 3600;
    const TomlValue *min_value = section.number("min_expires_s", 1, 86'400, min_expires);
    const TomlValue *max_value = section.number("max_expires_s", 1, 86'400 * 30, max_expires);
    if (min_expires > max_expires) {
        section.problem((min_value ? min_value : max_value)->at,
                        fmt::format("\"min_expires_s\" in [registrar] is {}, more than \"max_expires_s\", {}",
                                    min_expires, max_expires));
    }
    config.registrar.min_expires = std::chrono::seconds(min_expires);
    config.registrar.max_expires = std::chrono::seconds(max_expires);
    std::int64_t contacts = config.registrar.contacts_max;
    section.number("contacts_max", 1, 32, contacts);
    config.registrar.contacts_max = static_cast<std::uint32_t>(contacts);
    read_users(section, challenge, config.registrar);
    section.finish();
}

void read_rtpengine(ConfigSection &section) {
    if (const TomlValue *url = section.texts("url"); url && !url->items.empty()) {
        section.unavailable(url->at, "\"url\" in [rtpengine]", "write [], or leave it out");
    }
    section.finish();
}

} // namespace tandem
