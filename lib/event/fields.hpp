// The keys of an event with their values, in the order in which they were added: one block of memory for all.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tandem {

class EventFields {
public:
    static constexpr std::size_t count_max = 16;
    static constexpr std::size_t key_max = 64;     // bytes
    static constexpr std::size_t value_max = 2048; // the same: a URI

    // False, and nothing is added: a key that is there already, is empty or too long; a value that is too long; no
    // room. An empty value says nothing and is left out: true.
    bool add(std::string_view key, std::string_view value);

    std::size_t size() const { return size_; }
    std::string_view key(std::size_t i) const { return part(2 * i); }
    std::string_view value(std::size_t i) const { return part(2 * i + 1); }
    std::string_view find(std::string_view key) const; // its value; empty: it is not there
    std::size_t bytes() const { return text_.size(); }

    bool operator==(const EventFields &other) const;

private:
    std::string_view part(std::size_t i) const {
        const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
        return std::string_view(text_).substr(begin, ends_[i] - begin);
    }

    std::string text_;
    std::array<std::uint16_t, 2 * count_max> ends_{};
    std::uint8_t size_ = 0;
};

} // namespace tandem
