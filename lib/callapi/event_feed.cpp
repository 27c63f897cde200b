#include "callapi/event_feed.hpp"
#include <fmt/format.h>
#include <utility>
#include "base/text.hpp"

namespace tandem {
namespace {

constexpr std::uint64_t ttl_max_ms = 24 * 3600 * 1000;
constexpr std::uint64_t sequence_max = (1ULL << 53) - 1; // what every reader of JSON can hold

// The name and the values that keys are to have.
std::optional<EventFilter> read_filter(RpcParams &params) {
    const std::string name = params.text_or("event", {});
    const Json values = params.object_or_empty("filter");
    if (params.error()) return std::nullopt;
    auto filter = EventFilter::of(name);
    if (!filter) return params.fail("event", "is no name, nor a pattern of one"), std::nullopt;
    for (const auto &[key, value] : values.items()) {
        if (!value.is_string()) return params.fail("filter", "must have strings as values"), std::nullopt;
        const auto added = filter->add(key, value.get_ref<const std::string &>());
        if (!added) return params.fail("filter", "has too many keys, or one that is too long"), std::nullopt;
    }
    return std::move(*filter);
}

SubscriptionId read_id(RpcParams &params) {
    const auto number = parse_number(params.text("id"));
    if (!number) params.fail("id", "must be what EventSubscribe has given");
    return SubscriptionId(number.value_or(0));
}

Json to_json(const EventGap &gap) { return {{"first", gap.first}, {"last", gap.last}, {"lost", gap.lost}}; }

std::string notification_of(const EventPlace &place) {
    // An event is a text already.
    if (place.event) {
        return fmt::format(R"({{"jsonrpc":"2.0","method":"Event","params":{}}})", to_json(*place.event));
    }
    Json params = to_json(place.gap);
    params["event"] = "gap";
    return rpc_notification("Event", params);
}

} // namespace

EventFeed::EventFeed(JsonRpc &rpc, std::shared_ptr<RpcChannel> channel, EventPort &port, std::function<Instant()> now)
    : channel_(std::move(channel)), port_(port), now_(std::move(now)) {
    rpc.add("EventSubscribe",
            [this](RpcParams params, RpcReply reply) { subscribe(std::move(params), std::move(reply)); });
    rpc.add("EventUnsubscribe",
            [this](RpcParams params, RpcReply reply) { unsubscribe(std::move(params), std::move(reply)); });
}

EventFeed::~EventFeed() {
    if (id_) port_.leave(*id_);
}

void EventFeed::subscribe(RpcParams params, RpcReply reply) {
    const Duration ttl = std::chrono::milliseconds(params.number_or("ttl-ms", ttl_max_ms, 1, ttl_max_ms));
    if (params.has("id")) {
        const SubscriptionId id = read_id(params);
        if (const auto &wrong = params.error()) return reply.fail(*wrong);
        return renew(id, ttl, std::move(reply));
    }
    const auto since = params.optional_number("since", 0, sequence_max);
    auto filter = read_filter(params);
    if (const auto &wrong = params.error()) return reply.fail(*wrong);
    const RpcError full{RpcCode::full, "too many subscriptions", {}};
    if (!id_) {
        const auto listening = port_.listen([this] { send_waiting(); });
        if (!listening) return reply.fail(full);
        id_ = *listening;
    }
    const auto made = port_.bus().subscribe(*id_, std::move(*filter), ttl, since, now_());
    if (!made) return reply.fail(full);
    port_.changed();
    Json result{{"id", std::to_string(made->id.value())}, {"seq", made->sequence}};
    if (made->gap) result["gap"] = to_json(*made->gap);
    reply.succeed(std::move(result), hold());
}

void EventFeed::renew(SubscriptionId id, Duration ttl, RpcReply reply) {
    if (!is_ours(id) || !port_.bus().renew(id, ttl, now_())) {
        return reply.fail({RpcCode::not_found, "no such subscription, or it is over", {}});
    }
    port_.changed();
    reply.succeed({{"id", std::to_string(id.value())}, {"seq", port_.bus().sequence()}});
}

void EventFeed::unsubscribe(RpcParams params, RpcReply reply) {
    const SubscriptionId id = read_id(params);
    if (const auto &wrong = params.error()) return reply.fail(*wrong);
    if (!is_ours(id)) return reply.fail({RpcCode::not_found, "no such subscription, or it is over", {}});
    port_.bus().unsubscribe(id);
    port_.changed();
    reply.succeed({{"id", std::to_string(id.value())}});
}

// A number can be guessed: each client has his own.
bool EventFeed::is_ours(SubscriptionId id) const { return id_ && port_.bus().subscriber_of(id) == *id_; }

std::function<void()> EventFeed::hold() {
    ++held_;
    return [weak = std::weak_ptr(self_)] {
        const auto self = weak.lock();
        if (!self) return;
        --(*self)->held_;
        (*self)->send_waiting();
    };
}

void EventFeed::send_waiting() {
    if (!id_ || held_ > 0) return;
    if (!unsent_.empty()) {
        if (!channel_->offer(unsent_)) return; // on_room() comes
        unsent_.clear();
    }
    for (EventPlace place; port_.bus().next(*id_, place);) {
        std::string text = notification_of(place);
        if (channel_->offer(text)) continue;
        unsent_ = std::move(text);
        return;
    }
}

} // namespace tandem
