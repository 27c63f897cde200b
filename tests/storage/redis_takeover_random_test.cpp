// Nodes that keep calls, fall silent, come back, die, and take from each other, in a real redis-server.
#include <random>
#include <set>
#include "storage/redis_takeover.hpp"

using namespace tandem;
using namespace tandem::test;

namespace {

// What must hold after every step: each call that lives is with exactly one node in Redis, with the last text that was
// accepted, and whoever else thinks he has it is told to drop it when he comes back.
class Model {
public:
    explicit Model(std::uint64_t seed) : random_(seed), shell_(server_) {
        server_.ask("FLUSHALL");
        for (const std::string &node : nodes) shell_.beat(node);
        shell_.let_up_grow_old();
    }

    void step() {
        const std::string &node = one_of(nodes);
        const std::uint64_t what = random_() % 24;
        if (what < 5)
            begin(node);
        else if (what < 12)
            tell(node, false);
        else if (what < 16)
            tell(node, true);
        else if (what < 17)
            shell_.silence(node);
        else if (what < 19)
            beat(node);
        else if (what < 20)
            restart(node);
        else
            take(node, one_of(nodes), random_() % 8 == 0);
        check();
    }

    std::uint64_t taken = 0;
    std::uint64_t refused = 0;
    std::uint64_t dropped = 0;

private:
    const std::vector<std::string> nodes{"a", "b", "c", "d"};

    const std::string &one_of(const std::vector<std::string> &all) { return all[random_() % all.size()]; }

    void begin(const std::string &node) {
        const std::string key = "call" + std::to_string(++serial_);
        calls_[node].insert(key);
        keep(node, {key, "text " + std::to_string(serial_)});
    }

    void tell(const std::string &node, bool is_over) {
        if (calls_[node].empty()) return;
        auto chosen = calls_[node].begin();
        std::advance(chosen, static_cast<std::ptrdiff_t>(random_() % calls_[node].size()));
        keep(node, {*chosen, is_over ? "" : "text " + std::to_string(++serial_)});
        if (is_over) calls_[node].erase(chosen);
    }

    void keep(const std::string &node, const CallCopy &copy) {
        if (!shell_.keep(node, {copy}).empty()) {
            ++refused;
        } else if (copy.text.empty()) {
            texts_.erase(copy.key);
        } else {
            texts_[copy.key] = copy.text;
        }
    }

    void beat(const std::string &node) {
        if (!shell_.beat(node).has_taken) return;
        const std::vector<std::string> keys = shell_.taken(node);
        for (const std::string &key : keys) dropped += calls_[node].erase(key);
        shell_.dropped(node, keys);
    }

    // With what Redis has.
    void restart(const std::string &node) {
        calls_[node].clear();
        beat(node);
        const KeySlice own = shell_.own(node);
        for (const auto &keys : {own.keys, own.unconfirmed}) calls_[node].insert(keys.begin(), keys.end());
    }

    // Who dies before he knows what he took has it when he is back.
    void take(const std::string &node, const std::string &from, bool dies) {
        const TakeAnswer answer = shell_.take(node, from, 1 + random_() % 5);
        for (const CallCopy &call : answer.calls) {
            ++taken;
            CHECK(call.text == texts_.at(call.key));
            if (!dies) CHECK(calls_[node].insert(call.key).second);
        }
        if (dies) {
            calls_[node].clear();
            shell_.silence(node);
        }
    }

    void check() {
        std::map<std::string, std::string> owners;
        for (const std::string &node : nodes) {
            const KeySlice own = shell_.own(node);
            for (const auto &keys : {own.keys, own.unconfirmed}) {
                for (const std::string &key : keys) CHECK(owners.emplace(key, node).second);
            }
        }
        CHECK(owners.size() == texts_.size());
        for (const std::string &node : nodes) {
            const std::vector<std::string> taken_of = shell_.taken(node);
            const std::set<std::string> others(taken_of.begin(), taken_of.end());
            for (const std::string &key : calls_[node]) {
                REQUIRE((owners[key] == node) != others.contains(key));
            }
        }
    }

    std::mt19937_64 random_;
    RedisServer server_;
    TakeoverShell shell_;
    std::uint64_t serial_ = 0;
    std::map<std::string, std::set<std::string>> calls_; // by node: what it believes to have
    std::map<std::string, std::string> texts_;           // of all calls that are not over
};

} // namespace

TEST_CASE("redis takeover: whatever happens, each call has one owner and none is lost") {
    std::uint64_t taken = 0;
    std::uint64_t refused = 0;
    std::uint64_t dropped = 0;
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        CAPTURE(seed);
        Model model(seed);
        for (int i = 0; i < 1000; ++i) model.step();
        taken += model.taken;
        refused += model.refused;
        dropped += model.dropped;
    }
    CHECK(taken > 200);
    CHECK(refused > 10);
    CHECK(dropped > 20);
}
