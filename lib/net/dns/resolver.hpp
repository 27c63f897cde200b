// Turns the host of a SIP URI into endpoints, on the worker's loop, without ever holding it up (RFC 3263).
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>
#include "base/random.hpp"
#include "base/result.hpp"
#include "net/dns/dns_client.hpp"
#include "net/dns/lookups.hpp"
#include "net/loop.hpp"

namespace tandem {

struct ResolverOptions {
    std::vector<Endpoint> servers;         // empty: those of /etc/resolv.conf
    std::string hosts_path = "/etc/hosts"; // read again when it has changed; empty: none
    LookupOptions lookup;
};

class Resolver {
public:
    using Done = std::function<void(const LookupResult &result)>;

    // `loop` and `random` outlive the result. Fails if c-ares does not start.
    static Result<std::unique_ptr<Resolver>, Failure> open(Loop &loop, const Reach &reach, Random &random,
                                                           const ResolverOptions &options = {});
    // With a client of the caller's own.
    Resolver(Loop &loop, const Reach &reach, Random &random, std::unique_ptr<DnsClient> client,
             const ResolverOptions &options = {});
    ~Resolver(); // lookups that wait are dropped
    Resolver(const Resolver &) = delete;
    Resolver &operator=(const Resolver &) = delete;

    // `done` is called once, by the loop and not from in here: for an address in the next turn and without a word to
    // DNS, else not later than the timeout. It may destroy the resolver.
    void resolve(const SipLookup &what, Done done);

    const LookupStatistics &statistics() const;

private:
    struct Impl;
    std::shared_ptr<Impl> impl_; // shared with the waits that the loop still holds
};

} // namespace tandem
