// Alice calls Bob, seen by a tracker in the middle, or by one of the two. Each step feeds one message at the time it is
// given.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "base/random.hpp"
#include "dialog/tracker.hpp"

namespace tandem::test {

struct Step {
    std::uint32_t cseq = 0;
    std::string_view to_tag = "b1"; // the callee's
    std::string_view contact = {};
    std::string_view record_route = {};
    std::string_view reason = {};
    Instant at = at_ms(0);
};

class Conversation {
public:
    explicit Conversation(TrackerOptions options = {}) : tracker(options, shared, random, at_ms(0)) {}

    Result<Fed> invite(Step step = {.cseq = 1}) {
        MessageView view = make(Side::caller, Method::invite, 0, step);
        view.from_tag = caller_tag;
        view.contact_uri = step.contact.empty() ? "sip:alice@192.0.2.1" : step.contact;
        view.from_uri = "sip:alice@a";
        view.to_uri = "sip:bob@b";
        view.request_uri = "sip:bob@192.0.2.9";
        view.branch = branch;
        const auto fed = tracker.feed_invite(view, {.leg_of = leg_of, .local_side = local_side}, step.at);
        if (fed && fed->is_new) id = fed->dialog;
        return fed;
    }

    // A response to the caller's INVITE.
    Result<Fed> answer(std::uint16_t status, Step step = {.cseq = 1}) {
        MessageView view = make(Side::callee, Method::invite, status, step);
        view.from_tag = caller_tag;
        view.to_tag = step.to_tag;
        view.branch = branch;
        return tracker.feed(view, step.at);
    }

    // A request inside the dialog, and a response to one that `from` sent.
    Result<Fed> request(Side from, Method method, Step step) {
        MessageView view = make(from, method, 0, step);
        view.from_tag = from == Side::caller ? std::string_view(caller_tag) : step.to_tag;
        view.to_tag = from == Side::caller ? step.to_tag : std::string_view(caller_tag);
        return tracker.feed(view, step.at);
    }
    Result<Fed> respond(Side asker, Method method, std::uint16_t status, Step step) {
        MessageView view = make(other(asker), method, status, step);
        view.from_tag = asker == Side::caller ? std::string_view(caller_tag) : step.to_tag;
        view.to_tag = asker == Side::caller ? step.to_tag : std::string_view(caller_tag);
        return tracker.feed(view, step.at);
    }
    Result<Fed> cancel(Step step = {.cseq = 1}) {
        MessageView view = make(Side::caller, Method::cancel, 0, step);
        view.from_tag = caller_tag;
        view.branch = branch;
        return tracker.feed(view, step.at);
    }

    void confirm() { // INVITE, 200, ACK at t = 0
        static_cast<void>(invite());
        static_cast<void>(answer(200, {.cseq = 1, .contact = "sip:bob@192.0.2.9"}));
        static_cast<void>(request(Side::caller, Method::ack, {.cseq = 1}));
    }

    // The BYE of one side and the answer of the other.
    void hang_up(Side from, Step step, std::uint16_t status = 200) {
        static_cast<void>(request(from, Method::bye, step));
        static_cast<void>(respond(from, Method::bye, status, step));
    }

    void advance(std::int64_t ms) { tracker.advance(at_ms(ms)); }

    bool is_over() const { return state() == DialogState::terminated; }
    std::int64_t deadline_ms() const { return to_ms(tracker.find(id)->deadline.time_since_epoch()); }
    DialogState state() const {
        const DialogSet *set = tracker.find(id);
        return set ? set->state : DialogState::terminated;
    }
    EndReason reason() const {
        const DialogSet *set = tracker.find(id);
        return set ? set->end_reason : EndReason::none;
    }

    std::vector<DialogEventKind> events() {
        std::vector<DialogEventKind> kinds;
        for (DialogEvent event; tracker.next_event(event);) kinds.push_back(event.kind);
        return kinds;
    }

    void declare(std::string name, std::uint32_t limit = 0, bool has_values = false) {
        static_cast<void>(profiles.declare({std::move(name), has_values, limit, {}}));
    }
    Result<void> join(std::string_view profile, std::string_view value = {}, Instant now = at_ms(0)) {
        const ProfileRequest request{profile, value, {}};
        return tracker.reserve(id, {&request, 1}, now);
    }
    std::uint32_t size(std::string_view profile) const { return *profiles.size(profile); }

    std::string call_id = "call-1";
    std::string caller_tag = "a1";
    RecordId leg_of;
    std::string branch;             // of the INVITE, its CANCEL and its answers
    std::optional<Side> local_side; // who we are; none: in the middle
    bool is_forged = false;         // what comes in our name is not ours
    DialogId id;
    SeededRandom random{1};
    ProfileTable profiles{random};
    ProfileTable indexed{random};
    TrackerShared shared{random, profiles, &indexed};
    Tracker tracker;

private:
    MessageView make(Side sender, Method method, std::uint16_t status, const Step &step) const {
        MessageView view;
        view.is_ours = local_side == sender && !is_forged;
        view.method = method;
        view.status = status;
        view.cseq = step.cseq;
        view.call_id = call_id;
        view.contact_uri = step.contact;
        view.record_route = step.record_route;
        view.reason = step.reason;
        return view;
    }
};

} // namespace tandem::test
