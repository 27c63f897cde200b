// Copies of several texts in one block, for structs that a host frees as a whole.
#pragma once
#include <cstring>
#include <memory>
#include <string_view>
#include <tandem/str.h>
#include "base/assert.hpp"

namespace tandem::capi {

class TextBlock {
public:
    explicit TextBlock(std::size_t size) : block_(std::make_unique<char[]>(size)), left_(size), next_(block_.get()) {}

    // The sum of all sizes is what the block was made for.
    tandem_str add(std::string_view text) {
        TANDEM_ASSERT(text.size() <= left_, "the block was made for all of its texts");
        if (text.empty()) return {"", 0};
        std::memcpy(next_, text.data(), text.size());
        const tandem_str copy{next_, text.size()};
        next_ += text.size();
        left_ -= text.size();
        return copy;
    }

private:
    std::unique_ptr<char[]> block_;
    std::size_t left_;
    char *next_;
};

} // namespace tandem::capi
