// Calls, and whatever else goes through a journal, a batch at a time.
#pragma once
#include <chrono>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include "dialog/tracker.hpp"
#include "node/inline_queue.hpp"
#include "node/journal.hpp"

namespace tandem::test {

// Calls through a tracker, as a B2BUA has them: two sets each, of which the caller's has a record.
class JournalCalls {
public:
    explicit JournalCalls(FailingStore &store, const JournalOptions &options = {}, const Registrar *registrar = nullptr,
                          const TrunkStates *trunks = nullptr)
        : queue(store), log_({LogLevel::debug, LogFormat::text}, lines_),
          journal(queue, wall_, log_, options, {}, registrar, trunks) {}

    // Each step is one batch, a millisecond apart.
    void invite(int call) {
        LegOptions caller;
        const auto fed = tracker.feed_invite(view(Method::invite, 0, call, "a"), caller, now);
        LegOptions callee;
        callee.leg_of = tracker.find(fed.value().dialog)->record;
        (void)tracker.feed_invite(view(Method::invite, 0, call, "b"), callee, now);
        step();
    }
    void answer(int call) {
        for (const char *leg : {"a", "b"}) (void)tracker.feed(view(Method::invite, 200, call, leg), now);
        step();
        for (const char *leg : {"a", "b"}) (void)tracker.feed(view(Method::ack, 0, call, leg), now);
        step();
    }
    void refuse(int call) {
        for (const char *leg : {"b", "a"}) (void)tracker.feed(view(Method::invite, 486, call, leg), now);
        ended_.insert(call);
        step();
    }
    void hang_up(int call) {
        for (const char *leg : {"a", "b"}) {
            (void)tracker.feed(view(Method::bye, 0, call, leg, 2), now);
            (void)tracker.feed(view(Method::bye, 200, call, leg, 2), now);
        }
        ended_.insert(call);
        step();
    }

    void step() {
        now += std::chrono::milliseconds(1);
        if (journal.next_deadline() && *journal.next_deadline() <= now) journal.advance(*living_dialogs, now);
        tracker.drain_changes([this](const DialogRecord &record) { journal.changed(record); },
                              [this](DialogRecord &record) {
                                  if (!record.leg_of) record.leg = last_word;
                                  record.has_changed_leg = !record.leg.empty();
                                  journal.ended(record);
                              });
        ticket = journal.commit(now);
    }

    // Lets the journal try until it is done. False: it never is.
    bool settle() {
        for (int turn = 0; turn < 100'000; ++turn) {
            if (!journal.next_deadline()) return true;
            if (*journal.next_deadline() > now) now = *journal.next_deadline();
            step();
        }
        return false;
    }

    // The state of every living set.
    std::map<RecordId, DialogState> living() const {
        std::map<RecordId, DialogState> states;
        for (DialogId id : tracker.dialogs()) {
            if (const auto record = tracker.record(id)) states[record->id] = record->state;
        }
        return states;
    }
    const std::set<int> &ended() const { return ended_; }
    std::string log() const { return lines_.str(); }

    std::string last_word;  // to the callers of the calls that end
    StoreTicket ticket = 0; // of the last step
    InlineQueue queue;
    Instant now = at_ms(1'000'000);
    SeededRandom random{7};
    ProfileTable profiles{random};
    TrackerShared shared{random, profiles};
    Tracker tracker{{.epoch = 1}, shared, random, now};
    const LivingDialogs *living_dialogs = &tracker; // whom the journal asks after an outage

private:
    // All text lives in the object until the next call.
    MessageView view(Method method, std::uint16_t status, int call, std::string_view leg, std::uint32_t cseq = 1) {
        call_id_ = std::string(leg) + std::to_string(call);
        MessageView made;
        made.method = method;
        made.status = status;
        made.cseq = cseq;
        made.call_id = call_id_;
        made.from_tag = "f";
        made.to_tag = method == Method::invite && status == 0 ? "" : "t";
        made.from_uri = "sip:alice@a";
        made.to_uri = "sip:bob@b";
        made.request_uri = "sip:bob@b";
        made.contact_uri = "sip:x@192.0.2.1";
        return made;
    }

    std::string call_id_;
    std::set<int> ended_;
    std::ostringstream lines_;
    WallClock wall_{at_ms(1'000'000), 1'800'000'000'000'000};
    Log log_;

public:
    Journal journal; // last: it refers to the others
};

} // namespace tandem::test
