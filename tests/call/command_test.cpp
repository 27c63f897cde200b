// Commands of the host: one at a time, each with a deadline and an end, and what it hears of them.
#include "call/two_calls.hpp"

using namespace tandem;
using std::chrono::seconds;
using test::sdp_of;
using test::TwoCalls;
using test::TwoPhones;
using Words = std::vector<std::string>;

TEST_CASE("command: a caller who lets the hold ring is asked no longer at the deadline, and the call is as before") {
    TwoCalls phones;
    REQUIRE(phones.engine().hold(phones.leg(), phones.now, seconds(5)).ok());
    phones.wait(0);
    const Message invite = phones.take(phones.alice, "INVITE");
    phones.send(phones.alice, TwoPhones::answer(invite, "180 Ringing", ""));
    phones.wait(4'999);
    CHECK(phones.events() == Words{"accepted", "started caller"});
    phones.wait(1);
    CHECK(phones.events() == Words{"ended 408"});
    CHECK(phones.engine().hold(phones.leg(), phones.now).error() == Error::conflict); // not yet
    phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "CANCEL"), "200 OK"));
    phones.send(phones.alice, TwoPhones::answer(invite, "487 Request Terminated", ""));
    CHECK_FALSE(phones.got(phones.alice, "INVITE"));
    CHECK_FALSE(phones.got(phones.bob, "INVITE"));
    CHECK_FALSE(phones.engine().find_call("call-a")->is_held);
    CHECK(phones.engine().hold(phones.leg(), phones.now).ok());
}

TEST_CASE("command: an answer that crosses the deadline of a hold is taken back") {
    for (const bool is_callee_late : {false, true}) {
        CAPTURE(is_callee_late);
        TwoCalls phones;
        REQUIRE(phones.engine().hold(phones.leg(), phones.now, seconds(5)).ok());
        phones.wait(0);
        Message invite = phones.take(phones.alice, "INVITE");
        if (is_callee_late) {
            phones.send(phones.alice, TwoPhones::answer(invite, "200 OK", "", {}, sdp_of("alice", 2, "recvonly")));
            invite = phones.take(phones.bob, "INVITE");
        }
        const Endpoint late = is_callee_late ? phones.bob : phones.alice;
        phones.send(late, TwoPhones::answer(invite, "180 Ringing", ""));
        phones.wait(5'000);
        CHECK(phones.events().back() == "ended 408");
        phones.send(late, TwoPhones::answer(phones.take(late, "CANCEL"), "200 OK"));
        phones.send(late, TwoPhones::answer(invite, "200 OK", "", {}, sdp_of("late", 2, "recvonly")));
        CHECK(phones.got(late, "ACK"));
        for (const Endpoint &phone : {phones.bob, phones.alice}) {
            if (phone == phones.bob && !is_callee_late) continue;
            const Message back = phones.take(phone, "INVITE");
            CHECK(back.body().find("a=sendrecv") != std::string_view::npos);
            phones.send(phone, TwoPhones::answer(back, "200 OK", "", {}, sdp_of("back", 3)));
        }
        CHECK(phones.events().empty());
        CHECK_FALSE(phones.engine().find_call("call-a")->is_held);
        CHECK(phones.engine().hold(phones.leg(), phones.now).ok());
    }
}

TEST_CASE("command: a hold that waits for 491 after 491 ends at its deadline") {
    TwoCalls phones;
    REQUIRE(phones.engine().hold(phones.leg(), phones.now, seconds(2)).ok());
    for (int i = 0; i < 20; ++i) {
        phones.wait(100);
        const auto invite = phones.try_take(phones.alice, "INVITE");
        if (invite) phones.send(phones.alice, TwoPhones::answer(*invite, "491 Request Pending", ""));
    }
    CHECK(phones.events() == Words{"accepted", "started caller", "ended 408"});
    phones.wait(10'000);
    CHECK(phones.events().empty());
    CHECK_FALSE(phones.got(phones.alice, "INVITE"));
    CHECK(phones.engine().hold(phones.leg(), phones.now).ok());
}

TEST_CASE("command: a leg that its own phone holds is held on top, and resumed to what it was") {
    TwoCalls phones;
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "INVITE", 9, {}, sdp_of("bob", 2, "sendonly")));
    phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "INVITE"), "200 OK", "", {},
                                                sdp_of("alice", 2, "recvonly")));
    phones.take(phones.bob, "SIP/2.0 200");
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "ACK", 9));
    phones.forget();
    const auto directions = [&](bool is_resume) {
        const auto command = is_resume ? phones.engine().resume(phones.leg(), phones.now)
                                       : phones.engine().hold(phones.leg(), phones.now);
        REQUIRE(command.ok());
        phones.wait(0);
        std::string out;
        for (const Endpoint &phone : {phones.alice, phones.bob}) {
            const Message invite = phones.take(phone, "INVITE");
            const std::string body(invite.body());
            out += body.substr(body.find("a=") + 2, 8) + " ";
            phones.send(phone, TwoPhones::answer(invite, "200 OK", "", {}, sdp_of("phone", 7, "inactive")));
        }
        return out;
    };
    CHECK(directions(false) == "sendonly inactive "); // what Bob does not hear he is not asked to send to
    CHECK(directions(true) == "sendonly recvonly ");
}

