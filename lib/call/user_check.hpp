// The calls of our own users, who show by digest credentials that they are who their From says (RFC 3261 section 22.3).
// One of the process, shared by the engines: from any thread.
#pragma once
#include <memory>
#include <string>
#include <vector>
#include "auth/digest_server.hpp"
#include "base/brief_mutex.hpp"
#include "base/endpoint.hpp"
#include "base/instant.hpp"
#include "registrar/registrar.hpp"
#include "sip/message.hpp"
#include "transaction/gate.hpp"

namespace tandem {

class UserCheck {
public:
    // `server` has the users, and outlives the object.
    explicit UserCheck(DigestServer &server) : server_(server) {}

    // From now on: hosts of our addresses-of-record in lower case; none: nobody's calls are challenged.
    void change(std::vector<std::string> domains);

    // Whether the From of this request is an address-of-record of one of the users.
    bool is_of_user(const Message &invite) const;

    // Of such a request. Status 0: it is really his. 407 with a challenge, 403 for credentials of another user, 400 for
    // what is none. `has_failed`: he has shown what is wrong.
    struct Verdict {
        GateAnswer answer;
        bool has_failed = false;
    };
    Verdict check(const Message &invite, Instant now);

private:
    DigestServer &server_;
    mutable BriefMutex mutex_;
    std::shared_ptr<const std::vector<std::string>> domains_; // guarded by mutex_; null: none
};

// Whether this request comes over a flow that the user of its From has opened by registering: from there it is taken
// for his without credentials. Over UDP that is as good as the addresses of the network are. `registrar` may be null.
bool is_over_own_flow(const Registrar *registrar, const Message &request, const Endpoint &source, Instant now);

// Whether who comes so is told all else over that flow: it is a connection, or he is not at the address that his
// Contact names. The same as where he is called.
bool is_reached_by_flow(const Message &request, const Endpoint &source);

} // namespace tandem
