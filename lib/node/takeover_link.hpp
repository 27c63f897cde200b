// The connection of a takeover with Redis: kept, tried again after an outage, and no answer is waited for longer than
// is allowed. An outage is one line in the log, and one when it is over. All on one loop.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>
#include "base/instant.hpp"
#include "net/loop.hpp"
#include "node/log.hpp"
#include "node/takeover.hpp"
#include "storage/redis/redis_link.hpp"

namespace tandem {

enum class TakeoverCommand : std::uint8_t { beat, keep, take, own, texts, taken, dropped };

struct TakeoverLinkEvents { // called by the loop; on_lost also by advance()
    std::function<void(Instant)> on_connected;
    std::function<void()> on_lost; // no answer comes any more to what was sent
};

class TakeoverLink {
public:
    // False: it can not be an answer, and the connection is given up.
    using Done = std::function<bool(const RedisValue &answer, Instant now)>;

    // `loop`, `options` and `log` outlive the object. All keys are where `key` is.
    TakeoverLink(Loop &loop, const TakeoverOptions &options, std::string key, Log &log, TakeoverLinkEvents events);

    void advance(Instant now);
    Instant next() const; // when to advance; nothing before that

    bool is_up() const { return link_.is_up(); }
    const std::vector<std::string> &scripts() const { return link_.script_names(); }

    // While it is up. An error is the end of the connection, but one of `take`, which is about the keys of a node.
    void send(TakeoverCommand what, std::vector<std::string> words, Done done, Instant now);

    // All that was to be said has been said and answered.
    void on_idle(Instant now) { note_back(now); }

    bool is_out() const { return is_out_; }            // from any thread
    std::uint64_t outages() const { return outages_; } // from any thread

private:
    void on_answer(TakeoverCommand what, const RedisValue &answer, const Done &done, Instant now);
    void on_lost(TakeoverCommand what, const std::string &why, Instant now);
    void note_back(Instant now);

    const TakeoverOptions &options_;
    const std::string key_;
    const Duration answer_max_;
    const Duration retry_max_;
    Log &log_;
    const TakeoverLinkEvents events_;
    bool is_connecting_ = false;
    std::size_t unanswered_ = 0;
    Instant answer_until_{}; // while it connects, or something is unanswered
    Instant retry_at_{};
    Duration retry_after_;
    std::optional<Instant> out_since_;
    TakeoverCommand failed_ = TakeoverCommand::beat; // the outage is over once this is answered
    std::atomic<bool> is_out_ = false;
    std::atomic<std::uint64_t> outages_ = 0;
    RedisLink link_;
};

} // namespace tandem
