#include "trunk/registration_timing.hpp"
#include <algorithm>

namespace tandem {
namespace {

using std::chrono::seconds;

Duration between(Duration least, Duration most, Random &random) {
    const auto span = static_cast<std::uint64_t>(std::max(most - least, Duration::zero()).count());
    return least + Duration(static_cast<Duration::rep>(random.next() % (span + 1)));
}

} // namespace

Duration refresh_wait(Duration granted, Random &random) {
    const Duration half = granted / 2;
    const Duration latest = granted - std::max(granted / 10, std::min<Duration>(seconds(64), half));
    const Duration wait = between(std::max(half, latest - granted / 10), latest, random);
    return std::max<Duration>(wait, seconds(1)); // whatever is granted, nobody is flooded
}

Duration retry_wait(Duration base, std::uint32_t failures, Random &random) {
    Duration longest = std::min(base, retry_wait_max);
    for (std::uint32_t i = 0; i < failures && longest < retry_wait_max; ++i) {
        longest = std::min(longest * 2, retry_wait_max);
    }
    return between(longest / 2, longest, random);
}

Duration retry_after_wait(Duration asked, Random &random) {
    const Duration least = std::clamp<Duration>(asked, seconds(1), retry_after_max);
    return between(least, least + least / 10, random);
}

Duration refusal_wait(Random &random) { return between(refusal_wait_min, 2 * refusal_wait_min, random); }

} // namespace tandem
