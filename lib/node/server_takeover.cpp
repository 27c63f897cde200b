// The calls that other nodes may take over, and what a start asks of those that have.
#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <string>
#include <utility>
#include "base/token.hpp"
#include "call/leg_state.hpp"
#include "node/dialog_place.hpp"
#include "node/server.hpp"

namespace tandem {
namespace {

constexpr Duration start_patience = std::chrono::seconds(2); // for Redis; later it says the same
constexpr Duration end_patience = std::chrono::seconds(2);

// Only nodes that peers can not tell apart take over from each other.
std::string addresses_of(const std::vector<Listener> &listeners) {
    std::vector<std::string> all;
    for (const Listener &listener : listeners) {
        all.push_back(fmt::format("{}:{}", uri_name(listener.bound.transport), listener.sent_by));
    }
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return fmt::format("{}", fmt::join(all, ","));
}

} // namespace

Result<void, Failure> Server::make_takeover() {
    if (!config_.redis.takes_over) return {};
    std::string name = make_token(random_);
    if (store_) { // the same after a restart
        auto named = store_->name_node(name);
        if (!named) return named.error();
        name = std::move(*named);
    }
    std::vector<NodeCalls::Part> parts;
    for (const auto &station : stations_) parts.push_back({&station->loop, station->worker.get()});
    const auto place = [this](const DialogRecord &leg) -> std::size_t {
        return board_ ? worker_of(leg, board_->map()) : 0U;
    };
    const auto made = std::make_shared<Takeover *>(nullptr); // at the end the member is gone before the object
    node_calls_ = std::make_unique<NodeCalls>(
        std::move(parts), place, [made] { (*made)->wake(); }, wall_);
    TakeoverOptions options;
    options.url = *config_.redis.url;
    options.prefix = config_.redis.prefix;
    options.addresses = addresses_of(stations_[0]->worker->listeners());
    options.name = std::move(name);
    options.lease = config_.redis.lease * 2 / 5; // others have its calls before their places in profiles are free
    options.batch = 256;
    options.on_failure = [this](std::exception_ptr thrown) {
        keep(std::move(thrown));
        stop();
    };
    takeover_ = std::make_unique<Takeover>(options, *node_calls_, log_);
    *made = takeover_.get();
    return {};
}

// Before the calls of a former process are loaded: others may have them.
void Server::ask_who_has_calls() {
    if (!takeover_) return;
    auto found = takeover_->start(start_patience);
    if (!found) {
        log_.warn("redis: no answer at the start; what others have taken over is dropped when it says so");
        return;
    }
    for (const std::string &key : found->taken) {
        if (const auto id = RecordId::parse(key)) taken_.push_back(*id);
    }
    std::sort(taken_.begin(), taken_.end());
    at_start_ = std::move(*found);
}

bool Server::is_taken(const DialogRecord &record) const {
    if (taken_.empty()) return false;
    const auto state = LegState::parse(record.leg);
    return std::binary_search(taken_.begin(), taken_.end(), state ? state->call : record.id);
}

// Their records are written where they are now.
Result<void, Failure> Server::forget_taken(const std::vector<RecordId> &rows) {
    if (!takeover_) return {};
    for (const RecordId &id : rows) static_cast<void>(store_->erase(id)); // its failure is told by the commit
    if (store_) {
        if (auto forgotten = store_->commit(); !forgotten) return forgotten;
    }
    if (!rows.empty()) {
        log_.warn(fmt::format("store: {} dialogs are gone: other nodes have taken them over", rows.size()));
    }
    return {};
}

// From now on the workers are asked and told, as soon as they run.
void Server::begin_takeover() {
    if (!takeover_) return;
    takeover_->dropped(std::move(at_start_.taken));
    std::vector<std::string> known;
    std::vector<CallCopy> unconfirmed;
    for (CallCopy &own : at_start_.own) {
        if (own.text.empty()) {
            known.push_back(std::move(own.key));
        } else {
            unconfirmed.push_back(std::move(own));
        }
    }
    node_calls_->check(std::move(known));
    node_calls_->adopt(std::move(unconfirmed), {});
    node_calls_->tell_again();
    at_start_ = {};
    takeover_->go_on();
}

// What has ended in the last moment is not to be taken over; what is up waits for whoever takes it, or for us.
void Server::end_takeover() {
    if (!takeover_) return;
    std::vector<CallCopy> last = node_calls_->take_rest().copies;
    for (const auto &station : stations_) {
        CopyBatch batch = station->worker->take_copies(config_.limits.calls);
        std::move(batch.copies.begin(), batch.copies.end(), std::back_inserter(last));
    }
    takeover_->end(std::move(last), end_patience);
}

} // namespace tandem
