// A trunk that challenges: what goes to it again, and what Alice sees of it, which is nothing.
#include "call/trunk_phones.hpp"

namespace tandem::test {

TEST_CASE("trunk auth: a challenged INVITE goes again in the same dialog, and the caller sees nothing of it") {
    for (const bool is_proxy : {false, true}) {
        CAPTURE(is_proxy);
        TrunkPhones phones;
        phones.send(phones.alice, phones.invite());
        const Message first = phones.take(phones.bob, "INVITE");
        CHECK_FALSE(first.has(Header::authorization));
        phones.take(phones.alice, "SIP/2.0 100");
        const Message again = phones.challenged(first, is_proxy ? proxy_challenge : challenge,
                                                is_proxy ? "407 Proxy Authentication Required" : "401 Unauthorized");
        CHECK(again.cseq() == 2);
        CHECK(again.call_id() == first.call_id());
        CHECK(again.from_tag() == first.from_tag());
        CHECK(again.to_tag() == "");
        CHECK(again.has(is_proxy ? Header::proxy_authorization : Header::authorization));
        CHECK(again.has(is_proxy ? Header::authorization : Header::proxy_authorization) == false);
        CHECK(again.top_via().branch != first.top_via().branch);
        CHECK(again.body() == first.body());
        phones.send(phones.alice, phones.invite()); // retransmitted while the retry is out
        CHECK_FALSE(phones.got(phones.bob, "INVITE"));
        phones.take(phones.alice, "SIP/2.0 100");
        CHECK(phones.is_silent());
        phones.send(phones.bob, TwoPhones::answer(again, "200 OK", "bob", {}, "v=0 answer"));
        const std::string tag(phones.take(phones.alice, "SIP/2.0 200").to_tag());
        phones.send(phones.alice, phones.request("ACK", tag, 1));
        const Message ack = phones.take(phones.bob, "ACK");
        CHECK(ack.cseq() == 2);
        const Header header = is_proxy ? Header::proxy_authorization : Header::authorization;
        CHECK(ack.value(header) == again.value(header));
        CHECK(phones.engine().statistics().trunk_retries == 1);
        phones.send(phones.alice, phones.request("BYE", tag, 2));
        const Message bye = phones.take(phones.bob, "BYE");
        CHECK(bye.cseq() == 3);
        phones.send(phones.bob, TwoPhones::answer(bye, "200 OK"));
        CHECK(phones.finish().reason == EndReason::caller_bye);
    }
}

TEST_CASE("trunk auth: without an account, or with nothing that it answers, a challenge is 503 to the caller") {
    struct Case {
        std::string_view name;
        bool has_account;
        std::string_view lines;
    };
    for (const Case &each : {Case{"no account", false, challenge}, Case{"no challenge", true, ""},
                             Case{"no digest", true, "WWW-Authenticate: Basic realm=\"b\"\r\n"},
                             Case{"nonsense", true, "WWW-Authenticate: Digest realm=\"b\r\n"}}) {
        CAPTURE(each.name);
        TrunkPhones phones;
        if (!each.has_account) phones.router.answer.targets.front().account = nullptr;
        phones.send(phones.alice, phones.invite());
        const Message invite = phones.take(phones.bob, "INVITE");
        phones.send(phones.bob, TwoPhones::answer(invite, "401 Unauthorized", "bob", each.lines));
        phones.take(phones.bob, "ACK");
        CHECK_FALSE(phones.got(phones.bob, "INVITE"));
        const Message refusal = phones.take(phones.alice, "SIP/2.0 503");
        CHECK_FALSE(refusal.has(Header::www_authenticate));
        phones.send(phones.alice, phones.request("ACK", refusal.to_tag(), 1, {}, {}, "z9hG4bK-a1INVITE"));
        CHECK(phones.finish().sip_code == 401);
    }
}

TEST_CASE("trunk auth: credentials refused twice are 503 to the caller, and the trunk's answer stands in the record") {
    for (const std::string_view status : {"401 Unauthorized", "407 Proxy Authentication Required"}) {
        CAPTURE(status);
        TrunkPhones phones;
        phones.send(phones.alice, phones.invite());
        const Message again = phones.challenged(phones.take(phones.bob, "INVITE"));
        phones.send(phones.bob, TwoPhones::answer(again, status, "bob", challenge));
        CHECK(phones.take(phones.bob, "ACK").cseq() == 2);
        const Message refusal = phones.take(phones.alice, "SIP/2.0 503");
        CHECK(refusal.reason_phrase() == "Service Unavailable");
        phones.send(phones.alice, phones.request("ACK", refusal.to_tag(), 1, {}, {}, "z9hG4bK-a1INVITE"));
        CHECK(phones.engine().statistics().trunk_refusals == 1);
        const Ended ended = phones.finish();
        CHECK(std::to_string(ended.sip_code) == status.substr(0, 3));
        CHECK(ended.reason == EndReason::refused);
    }
}

// To the caller a challenge is a 503, so it says no more than one (RFC 3261 section 16.7 item 6).
TEST_CASE("trunk auth: of several targets a refusal that means the caller goes before a challenge") {
    for (const bool is_challenged_last : {false, true}) {
        CAPTURE(is_challenged_last);
        TrunkPhones phones;
        phones.router.answer.targets.front().account = nullptr;
        phones.router.answer.targets.push_back(
            {.request_uri = "sip:bob@192.0.2.3:5063", .to = phones.carol, .trunk = "other", .is_parallel = true});
        phones.send(phones.alice, phones.invite());
        const Endpoint &last = is_challenged_last ? phones.bob : phones.carol;
        const Message to_bob = phones.take(phones.bob, "INVITE");
        const Message to_carol = phones.take(phones.carol, "INVITE");
        if (!is_challenged_last) phones.send(phones.bob, TwoPhones::answer(to_bob, "401 No", "bob", challenge));
        phones.send(phones.carol, TwoPhones::answer(to_carol, "486 Busy Here"));
        if (is_challenged_last) phones.send(phones.bob, TwoPhones::answer(to_bob, "401 No", "bob", challenge));
        phones.take(last, "ACK");
        const Message refusal = phones.take(phones.alice, "SIP/2.0 486");
        phones.send(phones.alice, phones.request("ACK", refusal.to_tag(), 1, {}, {}, "z9hG4bK-a1INVITE"));
        CHECK(phones.finish().sip_code == 486);
    }
}

TEST_CASE("trunk auth: where hunting ends with a 503 that is recorded, not the challenge of a trunk before") {
    TrunkPhones phones;
    phones.router.answer.targets.push_back({"sip:bob@192.0.2.3:5063", phones.carol, "other"});
    phones.router.answer.hunt_on = {503};
    phones.send(phones.alice, phones.invite());
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INVITE"), "401 Unauthorized", "bob"));
    phones.send(phones.carol, TwoPhones::answer(phones.take(phones.carol, "INVITE"), "503 Service Unavailable"));
    const Message refusal = phones.take(phones.alice, "SIP/2.0 503");
    phones.send(phones.alice, phones.request("ACK", refusal.to_tag(), 1, {}, {}, "z9hG4bK-a1INVITE"));
    CHECK(phones.finish().sip_code == 503);
}

TEST_CASE("trunk auth: credentials that are refused end the attempt, and hunting goes on") {
    TrunkPhones phones;
    phones.router.answer.targets.push_back({"sip:bob@192.0.2.3:5063", phones.carol, "other"});
    phones.router.answer.hunt_on = {503};
    phones.send(phones.alice, phones.invite());
    const Message again = phones.challenged(phones.take(phones.bob, "INVITE"));
    phones.send(phones.bob, TwoPhones::answer(again, "401 Unauthorized", "bob", challenge));
    phones.take(phones.bob, "ACK");
    CHECK_FALSE(phones.got(phones.bob, "INVITE"));
    const Message other = phones.take(phones.carol, "INVITE");
    CHECK(other.cseq() == 1);
    CHECK_FALSE(other.has(Header::authorization)); // of another trunk
    CHECK(phones.engine().statistics().trunk_refusals == 1);
    phones.send(phones.carol, TwoPhones::answer(other, "486 Busy Here"));
    const Message refusal = phones.take(phones.alice, "SIP/2.0 486");
    phones.send(phones.alice, phones.request("ACK", refusal.to_tag(), 1, {}, {}, "z9hG4bK-a1INVITE"));
    CHECK(phones.finish().sip_code == 486);
}

TEST_CASE("trunk auth: a trunk that challenges and then is silent, or 503, is tried at its next address") {
    for (const bool is_silent : {false, true}) {
        CAPTURE(is_silent);
        TrunkPhones phones;
        phones.router.answer.targets.front().lookup = "sip:carrier.example";
        phones.send(phones.alice, phones.invite());
        phones.resolve(phones.lookup(), {phones.bob, phones.carol});
        const Message again = phones.challenged(phones.take(phones.bob, "INVITE"));
        if (is_silent) phones.wait(32'000);
        if (!is_silent) phones.send(phones.bob, TwoPhones::answer(again, "503 No"));
        const Message other = phones.take(phones.carol, "INVITE");
        CHECK(other.call_id() != again.call_id());
        CHECK(other.cseq() == 1);
        CHECK(has_credentials(other, "n1"));
        CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 5"));
    }
}

TEST_CASE("trunk auth: each target that rings is challenged for itself") {
    TrunkPhones phones;
    phones.router.answer.targets.push_back({.request_uri = "sip:bob@192.0.2.3:5063",
                                            .to = phones.carol,
                                            .trunk = "other",
                                            .is_parallel = true,
                                            .account = account()});
    phones.send(phones.alice, phones.invite());
    const Message to_carol = phones.take(phones.carol, "INVITE");
    const Message again = phones.challenged(phones.take(phones.bob, "INVITE"));
    CHECK(again.cseq() == 2);
    CHECK_FALSE(phones.got(phones.carol, "INVITE"));
    phones.send(phones.carol, TwoPhones::answer(to_carol, "200 OK", "carol", {}, "v=0 answer"));
    const std::string tag(phones.take(phones.alice, "SIP/2.0 200").to_tag());
    phones.send(phones.alice, phones.request("ACK", tag, 1));
    CHECK(phones.take(phones.carol, "ACK").cseq() == 1);
    phones.send(phones.bob, TwoPhones::answer(again, "100 Trying", "")); // the CANCEL waits for it
    CHECK(phones.take(phones.bob, "CANCEL").cseq() == 2);
    phones.send(phones.alice, phones.request("BYE", tag, 2));
    phones.finish();
}

TEST_CASE("trunk auth: CANCEL before the challenge stops the retry, and after it goes to the retry") {
    for (const bool is_early : {true, false}) {
        CAPTURE(is_early);
        TrunkPhones phones;
        phones.send(phones.alice, phones.invite());
        Message invite = phones.take(phones.bob, "INVITE");
        if (!is_early) invite = phones.challenged(invite);
        phones.send(phones.bob, TwoPhones::answer(invite, "100 Trying", ""));
        phones.send(phones.alice, phones.cancel());
        const Message refusal = phones.take(phones.alice, "SIP/2.0 487");
        phones.send(phones.alice, phones.request("ACK", refusal.to_tag(), 1, {}, {}, "z9hG4bK-a1INVITE"));
        const Message cancel = phones.take(phones.bob, "CANCEL");
        CHECK(cancel.cseq() == invite.cseq());
        CHECK(cancel.top_via().branch == invite.top_via().branch);
        phones.send(phones.bob, TwoPhones::answer(cancel, "200 OK"));
        phones.send(phones.bob, TwoPhones::answer(invite, "401 Unauthorized", "bob", next_challenge));
        phones.take(phones.bob, "ACK");
        CHECK_FALSE(phones.got(phones.bob, "INVITE"));
        CHECK(phones.finish().reason == EndReason::cancelled);
    }
}

TEST_CASE("trunk auth: the next call to the trunk, and later requests of this one, carry credentials at once") {
    TrunkPhones phones;
    phones.establish_challenged();
    phones.send(phones.alice, phones.request("INFO", phones.our_tag, 2));
    const Message info = phones.take(phones.bob, "INFO");
    CHECK(has_credentials(info, "n1"));
    CHECK(info.value(Header::authorization).find("nc=00000002") != std::string_view::npos);
    phones.send(phones.bob, TwoPhones::answer(info, "200 OK", "bob", "Authentication-Info: nextnonce=\"n3\"\r\n"));
    phones.take(phones.alice, "SIP/2.0 200");
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 3));
    const Message bye = phones.take(phones.bob, "BYE");
    CHECK(has_credentials(bye, "n3"));
    phones.send(phones.bob, TwoPhones::answer(bye, "200 OK"));
    phones.wait(400'000);
    phones.forget();
    phones.send(phones.alice, phones.invite());
    const Message next = phones.take(phones.bob, "INVITE");
    CHECK(next.cseq() == 1);
    CHECK(has_credentials(next, "n3"));
}

TEST_CASE("trunk auth: a trunk that challenges each INVITE, by one nonce too, gets its answer each time") {
    TrunkPhones phones;
    phones.establish_challenged();
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 2));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    phones.wait(400'000);
    phones.forget();
    phones.send(phones.alice, phones.invite());
    const Message again = phones.challenged(phones.take(phones.bob, "INVITE"));
    CHECK(again.cseq() == 2);
    CHECK(has_credentials(again, "n1"));
}

