// Whatever a conversation was, a tracker that takes over its sets says of the rest what the first one says.
#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>
#include "dialog/conversation.hpp"
#include "dialog/record_text.hpp"

using namespace tandem;
using test::Conversation;
using test::text_of;

namespace {

constexpr std::uint32_t call_count = 40;
constexpr std::array methods = {Method::ack,    Method::bye,   Method::update, Method::info,
                                Method::invite, Method::prack, Method::options};
constexpr std::array<std::uint16_t, 9> statuses = {100, 180, 183, 200, 200, 407, 408, 481, 487};
constexpr std::array<std::string_view, 4> tags = {"b1", "b2", "b3", ""};

// One thing that happens, to both trackers alike.
struct Happening {
    std::uint32_t call = 0;
    std::uint32_t kind = 0;
    Side side = Side::caller;
    Method method = Method::info;
    std::uint16_t status = 200;
    std::uint32_t number = 0;
    test::Step step;
    std::int64_t ms = 0;
};

class Dice {
public:
    explicit Dice(std::uint32_t seed) : random_(seed) {}

    std::uint32_t pick(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }

    // Requests inside a dialog have numbers from `cseq_min` on.
    Happening next(std::uint32_t cseq_min) {
        ms_ += pick(200) == 0 ? pick(100'000) : pick(50);
        Happening one;
        one.call = pick(call_count);
        one.kind = pick(12);
        one.side = pick(2) ? Side::caller : Side::callee;
        one.method = methods[pick(methods.size())];
        one.status = statuses[pick(statuses.size())];
        one.number = pick(5);
        one.step = {.cseq = cseq_min > 1 && pick(4) == 0 ? 0 : cseq_min + pick(4), // in a record 0 is none
                    .to_tag = tags[pick(tags.size())],
                    .contact = pick(2) ? "sip:x@y" : "",
                    .record_route = pick(3) ? "" : "<sip:r;lr>",
                    .reason = pick(4) ? "" : "Q.850;cause=31",
                    .at = at_ms(ms_)};
        one.ms = ms_;
        // Without a tag it would begin another set, and which of the two a message means is not said.
        if (one.method == Method::invite && one.step.to_tag.empty()) one.step.to_tag = "b1";
        return one;
    }
    Instant now() const { return at_ms(ms_); }

private:
    std::mt19937 random_;
    std::int64_t ms_ = 0;
};

// A tracker with profiles and an index. Each call has an INVITE with a number and a side of its own.
class Process : public Conversation {
public:
    Process() : Conversation({.dialog_max = 60, .fork_max = 3}) {
        declare("total", 30);
        declare("user", 3, true);
        static_cast<void>(indexed.declare({.name = "v1", .has_values = true}));
    }

    // What it answers, what it tells of, and what it would store; sorted, for timers that are late together fire in the
    // order in which they were set.
    std::vector<std::string> run(const Happening &one) {
        call_id = "call-" + std::to_string(one.call);
        local_side = one.call % 3 == 0 ? std::nullopt : std::optional(one.call % 3 == 1 ? Side::caller : Side::callee);
        id = tracker.find(call_id, caller_tag, {});
        tracker.advance(one.step.at);
        std::vector<std::string> said = {text_of(one)};
        for (DialogEvent event; tracker.next_event(event);) said.push_back(text_of(event));
        const auto stored = [&](const DialogRecord &record) { said.push_back(test::text_of(record)); };
        if (one.ms % 3 == 0) tracker.drain_changes(stored, stored);
        std::sort(said.begin(), said.end());
        return said;
    }

private:
    static std::string text_of(const Result<Fed> &fed) {
        if (!fed) return "error " + std::to_string(static_cast<int>(fed.error()));
        return std::string(fed->dialog ? "fed " : "passed ") + std::string(to_string(fed->from)) +
               (fed->is_new ? " new" : "");
    }
    std::string text_of(const DialogEvent &event) const {
        const DialogSet *set = tracker.find(event.dialog);
        return "event " + std::to_string(static_cast<int>(event.kind)) + " " +
               std::string(set ? set->view(DialogSet::call_id) : "gone") + " " + std::string(to_string(event.side)) +
               " " + std::string(to_string(event.reason)) + " " + std::to_string(static_cast<int>(event.method));
    }
    static std::string text_of(const Result<std::uint32_t> &number) {
        return number ? std::to_string(*number) : "error " + std::to_string(static_cast<int>(number.error()));
    }

