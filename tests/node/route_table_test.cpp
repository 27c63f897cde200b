#include <doctest/doctest.h>
#include <string>
#include "base/text.hpp"
#include "node/config_reader.hpp"
#include "node/invite.hpp"
#include "node/lines.hpp"
#include "node/route_table.hpp"
#include "sip/limits.hpp"

using namespace tandem;

namespace {

RouteTable table(const std::string &text) {
    auto config = parse_config(text, "f");
    INFO((config.ok() ? "" : config.error().detail));
    REQUIRE(config.ok());
    return RouteTable(std::move(config->routes));
}

std::string uri_of(const Route &route) { return route.targets.empty() ? "" : route.targets.at(0).request_uri; }

const Endpoint caller = test::endpoint("127.0.0.1"); // who may use a route without `source`

constexpr const char *two_listeners = "[sip]\nlisten = [\"udp:[::1]:5060\", \"udp:127.0.0.1:5060\"]\n";

} // namespace

TEST_CASE("routes: without a route the call is refused 404") {
    CHECK(table("").route(test::invite("sip:bob@192.0.2.1"), caller).refuse == 404);
}

TEST_CASE("routes: the first that matches wins") {
    auto routes = table("[[trunk]]\nname = \"uk\"\nuri = \"sip:127.0.0.1:1\"\n"
                        "[[route]]\nmatch = '^\\+?44'\nto = [\"uk\"]\nring_timeout_ms = 5000\n"
                        "[[route]]\nmatch = '44$'\nto = [\"sip:127.0.0.1:2\"]\n"
                        "[[route]]\nmatch = '^$'\nto = [\"sip:127.0.0.1:3\"]\nring_timeout_ms = 0\n");
    const Route uk = routes.route(test::invite("sip:+44123@192.0.2.1"), caller);
    CHECK(uri_of(uk) == "sip:+44123@127.0.0.1:1");
    CHECK(uk.targets.at(0).trunk == "uk");
    CHECK(uk.targets.at(0).is_known);
    CHECK(uk.targets.at(0).to.to_string() == "127.0.0.1:1");
    CHECK(to_ms(uk.ring_timeout) == 5000);
    CHECK(uk.targets.at(0).headers.empty());

    const Route suffix = routes.route(test::invite("sip:0044@192.0.2.1"), caller);
    CHECK(uri_of(suffix) == "sip:0044@127.0.0.1:2");
    CHECK(suffix.targets.at(0).trunk.empty());
    CHECK_FALSE(suffix.targets.at(0).is_known);
    CHECK(to_ms(suffix.ring_timeout) == 60'000);

    const Route without_user = routes.route(test::invite("sip:192.0.2.1"), caller);
    CHECK(uri_of(without_user) == "sip:127.0.0.1:3");
    CHECK(without_user.ring_timeout == Duration::zero());
    CHECK(routes.route(test::invite("sip:bob@192.0.2.1"), caller).refuse == 404);
}

TEST_CASE("routes: an escape does not carry a user past a route (RFC 3261 section 19.1.4)") {
    auto routes = table("[[route]]\nmatch = '^44'\nto = [\"sip:127.0.0.1:1\"]\n");
    CHECK(uri_of(routes.route(test::invite("sip:%34%34123@192.0.2.1"), caller)) == "sip:44123@127.0.0.1:1");
    CHECK(uri_of(routes.route(test::invite("sip:44%40a@192.0.2.1"), caller)) == "sip:44%40a@127.0.0.1:1");
    CHECK(routes.route(test::invite("sip:%2B44@192.0.2.1"), caller).refuse == 404);
}

TEST_CASE("routes: a password is not matched") {
    auto routes = table("[[route]]\nmatch = '^bob$'\nto = [\"sip:127.0.0.1:1\"]\n");
    CHECK(routes.route(test::invite("sip:bob:pw@192.0.2.1"), caller).refuse == 0);
}

TEST_CASE("routes: a source limits a route to its addresses") {
    auto routes = table("[[route]]\nsource = [\"127.0.0.0/8\", \"2001:db8::/32\"]\nto = [\"sip:127.0.0.1:1\"]\n");
    const Message invite = test::invite("sip:bob@192.0.2.1");
    CHECK(routes.route(invite, test::endpoint("127.1.2.3")).refuse == 0);
    CHECK(routes.route(invite, test::endpoint("2001:db8::9")).refuse == 0);
    CHECK(routes.route(invite, test::endpoint("192.0.2.1")).refuse == 403);
    CHECK(routes.route(invite, test::endpoint("2001:db9::9")).refuse == 403);
    CHECK(routes.route_inside(invite, test::endpoint("192.0.2.1")).refuse == 403);
    CHECK(routes.may_call(test::endpoint("127.1.2.3").ip));
    CHECK_FALSE(routes.may_call(test::endpoint("192.0.2.1").ip));
}

TEST_CASE("routes: without a source a route takes calls of this machine, of trunks, and of who is in a call") {
    const std::string text = "[sip]\nlisten = [\"udp:192.0.2.7:5060\"]\n"
                             "[[trunk]]\nname = \"a\"\nuri = \"sip:192.0.2.80:5070\"\n"
                             "[[route]]\nmatch = '^4'\nto = [\"sip:192.0.2.9:1\"]\n"
                             "[[route]]\nmatch = '^5'\nsource = [\"10.0.0.0/8\"]\nto = [\"sip:192.0.2.9:2\"]\n";
    const auto config = parse_config(text, "f");
    REQUIRE(config.ok());
    const KnownPeers peers(config->trunks);
    RouteTable routes(config->routes, {}, {.peers = &peers, .own = {test::endpoint("192.0.2.7").ip}});
    const Message four = test::invite("sip:4@a");
    for (std::string_view known : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "192.0.2.7", "192.0.2.80"}) {
        CAPTURE(known);
        CHECK(routes.route(four, test::endpoint(known)).refuse == 0);
        CHECK(routes.may_call(test::endpoint(known).ip));
        CHECK(routes.is_known(test::endpoint(known).ip));
        CHECK(routes.route(test::invite("sip:6@a"), test::endpoint(known)).refuse == 404);
        // A route that names its sources is for nobody else.
        CHECK(routes.route(test::invite("sip:5@a"), test::endpoint(known)).refuse == 403);
    }
    const Endpoint stranger = test::endpoint("192.0.2.81");
    CHECK(routes.route(four, stranger).refuse == 403);
    CHECK_FALSE(routes.may_call(stranger.ip));
    CHECK_FALSE(routes.is_known(stranger.ip));
    CHECK(routes.route_inside(four, stranger).refuse == 0);
    CHECK(routes.route(four, test::endpoint("10.1.1.1")).refuse == 403);
    CHECK(routes.route(test::invite("sip:5@a"), test::endpoint("10.1.1.1")).refuse == 0);
    // Failures of these are overlooked, but where a route is for everybody.
    CHECK(routes.is_expected(test::endpoint("10.1.1.1").ip));
    CHECK(routes.is_expected(test::endpoint("192.0.2.80").ip));
    CHECK_FALSE(routes.is_expected(stranger.ip));
    CHECK_FALSE(table("[[route]]\nsource = [\"0.0.0.0/0\"]\nto = [\"sip:127.0.0.1:1\"]\n").is_expected(stranger.ip));
    CHECK(routes.is_peer(test::endpoint("192.0.2.80").ip));
    CHECK_FALSE(routes.is_peer(test::endpoint("127.0.0.1").ip));
}

