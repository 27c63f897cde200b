// Commands for the calls of several workers: here all of them, and who asks, have one loop.
#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>
#include "net/system_clock.hpp"
#include "node/config_reader.hpp"
#include "node/invite.hpp"
#include "node/node_commands.hpp"
#include "node/route_table.hpp"

using namespace tandem;

namespace {

class SilentTransport final : public MessageTransport {
public:
    const Endpoint &local() const override { return local_; }
    void on_batch(BatchHandler handler) override { receive = std::move(handler); }
    void on_send_failed(SendFailedHandler) override {}
    void on_connection_lost(ConnectionLostHandler) override {}
    void send(std::span<const OutDatagram> batch) override {
        for (const OutDatagram &datagram : batch) invites += datagram.bytes.view().starts_with("INVITE ") ? 1 : 0;
    }
    const TransportStatistics &statistics() const override { return statistics_; }
    Duration lag() const override { return {}; }

    BatchHandler receive;
    std::size_t invites = 0;

private:
    Endpoint local_ = test::endpoint("127.0.0.1");
    TransportStatistics statistics_;
};

constexpr std::size_t workers = 3;

struct Node {
    Node() {
        std::vector<NodeCommands::Part> parts;
        for (std::size_t i = 0; i < workers; ++i) {
            auto transport = std::make_unique<SilentTransport>();
            transports[i] = transport.get();
            WorkerOptions options;
            options.engine.listeners = {{transport->local(), "127.0.0.1:5060"}};
            options.engine.dialogs.epoch = 1;
            options.engine.dialogs.shard = static_cast<std::uint8_t>(i);
            options.engine.event_max = 64;
            options.on_call_event = [this](const CallEvent &event) { commands->tell(event); };
            std::vector<std::unique_ptr<MessageTransport>> owned;
            owned.push_back(std::move(transport));
            made[i] = std::make_unique<Worker>(options, loop, std::move(owned), routes, profiles, wall, nullptr, log);
            parts.push_back({&loop, made[i].get()});
        }
        commands.emplace(std::move(parts), wall, loop);
        commands->on_event([this](const CallEvent &event) { heard.push_back(event); });
    }

    // A call of this worker, which rings.
    void call(std::size_t worker, const std::string &id, const std::string &from = "sip:a@a") {
        const std::string invite =
            "INVITE sip:bob@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK" + id +
            "\r\nMax-Forwards: 70\r\nFrom: <" + from + ">;tag=" + id + "\r\nTo: <sip:bob@b>\r\nCall-ID: " + id +
            "\r\nCSeq: 1 INVITE\r\nContact: <sip:a@192.0.2.10>\r\nContent-Length: 0\r\n\r\n";
        const Datagram datagram{test::endpoint("192.0.2.10"), invite};
        transports[worker]->receive({&datagram, 1});
    }
    // Runs the loop until this is so.
    void until(const std::function<bool()> &is_so) {
        const Instant late = SystemClock::now() + std::chrono::seconds(20);
        while (!is_so()) {
            REQUIRE(SystemClock::now() < late);
            loop.stop();
            loop.run();
        }
    }
    Result<AcceptedCommand> command(CallCommand asked) {
        std::optional<Result<AcceptedCommand>> answer;
        commands->command(std::move(asked), [&](Result<AcceptedCommand> accepted) {
            CHECK(heard.empty()); // nothing that comes of it is here before
            answer = std::move(accepted);
        });
        until([&] { return answer.has_value(); });
        return *answer;
    }
    Result<void> end(const std::string &call_id) {
        std::optional<Result<void>> answer;
        commands->end_call(call_id, [&](Result<void> ended) { answer = ended; });
        until([&] { return answer.has_value(); });
        return *answer;
    }
    std::optional<CallView> find(const std::string &call_id) {
        std::optional<std::optional<CallView>> answer;
        commands->find_call(call_id, [&](std::optional<CallView> call) { answer = std::move(call); });
        until([&] { return answer.has_value(); });
        return *answer;
    }
    CallPage list(std::uint64_t cursor, std::size_t max) {
        std::optional<CallPage> answer;
        commands->list_calls(cursor, max, [&](CallPage page) { answer = std::move(page); });
        until([&] { return answer.has_value(); });
        return *answer;
    }

    std::ostringstream lines;
    Log log{{LogLevel::debug, LogFormat::text}, lines};
    Loop loop;
    WallClock wall{SystemClock::now(), SystemClock::utc_us()};
    RouteTable routes{
        parse_config("[[route]]\nsource = [\"192.0.2.0/24\", \"127.0.0.0/8\"]\nto = [\"sip:127.0.0.1:9\"]\n", "f")
            ->routes};
    SystemRandom random;
    ProfileTable profiles{random};
    std::array<SilentTransport *, workers> transports{};
    std::array<std::unique_ptr<Worker>, workers> made;
    std::optional<NodeCommands> commands;
    std::vector<CallEvent> heard;
};

std::string ids_of(const CallPage &page) {
    std::string ids;
    for (const CallView &call : page.calls) ids += call.caller_call_id + " ";
    return ids;
}

} // namespace

