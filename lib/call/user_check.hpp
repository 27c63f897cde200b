// The calls of our own users, who show by digest credentials that they are who their From says (RFC 3261 section 22.3).
// One of the process, shared by the engines: from any thread.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>
#include "auth/digest_server.hpp"
#include "base/brief_mutex.hpp"
#include "base/instant.hpp"
#include "sip/message.hpp"
#include "transaction/gate.hpp"

namespace tandem {

class UserCheck {
public:
    UserCheck(const DigestServerOptions &options, Random &random) : server_(options, random) {}

    // From now on: hosts of our addresses-of-record in lower case, and the users with their passwords; none: nobody's
    // calls are challenged.
    void replace(std::vector<std::string> domains, std::map<std::string, std::string> users);

    // Whether the From of this request is an address of one of the users.
    bool is_of_user(const Message &invite) const;

    // Of such a request. Status 0: it is really his. 407 with a challenge, 403 for credentials of another user, 400 for
    // what is none. `has_failed`: he has shown what is wrong.
    struct Verdict {
        GateAnswer answer;
        bool has_failed = false;
    };
    Verdict check(const Message &invite, Instant now);

private:
    DigestServer server_;
    mutable BriefMutex mutex_;
    std::shared_ptr<const std::vector<std::string>> domains_; // guarded by mutex_; null: nobody is challenged
};

} // namespace tandem
