// How a registration ends, or becomes another one: unregistering, and a change of what is wanted.
#include <cstdint>
#include <doctest/doctest.h>
#include <memory>
#include "trunk/carrier.hpp"

using namespace tandem;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::alice;
using test::at;
using test::Carrier;
using test::challenge;
using State = RegistrationState;
using Wish = RegistrationWish;

TEST_CASE("registration: unregister takes our Contact away, with credentials, from whom has it") {
    Carrier carrier(alice(), {at(1), at(2)});
    carrier.registration.start(carrier.now);
    carrier.sent();
    carrier.registration.on_failure(408, carrier.now);
    carrier.register_for(seconds(600));
    carrier.registration.unregister(carrier.now);
    CHECK_FALSE(carrier.registration.is_over());
    const Message request = carrier.sent();
    CHECK(carrier.to == at(2));
    CHECK(request.value(Header::expires) == "0");
    CHECK(request.contact_uri() == "sip:alice@192.0.2.99:5062");
    CHECK(request.cseq() == 3);
    carrier.answer(401, challenge);
    const Message again = carrier.sent();
    CHECK(again.value(Header::expires) == "0");
    CHECK(again.has(Header::authorization));
    carrier.answer(200);
    CHECK(carrier.registration.is_over());
    CHECK(carrier.state() == State::off);
    CHECK_FALSE(carrier.registration.next_deadline());
}

TEST_CASE("registration: unregister takes away the Contact that is bound, not one that was tried in vain") {
    Carrier carrier;
    carrier.register_for(seconds(600));
    carrier.sent_by = "[2001:db8::1]:5062";
    carrier.pass_to_next();
    CHECK(carrier.sent().contact_uri() == "sip:alice@[2001:db8::1]:5062");
    carrier.answer(503);
    carrier.registration.unregister(carrier.now);
    CHECK(carrier.sent().contact_uri() == "sip:alice@192.0.2.99:5062");
}

TEST_CASE("registration: unregister waits for the answer to what is out (RFC 3261 section 10.2)") {
    Carrier carrier;
    carrier.registration.start(carrier.now);
    carrier.sent();
    carrier.registration.unregister(carrier.now);
    CHECK(carrier.registration.wish() == Wish::none);
    CHECK_FALSE(carrier.registration.is_over());
    SUBCASE("it is granted, and taken away") {
        carrier.answer(200, Carrier::ours("600"));
        CHECK(carrier.sent().value(Header::expires) == "0");
        carrier.answer(200);
    }
    SUBCASE("it is challenged: the answer takes away") {
        carrier.answer(401, challenge);
        CHECK(carrier.sent().value(Header::expires) == "0");
        carrier.answer(500);
    }
    SUBCASE("it is refused") { carrier.answer(403); }
    SUBCASE("nobody answers") { carrier.registration.on_failure(408, carrier.now); }
    SUBCASE("nobody answers in five seconds") {
        carrier.pass(milliseconds(4999));
        CHECK_FALSE(carrier.registration.is_over());
        CHECK(carrier.registration.next_deadline() == carrier.now + milliseconds(1));
        carrier.pass(milliseconds(1));
    }
    CHECK(carrier.registration.is_over());
    CHECK(carrier.registration.wish() == Wish::none);
}

TEST_CASE("registration: unregister without a binding sends nothing, and one that is refused is over all the same") {
    {
        Carrier carrier;
        carrier.registration.start(carrier.now);
        carrier.registration.unregister(carrier.now);
        CHECK(carrier.registration.is_over());
    }
    for (const std::uint16_t status :
         {std::uint16_t{200}, std::uint16_t{403}, std::uint16_t{423}, std::uint16_t{503}}) {
        Carrier carrier(alice(), {at(1), at(2)});
        carrier.register_for(seconds(600));
        carrier.registration.unregister(carrier.now);
        carrier.sent();
        carrier.answer(status, "Min-Expires: 7200\r\nRetry-After: 3\r\n");
        CHECK(carrier.registration.is_over());
    }
    Carrier carrier;
    carrier.register_for(seconds(600));
    carrier.pass(seconds(600));
    carrier.registration.unregister(carrier.now); // it is gone by itself
    CHECK(carrier.registration.is_over());
}

TEST_CASE("registration: a change registers anew with the next CSeq, and keeps what it has until then") {
    Carrier carrier;
    carrier.register_for(seconds(600));
    RegistrationOptions changed = alice();
    changed.expires = seconds(120);
    changed.account = std::make_shared<const Account>(Account{"alice", SecretText("builder"), {}});
    carrier.registration.change(changed, carrier.now);
    CHECK(carrier.state() == State::registered);
    const Message request = carrier.sent();
    CHECK(request.cseq() == 2);
    CHECK(request.value(Header::expires) == "120");
    carrier.answer(200, Carrier::ours("120"));
    CHECK(carrier.registration.status().expires == carrier.now + seconds(120));
}

TEST_CASE("registration: a change while a REGISTER is out waits for its answer") {
    RegistrationOptions changed = alice();
    changed.expires = seconds(120);
    for (const std::uint16_t status :
         {std::uint16_t{200}, std::uint16_t{401}, std::uint16_t{403}, std::uint16_t{423}, std::uint16_t{503}}) {
        CAPTURE(status);
        Carrier carrier(alice(), {at(1), at(2)});
        carrier.registration.start(carrier.now);
        carrier.sent();
        carrier.registration.change(changed, carrier.now);
        CHECK(carrier.registration.wish() == Wish::none);
        carrier.answer(status, Carrier::ours("600") + challenge + "Min-Expires: 7200\r\n");
        CHECK(carrier.registration.wish() == Wish::look_up);
        CHECK(carrier.sent().value(Header::expires) == "120");
    }
}
