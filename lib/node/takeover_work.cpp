#include "node/takeover_work.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <set>
#include <span>
#include "net/system_clock.hpp"

namespace tandem {
namespace {

// Of its first items so many as fit into one command.
std::size_t fitting(const std::vector<CallCopy> &copies, std::size_t most) {
    std::size_t count = 0;
    for (std::size_t bytes = 0; count < std::min(copies.size(), most); ++count) {
        bytes += copies[count].text.size();
        if (count > 0 && bytes > CallCopy::text_max) break;
    }
    return count;
}

template <class Items>
void erase_first(Items &items, std::size_t count) {
    items.erase(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(count));
}

} // namespace

void LoopDoor::post(std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    if (loop_) loop_->post(std::move(task));
}

void LoopDoor::shut() {
    const std::lock_guard lock(mutex_);
    loop_ = nullptr;
}

TakeoverWork::TakeoverWork(Loop &loop, const TakeoverOptions &options, TakeoverHost &host, Log &log)
    : loop_(loop), options_(options), host_(host), log_(log), door_(std::make_shared<LoopDoor>(loop)),
      words_({options.prefix, options.addresses, options.name, options.lease}),
      link_(loop, options, words_.slot_key(), log,
            {[this](Instant now) { on_connected(now); }, [this] { on_lost(); }}) {
    loop_.on_deadline([this] { advance(SystemClock::now()); });
}

TakeoverWork::~TakeoverWork() { door_->shut(); }

TakeoverStatistics TakeoverWork::statistics() const {
    return {kept_, refused_, too_large_, adopted_, dropped_, nodes_taken_, link_.outages(), link_.is_out()};
}

void TakeoverWork::read(OnRead on_read) {
    on_read_ = std::move(on_read);
    start_.emplace(words_, options_);
    advance(SystemClock::now());
}

void TakeoverWork::give_up_reading() {
    if (start_) must_tell_again_ = true;
    on_read_ = nullptr;
    start_.reset();
    advance(SystemClock::now());
}

void TakeoverWork::go_on() {
    is_on_ = true;
    advance(SystemClock::now());
}

void TakeoverWork::wake() {
    has_more_ = true;
    advance(SystemClock::now());
}

void TakeoverWork::dropped(std::vector<std::string> keys) {
    std::move(keys.begin(), keys.end(), std::back_inserter(forgotten_));
    advance(SystemClock::now());
}

void TakeoverWork::advance(Instant now) {
    link_.advance(now);
    beat(now);
    work(now);
    arm(now);
}

void TakeoverWork::arm(Instant now) {
    Instant next = link_.next();
    if (link_.is_up() && !is_beating_) next = std::min(next, beat_at_);
    if (is_greeted_ && is_on_ && has_more_ && ask_at_ > now) next = std::min(next, ask_at_);
    loop_.set_deadline(next);
}

void TakeoverWork::on_connected(Instant now) {
    beat_at_ = now;
    advance(now);
}

// What was told and not confirmed is told once more. Redis may have lost more than that (a failover, an older state on
// its disk), and may have given us calls of which we do not know.
void TakeoverWork::on_lost() {
    is_asking_redis_ = false;
    is_beating_ = false;
    is_greeted_ = false;
    taken_cursor_ = "0";
    must_tell_again_ = true;
    sweep_ = Sweep();
    if (start_) start_.emplace(words_, options_);
    for (auto &[name, gone] : gone_) gone.is_due = false;
    arm(SystemClock::now());
}

void TakeoverWork::beat(Instant now) {
    if (!link_.is_up() || is_beating_ || now < beat_at_) return;
    is_beating_ = true;
    beat_at_ = now + options_.lease / 8;
    const auto handler = [this](const RedisValue &value, Instant then) {
        is_beating_ = false;
        if (!on_beat(value, !std::exchange(is_greeted_, true))) return false;
        advance(then);
        return true;
    };
    link_.send(TakeoverCommand::beat, words_.beat(link_.scripts()), handler, now);
}

bool TakeoverWork::on_beat(const RedisValue &value, bool is_first) {
    const auto answer = TakeoverWords::read_beat(value);
    if (!answer) return false;
    has_taken_ = has_taken_ || answer->has_taken;
    if (start_ && is_first) {
        must_tell_again_ = false; // that is what it reads for
    } else if (answer->was_missing) {
        must_tell_again_ = true; // Redis was emptied, or others have taken all
    }
    note_gone(answer->gone);
    return true;
}

// Who is not there any more has been taken wholly, or lives again.
void TakeoverWork::note_gone(const std::vector<GoneNode> &gone) {
    std::set<std::string_view> names;
    for (const GoneNode &node : gone) {
        names.insert(node.name);
        Gone &known = gone_[node.name];
        if (known.calls == 0) known.silent = node.silent;
        known.is_due = true;
    }
    std::erase_if(gone_, [&](const auto &entry) {
        if (names.contains(entry.first)) return false;
        note_taken(entry.first, entry.second);
        return true;
    });
}

// One command of what is done in order.
void TakeoverWork::send(TakeoverCommand what, std::vector<std::string> words, Handler handler, Instant now) {
    is_asking_redis_ = true;
    const auto done = [this, handler = std::move(handler)](const RedisValue &value, Instant then) {
        is_asking_redis_ = false;
        if (!handler(value, then)) return false;
        advance(then);
        return true;
    };
    link_.send(what, std::move(words), done, now);
}

// What the host is to call, for which all else waits: it goes on in the loop, if there still is one.
std::function<void(CopyBatch)> TakeoverWork::when_told() {
    is_asking_host_ = true;
    return [this, door = door_](CopyBatch batch) {
        const auto told = std::make_shared<CopyBatch>(std::move(batch));
        door->post([this, told] {
            const Instant now = SystemClock::now();
            is_asking_host_ = false;
            on_batch(std::move(*told), now);
            advance(now);
        });
    };
}

std::function<void()> TakeoverWork::when_done(std::vector<std::string> forgotten) {
    is_asking_host_ = true;
    const auto keys = std::make_shared<std::vector<std::string>>(std::move(forgotten));
    return [this, door = door_, keys] {
        door->post([this, keys] {
            is_asking_host_ = false;
            dropped(std::move(*keys));
        });
    };
}

void TakeoverWork::work(Instant now) {
    if (!is_greeted_ || is_asking_redis_ || is_asking_host_) return;
    if (start_) return static_cast<void>(read_next(now));
    if (forget_some(now)) return;
    if (!is_on_) return link_.on_idle(now);
    if (drop_some(now)) return;
    if (std::exchange(must_tell_again_, false)) {
        has_more_ = true;
        ask_at_ = now;
        host_.tell_again();
    }
    if (!work_in_turn(now)) link_.on_idle(now);
}

bool TakeoverWork::work_in_turn(Instant now) {
    for (int i = 0; i < 3; ++i) {
        turn_ = (turn_ + 1) % 3;
        if (turn_ == 0 && keep_some(now)) return true;
        if (turn_ == 1 && sweep_some(now)) return true;
        if (turn_ == 2 && take_some(now)) return true;
    }
    return false;
}

bool TakeoverWork::read_next(Instant now) {
    const auto handler = [this](const RedisValue &value, Instant) {
        if (!start_) return true; // nobody waits any more
        if (!start_->on_answer(value)) return false;
        if (!start_->is_done()) return true;
        const bool is_cut = start_->is_cut();
        const bool is_wanted = std::exchange(on_read_, nullptr)(start_->result());
        start_.reset();
        if (!is_wanted) must_tell_again_ = true;
        if (!is_wanted || is_cut) return true;
        has_taken_ = false;
        sweep_.reset();
        return true;
    };
    send(start_->command(), start_->next(link_.scripts()), handler, now);
    return true;
}

// What the host has dropped may be told of by its new owner alone, and by us if it comes back to us.
bool TakeoverWork::forget_some(Instant now) {
    if (forgotten_.empty()) {
        if (dropped_now_ == 0 || has_taken_) return false;
        log_.warn(fmt::format("redis: {} calls of ours were dropped: other nodes have taken them over",
                              std::exchange(dropped_now_, 0)));
        return false;
    }
    const std::size_t count = std::min(forgotten_.size(), options_.batch);
    const auto handler = [this, count](const RedisValue &value, Instant) {
        if (value.kind != RedisValue::Kind::number || value.number < 0) return false;
        dropped_ += static_cast<std::uint64_t>(value.number);
        dropped_now_ += static_cast<std::uint64_t>(value.number);
        erase_first(forgotten_, count);
        return true;
    };
    send(TakeoverCommand::dropped, words_.dropped(std::span(forgotten_).first(count)), handler, now);
    return true;
}

bool TakeoverWork::drop_some(Instant now) {
    if (!has_taken_) return false;
    const auto handler = [this](const RedisValue &value, Instant) {
        auto slice = TakeoverWords::read_taken(value);
        if (!slice) return false;
        taken_cursor_ = slice->cursor;
        if (taken_cursor_ == "0") has_taken_ = false;
        if (slice->keys.empty()) return true;
        const std::set<std::string> keys(slice->keys.begin(), slice->keys.end());
        std::erase_if(held_, [&](const CallCopy &copy) { return keys.contains(copy.key); });
        host_.drop(slice->keys, when_done(slice->keys));
        return true;
    };
    send(TakeoverCommand::taken, words_.taken(options_.batch, taken_cursor_), handler, now);
    return true;
}

bool TakeoverWork::keep_some(Instant now) {
    if (!held_.empty()) {
        send_held(now);
        return true;
    }
    if (!has_more_ || now < ask_at_) return false;
    has_more_ = false;
    ask_at_ = now + options_.interval;
    host_.ask(options_.batch, when_told());
    return true;
}

// A copy that is older than the call is worse than none.
void TakeoverWork::on_batch(CopyBatch batch, Instant now) {
    if (batch.has_more) {
        has_more_ = true;
        ask_at_ = now;
    }
    held_ = std::move(batch.copies);
    std::erase_if(held_, [](const CallCopy &copy) { return copy.key.empty() || copy.key.size() > CallCopy::key_max; });
    for (CallCopy &copy : held_) {
        if (copy.text.size() <= CallCopy::text_max) continue;
        copy.text.clear();
        ++too_large_;
    }
}

void TakeoverWork::send_held(Instant now) {
    const std::size_t count = fitting(held_, options_.batch);
    const auto handler = [this, count](const RedisValue &value, Instant) {
        const auto refused = TakeoverWords::read_keep(value);
        if (!refused || refused->size() > count) return false;
        kept_ += count - refused->size();
        refused_ += refused->size();
        has_taken_ = has_taken_ || !refused->empty();
        erase_first(held_, count);
        return true;
    };
    send(TakeoverCommand::keep, words_.keep(link_.scripts(), std::span(held_).first(count)), handler, now);
}

bool TakeoverWork::sweep_some(Instant now) {
    if (!sweep_) return false;
    if (!sweep_->unconfirmed.empty()) {
        sweep_texts(now);
        return true;
    }
    if (sweep_->is_listed) {
        sweep_.reset();
        return false;
    }
    const auto handler = [this](const RedisValue &value, Instant) {
        auto slice = TakeoverWords::read_own(value);
        if (!slice) return false;
        sweep_->cursor = slice->cursor;
        sweep_->is_listed = slice->cursor == "0";
        sweep_->unconfirmed = std::move(slice->unconfirmed);
        if (slice->keys.empty()) return true;
        has_more_ = true;
        host_.check(std::move(slice->keys));
        return true;
    };
    send(TakeoverCommand::own, words_.own(link_.scripts(), options_.batch, sweep_->cursor), handler, now);
    return true;
}

void TakeoverWork::sweep_texts(Instant now) {
    const std::size_t asked = std::min(sweep_->unconfirmed.size(), options_.batch);
    const auto handler = [this, asked](const RedisValue &value, Instant) {
        auto texts = TakeoverWords::read_texts(value, asked);
        if (!texts) return false;
        std::vector<CallCopy> calls;
        for (std::size_t i = 0; i < texts->size(); ++i) {
            if (!(*texts)[i].empty()) calls.push_back({std::move(sweep_->unconfirmed[i]), std::move((*texts)[i])});
        }
        erase_first(sweep_->unconfirmed, texts->size());
        adopt(std::move(calls));
        return true;
    };
    const std::span<const std::string> keys = std::span(sweep_->unconfirmed).first(asked);
    send(TakeoverCommand::texts, words_.texts(link_.scripts(), keys), handler, now);
}

bool TakeoverWork::take_some(Instant now) {
    const auto due = std::find_if(gone_.begin(), gone_.end(), [](const auto &entry) { return entry.second.is_due; });
    if (due == gone_.end()) return false;
    const auto handler = [this, node = due->first](const RedisValue &value, Instant) { return on_taken(node, value); };
    send(TakeoverCommand::take, words_.take(link_.scripts(), due->first, options_.batch, due->second.cursor), handler,
         now);
    return true;
}

bool TakeoverWork::on_taken(const std::string &node, const RedisValue &value) {
    Gone &gone = gone_[node]; // a beat may have come before
    if (value.is_error()) {
        gone.is_due = false;
        if (!std::exchange(gone.is_spoilt, true)) {
            log_.warn(fmt::format("redis: calls of node {} can not be taken over: {}", printable(node),
                                  printable(value.text)));
        }
        return true;
    }
    auto answer = TakeoverWords::read_take(value);
    if (!answer) return false;
    gone.cursor = answer->cursor;
    gone.is_due = !answer->is_refused;
    if (gone.calls == 0 && !answer->calls.empty()) ++nodes_taken_;
    gone.calls += answer->calls.size();
    if (answer->left == 0) {
        note_taken(node, gone);
        gone_.erase(node);
    }
    adopt(std::move(answer->calls));
    return true;
}

void TakeoverWork::adopt(std::vector<CallCopy> calls) {
    if (calls.empty()) return;
    adopted_ += calls.size();
    has_more_ = true;
    host_.adopt(std::move(calls), when_done());
}

void TakeoverWork::note_taken(const std::string &node, const Gone &gone) {
    if (gone.calls == 0) return;
    log_.info(fmt::format("redis: takes over {} calls of node {} ({} ms after its last sign of life)", gone.calls,
                          printable(node), to_ms(gone.silent)));
}

} // namespace tandem
