// The connection with the store: when it is trusted, when it is given up, and when another one is tried.
#include <algorithm>
#include <utility>
#include "cluster/leases.hpp"

namespace tandem {
namespace {

constexpr std::size_t memory_max = 64; // bytes of what a store says of itself

std::string ms(Duration span) { return std::to_string(to_ms(span)) + " ms"; }

} // namespace

// For an answer to anything but a reservation, and for a connection.
Duration Leases::patience() const { return std::max<Duration>(2 * options_.timeout, std::chrono::milliseconds(250)); }

void Leases::connect(Instant now) {
    link_ = Link::connecting;
    retry_at_ = now + patience();
    store_.connect();
}

void Leases::on_connected(Instant now) {
    if (link_ != Link::connecting) return;
    link_ = Link::up;
    is_greeted_ = false;
    is_greeting_ = false;
    is_ready_ = false;
    ready_at_ = never;
    greet(false, now);
    make_all_due();
    pump(now);
}

void Leases::on_lost(std::string_view why, Instant now) {
    if (link_ != Link::down) lose(why, now);
}

void Leases::lose(std::string_view why, Instant now) {
    ++statistics_.failures;
    store_.disconnect();
    // Of one that was good for long enough the next is tried soon.
    const bool was_good = is_ready_ && now >= ready_since_ + options_.retry_max;
    link_ = Link::down;
    commands_.for_each([this](LeaseCommandId id, const Command &command) {
        if (command.action == LeaseAction::size) sizes_.push({command.asker, std::nullopt});
        drop_key(command.key);
        commands_.erase(id);
    });
    in_flight_ = 0;
    due_ = {};
    drop_overdue(now);
    retry_after_ = was_good || retry_after_ == Duration::zero() ? options_.retry_min
                                                                : std::min(retry_after_ * 2, options_.retry_max);
    // Nodes that lost it together do not come back together.
    const auto spread = static_cast<std::uint64_t>(retry_after_.count() / 4 + 1);
    retry_at_ = now + retry_after_ - Duration(static_cast<std::int64_t>(random_.next() % spread));
    go_out(why, now);
}

// From now on reservations have their verdict at once.
void Leases::go_out(std::string_view why, Instant now) {
    is_ready_ = false;
    if (!std::exchange(is_out_, true)) {
        out_since_ = now;
        ++statistics_.outages;
        notices_.push({true, std::string(why), {}});
    }
    give_up_all(now);
}

// Beyond the bound nothing is sent: reservations end by their deadline, and renewals come again.
void Leases::send(LeaseCommand command, Command kept, Instant now) {
    kept.sent = now;
    const LeaseAction action = kept.action;
    const KeyId key = kept.key;
    const auto id = commands_.emplace(std::move(kept));
    if (!id) return drop_key(key);
    command.id = *id;
    command.lease = options_.lease;
    last_sent_ = *id;
    if (action == LeaseAction::renew || action == LeaseAction::release) ++in_flight_;
    if (action != LeaseAction::reserve) sent_until_.push({now + patience(), *id});
    store_.send(command);
}

// Of deadlines.
void Leases::drop_answered() {
    while (!asked_until_.empty() && !asked_.find(asked_until_.front().id)) asked_until_.pop();
    while (!sent_until_.empty() && !commands_.find(sent_until_.front().id)) sent_until_.pop();
}

void Leases::on_answer(const LeaseAnswer &answer, Instant now) {
    Command *found = commands_.find(answer.id);
    if (!found) return;
    const Command command = std::move(*found);
    commands_.erase(answer.id);
    switch (command.action) {
    case LeaseAction::hello: on_hello(answer, now); break;
    case LeaseAction::reserve: on_part(command.asked, answer, command.sent, now); break;
    case LeaseAction::renew:
        --in_flight_;
        if (answer.is_ok) on_renewed(command, answer, now);
        break;
    case LeaseAction::release:
        --in_flight_;
        if (answer.is_ok) on_released(command);
        break;
    case LeaseAction::size:
        sizes_.push({command.asker, answer.is_ok && answer.second >= 0
                                        ? std::optional(static_cast<std::uint32_t>(answer.second))
                                        : std::nullopt});
        break;
    }
    drop_key(command.key);
    drop_answered();
    pump(now);
    watch_readiness(now);
}

void Leases::greet(bool has_lost, Instant now) {
    must_tell_loss_ = must_tell_loss_ || has_lost;
    if (link_ != Link::up || is_greeting_) return;
    is_greeting_ = true;
    greet_at_ = never;
    LeaseCommand command;
    command.action = LeaseAction::hello;
    command.memory = memory_;
    command.has_lost = std::exchange(must_tell_loss_, false);
    // Those who had it before us may be about to come back, as we are.
    command.may_have_lost = is_heir_ || is_out_;
    send(std::move(command), {}, now);
}

void Leases::on_hello(const LeaseAnswer &answer, Instant now) {
    is_greeting_ = false;
    if (!answer.is_ok) return lose(answer.why.empty() ? "it does not answer as it should" : answer.why, now);
    if (answer.memory.empty() || answer.memory.size() > memory_max || answer.first < 0) {
        return lose("it does not answer as it should", now);
    }
    const bool is_other = !memory_.empty() && memory_ != answer.memory;
    memory_ = answer.memory;
    const Duration wait =
        std::min<Duration>(std::chrono::milliseconds(std::min<std::int64_t>(answer.first, 1 << 30)), options_.lease);
    ready_at_ = now + wait;
    greet_at_ = now + renewal();
    if (is_other && is_greeted_) make_all_due();
    is_greeted_ = true;
    if (wait > Duration::zero()) go_out("it has lost what it knew, and learns it again for " + ms(wait), now);
    if (must_tell_loss_) greet(true, now);
}

// Of ours, so perhaps of others too.
void Leases::on_forgotten(std::size_t count, Instant now) {
    statistics_.forgotten += count;
    ready_at_ = now + options_.lease;
    go_out("it has lost what it knew, and learns it again for " + ms(options_.lease), now);
    greet(true, now);
    if (is_refilled_) make_all_due();
}

void Leases::watch_readiness(Instant now) {
    if (link_ != Link::up || !is_greeted_) return;
    if (!is_refilled_ && last_refill_) is_refilled_ = !commands_.find(*last_refill_);
    if (is_ready_ || !is_refilled_ || is_greeting_ || now < ready_at_) return;
    is_ready_ = true;
    ready_since_ = now;
    if (std::exchange(is_out_, false)) notices_.push({false, {}, now - out_since_});
    send_waiting(now);
}

void Leases::advance(Instant now) {
    if (link_ == Link::connecting && now >= retry_at_) lose("no connection within " + ms(patience()), now);
    if (link_ == Link::down && now >= retry_at_) connect(now);
    drop_answered();
    if (!asked_until_.empty() && asked_until_.front().at <= now) {
        const std::string why = "no answer within " + ms(options_.timeout);
        // One that waits for a connection says nothing of the next connection.
        link_ == Link::up ? lose(why, now) : go_out(why, now);
    }
    drop_answered();
    if (!sent_until_.empty() && sent_until_.front().at <= now) lose("no answer within " + ms(patience()), now);
    if (link_ != Link::up) return;
    take_due(now);
    if (now >= greet_at_) greet(false, now);
    pump(now);
    watch_readiness(now);
}

std::optional<Instant> Leases::next_deadline() const {
    Instant next = link_ == Link::up ? greet_at_ : retry_at_;
    const auto earlier = [&next](Instant at) { next = std::min(next, at); };
    if (!asked_until_.empty()) earlier(asked_until_.front().at);
    if (!sent_until_.empty()) earlier(sent_until_.front().at);
    if (link_ == Link::up) {
        if (!later_.empty()) earlier(later_.front().at);
        if (!due_.empty() && in_flight_ < options_.in_flight_max) earlier(Instant{});
        if (!is_ready_ && is_refilled_ && is_greeted_ && !is_greeting_) earlier(ready_at_);
    }
    return next == never ? std::nullopt : std::optional(next);
}

} // namespace tandem
