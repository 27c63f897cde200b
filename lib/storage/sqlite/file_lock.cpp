#include "storage/sqlite/file_lock.hpp"
#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace tandem {

FileLock::FileLock(FileLock &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileLock &FileLock::operator=(FileLock &&other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}

FileLock::~FileLock() {
    if (fd_ >= 0) ::close(fd_);
}

Result<FileLock, Failure> FileLock::take(const std::string &path) {
    const std::string name = path + "-lock";
    FileLock lock;
    lock.fd_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock.fd_ < 0) return Failure{Error::store_failed, name + ": " + std::generic_category().message(errno)};
    if (::flock(lock.fd_, LOCK_EX | LOCK_NB) == 0) return lock;
    if (errno != EWOULDBLOCK) return Failure{Error::store_failed, name + ": " + std::generic_category().message(errno)};
    return Failure{Error::store_failed, path + ": another process uses it as its store (" + name + " is locked)"};
}

} // namespace tandem
