// The latest messages of each call, for who wants to look at one: of every Call-ID the last 64, in bounded memory. Of
// one worker; a message is with the worker whose socket it came or left by.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include "base/endpoint.hpp"
#include "base/hash.hpp"
#include "base/random.hpp"

namespace tandem {

struct TrailLimits {
    std::size_t message_max = 64;      // of one Call-ID: the oldest go
    std::size_t text_max = 4096;       // bytes of a message: the rest is cut off
    std::size_t byte_max = 16U << 20U; // of all: the Call-ID that was silent for the longest time goes
};

struct TrailMessage {
    std::int64_t at_us = 0; // UTC
    bool is_sent = false;   // by us
    Endpoint peer;
    std::string text;
};

struct Trail {
    std::deque<TrailMessage> messages; // oldest first
    std::uint64_t dropped = 0;         // before them
};

class MessageTrails {
public:
    MessageTrails(const TrailLimits &limits, Random &random);
    MessageTrails(const MessageTrails &) = delete;
    MessageTrails &operator=(const MessageTrails &) = delete;

    // What has no Call-ID, or an overlong one, belongs to no call.
    void put(std::int64_t at_us, bool is_sent, const Endpoint &peer, std::string_view bytes);

    const Trail *find(std::string_view call_id) const; // null: none is kept

    std::size_t bytes() const { return bytes_; } // about what all of it takes

private:
    struct Entry {
        std::string call_id;
        Trail trail;
    };
    using Entries = std::list<Entry>;
    struct Hash {
        KeyedHash hash; // a peer chooses Call-IDs
        std::size_t operator()(std::string_view call_id) const { return hash(call_id); }
    };

    Entries::iterator entry_of(std::string_view call_id);
    void drop_oldest(Entry &entry);
    void shrink();

    const TrailLimits limits_;
    Entries entries_;                                                      // who has spoken last stands last
    std::unordered_map<std::string_view, Entries::iterator, Hash> places_; // by Entry::call_id
    std::size_t bytes_ = 0;
};

} // namespace tandem
