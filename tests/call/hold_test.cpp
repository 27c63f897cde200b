// Hold, resume and end by command.
#include "call/two_phones.hpp"

using namespace tandem;
using test::TwoPhones;

namespace {

std::string sdp(std::string_view who, int version, std::string_view direction) {
    std::string out = "v=0\r\no=" + std::string(who) + " 1 " + std::to_string(version) +
                      " IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
    if (!direction.empty()) out += "a=" + std::string(direction) + "\r\n";
    return out;
}

struct Held : TwoPhones {
    Held() : TwoPhones(with_events()) {
        send(alice, invite({}, sdp("alice", 10, "")));
        bobs_invite = take(bob, "INVITE");
        send(bob, answer(bobs_invite, "200 OK", "bob", {}, sdp("bob", 20, "sendrecv")));
        our_tag = take(alice, "SIP/2.0 200").to_tag();
        send(alice, request("ACK", our_tag, 1));
        take(bob, "ACK");
        forget();
    }
    static EngineOptions with_events() {
        EngineOptions options;
        options.event_max = 64;
        return options;
    }
    DialogId leg() { return engine().tracker().find("call-a", "alice", {}); }
    CommandId command(bool is_resume) {
        const auto command = is_resume ? engine().resume(leg(), now) : engine().hold(leg(), now);
        REQUIRE(command.ok());
        wait(0);
        return *command;
    }
    // As text: "started caller", "failed callee 488", "ended 200".
    std::vector<std::string> events() {
        std::vector<std::string> out;
        CallEvent event;
        while (engine().next_event(event)) {
            const bool is_end = event.kind == CallEventKind::command_ended;
            std::string text = event.kind == CallEventKind::command_accepted    ? "accepted"
                               : event.kind == CallEventKind::command_started   ? "started"
                               : event.kind == CallEventKind::command_succeeded ? "succeeded"
                               : is_end                                         ? "ended"
                                                                                : "failed";
            if (!is_end && event.kind != CallEventKind::command_accepted)
                text += " " + std::string(to_string(event.side));
            if (event.status != 0) text += " " + std::to_string(event.status);
            out.push_back(text);
        }
        return out;
    }
    void hold() {
        command(false);
        send(alice, answer(take(alice, "INVITE"), "200 OK", "", {}, sdp("alice", 11, "recvonly")));
        send(bob, answer(take(bob, "INVITE"), "200 OK", "", {}, sdp("bob", 21, "recvonly")));
        events();
        forget();
    }
};

const std::vector<std::string> all_agreed = {"accepted",       "started caller",       "succeeded caller 200",
                                             "started callee", "succeeded callee 200", "ended 200"};

} // namespace

TEST_CASE("hold: each leg is told that the other one only sends, the caller first (RFC 3264 section 8.4)") {
    Held phones;
    phones.command(false);
    const Message to_alice = phones.take(phones.alice, "INVITE");
    CHECK(to_alice.body() == sdp("bob", 21, "sendonly"));
    CHECK_FALSE(phones.got(phones.bob, "INVITE"));
    phones.send(phones.alice, TwoPhones::answer(to_alice, "200 OK", "", {}, sdp("alice", 11, "recvonly")));
    CHECK(phones.got(phones.alice, "ACK"));
    const Message to_bob = phones.take(phones.bob, "INVITE");
    CHECK(to_bob.body() == sdp("alice", 11, "sendonly"));
    phones.send(phones.bob, TwoPhones::answer(to_bob, "200 OK", "", {}, sdp("bob", 21, "recvonly")));
    CHECK(phones.got(phones.bob, "ACK"));
    CHECK(phones.events() == all_agreed);
    CHECK(phones.engine().hold(phones.leg(), phones.now).error() == Error::wrong_state); // it is held

    phones.command(true);
    const Message back = phones.take(phones.alice, "INVITE");
    CHECK(back.body() == sdp("bob", 22, "sendrecv")); // the version rises with each change
    phones.send(phones.alice, TwoPhones::answer(back, "200 OK", "", {}, sdp("alice", 12, "sendrecv")));
    const Message back_too = phones.take(phones.bob, "INVITE");
    CHECK(back_too.body() == sdp("alice", 12, "sendrecv"));
    phones.send(phones.bob, TwoPhones::answer(back_too, "200 OK", "", {}, sdp("bob", 22, "sendrecv")));
    CHECK(phones.events() == all_agreed);
    CHECK(phones.engine().resume(phones.leg(), phones.now).error() == Error::wrong_state);

    // What the peers say later goes on with the versions that each has seen.
    phones.forget();
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "INVITE", 9, {}, sdp("bob", 23, "inactive")));
    const Message passed = phones.take(phones.alice, "INVITE");
    CHECK(passed.body() == sdp("bob", 23, "inactive"));
    phones.send(phones.alice, TwoPhones::answer(passed, "200 OK", "", {}, sdp("alice", 17, "inactive")));
    CHECK(phones.take(phones.bob, "SIP/2.0 200").body() == sdp("alice", 13, "inactive"));
}

