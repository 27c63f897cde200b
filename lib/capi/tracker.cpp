// tandem/tracker.h
#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <memory>
#include <string>
#include <system_error>
#include <tandem/event.h>
#include <utility>
#include "base/text.hpp"
#include "capi/handle.hpp"
#include "capi/message_view.hpp"
#include "capi/status.hpp"
#include "capi/struct_size.hpp"

namespace tandem::capi {
namespace {

constexpr std::uint32_t indexed_variable_max = 64;

std::int64_t system_utc_us() {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

bool read_timeout(std::uint64_t ms, Duration &timeout) {
    if (ms > timeout_max_ms) return false;
    if (ms != 0) timeout = std::chrono::milliseconds(ms);
    return true;
}

void read_bound(std::uint32_t given, std::uint32_t &bound) {
    if (given != 0) bound = given;
}

// The mask of the tracker below from the host's types.
std::uint32_t mask_of_events(std::uint32_t events) {
    static constexpr std::array wanted = {
        std::pair{TANDEM_EVENT_CREATED, DialogEventKind::created},
        std::pair{TANDEM_EVENT_EARLY, DialogEventKind::early},
        std::pair{TANDEM_EVENT_CONFIRMED, DialogEventKind::confirmed},
        std::pair{TANDEM_EVENT_ACKED, DialogEventKind::acked},
        std::pair{TANDEM_EVENT_REQUEST, DialogEventKind::request},
        std::pair{TANDEM_EVENT_VARIABLE_CHANGED, DialogEventKind::variable_changed},
        std::pair{TANDEM_EVENT_PROFILE_CHANGED, DialogEventKind::profile_changed},
        std::pair{TANDEM_EVENT_RESERVED, DialogEventKind::reserved},
    };
    std::uint32_t mask = 0;
    for (const auto &[type, kind] : wanted) {
        if (wants(events, type)) mask |= mask_of(kind);
    }
    return mask;
}

tandem_status read_indexed(const tandem_tracker_options &given, std::vector<std::string> &names) {
    if (given.indexed_variable_count == 0) return TANDEM_OK;
    if (!given.indexed_variables || given.indexed_variable_count > indexed_variable_max) {
        return fail(TANDEM_E_INVALID, "options.indexed_variables is NULL, or has more than 64 names");
    }
    for (std::uint32_t i = 0; i < given.indexed_variable_count; ++i) {
        const tandem_str name = given.indexed_variables[i];
        const std::string_view text = is_text(name) ? view(name) : std::string_view();
        const bool is_good = !text.empty() && text.size() <= VariableLimits().name_max && is_visible_ascii(text) &&
                             text.find('=') == std::string_view::npos;
        if (!is_good) {
            return fail(TANDEM_E_INVALID, "options.indexed_variables: a name is not 1 to 64 visible ASCII without '='");
        }
        names.emplace_back(text);
    }
    return TANDEM_OK;
}

tandem_status read_options(const tandem_tracker_options &given, ShardedTrackerOptions &options) {
    if (given.shards != 0) {
        if (!std::has_single_bit(given.shards) || given.shards > 256) {
            return fail(TANDEM_E_INVALID, "options.shards is no power of two up to 256");
        }
        options.shards = given.shards;
    }
    TrackerOptions &tracker = options.tracker;
    read_bound(given.dialog_max, tracker.dialog_max);
    read_bound(given.event_max, tracker.event_max);
    read_bound(given.fork_max, tracker.fork_max);
    read_bound(given.variable_max, tracker.variables.count_max);
    read_bound(given.variable_bytes_max, tracker.variables.bytes_max);
    read_bound(given.profile_value_max, options.profiles.value_max);
    // The bound that is stated is that of one dialog.
    const std::uint64_t members = std::uint64_t{tracker.dialog_max} * options.profiles.per_dialog_max;
    options.profiles.member_max = static_cast<std::uint32_t>(std::min<std::uint64_t>(members, UINT32_MAX - 1));
    const bool has_lifetime = given.lifetime_timeout_ms != TANDEM_NO_TIMEOUT;
    if (!has_lifetime) tracker.lifetime = Duration::zero();
    if (!read_timeout(given.early_timeout_ms, tracker.early) ||
        !read_timeout(given.no_ack_timeout_ms, tracker.no_ack) || !read_timeout(given.bye_timeout_ms, tracker.bye) ||
        (has_lifetime && !read_timeout(given.lifetime_timeout_ms, tracker.lifetime))) {
        return fail(TANDEM_E_INVALID, "options: a timeout is over 100 years");
    }
    options.is_silent = (given.events & TANDEM_EVENTS_NONE) != 0;
    tracker.events = options.is_silent ? 0 : mask_of_events(given.events);
    tracker.wants_end_due = !options.is_silent && wants(given.events, TANDEM_EVENT_END_DUE);
    return read_indexed(given, options.indexed_variables);
}

// The record of a call shows the leg that it was sent on, of several the last one.
void note_leg(tandem_tracker &tracker, DialogId caller, const MessageView &invite, const LegOptions &leg) {
    tracker.tracker.with(caller, [&](Tracker &shard, DialogId id) {
        shard.set_callee_call_id(id, invite.call_id);
        if (!leg.trunk.empty()) shard.set_trunk(id, leg.trunk);
    });
}

tandem_status answer(const Result<Fed> &fed, tandem_dialog_id *dialog) {
    if (dialog) *dialog = fed ? fed->dialog.value() : 0;
    return fed ? TANDEM_OK : fail(fed.error());
}

tandem_status read_leg(tandem_tracker &tracker, const tandem_leg &given, LegOptions &leg) {
    if (given.local_side > TANDEM_LEG_CALLEE) return fail(TANDEM_E_INVALID, "leg.local_side is no TANDEM_LEG_");
    for (tandem_str text : {given.source, given.trunk}) {
        if (!is_text(text) || !is_line(view(text))) {
            return fail(TANDEM_E_INVALID, "leg.source or leg.trunk holds CR, LF or NUL, or has a size and no data");
        }
        if (text.size > source_size_max) return fail(TANDEM_E_TOO_LARGE, "leg.source or leg.trunk is too long");
    }
    if (given.local_side == TANDEM_LEG_CALLER) leg.local_side = Side::caller;
    if (given.local_side == TANDEM_LEG_CALLEE) leg.local_side = Side::callee;
    leg.source = view(given.source);
    leg.trunk = view(given.trunk);
    leg.owner = given.user_data;
    if (given.leg_of == 0) return TANDEM_OK;
    leg.leg_of = tracker.tracker.with(DialogId(given.leg_of), [](Tracker &shard, DialogId id) {
        const DialogSet *set = shard.find(id);
        return set ? set->record : RecordId();
    });
    return leg.leg_of ? TANDEM_OK : fail(TANDEM_E_NOT_FOUND, "leg.leg_of is gone");
}

} // namespace
} // namespace tandem::capi

using namespace tandem;
using namespace tandem::capi;

extern "C" {

tandem_status tandem_tracker_new(const tandem_tracker_options *options, uint64_t now_us, tandem_tracker **tracker) {
    return guard([&]() -> tandem_status {
        if (!tracker || !is_time(now_us)) return fail(TANDEM_E_INVALID, "tracker is NULL, or now_us over 2^62");
        if (options && !has_size(options)) return fail(TANDEM_E_INVALID, "options.size is not set");
        const tandem_tracker_options defaults = TANDEM_TRACKER_OPTIONS_INIT;
        tandem_tracker_options copy;
        const tandem_tracker_options &given = read_struct(options ? options : &defaults, copy);
        ShardedTrackerOptions read;
        read.tracker.keeps_changes = false;
        if (const tandem_status status = read_options(given, read); status != TANDEM_OK) return status;
        const std::int64_t utc_us = system_utc_us();
        read.tracker.epoch = static_cast<std::uint64_t>(utc_us);
        try {
            *tracker = std::make_unique<tandem_tracker>(read, given.events, instant_of(now_us), utc_us).release();
        } catch (const std::system_error &error) {
            return fail(TANDEM_E_IO, error.what());
        }
        return TANDEM_OK;
    });
}

void tandem_tracker_free(tandem_tracker *tracker) { delete tracker; }

tandem_status tandem_tracker_set_clock(tandem_tracker *tracker, uint64_t now_us, int64_t utc_us) {
    return guard([&]() -> tandem_status {
        // Far from where the sum of the two would overflow.
        constexpr std::int64_t utc_max_us = std::int64_t{1} << 61;
        if (!tracker || !is_time(now_us) || utc_us < 0 || utc_us > utc_max_us) {
            return fail(TANDEM_E_INVALID, "tracker is NULL, or a time out of range");
        }
        const std::lock_guard lock(tracker->clock_mutex);
        tracker->clock.set(instant_of(now_us), utc_us);
        return TANDEM_OK;
    });
}

tandem_status tandem_tracker_feed(tandem_tracker *tracker, const tandem_message *message, uint64_t now_us,
                                  tandem_dialog_id *dialog) {
    return guard([&]() -> tandem_status {
        if (dialog) *dialog = 0;
        if (!tracker || !is_time(now_us)) return fail(TANDEM_E_INVALID, "tracker is NULL, or now_us over 2^62");
        MessageView view;
        if (const tandem_status status = read_message(message, view); status != TANDEM_OK) return status;
        const Announcement announcement(*tracker);
        return answer(tracker->tracker.feed(view, instant_of(now_us)), dialog);
    });
}

tandem_status tandem_tracker_feed_invite(tandem_tracker *tracker, const tandem_message *invite, const tandem_leg *leg,
                                         uint64_t now_us, tandem_dialog_id *dialog) {
    return guard([&]() -> tandem_status {
        if (dialog) *dialog = 0;
        if (!tracker || !is_time(now_us)) return fail(TANDEM_E_INVALID, "tracker is NULL, or now_us over 2^62");
        if (leg && !has_size(leg)) return fail(TANDEM_E_INVALID, "leg.size is not set");
        MessageView view;
        if (const tandem_status status = read_message(invite, view); status != TANDEM_OK) return status;
        if (view.method != Method::invite || !view.is_request() || !view.to_tag.empty()) {
            return fail(TANDEM_E_INVALID, "the message is no INVITE without To-tag");
        }
        const Announcement announcement(*tracker);
        LegOptions options;
        tandem_leg given = TANDEM_LEG_INIT;
        if (leg) given = read_struct(leg, given);
        if (const tandem_status status = read_leg(*tracker, given, options); status != TANDEM_OK) return status;
        const auto fed = tracker->tracker.feed_invite(view, options, instant_of(now_us));
        if (fed && fed->is_new && given.leg_of != 0) note_leg(*tracker, DialogId(given.leg_of), view, options);
        return answer(fed, dialog);
    });
}

uint32_t tandem_tracker_shard_of(const tandem_tracker *tracker, tandem_str call_id) {
    return tracker && is_text(call_id) ? tracker->tracker.shard_of(view(call_id)) : 0;
}

tandem_status tandem_tracker_advance(tandem_tracker *tracker, uint64_t now_us) {
    return guard([&]() -> tandem_status {
        if (!tracker || !is_time(now_us)) return fail(TANDEM_E_INVALID, "tracker is NULL, or now_us over 2^62");
        const Announcement announcement(*tracker);
        tracker->tracker.advance(instant_of(now_us));
        return TANDEM_OK;
    });
}

int32_t tandem_tracker_timeout_ms(const tandem_tracker *tracker, uint64_t now_us) {
    if (!tracker || !is_time(now_us)) return -1;
    return timeout_ms_of(tracker->tracker.next_deadline(), instant_of(now_us));
}

tandem_status tandem_tracker_statistics(const tandem_tracker *tracker, tandem_statistics *statistics) {
    if (!tracker || !has_size(statistics)) return fail(TANDEM_E_INVALID, "an argument is NULL or has no size");
    const DialogStatistics now = tracker->tracker.statistics();
    write_struct(statistics, {sizeof(tandem_statistics), now.early, now.active, now.processed, now.failed, now.expired,
                              now.refused, now.limited, now.events_lost});
    return TANDEM_OK;
}

tandem_status tandem_tracker_watchdog(const tandem_tracker *tracker, uint64_t now_us, uint64_t grace_ms,
                                      tandem_dialog_id *ids, uint32_t max, uint32_t *count) {
    return guard([&]() -> tandem_status {
        if (!tracker || !is_time(now_us) || !count || (!ids && max > 0) || grace_ms > timeout_max_ms) {
            return fail(TANDEM_E_INVALID, "an argument is NULL, or a time out of range");
        }
        const auto overdue = tracker->tracker.watchdog(instant_of(now_us), std::chrono::milliseconds(grace_ms));
        *count = static_cast<uint32_t>(overdue.size());
        for (std::size_t i = 0; i < overdue.size() && i < max; ++i) ids[i] = overdue[i].value();
        return TANDEM_OK;
    });
}

tandem_status tandem_tracker_audit(tandem_tracker *tracker, tandem_audit *audit) {
    return guard([&]() -> tandem_status {
        if (!tracker || !has_size(audit)) return fail(TANDEM_E_INVALID, "an argument is NULL or has no size");
        const ProfileAudit found = tracker->tracker.audit();
        write_struct(audit, {sizeof(tandem_audit), found.checked, found.removed, found.added, found.misplaced});
        return TANDEM_OK;
    });
}

} // extern "C"