TEST_CASE("routes: a redirection leads to no listener of ours, a phone to none and to no trunk") {
    TargetConfig trunk;
    trunk.to = test::endpoint("192.0.2.80", 5070);
    const KnownPeers peers({trunk});
    const std::vector<Endpoint> listen = {test::endpoint("192.0.2.7", 5060), test::endpoint("0.0.0.0", 5080)};
    const RouteTable routes({}, {}, {.peers = &peers, .own = {listen[0].ip}, .listen = listen});
    const auto may = [&](const char *ip, std::uint16_t port, TargetOrigin origin) {
        return routes.may_send_to(test::endpoint(ip, port), origin);
    };
    using Origin = TargetOrigin;
    for (const auto &[ip, port] :
         {std::pair("192.0.2.7", 5060), std::pair("::ffff:192.0.2.7", 5060), std::pair("192.0.2.7", 5080),
          std::pair("127.0.0.1", 5080), std::pair("0.0.0.0", 5060), std::pair("::", 5060)}) {
        CAPTURE(ip);
        CAPTURE(port);
        CHECK(may(ip, static_cast<std::uint16_t>(port), Origin::configured));
        CHECK_FALSE(may(ip, static_cast<std::uint16_t>(port), Origin::redirection));
        CHECK_FALSE(may(ip, static_cast<std::uint16_t>(port), Origin::binding));
    }
    for (const int port : {5070, 5060, 5061}) {
        CAPTURE(port);
        CHECK(may("192.0.2.80", static_cast<std::uint16_t>(port), Origin::redirection));
        CHECK_FALSE(may("192.0.2.80", static_cast<std::uint16_t>(port), Origin::binding));
    }
    CHECK(may("192.0.2.80", 5071, Origin::binding)); // a phone on the same machine
    CHECK(may("192.0.2.81", 5070, Origin::binding));
    CHECK(may("192.0.2.7", 5062, Origin::binding));
    CHECK(may("127.0.0.1", 5060, Origin::binding)); // nobody of ours listens there
}

