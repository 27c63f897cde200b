// tandem/bus.h
#include "event/bus.hpp"
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <tandem/bus.h>
#include <vector>
#include "capi/handle.hpp"
#include "capi/status.hpp"
#include "capi/struct_size.hpp"

struct tandem_bus {
    tandem_bus(const tandem::BusOptions &options, tandem::Instant start)
        : end_max(options.subscription_max), bus(options, random, start), now(start) {}

    // The host's time, which does not go back.
    tandem::Instant at(std::uint64_t now_us) { return now = std::max(now, tandem::capi::instant_of(now_us)); }

    tandem::capi::HostRandom random;
    const std::size_t end_max; // ends of waits that nobody has taken: no new wait begins beyond it
    mutable std::mutex mutex;  // guards the rest
    tandem::Bus bus;
    tandem::Instant now;
};

namespace tandem::capi {
namespace {

// Of the first version: `owner`, which must not get lost, is its last field.
constexpr std::uint32_t event_size_min = offsetof(tandem_bus_event, owner) + sizeof(void *);

// What tandem_bus_event.owner points to.
struct HeldEvent {
    SharedEvent event;
    std::vector<tandem_field> fields;
};

constexpr std::uint64_t forever_ms = timeout_max_ms;
constexpr std::uint64_t sequence_max = std::uint64_t{1} << 62; // before the first event: numbers never start anew

Duration milliseconds_of(std::uint64_t ms) { return std::chrono::milliseconds(std::min(ms, forever_ms)); }

Result<EventFilter> read_filter(const tandem_filter *given) {
    if (!has_size(given)) return Error::invalid;
    tandem_filter copy;
    const tandem_filter &read = read_struct(given, copy);
    if (!is_text(read.name) || (!read.keys && read.key_count > 0)) return Error::invalid;
    auto filter = EventFilter::of(view(read.name));
    if (!filter) return filter;
    for (std::uint32_t i = 0; i < read.key_count; ++i) {
        const tandem_field &key = read.keys[i];
        if (!is_text(key.key) || !is_text(key.value)) return Error::invalid;
        if (const auto added = filter->add(view(key.key), view(key.value)); !added) return added.error();
    }
    return filter;
}

tandem_status refused_filter(Error error) {
    return error == Error::full
               ? fail(TANDEM_E_FULL, "filter: more than 8 keys, or a pattern of more than 128 bytes or 8 stars")
               : fail(TANDEM_E_INVALID, "filter: no size, a text without data, too long, or a key that is there twice");
}

// Views of the host's texts, but for what it copies.
std::optional<EventDraft> read_notice(const tandem_notice &given) {
    if (!is_text(given.name) || !is_text(given.data) || (!given.fields && given.field_count > 0)) return std::nullopt;
    EventDraft draft{view(given.name), given.utc_us};
    for (std::uint32_t i = 0; i < given.field_count; ++i) {
        const tandem_field &field = given.fields[i];
        if (!is_text(field.key) || !is_text(field.value)) return std::nullopt;
        if (!draft.fields.add(view(field.key), view(field.value))) return std::nullopt;
    }
    draft.data = view(given.data);
    return draft;
}

BusOptions read_options(const tandem_bus_options &given) {
    BusOptions options;
    const auto take = [](auto given_value, auto &value) {
        if (given_value != 0) value = given_value;
    };
    take(given.subscriber_max, options.subscriber_max);
    take(given.subscription_max, options.subscription_max);
    take(given.per_subscriber_max, options.per_subscriber_max);
    take(given.queue_max, options.queue_max);
    take(given.replay_max, options.replay.event_max);
    if (given.replay_ms != 0) options.replay.age_max = milliseconds_of(given.replay_ms);
    options.sequence = given.sequence;
    return options;
}

tandem_bus_event empty_event() {
    tandem_bus_event event = TANDEM_BUS_EVENT_INIT;
    event.name = str_of("");
    event.data = str_of("");
    return event;
}

// With what the host is to free.
tandem_bus_event hold(SharedEvent shared) {
    auto held = std::make_unique<HeldEvent>();
    held->event = std::move(shared);
    const Event &event = *held->event;
    for (std::size_t i = 0; i < event.fields.size(); ++i) {
        held->fields.push_back({str_of(event.fields.key(i)), str_of(event.fields.value(i))});
    }
    tandem_bus_event out = empty_event();
    out.type = TANDEM_BUS_EVENT;
    out.sequence = event.sequence;
    out.utc_us = event.time_us;
    out.name = str_of(event.name);
    out.data = str_of(event.data);
    out.fields = held->fields.data();
    out.field_count = static_cast<std::uint32_t>(held->fields.size());
    out.owner = held.release();
    return out;
}

tandem_bus_event event_of(const EventPlace &place) {
    if (place.event) return hold(place.event);
    tandem_bus_event event = empty_event();
    event.type = TANDEM_BUS_GAP;
    event.first = place.gap.first;
    event.last = place.gap.last;
    event.lost = place.gap.lost;
    return event;
}

tandem_bus_event event_of(const Resumed &end) {
    tandem_bus_event event = end.event ? hold(end.event) : empty_event();
    event.type = end.why == Resumed::Why::event     ? TANDEM_BUS_EVENT
                 : end.why == Resumed::Why::timeout ? TANDEM_BUS_TIMEOUT
                                                    : TANDEM_BUS_GAP;
    event.subscription = end.id.value();
    event.user_data = end.owner;
    return event;
}

bool takes_event(const tandem_bus_event *event) { return has_size(event) && event->size >= event_size_min; }

tandem_status answer(const Result<Subscribed> &result, tandem_subscription *made) {
    if (!result) return fail(result.error());
    if (made) {
        write_struct(made, {sizeof(tandem_subscription), result->gap ? 1U : 0U, result->id.value(), result->sequence});
    }
    return TANDEM_OK;
}

std::optional<std::uint64_t> number_of(const std::uint64_t *since) {
    return since ? std::optional(*since) : std::nullopt;
}

} // namespace
} // namespace tandem::capi

