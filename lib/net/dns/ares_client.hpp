// DNS by c-ares, its sockets watched by the loop: UDP with EDNS, TCP where an answer does not fit, the next server
// where one is silent.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>
#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "net/dns/dns_client.hpp"
#include "net/loop.hpp"

namespace tandem {

struct AresOptions {
    std::vector<Endpoint> servers;                         // in order; empty: those of /etc/resolv.conf
    Duration try_timeout = std::chrono::milliseconds(500); // then the next server; doubled in each round
    int rounds = 3;
};

class AresClient final : public DnsClient {
public:
    // `loop` outlives the result. Reads /etc/resolv.conf once.
    static Result<std::unique_ptr<AresClient>, Failure> open(Loop &loop, const AresOptions &options = {});
    ~AresClient() override;

    void query(const DnsQuestion &question, Done done) override;

    // The addresses of a host, IPv4 and IPv6, the best first, by the hosts file, DNS and the domains that
    // /etc/resolv.conf has searched. `done` is called as above; none: `why` says the reason.
    using Addresses = std::function<void(std::vector<IpAddress> found, std::string why)>;
    void find_addresses(const std::string &host, Addresses done);

private:
    struct Impl;
    explicit AresClient(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_; // shared with the waits that the loop still holds
};

} // namespace tandem