TEST_CASE("command: the second of two on one call is a conflict, whoever gives it") {
    TwoCalls phones;
    phones.call_carol_from_dave();
    REQUIRE(phones.engine().transfer(phones.leg(), "<sip:x@x>", phones.now).ok());
    CHECK(phones.engine().hold(phones.leg(), phones.now).error() == Error::conflict);
    CHECK(phones.engine().resume(phones.leg_of_bob(), phones.now).error() == Error::conflict);
    CHECK(phones.engine().transfer(phones.leg_of_bob(), "<sip:x@x>", phones.now).error() == Error::conflict);
    const auto busy = phones.engine().joinable(phones.leg_of_bob());
    REQUIRE(busy);
    CHECK(phones.engine().join(phones.leg_of_carol(), *busy, phones.now).error() == Error::conflict);
    CHECK(phones.engine().hold(phones.leg_of_carol(), phones.now).ok()); // of another call
}

TEST_CASE("command: a blind transfer tells of each step, the target's answers word by word") {
    TwoCalls phones;
    REQUIRE(phones.engine().transfer(phones.leg(), "<sip:carol@c>", phones.now).ok());
    phones.wait(0);
    const Message invite = phones.take(phones.carol, "INVITE");
    phones.send(phones.carol, TwoPhones::answer(invite, "180 Ringing", "carol"));
    phones.send(phones.carol, TwoPhones::answer(invite, "183 Session Progress", "carol"));
    phones.send(phones.carol, TwoPhones::answer(invite, "200 OK", "carol", {}, sdp_of("carol")));
    CHECK(phones.events() == Words{"accepted", "started caller", "pending caller 180 SIP/2.0 180 Ringing",
                                   "pending caller 183 SIP/2.0 183 Session Progress"});
    phones.send(phones.alice,
                TwoPhones::answer(phones.take(phones.alice, "INVITE"), "200 OK", "", {}, sdp_of("alice", 2)));
    CHECK(phones.events() == Words{"succeeded caller 200", "ended 200"});
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 9));
    phones.send(phones.carol, TwoPhones::answer(phones.take(phones.carol, "BYE"), "200 OK"));
    phones.nothing_left(1);
}

