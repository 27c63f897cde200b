// A worker's calls that others may take over, and those of others that come to it.
#include <algorithm>
#include <fmt/format.h>
#include <utility>
#include "net/system_clock.hpp"
#include "node/worker.hpp"

namespace tandem {

void Worker::watch_copies() {
    if (!copies_) return;
    const StoreTicket settled = journal_ ? journal_->settled() : 0;
    copies_->settled(settled);
    // A row of a call that others have must be gone first: nobody tells us of it once more.
    const bool is_behind = journal_ && journal_->statistics().is_behind;
    while (!dropped_.empty() && dropped_.front().ticket <= settled && !is_behind) {
        const auto done = std::move(dropped_.front().done);
        dropped_.pop_front();
        done();
    }
    if (copies_->empty() || std::exchange(are_copies_told_, true)) return;
    options_.on_copies();
}

CopyBatch Worker::take_copies(std::size_t most) {
    are_copies_told_ = false;
    copies_->settled(journal_ ? journal_->settled() : 0); // at the end no round follows the last commit
    return copies_->take(most, engine_, wall_);
}

void Worker::tell_all_copies() {
    copies_->tell_all();
    settle(SystemClock::now());
}

void Worker::adopt(std::span<CallCopyReader> calls) {
    const Instant now = SystemClock::now();
    std::size_t refused = 0;
    for (CallCopyReader &call : calls) {
        const RecordId key = call.legs().front().id;
        if (engine_.adopt(call.legs(), now)) {
            for (const DialogRecord &leg : call.legs()) {
                const DialogId dialog = engine_.tracker().find(leg.call_id, leg.from_tag, leg.forks.front().to_tag);
                if (cluster_ && dialog) cluster_->adopt(leg, profiles_, now);
            }
        } else if (find_callers({&key, 1}).empty()) {
            copies_->tell_over(key);
            ++refused;
        } else {
            copies_->tell_all(); // this one among them, which we have
        }
    }
    if (refused > 0) log_.error(fmt::format("takeover: {} calls of others can not be taken in, and are lost", refused));
    settle(now);
}

std::vector<RecordId> Worker::find_callers(std::span<const RecordId> sorted) const {
    std::vector<RecordId> found;
    for (const DialogId id : engine_.tracker().dialogs()) {
        const RecordId &record = engine_.tracker().find(id)->record;
        if (std::binary_search(sorted.begin(), sorted.end(), record)) found.push_back(record);
    }
    return found;
}

void Worker::drop(std::span<const RecordId> sorted, std::function<void()> done) {
    const Instant now = SystemClock::now();
    moved_ = engine_.drop(sorted, now);
    std::sort(moved_.begin(), moved_.end());
    for (const RecordId &key : sorted) copies_->forget(key);
    settle(now);
    dropped_.push_back({last_ticket_, std::move(done)});
    watch_copies();
}

} // namespace tandem