TEST_CASE("routes: the address of a NAT before us is that of our users, and no source of calls") {
    struct Everybody final : RegisteredUsers {
        bool has_user(std::string_view aor) const override { return aor == "bob@example.com"; }
        std::vector<BindingTarget> find(std::string_view) const override { return {}; }
    } users;
    const auto config = parse_config("[[route]]\nto = [\"registered\"]\n", "f");
    REQUIRE(config.ok());
    const Endpoint outside = test::endpoint("203.0.113.1");
    RouteTable routes(config->routes, {}, {.users = &users, .advertised = outside.ip}, {"example.com"});
    CHECK(routes.route(test::invite("sip:bob@203.0.113.1"), caller).refuse == 480); // he is ours, and has no phone
    CHECK(routes.route(test::invite("sip:bob@203.0.113.2"), caller).refuse == 404);
    CHECK(routes.route(test::invite("sip:bob@203.0.113.1"), outside).refuse == 403);
    CHECK_FALSE(routes.may_call(outside.ip));
}

TEST_CASE("routes: the first listener of the target's family sends") {
    auto routes = table(std::string(two_listeners) + "[[route]]\nmatch = '4'\nto = [\"sip:127.0.0.1:1\"]\n"
                                                     "[[route]]\nto = [\"sip:[::1]:1\"]\n");
    CHECK(routes.route(test::invite("sip:4@a"), caller).targets.at(0).to.listener == 1);
    const Route v6 = routes.route(test::invite("sip:6@a"), caller);
    CHECK(v6.targets.at(0).to.listener == 0);
    CHECK(uri_of(v6) == "sip:6@[::1]:1");
}

TEST_CASE("routes: a target keeps its parameters, and its port only where it has one") {
    auto routes = table("[[route]]\nto = [\"sip:127.0.0.1;transport=udp;x=1\"]\n");
    const Route route = routes.route(test::invite("sip:bob@192.0.2.1;user=phone"), caller);
    CHECK(uri_of(route) == "sip:bob@127.0.0.1;transport=udp;x=1");
    CHECK(route.targets.at(0).to.port == 5060);
}

TEST_CASE("routes: the user is rewritten by a template and the groups of the match") {
    auto routes = table("[[route]]\nmatch = '^00(\\d\\d)(\\d*)'\nuser = \"+$1-$2.{from.user}\"\n"
                        "to = [\"sip:127.0.0.1:1\"]\n");
    CHECK(uri_of(routes.route(test::invite("sip:0044123@192.0.2.1"), caller)) == "sip:+44-123.alice@127.0.0.1:1");
}

