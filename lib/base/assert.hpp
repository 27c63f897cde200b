// TANDEM_ASSERT: a promise of our own code, with the reason beside it. Nothing from the wire reaches one.
#pragma once

namespace tandem {

// Writes one line to standard error and aborts. Continuing on a broken promise would write wrong records.
[[noreturn]] void assertion_failed(const char *condition, const char *reason, const char *file, int line);

} // namespace tandem

#define TANDEM_ASSERT(condition, reason)                                                                               \
    ((condition) ? static_cast<void>(0) : ::tandem::assertion_failed(#condition, reason, __FILE__, __LINE__))
