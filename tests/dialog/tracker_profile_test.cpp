// Profiles of a dialog set in the tracker: joined at any time, counted once, released once by every end there is.
#include <array>
#include <doctest/doctest.h>
#include <functional>
#include <new>
#include "dialog/conversation.hpp"
#include "dialog/failing_memory.hpp"

using namespace tandem;
using std::chrono::milliseconds;
using test::Conversation;

namespace {

struct End {
    const char *name;
    EndReason reason;
    std::function<void(Conversation &)> run; // of a set that rings
};

void pick_up(Conversation &call) {
    static_cast<void>(call.answer(200));
    static_cast<void>(call.request(Side::caller, Method::ack, {.cseq = 1}));
}

// Every way in which a set can end.
std::vector<End> ends() {
    const auto bye = [](Side from) {
        return [from](Conversation &call) {
            pick_up(call);
            call.hang_up(from, {.cseq = 2});
        };
    };
    return {
        {"BYE of the caller", EndReason::caller_bye, bye(Side::caller)},
        {"BYE of the callee", EndReason::callee_bye, bye(Side::callee)},
        {"crossing BYEs, both answered", EndReason::callee_bye,
         [](Conversation &call) {
             pick_up(call);
             for (Side side : {Side::callee, Side::caller}) {
                 static_cast<void>(call.request(side, Method::bye, {.cseq = 2}));
             }
             for (Side side : {Side::caller, Side::callee}) {
                 static_cast<void>(call.respond(side, Method::bye, 200, {.cseq = 2}));
             }
         }},
        {"a BYE without answer", EndReason::caller_bye,
         [](Conversation &call) {
             pick_up(call);
             static_cast<void>(call.request(Side::caller, Method::bye, {.cseq = 2}));
             call.advance(32'000);
         }},
        {"a BYE after a challenge", EndReason::caller_bye,
         [](Conversation &call) {
             pick_up(call);
             call.hang_up(Side::caller, {.cseq = 2}, 407);
             call.hang_up(Side::caller, {.cseq = 3});
         }},
        {"a BYE before the answer", EndReason::caller_bye,
         [](Conversation &call) {
             call.hang_up(Side::caller, {.cseq = 2});
             static_cast<void>(call.answer(487));
         }},
        {"a BYE before the answer, which never comes", EndReason::caller_bye,
         [](Conversation &call) {
             call.hang_up(Side::caller, {.cseq = 2});
             call.advance(32'000);
         }},
        {"CANCEL", EndReason::cancelled,
         [](Conversation &call) {
             static_cast<void>(call.cancel());
             static_cast<void>(call.answer(487));
         }},
        {"CANCEL without a final answer", EndReason::cancelled,
         [](Conversation &call) {
             static_cast<void>(call.cancel());
             call.advance(32'000);
         }},
        {"a refusal", EndReason::refused, [](Conversation &call) { static_cast<void>(call.answer(486)); }},
        {"a challenge of the INVITE", EndReason::refused,
         [](Conversation &call) { static_cast<void>(call.answer(407)); }},
        {"408", EndReason::no_answer, [](Conversation &call) { static_cast<void>(call.answer(408)); }},
        {"no answer in time", EndReason::no_answer,
         [](Conversation &call) {
             call.advance(181'000);
             call.advance(213'000);
         }},
        {"no ACK in time", EndReason::no_ack,
         [](Conversation &call) {
             static_cast<void>(call.answer(200));
             call.advance(32'000);
             call.advance(64'000);
         }},
        {"the end of its lifetime", EndReason::expired,
         [](Conversation &call) {
             pick_up(call);
             call.advance(43'200'000);
             call.advance(43'232'000);
         }},
        {"a command", EndReason::admin,
         [](Conversation &call) { call.tracker.end(call.id, EndReason::admin, at_ms(0)); }},
        {"a request for the end of an early call", EndReason::session_timer,
         [](Conversation &call) {
             call.tracker.request_end(call.id, EndReason::session_timer, at_ms(0));
             static_cast<void>(call.answer(480));
         }},
        {"a request for the end, and a BYE", EndReason::probe,
         [](Conversation &call) {
             pick_up(call);
             call.tracker.request_end(call.id, EndReason::probe, at_ms(0));
             call.hang_up(Side::callee, {.cseq = 1});
         }},
    };
}

} // namespace

TEST_CASE("profile: whatever ends a dialog releases it, once, and the record keeps the names [1, 16, 22, 30-31]") {
    for (const End &end : ends()) {
        CAPTURE(end.name);
        Conversation call;
        call.declare("total");
        call.declare("user", 0, true);
        REQUIRE(call.invite());
        const DialogId first = call.id;
        call.call_id = "call-2"; // another one that stays, and would be counted down by a second release
        REQUIRE(call.invite());
        REQUIRE(call.join("total"));
        const DialogId other = std::exchange(call.id, first);
        call.call_id = "call-1";
        CHECK(call.answer(180));
        const std::array<ProfileRequest, 2> requests = {{{"total"}, {"user", "alice"}}};
        REQUIRE(call.tracker.reserve(call.id, requests, at_ms(0)));
        CHECK(call.size("total") == 2);
        CHECK(call.tracker.set_timeout(other, DialogTimer::early, milliseconds(100'000'000)));
        end.run(call);
        REQUIRE(call.is_over());
        CHECK(call.reason() == end.reason);
        CHECK(call.size("total") == 1);
        CHECK(call.size("user") == 0);
        call.tracker.end(call.id, EndReason::admin, at_ms(0)); // once more
        call.hang_up(Side::callee, {.cseq = 50});
        CHECK(call.size("total") == 1);

        std::size_t ended = 0;
        call.tracker.drain_changes(nullptr, [&](const DialogRecord &record) {
            ++ended;
            REQUIRE(record.profiles.size() == 2);
            CHECK(record.profiles[0].profile == "total");
            CHECK_FALSE(record.profiles[0].has_value);
            CHECK(record.profiles[1].profile == "user");
            CHECK(record.profiles[1].value == "alice");
        });
        CHECK(ended == 1);
        CHECK(call.size("total") == 1);
        CHECK(call.join("total").error() == Error::not_found);
    }
}

TEST_CASE("profile: a challenged BYE releases nothing, nor does an end that is only asked for") {
    Conversation call;
    call.declare("total");
    call.confirm();
    CHECK(call.join("total"));
    call.hang_up(Side::caller, {.cseq = 2}, 407);
    CHECK(call.size("total") == 1);
    CHECK(call.tracker.request_end(call.id, EndReason::admin, at_ms(0)));
    CHECK(call.size("total") == 1);
    call.advance(32'000);
    CHECK(call.size("total") == 0);
}

TEST_CASE("profile: a dialog joins and leaves before, at and after the answer, and is counted while early") {
    Conversation call;
    for (const char *name : {"trying", "early", "confirmed", "ending"}) call.declare(name);
    CHECK(call.invite());
    CHECK(call.join("trying"));
    CHECK(call.size("trying") == 1);
    CHECK(call.answer(180));
    CHECK(call.join("early"));
    pick_up(call);
    CHECK(call.join("confirmed"));
    CHECK(*call.tracker.leave(call.id, "early", "", at_ms(0)));
    CHECK(call.size("early") == 0);
    CHECK(call.request(Side::caller, Method::bye, {.cseq = 2}));
    CHECK(call.join("ending"));
    for (const char *name : {"trying", "confirmed", "ending"}) CHECK(call.size(name) == 1);
    CHECK(call.respond(Side::caller, Method::bye, 200, {.cseq = 2}));
    for (const char *name : {"trying", "early", "confirmed", "ending"}) CHECK(call.size(name) == 0);
    CHECK(call.tracker.leave(call.id, "trying", "", at_ms(0)).error() == Error::not_found);
    CHECK(call.tracker.record(call.id)->profiles.size() == 3); // not the one that it left
}

TEST_CASE("profile: joining twice counts once [24-25]") {
    Conversation call;
    call.declare("total", 1);
    call.declare("user", 1, true);
    call.confirm();
    const std::array<ProfileRequest, 4> requests = {{{"total"}, {"total"}, {"user", "a"}, {"user", "a"}}};
    CHECK(call.tracker.reserve(call.id, requests, at_ms(0)));
    CHECK(call.tracker.reserve(call.id, requests, at_ms(0))); // the limit of 1 does not refuse a member
    CHECK(call.size("total") == 1);
    CHECK(*call.profiles.size("user", "a") == 1);
    CHECK(call.tracker.record(call.id)->profiles.size() == 2);
    CHECK(*call.tracker.leave(call.id, "total", "", at_ms(0)));
    CHECK(call.size("total") == 0);
}

TEST_CASE("profile: reserve takes all or none, and says what stood in the way") {
    Conversation call;
    call.declare("total", 10);
    call.declare("user", 1, true);
    call.confirm();
    CHECK(call.join("user", "alice"));
    call.call_id = "call-2";
    call.confirm();
    call.events();
    const std::array<ProfileRequest, 3> requests = {{{"total"}, {"user", "alice"}, {"user", "bob"}}};
    ProfileRefusal refusal;
    CHECK(call.tracker.reserve(call.id, requests, at_ms(0), &refusal).error() == Error::limit);
    CHECK(refusal.index == 1);
    CHECK(refusal.size == 1);
    CHECK(refusal.limit == 1);
    CHECK(call.size("total") == 0);
    CHECK(call.size("user") == 1);
    CHECK(call.tracker.statistics().limited == 1);
    CHECK(call.tracker.record(call.id)->profiles.empty());
    CHECK(call.events().empty());
    const std::array<ProfileRequest, 2> unknown = {{{"total"}, {"nobody"}}};
    CHECK(call.tracker.reserve(call.id, unknown, at_ms(0)).error() == Error::no_profile);
    const std::array<ProfileRequest, 2> wrong = {{{"total"}, {"total", "x"}}};
    CHECK(call.tracker.reserve(call.id, wrong, at_ms(0)).error() == Error::invalid);
    CHECK(call.size("total") == 0);
    CHECK(call.tracker.statistics().limited == 1);
}

TEST_CASE("profile: the limit is the profile's, its value's, or the call's own, and never passed by one") {
    Conversation call;
    REQUIRE(call.profiles.declare({"user", true, 3, {{"alice", 5}, {"free", 0}}}));
    const auto admitted = [&](std::string_view value, std::optional<std::uint32_t> limit = {}) {
        std::uint32_t count = 0;
        for (int i = 0; i < 8; ++i) {
            call.call_id = std::string(value) + std::to_string(i) + (limit ? "own" : "");
            REQUIRE(call.invite());
            const ProfileRequest request{"user", value, limit};
            count += call.tracker.reserve(call.id, {&request, 1}, at_ms(0)) ? 1 : 0;
        }
        return count;
    };
    CHECK(admitted("bob") == 3);
    CHECK(admitted("alice") == 5);
    CHECK(admitted("free") == 8);
    CHECK(admitted("carol", 2) == 2);
    CHECK(admitted("dave", 0) == 8);
    CHECK(admitted("carol") == 1); // two are there
    CHECK(*call.profiles.size("user", "bob") == 3);
}

TEST_CASE("profile: a place that became free is taken again, and only that") {
    Conversation call;
    call.declare("total", 2);
    std::vector<DialogId> in;
    for (int i = 0; i < 100; ++i) {
        call.call_id = "call-" + std::to_string(i);
        REQUIRE(call.invite());
        const bool is_in = call.join("total").ok();
        REQUIRE(is_in == (in.size() < 2));
        REQUIRE(call.size("total") <= 2);
        if (is_in) in.push_back(call.id);
        if (i % 3 != 2) continue;
        call.tracker.end(in.front(), EndReason::admin, at_ms(0));
        in.erase(in.begin());
        REQUIRE(call.size("total") == in.size());
    }
}

TEST_CASE("profile: a second call with the Call-ID of one that failed counts for itself [23, 33]") {
    Conversation call;
    call.declare("total", 1);
    CHECK(call.invite());
    CHECK(call.join("total"));
    CHECK_FALSE(call.invite()->is_new); // a spiral is the same call
    CHECK(call.join("total"));
    CHECK(call.size("total") == 1);
    CHECK(call.answer(503));
    CHECK(call.size("total") == 0);
    CHECK(call.invite({.cseq = 2})->is_new);
    CHECK(call.join("total"));
    CHECK(call.answer(503)); // late, of the first one: cseq 1
    CHECK(call.size("total") == 1);
}

TEST_CASE("profile: where places are held an ended call keeps its own until they are released") {
    SeededRandom random(1);
    ProfileTable profiles(random);
    REQUIRE(profiles.declare({"total", false, 1, {}}));
    TrackerShared shared(random, profiles);
    TrackerOptions options;
    options.holds_places = true;
    const ProfileRequest request{"total"};
    {
        Tracker tracker(options, shared, random, at_ms(0));
        const auto begin = [&](const char *call_id) {
            MessageView invite;
            invite.method = Method::invite;
            invite.call_id = call_id;
            invite.from_tag = "a";
            return tracker.feed(invite, at_ms(0))->dialog;
        };
        const DialogId first = begin("c1");
        const DialogId second = begin("c2");
        REQUIRE(tracker.reserve(first, {&request, 1}, at_ms(0)));
        tracker.end(first, EndReason::admin, at_ms(0));
        CHECK(tracker.reserve(second, {&request, 1}, at_ms(0)).error() == Error::limit);
        std::size_t names = 0;
        tracker.drain_changes([](const DialogRecord &) {},
                              [&](const DialogRecord &record) { names += record.profiles.size(); });
        CHECK(names == 1); // the record has it
        CHECK(*profiles.size("total") == 1);

        std::vector<MemberId> places;
        tracker.take_places(places);
        CHECK(*profiles.size("total") == 1);
        profiles.release(places);
        CHECK(*profiles.size("total") == 0);
        CHECK(tracker.reserve(second, {&request, 1}, at_ms(0)));
        tracker.take_places(places);
        CHECK(places.empty()); // it lives
        tracker.end(second, EndReason::admin, at_ms(0));
    }
    CHECK(*profiles.size("total") == 0);
}

TEST_CASE("profile: a tracker that goes releases all that it holds") {
    SeededRandom random(1);
    ProfileTable profiles(random);
    REQUIRE(profiles.declare({"total", false, 0, {}}));
    TrackerShared shared(random, profiles);
    {
        Tracker tracker({}, shared, random, at_ms(0));
        for (const char *call_id : {"c1", "c2", "c3"}) {
            MessageView invite;
            invite.method = Method::invite;
            invite.call_id = call_id;
            invite.from_tag = "a";
            const DialogId id = tracker.feed(invite, at_ms(0))->dialog;
            const ProfileRequest request{"total"};
            REQUIRE(tracker.reserve(id, {&request, 1}, at_ms(0)));
            if (std::string_view(call_id) == "c3") tracker.end(id, EndReason::admin, at_ms(0));
        }
        CHECK(*profiles.size("total") == 2);
    }
    CHECK(*profiles.size("total") == 0);
    CHECK(shared.dialogs == 0);
}

TEST_CASE("profile: no memory for an INVITE leaves no set that stays, and no place taken") {
    std::size_t failures = 0;
    bool is_done = false;
    for (; !is_done; ++failures) {
        CAPTURE(failures);
        Conversation call({.dialog_max = 1});
        try {
            test::FailingMemory memory(failures);
            is_done = call.invite().ok();
        } catch (const std::bad_alloc &) {
        }
        call.advance(181'000);
        call.advance(400'000);
        REQUIRE(call.tracker.size() == 0);
        call.tracker.drain_changes(nullptr, nullptr);
        for (DialogId id : call.tracker.dialogs()) REQUIRE_FALSE(id);
        REQUIRE(call.tracker.statistics().early == 0);
    }
    CHECK(failures >= 4);
}
