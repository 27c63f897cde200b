// Sets with places that several trackers count together: one answer is waited for at a time, each end is told once.
#include <doctest/doctest.h>
#include "dialog/conversation.hpp"
#include "dialog/failing_memory.hpp"
#include "dialog/sharded_tracker.hpp"

using namespace tandem;
using test::Conversation;
using Kind = DialogEventKind;

namespace {

const DialogEventDetail refusal = {.name = "total", .value = "", .is_set = true, .refused = Error::limit};

std::vector<RecordId> ends_of(Tracker &tracker) {
    std::vector<RecordId> ends;
    tracker.take_shared_ends(ends);
    return ends;
}

} // namespace

TEST_CASE("shared: a set waits for one answer at a time, until its event was taken") {
    Conversation call;
    static_cast<void>(call.invite());
    static_cast<void>(call.events());
    CHECK(!call.tracker.is_waiting(call.id));
    REQUIRE(call.tracker.begin_waiting(call.id));
    CHECK(call.tracker.begin_waiting(call.id).error() == Error::conflict);
    call.tracker.tell_reserved(call.id, refusal, at_ms(7));
    CHECK(call.tracker.is_waiting(call.id));
    DialogEvent event;
    REQUIRE(call.tracker.next_event(event));
    CHECK(event.kind == Kind::reserved);
    CHECK(event.at == at_ms(7));
    REQUIRE(event.detail);
    CHECK(event.detail->name == "total");
    CHECK(event.detail->refused == Error::limit);
    CHECK(!call.tracker.is_waiting(call.id));
    call.tracker.tell_reserved(call.id, refusal, at_ms(8)); // nobody has asked
    CHECK(call.events().empty());
    CHECK(call.tracker.begin_waiting(call.id));
    call.tracker.stop_waiting(call.id);
    CHECK(call.tracker.begin_waiting(call.id));
}

TEST_CASE("shared: a set that ends while it waits hears no answer") {
    Conversation call;
    static_cast<void>(call.invite());
    REQUIRE(call.tracker.begin_waiting(call.id));
    call.tracker.end(call.id, EndReason::cancelled, at_ms(1));
    call.tracker.tell_reserved(call.id, refusal, at_ms(2));
    CHECK(call.events() == std::vector{Kind::created, Kind::ended});
    CHECK(call.tracker.begin_waiting(call.id).error() == Error::not_found);
    CHECK(call.tracker.share(call.id).error() == Error::not_found);
}

TEST_CASE("shared: the answer comes though the host takes no events and wants none of that kind") {
    Conversation call({.event_max = 1, .events = 0});
    static_cast<void>(call.invite());
    REQUIRE(call.tracker.begin_waiting(call.id));
    CHECK(call.tracker.request_end(call.id, EndReason::admin, at_ms(0)));
    call.tracker.tell_reserved(call.id, refusal, at_ms(1));
    CHECK(call.events() == std::vector{Kind::end_due, Kind::reserved});
    CHECK(call.tracker.statistics().events_lost == 0);
}

TEST_CASE("shared: without memory nothing is told, and it may be told again") {
    for (std::size_t blocks = 0;; ++blocks) {
        REQUIRE(blocks < 100);
        Conversation call;
        static_cast<void>(call.invite());
        REQUIRE(call.tracker.begin_waiting(call.id));
        static_cast<void>(call.events());
        const bool is_told = test::runs_with(blocks, [&] { call.tracker.tell_reserved(call.id, refusal, at_ms(1)); });
        if (!is_told) call.tracker.tell_reserved(call.id, refusal, at_ms(1));
        CHECK(call.events() == std::vector{Kind::reserved});
        if (is_told) break;
    }
}

TEST_CASE("shared: the end of a set is told once, and of no other") {
    Conversation call;
    Conversation other;
    for (Conversation *each : {&call, &other}) static_cast<void>(each->invite());
    CHECK(call.tracker.share(call.id));
    CHECK(call.tracker.share(call.id));
    CHECK(ends_of(call.tracker).empty());
    const RecordId record = call.tracker.find(call.id)->record;
    call.tracker.end(call.id, EndReason::admin, at_ms(1));
    other.tracker.end(other.id, EndReason::admin, at_ms(1));
    CHECK(call.tracker.shared_ends() == 1);
    CHECK(ends_of(call.tracker) == std::vector{record});
    CHECK(ends_of(call.tracker).empty());
    CHECK(ends_of(other.tracker).empty());
}

TEST_CASE("shared: no end needs memory to be told, though a thousand wait to be taken") {
    Conversation call({.keeps_changes = false});
    std::vector<DialogId> ids;
    DialogEvent event;
    for (int i = 0; i < 1000; ++i) {
        call.call_id = "call-" + std::to_string(i);
        static_cast<void>(call.invite());
        REQUIRE(call.tracker.share(call.id));
        ids.push_back(call.id);
        while (call.tracker.next_event(event)) {}
    }
    {
        const test::FailingMemory memory(0);
        for (const DialogId id : ids) {
            call.tracker.end(id, EndReason::admin, at_ms(1));
            while (call.tracker.next_event(event)) {}
        }
    }
    CHECK(ends_of(call.tracker).size() == 1000);
}

TEST_CASE("shared: ends of all shards are taken together, and without memory they wait") {
    SeededRandom random(1);
    ShardedTracker tracker({}, random, at_ms(0));
    std::vector<DialogId> ids;
    for (int i = 0; i < 100; ++i) {
        const std::string call_id = "call-" + std::to_string(i);
        MessageView invite;
        invite.method = Method::invite;
        invite.cseq = 1;
        invite.call_id = call_id;
        invite.from_tag = "a1";
        ids.push_back(tracker.feed_invite(invite, {}, at_ms(0))->dialog);
        CHECK(tracker.with(ids.back(), [](Tracker &shard, DialogId id) { return shard.share(id); }));
    }
    CHECK(!tracker.has_shared_ends());
    for (const DialogId dialog : ids) {
        tracker.with(dialog, [](Tracker &shard, DialogId id) { shard.end(id, EndReason::admin, at_ms(1)); });
    }
    CHECK(tracker.has_shared_ends());
    std::vector<RecordId> ends;
    CHECK(!test::runs_with(2, [&] { tracker.take_shared_ends(ends); }));
    CHECK(tracker.has_shared_ends());
    tracker.take_shared_ends(ends);
    CHECK(ends.size() == 100);
    CHECK(!tracker.has_shared_ends());
    tracker.take_shared_ends(ends);
    CHECK(ends.size() == 100);
}
