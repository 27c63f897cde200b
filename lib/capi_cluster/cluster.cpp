// tandem/cluster.h
#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <system_error>
#include <tandem/cluster.h>
#include <utility>
#include "base/text.hpp"
#include "capi/handle.hpp"
#include "capi/status.hpp"
#include "capi/struct_size.hpp"
#include "capi_cluster/shared_profiles.hpp"

namespace tandem::capi {
namespace {

constexpr std::size_t url_max = 2048;
constexpr std::size_t prefix_max = 64;

// Braces would say which keys of a Redis Cluster belong together.
bool is_prefix(std::string_view text) {
    return text.size() <= prefix_max && text.find_first_of("{}") == std::string_view::npos && !has_control_bytes(text);
}

tandem_status read_url(tandem_str given, RedisUrl &url) {
    if (!is_text(given)) return fail(TANDEM_E_INVALID, "options.url has no data");
    if (given.size > url_max) return fail(TANDEM_E_INVALID, "options.url is longer than 2048 bytes");
    auto read = RedisUrl::parse(view(given));
    if (!read) return fail(TANDEM_E_INVALID, fmt::format("options.url: {}", read.error().detail));
    url = std::move(*read);
    return TANDEM_OK;
}

// Zero is the default.
bool read_span(std::uint32_t ms, std::uint32_t min, std::uint32_t max, Duration &span) {
    if (ms == 0) return true;
    span = std::chrono::milliseconds(ms);
    return ms >= min && ms <= max;
}

tandem_status read_options(const tandem_cluster_options &given, LeaseThreadOptions &options) {
    if (const tandem_status status = read_url(given.url, options.url); status != TANDEM_OK) return status;
    if (!is_text(given.prefix) || !is_prefix(view(given.prefix))) {
        return fail(TANDEM_E_INVALID, "options.prefix is not up to 64 bytes without braces and control characters");
    }
    options.prefix = given.prefix.size == 0 ? "tandem:" : view(given.prefix);
    if (!read_span(given.lease_ms, 100, 3'600'000, options.leases.lease) ||
        !read_span(given.timeout_ms, 1, 60'000, options.leases.timeout)) {
        return fail(TANDEM_E_INVALID, "options: lease_ms is not 100 to 3600000, or timeout_ms not 1 to 60000");
    }
    options.leases.is_sharded = options.url.kind == RedisKind::cluster;
    return TANDEM_OK;
}

} // namespace
} // namespace tandem::capi

using namespace tandem;
using namespace tandem::capi;

extern "C" {

tandem_status tandem_cluster_join(tandem_tracker *tracker, const tandem_cluster_options *options) {
    return guard([&]() -> tandem_status {
        if (!tracker || !has_size(options)) return fail(TANDEM_E_INVALID, "an argument is NULL or has no size");
        if (!tracker->wants_reserved) {
            return fail(TANDEM_E_INVALID, "the tracker's options.events leave TANDEM_EVENT_RESERVED out");
        }
        tandem_cluster_options copy;
        LeaseThreadOptions read;
        if (const auto status = read_options(read_struct(options, copy), read); status != TANDEM_OK) return status;
        // Beside those that live, some that have ended until Redis knows it.
        read.leases.dialog_max =
            static_cast<std::uint32_t>(std::min<std::uint64_t>(std::uint64_t{tracker->dialog_max} * 2, UINT32_MAX - 1));
        if (tracker->cluster.load()) return fail(TANDEM_E_CONFLICT, "the tracker has joined a cluster already");
        try {
            auto made = std::make_unique<SharedProfiles>(*tracker, read);
            ClusterPort *none = nullptr;
            if (!tracker->cluster.compare_exchange_strong(none, made.get())) {
                return fail(TANDEM_E_CONFLICT, "the tracker has joined a cluster already");
            }
            static_cast<void>(made.release());
        } catch (const std::system_error &error) {
            return fail(TANDEM_E_IO, error.what());
        }
        return TANDEM_OK;
    });
}

tandem_status tandem_cluster_get(const tandem_tracker *tracker, tandem_cluster_info *info) {
    return guard([&]() -> tandem_status {
        if (!tracker || !has_size(info)) return fail(TANDEM_E_INVALID, "an argument is NULL or has no size");
        const auto *shared = static_cast<const SharedProfiles *>(tracker->cluster.load()); // nobody else is one
        if (!shared) return fail(TANDEM_E_NOT_FOUND, "the tracker has joined no cluster");
        const LeaseThreadState state = shared->state();
        const LeaseStatistics &now = state.statistics;
        tandem_cluster_info read = {sizeof(tandem_cluster_info),
                                    state.is_ready ? 1U : 0U,
                                    state.is_out ? 1U : 0U,
                                    now.leases,
                                    now.admitted,
                                    now.refused,
                                    now.unknown,
                                    now.forgotten,
                                    now.outages,
                                    now.failures,
                                    {}};
        state.why.copy(read.why, sizeof(read.why) - 1);
        write_struct(info, read);
        return TANDEM_OK;
    });
}

} // extern "C"
