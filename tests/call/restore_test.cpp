// The process dies at any moment, and another one goes on with what the store has.
#include "call/leg_state.hpp"
#include "call/trunk_phones.hpp"

using namespace tandem;
using test::TwoPhones;

namespace {

constexpr const char *offer_text = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
                                   "m=audio 4000 RTP/AVP 0\r\n";
constexpr const char *answer_text = "v=0\r\no=- 2 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n"
                                    "m=audio 5000 RTP/AVP 0\r\n";

// As establish(), with descriptions that can be held.
void talk(TwoPhones &phones, std::string_view invite_extra = {}, std::string_view answer_extra = {}) {
    phones.send(phones.alice, phones.invite(invite_extra, offer_text));
    phones.bobs_invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "200 OK", "bob", answer_extra, answer_text));
    phones.our_tag = phones.take(phones.alice, "SIP/2.0 200").to_tag();
    phones.send(phones.alice, phones.request("ACK", phones.our_tag, 1));
    phones.take(phones.bob, "ACK");
    phones.forget();
}

DialogId callers_leg(TwoPhones &phones) { return phones.engine().tracker().find("call-a", "alice", phones.our_tag); }

// Bob answers a BYE, and nothing is left.
void hang_up(TwoPhones &phones, std::uint32_t cseq) {
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, cseq));
    CHECK(phones.got(phones.alice, "SIP/2.0 200"));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    CHECK(phones.finish().reason == EndReason::caller_bye);
    CHECK(phones.kept.size() == 0);
}

} // namespace

TEST_CASE("restore: a call that is up goes on, and nobody notices [64] [77] [79]") {
    TwoPhones phones;
    talk(phones);
    phones.wait(5000);
    CHECK(phones.restart() == 0);
    CHECK(phones.is_silent());
    CHECK(phones.engine().calls() == 1);
    CHECK(phones.engine().tracker().statistics().active == 1);
    SUBCASE("a BYE of the caller passes, with the next number of that leg") {
        phones.send(phones.alice, phones.request("BYE", phones.our_tag, 2));
        CHECK(phones.got(phones.alice, "SIP/2.0 200"));
        const Message bye = phones.take(phones.bob, "BYE");
        CHECK(bye.cseq() == 2);
        CHECK(bye.call_id() == phones.bobs_invite.call_id());
        CHECK(bye.from_tag() == phones.bobs_invite.from_tag());
        CHECK(bye.to_tag() == "bob");
        phones.send(phones.bob, TwoPhones::answer(bye, "200 OK"));
        CHECK(phones.finish().reason == EndReason::caller_bye);
    }
    SUBCASE("and one of the callee") {
        phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "BYE", 1));
        CHECK(phones.got(phones.bob, "SIP/2.0 200"));
        const Message bye = phones.take(phones.alice, "BYE");
        CHECK(bye.call_id() == "call-a");
        CHECK(bye.from_tag() == phones.our_tag);
        CHECK(bye.to_tag() == "alice");
        phones.send(phones.alice, TwoPhones::answer(bye, "200 OK"));
        CHECK(phones.finish().reason == EndReason::callee_bye);
    }
    CHECK(phones.ended[0].sip_code == 200);
    CHECK(phones.ended[0].is_answered);
    CHECK(phones.ended[0].duration == std::chrono::milliseconds(5000));
    CHECK(phones.ended[0].callee_call_id == phones.bobs_invite.call_id());
}

TEST_CASE("restore: requests inside the call pass as before, either way, also after two restarts") {
    TwoPhones phones;
    talk(phones);
    phones.send(phones.alice, phones.request("INFO", phones.our_tag, 2));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INFO"), "200 OK"));
    phones.forget();
    phones.restart();
    phones.restart();
    phones.send(phones.alice, phones.invite({}, offer_text, phones.our_tag, 3));
    const Message reinvite = phones.take(phones.bob, "INVITE");
    CHECK(reinvite.cseq() == 3);
    CHECK(reinvite.body() == offer_text);
    phones.send(phones.bob, TwoPhones::answer(reinvite, "200 OK", {}, {}, answer_text));
    CHECK(phones.take(phones.alice, "SIP/2.0 200").body() == answer_text);
    phones.send(phones.alice, phones.request("ACK", phones.our_tag, 3));
    CHECK(phones.take(phones.bob, "ACK").cseq() == 3);
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "INFO", 1));
    const Message info = phones.take(phones.alice, "INFO");
    phones.send(phones.alice, TwoPhones::answer(info, "200 OK"));
    CHECK(phones.got(phones.bob, "SIP/2.0 200"));
    hang_up(phones, 4);
}

