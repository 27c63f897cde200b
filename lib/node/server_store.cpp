// What the store has of a former process: it is all there before the first message is received.
#include <algorithm>
#include <fmt/format.h>
#include <utility>
#include "net/system_clock.hpp"
#include "node/dialog_place.hpp"
#include "node/server.hpp"

namespace tandem {
namespace {

// Peers repeat a BYE for 64*T1 (RFC 3261 section 17.1.2.2), when nobody has answered the first.
constexpr Duration ended_span = std::chrono::seconds(64);
constexpr Duration refusal_span = std::chrono::seconds(32);
constexpr std::size_t ended_max = 100'000; // records that are looked at

constexpr Duration stream_patience = std::chrono::seconds(2); // at the end

} // namespace

Result<void, Failure> Server::open_store() {
    if (config_.store.path.empty()) return {};
    const bool has_stream = !config_.redis.cdr_stream.empty();
    auto store = SqliteStore::open(
        {.path = config_.store.path, .durability = config_.store.durability, .vfs = {}, .marks_unsent = has_stream},
        wall_);
    if (!store) return store.error();
    store_ = std::move(*store);
    for (const std::string &notice : store_->notices()) log_.error(fmt::format("store: {}", notice));
    const auto loaded = load_bindings();
    const auto on_failure = [this](std::exception_ptr thrown) {
        keep(std::move(thrown));
        stop();
    };
    StoreThreadOptions options{config_.store.commit_interval, on_failure};
    if (has_stream) options.on_records = [this](std::uint64_t records) { cdr_stream_->wake(records); };
    options.on_renewed = [this] {
        for (const auto &station : stations_) {
            station->loop.post([worker = station->worker.get()] { worker->verify_store(); });
        }
    };
    store_thread_ = std::make_unique<StoreThread>(Stores{*store_, *store_, *store_, *store_}, options);
    return pass_over_damage(loaded);
}

// A large file is not read whole before it is used, so damage may be found by what loads from it. Then it was set
// aside, and what could be read of it goes on.
Result<void, Failure> Server::pass_over_damage(const Result<void, Failure> &loaded) {
    if (loaded || loaded.error().error != Error::store_renewed) return loaded;
    log_.error(fmt::format("store: {}; what could be read of it goes on", loaded.error().detail));
    renewed_at_start_ = loaded.error();
    return {};
}

// Before anything is written into the store by its thread.
void Server::make_cdr_stream() {
    const RedisConfig &redis = config_.redis;
    if (redis.cdr_stream.empty()) return;
    CdrSource *source = nullptr;
    if (store_thread_) {
        stored_cdrs_ = std::make_unique<StoredCdrs>(*store_thread_);
        source = stored_cdrs_.get();
    } else {
        queued_cdrs_ = std::make_unique<QueuedCdrs>();
        source = queued_cdrs_.get();
    }
    CdrStreamOptions options;
    options.url = *redis.url;
    options.key = redis.prefix + redis.cdr_stream;
    options.length_max = redis.cdr_stream_max;
    options.on_failure = [this](std::exception_ptr thrown) {
        keep(std::move(thrown));
        stop();
    };
    cdr_stream_ = std::make_unique<CdrStream>(options, *source, log_);
}

// What the store has is sent by the next process.
void Server::end_cdr_stream() {
    if (!cdr_stream_) return;
    cdr_stream_->end(stream_patience);
    const std::uint64_t left = cdr_stream_->statistics().waiting;
    if (left > 0 && queued_cdrs_) {
        log_.error(fmt::format("redis: {} records of calls were not sent, and are lost", left));
    } else if (left > 0) {
        log_.warn(fmt::format("redis: {} records of calls wait for the stream; they are sent at the next start", left));
    }
}

Result<void, Failure> Server::load_bindings() {
    const Instant now = SystemClock::now();
    auto loaded = store_->load_bindings(SystemClock::utc_us(),
                                        [&](BindingRecord record) { registrar_.load(std::move(record), now); });
    const std::uint64_t bindings = registrar_.statistics().bindings;
    if (bindings > 0) log_.info(fmt::format("registrar: {} bindings of a former process are in force", bindings));
    return loaded;
}

// The thread of the store has nothing to do yet: we are alone with it.
Result<void, Failure> Server::restore_calls() {
    if (!store_) return {};
    const Instant now = SystemClock::now();
    static_cast<void>(store_->forget_trunks()); // its failure is told by the commit
    DialogLoad load;
    std::vector<RecordId> taken; // by other nodes
    const auto take = [&](const DialogRecord &record) {
        if (!is_taken(record)) return worker_for(record).restore(record, now);
        taken.push_back(record.id);
        return true;
    };
    const auto loaded = store_->load_dialogs(SystemClock::utc_us(), take);
    if (loaded) load = *loaded;
    if (auto passed = pass_over_damage(loaded ? Result<void, Failure>() : loaded.error()); !passed) return passed;
    if (auto forgotten = pass_over_damage(forget_taken(taken)); !forgotten) return forgotten;
    const auto is_over = [this](std::string_view call_id) {
        for (const auto &station : stations_) station->worker->restore_ended(call_id);
    };
    if (auto ended = pass_over_damage(store_->load_ended(ended_span, ended_max, is_over)); !ended) return ended;
    const auto say_again = [&](const KeptRefusal &refusal) { worker_for(refusal).restore_refusal(refusal.leg, now); };
    const std::int64_t now_us = SystemClock::utc_us();
    const auto refusals = pass_over_damage(store_->load_refusals(now_us, refusal_span, say_again));
    if (!refusals) return refusals;
    // The journals hear of damage by the store's thread, before they rely on anything that was saved there.
    if (renewed_at_start_) store_thread_->post([damage = *renewed_at_start_] { return Result<void, Failure>(damage); });
    for (const auto &station : stations_) station->worker->go_on(now);
    log_restored(load);
    return {};
}

void Server::log_restored(const DialogLoad &load) const {
    if (load.taken > 0) {
        log_.info(fmt::format("store: {} calls of a former process go on; it left {} dialogs", calls(), load.taken));
    }
    if (load.unreadable > 0) {
        log_.error(fmt::format("store: {} rows of dialogs can not be read, and are gone", load.unreadable));
    }
    if (load.closed > 0) {
        log_.warn(fmt::format("store: {} calls of a former process are closed (restart)", load.closed));
    }
}

Worker &Server::worker_for(const DialogRecord &record) {
    if (!board_) return *stations_[0]->worker;
    const std::uint8_t worker = worker_of(record, board_->map());
    if (repeats_invite(record)) board_->keep(record.call_id, worker);
    return *stations_[worker]->worker;
}

Worker &Server::worker_for(const KeptRefusal &refusal) {
    if (!board_) return *stations_[0]->worker;
    const auto caller = refused_caller(refusal, board_->map());
    if (!caller) return *stations_[0]->worker;
    board_->keep(caller->call_id, caller->worker);
    return *stations_[caller->worker]->worker;
}

} // namespace tandem
