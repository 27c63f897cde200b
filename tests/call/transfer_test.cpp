// Transfers: REFER (RFC 3515, RFC 5589), blind and attended, passed and refused, and what crosses them.
#include <functional>
#include "call/two_phones.hpp"

using namespace tandem;
using test::TwoPhones;

namespace {

std::string sdp(std::string_view who, int version = 1, std::string_view direction = "sendrecv") {
    return "v=0\r\no=" + std::string(who) + " 1 " + std::to_string(version) +
           " IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio " + (who == "carol" ? "4002" : "4000") +
           " RTP/AVP 0\r\na=" + std::string(direction) + "\r\n";
}

// The line that a description has but for its origin.
std::string media(std::string_view text) {
    std::string out(text);
    const std::size_t origin = out.find("o=");
    out.erase(origin, out.find('\n', origin) + 1 - origin);
    return out;
}

// Alice called Bob; whoever is called from now on is Carol.
struct Transferred : TwoPhones {
    explicit Transferred(bool is_by_callee = true, const std::function<void(TwoPhones &)> &prepare = {})
        : by_callee(is_by_callee) {
        if (prepare) prepare(*this);
        send(alice, invite({}, sdp("alice")));
        bobs_invite = take(bob, "INVITE");
        send(bob, answer(bobs_invite, "200 OK", "bob", {}, sdp("bob")));
        our_tag = take(alice, "SIP/2.0 200").to_tag();
        send(alice, request("ACK", our_tag, 1));
        take(bob, "ACK");
        router.answer.targets = {{"sip:carol@192.0.2.3:5063", carol, "carrier-c"}};
        forget();
    }

