#include "trunk/digest_headers.hpp"
#include "base/text.hpp"

namespace tandem {

ChallengeOutcome take_challenges(const Message &response, DigestClient &client, DigestAttempt &attempt) {
    return client.on_challenge(response.lines(Header::www_authenticate), response.lines(Header::proxy_authenticate),
                               attempt);
}

void take_next_nonces(const Message &response, DigestClient &client) {
    for (const HeaderLine &line : response.headers()) {
        const bool is_proxy = equals_ignoring_case(line.name, "Proxy-Authentication-Info");
        if (is_proxy || equals_ignoring_case(line.name, "Authentication-Info")) client.on_info(line.value, is_proxy);
    }
}

} // namespace tandem
