// tandem/profile.h
#include <array>
#include <cstddef>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <tandem/profile.h>
#include <vector>
#include "capi/handle.hpp"
#include "capi/status.hpp"
#include "capi/struct_size.hpp"

namespace tandem::capi {
namespace {

constexpr ProfileTableOptions bounds;
constexpr std::uint32_t request_max = bounds.per_dialog_max;
constexpr std::uint32_t limit_count_max = 100'000;
constexpr std::string_view waiting_text = "the dialog waits for the answer to a reservation";
constexpr std::uint32_t walk_page = 1000; // of a walk through all members, so that nobody waits long for it

// What tandem_profile_list_values() gives away; the page is its first member, and its address.
struct ValuePage {
    tandem_profile_values page{};
    std::vector<ProfileValueInfo> values;
    std::vector<tandem_profile_value> items;
};
static_assert(offsetof(ValuePage, page) == 0);

tandem_status read_limits(const tandem_profile_options &given, ProfileOptions &options) {
    if (given.limit_count > limit_count_max || (!given.limits && given.limit_count > 0)) {
        return fail(TANDEM_E_INVALID, "options.limits is NULL, or has more than 100000 values");
    }
    for (std::uint32_t i = 0; i < given.limit_count; ++i) {
        if (!is_text(given.limits[i].value)) return fail(TANDEM_E_INVALID, "options.limits: a value has no data");
        if (given.limits[i].value.size > bounds.value_size_max) {
            return fail(TANDEM_E_TOO_LARGE, "options.limits: a value has more than 256 bytes");
        }
        options.limits.emplace_back(view(given.limits[i].value), given.limits[i].limit);
    }
    return TANDEM_OK;
}

tandem_status read_scope(const tandem_tracker &tracker, const tandem_profile_options &given, ProfileOptions &options) {
    if (given.scope > TANDEM_SCOPE_CLUSTER) return fail(TANDEM_E_UNSUPPORTED, "options.scope is no TANDEM_SCOPE_");
    if (given.on_outage > TANDEM_OUTAGE_LOCAL) return fail(TANDEM_E_INVALID, "options.on_outage is no TANDEM_OUTAGE_");
    options.is_shared = given.scope == TANDEM_SCOPE_CLUSTER;
    options.on_outage = static_cast<OnOutage>(given.on_outage);
    if (options.is_shared && !tracker.cluster.load()) {
        return fail(TANDEM_E_UNSUPPORTED, "options.scope: the tracker is in no cluster, see tandem_cluster_join()");
    }
    // Members of one scope have no place in the other.
    const auto rule = tracker.tracker.profiles().rule(options.name, {});
    if (!rule || rule->is_shared == options.is_shared) return TANDEM_OK;
    return fail(TANDEM_E_INVALID, "options.scope is another one than before");
}

Result<bool> reserve_in(tandem_tracker &tracker, tandem_dialog_id dialog, std::span<const ProfileRequest> requests,
                        Instant now, ProfileRefusal &refused) {
    ClusterPort *const cluster = tracker.cluster.load();
    return tracker.tracker.with(DialogId(dialog), [&](Tracker &shard, DialogId id) -> Result<bool> {
        if (cluster) return cluster->reserve(shard, id, DialogId(dialog), requests, now, &refused);
        if (const auto joined = shard.reserve(id, requests, now, &refused); !joined) return joined.error();
        return false;
    });
}

tandem_status reserve(tandem_tracker &tracker, tandem_dialog_id dialog, std::span<const ProfileRequest> requests,
                      std::uint64_t now_us, tandem_profile_refusal *refusal) {
    ProfileRefusal refused;
    const Announcement announcement(tracker);
    const auto reserved = reserve_in(tracker, dialog, requests, instant_of(now_us), refused);
    if (reserved) return *reserved ? TANDEM_PENDING : TANDEM_OK;
    if (reserved.error() == Error::limit && refusal) {
        write_struct(refusal, {sizeof(tandem_profile_refusal), static_cast<std::uint32_t>(refused.index), refused.size,
                               refused.limit});
    }
    if (reserved.error() == Error::conflict) return fail(TANDEM_E_CONFLICT, waiting_text);
    const bool is_of_one = reserved.error() == Error::limit || reserved.error() == Error::no_profile ||
                           reserved.error() == Error::invalid || reserved.error() == Error::too_large;
    if (!is_of_one) return fail(reserved.error());
    const tandem_status status = status_of(reserved.error());
    return fail(status, fmt::format("request {}, profile \"{}\": {}", refused.index, requests[refused.index].profile,
                                    tandem_status_text(status)));
}

Result<ProfilePage<DialogId>> members_of(const ProfileTable &table, tandem_str profile, const tandem_str *value,
                                         std::uint64_t cursor, std::size_t max) {
    if (!value) return table.members(view(profile), cursor, max);
    return table.members(view(profile), view(*value), cursor, max);
}

} // namespace
} // namespace tandem::capi

