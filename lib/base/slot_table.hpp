// Values by id: find, insert and erase in O(1), and an id whose value is gone finds nothing.
// Values live in chunks of 256 slots, so growth moves no value (a T & holds until its erase) and never needs twice
// the memory. A slot costs 8 bytes beside T, if T is aligned to 4 or 8. Memory stays at its high-water mark.
// The slot freed last is used first, because it is warm; its id repeats after 2^24 - 1 uses.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>
#include "base/assert.hpp"
#include "base/id.hpp"
#include "base/result.hpp"

namespace tandem {

template <class T, class Tag>
class SlotTable {
public:
    using IdType = Id<Tag>;

    explicit SlotTable(std::uint32_t max) : max_(max) {}
    SlotTable(const SlotTable &) = delete;
    SlotTable &operator=(const SlotTable &) = delete;
    ~SlotTable() {
        for_each([](IdType, T &value) { std::destroy_at(&value); });
    }

    std::uint32_t size() const { return size_; }
    std::uint32_t max() const { return max_; }

    // Of the slots of values that are gone, which the next ones will use.
    std::uint64_t vacant_bytes() const { return std::uint64_t{used_ - size_} * sizeof(Slot); }

    // Constructs T from the arguments; the constructor must not insert. Fails with Error::full at max(). If the
    // constructor throws, nothing changes.
    template <class... Args>
    Result<IdType> emplace(Args &&...args);

    // So that the next emplace() asks for no memory but the constructor's. Throws bad_alloc, and nothing changes.
    void make_room() {
        if (vacant_first_ == none && size_ < max_) add_slot();
    }

    // nullptr for none, for an id whose value is erased, and for one that this table never gave.
    T *find(IdType id) {
        Slot *slot = live_slot(id);
        return slot ? &slot->value : nullptr;
    }
    const T *find(IdType id) const { return const_cast<SlotTable *>(this)->find(id); }

    // False if the id finds nothing. ~T may use the table: its own id is gone by then.
    bool erase(IdType id);

    // Calls f(IdType, T &) for every value, in order of slots: O(the most values ever held). `f` may erase any value
    // and may insert; a value that it inserts is visited or not.
    template <class F>
    void for_each(F f);
    template <class F>
    void for_each(F f) const {
        const_cast<SlotTable *>(this)->for_each([&f](IdType id, const T &value) { f(id, value); });
    }

    // For a walk in several steps: slots that were ever live, and the id in one of them, none where it is vacant.
    std::uint32_t slots() const { return used_; }
    IdType id_in(std::uint32_t index) const {
        const Slot &slot = chunks_[index / chunk_size][index % chunk_size];
        return is_live(slot) ? IdType(index, slot.generation) : IdType();
    }

    // By the slot of a live id, without its generation: for lists that link values at 4 bytes a link.
    T &at(std::uint32_t index) {
        Slot &slot = slot_at(index);
        TANDEM_ASSERT(is_live(slot), "a list links live values only");
        return slot.value;
    }
    const T &at(std::uint32_t index) const { return const_cast<SlotTable *>(this)->at(index); }
    IdType id_at(std::uint32_t index) { return IdType(index, slot_at(index).generation); }

private:
    static constexpr std::uint32_t chunk_size = 256;
    static constexpr std::uint32_t none = 0xffffffff;
    static constexpr std::uint32_t vacant = 0x80000000; // outside the 24 bits of a generation

    struct Slot {
        Slot() {} // leaves fresh memory untouched until the slot's first use
        ~Slot() {}

        std::uint32_t generation; // of the value; in a vacant slot of the next one, with the bit `vacant`
        std::uint32_t next_vacant;
        union {
            T value; // alive unless vacant
        };
    };

    static bool is_live(const Slot &slot) { return !(slot.generation & vacant); }
    Slot &slot_at(std::uint32_t index) { return chunks_[index / chunk_size][index % chunk_size]; }

    Slot *live_slot(IdType id) {
        if (id.slot() >= used_ || id.shard() != 0) return nullptr;
        Slot &slot = slot_at(id.slot());
        return slot.generation == id.generation() ? &slot : nullptr;
    }

    void add_slot();

    std::vector<std::unique_ptr<Slot[]>> chunks_;
    std::uint32_t max_;
    std::uint32_t used_ = 0; // slots that were ever live: those behind them are uninitialized
    std::uint32_t size_ = 0;
    std::uint32_t vacant_first_ = none;
};

template <class T, class Tag>
template <class... Args>
Result<Id<Tag>> SlotTable<T, Tag>::emplace(Args &&...args) {
    if (size_ == max_) return Error::full;
    if (vacant_first_ == none) add_slot();

    // The constructor comes before every change, because it may throw.
    const std::uint32_t index = vacant_first_;
    Slot &slot = slot_at(index);
    std::construct_at(&slot.value, std::forward<Args>(args)...);
    vacant_first_ = slot.next_vacant;
    slot.generation &= ~vacant;
    ++size_;
    return IdType(index, slot.generation);
}

template <class T, class Tag>
bool SlotTable<T, Tag>::erase(IdType id) {
    Slot *slot = live_slot(id);
    if (!slot) return false;
    const std::uint32_t next = slot->generation == IdType::generation_max ? 1 : slot->generation + 1;
    slot->generation = next | vacant;
    --size_;
    std::destroy_at(&slot->value);

    // Only now: a destructor that inserts must not be given the slot it stands in.
    slot->next_vacant = vacant_first_;
    vacant_first_ = id.slot();
    return true;
}

template <class T, class Tag>
template <class F>
void SlotTable<T, Tag>::for_each(F f) {
    for (std::uint32_t index = 0; index < used_; ++index) {
        Slot &slot = slot_at(index);
        if (is_live(slot)) f(IdType(index, slot.generation), slot.value);
    }
}

template <class T, class Tag>
void SlotTable<T, Tag>::add_slot() {
    if (used_ % chunk_size == 0)
        chunks_.push_back(std::make_unique_for_overwrite<Slot[]>(std::min(chunk_size, max_ - used_)));
    Slot &slot = slot_at(used_);
    slot.generation = 1 | vacant;
    slot.next_vacant = none;
    vacant_first_ = used_++;
}

} // namespace tandem