    // Whoever transfers, and who remains.
    Endpoint x() const { return by_callee ? bob : alice; }
    Endpoint y() const { return by_callee ? alice : bob; }
    std::string from_x(std::string_view method, std::uint32_t cseq, std::string_view extra = {},
                       std::string_view body = {}) {
        return by_callee ? from_bob(bobs_invite, method, cseq, extra, body)
                         : request(method, our_tag, cseq, extra, body);
    }
    std::string from_y(std::string_view method, std::uint32_t cseq, std::string_view extra = {},
                       std::string_view body = {}) {
        return by_callee ? request(method, our_tag, cseq, extra, body)
                         : from_bob(bobs_invite, method, cseq, extra, body);
    }
    void refer(std::string_view to = "<sip:carol@c>", std::string_view extra = {}) {
        send(x(), from_x("REFER", 50, "Refer-To: " + std::string(to) + "\r\n" + std::string(extra)));
    }
    // The fragment of the next NOTIFY, which is answered.
    std::string notified(std::string_view answer_line = "200 OK") {
        const Message notify = take(x(), "NOTIFY");
        CHECK(notify.value(Header::event) == "refer");
        CHECK(notify.content_type() == "message/sipfrag;version=2.0");
        CHECK(notify.has(Header::contact));
        const bool is_final = notify.body().substr(8, 1) != "1";
        CHECK(notify.value(Header::subscription_state).substr(0, 10) == (is_final ? "terminated" : "active;exp"));
        send(x(), answer(notify, answer_line));
        return std::string(notify.body());
    }
    // REFER, 202, NOTIFY 100; gives the INVITE to Carol.
    Message begin(std::string_view extra = {}) {
        refer("<sip:carol@c>", extra);
        CHECK(take(x(), "SIP/2.0 202").has(Header::contact));
        CHECK(notified() == "SIP/2.0 100 Trying\r\n");
        return take(carol, "INVITE");
    }
    // Carol answers, and Y is offered what she said.
    Message answered(const Message &carols, std::string_view direction = "sendrecv") {
        send(carol, answer(carols, "200 OK", "carol", {}, sdp("carol", 7, direction)));
        CHECK(got(carol, "ACK"));
        return take(y(), "INVITE");
    }
    // Y agrees to what Carol was offered, so that she needs not be asked again.
    void agree(const Message &to_y) {
        send(y(), answer(to_y, "200 OK", "", {}, sdp(by_callee ? "alice" : "bob", 2)));
        CHECK(got(y(), "ACK"));
    }
    void hang_up_x() { send(x(), answer(take(x(), "BYE"), "200 OK")); }
    // Y hangs up on Carol.
    void end_by_y() {
        send(y(), from_y("BYE", 90));
        CHECK(got(y(), "SIP/2.0 200"));
        send(carol, answer(take(carol, "BYE"), "200 OK"));
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
    bool by_callee;
};

std::string escaped(const Message &invite, std::string_view to_tag, std::string_view from_tag) {
    return "<sip:carol@c?Replaces=" + std::string(invite.call_id()) + "%3Bto-tag%3D" + std::string(to_tag) +
           "%3Bfrom-tag%3D" + std::string(from_tag) + ">";
}

} // namespace

TEST_CASE("transfer: blind, by either side: the target talks to who remains, and who referred gets BYE (RFC 5589 "
          "section 6)") {
    for (const bool by_callee : {true, false}) {
        CAPTURE(by_callee);
        Transferred phones(by_callee);
        const Message carols = phones.begin();
        CHECK(carols.request_uri() == "sip:carol@192.0.2.3:5063"); // where the route sends it
        CHECK(media(carols.body()) == media(sdp("")));
        CHECK(carols.body().find(by_callee ? "o=alice 1 1 " : "o=bob 1 1 ") != std::string_view::npos);
        CHECK(carols.from_uri() == (by_callee ? "sip:alice@a" : "sip:bob@b"));
        CHECK(carols.value(Header::referred_by) == (by_callee ? "<sip:bob@b>" : "<sip:alice@a>")); // RFC 3892
        phones.send(phones.carol, TwoPhones::answer(carols, "180 Ringing", "carol"));
        CHECK(phones.notified() == "SIP/2.0 180 Ringing\r\n");
        CHECK_FALSE(phones.got(phones.y(), "SIP/2.0"));

        const Message to_y = phones.answered(carols);
        // One dialog, one origin; its version rises (RFC 3264 section 8).
        CHECK(to_y.body().find(by_callee ? "o=bob 1 2 " : "o=alice 1 2 ") != std::string_view::npos);
        phones.agree(to_y);
        CHECK_FALSE(phones.got(phones.x(), "BYE")); // not before the NOTIFY is answered
        CHECK(phones.notified() == "SIP/2.0 200 OK\r\n");
        phones.hang_up_x();
        CHECK_FALSE(phones.got(phones.carol, "INVITE")); // nothing differs

        // They talk: requests pass between them.
        phones.send(phones.y(), phones.from_y("INFO", 60));
        const Message info = phones.take(phones.carol, "INFO");
        CHECK(info.call_id() == carols.call_id());
        phones.send(phones.carol, TwoPhones::answer(info, "200 OK"));
        CHECK(phones.got(phones.y(), "SIP/2.0 200"));
        phones.end_by_y();
        // A caller who goes leaves one record, and the target's leg counts from its own INVITE on.
        phones.nothing_left(by_callee ? 1 : 2);
        CHECK(phones.ended.back().is_answered);
    }
}

TEST_CASE("transfer: the target hears what the remaining peer says, where it is not what he was offered") {
    Transferred phones;
    const Message carols = phones.begin();
    const Message to_y = phones.answered(carols);
    phones.send(phones.y(), TwoPhones::answer(to_y, "200 OK", "", {}, sdp("alice", 2, "sendonly")));
    const Message settled = phones.take(phones.carol, "INVITE");
    CHECK(settled.body().find("a=sendonly") != std::string_view::npos);
    CHECK(settled.to_tag() == "carol");
    SUBCASE("and agrees") {
        phones.send(phones.carol, TwoPhones::answer(settled, "200 OK", "", {}, sdp("carol", 8, "recvonly")));
        CHECK(phones.notified() == "SIP/2.0 200 OK\r\n");
        phones.hang_up_x();
        phones.end_by_y();
    }
    SUBCASE("or does not: the transfer fails, and who remains is given back what he had") {
        phones.send(phones.carol, TwoPhones::answer(settled, "488 No"));
        CHECK(phones.notified() == "SIP/2.0 488 Not Acceptable Here\r\n");
        phones.send(phones.carol, TwoPhones::answer(phones.take(phones.carol, "BYE"), "200 OK"));
        const Message back = phones.take(phones.y(), "INVITE");
        CHECK(media(back.body()) == media(sdp("")));
        phones.send(phones.y(), TwoPhones::answer(back, "200 OK", "", {}, sdp("alice", 3)));
        phones.send(phones.x(), phones.from_x("BYE", 80));
        phones.send(phones.y(), TwoPhones::answer(phones.take(phones.y(), "BYE"), "200 OK"));
    }
    phones.nothing_left(1);
}

TEST_CASE("transfer: who was held for it is offered both directions") {
    Transferred phones;
    phones.send(phones.x(), phones.from_x("INVITE", 40, {}, sdp("bob", 2, "sendonly")));
    phones.send(phones.y(),
                TwoPhones::answer(phones.take(phones.y(), "INVITE"), "200 OK", "", {}, sdp("alice", 2, "recvonly")));
    phones.send(phones.x(), phones.from_x("ACK", 40));
    phones.forget();
    CHECK(media(phones.begin().body()) == media(sdp("", 1, "sendrecv")));
}

TEST_CASE("transfer: a target that refuses leaves the call as it was, and the NOTIFY says why") {
    for (const char *refusal : {"486 Busy Here", "603 Decline", "404 Not Found"}) {
        Transferred phones;
        const Message carols = phones.begin();
        phones.send(phones.carol, TwoPhones::answer(carols, refusal, "carol"));
        CHECK(phones.notified().substr(8, 3) == std::string(refusal).substr(0, 3));
        CHECK_FALSE(phones.got(phones.y(), "INVITE")); // never touched
        // It may be tried again, and the two go on.
        phones.send(phones.y(), phones.from_y("INFO", 60));
        CHECK(phones.got(phones.x(), "INFO"));
        phones.send(phones.x(), phones.from_x("BYE", 80));
        phones.send(phones.y(), TwoPhones::answer(phones.take(phones.y(), "BYE"), "200 OK"));
        phones.nothing_left(1);
    }
}

TEST_CASE("transfer: a challenge that is not answered is told as 503, whoever it comes from") {
    for (const bool is_of_target : {true, false}) {
        CAPTURE(is_of_target);
        Transferred phones;
        const Message carols = phones.begin();
        if (is_of_target) {
            phones.send(phones.carol, TwoPhones::answer(carols, "401 Prove it", "carol"));
        } else {
            phones.send(phones.y(), TwoPhones::answer(phones.answered(carols), "407 Prove it"));
        }
        CHECK(phones.notified() == "SIP/2.0 503 Service Unavailable\r\n");
    }
}

TEST_CASE("transfer: where no route leads nobody is called, and the NOTIFY says so") {
    Transferred phones;
    phones.router.answer.refuse = 403;
    phones.refer("<sip:+19005550100@premium>");
    phones.take(phones.x(), "SIP/2.0 202");
    phones.notified();
    CHECK(phones.notified() == "SIP/2.0 403 Forbidden\r\n");
    CHECK_FALSE(phones.got(phones.carol, "INVITE"));
}

TEST_CASE("transfer: if the remaining peer refuses the target is hung up, and the call goes on") {
    Transferred phones;
    const Message to_y = phones.answered(phones.begin());
    phones.send(phones.y(), TwoPhones::answer(to_y, "488 No"));
    CHECK(phones.notified() == "SIP/2.0 488 Not Acceptable Here\r\n");
    phones.send(phones.carol, TwoPhones::answer(phones.take(phones.carol, "BYE"), "200 OK"));
    CHECK_FALSE(phones.got(phones.y(), "INVITE"));
    phones.send(phones.y(), phones.from_y("INFO", 60));
    CHECK(phones.got(phones.x(), "INFO"));
}

TEST_CASE("transfer: an answer without a session is none: 488, and the target is hung up") {
    Transferred phones;
    const Message carols = phones.begin();
    phones.send(phones.carol, TwoPhones::answer(carols, "200 OK", "carol"));
    CHECK(phones.got(phones.carol, "ACK"));
    CHECK(phones.got(phones.carol, "BYE"));
    CHECK(phones.notified() == "SIP/2.0 488 Not Acceptable Here\r\n");
}

TEST_CASE("transfer: the session of a 183 is that of an answer without one, if it is the same phone's") {
    for (const bool is_same : {true, false}) {
        CAPTURE(is_same);
        Transferred phones;
        const Message carols = phones.begin();
        phones.send(phones.carol, TwoPhones::answer(carols, "183 Session Progress", is_same ? "carol" : "other", {},
                                                    sdp("carol", 7)));
        phones.notified();
        phones.send(phones.carol, TwoPhones::answer(carols, "200 OK", "carol"));
        CHECK(phones.got(phones.carol, "ACK"));
        if (is_same) {
            const Message to_y = phones.take(phones.y(), "INVITE");
            CHECK(media(to_y.body()) == media(sdp("carol", 7)));
            phones.agree(to_y);
            CHECK(phones.notified() == "SIP/2.0 200 OK\r\n");
        } else {
            CHECK(phones.notified() == "SIP/2.0 488 Not Acceptable Here\r\n");
        }
    }
}

TEST_CASE("transfer: the search hunts like that of any call") {
    Transferred phones;
    phones.router.answer.targets = {{"sip:dave@192.0.2.4:5064", phones.dave, "carrier-d"},
                                    {"sip:carol@192.0.2.3:5063", phones.carol, "carrier-c"}};
    phones.router.answer.hunt_on = {503};
    phones.refer();
    phones.take(phones.x(), "SIP/2.0 202");
    phones.notified();
    phones.send(phones.dave, TwoPhones::answer(phones.take(phones.dave, "INVITE"), "503 No"));
    phones.agree(phones.answered(phones.take(phones.carol, "INVITE")));
    CHECK(phones.notified() == "SIP/2.0 200 OK\r\n");
    phones.hang_up_x();
    phones.end_by_y();
    phones.nothing_left(1);
}

TEST_CASE("transfer: a target that rings too long is cancelled, and the NOTIFY says 408") {
    Transferred phones;
    const Message carols = phones.begin();
    phones.send(phones.carol, TwoPhones::answer(carols, "180 Ringing", "carol"));
    phones.notified();
    phones.wait(60'000); // the route's ring timeout
    phones.send(phones.carol, TwoPhones::answer(phones.take(phones.carol, "CANCEL"), "200 OK"));
    CHECK(phones.notified() == "SIP/2.0 408 Request Timeout\r\n");
    phones.send(phones.carol, TwoPhones::answer(carols, "487 Request Terminated", "carol"));
    phones.send(phones.y(), phones.from_y("INFO", 60));
    CHECK(phones.got(phones.x(), "INFO"));
}

TEST_CASE("transfer: who refers and hangs up at once does not end it (REFER against BYE)") {
    for (const bool by_callee : {true, false}) {
        for (const bool is_success : {true, false}) {
            CAPTURE(by_callee);
            CAPTURE(is_success);
            Transferred phones(by_callee);
            const Message carols = phones.begin();
            phones.send(phones.x(), phones.from_x("BYE", 51));
            CHECK(phones.got(phones.x(), "SIP/2.0 200"));
            CHECK_FALSE(phones.got(phones.y(), "BYE"));
            CHECK_FALSE(phones.got(phones.carol, "CANCEL"));
            if (is_success) {
                phones.agree(phones.answered(carols));
                CHECK_FALSE(phones.got(phones.x(), "NOTIFY"));
                phones.end_by_y();
            } else {
                phones.send(phones.y(), phones.from_y("INVITE", 55, {}, sdp("y", 2))); // nobody is there yet
                CHECK(phones.got(phones.y(), "SIP/2.0 491"));
                phones.send(phones.carol, TwoPhones::answer(carols, "486 Busy Here", "carol"));
                phones.send(phones.y(), TwoPhones::answer(phones.take(phones.y(), "BYE"), "200 OK"));
            }
            phones.nothing_left(by_callee ? 1 : 2);
        }
    }
}

TEST_CASE("transfer: if the remaining peer hangs up all is over: the target is cancelled, who referred hears 487") {
    for (const bool by_callee : {true, false}) {
        CAPTURE(by_callee);
        Transferred phones(by_callee);
        const Message carols = phones.begin();
        phones.send(phones.carol, TwoPhones::answer(carols, "180 Ringing", "carol"));
        phones.notified();
        phones.send(phones.y(), phones.from_y("BYE", 60));
        CHECK(phones.got(phones.y(), "SIP/2.0 200"));
        CHECK(phones.notified() == "SIP/2.0 487 Request Terminated\r\n");
        phones.hang_up_x();
        phones.send(phones.carol, TwoPhones::answer(phones.take(phones.carol, "CANCEL"), "200 OK"));
        phones.send(phones.carol, TwoPhones::answer(carols, "487 Request Terminated", "carol"));
        phones.nothing_left(by_callee ? 1 : 2);
    }
}

TEST_CASE("transfer: the remaining peer hangs up while he is being asked: the target is hung up, too") {
    Transferred phones;
    const Message to_y = phones.answered(phones.begin());
    phones.send(phones.y(), phones.from_y("BYE", 60));
    phones.send(phones.y(), TwoPhones::answer(to_y, "487 Request Terminated"));
    CHECK(phones.notified() == "SIP/2.0 487 Request Terminated\r\n");
    phones.hang_up_x();
    phones.send(phones.carol, TwoPhones::answer(phones.take(phones.carol, "BYE"), "200 OK"));
    phones.nothing_left(1);
}

TEST_CASE("transfer: the target hangs up while the remaining peer is being asked") {
    for (const std::string refusal : {"", "488 No", "491 Request Pending", "422 Longer"}) {
        CAPTURE(refusal);
        Transferred phones;
        const Message carols = phones.begin();
        const Message to_y = phones.answered(carols);
        phones.send(phones.carol, "BYE " + std::string(carols.contact_uri()) +
                                      " SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.3:5063;branch=z9hG4bK-c\r\nFrom: " +
                                      std::string(carols.value(Header::to)) +
                                      ";tag=carol\r\nTo: " + std::string(carols.value(Header::from)) +
                                      "\r\nCall-ID: " + std::string(carols.call_id()) + "\r\nCSeq: 9 BYE\r\n\r\n");
        CHECK(phones.got(phones.carol, "SIP/2.0 200"));
        CHECK_FALSE(phones.got(phones.x(), "NOTIFY")); // before the answer is known
        if (refusal.empty()) {
            phones.send(phones.y(), TwoPhones::answer(to_y, "200 OK", "", {}, sdp("alice", 2)));
            const Message back = phones.take(phones.y(), "INVITE"); // what Bob said
            CHECK(back.body().find("o=bob 1 3 ") != std::string_view::npos);
            phones.send(phones.y(), TwoPhones::answer(back, "200 OK", "", {}, sdp("alice", 3)));
        } else {
            phones.send(phones.y(), TwoPhones::answer(to_y, refusal, "", "Min-SE: 7200\r\n"));
        }
        CHECK(phones.notified().substr(8, 3) == "480");
        phones.wait(5'000);
        CHECK_FALSE(phones.got(phones.y(), "INVITE")); // of a transfer that has failed
        phones.send(phones.x(), phones.from_x("BYE", 80));
        phones.send(phones.y(), TwoPhones::answer(phones.take(phones.y(), "BYE"), "200 OK"));
        phones.nothing_left(1);
    }
}

TEST_CASE("transfer: one at a time, and not for ever") {
    Transferred phones;
    const Message carols = phones.begin();
    phones.send(phones.x(), phones.from_x("REFER", 51, "Refer-To: <sip:dave@d>\r\n"));
    CHECK(phones.got(phones.x(), "SIP/2.0 491"));
    phones.send(phones.carol, TwoPhones::answer(carols, "486 Busy Here", "carol"));
    phones.forget();
    int accepted = 1;
    for (std::uint32_t cseq = 52; cseq < 70; ++cseq) {
        phones.send(phones.x(), phones.from_x("REFER", cseq, "Refer-To: <sip:carol@c>\r\n"));
        const auto again = phones.try_take(phones.carol, "INVITE");
        if (!again) break;
        ++accepted;
        CHECK(phones.take(phones.x(), "NOTIFY").value(Header::event) == "refer;id=" + std::to_string(cseq));
        phones.send(phones.carol, TwoPhones::answer(*again, "486 Busy Here", "carol"));
        phones.take(phones.x(), "NOTIFY");
        phones.forget();
    }
    CHECK(accepted == 8);
    CHECK(phones.got(phones.x(), "SIP/2.0 603"));
}

TEST_CASE("transfer: what a REFER may not say (RFC 3515 section 2.4.2)") {
    struct Case {
        std::string headers;
        const char *status;
    };
    const std::vector<Case> cases = {
        {"", "SIP/2.0 400"},
        {"Refer-To: <sip:a@c>\r\nRefer-To: <sip:b@c>\r\n", "SIP/2.0 400"},
        {"Refer-To: <sip:a@c>, <sip:b@c>\r\n", "SIP/2.0 400"},
        {"Refer-To: <http://example.com/>\r\n", "SIP/2.0 416"},
        {"Refer-To: <sip:a@c;method=BYE>\r\n", "SIP/2.0 416"},
        {"Refer-To: <sip:a@c?Replaces=x>\r\n", "SIP/2.0 400"},
        {"Refer-To: <sip:a@c?Replaces=x%3Bto-tag%3D1%0D%0AX%3Bfrom-tag%3D2>\r\n", "SIP/2.0 400"},
        {"Refer-To: <sip:a@c?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2&Replaces=y%3Bto-tag%3D1%3Bfrom-tag%3D2>\r\n",
         "SIP/2.0 400"},
    };
    for (const Case &each : cases) {
        CAPTURE(each.headers);
        Transferred phones;
        phones.send(phones.x(), phones.from_x("REFER", 50, each.headers));
        CHECK(phones.got(phones.x(), each.status));
        CHECK_FALSE(phones.got(phones.carol, "INVITE"));
        CHECK_FALSE(phones.got(phones.x(), "NOTIFY"));
    }
}

TEST_CASE("transfer: headers that a Refer-To wants to have written are not") {
    Transferred phones;
    phones.refer("<sip:carol@c?Route=%3Csip:evil%3E&X-Injected=1>");
    const Message carols = phones.take(phones.carol, "INVITE");
    CHECK_FALSE(carols.has(Header::route));
    CHECK(carols.value(Header::to) == "<sip:carol@c>");
    for (const HeaderLine &line : carols.headers()) CHECK(line.name != "X-Injected");
}

TEST_CASE("transfer: a REFER outside a dialog is refused, and so is one before the answer") {
    TwoPhones phones;
    phones.send(phones.alice, phones.request("REFER", "", 1, "Refer-To: <sip:carol@c>\r\n"));
    CHECK(phones.got(phones.alice, "SIP/2.0 481"));
    phones.send(phones.alice, phones.request("REFER", "guess", 2, "Refer-To: <sip:carol@c>\r\n"));
    CHECK(phones.got(phones.alice, "SIP/2.0 481"));
    phones.send(phones.alice, phones.invite());
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INVITE"), "180 Ringing"));
    const std::string tag(phones.take(phones.alice, "SIP/2.0 180").to_tag());
    phones.send(phones.alice, phones.request("REFER", tag, 3, "Refer-To: <sip:carol@c>\r\n"));
    CHECK(phones.got(phones.alice, "SIP/2.0 491"));
}

TEST_CASE("transfer: Referred-By passes on; Refer-Sub: false spares the NOTIFYs (RFC 3892, RFC 4488)") {
    Transferred phones;
    phones.refer("<sip:carol@c>", "Referred-By: <sip:boss@b>;cid=\"1@b\"\r\nRefer-Sub: false\r\n");
    phones.take(phones.x(), "SIP/2.0 202");
    const Message carols = phones.take(phones.carol, "INVITE");
    CHECK(carols.value(Header::referred_by) == "<sip:boss@b>;cid=\"1@b\"");
    phones.agree(phones.answered(carols));
    CHECK_FALSE(phones.got(phones.x(), "NOTIFY"));
    phones.hang_up_x();
}

TEST_CASE("transfer: who knows nothing of the subscription is told nothing more (RFC 6665 section 4.2.2)") {
    Transferred phones;
    phones.refer();
    phones.take(phones.x(), "SIP/2.0 202");
    phones.notified("481 No Subscription");
    phones.agree(phones.answered(phones.take(phones.carol, "INVITE")));
    CHECK_FALSE(phones.got(phones.x(), "NOTIFY"));
    phones.hang_up_x();
    phones.end_by_y();
    phones.nothing_left(1);
}

TEST_CASE("transfer: a NOTIFY that is never answered holds the BYE 64*T1 at most") {
    Transferred phones;
    phones.agree(phones.answered(phones.begin()));
    CHECK(phones.got(phones.x(), "NOTIFY"));
    phones.wait(31'999);
    CHECK_FALSE(phones.got(phones.x(), "BYE"));
    phones.wait(1);
    phones.hang_up_x();
    phones.end_by_y();
    phones.nothing_left(1);
}

TEST_CASE("transfer: a BYE that is challenged ends the leg that has gone, or the target that is not wanted") {
    for (const bool is_agreed : {true, false}) {
        CAPTURE(is_agreed);
        Transferred phones;
        const Message to_y = phones.answered(phones.begin());
        if (is_agreed) {
            phones.agree(to_y);
        } else {
            phones.send(phones.y(), TwoPhones::answer(to_y, "488 No"));
        }
        phones.notified();
        const Endpoint &gone = is_agreed ? phones.bob : phones.carol;
        phones.send(gone, TwoPhones::answer(phones.take(gone, "BYE"), "401 Prove it"));
        CHECK(phones.engine().dialogs() == 2);
        if (is_agreed) {
            phones.end_by_y();
        } else {
            phones.send(phones.y(), phones.from_y("BYE", 90));
            phones.send(phones.x(), TwoPhones::answer(phones.take(phones.x(), "BYE"), "407 Prove it"));
        }
        phones.nothing_left(1);
    }
}

TEST_CASE("transfer: the profiles of the target's route are joined for it, and left if it fails") {
    for (const bool by_callee : {true, false}) {
        CAPTURE(by_callee);
        Transferred phones(by_callee);
        REQUIRE(phones.profiles().declare({"outbound", false, 1, {}}).ok());
        phones.router.answer.profiles = {{"outbound", ""}};
        const Message carols = phones.begin();
        CHECK(*phones.profiles().size("outbound") == 1);
        phones.send(phones.carol, TwoPhones::answer(carols, "486 Busy Here", "carol"));
        CHECK(*phones.profiles().size("outbound") == 0);
        phones.notified();
    }
}

TEST_CASE("transfer: by command: who is transferred talks to the target, the other leg is released") {
    Transferred phones;
    phones.router.is_closed = true; // to strangers: the host is none
    const auto command =
        phones.engine().transfer(phones.engine().tracker().find("call-a", "alice", {}), "<sip:carol@c>", phones.now);
    REQUIRE(command.ok());
    phones.wait(0);
    phones.agree(phones.answered(phones.take(phones.carol, "INVITE")));
    CHECK_FALSE(phones.got(phones.bob, "NOTIFY"));
    phones.hang_up_x();
    phones.end_by_y();
    phones.nothing_left(1);
}

TEST_CASE("transfer: a party of a call has no more called than it could call, unless it was known from the start") {
    enum class Who : std::uint8_t { nobody, at_known_address, target_of_trunk };
    for (const bool by_callee : {true, false}) {
        for (const Who who : {Who::nobody, Who::at_known_address, Who::target_of_trunk}) {
            CAPTURE(by_callee);
            CAPTURE(static_cast<int>(who));
            Transferred phones(by_callee, [&](TwoPhones &all) {
                const bool is_bob = by_callee == (who == Who::at_known_address);
                all.router.known = {is_bob ? all.bob.ip : all.alice.ip};
                if (who == Who::target_of_trunk) all.router.answer.targets.front().is_known = true;
                if (who == Who::target_of_trunk) all.router.known.clear();
            });
            phones.router.is_closed = true;
            phones.router.known.clear(); // what counts is how it was when the leg began
            phones.refer();
            CHECK(phones.got(phones.x(), "SIP/2.0 202"));
            phones.notified();
            const bool may = who == Who::at_known_address || (who == Who::target_of_trunk && by_callee);
            CHECK(phones.got(phones.carol, "INVITE") == may);
            if (!may) CHECK(phones.notified() == "SIP/2.0 403 Forbidden\r\n");
        }
    }
}

TEST_CASE("transfer: whom a trunk has redirected to is not known as the trunk is") {
    TwoPhones phones;
    phones.router.answer.redirects = Redirects::follow;
    phones.router.answer.targets.front().is_known = true;
    phones.send(phones.alice, phones.invite({}, sdp("alice")));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INVITE"), "302 Moved", "bob",
                                              "Contact: <sip:carol@192.0.2.3:5063>\r\n"));
    const Message carols = phones.take(phones.carol, "INVITE");
    phones.send(phones.carol, TwoPhones::answer(carols, "200 OK", "bob", {}, sdp("carol")));
    phones.send(phones.alice, phones.request("ACK", phones.take(phones.alice, "SIP/2.0 200").to_tag(), 1));
    phones.forget();
    phones.router.is_closed = true;
    std::string refer = TwoPhones::from_bob(carols, "REFER", 5, "Refer-To: <sip:dave@d>\r\n");
    const std::string_view bobs_address = "192.0.2.2:5062";
    for (std::size_t at = refer.find(bobs_address); at != std::string::npos; at = refer.find(bobs_address)) {
        refer.replace(at, bobs_address.size(), "192.0.2.3:5063");
    }
    phones.send(phones.carol, refer);
    CHECK(phones.got(phones.carol, "SIP/2.0 202"));
    CHECK(phones.take(phones.carol, "NOTIFY").body() == "SIP/2.0 100 Trying\r\n");
    CHECK_FALSE(phones.got(phones.bob, "INVITE"));
}

TEST_CASE("REFER: rejected where the route says so (603)") {
    TwoPhones phones;
    phones.router.answer.refers = Refers::reject;
    phones.establish();
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "REFER", 5, "Refer-To: <sip:carol@c>\r\n"));
    CHECK(phones.got(phones.bob, "SIP/2.0 603"));
    CHECK(phones.is_silent());
}

