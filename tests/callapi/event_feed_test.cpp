#include <doctest/doctest.h>
#include "callapi/event_feed.hpp"
#include "net/system_random.hpp"

using namespace tandem;

namespace {

struct FakePort final : EventPort {
    Result<SubscriberId> listen(std::function<void()> ready) override {
        const auto id = events.add_subscriber();
        if (id) readies.emplace_back(*id, std::move(ready));
        return id;
    }
    void leave(SubscriberId id) override { events.remove_subscriber(id); }
    Bus &bus() override { return events; }
    void changed() override {}

    void notify(std::string_view name, std::string_view key, std::string_view value) {
        EventDraft draft{name};
        draft.fields.add(key, value);
        REQUIRE(events.notify(std::move(draft), now).ok());
        wake();
    }
    void wake() {
        std::vector<SubscriberId> ready;
        events.take_ready(ready);
        for (const auto &[id, call] : readies) {
            if (std::find(ready.begin(), ready.end(), id) != ready.end()) call();
        }
    }

    SystemRandom random;
    Instant now = at_ms(0);
    Bus events{BusOptions{.per_subscriber_max = 2}, random, at_ms(0)};
    std::vector<std::pair<SubscriberId, std::function<void()>>> readies;
};

struct FakeSocket final : WebSocket {
    WebSocketSend send(std::string_view text) override {
        if (sent.size() >= room) return WebSocketSend::full;
        sent.emplace_back(text);
        return WebSocketSend::queued;
    }
    WebSocketSend offer(std::string_view text) override {
        return sent.size() >= offer_room ? WebSocketSend::full : send(text);
    }
    void close(WebSocketClose, std::string_view) override { is_closed = true; }
    std::size_t queued_bytes() const override { return 0; }
    const Endpoint &peer() const override { return endpoint; }

    std::vector<std::string> sent;
    std::size_t room = 1000;
    std::size_t offer_room = 1000;
    bool is_closed = false;
    Endpoint endpoint;
};

struct Client {
    explicit Client(FakePort &port) {
        session.use([&port](JsonRpc &rpc, const std::shared_ptr<RpcChannel> &channel) {
            std::vector<std::unique_ptr<RpcFeature>> features;
            features.push_back(std::make_unique<EventFeed>(rpc, channel, port, [&port] { return port.now; }));
            return features;
        });
        session.on_open(socket);
    }
    Json call(std::string_view method, std::string_view params) {
        session.on_text(R"({"jsonrpc":"2.0","id":1,"method":")" + std::string(method) + R"(","params":)" +
                        std::string(params) + "}");
        const Json answer = *parse_json(socket->sent.back());
        return answer.contains("result") ? answer["result"] : answer["error"];
    }
    Json last() const { return *parse_json(socket->sent.back()); }

    std::shared_ptr<FakeSocket> socket = std::make_shared<FakeSocket>();
    RpcSession session{""};
};

} // namespace

TEST_CASE("event feed: a client hears of what its filter is about, until it unsubscribes") {
    FakePort port;
    Client client(port);
    const Json made = client.call("EventSubscribe", R"({"event":"dialog.*","filter":{"call-id":"c1"}})");
    CHECK(made["seq"] == 0);
    port.notify("dialog.state", "call-id", "c2");
    port.notify("call.dtmf", "call-id", "c1");
    CHECK(client.socket->sent.size() == 1);
    port.notify("dialog.state", "call-id", "c1");
    REQUIRE(client.socket->sent.size() == 2);
    CHECK(client.last()["method"] == "Event");
    CHECK(client.last()["params"]["event"] == "dialog.state");
    CHECK(client.last()["params"]["call-id"] == "c1");
    CHECK(client.last()["params"]["seq"] == 3);
    CHECK(client.call("EventUnsubscribe", "{\"id\":" + to_text(made["id"]) + "}")["id"] == made["id"]);
    port.notify("dialog.state", "call-id", "c1");
    CHECK(client.socket->sent.size() == 3);
    CHECK(client.call("EventUnsubscribe", "{\"id\":" + to_text(made["id"]) + "}")["code"] == -32001);
}

