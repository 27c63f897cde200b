// The commands of a takeover, one after the other, over a connection of the test's own. A lease is so long that it ends
// when the test says so: by what it writes to Redis.
#pragma once
#include <algorithm>
#include <doctest/doctest.h>
#include <map>
#include <optional>
#include <string>
#include <vector>
#include "base/random.hpp"
#include "net/stream_peer.hpp"
#include "storage/redis/redis_link.hpp"
#include "storage/redis/takeover_words.hpp"
#include "storage/redis_server.hpp"

namespace tandem::test {

class TakeoverShell {
public:
    static constexpr std::int64_t lease_ms = 60'000;

    TakeoverShell(RedisServer &server, const std::string &url)
        : server_(server), link_(loop_, *RedisUrl::parse(url), takeover_scripts(),
                                 {[this] { is_connected_ = true; }, [](const std::string &why) { FAIL(why); }}) {
        link_.connect();
        run_until(loop_, [this] { return is_connected_; });
    }
    explicit TakeoverShell(RedisServer &server)
        : TakeoverShell(server, "redis://127.0.0.1:" + std::to_string(server.port())) {}

    static TakeoverWords words(const std::string &node) {
        return TakeoverWords({"test:", "udp:192.0.2.1:5060", node, std::chrono::milliseconds(lease_ms)});
    }
    static std::string key(const std::string &what) { return "test:{udp:192.0.2.1:5060}" + what; }

    RedisValue run(std::vector<std::string> all) {
        std::optional<RedisValue> answer;
        link_.send(key("nodes"), std::move(all), [&](const RedisValue &value) {
            answer = value;
            loop_.stop();
        });
        loop_.run();
        REQUIRE(answer);
        return *answer;
    }

    BeatAnswer beat(const std::string &node) { return *TakeoverWords::read_beat(run(words(node).beat(names()))); }
    TakeAnswer take(const std::string &node, const std::string &from, std::size_t most = 64,
                    const std::string &cursor = "0") {
        return *TakeoverWords::read_take(run(words(node).take(names(), from, most, cursor)));
    }
    std::vector<std::string> keep(const std::string &node, const std::vector<CallCopy> &copies) {
        return *TakeoverWords::read_keep(run(words(node).keep(names(), copies)));
    }
    KeySlice own(const std::string &node, std::size_t about = 1000, const std::string &cursor = "0") {
        return *TakeoverWords::read_own(run(words(node).own(names(), about, cursor)));
    }
    std::vector<std::string> texts(const std::string &node, const std::vector<std::string> &keys) {
        return *TakeoverWords::read_texts(run(words(node).texts(names(), keys)), keys.size());
    }
    std::vector<std::string> taken(const std::string &node) {
        return TakeoverWords::read_taken(run(words(node).taken(1000, "0")))->keys;
    }
    void dropped(const std::string &node, const std::vector<std::string> &keys) {
        CHECK(run(words(node).dropped(keys)).number == static_cast<std::int64_t>(keys.size()));
    }

    void let_up_grow_old() { server_.ask("SET " + key("up") + " " + std::to_string(now_ms() - lease_ms - 1)); }
    void silence(const std::string &node) {
        server_.ask("ZADD " + key("nodes") + " " + std::to_string(now_ms() - 500) + " " + node);
    }
    std::int64_t now_ms() {
        const std::string time = server_.ask("TIME");
        return std::stoll(time) * 1000 + std::stoll(time.substr(time.find(' '))) / 1000;
    }

private:
    const std::vector<std::string> &names() const { return link_.script_names(); }

    RedisServer &server_;
    Loop loop_{LoopOptions{std::chrono::milliseconds(1)}};
    bool is_connected_ = false;
    RedisLink link_;
};

} // namespace tandem::test
