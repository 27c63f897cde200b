// Calls and dialogs that have lost each other, which only our own error can cause.
#include "call/two_phones.hpp"

using namespace tandem;
using test::TwoPhones;

namespace {

// In slices of one place.
CallAudit audit(TwoPhones &phones) {
    EngineAudit audit;
    while (phones.engine().audit(audit, 1, {}, phones.now)) continue;
    CHECK(audit.tracker.overdue == 0);
    return std::move(audit.calls);
}

Tracker &tracker_of(TwoPhones &phones) { return const_cast<Tracker &>(phones.engine().tracker()); }

} // namespace

TEST_CASE("call audit: a call in order stays as it is") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    CHECK(audit(phones).calls_over == 0);
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "486 Busy Here"));
    phones.wait(100); // the answer passes
    const CallAudit found = audit(phones);
    CHECK(found.calls_over == 0);
    CHECK(found.dialogs_uncalled == 0);
    CHECK(found.uncalled.empty());
    CHECK(phones.finish().reason == EndReason::refused);
}

TEST_CASE("call audit: a call whose dialogs have all ended is over") {
    TwoPhones phones;
    phones.establish();
    Tracker &tracker = tracker_of(phones);
    for (const DialogId id : tracker.dialogs()) tracker.end(id, EndReason::expired, phones.now);
    DialogEvent lost; // so that the call does not hear of it
    while (tracker.next_event(lost)) continue;
    CHECK(phones.engine().calls() == 1);
    CHECK(audit(phones).calls_over == 1);
    CHECK(phones.engine().calls() == 0);
    CHECK(audit(phones).calls_over == 0);
}

TEST_CASE("call audit: a dialog that no call has had for a minute ends, and not before") {
    TwoPhones phones;
    phones.establish();
    Tracker &tracker = tracker_of(phones);
    REQUIRE(tracker.size() == 2);
    tracker.set_owner(tracker.dialogs()[1], 0);
    CHECK(audit(phones).dialogs_uncalled == 0);
    phones.wait(59'999);
    CHECK(audit(phones).dialogs_uncalled == 0);
    CHECK(tracker.size() == 2);
    phones.wait(1);
    CHECK(audit(phones).dialogs_uncalled == 1);
    CHECK(tracker.size() == 1);
}

TEST_CASE("call audit: a transaction that waits for no call is forgotten after a minute") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INVITE"), "180 Ringing"));
    CHECK(audit(phones).lost.empty());
    Tracker &tracker = tracker_of(phones);
    for (const DialogId id : tracker.dialogs()) tracker.end(id, EndReason::expired, phones.now);
    DialogEvent lost;
    while (tracker.next_event(lost)) continue;
    CHECK(audit(phones).calls_over == 1); // and Bob is told, but nobody tells Alice
    phones.wait(59'999);
    CHECK(audit(phones).transactions_lost == 0);
    REQUIRE(phones.engine().transactions() >= 1);
    phones.wait(1);
    CHECK(audit(phones).transactions_lost == 1);
    phones.wait(60'000);
    CHECK(phones.engine().transactions() == 0);
}
