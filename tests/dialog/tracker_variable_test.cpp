// Variables of a dialog set in the tracker: until when they live, and how dialogs are found by them.
#include <doctest/doctest.h>
#include <functional>
#include <limits>
#include <new>
#include "dialog/conversation.hpp"
#include "dialog/failing_memory.hpp"

using namespace tandem;
using test::Conversation;
using Value = VariableValue;

namespace {

class IndexedCall : public Conversation {
public:
    explicit IndexedCall(TrackerOptions options = {}) : Conversation(options) {
        for (const char *name : {"tenant", "user"}) static_cast<void>(indexed.declare({name, true, 0, {}}));
        confirm();
        events();
    }

    Result<void> set(std::string_view name, const Value &value) {
        return tracker.set_variable(id, name, value, at_ms(0));
    }
    std::uint32_t found(std::string_view name, const Value &value) const {
        return *indexed.size(name, index_key_of(value));
    }
    std::uint32_t found(std::string_view name) const { return *indexed.size(name); }
};

} // namespace

TEST_CASE("variable: the tracker keeps each type, with its name and place in the record") {
    IndexedCall call;
    CHECK(call.set("text", Value::of_text("a b")));
    CHECK(call.set("number", Value::of_integer(std::numeric_limits<std::int64_t>::min())));
    CHECK(call.set("flag", Value::of_boolean(true)));
    CHECK(call.set("bytes", Value::of_bytes(std::string_view("\0\xff", 2))));
    CHECK(call.tracker.variable(call.id, "number") == Value::of_integer(std::numeric_limits<std::int64_t>::min()));
    CHECK_FALSE(call.tracker.variable(call.id, "other"));
    const auto record = *call.tracker.record(call.id);
    REQUIRE(record.variables.size() == 4);
    CHECK(record.variables[0].name == "text");
    CHECK(record.variables[0].value == Value::of_text("a b"));
    CHECK(record.variables[2].value == Value::of_boolean(true));
    CHECK(record.variables[3].value == Value::of_bytes(std::string_view("\0\xff", 2)));
}

TEST_CASE("variable: add answers the sum, and changes nothing where it fails") {
    IndexedCall call;
    const auto add = [&](std::string_view name, std::int64_t amount) {
        return call.tracker.add_to_variable(call.id, name, amount, at_ms(0));
    };
    CHECK(*add("n", 5) == 5);
    CHECK(*add("n", -7) == -2);
    CHECK(call.set("n", Value::of_integer(std::numeric_limits<std::int64_t>::max())));
    CHECK(add("n", 1).error() == Error::out_of_range);
    CHECK(call.tracker.variable(call.id, "n")->integer == std::numeric_limits<std::int64_t>::max());
    CHECK(call.set("t", Value::of_text("5")));
    CHECK(add("t", 1).error() == Error::wrong_type);
    CHECK(call.set("b", Value::of_boolean(true)));
    CHECK(add("b", 1).error() == Error::wrong_type);
    CHECK(add("", 1).error() == Error::invalid);
    CHECK(call.tracker.add_to_variable(DialogId(), "n", 1, at_ms(0)).error() == Error::not_found);
}

TEST_CASE("variable: compare-and-set changes what is as expected, and else fails with conflict") {
    IndexedCall call;
    const auto swap = [&](std::optional<Value> expected, std::optional<Value> desired) {
        return call.tracker.compare_and_set_variable(call.id, "v", expected, desired, at_ms(0));
    };
    CHECK(swap(Value::of_integer(1), Value::of_integer(2)).error() == Error::conflict);
    CHECK(swap({}, Value::of_integer(1)));
    CHECK(swap({}, Value::of_integer(1)).error() == Error::conflict);
    CHECK(swap(Value::of_text("1"), Value::of_integer(2)).error() == Error::conflict);
    CHECK(call.tracker.variable(call.id, "v") == Value::of_integer(1));
    CHECK(swap(Value::of_integer(1), Value::of_text("x")));
    CHECK(swap(Value::of_text("x"), {}));
    CHECK_FALSE(call.tracker.variable(call.id, "v"));
    CHECK(swap({}, {}));
}