TEST_CASE("command: a transfer that nobody answers ends at its deadline, and the two go on talking") {
    TwoCalls phones;
    REQUIRE(phones.engine().transfer(phones.leg(), "<sip:carol@c>", phones.now, seconds(20)).ok());
    phones.wait(0);
    const Message invite = phones.take(phones.carol, "INVITE");
    phones.send(phones.carol, TwoPhones::answer(invite, "180 Ringing", "carol"));
    phones.wait(20'000);
    CHECK(phones.events().back() == "ended 408");
    phones.send(phones.carol, TwoPhones::answer(phones.take(phones.carol, "CANCEL"), "200 OK"));
    phones.send(phones.carol, TwoPhones::answer(invite, "487 Request Terminated", "carol"));
    CHECK_FALSE(phones.got(phones.alice, "INVITE")); // she has not been asked for anything
    CHECK(phones.engine().hold(phones.leg(), phones.now).ok());
}

TEST_CASE("command: the deadline of a transfer passes while who stays is asked: he gets back what he had") {
    for (const bool crosses : {false, true}) {
        CAPTURE(crosses);
        TwoCalls phones;
        REQUIRE(phones.engine().transfer(phones.leg(), "<sip:carol@c>", phones.now, seconds(20)).ok());
        phones.wait(0);
        const Message carols = phones.take(phones.carol, "INVITE");
        phones.send(phones.carol, TwoPhones::answer(carols, "200 OK", "carol", {}, sdp_of("carol")));
        phones.take(phones.carol, "ACK");
        const Message invite = phones.take(phones.alice, "INVITE");
        phones.send(phones.alice, TwoPhones::answer(invite, "180 Ringing", ""));
        phones.wait(20'000);
        CHECK(phones.events().back() == "ended 408");
        phones.send(phones.carol, TwoPhones::answer(phones.take(phones.carol, "BYE"), "200 OK"));
        phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "CANCEL"), "200 OK"));
        phones.send(phones.alice, crosses ? TwoPhones::answer(invite, "200 OK", "", {}, sdp_of("alice", 2))
                                          : TwoPhones::answer(invite, "487 Request Terminated", ""));
        if (crosses) {
            const Message back = phones.take(phones.alice, "INVITE");
            CHECK(test::media_of(back.body()) == test::media_of(sdp_of("bob")));
            phones.send(phones.alice, TwoPhones::answer(back, "200 OK", "", {}, sdp_of("alice", 3)));
        }
        CHECK(phones.events().empty());
        phones.forget();
        phones.send(phones.alice, phones.request("INFO", phones.our_tag, 9));
        CHECK(phones.got(phones.bob, "INFO"));
        CHECK(phones.engine().hold(phones.leg(), phones.now).ok());
    }
}

TEST_CASE("command: no route for the target of a transfer is heard of as its end") {
    TwoCalls phones;
    phones.router.answer.targets.clear();
    REQUIRE(phones.engine().transfer(phones.leg(), "<sip:carol@c>", phones.now).ok());
    CHECK(phones.events() == Words{"accepted", "started caller", "ended 404"});
    CHECK(phones.engine().transfer(phones.leg(), "<sip:carol@c\r\nX: y>", phones.now).error() == Error::invalid);
    CHECK(phones.engine().transfer(phones.leg(), "<http://c>", phones.now).error() == Error::invalid);
}

TEST_CASE("command: an attended transfer joins two who were called, or who called, and releases the others") {
    TwoCalls phones;
    phones.call_carol_from_dave();
    const auto target = phones.engine().joinable(phones.leg_of_carol());
    REQUIRE(target);
    CHECK(target->call_id == "call-d");
    const auto command = phones.engine().join(phones.leg(), *target, phones.now);
    REQUIRE(command.ok());
    phones.wait(0);
    const Message to_alice = phones.take(phones.alice, "INVITE");
    CHECK(test::media_of(to_alice.body()) == test::media_of(sdp_of("carol")));
    phones.send(phones.alice, TwoPhones::answer(to_alice, "200 OK", "", {}, sdp_of("alice", 2)));
    const Message to_carol = phones.take(phones.carol, "INVITE");
    CHECK(test::media_of(to_carol.body()) == test::media_of(sdp_of("alice")));
    phones.send(phones.carol, TwoPhones::answer(to_carol, "200 OK", "", {}, sdp_of("carol", 2)));
    CHECK(phones.events() == Words{"accepted", "started caller", "succeeded caller 200", "ended 200"});
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    phones.send(phones.dave, TwoPhones::answer(phones.take(phones.dave, "BYE"), "200 OK"));
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 9));
    phones.send(phones.carol, TwoPhones::answer(phones.take(phones.carol, "BYE"), "200 OK"));
    phones.nothing_left(2);
}

