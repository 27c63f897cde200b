#include <doctest/doctest.h>
#include <string>
#include "node/lines.hpp"
#include "node/trunk_states.hpp"

using namespace tandem;

namespace {

struct States {
    void note(RegistrationState state, std::uint16_t code, const std::string &reason, std::uint32_t failures = 0) {
        TrunkStatus status;
        status.trunk = "carrier";
        status.registration.state = state;
        status.registration.status = code;
        status.registration.reason = reason;
        status.registration.failures = failures;
        status.registration.expires = now + std::chrono::seconds(600);
        status.registration.registrar = {*IpAddress::parse("192.0.2.1"), 5060, Transport::tcp, 0};
        states.note(status, now);
    }
    // The lines since the last time.
    std::string said() {
        std::string out;
        const std::string all = lines.text.str();
        for (std::size_t at = seen; (at = all.find("trunk carrier: ", at)) != std::string::npos;) {
            const std::size_t end = all.find('\n', at);
            out += all.substr(at + 15, end - at - 15) + "|";
            at = end;
        }
        seen = all.size();
        return out;
    }

    test::Lines lines;
    TrunkStates states{lines.log};
    Instant now = at_ms(0);
    std::size_t seen = 0;
};

using State = RegistrationState;

} // namespace

TEST_CASE("trunk states: the log has a line for each change, and none for what goes on as before") {
    States states;
    states.note(State::trying, 0, "");
    CHECK(states.said() == "registering|");
    states.note(State::registered, 200, "OK");
    CHECK(states.said() == "registered with tcp:192.0.2.1:5060 for 600 s|");
    states.note(State::registered, 200, "OK");
    CHECK(states.said().empty());
    states.note(State::registered, 408, "No Answer", 1);
    states.note(State::registered, 408, "No Answer", 2);
    CHECK(states.said() == "refresh failed (408 No Answer); registered for 600 s more|");
    states.note(State::registered, 200, "OK");
    CHECK(states.said() == "registered with tcp:192.0.2.1:5060 for 600 s|");
    states.note(State::failed, 403, "", 1);
    states.note(State::failed, 403, "", 2);
    CHECK(states.said() == "not registered (403)|");
    states.note(State::failed, 503, "Busy", 3);
    CHECK(states.said() == "not registered (503 Busy)|");
    CHECK_FALSE(states.states.is_registered("carrier"));
    states.note(State::registered, 200, "OK");
    CHECK(states.states.is_registered("carrier"));
    CHECK_FALSE(states.states.is_registered("other"));
    REQUIRE(states.states.list().size() == 1);
    CHECK(states.states.list().front().registration.status == 200);
    states.said();
    states.note(State::off, 200, "OK");
    CHECK(states.said() == "unregistered|");
    CHECK_FALSE(states.states.is_registered("carrier"));
}

TEST_CASE("trunk states: a trunk that is gone is forgotten") {
    States states;
    states.note(State::registered, 200, "OK");
    states.said();
    TrunkStatus gone;
    gone.trunk = "carrier";
    gone.is_gone = true;
    states.states.note(gone, states.now);
    CHECK(states.said() == "not registered any more (reload)|");
    CHECK(states.states.list().empty());
    CHECK_FALSE(states.states.is_registered("carrier"));
}
