#include "control/decision_cache.hpp"
#include <iterator>
#include <utility>

namespace tandem {

std::shared_ptr<const Decision> DecisionCache::find(std::string_view key, Instant now) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    if (now < found->second->until) return found->second->decision;
    erase(found->second);
    return nullptr;
}

void DecisionCache::forget(std::string_view key) {
    if (const auto found = by_key_.find(key); found != by_key_.end()) erase(found->second);
}

void DecisionCache::keep(std::string key, std::shared_ptr<const Decision> decision, std::size_t size, Duration span,
                         Instant now) {
    forget(key);
    size += key.size();
    if (span <= Duration::zero() || options_.entry_max == 0 || size > options_.bytes_max) return;
    while (entries_.size() >= options_.entry_max || bytes_ + size > options_.bytes_max) erase(entries_.begin());
    entries_.push_back({std::move(key), std::move(decision), size, now + span});
    const auto last = std::prev(entries_.end());
    by_key_.emplace(last->key, last);
    bytes_ += size;
}

void DecisionCache::erase(Entries::iterator at) {
    by_key_.erase(at->key);
    bytes_ -= at->size;
    entries_.erase(at);
}

} // namespace tandem