TEST_CASE("event feed: nobody ends or prolongs what another client has subscribed to, and who goes leaves nothing") {
    FakePort port;
    Client other(port);
    {
        Client client(port);
        const Json made = client.call("EventSubscribe", "{}");
        const std::string id = "{\"id\":" + to_text(made["id"]) + "}";
        CHECK(other.call("EventUnsubscribe", id)["code"] == -32001);
        CHECK(other.call("EventSubscribe", id)["code"] == -32001);
        CHECK(client.call("EventSubscribe", id)["id"] == made["id"]);
        client.session.on_closed(WebSocketClose::abnormal);
    }
    CHECK(port.events.subscriptions() == 0);
}

TEST_CASE("event feed: since replays what has been missed, after the answer (W4)") {
    FakePort port;
    { // somebody listens, so that there are events
        Client first(port);
        first.call("EventSubscribe", "{}");
        for (int i = 0; i < 3; ++i) port.notify("cdr", "id", std::to_string(i));
        CHECK(first.last()["params"]["seq"] == 3);
    }
    Client again(port);
    again.session.on_text(R"({"jsonrpc":"2.0","id":1,"method":"EventSubscribe","params":{"since":1}})");
    port.wake();
    REQUIRE(again.socket->sent.size() == 3);
    CHECK(parse_json(again.socket->sent[0])->at("result").at("seq") == 3);
    CHECK(parse_json(again.socket->sent[1])->at("params").at("seq") == 2);
    CHECK(parse_json(again.socket->sent[2])->at("params").at("seq") == 3);
}

TEST_CASE("event feed: who does not read gets a gap for what was dropped, and the rest in order (W2)") {
    FakePort port;
    Client client(port);
    client.call("EventSubscribe", "{}");
    client.socket->room = 2;
    for (int i = 0; i < 5000; ++i) port.notify("cdr", "id", std::to_string(i));
    CHECK(client.socket->sent.size() == 2);
    client.socket->room = client.socket->offer_room = 100'000;
    client.session.on_room();
    const auto &sent = client.socket->sent;
    CHECK(client.last()["params"]["seq"] == 5000);
    std::size_t gaps = 0;
    std::uint64_t lost = 0, events = 0;
    for (std::size_t i = 1; i < sent.size(); ++i) {
        const Json params = parse_json(sent[i])->at("params");
        if (params["event"] == "gap")
            ++gaps, lost += params["lost"].get<std::uint64_t>();
        else
            ++events;
    }
    CHECK(gaps == 1);
    CHECK(events + lost == 5000);
}

TEST_CASE("event feed: who has more events than he takes at once still gets his answers") {
    FakePort port;
    Client client(port);
    client.call("EventSubscribe", "{}");
    client.socket->offer_room = 3;
    client.socket->room = 4;
    for (int i = 0; i < 10; ++i) port.notify("cdr", "id", std::to_string(i));
    CHECK(client.socket->sent.size() == 3);
    client.session.on_text(R"({"jsonrpc":"2.0","id":1,"method":"none"})");
    CHECK(client.socket->sent.size() == 4);
    CHECK(!client.socket->is_closed);
    client.session.on_text(R"({"jsonrpc":"2.0","id":1,"method":"none"})"); // who does not take these either
    CHECK(client.socket->is_closed);
}

TEST_CASE("event feed: bad filters are -32602, too many subscriptions full") {
    FakePort port;
    Client client(port);
    CHECK(client.call("EventSubscribe", R"({"event":7})")["code"] == -32602);
    CHECK(client.call("EventSubscribe", R"({"filter":"x"})")["code"] == -32602);
    CHECK(client.call("EventSubscribe", R"({"filter":{"a":1}})")["code"] == -32602);
    CHECK(client.call("EventSubscribe", R"({"ttl-ms":0})")["code"] == -32602);
    CHECK(client.call("EventSubscribe", R"({"event":")" + std::string(500, '*') + "\"}")["code"] == -32602);
    CHECK(client.call("EventUnsubscribe", R"({"id":"x"})")["code"] == -32602);
    client.call("EventSubscribe", "{}");
    client.call("EventSubscribe", "{}");
    CHECK(client.call("EventSubscribe", "{}")["code"] == -32004);
}
