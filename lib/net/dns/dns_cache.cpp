#include "net/dns/dns_cache.hpp"
#include <algorithm>
#include <utility>
#include "base/assert.hpp"

namespace tandem {

DnsCache::DnsCache(const DnsCacheOptions &options) : options_(options) {}

const DnsAnswer *DnsCache::find(const DnsQuestion &question, Instant now) {
    const auto at = entries_.find(question);
    if (at == entries_.end() || at->second.until <= now) return nullptr;
    uses_.splice(uses_.begin(), uses_, at->second.use);
    return &at->second.answer;
}

Duration DnsCache::lifetime(const DnsAnswer &answer) const {
    switch (answer.status) {
    case DnsStatus::ok: return std::clamp(answer.ttl, options_.ttl_min, options_.ttl_max);
    case DnsStatus::no_name:
    case DnsStatus::no_data: return std::clamp(answer.ttl, options_.ttl_min, options_.negative_max);
    case DnsStatus::failed:
    case DnsStatus::timeout: return options_.failure_ttl;
    case DnsStatus::full: break;
    }
    return {};
}

DnsCache::Entry &DnsCache::touch(const DnsQuestion &question) {
    const auto [at, is_new] = entries_.try_emplace(question);
    if (!is_new) {
        uses_.splice(uses_.begin(), uses_, at->second.use);
        return at->second;
    }
    uses_.push_front(at);
    at->second.use = uses_.begin();
    if (entries_.size() > options_.entry_max) {
        entries_.erase(uses_.back());
        uses_.pop_back();
    }
    return at->second;
}

const DnsAnswer &DnsCache::put(const DnsQuestion &question, DnsAnswer answer, Instant now) {
    TANDEM_ASSERT(answer.status != DnsStatus::full, "a question that was not asked has no answer");
    Entry &entry = touch(question);
    const bool is_failure = answer.status == DnsStatus::failed || answer.status == DnsStatus::timeout;
    entry.until = now + lifetime(answer);
    if (is_failure && now < entry.stale_until) return entry.answer;
    entry.stale_until = answer.status == DnsStatus::ok ? entry.until + options_.stale_max : Instant{};
    entry.answer = std::move(answer);
    return entry.answer;
}

} // namespace tandem
