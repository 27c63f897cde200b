#include <array>
#include <doctest/doctest.h>
#include <functional>
#include <limits>
#include <map>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include "base/random.hpp"
#include "dialog/failing_memory.hpp"
#include "dialog/variable_set.hpp"

using namespace tandem;

namespace {

using Value = VariableValue;

constexpr VariableLimits wide;
constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();

// A variable as the test remembers it.
struct Kept {
    VariableType type = VariableType::text;
    std::string text;
    std::int64_t integer = 0;

    Value value() const { return {type, text, integer}; }
    bool operator==(const Kept &) const = default;
};

Kept keep(const Value &value) { return {value.type, std::string(value.text), value.integer}; }

using Contents = std::vector<std::pair<std::string, Kept>>;

Contents contents_of(const VariableSet &set) {
    Contents contents;
    for (std::size_t i = 0; i < set.size(); ++i) {
        contents.emplace_back(set.at(i).name, keep(set.at(i).value));
    }
    return contents;
}

// One of each type, and an empty one.
VariableSet filled() {
    VariableSet set;
    REQUIRE(set.set("text", Value::of_text("Zo\xc3\xab"), wide).ok());
    REQUIRE(set.set("integer", Value::of_integer(-5), wide).ok());
    REQUIRE(set.set("boolean", Value::of_boolean(true), wide).ok());
    REQUIRE(set.set("bytes", Value::of_bytes(std::string_view("\0\xff\r\n", 4)), wide).ok());
    REQUIRE(set.set("empty", Value::of_text(""), wide).ok());
    return set;
}
constexpr std::size_t filled_size = 4 + 4 + 7 + 8 + 7 + 8 + 5 + 4 + 5;

template <class T>
void check_fails(VariableSet &set, Error error, const T &result, const Contents &before) {
    REQUIRE_FALSE(result.ok());
    CHECK(result.error() == error);
    CHECK(contents_of(set) == before);
}

} // namespace

TEST_CASE("variable: a value of each type is found as it was set, in the order in which the names came") {
    const VariableSet set = filled();
    CHECK(set.find("text") == Value::of_text("Zo\xc3\xab"));
    CHECK(set.find("integer") == Value::of_integer(-5));
    CHECK(set.find("boolean") == Value::of_boolean(true));
    CHECK(set.find("bytes") == Value::of_bytes(std::string_view("\0\xff\r\n", 4)));
    CHECK(set.find("empty") == Value::of_text(""));
    CHECK(set.find("tex") == std::nullopt);
    CHECK(set.find("Text") == std::nullopt);
    CHECK(set.find("") == std::nullopt);
    const std::vector<std::string_view> names = {"text", "integer", "boolean", "bytes", "empty"};
    REQUIRE(set.size() == names.size());
    for (std::size_t i = 0; i < names.size(); ++i) CHECK(set.at(i).name == names[i]);
    CHECK(set.at(1).value == Value::of_integer(-5));
}

TEST_CASE("variable: a name takes a value of any type, whatever it was before, and keeps its place") {
    const VariableSet values = filled();
    for (std::size_t from = 0; from < values.size(); ++from) {
        for (std::size_t to = 0; to < values.size(); ++to) {
            CAPTURE(from);
            CAPTURE(to);
            VariableSet set;
            REQUIRE(set.set("v", values.at(from).value, wide).ok());
            REQUIRE(set.set("w", Value::of_integer(7), wide).ok());
            REQUIRE(set.set("v", values.at(to).value, wide).ok());
            CHECK(contents_of(set) == Contents{{"v", keep(values.at(to).value)}, {"w", keep(Value::of_integer(7))}});
        }
    }
}

