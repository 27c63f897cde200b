// tandem/dialog.h
#include <cstddef>
#include <memory>
#include <string>
#include <tandem/dialog.h>
#include <vector>
#include "capi/handle.hpp"
#include "capi/message_view.hpp"
#include "capi/status.hpp"
#include "capi/text_block.hpp"

namespace tandem::capi {
namespace {

static_assert(static_cast<std::uint32_t>(DialogState::terminated) == TANDEM_STATE_TERMINATED);
static_assert(static_cast<std::uint32_t>(EndReason::restart) == TANDEM_END_RESTART);
static_assert(static_cast<std::uint32_t>(Side::callee) == TANDEM_SIDE_CALLEE);
static_assert(static_cast<std::uint32_t>(DialogTimer::bye) == TANDEM_TIMER_BYE);

// What tandem_dialog_get() gives away; the info is its first member, and its address.
struct DialogCopy {
    explicit DialogCopy(std::size_t text_size) : text(text_size) {}

    tandem_dialog_info info{};
    TextBlock text;
    std::vector<tandem_fork> forks;
    std::vector<tandem_membership> profiles;
};
static_assert(offsetof(DialogCopy, info) == 0);

std::size_t text_size_of(const DialogRecord &record, std::string_view id) {
    std::size_t size = id.size();
    for (std::string_view text : {record.call_id, record.from_tag, record.from_uri, record.to_uri, record.request_uri,
                                  record.caller_target, record.caller_route_set, record.source, record.trunk}) {
        size += text.size();
    }
    for (const ForkRecord &fork : record.forks) {
        size += fork.to_tag.size() + fork.callee_target.size() + fork.callee_route_set.size();
    }
    for (const ProfileView &membership : record.profiles) size += membership.profile.size() + membership.value.size();
    return size;
}

std::unique_ptr<DialogCopy> copy_of(const tandem_tracker &tracker, const DialogRecord &record) {
    const std::string id = record.id.to_string();
    auto copy = std::make_unique<DialogCopy>(text_size_of(record, id));
    TextBlock &text = copy->text;
    tandem_dialog_info &info = copy->info;
    info.size = sizeof(info);
    info.state = static_cast<std::uint32_t>(record.state);
    info.record_id = text.add(id);
    info.end_reason = static_cast<std::uint32_t>(record.end_reason);
    info.sip_code = record.sip_code;
    info.q850 = record.q850;
    info.invite_cseq = record.invite_cseq;
    info.call_id = text.add(record.call_id);
    info.from_tag = text.add(record.from_tag);
    info.from_uri = text.add(record.from_uri);
    info.to_uri = text.add(record.to_uri);
    info.request_uri = text.add(record.request_uri);
    info.target = text.add(record.caller_target);
    info.route_set = text.add(record.caller_route_set);
    info.source = text.add(record.source);
    info.trunk = text.add(record.trunk);
    info.created_us = tracker.utc_us(record.created);
    info.ringing_us = tracker.utc_us(record.ringing);
    info.answered_us = tracker.utc_us(record.answered);
    info.ended_us = tracker.utc_us(record.ended);
    const bool is_bounded = record.deadline != never;
    const auto deadline_us = record.deadline.time_since_epoch().count();
    info.deadline_us = is_bounded ? static_cast<std::uint64_t>(deadline_us) : UINT64_MAX;
    for (const ForkRecord &fork : record.forks) {
        tandem_fork &given = copy->forks.emplace_back();
        given.state = static_cast<std::uint32_t>(fork.state);
        given.is_acked = fork.is_acked ? 1 : 0;
        given.caller_cseq = fork.last_cseq[index(Side::caller)];
        given.callee_cseq = fork.last_cseq[index(Side::callee)];
        given.to_tag = text.add(fork.to_tag);
        given.target = text.add(fork.callee_target);
        given.route_set = text.add(fork.callee_route_set);
    }
    info.forks = copy->forks.data();
    info.fork_count = static_cast<std::uint32_t>(copy->forks.size());
    for (const ProfileView &membership : record.profiles) {
        copy->profiles.push_back(
            {text.add(membership.profile), text.add(membership.value), membership.has_value ? 1U : 0U});
    }
    info.profiles = copy->profiles.data();
    info.profile_count = static_cast<std::uint32_t>(copy->profiles.size());
    return copy;
}

bool is_reason(std::uint32_t reason) { return reason != TANDEM_END_NONE && reason <= TANDEM_END_RESTART; }

// Runs f(Tracker &, DialogId) for a set that is there, ended or not.
template <class F>
tandem_status with_set(tandem_tracker *tracker, tandem_dialog_id dialog, F f) {
    const Announcement announcement(*tracker);
    const bool is_there = tracker->tracker.with(DialogId(dialog), [&](Tracker &shard, DialogId id) {
        if (!shard.find(id)) return false;
        f(shard, id);
        return true;
    });
    return is_there ? TANDEM_OK : fail(TANDEM_E_NOT_FOUND, "the dialog is gone");
}

} // namespace
} // namespace tandem::capi