TEST_CASE("variable: the limits are those of the tracker, for each dialog") {
    TrackerOptions options;
    options.variables = {.count_max = 2, .name_max = 4, .bytes_max = 30};
    IndexedCall call(options);
    CHECK(call.set("a", Value::of_integer(1)));
    CHECK(call.set("b", Value::of_integer(1)));
    CHECK(call.set("c", Value::of_integer(1)).error() == Error::full);
    CHECK(call.set("names", Value::of_integer(1)).error() == Error::too_large);
    CHECK(call.set("a", Value::of_text(std::string(21, 'x'))).error() == Error::too_large);
    CHECK(call.tracker.variable(call.id, "a") == Value::of_integer(1));
    call.call_id = "call-2";
    call.confirm();
    CHECK(call.set("c", Value::of_integer(1)));
}

TEST_CASE("variable: dialogs are found by an indexed name and value, by type as well") {
    IndexedCall call;
    const DialogId first = call.id;
    CHECK(call.set("tenant", Value::of_text("1")));
    CHECK(call.set("other", Value::of_text("1"))); // not indexed
    call.call_id = "call-2";
    call.confirm();
    CHECK(call.set("tenant", Value::of_text("1")));
    CHECK(call.set("user", Value::of_text("1")));
    CHECK(call.found("tenant", Value::of_text("1")) == 2);
    CHECK(call.found("tenant", Value::of_integer(1)) == 0);
    const auto page = call.indexed.members("tenant", index_key_of(Value::of_text("1")), 0, 10);
    CHECK(page->items.size() == 2);
    CHECK((page->items[0] == first || page->items[1] == first));

    // A set, a change of value or of type, an erasure and a compare-and-set all move it.
    CHECK(call.set("tenant", Value::of_text("2")));
    CHECK(call.found("tenant", Value::of_text("1")) == 1);
    CHECK(call.found("tenant", Value::of_text("2")) == 1);
    CHECK(call.set("tenant", Value::of_integer(2)));
    CHECK(call.found("tenant", Value::of_text("2")) == 0);
    CHECK(*call.tracker.add_to_variable(call.id, "tenant", 3, at_ms(0)) == 5);
    CHECK(call.found("tenant", Value::of_integer(2)) == 0);
    CHECK(call.found("tenant", Value::of_integer(5)) == 1);
    CHECK(call.tracker.compare_and_set_variable(call.id, "tenant", Value::of_integer(5), Value::of_boolean(true),
                                                at_ms(0)));
    CHECK(call.found("tenant", Value::of_integer(5)) == 0);
    CHECK(call.found("tenant", Value::of_boolean(true)) == 1);
    CHECK(call.tracker.compare_and_set_variable(call.id, "tenant", Value::of_boolean(true), {}, at_ms(0)));
    CHECK(call.found("tenant") == 1);
    CHECK(*call.tracker.erase_variable(call.id, "user", at_ms(0)));
    CHECK(call.found("user") == 0);
}

TEST_CASE("variable: what fails, for its own sake or the index's, leaves value and index as they were") {
    TrackerOptions options;
    options.variables.bytes_max = 400;
    using Change = std::function<bool(IndexedCall &)>;
    const std::string long_text(300, 'x'); // fits the dialog, and not the index
    const auto setting = [](const Value &value) -> Change {
        return [value](IndexedCall &call) { return call.set("tenant", value).ok(); };
    };
    const std::vector<Change> changes = {
        setting(Value::of_text(long_text)),
        setting(Value::of_text("a\tb")),
        setting(Value::of_bytes("\x01")),
        setting(Value::of_text("a\nb")),
        setting(Value::of_text("\xff")),
        [](IndexedCall &call) { return call.tracker.add_to_variable(call.id, "tenant", 1, at_ms(0)).ok(); },
        [](IndexedCall &call) {
            return call.tracker.compare_and_set_variable(call.id, "tenant", {}, Value::of_text("b"), at_ms(0)).ok();
        },
        [](IndexedCall &call) {
            return call.tracker.compare_and_set_variable(call.id, "tenant", Value::of_text("b"), {}, at_ms(0)).ok();
        }};
    for (std::size_t i = 0; i < changes.size(); ++i) {
        CAPTURE(i);
        IndexedCall call(options);
        REQUIRE(call.set("tenant", Value::of_text("a")));
        call.events();
        CHECK_FALSE(changes[i](call));
        CHECK(call.tracker.variable(call.id, "tenant") == Value::of_text("a"));
        CHECK(call.found("tenant") == 1);
        CHECK(call.found("tenant", Value::of_text("a")) == 1);
        CHECK(call.events().empty());
    }
    IndexedCall call(options);
    CHECK(call.set("filler", Value::of_text(std::string(380, 'x'))));
    CHECK(call.set("tenant", Value::of_text("a b c d e f g")).error() == Error::too_large);
    CHECK(call.found("tenant") == 0);
}

