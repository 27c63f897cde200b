#include <doctest/doctest.h>
#include "callapi/bearer.hpp"
#include "net/system_random.hpp"

using namespace tandem;

namespace {

HttpRequest request(std::string_view name, std::string_view value, std::string_view ip = "192.0.2.1") {
    HttpRequest request;
    request.fields.push_back({std::string(name), std::string(value)});
    request.peer.ip = *IpAddress::parse(ip);
    return request;
}

struct Gate {
    explicit Gate(std::string token) : gate(std::move(token), random) {}
    unsigned status(const HttpRequest &asked, Instant now = at_ms(0)) {
        const auto refusal = gate.refuse(asked, now);
        return refusal ? refusal->status : 200;
    }
    SystemRandom random;
    BearerGate gate;
};

} // namespace

TEST_CASE("bearer: the right token passes, in Authorization or as a subprotocol; anything else is 401") {
    Gate gate("s3cret~token");
    CHECK(gate.status(request("Authorization", "Bearer s3cret~token")) == 200);
    CHECK(gate.status(request("authorization", "bearer  s3cret~token")) == 200);
    CHECK(gate.status(request("Sec-WebSocket-Protocol", "call-api, bearer.czNjcmV0fnRva2Vu")) == 200);
    CHECK(gate.status(request("Sec-WebSocket-Protocol", "bearer.czNjcmV0fnRva2V")) == 401);
    CHECK(gate.status(request("Authorization", "Bearer s3cret~toke")) == 401);
    CHECK(gate.status(request("Authorization", "Bearer s3cret~tokens")) == 401);
    CHECK(gate.status(request("Authorization", "Basic s3cret~token")) == 401);
    CHECK(gate.status(request("Authorization", "s3cret~token")) == 401);
    CHECK(gate.status(request("X", "")) == 401);
    CHECK(gate.gate.refuse(request("X", ""), at_ms(0))->fields.at(0).name == "WWW-Authenticate");
}

TEST_CASE("bearer: without a token everybody may") {
    Gate gate("");
    CHECK(gate.status(request("X", "")) == 200);
    CHECK(gate.status(request("Authorization", "Bearer x")) == 200);
}

TEST_CASE("bearer: an address that guesses a thousand times is heard twenty times, and others are served") {
    Gate gate("right");
    int heard = 0;
    for (int i = 0; i < 1000; ++i) {
        const unsigned status = gate.status(request("Authorization", "Bearer guess" + std::to_string(i)), at_ms(i));
        if (status == 401)
            ++heard;
        else
            CHECK(status == 429);
    }
    CHECK(heard <= 21);
    CHECK(gate.status(request("Authorization", "Bearer right"), at_ms(1000)) == 429); // or he would know by now
    CHECK(gate.status(request("Authorization", "Bearer right", "192.0.2.2"), at_ms(1000)) == 200);
    CHECK(gate.status(request("Authorization", "Bearer right"), at_ms(60'000)) == 200);
    for (int i = 0; i < 100; ++i) CHECK(gate.status(request("X", "", "192.0.2.3")) == 401); // asks, and guesses nothing
}
