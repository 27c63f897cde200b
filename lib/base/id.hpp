// The name of something that may end at any time: 64 bits that never dangle. The tag makes a DialogId and a
// TimerId different types. Layout, from the top: 8 bits shard, 24 bits generation, 32 bits slot.
#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace tandem {

template <class Tag>
class Id {
public:
    static constexpr std::uint32_t generation_max = 0xffffff;

    constexpr Id() = default; // none
    constexpr explicit Id(std::uint64_t value) : value_(value) {}
    constexpr Id(std::uint32_t slot, std::uint32_t generation)
        : value_(std::uint64_t{generation & generation_max} << 32 | slot) {}

    constexpr std::uint64_t value() const { return value_; }
    constexpr explicit operator bool() const { return value_ != 0; }

    // The parts. A live generation is never 0, so no living thing has the value 0. The shard is 0 in every id that
    // a SlotTable makes, and a SlotTable knows no id with another shard: whoever owns several tables sets it on
    // the way out and clears it on the way in.
    constexpr std::uint32_t slot() const { return static_cast<std::uint32_t>(value_); }
    constexpr std::uint32_t generation() const { return static_cast<std::uint32_t>(value_ >> 32) & generation_max; }
    constexpr std::uint8_t shard() const { return static_cast<std::uint8_t>(value_ >> 56); }
    constexpr Id with_shard(std::uint8_t shard) const {
        return Id((value_ & (~std::uint64_t{0} >> 8)) | std::uint64_t{shard} << 56);
    }

    friend constexpr auto operator<=>(Id, Id) = default;

private:
    std::uint64_t value_ = 0;
};

} // namespace tandem

template <class Tag>
struct std::hash<tandem::Id<Tag>> {
    std::size_t operator()(tandem::Id<Tag> id) const noexcept { return std::hash<std::uint64_t>{}(id.value()); }
};
