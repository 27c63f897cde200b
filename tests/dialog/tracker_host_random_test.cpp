// Any order of messages and of what a host does: every number equals what is there, and nothing stays for ever.
#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <map>
#include <random>
#include <set>
#include "dialog/conversation.hpp"

using namespace tandem;
using std::chrono::milliseconds;
using test::Conversation;

namespace {

constexpr std::uint32_t total_limit = 12;
constexpr std::uint32_t user_limit = 3;
constexpr Duration bye_max = milliseconds(60'000); // of the random timeouts too
const std::array<std::string, 3> values = {"alice", "bob", ""};
const std::array<std::string, 3> names = {"tenant", "user", "other"}; // the first two are indexed

class Run {
public:
    Run(std::uint32_t seed, std::optional<Side> local_side, std::uint32_t event_max)
        : call({.dialog_max = 40, .fork_max = 3, .same_call_id_max = 3, .event_max = event_max}), random_(seed) {
        call.local_side = local_side;
        call.declare("total", total_limit);
        call.declare("user", user_limit, true);
        call.declare("free");
        for (const char *name : {"tenant", "user"}) static_cast<void>(call.indexed.declare({name, true, 0, {}}));
    }

    void step() {
        ms_ += pick(100) == 0 ? pick(50'000) : pick(30);
        call.tracker.advance(now());
        REQUIRE(call.tracker.watchdog(now(), Duration::zero()).empty());
        switch (pick(12)) {
        case 0: change_profiles(); break;
        case 1: change_variables(); break;
        case 2: change_host_state(); break;
        case 3: drain_events(); break;
        default: feed(); break;
        }
        check();
    }

    // Nobody sends any more.
    void finish() {
        std::map<DialogId, Instant> bounds;
        for (DialogId id : call.tracker.dialogs()) {
            const DialogSet *set = call.tracker.find(id);
            if (set->deadline == never) {
                REQUIRE(set->timer_kind() == DialogTimer::lifetime);
                REQUIRE(call.tracker.request_end(id, EndReason::admin, now()));
            }
            bounds[id] = call.tracker.find(id) ? call.tracker.find(id)->deadline : now();
        }
        for (int i = 0; i < 100'000; ++i) {
            const auto next = call.tracker.next_deadline();
            if (!next) break;
            call.tracker.advance(*next);
        }
        REQUIRE(call.tracker.size() == 0);
        for (const auto &[id, bound] : bounds) {
            const DialogSet *set = call.tracker.find(id);
            REQUIRE(set);
            REQUIRE(set->ended);
            if (bound != never) REQUIRE(*set->ended <= bound + bye_max + milliseconds(1));
        }
        check();
        drain_events();
        REQUIRE(started_ == ended_);
        REQUIRE(gaps_ == call.tracker.statistics().events_lost); // an `ended` was the last event
        for (const ProfileInfo &profile : call.profiles.profiles()) REQUIRE(profile.size == 0);
        for (const ProfileInfo &profile : call.indexed.profiles()) REQUIRE(profile.size == 0);
        call.tracker.drain_changes(nullptr, nullptr);
        REQUIRE(call.shared.dialogs == 0);
    }

    Conversation call;

private:
    std::uint32_t pick(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }
    Instant now() const { return at_ms(ms_); }
    DialogId some() { return ids_.empty() ? DialogId() : ids_[pick(static_cast<std::uint32_t>(ids_.size()))]; }

    void feed() {
        static constexpr std::array methods = {Method::ack,   Method::ack,     Method::bye,
                                               Method::bye,   Method::update,  Method::invite,
                                               Method::prack, Method::options, Method::info};
        static constexpr std::array<std::uint16_t, 12> statuses = {100, 180, 183, 180, 200, 200,
                                                                   200, 401, 408, 481, 487, 503};
        static constexpr std::array<std::string_view, 5> tags = {"b1", "b2", "b3", "b4", ""};
        call.call_id = "call-" + std::to_string(pick(40));
        call.caller_tag = pick(20) ? "a1" : "b1";
        call.is_forged = pick(8) == 0;
        const test::Step step{.cseq = 1 + pick(pick(3) ? 1 : 5),
                              .to_tag = tags[pick(pick(4) ? 2 : 5)],
                              .contact = pick(2) ? "sip:x@y" : "",
                              .record_route = pick(3) ? "" : "<sip:r;lr>",
                              .reason = pick(4) ? "" : "Q.850;cause=31",
                              .at = now()};
        const Side side = pick(2) ? Side::caller : Side::callee;
        switch (pick(8)) {
        case 0:
        case 1: note(call.invite(step)); break;
        case 2:
        case 3: static_cast<void>(call.answer(statuses[pick(12)], step)); break;
        case 4:
        case 5: note(call.request(side, methods[pick(9)], step)); break; // an INVITE without To-tag starts one too
        case 6: static_cast<void>(call.respond(side, methods[pick(9)], statuses[pick(12)], step)); break;
        default: static_cast<void>(pick(3) ? call.answer(200, step) : call.cancel(step)); break;
        }
    }

    void note(const Result<Fed> &fed) {
        if (!fed || call.tracker.statistics().processed == started_.size()) return;
        REQUIRE(fed->is_new);
        REQUIRE(started_.insert(fed->dialog).second);
        ids_.push_back(fed->dialog);
    }

    void change_profiles() {
        const std::array<ProfileRequest, 3> all = {{{"total"}, {"user", values[pick(3)]}, {"free"}}};
        const std::size_t first = pick(3);
        const std::span requests = std::span(all).subspan(first, 1 + pick(static_cast<std::uint32_t>(3 - first)));
        const DialogId id = some();
        if (pick(4) == 0) {
            static_cast<void>(call.tracker.leave(id, requests[0].profile, requests[0].value, now()));
        } else {
            static_cast<void>(call.tracker.reserve(id, requests, now()));
        }
    }

    void change_variables() {
        const DialogId id = some();
        const std::string &name = names[pick(3)];
        const std::array<VariableValue, 4> some_values = {VariableValue::of_text("1"), VariableValue::of_integer(1),
                                                          VariableValue::of_boolean(true),
                                                          VariableValue::of_text("a\tb")};
        const VariableValue value = some_values[pick(4)];
        switch (pick(4)) {
        case 0: static_cast<void>(call.tracker.set_variable(id, name, value, now())); break;
        case 1: static_cast<void>(call.tracker.add_to_variable(id, name, pick(3), now())); break;
        case 2: static_cast<void>(call.tracker.erase_variable(id, name, now())); break;
        default:
            static_cast<void>(call.tracker.compare_and_set_variable(
                id, name, pick(2) ? std::optional(some_values[pick(4)]) : std::nullopt,
                pick(2) ? std::optional(value) : std::nullopt, now()));
        }
    }

    void change_host_state() {
        const DialogId id = some();
        switch (pick(6)) {
        case 0: call.tracker.end(id, EndReason::admin, now()); break;
        case 1: call.tracker.request_end(id, EndReason::probe, now()); break;
        case 2: call.tracker.set_end_reason(id, EndReason::limit); break;
        case 3: call.tracker.drain_changes(nullptr, nullptr); break;
        default: {
            const auto timer = static_cast<DialogTimer>(pick(4));
            const Duration span = milliseconds(timer == DialogTimer::lifetime && pick(4) == 0 ? 0 : 1 + pick(60'000));
            static_cast<void>(call.tracker.set_timeout(id, timer, pick(3) ? std::optional(span) : std::nullopt));
        }
        }
        std::erase_if(ids_, [&](DialogId known) { return !call.tracker.find(known); });
    }

    void drain_events() {
        for (DialogEvent event; call.tracker.next_event(event);) {
            REQUIRE(event.sequence > sequence_);
            gaps_ += event.sequence - sequence_ - 1;
            sequence_ = event.sequence;
            REQUIRE(event.at >= at_);
            at_ = event.at;
            REQUIRE_FALSE(ended_.contains(event.dialog)); // it is the last event of a set
            if (event.kind != DialogEventKind::ended) continue;
            ended_.insert(event.dialog);
            REQUIRE(event.reason != EndReason::none);
        }
    }

    void check() {
        std::uint64_t early = 0;
        std::uint64_t active = 0;
        std::map<std::string, std::uint32_t> members;
        std::map<std::string, std::uint32_t> indexed;
        for (DialogId id : call.tracker.dialogs()) {
            const DialogSet *set = call.tracker.find(id);
            ++(set->state == DialogState::confirmed ? active : early);
            REQUIRE((set->state == DialogState::confirmed) == set->has_confirmed_fork());
            if (set->is_reason_from_bye) REQUIRE(set->is_ending);
            const DialogRecord record = *call.tracker.record(id);
            for (const ProfileView &in : record.profiles) {
                ++members[std::string(in.profile) + '=' + std::string(in.value)];
            }
            for (const VariableView &variable : record.variables) {
                if (variable.name != "other") {
                    ++indexed[std::string(variable.name) + '=' + index_key_of(variable.value)];
                }
            }
        }
        const DialogStatistics statistics = call.tracker.statistics();
        REQUIRE(statistics.early == early);
        REQUIRE(statistics.active == active);
        REQUIRE(call.tracker.size() == early + active);
        REQUIRE(statistics.processed == started_.size());

        REQUIRE(*call.profiles.size("total") == members["total="]);
        REQUIRE(*call.profiles.size("free") == members["free="]);
        REQUIRE(members["total="] <= total_limit);
        std::uint32_t users = 0;
        for (const std::string &value : values) {
            const std::uint32_t size = *call.profiles.size("user", value);
            REQUIRE(size == members["user=" + value]);
            REQUIRE(size <= user_limit);
            users += size;
        }
        REQUIRE(*call.profiles.size("user") == users);
        std::uint32_t indexed_sum = 0;
        for (const auto &[key, size] : indexed) {
            const std::size_t split = key.find('=');
            REQUIRE(*call.indexed.size(key.substr(0, split), key.substr(split + 1)) == size);
            indexed_sum += size;
        }
        REQUIRE(*call.indexed.size("tenant") + *call.indexed.size("user") == indexed_sum);

        std::vector<LiveMemberships> live;
        std::vector<LiveMemberships> live_indexed;
        call.tracker.list_memberships(live, live_indexed);
        for (const ProfileAudit &audit : {call.profiles.audit(live), call.indexed.audit(live_indexed)}) {
            REQUIRE(audit.removed + audit.added + audit.misplaced == 0);
        }
    }

    std::mt19937 random_;
    std::int64_t ms_ = 0;
    std::vector<DialogId> ids_;
    std::set<DialogId> started_;
    std::set<DialogId> ended_;
    std::uint64_t sequence_ = 0;
    std::uint64_t gaps_ = 0;
    Instant at_{};
};

void run(std::uint32_t seed, std::optional<Side> local_side, std::uint32_t event_max) {
    CAPTURE(seed);
    Run random(seed, local_side, event_max);
    for (int i = 0; i < 4000; ++i) random.step();
    random.finish();
}

} // namespace

TEST_CASE("dialog: in the middle, whatever messages and host do, sizes, statistics and index equal the live sets") {
    for (std::uint32_t seed = 1; seed <= 8; ++seed) run(seed, std::nullopt, 65536);
}

TEST_CASE("dialog: on a leg, whatever messages and host do, sizes, statistics and index equal the live sets") {
    for (std::uint32_t seed = 101; seed <= 104; ++seed) run(seed, Side::caller, 65536);
    for (std::uint32_t seed = 105; seed <= 108; ++seed) run(seed, Side::callee, 65536);
}

TEST_CASE("dialog: with a short queue each set that started still has exactly one `ended`, and every loss shows") {
    for (std::uint32_t seed = 201; seed <= 204; ++seed) run(seed, std::nullopt, 5);
}
