// Whatever comes, in whatever order, and however often: every transaction ends and is told of once.
// The seed is printed; TANDEM_TEST_SEED repeats a run.
#include <algorithm>
#include <cstdlib>
#include <doctest/doctest.h>
#include <map>
#include <random>
#include <set>
#include "transaction/harness.hpp"

namespace tandem {
using test::Harness;
using test::Text;
using Kind = TransactionEventKind;
using State = TransactionState;

namespace {

std::uint64_t pick_seed() {
    const char *given = std::getenv("TANDEM_TEST_SEED");
    return given ? std::strtoull(given, nullptr, 10) : std::random_device()();
}

class Dice {
public:
    explicit Dice(std::uint64_t seed) : engine_(seed) {}
    std::size_t below(std::size_t limit) { return static_cast<std::size_t>(engine_() % limit); }
    bool in_100(std::size_t percent) { return below(100) < percent; }
    template <class T>
    const T &of(const std::vector<T> &values) {
        return values[below(values.size())];
    }

private:
    std::mt19937_64 engine_;
};

const std::vector<std::uint16_t> statuses = {100, 180, 183, 200, 202, 302, 404, 486, 487, 500, 603};

// One table, a peer that says anything, and a user that does anything.
class Storm {
public:
    explicit Storm(std::uint64_t seed) : dice_(seed), h_(dice_.in_100(50) ? test::udp() : test::tcp()) {}

    void run() {
        for (int step = 0; step < 3000; ++step) {
            act();
            if (dice_.in_100(40)) h_.run_to(h_.now_ms + static_cast<std::int64_t>(dice_.below(2000)));
            learn();
        }
        finish();
    }

private:
    void act() {
        switch (dice_.below(8)) {
        case 0:
        case 1:
        case 2: h_.receive(any_request()); break;
        case 3: h_.receive(any_response()); break;
        case 4: clients_.push_back({h_.send(any_method(false), any_text()), h_.branch}); break;
        case 5:
            if (!servers_.empty()) (void)h_.respond(dice_.of(servers_), dice_.of(statuses));
            break;
        case 6:
            if (!clients_.empty()) (void)h_.table.cancel(dice_.of(clients_).id, {}, at_ms(h_.now_ms));
            break;
        case 7:
            if (dice_.in_100(30) && !h_.sent.empty())
                h_.table.on_transport_failure(h_.sent[dice_.below(h_.sent.size())].transaction, at_ms(h_.now_ms));
            break;
        }
        h_.collect();
    }

    std::string any_method(bool all) {
        static const std::vector<std::string> methods = {"INVITE", "BYE", "OPTIONS", "FOO", "ACK", "CANCEL"};
        return methods[dice_.below(all ? methods.size() : 4)];
    }

    // From so few values that everything meets everything.
    Text any_text() {
        Text text;
        text.branch = dice_.in_100(25) ? std::to_string(dice_.below(3)) : "z9hG4bK" + std::to_string(dice_.below(9));
        text.sent_by = dice_.in_100(80) ? "192.0.2.1" : "EXAMPLE.com";
        text.from_tag = std::to_string(dice_.below(3));
        if (dice_.in_100(40)) text.to_tag = std::to_string(dice_.below(3));
        text.call_id = std::to_string(dice_.below(4));
        text.cseq = static_cast<std::uint32_t>(dice_.below(3));
        if (dice_.in_100(3)) text.extra = "Max-Forwards: many\r\n";
        return text;
    }

    std::string any_request() { return test::request(any_method(true), any_text()); }

    std::string any_response() {
        Text text = any_text();
        if (!clients_.empty() && dice_.in_100(90)) text.branch = dice_.of(clients_).branch;
        return test::response(dice_.of(statuses), any_method(true), text);
    }

    void learn() {
        for (; learned_ < h_.told.size(); ++learned_) {
            const TransactionEvent &event = h_.told[learned_].event;
            switch (event.kind) {
            case Kind::request:
                servers_.push_back(event.transaction);
                REQUIRE(h_.table.set_owner(event.transaction, 1));
                break;
            case Kind::cancel:
                REQUIRE(std::find(servers_.begin(), servers_.end(), event.transaction) != servers_.end());
                break;
            case Kind::response:
                if (event.message.status() >= 300) CHECK(++ends_[event.transaction] == 1);
                break;
            case Kind::timeout: CHECK(++timeouts_[event.transaction] == 1); break;
            case Kind::ack:
            case Kind::stray_answer:
            case Kind::transport_failed: break;
            }
        }
    }

