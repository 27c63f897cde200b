// [limits]: what one server takes before it refuses.
#include <fmt/format.h>
#include "node/config_sections.hpp"

namespace tandem {
namespace {

void read_count(ConfigSection &section, std::string_view key, std::int64_t low, std::int64_t high, std::uint32_t &out) {
    std::int64_t count = 0;
    if (section.number(key, low, high, count)) out = static_cast<std::uint32_t>(count);
}

} // namespace

void read_limits(ConfigSection &section, Config &config) {
    LimitConfig &limits = config.limits;
    read_count(section, "calls", 1, 1'000'000, limits.calls);
    // What that many calls need, where nothing else is said: two dialogs each, and two transactions for each of these.
    limits.dialogs = limits.calls * 2;
    limits.transactions = limits.calls * 4;
    read_count(section, "dialogs", 2, 4'000'000, limits.dialogs);
    read_count(section, "transactions", 2, 8'000'000, limits.transactions);
    read_count(section, "memory_mb", 0, 1 << 24, limits.memory_mb);
    section.milliseconds("lag_ms", 0, 10'000, limits.lag);

    read_count(section, "source_rate", 0, 1'000'000, limits.source_rate);
    limits.source_burst = limits.source_rate;
    const std::uint32_t rate = limits.source_rate;
    std::int64_t burst = rate;
    if (const TomlValue *value = section.number("source_burst", 1, 1'000'000, burst)) {
        limits.source_burst = static_cast<std::uint32_t>(burst);
        if (rate == 0) section.warn(value->at, "\"source_burst\" in [limits] has no effect without \"source_rate\"");
    }
    if (const TomlValue *exempt = section.texts("source_exempt")) {
        limits.source_exempt = read_cidrs(section, *exempt, "\"source_exempt\" of [limits]");
    }
    section.finish();
}

} // namespace tandem
