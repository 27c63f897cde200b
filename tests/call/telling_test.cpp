// What others hear of calls: event/event_names.hpp.
#include "call/two_phones.hpp"
#include "event/event_names.hpp"

using namespace tandem;
using test::TwoPhones;

namespace {

class Hearer final : public EventSink {
public:
    bool is_wanted() const override { return is_there; }
    void tell(EventDraft draft, Instant at) override {
        REQUIRE(is_there);
        told.push_back(std::move(draft));
        times.push_back(at);
    }
    // The values of these keys of each event, one after the other: "caller trying, callee trying".
    std::string of(std::string_view name, std::initializer_list<std::string_view> keys) const {
        std::string all;
        for (const EventDraft &draft : told) {
            if (draft.name != name) continue;
            if (!all.empty()) all += ", ";
            std::string one;
            for (const std::string_view key : keys) {
                one += (one.empty() ? "" : " ") + std::string(draft.fields.find(key));
            }
            all += one;
        }
        return all;
    }

    bool is_there = true;
    std::vector<EventDraft> told;
    std::vector<Instant> times;
};

EngineOptions telling(Hearer &listener) {
    EngineOptions options;
    options.events = &listener;
    return options;
}

} // namespace

TEST_CASE("telling: each leg tells its states, under its own Call-ID and that of its call") {
    Hearer listener;
    TwoPhones phones(telling(listener));
    phones.establish();
    CHECK(listener.of(event_name::dialog, {event_key::side, event_key::state}) ==
          "caller trying, callee trying, callee early, caller early, callee confirmed, caller confirmed");
    for (const EventDraft &draft : listener.told) {
        CHECK(draft.fields.find(event_key::call) == "call-a");
        CHECK(draft.fields.find(event_key::from) == listener.told[0].fields.find(event_key::from));
        const bool is_caller = draft.fields.find(event_key::side) == "caller";
        CHECK((draft.fields.find(event_key::call_id) == "call-a") == is_caller);
        if (!is_caller) CHECK(draft.fields.find(event_key::trunk) == "carrier");
        CHECK(draft.fields.find(event_key::id) == listener.told[0].fields.find(event_key::id));
    }
    const std::string id(listener.told[0].fields.find(event_key::id));
    CHECK(id.size() == 32);
    listener.told.clear();
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 2));
    phones.finish();
    CHECK(listener.of(event_name::dialog, {event_key::id, event_key::side, event_key::state, event_key::reason}) ==
          id + " caller terminated caller_bye, " + id + " callee terminated caller_bye");
    CHECK(listener.times.back() <= phones.now);
}

TEST_CASE("telling: nothing is made while nobody listens, and what comes later is told") {
    Hearer listener;
    listener.is_there = false;
    TwoPhones phones(telling(listener));
    phones.establish();
    listener.is_there = true;
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 2));
    phones.finish();
    CHECK(listener.of(event_name::dialog, {event_key::state}) == "terminated, terminated");
}

TEST_CASE("telling: a refused call tells its end, and the limit that has refused it") {
    Hearer listener;
    TwoPhones phones(telling(listener));
    REQUIRE(phones.profiles().declare({.name = "user", .has_values = true, .limit = 1}));
    phones.router.answer.profiles = {{"user", "alice"}};
    phones.establish();
    listener.told.clear();
    phones.call_again();
    CHECK(listener.of(event_name::limit, {event_key::call, event_key::profile, event_key::value}) ==
          "call-b user alice");
    CHECK(listener.of(event_name::dialog, {event_key::state, event_key::reason, event_key::status}) ==
          "trying  , terminated limit 503");
}

TEST_CASE("telling: keys and commands are told with their leg") {
    Hearer listener;
    TwoPhones phones(telling(listener));
    phones.establish();
    listener.told.clear();
    const std::string body = "Signal=5\r\nDuration=160\r\n";
    std::string info = phones.request("INFO", phones.our_tag, 2);
    info.replace(info.find("Content-Length: 0"), 17,
                 "Content-Type: application/dtmf-relay\r\nContent-Length: " + std::to_string(body.size()));
    phones.send(phones.alice, info + body);
    CHECK(listener.of(event_name::dtmf, {event_key::call_id, event_key::side, event_key::digit,
                                         event_key::duration_ms}) == "call-a caller 5 160");
}