TEST_CASE("hold: a caller who refuses leaves the call as it was") {
    Held phones;
    phones.command(false);
    phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "INVITE"), "488 No"));
    CHECK_FALSE(phones.got(phones.bob, "INVITE"));
    CHECK(phones.events() == std::vector<std::string>{"accepted", "started caller", "failed caller 488", "ended 488"});
    CHECK(phones.engine().resume(phones.leg(), phones.now).error() == Error::wrong_state);
    CHECK(phones.engine().hold(phones.leg(), phones.now).ok()); // it may be tried again
}

TEST_CASE("hold: if the callee refuses the caller is given back what he had") {
    Held phones;
    phones.command(false);
    phones.send(phones.alice,
                TwoPhones::answer(phones.take(phones.alice, "INVITE"), "200 OK", "", {}, sdp("alice", 11, "recvonly")));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INVITE"), "488 No"));
    const Message back = phones.take(phones.alice, "INVITE");
    CHECK(back.body() == sdp("bob", 22, "sendrecv"));
    phones.send(phones.alice, TwoPhones::answer(back, "200 OK", "", {}, sdp("alice", 12, "sendrecv")));
    CHECK(phones.events() == std::vector<std::string>{"accepted", "started caller", "succeeded caller 200",
                                                      "started callee", "failed callee 488", "ended 488"});
    CHECK(phones.engine().resume(phones.leg(), phones.now).error() == Error::wrong_state);
}

TEST_CASE("resume: if the callee refuses the caller is held again") {
    Held phones;
    phones.hold();
    phones.command(true);
    phones.send(phones.alice,
                TwoPhones::answer(phones.take(phones.alice, "INVITE"), "200 OK", "", {}, sdp("alice", 12, "sendrecv")));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INVITE"), "603 No"));
    const Message again = phones.take(phones.alice, "INVITE");
    CHECK(again.body() == sdp("bob", 23, "sendonly"));
    phones.send(phones.alice, TwoPhones::answer(again, "200 OK", "", {}, sdp("alice", 13, "recvonly")));
    CHECK(phones.events().back() == "ended 603");
    CHECK(phones.engine().resume(phones.leg(), phones.now).ok()); // it is held still
}

TEST_CASE("hold: a 491 is tried again, and the command goes on (RFC 3261 section 14.1)") {
    Held phones;
    phones.command(false);
    phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "INVITE"), "491 Request Pending"));
    phones.wait(2000);
    phones.send(phones.alice,
                TwoPhones::answer(phones.take(phones.alice, "INVITE"), "200 OK", "", {}, sdp("alice", 11, "recvonly")));
    phones.send(phones.bob,
                TwoPhones::answer(phones.take(phones.bob, "INVITE"), "200 OK", "", {}, sdp("bob", 21, "recvonly")));
    CHECK(phones.events() == all_agreed);
}

TEST_CASE("hold: a call that ends meanwhile ends the command") {
    Held phones;
    phones.command(false);
    const Message invite = phones.take(phones.alice, "INVITE");
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 2));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    CHECK(phones.events() == std::vector<std::string>{"accepted", "started caller", "ended 487"});
    phones.send(phones.alice, TwoPhones::answer(invite, "487 Request Terminated"));
    CHECK(phones.finish().reason == EndReason::caller_bye);
}

TEST_CASE("hold: there is none of a call that rings, whose session is unknown, or that is not there") {
    TwoPhones phones;
    CHECK(phones.engine().hold(DialogId(9), phones.now).error() == Error::not_found);
    phones.send(phones.alice, phones.invite());
    const DialogId leg = phones.engine().tracker().find("call-a", "alice", {});
    CHECK(phones.engine().hold(leg, phones.now).error() == Error::wrong_state);
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INVITE"), "200 OK")); // no answer in it
    const std::string tag(phones.take(phones.alice, "SIP/2.0 200").to_tag());
    phones.send(phones.alice, phones.request("ACK", tag, 1));
    CHECK(phones.engine().hold(leg, phones.now).error() == Error::wrong_state);
}

TEST_CASE("hold: an offer that was refused has used up its version (RFC 3264 section 8)") {
    Held phones;
    phones.send(phones.alice, phones.request("INVITE", phones.our_tag, 2, {}, sdp("alice", 12, "")));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INVITE"), "488 Not Acceptable Here"));
    phones.send(phones.alice, phones.request("ACK", phones.our_tag, 2));
    phones.forget();
    phones.command(false);
    const Message invite = phones.take(phones.alice, "INVITE");
    CHECK(invite.body() == sdp("bob", 21, "sendonly"));
    phones.send(phones.alice, TwoPhones::answer(invite, "200 OK", "", {}, sdp("alice", 13, "recvonly")));
    CHECK(phones.take(phones.bob, "INVITE").body() == sdp("alice", 13, "sendonly"));
}

