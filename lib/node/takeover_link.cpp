#include "node/takeover_link.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <utility>
#include "net/system_clock.hpp"

namespace tandem {

// Both together are less than what is left of our heartbeat when Redis is back after an outage so short that it did not
// notice (takeover_scripts.cpp): three eighths of a lease.
TakeoverLink::TakeoverLink(Loop &loop, const TakeoverOptions &options, std::string key, Log &log,
                           TakeoverLinkEvents events)
    : options_(options), key_(std::move(key)), answer_max_(std::min(options.answer_max, options.lease / 4)),
      retry_max_(std::min(options.retry_max, options.lease / 8)), log_(log), events_(std::move(events)),
      retry_after_(std::min(options.retry_min, retry_max_)),
      link_(loop, options.url, takeover_scripts(),
            {[this] {
                 is_connecting_ = false;
                 events_.on_connected(SystemClock::now());
             },
             [this](const std::string &why) { on_lost(TakeoverCommand::beat, why, SystemClock::now()); }}) {}

void TakeoverLink::advance(Instant now) {
    if ((is_connecting_ || unanswered_ > 0) && now >= answer_until_) {
        link_.disconnect();
        on_lost(TakeoverCommand::beat, fmt::format("no answer within {} ms", to_ms(answer_max_)), now);
    }
    if (link_.is_up() || is_connecting_ || now < retry_at_) return;
    is_connecting_ = true;
    answer_until_ = now + answer_max_;
    link_.connect();
}

Instant TakeoverLink::next() const {
    if (is_connecting_ || unanswered_ > 0) return answer_until_;
    return link_.is_up() ? never : retry_at_;
}

void TakeoverLink::send(TakeoverCommand what, std::vector<std::string> words, Done done, Instant now) {
    if (unanswered_++ == 0) answer_until_ = now + answer_max_;
    link_.send(key_, std::move(words), [this, what, done = std::move(done)](const RedisValue &answer) {
        on_answer(what, answer, done, SystemClock::now());
    });
}

void TakeoverLink::on_answer(TakeoverCommand what, const RedisValue &answer, const Done &done, Instant now) {
    --unanswered_;
    answer_until_ = now + answer_max_;
    const bool is_failed = answer.is_error() && what != TakeoverCommand::take;
    if (!is_failed && done(answer, now)) {
        if (what == failed_ && link_.is_up()) note_back(now);
        return;
    }
    link_.disconnect();
    on_lost(what, answer.is_error() ? printable(answer.text) : "it does not answer as it should", now);
}

void TakeoverLink::on_lost(TakeoverCommand what, const std::string &why, Instant now) {
    is_connecting_ = false;
    unanswered_ = 0;
    retry_at_ = now + retry_after_;
    retry_after_ = std::min(retry_after_ * 2, retry_max_);
    if (!out_since_ || what != TakeoverCommand::beat) failed_ = what;
    if (!out_since_) {
        out_since_ = now;
        is_out_ = true;
        ++outages_;
        log_.error(fmt::format("redis: {}; copies of calls wait, and no node is taken over", why));
    }
    events_.on_lost();
}

void TakeoverLink::note_back(Instant now) {
    retry_after_ = std::min(options_.retry_min, retry_max_);
    if (!out_since_) return;
    log_.warn(fmt::format("redis: copies of calls go on after {} ms", to_ms(now - *out_since_)));
    out_since_.reset();
    is_out_ = false;
}

} // namespace tandem