TEST_CASE("routes: a rewritten user that would change the URI is refused 400") {
    auto routes = table("[[route]]\nuser = \"{header.X-User}\"\nto = [\"sip:127.0.0.1:1\"]\n");
    for (std::string_view user : {"a@evil.example", "a>", "a b", "a\"", "a[", "a%zz", "a\xc3\xa4", "a#"}) {
        CAPTURE(user);
        const Route route = routes.route(test::invite("sip:b@a", "X-User: " + std::string(user) + "\r\n"), caller);
        CHECK(route.refuse == 400);
        CHECK(route.targets.empty());
    }
    CHECK(uri_of(routes.route(test::invite("sip:b@a", "X-User: %41;x=1\r\n"), caller)) == "sip:%41;x=1@127.0.0.1:1");
    const std::string long_user(uri_size_max, 'a');
    CHECK(routes.route(test::invite("sip:b@a", "X-User: " + long_user + "\r\n"), caller).refuse == 400);
}

TEST_CASE("routes: every target is filled in for itself, in order") {
    auto routes = table("[[trunk]]\nname = \"a\"\nuri = \"sip:127.0.0.1:1\"\n"
                        "[[trunk]]\nname = \"b\"\nuri = \"sip:127.0.0.1:2;x=y\"\n"
                        "[[route]]\nto = [\"a\", [\"sip:127.0.0.1:3\", \"b\"]]\nuser = \"{trunk}7\"\n"
                        "headers = { X-Trunk = \"{trunk}\" }\nhunt_on = [486]\n");
    const Route route = routes.route(test::invite("sip:bob@192.0.2.1"), caller);
    REQUIRE(route.targets.size() == 3);
    CHECK(route.targets[0].request_uri == "sip:a7@127.0.0.1:1");
    CHECK(route.targets[0].headers == "X-Trunk: a\r\n");
    CHECK(route.targets[1].request_uri == "sip:7@127.0.0.1:3");
    CHECK_FALSE(route.targets[1].is_parallel);
    CHECK(route.targets[2].request_uri == "sip:b7@127.0.0.1:2;x=y");
    CHECK(route.targets[2].headers == "X-Trunk: b\r\n");
    CHECK(route.targets[2].is_parallel);
    CHECK(route.hunt_on == std::vector<std::uint16_t>{486});
}

TEST_CASE("routes: a target with a name is looked up, and asked for under that name") {
    auto routes = table("[[trunk]]\nname = \"t\"\nuri = \"sip:carrier.example;transport=udp\"\n"
                        "[[route]]\nto = [\"t\", \"sip:127.0.0.1:2\"]\n");
    const Route route = routes.route(test::invite("sip:bob@192.0.2.1"), caller);
    CHECK(uri_of(route) == "sip:bob@carrier.example;transport=udp");
    CHECK(route.targets.at(0).lookup == "sip:carrier.example;transport=udp");
    CHECK(route.targets.at(0).trunk == "t");
    CHECK(route.targets.at(1).lookup.empty());
}

TEST_CASE("routes: a Contact leads to its address, or to a name that is looked up") {
    auto routes = table("");
    CHECK(routes.target_of("sip:bob@192.0.2.7:5066")->to.to_string() == "192.0.2.7:5066");
    CHECK(routes.target_of("sip:bob@pbx.example;x=y")->lookup == "sip:bob@pbx.example;x=y");
    CHECK_FALSE(routes.target_of("tel:+4412345"));
    CHECK_FALSE(routes.target_of("mailto:bob@example.com"));
    CHECK_FALSE(routes.target_of("sip:"));
}

