// One worker's part of an audit, and what it does at a later time.
#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>
#include "net/system_clock.hpp"
#include "node/worker.hpp"

namespace tandem {
namespace {

constexpr std::size_t slice = 1000; // places or dialogs

} // namespace

struct Worker::AuditRun {
    WorkerAudit found;
    std::uint64_t cursor = 0; // of the list of dialogs
    bool is_engine_done = false;
    std::function<void(WorkerAudit)> then;
};

void Worker::audit(EngineAudit from, std::function<void(WorkerAudit)> then) {
    auto run = std::make_shared<AuditRun>();
    run->found.engine = std::move(from);
    run->then = std::move(then);
    post_audit(std::move(run));
}

// Each slice is a turn of the loop, so that messages wait for one at most.
void Worker::post_audit(std::shared_ptr<AuditRun> run) {
    loop_.post([self = std::weak_ptr(self_), run = std::move(run)] {
        if (const auto worker = self.lock()) (*worker)->audit_slice(run);
    });
}

void Worker::audit_slice(const std::shared_ptr<AuditRun> &run) {
    const Instant now = SystemClock::now();
    if (!run->is_engine_done) {
        std::vector<MemberId> held;
        for (const HeldPlaces &places : places_) held.insert(held.end(), places.places.begin(), places.places.end());
        std::sort(held.begin(), held.end());
        run->is_engine_done = !engine_.audit(run->found.engine, slice, held, now);
        settle(now);
        return post_audit(run);
    }
    std::vector<DialogId> ids;
    engine_.tracker().list(run->cursor, slice, ids);
    for (const DialogId id : ids) run->found.dialogs.push_back(engine_.tracker().find(id)->record);
    if (run->cursor != 0) return post_audit(run);
    if (journal_) {
        run->found.store_failures = journal_->statistics().failures;
        run->found.is_behind = journal_->statistics().is_behind;
    }
    run->then(std::move(run->found));
}

std::uint64_t Worker::save_again(std::span<const RecordId> sorted) {
    std::uint64_t saved = 0;
    for (const DialogId id : engine_.tracker().dialogs()) {
        if (!std::binary_search(sorted.begin(), sorted.end(), engine_.tracker().find(id)->record)) continue;
        if (const auto record = engine_.living().record(id)) journal_->changed(*record);
        ++saved;
    }
    settle(SystemClock::now());
    return saved;
}

void Worker::after(Duration wait, std::function<void()> task) {
    const Instant now = SystemClock::now();
    later_.push_back({now + wait, std::move(task)});
    arm(now);
}

void Worker::do_later_tasks(Instant now) {
    std::vector<LaterTask> due;
    const auto first_due =
        std::stable_partition(later_.begin(), later_.end(), [now](const LaterTask &task) { return task.at > now; });
    std::move(first_due, later_.end(), std::back_inserter(due));
    later_.erase(first_due, later_.end());
    for (const LaterTask &task : due) task.run();
}

} // namespace tandem
