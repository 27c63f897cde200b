#include "node/name_lookup.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <utility>
#include "net/system_clock.hpp"

namespace tandem {
namespace {

constexpr Duration warn_interval = std::chrono::seconds(10); // at most one line about failures in this time

// What is looked up of it. A log is no place for its user, who may have a password, nor for its headers.
std::string to_log(const std::string &text) {
    auto uri = Uri::parse(text);
    if (!uri) return "what is no URI";
    uri->user.clear();
    uri->headers.clear();
    return uri->to_string();
}

} // namespace

std::optional<SipLookup> to_sip_lookup(const Uri &uri) {
    SipLookup what;
    what.is_sips = uri.scheme == "sips";
    if (!what.is_sips && uri.scheme != "sip") return std::nullopt;
    what.host = uri.param("maddr").value_or(uri.host); // RFC 3263 section 4: the target
    what.port = uri.port;
    const auto name = uri.param("transport");
    if (!name) return what;
    what.transport = parse_transport(*name);
    return what.transport ? std::optional(std::move(what)) : std::nullopt;
}

bool has_listener(const SipLookup &what, const std::vector<Endpoint> &listen) {
    return std::any_of(listen.begin(), listen.end(), [&](const Endpoint &at) {
        if (what.is_sips) return at.transport == Transport::tls;
        return !what.transport || at.transport == *what.transport;
    });
}

NameLookup::NameLookup(Loop &loop, const std::vector<Listener> &listeners, const ResolverOptions &options, Log &log,
                       Done done)
    : loop_(loop), log_(log), options_(options), done_(std::move(done)) {
    for (const Listener &listener : listeners) reach_.add(listener.bound.transport, listener.bound.ip.is_v6);
}

void NameLookup::start() {
    auto opened = Resolver::open(loop_, reach_, random_, options_);
    if (!opened) return log_.error(opened.error().detail);
    resolver_ = std::move(*opened);
}

void NameLookup::look_up(const Lookup &lookup) {
    if (!resolver_) start();
    const auto uri = Uri::parse(lookup.uri);
    const auto what = uri ? to_sip_lookup(*uri) : std::nullopt;
    if (!resolver_) return fail(lookup, LookupError::no_answer);
    if (!what) return fail(lookup, LookupError::no_transport); // nobody listens with what nobody knows
    resolver_->resolve(*what, [this, lookup](const LookupResult &result) { end(lookup, result); });
}

void NameLookup::fail(const Lookup &lookup, LookupError error) {
    loop_.post([this, life = std::weak_ptr(life_), lookup, error] {
        if (!life.expired()) end(lookup, error);
    });
}

void NameLookup::end(const Lookup &lookup, const LookupResult &result) {
    if (!result) warn(lookup.uri, result.error());
    done_(lookup.id, result ? std::span<const Endpoint>(*result) : std::span<const Endpoint>());
}

void NameLookup::warn(const std::string &uri, LookupError error) {
    const Instant now = SystemClock::now();
    if (warned_at_ && now < *warned_at_ + warn_interval) {
        ++unsaid_;
        return;
    }
    const std::string more = unsaid_ > 0 ? fmt::format("; {} more lookups failed before", unsaid_) : std::string();
    log_.warn(fmt::format("no address for {}: {}{}", to_log(uri), to_string(error), more));
    warned_at_ = now;
    unsaid_ = 0;
}

} // namespace tandem
