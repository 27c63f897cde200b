#include <doctest/doctest.h>
#include <set>
#include "cluster/fake_redis.hpp"

using namespace tandem;
using namespace tandem::test;

namespace {

// Nodes that begin and end dialogs with a limit in common, `closed` in an outage, on a store that everything happens
// to. What must hold: never more are up than the limit allows, each reservation has one verdict in time, and the store
// knows the truth a lease after the last fault.
class Model {
public:
    Model(std::uint64_t seed, bool is_sharded) : random_(seed) {
        options_.lease = 2s;
        options_.timeout = 50ms;
        options_.is_sharded = is_sharded;
        for (std::uint64_t i = 0; i < 3; ++i)
            nodes_.push_back(std::make_unique<FakeNode>(redis_, i + 1, options_, now_));
        up_.resize(3);
        asked_.resize(3);
        cancelled_.resize(3);
    }

    void slow_down() {
        for (const auto &node : nodes_)
            node->store.delay = Duration(static_cast<std::int64_t>(random_.next() % 45'000));
    }

    void run(std::int64_t span_ms, bool has_faults) {
        for (std::int64_t i = 0; i < span_ms; ++i) {
            now_ += 1ms;
            redis_.now = now_;
            if (has_faults) fault();
            for (std::size_t node = 0; node < nodes_.size(); ++node) step(node);
            check();
        }
    }

    void heal() {
        if (redis_.state == FakeRedis::State::frozen) redis_.resume();
        redis_.state = FakeRedis::State::up;
        for (const auto &node : nodes_) {
            node->store.is_cut = false;
            node->store.delay = {};
        }
    }

    void check_truth() {
        std::set<RecordId> all;
        for (std::size_t node = 0; node < nodes_.size(); ++node) {
            settle(node); // what was said last may not have arrived
            for (const std::uint64_t serial : up_[node]) all.insert(nodes_[node]->dialog(serial));
            CHECK(nodes_[node]->leases.is_ready());
        }
        std::set<RecordId> known;
        redis_.size("{total}");
        for (const auto &[dialog, until] : redis_.sets["{total}"]) known.insert(dialog);
        CHECK(known == all);
    }

    std::size_t admitted = 0;
    std::size_t refused = 0;

private:
    static constexpr std::size_t limit = 5;

    bool draw(std::uint64_t one_in) { return random_.next() % one_in == 0; }

    void fault() {
        if (draw(4'000)) redis_.forget();
        if (redis_.state == FakeRedis::State::up) {
            if (draw(3'000)) redis_.state = FakeRedis::State::gone;
            if (draw(3'000)) redis_.state = FakeRedis::State::frozen;
        } else if (draw(600)) {
            redis_.resume();
        }
        for (const auto &node : nodes_) {
            if (draw(node->store.is_cut ? 300 : 6'000)) node->store.is_cut = !node->store.is_cut;
            if (draw(2'000)) node->store.delay = Duration(static_cast<std::int64_t>(random_.next() % 80'000));
        }
        if (draw(5'000)) restart(random_.next() % nodes_.size());
    }

    // With what its own store has kept.
    void restart(std::size_t index) {
        nodes_[index] = std::make_unique<FakeNode>(redis_, index + 1, options_, now_);
        for (const std::uint64_t serial : up_[index]) {
            nodes_[index]->leases.adopt(nodes_[index]->dialog(serial), places_, now_);
        }
        asked_[index].clear();
    }

    void step(std::size_t index) {
        FakeNode &node = *nodes_[index];
        if (draw(20)) {
            asked_[index][++serial_] = now_;
            node.leases.reserve({ReservationId(serial_), node.dialog(serial_), places_}, now_);
        }
        settle(index);
        REQUIRE(cancelled_[index].empty()); // they have heard, too
        if (!up_[index].empty() && draw(60)) end(index, *up_[index].begin());
        if (!asked_[index].empty() && draw(200)) { // cancelled
            node.leases.release(node.dialog(asked_[index].begin()->first), now_);
            cancelled_[index].insert(asked_[index].begin()->first);
            asked_[index].erase(asked_[index].begin());
        }
        for (const auto &[serial, since] : asked_[index]) REQUIRE(now_ <= since + options_.timeout);
    }

    void settle(std::size_t index) {
        nodes_[index]->run(now_);
        for (auto &[serial, verdicts] : std::exchange(nodes_[index]->told, {})) take(index, serial, verdicts);
    }

    void take(std::size_t index, std::uint64_t serial, const std::vector<Reserved> &verdicts) {
        REQUIRE(verdicts.size() == 1);
        if (cancelled_[index].erase(serial) > 0) {
            REQUIRE(verdicts[0].verdict == Verdict::unknown);
            return;
        }
        REQUIRE(asked_[index].erase(serial) == 1);
        if (verdicts[0].verdict == Verdict::admitted) {
            up_[index].insert(serial);
            ++admitted;
            return;
        }
        ++refused;
        nodes_[index]->leases.release(nodes_[index]->dialog(serial), now_);
    }

    void end(std::size_t index, std::uint64_t serial) {
        up_[index].erase(serial);
        nodes_[index]->leases.release(nodes_[index]->dialog(serial), now_);
    }

    void check() {
        std::size_t sum = 0;
        for (const auto &up : up_) sum += up.size();
        highest = std::max(highest, sum);
    }

public:
    std::size_t highest = 0;

private:
    SeededRandom random_;
    LeaseOptions options_;
    FakeRedis redis_;
    Instant now_ = at_ms(1'000'000);
    std::vector<std::unique_ptr<FakeNode>> nodes_;
    const std::vector<ClusterPlace> places_{{"total", "", limit}};
    std::uint64_t serial_ = 0;
    std::vector<std::set<std::uint64_t>> cancelled_; // and not told yet
    std::vector<std::set<std::uint64_t>> up_;
    std::vector<std::map<std::uint64_t, Instant>> asked_;
};

} // namespace

TEST_CASE("leases: without faults the limit is met and never passed, whatever the delays") {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        CAPTURE(seed);
        Model model(seed, seed % 2 == 0);
        model.slow_down();
        model.run(20'000, false);
        CHECK(model.highest == 5);
        CHECK(model.admitted > 100);
        model.heal();
        model.run(500, false);
        model.check_truth();
    }
}

TEST_CASE("leases: faults of every kind, and the truth a lease later") {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        CAPTURE(seed);
        Model model(seed, seed % 4 == 0);
        for (int round = 0; round < 3; ++round) {
            model.run(15'000, true);
            model.heal();
            model.run(6'500, false);
            model.check_truth();
        }
        // Of a sharded store nobody sees at once that it has forgotten something.
        if (seed % 4 != 0) CHECK(model.highest == 5);
        CHECK(model.admitted > 50);
        CHECK(model.refused > 50);
    }
}