TEST_CASE("variable: values are equal by type and content, whatever stands in the field that is not used") {
    CHECK(Value::of_integer(1) != Value::of_boolean(true));
    CHECK(Value::of_integer(0) != Value::of_text(""));
    CHECK(Value::of_text("a") != Value::of_bytes("a"));
    CHECK(Value::of_text("a") != Value::of_text("A"));
    CHECK(Value::of_text("a") != Value::of_text(std::string_view("a\0", 2)));
    CHECK(Value::of_integer(lowest) != Value::of_integer(highest));
    CHECK(Value::of_boolean(true) != Value::of_boolean(false));
    CHECK(Value{VariableType::boolean, "x", -3} == Value::of_boolean(true));
    CHECK(Value{VariableType::boolean, "x", 0} == Value::of_boolean(false));
    CHECK(Value{VariableType::integer, "x", 3} == Value::of_integer(3));
    CHECK(Value{VariableType::text, "x", 3} == Value::of_text("x"));
    CHECK(Value{VariableType::bytes, "x", 3} == Value::of_bytes("x"));
}

TEST_CASE("variable: a boolean is kept as 0 or 1, and no type keeps, counts or checks what it does not use") {
    VariableSet set;
    constexpr VariableLimits narrow{.bytes_max = 27};
    REQUIRE(set.set("b", {VariableType::boolean, "a\r\xff of no use", 256}, narrow).ok());
    REQUIRE(set.set("i", {VariableType::integer, "a\r\xff of no use", 256}, narrow).ok());
    REQUIRE(set.set("t", {VariableType::text, "text", 256}, narrow).ok());
    REQUIRE(set.set("y", {VariableType::bytes, "abc", 256}, narrow).ok());
    CHECK(contents_of(set) == Contents{{"b", {VariableType::boolean, "", 1}},
                                       {"i", {VariableType::integer, "", 256}},
                                       {"t", {VariableType::text, "text", 0}},
                                       {"y", {VariableType::bytes, "abc", 0}}});
}

TEST_CASE("variable: a name of visible ASCII is taken, every other one is invalid and changes nothing") {
    VariableSet set;
    for (int c = 0; c < 256; ++c) {
        CAPTURE(c);
        const bool is_visible = c > 32 && c < 127;
        for (const std::string around : {"", "a"}) {
            const std::string name = around + static_cast<char>(c) + around;
            CHECK(set.set(name, Value::of_integer(c), wide).ok() == is_visible);
            CHECK(set.find(name).has_value() == is_visible);
            CHECK(set.add(name, 1, wide).ok() == is_visible);
            CHECK(set.erase(name) == is_visible);
        }
    }
    CHECK(set.size() == 0);

    set = filled();
    const Contents before = contents_of(set);
    for (const std::string_view name : {std::string_view(), std::string_view("a b"), std::string_view("a\0", 2)}) {
        check_fails(set, Error::invalid, set.set(name, Value::of_integer(1), wide), before);
        check_fails(set, Error::invalid, set.add(name, 1, wide), before);
        check_fails(set, Error::invalid, set.compare_and_set(name, std::nullopt, Value::of_integer(1), wide), before);
        check_fails(set, Error::invalid, set.compare_and_set(name, std::nullopt, std::nullopt, wide), before);
        check_fails(set, Error::invalid, set.compare_and_set(name, Value::of_integer(1), std::nullopt, wide), before);
    }
}

TEST_CASE("variable: a text that is no UTF-8 or holds CR, LF or NUL is invalid; the same as bytes is not") {
    VariableSet set = filled();
    const Contents before = contents_of(set);
    for (const std::string_view text :
         {std::string_view("a\r"), std::string_view("\nb"), std::string_view("a\0b", 3), std::string_view("\xff"),
          std::string_view("\x80"), std::string_view("\xc3"), std::string_view("\xc0\xaf"),
          std::string_view("\xed\xa0\x80"), std::string_view("\xf4\x90\x80\x80")}) {
        CAPTURE(text);
        check_fails(set, Error::invalid, set.set("text", Value::of_text(text), wide), before);
        check_fails(set, Error::invalid, set.set("new", Value::of_text(text), wide), before);
        check_fails(set, Error::invalid,
                    set.compare_and_set("integer", Value::of_integer(-5), Value::of_text(text), wide), before);
        VariableSet other;
        REQUIRE(other.set("bytes", Value::of_bytes(text), wide).ok());
        CHECK(other.find("bytes") == Value::of_bytes(text));
    }
    REQUIRE(set.set("text", Value::of_text("\t \x7f\x01 is text"), wide).ok());
}

