// Session timers (RFC 4028), agreed on each leg for itself.
#include "call/two_phones.hpp"

using namespace tandem;
using test::TwoPhones;

namespace {

EngineOptions with_timer(std::int64_t interval_s, std::int64_t min_s = 90) {
    EngineOptions options;
    options.session_expires = std::chrono::seconds(interval_s);
    options.min_session_expires = std::chrono::seconds(min_s);
    return options;
}

const std::string knows = "Supported: timer\r\n";
const std::string takes_update = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE\r\n";

std::string expires(std::string_view value) { return "Session-Expires: " + std::string(value) + "\r\n"; }

struct TimedPhones : TwoPhones {
    explicit TimedPhones(EngineOptions options = with_timer(1800)) : TwoPhones(options) {}

    // A call whose INVITE and 2xx have these lines. Gives the 2xx as Alice gets it.
    Message call(const std::string &from_alice = {}, const std::string &from_bob = {}) {
        send(alice, invite(from_alice));
        bobs_invite = take(bob, "INVITE");
        send(bob, answer(bobs_invite, "200 OK", "bob", from_bob, "v=0 answer"));
        Message ok = take(alice, "SIP/2.0 200");
        our_tag = ok.to_tag();
        send(alice, request("ACK", our_tag, 1));
        take(bob, "ACK");
        forget();
        return ok;
    }
    bool is_quiet_for(std::int64_t seconds) {
        wait(seconds * 1000);
        return is_silent();
    }
    // Both are hung up, and the record says why.
    void expect_end() {
        send(alice, answer(take(alice, "BYE"), "200 OK"));
        send(bob, answer(take(bob, "BYE"), "200 OK"));
        CHECK(finish().reason == EndReason::session_timer);
    }
};

} // namespace

TEST_CASE("session timer: the callee is asked for ours, and for nothing that the caller asked (RFC 4028 section 7.1)") {
    TimedPhones phones;
    phones.send(phones.alice, phones.invite(expires("300;refresher=uac") + "Min-SE: 200\r\nRequire: timer\r\n"));
    const Message invite = phones.take(phones.bob, "INVITE");
    CHECK(invite.values(Header::session_expires) == "1800");
    CHECK(invite.values(Header::min_se) == "90");
    CHECK(invite.values(Header::supported) == "timer");
    CHECK_FALSE(invite.has(Header::require));
}

