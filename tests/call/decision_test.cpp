// What may stand in a decision, and what an INVITE becomes by one.
#include <functional>
#include "call/decision.hpp"
#include "call/two_phones.hpp"

using namespace tandem;
using test::TwoPhones;

namespace {

Message invite(std::string_view from = "\"Alice\" <sip:alice@a>", std::string_view uri = "sip:bob@192.0.2.9",
               std::string_view to = "<sip:bob@b>") {
    TwoPhones phones;
    std::string text = phones.invite("User-Agent: Phone/1\r\nX-Tenant: blue\r\n");
    test::swap_all(text, "\"Alice\" <sip:alice@a>", from);
    test::swap_all(text, "INVITE sip:bob@192.0.2.9", "INVITE " + std::string(uri));
    test::swap_all(text, "<sip:bob@b>", to);
    return *Message::parse(text);
}

Message rewritten(const Message &from, const Decision &decision) {
    auto made = rewrite(from, decision);
    REQUIRE(made);
    CHECK(made->defect() == "");
    return std::move(*made);
}

} // namespace

TEST_CASE("decision: a question has what the request says of whom and from where") {
    const Question question =
        make_question(invite("\"A \\\"B\\\" \\\\ C\" <sip:+44@a.example:5070;x=1>"), test::endpoint("192.0.2.1", 5061));
    CHECK(question.method == "INVITE");
    CHECK(question.call_id == "call-a");
    CHECK(question.from.uri == "sip:+44@a.example:5070;x=1");
    CHECK(question.from.user == "+44");
    CHECK(question.from.domain == "a.example");
    CHECK(question.from.display == "A \"B\" \\ C");
    CHECK(question.to.uri == "sip:bob@b");
    CHECK(question.to.user == "bob");
    CHECK(question.request.uri == "sip:bob@192.0.2.9");
    CHECK(question.request.domain == "192.0.2.9");
    CHECK(question.agent == "Phone/1");
    CHECK(question.source_ip == "192.0.2.1");
}

TEST_CASE("decision: nothing that would break a header, a URI or a bound is sound") {
    const auto is_bad = [](const std::function<void(Decision &)> &change) {
        Decision decision;
        REQUIRE(is_sound(decision));
        change(decision);
        return !is_sound(decision);
    };
    for (const int code : {0, 100, 180, 199, 201, 202, 299, 301, 401, 407, 700, 65535})
        CHECK(is_bad([&](Decision &it) { it.code = static_cast<std::uint16_t>(code); }));
    for (const int code : {400, 403, 486, 503, 603, 699})
        CHECK_FALSE(is_bad([&](Decision &it) { it.code = static_cast<std::uint16_t>(code); }));
    CHECK_FALSE(is_bad([](Decision &it) { it.code = 302, it.targets = {{"sip:a@b"}}; }));
    for (const std::string &text : {std::string("a\r\nX-Evil: 1"), std::string("a\nb"), std::string("a\rb"),
                                    std::string("a\0b", 3), std::string(9000, 'a')}) {
        CHECK(is_bad([&](Decision &it) { it.reason = text; }));
        CHECK(is_bad([&](Decision &it) { it.targets = {{text}}; }));
        CHECK(is_bad([&](Decision &it) { it.to_user = text; }));
        CHECK(is_bad([&](Decision &it) { it.from_user = text; }));
        CHECK(is_bad([&](Decision &it) { it.from_display = text; }));
        CHECK(is_bad([&](Decision &it) { it.headers = {{"X-A", text}}; }));
        CHECK(is_bad([&](Decision &it) { it.headers = {{text, "a"}}; }));
        CHECK(is_bad([&](Decision &it) { it.variables = {{.name = "a", .text = text}}; }));
        CHECK(is_bad([&](Decision &it) { it.variables = {{.name = text}}; }));
        CHECK(is_bad([&](Decision &it) { it.profiles = {{"a", text, {}}}; }));
        CHECK(is_bad([&](Decision &it) { it.profiles = {{text, "", {}}}; }));
    }
    for (const char *user : {"", "a b", "a@b", "<a>", "a\"b", "%4", "\xc3\xa9"}) {
        CHECK(is_bad([&](Decision &it) { it.to_user = user; }));
        CHECK(is_bad([&](Decision &it) { it.from_user = user; }));
    }
    for (const char *name : {"", "Via", "v", "From", "f", "To", "Call-ID", "CSeq", "Contact", "Route", "Record-Route",
                             "Max-Forwards", "Content-Length", "l", "Content-Type", "x-tandem-loop", "X A", "X:"})
        CHECK(is_bad([&](Decision &it) { it.headers = {{name, "a"}}; }));
    CHECK(is_bad([](Decision &it) { it.max_duration = Duration::zero(); }));
    CHECK(is_bad([](Decision &it) { it.targets.resize(33); }));
    CHECK(is_bad([](Decision &it) { it.headers.resize(33, {"X", "a"}); }));
    CHECK(is_bad([](Decision &it) { it.variables.resize(65, {.name = "a"}); }));
    CHECK(is_bad([](Decision &it) { it.profiles.resize(33, {"a", "", {}}); }));
}

TEST_CASE("decision: an INVITE is from and for whom it says, and else what it was") {
    const Message before = invite();
    CHECK(rewritten(before, {}).headers().size() == before.headers().size());
    Decision decision;
    decision.to_user = "+441";
    decision.from_user = "5000";
    decision.from_display = "Sales \"A\" \\ B";
    const Message after = rewritten(before, decision);
    CHECK(after.request_uri() == "sip:+441@192.0.2.9");
    CHECK(after.to_uri() == "sip:+441@b");
    CHECK(after.from_uri() == "sip:5000@a");
    CHECK(after.from_display() == "\"Sales \\\"A\\\" \\\\ B\"");
    CHECK(after.from_tag() == "alice");
    CHECK(after.body() == before.body());
    CHECK(after.headers().size() == before.headers().size());
    CHECK(after.value(Header::user_agent) == "Phone/1");
}

TEST_CASE("decision: a display name can be taken away, and a user put where there was none") {
    Decision decision;
    decision.from_display = "";
    decision.from_user = "5000";
    decision.to_user = "600";
    const Message after = rewritten(
        invite("\"Alice\" <sip:a.example>", "sip:192.0.2.9:5060;transport=udp", "Bob <sips:bob:secret@b;user=phone>"),
        decision);
    CHECK(after.from_display() == "");
    CHECK(after.from_uri() == "sip:5000@a.example");
    CHECK(after.request_uri() == "sip:600@192.0.2.9:5060;transport=udp");
    CHECK(after.to_uri() == "sips:600@b;user=phone");
    CHECK(after.to_display() == "Bob");
    CHECK(rewritten(invite("<tel:+1>", "tel:+441"), decision).request_uri() == "tel:600");
}

TEST_CASE("decision: another user of an address that has none can not be had, but that of To does not matter") {
    const Decision to{.to_user = "600"}, from{.from_user = "5000"};
    CHECK(rewritten(invite("<tel:+44>", "sip:bob@192.0.2.9", "<urn:service:sos>"), to).request_uri() ==
          "sip:600@192.0.2.9");
    CHECK_FALSE(rewrite(invite("<urn:service:sos>"), from));
    CHECK_FALSE(rewrite(invite("<sip:a@b>", "urn:service:sos"), to));
    const Message tel = rewritten(invite("<tel:+44>"), from);
    CHECK(tel.from_uri() == "tel:5000");
}
