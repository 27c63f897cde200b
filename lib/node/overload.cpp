#include "node/overload.hpp"
#include <algorithm>

namespace tandem {

bool Overload::observe(Duration lag, Instant now) {
    if (!is_on_) {
        if (options_.begin == Duration::zero() || lag < options_.begin) return false;
        is_on_ = true;
        behind_at_ = now;
        worst_ = lag;
        return true;
    }
    worst_ = std::max(worst_, lag);
    if (lag >= options_.end) behind_at_ = now;
    if (now < behind_at_ + options_.calm) return false;
    is_on_ = false;
    return true;
}

} // namespace tandem
