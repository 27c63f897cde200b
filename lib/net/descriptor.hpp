// A descriptor that is closed with its owner.
#pragma once
#include <unistd.h>
#include <utility>

namespace tandem {

class OwnedDescriptor {
public:
    OwnedDescriptor() = default;
    explicit OwnedDescriptor(int fd) : fd_(fd) {}
    ~OwnedDescriptor() { close(); }
    OwnedDescriptor(OwnedDescriptor &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    OwnedDescriptor &operator=(OwnedDescriptor &&other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }

    explicit operator bool() const { return fd_ >= 0; }
    int get() const { return fd_; }
    void close() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }

private:
    int fd_ = -1;
};

} // namespace tandem
