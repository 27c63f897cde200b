#include "node/cluster_counts.hpp"
#include <fmt/format.h>
#include <utility>
#include "net/system_clock.hpp"

namespace tandem {

void ClusterHealth::note(const LeaseNotice &notice, Instant now) {
    const std::lock_guard lock(mutex_);
    if (notice.is_out) {
        if (out_++ > 0) return;
        since_ = now;
        log_.error(
            fmt::format("redis: {}; calls that it limits go by the \"on_outage\" of their profiles", notice.why));
    } else if (--out_ == 0) {
        log_.warn(fmt::format("redis: back after {} ms; the cluster counts again", to_ms(now - since_)));
    }
}

ClusterCounts::ClusterCounts(const ClusterOptions &options, std::uint32_t dialog_max, Loop &loop, Random &random,
                             std::function<void()> wake)
    : health_(*options.health), loop_(loop), wake_(std::move(wake)),
      store_(loop, *options.redis.url, options.redis.prefix, events()),
      leases_(lease_options(options.redis, dialog_max), store_, random, SystemClock::now()) {}

LeaseOptions ClusterCounts::lease_options(const RedisConfig &redis, std::uint32_t dialog_max) {
    LeaseOptions options;
    options.lease = redis.lease;
    options.timeout = redis.timeout;
    options.dialog_max = dialog_max;
    options.is_sharded = redis.url->kind == RedisKind::cluster;
    return options;
}

void ClusterCounts::wake_later() {
    if (std::exchange(*is_woken_, true)) return;
    loop_.post([this, woken = std::weak_ptr(is_woken_)] {
        const auto flag = woken.lock();
        if (!flag) return;
        *flag = false;
        wake_();
    });
}

RedisLeaseEvents ClusterCounts::events() {
    RedisLeaseEvents events;
    events.on_connected = [this] {
        leases_.on_connected(SystemClock::now());
        wake_later();
    };
    events.on_lost = [this](const std::string &why) {
        leases_.on_lost(why, SystemClock::now());
        wake_later();
    };
    events.on_answer = [this](const LeaseAnswer &answer) {
        leases_.on_answer(answer, SystemClock::now());
        wake_later();
    };
    return events;
}

void ClusterCounts::settle(Engine &engine, Instant now) {
    take_requests(engine, now);
    for (Reserved reserved; leases_.next_verdict(reserved); take_requests(engine, now)) {
        engine.on_reserved(reserved, now);
    }
    for (LeaseNotice notice; leases_.next_notice(notice);) health_.note(notice, now);
    for (LeaseSize size; leases_.next_size(size);) {
        auto asked = sizes_.extract(size.asker);
        if (asked) asked.mapped()(size.size);
    }
}

void ClusterCounts::take_requests(Engine &engine, Instant now) {
    engine.take_place_requests(requests_);
    for (const PlaceRequest &request : requests_) leases_.take(request, now);
    requests_.clear();
}

void ClusterCounts::adopt(const DialogRecord &record, const ProfileTable &profiles, Instant now) {
    std::vector<ClusterPlace> places;
    for (const ProfileView &view : record.profiles) {
        const auto rule = profiles.rule(view.profile, view.value);
        if (rule && rule->is_shared) places.push_back({std::string(view.profile), std::string(view.value), 0});
    }
    if (!places.empty()) leases_.adopt(record.id, places, now);
}

void ClusterCounts::ask_size(std::string_view profile, std::string_view value, Size then, Instant now) {
    sizes_.emplace(++last_size_, std::move(then));
    leases_.ask_size(last_size_, profile, value, now);
}

} // namespace tandem
