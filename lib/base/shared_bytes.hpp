// An immutable byte string with counted owners: the wire image of a message. A retransmission takes one more
// reference and allocates nothing. The count is not atomic: a worker's bytes stay with that worker.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

namespace tandem {

class SharedBytes {
public:
    SharedBytes() = default;
    explicit SharedBytes(std::string_view bytes) {
        void *memory = std::malloc(sizeof(Block) + bytes.size());
        if (!memory) throw std::bad_alloc();
        block_ = new (memory) Block{1, static_cast<std::uint32_t>(bytes.size())};
        if (!bytes.empty()) std::memcpy(block_ + 1, bytes.data(), bytes.size());
    }
    SharedBytes(const SharedBytes &other) noexcept : block_(other.block_) {
        if (block_) ++block_->owners;
    }
    SharedBytes(SharedBytes &&other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
    SharedBytes &operator=(SharedBytes other) noexcept {
        std::swap(block_, other.block_);
        return *this;
    }
    ~SharedBytes() {
        if (block_ && --block_->owners == 0) std::free(block_);
    }

    std::string_view view() const {
        return block_ ? std::string_view(reinterpret_cast<const char *>(block_ + 1), block_->size) : std::string_view();
    }
    bool empty() const { return view().empty(); }
    void reset() { *this = SharedBytes(); }

private:
    struct Block {
        std::uint32_t owners;
        std::uint32_t size;
    };
    Block *block_ = nullptr;
};

} // namespace tandem
