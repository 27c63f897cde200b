// The configuration as the parts of a node read it: complete, checked, with every default filled in.
// What a file may say that this version does not do is refused or warned about by the reader and has no place here.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include "auth/digest.hpp"
#include "base/endpoint.hpp"
#include "base/instant.hpp"
#include "base/text.hpp"
#include "call/registration.hpp"
#include "call/router.hpp"
#include "dialog/profile_table.hpp"
#include "net/tls_context.hpp"
#include "node/cidr.hpp"
#include "node/template.hpp"
#include "storage/redis/redis_url.hpp"
#include "storage/sqlite/sqlite_store.hpp"

namespace tandem {

struct SipConfig {
    std::vector<Endpoint> listen;     // listener is the index; at least one
    std::string advertise_host;       // what Via and Contact show; with brackets if IPv6; empty: the bound address
    std::uint16_t advertise_port = 0; // 0: the bound port
    std::uint8_t workers = 1;
    Duration drain = std::chrono::seconds(30);
    std::vector<std::string> domains = {"127.0.0.1"}; // hosts of our addresses-of-record, as these have them
    std::vector<Cidr> trusted;                        // peers that assert identities, and are told them (RFC 3325)

    bool operator==(const SipConfig &) const = default;
};

struct StoreConfig {
    std::string path = "tandem.db"; // empty: nothing is kept
    Durability durability = Durability::process;
    Duration commit_interval = std::chrono::milliseconds(5); // at least, from one commit to the next
    Duration wait_max = std::chrono::milliseconds(1000);     // of messages for the store; then they go without it
    bool rejects_calls = false; // new ones while it fails, with 503; else they go on, and are written later

    bool operator==(const StoreConfig &) const = default;
};

struct RedisConfig {
    std::optional<RedisUrl> url; // none: no cluster
    std::string prefix = "tandem:";
    Duration lease = std::chrono::milliseconds(8000);
    Duration timeout = std::chrono::milliseconds(200); // that a call waits for it
    std::string cdr_stream;                            // where records go as well, after the prefix; empty: nowhere
    std::uint32_t cdr_stream_max = 100'000;            // records in it, about
    bool takes_over = false; // calls of nodes with the same advertised addresses that are gone

    bool operator==(const RedisConfig &) const = default;
};

struct LimitConfig {
    std::uint32_t calls = 65536;
    std::uint32_t dialogs = 131072;
    std::uint32_t transactions = 262144;
    std::uint32_t memory_mb = 0;                   // above which there are no new calls; 0: none
    Duration lag = std::chrono::milliseconds(100); // that messages wait to be read, the same; zero: none
    std::uint32_t source_rate = 0;                 // requests outside of dialogs, a second and source; 0: none
    std::uint32_t source_burst = 0;                // at once
    std::vector<Cidr> source_exempt;               // whom that does not concern

    bool operator==(const LimitConfig &) const = default;
};

struct RegistrarConfig {
    bool is_enabled = true;
    std::string realm = "tandem";
    std::map<std::string, std::string> users; // names and passwords; none: nobody registers
    Duration min_expires = std::chrono::seconds(60);
    Duration max_expires = std::chrono::seconds(3600);
    std::uint32_t contacts_max = 10;                                                            // bindings of a user
    bool challenge_calls = false;                                                               // of these users
    std::vector<DigestAlgorithm> algorithms = {DigestAlgorithm::sha_256, DigestAlgorithm::md5}; // at least one
    Duration nonce_lifetime = std::chrono::minutes(5);
};

struct ControlConfig {
    std::vector<std::string> urls; // of decision servers; none: nobody is asked
    Duration timeout = std::chrono::milliseconds(500);
    bool allows_undecided = false; // else what nobody has decided is refused
    bool is_asked_for_register = false;
    std::string ca;                   // whom to trust of those with https; empty: whom the system trusts
    std::uint32_t pending_max = 1024; // questions at a time