TEST_CASE("session timer: where none is wanted, none is asked for") {
    TimedPhones phones(with_timer(0));
    const Message ok = phones.call();
    CHECK(phones.bobs_invite.values(Header::supported) == "timer");
    CHECK_FALSE(phones.bobs_invite.has(Header::session_expires));
    CHECK_FALSE(ok.has(Header::session_expires));
    CHECK(phones.is_quiet_for(40'000));
}

TEST_CASE("session timer: the caller gets what table 2 of RFC 4028 says") {
    struct Row {
        std::int64_t ours;
        std::string asked;
        std::string answer;
        bool is_required;
    };
    const Row rows[] = {
        {1800, "", "1800;refresher=uas", false},
        {1800, knows, "1800;refresher=uac", true},
        {1800, "Require: timer\r\n" + expires("600"), "600;refresher=uac", true},
        {1800, knows + expires("600"), "600;refresher=uac", true},
        {1800, knows + expires("600;refresher=uac"), "600;refresher=uac", true},
        {1800, knows + expires("600 ; x=y ; Refresher = UAS"), "600;refresher=uas", false},
        {1800, knows + expires("7200"), "1800;refresher=uac", true},
        {1800, knows + expires("7200") + "Min-SE: 3600\r\n", "3600;refresher=uac", true},
        {1800, knows + "Min-SE: 3600\r\n", "3600;refresher=uac", true},
        {1800, knows + "x: 600\r\n", "600;refresher=uac", true},
        {1800, expires("60"), "90;refresher=uas", false}, // a proxy's: the caller knows of no 422
        {0, knows + expires("99999999999"), "86400;refresher=uac", true},
        {0, knows, "", false},
    };
    for (const Row &row : rows) {
        CAPTURE(row.asked);
        TimedPhones phones(with_timer(row.ours));
        const Message ok = phones.call(row.asked, knows + expires("1800;refresher=uas"));
        CHECK(ok.values(Header::session_expires) == row.answer);
        CHECK(ok.has(Header::require) == row.is_required);
        CHECK(ok.values(Header::supported) == "timer");
    }
}

TEST_CASE("session timer: less than our minimum is refused 422 with it (section 9)") {
    TimedPhones phones;
    phones.send(phones.alice, phones.invite(knows + expires("89")));
    CHECK(phones.take(phones.alice, "SIP/2.0 422").value(Header::min_se) == "90");
    CHECK_FALSE(phones.got(phones.bob, "INVITE"));
    CHECK(phones.engine().calls() == 0);
}

TEST_CASE("session timer: what can not be read is 400") {
    for (const std::string lines :
         {"Session-Expires: soon\r\n", "Session-Expires: -1\r\n", "Session-Expires: 90;refresher=me\r\n",
          "Session-Expires: 90;refresher=uac;refresher=uas\r\n", "Session-Expires: 90\r\nx: 90\r\n",
          "Session-Expires: 99999999999999999999999\r\n", "Min-SE: 1 2\r\n", "Min-SE: 90\r\nMin-SE: 90\r\n"}) {
        CAPTURE(lines);
        TimedPhones phones;
        phones.send(phones.alice, phones.invite(knows + lines));
        CHECK(phones.got(phones.alice, "SIP/2.0 400"));
        CHECK_FALSE(phones.got(phones.bob, "INVITE"));
    }
}

TEST_CASE("session timer: 422 is tried again on the same leg, and the caller sees nothing of it [106]") {
    TimedPhones phones;
    phones.router.answer.targets.push_back({"sip:carol@192.0.2.3:5063", phones.carol, "c"});
    phones.router.answer.hunt_on = {422};
    phones.send(phones.alice, phones.invite());
    const Message first = phones.take(phones.bob, "INVITE");
    phones.forget();
    phones.send(phones.bob, TwoPhones::answer(first, "422 Too Small", "bob", "Min-SE: 3600\r\n"));
    phones.take(phones.bob, "ACK");
    const Message second = phones.take(phones.bob, "INVITE");
    CHECK(second.value(Header::session_expires) == "3600");
    CHECK(second.value(Header::min_se) == "3600");
    CHECK(phones.is_silent());
    SUBCASE("it works") {
        phones.send(phones.bob, TwoPhones::answer(second, "200 OK", "bob", expires("3600;refresher=uac")));
        CHECK(phones.take(phones.alice, "SIP/2.0 200").value(Header::session_expires) == "1800;refresher=uas");
    }
    SUBCASE("three times, and no more") {
        for (const char *min : {"4000", "5000", "6000"}) {
            const Message invite = min[0] == '4' ? second : phones.take(phones.bob, "INVITE");
            phones.send(phones.bob,
                        TwoPhones::answer(invite, "422 Too Small", "bob", "Min-SE: " + std::string(min) + "\r\n"));
        }
        CHECK_FALSE(phones.got(phones.bob, "INVITE"));
        CHECK(phones.got(phones.carol, "INVITE"));
    }
    SUBCASE("a 422 that asks for no more is a refusal, of which the caller learns only that") {
        phones.router.answer.hunt_on = {};
        phones.send(phones.bob, TwoPhones::answer(second, "422 Too Small", "bob", "Min-SE: 3600\r\n"));
        phones.send(phones.carol, TwoPhones::answer(phones.take(phones.carol, "INVITE"), "422 Too Small", "carol"));
        CHECK(phones.got(phones.alice, "SIP/2.0 500"));
    }
}

TEST_CASE("session timer: we refresh at half the time by UPDATE without a description (sections 7.4, 10) [105]") {
    TimedPhones phones;
    phones.call({}, takes_update + expires("600;refresher=uac"));
    CHECK(phones.is_quiet_for(299));
    phones.wait(1000);
    const Message update = phones.take(phones.bob, "UPDATE");
    CHECK(update.value(Header::session_expires) == "600;refresher=uac");
    CHECK(update.value(Header::min_se) == "90");
    CHECK(update.value(Header::supported) == "timer");
    CHECK(update.has(Header::contact));
    CHECK(update.body().empty());
    CHECK(update.cseq() == 2);
    SUBCASE("answered: the time begins anew, with what the answer says") {
        phones.send(phones.bob, TwoPhones::answer(update, "200 OK", "", expires("400;refresher=uac")));
        CHECK(phones.is_quiet_for(199));
        phones.wait(1000);
        CHECK(phones.got(phones.bob, "UPDATE"));
    }
    SUBCASE("the peer takes over") {
        phones.send(phones.bob, TwoPhones::answer(update, "200 OK", "", expires("600;refresher=uas")));
        CHECK(phones.is_quiet_for(567));
        phones.wait(1000);
        phones.expect_end();
    }
    SUBCASE("the dialog is gone (section 10)") {
        phones.send(phones.bob, TwoPhones::answer(update, "481 Gone"));
        phones.expect_end();
    }
    SUBCASE("nobody answers") {
        phones.wait(32'000);
        phones.forget();
        phones.wait(100'000);
        CHECK(phones.finish().reason == EndReason::session_timer);
    }
    SUBCASE("too small now: raised, and again at once") {
        phones.send(phones.bob, TwoPhones::answer(update, "422 Too Small", "", "Min-SE: 700\r\n"));
        const Message again = phones.take(phones.bob, "UPDATE");
        CHECK(again.value(Header::session_expires) == "700;refresher=uac");
        CHECK(again.cseq() == 3);
    }
    SUBCASE("glare: again after 2.1 to 4 seconds, for we made the Call-ID (RFC 3261 section 14.1)") {
        phones.send(phones.bob, TwoPhones::answer(update, "491 Wait"));
        CHECK(phones.is_quiet_for(2));
        phones.wait(2100);
        CHECK(phones.got(phones.bob, "UPDATE"));
    }
    SUBCASE("refused otherwise: again while there is time, then the session is over") {
        phones.send(phones.bob, TwoPhones::answer(update, "500 No"));
        CHECK(phones.is_quiet_for(149));
        phones.wait(1000);
        Message next = phones.take(phones.bob, "UPDATE");
        for (int i = 0; i < 10; ++i) {
            phones.send(phones.bob, TwoPhones::answer(next, "500 No"));
            phones.forget();
            phones.wait(150'000 >> (i + 1));
            if (auto more = phones.try_take(phones.bob, "UPDATE")) next = *more;
        }
        phones.wait(4000);
        phones.expect_end();
    }
    SUBCASE("he can no UPDATE after all: by re-INVITE") {
        phones.send(phones.bob, TwoPhones::answer(update, "501 What?"));
        CHECK(phones.got(phones.bob, "INVITE"));
    }
}

TEST_CASE("session timer: a peer who takes no UPDATE is refreshed by a re-INVITE with what is in force (section 7.4)") {
    TimedPhones phones;
    phones.call({}, expires("600;refresher=uac"));
    phones.wait(300'000);
    const Message invite = phones.take(phones.bob, "INVITE");
    CHECK(invite.value(Header::session_expires) == "600;refresher=uac");
    CHECK(invite.body() == "v=0 offer");
    SUBCASE("answered") {
        phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "", expires("500;refresher=uac"), "v=0 answer"));
        phones.take(phones.bob, "ACK");
        CHECK(phones.is_quiet_for(249));
        phones.wait(1000);
        CHECK(phones.got(phones.bob, "INVITE"));
    }
    SUBCASE("the dialog is gone") {
        phones.send(phones.bob, TwoPhones::answer(invite, "481 Gone", ""));
        phones.take(phones.bob, "ACK");
        phones.expect_end();
    }
    SUBCASE("too small now") {
        phones.send(phones.bob, TwoPhones::answer(invite, "422 Too Small", "", "Min-SE: 700\r\n"));
        CHECK(phones.take(phones.bob, "INVITE").value(Header::session_expires) == "700;refresher=uac");
    }
}

TEST_CASE("session timer: for a callee who knows nothing of it we refresh, and any answer will do (section 7.2)") {
    TimedPhones phones;
    phones.call();
    phones.wait(900'000);
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INVITE"), "200 OK", "", {}, "v=0 answer"));
    phones.take(phones.bob, "ACK");
    // The caller does not know it either. One INVITE at a time: hers had to wait.
    phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "INVITE"), "488 No", ""));
    phones.take(phones.alice, "ACK");
    CHECK(phones.is_quiet_for(899));
    phones.wait(1000);
    CHECK(phones.got(phones.bob, "INVITE"));
}

TEST_CASE("session timer: who promised to refresh and does not is hung up before the end (section 10)") {
    SUBCASE("32 seconds before") {
        TimedPhones phones;
        phones.call(knows + expires("600;refresher=uac"), expires("1800;refresher=uas"));
        CHECK(phones.is_quiet_for(567));
        phones.wait(1000);
        phones.expect_end();
    }
    SUBCASE("a third before, if that is less") {
        TimedPhones phones(with_timer(1800, 10));
        phones.call(knows, expires("30;refresher=uas"));
        CHECK(phones.is_quiet_for(19));
        phones.wait(1000);
        phones.expect_end();
    }
}

TEST_CASE("session timer: an UPDATE that only refreshes is answered here and begins the time anew (section 9)") {
    TimedPhones phones;
    phones.call(knows + expires("600;refresher=uac"), expires("1800;refresher=uas"));
    phones.wait(500'000);
    phones.send(phones.alice, phones.request("UPDATE", phones.our_tag, 2, knows + expires("600;refresher=uac")));
    const Message ok = phones.take(phones.alice, "SIP/2.0 200");
    CHECK(ok.value(Header::session_expires) == "600;refresher=uac");
    CHECK(ok.has(Header::contact));
    CHECK(phones.is_quiet_for(567));
    phones.wait(1000);
    CHECK(phones.got(phones.alice, "BYE"));
}

TEST_CASE("session timer: a refresh that asks too little or nonsense is refused and changes nothing") {
    TimedPhones phones;
    phones.call(knows + expires("600;refresher=uac"), expires("1800;refresher=uas"));
    phones.send(phones.alice, phones.request("UPDATE", phones.our_tag, 2, knows + expires("0")));
    CHECK(phones.take(phones.alice, "SIP/2.0 422").value(Header::min_se) == "90");
    phones.send(phones.alice, phones.invite(knows + expires("x"), "v=0 hold", phones.our_tag, 3));
    CHECK(phones.got(phones.alice, "SIP/2.0 400"));
    phones.send(phones.alice, phones.invite(knows + expires("5"), "v=0 hold", phones.our_tag, 4));
    CHECK(phones.got(phones.alice, "SIP/2.0 422"));
    CHECK(phones.is_silent()); // nothing went to Bob
    phones.wait(567'999);
    CHECK_FALSE(phones.got(phones.alice, "BYE"));
    phones.wait(1);
    CHECK(phones.got(phones.alice, "BYE"));
}

TEST_CASE("session timer: a re-INVITE that passes carries the other leg's own, and begins both anew [104]") {
    TimedPhones phones;
    phones.call(knows + expires("600;refresher=uac"), takes_update + expires("1000;refresher=uac"));
    phones.wait(400'000);
    phones.send(phones.alice, phones.invite(knows + expires("700;refresher=uas"), "v=0 hold", phones.our_tag, 2));
    const Message invite = phones.take(phones.bob, "INVITE");
    CHECK(invite.values(Header::session_expires) == "1000;refresher=uac");
    CHECK(invite.values(Header::supported) == "timer");
    SUBCASE("answered") {
        phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "", expires("900;refresher=uas"), "v=0 held"));
        const Message ok = phones.take(phones.alice, "SIP/2.0 200");
        CHECK(ok.values(Header::session_expires) == "700;refresher=uas");
        CHECK_FALSE(ok.has(Header::require));
        phones.send(phones.alice, phones.request("ACK", phones.our_tag, 2));
        phones.forget();
        CHECK(phones.is_quiet_for(349));
        phones.wait(1000);
        CHECK(phones.got(phones.alice, "INVITE")); // now it is ours to refresh
    }
    SUBCASE("refused: nothing changes") {
        phones.send(phones.bob, TwoPhones::answer(invite, "488 No", ""));
        phones.take(phones.alice, "SIP/2.0 488");
        phones.wait(100'000);
        CHECK(phones.got(phones.bob, "UPDATE"));
        phones.wait(68'000);
        CHECK(phones.got(phones.alice, "BYE"));
    }
    SUBCASE("422 is tried again with the longer one, and the caller sees nothing of it") {
        phones.forget();
        phones.send(phones.bob, TwoPhones::answer(invite, "422 Too Small", "", "Min-SE: 1200\r\n"));
        phones.take(phones.bob, "ACK");
        const Message again = phones.take(phones.bob, "INVITE");
        CHECK(again.values(Header::session_expires) == "1200;refresher=uac");
        CHECK(again.cseq() == 3);
        CHECK(again.body() == "v=0 hold");
        CHECK(phones.is_silent());
        phones.send(phones.bob, TwoPhones::answer(again, "200 OK", "", {}, "v=0 held"));
        CHECK(phones.got(phones.alice, "SIP/2.0 200"));
        phones.send(phones.alice, phones.request("ACK", phones.our_tag, 2));
        CHECK(phones.take(phones.bob, "ACK").cseq() == 3);
    }
    SUBCASE("422 that asks for no more") {
        phones.send(phones.bob, TwoPhones::answer(invite, "422 Too Small", "", "Min-SE: 90\r\n"));
        CHECK(phones.got(phones.alice, "SIP/2.0 500"));
    }
}

TEST_CASE("session timer: an UPDATE with a description passes with the other leg's own") {
    TimedPhones phones;
    phones.call(knows + expires("600;refresher=uac"), takes_update + expires("1000;refresher=uac"));
    const std::string bobs = knows + expires("1000;refresher=uas");
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "UPDATE", 1, bobs, "v=0 more"));
    const Message update = phones.take(phones.alice, "UPDATE");
    CHECK(update.values(Header::session_expires) == "600;refresher=uas"); // as a UAC, that is; she refreshes
    SUBCASE("answered") {
        phones.send(phones.alice, TwoPhones::answer(update, "200 OK", "", expires("600;refresher=uas"), "v=0 yes"));
        const Message ok = phones.take(phones.bob, "SIP/2.0 200");
        CHECK(ok.values(Header::session_expires) == "1000;refresher=uas");
        CHECK(ok.body() == "v=0 yes");
        CHECK(phones.is_quiet_for(499));
        phones.wait(1000);
        CHECK(phones.got(phones.bob, "UPDATE"));
    }
    SUBCASE("422") {
        phones.send(phones.alice, TwoPhones::answer(update, "422 Too Small", "", "Min-SE: 800\r\n"));
        const Message again = phones.take(phones.alice, "UPDATE");
        CHECK(again.values(Header::session_expires) == "800;refresher=uas");
        CHECK(again.body() == "v=0 more");
        phones.send(phones.alice, TwoPhones::answer(again, "422 Too Small", "", "Min-SE: 800\r\n"));
        CHECK(phones.got(phones.bob, "SIP/2.0 500"));
    }
}

TEST_CASE("session timer: an UPDATE that was on its way before the 2xx leaves our refreshes as they were agreed") {
    TimedPhones phones(with_timer(0));
    phones.call(takes_update + knows + expires("600;refresher=uas"));
    phones.send(phones.alice, phones.request("UPDATE", phones.our_tag, 2, {}, "v=0 more"));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "UPDATE"), "200 OK", "", {}, "v=0 yes"));
    CHECK_FALSE(phones.take(phones.alice, "SIP/2.0 200").has(Header::session_expires));
    CHECK(phones.is_quiet_for(299));
    phones.wait(2000);
    CHECK(phones.got(phones.alice, "UPDATE"));
}

