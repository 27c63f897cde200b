// Who may begin something new. The user of the transactions implements it.
#pragma once
#include <cstdint>
#include <string>
#include "base/endpoint.hpp"
#include "base/instant.hpp"
#include "base/source_limiter.hpp"
#include "sip/message.hpp"

namespace tandem {

// The answer to a request that may not begin, whoever has room for it.
struct GateAnswer {
    std::uint16_t status = 0; // from 300; 0: it may begin
    std::string reason{};     // its phrase; empty: the default one
    std::string headers{};    // whole lines, each with CRLF
};

class Gate {
public:
    // Asked once for each request that is outside of every dialog and repeats none that is known, before anything is
    // kept of it. Who is refused gets 503 with Retry-After, each time that the request comes, and leaves no
    // transaction; its ACK is absorbed.
    virtual Admission admit(const Message &request, const Endpoint &source, Instant now) = 0;

    // Asked then, of those whom admit() accepts. Who is refused here is answered so each time that the request comes,
    // and leaves nothing either.
    virtual GateAnswer judge(const Message &, const Endpoint &, Instant) { return {}; }

protected:
    ~Gate() = default;
};

} // namespace tandem
