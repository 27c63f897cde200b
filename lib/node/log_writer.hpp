// Writes lines to a descriptor on a thread of its own: whoever reads them slowly, or not at all, stops nobody.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include "base/instant.hpp"

namespace tandem {

class LogWriter {
public:
    // `fd` stays the caller's.
    explicit LogWriter(int fd, std::size_t waiting_max = 1 << 20);

    // Waits for a moment until all is written; a reader that still takes nothing is left.
    ~LogWriter();
    LogWriter(const LogWriter &) = delete;

    // From any thread. Lines that would make more than waiting_max bytes wait are lost, and counted.
    void write(std::string line);
    std::uint64_t lost() const;

private:
    struct State;
    std::shared_ptr<State> state_; // with the thread, which may outlive us in a write that does not return
};

} // namespace tandem
