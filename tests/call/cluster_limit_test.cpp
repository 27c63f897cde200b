// Profiles that the cluster counts: a call waits for the verdict, with 100 out and nobody called.
#include "call/shared_phones.hpp"

using namespace tandem;
using test::Shared;
using test::TwoPhones;

TEST_CASE("cluster limit: the call waits for its places, then goes on; 100 is out") {
    Shared phones;
    phones.send(phones.alice, phones.invite());
    CHECK(phones.got(phones.alice, "SIP/2.0 100"));
    CHECK(phones.is_silent());
    const Reservation asked = phones.asked();
    CHECK(asked.id);
    CHECK(asked.dialog);
    REQUIRE(asked.places.size() == 1); // what is counted here is here already
    CHECK(asked.places[0].profile == "user");
    CHECK(asked.places[0].value == "alice");
    CHECK(asked.places[0].limit == 1);
    CHECK(phones.size("total") == 1);
    CHECK(phones.size("user") == 0);
    phones.wait(150);
    CHECK(phones.is_silent());
    phones.decide(asked, Verdict::admitted);
    CHECK(phones.got(phones.bob, "INVITE"));
    CHECK(phones.size("user") == 1);
    phones.decide(asked, Verdict::refused); // once is enough
    CHECK(phones.size("user") == 1);
    phones.send(phones.alice, phones.cancel());
    phones.finish();
    CHECK(phones.size("user") == 0);
    CHECK(phones.size("total") == 0);
}

TEST_CASE("cluster limit: the call that is one too many gets 503 with Retry-After, and its record says so") {
    Shared phones;
    phones.send(phones.alice, phones.invite());
    phones.decide(phones.asked(), Verdict::refused);
    const Message refusal = phones.take(phones.alice, "SIP/2.0 503");
    CHECK(refusal.reason_phrase() == "Too Many Calls");
    CHECK(refusal.has(Header::retry_after));
    CHECK_FALSE(phones.got(phones.bob, "INVITE"));
    CHECK(phones.size("total") == 0);
    CHECK(phones.profiles().info("user")->refused == 1);
    CHECK(phones.engine().tracker().statistics().limited == 1);
    const auto record = phones.finish();
    CHECK(record.reason == EndReason::limit);
    CHECK(record.sip_code == 503);
}

TEST_CASE("cluster limit: what the profile says of an outage holds") {
    struct Case {
        OnOutage on_outage;
        bool passes;
        bool second_passes;
    };
    for (const Case &it :
         {Case{OnOutage::closed, false, false}, {OnOutage::open, true, true}, {OnOutage::local, true, false}}) {
        CAPTURE(static_cast<int>(it.on_outage));
        Shared phones(it.on_outage);
        phones.send(phones.alice, phones.invite());
        phones.decide(phones.asked(), Verdict::unknown);
        CHECK(phones.got(phones.bob, "INVITE") == it.passes);
        CHECK(phones.got(phones.alice, "SIP/2.0 503") != it.passes);
        CHECK(phones.size("user") == (it.passes ? 1 : 0));
        CHECK(phones.departures().size() == (it.passes ? 0 : 1)); // before its end is in the store
        phones.call_again();
        phones.decide(phones.asked(), Verdict::unknown);
        CHECK(phones.got(phones.bob, "INVITE") == it.second_passes);
        CHECK(phones.engine().statistics().refused_outage == (it.on_outage == OnOutage::closed ? 2 : 0));
        if (it.on_outage == OnOutage::closed) CHECK(phones.ended.at(0).reason == EndReason::refused);
    }
}

TEST_CASE("cluster limit: an outage stops nobody who is only counted; our own bound stops anybody") {
    Shared phones(OnOutage::closed, 0);
    phones.send(phones.alice, phones.invite());
    phones.decide(phones.asked(), Verdict::unknown);
    CHECK(phones.got(phones.bob, "INVITE"));
    phones.call_again();
    phones.decide(phones.asked(), Verdict::full);
    CHECK(phones.got(phones.alice, "SIP/2.0 503"));
    CHECK(phones.size("user") == 1);
}

TEST_CASE("cluster limit: a CANCEL while the call waits is 487, and the verdict finds nobody [22]") {
    for (const Verdict verdict : {Verdict::admitted, Verdict::refused, Verdict::unknown}) {
        Shared phones;
        phones.send(phones.alice, phones.invite());
        const Reservation asked = phones.asked();
        phones.send(phones.alice, phones.cancel());
        CHECK(phones.got(phones.alice, "SIP/2.0 487"));
        phones.decide(asked, verdict);
        CHECK_FALSE(phones.got(phones.bob, "INVITE"));
        CHECK(phones.size("user") == 0);
        CHECK(phones.departures().empty()); // it goes with the dialog
        CHECK(phones.finish().reason == EndReason::cancelled);
        CHECK(phones.size("total") == 0);
    }
}

TEST_CASE("cluster limit: a call for which nobody can be asked any more is refused, and not let through") {
    EngineOptions options;
    options.call_max = 1; // and two questions
    Shared phones(OnOutage::open, 1, options);
    for (int i = 1; i <= 2; ++i) {
        phones.send(phones.alice, phones.invite());
        phones.asked(); // without an answer
        phones.send(phones.alice, phones.cancel());
        phones.forget();
        phones.wait(40'000);
    }
    phones.send(phones.alice, phones.invite());
    CHECK(phones.got(phones.alice, "SIP/2.0 503"));
    CHECK_FALSE(phones.got(phones.bob, "INVITE"));
}

TEST_CASE("cluster limit: retransmissions of the INVITE ask once, and hear 100") {
    Shared phones;
    phones.send(phones.alice, phones.invite());
    phones.send(phones.alice, phones.invite());
    phones.decide(phones.asked(), Verdict::admitted);
    CHECK(phones.got(phones.bob, "INVITE"));
    CHECK_FALSE(phones.got(phones.bob, "INVITE"));
}

TEST_CASE("cluster limit: a value that no profile takes is 400, and nobody is asked") {
    Shared phones;
    phones.router.answer.profiles = {{"user", std::string(20'000, 'x')}};
    phones.send(phones.alice, phones.invite());
    CHECK(phones.got(phones.alice, "SIP/2.0 400"));
    CHECK(phones.requests().empty());
}

TEST_CASE("cluster limit: a call that nothing is heard of ends at its deadline, and is let go") {
    Shared phones;
    phones.send(phones.alice, phones.invite());
    const Reservation asked = phones.asked();
    const auto record = phones.finish(); // the host has forgotten it
    CHECK(record.reason == EndReason::no_answer);
    phones.decide(asked, Verdict::admitted);
    CHECK(phones.size("user") == 0);
}

TEST_CASE("cluster limit: who hears nothing because the process dies hears it of the next one") {
    Shared phones;
    phones.send(phones.alice, phones.invite());
    const Reservation asked = phones.asked();
    SUBCASE("while the call waits") {
        phones.forget();
        phones.restart();
        CHECK(phones.got(phones.alice, "SIP/2.0 487"));
    }
    SUBCASE("with a refusal on its way") {
        phones.decide(asked, Verdict::refused);
        phones.forget();
        phones.restart();
        CHECK(phones.got(phones.alice, "SIP/2.0 503"));
    }
    CHECK_FALSE(phones.got(phones.bob, "INVITE"));
}