    std::string text_of(const Happening &one) {
        const std::uint32_t invite_cseq = 1 + one.call % 3;
        test::Step of_invite = one.step;
        of_invite.cseq = invite_cseq;
        const Instant now = one.step.at;
        switch (one.kind) {
        case 0: return text_of(invite(of_invite));
        case 1: return text_of(answer(one.status, of_invite));
        case 2:
        case 3: return text_of(request(one.side, one.method, one.method == Method::ack ? of_invite : one.step));
        case 4:
        case 5: return text_of(respond(one.side, one.method, one.status, one.step));
        case 6: return text_of(cancel(of_invite));
        case 7: static_cast<void>(join(one.number == 0 ? "total" : "user", one.number == 0 ? "" : "u", now)); break;
        case 8:
            static_cast<void>(
                tracker.set_variable(id, "v" + std::to_string(one.number), VariableValue::of_integer(one.call), now));
            break;
        case 9:
            static_cast<void>(tracker.set_timeout(id, static_cast<DialogTimer>(one.number % dialog_timer_count),
                                                  std::chrono::seconds(one.number * 40 + 1)));
            break;
        case 10: return text_of(tracker.take_cseq(id, one.side, one.step.to_tag));
        default: static_cast<void>(tracker.request_end(id, EndReason::session_timer, now)); break;
        }
        return {};
    }
};

void hand_over(const Process &from, Process &to, Instant now) {
    std::vector<DialogRecord> records;
    for (DialogId id : from.tracker.dialogs()) records.push_back(*from.tracker.record(id));
    for (const DialogRecord &record : records) {
        const auto restored = to.tracker.restore(record, 0, now);
        REQUIRE(restored);
        const DialogRecord taken = *to.tracker.record(*restored);
        REQUIRE(text_of(taken) == text_of(record));
        REQUIRE(taken.id == record.id);
    }
    REQUIRE(to.tracker.statistics().early == from.tracker.statistics().early);
    REQUIRE(to.tracker.statistics().active == from.tracker.statistics().active);
    for (const char *profile : {"total", "user"}) REQUIRE(to.size(profile) == from.size(profile));
    REQUIRE(*to.indexed.size("v1") == *from.indexed.size("v1"));
    DialogEvent event;
    REQUIRE(!to.tracker.next_event(event));
    to.tracker.drain_changes([](const DialogRecord &) { FAIL("nothing has changed"); }, nullptr);
}

} // namespace

TEST_CASE("restore: whatever a conversation was, its rest is the same for a tracker that takes its sets back") {
    std::map<DialogState, std::size_t> states;
    for (std::uint32_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        Dice dice(seed);
        Process first, second;
        const std::uint32_t length = 50 + dice.pick(2000);
        for (std::uint32_t i = 0; i < length; ++i) first.run(dice.next(1));
        first.tracker.advance(dice.now());
        for (DialogEvent event; first.tracker.next_event(event);) {
        }
        first.tracker.drain_changes(nullptr, nullptr);
        hand_over(first, second, dice.now());
        for (DialogId id : first.tracker.dialogs()) ++states[first.tracker.find(id)->state];

        // What was under way is gone, but for BYE: from here on requests have other numbers.
        for (std::uint32_t i = 0; i < 1500; ++i) {
            Happening one = dice.next(20);
            if (one.kind == 5 && dice.pick(2))
                one = {one.call, 5, one.side, Method::bye, one.status, 0, one.step, one.ms};
            if (one.kind == 5 && one.method == Method::bye) one.step.cseq = 1 + dice.pick(5);
            CAPTURE(i);
            const auto expected = first.run(one);
            const auto said = second.run(one);
            std::vector<std::string> others; // what only one of them says
            std::set_symmetric_difference(said.begin(), said.end(), expected.begin(), expected.end(),
                                          std::back_inserter(others));
            const std::string first_other = others.empty() ? "" : others.front();
            REQUIRE(first_other == "");
        }
    }
    for (DialogState state :
         {DialogState::trying, DialogState::proceeding, DialogState::early, DialogState::confirmed}) {
        CHECK(states[state] > 10);
    }
}
