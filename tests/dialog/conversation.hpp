// Alice calls Bob, seen by a tracker in the middle. Each step feeds one message at the time it is given.
#pragma once
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
    explicit Conversation(TrackerOptions options = {}) : random(1), tracker(options, random, at_ms(0)) {}

    Result<Fed> invite(Step step = {.cseq = 1}) {
        MessageView view = make(Method::invite, 0, step);
        view.from_tag = caller_tag;
        view.contact_uri = step.contact.empty() ? "sip:alice@192.0.2.1" : step.contact;
        view.from_uri = "sip:alice@a";
        view.to_uri = "sip:bob@b";
        view.request_uri = "sip:bob@192.0.2.9";
        const auto fed = tracker.feed(view, step.at);
        if (fed && fed->is_new) id = fed->dialog;
        return fed;
    }

    // A response to the caller's INVITE.
    Result<Fed> answer(std::uint16_t status, Step step = {.cseq = 1}) {
        MessageView view = make(Method::invite, status, step);
        view.from_tag = caller_tag;
        view.to_tag = step.to_tag;
        return tracker.feed(view, step.at);
    }

    // A request inside the dialog, and a response to one that `from` sent.
    Result<Fed> request(Side from, Method method, Step step) {
        MessageView view = make(method, 0, step);
        view.from_tag = from == Side::caller ? std::string_view(caller_tag) : step.to_tag;
        view.to_tag = from == Side::caller ? step.to_tag : std::string_view(caller_tag);
        return tracker.feed(view, step.at);
    }
    Result<Fed> respond(Side asker, Method method, std::uint16_t status, Step step) {
        MessageView view = make(method, status, step);
        view.from_tag = asker == Side::caller ? std::string_view(caller_tag) : step.to_tag;
        view.to_tag = asker == Side::caller ? step.to_tag : std::string_view(caller_tag);
        return tracker.feed(view, step.at);
    }
    Result<Fed> cancel(Step step = {.cseq = 1}) {
        MessageView view = make(Method::cancel, 0, step);
        view.from_tag = caller_tag;
        return tracker.feed(view, step.at);
    }

    void confirm() { // INVITE, 200, ACK at t = 0
        static_cast<void>(invite());
        static_cast<void>(answer(200, {.cseq = 1, .contact = "sip:bob@192.0.2.9"}));
        static_cast<void>(request(Side::caller, Method::ack, {.cseq = 1}));
    }

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

    std::string call_id = "call-1";
    std::string caller_tag = "a1";
    DialogId id;
    SeededRandom random;
    Tracker tracker;

private:
    MessageView make(Method method, std::uint16_t status, const Step &step) const {
        MessageView view;
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
