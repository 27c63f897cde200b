// Keys in INFO: they pass, and the host hears of them.
#include "call/dtmf.hpp"
#include "call/two_phones.hpp"

using namespace tandem;
using test::TwoPhones;

namespace {

std::optional<Dtmf> read(std::string_view type, std::string_view body) {
    const auto info = Message::parse(
        "INFO sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
        "To: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 2 INFO\r\nMax-Forwards: 70\r\n"
        "Content-Type: " +
        std::string(type) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
    REQUIRE(info);
    return read_dtmf(*info);
}

} // namespace

TEST_CASE("dtmf: both bodies that phones send are read") {
    const auto relay = read("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n");
    REQUIRE(relay);
    CHECK(relay->digit == '5');
    CHECK(to_ms(relay->duration) == 160);
    CHECK(read("Application/DTMF-Relay;x=y", "Signal= *\n")->digit == '*');
    CHECK(read("application/dtmf-relay", "duration = 80\r\nsignal = d")->digit == 'D');
    CHECK(read("application/dtmf-relay", "Signal=11")->digit == '#');
    CHECK(read("application/dtmf-relay", "Signal=flash")->digit == '!');
    CHECK(read("application/dtmf", "7\r\n")->digit == '7');
    CHECK(read("application/dtmf", "16")->digit == '!');
    CHECK(to_ms(read("application/dtmf-relay", "Signal=1\nDuration=99999999999999999999")->duration) == 0);
}

TEST_CASE("dtmf: anything else is no key") {
    for (const char *body : {"", "Signal=", "Signal=55", "Signal=x", "Duration=1", "=", "\r\n\r\n", "Signal=5=5"}) {
        CAPTURE(body);
        CHECK_FALSE(read("application/dtmf-relay", body));
    }
    CHECK_FALSE(read("application/dtmf", "17"));
    CHECK_FALSE(read("application/sdp", "5"));
}

TEST_CASE("dtmf: an INFO with a key passes end to end and raises one event, however often it is sent") {
    EngineOptions options;
    options.event_max = 2;
    TwoPhones phones(options);
    phones.establish();
    const auto info = [&](std::uint32_t cseq) {
        std::string out = phones.request("INFO", phones.our_tag, cseq, {}, "Signal=5\r\nDuration=160\r\n");
        return out.replace(out.find("application/sdp"), 15, "application/dtmf-relay");
    };
    phones.send(phones.alice, info(2));
    phones.send(phones.alice, info(2));
    CHECK(phones.take(phones.bob, "INFO").body() == "Signal=5\r\nDuration=160\r\n");
    CallEvent event;
    REQUIRE(phones.engine().next_event(event));
    CHECK(event.kind == CallEventKind::dtmf);
    CHECK(event.side == Side::caller);
    CHECK(event.digit == '5');
    CHECK(to_ms(event.duration) == 160);
    CHECK_FALSE(phones.engine().next_event(event));

    for (std::uint32_t cseq = 3; cseq < 6; ++cseq) phones.send(phones.alice, info(cseq));
    CHECK(phones.engine().statistics().events_lost == 1);
    CHECK(phones.engine().next_event(event));
    CHECK(phones.engine().next_event(event));
    CHECK_FALSE(phones.engine().next_event(event));
}
