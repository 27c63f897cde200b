// A shared store that is pure memory, and the connection of one node with it: late, frozen, gone, forgetful.
#pragma once
#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>
#include "cluster/leases.hpp"

namespace tandem::test {

using namespace std::chrono_literals;

// What the scripts of lib/storage/redis do.
class FakeRedis {
public:
    enum class State { up, frozen, gone };

    State state = State::up;
    Instant now{}; // its own clock
    std::map<std::string, std::map<RecordId, Instant>> sets;
    std::vector<LeaseCommand> orphans; // of connections that were given up while it was frozen: it does them later
    std::uint64_t done = 0;
    bool refuses_release = false; // a key of another type

    void forget() {
        sets.clear();
        memory_.clear();
    }

    void resume() {
        state = State::up;
        for (const LeaseCommand &command : std::exchange(orphans, {})) answer(command);
    }

    std::size_t size(const std::string &key) {
        purge(key);
        return sets[key].size();
    }

    LeaseAnswer answer(const LeaseCommand &command) {
        ++done;
        LeaseAnswer said;
        said.id = command.id;
        said.is_ok = true;
        switch (command.action) {
        case LeaseAction::hello: hello(command, said); break;
        case LeaseAction::reserve: reserve(command, said); break;
        case LeaseAction::renew:
            purge(command.keys[0]);
            for (const RecordId &member : command.members) {
                if (!sets[command.keys[0]].contains(member)) ++said.first;
                sets[command.keys[0]][member] = now + command.lease;
            }
            said.second = static_cast<std::int64_t>(sets[command.keys[0]].size());
            break;
        case LeaseAction::release:
            said.is_ok = !refuses_release;
            if (refuses_release) break;
            for (const RecordId &member : command.members) sets[command.keys[0]].erase(member);
            break;
        case LeaseAction::size: said.second = static_cast<std::int64_t>(size(command.keys[0])); break;
        }
        return said;
    }

private:
    void purge(const std::string &key) {
        std::erase_if(sets[key], [this](const auto &entry) { return entry.second <= now; });
    }

    void hello(const LeaseCommand &command, LeaseAnswer &said) {
        if (now >= memory_until_) memory_.clear();
        const bool is_young = was_lost_ && now < made_at_ + command.lease;
        const bool is_other = !command.memory.empty() && memory_ != command.memory;
        if (memory_.empty() || (!is_young && (command.has_lost || (is_other && now < made_at_ + command.lease)))) {
            was_lost_ = !command.memory.empty() || command.has_lost || command.may_have_lost;
            memory_ = "memory " + std::to_string(++made_);
            made_at_ = now;
        }
        memory_until_ = now + command.lease * 2 / 3;
        said.memory = memory_;
        if (was_lost_ && now < made_at_ + command.lease) said.first = to_ms(made_at_ + command.lease - now);
    }

    void reserve(const LeaseCommand &command, LeaseAnswer &said) {
        if (now >= memory_until_) memory_.clear();
        if (!command.memory.empty() && command.memory != memory_) {
            said.first = -1;
            return;
        }
        const RecordId &member = command.members[0];
        for (std::size_t i = 0; i < command.keys.size(); ++i) {
            purge(command.keys[i]);
            const auto &set = sets[command.keys[i]];
            if (command.limits[i] == 0 || set.contains(member) || set.size() < command.limits[i]) continue;
            said.first = static_cast<std::int64_t>(i + 1);
            said.second = static_cast<std::int64_t>(set.size());
            return;
        }
        for (const std::string &key : command.keys) sets[key][member] = now + command.lease;
    }

    std::string memory_;
    Instant memory_until_{};
    Instant made_at_{};
    bool was_lost_ = false;
    int made_ = 0;
};

class FakeStore final : public LeaseStore {
public:
    explicit FakeStore(FakeRedis &shared) : redis(shared) {}

    void connect() override { is_connecting = true; }
    void disconnect() override {
        is_connecting = is_connected = false;
        if (redis.state == FakeRedis::State::frozen) {
            for (auto &[at, command] : sent) redis.orphans.push_back(std::move(command));
        }
        sent.clear();
        answers.clear();
    }
    void send(const LeaseCommand &command) override {
        sent.push_back({now + delay / 2, command});
        ++sent_count[command.action];
    }

    // What has come by now, told to `leases`.
    void run(Leases &leases, Instant at) {
        now = at;
        if (redis.state == FakeRedis::State::gone || is_cut) {
            if (is_connecting || is_connected) {
                is_connecting = is_connected = false;
                leases.on_lost("connection refused", now);
            }
            return;
        }
        if (redis.state == FakeRedis::State::frozen) return;
        if (std::exchange(is_connecting, false)) {
            is_connected = true;
            leases.on_connected(now);
        }
        while (!sent.empty() && sent.front().first <= now) {
            answers.push_back({sent.front().first + delay / 2, redis.answer(sent.front().second)});
            sent.pop_front();
        }
        while (!answers.empty() && answers.front().first <= now) {
            const LeaseAnswer answer = answers.front().second;
            answers.pop_front();
            leases.on_answer(answer, now);
        }
    }

    FakeRedis &redis;
    Instant now{};
    Duration delay{};
    bool is_cut = false; // this node's way to it
    bool is_connecting = false;
    bool is_connected = false;
    std::deque<std::pair<Instant, LeaseCommand>> sent;
    std::deque<std::pair<Instant, LeaseAnswer>> answers;
    std::map<LeaseAction, int> sent_count;
};

// A node: what it has asked for and what it was told.
struct FakeNode {
    FakeNode(FakeRedis &redis, std::uint64_t number, LeaseOptions options = {}, Instant now = {})
        : epoch(number), random(number), store(redis), leases(options, store, random, now) {}

    RecordId dialog(std::uint64_t serial) const { return {epoch, serial}; }

    void ask(std::uint64_t serial, std::vector<ClusterPlace> places, Instant now) {
        leases.reserve({ReservationId(serial), dialog(serial), std::move(places)}, now);
        collect();
    }

    void run(Instant now) {
        for (int turns = 0; turns < 16; ++turns) {
            store.run(leases, now);
            const auto due = leases.next_deadline();
            if (due && *due <= now) leases.advance(now);
        }
        store.run(leases, now);
        collect();
    }

    void collect() {
        for (Reserved reserved; leases.next_verdict(reserved);) {
            told[reserved.id.value()].push_back(reserved);
        }
        for (LeaseNotice notice; leases.next_notice(notice);) notices.push_back(notice);
        for (LeaseSize size; leases.next_size(size);) sizes.push_back(size);
    }

    // The only verdict so far; none: there is none.
    std::optional<Verdict> verdict(std::uint64_t serial) const {
        const auto found = told.find(serial);
        if (found == told.end() || found->second.size() != 1) return std::nullopt;
        return found->second[0].verdict;
    }

    std::uint64_t epoch;
    SeededRandom random;
    FakeStore store;
    Leases leases;
    std::map<std::uint64_t, std::vector<Reserved>> told;
    std::vector<LeaseNotice> notices;
    std::vector<LeaseSize> sizes;
};

} // namespace tandem::test
