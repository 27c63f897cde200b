#include "net/dns/lookups.hpp"
#include <algorithm>
#include <utility>
#include "base/assert.hpp"

namespace tandem {
namespace {

// The host that a question is about: without the labels of the service.
std::string_view host_of(const DnsQuestion &question) {
    std::string_view host = question.name;
    for (int label = 0; label < 2 && question.type == DnsType::srv; ++label) {
        if (!host.starts_with('_')) break;
        host.remove_prefix(std::min(host.find('.') + 1, host.size()));
    }
    return host;
}

DnsAnswer from_hosts(const std::vector<IpAddress> &known, DnsType type) {
    DnsAnswer answer;
    for (const IpAddress &ip : known) {
        if (type == (ip.is_v6 ? DnsType::aaaa : DnsType::a)) answer.addresses.push_back(ip);
    }
    answer.status = answer.addresses.empty() ? DnsStatus::no_data : DnsStatus::ok;
    return answer;
}

DnsAnswer failure(DnsStatus status) {
    DnsAnswer answer;
    answer.status = status;
    return answer;
}

} // namespace

Lookups::Lookups(const Reach &reach, const LookupOptions &options, Random &random, Instant now)
    : reach_(reach), options_(options), random_(random), cache_(options.cache), timers_(now) {}

void Lookups::start(std::uint64_t id, const SipLookup &what, Instant now) {
    ++statistics_.lookups;
    if (lookups_.size() >= options_.lookup_max) {
        ++statistics_.full;
        ++statistics_.failed;
        results_.push_back({id, LookupError::full});
        return;
    }
    const Instant until = now + options_.timeout;
    const auto [at, is_new] = lookups_.try_emplace(id, Lookup{SipLookupChain(what, reach_, random_), {}, false, until});
    TANDEM_ASSERT(is_new, "the id of a lookup is in use");
    at->second.timer = timers_.schedule(until, {false, id});
    proceed(id, at->second, now);
}

// Asks what the chain wants to know until it has to wait, or ends.
void Lookups::proceed(std::uint64_t id, Lookup &lookup, Instant now) {
    for (auto questions = lookup.chain.take_questions(); !questions.empty();
         questions = lookup.chain.take_questions()) {
        for (const DnsQuestion &question : questions) {
            if (const auto answer = known(question, now)) {
                lookup.chain.answer(question, *answer);
            } else {
                ask(question, id, now);
            }
        }
    }
    if (lookup.chain.is_done()) return finish(id, lookup.chain.result());
    if (lookup.has_grace || !lookup.chain.has_first()) return;
    lookup.has_grace = true;
    timers_.rearm(lookup.timer, std::min(lookup.until, now + options_.grace));
}

std::optional<DnsAnswer> Lookups::known(const DnsQuestion &question, Instant now) {
    if (const auto &addresses = hosts_.find(host_of(question)); !addresses.empty())
        return from_hosts(addresses, question.type);
    if (const DnsAnswer *answer = cache_.find(question, now)) {
        ++statistics_.cached;
        return *answer;
    }
    if (pending_.size() < options_.question_max || pending_.contains(question)) return std::nullopt;
    ++statistics_.full;
    return failure(DnsStatus::full);
}

void Lookups::ask(const DnsQuestion &question, std::uint64_t id, Instant now) {
    const auto [at, is_new] = pending_.try_emplace(question);
    Pending &pending = at->second;
    pending.waiting.push_back(id);
    if (is_new) {
        pending.number = ++last_number_;
        numbers_.emplace(pending.number, question);
        questions_.push_back(question);
        ++statistics_.questions;
    } else {
        ++statistics_.shared;
    }
    if (!is_new && !pending.is_late) return;
    pending.is_late = false;
    pending.timer = timers_.schedule(now + options_.timeout / 2, {true, pending.number});
}

void Lookups::answer(const DnsQuestion &question, DnsAnswer answer, Instant now) {
    const auto at = pending_.find(question);
    if (at == pending_.end()) return;
    Pending pending = std::move(at->second);
    pending_.erase(at);
    numbers_.erase(pending.number);
    timers_.cancel(pending.timer);
    if (answer.status == DnsStatus::failed || answer.status == DnsStatus::timeout) {
        ++(answer.status == DnsStatus::failed ? statistics_.failures : statistics_.timeouts);
        if (pending.is_late) return; // is known, and the back-off runs
    }
    wake(question, pending, answer.status == DnsStatus::full ? answer : cache_.put(question, answer, now), now);
}

void Lookups::on_question_timeout(std::uint64_t number, Instant now) {
    const DnsQuestion question = numbers_.at(number);
    Pending &pending = pending_.at(question);
    pending.is_late = true;
    ++statistics_.timeouts;
    wake(question, pending, cache_.put(question, failure(DnsStatus::timeout), now), now);
}

// `pending` may be in the table, which grows meanwhile, and stays where it is.
void Lookups::wake(const DnsQuestion &question, Pending &pending, const DnsAnswer &answer, Instant now) {
    const DnsAnswer copy = answer; // the cache may let go of it
    for (const std::uint64_t id : std::exchange(pending.waiting, {})) {
        const auto at = lookups_.find(id);
        if (at == lookups_.end()) continue;
        at->second.chain.answer(question, copy);
        proceed(id, at->second, now);
    }
}

void Lookups::advance(Instant now) {
    timers_.advance(now, [this, now](Due due) {
        if (due.is_question) return on_question_timeout(due.id, now);
        finish(due.id, lookups_.at(due.id).chain.result());
    });
}

void Lookups::finish(std::uint64_t id, LookupResult result) {
    if (!result) ++statistics_.failed;
    const auto at = lookups_.find(id);
    timers_.cancel(at->second.timer);
    lookups_.erase(at);
    results_.push_back({id, std::move(result)});
}

void Lookups::take_questions(std::vector<DnsQuestion> &out) {
    out.insert(out.end(), std::make_move_iterator(questions_.begin()), std::make_move_iterator(questions_.end()));
    questions_.clear();
}

void Lookups::take_results(std::vector<LookupDone> &out) {
    out.insert(out.end(), std::make_move_iterator(results_.begin()), std::make_move_iterator(results_.end()));
    results_.clear();
}

} // namespace tandem
