// Bob as a trunk that challenges, and that tandem has an account with.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include "auth/digest_client.hpp"
#include "call/two_phones.hpp"

namespace tandem::test {

inline constexpr std::string_view challenge = "WWW-Authenticate: Digest realm=\"b\", nonce=\"n1\", qop=\"auth\"\r\n";
inline constexpr std::string_view next_challenge = "WWW-Authenticate: Digest realm=\"b\", nonce=\"n2\", qop=\"auth\", "
                                                   "stale=true\r\n";
inline constexpr std::string_view proxy_challenge =
    "Proxy-Authenticate: Digest realm=\"b\", nonce=\"p1\", qop=\"auth\"\r\n";

inline std::shared_ptr<const Account> account() {
    return std::make_shared<const Account>(Account{"tandem", SecretText("geheim"), ""});
}

class TrunkPhones : public TwoPhones {
public:
    TrunkPhones() { router.answer.targets.front().account = account(); }

    // Bob's challenge to a request, and the request that follows it.
    Message challenged(const Message &request, std::string_view lines = challenge, std::string_view status = "401 No") {
        send(bob, answer(request, status, "bob", lines));
        if (request.method() == Method::invite) CHECK(take(bob, "ACK").cseq() == request.cseq());
        return take(bob, to_string(request.method()));
    }
    // As establish(), with a challenge.
    void establish_challenged() {
        send(alice, invite());
        first = take(bob, "INVITE");
        bobs_invite = challenged(first);
        send(bob, answer(bobs_invite, "180 Ringing"));
        send(bob, answer(bobs_invite, "200 OK", "bob", {}, "v=0 answer"));
        our_tag = take(alice, "SIP/2.0 200").to_tag();
        send(alice, request("ACK", our_tag, 1));
        ack = take(bob, "ACK");
        forget();
    }

    Message first;
    Message ack;
};

inline bool has_credentials(const Message &request, std::string_view nonce) {
    const std::string_view value = request.value(Header::authorization);
    return value.find("nonce=\"" + std::string(nonce) + "\"") != std::string_view::npos;
}

} // namespace tandem::test
