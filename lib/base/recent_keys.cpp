#include "base/recent_keys.hpp"

namespace tandem {

bool RecentKeys::contains(std::uint64_t key) const {
    for (const auto &generation : generations_) {
        if (generation.find(key, [](Mark) { return true; })) return true;
    }
    return false;
}

void RecentKeys::add(std::uint64_t key, Instant now) {
    const bool is_old = now - begun_ >= span;
    if (is_old || generations_[newer_].size() >= max) {
        if (now - begun_ >= span * 2) generations_[newer_].clear(); // nothing came for a while
        newer_ ^= 1;
        generations_[newer_].clear();
        begun_ = now;
    }
    generations_[newer_].insert(key, Mark(1));
}

} // namespace tandem