TEST_CASE("routes: headers are added line by line") {
    auto routes =
        table("[[route]]\nto = [\"sip:127.0.0.1:1\"]\n"
              "headers = { X-Tenant = \"blue\", X-From = \"{from.uri};ip={source.ip}\", X-None = \"{var.a}\" }\n");
    CHECK(routes.route(test::invite("sip:bob@192.0.2.1"), caller).targets.at(0).headers ==
          "X-Tenant: blue\r\nX-From: sip:alice@a.example;ip=127.0.0.1\r\nX-None: \r\n");
}

TEST_CASE("routes: a folded header adds no line to the other leg") {
    auto routes = table("[[route]]\nto = [\"sip:127.0.0.1:1\"]\nheaders = { X-Copy = \"{header.X-In}\" }\n");
    const Route route = routes.route(test::invite("sip:b@a", "X-In: one\r\n Evil: two\r\n"), caller);
    if (route.refuse == 0) {
        CHECK(route.targets.at(0).headers.find("\r\n") == route.targets.at(0).headers.size() - 2);
    } else {
        CHECK(route.refuse == 400);
    }
}

TEST_CASE("routes: a header value that grows too long is refused 400") {
    auto routes = table("[[route]]\nto = [\"sip:127.0.0.1:1\"]\nheaders = { X-A = \"{header.X-In}{header.X-In}\" }\n");
    const std::string line = "X-In: " + std::string(header_size_max - 100, 'a') + "\r\n";
    CHECK(routes.route(test::invite("sip:b@a", line), caller).refuse == 400);
}

TEST_CASE("routes: profiles and variables are filled by the call, in the order of the file") {
    auto routes = table("[[profile]]\nname = \"total\"\n[[profile]]\nname = \"user\"\nvalue = true\n"
                        "[[route]]\nto = [\"sip:127.0.0.1:1\"]\n"
                        "profiles = [\"user={from.user}@{source.ip}\", \"total\", \"user={header.X-None}\"]\n"
                        "variables = { b = \"{to.user}=1\", a = \"\" }\n");
    const Route route = routes.route(test::invite("sip:bob@192.0.2.1"), caller);
    REQUIRE(route.profiles.size() == 3);
    CHECK(route.profiles[0].name == "user");
    CHECK(route.profiles[0].value == "alice@127.0.0.1");
    CHECK(route.profiles[1].name == "total");
    CHECK(route.profiles[1].value.empty());
    CHECK(route.profiles[2].name == "user");
    CHECK(route.profiles[2].value.empty());
    REQUIRE(route.variables.size() == 2);
    CHECK(route.variables[0].name == "b");
    CHECK(route.variables[0].value == "bob=1");
    CHECK(route.variables[1].name == "a");
    CHECK(route.variables[1].value.empty());
}

TEST_CASE("routes: a profile's or variable's value that no header could hold, or that is too long, is refused 400") {
    auto profiles = table("[[profile]]\nname = \"user\"\nvalue = true\n"
                          "[[route]]\nto = [\"sip:127.0.0.1:1\"]\nprofiles = [\"user={header.X-In}\"]\n");
    auto variables = table("[[route]]\nto = [\"sip:127.0.0.1:1\"]\nvariables = { a = \"{header.X-In}\" }\n");
    for (RouteTable *routes : {&profiles, &variables}) {
        const auto refusal = [&](const std::string &value) {
            const Route route = routes->route(test::invite("sip:b@a", "X-In: " + value + "\r\n"), caller);
            CHECK(route.targets.empty() == (route.refuse != 0));
            return route.refuse;
        };
        CHECK(refusal(std::string(256, 'a')) == 0);
        CHECK(refusal(std::string(257, 'a')) == 400);
        const Route folded = routes->route(test::invite("sip:b@a", "X-In: one\r\n two\r\n"), caller);
        for (const RouteVariable &variable : folded.variables) CHECK(is_header_safe(variable.value));
        for (const RouteProfile &profile : folded.profiles) CHECK(is_header_safe(profile.value));
    }
    CHECK(profiles.route(test::invite("sip:b@a", "X-In: a\tb\r\n"), caller).refuse == 400); // nor could a profile
}

