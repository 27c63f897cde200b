// A registration with a trunk, and the trunk's registrar as the test plays it.
#pragma once
#include <chrono>
#include <cstdint>
#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>
#include "base/random.hpp"
#include "trunk/registration.hpp"

namespace tandem::test {

inline Endpoint at(std::uint8_t last, Transport transport = Transport::udp) {
    return {*IpAddress::parse("192.0.2." + std::to_string(last)), 5060, transport, 0};
}

inline const std::string challenge =
    "WWW-Authenticate: Digest realm=\"carrier\", nonce=\"n1\", qop=\"auth\", algorithm=SHA-256\r\n";

inline RegistrationOptions alice() {
    RegistrationOptions options;
    options.registrar = "sip:carrier.example";
    options.aor = "sip:alice@carrier.example";
    options.user = "alice";
    options.account = std::make_shared<const Account>(Account{"alice", SecretText("wonderland"), {}});
    return options;
}

// A trunk, and the registrar as the test plays it.
struct Carrier {
    explicit Carrier(RegistrationOptions options = alice(), std::vector<Endpoint> known = {at(1)})
        : addresses(std::move(known)), registration(std::move(options), random) {}

    // The REGISTER that is wished for, after the lookup if there is to be one.
    Message sent() {
        if (registration.wish() == RegistrationWish::look_up) registration.on_addresses(addresses, now);
        REQUIRE(registration.wish() == RegistrationWish::send);
        to = registration.to();
        const auto message = Message::parse(registration.make_request("z9hG4bK1", sent_by));
        REQUIRE(message);
        CHECK(message->defect().empty());
        CHECK(message->cseq() == registration.cseq());
        CHECK(registration.wish() == RegistrationWish::none);
        return *message;
    }
    void answer(std::uint16_t status, const std::string &lines = {}) { answer(status, lines, registration.cseq()); }
    void answer(std::uint16_t status, const std::string &lines, std::uint32_t cseq) {
        const auto message = Message::parse(
            "SIP/2.0 " + std::to_string(status) + " Whatever\r\nVia: SIP/2.0/UDP 192.0.2.99:5062;branch=z9hG4bK1\r\n" +
            "From: <sip:alice@carrier.example>;tag=" + registration.from_tag() +
            "\r\nTo: <sip:alice@carrier.example>;tag=r\r\nCall-ID: " + registration.call_id() +
            "\r\nCSeq: " + std::to_string(cseq) + " REGISTER\r\n" + lines + "Content-Length: 0\r\n\r\n");
        REQUIRE(message);
        registration.on_response(*message, now);
    }
    static std::string ours(const std::string &expires) {
        return "Contact: <sip:alice@192.0.2.99:5062>;expires=" + expires + "\r\n";
    }
    void pass(Duration span) {
        now += span;
        registration.advance(now);
    }
    Duration until_next() { return registration.status().next - now; }
    void pass_to_next() { pass(until_next()); }

    RegistrationState state() { return registration.status().state; }

    // Registered for this long, without a challenge.
    void register_for(Duration granted) {
        if (state() == RegistrationState::off) registration.start(now);
        sent();
        answer(200, ours(std::to_string(granted / std::chrono::seconds(1))));
        REQUIRE(state() == RegistrationState::registered);
    }

    SeededRandom random{3};
    Instant now = at_ms(1000);
    std::vector<Endpoint> addresses;
    Endpoint to;
    std::string sent_by = "192.0.2.99:5062";
    Registration registration;
};

} // namespace tandem::test
