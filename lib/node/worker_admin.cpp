// One worker's part of administration: its calls by slices, one of them by its name, and changes to it.
#include <algorithm>
#include <array>
#include <utility>
#include "net/system_clock.hpp"
#include "node/worker.hpp"

namespace tandem {
namespace {

// Of a turn of the loop: messages wait for no more, some tenths of a millisecond.
constexpr std::size_t slice = 64;            // live dialogs
constexpr std::uint64_t places_slice = 2048; // of the table, which may have been full once

} // namespace

std::uint64_t Worker::list_dialogs(const DialogFilter &filter, std::uint64_t cursor, std::size_t max,
                                   std::vector<DialogInfo> &out) const {
    const Instant now = SystemClock::now();
    std::vector<DialogId> ids;
    engine_.tracker().list(cursor, std::min(slice, max), ids, places_slice);
    for (const DialogId id : ids) {
        if (engine_.tracker().find(id)->leg_of) continue;
        if (filter.is_empty() || filter.matches(*engine_.tracker().record(id))) out.push_back(*dialog_info(id, now));
    }
    return cursor;
}

void Worker::describe_dialogs(std::span<const DialogId> ids, std::vector<DialogInfo> &out) const {
    const Instant now = SystemClock::now();
    for (const DialogId id : ids) {
        if (auto info = dialog_info(id, now)) out.push_back(std::move(*info));
    }
}

// Of the call of this dialog, by the one of its legs that counts. None: it is over.
std::optional<DialogInfo> Worker::dialog_info(DialogId id, Instant now) const {
    const auto record = engine_.tracker().record(counting_leg(id));
    if (!record || record->state == DialogState::terminated) return std::nullopt;
    const auto legs = engine_.legs_of(record->owner);
    std::array<std::optional<DialogRecord>, 2> records;
    std::array<const DialogRecord *, 2> views{};
    std::array<std::string, 2> sockets;
    for (const Side side : {Side::caller, Side::callee}) {
        const std::size_t i = index(side);
        if (legs) records[i] = engine_.tracker().record((*legs)[i].dialog);
        if (records[i]) views[i] = &*records[i];
        if (records[i]) sockets[i] = socket_of((*legs)[i].peer);
    }
    if (!legs) views[0] = &*record; // nobody has the call any more: the audit ends it
    return make_dialog_info(*record, views, sockets, wall_, now);
}

DialogId Worker::counting_leg(DialogId id) const {
    const DialogSet *set = engine_.tracker().find(id);
    if (!set || !set->leg_of) return id;
    const auto legs = engine_.legs_of(set->owner);
    if (!legs) return id;
    for (const LegView &leg : *legs) {
        const DialogSet *other = engine_.tracker().find(leg.dialog);
        if (other && !other->leg_of) return leg.dialog;
    }
    return id;
}

std::string Worker::socket_of(const Endpoint &peer) const {
    if (peer.listener >= listeners().size()) return {};
    const Endpoint &bound = listeners()[peer.listener].bound;
    return std::string(uri_name(bound.transport)) + ":" + bound.to_string();
}

DialogId Worker::find_dialog(std::string_view call_id) const {
    std::vector<DialogId> ids;
    engine_.tracker().find_all(call_id, ids);
    return ids.empty() ? DialogId() : ids.front();
}

DialogId Worker::find_dialog(const RecordId &record, std::uint64_t &cursor) const {
    constexpr std::size_t all = places_slice;
    std::vector<DialogId> ids;
    engine_.tracker().list(cursor, all, ids, places_slice);
    for (const DialogId id : ids) {
        if (engine_.tracker().find(id)->record == record) return id;
    }
    return {};
}

Result<EndedDialog> Worker::end_dialog(DialogId id, EndReason reason) {
    const Instant now = SystemClock::now();
    const DialogSet *set = engine_.tracker().find(counting_leg(id));
    if (!set || set->is_over()) return Error::not_found;
    const EndedDialog ended{set->record, set->end_reason != EndReason::none};
    const Result<void> begun = engine_.end(id, reason, now);
    settle(now);
    if (!begun && begun.error() != Error::wrong_state) return begun.error(); // that is: it ends already
    return ended;
}

void Worker::set_variable(DialogId id, std::string_view name, const std::optional<VariableValue> &value,
                          std::function<void(Result<RecordId>)> then) {
    const Instant now = SystemClock::now();
    const DialogId counting = counting_leg(id);
    const DialogSet *set = engine_.tracker().find(counting);
    if (!set || set->is_over()) return then(Error::not_found);
    const RecordId record = set->record;
    const Result<void> changed = engine_.set_variable(counting, name, value, now);
    if (!changed) return then(changed.error());
    settle(now);
    written_.push_back({last_ticket_, [then = std::move(then), record] { then(record); }});
    tell_written();
}

// What waited for the store and is there, or was given up for now, as messages are.
void Worker::tell_written() {
    while (!written_.empty() && (!journal_ || written_.front().ticket <= journal_->settled())) {
        const auto done = std::move(written_.front().done);
        written_.pop_front();
        done();
    }
}

} // namespace tandem
