#include "node/call_copies.hpp"
#include <algorithm>
#include <utility>
#include "call/call_copy.hpp"

namespace tandem {

void CallCopies::changed(const DialogRecord &leg) {
    if (leg.owner == 0) return;
    waiting_.push_back({0, leg.owner, {}});
    ++in_round_;
}

// The key of a call is its caller's leg.
void CallCopies::ended(const DialogRecord &leg) {
    changed(leg);
    if (leg.leg_of || !leg.answered) return;
    waiting_.push_back({0, 0, leg.id});
    ++in_round_;
}

void CallCopies::end_round(StoreTicket ticket) {
    for (; in_round_ > 0; --in_round_) waiting_[waiting_.size() - in_round_].ticket = ticket;
}

void CallCopies::settled(StoreTicket ticket) {
    for (; !waiting_.empty() && waiting_.front().ticket <= ticket; waiting_.pop_front()) note(waiting_.front());
}

void CallCopies::note(const Waiting &waiting) {
    if (waiting.over) {
        over_.push_back(waiting.over);
        if (over_.size() > max_) over_.pop_front();
        return;
    }
    if (is_all_) return;
    if (is_noted_.insert(waiting.owner).second) changed_.push_back(waiting.owner);
    if (changed_.size() <= max_) return;
    is_all_ = true;
    changed_.clear();
    is_noted_.clear();
}

void CallCopies::note_all(const Engine &engine) {
    const auto add = [this](std::uint64_t owner) {
        if (owner != 0 && is_noted_.insert(owner).second) changed_.push_back(owner);
    };
    for (const DialogId id : engine.tracker().dialogs()) add(engine.tracker().find(id)->owner);
    for (const auto &told : told_) add(told.first); // that may be over
}

CopyBatch CallCopies::take(std::size_t most, Engine &engine, const WallClock &wall) {
    if (std::exchange(is_all_, false)) note_all(engine);
    CopyBatch batch;
    for (; batch.copies.size() < most && !over_.empty(); over_.pop_front()) {
        batch.copies.push_back({over_.front().to_string(), {}});
    }
    while (batch.copies.size() < most && !changed_.empty()) {
        const std::uint64_t owner = changed_.front();
        changed_.pop_front();
        is_noted_.erase(owner);
        tell(owner, engine, wall, batch);
    }
    batch.has_more = !empty();
    return batch;
}

void CallCopies::tell(std::uint64_t owner, Engine &engine, const WallClock &wall, CopyBatch &batch) {
    RecordId key;
    std::string text;
    const CallCondition condition = engine.describe_call(owner, [&](std::span<const DialogRecord> legs) {
        key = legs.front().id;
        text = call_to_text(legs, wall);
    });
    if (condition == CallCondition::unsettled) return; // it changes again
    const auto told = told_.find(owner);
    if (told != told_.end() && told->second != key) { // it is over, or has another caller
        batch.copies.push_back({told->second.to_string(), {}});
        told_.erase(told);
    }
    if (condition == CallCondition::gone) return;
    told_.insert_or_assign(owner, key);
    batch.copies.push_back({key.to_string(), std::move(text)});
}

void CallCopies::forget(const RecordId &key) {
    std::erase_if(told_, [&](const auto &one) { return one.second == key; });
    std::erase(over_, key);
    std::erase_if(waiting_, [&](const Waiting &waiting) { return waiting.over == key; });
}

} // namespace tandem
