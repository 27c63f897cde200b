#include "node/message_trail.hpp"
#include <utility>
#include "sip/call_id.hpp"

namespace tandem {
namespace {

constexpr std::size_t call_id_max = 256;
constexpr std::size_t entry_cost = sizeof(Trail) + 832; // of the tables and the first block of the deque, about
constexpr std::size_t message_cost = sizeof(TrailMessage);

std::size_t cost_of(const TrailMessage &message) { return message_cost + message.text.size(); }

} // namespace

MessageTrails::MessageTrails(const TrailLimits &limits, Random &random)
    : limits_(limits), places_(0, Hash{KeyedHash(random)}) {}

void MessageTrails::put(std::int64_t at_us, bool is_sent, const Endpoint &peer, std::string_view bytes) {
    const std::string_view call_id = call_id_of(bytes);
    if (call_id.empty() || call_id.size() > call_id_max) return;
    Entry &entry = *entry_of(call_id);
    if (entry.trail.messages.size() >= limits_.message_max) drop_oldest(entry);
    entry.trail.messages.push_back({at_us, is_sent, peer, std::string(bytes.substr(0, limits_.text_max))});
    bytes_ += cost_of(entry.trail.messages.back());
    shrink();
}

MessageTrails::Entries::iterator MessageTrails::entry_of(std::string_view call_id) {
    const auto found = places_.find(call_id);
    if (found != places_.end()) {
        entries_.splice(entries_.end(), entries_, found->second);
        return found->second;
    }
    const auto entry = entries_.insert(entries_.end(), {std::string(call_id), {}});
    places_.emplace(entry->call_id, entry);
    bytes_ += entry_cost;
    return entry;
}

void MessageTrails::drop_oldest(Entry &entry) {
    bytes_ -= cost_of(entry.trail.messages.front());
    entry.trail.messages.pop_front();
    ++entry.trail.dropped;
}

// The one that has just spoken stays.
void MessageTrails::shrink() {
    while (bytes_ > limits_.byte_max && entries_.size() > 1) {
        Entry &oldest = entries_.front();
        for (const TrailMessage &message : oldest.trail.messages) bytes_ -= cost_of(message);
        bytes_ -= entry_cost;
        places_.erase(oldest.call_id);
        entries_.pop_front();
    }
}

const Trail *MessageTrails::find(std::string_view call_id) const {
    const auto found = places_.find(call_id);
    return found == places_.end() ? nullptr : &found->second->trail;
}

} // namespace tandem
