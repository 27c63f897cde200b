// Replaces: attended transfers (RFC 5589 section 7) and INVITEs that take somebody's place (RFC 3891).
#include "call/refer_to.hpp"
#include "call/two_phones.hpp"

using namespace tandem;
using test::of_dave;
using test::swap_all;
using test::TwoPhones;

namespace {

std::string sdp(std::string_view who, int port, std::string_view direction = "sendrecv") {
    return "v=0\r\no=" + std::string(who) + " 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio " + std::to_string(port) +
           " RTP/AVP 0\r\na=" + std::string(direction) + "\r\n";
}

bool has(const Message &message, std::string_view text) { return message.body().find(text) != std::string_view::npos; }

// Alice called Bob (call-a).
struct Up : TwoPhones {
    explicit Up(EngineOptions options = {}) : TwoPhones(options) {
        send(alice, invite({}, sdp("alice", 4000)));
        bobs_invite = take(bob, "INVITE");
        send(bob, answer(bobs_invite, "200 OK", "bob", {}, sdp("bob", 4001)));
        our_tag = take(alice, "SIP/2.0 200").to_tag();
        send(alice, request("ACK", our_tag, 1));
        take(bob, "ACK");
        forget();
    }
    void nothing_left(std::size_t records) {
        wait(400'000);
        CHECK(engine().calls() == 0);
        CHECK(engine().transactions() == 0);
        CHECK(engine().dialogs() == 0);
        CHECK(engine().tracker().statistics().active == 0);
        CHECK(engine().tracker().statistics().early == 0);
        CHECK(ended.size() == records);
    }
};

// Then she called Carol (call-b), and refers Bob to her.
struct Attended : Up {
    Attended() {
        REQUIRE(profiles().declare({"total", false, 1, {}}).ok());
        router.answer.profiles = {{"total", ""}};
        router.answer.targets = {{"sip:carol@192.0.2.3:5063", carol, "carrier-c"}};
        send(alice, second(invite({}, sdp("alice", 4010))));
        carols_invite = take(carol, "INVITE");
        send(carol, answer(carols_invite, "200 OK", "carol", {}, sdp("carol", 4002)));
        second_tag = take(alice, "SIP/2.0 200").to_tag();
        send(alice, second(request("ACK", second_tag, 1)));
        take(carol, "ACK");
        forget();
    }
    static std::string second(std::string text) {
        swap_all(text, "call-a", "call-b");
        swap_all(text, "z9hG4bK-a", "z9hG4bK-z");
        return text;
    }
    void refer() {
        send(alice,
             request("REFER", our_tag, 50,
                     "Refer-To: <sip:carol@c?Replaces=call-b%3Bto-tag%3D" + second_tag + "%3Bfrom-tag%3Dalice>\r\n"));
        take(alice, "SIP/2.0 202");
        CHECK(notified() == "SIP/2.0 100 Trying\r\n");
    }
    std::string notified() {
        const Message notify = take(alice, "NOTIFY");
        send(alice, answer(notify, "200 OK"));
        return std::string(notify.body());
    }
    std::string from_carol(std::string_view method, std::uint32_t cseq, std::string_view body = {}) {
        std::string text = from_bob(carols_invite, method, cseq, {}, body);
        swap_all(text, "192.0.2.2:5062", "192.0.2.3:5063");
        swap_all(text, "tag=bob", "tag=carol");
        swap_all(text, "z9hG4bK-b", "z9hG4bK-c");
        return text;
    }
    Message carols_invite;
    std::string second_tag;
};

// Alice's call rings at Bob, whose dialog an INVITE may name.
struct Ringing : TwoPhones {
    Ringing() {
        send(alice, invite({}, sdp("alice", 4000)));
        bobs_invite = take(bob, "INVITE");
        send(bob, answer(bobs_invite, "180 Ringing"));
        alices_tag = take(alice, "SIP/2.0 180").to_tag();
        forget();
    }
    std::string replaces(std::string_view more = {}) const {
        return "Replaces: " + std::string(bobs_invite.call_id()) + ";to-tag=" + std::string(bobs_invite.from_tag()) +
               ";from-tag=bob" + std::string(more) + "\r\n";
    }
    std::string alices_tag;
};

} // namespace

TEST_CASE("replaces: the header names a dialog by three words (RFC 3891 section 6.1)") {
    const auto read = parse_replaces("98732@sip.example.com ;from-tag=r33th4x0r; to-tag=ff87ff;early-only");
    REQUIRE(read);
    CHECK(read->call_id == "98732@sip.example.com");
    CHECK(read->to_tag == "ff87ff");
    CHECK(read->from_tag == "r33th4x0r");
    CHECK(read->is_early_only);
    CHECK(read->to_string() == "98732@sip.example.com;to-tag=ff87ff;from-tag=r33th4x0r;early-only");
    for (const char *bad : {"", "x", "x;to-tag=1", "x;to-tag=1;from-tag=", "x;to-tag=1;to-tag=2;from-tag=3",
                            "x y;to-tag=1;from-tag=2", ";to-tag=1;from-tag=2", "x;to-tag=1;from-tag=2,y;to-tag=1"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_replaces(bad));
    }
}

TEST_CASE("replaces: Refer-To is read back as it was written, and odd escapes are refused") {
    const auto read =
        parse_refer_to("\"C\" <sip:c@example.com;x=y?Replaces=a%40b%3bto-tag%3D1%3Bfrom-tag%3D2&Subject=z>");
    REQUIRE(read.ok());
    CHECK(read->uri == "sip:c@example.com;x=y");
    CHECK(read->replaces->call_id == "a@b");
    CHECK(write_refer_to(*read) == "<sip:c@example.com;x=y?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2>");
    CHECK(parse_refer_to("<tel:+1234>")->uri == "tel:+1234");
    for (const char *bad : {"<sip:c@c?Replaces=%>", "<sip:c@c?Replaces=%4>", "<sip:c@c?Replaces=%zz>", "<sip:>", "<>",
                            "<sip:c@c?Replaces>", ""}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_refer_to(bad).ok());
    }
}