    // The user answers what it has not answered and gives up what it began; then time does the rest.
    void finish() {
        for (const TransactionId server : servers_) (void)h_.respond(server, 500);
        for (const Client &client : clients_) (void)h_.table.cancel(client.id, {}, at_ms(h_.now_ms));
        h_.collect();
        h_.run_to(h_.now_ms + 32000);
        learn();
        // Nothing lives longer than its last timer: 64*T1, and T4 behind an ACK or a response.
        h_.run_to(h_.now_ms + 5000);
        CHECK(h_.table.size() == 0);
        CHECK_FALSE(h_.table.next_deadline());
    }

    struct Client {
        TransactionId id;
        std::string branch;
    };
    Dice dice_;
    Harness h_;
    std::vector<TransactionId> servers_;
    std::vector<Client> clients_;
    std::map<TransactionId, int> ends_;
    std::map<TransactionId, int> timeouts_;
    std::size_t learned_ = 0;
};

// Two tables and a network between them that loses, delays, repeats and reorders. Their users do what is theirs: the
// callee repeats a 2xx until the ACK comes, the caller acknowledges each of them and gives up after a while (Timer C).
class Pair {
public:
    Pair(std::uint64_t seed, std::size_t loss) : dice_(seed), loss_(loss) {}

    void run(int requests) {
        static const std::vector<std::string> methods = {"INVITE", "BYE", "OPTIONS"};
        for (now_ms_ = 0; now_ms_ < requests * 20 + 300000; ++now_ms_) {
            if (now_ms_ % 20 == 0 && now_ms_ < requests * 20) begin(dice_.of(methods));
            deliver();
            callee_acts();
            repeat_successes();
            caller_.now_ms = callee_.now_ms = now_ms_;
            caller_.table.advance(at_ms(now_ms_));
            callee_.table.advance(at_ms(now_ms_));
            exchange();
            if (now_ms_ > requests * 20 && caller_.is_over() && callee_.is_over() && flying_.empty()) break;
        }
        CHECK(caller_.is_over());
        CHECK(callee_.is_over());
        CHECK(outcomes_.size() == static_cast<std::size_t>(requests));
        for (const auto &[id, count] : outcomes_) CHECK(count == 1);
        for (const auto &[branch, count] : arrivals_) CHECK(count == 1);
        if (loss_ == 0) CHECK(timeouts_ == 0);
    }

private:
    void begin(const std::string &method) {
        Text text;
        text.call_id = std::to_string(++calls_);
        const auto id = caller_.send(method, text);
        outcomes_[id] = 0;
        if (method != "INVITE") return;
        to_cancel_.emplace(now_ms_ + 40000, id);
        if (dice_.in_100(30)) to_cancel_.emplace(now_ms_ + static_cast<std::int64_t>(dice_.below(8000)), id);
    }

    void post(Harness &to, const std::string &bytes) {
        if (dice_.in_100(loss_)) return;
        for (int copies = dice_.in_100(10) ? 2 : 1; copies > 0; --copies)
            flying_.emplace(now_ms_ + 1 + static_cast<std::int64_t>(dice_.below(200)), std::pair(&to, bytes));
    }

    void deliver() {
        while (!flying_.empty() && flying_.begin()->first <= now_ms_) {
            const auto [to, bytes] = flying_.begin()->second;
            flying_.erase(flying_.begin());
            to->now_ms = now_ms_;
            to->receive(bytes);
        }
        while (!to_cancel_.empty() && to_cancel_.begin()->first <= now_ms_) {
            (void)caller_.table.cancel(to_cancel_.begin()->second, {}, at_ms(now_ms_));
            to_cancel_.erase(to_cancel_.begin());
        }
    }

    void callee_acts() {
        while (!answers_.empty() && answers_.begin()->first <= now_ms_) {
            const auto [id, status] = answers_.begin()->second;
            answers_.erase(answers_.begin());
            answer(id, status);
        }
    }