TEST_CASE("variable: a name may be as long as name_max and not longer") {
    VariableSet set;
    constexpr VariableLimits limits{.name_max = 3};
    REQUIRE(set.set("abc", Value::of_integer(1), limits).ok());
    const Contents before = contents_of(set);
    check_fails(set, Error::too_large, set.set("abcd", Value::of_integer(1), limits), before);
    check_fails(set, Error::too_large, set.add("abcd", 1, limits), before);
    check_fails(set, Error::too_large, set.compare_and_set("abcd", std::nullopt, Value::of_integer(1), limits), before);
    CHECK(set.set("abcd", Value::of_integer(1), {.name_max = 4}).ok());
}

TEST_CASE("variable: names and values may fill bytes_max and not pass it; numbers count 8") {
    VariableSet set = filled();
    constexpr VariableLimits limits{.bytes_max = filled_size + 3};
    const Contents before = contents_of(set);
    check_fails(set, Error::too_large, set.set("a", Value::of_text("123"), limits), before);
    check_fails(set, Error::too_large, set.set("a", Value::of_bytes("123"), limits), before);
    check_fails(set, Error::too_large, set.set("a", Value::of_boolean(true), limits), before);
    check_fails(set, Error::too_large, set.add("a", 1, limits), before);
    check_fails(set, Error::too_large, set.set("text", Value::of_text("12345678"), limits), before);
    check_fails(set, Error::too_large, set.set("text", Value::of_integer(1), limits), before);
    check_fails(set, Error::too_large, set.set("integer", Value::of_text("123456789012"), limits), before);
    check_fails(set, Error::too_large,
                set.compare_and_set("empty", Value::of_text(""), Value::of_bytes("1234"), limits), before);

    REQUIRE(set.set("text", Value::of_text("1234567"), limits).ok()); // now it is full
    REQUIRE(set.set("boolean", Value::of_integer(highest), limits).ok());
    REQUIRE(set.add("integer", 1, limits).ok());
    REQUIRE(set.set("text", Value::of_bytes("7654321"), limits).ok());
    CHECK_FALSE(set.set("a", Value::of_text(""), limits).ok());
    REQUIRE(set.set("text", Value::of_text("123456"), limits).ok());
    REQUIRE(set.set("a", Value::of_text(""), limits).ok());
    CHECK(set.erase("integer"));
    REQUIRE(set.set("b", Value::of_text("12345678901234"), limits).ok());
    CHECK_FALSE(set.set("b", Value::of_text("123456789012345"), limits).ok());
}

TEST_CASE("variable: there may be count_max names and not one more; those that are there still change") {
    VariableSet set;
    constexpr VariableLimits limits{.count_max = 2};
    REQUIRE(set.set("a", Value::of_integer(1), limits).ok());
    REQUIRE(set.set("b", Value::of_integer(2), limits).ok());
    const Contents before = contents_of(set);
    check_fails(set, Error::full, set.set("c", Value::of_integer(3), limits), before);
    check_fails(set, Error::full, set.add("c", 3, limits), before);
    check_fails(set, Error::full, set.compare_and_set("c", std::nullopt, Value::of_integer(3), limits), before);
    REQUIRE(set.set("a", Value::of_text("one"), limits).ok());
    REQUIRE(set.add("b", 1, limits).ok());
    REQUIRE(set.compare_and_set("c", std::nullopt, std::nullopt, limits).ok());
    CHECK(set.erase("a"));
    REQUIRE(set.set("c", Value::of_integer(3), limits).ok());
    CHECK(contents_of(set) == Contents{{"b", keep(Value::of_integer(3))}, {"c", keep(Value::of_integer(3))}});
    VariableSet none;
    check_fails(none, Error::full, none.set("a", Value::of_integer(1), {.count_max = 0}), {});
}