TEST_CASE("attended transfer: the two who remain are joined, and both legs of who referred get BYE (RFC 5589 "
          "section 7.3)") {
    Attended phones;
    phones.refer();
    const Message to_bob = phones.take(phones.bob, "INVITE");
    CHECK(has(to_bob, "m=audio 4002"));
    CHECK(to_bob.call_id() == phones.bobs_invite.call_id());
    phones.send(phones.bob, TwoPhones::answer(to_bob, "200 OK", "", {}, sdp("bob", 4001)));
    const Message to_carol = phones.take(phones.carol, "INVITE");
    CHECK(has(to_carol, "m=audio 4001"));
    CHECK(has(to_carol, "o=alice 1 2 ")); // the origin that she knows
    CHECK(to_carol.call_id() == phones.carols_invite.call_id());
    CHECK_FALSE(phones.got(phones.alice, "BYE"));
    phones.send(phones.carol, TwoPhones::answer(to_carol, "200 OK", "", {}, sdp("carol", 4002)));
    CHECK(phones.got(phones.carol, "ACK"));
    const Message bye = phones.take(phones.alice, "BYE");
    CHECK(bye.call_id() == "call-b");
    phones.send(phones.alice, TwoPhones::answer(bye, "200 OK"));
    CHECK(phones.notified() == "SIP/2.0 200 OK\r\n");
    const Message first = phones.take(phones.alice, "BYE");
    CHECK(first.call_id() == "call-a");
    phones.send(phones.alice, TwoPhones::answer(first, "200 OK"));
    CHECK(phones.engine().calls() == 1);

    phones.send(phones.carol, phones.from_carol("INFO", 4));
    CHECK(phones.got(phones.bob, "INFO"));
    CHECK(phones.engine().tracker().statistics().active == 1); // a record of its own, for neither of them called
    CHECK(*phones.profiles().size("total") == 1);
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "BYE", 60));
    phones.send(phones.carol, TwoPhones::answer(phones.take(phones.carol, "BYE"), "200 OK"));
    CHECK(*phones.profiles().size("total") == 0);
    phones.nothing_left(3);
}

