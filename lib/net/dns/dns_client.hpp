// Who puts a question to the DNS servers. All on one loop.
#pragma once
#include <functional>
#include "net/dns/dns_record.hpp"

namespace tandem {

class DnsClient {
public:
    using Done = std::function<void(DnsAnswer answer)>;

    virtual ~DnsClient() = default; // after it nothing is called

    // `done` is called once, by the loop and not from in here, also if nobody answers.
    virtual void query(const DnsQuestion &question, Done done) = 0;
};

} // namespace tandem