TEST_CASE("restore: tandem's own re-INVITEs offer what was in force, and what was held is resumed") {
    TwoPhones phones;
    talk(phones);
    const auto answer_own = [&](const Endpoint &phone, std::string_view body) {
        const Message own = phones.take(phone, "INVITE");
        phones.send(phone, TwoPhones::answer(own, "200 OK", {}, {}, body));
        return own;
    };
    phones.restart();
    CHECK(phones.engine().hold(callers_leg(phones), phones.now));
    phones.wait(0);
    CHECK(answer_own(phones.alice, offer_text).body().find("a=sendonly") != std::string_view::npos);
    answer_own(phones.bob, answer_text);
    phones.restart();
    CHECK(phones.engine().hold(callers_leg(phones), phones.now).error() == Error::wrong_state);
    CHECK(phones.engine().resume(callers_leg(phones), phones.now));
    phones.wait(0);
    const Message resumed = answer_own(phones.alice, offer_text);
    CHECK(resumed.body().find("a=sendonly") == std::string_view::npos);
    CHECK(resumed.body().find("m=audio 5000") != std::string_view::npos);
    CHECK(resumed.body().find("o=- 2 3 ") != std::string_view::npos); // the version of that leg goes on
    answer_own(phones.bob, answer_text);
    phones.forget();
    hang_up(phones, 2);
}

TEST_CASE("restore: a caller who rings hears 487, who is called a CANCEL, and the record says why") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "180 Ringing"));
    const std::string tag(phones.take(phones.alice, "SIP/2.0 180").to_tag());
    phones.forget();
    phones.wait(2000);
    CHECK(phones.restart() == 0);
    const Message refusal = phones.take(phones.alice, "SIP/2.0 487");
    CHECK(refusal.to_tag() == tag);
    CHECK(refusal.cseq() == 1);
    CHECK(refusal.top_via().branch == "z9hG4bK-a1INVITE");
    const Message cancel = phones.take(phones.bob, "CANCEL");
    CHECK(cancel.top_via().branch == invite.top_via().branch);
    CHECK(cancel.cseq() == invite.cseq());
    phones.wait(500);
    CHECK(phones.got(phones.alice, "SIP/2.0 487")); // until her ACK
    phones.send(phones.alice, phones.request("ACK", tag, 1, {}, {}, "z9hG4bK-a1INVITE"));
    phones.forget();
    SUBCASE("he says that he has stopped") {
        phones.send(phones.bob, TwoPhones::answer(cancel, "200 OK"));
        phones.send(phones.bob, TwoPhones::answer(invite, "487 Request Terminated"));
        CHECK(phones.got(phones.bob, "ACK"));
    }
    SUBCASE("he has answered meanwhile") {
        phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "bob", {}, "v=0 answer"));
        CHECK(phones.got(phones.bob, "ACK"));
        phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
        CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 200"));
    }
    SUBCASE("he is gone") {}
    CHECK(phones.finish().reason == EndReason::restart);
    CHECK(phones.ended[0].sip_code == 487);
    CHECK(phones.kept.size() == 0);
}

TEST_CASE("restore: a CANCEL that comes after the restart finds the INVITE") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    phones.take(phones.bob, "INVITE");
    phones.restart();
    phones.send(phones.alice, phones.cancel());
    CHECK(phones.got(phones.alice, "SIP/2.0 200"));
    CHECK(phones.got(phones.alice, "SIP/2.0 487"));
    CHECK(phones.finish().reason == EndReason::restart);
}