TEST_CASE("routes: a scheme that is not ours is refused 416") {
    auto routes = table("[[route]]\nto = [\"sip:127.0.0.1:1\"]\n");
    CHECK(routes.route(test::invite("http://bob@192.0.2.1"), caller).refuse == 416);
    CHECK(routes.route(test::invite("sips:bob@192.0.2.1"), caller).refuse == 480); // the target has no TLS
    CHECK(uri_of(routes.route(test::invite("tel:+441234"), caller)) == "sip:+441234@127.0.0.1:1");
}

TEST_CASE("routes: replaced routes are in force for the next call") {
    auto routes = table("[[route]]\nto = [\"sip:127.0.0.1:1\"]\n");
    routes.replace(parse_config("[[route]]\nto = [\"sip:127.0.0.1:2\"]\n", "f")->routes, {}, {});
    CHECK(uri_of(routes.route(test::invite("sip:b@a"), caller)) == "sip:b@127.0.0.1:2");
    routes.replace({}, {}, {});
    CHECK(routes.route(test::invite("sip:b@a"), caller).refuse == 404);
}

TEST_CASE("routes: SIPS goes by TLS alone, and as SIPS (RFC 3261 section 26.2.2)") {
    auto routes = table("[sip]\nlisten = [\"udp:127.0.0.1:5060\", \"tls:127.0.0.1:5061\"]\n"
                        "[tls]\ncertificate = \"c\"\nkey = \"k\"\n"
                        "[[route]]\nmatch = 'plain'\nto = [\"sip:127.0.0.1:1\"]\n"
                        "[[route]]\nmatch = 'tls'\nto = [\"sip:127.0.0.1:2;transport=tls\"]\n"
                        "[[route]]\nmatch = 'sips'\nto = [\"sips:127.0.0.1\"]\n");
    const auto uri = [&](const std::string &asked) { return uri_of(routes.route(test::invite(asked), caller)); };
    CHECK(uri("sip:tls@h") == "sip:tls@127.0.0.1:2;transport=tls");
    CHECK(uri("sips:tls@h") == "sips:tls@127.0.0.1:2;transport=tls");
    CHECK(uri("sip:sips@h") == "sips:sips@127.0.0.1");
    CHECK(uri("sips:sips@h") == "sips:sips@127.0.0.1");
    const Route secure = routes.route(test::invite("sips:sips@h"), caller);
    CHECK(secure.targets.at(0).to.port == 5061);
    CHECK(secure.targets.at(0).to.transport == Transport::tls);
    CHECK(secure.targets.at(0).to.listener == 1);
    CHECK(routes.route(test::invite("SIPS:plain@h"), caller).refuse == 480);
}

TEST_CASE("routes: SIPS goes to a name that is looked up for TLS alone (RFC 3261 section 26.2.2)") {
    auto routes = table("[sip]\nlisten = [\"udp:127.0.0.1:5060\", \"tls:127.0.0.1:5061\"]\n"
                        "[tls]\ncertificate = \"c\"\nkey = \"k\"\n"
                        "[[route]]\nmatch = 'plain'\nto = [\"sip:carrier.example\"]\n"
                        "[[route]]\nmatch = 'udp'\nto = [\"sip:carrier.example;transport=udp\"]\n"
                        "[[route]]\nmatch = 'tls'\nto = [\"sip:carrier.example;transport=tls\"]\n"
                        "[[route]]\nmatch = 'sips'\nto = [\"sips:carrier.example\"]\n"
                        "[[route]]\nmatch = 'tcp'\nto = [\"sips:carrier.example;transport=tcp\"]\n");
    const auto uri = [&](const std::string &asked) { return uri_of(routes.route(test::invite(asked), caller)); };
    CHECK(uri("sips:tls@h") == "sips:tls@carrier.example;transport=tls");
    CHECK(uri("sips:sips@h") == "sips:sips@carrier.example");
    CHECK(uri("sips:tcp@h") == "sips:tcp@carrier.example;transport=tcp");
    CHECK(uri("sip:sips@h") == "sips:sips@carrier.example");
    CHECK(routes.route(test::invite("sips:plain@h"), caller).refuse == 480);
    CHECK(routes.route(test::invite("sips:udp@h"), caller).refuse == 480);
}

