#include <cstdio>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <unistd.h>
#include "net/certificates.hpp"
#include "net/stream_transport.hpp"
#include "net/udp_transport.hpp"
#include "node/config_reader.hpp"
#include "node/invite.hpp"
#include "node/lines.hpp"
#include "node/server.hpp"

using namespace tandem;
using test::Lines;

namespace {

// A directory of its own that goes with the test.
class Directory {
public:
    Directory() {
        std::string name = std::filesystem::temp_directory_path() / "tandem-node-XXXXXX";
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~Directory() { std::filesystem::remove_all(path_); }
    Directory(const Directory &) = delete;
    Directory &operator=(const Directory &) = delete;

    std::string file(const std::string &name) const { return path_ / name; }
    void write(const std::string &name, std::string_view text) const { std::ofstream(file(name)) << text; }

private:
    std::filesystem::path path_;
};

Config config_of(const std::string &text) {
    auto config = parse_config(text, "f");
    if (config && config->admin.is_default) config->admin.listen.reset(); // tests run side by side
    REQUIRE(config.ok());
    config->sip.listen[0].port = 0; // a free one
    return *config;
}

constexpr const char *no_store = "[store]\npath = \"\"\n";

// A peer on the server's own loop: sends INVITEs and keeps the status lines of final answers.
class Peer {
public:
    explicit Peer(Server &server) : server_(server) {
        transport_ = std::move(*UdpTransport::open(server.loop(), test::endpoint("127.0.0.1", 0)));
        transport_->on_batch([this](std::span<const Datagram> batch) {
            for (const Datagram &datagram : batch) {
                const std::string line(datagram.bytes.substr(0, datagram.bytes.find('\r')));
                if (line.substr(0, 11) == "SIP/2.0 100") continue;
                if (on_message) on_message(line);
            }
        });
    }

    void invite(std::string_view user) {
        const std::string id = std::to_string(++calls_);
        std::string text = "INVITE sip:" + std::string(user) + "@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP " +
                           transport_->local().to_string() + ";branch=z9hG4bK" + id +
                           "\r\nMax-Forwards: 70\r\nFrom: <sip:a@a>;tag=" + id +
                           "\r\nTo: <sip:bob@b>\r\nCall-ID: " + id + "\r\nCSeq: 1 INVITE\r\nContact: <sip:a@" +
                           transport_->local().to_string() + ">\r\nContent-Length: 0\r\n\r\n";
        const OutDatagram datagram{server_.worker().listeners().at(0).bound, SharedBytes(text), 0};
        transport_->send({&datagram, 1});
    }
    std::string address() const { return transport_->local().to_string(); }

    std::function<void(const std::string &line)> on_message;

private:
    Server &server_;
    std::unique_ptr<UdpTransport> transport_;
    int calls_ = 0;
};

// Ends the server, without waiting for them, as soon as so many calls are up.
void end_when_up(Server &server, std::size_t calls) {
    if (server.worker().engine().calls() < calls)
        return server.loop().post([&server, calls] { end_when_up(server, calls); });
    server.terminate();
    server.terminate();
}

// Of a process that has ended while two calls rang.
struct TwoLeft {
    TwoLeft() {
        auto server = Server::open(config, "", lines.log);
        REQUIRE(server.ok());
        config.sip.listen[0] = (*server)->worker().listeners().at(0).bound;
        Peer caller(**server);
        caller.on_message = [&](const std::string &) {}; // the caller hears nothing but 100
        (*server)->run([&] {
            caller.invite("one");
            caller.invite("two");
            end_when_up(**server, 2);
        });
        CHECK(lines.has("told to end at once; 2 calls stay in the store"));
    }