TEST_CASE("restore: an answer that was not kept is hung up when it comes again") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite({}, offer_text));
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.forget();
    const std::string answer = TwoPhones::answer(invite, "200 OK", "bob", {}, answer_text);
    phones.send_and_die(phones.bob, answer, false);
    CHECK(phones.got(phones.alice, "SIP/2.0 487"));
    phones.send(phones.bob, answer);
    CHECK(phones.got(phones.bob, "ACK"));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    CHECK(phones.finish().reason == EndReason::restart);
}

TEST_CASE("restore: an answer that was kept, and perhaps not sent, is sent again, and the call goes on") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite({}, offer_text));
    phones.bobs_invite = phones.take(phones.bob, "INVITE");
    phones.forget();
    const std::string answer = TwoPhones::answer(phones.bobs_invite, "200 OK", "bob", {}, answer_text);
    phones.send_and_die(phones.bob, answer, true);
    const Message ok = phones.take(phones.alice, "SIP/2.0 200");
    CHECK(ok.body() == answer_text);
    phones.our_tag = ok.to_tag();
    phones.wait(500);
    CHECK(phones.got(phones.alice, "SIP/2.0 200")); // until her ACK
    phones.send(phones.bob, answer);
    CHECK_FALSE(phones.got(phones.bob, "ACK")); // his waits for hers
    const std::string ack = phones.request("ACK", phones.our_tag, 1);
    SUBCASE("her ACK passes") {
        phones.send(phones.alice, ack);
        CHECK(phones.take(phones.bob, "ACK").cseq() == 1);
    }
    SUBCASE("the next process dies of the ACK, after it has kept it: he is acknowledged when he asks") {
        phones.send_and_die(phones.alice, ack, true);
        phones.send(phones.bob, answer);
        CHECK(phones.take(phones.bob, "ACK").cseq() == 1);
    }
    SUBCASE("or before: she hears the answer again") {
        phones.send_and_die(phones.alice, ack, false);
        CHECK(phones.got(phones.alice, "SIP/2.0 200"));
        phones.send(phones.alice, ack);
        CHECK(phones.got(phones.bob, "ACK"));
    }
    phones.forget();
    phones.wait(40'000);
    CHECK(phones.is_silent());
    hang_up(phones, 2);
}

TEST_CASE("restore: an answer in the ACK passes, too") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite({}, {}));
    phones.bobs_invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "200 OK", "bob", {}, offer_text));
    phones.our_tag = phones.take(phones.alice, "SIP/2.0 200").to_tag();
    phones.restart();
    phones.send(phones.alice, phones.request("ACK", phones.our_tag, 1, {}, answer_text));
    CHECK(phones.take(phones.bob, "ACK").body() == answer_text);
    phones.forget();
    phones.restart();
    CHECK(phones.engine().hold(callers_leg(phones), phones.now)); // both descriptions are known
    phones.wait(0);
    CHECK(phones.got(phones.alice, "INVITE"));
    hang_up(phones, 2);
}

TEST_CASE("restore: a refusal that was kept, and perhaps not sent, is said again") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    const std::string busy = TwoPhones::answer(invite, "486 Busy Here");
    std::string_view said = "SIP/2.0 486";
    SUBCASE("of the callee") { phones.send_and_die(phones.bob, busy, true); }
    SUBCASE("after a CANCEL") {
        phones.send_and_die(phones.alice, phones.cancel(), true);
        said = "SIP/2.0 487";
    }
    SUBCASE("twice") {
        phones.send_and_die(phones.bob, busy, true);
        phones.forget();
        phones.restart();
    }
    const Message refusal = phones.take(phones.alice, said);
    CHECK(refusal.top_via().branch == "z9hG4bK-a1INVITE");
    phones.wait(500);
    CHECK(phones.got(phones.alice, said));
    const std::string tag(refusal.to_tag());
    phones.send(phones.alice, phones.request("ACK", tag, 1, {}, {}, "z9hG4bK-a1INVITE"));
    phones.forget();
    phones.send(phones.alice, phones.invite()); // late: it is no new call
    phones.wait(2000);
    CHECK_FALSE(phones.got(phones.alice, said));
    CHECK(phones.finish().sip_code == (said == "SIP/2.0 486" ? 486 : 487));
}

