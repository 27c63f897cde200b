// The audit of the node: every worker looks at its own, and then memory is compared with the store.
//
// Rows come and go while they are read, so two lists of them frame one of what lives. A row that is in both, and whose
// dialog did not live in between, belongs to nobody: had it ended, its row would have gone before the second list,
// which comes later than any commit may take. A dialog that lived and is not in the second list has no row. Both hold
// only if no batch has failed since, so a store that fails is not compared.
#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <utility>
#include "net/system_clock.hpp"
#include "node/server.hpp"

namespace tandem {
namespace {

constexpr std::size_t rows_max = 5000; // read at once: commits wait for it

bool has(const std::vector<RecordId> &sorted, const RecordId &id) {
    return std::binary_search(sorted.begin(), sorted.end(), id);
}

} // namespace

struct Server::AuditRun {
    AuditReport report;
    std::vector<RecordId> rows_before, rows_after; // sorted
    std::optional<Failure> store_failure;          // it refused to be read, or repaired
    std::vector<WorkerAudit> workers;              // by station
    std::size_t left = 0;                          // workers that are not done
    bool is_told = false;                          // in the log, also if nothing is wrong
    std::vector<std::function<void(const AuditReport &)>> waiting;
};

void Server::audit(std::function<void(const AuditReport &)> then) {
    const bool is_new = !audit_;
    if (is_new) audit_ = std::make_shared<AuditRun>();
    if (then) audit_->waiting.push_back(std::move(then));
    if (!is_new) return;
    if (!store_thread_) return audit_workers();
    read_rows(*store_thread_, audit_, &AuditRun::rows_before, 0, [this] { audit_workers(); });
}

// On the store's thread, a page at a time, between the batches. That may go on while the server ends.
void Server::read_rows(StoreThread &thread, std::shared_ptr<AuditRun> run, Rows AuditRun::*rows, std::uint64_t after,
                       std::function<void()> then) {
    thread.post([this, &thread, run = std::move(run), rows, after, then = std::move(then)]() -> Result<void, Failure> {
        const auto last = store_->list_dialogs(after, rows_max, (*run).*rows);
        if (last && *last) {
            read_rows(thread, run, rows, **last, then);
            return {};
        }
        std::sort(((*run).*rows).begin(), ((*run).*rows).end());
        const Result<void, Failure> read = last ? Result<void, Failure>() : last.error();
        loop().post([run, read, then] {
            if (!read) run->store_failure = read.error();
            then();
        });
        return read;
    });
}

void Server::audit_workers() {
    audit_->workers.resize(stations_.size());
    audit_->left = stations_.size();
    for (const auto &owned : stations_) {
        Station &station = *owned;
        station.loop.post([this, &station] {
            EngineAudit audit;
            if (station.index != 0) audit.tracker.step = TrackerAudit::Step::members; // the first looks at the lists
            station.worker->audit(std::move(audit), [this, &station](WorkerAudit found) {
                loop().post([this, &station, found = std::move(found)]() mutable {
                    audit_->workers[station.index] = std::move(found);
                    if (--audit_->left == 0) on_workers_audited();
                });
            });
        });
    }
}

void Server::on_workers_audited() {
    bool is_behind = false;
    for (const WorkerAudit &worker : audit_->workers) {
        audit_->report.add(worker.engine);
        is_behind = is_behind || worker.is_behind;
    }
    if (!store_thread_ || is_behind || audit_->store_failure) return end_audit();
    stations_[0]->worker->after(config_.store.wait_max + std::chrono::seconds(1), [this] {
        read_rows(*store_thread_, audit_, &AuditRun::rows_after, 0, [this] { compare_rows(); });
    });
}

void Server::compare_rows() {
    if (audit_->store_failure) return end_audit();
    auto saved = std::make_shared<std::vector<std::uint64_t>>(stations_.size());
    auto failed = std::make_shared<std::vector<char>>(stations_.size());
    // Of what we share with the other threads nothing changes meanwhile.
    const auto save_missing = [run = std::shared_ptr<const AuditRun>(audit_), saved, failed](Station &station) {
        const WorkerAudit &known = run->workers[station.index];
        const JournalStatistics &journal = *station.worker->journal();
        (*failed)[station.index] = journal.is_behind || journal.failures != known.store_failures;
        if ((*failed)[station.index]) return;
        std::vector<RecordId> missing;
        for (const RecordId &id : known.dialogs) {
            if (!has(run->rows_after, id)) missing.push_back(id);
        }
        std::sort(missing.begin(), missing.end());
        if (!missing.empty()) (*saved)[station.index] = station.worker->save_again(missing);
    };
    everywhere(save_missing, [this, saved, failed] {
        for (const std::uint64_t count : *saved) audit_->report.dialogs_saved += count;
        const bool has_failed = std::find(failed->begin(), failed->end(), 1) != failed->end();
        has_failed ? end_audit() : close_strange_rows();
    });
}

void Server::close_strange_rows() {
    std::vector<RecordId> living;
    for (const WorkerAudit &worker : audit_->workers) {
        living.insert(living.end(), worker.dialogs.begin(), worker.dialogs.end());
    }
    std::sort(living.begin(), living.end());
    std::vector<RecordId> strange;
    for (const RecordId &id : audit_->rows_after) {
        if (has(audit_->rows_before, id) && !has(living, id)) strange.push_back(id);
    }
    audit_->report.is_store_compared = strange.empty();
    if (strange.empty()) return end_audit();
    store_thread_->post([this, strange] {
        const auto closed = store_->close_dialogs(strange, SystemClock::utc_us());
        if (closed && cdr_stream_) cdr_stream_->wake(0); // with their records
        loop().post([this, closed, count = strange.size()] {
            if (!closed) audit_->store_failure = closed.error();
            audit_->report.rows_closed = closed ? count : 0;
            audit_->report.is_store_compared = closed.ok();
            end_audit();
        });
        return closed;
    });
}

void Server::end_audit() {
    const auto ended = std::move(audit_);
    const AuditReport &report = ended->report;
    ++audit_statistics_.runs;
    audit_statistics_.repairs += report.repairs();
    if (ended->store_failure) log_.error(fmt::format("audit: {}", ended->store_failure->detail));
    if (report.repairs() > 0) {
        log_.warn(fmt::format("audit: {}", report.to_string()));
    } else if (ended->is_told) {
        log_.info(fmt::format("audit: {}", report.to_string()));
    } else {
        log_.debug(fmt::format("audit: {}", report.to_string()));
    }
    for (const auto &then : ended->waiting) then(report);
}

void Server::audit_and_tell() {
    audit({});
    audit_->is_told = true;
}

void Server::audit_regularly() {
    if (config_.audit.interval == Duration::zero()) return;
    stations_[0]->worker->after(config_.audit.interval, [this] {
        audit({});
        audit_regularly();
    });
}

} // namespace tandem
