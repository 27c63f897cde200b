#include "net/system_random.hpp"
#include <cerrno>
#include <sys/random.h>
#include "base/assert.hpp"

namespace tandem {

std::uint64_t SystemRandom::next() {
    if (used_ == buffer_.size()) {
        auto *bytes = reinterpret_cast<unsigned char *>(buffer_.data());
        for (std::size_t filled = 0; filled < sizeof buffer_;) {
            const ssize_t count = getrandom(bytes + filled, sizeof buffer_ - filled, 0);
            TANDEM_ASSERT(count > 0 || errno == EINTR, "the kernel gives randomness, or tags would be guessable");
            if (count > 0) filled += static_cast<std::size_t>(count);
        }
        used_ = 0;
    }
    const std::uint64_t number = buffer_[used_];
    buffer_[used_++] = 0; // what was given away is not found in memory later
    return number;
}

} // namespace tandem