using namespace tandem;
using namespace tandem::capi;

extern "C" {

tandem_status tandem_profile_declare(tandem_tracker *tracker, tandem_str name, const tandem_profile_options *options) {
    return guard([&]() -> tandem_status {
        if (!tracker || !is_text(name)) return fail(TANDEM_E_INVALID, "tracker or name is NULL");
        if (name.size > profile_name_max) return fail(TANDEM_E_TOO_LARGE, "the name has more than 64 bytes");
        if (options && !has_size(options)) return fail(TANDEM_E_INVALID, "options.size is not set");
        const tandem_profile_options defaults = TANDEM_PROFILE_OPTIONS_INIT;
        tandem_profile_options copy;
        const tandem_profile_options &given = read_struct(options ? options : &defaults, copy);
        ProfileOptions read{std::string(view(name)), given.has_values != 0, given.limit, {}};
        if (const tandem_status status = read_scope(*tracker, given, read); status != TANDEM_OK) return status;
        if (const tandem_status status = read_limits(given, read); status != TANDEM_OK) return status;
        return status_of(tracker->tracker.profiles().declare(read));
    });
}

tandem_status tandem_profile_reserve(tandem_tracker *tracker, tandem_dialog_id dialog,
                                     const tandem_profile_request *requests, uint32_t count, uint64_t now_us,
                                     tandem_profile_refusal *refusal) {
    return guard([&]() -> tandem_status {
        if (!tracker || !requests || count == 0 || count > request_max || !is_time(now_us)) {
            return fail(TANDEM_E_INVALID, "an argument is NULL, count is not 1 to 32, or now_us over 2^62");
        }
        if (refusal && !has_size(refusal)) return fail(TANDEM_E_INVALID, "refusal.size is not set");
        std::array<ProfileRequest, request_max> read;
        for (uint32_t i = 0; i < count; ++i) {
            const tandem_profile_request &given = requests[i];
            if (!is_text(given.profile) || !is_text(given.value)) {
                return fail(TANDEM_E_INVALID, "a request has a text with a size and no data");
            }
            read[i].profile = view(given.profile);
            read[i].value = view(given.value);
            const std::uint32_t limit = given.limit == TANDEM_LIMIT_NONE ? 0 : given.limit;
            if (given.limit != TANDEM_LIMIT_DECLARED) read[i].limit = limit;
        }
        return reserve(*tracker, dialog, {read.data(), count}, now_us, refusal);
    });
}

tandem_status tandem_profile_join(tandem_tracker *tracker, tandem_dialog_id dialog, tandem_str profile,
                                  tandem_str value, uint64_t now_us) {
    const tandem_profile_request request = {profile, value, TANDEM_LIMIT_DECLARED};
    return tandem_profile_reserve(tracker, dialog, &request, 1, now_us, nullptr);
}

tandem_status tandem_profile_leave(tandem_tracker *tracker, tandem_dialog_id dialog, tandem_str profile,
                                   tandem_str value, uint64_t now_us) {
    return guard([&]() -> tandem_status {
        if (!tracker || !is_text(profile) || !is_text(value) || !is_time(now_us)) {
            return fail(TANDEM_E_INVALID, "an argument is NULL, or now_us over 2^62");
        }
        const Announcement announcement(*tracker);
        ClusterPort *const cluster = tracker->cluster.load();
        const auto left = tracker->tracker.with(DialogId(dialog), [&](Tracker &shard, DialogId id) {
            if (cluster) return cluster->leave(shard, id, view(profile), view(value), instant_of(now_us));
            return shard.leave(id, view(profile), view(value), instant_of(now_us));
        });
        if (!left && left.error() == Error::conflict) return fail(TANDEM_E_CONFLICT, waiting_text);
        if (!left) return fail(left.error());
        return *left ? TANDEM_OK : fail(TANDEM_E_NOT_FOUND, "the dialog is no member");
    });
}

tandem_status tandem_profile_at(const tandem_tracker *tracker, uint32_t index, tandem_str *name) {
    return guard([&]() -> tandem_status {
        if (!tracker || !name) return fail(TANDEM_E_INVALID, "an argument is NULL");
        const ProfileTable &profiles = tracker->tracker.profiles();
        if (index >= profiles.count()) return fail(TANDEM_E_NOT_FOUND, "there are no more profiles");
        *name = str_of(profiles.name_of(index));
        return TANDEM_OK;
    });
}

tandem_status tandem_profile_get(const tandem_tracker *tracker, tandem_str profile, tandem_profile_info *info) {
    return guard([&]() -> tandem_status {
        if (!tracker || !is_text(profile) || !has_size(info)) {
            return fail(TANDEM_E_INVALID, "an argument is NULL or has no size");
        }
        const auto found = tracker->tracker.profiles().info(view(profile));
        if (!found) return fail(found.error());
        write_struct(info, {sizeof(tandem_profile_info), found->has_values ? 1U : 0U, found->size, found->values,
                            found->limit, found->refused});
        return TANDEM_OK;
    });
}

tandem_status tandem_profile_size(const tandem_tracker *tracker, tandem_str profile, uint32_t *size) {
    return guard([&]() -> tandem_status {
        if (!tracker || !is_text(profile) || !size) return fail(TANDEM_E_INVALID, "an argument is NULL");
        const auto found = tracker->tracker.profiles().size(view(profile));
        if (!found) return fail(found.error());
        *size = *found;
        return TANDEM_OK;
    });
}

tandem_status tandem_profile_value_size(const tandem_tracker *tracker, tandem_str profile, tandem_str value,
                                        uint32_t *size) {
    return guard([&]() -> tandem_status {
        if (!tracker || !is_text(profile) || !is_text(value) || !size) {
            return fail(TANDEM_E_INVALID, "an argument is NULL");
        }
        const ProfileTable &profiles = tracker->tracker.profiles();
        const auto found = profiles.size(view(profile), view(value));
        if (!found) return fail(found.error());
        if (value.size == 0 && !*profiles.has_values(view(profile))) {
            return fail(TANDEM_E_INVALID, "the profile has no values");
        }
        *size = *found;
        return TANDEM_OK;
    });
}

tandem_status tandem_profile_list_values(const tandem_tracker *tracker, tandem_str profile, uint64_t *cursor,
                                         uint32_t max, tandem_profile_values **page) {
    return guard([&]() -> tandem_status {
        if (!tracker || !is_text(profile) || !cursor || !page || max == 0 || max > page_max) {
            return fail(TANDEM_E_INVALID, "an argument is NULL, or max is not 1 to 100000");
        }
        *page = nullptr;
        auto listed = tracker->tracker.profiles().values(view(profile), *cursor, max);
        if (!listed) return fail(listed.error());
        auto copy = std::make_unique<ValuePage>();
        copy->values = std::move(listed->items);
        for (const ProfileValueInfo &value : copy->values) {
            copy->items.push_back({str_of(value.value), value.size, value.limit});
        }
        copy->page = {sizeof(tandem_profile_values), static_cast<uint32_t>(copy->items.size()), copy->items.data()};
        *cursor = listed->next;
        *page = &copy.release()->page;
        return TANDEM_OK;
    });
}

void tandem_profile_values_free(tandem_profile_values *page) { delete reinterpret_cast<ValuePage *>(page); }

tandem_status tandem_profile_list_members(const tandem_tracker *tracker, tandem_str profile, const tandem_str *value,
                                          uint64_t *cursor, tandem_dialog_id *ids, uint32_t max, uint32_t *count) {
    return guard([&]() -> tandem_status {
        if (!tracker || !is_text(profile) || (value && !is_text(*value)) || !cursor || !ids || !count || max == 0 ||
            max > page_max) {
            return fail(TANDEM_E_INVALID, "an argument is NULL, or max is not 1 to 100000");
        }
        const auto page = members_of(tracker->tracker.profiles(), profile, value, *cursor, max);
        if (!page) return fail(page.error());
        for (std::size_t i = 0; i < page->items.size(); ++i) ids[i] = page->items[i].value();
        *count = static_cast<uint32_t>(page->items.size());
        *cursor = page->next;
        return TANDEM_OK;
    });
}

tandem_status tandem_profile_end_members(tandem_tracker *tracker, tandem_str profile, const tandem_str *value,
                                         uint32_t reason, uint64_t now_us, uint32_t *count) {
    return guard([&]() -> tandem_status {
        if (!tracker || !is_text(profile) || (value && !is_text(*value)) || !is_time(now_us) ||
            reason == TANDEM_END_NONE || reason > TANDEM_END_RESTART) {
            return fail(TANDEM_E_INVALID, "an argument is NULL, reason is none, or now_us over 2^62");
        }
        const Announcement announcement(*tracker);
        // All of them first: some leave the list as they end.
        std::vector<DialogId> members;
        std::uint64_t cursor = 0;
        do {
            const auto page = members_of(tracker->tracker.profiles(), profile, value, cursor, walk_page);
            if (!page) return fail(page.error());
            members.insert(members.end(), page->items.begin(), page->items.end());
            cursor = page->next;
        } while (cursor != 0);

        std::uint32_t asked = 0;
        for (DialogId member : members) {
            asked += tracker->tracker.with(member, [&](Tracker &shard, DialogId id) {
                return shard.request_end(id, static_cast<EndReason>(reason), instant_of(now_us)) ? 1U : 0U;
            });
        }
        if (count) *count = asked;
        return TANDEM_OK;
    });
}

} // extern "C"
