// Whether a request has the token that it needs (RFC 6750). An address that guesses is not listened to for a while.
#pragma once
#include <optional>
#include <string>
#include "base/failing_sources.hpp"
#include "base/instant.hpp"
#include "base/random.hpp"
#include "net/http/http_message.hpp"

namespace tandem {

class BearerGate {
public:
    // An empty token: everybody may. `random` is used here alone.
    BearerGate(std::string token, Random &random, const FailureLimits &limits = {});

    // How it is refused: 401; 429 to whoever has failed too often, whatever he says now. None: he may.
    //
    // The token stands in "Authorization: Bearer TOKEN". A page in a browser, which can not set that for a WebSocket,
    // offers it as a subprotocol, "bearer." and the token in base64url (RFC 4648 section 5, without padding).
    std::optional<HttpResponse> refuse(const HttpRequest &request, Instant now);

private:
    bool has_token(const HttpRequest &request) const;

    const std::string token_;
    const std::string protocol_; // "bearer." and the token in base64url
    FailingSources failing_;
};

// Of the subprotocols that a client offers for a WebSocket the one to speak: the first that is no token, else the token
// itself, because a browser wants one of its own back. Empty: it offers none.
std::string choose_protocol(const HttpRequest &request);

} // namespace tandem
