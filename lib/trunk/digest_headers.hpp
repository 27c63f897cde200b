// What the headers of a response mean to a digest client (RFC 3261 section 22).
#pragma once
#include "auth/digest_client.hpp"
#include "sip/message.hpp"

namespace tandem {

// Of a 401 or 407.
ChallengeOutcome take_challenges(const Message &response, DigestClient &client, DigestAttempt &attempt);

// Of any other final response: the nonces for the next requests (RFC 7616 section 3.5).
void take_next_nonces(const Message &response, DigestClient &client);

} // namespace tandem
