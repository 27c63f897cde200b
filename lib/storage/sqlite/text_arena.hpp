// Texts that stay where they are until all of them go. Their memory is used again.
#pragma once
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

namespace tandem {

class TextArena {
public:
    std::string_view keep(std::string_view text) {
        if (used_ == texts_.size()) texts_.emplace_back();
        return texts_[used_++].assign(text);
    }
    void clear() { used_ = 0; }

private:
    std::deque<std::string> texts_;
    std::size_t used_ = 0;
};

} // namespace tandem
