// A call that waits for an event: from the worker that has it to the hub, and back.
#include <doctest/doctest.h>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>
#include "event/event_names.hpp"
#include "net/system_clock.hpp"
#include "net/udp_transport.hpp"
#include "node/event_hub.hpp"
#include "node/invite.hpp"
#include "node/lines.hpp"
#include "node/worker.hpp"

using namespace tandem;

namespace {

// Bob's phone is asleep: a call to him waits until it has registered, and is busy then; at the timeout it is told 480.
class Sleepy final : public Router {
public:
    explicit Sleepy(EventHub &hub) : hub_(hub) {}
    Route route(const Message &, const Endpoint &) override {
        ++asked;
        const std::uint64_t since = hub_.sequence(); // before the look
        if (is_awake) return Route{.refuse = 486};
        Route asleep{.refuse = 480};
        auto filter = *EventFilter::of(event_name::binding);
        REQUIRE(filter.add(event_key::aor, "bob@example.com").ok());
        asleep.wait = EventWait{std::move(filter), timeout, since};
        return asleep;
    }
    Route route_inside(const Message &invite, const Endpoint &source) override { return route(invite, source); }

    Duration timeout = std::chrono::seconds(20);
    bool is_awake = false;
    int asked = 0;

private:
    EventHub &hub_;
};

struct Fixture {
    explicit Fixture(bool has_hub = true) : hub({}, loop, wall, random), router(hub), source(hub.add_source()) {
        std::vector<std::unique_ptr<MessageTransport>> transports;
        transports.push_back(std::move(*UdpTransport::open(loop, test::endpoint("127.0.0.1", 0))));
        WorkerOptions options;
        options.engine.listeners = {{transports[0]->local(), transports[0]->local().to_string()}};
        options.engine.dialogs.epoch = 1;
        options.hub = has_hub ? &hub : nullptr;
        server = transports[0]->local();
        worker =
            std::make_unique<Worker>(options, loop, std::move(transports), router, profiles, wall, nullptr, lines.log);
        phone->on_batch([this](std::span<const Datagram> batch) {
            for (const Datagram &datagram : batch) hear(datagram.bytes);
        });
    }

    // Until the final answer; gives its status.
    std::string call() {
        const std::string me = phone->local().to_string();
        send("INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP " + me +
             ";branch=z9hG4bK1\r\nMax-Forwards: 70\r\nFrom: <sip:a@a>;tag=1\r\nTo: <sip:bob@example.com>\r\n"
             "Call-ID: c\r\nCSeq: 1 INVITE\r\nContact: <sip:a@" +
             me + ">\r\nContent-Length: 0\r\n\r\n");
        Timer late(loop, [this] { loop.stop(); });
        late.set(SystemClock::now() + std::chrono::seconds(20));
        loop.run();
        return final;
    }
    void send(const std::string &bytes) {
        const OutDatagram datagram{server, SharedBytes(bytes), 0, {}};
        phone->send({&datagram, 1});
    }
    void hear(std::string_view answer) {
        if (answer.starts_with("SIP/2.0 100")) return on_trying();
        final = answer.substr(8, 3);
        loop.stop();
    }
    void registers(std::string_view aor) {
        EventDraft draft{event_name::binding};
        draft.fields.add(event_key::aor, aor);
        if (source.is_wanted()) source.tell(std::move(draft), SystemClock::now());
        source.flush();
    }

    test::Lines lines;
    Loop loop;
    WallClock wall{SystemClock::now(), SystemClock::utc_us()};
    SystemRandom random;
    EventHub hub;
    Sleepy router;
    EventSource &source; // of another worker
    ProfileTable profiles{random};
    Endpoint server;
    std::unique_ptr<UdpTransport> phone = std::move(*UdpTransport::open(loop, test::endpoint("127.0.0.1", 0)));
    std::function<void()> on_trying = [] {};
    std::string final;
    std::unique_ptr<Worker> worker;
};

} // namespace

TEST_CASE("event wait: a call goes on when the phone that it waits for has registered, with another worker") {
    Fixture fixture;
    fixture.on_trying = [&] {
        fixture.registers("carol@example.com");
        fixture.router.is_awake = true;
        fixture.registers("bob@example.com");
    };
    CHECK(fixture.call() == "486");
    CHECK(fixture.router.asked >= 2);
}

TEST_CASE("event wait: a phone that registers between the look and the wait is not missed") {
    Fixture fixture;
    // Somebody listens, so that events are made. What happens while the route is being asked is before the wait.
    const SubscriberId me = *fixture.hub.listen([] {});
    REQUIRE(fixture.hub.bus().subscribe(me, *EventFilter::of("cdr"), {}, {}, SystemClock::now()).ok());
    fixture.hub.changed();
    const std::uint64_t before = fixture.hub.sequence();
    fixture.registers("bob@example.com");
    fixture.loop.post([&] { CHECK(fixture.hub.sequence() == before + 1); }); // it is numbered by now
    Resumed::Why why = Resumed::Why::timeout;
    auto filter = *EventFilter::of(event_name::binding);
    REQUIRE(filter.add(event_key::aor, "bob@example.com").ok());
    fixture.loop.post([&] {
        fixture.hub.wait(filter, std::chrono::seconds(20), before, [&](const Resumed &resumed) {
            why = resumed.why;
            fixture.loop.stop();
        });
    });
    fixture.loop.run();
    CHECK(why == Resumed::Why::event);
}

TEST_CASE("event wait: a call is told what its route says when nobody has come in time") {
    Fixture fixture;
    fixture.router.timeout = std::chrono::milliseconds(50);
    CHECK(fixture.call() == "480");
}

TEST_CASE("event wait: where nobody can listen the call does not wait") {
    Fixture fixture(false);
    CHECK(fixture.call() == "480");
    CHECK(fixture.router.asked == 1);
}