TEST_CASE("trunk auth: a 2xx that comes again does not bring back its old nonce") {
    TrunkPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.challenged(phones.take(phones.bob, "INVITE"));
    const auto next = [](std::string_view nonce) {
        return "Authentication-Info: nextnonce=\"" + std::string(nonce) + "\"\r\n";
    };
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "bob", next("n3"), "v=0 answer"));
    const std::string tag(phones.take(phones.alice, "SIP/2.0 200").to_tag());
    phones.send(phones.alice, phones.request("INFO", tag, 2));
    const Message info = phones.take(phones.bob, "INFO");
    CHECK(has_credentials(info, "n3"));
    phones.send(phones.bob, TwoPhones::answer(info, "200 OK", "bob", next("n4")));
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "bob", next("n3"), "v=0 answer"));
    phones.send(phones.alice, phones.request("ACK", tag, 1));
    phones.send(phones.alice, phones.request("BYE", tag, 3));
    CHECK(has_credentials(phones.take(phones.bob, "BYE"), "n4"));
}

// Alice's request inside the call is challenged, whatever it is, and so is the next one.
TEST_CASE("trunk auth: requests inside the call are challenged in turn, and go again with the next number") {
    for (const std::string_view method : {"INFO", "UPDATE", "MESSAGE", "OPTIONS", "NOTIFY", "SUBSCRIBE"}) {
        CAPTURE(method);
        TrunkPhones phones;
        phones.establish_challenged();
        phones.send(phones.alice, phones.request(method, phones.our_tag, 2, "Event: x\r\n"));
        const Message sent = phones.take(phones.bob, method);
        CHECK(sent.cseq() == 3);
        const Message again = phones.challenged(sent, next_challenge);
        CHECK(again.cseq() == 4);
        CHECK(again.to_tag() == "bob");
        CHECK(has_credentials(again, "n2"));
        CHECK(phones.is_silent()); // towards Alice too
        phones.send(phones.bob, TwoPhones::answer(again, "200 OK"));
        CHECK(phones.take(phones.alice, "SIP/2.0 200").cseq() == 2);
        phones.send(phones.alice, phones.request("BYE", phones.our_tag, 3));
        const Message bye = phones.take(phones.bob, "BYE");
        CHECK(bye.cseq() == 5);
        const Message bye_again = phones.challenged(bye, "WWW-Authenticate: Digest realm=\"b\", nonce=\"n4\"\r\n");
        CHECK(bye_again.cseq() == 6);
        CHECK(phones.engine().calls() == 1);
        phones.send(phones.bob, TwoPhones::answer(bye_again, "200 OK"));
        CHECK(phones.finish().reason == EndReason::caller_bye);
    }
}

