// Which INVITE is which: retransmissions, new tries, and those that a proxy before us has forked.
#include <algorithm>
#include <doctest/doctest.h>
#include <initializer_list>
#include <string>
#include "dialog/conversation.hpp"

using namespace tandem;
using test::Conversation;

namespace {

constexpr const char *z1 = "z9hG4bK-1";
constexpr const char *z2 = "z9hG4bK-2";

// One that came by two branches, both ringing.
struct Forked : Conversation {
    Forked() {
        branch = z1;
        static_cast<void>(invite());
        branch = z2;
        static_cast<void>(invite());
        static_cast<void>(answer_by(z1, 180, "b1"));
        static_cast<void>(answer_by(z2, 180, "b2"));
    }

    Result<Fed> answer_by(const char *which, std::uint16_t status, const char *to_tag) {
        branch = which;
        return answer(status, {.cseq = 1, .to_tag = to_tag});
    }
    Result<Fed> cancel_by(const char *which) {
        branch = which;
        return cancel();
    }
};

} // namespace

TEST_CASE("invite: one that comes late, when its set has ended, begins no other (RFC 3261 section 17.1.1.2)") {
    Conversation call;
    call.branch = z1;
    for (std::uint16_t status : {std::uint16_t{486}, std::uint16_t{200}}) {
        CAPTURE(status);
        call.branch += 'x';
        REQUIRE(call.invite()->is_new);
        const std::uint64_t processed = call.tracker.statistics().processed;
        CHECK(call.answer(status));
        if (status == 200) call.hang_up(Side::caller, {.cseq = 2});
        REQUIRE(call.is_over());
        for (std::int64_t ms : {1, 500, 31'999}) {
            CHECK(call.invite({.cseq = 1, .at = at_ms(ms)}).error() == Error::merged);
        }
        CHECK(call.tracker.statistics().processed == processed);
    }
}

TEST_CASE("invite: with another branch it is a new try with the same Call-ID, number and tag [23, 50]") {
    Conversation call;
    for (const char *branch : {z1, z2, "z9hG4bK-3"}) {
        call.branch = branch;
        REQUIRE(call.invite()->is_new);
        CHECK(call.answer(503));
    }
    CHECK(call.tracker.statistics().processed == 3);
    CHECK(call.tracker.statistics().failed == 3);
}

TEST_CASE("invite: a set that could not be made is made by the INVITE that comes again") {
    Conversation call({.dialog_max = 1});
    call.branch = z1;
    REQUIRE(call.invite());
    call.call_id = "call-2";
    CHECK(call.invite().error() == Error::full);
    CHECK(call.invite().error() == Error::full);
    const DialogId first = call.id;
    call.tracker.end(first, EndReason::admin, at_ms(0));
    call.tracker.drain_changes(nullptr, nullptr);
    CHECK(call.invite()->is_new);
}

TEST_CASE("invite: another number is another request, counted and limited for itself (RFC 3261 section 8.1.3.5) [22]") {
    Conversation call;
    call.declare("total", 1);
    REQUIRE(call.invite({.cseq = 1}));
    REQUIRE(call.join("total"));
    CHECK(call.answer(200, {.cseq = 1, .to_tag = "b1"}));
    CHECK(call.request(Side::caller, Method::ack, {.cseq = 1, .to_tag = "b1"}));
    const DialogId first = call.id;
    REQUIRE(call.invite({.cseq = 2})->is_new);
    CHECK(call.id != first);
    CHECK(call.join("total").error() == Error::limit);
    CHECK(call.answer(200, {.cseq = 2, .to_tag = "b2"})); // let through all the same
    CHECK(call.tracker.statistics().processed == 2);
    CHECK(call.tracker.statistics().active == 2);
    call.hang_up(Side::callee, {.cseq = 1, .to_tag = "b2"});
    CHECK(call.is_over());
    CHECK(call.tracker.find(first)->state == DialogState::confirmed);
    call.hang_up(Side::caller, {.cseq = 3, .to_tag = "b1"});
    CHECK(call.tracker.find(first)->is_over());
    CHECK(call.tracker.statistics().active == 0);
}

TEST_CASE("invite: a retry whose challenge was not seen is a call of its own") {
    Conversation call;
    REQUIRE(call.invite({.cseq = 1})); // 407, by another path
    const DialogId first = call.id;
    REQUIRE(call.invite({.cseq = 2})->is_new);
    CHECK(call.answer(180, {.cseq = 2}));
    CHECK(call.answer(200, {.cseq = 2}));
    CHECK(call.request(Side::caller, Method::ack, {.cseq = 2}));
    CHECK(call.request(Side::callee, Method::info, {.cseq = 1}));
    CHECK(call.state() == DialogState::confirmed);
    CHECK(call.tracker.find(first)->state == DialogState::trying);
    call.tracker.advance(at_ms(181'000));
    call.tracker.advance(at_ms(213'000));
    CHECK(call.tracker.find(first)->is_over());
    CHECK(call.tracker.statistics().active == 1);
    call.hang_up(Side::caller, {.cseq = 3});
    CHECK(call.is_over());
}

TEST_CASE("invite: of one that a proxy before us forked, a refusal ends its branch alone [46, 50, 51]") {
    Forked call;
    CHECK(call.answer_by(z1, 486, "b1"));
    CHECK(call.state() == DialogState::early);
    CHECK(call.answer_by(z1, 486, "b1")); // again: its ACK was lost
    CHECK(call.state() == DialogState::early);
    SUBCASE("the other one answers") {
        CHECK(call.answer_by(z2, 200, "b2"));
        CHECK(call.tracker.statistics().active == 1);
        call.hang_up(Side::callee, {.cseq = 1, .to_tag = "b2"});
        CHECK(call.reason() == EndReason::callee_bye);
    }
    SUBCASE("the other one refuses") {
        CHECK(call.answer_by(z2, 603, "b2"));
        CHECK(call.is_over());
        CHECK(call.reason() == EndReason::refused);
        CHECK(call.tracker.find(call.id)->sip_code == 603);
    }
    SUBCASE("a refusal of a branch that is not known stands for one that is open") {
        CHECK(call.answer_by("z9hG4bK-of-the-proxy", 480, "b2"));
        CHECK(call.is_over());
    }
    CHECK(call.is_over());
    CHECK(call.tracker.statistics().processed == 1);
}

TEST_CASE("invite: of one that a proxy before us forked, a CANCEL gives up its branch alone [46]") {
    Forked call;
    CHECK(call.cancel_by(z1));
    CHECK(call.answer_by(z1, 487, "b1"));
    CHECK(call.deadline_ms() == 181'000);
    SUBCASE("the other one is answered") {
        CHECK(call.answer_by(z2, 200, "b2"));
        CHECK(call.state() == DialogState::confirmed);
        CHECK(call.tracker.find(call.id)->q850 == 0);
    }
    SUBCASE("the other one is cancelled, too") {
        CHECK(call.cancel_by(z2));
        CHECK(call.deadline_ms() == 32'000);
        CHECK(call.answer_by(z2, 487, "b2"));
        CHECK(call.is_over());
        CHECK(call.reason() == EndReason::cancelled);
    }
}

TEST_CASE("invite: branches of one request have a bound, and a further one is not let in unseen") {
    Conversation call({.fork_max = 4});
    for (int i = 0; i < 100; ++i) {
        call.branch = z1 + std::to_string(i);
        const auto fed = call.invite();
        CHECK(fed.ok() == (i < 4));
        if (i >= 4) CHECK(call.invite().error() == Error::full); // and again
    }
    CHECK(call.tracker.find(call.id)->extras->branches.size() == 4);
    CHECK(call.tracker.statistics().processed == 1);
}

TEST_CASE("invite: what was answered is asked by no further way [22]") {
    Conversation call;
    call.declare("total", 1);
    call.branch = z1;
    CHECK(call.invite());
    CHECK(call.join("total"));
    CHECK(call.answer(200));
    CHECK(call.invite()); // the answer is on its way
    call.branch = z2;
    CHECK(call.invite().error() == Error::merged);
    CHECK(call.request(Side::caller, Method::ack, {.cseq = 1}));
    for (const char *branch : {z1, z2, ""}) {
        call.branch = branch;
        CHECK(call.invite().error() == Error::merged);
    }
    CHECK(call.state() == DialogState::confirmed);
}

TEST_CASE("invite: a CANCEL of no branch of it cancels nothing (RFC 3261 section 9.2)") {
    Forked call;
    for (const char *branch : {z1, z2}) {
        CHECK_FALSE(call.cancel_by("z9hG4bK-bogus")->dialog);
        CHECK(call.deadline_ms() == 181'000);
        CHECK(call.cancel_by(branch)->dialog);
    }
    CHECK(call.deadline_ms() == 32'000);
}

TEST_CASE("invite: who cancels one way and tries another has a call that rings") {
    for (const bool is_due : {false, true}) {
        CAPTURE(is_due);
        Conversation call;
        call.branch = z1;
        CHECK(call.invite());
        CHECK(call.answer(180, {.cseq = 1, .to_tag = "b1"}));
        if (is_due) call.advance(181'000);
        CHECK(call.cancel({.cseq = 1, .reason = "Q.850;cause=102", .at = at_ms(181'000)}));
        call.branch = z2;
        CHECK(call.invite({.cseq = 1, .at = at_ms(181'100)}));
        call.branch = z1;
        CHECK(call.answer(487, {.cseq = 1, .to_tag = "b1", .at = at_ms(181'200)}));
        CHECK(call.deadline_ms() == 181'100 + 181'000);
        call.branch = z2;
        CHECK(call.answer(200, {.cseq = 1, .to_tag = "b2", .at = at_ms(190'000)}));
        CHECK(call.tracker.statistics().active == 1);
        CHECK(call.reason() == EndReason::none);
    }
}

TEST_CASE("invite: a refusal that comes again finishes no other branch, whatever branch it bears") {
    for (const char *own : {"z9hG4bK-of-the-host", ""}) {
        CAPTURE(own);
        Forked call;
        for (int i = 0; i < 3; ++i) CHECK(call.answer_by(own, 486, "b1"));
        CHECK(call.state() == DialogState::early);
        CHECK(call.answer_by(own, 480, "b2"));
        CHECK(call.is_over());
    }
}

TEST_CASE("invite: the first branch is known for as long as its set, however much comes meanwhile") {
    Conversation call({.dialog_max = 200'000});
    call.branch = z1;
    CHECK(call.invite());
    const DialogId first = call.id;
    for (std::uint64_t i = 0; i < 2 * RecentKeys::max; ++i) {
        call.call_id = "other-" + std::to_string(i);
        REQUIRE(call.invite({.cseq = 1, .at = at_ms(1)}));
        call.tracker.end(call.id, EndReason::admin, at_ms(1));
    }
    call.call_id = "call-1";
    CHECK(call.invite({.cseq = 1, .at = at_ms(2)})->dialog == first);
    CHECK_FALSE(call.tracker.find(first)->extras);
    CHECK(call.answer(486));
    CHECK(call.tracker.find(first)->is_over());
}

TEST_CASE("invite: the answer to a re-INVITE is not that of another call with its number") {
    Conversation call;
    call.confirm(); // CSeq 1
    const DialogId first = call.id;
    CHECK(call.invite({.cseq = 2})->is_new);
    CHECK(call.answer(180, {.cseq = 2, .to_tag = "b2"}));
    CHECK(call.request(Side::caller, Method::invite, {.cseq = 2, .contact = "sip:alice@new"}));
    SUBCASE("refused, and again") {
        for (int i = 0; i < 2; ++i) CHECK(call.respond(Side::caller, Method::invite, 488, {.cseq = 2}));
    }
    SUBCASE("answered, and again") {
        for (int i = 0; i < 2; ++i) CHECK(call.respond(Side::caller, Method::invite, 200, {.cseq = 2}));
        CHECK(call.tracker.find(first)->target(Side::caller) == "sip:alice@new");
    }
    SUBCASE("cancelled") {
        MessageView cancel;
        cancel.method = Method::cancel;
        cancel.cseq = 2;
        cancel.call_id = call.call_id;
        cancel.from_tag = call.caller_tag;
        cancel.to_tag = "b1";
        CHECK_FALSE(call.tracker.feed(cancel, at_ms(0))->dialog);
        CHECK(call.respond(Side::caller, Method::invite, 487, {.cseq = 2}));
    }
    CHECK(call.state() == DialogState::early);
    CHECK(call.deadline_ms() == 181'000);
    CHECK(call.answer(200, {.cseq = 2, .to_tag = "b2"}));
    CHECK(call.tracker.statistics().active == 2);
}

TEST_CASE("invite: one inside an early dialog with the number of the first says nothing of that one's answer") {
    Conversation call;
    call.branch = z1;
    CHECK(call.invite());
    CHECK(call.answer(180));
    CHECK(call.request(Side::caller, Method::invite, {.cseq = 1}));
    call.branch = "z9hG4bK-inside";
    CHECK(call.respond(Side::caller, Method::invite, 500, {.cseq = 1}));
    CHECK(call.state() == DialogState::early);
    call.branch = z1;
    CHECK(call.answer(486));
    CHECK(call.is_over());
}

TEST_CASE("invite: a caller without a tag has a dialog, too (RFC 3261 section 12.1.1)") {
    Conversation call;
    call.caller_tag = "";
    CHECK(call.invite());
    CHECK(call.answer(200));
    CHECK(call.request(Side::caller, Method::ack, {.cseq = 1}));
    // To the caller all of them go without a To-tag.
    REQUIRE(call.request(Side::callee, Method::invite, {.cseq = 5, .contact = "sip:bob@192.0.2.77"}));
    CHECK(call.respond(Side::callee, Method::invite, 200, {.cseq = 5, .contact = "sip:alice@192.0.2.1"}));
    CHECK(call.tracker.find(call.id)->target(Side::callee) == "sip:bob@192.0.2.77");
    CHECK(call.tracker.statistics().processed == 1);
    CHECK(call.request(Side::callee, Method::bye, {.cseq = 6}));
    CHECK(call.respond(Side::callee, Method::bye, 200, {.cseq = 6}));
    CHECK(call.is_over());
    CHECK(call.reason() == EndReason::callee_bye);
}

TEST_CASE("invite: of a callee without a tag a re-INVITE is no new call (RFC 3261 section 12.1.2)") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.answer(200, {.cseq = 1, .to_tag = ""}));
    CHECK(call.request(Side::caller, Method::ack, {.cseq = 1, .to_tag = ""}));
    const auto fed =
        call.request(Side::caller, Method::invite, {.cseq = 2, .to_tag = "", .contact = "sip:alice@192.0.2.77"});
    REQUIRE(fed);
    CHECK(fed->dialog == call.id);
    CHECK(call.respond(Side::caller, Method::invite, 200, {.cseq = 2, .to_tag = ""}));
    CHECK(call.tracker.find(call.id)->target(Side::caller) == "sip:alice@192.0.2.77");
    CHECK(call.tracker.next_cseq(call.id, Side::caller) == 3);
    CHECK(call.tracker.statistics().processed == 1);
}