TEST_CASE("restore: a callee whose refusal the former process has kept gets its ACK (RFC 3261 section 17.1.1.3)") {
    TwoPhones phones;
    phones.router.answer.targets[0].route_set = "<sip:192.0.2.2:5062;lr>";
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    CHECK(invite.has(Header::route));
    const std::string busy = TwoPhones::answer(invite, "486 Busy Here");
    SUBCASE("it died before the ACK left") { phones.send_and_die(phones.bob, busy, true); }
    SUBCASE("and the next one, too") {
        phones.send_and_die(phones.bob, busy, true);
        phones.restart();
    }
    SUBCASE("it had left, and was lost") {
        phones.send(phones.bob, busy);
        CHECK(phones.got(phones.bob, "ACK"));
        phones.restart();
    }
    phones.forget();
    for (int i = 0; i < 2; ++i) {
        phones.send(phones.bob, busy);
        const Message ack = phones.take(phones.bob, "ACK");
        CHECK(ack.request_uri() == invite.request_uri());
        CHECK(ack.value(Header::route) == invite.value(Header::route));
        CHECK(ack.top_via().branch == invite.top_via().branch);
        CHECK(ack.to_tag() == "bob");
        CHECK(ack.cseq() == invite.cseq());
    }
    std::string other = busy; // whoever knows the branch, and nothing else
    other.replace(other.find("Call-ID: "), 9, "Call-ID: x");
    phones.send(phones.bob, other);
    CHECK_FALSE(phones.got(phones.bob, "ACK"));
    CHECK(phones.finish().sip_code == 486);
    phones.forget();
    phones.send(phones.bob, busy);
    CHECK(phones.is_silent());
}

TEST_CASE("restore: who hangs up while the process dies hears 200, and the other one hears it, too [40]") {
    TwoPhones phones;
    talk(phones);
    phones.wait(3000);
    const std::string bye = phones.request("BYE", phones.our_tag, 2);
    SUBCASE("before it was kept") { phones.send_and_die(phones.alice, bye, false); }
    SUBCASE("after") { phones.send_and_die(phones.alice, bye, true); }
    phones.send(phones.alice, bye);
    CHECK(phones.got(phones.alice, "SIP/2.0 200"));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    CHECK(phones.finish().reason == EndReason::caller_bye);
    CHECK(phones.ended[0].duration == std::chrono::milliseconds(3000));
    CHECK(phones.kept.size() == 0);
}

TEST_CASE("restore: a BYE for a call of long ago finds none") {
    TwoPhones phones;
    talk(phones);
    phones.send_and_die(phones.alice, phones.request("BYE", phones.our_tag, 2), true);
    phones.wait(33'000);
    phones.forget();
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 3));
    CHECK(phones.got(phones.alice, "SIP/2.0 481"));
}

TEST_CASE("restore: a re-INVITE that the process died of is asked for again") {
    TwoPhones phones;
    talk(phones);
    const std::string reinvite = phones.invite({}, offer_text, phones.our_tag, 2);
    phones.send(phones.alice, reinvite);
    const Message passed = phones.take(phones.bob, "INVITE");
    phones.forget();
    phones.restart();
    const Message refusal = phones.take(phones.alice, "SIP/2.0 500");
    CHECK(refusal.has(Header::retry_after));
    CHECK(refusal.cseq() == 2);
    phones.send(phones.alice, phones.request("ACK", phones.our_tag, 2, {}, {}, "z9hG4bK-a2INVITE"));
    phones.send(phones.bob, TwoPhones::answer(passed, "200 OK", {}, {}, answer_text));
    CHECK(phones.take(phones.bob, "ACK").cseq() == passed.cseq());
    CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 200"));
    phones.send(phones.alice, phones.invite({}, offer_text, phones.our_tag, 3));
    const Message again = phones.take(phones.bob, "INVITE");
    CHECK(again.cseq() == passed.cseq() + 1);
    phones.send(phones.bob, TwoPhones::answer(again, "200 OK", {}, {}, answer_text));
    CHECK(phones.got(phones.alice, "SIP/2.0 200"));
    phones.send(phones.alice, phones.request("ACK", phones.our_tag, 3));
    CHECK(phones.got(phones.bob, "ACK"));
    hang_up(phones, 4);
}

