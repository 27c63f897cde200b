// Calls that somebody outside decides about: they wait with 100 out, and go by what he says.
#include <functional>
#include "auth/digest_client.hpp"
#include "call/shared_phones.hpp"
#include "call/two_phones.hpp"

using namespace tandem;
using std::chrono::milliseconds;
using test::TwoPhones;

namespace {

EngineOptions with(Undecided undecided, std::uint32_t question_max = 1024) {
    EngineOptions options;
    options.undecided = undecided;
    options.question_max = question_max;
    return options;
}

struct Controlled : TwoPhones {
    explicit Controlled(EngineOptions options = {}) : TwoPhones(std::move(options)) {
        declare = [](ProfileTable &table) {
            REQUIRE(table.declare({.name = "total"}));
            REQUIRE(table.declare({.name = "user", .has_values = true}));
        };
        declare(profiles());
        router.answer.is_controlled = true;
        router.answer.profiles = {{"total", ""}};
        router.answer.variables = {{"tenant", "blue"}};
    }
    // Alice's call, and what is asked about it.
    Question call() {
        send(alice, invite());
        CHECK(got(alice, "SIP/2.0 100"));
        CHECK(is_silent());
        CHECK(size("total") == 0);
        return question();
    }
    std::uint32_t size(std::string_view profile) { return *profiles().size(profile); }
    std::optional<VariableValue> variable(std::string_view name) {
        for (const DialogId id : engine().tracker().dialogs()) {
            if (const auto value = engine().tracker().variable(id, name)) return value;
        }
        return std::nullopt;
    }
    test::Ended refused(std::uint16_t status) {
        const Message refusal = take(alice, "SIP/2.0 " + std::to_string(status));
        CHECK_FALSE(got(bob, "INVITE"));
        CHECK(size("total") == 0);
        send(alice, request("ACK", refusal.to_tag(), 1, {}, {}, "z9hG4bK-a1INVITE"));
        const test::Ended record = finish();
        CHECK(record.sip_code == status);
        return record;
    }
};

} // namespace

TEST_CASE("control: a call waits for its decision with 100 sent, and then goes by its route") {
    Controlled phones;
    const Question question = phones.call();
    CHECK(question.request.user == "bob");
    phones.wait(300);
    CHECK(phones.is_silent());
    CHECK(phones.decide(question, {}) == DecisionOutcome::allowed);
    const Message invite = phones.take(phones.bob, "INVITE");
    CHECK(invite.has(Header::max_forwards));
    CHECK(phones.size("total") == 1);
    CHECK(phones.variable("tenant")->text == "blue");
    CHECK(phones.decide(question, {}) == DecisionOutcome::gone); // once is enough
    phones.send(phones.bob, TwoPhones::answer(invite, "486 Busy"));
    CHECK(phones.take(phones.alice, "SIP/2.0 486").status() == 486);
    CHECK(phones.finish().reason == EndReason::refused);
}

TEST_CASE("control: a refusal is the answer, with its phrase") {
    Controlled phones;
    Decision decision;
    decision.code = 403;
    decision.reason = "IP Auth Failed";
    const Question question = phones.call();
    CHECK(phones.decide(question, decision) == DecisionOutcome::refused);
    const Message refusal = phones.take(phones.alice, "SIP/2.0 403");
    CHECK(refusal.reason_phrase() == "IP Auth Failed");
    CHECK_FALSE(refusal.to_tag().empty());
    CHECK_FALSE(phones.got(phones.bob, "INVITE"));
    CHECK(phones.finish().reason == EndReason::refused);
}

TEST_CASE("control: a redirection names its targets in Contact") {
    Controlled phones;
    Decision decision;
    decision.code = 302;
    decision.targets = {{"sip:carol@192.0.2.3:5063"}, {"sip:dave@192.0.2.4:5064"}};
    CHECK(phones.decide(phones.call(), decision) == DecisionOutcome::refused);
    const Message moved = phones.take(phones.alice, "SIP/2.0 302");
    CHECK(moved.lines(Header::contact) ==
          std::vector<std::string_view>{"<sip:carol@192.0.2.3:5063>", "<sip:dave@192.0.2.4:5064>"});
    CHECK(phones.finish().sip_code == 302);
}