TEST_CASE("attended transfer: who referred may hang up both legs at once") {
    Attended phones;
    phones.refer();
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 51));
    phones.send(phones.alice, Attended::second(phones.request("BYE", phones.second_tag, 51)));
    CHECK_FALSE(phones.got(phones.bob, "BYE"));
    CHECK_FALSE(phones.got(phones.carol, "BYE"));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INVITE"), "200 OK", "", {}, sdp("bob", 4001)));
    const Message to_carol = phones.take(phones.carol, "INVITE");
    SUBCASE("and it succeeds") {
        phones.send(phones.carol, TwoPhones::answer(to_carol, "200 OK", "", {}, sdp("carol", 4002)));
        CHECK(*phones.profiles().size("total") == 1);
        phones.send(phones.carol, phones.from_carol("BYE", 4));
        phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
        phones.nothing_left(3);
    }
    SUBCASE("or fails, and nobody is left alone") {
        phones.send(phones.carol, TwoPhones::answer(to_carol, "488 No"));
        phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
        phones.send(phones.carol, TwoPhones::answer(phones.take(phones.carol, "BYE"), "200 OK"));
        phones.nothing_left(2);
    }
}

TEST_CASE("attended transfer: a refusal leaves both calls as they were") {
    for (const bool is_first : {true, false}) {
        CAPTURE(is_first);
        Attended phones;
        phones.refer();
        const Message to_bob = phones.take(phones.bob, "INVITE");
        if (is_first) {
            phones.send(phones.bob, TwoPhones::answer(to_bob, "488 No"));
        } else {
            phones.send(phones.bob, TwoPhones::answer(to_bob, "200 OK", "", {}, sdp("bob", 4001)));
            phones.send(phones.carol, TwoPhones::answer(phones.take(phones.carol, "INVITE"), "488 No"));
            const Message back = phones.take(phones.bob, "INVITE");
            CHECK(has(back, "m=audio 4000"));
            phones.send(phones.bob, TwoPhones::answer(back, "200 OK", "", {}, sdp("bob", 4001)));
        }
        CHECK(phones.notified() == "SIP/2.0 488 Not Acceptable Here\r\n");
        phones.forget();
        phones.send(phones.carol, phones.from_carol("INFO", 4));
        CHECK(phones.take(phones.alice, "INFO").call_id() == "call-b");
        phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "INFO", 60));
        CHECK(phones.take(phones.alice, "INFO").call_id() == "call-a");
    }
}

TEST_CASE("attended transfer: one of the two who remain hangs up meanwhile") {
    for (const bool is_carol : {true, false}) {
        CAPTURE(is_carol);
        Attended phones;
        phones.refer();
        const Message to_bob = phones.take(phones.bob, "INVITE");
        if (is_carol) {
            phones.send(phones.carol, phones.from_carol("BYE", 4));
            const Message bye = phones.take(phones.alice, "BYE");
            CHECK(bye.call_id() == "call-b");
            phones.send(phones.alice, TwoPhones::answer(bye, "200 OK"));
            phones.send(phones.bob, TwoPhones::answer(to_bob, "488 No"));
            CHECK(phones.notified().substr(8, 3) == "480");
            phones.send(phones.alice, phones.request("BYE", phones.our_tag, 51));
            phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
        } else {
            phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "BYE", 60));
            phones.send(phones.bob, TwoPhones::answer(to_bob, "487 Request Terminated"));
            CHECK(phones.notified().substr(8, 3) == "487");
            phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "BYE"), "200 OK"));
            // The other call is as it was.
            phones.send(phones.alice, Attended::second(phones.request("BYE", phones.second_tag, 51)));
            phones.send(phones.carol, TwoPhones::answer(phones.take(phones.carol, "BYE"), "200 OK"));
        }
        phones.nothing_left(2);
    }
}

