// The process is gone for good, and another one goes on with the copies that it has left.
#include "call/leg_state.hpp"
#include "call/trunk_phones.hpp"

using namespace tandem;
using test::TwoPhones;

namespace {

constexpr const char *user = "\xc3\xb6";
constexpr std::uint32_t step = 1000; // of our CSeq

} // namespace

TEST_CASE("takeover: a call that is up goes on in another process [65]") {
    TwoPhones phones;
    phones.establish();
    phones.wait(5000);
    phones.take_over(phones.copies());
    CHECK(phones.is_silent());
    CHECK(phones.engine().calls() == 1);
    CHECK(phones.engine().tracker().statistics().active == 1);
    SUBCASE("a BYE of the caller passes, with a number that the dead one has not used") {
        phones.send(phones.alice, phones.request("BYE", phones.our_tag, 2));
        CHECK(phones.got(phones.alice, "SIP/2.0 200"));
        const Message bye = phones.take(phones.bob, "BYE");
        CHECK(bye.cseq() == 2 + step);
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
        CHECK(bye.cseq() == 1 + step);
        CHECK(bye.from_tag() == phones.our_tag);
        phones.send(phones.alice, TwoPhones::answer(bye, "200 OK"));
        CHECK(phones.finish().reason == EndReason::callee_bye);
    }
    CHECK(phones.ended[0].sip_code == 200);
    CHECK(phones.ended[0].is_answered);
    CHECK(phones.ended[0].duration == std::chrono::milliseconds(5000));
}

TEST_CASE("takeover: a copy that is behind is good enough [86]") {
    TwoPhones phones;
    phones.establish();
    const auto copies = phones.copies();
    for (std::uint32_t cseq = 2; cseq < 20; ++cseq) {
        phones.send(phones.alice, phones.request("INFO", phones.our_tag, cseq));
        phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INFO"), "200 OK"));
    }
    phones.forget();
    phones.take_over(copies);
    phones.send(phones.alice, phones.invite({}, "v=0 again", phones.our_tag, 20));
    const Message reinvite = phones.take(phones.bob, "INVITE");
    CHECK(reinvite.cseq() == 2 + step);
    CHECK(reinvite.body() == "v=0 again");
    phones.send(phones.bob, TwoPhones::answer(reinvite, "200 OK", {}, {}, "v=0 yes"));
    CHECK(phones.take(phones.alice, "SIP/2.0 200").body() == "v=0 yes");
    phones.send(phones.alice, phones.request("ACK", phones.our_tag, 20));
    CHECK(phones.take(phones.bob, "ACK").cseq() == 2 + step);
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 21));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    CHECK(phones.finish().reason == EndReason::caller_bye);
}

TEST_CASE("takeover: what was taken over is kept from the first moment on") {
    TwoPhones phones;
    phones.establish();
    phones.take_over(phones.copies());
    CHECK(phones.kept.size() == 2);
    CHECK(phones.restart() == 0);
    CHECK(phones.is_silent());
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 2));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    CHECK(phones.finish().reason == EndReason::caller_bye);
}

TEST_CASE("takeover: lifetimes and sessions end when they would have ended") {
    EngineOptions options;
    options.dialogs.lifetime = std::chrono::seconds(60);
    TwoPhones phones(options);
    phones.establish();
    phones.wait(20'000);
    phones.take_over(phones.copies());
    phones.wait(39'000);
    CHECK(phones.is_silent());
    phones.wait(1000);
    phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "BYE"), "200 OK"));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    CHECK(phones.finish().reason == EndReason::expired);
    CHECK(phones.ended[0].duration == std::chrono::seconds(60));
}

TEST_CASE("takeover: all that is known of a call is in its copy [85, 87]") {
    EngineOptions options;
    options.session_expires = std::chrono::seconds(1800);
    TwoPhones phones(options);
    phones.declare = [](ProfileTable &profiles) {
        CHECK(profiles.declare({"total", false, 10, {}, false, OnOutage::closed}));
        CHECK(profiles.declare({"user", true, 10, {}, false, OnOutage::closed}));
    };
    phones.router.answer.profiles = {{"total", ""}, {"user", user}};
    phones.take_over({});
    phones.send(phones.alice,
                phones.invite("Record-Route: <sip:192.0.2.77;lr>\r\nSupported: timer\r\n", "v=0 \xe9\xff"));
    phones.bobs_invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "200 OK", "bob", {}, "v=0 answer"));
    phones.our_tag = phones.take(phones.alice, "SIP/2.0 200").to_tag();
    phones.send(phones.alice, phones.request("ACK", phones.our_tag, 1));
    phones.wait(1000);
    const auto copies = phones.copies();
    REQUIRE(copies.size() == 1);
    phones.take_over(copies);
    CHECK(*phones.profiles().size("total", "") == 1U);
    CHECK(*phones.profiles().size("user", user) == 1U);
    auto was = CallCopyReader::parse(copies.front(), phones.wall);
    auto is = CallCopyReader::parse(phones.copies().front(), phones.wall);
    REQUIRE(was);
    REQUIRE(is);
    for (std::size_t i = 0; i < 2; ++i) { // but for the step
        DialogRecord &leg = was->legs()[i];
        std::uint32_t &last = leg.forks.at(0).last_cseq[index(*leg.local_side)];
        CHECK(is->legs()[i].forks.at(0).last_cseq[index(*leg.local_side)] == last + step);
        last += step;
    }
    CHECK(call_to_text(is->legs(), phones.wall) == call_to_text(was->legs(), phones.wall));
    const auto leg = LegState::parse(is->legs()[0].leg);
    REQUIRE(leg);
    CHECK(leg->session.body.view() == "v=0 \xe9\xff");
}

