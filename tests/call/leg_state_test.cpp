// What is kept of a leg, as text and back.
#include <doctest/doctest.h>
#include <string>
#include "base/random.hpp"
#include "call/leg_state.hpp"

using namespace tandem;

namespace {

Session session(std::string_view body, std::string_view type = {}) {
    Session made{SharedBytes(body), {}};
    if (!type.empty()) made.type = SharedBytes(type);
    return made;
}

LegState full() {
    LegState state;
    state.call = {7, 9};
    state.place = LegPlace::caller;
    state.peer.ip = *IpAddress::parse("2001:db8::1");
    state.peer.port = 5061;
    state.peer.transport = Transport::tls;
    state.peer.listener = 3;
    state.allowed = mask_of(Method::invite) | mask_of(Method::publish) | mask_of(Method::unknown);
    state.is_known = true;
    state.is_flow = true;
    state.session = session("v=0\r\no=\xff\x80 caf\xc3\xa9 \\\"\r\n", "multipart/mixed;boundary=\"x\"");
    state.told = Session();
    state.passed_version = ~0ULL;
    state.told_in_ack = ~0U;
    state.origin = LegOrigin{{"- 1", 12, "IN IP4 192.0.2.1"}, session("v=0")};
    state.interval = std::chrono::seconds(90);
    state.min_interval = std::chrono::seconds(60);
    state.is_ours = true;
    state.is_supported = true;
    state.invite = "INVITE sip:a SIP/2.0\r\n";
    state.peers = KeptInvite{.request = "r\r\n",
                             .answer = "a\r\n",
                             .source = state.peer,
                             .client_cseq = 4'000'000'000,
                             .client_to_tag = "t",
                             .is_first = true,
                             .has_offer = true,
                             .is_acked = true,
                             .is_settled = true,
                             .offer = session("v=0 offer")};
    state.of_call = KeptCall{Refers::reject, 3, {{{{Direction::sendonly, Direction::inactive}, {}}}}};
    return state;
}

} // namespace

TEST_CASE("leg state: comes back as it was, every byte of it") {
    const LegState before = full();
    const std::string text = before.to_text();
    const auto after = LegState::parse(text);
    REQUIRE(after);
    CHECK(after->to_text() == text);
    CHECK(after->call == before.call);
    CHECK(after->peer == before.peer);
    CHECK(after->allowed == before.allowed);
    CHECK(after->session.body.view() == before.session.body.view());
    CHECK(after->session.type.view() == before.session.type.view());
    REQUIRE(after->told);
    CHECK_FALSE(*after->told);
    CHECK(after->passed_version == before.passed_version);
    CHECK(after->told_in_ack == before.told_in_ack);
    REQUIRE(after->origin);
    CHECK(after->origin->origin.to_string() == before.origin->origin.to_string());
    CHECK(after->interval == before.interval);
    REQUIRE(after->peers);
    CHECK(after->peers->client_cseq == 4'000'000'000);
    CHECK(after->peers->source == before.peer);
    REQUIRE(after->of_call);
    REQUIRE(after->of_call->held);
    CHECK((*after->of_call->held)[0] == (*before.of_call->held)[0]);

    LegState plain;
    plain.call = {1, 2};
    const auto read = LegState::parse(plain.to_text());
    REQUIRE(read);
    CHECK_FALSE(read->told);
    CHECK_FALSE(read->peers);
    CHECK_FALSE(read->of_call);
}

TEST_CASE("leg state: what nobody of us has written is none") {
    for (const char *text : {"", "x", "[]", "{}", "{\"call\":7}", "{\"call\":\"x\",\"peer\":{}}"}) {
        CHECK_FALSE(LegState::parse(text));
    }
}

TEST_CASE("leg state: whatever a damaged row says, it is read or not, and no more") {
    const std::string good = full().to_text();
    SeededRandom random(1);
    for (int i = 0; i < 20'000; ++i) {
        std::string text = good;
        for (std::uint64_t n = 1 + random.next() % 4; n > 0; --n) {
            const std::size_t at = random.next() % text.size();
            switch (random.next() % 3) {
            case 0: text[at] = static_cast<char>(random.next()); break;
            case 1: text.erase(at, random.next() % 8); break;
            default: text.insert(at, good.substr(random.next() % good.size(), random.next() % 16)); break;
            }
            if (text.empty()) text = "{";
        }
        if (const auto read = LegState::parse(text)) CHECK(LegState::parse(read->to_text()));
    }
}

TEST_CASE("leg state: an outline has what an answer, a CANCEL and an ACK repeat") {
    const auto invite = Message::parse("INVITE sip:b@h SIP/2.0\r\n"
                                       "Via: SIP/2.0/UDP 192.0.2.1:5061;branch=z9hG4bK1\r\n"
                                       "Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK0\r\n"
                                       "Route: <sip:p;lr>\r\nSubject: x\r\nFrom: \"A\" <sip:a@h>;tag=f\r\n"
                                       "To: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 5 INVITE\r\nContact: <sip:a@192.0.2.1>\r\n"
                                       "Max-Forwards: 3\r\nContent-Length: 3\r\n\r\nv=0");
    REQUIRE(invite);
    const auto kept = Message::parse(outline(*invite));
    REQUIRE(kept);
    CHECK(kept->defect() == "");
    CHECK(kept->request_uri() == "sip:b@h");
    CHECK(kept->via_count() == 2);
    CHECK(kept->top_via().branch == "z9hG4bK1");
    CHECK(kept->value(Header::from) == "\"A\" <sip:a@h>;tag=f");
    CHECK(kept->value(Header::route) == "<sip:p;lr>");
    CHECK(kept->cseq() == 5);
    CHECK(kept->body().empty());
    CHECK_FALSE(kept->has(Header::contact));
}
