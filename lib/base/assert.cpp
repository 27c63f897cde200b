#include "base/assert.hpp"
#include <cstdio>
#include <cstdlib>

namespace tandem {

void assertion_failed(const char *condition, const char *reason, const char *file, int line) {
    std::fprintf(stderr, "%s:%d: broken promise: %s (%s)\n", file, line, reason, condition);
    std::abort();
}

} // namespace tandem
