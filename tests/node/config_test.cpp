#include <cstdio>
#include <doctest/doctest.h>
#include <random>
#include <string>
#include <unistd.h>
#include "node/config_reader.hpp"

using namespace tandem;

namespace {

// The line that the file's author reads; empty: the file is good.
std::string problem_of(std::string_view text) {
    const auto config = parse_config(text, "f");
    return config ? std::string() : config.error().detail;
}

constexpr std::string_view good = R"(
[sip]
listen    = ["udp:127.0.0.1:5060", "udp:[::1]:5062"]
advertise = "sip.example.com:5080"
workers   = 1
drain_ms  = 1500
[tls]
certificate = ""
[dns]
servers    = ["192.0.2.53", "127.0.0.1:5353", "[::1]:5354", "2001:db8::53"]
timeout_ms = 2500
[store]
path       = "/tmp/x.db"
durability = "power"
commit_interval_ms = 0
wait_max_ms = 250
on_failure = "reject"
[audit]
interval_s = 5
[limits]
calls = 1000
dialogs = 3000
transactions = 5000
memory_mb = 256
lag_ms = 50
source_rate = 20
source_burst = 40
source_exempt = ["192.0.2.0/24", "2001:db8::/32"]
[redis]
url = ""
prefix = "tandem:"
lease_ms = 8000
timeout_ms = 200
cdr_stream = ""
cdr_stream_max = 100000
[timers]
early_ms = 1000
min_se_s = 10
no_ack_ms = 2000
max_duration_ms = 0
session_expires_s = 20
probe_ms = 0
[[profile]]
name = "total"
limit = 4294967295
[[profile]]
name = "user"
value = true
limit = 2
scope = "node"
on_outage = "open"
limits = { alice = 5, "b ob" = 0 }
[[profile]]
name = "counted"
limits = {}
[[trunk]]
name = "carrier-a"
uri = "sip:192.0.2.1:5070;transport=udp"
username = "u"
password = "geheim"
realm = ""
register = false
expires_s = 3600
[[route]]
match  = '^\+?44(\d+)'
source = ["127.0.0.0/8", "2001:db8::/32", "192.0.2.7"]
to     = ["carrier-a"]
hunt_on = [408, 500, 503]
ring_timeout_ms = 20000
profiles = ["total", "user={from.user}"]
user    = "0044$1"
headers = { "X-Tenant" = "blue {source.ip}" }
variables = { tenant = "blue", "caller=" = "{from.uri}" }
refer   = "local"
control = false
[[route]]
to = ["sip:[::1]:5071"]
[registrar]
enabled = true
realm = "tandem"
min_expires_s = 60
max_expires_s = 3600
users = {}
[control]
url = []
timeout_ms = 500
on_failure = "reject"
[call_api]
listen = ""
token = ""
[admin]
listen = ""
token = ""
[rtpengine]
url = []
[log]
level = "warn"
format = "json"
)";

} // namespace