using namespace tandem;
using namespace tandem::capi;

extern "C" {

const char *tandem_state_name(uint32_t state) {
    return state <= TANDEM_STATE_TERMINATED ? to_string(static_cast<DialogState>(state)).data() : "";
}

const char *tandem_side_name(uint32_t side) {
    return side <= TANDEM_SIDE_CALLEE ? to_string(static_cast<Side>(side)).data() : "";
}

const char *tandem_end_name(uint32_t reason) {
    return reason <= TANDEM_END_RESTART ? to_string(static_cast<EndReason>(reason)).data() : "";
}

tandem_status tandem_dialog_get(tandem_tracker *tracker, tandem_dialog_id dialog, tandem_dialog_info **info) {
    return guard([&]() -> tandem_status {
        if (!tracker || !info) return fail(TANDEM_E_INVALID, "an argument is NULL");
        *info = nullptr;
        std::unique_ptr<DialogCopy> copy;
        const tandem_status status = with_set(tracker, dialog, [&](Tracker &shard, DialogId id) {
            copy = copy_of(*tracker, *shard.record(id));
            copy->info.user_data = shard.find(id)->owner;
        });
        if (status != TANDEM_OK) return status;
        copy->info.id = dialog;
        *info = &copy.release()->info;
        return TANDEM_OK;
    });
}

void tandem_dialog_info_free(tandem_dialog_info *info) { delete reinterpret_cast<DialogCopy *>(info); }

tandem_status tandem_dialog_state(tandem_tracker *tracker, tandem_dialog_id dialog, uint32_t *state) {
    return guard([&]() -> tandem_status {
        if (!tracker || !state) return fail(TANDEM_E_INVALID, "an argument is NULL");
        return with_set(tracker, dialog,
                        [&](Tracker &shard, DialogId id) { *state = static_cast<uint32_t>(shard.find(id)->state); });
    });
}

tandem_status tandem_dialog_find(tandem_tracker *tracker, tandem_str call_id, tandem_str tag_a, tandem_str tag_b,
                                 tandem_dialog_id *dialog) {
    return guard([&]() -> tandem_status {
        if (!tracker || !dialog || !is_text(call_id) || !is_text(tag_a) || !is_text(tag_b)) {
            return fail(TANDEM_E_INVALID, "an argument is NULL");
        }
        *dialog = tracker->tracker.find(view(call_id), view(tag_a), view(tag_b)).value();
        return *dialog != 0 ? TANDEM_OK : fail(TANDEM_E_NOT_FOUND, "no live dialog has this Call-ID and these tags");
    });
}

tandem_status tandem_dialog_list(tandem_tracker *tracker, uint64_t *cursor, tandem_dialog_id *ids, uint32_t max,
                                 uint32_t *count) {
    return guard([&]() -> tandem_status {
        if (!tracker || !cursor || !ids || !count || max == 0 || max > page_max) {
            return fail(TANDEM_E_INVALID, "an argument is NULL, or max is not 1 to 100000");
        }
        std::vector<DialogId> found;
        std::uint64_t next = *cursor;
        tracker->tracker.list(next, max, found);
        for (std::size_t i = 0; i < found.size(); ++i) ids[i] = found[i].value();
        *count = static_cast<uint32_t>(found.size());
        *cursor = next;
        return TANDEM_OK;
    });
}

tandem_status tandem_dialog_set_timeout(tandem_tracker *tracker, tandem_dialog_id dialog, uint32_t timer,
                                        uint64_t timeout_ms) {
    return guard([&]() -> tandem_status {
        const bool is_endless = timeout_ms == TANDEM_NO_TIMEOUT;
        if (!tracker || timer > TANDEM_TIMER_BYE || (!is_endless && timeout_ms > timeout_max_ms)) {
            return fail(TANDEM_E_INVALID, "tracker is NULL, timer is no TANDEM_TIMER_, or timeout_ms over 100 years");
        }
        std::optional<Duration> timeout;
        if (timeout_ms != 0) timeout = is_endless ? Duration::zero() : Duration(std::chrono::milliseconds(timeout_ms));
        const auto set = tracker->tracker.with(DialogId(dialog), [&](Tracker &shard, DialogId id) {
            return shard.set_timeout(id, static_cast<DialogTimer>(timer), timeout);
        });
        return status_of(set);
    });
}

tandem_status tandem_dialog_next_cseq(tandem_tracker *tracker, tandem_dialog_id dialog, uint32_t side,
                                      tandem_str to_tag, uint32_t *cseq) {
    return guard([&]() -> tandem_status {
        if (!tracker || side > TANDEM_SIDE_CALLEE || !is_text(to_tag) || !cseq) {
            return fail(TANDEM_E_INVALID, "an argument is NULL, or side is no side");
        }
        bool has_fork = true;
        const tandem_status status = with_set(tracker, dialog, [&](Tracker &shard, DialogId id) {
            has_fork = view(to_tag).empty() || shard.find(id)->find_fork(view(to_tag));
            if (has_fork) *cseq = shard.next_cseq(id, static_cast<Side>(side), view(to_tag));
        });
        return has_fork ? status : fail(TANDEM_E_NOT_FOUND, "the dialog has no fork with this tag");
    });
}

tandem_status tandem_dialog_set_trunk(tandem_tracker *tracker, tandem_dialog_id dialog, tandem_str trunk) {
    return guard([&]() -> tandem_status {
        if (!tracker || !is_text(trunk) || !is_line(view(trunk))) {
            return fail(TANDEM_E_INVALID, "tracker is NULL, or trunk holds CR, LF or NUL");
        }
        if (trunk.size > source_size_max) return fail(TANDEM_E_TOO_LARGE, "trunk is too long");
        return with_set(tracker, dialog, [&](Tracker &shard, DialogId id) { shard.set_trunk(id, view(trunk)); });
    });
}

tandem_status tandem_dialog_set_user_data(tandem_tracker *tracker, tandem_dialog_id dialog, uint64_t user_data) {
    return guard([&]() -> tandem_status {
        if (!tracker) return fail(TANDEM_E_INVALID, "tracker is NULL");
        return with_set(tracker, dialog, [&](Tracker &shard, DialogId id) { shard.set_owner(id, user_data); });
    });
}

tandem_status tandem_dialog_set_end_reason(tandem_tracker *tracker, tandem_dialog_id dialog, uint32_t reason) {
    return guard([&]() -> tandem_status {
        if (!tracker || !is_reason(reason)) return fail(TANDEM_E_INVALID, "tracker is NULL, or reason is none");
        return with_set(tracker, dialog,
                        [&](Tracker &shard, DialogId id) { shard.set_end_reason(id, static_cast<EndReason>(reason)); });
    });
}

tandem_status tandem_dialog_end(tandem_tracker *tracker, tandem_dialog_id dialog, uint32_t reason, uint64_t now_us) {
    return guard([&]() -> tandem_status {
        if (!tracker || !is_reason(reason) || !is_time(now_us)) {
            return fail(TANDEM_E_INVALID, "tracker is NULL, reason is none, or now_us over 2^62");
        }
        return with_set(tracker, dialog, [&](Tracker &shard, DialogId id) {
            shard.end(id, static_cast<EndReason>(reason), instant_of(now_us));
        });
    });
}

tandem_status tandem_dialog_request_end(tandem_tracker *tracker, tandem_dialog_id dialog, uint32_t reason,
                                        uint64_t now_us) {
    return guard([&]() -> tandem_status {
        if (!tracker || !is_reason(reason) || !is_time(now_us)) {
            return fail(TANDEM_E_INVALID, "tracker is NULL, reason is none, or now_us over 2^62");
        }
        return with_set(tracker, dialog, [&](Tracker &shard, DialogId id) {
            shard.request_end(id, static_cast<EndReason>(reason), instant_of(now_us));
        });
    });
}

} // extern "C"