TEST_CASE("variable: the default limits hold a dialog's worth, and no more") {
    VariableSet set;
    for (int i = 0; i < 64; ++i) REQUIRE(set.set("v" + std::to_string(i), Value::of_text("x"), wide).ok());
    CHECK(set.set("v64", Value::of_text("x"), wide).error() == Error::full);
    VariableSet large;
    const std::string text(16384 - 64, 'x');
    const std::string name(64, 'n');
    REQUIRE(large.set(name, Value::of_text(text), wide).ok());
    CHECK(large.set(name, Value::of_text(text + 'x'), wide).error() == Error::too_large);
    CHECK(large.find(name) == Value::of_text(text));
}

TEST_CASE("variable: add starts a new name at 0 and answers the sum") {
    VariableSet set;
    CHECK(*set.add("n", 5, wide) == 5);
    CHECK(*set.add("n", -7, wide) == -2);
    CHECK(*set.add("n", 0, wide) == -2);
    CHECK(*set.add("zero", 0, wide) == 0);
    CHECK(set.find("n") == Value::of_integer(-2));
    CHECK(set.find("zero") == Value::of_integer(0));
}

TEST_CASE("variable: add to what is no integer fails with wrong_type") {
    VariableSet set = filled();
    const Contents before = contents_of(set);
    for (const char *name : {"text", "boolean", "bytes", "empty"}) {
        check_fails(set, Error::wrong_type, set.add(name, 1, wide), before);
    }
}

TEST_CASE("variable: add reaches both ends of 64 bits and does not pass them") {
    VariableSet set;
    CHECK(*set.add("low", lowest, wide) == lowest);
    CHECK(*set.add("high", highest, wide) == highest);
    const Contents before = contents_of(set);
    check_fails(set, Error::out_of_range, set.add("low", -1, wide), before);
    check_fails(set, Error::out_of_range, set.add("low", lowest, wide), before);
    check_fails(set, Error::out_of_range, set.add("high", 1, wide), before);
    check_fails(set, Error::out_of_range, set.add("high", highest, wide), before);
    CHECK(*set.add("high", lowest, wide) == -1);
    CHECK(*set.add("low", highest, wide) == -1);
    CHECK(*set.add("low", lowest + 1, wide) == lowest);
    CHECK(*set.add("high", -highest, wide) == lowest);
}

TEST_CASE("variable: compare-and-set changes what is as expected, and else fails with conflict") {
    VariableSet set = filled();
    const Contents before = contents_of(set);
    const Value one = Value::of_integer(1);
    check_fails(set, Error::conflict, set.compare_and_set("integer", std::nullopt, one, wide), before);
    check_fails(set, Error::conflict, set.compare_and_set("integer", Value::of_integer(5), one, wide), before);
    check_fails(set, Error::conflict, set.compare_and_set("boolean", one, one, wide), before);
    check_fails(set, Error::conflict, set.compare_and_set("text", Value::of_bytes("Zo\xc3\xab"), one, wide), before);
    check_fails(set, Error::conflict, set.compare_and_set("empty", Value::of_bytes(""), std::nullopt, wide), before);
    check_fails(set, Error::conflict, set.compare_and_set("new", Value::of_text(""), one, wide), before);
    check_fails(set, Error::conflict, set.compare_and_set("new", Value::of_text(""), std::nullopt, wide), before);

    REQUIRE(set.compare_and_set("boolean", Value{VariableType::boolean, "unused", 9}, one, wide).ok());
    REQUIRE(set.compare_and_set("text", Value::of_text("Zo\xc3\xab"), Value::of_text("Zoe"), wide).ok());
    REQUIRE(set.compare_and_set("new", std::nullopt, one, wide).ok());
    REQUIRE(set.compare_and_set("none", std::nullopt, std::nullopt, wide).ok());
    REQUIRE(set.compare_and_set("empty", Value::of_text(""), std::nullopt, wide).ok());
    CHECK(contents_of(set) == Contents{{"text", keep(Value::of_text("Zoe"))},
                                       {"integer", keep(Value::of_integer(-5))},
                                       {"boolean", keep(one)},
                                       before[3],
                                       {"new", keep(one)}});
}