TEST_CASE(
    "command: an attended transfer joins the calls of two workers by an INVITE to ourselves, whatever the routes say") {
    EngineOptions options;
    SeededRandom random(7);
    options.loop_hash.emplace(random); // the same for both
    options.shards = 2;
    TwoCalls here(options);
    TwoCalls there(options, 1);
    for (TwoCalls *calls : {&here, &there}) calls->router.answer = {.refuse = 403};
    const Endpoint self = test::endpoint("192.0.2.9", 5060);
    const auto relay = [&] {
        for (bool is_moving = true; is_moving;) {
            is_moving = false;
            for (auto [from, to] : {std::pair(&here, &there), std::pair(&there, &here)}) {
                for (const std::string &bytes : from->take_all(self)) {
                    to->send(self, bytes);
                    is_moving = true;
                }
            }
        }
    };
    const auto target = there.engine().joinable(there.leg_of_bob());
    REQUIRE(target);
    REQUIRE(here.engine().join(here.leg(), *target, here.now).ok());
    here.wait(0);
    relay();
    const Message offer = there.take(there.bob, "INVITE");
    CHECK(test::media_of(offer.body()) == test::media_of(sdp_of("alice")));
    there.send(there.bob, TwoPhones::answer(offer, "200 OK", "", {}, sdp_of("bob", 2)));
    there.send(there.alice, TwoPhones::answer(there.take(there.alice, "BYE"), "200 OK"));
    relay();
    here.send(here.alice, TwoPhones::answer(here.take(here.alice, "INVITE"), "200 OK", "", {}, sdp_of("alice", 2)));
    relay();
    CHECK(here.events() == Words{"accepted", "started caller", "succeeded caller 200", "ended 200"});
    here.send(here.bob, TwoPhones::answer(here.take(here.bob, "BYE"), "200 OK"));
    here.send(here.alice, here.request("INFO", here.our_tag, 8));
    relay();
    there.send(there.bob, TwoPhones::answer(there.take(there.bob, "INFO"), "200 OK", ""));
    relay();
    CHECK(here.got(here.alice, "SIP/2.0 200"));
    here.send(here.alice, here.request("BYE", here.our_tag, 9));
    relay();
    there.send(there.bob, TwoPhones::answer(there.take(there.bob, "BYE"), "200 OK"));
    relay();
    here.nothing_left(1);
    there.nothing_left(1);
}

TEST_CASE("command: an attended transfer with itself, or with a call that is gone, is refused") {
    TwoCalls phones;
    const auto target = phones.engine().joinable(phones.leg_of_bob());
    REQUIRE(target);
    CHECK(phones.engine().join(phones.leg(), *target, phones.now).error() == Error::invalid);
    JoinTarget gone = *target;
    gone.call_id = "nowhere";
    gone.local_tag = "never";
    CHECK(phones.engine().join(phones.leg(), gone, phones.now).error() == Error::not_found);
    CHECK_FALSE(phones.engine().joinable(DialogId(77)));
}

TEST_CASE("command: a call is found by the Call-ID of either leg, and listed page by page") {
    TwoCalls phones;
    phones.call_carol_from_dave();
    const auto by_caller = phones.engine().find_call("call-a");
    const auto by_callee = phones.engine().find_call(phones.bobs_invite.call_id());
    REQUIRE(by_caller);
    REQUIRE(by_callee);
    CHECK(by_caller->caller == phones.leg());
    CHECK(by_callee->caller == phones.leg());
    CHECK(by_callee->callee == phones.leg_of_bob());
    CHECK(by_callee->callee_call_id == phones.bobs_invite.call_id());
    CHECK(by_callee->from_uri == "sip:alice@a");
    CHECK(by_callee->to_uri == "sip:bob@b");
    CHECK(by_callee->state == DialogState::confirmed);
    CHECK_FALSE(phones.engine().find_call("call-x"));

    std::vector<CallView> views;
    std::uint64_t cursor = 0;
    phones.engine().list_calls(cursor, 1, views);
    CHECK(views.size() == 1);
    REQUIRE(cursor != 0);
    phones.engine().list_calls(cursor, 1, views);
    REQUIRE(views.size() == 2);
    CHECK(views[0].caller_call_id != views[1].caller_call_id);
    REQUIRE(phones.engine().hold(phones.leg(), phones.now).ok());
    CHECK(phones.engine().find_call("call-a")->is_busy);
}

TEST_CASE("command: of calls that another process has taken the commands end") {
    TwoCalls phones;
    REQUIRE(phones.engine().hold(phones.leg(), phones.now).ok());
    const std::vector<RecordId> records = {phones.engine().find_call("call-a")->record};
    phones.engine().drop(records, phones.now);
    CHECK(phones.events().back() == "ended 487");
}

TEST_CASE("command: after a restart nobody knows it, and what it may have held is resumed by another one") {
    TwoCalls phones;
    REQUIRE(phones.engine().hold(phones.leg(), phones.now).ok());
    phones.wait(0);
    phones.take(phones.alice, "INVITE");
    REQUIRE(phones.restart() == 0);
    CHECK(phones.events().empty());
    CHECK(phones.engine().resume(phones.leg(), phones.now).ok());
}