TEST_CASE("control: a decision says where the call goes, as whose, and with what") {
    Controlled phones;
    Decision decision;
    decision.targets = {{"sip:carol@192.0.2.3:5063"}};
    decision.to_user = "600";
    decision.from_user = "5000";
    decision.from_display = "Sales";
    decision.variables = {{.name = "account", .type = VariableType::integer, .integer = 77},
                          {.name = "is_paid", .type = VariableType::boolean, .integer = 1},
                          {.name = "tenant", .text = "red"}};
    decision.profiles = {{"user", "alice", 1}};
    phones.send(phones.alice, phones.invite());
    CHECK(phones.decide(phones.question(), decision) == DecisionOutcome::allowed);
    const Message invite = phones.take(phones.carol, "INVITE sip:carol@192.0.2.3:5063");
    CHECK(invite.from_display() == "\"Sales\"");
    CHECK(invite.from_uri() == "sip:5000@a");
    CHECK(invite.to_uri() == "sip:600@b");
    CHECK(phones.variable("account")->integer == 77);
    CHECK(phones.variable("is_paid")->type == VariableType::boolean);
    CHECK(phones.variable("tenant")->text == "red");
    CHECK(phones.size("user") == 1);
    CHECK(phones.size("total") == 1);
    phones.send(phones.alice, phones.cancel());
    CHECK(phones.got(phones.alice, "SIP/2.0 487"));
    CHECK(phones.got(phones.alice, "SIP/2.0 200")); // of the CANCEL
    phones.wait(100'000);
    CHECK(phones.size("user") == 0);
}

TEST_CASE("control: places of the route and of the decision are taken together or not at all") {
    Controlled phones;
    Decision decision;
    decision.profiles = {{"user", "alice", 1}};
    CHECK(phones.decide(phones.call(), decision) == DecisionOutcome::allowed);
    phones.call_again();
    CHECK(phones.decide(phones.question(), decision) == DecisionOutcome::allowed); // but its own limit stops it
    const Message refusal = phones.take(phones.alice, "SIP/2.0 503");
    CHECK(refusal.reason_phrase() == "Too Many Calls");
    CHECK(phones.size("total") == 1);
    REQUIRE(phones.ended.size() == 1);
    CHECK(phones.ended[0].reason == EndReason::limit);
    decision.profiles = {{"user", "alice", 2}, {"total", "", 1}}; // in place of the route's, which has no limit
    std::string third = phones.invite();
    test::swap_all(third, "call-a", "call-c");
    test::swap_all(third, "z9hG4bK-a", "z9hG4bK-c");
    phones.send(phones.alice, third);
    CHECK(phones.decide(phones.question(), decision) == DecisionOutcome::allowed);
    CHECK(phones.got(phones.alice, "SIP/2.0 503"));
    CHECK(phones.size("total") == 1);
    CHECK(phones.size("user") == 1);
}

TEST_CASE("control: the longest duration of a decision ends the call") {
    Controlled phones;
    Decision decision;
    decision.max_duration = milliseconds(5000);
    const Question question = phones.call();
    CHECK(phones.decide(question, decision) == DecisionOutcome::allowed);
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.wait(20'000); // it rings
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "bob", {}, "v=0 answer"));
    const std::string tag(phones.take(phones.alice, "SIP/2.0 200").to_tag());
    phones.send(phones.alice, phones.request("ACK", tag, 1));
    phones.wait(4'900);
    CHECK_FALSE(phones.got(phones.bob, "BYE"));
    phones.wait(200);
    CHECK(phones.got(phones.bob, "BYE"));
    CHECK(phones.got(phones.alice, "BYE"));
    CHECK(phones.finish().reason == EndReason::expired);
}

TEST_CASE("control: a longer duration than any call may have is that of any call") {
    EngineOptions options;
    options.dialogs.lifetime = milliseconds(1000);
    Controlled phones(options);
    Decision decision;
    decision.max_duration = milliseconds(5000);
    CHECK(phones.decide(phones.call(), decision) == DecisionOutcome::allowed);
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "bob", {}, "v=0 answer"));
    phones.send(phones.alice, phones.request("ACK", phones.take(phones.alice, "SIP/2.0 200").to_tag(), 1));
    phones.wait(1'100);
    CHECK(phones.got(phones.bob, "BYE"));
}

TEST_CASE("control: without a decision the call is refused 503, or goes by its route") {
    Controlled refusing;
    CHECK(refusing.leave_undecided(refusing.call()) == DecisionOutcome::wrong);
    const Message refusal = refusing.take(refusing.alice, "SIP/2.0 503");
    CHECK(refusal.reason_phrase() == "No Decision");
    CHECK(refusal.has(Header::retry_after));
    CHECK(refusing.finish().reason == EndReason::refused);

    Controlled allowing(with(Undecided::allow));
    CHECK(allowing.leave_undecided(allowing.call()) == DecisionOutcome::wrong);
    CHECK(allowing.got(allowing.bob, "INVITE"));
    CHECK(allowing.size("total") == 1);
}