TEST_CASE("REFER: passed where the route says so, and its NOTIFY back; Replaces names the dialog of the other side") {
    TwoPhones phones;
    phones.router.answer.refers = Refers::pass;
    phones.establish();
    SUBCASE("without Replaces") {
        phones.send(phones.bob,
                    TwoPhones::from_bob(phones.bobs_invite, "REFER", 5,
                                        "Refer-To: <sip:carol@c;user=phone>\r\nReferred-By: <sip:bob@b>\r\n"));
        const Message refer = phones.take(phones.alice, "REFER");
        CHECK(refer.value(Header::refer_to) == "<sip:carol@c;user=phone>");
        CHECK(refer.value(Header::referred_by) == "<sip:bob@b>");
        CHECK(refer.has(Header::contact));
        phones.send(phones.alice, TwoPhones::answer(refer, "202 Accepted"));
        CHECK(phones.got(phones.bob, "SIP/2.0 202"));
        phones.send(phones.alice, phones.request("NOTIFY", phones.our_tag, 2,
                                                 "Event: refer\r\nSubscription-State: terminated;reason=noresource\r\n",
                                                 "SIP/2.0 200 OK"));
        const Message notify = phones.take(phones.bob, "NOTIFY");
        CHECK(notify.value(Header::event) == "refer");
        CHECK(notify.value(Header::subscription_state) == "terminated;reason=noresource");
        CHECK(notify.body() == "SIP/2.0 200 OK");
        phones.send(phones.bob, TwoPhones::answer(notify, "200 OK"));
        CHECK(phones.got(phones.alice, "SIP/2.0 200"));
    }
    SUBCASE("with the name of a dialog of ours") {
        // As Bob names his dialog with us to whoever is on our side of it.
        const std::string ours(phones.bobs_invite.from_tag());
        phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "REFER", 5,
                                                    "Refer-To: " + escaped(phones.bobs_invite, ours, "bob") + "\r\n"));
        CHECK(phones.take(phones.alice, "REFER").value(Header::refer_to) ==
              "<sip:carol@c?Replaces=call-a%3Bto-tag%3Dalice%3Bfrom-tag%3D" + phones.our_tag + ">");
    }
    SUBCASE("with the name of a foreign dialog") {
        phones.send(phones.bob,
                    TwoPhones::from_bob(phones.bobs_invite, "REFER", 5,
                                        "Refer-To: <sip:c@c?Replaces=x%40y%3Bto-tag%3D1%3Bfrom-tag%3D2>\r\n"));
        CHECK(phones.take(phones.alice, "REFER").value(Header::refer_to) ==
              "<sip:c@c?Replaces=x%40y%3Bto-tag%3D1%3Bfrom-tag%3D2>");
    }
}