TEST_CASE("hold: an UPDATE that is sent again after a 422 says the same (RFC 3264 section 8)") {
    Held phones;
    phones.hold();
    phones.send(phones.alice, phones.request("UPDATE", phones.our_tag, 2, {}, sdp("alice", 15, "")));
    const Message first = phones.take(phones.bob, "UPDATE");
    CHECK(first.body() == sdp("alice", 12, ""));
    phones.send(phones.bob, TwoPhones::answer(first, "422 Too Small", "", "Min-SE: 700\r\n"));
    CHECK(phones.take(phones.bob, "UPDATE").body() == first.body());
}

TEST_CASE("end by command: both legs get BYE, and the record says why") {
    Held phones;
    REQUIRE(phones.engine().end(phones.leg(), EndReason::admin, phones.now).ok());
    CHECK(phones.engine().end(phones.leg(), EndReason::admin, phones.now)); // it may be said twice
    phones.wait(0);
    phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "BYE"), "200 OK"));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    CHECK(phones.finish().reason == EndReason::admin);
}

TEST_CASE("end by command: a call that rings is refused 480, and the callee is cancelled") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "180 Ringing"));
    REQUIRE(
        phones.engine().end(phones.engine().tracker().find("call-a", "alice", {}), EndReason::admin, phones.now).ok());
    phones.wait(0);
    CHECK(phones.got(phones.alice, "SIP/2.0 480"));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "CANCEL"), "200 OK"));
    phones.send(phones.bob, TwoPhones::answer(invite, "487 Request Terminated"));
    CHECK(phones.finish().reason == EndReason::admin);
}

TEST_CASE("hold: a transfer that comes to its end first ends the command: who is held is another one") {
    for (const char *refusal : {"", "491 Request Pending"}) {
        CAPTURE(refusal);
        Held phones;
        phones.router.answer.targets = {{"sip:carol@192.0.2.3:5063", phones.carol, "carrier-c"}};
        phones.command(false);
        const Message to_alice = phones.take(phones.alice, "INVITE");
        phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "REFER", 50, "Refer-To: <sip:carol@c>\r\n"));
        phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "NOTIFY"), "200 OK"));
        const Message carols = phones.take(phones.carol, "INVITE");
        phones.send(phones.carol, TwoPhones::answer(carols, "200 OK", "carol", {}, sdp("carol", 7, "sendrecv")));
        // The hold waits behind what the transfer asks of Alice, to be sent to Bob or to her again.
        if (*refusal == 0) {
            phones.send(phones.alice, TwoPhones::answer(to_alice, "200 OK", "", {}, sdp("alice", 11, "recvonly")));
        } else {
            phones.send(phones.alice, TwoPhones::answer(to_alice, refusal));
        }
        const Message offered = phones.take(phones.alice, "INVITE");
        CHECK(offered.body() == sdp("bob", 22, "sendrecv"));
        phones.send(phones.alice, TwoPhones::answer(offered, "200 OK", "", {}, sdp("alice", 12, "sendrecv")));
        CHECK(phones.events().back() == "ended 487");
        phones.wait(5'000);
        CHECK_FALSE(phones.got(phones.alice, "INVITE"));
        CHECK_FALSE(phones.got(phones.carol, "INVITE"));
        CHECK(phones.engine().resume(phones.leg(), phones.now).error() == Error::wrong_state);
        CHECK(phones.engine().hold(phones.leg(), phones.now).ok());
    }
}

TEST_CASE("hold: a transfer that fails late leaves who remains on hold") {
    Held phones;
    phones.hold();
    phones.router.answer.targets = {{"sip:carol@192.0.2.3:5063", phones.carol, "carrier-c"}};
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "REFER", 50, "Refer-To: <sip:carol@c>\r\n"));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "NOTIFY"), "200 OK"));
    const Message carols = phones.take(phones.carol, "INVITE");
    phones.send(phones.carol, TwoPhones::answer(carols, "200 OK", "carol", {}, sdp("carol", 7, "sendrecv")));
    const Message to_alice = phones.take(phones.alice, "INVITE");
    phones.send(phones.alice, TwoPhones::answer(to_alice, "200 OK", "", {}, sdp("alice", 12, "sendonly")));
    phones.send(phones.carol, TwoPhones::answer(phones.take(phones.carol, "INVITE"), "488 No"));
    const Message back = phones.take(phones.alice, "INVITE");
    CHECK(back.body().find("a=sendonly") != std::string_view::npos);
    phones.send(phones.alice, TwoPhones::answer(back, "200 OK", "", {}, sdp("alice", 13, "recvonly")));
    CHECK(phones.engine().resume(phones.leg(), phones.now).ok());
}

TEST_CASE("transfer by command: none while a hold is under way") {
    Held phones;
    phones.command(false);
    CHECK(phones.engine().transfer(phones.leg(), "<sip:carol@c>", phones.now).error() == Error::conflict);
}
