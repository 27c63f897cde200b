// The names that calls wait for: from the engine to the resolver, and back.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>
#include "call/listener.hpp"
#include "call/lookup.hpp"
#include "net/dns/resolver.hpp"
#include "net/system_random.hpp"
#include "node/log.hpp"
#include "sip/uri.hpp"

namespace tandem {

// What RFC 3263 reads of a URI. None: its transport is none that we know, or it is neither SIP nor SIPS.
std::optional<SipLookup> to_sip_lookup(const Uri &uri);

// Whether one of these could send to an address of it.
bool has_listener(const SipLookup &what, const std::vector<Endpoint> &listen);

class NameLookup {
public:
    // Called once for each lookup, by the loop and not from in here; no addresses: there is no such name, or no answer.
    using Done = std::function<void(LookupId lookup, std::span<const Endpoint> addresses)>;

    // `loop` and `log` outlive it. The resolver begins with the first name.
    NameLookup(Loop &loop, const std::vector<Listener> &listeners, const ResolverOptions &options, Log &log, Done done);

    void look_up(const Lookup &lookup);

    // None: nobody has asked for a name yet.
    const LookupStatistics *statistics() const { return resolver_ ? &resolver_->statistics() : nullptr; }

private:
    void start();
    void fail(const Lookup &lookup, LookupError error);
    void end(const Lookup &lookup, const LookupResult &result);
    void warn(const std::string &uri, LookupError error);

    Loop &loop_;
    Log &log_;
    const ResolverOptions options_;
    const Done done_;
    Reach reach_;
    SystemRandom random_;
    std::unique_ptr<Resolver> resolver_; // after random_
    std::optional<Instant> warned_at_;
    std::uint64_t unsaid_ = 0;                                                    // failures since then
    const std::shared_ptr<const bool> life_ = std::make_shared<const bool>(true); // of tasks that are posted
};

} // namespace tandem