TEST_CASE("control: a decision that can not be done is none") {
    const std::function<void(Decision &)> wrong[] = {
        [](Decision &it) { it.code = 99; },
        [](Decision &it) {
            it.headers = {{"X-A", "a\r\nX-Evil: 1"}};
        },
        [](Decision &it) { it.targets = {{"nowhere at all"}}; },
        [](Decision &it) {
            it.profiles = {{"no-such", "", {}}};
        },
        [](Decision &it) {
            it.profiles = {{"user", "a", {}}, {"total", "value of what has none", {}}};
        },
        [](Decision &it) { it.to_user = std::string(200, '%'); },
        [](Decision &it) { it.variables = {{.name = "no name"}}; },
    };
    for (const auto &change : wrong) {
        Decision decision;
        change(decision);
        Controlled refusing;
        CHECK(refusing.decide(refusing.call(), decision) == DecisionOutcome::wrong);
        refusing.refused(503);

        Controlled allowing(with(Undecided::allow));
        CHECK(allowing.decide(allowing.call(), decision) == DecisionOutcome::wrong);
        const Message invite = allowing.take(allowing.bob, "INVITE");
        CHECK_FALSE(invite.has(Header::subject));
        CHECK(allowing.size("user") == 0);
    }
}

TEST_CASE("control: beyond what may wait nobody is asked") {
    Controlled phones(with(Undecided::refuse, 1));
    const Question question = phones.call();
    phones.call_again();
    CHECK(phones.take(phones.alice, "SIP/2.0 503").call_id() == "call-b");
    CHECK(phones.engine().statistics().questions_lost == 1);
    CHECK(phones.decide(question, {}) == DecisionOutcome::allowed);
    CHECK(phones.got(phones.bob, "INVITE"));
}

TEST_CASE("control: a CANCEL ends a call that waits, withdraws its question, and the late decision is ignored (H4)") {
    Controlled phones;
    const Question question = phones.call();
    phones.send(phones.alice, phones.cancel());
    CHECK(phones.got(phones.alice, "SIP/2.0 487"));
    std::vector<Question> more;
    phones.engine().take_questions(more, phones.withdrawn);
    CHECK(more.empty());
    REQUIRE(phones.withdrawn.size() == 1);
    CHECK(phones.withdrawn[0] == question.id);
    phones.forget();
    CHECK(phones.decide(question, {}) == DecisionOutcome::gone);
    CHECK(phones.leave_undecided(question) == DecisionOutcome::gone);
    CHECK_FALSE(phones.got(phones.bob, "INVITE"));
    CHECK(phones.finish().reason == EndReason::cancelled);
    CHECK(phones.decide(question, {}) == DecisionOutcome::gone);
}

TEST_CASE("control: a call that waits too long ends like one that rings too long") {
    EngineOptions options;
    options.dialogs.early = milliseconds(2000);
    Controlled phones(options);
    const Question question = phones.call();
    phones.wait(2'100);
    CHECK(phones.got(phones.alice, "SIP/2.0 408"));
    CHECK(phones.decide(question, {}) == DecisionOutcome::gone);
    phones.finish();
}

TEST_CASE("control: who waited for a decision when the process died hears that it is over") {
    Controlled phones;
    const Question question = phones.call();
    CHECK(phones.restart() == 0);
    phones.send(phones.alice, phones.invite()); // comes again: what she was told is lost
    CHECK_MESSAGE(phones.got(phones.alice, "SIP/2.0 487"), phones.dump());
    CHECK(phones.decide(question, {}) == DecisionOutcome::gone);
    CHECK(phones.finish().reason == EndReason::restart);
}

TEST_CASE("control: what the cluster counts is asked for when the decision is there") {
    test::Shared phones;
    phones.router.answer.is_controlled = true;
    phones.send(phones.alice, phones.invite());
    CHECK(phones.requests().empty());
    const Question question = phones.question();
    Decision decision;
    decision.profiles = {{"user", "alice", 7}};
    CHECK(phones.TwoPhones::decide(question, decision) == DecisionOutcome::allowed);
    CHECK_FALSE(phones.got(phones.bob, "INVITE"));
    const Reservation asked = phones.asked();
    REQUIRE(asked.places.size() == 1);
    CHECK(asked.places[0].limit == 7);
    phones.decide(asked, Verdict::admitted);
    CHECK(phones.got(phones.bob, "INVITE"));
}

TEST_CASE("control: a decided call whose route waits for an event goes by its decision when that has come") {
    Controlled phones;
    phones.router.answer.wait = EventWait{.timeout = milliseconds(5000)};
    Decision decision;
    decision.to_user = "600";
    CHECK(phones.decide(phones.call(), decision) == DecisionOutcome::allowed);
    CHECK_FALSE(phones.got(phones.bob, "INVITE"));
    CHECK(phones.size("total") == 0);
    std::vector<WantedEvent> waits;
    phones.engine().take_waits(waits);
    REQUIRE(waits.size() == 1);
    phones.router.answer.wait.reset();
    phones.engine().on_waited(waits[0].id, Waited::event, phones.now);
    phones.wait(0);
    CHECK(phones.take(phones.bob, "INVITE").to_uri() == "sip:600@b");
    CHECK(phones.size("total") == 1);
}