TEST_CASE("variable: an erased name is gone, and comes back at the end") {
    VariableSet set = filled();
    CHECK_FALSE(set.erase("other"));
    CHECK(set.size() == 5);
    CHECK(set.erase("integer"));
    CHECK_FALSE(set.erase("integer"));
    CHECK(set.find("integer") == std::nullopt);
    CHECK(set.at(1).name == "boolean");
    CHECK(set.find("bytes")->text.size() == 4);
    REQUIRE(set.set("integer", Value::of_integer(3), wide).ok());
    CHECK(set.at(4).name == "integer");
    while (set.size() > 0) CHECK(set.erase(set.at(0).name));
}

TEST_CASE("variable: names and values may be views of the set itself") {
    VariableSet set;
    const std::string text = "a text too long for any string to hold it in itself";
    REQUIRE(set.set("a", Value::of_text(text), wide).ok());
    REQUIRE(set.set("b", *set.find("a"), wide).ok()); // grows while the view is used
    REQUIRE(set.set("a", Value::of_text(set.find("a")->text.substr(2, 4)), wide).ok());
    CHECK(set.find("a") == Value::of_text("text"));
    REQUIRE(set.set(set.at(0).name, Value::of_bytes(set.at(0).name), wide).ok());
    CHECK(set.find("a") == Value::of_bytes("a"));
    REQUIRE(set.set(set.find("b")->text.substr(2, 4), *set.find("b"), wide).ok());
    CHECK(set.find("text") == Value::of_text(text));
    const Value rest = Value::of_text(set.find("b")->text.substr(7));
    REQUIRE(set.compare_and_set(set.at(1).name, set.find("b"), rest, wide).ok());
    CHECK(set.find("b") == Value::of_text(text.substr(7)));
    REQUIRE(set.compare_and_set(set.at(1).name, set.find("b"), std::nullopt, wide).ok());
    CHECK(set.find("b") == std::nullopt);
    REQUIRE(set.set("n", Value::of_integer(1), wide).ok());
    CHECK(*set.add(set.at(2).name, 1, wide) == 2);
    CHECK(set.erase(set.at(2).name));
    CHECK(contents_of(set) == Contents{{"a", keep(Value::of_bytes("a"))}, {"text", keep(Value::of_text(text))}});
}

TEST_CASE("variable: views hold over what fails") {
    VariableSet set = filled();
    const Value text = *set.find("text");
    const std::string_view name = set.at(3).name;
    CHECK_FALSE(set.set("text", Value::of_text("\r"), wide).ok());
    CHECK_FALSE(set.add("text", 1, wide).ok());
    CHECK_FALSE(set.compare_and_set("text", std::nullopt, std::nullopt, wide).ok());
    CHECK_FALSE(set.erase("other"));
    CHECK(text == Value::of_text("Zo\xc3\xab"));
    CHECK(name == "bytes");
}

TEST_CASE("variable: a set without variables takes no block, one with a variable takes two without spare room") {
    test::FailingMemory memory;
    VariableSet set;
    const bool is_found = set.find("customer").has_value() || set.erase("customer");
    const std::size_t none = memory.blocks();
    const bool is_set = set.set("customer", Value::of_text("0123456789"), wide).ok();
    const std::size_t blocks = memory.blocks();
    const std::size_t bytes = memory.bytes();
    CHECK_FALSE(is_found);
    CHECK(none == 0);
    CHECK(is_set);
    CHECK(blocks == 2);
    CHECK(bytes <= 18 + 24);
}