TEST_CASE("takeover: a copy may be nested as deep as somebody likes") {
    TwoPhones phones;
    phones.establish();
    const std::string good = phones.copies().front();
    const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
    std::string timeouts = good;
    timeouts.replace(timeouts.find("\"timeouts_us\":{}"), 16, "\"timeouts_us\":{\"x\":" + deep + "}");
    CHECK(CallCopyReader::parse(timeouts, phones.wall));
    CHECK(LegState::parse("{\"call\":\"" + std::string(32, '1') + "\",\"peer\":{\"transport\":\"udp\",\"address\":" +
                          "\"192.0.2.1\"},\"session\":{\"x\":" + deep + "}}"));
}

TEST_CASE("takeover: a copy that was read may be put anywhere") {
    TwoPhones phones;
    phones.establish();
    const std::string text = phones.copies().front();
    std::vector<CallCopyReader> copies;
    for (int i = 0; i < 20; ++i) copies.push_back(*CallCopyReader::parse(text, phones.wall));
    for (CallCopyReader &copy : copies) CHECK(call_to_text(copy.legs(), phones.wall) == text);
}

TEST_CASE("takeover: a call that is not up has no copy, and one that is gone is known as such") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    phones.bobs_invite = phones.take(phones.bob, "INVITE");
    CHECK(phones.copies().empty());
    const auto owner = phones.engine().tracker().find(phones.engine().tracker().dialogs().front())->owner;
    const auto ignore = [](std::span<const DialogRecord>) {};
    CHECK(phones.engine().describe_call(owner, ignore) == CallCondition::unsettled);
    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "200 OK", "bob", {}, "v=0 answer"));
    phones.our_tag = phones.take(phones.alice, "SIP/2.0 200").to_tag();
    CHECK(phones.engine().describe_call(owner, ignore) == CallCondition::up);
    phones.send(phones.alice, phones.request("ACK", phones.our_tag, 1));
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 2));
    CHECK(phones.engine().describe_call(owner, ignore) == CallCondition::unsettled);
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    phones.finish();
    CHECK(phones.engine().describe_call(owner, ignore) == CallCondition::gone);
}

TEST_CASE("takeover: to describe a call takes nothing from the store") {
    TwoPhones phones;
    phones.establish();
    phones.send(phones.alice, phones.invite({}, "v=0 held", phones.our_tag, 2));
    CHECK(phones.copies().size() == 1);
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INVITE"), "200 OK", {}, {}, "v=0 ok"));
    phones.take(phones.alice, "SIP/2.0 200");
    phones.copies();
    phones.restart();
    CHECK(phones.take(phones.alice, "SIP/2.0 200").body() == "v=0 ok"); // again, until its ACK
}

TEST_CASE("takeover: a call that one has already is not taken twice") {
    TwoPhones phones;
    phones.establish();
    const auto copies = phones.copies();
    auto copy = CallCopyReader::parse(copies.front(), phones.wall);
    CHECK(phones.engine().adopt(copy->legs(), phones.now).error() == Error::invalid);
    CHECK(phones.engine().calls() == 1);
    CHECK(phones.engine().dialogs() == 2);
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 2));
    CHECK(phones.take(phones.bob, "BYE").cseq() == 2);
}

TEST_CASE("takeover: of half a call the leg that there is is hung up") {
    TwoPhones phones;
    phones.establish();
    auto copy = CallCopyReader::parse(phones.copies().front(), phones.wall);
    phones.take_over({call_to_text(copy->legs().first(1), phones.wall)});
    const Message bye = phones.take(phones.alice, "BYE");
    CHECK(bye.has(Header::reason));
    phones.send(phones.alice, TwoPhones::answer(bye, "200 OK"));
    CHECK(phones.finish().reason == EndReason::restart);
}

