// The tasks of a TakeoverWork that are done in turn, each a command or a few.
#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <span>
#include "node/takeover_work.hpp"

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

void TakeoverWork::on_batch(CopyBatch batch, Instant now) {
    if (batch.has_more) {
        has_more_ = true;
        ask_at_ = now;
    }
    hold(std::move(batch.copies));
}

// A copy that is older than the call is worse than none.
void TakeoverWork::hold(std::vector<CallCopy> copies) {
    for (CallCopy &copy : copies) {
        if (copy.key.empty() || copy.key.size() > CallCopy::key_max) continue;
        if (copy.text.size() > CallCopy::text_max) {
            copy.text.clear();
            ++too_large_;
        }
        held_.push_back(std::move(copy));
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
    if (!takes_) return false;
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