namespace {

// Trunks a, b and c that are to be registered with, and d that is not.
struct TrunkRoutes {
    explicit TrunkRoutes(const std::string &given) {
        std::string text;
        for (const std::string name : {"a", "b", "c", "d"}) {
            text += "[[trunk]]\nname = \"" + name + "\"\nuri = \"sip:127.0.0.1\"\nusername = \"" + name +
                    "\"\npassword = \"p\"\n" + (name == "d" ? "" : "register = true\n");
        }
        auto config = parse_config(text + "[[profile]]\nname = \"of\"\nvalue = true\n[[route]]\n" + given, "f");
        INFO((config.ok() ? "" : config.error().detail));
        REQUIRE(config.ok());
        table.replace(std::move(config->routes), {}, {});
    }
    void set(const std::string &trunk, RegistrationState state) {
        TrunkStatus status;
        status.trunk = trunk;
        status.registration.state = state;
        states.note(status, at_ms(0));
    }
    // "a b+c": those that ring together are joined by a plus.
    std::string targets() {
        std::string out;
        route = table.route(test::invite("sip:bob@192.0.2.1"), caller);
        for (const RouteTarget &target : route.targets) {
            out += (out.empty() ? "" : target.is_parallel ? "+" : " ") + target.trunk;
            if (out.size() == target.trunk.size()) CHECK_FALSE(target.is_parallel);
        }
        return out;
    }

    test::Lines lines;
    TrunkStates states{lines.log};
    RouteTable table{{}, {}, {.trunks = &states}};
    Route route;
};

} // namespace

TEST_CASE("routes: a trunk that is not registered is skipped") {
    TrunkRoutes routes("to = [\"a\", \"b\", \"d\"]\nhunt_on = [503]\nprofiles = [\"of={trunk}\"]\n");
    CHECK(routes.targets() == "d"); // nothing is known of the others
    CHECK(routes.route.profiles.at(0).value == "d");
    routes.set("b", RegistrationState::registered);
    CHECK(routes.targets() == "b d");
    CHECK(routes.route.profiles.at(0).value == "b");
    CHECK(routes.route.hunt_on.size() == 1);
    for (const RegistrationState state :
         {RegistrationState::trying, RegistrationState::failed, RegistrationState::off}) {
        routes.set("a", state);
        CHECK(routes.targets() == "b d");
    }
    routes.set("a", RegistrationState::registered);
    CHECK(routes.targets() == "a b d");
    TrunkStatus gone;
    gone.trunk = "a";
    gone.is_gone = true;
    routes.states.note(gone, at_ms(0));
    CHECK(routes.targets() == "b d");
}

TEST_CASE("routes: without any registered trunk that a route leads to a call is refused 503") {
    TrunkRoutes routes("to = [\"a\", [\"b\", \"c\"]]\n");
    CHECK(routes.targets().empty());
    CHECK(routes.route.refuse == 503);
    routes.set("c", RegistrationState::registered);
    CHECK(routes.targets() == "c");
    CHECK(routes.route.refuse == 0);
}

TEST_CASE("routes: of targets that ring together those that are registered do, and with no other") {
    TrunkRoutes routes("to = [\"a\", [\"b\", \"c\", \"d\"]]\n");
    routes.set("a", RegistrationState::registered);
    routes.set("c", RegistrationState::registered);
    CHECK(routes.targets() == "a c+d");
    routes.set("b", RegistrationState::registered);
    CHECK(routes.targets() == "a b+c+d");
    routes.set("c", RegistrationState::failed);
    CHECK(routes.targets() == "a b+d");
    routes.set("b", RegistrationState::failed);
    CHECK(routes.targets() == "a d");
}