TEST_CASE("variable: no memory leaves value and index as they were, at whichever allocation it runs out") {
    const std::string text(100, 'x');
    const std::vector<std::function<bool(IndexedCall &)>> changes = {
        [&](IndexedCall &call) { return call.set("tenant", Value::of_text(text)).ok(); },
        [&](IndexedCall &call) { return call.set("user", Value::of_text(text)).ok(); },
        [&](IndexedCall &call) {
            return call.tracker
                .compare_and_set_variable(call.id, "tenant", Value::of_text("a"), Value::of_text(text), at_ms(0))
                .ok();
        }};
    TrackerOptions options;
    options.events = 0; // an event is allocated after the change
    options.keeps_changes = false;
    for (std::size_t i = 0; i < changes.size(); ++i) {
        std::size_t failures = 0;
        IndexedCall call(options);
        REQUIRE(call.set("tenant", Value::of_text("a")));
        for (bool is_done = false; !is_done; ++failures) {
            REQUIRE(call.tracker.variable(call.id, "tenant") == Value::of_text("a"));
            REQUIRE(call.found("tenant", Value::of_text("a")) == 1);
            REQUIRE(call.found("tenant") == 1);
            REQUIRE(call.found("user") == 0);
            try {
                test::FailingMemory memory(failures);
                is_done = changes[i](call);
            } catch (const std::bad_alloc &) {
            }
        }
        CHECK(failures >= 2);
    }
}

TEST_CASE("variable: they are read and written after the end, until the set is forgotten [78]") {
    IndexedCall call;
    CHECK(call.set("tenant", Value::of_text("a")));
    call.tracker.end(call.id, EndReason::admin, at_ms(5));
    CHECK(call.found("tenant") == 0); // only live ones are found
    CHECK(call.tracker.variable(call.id, "tenant") == Value::of_text("a"));
    CHECK(call.set("tenant", Value::of_text("late")));
    CHECK(call.set("user", Value::of_integer(1)));
    CHECK(*call.tracker.add_to_variable(call.id, "user", 1, at_ms(6)) == 2);
    CHECK(call.found("tenant") == 0);
    CHECK(call.found("user") == 0);
    CHECK(call.events().back() == DialogEventKind::ended); // the last event of a set
    std::size_t ended = 0;
    call.tracker.drain_changes(nullptr, [&](const DialogRecord &record) {
        ++ended;
        REQUIRE(record.variables.size() == 2);
        CHECK(record.variables[0].value == Value::of_text("late"));
        CHECK(record.variables[1].value == Value::of_integer(2));
        CHECK(record.has_changed_variables);
    });
    CHECK(ended == 1);
    CHECK_FALSE(call.tracker.variable(call.id, "tenant"));
    CHECK(call.set("tenant", Value::of_text("b")).error() == Error::not_found);
    CHECK(call.tracker.erase_variable(call.id, "tenant", at_ms(7)).error() == Error::not_found);
}

TEST_CASE("variable: forget() lets them go where changes are not kept") {
    IndexedCall call({.keeps_changes = false});
    CHECK(call.set("tenant", Value::of_text("a")));
    call.tracker.forget(call.id); // lives: no effect
    CHECK(call.tracker.variable(call.id, "tenant"));
    call.tracker.end(call.id, EndReason::admin, at_ms(5));
    CHECK(call.tracker.variable(call.id, "tenant"));
    call.tracker.forget(call.id);
    CHECK_FALSE(call.tracker.variable(call.id, "tenant"));
}

TEST_CASE("variable: a set that is dropped with its tracker leaves the index") {
    SeededRandom random(1);
    ProfileTable profiles(random);
    ProfileTable indexed(random);
    REQUIRE(indexed.declare({"tenant", true, 0, {}}));
    TrackerShared shared(random, profiles, &indexed);
    {
        Tracker tracker({}, shared, random, at_ms(0));
        MessageView invite;
        invite.method = Method::invite;
        invite.call_id = "c";
        invite.from_tag = "a";
        const DialogId id = tracker.feed(invite, at_ms(0))->dialog;
        REQUIRE(tracker.set_variable(id, "tenant", Value::of_integer(1), at_ms(0)));
        CHECK(*indexed.size("tenant") == 1);
    }
    CHECK(*indexed.size("tenant") == 0);
    CHECK(shared.dialogs == 0);
}