TEST_CASE("trunk auth: a challenged re-INVITE goes again, and its ACK has the new number") {
    TrunkPhones phones;
    phones.establish_challenged();
    phones.send(phones.alice, phones.invite({}, "v=0 offer 2", phones.our_tag, 2));
    const Message again = phones.challenged(phones.take(phones.bob, "INVITE"), next_challenge);
    CHECK(again.cseq() == 4);
    CHECK(again.body() == "v=0 offer 2");
    CHECK(has_credentials(again, "n2"));
    phones.send(phones.bob, TwoPhones::answer(again, "200 OK", "bob", {}, "v=0 answer 2"));
    CHECK(phones.take(phones.alice, "SIP/2.0 200").cseq() == 2);
    phones.send(phones.alice, phones.request("ACK", phones.our_tag, 2));
    const Message ack = phones.take(phones.bob, "ACK");
    CHECK(ack.cseq() == 4);
    CHECK(has_credentials(ack, "n2"));
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "BYE", 1));
    CHECK(phones.finish().reason == EndReason::callee_bye);
}

TEST_CASE("trunk auth: a re-INVITE that is cancelled and then challenged is 487, and does not go again") {
    TrunkPhones phones;
    phones.establish_challenged();
    phones.send(phones.alice, phones.invite({}, "v=0 offer 2", phones.our_tag, 2));
    const Message sent = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(sent, "100 Trying", ""));
    phones.send(phones.alice, phones.request("CANCEL", phones.our_tag, 2, {}, {}, "z9hG4bK-a2INVITE"));
    phones.take(phones.bob, "CANCEL");
    phones.send(phones.bob, TwoPhones::answer(sent, "401 Unauthorized", "bob", next_challenge));
    CHECK_FALSE(phones.got(phones.bob, "INVITE"));
    phones.take(phones.alice, "SIP/2.0 487");
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 3));
    CHECK(phones.finish().reason == EndReason::caller_bye);
}