TEST_CASE("attended transfer: the end of a leg that is lent ends its call, and the transfer") {
    Attended phones;
    phones.refer();
    const Message to_bob = phones.take(phones.bob, "INVITE");
    const DialogId lent =
        phones.engine().tracker().find(phones.carols_invite.call_id(), phones.carols_invite.from_tag(), {});
    CHECK(phones.engine().end(lent, EndReason::admin, phones.now).ok());
    phones.wait(0);
    phones.send(phones.carol, TwoPhones::answer(phones.take(phones.carol, "BYE"), "200 OK"));
    const Message bye = phones.take(phones.alice, "BYE");
    CHECK(bye.call_id() == "call-b");
    phones.send(phones.alice, TwoPhones::answer(bye, "200 OK"));
    phones.send(phones.bob, TwoPhones::answer(to_bob, "488 No"));
    CHECK(phones.notified().substr(8, 3) == "480");
    CHECK(phones.engine().calls() == 1); // of Alice and Bob
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 51));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    phones.nothing_left(2);
}

TEST_CASE("attended transfer: while a leg is lent nothing passes to it") {
    Attended phones;
    phones.refer();
    phones.send(phones.alice, Attended::second(phones.request("INFO", phones.second_tag, 51)));
    CHECK(phones.got(phones.alice, "SIP/2.0 500"));
    phones.send(phones.alice, Attended::second(phones.invite({}, sdp("alice", 1), phones.second_tag, 52)));
    CHECK(phones.got(phones.alice, "SIP/2.0 491"));
    phones.send(phones.carol, phones.from_carol("INVITE", 4, sdp("carol", 1)));
    CHECK(phones.got(phones.carol, "SIP/2.0 491"));
}

TEST_CASE("attended transfer: a dialog that is not here is named to whoever the route finds (RFC 5589 section 7.1)") {
    Up phones;
    phones.router.answer.targets = {{"sip:carol@192.0.2.3:5063", phones.carol, "carrier-c"}};
    phones.send(phones.alice, phones.request("REFER", phones.our_tag, 50,
                                             "Refer-To: <sip:carol@c?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2>\r\n"));
    CHECK(phones.take(phones.carol, "INVITE").value(Header::replaces) == "x;to-tag=1;from-tag=2");
}

