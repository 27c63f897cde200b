#include "base/assert.hpp"
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>

namespace tandem {

void assertion_failed(const char *condition, const char *reason, const char *file, int line) {
    const auto text = fmt::format("{}:{}: broken promise: {} ({})", file, line, reason, condition);
#ifdef NDEBUG
    throw BrokenPromise(text);
#else
    std::fprintf(stderr, "%s\n", text.c_str());
    std::abort();
#endif
}

} // namespace tandem
