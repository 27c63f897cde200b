// A few strings in one allocation. A dialog holds ten of them: apart they would cost 32 bytes and a heap block each.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace tandem {

template <std::size_t Count>
class PackedText {
public:
    // A view holds until the next set() or assign().
    std::string_view get(std::size_t i) const { return {block_.get() + begin(i), ends_[i] - begin(i)}; }

    std::size_t size() const { return ends_[Count - 1]; } // of all together

    void assign(const std::array<std::string_view, Count> &texts) {
        std::size_t size = 0;
        for (std::string_view text : texts) size += text.size();
        std::unique_ptr<char[]> block(size ? new char[size] : nullptr); // texts may be views into the old block
        std::uint32_t end = 0;
        for (std::size_t i = 0; i < Count; ++i) {
            if (!texts[i].empty()) std::memcpy(block.get() + end, texts[i].data(), texts[i].size());
            end += static_cast<std::uint32_t>(texts[i].size());
            ends_[i] = end;
        }
        block_ = std::move(block);
    }

    void set(std::size_t i, std::string_view text) {
        if (get(i) == text) return;
        std::array<std::string_view, Count> texts;
        for (std::size_t k = 0; k < Count; ++k) texts[k] = get(k);
        texts[i] = text;
        assign(texts);
    }

private:
    std::uint32_t begin(std::size_t i) const { return i == 0 ? 0 : ends_[i - 1]; }

    std::unique_ptr<char[]> block_;
    std::array<std::uint32_t, Count> ends_{};
};

} // namespace tandem
