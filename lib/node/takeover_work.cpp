#include "node/takeover_work.hpp"
#include <algorithm>
#include <iterator>
#include <set>
#include "net/system_clock.hpp"

namespace tandem {

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

// The states of a call that is being set up follow each other soon.
void TakeoverWork::wake() {
    const Instant now = SystemClock::now();
    if (!std::exchange(has_more_, true)) ask_at_ = std::max(ask_at_, now + options_.interval);
    advance(now);
}

void TakeoverWork::dropped(std::vector<std::string> keys) {
    std::move(keys.begin(), keys.end(), std::back_inserter(forgotten_));
    advance(SystemClock::now());
}

void TakeoverWork::end(std::vector<CallCopy> last, Duration patience) {
    const Instant now = SystemClock::now();
    end_at_ = now + patience;
    hold(std::move(last));
    advance(now);
}

void TakeoverWork::advance(Instant now) {
    link_.advance(now);
    beat(now);
    work(now);
    arm(now);
}

void TakeoverWork::arm(Instant now) {
    if (end_at_ && (now >= *end_at_ || link_.is_out() || (held_.empty() && !is_asking_redis_))) return loop_.stop();
    Instant next = std::min(link_.next(), end_at_.value_or(never));
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
    const auto done = [this, what, handler = std::move(handler)](const RedisValue &value, Instant then) {
        is_asking_redis_ = false;
        const bool is_of_interest = !end_at_ || what == TakeoverCommand::keep; // the rest is for the host
        if (is_of_interest && !handler(value, then)) return false;
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
            if (!end_at_) on_batch(std::move(*told), now);
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
    if (!is_greeted_ || is_asking_redis_) return;
    if (end_at_) return held_.empty() ? void() : send_held(now);
    if (is_asking_host_) return;
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

} // namespace tandem