    void answer(TransactionId id, std::uint16_t status) {
        const Message *request = callee_.table.request(id);
        if (!request) return;
        Text text{.branch = std::string(request->top_via().branch), .to_tag = "bob"};
        text.call_id = std::string(request->call_id());
        const std::string bytes = test::response(status, request->method_name(), text);
        const bool repeats = status == 200 && request->method() == Method::invite;
        CHECK(callee_.table.respond(id, status, SharedBytes(bytes), at_ms(now_ms_)).ok());
        if (repeats) repeats_.emplace(now_ms_ + 500, Success{id, text.call_id, bytes, 500});
    }

    void repeat_successes() {
        while (!repeats_.empty() && repeats_.begin()->first <= now_ms_) {
            Success success = repeats_.begin()->second;
            repeats_.erase(repeats_.begin());
            if (acknowledged_.count(success.call_id)) continue;
            if (!callee_.table.respond(success.id, 200, SharedBytes(success.bytes), at_ms(now_ms_))) continue;
            success.interval_ms = std::min<std::int64_t>(2 * success.interval_ms, 4000);
            repeats_.emplace(now_ms_ + success.interval_ms, success);
        }
    }

    void acknowledge(const Message &success) {
        Text text{.to_tag = "bob", .call_id = std::string(success.call_id())};
        caller_.table.append_branch(text.branch = "");
        caller_.table.acknowledge({}, {}, caller_.peer, SharedBytes(test::request("ACK", text)));
    }

    void exchange() {
        caller_.collect();
        callee_.collect();
        for (const auto &[at, event] : callee_.told) {
            if (event.kind == Kind::request) {
                ++arrivals_[std::string(event.message.top_via().branch)];
                answers_.emplace(now_ms_ + 10, std::pair(event.transaction, std::uint16_t{180}));
                answers_.emplace(now_ms_ + 20 + static_cast<std::int64_t>(dice_.below(6000)),
                                 std::pair(event.transaction, dice_.of(std::vector<std::uint16_t>{200, 486, 603})));
            } else if (event.kind == Kind::cancel) {
                answer(event.transaction, 487);
            } else if (event.kind == Kind::ack) {
                acknowledged_.insert(std::string(event.message.call_id()));
            }
        }
        for (const auto &[at, event] : caller_.told) {
            if (event.kind == Kind::timeout) ++timeouts_;
            const bool success = event.kind == Kind::response && event.message.status() / 100 == 2;
            if (success && event.message.method() == Method::invite) {
                acknowledge(event.message);
                if (++successes_[event.transaction] > 1) continue;
            }
            if (event.kind == Kind::timeout || event.message.status() >= 200) ++outcomes_[event.transaction];
        }
        for (const auto &message : caller_.sent) post(callee_, message.bytes);
        for (const auto &message : callee_.sent) post(caller_, message.bytes);
        for (Harness *side : {&caller_, &callee_}) {
            side->told.clear();
            side->sent.clear();
        }
    }

    struct Success {
        TransactionId id;
        std::string call_id;
        std::string bytes;
        std::int64_t interval_ms;
    };
    Dice dice_;
    std::size_t loss_;
    Harness caller_, callee_{test::udp("192.0.2.2")};
    std::int64_t now_ms_ = 0;
    int calls_ = 0;
    int timeouts_ = 0;
    std::multimap<std::int64_t, std::pair<Harness *, std::string>> flying_;
    std::multimap<std::int64_t, std::pair<TransactionId, std::uint16_t>> answers_;
    std::multimap<std::int64_t, Success> repeats_;
    std::multimap<std::int64_t, TransactionId> to_cancel_;
    std::set<std::string> acknowledged_;
    std::map<TransactionId, int> outcomes_;
    std::map<TransactionId, int> successes_;
    std::map<std::string, int> arrivals_;
};

} // namespace

TEST_CASE("storm: any messages in any order leave no transaction and no timer behind") {
    const std::uint64_t seed = pick_seed();
    MESSAGE("TANDEM_TEST_SEED=" << seed);
    for (std::uint64_t run = 0; run < 20; ++run) Storm(seed + run).run();
}

TEST_CASE("storm: over a network that loses, repeats and reorders, each request arrives once and ends once") {
    const std::uint64_t seed = pick_seed();
    for (const std::size_t loss : {0U, 10U, 30U}) {
        MESSAGE("TANDEM_TEST_SEED=" << seed << " loss " << loss << " %");
        Pair(seed, loss).run(500);
    }
}

} // namespace tandem