TEST_CASE("restore: a request whose answer was lost with the process passes when it comes again") {
    TwoPhones phones;
    talk(phones);
    const std::string info = phones.request("INFO", phones.our_tag, 2);
    SUBCASE("before it was kept") { phones.send_and_die(phones.alice, info, false); }
    SUBCASE("after") { phones.send_and_die(phones.alice, info, true); }
    phones.send(phones.alice, info);
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INFO"), "200 OK"));
    CHECK(phones.got(phones.alice, "SIP/2.0 200"));
    hang_up(phones, 3);
}

TEST_CASE("restore: session timers go on where they were [103]") {
    EngineOptions options;
    options.session_expires = std::chrono::seconds(1800);
    TwoPhones phones(options);
    talk(phones, "Supported: timer\r\nSession-Expires: 100;refresher=uas\r\n",
         "Require: timer\r\nSession-Expires: 200;refresher=uas\r\n");
    phones.wait(30'000);
    phones.restart();
    phones.wait(19'000);
    CHECK_FALSE(phones.got(phones.alice, "INVITE"));
    phones.wait(2000); // we refresh hers at half the time
    const Message refresh = phones.take(phones.alice, "INVITE");
    CHECK(refresh.value(Header::session_expires) == "100;refresher=uac");
    phones.send(phones.alice,
                TwoPhones::answer(refresh, "200 OK", {}, "Require: timer\r\nSession-Expires: 100;refresher=uac\r\n",
                                  offer_text));
    phones.restart();
    phones.wait(116'000); // 167 of 200 s: he has not refreshed his own
    CHECK(phones.got(phones.alice, "INVITE"));
    phones.wait(2000);
    CHECK(phones.got(phones.bob, "BYE"));
    CHECK(phones.finish().reason == EndReason::session_timer);
}

TEST_CASE("restore: a deadline that passed while nobody was there fires at once") {
    EngineOptions options;
    options.dialogs.lifetime = std::chrono::seconds(60);
    TwoPhones phones(options);
    talk(phones);
    phones.wait(10'000);
    phones.now += std::chrono::seconds(100); // no process was there
    phones.restart();
    phones.wait(0);
    phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "BYE"), "200 OK"));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    CHECK(phones.finish().reason == EndReason::expired);
}

TEST_CASE("restore: a call that was ending goes on ending") {
    TwoPhones phones;
    talk(phones);
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 2));
    phones.take(phones.bob, "BYE"); // he does not get it
    phones.restart();
    const Message bye = phones.take(phones.bob, "BYE");
    CHECK(bye.cseq() == 3);
    phones.send(phones.bob, TwoPhones::answer(bye, "481 Call Leg/Transaction Does Not Exist"));
    CHECK(phones.finish().reason == EndReason::caller_bye);
    CHECK(phones.kept.size() == 0);
}

TEST_CASE("restore: places in profiles are taken again, whatever the limit says now [20] [25]") {
    TwoPhones phones;
    phones.declare = [](ProfileTable &table) { REQUIRE(table.declare({"total", false, 1, {}})); };
    phones.restart();
    phones.router.answer.profiles = {{"total", ""}};
    talk(phones);
    CHECK(*phones.profiles().size("total") == 1);
    phones.restart();
    CHECK(*phones.profiles().size("total") == 1);
    hang_up(phones, 2);
    CHECK(*phones.profiles().size("total") == 0);
}