TEST_CASE("variable: a counter allocates when it begins, and then no more") {
    VariableSet set;
    REQUIRE(set.add("n", 1, wide).ok());
    test::FailingMemory memory(0);
    const bool is_added = set.add("n", 1, wide).ok();
    const bool is_swapped = set.compare_and_set("n", Value::of_integer(2), Value::of_boolean(true), wide).ok();
    const bool is_set = set.set("n", Value::of_integer(highest), wide).ok();
    CHECK(is_added);
    CHECK(is_swapped);
    CHECK(is_set);
    CHECK(set.find("n") == Value::of_integer(highest));
}

TEST_CASE("variable: no memory changes nothing, at whichever allocation it runs out") {
    using Change = std::function<bool(VariableSet &)>;
    const std::string text(200, 'x');
    const std::vector<Change> changes = {
        [&](VariableSet &set) { return set.set("new", Value::of_text(text), wide).ok(); },
        [&](VariableSet &set) { return set.set("text", Value::of_bytes(text), wide).ok(); },
        [&](VariableSet &set) { return set.set("integer", Value::of_text(text), wide).ok(); },
        [&](VariableSet &set) { return set.add("new", 1, wide).ok(); },
        [&](VariableSet &set) { return set.compare_and_set("new", std::nullopt, Value::of_boolean(true), wide).ok(); },
        [&](VariableSet &set) {
            return set.compare_and_set("integer", Value::of_integer(-5), Value::of_text(text), wide).ok();
        }};
    for (std::size_t i = 0; i < changes.size(); ++i) {
        CAPTURE(i);
        VariableSet set = filled();
        const Contents before = contents_of(set);
        std::size_t failures = 0;
        for (bool is_done = false; !is_done; ++failures) {
            REQUIRE(contents_of(set) == before);
            try {
                test::FailingMemory memory(failures);
                is_done = changes[i](set);
            } catch (const std::bad_alloc &) {
            }
        }
        CHECK(failures >= 2); // it did allocate
        CHECK(contents_of(set) != before);
    }
}

TEST_CASE("variable: each type has its name") {
    CHECK(to_string(VariableType::text) == "text");
    CHECK(to_string(VariableType::integer) == "integer");
    CHECK(to_string(VariableType::boolean) == "boolean");
    CHECK(to_string(VariableType::bytes) == "bytes");
}

namespace {

// The contract of VariableSet over a map, with limits that are often met.
struct Model {
    static constexpr VariableLimits limits{.count_max = 5, .name_max = 3, .bytes_max = 60};

    std::map<std::string, Kept> variables;
    std::vector<std::string> names; // in the order in which they came

    std::optional<Error> set(const std::string &name, const Kept &value) {
        if (name.empty() || name.find(' ') != std::string::npos) return Error::invalid;
        if (name.size() > limits.name_max) return Error::too_large;
        if (value.type == VariableType::text && value.text.find('\n') != std::string::npos) return Error::invalid;
        auto after = variables;
        after[name] = value;
        std::size_t bytes = 0;
        for (const auto &[key, kept] : after) {
            const bool is_text = kept.type == VariableType::text || kept.type == VariableType::bytes;
            bytes += key.size() + (is_text ? kept.text.size() : 8);
        }
        if (bytes > limits.bytes_max) return Error::too_large;
        if (!variables.contains(name) && variables.size() == limits.count_max) return Error::full;
        if (!variables.contains(name)) names.push_back(name);
        variables = after;
        return std::nullopt;
    }

    std::optional<Error> add(const std::string &name, std::int64_t amount) {
        const auto found = variables.find(name);
        if (found != variables.end() && found->second.type != VariableType::integer) return Error::wrong_type;
        const std::int64_t before = found == variables.end() ? 0 : found->second.integer;
        std::int64_t sum = 0;
        if (__builtin_add_overflow(before, amount, &sum)) return Error::out_of_range;
        return set(name, {VariableType::integer, "", sum});
    }