TEST_CASE("node commands: a call is found whichever worker has it, and one that nobody has is not") {
    Node node;
    for (std::size_t i = 0; i < workers; ++i) node.call(i, "call" + std::to_string(i));
    for (std::size_t i = 0; i < workers; ++i) {
        const std::string id = "call" + std::to_string(i);
        REQUIRE(node.find(id));
        CHECK(node.find(id)->caller_call_id == id);
        CHECK(node.command({.kind = CommandKind::hold, .call_id = id}).error() == Error::wrong_state); // it rings
        CHECK(node.command({.kind = CommandKind::transfer, .call_id = id, .uri = "<sip:x@y>"}).error() ==
              Error::wrong_state);
        CHECK(node.command({.kind = CommandKind::join, .call_id = id, .other_call_id = "call0"}).error() ==
              Error::wrong_state);
        CHECK(node.command({.kind = CommandKind::join, .call_id = id, .other_call_id = "nobody"}).error() ==
              Error::not_found);
    }
    CHECK_FALSE(node.find("nobody"));
    CHECK(node.end("nobody").error() == Error::not_found);
    for (const CommandKind kind : {CommandKind::hold, CommandKind::resume, CommandKind::transfer}) {
        CHECK(node.command({.kind = kind, .call_id = "nobody"}).error() == Error::not_found);
    }
    REQUIRE(node.end("call2").ok());
    node.until([&] {
        const auto call = node.find("call2");
        return !call || call->state == DialogState::terminated;
    });
    CHECK(node.find("call1")->state != DialogState::terminated);
}

TEST_CASE("node commands: a page has the calls of several workers, and the next one goes on where it ended") {
    Node node;
    for (std::size_t i = 0; i < workers; ++i) {
        for (const char *name : {"a", "b"}) node.call(i, name + std::to_string(i));
    }
    const CallPage first = node.list(0, 3);
    CHECK(ids_of(first) == "a0 b0 a1 ");
    REQUIRE(first.next != 0);
    const CallPage second = node.list(first.next, 100);
    CHECK(ids_of(second) == "b1 a2 b2 ");
    CHECK(second.next == 0);
    CHECK(ids_of(node.list(0, 2)) == "a0 b0 ");
    CHECK(ids_of(node.list(node.list(0, 2).next, 2)) == "a1 b1 "); // a page that ends where a worker does
    const CallPage none = node.list(std::uint64_t{workers} << 32, 10);
    CHECK(none.calls.empty());
    CHECK(none.next == 0);
    CHECK(node.list(UINT64_MAX, 10).calls.empty());
}

TEST_CASE("node commands: calls with long texts come on several pages, so that each has room on its way") {
    Node node;
    constexpr std::size_t calls = 200;
    for (std::size_t i = 0; i < calls; ++i) {
        node.call(i % workers, "call" + std::to_string(i), "sip:" + std::string(2000, 'a') + "@a");
    }
    std::set<std::string> found;
    std::size_t pages = 0;
    CallPage page;
    do {
        page = node.list(page.next, 500);
        ++pages;
        std::size_t bytes = 0;
        for (const CallView &call : page.calls) {
            CHECK(found.insert(call.caller_call_id).second);
            bytes += call.from_uri.size();
        }
        CHECK(bytes < 200'000);
    } while (page.next != 0);
    CHECK(found.size() == calls);
    CHECK(pages > 2);
}

TEST_CASE("node commands: calls begin on each worker in turn, and the answer comes before what comes of it") {
    Node node;
    std::vector<CommandId> begun;
    for (std::size_t i = 0; i < 2 * workers; ++i) {
        node.heard.clear();
        const auto accepted = node.command({.kind = CommandKind::start, .caller = "sip:a@a", .callee = "sip:b@b"});
        REQUIRE(accepted.ok());
        CHECK(std::find(begun.begin(), begun.end(), accepted->id) == begun.end());
        begun.push_back(accepted->id);
        node.until([&] { return !node.heard.empty(); });
        CHECK(node.heard.front().kind == CallEventKind::command_accepted);
        CHECK(node.heard.front().command == accepted->id);
    }
    for (const SilentTransport *transport : node.transports) CHECK(transport->invites == 2);
    node.heard.clear();
    CHECK(node.command({.kind = CommandKind::start, .caller = "sip:a@a", .callee = "no\r\none"}).error() ==
          Error::invalid);
}

TEST_CASE("node commands: keys that are pressed are of no command, and are not told") {
    Node node;
    node.commands->tell({.kind = CallEventKind::dtmf});
    node.commands->tell({.kind = CallEventKind::command_pending});
    node.until([&] { return !node.heard.empty(); });
    CHECK(node.heard.size() == 1);
    CHECK(node.heard.front().kind == CallEventKind::command_pending);
}
