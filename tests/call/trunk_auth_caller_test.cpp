// A trunk that has called us, and challenges what is sent back to it.
#include "call/trunk_phones.hpp"

namespace tandem::test {
namespace {

// Alice calls from the address of a trunk, or not, and wants to be called at her Contact. Dave is a trunk.
struct CalledByTrunk : TrunkPhones {
    explicit CalledByTrunk(bool is_trunk = true, std::string_view contact = "sip:alice@192.0.2.1:5061") {
        router.trunks.emplace_back(dave, TrunkAccount{"dave", account()});
        if (is_trunk) router.trunks.emplace_back(alice, TrunkAccount{"alice", account()});
        std::string text = invite();
        constexpr std::string_view own = "sip:alice@192.0.2.1:5061";
        text.replace(text.find(own), own.size(), contact);
        send(alice, text);
        bobs_invite = take(bob, "INVITE");
    }
    void answer_call() {
        send(bob, answer(bobs_invite, "200 OK", "bob", {}, "v=0 answer"));
        our_tag = take(alice, "SIP/2.0 200").to_tag();
        send(alice, request("ACK", our_tag, 1));
        take(bob, "ACK");
        forget();
    }
};

} // namespace

TEST_CASE("trunk auth: a trunk that has called us may challenge what the callee sends") {
    CalledByTrunk phones;
    phones.answer_call();
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "INVITE", 1, {}, "v=0 again"));
    const Message sent = phones.take(phones.alice, "INVITE");
    CHECK_FALSE(sent.has(Header::authorization));
    phones.send(phones.alice, TwoPhones::answer(sent, "401 No", "", challenge));
    phones.take(phones.alice, "ACK");
    const Message again = phones.take(phones.alice, "INVITE");
    CHECK(again.cseq() == sent.cseq() + 1);
    CHECK(again.from_tag() == phones.our_tag);
    CHECK(has_credentials(again, "n1"));
    CHECK_FALSE(phones.got(phones.bob, "SIP/2.0 4"));
    phones.send(phones.alice, TwoPhones::answer(again, "200 OK", "", {}, "v=0 fine"));
    phones.take(phones.bob, "SIP/2.0 200");
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "ACK", 1));
    const Message ack = phones.take(phones.alice, "ACK");
    CHECK(ack.cseq() == again.cseq());
    CHECK(ack.value(Header::authorization) == again.value(Header::authorization));

    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "BYE", 2));
    const Message bye = phones.take(phones.alice, "BYE");
    CHECK(bye.cseq() == again.cseq() + 1);
    CHECK(has_credentials(bye, "n1"));
    phones.send(phones.alice, TwoPhones::answer(bye, "401 No", "", next_challenge));
    const Message bye_again = phones.take(phones.alice, "BYE");
    CHECK(bye_again.cseq() == bye.cseq() + 1);
    CHECK(has_credentials(bye_again, "n2"));
    phones.send(phones.alice, TwoPhones::answer(bye_again, "200 OK"));
    CHECK(phones.finish().reason == EndReason::callee_bye);
}

TEST_CASE("trunk auth: credentials go to a caller only where the trunk is that he calls from") {
    struct Case {
        std::string_view name;
        bool is_alice_trunk;
        std::string_view contact;
    };
    for (const Case &each : {Case{"he is no trunk", false, "sip:alice@192.0.2.1:5061"},
                             Case{"his Contact is a stranger", true, "sip:alice@192.0.2.3:5063"},
                             Case{"his Contact is another trunk", true, "sip:alice@192.0.2.4:5064"},
                             Case{"his Contact is somebody else at that address", true, "sip:alice@192.0.2.1:5099"},
                             Case{"he is a stranger whose Contact is a trunk", false, "sip:alice@192.0.2.4:5064"}}) {
        CAPTURE(each.name);
        CalledByTrunk phones(each.is_alice_trunk, each.contact);
        phones.answer_call();
        phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "INFO", 1));
        const Endpoint neighbour{.ip = phones.alice.ip, .port = 5099};
        for (const Endpoint &there : {phones.alice, phones.carol, phones.dave, neighbour}) {
            const auto sent = phones.try_take(there, "INFO");
            if (!sent) continue;
            CHECK_FALSE(sent->has(Header::authorization));
            phones.send(there, TwoPhones::answer(*sent, "401 No", "", challenge));
            CHECK_FALSE(phones.got(there, "INFO"));
        }
        CHECK(phones.got(phones.bob, "SIP/2.0 503"));
        CHECK(phones.engine().statistics().trunk_retries == 0);
    }
}

TEST_CASE("trunk auth: what is known of a trunk is sent ahead to it, and not to where its caller says he is") {
    struct Case {
        bool is_there;
        std::string_view contact;
    };
    for (const Case &each : {Case{true, "sip:alice@192.0.2.1:5061"}, Case{false, "sip:alice@192.0.2.3:5063"}}) {
        CAPTURE(each.is_there);
        CalledByTrunk phones(true, each.contact);
        phones.answer_call();
        // Alice is called too, and challenges.
        phones.router.answer.targets = {{"sip:alice@192.0.2.1:5061", phones.alice, "alice"}};
        phones.router.answer.targets.front().account = account();
        std::string other = phones.invite();
        for (std::size_t at; (at = other.find("call-a")) != std::string::npos;) other.replace(at, 6, "call-d");
        for (std::size_t at; (at = other.find("-a1")) != std::string::npos;) other.replace(at, 3, "-d1");
        phones.send(phones.dave, other);
        const Message first = phones.take(phones.alice, "INVITE");
        phones.send(phones.alice, TwoPhones::answer(first, "401 No", "x", challenge));
        CHECK(has_credentials(phones.take(phones.alice, "INVITE"), "n1"));

        phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "INFO", 1));
        const Message info = phones.take(each.is_there ? phones.alice : phones.carol, "INFO");
        CHECK(has_credentials(info, "n1") == each.is_there);
    }
}

} // namespace tandem::test