    std::optional<Error> compare_and_set(const std::string &name, const std::optional<Kept> &expected,
                                         const std::optional<Kept> &desired) {
        if (name.empty() || name.find(' ') != std::string::npos) return Error::invalid;
        if (name.size() > limits.name_max) return Error::too_large;
        const auto found = variables.find(name);
        if ((found == variables.end() ? std::nullopt : std::optional(found->second)) != expected) {
            return Error::conflict;
        }
        if (desired) return set(name, *desired);
        erase(name);
        return std::nullopt;
    }

    bool erase(const std::string &name) {
        std::erase(names, name);
        return variables.erase(name) > 0;
    }
};

template <class T>
std::optional<Error> error_of(const T &result) {
    return result.ok() ? std::nullopt : std::optional(result.error());
}

} // namespace

TEST_CASE("variable: random changes agree with a map, in values, order and errors") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        SeededRandom random(seed);
        const auto pick = [&](std::uint64_t n) { return random.next() % n; };
        const auto pick_name = [&]() -> std::string {
            static constexpr std::array names = {"a", "b", "c", "dd", "ee", "fff", "ggg", "long", "a b", ""};
            return names[pick(names.size())];
        };
        const auto pick_value = [&]() -> Kept {
            static constexpr std::array<std::int64_t, 5> integers = {0, 1, -1, lowest, highest};
            const std::string text(pick(25), pick(30) == 0 ? '\n' : 'x');
            switch (pick(4)) {
            case 0: return {VariableType::text, text, 0};
            case 1: return {VariableType::bytes, text, 0};
            case 2: return {VariableType::integer, "", integers[pick(integers.size())]};
            default: return {VariableType::boolean, "", static_cast<std::int64_t>(pick(2))};
            }
        };
        VariableSet set;
        Model model;
        for (int step = 0; step < 5000; ++step) {
            CAPTURE(step);
            const std::string name = pick_name();
            switch (pick(8)) {
            case 0:
            case 1: {
                const Kept value = pick_value();
                REQUIRE(error_of(set.set(name, value.value(), Model::limits)) == model.set(name, value));
                break;
            }
            case 2: // of its own text
                if (set.size() > 0) {
                    const Value value = set.at(pick(set.size())).value;
                    const Kept kept = keep(value);
                    REQUIRE(error_of(set.set(name, value, Model::limits)) == model.set(name, kept));
                }
                break;
            case 3:
            case 4: {
                const auto small = static_cast<std::int64_t>(pick(9)) - 4;
                const std::int64_t amount = pick(4) == 0 ? pick_value().integer : small;
                const auto sum = set.add(name, amount, Model::limits);
                REQUIRE(error_of(sum) == model.add(name, amount));
                if (sum.ok()) REQUIRE(*sum == model.variables[name].integer);
                break;
            }
            case 5:
            case 6: {
                const auto found = set.find(name);
                const std::optional<Kept> other = pick(2) == 0 ? std::optional(pick_value()) : std::nullopt;
                const std::optional<Value> guess = other ? std::optional(other->value()) : std::nullopt;
                const std::optional<Value> expected = pick(3) > 0 ? found : guess;
                const std::optional<Kept> kept = expected ? std::optional(keep(*expected)) : std::nullopt;
                const std::optional<Kept> desired = pick(2) == 0 ? std::optional(pick_value()) : std::nullopt;
                const std::optional<Value> wanted = desired ? std::optional(desired->value()) : std::nullopt;
                REQUIRE(error_of(set.compare_and_set(name, expected, wanted, Model::limits)) ==
                        model.compare_and_set(name, kept, desired));
                break;
            }
            default: REQUIRE(set.erase(name) == model.erase(name)); break;
            }
            REQUIRE(set.size() == model.names.size());
            for (std::size_t i = 0; i < set.size(); ++i) {
                REQUIRE(set.at(i).name == model.names[i]);
                REQUIRE(keep(set.at(i).value) == model.variables[model.names[i]]);
                REQUIRE(set.find(model.names[i]) == set.at(i).value);
            }
        }
    }
}