TEST_CASE("session timer: an UPDATE without a description that refreshes nothing passes as ever") {
    TimedPhones phones;
    phones.call();
    phones.send(phones.alice, phones.request("UPDATE", phones.our_tag, 2));
    CHECK(phones.got(phones.bob, "UPDATE"));
}

TEST_CASE("session timer: an answer that says less than our Min-SE counts as that, and nonsense as nothing") {
    TimedPhones phones;
    SUBCASE("0") {
        phones.call(knows, takes_update + expires("0;refresher=uac"));
        CHECK(phones.is_quiet_for(44));
        phones.wait(1000);
        CHECK(phones.got(phones.bob, "UPDATE"));
    }
    SUBCASE("nonsense: he does not know it, so we refresh at our own pace") {
        phones.call(knows, takes_update + expires("what"));
        CHECK(phones.is_quiet_for(899));
        phones.wait(1000);
        CHECK(phones.got(phones.bob, "UPDATE"));
    }
}

TEST_CASE("session timer: no interval is longer than a day") {
    EngineOptions options = with_timer(0);
    options.dialogs.lifetime = {};
    TimedPhones phones(options);
    phones.call({}, takes_update + expires("18446744073709551615;refresher=uac"));
    CHECK(phones.is_quiet_for(43'199));
    phones.wait(1000);
    CHECK(phones.got(phones.bob, "UPDATE"));
}

TEST_CASE("session timer: a refresh that crosses the end of the call changes nothing") {
    TimedPhones phones;
    phones.call(knows, takes_update + expires("600;refresher=uac"));
    phones.wait(300'000);
    const Message update = phones.take(phones.bob, "UPDATE");
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 2));
    phones.send(phones.bob, TwoPhones::answer(update, "481 Gone"));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    CHECK(phones.finish().reason == EndReason::caller_bye);
}

TEST_CASE("session timer: refreshes that cross: whoever answers first is who goes on, and the call stays up") {
    for (const char *refusal : {"491 Request Pending", "500 Busy"}) {
        CAPTURE(refusal);
        TimedPhones phones;
        phones.call(knows + expires("1800;refresher=uas"), takes_update + expires("600;refresher=uac"));
        phones.wait(300'000);
        const Message ours = phones.take(phones.bob, "UPDATE");
        const std::string bobs = knows + expires("600;refresher=uac");
        phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "UPDATE", 1, bobs));
        CHECK(phones.take(phones.bob, "SIP/2.0 200").value(Header::session_expires) == "600;refresher=uac");
        phones.send(phones.bob, TwoPhones::answer(ours, refusal));
        CHECK(phones.is_quiet_for(567)); // he refreshes, or 32 seconds before the end
        phones.wait(1000);
        phones.expect_end();
    }
}

TEST_CASE("session timer: a refresh while the other peer is being replaced is answered, and passed to nobody") {
    TimedPhones phones;
    phones.call(knows + expires("600;refresher=uac"), expires("1800;refresher=uas"));
    phones.router.answer.targets = {{"sip:carol@192.0.2.3:5063", phones.carol, "carrier-c"}};
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "REFER", 50, "Refer-To: <sip:carol@c>\r\n"));
    phones.take(phones.carol, "INVITE");
    const auto refreshes = [&](std::uint32_t cseq) {
        phones.send(phones.alice, phones.request("UPDATE", phones.our_tag, cseq, knows + expires("600;refresher=uac")));
        return phones.got(phones.alice, "SIP/2.0 200") && !phones.got(phones.bob, "UPDATE");
    };
    CHECK(refreshes(2));
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "BYE", 51));
    CHECK(refreshes(3)); // nobody is there, but she is
}
