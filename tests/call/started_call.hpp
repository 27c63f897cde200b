// Alice and Bob, whom a command calls; the route table knows them, and Carol, by their users.
#pragma once
#include "call/two_calls.hpp"

namespace tandem::test {

struct StartedCall : TwoPhones {
    explicit StartedCall(EngineOptions options = {}) : TwoPhones(with_events(std::move(options))) {
        router.inside = [this](const Message &invite) { return route_of(invite.request_uri()); };
    }
    Route route_of(std::string_view uri) const {
        Route route;
        route.ring_timeout = std::chrono::seconds(60);
        for (const auto &[name, phone] :
             {std::pair("alice", alice), std::pair("bob", bob), std::pair("carol", carol)}) {
            if (uri.find(name) == std::string_view::npos) continue;
            route.targets = {{"sip:" + std::string(name) + "@" + phone.to_string(), phone, {}}};
            const auto limited = limits.find(name);
            if (limited != limits.end()) route.profiles = limited->second;
        }
        if (route.targets.empty()) route.refuse = 404;
        return route;
    }
    Result<CommandId> begin(StartCommand command) {
        const auto begun = engine().start(command, now);
        wait(0);
        return begun;
    }
    // Alice's phone rings; gives her INVITE.
    Message ring(Duration deadline = start_deadline) {
        REQUIRE(begin({.caller = "sip:alice@a", .callee = "sip:bob@b", .deadline = deadline}).ok());
        return take(alice, "INVITE");
    }
    // She answers, with an offer; gives Bob's INVITE.
    Message answered(std::string_view offer = {}) {
        alices_invite = ring();
        send(alice, answer(alices_invite, "200 OK", "alice", {}, offer.empty() ? sdp_of("alice") : std::string(offer)));
        bobs_invite = take(bob, "INVITE");
        send(bob, answer(bobs_invite, "100 Trying", ""));
        return bobs_invite;
    }
    void bob_says(std::string_view line, std::string_view body = {}) {
        send(bob, answer(bobs_invite, line, "bob", {}, body));
    }
    void talk() {
        answered();
        bob_says("200 OK", sdp_of("bob"));
        take(bob, "ACK");
        take(alice, "ACK");
        events();
        forget();
    }
    // Her request inside the dialog.
    std::string from_alice(std::string_view method, std::uint32_t cseq, std::string_view body = {}) const {
        std::string text = from_bob(alices_invite, method, cseq, {}, body);
        swap_all(text, "sip:bob@b>;tag=bob", "sip:alice@a>;tag=alice");
        swap_all(text, "192.0.2.2:5062", "192.0.2.1:5061");
        swap_all(text, "z9hG4bK-b", "z9hG4bK-a");
        return text;
    }
    void answer_bye(const Endpoint &phone) { send(phone, answer(take(phone, "BYE"), "200 OK")); }
    std::vector<std::string> events() { return command_events(engine()); }
    std::string last_event() {
        const auto all = events();
        return all.empty() ? "none" : all.back();
    }
    Cdr only_record() {
        finish();
        REQUIRE(cdrs.size() == 1);
        return cdrs.front();
    }
    Message alices_invite;
    std::map<std::string, std::vector<RouteProfile>> limits; // by user
};

} // namespace tandem::test
