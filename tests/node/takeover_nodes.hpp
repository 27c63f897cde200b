// Nodes that take over from each other, each with a host that is a table of texts, and the Redis between them.
#pragma once
#include <algorithm>
#include <chrono>
#include <doctest/doctest.h>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>
#include "net/system_clock.hpp"
#include "node/lines.hpp"
#include "node/takeover.hpp"
#include "storage/redis_server.hpp"

namespace tandem::test {

constexpr Duration takeover_lease = std::chrono::seconds(2);

template <class Done>
void wait_until(Done done) {
    const Instant end = SystemClock::now() + std::chrono::seconds(20);
    while (!done() && SystemClock::now() < end) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    CHECK(done());
}

inline void wait_for(Duration time) {
    const Instant end = SystemClock::now() + time;
    wait_until([end] { return SystemClock::now() >= end; });
}

class TableHost : public TakeoverHost {
public:
    using Calls = std::map<std::string, std::string>;

    // Of the test.
    void put(const std::string &key, const std::string &text) {
        const std::lock_guard lock(mutex_);
        calls_[key] = text;
        changed_.insert(key);
    }
    void put(const std::string &name, int count, const std::string &text = "text") {
        for (int i = 1; i <= count; ++i) put(name + std::to_string(i), text);
    }
    void end(const std::string &key) {
        const std::lock_guard lock(mutex_);
        calls_.erase(key);
        changed_.insert(key);
    }
    Calls calls() const {
        const std::lock_guard lock(mutex_);
        return calls_;
    }
    std::size_t size() const { return calls().size(); }
    std::set<std::string> dropped() const {
        const std::lock_guard lock(mutex_);
        return dropped_;
    }
    std::size_t told_again() const { return told_again_; }
    std::size_t adoptions() const { return adoptions_; }
    std::size_t asked() const { return asked_; }

    std::atomic<bool> forgets_adoptions = false; // as if it had died before
    std::atomic<bool> holds_answers = false;     // until release()
    std::atomic<bool> holds_adoptions = false;   //
    void release() {
        std::vector<std::function<void()>> held;
        {
            const std::lock_guard lock(mutex_);
            holds_answers = holds_adoptions = false;
            held.swap(held_);
        }
        for (const auto &say : held) say();
    }
    std::size_t held() const {
        const std::lock_guard lock(mutex_);
        return held_.size();
    }

    // TakeoverHost
    void ask(std::size_t most, std::function<void(CopyBatch)> answer) override {
        ++asked_;
        CopyBatch batch;
        {
            const std::lock_guard lock(mutex_);
            while (!changed_.empty() && batch.copies.size() < most) {
                const std::string key = *changed_.begin();
                changed_.erase(changed_.begin());
                batch.copies.push_back({key, calls_.contains(key) ? calls_[key] : ""});
            }
            batch.has_more = !changed_.empty();
        }
        say([answer = std::move(answer), batch] { answer(batch); });
    }
    void tell_again() override {
        const std::lock_guard lock(mutex_);
        ++told_again_;
        for (const auto &[key, text] : calls_) changed_.insert(key);
    }
    void adopt(std::vector<CallCopy> calls, std::function<void()> done) override {
        ++adoptions_;
        if (forgets_adoptions) return;
        {
            const std::lock_guard lock(mutex_);
            for (const CallCopy &call : calls) {
                calls_.emplace(call.key, call.text);
                changed_.insert(call.key);
            }
        }
        say(std::move(done), holds_adoptions);
    }
    void check(std::vector<std::string> keys) override {
        const std::lock_guard lock(mutex_);
        for (const std::string &key : keys) {
            if (!calls_.contains(key)) changed_.insert(key);
        }
    }
    void drop(std::vector<std::string> keys, std::function<void()> done) override {
        {
            const std::lock_guard lock(mutex_);
            for (const std::string &key : keys) {
                changed_.erase(key);
                if (calls_.erase(key) > 0) dropped_.insert(key);
            }
        }
        say(std::move(done));
    }

private:
    void say(std::function<void()> what, bool is_held = false) {
        if (!is_held && !holds_answers) return what();
        const std::lock_guard lock(mutex_);
        held_.push_back(std::move(what));
    }

    mutable std::mutex mutex_;
    Calls calls_;                   // by mutex_, as what follows
    std::set<std::string> changed_; //
    std::set<std::string> dropped_; //
    std::vector<std::function<void()>> held_;
    std::atomic<std::size_t> told_again_ = 0;
    std::atomic<std::size_t> adoptions_ = 0;
    std::atomic<std::size_t> asked_ = 0;
};

inline std::string takeover_url(const RedisServer &server, const std::string &user = {}) {
    return "redis://" + (user.empty() ? "" : user + ":secret@") + "127.0.0.1:" + std::to_string(server.port());
}

inline TakeoverOptions takeover_options(const std::string &url, const std::string &name) {
    TakeoverOptions options;
    options.url = *RedisUrl::parse(url);
    options.prefix = "test:";
    options.addresses = "udp:192.0.2.1:5060";
    options.name = name;
    options.lease = takeover_lease;
    options.interval = std::chrono::milliseconds(5);
    return options;
}

struct TakeoverNode {
    TakeoverNode(const std::string &url, const std::string &name) : TakeoverNode(takeover_options(url, name)) {}
    explicit TakeoverNode(const TakeoverOptions &options)
        : takeover(std::make_unique<Takeover>(options, host, lines.log)) {}

    TakenAtStart start() {
        auto found = takeover->start(std::chrono::seconds(20));
        REQUIRE(found);
        return *found;
    }
    TakenAtStart run() {
        TakenAtStart found = start();
        takeover->go_on();
        return found;
    }
    TakeoverStatistics statistics() const { return takeover->statistics(); }
    void tell(const std::string &name, int count, const std::string &text = "text") {
        host.put(name, count, text);
        takeover->wake();
    }
    void fall_silent() { takeover.reset(); }

    Lines lines;
    TableHost host;
    std::unique_ptr<Takeover> takeover;
};

// What is in Redis, by a connection of the test's own.
class TakeoverKeys {
public:
    explicit TakeoverKeys(RedisServer &server) : server_(server) {}

    static std::string key(const std::string &what) { return "test:{udp:192.0.2.1:5060}" + what; }
    std::size_t calls(const std::string &node) { return size("calls:" + node); }
    std::size_t taken(const std::string &node) { return size("taken:" + node); }
    std::string text(const std::string &node, const std::string &call) {
        return server_.ask("HGET " + key("calls:" + node) + " " + call);
    }

    // Its end; 0: none.
    std::int64_t heartbeat(const std::string &node) {
        const std::string score = server_.ask("ZSCORE " + key("nodes") + " " + node);
        return score == "nil" ? 0 : std::stoll(score);
    }

    // As if the time had passed.
    void let_up_grow_old() {
        server_.ask("SET " + key("up") + " " + std::to_string(now_ms() - 10 * to_ms(takeover_lease)) + " KEEPTTL");
    }
    void silence(const std::string &node, Duration since = std::chrono::milliseconds(500)) {
        server_.ask("ZADD " + key("nodes") + " " + std::to_string(now_ms() - to_ms(since)) + " " + node);
    }

private:
    std::size_t size(const std::string &what) { return std::stoul(server_.ask("HLEN " + key(what))); }
    std::int64_t now_ms() {
        const std::string time = server_.ask("TIME");
        return std::stoll(time) * 1000 + std::stoll(time.substr(time.find(' '))) / 1000;
    }

    RedisServer &server_;
};

} // namespace tandem::test