using namespace tandem;
using namespace tandem::capi;

extern "C" {

tandem_status tandem_bus_new(const tandem_bus_options *options, uint64_t now_us, tandem_bus **bus) {
    return guard([&]() -> tandem_status {
        if (!bus || !is_time(now_us)) return fail(TANDEM_E_INVALID, "bus is NULL, or now_us over 2^62");
        if (options && !has_size(options)) return fail(TANDEM_E_INVALID, "options.size is not set");
        const tandem_bus_options defaults = TANDEM_BUS_OPTIONS_INIT;
        tandem_bus_options copy;
        const tandem_bus_options &given = read_struct(options ? options : &defaults, copy);
        if (given.sequence > sequence_max) return fail(TANDEM_E_INVALID, "options.sequence is over 2^62");
        try {
            *bus = std::make_unique<tandem_bus>(capi::read_options(given), instant_of(now_us)).release();
        } catch (const std::system_error &error) {
            return fail(TANDEM_E_IO, error.what());
        }
        return TANDEM_OK;
    });
}

void tandem_bus_free(tandem_bus *bus) { delete bus; }

tandem_status tandem_bus_notify(tandem_bus *bus, const tandem_notice *notice, uint64_t now_us, uint64_t *sequence) {
    return guard([&]() -> tandem_status {
        if (!bus || !has_size(notice) || !is_time(now_us)) {
            return fail(TANDEM_E_INVALID, "an argument is NULL or has no size, or now_us is over 2^62");
        }
        tandem_notice copy;
        auto draft = read_notice(read_struct(notice, copy));
        if (!draft) return fail(TANDEM_E_INVALID, "notice: a field is there twice, too long, or has no data");
        const std::lock_guard lock(bus->mutex);
        const auto told = bus->bus.notify(std::move(*draft), bus->at(now_us));
        if (!told) return fail(TANDEM_E_INVALID, "notice: no name, or name or data too long");
        if (sequence) *sequence = *told;
        return TANDEM_OK;
    });
}

tandem_status tandem_bus_join(tandem_bus *bus, tandem_subscriber_id *subscriber) {
    return guard([&]() -> tandem_status {
        if (!bus || !subscriber) return fail(TANDEM_E_INVALID, "an argument is NULL");
        const std::lock_guard lock(bus->mutex);
        const auto joined = bus->bus.add_subscriber();
        if (!joined) return fail(joined.error());
        *subscriber = joined->value();
        return TANDEM_OK;
    });
}

tandem_status tandem_bus_leave(tandem_bus *bus, tandem_subscriber_id subscriber) {
    return guard([&]() -> tandem_status {
        if (!bus) return fail(TANDEM_E_INVALID, "bus is NULL");
        const std::lock_guard lock(bus->mutex);
        return bus->bus.remove_subscriber(SubscriberId(subscriber)) ? TANDEM_OK : fail(Error::not_found);
    });
}

tandem_status tandem_bus_subscribe(tandem_bus *bus, tandem_subscriber_id subscriber, const tandem_filter *filter,
                                   uint64_t ttl_ms, const uint64_t *since, uint64_t now_us, tandem_subscription *made) {
    return guard([&]() -> tandem_status {
        if (!bus || !is_time(now_us) || (made && !has_size(made))) {
            return fail(TANDEM_E_INVALID, "an argument is NULL or has no size, or now_us is over 2^62");
        }
        auto read = read_filter(filter);
        if (!read) return refused_filter(read.error());
        const std::lock_guard lock(bus->mutex);
        const auto subscribed = bus->bus.subscribe(SubscriberId(subscriber), std::move(*read), milliseconds_of(ttl_ms),
                                                   number_of(since), bus->at(now_us));
        return answer(subscribed, made);
    });
}

tandem_status tandem_bus_renew(tandem_bus *bus, tandem_subscription_id subscription, uint64_t ttl_ms, uint64_t now_us) {
    return guard([&]() -> tandem_status {
        if (!bus || !is_time(now_us)) return fail(TANDEM_E_INVALID, "bus is NULL, or now_us over 2^62");
        const std::lock_guard lock(bus->mutex);
        const auto renewed = bus->bus.renew(SubscriptionId(subscription), milliseconds_of(ttl_ms), bus->at(now_us));
        return status_of(renewed);
    });
}

tandem_status tandem_bus_unsubscribe(tandem_bus *bus, tandem_subscription_id subscription) {
    return guard([&]() -> tandem_status {
        if (!bus) return fail(TANDEM_E_INVALID, "bus is NULL");
        const std::lock_guard lock(bus->mutex);
        return bus->bus.unsubscribe(SubscriptionId(subscription)) ? TANDEM_OK : fail(Error::not_found);
    });
}

tandem_status tandem_bus_wait(tandem_bus *bus, const tandem_filter *filter, uint64_t timeout_ms, const uint64_t *since,
                              uint64_t user_data, uint64_t now_us, tandem_subscription *made) {
    return guard([&]() -> tandem_status {
        if (!bus || !is_time(now_us) || (made && !has_size(made))) {
            return fail(TANDEM_E_INVALID, "an argument is NULL or has no size, or now_us is over 2^62");
        }
        auto read = read_filter(filter);
        if (!read) return refused_filter(read.error());
        const std::lock_guard lock(bus->mutex);
        if (bus->bus.resumed() >= bus->end_max) return fail(TANDEM_E_FULL, "nobody takes the ends of waits");
        const auto waiting =
            bus->bus.wait(std::move(*read), milliseconds_of(timeout_ms), number_of(since), user_data, bus->at(now_us));
        return answer(waiting, made);
    });
}

uint64_t tandem_bus_sequence(const tandem_bus *bus) {
    if (!bus) return 0;
    const std::lock_guard lock(bus->mutex);
    return bus->bus.sequence();
}

tandem_status tandem_bus_next(tandem_bus *bus, tandem_subscriber_id subscriber, tandem_bus_event *event) {
    return guard([&]() -> tandem_status {
        if (!bus || !takes_event(event)) {
            return fail(TANDEM_E_INVALID, "an argument is NULL, or event.size is too small");
        }
        const std::lock_guard lock(bus->mutex);
        if (!bus->bus.has_subscriber(SubscriberId(subscriber))) return fail(Error::not_found);
        const EventPlace *front = bus->bus.peek(SubscriberId(subscriber));
        if (!front) return TANDEM_E_EMPTY;             // no failure: the text of the last one stays
        const tandem_bus_event out = event_of(*front); // where memory ends nothing was taken
        bus->bus.pop(SubscriberId(subscriber));
        write_struct(event, out);
        return TANDEM_OK;
    });
}

tandem_status tandem_bus_next_end(tandem_bus *bus, tandem_bus_event *event) {
    return guard([&]() -> tandem_status {
        if (!bus || !takes_event(event)) {
            return fail(TANDEM_E_INVALID, "an argument is NULL, or event.size is too small");
        }
        const std::lock_guard lock(bus->mutex);
        const Resumed *end = bus->bus.peek_resumed();
        if (!end) return TANDEM_E_EMPTY;
        const tandem_bus_event out = event_of(*end);
        bus->bus.pop_resumed();
        write_struct(event, out);
        return TANDEM_OK;
    });
}

void tandem_bus_event_free(tandem_bus_event *event) {
    if (!takes_event(event)) return; // no event of this library
    delete static_cast<HeldEvent *>(event->owner);
    const std::uint32_t size = event->size;
    write_struct(event, empty_event());
    event->size = size;
}

tandem_status tandem_bus_event_json(const tandem_bus_event *event, char *buffer, size_t capacity, size_t *needed) {
    return guard([&]() -> tandem_status {
        if (!takes_event(event) || event->type != TANDEM_BUS_EVENT || !event->owner || (!buffer && capacity > 0)) {
            return fail(TANDEM_E_INVALID, "event or buffer is NULL, or it is no TANDEM_BUS_EVENT");
        }
        const std::string json = to_json(*static_cast<const HeldEvent *>(event->owner)->event);
        if (needed) *needed = json.size() + 1;
        if (json.size() >= capacity) return fail(TANDEM_E_TOO_LARGE, "the buffer is too small for the event");
        std::memcpy(buffer, json.c_str(), json.size() + 1);
        return TANDEM_OK;
    });
}

tandem_status tandem_bus_advance(tandem_bus *bus, uint64_t now_us) {
    return guard([&]() -> tandem_status {
        if (!bus || !is_time(now_us)) return fail(TANDEM_E_INVALID, "bus is NULL, or now_us over 2^62");
        const std::lock_guard lock(bus->mutex);
        bus->bus.advance(bus->at(now_us));
        return TANDEM_OK;
    });
}

int32_t tandem_bus_timeout_ms(const tandem_bus *bus, uint64_t now_us) {
    if (!bus || !is_time(now_us)) return -1;
    const std::lock_guard lock(bus->mutex);
    return timeout_ms_of(bus->bus.next_deadline(), instant_of(now_us));
}

} // extern "C"
