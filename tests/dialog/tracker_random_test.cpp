// Any order of messages: no crash, no drift, and nothing stays for ever.
#include <array>
#include <doctest/doctest.h>
#include <random>
#include "dialog/conversation.hpp"

using namespace tandem;
using test::Conversation;

TEST_CASE("dialog: whatever the network sends, the statistics equal the live sets and all of them end") {
    for (std::uint32_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        Conversation call({.dialog_max = 50, .fork_max = 3});
        const auto pick = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
        static constexpr std::array methods = {Method::ack,    Method::bye,   Method::update, Method::info,
                                               Method::invite, Method::prack, Method::options};
        static constexpr std::array<std::uint16_t, 9> statuses = {100, 180, 183, 200, 200, 407, 408, 481, 487};
        static constexpr std::array<std::string_view, 5> tags = {"b1", "b2", "b3", "b4", ""};
        std::int64_t ms = 0;
        for (int i = 0; i < 5000; ++i) {
            ms += pick(200) == 0 ? pick(100'000) : pick(50);
            call.call_id = "call-" + std::to_string(pick(60));
            const test::Step step{.cseq = pick(6),
                                  .to_tag = tags[pick(5)],
                                  .contact = pick(2) ? "sip:x@y" : "",
                                  .record_route = pick(3) ? "" : "<sip:r;lr>",
                                  .reason = pick(4) ? "" : "Q.850;cause=31",
                                  .at = at_ms(ms)};
            const Side side = pick(2) ? Side::caller : Side::callee;
            call.tracker.advance(at_ms(ms));
            switch (pick(6)) {
            case 0: static_cast<void>(call.invite(step)); break;
            case 1: static_cast<void>(call.answer(statuses[pick(9)], step)); break;
            case 2: static_cast<void>(call.request(side, methods[pick(7)], step)); break;
            case 3: static_cast<void>(call.respond(side, methods[pick(7)], statuses[pick(9)], step)); break;
            case 4: static_cast<void>(call.cancel(step)); break;
            default: call.tracker.drain_changes(nullptr, nullptr); break;
            }
            const DialogStatistics &statistics = call.tracker.statistics();
            std::uint64_t early = 0;
            std::uint64_t active = 0;
            for (DialogId id : call.tracker.dialogs()) {
                ++(call.tracker.find(id)->state == DialogState::confirmed ? active : early);
            }
            REQUIRE(statistics.early == early);
            REQUIRE(statistics.active == active);
            REQUIRE(call.tracker.size() == early + active);
        }
        while (const auto deadline = call.tracker.next_deadline()) call.tracker.advance(*deadline);
        CHECK(call.tracker.size() == 0);
        CHECK(call.tracker.statistics().early == 0);
        CHECK(call.tracker.statistics().active == 0);
        std::uint64_t ended = 0;
        for (DialogEvent event; call.tracker.next_event(event);) ended += event.kind == DialogEventKind::ended ? 1 : 0;
        CHECK(ended == call.tracker.statistics().processed);
    }
}
