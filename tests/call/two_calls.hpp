// Alice talks with Bob, and Dave with Carol: two calls of one engine, and what the host does with them.
#pragma once
#include "call/two_phones.hpp"

namespace tandem::test {

inline std::string sdp_of(std::string_view who, int version = 1, std::string_view direction = "sendrecv") {
    return "v=0\r\no=" + std::string(who) + " 1 " + std::to_string(version) +
           " IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio " + (who == "carol" ? "4002" : "4000") +
           " RTP/AVP 0\r\na=" + std::string(direction) + "\r\n";
}

// A description but for its origin.
inline std::string media_of(std::string_view text) {
    std::string out(text);
    const std::size_t origin = out.find("o=");
    if (origin != std::string::npos) out.erase(origin, out.find('\n', origin) + 1 - origin);
    return out;
}

// The events of the commands as text: "started caller", "pending 180 SIP/2.0 180 Ringing", "ended 200".
inline std::vector<std::string> command_events(Engine &engine) {
    static constexpr const char *names[] = {"dtmf",    "accepted",  "answered", "started",
                                            "pending", "succeeded", "failed",   "ended"};
    std::vector<std::string> out;
    CallEvent event;
    while (engine.next_event(event)) {
        std::string text = names[static_cast<int>(event.kind)];
        const bool has_leg =
            event.kind != CallEventKind::command_ended && event.kind != CallEventKind::command_accepted;
        if (has_leg) text += " " + std::string(to_string(event.side));
        if (event.status != 0) text += " " + std::to_string(event.status);
        if (event.kind == CallEventKind::command_pending) text += " " + event.text;
        out.push_back(text);
    }
    return out;
}

inline EngineOptions with_events(EngineOptions options = {}) {
    options.event_max = 256;
    return options;
}

struct TwoCalls : TwoPhones {
    explicit TwoCalls(EngineOptions options = {}, std::uint8_t shard = 0)
        : TwoPhones(with_events(std::move(options)), shard) {
        send(alice, invite({}, sdp_of("alice")));
        bobs_invite = take(bob, "INVITE");
        send(bob, answer(bobs_invite, "200 OK", "bob", {}, sdp_of("bob")));
        our_tag = take(alice, "SIP/2.0 200").to_tag();
        send(alice, request("ACK", our_tag, 1));
        take(bob, "ACK");
        router.answer.targets = {{"sip:carol@192.0.2.3:5063", carol, "carrier-c"}};
        forget();
    }
    void call_carol_from_dave() {
        send(dave, of_dave(invite({}, sdp_of("dave"))));
        carols_invite = take(carol, "INVITE");
        send(carol, answer(carols_invite, "200 OK", "carol", {}, sdp_of("carol")));
        const std::string tag(take(dave, "SIP/2.0 200").to_tag());
        send(dave, of_dave(request("ACK", tag, 1)));
        take(carol, "ACK");
        forget();
    }
    DialogId leg() { return engine().tracker().find("call-a", "alice", {}); }
    DialogId leg_of_bob() { return engine().tracker().find(bobs_invite.call_id(), bobs_invite.from_tag(), {}); }
    DialogId leg_of_carol() { return engine().tracker().find(carols_invite.call_id(), carols_invite.from_tag(), {}); }
    std::vector<std::string> events() { return command_events(engine()); }
    void nothing_left(std::size_t records) {
        wait(400'000);
        CHECK(engine().calls() == 0);
        CHECK(engine().transactions() == 0);
        CHECK(engine().dialogs() == 0);
        CHECK(engine().tracker().statistics().active == 0);
        CHECK(engine().tracker().statistics().early == 0);
        CHECK(ended.size() == records);
    }
    Message carols_invite;
};

} // namespace tandem::test
