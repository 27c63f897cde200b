// TANDEM_ASSERT: a promise of our own code, with the reason beside it. Nothing from the wire reaches one.
#pragma once
#include <stdexcept>

namespace tandem {

// Thrown in a release (NDEBUG), where it ends at the C ABI as TANDEM_E_BUG: the program is the host's. A debug build,
// as those of the sanitizers and the fuzzers are, writes one line to standard error and aborts.
class BrokenPromise : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

[[noreturn]] void assertion_failed(const char *condition, const char *reason, const char *file, int line);

} // namespace tandem

#define TANDEM_ASSERT(condition, reason)                                                                               \
    ((condition) ? static_cast<void>(0) : ::tandem::assertion_failed(#condition, reason, __FILE__, __LINE__))
