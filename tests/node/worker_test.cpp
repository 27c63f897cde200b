#include <algorithm>
#include <doctest/doctest.h>
#include <sstream>
#include <string>
#include "auth/digest_client.hpp"
#include "net/system_clock.hpp"
#include "node/config_reader.hpp"
#include "node/failing_store.hpp"
#include "node/inline_queue.hpp"
#include "node/invite.hpp"
#include "node/route_table.hpp"
#include "node/worker.hpp"

using namespace tandem;
using test::FailingStore;
using test::InlineQueue;

namespace {

class FakeTransport final : public MessageTransport {
public:
    const Endpoint &local() const override { return local_; }
    void on_batch(BatchHandler handler) override { receive = std::move(handler); }
    void on_send_failed(SendFailedHandler handler) override { fail = std::move(handler); }
    void on_connection_lost(ConnectionLostHandler handler) override { lose = std::move(handler); }
    void send(std::span<const OutDatagram> batch) override {
        ++batches;
        for (const OutDatagram &datagram : batch) sent.push_back(datagram);
        if (on_send) on_send();
    }
    const TransportStatistics &statistics() const override { return statistics_; }
    Duration lag() const override { return late; }

    Duration late{};
    BatchHandler receive;
    SendFailedHandler fail;
    ConnectionLostHandler lose;
    std::function<void()> on_send;
    std::vector<OutDatagram> sent;
    int batches = 0;

private:
    Endpoint local_ = test::endpoint("127.0.0.1");
    TransportStatistics statistics_;
};

struct Fixture {
    explicit Fixture(FailingStore *store_used, WorkerOptions options = {}) {
        auto owned = std::make_unique<FakeTransport>();
        transport = owned.get();
        options.engine.listeners = {{owned->local(), "127.0.0.1:5060"}};
        options.engine.dialogs.epoch = 1;
        std::vector<std::unique_ptr<MessageTransport>> transports;
        transports.push_back(std::move(owned));
        if (store_used) queue.emplace(*store_used);
        worker.emplace(options, loop, std::move(transports), routes, profiles, wall, queue ? &*queue : nullptr, log);
    }

    void receive(const std::vector<std::string> &messages, const Endpoint &peer = test::endpoint("192.0.2.10")) {
        std::vector<Datagram> batch;
        for (const std::string &message : messages) batch.push_back({peer, message});
        transport->receive(batch);
    }

    // Runs the loop until what was posted to it is done.
    void run() {
        loop.stop();
        loop.run();
    }

    // In the loop: ends it once this is so.
    void until(const std::function<bool()> &is_so) {
        if (is_so()) return loop.stop();
        loop.post([this, is_so] { until(is_so); });
    }

    std::size_t sent(std::string_view start) const {
        std::size_t found = 0;
        for (const OutDatagram &datagram : transport->sent) found += datagram.bytes.view().starts_with(start) ? 1 : 0;
        return found;
    }

