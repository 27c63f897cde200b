// Who may begin something new. The user of the transactions implements it.
#pragma once
#include "base/endpoint.hpp"
#include "base/instant.hpp"
#include "base/source_limiter.hpp"
#include "sip/message.hpp"

namespace tandem {

class Gate {
public:
    // Asked once for each request that is outside of every dialog and repeats none that is known, before anything is
    // kept of it. Who is refused gets 503 with Retry-After, each time that the request comes, and leaves no
    // transaction; its ACK is absorbed.
    virtual Admission admit(const Message &request, const Endpoint &source, Instant now) = 0;

protected:
    ~Gate() = default;
};

} // namespace tandem