TEST_CASE("restore: a leg that lost the other one is hung up, and what cannot be read is refused") {
    TwoPhones phones;
    talk(phones);
    SUBCASE("a row is gone") {
        RecordId callee;
        phones.kept.for_each([&](const DialogRecord &record) {
            if (record.leg_of) callee = record.id;
        });
        phones.kept.erase(callee);
        CHECK(phones.restart() == 0);
        phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "BYE"), "200 OK"));
        CHECK_FALSE(phones.got(phones.bob, "BYE"));
        CHECK(phones.finish().reason == EndReason::restart);
    }
    SUBCASE("a row has another text") {
        phones.kept.for_each([](const DialogRecord &record) { const_cast<DialogRecord &>(record).leg = "{}"; });
        CHECK(phones.restart() == 2);
        CHECK(phones.engine().dialogs() == 0);
        CHECK(phones.is_silent());
    }
}

TEST_CASE("restore: several who ring are all told to stop, and a target that had refused is not") {
    TwoPhones phones;
    phones.router.answer.targets.push_back(
        {.request_uri = "sip:carol@192.0.2.3:5063", .to = phones.carol, .is_parallel = true});
    phones.send(phones.alice, phones.invite());
    const Message to_bob = phones.take(phones.bob, "INVITE");
    const Message to_carol = phones.take(phones.carol, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(to_bob, "180 Ringing"));
    phones.send(phones.carol, TwoPhones::answer(to_carol, "486 Busy Here"));
    phones.forget();
    phones.restart();
    CHECK(phones.got(phones.alice, "SIP/2.0 487"));
    CHECK(phones.got(phones.bob, "CANCEL"));
    CHECK_FALSE(phones.got(phones.carol, "CANCEL"));
    CHECK(phones.finish().reason == EndReason::restart);
}

TEST_CASE("restore: after a transfer the two who talk go on") {
    TwoPhones phones;
    talk(phones);
    phones.router.answer.targets = {{.request_uri = "sip:carol@192.0.2.3:5063", .to = phones.carol}};
    phones.send(phones.bob,
                TwoPhones::from_bob(phones.bobs_invite, "REFER", 1, "Refer-To: <sip:carol@192.0.2.3:5063>\r\n"));
    phones.take(phones.bob, "SIP/2.0 202");
    const Message to_carol = phones.take(phones.carol, "INVITE");
    SUBCASE("it was not over: the target is told to stop, the call is as it was") {
        phones.send(phones.carol, TwoPhones::answer(to_carol, "180 Ringing", "carol"));
        phones.forget();
        phones.restart();
        CHECK(phones.got(phones.carol, "CANCEL"));
        phones.forget();
        hang_up(phones, 2);
        return;
    }
    phones.send(phones.carol, TwoPhones::answer(to_carol, "200 OK", "carol", {}, answer_text));
    CHECK(phones.got(phones.carol, "ACK"));
    const Message asked = phones.take(phones.alice, "INVITE");
    phones.send(phones.alice, TwoPhones::answer(asked, "200 OK", {}, {}, offer_text));
    CHECK(phones.got(phones.alice, "ACK"));
    if (auto settle = phones.try_take(phones.carol, "INVITE")) {
        phones.send(phones.carol, TwoPhones::answer(*settle, "200 OK", "carol", {}, answer_text));
    }
    phones.forget();
    phones.restart(); // he that referred gets his BYE again
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    CHECK_FALSE(phones.got(phones.alice, "BYE"));
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 2));
    CHECK(phones.got(phones.alice, "SIP/2.0 200"));
    phones.send(phones.carol, TwoPhones::answer(phones.take(phones.carol, "BYE"), "200 OK"));
    CHECK(phones.finish().reason == EndReason::caller_bye);
    CHECK(phones.kept.size() == 0);
}

TEST_CASE("restore: a trunk that has challenged the call gets its credentials, wherever DNS says that it is") {
    test::TrunkPhones phones; // nobody knows yet that a trunk is at Bob's address
    phones.establish_challenged();
    CHECK(phones.restart() == 0);
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 2));
    CHECK(phones.got(phones.alice, "SIP/2.0 200"));
    const Message bye = phones.challenged(phones.take(phones.bob, "BYE"), test::next_challenge);
    CHECK(test::has_credentials(bye, "n2"));
    phones.send(phones.bob, TwoPhones::answer(bye, "200 OK"));
    CHECK(phones.finish().reason == EndReason::caller_bye);
}