TEST_CASE("attended transfer: a dialog that another worker has is joined across both calls") {
    EngineOptions options;
    SeededRandom random(7);
    options.loop_hash.emplace(random); // the same for both
    options.shards = 2;
    Up here(options);
    TwoPhones there(options, 1);
    const Endpoint self = test::endpoint("192.0.2.9", 5060);
    const auto relay = [&] {
        for (bool is_moving = true; is_moving;) {
            is_moving = false;
            for (auto [from, to] : {std::pair<TwoPhones *, TwoPhones *>{&here, &there}, {&there, &here}}) {
                for (const std::string &bytes : from->take_all(self)) {
                    to->send(self, bytes);
                    is_moving = true;
                }
            }
        }
    };
    there.router.answer.targets = {{"sip:carol@192.0.2.3:5063", there.carol, "carrier-c"}};
    there.send(there.alice, Attended::second(there.invite({}, sdp("alice", 4010))));
    const Message carols = there.take(there.carol, "INVITE");
    there.send(there.carol, TwoPhones::answer(carols, "200 OK", "carol", {}, sdp("carol", 4002)));
    const std::string tag(there.take(there.alice, "SIP/2.0 200").to_tag());
    there.send(there.alice, Attended::second(there.request("ACK", tag, 1)));
    there.take(there.carol, "ACK");
    there.router.answer.refuse = 403; // whoever comes from anywhere else
    here.router.answer.targets = {{"sip:carol@192.0.2.3:5063", here.carol, "carrier-c"}};

    here.send(here.alice,
              here.request("REFER", here.our_tag, 50,
                           "Refer-To: <sip:carol@c?Replaces=call-b%3Bto-tag%3D" + tag + "%3Bfrom-tag%3Dalice>\r\n"));
    here.take(here.alice, "SIP/2.0 202");
    here.send(here.alice, TwoPhones::answer(here.take(here.alice, "NOTIFY"), "200 OK"));
    relay();
    CHECK_FALSE(here.got(here.carol, "INVITE"));
    const Message offer = there.take(there.carol, "INVITE");
    CHECK(offer.call_id() == carols.call_id());
    CHECK(has(offer, "m=audio 4001"));
    there.send(there.carol, TwoPhones::answer(offer, "200 OK", "", {}, sdp("carol", 4002)));
    const Message released = there.take(there.alice, "BYE");
    CHECK(released.call_id() == "call-b");
    there.send(there.alice, TwoPhones::answer(released, "200 OK"));
    relay();
    const Message to_bob = here.take(here.bob, "INVITE");
    CHECK(has(to_bob, "m=audio 4002"));
    here.send(here.bob, TwoPhones::answer(to_bob, "200 OK", "", {}, sdp("bob", 4001)));
    relay();
    const Message last = here.take(here.alice, "NOTIFY");
    CHECK(last.body() == "SIP/2.0 200 OK\r\n");
    here.send(here.alice, TwoPhones::answer(last, "200 OK"));
    here.send(here.alice, TwoPhones::answer(here.take(here.alice, "BYE"), "200 OK"));

    here.send(here.bob, TwoPhones::from_bob(here.bobs_invite, "INFO", 60));
    relay();
    there.send(there.carol, TwoPhones::answer(there.take(there.carol, "INFO"), "200 OK"));
    relay();
    CHECK(here.got(here.bob, "SIP/2.0 200"));
    here.send(here.bob, TwoPhones::from_bob(here.bobs_invite, "BYE", 61));
    relay();
    there.send(there.carol, TwoPhones::answer(there.take(there.carol, "BYE"), "200 OK"));
    relay();
    for (TwoPhones *phones : {static_cast<TwoPhones *>(&here), &there}) {
        phones->wait(400'000);
        CHECK(phones->engine().calls() == 0);
        CHECK(phones->engine().dialogs() == 0);
    }
    CHECK(here.ended.size() == 2); // that of Alice and Bob, and of Bob and Carol
    CHECK(there.ended.size() == 1);
}

TEST_CASE("attended transfer: a dialog whose names look like ours, and that no worker has, is named to the target") {
    for (const std::uint32_t shards : {1U, 4U}) {
        CAPTURE(shards);
        EngineOptions options;
        options.shards = shards;
        Up phones(options);
        const Endpoint self = test::endpoint("192.0.2.9", 5060);
        phones.router.answer.targets = {{"sip:carol@192.0.2.3:5063", phones.carol, "carrier-c"}};
        phones.send(phones.alice,
                    phones.request("REFER", phones.our_tag, 50,
                                   "Refer-To: <sip:carol@c?Replaces=x%3Bto-tag%3Dabcdefghijklx03%3Bfrom-tag%3D2>\r\n"));
        if (shards > 1) {
            CHECK_FALSE(phones.got(phones.carol, "INVITE"));
            const Message asked = phones.take(self, "INVITE");
            CHECK(asked.values(Header::replaces) == "x;to-tag=abcdefghijklx03;from-tag=2");
            phones.send(self, TwoPhones::answer(asked, "481 Not Here"));
        }
        CHECK_FALSE(phones.got(self, "INVITE"));
        CHECK(phones.take(phones.carol, "INVITE").values(Header::replaces) == "x;to-tag=abcdefghijklx03;from-tag=2");
    }
}

TEST_CASE("attended transfer: who says that he comes from another worker, and does not, is asked like anybody") {
    Up phones;
    phones.router.answer.refuse = 403;
    const std::string headers =
        "Replaces: call-a;to-tag=" + phones.our_tag + ";from-tag=alice\r\nX-Tandem-Loop: 1,2\r\n";
    phones.send(phones.dave, of_dave(phones.invite(headers, sdp("dave", 4004))));
    CHECK(phones.got(phones.dave, "SIP/2.0 403"));
}

TEST_CASE("INVITE with Replaces: a newcomer takes the place of either peer (RFC 3891 section 3)") {
    for (const bool is_caller : {true, false}) {
        CAPTURE(is_caller);
        Up phones;
        const Endpoint replaced = is_caller ? phones.alice : phones.bob;
        const Endpoint stays = is_caller ? phones.bob : phones.alice;
        const std::string replaces = is_caller ? "call-a;to-tag=" + phones.our_tag + ";from-tag=alice"
                                               : std::string(phones.bobs_invite.call_id()) +
                                                     ";to-tag=" + std::string(phones.bobs_invite.from_tag()) +
                                                     ";from-tag=bob";
        phones.send(phones.dave,
                    of_dave(phones.invite("Require: replaces\r\nReplaces: " + replaces + "\r\n", sdp("dave", 4004))));
        CHECK(phones.got(phones.dave, "SIP/2.0 100"));
        const Message offer = phones.take(stays, "INVITE");
        CHECK(has(offer, "m=audio 4004"));
        CHECK_FALSE(phones.got(replaced, "BYE"));
        phones.send(stays, TwoPhones::answer(offer, "200 OK", "", {}, sdp("y", 4005)));
        CHECK(phones.got(stays, "ACK"));
        const Message ok = phones.take(phones.dave, "SIP/2.0 200");
        CHECK(has(ok, "m=audio 4005"));
        phones.send(replaced, TwoPhones::answer(phones.take(replaced, "BYE"), "200 OK"));
        phones.wait(500);
        CHECK(phones.got(phones.dave, "SIP/2.0 200")); // until its ACK
        phones.send(phones.dave, of_dave(phones.request("ACK", ok.to_tag(), 1)));
        CHECK_FALSE(phones.got(stays, "ACK"));
        phones.wait(5000);
        CHECK_FALSE(phones.got(phones.dave, "SIP/2.0 200"));

        phones.send(phones.dave, of_dave(phones.request("BYE", ok.to_tag(), 2)));
        phones.send(stays, TwoPhones::answer(phones.take(stays, "BYE"), "200 OK"));
        phones.nothing_left(2);
    }
}

TEST_CASE("INVITE with Replaces: if it comes to nothing the call stays as it was") {
    Up phones;
    const std::string replaces = "Replaces: call-a;to-tag=" + phones.our_tag + ";from-tag=alice\r\n";
    phones.send(phones.dave, of_dave(phones.invite(replaces, sdp("dave", 4004))));
    const Message offer = phones.take(phones.bob, "INVITE");
    SUBCASE("the other peer refuses") {
        phones.send(phones.bob, TwoPhones::answer(offer, "488 No"));
        CHECK(phones.got(phones.dave, "SIP/2.0 488"));
    }
    SUBCASE("the other peer challenges, which is not the newcomer's to answer") {
        phones.send(phones.bob, TwoPhones::answer(offer, "407 Prove it"));
        CHECK(phones.got(phones.dave, "SIP/2.0 503"));
    }
    SUBCASE("the newcomer gives up") {
        phones.send(phones.bob, TwoPhones::answer(offer, "100 Trying", ""));
        phones.send(phones.dave, of_dave(phones.cancel()));
        CHECK(phones.got(phones.dave, "SIP/2.0 487"));
        phones.send(phones.bob, TwoPhones::answer(offer, "200 OK", "", {}, sdp("bob", 4001)));
        const Message back = phones.take(phones.bob, "INVITE");
        CHECK(has(back, "m=audio 4000"));
        phones.send(phones.bob, TwoPhones::answer(back, "200 OK", "", {}, sdp("bob", 4001)));
    }
    phones.forget();
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 3));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    phones.nothing_left(2);
}