TEST_CASE("takeover: a call that others have goes without a word") {
    TwoPhones phones;
    phones.declare = [](ProfileTable &profiles) {
        CHECK(profiles.declare({"total", false, 10, {}, false, OnOutage::closed}));
    };
    phones.router.answer.profiles = {{"total", ""}};
    phones.take_over({});
    phones.establish();
    RecordId key;
    for (const DialogId id : phones.engine().tracker().dialogs()) {
        const DialogSet &set = *phones.engine().tracker().find(id);
        if (!set.leg_of) key = set.record;
    }
    SUBCASE("at rest") {}
    SUBCASE("while a re-INVITE is under way") {
        phones.send(phones.alice, phones.invite({}, "v=0 again", phones.our_tag, 2));
        phones.take(phones.bob, "INVITE");
        phones.take(phones.alice, "SIP/2.0 100");
    }
    SUBCASE("while an INFO is") {
        phones.send(phones.alice, phones.request("INFO", phones.our_tag, 2));
        phones.take(phones.bob, "INFO");
    }
    SUBCASE("while one of our own is") {
        CHECK(phones.refresh(phones.engine().tracker().find("call-a", "alice", phones.our_tag)));
        phones.take(phones.alice, "INVITE");
    }
    SUBCASE("before its ACK") {
        phones.send(phones.alice, phones.invite({}, "v=0 again", phones.our_tag, 2));
        phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INVITE"), "200 OK", {}, {}, "v=0 ok"));
        phones.take(phones.alice, "SIP/2.0 200");
    }
    phones.forget();
    CHECK(phones.engine().drop(std::vector{RecordId{1, 2}}, phones.now).empty());
    CHECK(phones.engine().calls() == 1);
    CHECK(phones.engine().drop(std::vector{key}, phones.now).size() == 2);
    CHECK(phones.engine().calls() == 0);
    CHECK(phones.engine().tracker().statistics().active == 0);
    CHECK(*phones.profiles().size("total", "") == 0U);
    CHECK(phones.is_silent());
    phones.wait(400);
    CHECK_FALSE(phones.got(phones.alice, "BYE"));
    CHECK_FALSE(phones.got(phones.bob, "BYE"));
    CHECK_FALSE(phones.got(phones.alice, "SIP/2.0"));
    phones.finish();
}

TEST_CASE("takeover: who was asked to take a place in a call that others have is asked no more") {
    TwoPhones phones;
    phones.establish();
    const DialogId leg = phones.engine().tracker().find("call-a", "alice", phones.our_tag);
    const RecordId key = phones.engine().tracker().find(leg)->record;
    phones.router.answer.targets = {{"sip:carol@192.0.2.3:5063", phones.carol, ""}};
    CHECK(phones.engine().transfer(leg, "sip:carol@192.0.2.3:5063", phones.now));
    phones.wait(0);
    const Message invite = phones.take(phones.carol, "INVITE");
    phones.send(phones.carol, TwoPhones::answer(invite, "180 Ringing", "carol"));
    phones.forget();
    phones.engine().drop(std::vector{key}, phones.now);
    phones.wait(0);
    phones.send(phones.carol, TwoPhones::answer(phones.take(phones.carol, "CANCEL"), "200 OK"));
    phones.send(phones.carol, TwoPhones::answer(invite, "487 Request Terminated", "carol"));
    CHECK(phones.got(phones.carol, "ACK"));
    CHECK_FALSE(phones.got(phones.alice, "BYE"));
    CHECK_FALSE(phones.got(phones.bob, "BYE"));
    phones.finish();
}

TEST_CASE("takeover: what nobody of us has written is no copy") {
    const WallClock wall(at_ms(0), 1'700'000'000'000'000);
    TwoPhones phones;
    phones.establish();
    const std::string good = phones.copies().front();
    for (const std::string_view bad : {"", "[", "[]", "{}", "[1]", "[{}]", "null", "[[],[]]"}) {
        CHECK_FALSE(CallCopyReader::parse(bad, wall));
    }
    std::string early = good, forkless = good;
    early.replace(early.find("\"confirmed\""), 11, "\"early\"");
    CHECK_FALSE(CallCopyReader::parse(early, wall));
    for (std::size_t at = forkless.find("\"forks\""); at != std::string::npos; at = forkless.find("\"forks\"", at)) {
        forkless.replace(at, 7, "\"spoons\"");
    }
    CHECK_FALSE(CallCopyReader::parse(forkless, wall));
    for (std::size_t at = 0; at < good.size(); ++at) { // none of these crashes, whatever it is
        std::string cut = good.substr(0, at);
        CHECK_FALSE(CallCopyReader::parse(cut, wall));
        std::string other = good;
        other[at] = other[at] == '0' ? '"' : '0';
        auto copy = CallCopyReader::parse(other, wall);
        if (!copy) continue;
        TwoPhones others;
        static_cast<void>(others.engine().adopt(copy->legs(), others.now));
        others.wait(1000);
    }
}