TEST_CASE("transfer: one that somebody decides about waits for him, is refused as he says, and else goes on") {
    for (const bool by_callee : {true, false}) {
        CAPTURE(by_callee);
        Transferred phones(by_callee);
        phones.router.answer.is_controlled = true;
        const auto told = [&] {
            const Message notify = phones.take(phones.x(), "NOTIFY");
            phones.send(phones.x(), TwoPhones::answer(notify, "200 OK"));
            return std::string(notify.body());
        };
        const auto asked = [&](std::uint32_t cseq) {
            phones.send(phones.x(), phones.from_x("REFER", cseq, "Refer-To: <sip:carol@c>\r\n"));
            CHECK(phones.got(phones.x(), "SIP/2.0 202"));
            CHECK(told() == "SIP/2.0 100 Trying\r\n");
            CHECK_FALSE(phones.got(phones.carol, "INVITE"));
            return phones.question();
        };
        const Question question = asked(50);
        CHECK(question.request.user == "carol");
        CHECK(question.source_ip == phones.x().ip.to_string());
        Decision refusal;
        refusal.code = 403;
        CHECK(phones.decide(question, refusal) == DecisionOutcome::refused);
        CHECK(told() == "SIP/2.0 403 Forbidden\r\n");

        Decision decision;
        decision.to_user = "600";
        CHECK(phones.decide(asked(51), decision) == DecisionOutcome::allowed);
        const Message carols = phones.take(phones.carol, "INVITE");
        CHECK(carols.to_uri() == "sip:600@c");
        CHECK(carols.has(Header::referred_by));
        phones.agree(phones.answered(carols));
        CHECK(told() == "SIP/2.0 200 OK\r\n");
        phones.hang_up_x();
        phones.end_by_y();
        phones.nothing_left(by_callee ? 1 : 2);
    }
}

TEST_CASE("transfer: who hangs up withdraws the question about it") {
    Transferred phones;
    phones.router.answer.is_controlled = true;
    phones.refer();
    const Question question = phones.question();
    phones.send(phones.y(), phones.from_y("BYE", 90));
    std::vector<Question> none;
    phones.engine().take_questions(none, phones.withdrawn);
    REQUIRE(phones.withdrawn.size() == 1);
    CHECK(phones.withdrawn[0] == question.id);
    CHECK(phones.decide(question, {}) == DecisionOutcome::gone);
    CHECK_FALSE(phones.got(phones.carol, "INVITE"));
}