TEST_CASE("INVITE with Replaces: the other peer hangs up meanwhile: 487, and who was to be replaced gets BYE") {
    Up phones;
    const std::string replaces = "Replaces: call-a;to-tag=" + phones.our_tag + ";from-tag=alice\r\n";
    phones.send(phones.dave, of_dave(phones.invite(replaces, sdp("dave", 4004))));
    const Message offer = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "BYE", 5));
    phones.send(phones.bob, TwoPhones::answer(offer, "487 Request Terminated"));
    CHECK(phones.got(phones.dave, "SIP/2.0 487"));
    phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "BYE"), "200 OK"));
    phones.nothing_left(2);
}

TEST_CASE("INVITE with Replaces: what is refused (RFC 3891 section 3)") {
    Up phones;
    const std::string good = "Replaces: call-a;to-tag=" + phones.our_tag + ";from-tag=alice";
    struct Case {
        std::string headers;
        const char *status;
    };
    const std::vector<Case> cases = {
        {good + "\r\n" + good + "\r\n", "SIP/2.0 400"}, // two of them
        {"Replaces: call-a\r\n", "SIP/2.0 400"},
        {good + "\r\nJoin: call-a;to-tag=1;from-tag=2\r\n", "SIP/2.0 400"},
        {"Replaces: call-x;to-tag=1;from-tag=2\r\n", "SIP/2.0 481"},
        {"Replaces: call-a;to-tag=guess;from-tag=alice\r\n", "SIP/2.0 481"},
        {good + ";early-only\r\n", "SIP/2.0 486"},
    };
    std::uint32_t cseq = 10;
    for (const Case &each : cases) {
        CAPTURE(each.headers);
        phones.send(phones.dave, of_dave(phones.invite(each.headers, sdp("dave", 4004), {}, ++cseq)));
        CHECK(phones.got(phones.dave, each.status));
        CHECK_FALSE(phones.got(phones.bob, "INVITE"));
    }
    // Who may not call may take no place either.
    phones.router.answer.refuse = 403;
    phones.send(phones.dave, of_dave(phones.invite(good + "\r\n", sdp("dave", 4004), {}, 30)));
    CHECK(phones.got(phones.dave, "SIP/2.0 403"));
    CHECK_FALSE(phones.got(phones.bob, "INVITE"));
}