    bool operator==(const ControlConfig &) const = default;
};

struct TimerConfig { // zero: none
    Duration early = std::chrono::milliseconds(181'000);
    Duration no_ack = std::chrono::milliseconds(32'000);
    Duration max_duration = std::chrono::milliseconds(43'200'000);
    Duration session_expires = std::chrono::seconds(1800); // asked of each peer (RFC 4028)
    Duration min_se = std::chrono::seconds(90);            // not zero

    bool operator==(const TimerConfig &) const = default;
};

struct DnsConfig {
    std::vector<Endpoint> servers;              // empty: the system's
    Duration timeout = std::chrono::seconds(4); // of a lookup, whatever it takes

    bool operator==(const DnsConfig &) const = default;
};

struct TargetConfig {
    Endpoint to;                // with the listener that sends there; where `lookup` is: TLS if nothing else will do
    std::string lookup{};       // a URI whose host is a name
    std::string host_port;      // as in the request-URI
    std::string params;         // without the leading ';'
    bool is_secure = false;     // a SIPS URI
    std::string trunk;          // empty: none
    bool is_parallel = false;   // rings together with the one before it
    bool is_registered = false; // the phones of the user who is called; the rest says nothing
    std::string user{};         // whom it is for; empty: whom the call is for
    std::shared_ptr<const Account> account{}; // of the trunk; none: its challenges are refusals
    bool needs_registration = false;          // with the trunk: without it no call goes there
};

// What ProfileTable takes for a value.
inline bool is_profile_value(std::string_view text) {
    return text.size() <= ProfileTableOptions().value_size_max && !has_control_bytes(text);
}

struct ProfileUse {
    std::string name;
    std::optional<Template> value; // none: the profile has no values
};

struct RouteConfig {
    std::string match;                 // a regular expression that RE2 accepts; empty: all
    std::vector<Cidr> source;          // whose calls it takes; empty: those of this machine and of trunks
    std::vector<TargetConfig> targets; // at least one; tried in order
    std::vector<std::uint16_t> hunt_on = {408, 500, 503};
    Redirects redirects = Redirects::pass;
    ForkView forks = ForkView::each;
    Refers refers = Refers::local;
    Duration ring_timeout = std::chrono::seconds(60);
    bool is_controlled = false;   // a decision server is asked first
    std::optional<Template> user; // none: the user of the request-URI
    std::vector<std::pair<std::string, Template>> headers;
    std::vector<ProfileUse> profiles;
    std::vector<std::pair<std::string, Template>> variables; // texts
};

struct AuditConfig {
    Duration interval = std::chrono::seconds(60); // zero: only when it is asked for

    bool operator==(const AuditConfig &) const = default;
};

struct ApiConfig {                    // [admin], [call_api]
    std::optional<Endpoint> listen;   // none: it is off
    bool is_default = false;          // nobody has asked for that address: where it is taken, it is off
    std::string token;                // empty: everybody may
    std::vector<std::string> origins; // of pages that may connect, as browsers write them
    bool is_tls = false;              // with the certificate of [tls]
    bool is_traced = false;           // [admin]: messages of calls are kept though nobody looks

    bool operator==(const ApiConfig &) const = default;
};

struct CaptureConfig {
    std::optional<Endpoint> collector; // none: nobody sees the messages
    std::string password;
    std::uint32_t agent = 2001; // as which the collector knows us

    bool operator==(const CaptureConfig &) const = default;
};

enum class LogLevel : std::uint8_t { debug, info, warn, error, off };
enum class LogFormat : std::uint8_t { text, json };

struct LogConfig {
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::text;

    bool operator==(const LogConfig &) const = default;
};

struct Config {
    SipConfig sip;
    DnsConfig dns;
    TlsFiles tls;
    StoreConfig store;
    RedisConfig redis;
    LimitConfig limits;
    TimerConfig timers;
    AuditConfig audit;
    RegistrarConfig registrar;
    ControlConfig control;
    std::vector<ProfileOptions> profiles;
    std::vector<TargetConfig> trunks;             // all: calls are taken from their addresses
    std::vector<TrunkRegistration> registrations; // with some of them; each is another binding
    std::vector<RouteConfig> routes;              // in the order of the file: the first match wins
    CaptureConfig capture;
    LogConfig log;
    ApiConfig admin;
    ApiConfig call_api;
    std::vector<std::string> warnings; // one line each: what has no effect in this version
};

} // namespace tandem
