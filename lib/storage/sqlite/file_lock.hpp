// Who may use a database file as its store: one process, for as long as it lives.
#pragma once
#include <string>
#include "base/result.hpp"

namespace tandem {

// Holds PATH-lock for this process. The kernel frees it with the process, however that ends. Readers (the sqlite3
// shell) do not look at it and stay welcome.
class FileLock {
public:
    FileLock() = default;
    FileLock(FileLock &&other) noexcept;
    FileLock &operator=(FileLock &&other) noexcept;
    ~FileLock();

    static Result<FileLock, Failure> take(const std::string &path);

private:
    int fd_ = -1;
};

} // namespace tandem
