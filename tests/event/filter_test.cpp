#include <doctest/doctest.h>
#include <string>
#include "event/filter.hpp"

using namespace tandem;

namespace {

using Pairs = std::initializer_list<std::pair<std::string_view, std::string_view>>;

Event event_of(std::string name, Pairs fields) {
    Event event;
    event.name = std::move(name);
    for (const auto &[key, value] : fields) REQUIRE(event.fields.add(key, value));
    return event;
}

EventFilter filter_of(std::string_view name, Pairs keys) {
    auto filter = EventFilter::of(name);
    REQUIRE(filter.ok());
    for (const auto &[key, pattern] : keys) REQUIRE(filter->add(key, pattern).ok());
    return *filter;
}

} // namespace

TEST_CASE("filter: name and all keys must match") {
    const Event event = event_of("dialog.state", {{"call-id", "a@b"}, {"state", "early"}});
    CHECK(filter_of("", {}).matches(event));
    CHECK(filter_of("*", {}).matches(event));
    CHECK(filter_of("dialog.state", {}).matches(event));
    CHECK(filter_of("dialog.*", {{"call-id", "a@*"}, {"state", "early"}}).matches(event));
    CHECK_FALSE(filter_of("dialog", {}).matches(event));
    CHECK_FALSE(filter_of("dialog.state", {{"call-id", "a@b"}, {"state", "ended"}}).matches(event));
}

TEST_CASE("filter: a key that the event does not have matches nothing, not even *") {
    const Event event = event_of("cdr", {{"call-id", "a"}});
    CHECK_FALSE(filter_of("cdr", {{"trunk", "*"}}).matches(event));
    CHECK_FALSE(filter_of("cdr", {{"trunk", ""}}).matches(event));
    CHECK(filter_of("cdr", {{"call-id", "*"}}).matches(event));
}

TEST_CASE("filter: what is beyond its bounds is refused") {
    CHECK(EventFilter::of(std::string(65, 'a')).error() == Error::invalid);
    CHECK(EventFilter::of("*********").error() == Error::full);
    auto filter = EventFilter::of("cdr");
    CHECK(filter->add("", "a").error() == Error::invalid);
    CHECK(filter->add(std::string(65, 'k'), "a").error() == Error::invalid);
    CHECK(filter->add("k", std::string(2049, 'a')).error() == Error::invalid);
    CHECK(filter->add("k", std::string(128, 'a') + "*").error() == Error::full);
    CHECK(filter->add("k", "*a*a*a*a*a*a*a*a*").error() == Error::full);
    CHECK(filter->add("k", std::string(2048, 'a')).ok());
    CHECK(filter->add("k", "again").error() == Error::invalid);
    for (int i = 1; i < 8; ++i) CHECK(filter->add("k" + std::to_string(i), "a").ok());
    CHECK(filter->add("k8", "a").error() == Error::full);
}

TEST_CASE("fields: bounded, each key once, in order, and empty ones left out") {
    EventFields fields;
    CHECK(fields.add("a", "1"));
    CHECK(fields.add("empty", ""));
    CHECK_FALSE(fields.add("a", "2"));
    CHECK_FALSE(fields.add("", "1"));
    CHECK_FALSE(fields.add("long", std::string(2049, 'x')));
    for (int i = 1; i < 16; ++i) CHECK(fields.add("k" + std::to_string(i), std::string(2048, 'x')));
    CHECK_FALSE(fields.add("k16", "x"));
    CHECK(fields.size() == 16);
    CHECK(fields.key(15) == "k15");
    CHECK(fields.find("a") == "1");
    CHECK(fields.find("empty").empty());
    CHECK(fields.value(15).size() == 2048);
}

TEST_CASE("event: its JSON has number, name, time, keys and data, whatever is in them") {
    Event event = event_of("cdr", {{"call-id", "a\"\n\xff"}});
    event.sequence = 7;
    event.time_us = 1700000000000000;
    CHECK(to_json(event) == "{\"seq\":7,\"event\":\"cdr\",\"time-us\":1700000000000000,"
                            "\"call-id\":\"a\\\"\\n\xef\xbf\xbd\"}");
    event.data = "{\"id\":\"1\"}";
    CHECK(to_json(event).ends_with(",\"data\":{\"id\":\"1\"}}"));
}
