// What crosses a call about who calls: asserted identities between trusted peers alone (RFC 3325), the rest as it came.
#include "call/two_phones.hpp"

using namespace tandem;
using test::TwoPhones;

TEST_CASE("identity: what a peer asserts passes between two trusted peers, and to or from nobody else (RFC 3325)") {
    for (int trust = 0; trust < 4; ++trust) {
        CAPTURE(trust);
        TwoPhones phones;
        if (trust & 1) phones.router.trusted.push_back(phones.alice.ip);
        if (trust & 2) phones.router.trusted.push_back(phones.bob.ip);
        const bool passes = trust == 3;
        phones.send(phones.alice, phones.invite("P-Asserted-Identity: <sip:+441@a>, <tel:+441>\r\n"
                                                "P-Preferred-Identity: <sip:+442@a>\r\nPrivacy: id\r\n"));
        const Message invite = phones.take(phones.bob, "INVITE");
        CHECK(invite.value(Header::p_asserted_identity) == (passes ? "<sip:+441@a>, <tel:+441>" : ""));
        CHECK_FALSE(invite.has(Header::p_preferred_identity));
        CHECK(invite.value(Header::privacy) == "id");
        phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "bob", "P-Asserted-Identity: <sip:+443@b>\r\n"));
        CHECK(phones.take(phones.alice, "SIP/2.0 200").has(Header::p_asserted_identity) == passes);
    }
}

TEST_CASE("identity: Reason, History-Info and Diversion pass as they came, both ways") {
    TwoPhones phones;
    const std::string headers = "History-Info: <sip:bob@b?Reason=SIP%3Bcause%3D302>;index=1, <sip:c@c>;index=1.1\r\n"
                                "Diversion: <sip:x@y>;reason=no-answer\r\n";
    phones.send(phones.alice, phones.invite(headers));
    const Message invite = phones.take(phones.bob, "INVITE");
    const auto has = [](const Message &message, std::string_view name, std::string_view value) {
        for (const HeaderLine &line : message.headers()) {
            if (line.name == name && line.value == value) return true;
        }
        return false;
    };
    CHECK(has(invite, "History-Info", "<sip:bob@b?Reason=SIP%3Bcause%3D302>;index=1, <sip:c@c>;index=1.1"));
    CHECK(has(invite, "Diversion", "<sip:x@y>;reason=no-answer"));
    phones.send(phones.bob, TwoPhones::answer(invite, "181 Forwarded", "bob", headers));
    CHECK(has(phones.take(phones.alice, "SIP/2.0 181"), "Diversion", "<sip:x@y>;reason=no-answer"));
    phones.send(phones.bob, TwoPhones::answer(invite, "486 Busy", "bob", "Reason: Q.850;cause=17;text=\"busy\"\r\n"));
    CHECK(phones.take(phones.alice, "SIP/2.0 486").value(Header::reason) == "Q.850;cause=17;text=\"busy\"");
    CHECK(phones.finish().q850 == 17);
}
