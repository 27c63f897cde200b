// Ids by the 64-bit hash of their key: a multimap that keeps neither key nor value, 16 bytes an entry. The caller
// compares keys: equal hashes are rare, but legal, and they may also be one key that names several things.
// Robin Hood hashing: entries stand in order of their home slots, so a search ends soon even when seven of eight
// slots are taken, and an erase closes its gap: no tombstones. Pointers and positions do not survive a change.
#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>
#include <vector>
#include "base/assert.hpp"

namespace tandem {

// IdType is an Id: its default value is none and marks a slot without entry.
template <class IdType>
class HashIndex {
public:
    HashIndex() = default;
    HashIndex(const HashIndex &) = delete;
    HashIndex &operator=(const HashIndex &) = delete;

    std::size_t size() const { return size_; }
    std::size_t capacity() const { return entries_.size(); } // slots allocated: 0, or a power of two

    // Adds an entry; the same pair may stand in the index more than once. O(1), but for the doubling when seven of
    // eight slots are taken. If memory ends there, throws bad_alloc and nothing changes.
    void insert(std::uint64_t hash, IdType id);

    // Removes one entry with this hash and id. False if there is none. Memory shrinks below one slot in eight.
    bool erase(std::uint64_t hash, IdType id);

    void clear() {
        entries_ = {};
        size_ = 0;
        shift_ = 64;
    }

    // Calls matches(IdType) for the entries of this hash, oldest first, until it answers true: that id, or none.
    // `matches` must not change the index.
    template <class F>
    IdType find(std::uint64_t hash, F matches) const {
        const std::size_t position = position_of(hash, matches);
        return position == entries_.size() ? IdType{} : entries_[position].id;
    }

    // Calls f(IdType) for every entry of this hash, oldest first. `f` must not change the index.
    template <class F>
    void for_each_match(std::uint64_t hash, F f) const {
        position_of(hash, [&f](IdType id) {
            f(id);
            return false;
        });
    }

private:
    struct Entry {
        std::uint64_t hash = 0;
        IdType id{};
    };
    static constexpr std::size_t capacity_min = 16;

    // Spreads by the golden ratio and takes the top bits: callers pick shards by bits of the same hash, and bits
    // that are equal throughout one shard must not crowd its index.
    std::size_t home(std::uint64_t hash) const { return static_cast<std::size_t>(hash * 0x9e3779b97f4a7c15 >> shift_); }
    std::size_t after(std::size_t position) const { return (position + 1) & (entries_.size() - 1); }
    bool is_taken(std::size_t position) const { return static_cast<bool>(entries_[position].id); }
    std::size_t distance_from_home(std::size_t position) const {
        return (position - home(entries_[position].hash)) & (entries_.size() - 1);
    }

    template <class F>
    std::size_t position_of(std::uint64_t hash, F &&matches) const; // capacity() if no entry matches
    void place(Entry entry);
    void resize(std::size_t capacity);

    std::vector<Entry> entries_;
    std::size_t size_ = 0;
    int shift_ = 64; // 64 - log2(capacity)
};

template <class IdType>
void HashIndex<IdType>::insert(std::uint64_t hash, IdType id) {
    TANDEM_ASSERT(id, "none marks the slots without entry");
    if ((size_ + 1) * 8 > entries_.size() * 7) resize(entries_.empty() ? capacity_min : entries_.size() * 2);
    place({hash, id});
    ++size_;
}

template <class IdType>
bool HashIndex<IdType>::erase(std::uint64_t hash, IdType id) {
    std::size_t gap = position_of(hash, [id](IdType other) { return other == id; });
    if (gap == entries_.size()) return false;
    for (auto next = after(gap); is_taken(next) && distance_from_home(next) != 0; next = after(next)) {
        entries_[gap] = entries_[next];
        gap = next;
    }
    entries_[gap] = {};
    --size_;
    if (entries_.size() == capacity_min || size_ * 8 >= entries_.size()) return true;
    try {
        resize(std::max(entries_.size() / 4, capacity_min)); // half full: far from both borders
    } catch (const std::bad_alloc &) {
        // The entry is gone either way; memory is given back at a later erase.
    }
    return true;
}

template <class IdType>
template <class F>
std::size_t HashIndex<IdType>::position_of(std::uint64_t hash, F &&matches) const {
    if (size_ == 0) return entries_.size();
    std::size_t position = home(hash);
    for (std::size_t distance = 0; is_taken(position) && distance_from_home(position) >= distance; ++distance) {
        if (entries_[position].hash == hash && matches(entries_[position].id)) return position;
        position = after(position);
    }
    return entries_.size();
}

template <class IdType>
void HashIndex<IdType>::place(Entry entry) {
    std::size_t position = home(entry.hash);
    for (std::size_t distance = 0; is_taken(position) && distance_from_home(position) >= distance; ++distance)
        position = after(position);
    // From here to the next free slot every entry moves up by one, which keeps the order of homes.
    for (; is_taken(position); position = after(position)) std::swap(entry, entries_[position]);
    entries_[position] = entry;
}

template <class IdType>
void HashIndex<IdType>::resize(std::size_t capacity) {
    std::vector<Entry> old(capacity);
    old.swap(entries_);
    shift_ = 64 - std::countr_zero(capacity);
    if (size_ == 0) return;

    // Begins at a gap, so that entries which wrapped around the end follow the older ones of their hash.
    std::size_t position = 0;
    while (old[position].id) ++position;
    for (std::size_t i = 0; i < old.size(); ++i) {
        const Entry &entry = old[(position + i) & (old.size() - 1)];
        if (entry.id) place(entry);
    }
}

} // namespace tandem