TEST_CASE("INVITE with Replaces: the place of one who called can not be taken while it rings: 481") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INVITE"), "180 Ringing"));
    const std::string tag(phones.take(phones.alice, "SIP/2.0 180").to_tag());
    const std::string replaces = "Replaces: call-a;to-tag=" + tag + ";from-tag=alice\r\n";
    phones.send(phones.dave, of_dave(phones.invite(replaces)));
    CHECK(phones.got(phones.dave, "SIP/2.0 481"));
}

TEST_CASE("INVITE with Replaces: a call that rings is picked up (RFC 3891 section 3)") {
    Ringing phones;
    const std::string replaces = phones.replaces(";early-only");
    phones.send(phones.dave, of_dave(phones.invite(replaces, sdp("dave", 4004))));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "CANCEL"), "200 OK"));
    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "487 Request Terminated"));
    const Message to_alice = phones.take(phones.alice, "SIP/2.0 200");
    CHECK(has(to_alice, "m=audio 4004"));
    const Message to_dave = phones.take(phones.dave, "SIP/2.0 200");
    CHECK(has(to_dave, "m=audio 4000"));
    phones.send(phones.alice, phones.request("ACK", to_alice.to_tag(), 1));
    phones.send(phones.dave, of_dave(phones.request("ACK", to_dave.to_tag(), 1)));
    phones.wait(5000);
    CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 200"));
    CHECK_FALSE(phones.got(phones.dave, "SIP/2.0 200"));
    phones.send(phones.dave, of_dave(phones.request("INFO", to_dave.to_tag(), 2)));
    CHECK(phones.got(phones.alice, "INFO"));
    phones.send(phones.alice, phones.request("BYE", to_alice.to_tag(), 2));
    phones.send(phones.dave, TwoPhones::answer(phones.take(phones.dave, "BYE"), "200 OK"));
    phones.wait(400'000);
    CHECK(phones.engine().calls() == 0);
    CHECK(phones.engine().dialogs() == 0);
    CHECK(phones.ended.size() == 2);
}

TEST_CASE("INVITE with Replaces: a pick-up with other media than the call's is 488, and it rings on") {
    Ringing phones;
    const std::string replaces = phones.replaces();
    phones.send(phones.dave, of_dave(phones.invite(replaces, sdp("dave", 4004) + "m=video 4006 RTP/AVP 96\r\n")));
    CHECK(phones.got(phones.dave, "SIP/2.0 488"));
    CHECK_FALSE(phones.got(phones.bob, "CANCEL"));
}