TEST_CASE("trunk auth: a re-INVITE of our own is challenged like any other") {
    TrunkPhones phones;
    phones.establish_challenged();
    const DialogId leg =
        phones.engine().tracker().find(phones.bobs_invite.call_id(), phones.bobs_invite.from_tag(), {});
    REQUIRE(phones.refresh(leg));
    const Message sent = phones.take(phones.bob, "INVITE");
    CHECK(sent.cseq() == 3);
    const Message again = phones.challenged(sent, next_challenge);
    CHECK(again.cseq() == 4);
    phones.send(phones.bob, TwoPhones::answer(again, "200 OK", "bob", {}, "v=0 answer"));
    CHECK(phones.take(phones.bob, "ACK").cseq() == 4);
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 2));
    CHECK(phones.take(phones.bob, "BYE").cseq() == 5);
    phones.finish();
}

TEST_CASE("trunk auth: credentials stay with the trunk, wherever the callee wants to be called (CVE-2021-41158)") {
    struct Case {
        std::string_view name;
        bool is_known; // that other address as one of the trunk's
        bool has_credentials;
    };
    for (const Case &each : {Case{"a stranger", false, false}, Case{"the trunk's other address", true, true}}) {
        CAPTURE(each.name);
        TrunkPhones phones;
        const RouteTarget &trunk = phones.router.answer.targets.front();
        if (each.is_known) phones.router.trunks.emplace_back(phones.carol, TrunkAccount{trunk.trunk, trunk.account});
        phones.send(phones.alice, phones.invite());
        phones.bobs_invite = phones.challenged(phones.take(phones.bob, "INVITE"));
        const auto from_carol = [&](const std::string &answer) {
            std::string text = answer;
            constexpr std::string_view own = "Contact: <sip:bob@192.0.2.2:5062>";
            const std::size_t at = text.find(own);
            REQUIRE(at != std::string::npos);
            return text.replace(at, own.size(), "Contact: <sip:bob@192.0.2.3:5063>");
        };
        const std::string answer = TwoPhones::answer(phones.bobs_invite, "200 OK", "bob", {}, "v=0 answer");
        phones.send(phones.bob, from_carol(answer));
        phones.our_tag = phones.take(phones.alice, "SIP/2.0 200").to_tag();
        phones.send(phones.alice, phones.request("ACK", phones.our_tag, 1));
        CHECK(phones.take(phones.carol, "ACK").has(Header::authorization) == each.has_credentials);
        const std::string fork = TwoPhones::answer(phones.bobs_invite, "200 OK", "fork", {}, "v=0 answer");
        phones.send(phones.bob, from_carol(fork));
        CHECK(phones.take(phones.carol, "ACK").has(Header::authorization) == each.has_credentials);
        const Message stray = phones.take(phones.carol, "BYE");
        CHECK(stray.has(Header::authorization) == each.has_credentials);

        phones.send(phones.alice, phones.request("BYE", phones.our_tag, 2));
        const Message bye = phones.take(phones.carol, "BYE");
        CHECK(bye.has(Header::authorization) == each.has_credentials);
        for (const Message *challenged : {&stray, &bye}) {
            phones.send(phones.carol, TwoPhones::answer(*challenged, "407 No", "", next_challenge));
            CHECK(phones.got(phones.carol, "BYE") == each.has_credentials);
        }
    }
}

} // namespace tandem::test