TEST_CASE("restore: what a leg was told is that still when the other peer has said something else since") {
    TwoPhones phones;
    talk(phones);
    CHECK(phones.engine().refresh(callers_leg(phones), phones.now));
    phones.wait(0);
    std::string anew(offer_text);
    anew.replace(anew.find("- 1 1 "), 6, "- 1 2 ");
    anew.replace(anew.find("4000"), 4, "4002");
    phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "INVITE"), "200 OK", {}, {}, anew));
    CHECK(phones.got(phones.alice, "ACK"));
    const auto told_bob = [&] {
        std::string told;
        phones.kept.for_each([&](const DialogRecord &record) {
            const auto state = LegState::parse(record.leg);
            if (state && state->place == LegPlace::callee) told = state->told ? state->told->body.view() : "as Alice";
        });
        return told;
    };
    CHECK(told_bob() == offer_text);
    phones.restart();
    phones.restart();
    CHECK(told_bob() == offer_text);
    hang_up(phones, 2);
}

TEST_CASE("restore: who was told once that a request is lost is not told again by the next process") {
    TwoPhones phones;
    talk(phones);
    phones.send(phones.alice, phones.invite({}, offer_text, phones.our_tag, 2));
    phones.take(phones.bob, "INVITE");
    phones.restart();
    CHECK(phones.got(phones.alice, "SIP/2.0 500"));
    phones.send(phones.alice, phones.request("ACK", phones.our_tag, 2, {}, {}, "z9hG4bK-a2INVITE"));
    phones.forget();
    phones.restart();
    CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 500"));
    hang_up(phones, 3);
}

TEST_CASE("restore: a listener that is gone makes no process die; what can be said goes by another one") {
    EngineOptions options;
    Endpoint second = test::endpoint("192.0.2.9", 5070);
    options.listeners.push_back({second, "192.0.2.9:5070"});
    TwoPhones phones(options);
    Endpoint alice = phones.alice;
    alice.listener = 1;
    phones.send(alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "180 Ringing"));
    phones.forget();
    phones.options().listeners.pop_back();
    SUBCASE("who rings hears it") { CHECK(phones.restart() == 0); }
    SUBCASE("who is refused hears it, from the second process too") {
        CHECK(phones.restart() == 0);
        phones.forget();
        CHECK(phones.restart() == 0);
    }
    SUBCASE("where nobody of ours sends there any more she hears nothing") {
        phones.options().listeners[0].bound.transport = Transport::tcp;
        CHECK(phones.restart() == 0);
        CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 487"));
        CHECK_FALSE(phones.got(alice, "SIP/2.0 487"));
        CHECK(phones.finish().reason == EndReason::restart);
        return;
    }
    CHECK(phones.got(phones.alice, "SIP/2.0 487"));
    CHECK(phones.finish().reason == EndReason::restart);
}

TEST_CASE("restore: an attempt that was given up in the round that made it is told to stop") {
    TwoPhones phones;
    phones.engine().receive(phones.invite(), phones.alice, phones.now);
    phones.send_and_die(phones.alice, phones.cancel(), true);
    CHECK(phones.got(phones.bob, "CANCEL"));
    CHECK(phones.finish().reason == EndReason::cancelled);
    CHECK(phones.kept.size() == 0);
}

TEST_CASE("restore: a BYE waits for the ACK as it did before") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite({}, offer_text));
    phones.bobs_invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "200 OK", "bob", {}, answer_text));
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "BYE", 1));
    phones.forget();
    CHECK(phones.restart() == 0);
    const Message ok = phones.take(phones.alice, "SIP/2.0 200");
    CHECK(ok.body() == answer_text);
    CHECK_FALSE(phones.got(phones.alice, "BYE"));
    SUBCASE("and goes when that is here") { phones.send(phones.alice, phones.request("ACK", ok.to_tag(), 1)); }
    SUBCASE("or when its time is over") { phones.wait(33'000); }
    phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "BYE"), "200 OK"));
    CHECK(phones.finish().reason == EndReason::callee_bye);
}