TEST_CASE("INVITE with Replaces: BYE to who picked up waits for his ACK (RFC 3261 section 15)") {
    Ringing phones;
    const std::string replaces = phones.replaces();
    phones.send(phones.dave, of_dave(phones.invite(replaces, sdp("dave", 4004))));
    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "487 Request Terminated"));
    const Message to_alice = phones.take(phones.alice, "SIP/2.0 200");
    const Message to_dave = phones.take(phones.dave, "SIP/2.0 200");
    phones.send(phones.alice, phones.request("ACK", to_alice.to_tag(), 1));
    EndReason alices = EndReason::caller_bye;
    EndReason daves = EndReason::callee_bye; // he called, and is hung up
    SUBCASE("which comes") {
        phones.send(phones.alice, phones.request("BYE", to_alice.to_tag(), 2));
        CHECK_FALSE(phones.got(phones.dave, "BYE"));
        phones.send(phones.dave, of_dave(phones.request("ACK", to_dave.to_tag(), 1)));
    }
    SUBCASE("or does not") {
        phones.send(phones.alice, phones.request("BYE", to_alice.to_tag(), 2));
        phones.wait(31'000);
        CHECK_FALSE(phones.got(phones.dave, "BYE"));
        phones.wait(2'000);
    }
    SUBCASE("though nobody hangs up: then Alice gets one, too") {
        phones.wait(31'000);
        CHECK_FALSE(phones.got(phones.dave, "BYE"));
        phones.wait(2'000);
        phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "BYE"), "200 OK"));
        alices = daves = EndReason::no_ack;
    }
    phones.send(phones.dave, TwoPhones::answer(phones.take(phones.dave, "BYE"), "200 OK"));
    phones.wait(400'000);
    CHECK(phones.engine().calls() == 0);
    CHECK(phones.engine().dialogs() == 0);
    REQUIRE(phones.ended.size() == 2);
    CHECK(phones.ended.front().reason == alices);
    CHECK(phones.ended.back().reason == daves);
}

TEST_CASE("INVITE with Replaces: what was on its way to those who rang is 487") {
    Ringing phones;
    phones.send(phones.alice, phones.request("INFO", phones.alices_tag, 2));
    CHECK(phones.got(phones.bob, "INFO"));
    const std::string replaces = phones.replaces();
    phones.send(phones.dave, of_dave(phones.invite(replaces, sdp("dave", 4004))));
    CHECK(phones.got(phones.dave, "SIP/2.0 200"));
    CHECK(phones.take(phones.alice, "SIP/2.0 487").method() == Method::info);
}

TEST_CASE("INVITE with Replaces: a newcomer who is asked about has his place when it is allowed, and else is refused") {
    Up phones;
    phones.router.answer.is_controlled = true;
    const std::string replaces = "Replaces: call-a;to-tag=" + phones.our_tag + ";from-tag=alice\r\n";
    phones.send(phones.dave, of_dave(phones.invite("Require: replaces\r\n" + replaces, sdp("dave", 4004))));
    CHECK(phones.got(phones.dave, "SIP/2.0 100"));
    CHECK(phones.is_silent());
    const Question question = phones.question();
    CHECK(question.call_id == "call-d");
    SUBCASE("allowed") {
        CHECK(phones.decide(question, {}) == DecisionOutcome::allowed);
        CHECK(has(phones.take(phones.bob, "INVITE"), "m=audio 4004"));
    }
    SUBCASE("refused") {
        Decision refusal;
        refusal.code = 403;
        CHECK(phones.decide(question, refusal) == DecisionOutcome::refused);
        CHECK(phones.got(phones.dave, "SIP/2.0 403"));
        CHECK_FALSE(phones.got(phones.bob, "INVITE"));
        phones.send(phones.alice, phones.request("BYE", phones.our_tag, 2));
        phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
        phones.nothing_left(2);
    }
}
