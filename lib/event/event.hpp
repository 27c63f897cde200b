// One event: what has happened, when, and to whom.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include "event/fields.hpp"

namespace tandem {

// As its producer tells it.
struct EventDraft {
    std::string_view name{};  // of event_names.hpp, or as long-lived
    std::int64_t time_us = 0; // UTC microseconds
    EventFields fields{};
    std::string data{}; // a JSON value, of any size up to event_data_max; empty: none
};

// As the bus has numbered it.
struct Event {
    std::uint64_t sequence = 0; // of the bus: each event has a higher one than those before
    std::int64_t time_us = 0;
    std::string name{};
    EventFields fields{};
    std::string data{};

    std::size_t bytes() const { return sizeof(Event) + name.size() + fields.bytes() + data.size(); }
};

using SharedEvent = std::shared_ptr<const Event>;

constexpr std::size_t event_name_max = 64;       // bytes
constexpr std::size_t event_data_max = 64 << 10; // the same

// {"seq":1,"event":"dialog.state","time-us":1700000000000000,"call-id":"...",...,"data":...} on one line.
std::string to_json(const Event &event);

// The same members without the braces, for whoever has more to say: `"seq":1,...`.
void append_members(std::string &out, const Event &event);

} // namespace tandem