    std::ostringstream lines;
    Log log{{LogLevel::debug, LogFormat::text}, lines};
    Loop loop;
    WallClock wall{SystemClock::now(), SystemClock::utc_us()};
    RouteTable routes{
        parse_config("[[route]]\nsource = [\"192.0.2.0/24\"]\nto = [\"sip:127.0.0.1:9\"]\n", "f")->routes};
    SystemRandom random;
    ProfileTable profiles{random};
    FakeTransport *transport = nullptr;
    std::optional<InlineQueue> queue;
    std::optional<Worker> worker;
};

std::string invite(int call) {
    const std::string id = std::to_string(call);
    return "INVITE sip:bob@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK" + id +
           "\r\nMax-Forwards: 70\r\nFrom: <sip:a@a>;tag=" + id + "\r\nTo: <sip:bob@b>\r\nCall-ID: " + id +
           "\r\nCSeq: 1 INVITE\r\nContact: <sip:a@192.0.2.10>\r\nContent-Length: 0\r\n\r\n";
}

std::size_t lines_of(const std::string &text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

// Two workers, whose mail is read when the test says so.
struct Pair {
    explicit Pair(const WorkerOptions &options = {})
        : workers{Fixture(nullptr, of_shard(options, 0)), Fixture(nullptr, of_shard(options, 1))} {
        for (Fixture &worker : workers) worker.worker->join(board);
    }
    static WorkerOptions of_shard(WorkerOptions options, std::uint8_t shard) {
        options.engine.dialogs.shard = shard;
        return options;
    }

    // The next INVITE that belongs to this worker.
    std::string invite_of(std::uint8_t worker) {
        for (;;) {
            std::string message = invite(++calls);
            if (board.map().shard_of(message, 1 - worker) == worker) return message;
        }
    }
    // What has been in this worker's box for `lag`.
    void leave(std::uint8_t worker, const std::vector<std::string> &messages, Duration lag = {}) {
        Mail mail;
        for (const std::string &message : messages) mail.add({.peer = test::endpoint("192.0.2.10")}, message);
        board.box(worker).put(mail, SystemClock::now() - lag);
    }

    SeededRandom random{1};
    Switchboard board{KeyedHash(random), {[] {}, [] {}}};
    int calls = 0;
    Fixture workers[2];
};

// Out of any dialog, from 192.0.2.`host`.
std::string options(int host) {
    const std::string id = "o" + std::to_string(host);
    return "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2." + std::to_string(host) +
           ":5060;branch=z9hG4bK" + id + "\r\nMax-Forwards: 70\r\nFrom: <sip:a@a>;tag=" + id +
           "\r\nTo: <sip:bob@b>\r\nCall-ID: " + id + "\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
}

// Alice's registrar, and her phone.
struct Users {
    Users() { digest.replace_users({{"alice", "p"}}); }

    std::string request(const std::string &call_id, const std::string &contact, const std::string &params = {}) {
        DigestClient phone({"alice", SecretText("p"), {}}, random);
        DigestAttempt attempt;
        std::string challenge = digest.challenge(false, false, SystemClock::now());
        challenge = challenge.substr(challenge.find(':') + 2, challenge.find("\r\n") - challenge.find(':') - 2);
        const std::string_view value = challenge;
        phone.on_challenge({&value, 1}, {}, attempt);
        return "REGISTER sip:b.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK" + call_id +
               "\r\nMax-Forwards: 70\r\nFrom: <sip:alice@b.example>;tag=1\r\nTo: <sip:alice@b.example>\r\nCall-ID: " +
               call_id + "\r\nCSeq: 1 REGISTER\r\nSupported: outbound\r\nContact: <" + contact + ">" + params + "\r\n" +
               phone.authorize("REGISTER", "sip:b.example", "", attempt) + "Content-Length: 0\r\n\r\n";
    }

    SeededRandom random{1};
    DigestServer digest{{.realm = "r"}, random};
    Registrar registrar{{.domains = {"b.example"}}, digest, random};
};

} // namespace

TEST_CASE("worker: a transition is in the store before the message it causes leaves") {
    FailingStore store;
    Fixture node(&store);
    std::size_t stored_at_send = 0;
    node.transport->on_send = [&] { stored_at_send = store.dialogs.size(); };
    node.receive({invite(1)});
    CHECK(node.sent("INVITE sip:bob@127.0.0.1:9 ") == 1);
    CHECK(stored_at_send == 2);
}

TEST_CASE("worker: a batch is one commit and one send") {
    FailingStore store;
    Fixture node(&store);
    node.receive({invite(1), invite(2), invite(3)});
    CHECK(node.transport->batches == 1);
    CHECK(node.sent("INVITE ") == 3);
    CHECK(node.worker->journal()->commits == 1);
    CHECK(store.dialogs.size() == 6);
}

TEST_CASE("worker: while the store is slow a call waits for it and what concerns no call does not") {
    FailingStore store;
    Fixture node(&store);
    node.queue->is_stuck = true;
    node.receive({invite(1)});
    CHECK(node.transport->sent.empty());
    node.receive({options(11)}, test::endpoint("192.0.2.11"));
    CHECK(node.sent("SIP/2.0 200 ") == 1);
    node.receive({options(10)}); // the caller gets all in its order
    node.receive({invite(1)});   // again
    CHECK(node.transport->sent.size() == 1);

    node.queue->work();
    node.run();
    REQUIRE(node.transport->sent.size() == 5);
    CHECK(node.transport->sent[1].bytes.view().starts_with("SIP/2.0 100 "));
    CHECK(node.transport->sent[2].bytes.view().starts_with("INVITE "));
    CHECK(node.transport->sent[3].bytes.view().starts_with("SIP/2.0 200 "));
    CHECK(node.transport->sent[4].bytes.view().starts_with("SIP/2.0 100 "));
}

TEST_CASE("worker: one batch may hold both what waits for the store and what does not") {
    FailingStore store;
    Fixture node(&store);
    node.queue->is_stuck = true;
    const std::string first = invite(1);
    const std::string second = options(11);
    node.transport->receive(
        std::vector<Datagram>{{test::endpoint("192.0.2.10"), first}, {test::endpoint("192.0.2.11"), second}});
    CHECK(node.transport->sent.size() == 1);
    CHECK(node.sent("SIP/2.0 200 ") == 1);
}

TEST_CASE("worker: messages that wait for the store are bounded in bytes") {
    FailingStore store;
    WorkerOptions options;
    options.waiting_max = 20'000;
    Fixture node(&store, options);
    node.queue->is_stuck = true;
    int call = 1;
    for (; call < 1000 && node.transport->sent.empty(); ++call) node.receive({invite(call)});
    CHECK(call > 10);
    CHECK(call < 100);
    CHECK(node.sent("INVITE ") == static_cast<std::size_t>(call - 1));
    CHECK(node.lines.str().find("store: more than 20000 bytes of messages wait for it; calls go on") !=
          std::string::npos);
}

TEST_CASE("worker: at the end what waited for the store is sent") {
    FailingStore store;
    Fixture node(&store);
    node.queue->is_stuck = true;
    node.receive({invite(1)});
    node.queue->work();
    node.worker->finish();
    CHECK(node.sent("INVITE ") == 1);
}

TEST_CASE("worker: a store that is done after the worker has gone wakes nobody") {
    FailingStore store;
    Fixture node(&store);
    node.queue->is_stuck = true;
    node.receive({invite(1)});
    node.worker.reset();
    node.queue->work();
    node.run();
    CHECK(store.dialogs.size() == 2);
}

TEST_CASE("worker: calls go on while the store fails, and without a store") {
    FailingStore store;
    store.fails = [](std::uint64_t) { return true; };
    Fixture failing(&store);
    failing.receive({invite(1)});
    CHECK(failing.sent("INVITE ") == 1);
    CHECK(failing.worker->journal()->is_behind);

    Fixture keeping_nothing(nullptr);
    keeping_nothing.receive({invite(1)});
    CHECK(keeping_nothing.sent("INVITE ") == 1);
    CHECK(keeping_nothing.worker->journal() == nullptr);
}

TEST_CASE("worker: where the configuration says so new calls are refused until everything is in the store again") {
    FailingStore store;
    WorkerOptions options;
    options.journal.rejects_calls = true;
    options.journal.retry_min = std::chrono::milliseconds(1);
    Fixture node(&store, options);
    node.receive({invite(1)});
    store.fails = [](std::uint64_t) { return true; };
    node.receive({invite(2)}); // with which it is seen
    CHECK(node.sent("INVITE ") == 2);
    node.receive({invite(3), invite(4), invite(1), ::options(10)});
    CHECK(node.sent("INVITE ") == 2);
    CHECK(node.sent("SIP/2.0 503 ") == 2);
    CHECK(node.sent("SIP/2.0 100 ") == 3); // the first INVITE came again
    CHECK(node.transport->sent[4].bytes.view().find("\r\nRetry-After: ") != std::string_view::npos);
    CHECK(node.worker->engine().calls() == 2);
    CHECK(node.worker->engine().statistics().refused_store == 2);
    CHECK(node.lines.str().find("error store: database or disk is full; new calls get 503; those that are up go on, "
                                "and are written when it is back") != std::string::npos);
    CHECK(lines_of(node.lines.str()) == 1);

    store.fails = [](std::uint64_t) { return false; };
    node.loop.post([&] { node.until([&] { return !node.worker->journal()->is_behind; }); });
    node.loop.run();
    CHECK(store.dialogs.size() == 4);
    CHECK(node.lines.str().find("warn store: new calls are taken again; 2 were refused") != std::string::npos);
    node.receive({invite(5)});
    CHECK(node.sent("INVITE ") == 3);
}

TEST_CASE("worker: a store that one worker has lost none begins a call on, until that one has it back") {
    FailingStore store;
    FailingStore other;
    StoreHealth health;
    WorkerOptions options;
    options.journal.rejects_calls = true;
    options.journal.retry_min = std::chrono::milliseconds(1);
    options.store = &health;
    Fixture losing(&store, options);
    Fixture idle(&other, options);
    store.fails = [](std::uint64_t) { return true; };
    losing.receive({invite(1)});
    idle.receive({invite(2), ::options(10)});
    CHECK(idle.sent("INVITE ") == 0);
    CHECK(idle.sent("SIP/2.0 503 ") == 1);
    CHECK(idle.worker->engine().statistics().refused_store == 1);
    CHECK_FALSE(idle.worker->journal()->is_behind);

    store.fails = [](std::uint64_t) { return false; };
    losing.loop.post([&] { losing.until([&] { return !losing.worker->journal()->is_behind; }); });
    losing.loop.run();
    idle.receive({invite(3)});
    CHECK(idle.sent("INVITE ") == 1);
    CHECK(idle.lines.str().find("warn store: new calls are taken again; 1 were refused") != std::string::npos);
    losing.receive({invite(4)});
    CHECK(losing.sent("INVITE ") == 2);
}

TEST_CASE("worker: while it is behind new calls are refused and those that are up are served") {
    Fixture node(nullptr);
    node.receive({invite(1)});
    node.transport->late = std::chrono::milliseconds(100);
    node.receive({invite(2), invite(1), options(10)});
    CHECK(node.sent("SIP/2.0 503 ") == 1);
    CHECK(node.sent("SIP/2.0 200 ") == 1); // OPTIONS
    CHECK(node.sent("INVITE ") == 1);
    CHECK(node.worker->engine().statistics().refused_overload == 1);
    CHECK(node.worker->engine().calls() == 1);
    CHECK(node.transport->sent[2].bytes.view().find("\r\nRetry-After: ") != std::string_view::npos);
    CHECK(node.lines.str().find("warn overload: messages wait for 100 ms; new calls get 503") != std::string::npos);
    CHECK(lines_of(node.lines.str()) == 1);
}

TEST_CASE("worker: beyond the memory it may use new calls are refused") {
    std::uint64_t resident = 100;
    MemoryBudget memory(1000, [&resident](bool) { return MemoryUse{resident, 0}; });
    WorkerOptions options;
    options.memory = &memory;
    resident = 2000;
    Fixture node(nullptr, options);
    node.receive({invite(1)});
    CHECK(node.sent("SIP/2.0 503 ") == 1);
    CHECK(node.lines.str().find("overload: memory is short; new calls get 503") != std::string::npos);
}

TEST_CASE("worker: a round that takes long is no step of the wall clock") {
    Instant until{};
    MemoryBudget memory(1000, [&until](bool) {
        while (SystemClock::now() < until) continue; // the round has begun
        return MemoryUse{};
    });
    WorkerOptions options;
    options.memory = &memory;
    Fixture node(nullptr, options);
    const Instant later = SystemClock::now() + std::chrono::hours(1);
    const std::int64_t utc_us = node.wall.utc_us(later);
    until = SystemClock::now() + std::chrono::milliseconds(150); // 100 ms are a step
    node.receive({::options(1)});
    CHECK(node.sent("SIP/2.0 200 ") == 1);
    CHECK(node.wall.utc_us(later) == utc_us);
}

TEST_CASE("worker: messages of other workers too show that it is behind, and that it is not any more") {
    WorkerOptions options;
    options.overload = {std::chrono::seconds(100), std::chrono::seconds(100), Duration::zero()};
    Pair pair(options);
    for (std::uint8_t i = 0; i < 2; ++i) {
        CAPTURE(i);
        Fixture &node = pair.workers[i];
        const auto receive = [&](Duration lag) {
            pair.leave(i, {pair.invite_of(i)}, lag);
            node.worker->on_mail();
        };
        receive({});
        CHECK(node.sent("INVITE ") == 1);
        receive(options.overload.begin);
        CHECK(node.sent("SIP/2.0 503 ") == 1);
        CHECK(node.worker->engine().statistics().refused_overload == 1);
        CHECK(node.lines.str().find("warn overload: messages wait for 10") != std::string::npos);
        receive({});
        CHECK(node.sent("INVITE ") == 2);
        CHECK(node.sent("SIP/2.0 503 ") == 1);
    }
}

TEST_CASE("worker: beyond the memory it may use new calls are refused that come from another worker too") {
    MemoryBudget memory(1000, [](bool) { return MemoryUse{2000, 0}; });
    WorkerOptions options;
    options.memory = &memory;
    Pair pair(options);
    pair.workers[0].receive({pair.invite_of(1)});
    pair.workers[1].worker->on_mail();
    CHECK(pair.workers[1].sent("SIP/2.0 503 ") == 1);
    CHECK(pair.workers[0].transport->sent.empty());
}

TEST_CASE("worker: mail is read a turn's worth at a time, however often it is woken meanwhile") {
    WorkerOptions options;
    options.letters_per_turn = 2;
    Pair pair(options);
    Fixture &node = pair.workers[1];
    std::vector<std::string> messages(6);
    for (std::string &message : messages) message = pair.invite_of(1);
    pair.leave(1, messages);
    node.worker->on_mail();
    CHECK(node.sent("INVITE ") == 2);
    for (int i = 0; i < 3; ++i) {
        pair.leave(1, {pair.invite_of(1)});
        node.worker->on_mail(); // as the box's wake-up has it do
    }
    CHECK(node.sent("INVITE ") == 2);
    int turns = 1;
    for (; node.sent("INVITE ") < 9; ++turns) {
        REQUIRE(turns < 9);
        node.run();
    }
    CHECK(turns == 5); // of 2, 2, 2, 2 and 1 letters
}

TEST_CASE("worker: a loop is seen that leads from one worker to another (RFC 3261 section 16.3 item 4)") {
    WorkerOptions options;
    SeededRandom random{5};
    options.engine.loop_hash.emplace(random);
    Pair pair(options);
    std::string message = pair.invite_of(0);
    pair.workers[0].receive({message});
    REQUIRE(pair.workers[0].sent("INVITE ") == 1);
    std::string mark;
    for (const OutDatagram &datagram : pair.workers[0].transport->sent) {
        const std::string_view bytes = datagram.bytes.view();
        const std::size_t at = bytes.find("X-Tandem-Loop: ");
        if (at != std::string_view::npos) mark = bytes.substr(at, bytes.find('\n', at) + 1 - at);
    }
    REQUIRE(!mark.empty());
    message = pair.invite_of(1); // with another Call-ID, and all else that routes look at the same
    message.insert(message.find("Content-Length"), mark);
    pair.workers[1].receive({message});
    CHECK(pair.workers[1].sent("SIP/2.0 482 ") == 1);
}

TEST_CASE("worker: at the end what others have left to send is sent, and nothing is begun any more") {
    WorkerOptions options;
    options.letters_per_turn = 1;
    Pair pair(options);
    Fixture &node = pair.workers[1];
    const Endpoint peer = test::endpoint("192.0.2.20");
    const auto leave_to_send = [&](std::string_view bytes) {
        Mail mail;
        mail.add({.kind = LetterKind::to_send, .peer = peer, .host = "sip.example"}, bytes);
        pair.board.box(1).put(mail, SystemClock::now());
    };
    leave_to_send("first");
    leave_to_send("second"); // is at hand, and not read, when the loop ends
    node.worker->on_mail();
    pair.leave(1, {pair.invite_of(1)});
    leave_to_send("third");
    node.worker->send_for_others();
    std::vector<std::string_view> sent;
    for (const OutDatagram &datagram : node.transport->sent) sent.push_back(datagram.bytes.view());
    CHECK(sent == std::vector<std::string_view>{"first", "second", "third"});
    CHECK(node.transport->sent.back().to == peer);
    CHECK(node.transport->sent.back().host.view() == "sip.example");
}

TEST_CASE("worker: a source beyond its rate hears so once, and others do not notice") {
    SystemRandom random;
    SourceLimiter sources({.rate = 1, .burst = 2}, random);
    WorkerOptions options;
    options.engine.sources = &sources;
    Fixture node(nullptr, options);
    node.receive({invite(1), invite(2), invite(3), invite(4), invite(5)});
    CHECK(node.sent("INVITE ") == 2);
    CHECK(node.sent("SIP/2.0 503 ") == 1);
    node.receive({invite(6)}, test::endpoint("192.0.2.11"));
    CHECK(node.sent("INVITE ") == 3);
    CHECK(node.worker->engine().statistics().refused_source == 1);
    CHECK(node.worker->engine().statistics().dropped_source == 2);
}

TEST_CASE("worker: garbage is told once in the interval, with its numbers") {
    Fixture node(nullptr);
    for (int i = 0; i < 100; ++i) node.receive({"garbage", "more\r\n\r\n"});
    CHECK(lines_of(node.lines.str()) == 1);
    CHECK(node.transport->sent.empty());

    WorkerOptions options;
    options.garbage_interval = Duration::zero();
    Fixture chatty(nullptr, options);
    for (int i = 0; i < 3; ++i) chatty.receive({"garbage", "more\r\n\r\n"});
    CHECK(lines_of(chatty.lines.str()) == 3);
    CHECK(chatty.lines.str().find("dropped or refused 2 messages that are no good SIP; since the start 6 are no SIP") !=
          std::string::npos);
}

TEST_CASE("worker: a message that can not be sent ends its call with an answer") {
    Fixture node(nullptr);
    node.receive({invite(1)});
    const auto sent = node.transport->sent;
    for (const OutDatagram &datagram : sent) {
        if (datagram.owner != 0) node.transport->fail(datagram, {101});
    }
    CHECK(node.sent("SIP/2.0 503 ") == 1);
    node.receive({options(3)});
    CHECK(node.worker->engine().vacant_bytes() > 0); // of the leg to the callee
    CHECK(node.worker->vacant_bytes() == node.worker->engine().vacant_bytes());
}

TEST_CASE("worker: a drain without calls is over at once, and with a call it refuses new ones") {
    Fixture idle(nullptr);
    int drained = 0;
    idle.worker->drain(std::chrono::seconds(10), [&] { ++drained; });
    CHECK(drained == 1);

    Fixture busy(nullptr);
    busy.receive({invite(1)});
    busy.worker->drain(std::chrono::seconds(10), [&] { ++drained; });
    CHECK(drained == 1);
    busy.receive({invite(2)});
    CHECK(busy.sent("SIP/2.0 503 ") == 1);
    CHECK(busy.sent("INVITE ") == 1);

    Fixture hasty(nullptr);
    hasty.receive({invite(1)});
    hasty.worker->drain(Duration::zero(), [&] { ++drained; });
    CHECK(drained == 2);
}

TEST_CASE("worker: the answer to a REGISTER waits until the binding is in the store") {
    Users users;
    const std::string request = users.request("r", "sip:alice@192.0.2.10");
    FailingStore store;
    WorkerOptions options;
    options.engine.registrar = &users.registrar;
    Fixture f(&store, options);
    f.queue->is_stuck = true;
    f.receive({request});
    CHECK(users.registrar.statistics().accepted == 1);
    CHECK(f.transport->sent.empty());
    f.queue->work();
    f.run();
    CHECK(f.sent("SIP/2.0 200") == 1);
    CHECK(store.bindings.size() == 1);
}

TEST_CASE("worker: a REGISTER that another worker reads when its connection is lost binds nothing, a later one does") {
    Users users;
    WorkerOptions options;
    options.engine.registrar = &users.registrar;
    Pair pair(options);
    Endpoint peer = test::endpoint("192.0.2.10", 40000);
    peer.transport = Transport::tcp;
    const auto request_of = [&](std::uint8_t worker, const std::string &instance) {
        for (int i = 0;; ++i) {
            std::string request = users.request(instance + std::to_string(i), "sip:alice@10.0.0.7;transport=tcp",
                                                ";reg-id=1;+sip.instance=\"<urn:uuid:" + instance + ">\"");
            if (pair.board.map().shard_of(request, 0) == worker) return request;
        }
    };
    pair.workers[0].receive({request_of(1, "a")}, peer);
    pair.workers[0].transport->lose({{peer, SystemClock::now(), true}, "closed"});
    CHECK(users.registrar.statistics().bindings == 0);
    pair.workers[0].receive({request_of(0, "b")}, peer); // over the next connection
    CHECK(users.registrar.statistics().bindings == 1);
    pair.workers[1].worker->on_mail();
    CHECK(users.registrar.statistics().accepted == 2);
    CHECK(users.registrar.statistics().lost == 1);
    const auto bindings = users.registrar.bindings_of("alice@b.example", SystemClock::now());
    REQUIRE(bindings.size() == 1);
    CHECK(bindings[0].instance == "<urn:uuid:b>");
}