TEST_CASE("config: an empty file has the defaults, and no route") {
    const auto config = parse_config("", "f");
    REQUIRE(config.ok());
    REQUIRE(config->sip.listen.size() == 1);
    CHECK(config->sip.listen[0].to_string() == "127.0.0.1:5060");
    CHECK(config->sip.listen[0].transport == Transport::udp);
    CHECK(config->sip.advertise_host.empty());
    CHECK(config->sip.drain == std::chrono::seconds(30));
    CHECK(config->dns.servers.empty());
    CHECK(to_ms(config->dns.timeout) == 4000);
    CHECK(config->store.path == "tandem.db");
    CHECK(config->store.durability == Durability::process);
    CHECK(config->store.commit_interval == std::chrono::milliseconds(5));
    CHECK(config->store.wait_max == std::chrono::seconds(1));
    CHECK_FALSE(config->store.rejects_calls);
    CHECK(config->audit.interval == std::chrono::seconds(60));
    CHECK(config->limits == LimitConfig());
    CHECK(to_ms(config->timers.early) == 181'000);
    CHECK(to_ms(config->timers.no_ack) == 32'000);
    CHECK(to_ms(config->timers.max_duration) == 43'200'000);
    CHECK(to_ms(config->timers.session_expires) == 1'800'000);
    CHECK(to_ms(config->timers.min_se) == 90'000);
    CHECK(config->profiles.empty());
    CHECK(config->routes.empty());
    CHECK(config->log.level == LogLevel::info);
    CHECK(config->log.format == LogFormat::text);
    CHECK(config->warnings.empty());
}

TEST_CASE("config: every section and key of a full file is read") {
    const auto config = parse_config(good, "f");
    INFO(problem_of(good));
    REQUIRE(config.ok());
    REQUIRE(config->sip.listen.size() == 2);
    CHECK(config->sip.listen[1].to_string() == "[::1]:5062");
    CHECK(config->sip.listen[1].listener == 1);
    CHECK(config->sip.advertise_host == "sip.example.com");
    CHECK(config->sip.advertise_port == 5080);
    CHECK(to_ms(config->sip.drain) == 1500);
    std::string servers;
    for (const Endpoint &server : config->dns.servers) servers += server.to_string() + " ";
    CHECK(servers == "192.0.2.53:53 127.0.0.1:5353 [::1]:5354 [2001:db8::53]:53 ");
    CHECK(to_ms(config->dns.timeout) == 2500);
    CHECK(config->store.path == "/tmp/x.db");
    CHECK(config->store.durability == Durability::power);
    CHECK(config->store.commit_interval == Duration::zero());
    CHECK(config->store.wait_max == std::chrono::milliseconds(250));
    CHECK(config->store.rejects_calls);
    CHECK(config->audit.interval == std::chrono::seconds(5));
    const LimitConfig &limits = config->limits;
    CHECK(limits.calls == 1000);
    CHECK(limits.dialogs == 3000);
    CHECK(limits.transactions == 5000);
    CHECK(limits.memory_mb == 256);
    CHECK(limits.lag == std::chrono::milliseconds(50));
    CHECK(limits.source_rate == 20);
    CHECK(limits.source_burst == 40);
    REQUIRE(limits.source_exempt.size() == 2);
    CHECK(limits.source_exempt[1].network() == "2001:db8::/32");
    CHECK(to_ms(config->timers.early) == 1000);
    CHECK(to_ms(config->timers.session_expires) == 20'000);
    CHECK(to_ms(config->timers.min_se) == 10'000);
    CHECK(to_ms(config->timers.no_ack) == 2000);
    CHECK(config->timers.max_duration == Duration::zero());
    CHECK(config->log.level == LogLevel::warn);
    CHECK(config->log.format == LogFormat::json);

    REQUIRE(config->profiles.size() == 3);
    CHECK(config->profiles[0].name == "total");
    CHECK(!config->profiles[0].has_values);
    CHECK(config->profiles[0].limit == 4'294'967'295);
    CHECK(config->profiles[0].limits.empty());
    CHECK(config->profiles[1].name == "user");
    CHECK(config->profiles[1].has_values);
    CHECK(config->profiles[1].limit == 2);
    CHECK(config->profiles[1].limits == std::vector<std::pair<std::string, std::uint32_t>>{{"alice", 5}, {"b ob", 0}});
    CHECK(config->profiles[2].name == "counted");
    CHECK(config->profiles[2].limit == 0);

    REQUIRE(config->routes.size() == 2);
    const RouteConfig &first = config->routes[0];
    CHECK(first.match == R"(^\+?44(\d+))");
    CHECK(first.source.size() == 3);
    CHECK(first.targets.at(0).trunk == "carrier-a");
    CHECK(first.targets.at(0).host_port == "192.0.2.1:5070");
    CHECK(first.targets.at(0).params == "transport=udp");
    CHECK(first.targets.at(0).to.to_string() == "192.0.2.1:5070");
    CHECK(first.targets.at(0).to.listener == 0);
    CHECK(to_ms(first.ring_timeout) == 20'000);
    CHECK(first.user.has_value());
    REQUIRE(first.headers.size() == 1);
    CHECK(first.headers[0].first == "X-Tenant");
    REQUIRE(first.profiles.size() == 2);
    CHECK(first.profiles[0].name == "total");
    CHECK(!first.profiles[0].value);
    CHECK(first.profiles[1].name == "user");
    CHECK(first.profiles[1].value.has_value());
    REQUIRE(first.variables.size() == 2);
    CHECK(first.variables[0].first == "tenant");
    CHECK(first.variables[1].first == "caller=");
    const RouteConfig &second = config->routes[1];
    CHECK(second.targets.at(0).trunk.empty());
    CHECK(second.targets.at(0).host_port == "[::1]:5071");
    CHECK(second.targets.at(0).to.listener == 1);
    CHECK(to_ms(second.ring_timeout) == 60'000);
}

TEST_CASE("config: a route names targets in order, and those that ring together in an array of their own") {
    const auto config =
        parse_config("[[trunk]]\nname = \"t\"\nuri = \"sip:127.0.0.1:1\"\n"
                     "[[route]]\nto = [\"t\", [\"sip:127.0.0.1:2\", \"t\", \"sip:127.0.0.1:3\"]]\n"
                     "hunt_on = [486, 503, 486]\nredirects = \"follow\"\nforks = \"one\"\nrefer = \"pass\"\n"
                     "[[route]]\nto = [\"t\"]\n",
                     "f");
    REQUIRE(config.ok());
    const RouteConfig &route = config->routes.at(0);
    std::string order;
    for (const TargetConfig &target : route.targets) {
        order += (target.is_parallel ? "+" : " ") + std::to_string(target.to.port);
    }
    CHECK(order == " 1 2+1+3");
    CHECK(route.hunt_on == std::vector<std::uint16_t>{486, 503});
    CHECK(route.redirects == Redirects::follow);
    CHECK(route.forks == ForkView::one);
    CHECK(route.refers == Refers::pass);
    const RouteConfig &plain = config->routes.at(1);
    CHECK(plain.hunt_on == std::vector<std::uint16_t>{408, 500, 503});
    CHECK(plain.redirects == Redirects::pass);
    CHECK(plain.forks == ForkView::each);
    CHECK(plain.refers == Refers::local);
}

TEST_CASE("config: the phones of the user who is called are a target like others") {
    const auto config =
        parse_config("[[route]]\nto = [\"sip:127.0.0.1:1\", [\"sip:127.0.0.1:2\", \"registered\"]]\n", "f");
    REQUIRE(config.ok());
    const auto &targets = config->routes.at(0).targets;
    REQUIRE(targets.size() == 3);
    CHECK(!targets[1].is_registered);
    CHECK(targets[2].is_registered);
    CHECK(targets[2].is_parallel);
}

TEST_CASE("config: a target with a name is looked up for each call, as its URI says") {
    const auto config = parse_config("[[trunk]]\nname = \"t\"\nuri = \"sip:carrier.example;transport=udp\"\n"
                                     "[[route]]\nto = [\"t\", \"sip:pbx.example:5080\", "
                                     "\"sip:192.0.2.1;maddr=maddr.example\", \"sip:x.example;maddr=192.0.2.2\"]\n",
                                     "f");
    REQUIRE(config.ok());
    const auto &targets = config->routes.at(0).targets;
    CHECK(targets.at(0).lookup == "sip:carrier.example;transport=udp");
    CHECK(targets.at(0).host_port == "carrier.example");
    CHECK(targets.at(0).params == "transport=udp");
    CHECK(targets.at(0).trunk == "t");
    CHECK(targets.at(1).lookup == "sip:pbx.example:5080");
    CHECK(targets.at(1).host_port == "pbx.example:5080");
    CHECK(targets.at(2).lookup == "sip:192.0.2.1;maddr=maddr.example");
    CHECK(targets.at(3).lookup.empty()); // maddr is where it goes
    CHECK(targets.at(3).to.to_string() == "192.0.2.2:5060");
}

TEST_CASE("config: dialogs and transactions follow the calls, and the burst the rate, where nothing else is said") {
    const auto config = parse_config("[limits]\ncalls = 10\nsource_rate = 7\n", "f");
    REQUIRE(config.ok());
    CHECK(config->limits.dialogs == 20);
    CHECK(config->limits.transactions == 40);
    CHECK(config->limits.source_burst == 7);
    const auto idle = parse_config("[limits]\nsource_burst = 7\n", "f");
    REQUIRE(idle.ok());
    CHECK(idle->warnings ==
          std::vector<std::string>{"f:2:16: \"source_burst\" in [limits] has no effect without \"source_rate\""});
}

TEST_CASE(
    "config: the registrar has its defaults, or what the file says; domains are as addresses-of-record have them") {
    const auto plain = parse_config("", "f");
    REQUIRE(plain.ok());
    CHECK(plain->registrar.is_enabled);
    CHECK(plain->registrar.users.empty());
    CHECK(plain->registrar.min_expires == std::chrono::seconds(60));
    CHECK(plain->registrar.max_expires == std::chrono::seconds(3600));
    CHECK(plain->registrar.contacts_max == 10);

    const auto config = parse_config("[sip]\ndomains = [\"Example.COM\", \"2001:DB8:0::1\", \"192.0.2.1\"]\n"
                                     "[registrar]\nenabled = false\nrealm = \"r\"\nusers = { alice = \"geheim\" }\n"
                                     "min_expires_s = 30\nmax_expires_s = 90\ncontacts_max = 3\nnonce_s = 10\n"
                                     "algorithms = [\"md5\", \"SHA-512-256\"]\n",
                                     "f");
    REQUIRE(config.ok());
    CHECK(config->sip.domains == std::vector<std::string>{"example.com", "[2001:db8::1]", "192.0.2.1"});
    const RegistrarConfig &registrar = config->registrar;
    CHECK(!registrar.is_enabled);
    CHECK(registrar.users == std::map<std::string, std::string>{{"alice", "geheim"}});
    CHECK(registrar.min_expires == std::chrono::seconds(30));
    CHECK(registrar.max_expires == std::chrono::seconds(90));
    CHECK(registrar.contacts_max == 3);
    CHECK(!registrar.challenge_calls);
    CHECK(registrar.nonce_lifetime == std::chrono::seconds(10));
    CHECK(registrar.algorithms == std::vector{DigestAlgorithm::md5, DigestAlgorithm::sha_512_256});
    CHECK(config->warnings.empty());
}

TEST_CASE("config: a trunk is registered with as its user, at its address or by its name") {
    const auto config =
        parse_config("[sip]\nlisten = [\"udp:[::1]:5060\", \"udp:127.0.0.1:5060\", "
                     "\"tcp:127.0.0.1:5060\"]\n"
                     "[[trunk]]\nname = \"a\"\nuri = \"sip:127.0.0.1:5070;transport=tcp\"\n"
                     "username = \"+44 1@b%\"\npassword = \"p\"\nregister = true\n"
                     "[[trunk]]\nname = \"b\"\nuri = \"sip:Carrier.example\"\nusername = \"u\"\n"
                     "password = \"p\"\nregister = true\nexpires_s = 90\nretry_s = 5\n"
                     "[[trunk]]\nname = \"c\"\nuri = \"sip:127.0.0.1\"\nusername = \"u\"\npassword = \"p\"\n"
                     "[[route]]\nto = [\"a\", \"c\"]\n",
                     "f");
    INFO((config.ok() ? "" : config.error().detail));
    REQUIRE(config.ok());
    REQUIRE(config->registrations.size() == 2);
    const TrunkRegistration &a = config->registrations[0];
    CHECK(a.trunk == "a");
    CHECK(a.options.registrar == "sip:127.0.0.1:5070;transport=tcp");
    CHECK(a.options.aor == "sip:+44%201%40b%25@127.0.0.1");
    CHECK(a.options.user == "+44%201%40b%25");
    CHECK(a.options.account->username == "+44 1@b%");
    CHECK(a.options.expires == std::chrono::seconds(3600));
    CHECK(a.options.retry == std::chrono::seconds(30));
    CHECK(a.to.to_string() == "127.0.0.1:5070");
    CHECK(a.to.listener == 2);
    CHECK(a.lookup.empty());
    const TrunkRegistration &b = config->registrations[1];
    CHECK(b.options.registrar == "sip:Carrier.example");
    CHECK(b.options.aor == "sip:u@Carrier.example");
    CHECK(b.lookup == "sip:Carrier.example");
    CHECK(b.options.expires == std::chrono::seconds(90));
    CHECK(b.options.retry == std::chrono::seconds(5));
    CHECK(config->routes[0].targets[0].needs_registration);
    CHECK_FALSE(config->routes[0].targets[1].needs_registration);
}

TEST_CASE("config: administration listens on 127.0.0.1:8080 unless the file says otherwise, the Call API nowhere") {
    const auto none = parse_config("", "f");
    CHECK(none->admin.listen->to_string() == "127.0.0.1:8080");
    CHECK(none->admin.is_default);
    CHECK(!none->call_api.listen);
    const auto config = parse_config("[admin]\nlisten = \"\"\n[call_api]\nlisten = \"[::1]:5059\"\ntoken = \"s3cret\"\n"
                                     "origins = [\"https://a.example\"]\n",
                                     "f");
    CHECK(!config->admin.listen);
    CHECK(config->call_api.listen->to_string() == "[::1]:5059");
    CHECK(!config->call_api.is_default);
    CHECK(config->call_api.token == "s3cret");
    CHECK(config->call_api.origins == std::vector<std::string>{"https://a.example"});
}

TEST_CASE("config: what is likely to be a mistake is a warning with its place") {
    const auto config = parse_config("[sip]\ndomains = [\"a\"]\n[tls]\nverify_peer = true\n"
                                     "[admin]\nlisten = \"192.0.2.1:8080\"\n[call_api]\nlisten = \"[::1]:5059\"\n",
                                     "f");
    REQUIRE(config.ok());
    const std::vector<std::string> expected = {
        "f:5:1: [admin] listens on 192.0.2.1:8080 without a \"token\": whoever reaches it may do everything",
    };
    CHECK(config->warnings == expected);
}

TEST_CASE("config: the first thing wrong is named with its line and column, and with what would be right") {
    struct Case {
        std::string_view text;
        std::string_view problem;
    };
    static constexpr std::string_view listen_help =
        "write TRANSPORT:ADDRESS:PORT, for example \"udp:127.0.0.1:5060\" or \"udp:[::1]:5060\"";
    static const Case cases[] = {
        // syntax
        {"[sip\n", "f:1:5: Error while parsing table header: expected ']', saw '\\n'"},
        {"a = 1\na = 2\n", "f:2:5: Error while parsing key-value pair: cannot redefine existing integer 'a'"},
        // sections
        {"[sipp]\n", "f:1:2: unknown section [sipp]; did you mean [sip]?"},
        {"\n[nonsense]\n",
         "f:2:2: unknown section [nonsense]; known sections are sip, tls, dns, store, redis, limits, timers, "
         "audit, profile, trunk, control, route, registrar, call_api, admin, rtpengine, capture, log"},
        {"listen = 1\n",
         "f:1:1: unknown key \"listen\" outside of every section; known sections are sip, tls, dns, store, "
         "redis, limits, timers, audit, profile, trunk, control, route, registrar, call_api, admin, rtpengine, "
         "capture, log"},
        {"sip = 1\n", "f:1:1: \"sip\" must be one table; write [sip]"},
        {"[[log]]\n", "f:1:3: \"log\" must be one table; write [log]"},
        {"[profile]\nname = \"a\"\n", "f:1:2: \"profile\" may be there several times; write [[profile]]"},
        {"route = [1]\n", "f:1:10: \"route\" may be there several times; write [[route]]"},
        // [sip]
        {"\n[sip]\nlisen = []\n", "f:3:1: unknown key \"lisen\" in [sip]; did you mean \"listen\"?"},
        {"[sip]\nlisten = \"udp:127.0.0.1:5060\"\n", "f:2:10: \"listen\" in [sip] must be an array, not a string"},
        {"[sip]\nlisten = [ 5060 ]\n", "f:2:12: \"listen\" in [sip] must be an array of strings, not an integer"},
        {"[sip]\nlisten = []\n", "f:2:10: \"listen\" in [sip] must name from 1 to 16 addresses, not 0"},
        {"[sip]\nlisten = [\"udp:127.0.0.1:5060\", \"udp:127.0.0.1:5060\"]\n",
         "f:2:33: \"udp:127.0.0.1:5060\" is in \"listen\" of [sip] twice; write it once"},
        {"[sip]\nlisten = [\"udp:0.0.0.0:5060\"]\n",
         "f:2:11: \"udp:0.0.0.0:5060\" in \"listen\" of [sip] is no address that others can send to; say with "
         "\"advertise\" which one they use"},
        {"[sip]\nlisten = [\"ws:127.0.0.1:5060\"]\n", "f:2:11: the transport of \"ws:127.0.0.1:5060\" in \"listen\" of "
                                                      "[sip] is not available in this version; write udp, tcp or tls"},
        {"[sip]\nlisten = [\"udp:127.0.0.1:5060\", \"tcp:127.0.0.1:5060\", \"tcp:127.0.0.1:5060\"]\n",
         "f:2:55: \"tcp:127.0.0.1:5060\" is in \"listen\" of [sip] twice; write it once"},
        {"[sip]\nadvertise = \"a b\"\n", "f:2:13: bad \"advertise\" in [sip]: \"a b\"; write HOST or HOST:PORT, for "
                                         "example \"sip.example.com:5060\" or \"[2001:db8::1]\""},
        {"[sip]\nworkers = 0\n", "f:2:11: \"workers\" in [sip] must be from 1 to 64, not 0"},
        {"[sip]\nworkers = 65\n", "f:2:11: \"workers\" in [sip] must be from 1 to 64, not 65"},
        {"[sip]\nworkers = \"2\"\n", "f:2:11: \"workers\" in [sip] must be an integer, not a string"},
        {"[sip]\ndrain_ms = 1.5\n", "f:2:12: \"drain_ms\" in [sip] must be an integer, not a fractional number"},
        {"[sip]\ndrain_ms = -1\n", "f:2:12: \"drain_ms\" in [sip] must be from 0 to 2592000000, not -1"},
        {"[sip]\ndomains = [true]\n", "f:2:12: \"domains\" in [sip] must be an array of strings, not a boolean"},
        // [tls]
        {"[sip]\nlisten = [\"tls:127.0.0.1:5061\"]\n",
         "f:2:11: \"tls:127.0.0.1:5061\" in \"listen\" of [sip] needs \"certificate\" and \"key\" in [tls]"},
        {"[sip]\nlisten = [\"tcp:127.0.0.1:5061\", \"tls:127.0.0.1:5061\"]\n[tls]\ncertificate = \"a\"\nkey = \"b\"\n",
         "f:2:33: \"tls:127.0.0.1:5061\" is in \"listen\" of [sip] twice; write it once"},
        {"[tls]\ncertificate = \"a\"\n", "f:2:15: \"certificate\" in [tls] needs \"key\" beside it"},
        {"[tls]\nkey = \"a\"\n", "f:2:7: \"key\" in [tls] needs \"certificate\" beside it"},
        {"[tls]\nca = 1\n", "f:2:6: \"ca\" in [tls] must be a string, not an integer"},
        {"[tls]\nverify_peer = 1\n", "f:2:15: \"verify_peer\" in [tls] must be true or false, not an integer"},
        // [dns]
        {"[dns]\nservers = [\"127.0.0.1:0\"]\n",
         "f:2:12: bad address \"127.0.0.1:0\" in \"servers\" of [dns]; write ADDRESS or ADDRESS:PORT, for example "
         "\"192.0.2.53\" or \"[::1]:5353\""},
        {"[dns]\nservers = [\"ns.example.com\"]\n",
         "f:2:12: bad address \"ns.example.com\" in \"servers\" of [dns]; write ADDRESS or ADDRESS:PORT, for example "
         "\"192.0.2.53\" or \"[::1]:5353\""},
        {"[dns]\nservers = [\"::1\", \"::1\", \"::1\", \"::1\", \"::1\", \"::1\", \"::1\", \"::1\", \"::1\"]\n",
         "f:2:11: \"servers\" in [dns] may name 8 addresses at most, not 9"},
        {"[dns]\ntimeout_ms = 0\n", "f:2:14: \"timeout_ms\" in [dns] must be from 100 to 60000, not 0"},
        {"[dns]\nserver = []\n", "f:2:1: unknown key \"server\" in [dns]; did you mean \"servers\"?"},
        // [store]
        {"[store]\npath = \"a\\u0000b\"\n", "f:2:8: \"path\" in [store] must not hold a NUL character"},
        {"[store]\ndurability = \"full\"\n",
         "f:2:14: \"durability\" in [store] must be one of none, process, power, not \"full\""},
        // [limits]
        {"[limits]\ncalls = 0\n", "f:2:9: \"calls\" in [limits] must be from 1 to 1000000, not 0"},
        {"[limits]\ndialogs = 1\n", "f:2:11: \"dialogs\" in [limits] must be from 2 to 4000000, not 1"},
        {"[limits]\ntransactions = 1\n", "f:2:16: \"transactions\" in [limits] must be from 2 to 8000000, not 1"},
        {"[limits]\nmemory_mb = -1\n", "f:2:13: \"memory_mb\" in [limits] must be from 0 to 16777216, not -1"},
        {"[limits]\nlag_ms = 20000\n", "f:2:10: \"lag_ms\" in [limits] must be from 0 to 10000, not 20000"},
        {"[limits]\nsource_rate = 1000001\n",
         "f:2:15: \"source_rate\" in [limits] must be from 0 to 1000000, not 1000001"},
        {"[limits]\nsource_rate = 1\nsource_burst = 0\n",
         "f:3:16: \"source_burst\" in [limits] must be from 1 to 1000000, not 0"},
        {"[limits]\nsource_exempt = [\"10.0.0.1/8\"]\n",
         "f:2:18: \"10.0.0.1/8\" in \"source_exempt\" of [limits] has bits behind its prefix; write \"10.0.0.0/8\""},
        {"[limits]\ncall = 5\n", "f:2:1: unknown key \"call\" in [limits]; did you mean \"calls\"?"},
        {"[store]\ncommit_interval_ms = 2000\n",
         "f:2:22: \"commit_interval_ms\" in [store] must be from 0 to 1000, not 2000"},
        {"[store]\nwait_max_ms = 0\n", "f:2:15: \"wait_max_ms\" in [store] must be from 1 to 60000, not 0"},
        {"[audit]\ninterval_s = -1\n", "f:2:14: \"interval_s\" in [audit] must be from 0 to 86400, not -1"},
        {"[store]\non_failure = \"allow\"\n",
         "f:2:14: \"on_failure\" in [store] must be one of continue, reject, not \"allow\""},
        // [capture]
        {"[capture]\nurl = \"127.0.0.1:9060\"\n",
         "f:2:7: bad \"url\" in [capture]: \"127.0.0.1:9060\"; write udp:ADDRESS:PORT or tcp:ADDRESS:PORT, "
         "for example \"udp:127.0.0.1:9060\", or \"\" for none"},
        {"[capture]\nurl = \"udp:homer:9060\"\n",
         "f:2:7: bad \"url\" in [capture]: \"udp:homer:9060\"; write udp:ADDRESS:PORT or tcp:ADDRESS:PORT, "
         "for example \"udp:127.0.0.1:9060\", or \"\" for none"},
        {"[capture]\nurl = \"tls:127.0.0.1:9060\"\n",
         "f:2:7: the transport of \"tls:127.0.0.1:9060\" in [capture] is not available in this version; write udp or "
         "tcp"},
        {"[capture]\nagent = -1\n", "f:2:9: \"agent\" in [capture] must be from 0 to 4294967295, not -1"},
        {"[capture]\nurls = []\n", "f:2:1: unknown key \"urls\" in [capture]; did you mean \"url\"?"},
        // [redis]
        {"[redis]\nurl = \"127.0.0.1\"\n", "f:2:7: bad \"url\" in [redis]; write redis://HOST:PORT/DATABASE"},
        {"[redis]\nurl = \"rediss://:hush@a\"\n",
         "f:2:7: bad \"url\" in [redis]; TLS towards Redis is not available; write redis://"},
        {"[redis]\nprefix = \"a{b}\"\n", "f:2:10: bad \"prefix\" in [redis]; write up to 64 bytes without braces and "
                                         "control characters"},
        {"[redis]\ntimeout_ms = 0\n", "f:2:14: \"timeout_ms\" in [redis] must be from 1 to 60000, not 0"},
        {"[redis]\ntakeover = true\n", "f:2:12: \"takeover\" in [redis] needs \"url\" beside it"},
        {"[redis]\nurl = \"redis://127.0.0.1\"\nlease_ms = 1999\ntakeover = true\n",
         "f:4:12: \"takeover\" in [redis] needs a \"lease_ms\" of 2000 or more"},
        {"[redis]\nurl = \"redis://a\"\ncdr_stream = \"{a}\"\n",
         "f:3:14: bad \"cdr_stream\" in [redis]; write up to 64 bytes without braces and control characters"},
        {"[redis]\ncdr_stream = \"a\"\n", "f:2:14: \"cdr_stream\" in [redis] needs \"url\" beside it"},
        {"[redis]\ncdr_stream_max = 0\n", "f:2:18: \"cdr_stream_max\" in [redis] must be from 1 to 1000000000, not 0"},
        {"[redis]\nlease_ms = 1\n", "f:2:12: \"lease_ms\" in [redis] must be from 100 to 3600000, not 1"},
        // [timers]
        {"[timers]\nearly_ms = \"1\"\n", "f:2:12: \"early_ms\" in [timers] must be an integer, not a string"},
        {"[timers]\nsession_expires_s = 89\n",
         "f:2:21: \"session_expires_s\" in [timers] is 89, less than \"min_se_s\", 90"},
        {"[timers]\nmin_se_s = 1801\n",
         "f:2:12: \"session_expires_s\" in [timers] is 1800, less than \"min_se_s\", 1801"},
        {"[timers]\nmin_se_s = 0\n", "f:2:12: \"min_se_s\" in [timers] must be from 1 to 86400, not 0"},
        {"[timers]\nprobe_ms = 5\n",
         "f:2:12: \"probe_ms\" in [timers] is not available in this version; write 0, or leave it out"},
        // [[profile]]
        {"[[profile]]\nvalue = true\n", "f:1:1: [[profile]] needs \"name\""},
        {"[[profile]]\nname = \"a=b\"\n",
         "f:2:8: bad \"name\" in [[profile]]: \"a=b\"; write up to 64 letters, digits, "
         "'-', '_' or '.', and not \"registered\""},
        {"[[profile]]\nname = \"a\"\n[[profile]]\nname = \"a\"\n",
         "f:4:8: \"name\" in [[profile]] must be unique, and \"a\" is there already"},
        {"[[profile]]\nname = \"a\"\nlimit = -1\n",
         "f:3:9: \"limit\" in [[profile]] must be from 0 to 4294967295, not -1"},
        {"[[profile]]\nname = \"a\"\nlimit = 4294967296\n",
         "f:3:9: \"limit\" in [[profile]] must be from 0 to 4294967295, not 4294967296"},
        {"[[profile]]\nname = \"a\"\nlimits = { b = 1 }\n",
         "f:3:10: \"limits\" in [[profile]] are those of single values, and this profile has none; write value = true, "
         "or \"limit\" alone"},
        {"[[profile]]\nname = \"a\"\nlimits = { b = -1 }\nvalue = true\n",
         "f:3:16: \"b\" in \"limits\" of [[profile]] must be from 0 to 4294967295, not -1"},
        {"[[profile]]\nname = \"a\"\nvalue = true\n[profile.limits]\nb = 4294967296\n",
         "f:5:5: \"b\" in \"limits\" of [[profile]] must be from 0 to 4294967295, not 4294967296"},
        {"[[profile]]\nname = \"a\"\nvalue = true\nlimits = { b = \"2\" }\n",
         "f:4:16: \"b\" in \"limits\" of [[profile]] must be an integer, not a string"},
        {"[[profile]]\nname = \"a\"\nvalue = true\nlimits = { \"b\\t\" = 2 }\n",
         "f:4:12: bad value \"b?\" in \"limits\" of [[profile]]; write up to 256 bytes without control characters"},
        {"[[profile]]\nname = \"a\"\nscope = \"cluster\"\n",
         "f:3:9: the scope \"cluster\" in [[profile]] needs \"url\" in [redis]"},
        {"[[profile]]\nname = \"a\"\non_outage = \"x\"\n",
         "f:3:13: \"on_outage\" in [[profile]] must be one of closed, open, local, not \"x\""},
        // [[trunk]]
        {"[[trunk]]\nname = \"a\"\n", "f:1:1: [[trunk]] needs \"uri\""},
        {"[[trunk]]\nname = \"a\"\nuri = \"\"\n", "f:3:7: \"uri\" in [[trunk]] must not be empty"},
        {"[[trunk]]\nname = \"registered\"\nuri = \"sip:127.0.0.1\"\n",
         "f:2:8: bad \"name\" in [[trunk]]: \"registered\"; write up to 64 letters, digits, '-', '_' or '.', and not "
         "\"registered\""},
        {"[[trunk]]\nname = \"a\"\nuri = \"http://x\"\n", "f:3:7: bad URI \"http://x\" in \"uri\" of [[trunk]]; write "
                                                          "sip:HOST:PORT, for example \"sip:192.0.2.1:5060\""},
        {"[[trunk]]\nname = \"a\"\nuri = \"sip:exa$mple.com\"\n",
         "f:3:7: \"sip:exa$mple.com\" in \"uri\" of [[trunk]]: \"exa$mple.com\" is neither an address nor a name that "
         "DNS could know"},
        {"[[trunk]]\nname = \"a\"\nuri = \"sip:example.com;transport=sctp\"\n",
         "f:3:7: \"sip:example.com;transport=sctp\" in \"uri\" of [[trunk]] needs an address with its transport in "
         "\"listen\" of [sip]"},
        {"[[trunk]]\nname = \"a\"\nuri = \"sip:example.com;transport=ws\"\n",
         "f:3:7: \"sip:example.com;transport=ws\" in \"uri\" of [[trunk]] needs an address with its transport in "
         "\"listen\" of [sip]"},
        {"[[trunk]]\nname = \"a\"\nuri = \"sips:example.com\"\n",
         "f:3:7: \"sips:example.com\" in \"uri\" of [[trunk]] needs an address with its transport in \"listen\" of "
         "[sip]"},
        {"[[trunk]]\nname = \"a\"\nuri = \"sip:127.0.0.1;transport=tcp\"\n",
         "f:3:7: \"sip:127.0.0.1;transport=tcp\" in \"uri\" of [[trunk]] needs an address like "
         "\"tcp:127.0.0.1:5060\" in \"listen\" of [sip]"},
        {"[[trunk]]\nname = \"a\"\nuri = \"sip:127.0.0.1;transport=wss\"\n",
         "f:3:7: the transport of \"sip:127.0.0.1;transport=wss\" in \"uri\" of [[trunk]] is not available in this "
         "version; write udp, tcp or tls"},
        {"[[trunk]]\nname = \"a\"\nuri = \"sips:127.0.0.1\"\n",
         "f:3:7: \"sips:127.0.0.1\" in \"uri\" of [[trunk]] needs an address like \"tls:127.0.0.1:5060\" in "
         "\"listen\" of [sip]"},
        {"[[trunk]]\nname = \"a\"\nuri = \"sips:127.0.0.1;transport=udp\"\n",
         "f:3:7: the transport of \"sips:127.0.0.1;transport=udp\" in \"uri\" of [[trunk]] is not available in this "
         "version; write udp, tcp or tls"},
        {"[[trunk]]\nname = \"a\"\nuri = \"sip:bob@127.0.0.1\"\n",
         "f:3:7: \"sip:bob@127.0.0.1\" in \"uri\" of [[trunk]] has a user or headers; write the address alone: the "
         "user "
         "is the call's, or the route's \"user\""},
        {"[[trunk]]\nname = \"a\"\nuri = \"sip:[::1]:5060\"\n",
         "f:3:7: \"sip:[::1]:5060\" in \"uri\" of [[trunk]] needs an address like \"udp:[::1]:5060\" in "
         "\"listen\" of [sip]"},
        {"[[trunk]]\nname = \"a\"\nuri = \"sip:127.0.0.1\"\npassword = 7\n",
         "f:4:12: \"password\" in [[trunk]] must be a string, not an integer"},
        {"[[trunk]]\nname = \"a\"\nuri = \"sip:127.0.0.1\"\nregister = true\n",
         "f:4:12: \"register\" in [[trunk]] needs \"username\" and \"password\"; write them, or false"},
        {"[[trunk]]\nname = \"a\"\nuri = \"sip:127.0.0.1\"\nregister = 1\n",
         "f:4:12: \"register\" in [[trunk]] must be true or false, not an integer"},
        {"[[trunk]]\nname = \"a\"\nuri = \"sip:127.0.0.1\"\nexpires_s = 0\n",
         "f:4:13: \"expires_s\" in [[trunk]] must be from 1 to 2592000, not 0"},
        {"[[trunk]]\nname = \"a\"\nuri = \"sip:127.0.0.1\"\nretry_s = 1801\n",
         "f:4:11: \"retry_s\" in [[trunk]] must be from 1 to 1800, not 1801"},
        {"[[trunk]]\nname = \"a\"\nuri = \"sip:127.0.0.1\"\nregister = true\nusername = \"u\"\npassword = \"p\"\n"
         "[[trunk]]\nname = \"b\"\nuri = \"sip:127.0.0.1\"\nregister = true\nusername = \"u\"\npassword = \"q\"\n",
         "f:10:12: \"register\" in [[trunk]]: \"a\" registers as sip:u@127.0.0.1 with the same \"uri\"; one "
         "registration "
         "is enough"},
        {"[sip]\ntrusted = [\"10.0.0.1/8\"]\n",
         "f:2:12: \"10.0.0.1/8\" in \"trusted\" of [sip] has bits behind its prefix; write \"10.0.0.0/8\""},
        // [[route]]
        {"\n[[route]]\nmatch = \"\"\n", "f:2:1: [[route]] needs \"to\""},
        {"[[route]]\nto = []\n", "f:2:6: \"to\" in [[route]] must name from 1 to 32 targets, not 0; write the names of "
                                 "[[trunk]]s, URIs or \"registered\""},
        {"[[route]]\nto = [7]\n",
         "f:2:7: \"to\" in [[route]] must hold strings, and arrays of strings for targets that "
         "ring together, not an integer"},
        {"[[route]]\nto = [[\"sip:127.0.0.1\", [\"x\"]]]\n",
         "f:2:25: \"to\" in [[route]] must hold strings, and arrays of strings for targets that ring together, not an "
         "array"},
        {"[[route]]\nto = [\"sip:127.0.0.1\", []]\n",
         "f:2:24: an array in \"to\" of [[route]] is empty; write what rings"},
        {"[[route]]\nto = [\"sip:127.0.0.1\"]\nredirects = \"chase\"\n",
         "f:3:13: \"redirects\" in [[route]] must be one of pass, follow, not \"chase\""},
        {"[[route]]\nto = [\"sip:127.0.0.1\"]\nforks = \"none\"\n",
         "f:3:9: \"forks\" in [[route]] must be one of each, one, not \"none\""},
        {"[[route]]\nto = [\"carier-a\"]\n[[trunk]]\nname = \"carrier-a\"\nuri = \"sip:127.0.0.1\"\n",
         "f:2:7: no [[trunk]] is called \"carier-a\"; did you mean \"carrier-a\"?"},
        {"[[route]]\nto = [\"x\"]\n",
         "f:2:7: no [[trunk]] is called \"x\"; write the name of a [[trunk]] or a URI like "
         "\"sip:192.0.2.1:5060\""},
        {"[[route]]\nto = [\"sip:127.0.0.1\"]\nmatch = '('\n",
         "f:3:9: bad regular expression in \"match\" of [[route]]: missing ): (; write RE2 syntax, for example "
         "'^\\+?44'"},
        {"[[route]]\nto = [\"sip:127.0.0.1\"]\nsource = [\"10.0.0.0/33\"]\n",
         "f:3:11: bad address block \"10.0.0.0/33\" in \"source\" of [[route]]; write for example \"192.0.2.0/24\" or "
         "\"2001:db8::/32\""},
        {"[[route]]\nto = [\"sip:127.0.0.1\"]\nsource = [\"10.0.0.1/8\"]\n",
         "f:3:11: \"10.0.0.1/8\" in \"source\" of [[route]] has bits behind its prefix; write \"10.0.0.0/8\""},
        {"[[route]]\nto = [\"sip:127.0.0.1\"]\nhunt_on = [200]\n",
         "f:3:12: \"hunt_on\" in [[route]] must hold numbers from 300 to 699"},
        {"[[route]]\nto = [\"sip:127.0.0.1\"]\nring_timeout_ms = -5\n",
         "f:3:19: \"ring_timeout_ms\" in [[route]] must be from 0 to 3600000, not -5"},
        {"[[route]]\nto = [\"sip:127.0.0.1\"]\nprofiles = [\"total\"]\n",
         "f:3:13: no [[profile]] is called \"total\"; add a [[profile]] with this name"},
        {"[[route]]\nto = [\"sip:127.0.0.1\"]\nprofiles = [\"total=1\"]\n[[profile]]\nname = \"total\"\n",
         "f:3:13: the [[profile]] \"total\" has no values; write \"total\""},
        {"[[route]]\nto = [\"sip:127.0.0.1\"]\nprofiles = [\"user\"]\n[[profile]]\nname = \"user\"\nvalue = true\n",
         "f:3:13: the [[profile]] \"user\" has values; write \"user=VALUE\", for example \"user={from.user}\""},
        {"[[route]]\nto = [\"sip:127.0.0.1\"]\nprofiles = [\"user={x}\"]\n[[profile]]\nname = \"user\"\nvalue = true\n",
         "f:3:13: bad value in \"profiles\" of [[route]]: unknown name {x}; known are from.user from.uri to.user "
         "to.uri "
         "request.user request.uri source.ip trunk header.NAME var.NAME"},
        {"[[route]]\nto = [\"sip:127.0.0.1\"]\nuser = \"{from.usr}\"\n",
         "f:3:8: bad \"user\" in [[route]]: unknown name {from.usr}; known are from.user from.uri to.user to.uri "
         "request.user request.uri source.ip trunk header.NAME var.NAME"},
        {"[[route]]\nto = [\"sip:127.0.0.1\"]\nmatch = '^(0)'\nuser = \"$2\"\n",
         "f:4:8: \"user\" in [[route]] asks for $2, and \"match\" has 1 groups"},
        {"[[route]]\nto = [\"sip:127.0.0.1\"]\nheaders = { \"X Y\" = \"a\" }\n",
         "f:3:13: bad header name \"X Y\" in \"headers\" of [[route]]; write letters, digits and -.!%*_+`'~"},
        {"[[route]]\nto = [\"sip:127.0.0.1\"]\nheaders = { v = \"a\" }\n",
         "f:3:13: \"v\" in \"headers\" of [[route]] is written by tandem itself; choose another header"},
        {"[[route]]\nto = [\"sip:127.0.0.1\"]\n[route.headers]\ncall-id = \"a\"\n",
         "f:4:1: \"call-id\" in \"headers\" of [[route]] is written by tandem itself; choose another header"},
        {"[[route]]\nto = [\"sip:127.0.0.1\"]\nheaders = { X-A = 1 }\n",
         "f:3:19: \"X-A\" in \"headers\" of [[route]] must be a string, not an integer"},
        {"[[route]]\nto = [\"sip:127.0.0.1\"]\nheaders = { X-A = \"a\\r\\nVia: b\" }\n",
         "f:3:19: \"X-A\" in \"headers\" of [[route]] holds a line break or NUL; write one line"},
        {"[[route]]\nto = [\"sip:127.0.0.1\"]\nheaders = { X-A = \"{from\" }\n",
         "f:3:19: bad \"X-A\" in \"headers\" of [[route]]: { without }; write {{ for one brace"},
        {"[[route]]\nto = [\"sip:127.0.0.1\"]\nvariables = { \"a b\" = \"\" }\n",
         "f:3:15: bad variable name \"a b\" in \"variables\" of [[route]]; write up to 64 visible ASCII characters"},
        {"[[route]]\nto = [\"sip:127.0.0.1\"]\nvariables = { \"\" = \"\" }\n",
         "f:3:15: bad variable name \"\" in \"variables\" of [[route]]; write up to 64 visible ASCII characters"},
        {"[[route]]\nto = [\"sip:127.0.0.1\"]\nvariables = { a = 1 }\n",
         "f:3:19: \"a\" in \"variables\" of [[route]] must be a string, not an integer"},
        {"[[route]]\nto = [\"sip:127.0.0.1\"]\nvariables = { a = \"b\\nc\" }\n",
         "f:3:19: \"a\" in \"variables\" of [[route]] holds a line break or NUL; write one line"},
        {"[[route]]\nto = [\"sip:127.0.0.1\"]\nvariables = { a = \"{from.usr}\" }\n",
         "f:3:19: bad \"a\" in \"variables\" of [[route]]: unknown name {from.usr}; known are from.user from.uri "
         "to.user to.uri request.user request.uri source.ip trunk header.NAME var.NAME"},
        {"[[route]]\nto = [\"sip:127.0.0.1\"]\nrefer = \"follow\"\n",
         "f:3:9: \"refer\" in [[route]] must be one of local, pass, reject, not \"follow\""},
        {"[[route]]\nto = [\"sip:127.0.0.1\"]\ncontrol = true\n",
         "f:3:11: \"control\" in [[route]] needs \"url\" in [control]"},
        // [registrar]
        {"[registrar]\nchallenge_calls = true\n",
         "f:2:19: \"challenge_calls\" in [registrar] needs \"users\" beside it"},
        {"[registrar]\nchallenge_calls = true\nusers = { alice = 1 }\n",
         "f:3:11: \"users\" in [registrar] must hold names with their passwords, as in { alice = \"secret\" }"},
        {"[registrar]\nusers = { \"alice@example.com\" = \"geheim\" }\n",
         "f:2:11: \"users\" in [registrar] has a name that stands so in no SIP address; write alice for "
         "alice@example.com, without \"@\", \":\" and \"%\""},
        {"[registrar]\nusers = { \"alice:geheim\" = \"geheim\" }\n",
         "f:2:11: \"users\" in [registrar] has a name that stands so in no SIP address; write alice for "
         "alice@example.com, without \"@\", \":\" and \"%\""},
        {"[registrar]\nusers = { \"50%\" = \"geheim\" }\n",
         "f:2:11: \"users\" in [registrar] has a name that stands so in no SIP address; write alice for "
         "alice@example.com, without \"@\", \":\" and \"%\""},
        {"[registrar]\nusers = { alice = \"\" }\n", "f:2:11: \"users\" in [registrar] has an empty password, with "
                                                    "which anybody could register; give each user one"},
        {"[registrar]\nalgorithms = [\"SHA-256\", \"SHA1\"]\n",
         "f:2:14: \"algorithms\" in [registrar] must be some of \"SHA-512-256\", \"SHA-256\" and \"MD5\", each once"},
        {"[registrar]\nalgorithms = [\"MD5\", \"MD5\"]\n",
         "f:2:14: \"algorithms\" in [registrar] must be some of \"SHA-512-256\", \"SHA-256\" and \"MD5\", each once"},
        {"[registrar]\nalgorithms = []\n",
         "f:2:14: \"algorithms\" in [registrar] must be some of \"SHA-512-256\", \"SHA-256\" and \"MD5\", each once"},
        {"[registrar]\nrealm = \"\"\n",
         "f:2:9: \"realm\" in [registrar] must be a line of text, for example \"tandem\""},
        {"[sip]\ndomains = [\"a b\"]\n",
         "f:2:12: bad host \"a b\" in \"domains\" of [sip]; write a name or an address, for example \"example.com\""},
        {"[registrar]\nmin_expires_s = 7200\n",
         "f:2:17: \"min_expires_s\" in [registrar] is 7200, more than \"max_expires_s\", 3600"},
        {"[registrar]\ncontacts_max = 33\n", "f:2:16: \"contacts_max\" in [registrar] must be from 1 to 32, not 33"},
        {"[registrar]\nmax_expires_s = 59\n",
         "f:2:17: \"min_expires_s\" in [registrar] is 60, more than \"max_expires_s\", 59"},
        // [control]
        {"[control]\nurl = [\"ftp://user:secret@127.0.0.1\"]\n",
         "f:2:8: bad URL in \"url\" of [control]; write for example \"http://127.0.0.1:8082/api/callcontrol\""},
        {"[control]\nurl = [\"127.0.0.1:8082\"]\n",
         "f:2:8: bad URL in \"url\" of [control]; write for example \"http://127.0.0.1:8082/api/callcontrol\""},
        {"[control]\nregister = true\n", "f:2:12: \"register\" in [control] needs \"url\" beside it"},
        {"[control]\ntimeout_ms = 0\n", "f:2:14: \"timeout_ms\" in [control] must be from 1 to 60000, not 0"},
        {"[control]\npending_max = 0\n", "f:2:15: \"pending_max\" in [control] must be from 1 to 1000000, not 0"},
        {"[control]\non_failure = \"x\"\n",
         "f:2:14: \"on_failure\" in [control] must be one of reject, allow, not \"x\""},
        // [call_api], [admin], [rtpengine]
        {"[call_api]\ntls = true\n", "f:2:7: \"tls\" in [call_api] needs \"certificate\" and \"key\" in [tls]"},
        {"[call_api]\ntoken = \"a b\"\n",
         "f:2:9: \"token\" in [call_api] must be up to 1024 visible characters of ASCII, without blanks"},
        {"[admin]\norigins = [\"https://a.example\", \"b.example\"]\n",
         "f:2:33: \"origins\" in [admin] has \"b.example\"; write what a browser sends as Origin, for example "
         "\"https://example.com\""},
        {"[admin]\nlisten = \"8080\"\n", "f:2:10: bad \"listen\" in [admin]: \"8080\"; write ADDRESS:PORT, for example "
                                         "\"127.0.0.1:8080\", or \"\" for none"},
        {"[admin]\ntoken = 1\n", "f:2:9: \"token\" in [admin] must be a string, not an integer"},
        {"[rtpengine]\nurl = [\"udp:127.0.0.1:2223\"]\n",
         "f:2:7: \"url\" in [rtpengine] is not available in this version; write [], or leave it out"},
        // [log]
        {"[log]\nlevel = \"loud\"\n",
         "f:2:9: \"level\" in [log] must be one of debug, info, warn, error, off, not \"loud\""},
        {"[log]\nformat = \"xml\"\n", "f:2:10: \"format\" in [log] must be one of text, json, not \"xml\""},
        // the first in the order of the file, not of the reader
        {"[log]\nlevel = \"loud\"\n[sip]\nworkers = 0\n",
         "f:2:9: \"level\" in [log] must be one of debug, info, warn, error, off, not \"loud\""},
    };
    for (const Case &item : cases) {
        CAPTURE(item.text);
        CHECK(problem_of(item.text) == item.problem);
    }
    // A bad "listen" is the one thing wrong, although the route before it finds no listener.
    CHECK(problem_of("[[route]]\nto = [\"sip:127.0.0.1\"]\n[sip]\nlisten = [\"udp:1\"]\n") ==
          "f:4:11: bad address \"udp:1\" in \"listen\" of [sip]; " + std::string(listen_help));
    for (std::string_view address :
         {"udp:1.2.3:5060", "udp:::1:5060", "udp:[::1]", "udp:127.0.0.1:0", "udp:127.0.0.1:65536", "udp:localhost:5060",
          "127.0.0.1:5060", "sctp:127.0.0.1:1", "udp:[127.0.0.1]:5060", ""}) {
        CHECK(problem_of("[sip]\nlisten = [\"" + std::string(address) + "\"]\n") ==
              "f:2:11: bad address \"" + std::string(address) + "\" in \"listen\" of [sip]; " +
                  std::string(listen_help));
    }
}

TEST_CASE("config: more profiles or variables than there is room for are a problem of the file") {
    std::string profiles;
    for (int i = 0; i < 257; ++i) profiles += "[[profile]]\nname = \"p" + std::to_string(i) + "\"\n";
    CHECK(problem_of(profiles) == "f:513:1: there may be 256 [[profile]]s at most");
    CHECK(problem_of(profiles.substr(0, profiles.rfind("[[profile]]"))).empty());

    const std::string route = "[[profile]]\nname = \"a\"\n[[route]]\nto = [\"sip:127.0.0.1\"]\n";
    std::string uses;
    for (int i = 0; i < 33; ++i) uses += "\"a\",";
    CHECK(problem_of(route + "profiles = [" + uses + "]\n") ==
          "f:5:12: \"profiles\" in [[route]] may name 32 at most, not 33");
    std::string variables;
    for (int i = 0; i < 65; ++i) variables += "v" + std::to_string(i) + " = \"\"\n";
    CHECK(problem_of(route + "[route.variables]\n" + variables) ==
          "f:5:1: \"variables\" in [[route]] may hold 64 at most, not 65");
    CHECK(problem_of(route + "variables = { " + std::string(64, 'a') + " = \"\" }\n").empty());
    CHECK(!problem_of(route + "variables = { " + std::string(65, 'a') + " = \"\" }\n").empty());
}

TEST_CASE("config: a problem is one line, whatever the file holds, and shows no secret") {
    CHECK(problem_of("\"a\\nb\" = 1\n").find('\n') == std::string::npos);
    CHECK(problem_of("[sip]\nadvertise = \"" + std::string(5000, 'x') + " \"\n").size() < 600);
    std::string text(good);
    const std::size_t at = text.find("\"geheim\"");
    text.replace(at, 8, "[\"geheim\"]");
    CHECK(problem_of(text).find("geheim") == std::string::npos);
}

TEST_CASE("config: a file that can not be read is a problem at 0:0") {
    CHECK(read_config("/nonexistent/tandem.toml").error().detail ==
          "/nonexistent/tandem.toml:0:0: cannot read: No such file or directory");
    CHECK(read_config("/tmp").error().detail == "/tmp:0:0: cannot read: Is a directory");
    CHECK(read_config("/dev/zero").error().detail == "/dev/zero:0:0: cannot read: larger than 1048576 bytes");
    CHECK(read_config("/dev/null").ok());
}

TEST_CASE("config: no mutation of a good file does anything but succeed or name a place") {
    std::random_device device;
    const auto seed = device();
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto below = [&](std::size_t limit) {
        return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
    };
    for (int round = 0; round < 300; ++round) {
        std::string text(good);
        for (std::size_t change = below(4) + 1; change > 0 && !text.empty(); --change) {
            const std::size_t at = below(text.size());
            const std::size_t size = std::min(below(20), text.size() - at);
            switch (below(5)) {
            case 0: text[at] = static_cast<char>(below(256)); break;
            case 1: text.erase(at, size); break;
            case 2: text.insert(at, text.substr(below(text.size()), size)); break;
            case 3: text.insert(at, std::string(1, "[]{}\"'=,.\n#$"[below(12)])); break;
            case 4: text.resize(at + 1); break;
            }
        }
        CAPTURE(text);
        const auto config = parse_config(text, "f");
        if (config.ok()) continue;
        unsigned line = 0;
        unsigned column = 0;
        CHECK(std::sscanf(config.error().detail.c_str(), "f:%u:%u: ", &line, &column) == 2);
        CHECK(line >= 1);
        CHECK(column >= 1);
        CHECK(config.error().detail.find('\n') == std::string::npos);
    }
}

TEST_CASE("config: deep nesting is a problem, not an end of the process") {
    for (std::string_view unit : {"[", "{a=", "[{a="}) {
        std::string text = "x = ";
        for (int i = 0; i < 20'000; ++i) text.append(unit);
        CHECK(!problem_of(text).empty());
    }
    std::string dotted = "x";
    for (int i = 0; i < 400'000; ++i) dotted.append(".a");
    CHECK(!problem_of(dotted + " = 1\n").empty());
    CHECK(!problem_of("[" + dotted + "]\n").empty());
    CHECK(problem_of("[sip]\ny." + dotted + " = 1\n") == "f:2:2002: more than 1000 dots in one line; break it");
    CHECK(!problem_of(dotted.substr(0, 2001) + " = 1\n").empty());
}

TEST_CASE("config: what nodes of a cluster share") {
    const auto config =
        parse_config("[redis]\nurl = \"redis://:hush@127.0.0.1:7000/3\"\nprefix = \"x:\"\nlease_ms = 9000\n"
                     "timeout_ms = 50\ncdr_stream = \"calls\"\ncdr_stream_max = 7\n[[profile]]\nname = \"a\"\nlimit = "
                     "3\nscope = \"cluster\"\n"
                     "[[profile]]\nname = \"b\"\nscope = \"cluster\"\non_outage = \"local\"\n"
                     "[[profile]]\nname = \"c\"\n",
                     "f");
    REQUIRE(config.ok());
    REQUIRE(config->redis.url);
    CHECK(config->redis.url->hosts == std::vector<RedisHost>{{"127.0.0.1", 7000}});
    CHECK(config->redis.url->password == "hush");
    CHECK(config->redis.prefix == "x:");
    CHECK(to_ms(config->redis.lease) == 9000);
    CHECK(to_ms(config->redis.timeout) == 50);
    CHECK(config->redis.cdr_stream == "calls");
    CHECK(config->redis.cdr_stream_max == 7);
    REQUIRE(config->profiles.size() == 3);
    CHECK(config->profiles[0].is_shared);
    CHECK(config->profiles[0].on_outage == OnOutage::closed);
    CHECK(config->profiles[1].on_outage == OnOutage::local);
    CHECK_FALSE(config->profiles[2].is_shared);
    const auto none = parse_config("", "f");
    REQUIRE(none.ok());
    CHECK_FALSE(none->redis.url);
    CHECK(to_ms(none->redis.lease) == 8000);
    CHECK(to_ms(none->redis.timeout) == 200);
}

TEST_CASE("config: [control] says who decides, and routes which calls") {
    const auto config = parse_config("[control]\nurl = [\"http://127.0.0.1:8082/a\", \"https://b.example.com\"]\n"
                                     "timeout_ms = 250\non_failure = \"allow\"\nregister = true\nca = \"ca.pem\"\n"
                                     "pending_max = 7\n[[route]]\nto = [\"sip:127.0.0.1\"]\ncontrol = true\n"
                                     "[[route]]\nto = [\"sip:127.0.0.1\"]\n",
                                     "f");
    REQUIRE(config);
    const ControlConfig &control = config->control;
    CHECK(control.urls == std::vector<std::string>{"http://127.0.0.1:8082/a", "https://b.example.com"});
    CHECK(to_ms(control.timeout) == 250);
    CHECK(control.allows_undecided);
    CHECK(control.is_asked_for_register);
    CHECK(control.ca == "ca.pem");
    CHECK(control.pending_max == 7);
    CHECK(config->routes[0].is_controlled);
    CHECK_FALSE(config->routes[1].is_controlled);

    const auto defaults = parse_config("", "f");
    REQUIRE(defaults);
    CHECK(defaults->control.urls.empty());
    CHECK(to_ms(defaults->control.timeout) == 500);
    CHECK_FALSE(defaults->control.allows_undecided);
}

TEST_CASE("config: a collector of messages is an address, and none where nothing is said") {
    const auto none = parse_config("[capture]\nurl = \"\"\n", "f");
    REQUIRE(none.ok());
    CHECK_FALSE(none->capture.collector);
    CHECK(none->capture.agent == 2001);
    const auto one = parse_config("[capture]\nurl = \"udp:[::1]:9060\"\npassword = \"p\"\nagent = 7\n", "f");
    REQUIRE(one.ok());
    REQUIRE(one->capture.collector);
    CHECK(one->capture.collector->to_string() == "[::1]:9060");
    CHECK(one->capture.collector->transport == Transport::udp);
    CHECK(one->capture.password == "p");
    CHECK(one->capture.agent == 7);
    const auto connected = parse_config("[capture]\nurl = \"tcp:127.0.0.1:9060\"\n", "f");
    REQUIRE(connected.ok());
    REQUIRE(connected->capture.collector);
    CHECK(connected->capture.collector->transport == Transport::tcp);
    CHECK(parse_config("[capture]\npassword = \"" + std::string(256, 'p') + "\"\n", "f").error().detail ==
          "f:2:12: \"password\" in [capture] must have at most 255 bytes");
}