    const Directory directory;
    Lines lines;
    Config config =
        config_of("[store]\npath = \"" + directory.file("t.db") + "\"\n[[route]]\nto = [\"sip:127.0.0.1:9\"]\n");
};

} // namespace

TEST_CASE("server: it is ready after everything is open, answers, and ends when it is told to") {
    Lines lines;
    auto server = Server::open(config_of(no_store), "", lines.log);
    REQUIRE(server.ok());
    Peer peer(**server);
    std::string answer;
    peer.on_message = [&](const std::string &line) {
        answer = line;
        (*server)->terminate();
    };
    bool was_ready = false;
    (*server)->run([&] {
        was_ready = true;
        peer.invite("bob");
    });
    CHECK(was_ready);
    CHECK(answer == "SIP/2.0 404 Not Found");
    CHECK(lines.has("info listening on udp:127.0.0.1:"));
    CHECK(lines.has("no store: nothing is kept"));
}

TEST_CASE("server: an address in use is one line, and the store is not touched") {
    const Directory directory;
    Lines lines;
    auto first = Server::open(config_of(no_store), "", lines.log);
    REQUIRE(first.ok());
    Config config = config_of("[store]\npath = \"" + directory.file("t.db") + "\"\n");
    config.sip.listen[0] = (*first)->worker().listeners().at(0).bound;
    const auto second = Server::open(config, "", lines.log);
    REQUIRE(!second.ok());
    CHECK(second.error().detail == "udp:" + config.sip.listen[0].to_string() + ": address already in use");
    CHECK(!std::filesystem::exists(directory.file("t.db")));
}

TEST_CASE("server: a store that can not be opened, or is in use, is one line") {
    const Directory directory;
    Lines lines;
    for (const std::string &path : {directory.file("missing/t.db"), directory.file("")}) {
        const auto server = Server::open(config_of("[store]\npath = \"" + path + "\"\n"), "", lines.log);
        REQUIRE(!server.ok());
        CHECK(server.error().detail.find(path) != std::string::npos);
        CHECK(server.error().detail.find('\n') == std::string::npos);
    }
    const Config config = config_of("[store]\npath = \"" + directory.file("t.db") + "\"\n");
    const auto first = Server::open(config, "", lines.log);
    REQUIRE(first.ok());
    const auto second = Server::open(config, "", lines.log);
    REQUIRE(!second.ok());
    CHECK(second.error().detail.find(directory.file("t.db")) != std::string::npos);
}

TEST_CASE("server: the second order to end does not wait for calls") {
    Lines lines;
    auto server =
        Server::open(config_of(std::string(no_store) + "[[route]]\nto = [\"sip:127.0.0.1:9\"]\n"), "", lines.log);
    REQUIRE(server.ok());
    Peer callee(**server);
    Peer caller(**server);
    (*server)->run([&] {
        caller.invite("bob");
        (*server)->loop().post([&] {
            (*server)->terminate();
            (*server)->terminate();
        });
    });
    CHECK(lines.has("told to end at once"));
}

TEST_CASE("server: a reload takes over routes and the log level; a bad file changes nothing") {
    const Directory directory;
    Lines lines;
    const std::string path = directory.file("t.toml");
    directory.write("t.toml", no_store);
    auto server = Server::open(config_of(no_store), path, lines.log);
    REQUIRE(server.ok());
    Peer callee(**server);
    Peer caller(**server);
    const std::string route = "[[route]]\nto = [\"sip:" + callee.address() + "\"]\n";
    callee.on_message = [&](const std::string &line) {
        CHECK(line.substr(0, 20) == "INVITE sip:two@127.0");
        (*server)->terminate();
        (*server)->terminate();
    };
    bool has_reloaded = false;
    caller.on_message = [&](const std::string &line) {
        if (has_reloaded) return;
        CHECK(line == "SIP/2.0 404 Not Found");
        directory.write("t.toml", "[log]\nlevel = \"loud\"\n");
        (*server)->reload();
        CHECK(lines.has("error reload: " + path +
                        ":2:9: \"level\" in [log] must be one of debug, info, warn, error, "
                        "off, not \"loud\"; the former configuration stays in force"));
        directory.write("t.toml", "[sip]\nlisten = [\"udp:[::1]:5060\"]\n[[route]]\nto = [\"sip:[::1]\"]\n");
        (*server)->reload();
        CHECK(lines.has("error reload: a route or a trunk needs a listener that only a restart opens"));
        directory.write("t.toml", "[store]\npath = \"other.db\"\n[sip]\nadvertise = \"a.example\"\n" + route);
        (*server)->reload();
        CHECK(lines.has("warn reload: [store] changed, which takes a restart"));
        CHECK(lines.has("warn reload: \"advertise\" in [sip] changed"));
        CHECK(lines.has("info reload: 1 routes are in force"));
        has_reloaded = true;
        caller.invite("two");
    };
    (*server)->run([&] { caller.invite("one"); });
}

TEST_CASE("server: a reload gives profiles new limits, and none to those that are gone; a profile keeps its kind") {
    const Directory directory;
    Lines lines;
    const auto text = [](const std::string &profiles) { return no_store + profiles; };
    const std::string total = "[[profile]]\nname = \"total\"\nlimit = ";
    const std::string user = "[[profile]]\nname = \"user\"\nvalue = true\nlimit = 2\n";
    auto server = Server::open(config_of(text(total + "1\n" + user)), directory.file("t.toml"), lines.log);
    REQUIRE(server.ok());
    const ProfileTable &profiles = (*server)->profiles();
    const auto reload = [&](const std::string &changed) {
        directory.write("t.toml", text(changed));
        (*server)->reload();
    };
    const auto limit = [&](std::string_view name) {
        const auto info = profiles.info(name);
        REQUIRE(info.ok());
        return info->limit;
    };
    CHECK(limit("total") == 1);
    CHECK(limit("user") == 2);

    reload(total + "7\n[[profile]]\nname = \"new\"\nlimit = 3\n");
    CHECK(limit("total") == 7);
    CHECK(limit("user") == 0);
    CHECK(profiles.info("user")->has_values);
    CHECK(limit("new") == 3);

    reload(total + "8\n[[profile]]\nname = \"user\"\nlimit = 9\n"); // it had values, and may still have members
    CHECK(lines.has("error reload: [[profile]] \"user\": \"value\" changed, which takes a restart; the former "
                    "configuration stays in force"));
    CHECK(limit("total") == 7);
    CHECK(limit("user") == 0);
    CHECK(limit("new") == 3);

    std::string many;
    for (int i = 0; i < 254; ++i) many += "[[profile]]\nname = \"p" + std::to_string(i) + "\"\n";
    reload(total + "8\n" + many); // with those that are gone they are 257
    CHECK(lines.has("error reload: [[profile]] \"p253\": "));
    CHECK(limit("total") == 7);
    CHECK(limit("new") == 3);
    CHECK(lines.count("routes are in force") == 1);
}

TEST_CASE("server: a reload without a certificate leaves a listener of TLS the one that it has") {
    const test::Certificates certificates;
    certificates.make("node", "IP:127.0.0.1");
    const Directory directory;
    Lines lines;
    Config config = config_of(no_store);
    config.tls = certificates.files("node");
    config.sip.listen.push_back(config.sip.listen[0]);
    config.sip.listen[1].transport = Transport::tls;
    config.sip.listen[1].listener = 1;
    auto server = Server::open(config, directory.file("t.toml"), lines.log);
    REQUIRE(server.ok());
    directory.write("t.toml", no_store);
    (*server)->reload();
    CHECK(lines.has("error reload: there is no \"certificate\" in [tls], but a listener that needs one"));
    CHECK(lines.has("info reload: 0 routes are in force"));

    auto phone = StreamTransport::open((*server)->loop(), test::endpoint("127.0.0.1", 0), {},
                                       test::load(certificates.files("node")));
    REQUIRE(phone.ok());
    std::string answer;
    (*phone)->on_batch([&](std::span<const Datagram> batch) {
        answer = batch[0].bytes.substr(0, batch[0].bytes.find('\r'));
        (*server)->terminate();
    });
    (*phone)->on_connection_lost([&](const LostConnection &) { (*server)->terminate(); });
    (*server)->run([&] {
        const OutDatagram datagram{
            (*server)->worker().listeners().at(1).bound,
            SharedBytes("OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1;branch=z9hG4bK1"
                        "\r\nMax-Forwards: 70\r\nFrom: <sip:a@a>;tag=1\r\nTo: <sip:b@b>\r\n"
                        "Call-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"),
            1,
            {}};
        (*phone)->send({&datagram, 1});
    });
    CHECK(answer == "SIP/2.0 200 OK");
}

TEST_CASE("server: a reload puts no name in force that no listener could reach") {
    const Directory directory;
    Lines lines;
    auto server = Server::open(config_of(no_store), directory.file("t.toml"), lines.log);
    REQUIRE(server.ok());
    const std::string all = "[sip]\nlisten = [\"udp:127.0.0.1:5060\", \"tls:127.0.0.1:5061\"]\n"
                            "[tls]\ncertificate = \"c\"\nkey = \"k\"\n";
    for (const char *uri : {"sips:carrier.example", "sip:carrier.example;transport=tls"}) {
        directory.write("t.toml", all + "[[route]]\nto = [\"" + uri + "\"]\n");
        (*server)->reload();
    }
    CHECK(lines.count("error reload: a route or a trunk needs a listener that only a restart opens") == 2);
    directory.write("t.toml", all + "[[route]]\nto = [\"sip:carrier.example\"]\n");
    (*server)->reload();
    CHECK(lines.count("info reload: 1 routes are in force") == 1);
}

TEST_CASE("server: without a file there is nothing to reload") {
    Lines lines;
    auto server = Server::open(config_of(no_store), "", lines.log);
    REQUIRE(server.ok());
    (*server)->reload();
    CHECK(lines.has("reload: there is no configuration file"));
}

TEST_CASE("server: the warnings of the configuration are in the log") {
    Lines lines;
    Config config = config_of(std::string(no_store) + "[admin]\nlisten = \"0.0.0.0:9\"\n");
    config.admin.listen->port = 0;
    const auto server = Server::open(config, "", lines.log);
    REQUIRE(server.ok());
    CHECK(lines.has(
        "warn f:3:1: [admin] listens on 0.0.0.0:9 without a \"token\": whoever reaches it may do everything"));
}

TEST_CASE("server: a call that nobody had answered when a process died ends with the next one, and has one record") {
    TwoLeft left;
    for (int start = 0; start < 2; ++start) {
        auto server = Server::open(left.config, "", left.lines.log);
        REQUIRE_MESSAGE(server.ok(), server.error().detail);
        (*server)->run([&] { end_when_up(**server, 0); });
    }
    CHECK(left.lines.count("info store: 0 calls of a former process go on; it left 4 dialogs") == 1);
    // Their CANCEL is out.
    CHECK(left.lines.count("info store: 0 calls of a former process go on; it left 2 dialogs") == 1);
    CHECK(left.lines.count("calls of a former process are closed (restart)") == 0);
    const WallClock wall(at_ms(0), 0);
    auto store =
        SqliteStore::open({.path = left.directory.file("t.db"), .durability = Durability::none, .vfs = {}}, wall);
    REQUIRE(store.ok());
    std::map<std::string, int> records; // by the caller's Call-ID
    REQUIRE((*store)->load_ended(std::chrono::hours(1), 100, [&](auto call_id) { ++records[std::string(call_id)]; }));
    CHECK(records["1"] == 1);
    CHECK(records["2"] == 1);
}

TEST_CASE("server: a call that a former process left and this one can not take along is closed (restart)") {
    TwoLeft left;
    left.config.limits.dialogs = 1;
    for (int start = 0; start < 2; ++start) {
        auto server = Server::open(left.config, "", left.lines.log);
        REQUIRE(server.ok());
    }
    CHECK(left.lines.has("warn store: 1 calls of a former process are closed (restart)"));
    CHECK(left.lines.count("are closed (restart)") == 1);
}
