#include <cstdint>
#include <doctest/doctest.h>
#include <string>
#include <string_view>
#include <vector>
#include "base/text.hpp"
#include "trunk/carrier.hpp"

using namespace tandem;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using test::alice;
using test::at;
using test::Carrier;
using test::challenge;
using State = RegistrationState;
using Wish = RegistrationWish;

TEST_CASE("registration: a REGISTER has one Call-ID and tag, a rising CSeq and our Contact (RFC 3261 section 10.2)") {
    Carrier carrier;
    CHECK(carrier.registration.wish() == Wish::none);
    CHECK(carrier.state() == State::off);
    carrier.registration.start(carrier.now);
    CHECK(carrier.state() == State::trying);
    const Message first = carrier.sent();
    CHECK(first.method() == Method::register_);
    CHECK(first.request_uri() == "sip:carrier.example");
    CHECK(first.to_uri() == "sip:alice@carrier.example");
    CHECK(first.from_uri() == "sip:alice@carrier.example");
    CHECK(first.to_tag().empty());
    CHECK(first.contact_uri() == "sip:alice@192.0.2.99:5062");
    CHECK(first.value(Header::expires) == "3600");
    CHECK(first.max_forwards() == 70);
    CHECK(first.cseq() == 1);
    CHECK(carrier.to == at(1));
    carrier.answer(200, Carrier::ours("600"));
    CHECK(carrier.state() == State::registered);
    CHECK(carrier.registration.status().expires == carrier.now + seconds(600));

    carrier.pass_to_next();
    CHECK(carrier.state() == State::registered);
    const Message second = carrier.sent();
    CHECK(second.call_id() == first.call_id());
    CHECK(second.from_tag() == first.from_tag());
    CHECK(second.cseq() == 2);
}

TEST_CASE("registration: the Contact names the transport that the registrar is to use, and sips where it is asked so") {
    for (const auto &[transport, registrar, contact] :
         {std::tuple(Transport::udp, "sip:carrier.example", "sip:alice@192.0.2.99:5062"),
          std::tuple(Transport::tcp, "sip:carrier.example", "sip:alice@192.0.2.99:5062;transport=tcp"),
          std::tuple(Transport::tls, "sip:carrier.example", "sip:alice@192.0.2.99:5062;transport=tls"),
          std::tuple(Transport::tls, "sips:carrier.example", "sips:alice@192.0.2.99:5062")}) {
        RegistrationOptions options = alice();
        options.registrar = registrar;
        Carrier carrier(options, {at(1, transport)});
        carrier.registration.start(carrier.now);
        CHECK(carrier.sent().contact_uri() == contact);
    }
}

TEST_CASE("registration: the time of our Contact counts among those of others (RFC 3261 section 10.2.4)") {
    struct Row {
        const char *lines;
        int granted; // 0: not registered
    };
    const std::vector<Row> rows = {
        {"Contact: <sip:alice@192.0.2.99:5062>;expires=600\r\n", 600},
        {"Contact: <SIP:%61lice@192.0.2.99:5062>;q=0.5;expires=600\r\n", 600},
        {"Contact: <sip:alice@192.0.2.7>;expires=5, <sip:alice@192.0.2.99:5062>;expires=700\r\n", 700},
        {"Contact: <sip:alice@192.0.2.7>;expires=5\r\nContact: \"A, B\" <sip:alice@192.0.2.99:5062>;expires=700\r\n",
         700},
        {"Contact: <sip:alice@192.0.2.99:5062>\r\nExpires: 800\r\n", 800},
        {"Contact: <sip:alice@192.0.2.99:5062>;expires=600\r\nExpires: 800\r\n", 600},
        {"Contact: <sip:alice@192.0.2.99:5062>\r\n", 3600},
        {"Contact: <sip:alice@192.0.2.99:5062>;expires=soon\r\n", 3600},
        {"Contact: <sip:alice@192.0.2.99:5062>\r\nExpires: -1\r\n", 3600},
        {"Contact: <sip:alice@192.0.2.99:5062>;expires=99999999999999999999999\r\n", 3600},
        {"Contact: <sip:alice@192.0.2.99:5062>;expires=4294967295\r\n", 3600},
        {"Contact: <sip:alice@192.0.2.99:5062>;expires=1\r\n", 1},
        {"Contact: <sip:alice@192.0.2.99:5062>;expires=0\r\n", 0},
        {"Contact: <sip:alice@192.0.2.99:5062>\r\nExpires: 0\r\n", 0},
        {"Contact: <sip:alice@192.0.2.99>;expires=600\r\n", 0},
        {"Contact: <sip:bob@192.0.2.99:5062>;expires=600\r\n", 0},
        {"Contact: <sip:alice@192.0.2.99:5062;transport=tcp>;expires=600\r\n", 0},
        {"Contact: *\r\n", 0},
        {"Contact: <sip:alice@192.0.2.99:5062\r\nExpires: 60\r\n", 0},
        {"", 0},
    };
    for (const Row &row : rows) {
        CAPTURE(row.lines);
        Carrier carrier;
        carrier.registration.start(carrier.now);
        carrier.sent();
        carrier.answer(200, row.lines);
        const RegistrationStatus status = carrier.registration.status();
        CHECK(status.state == (row.granted > 0 ? State::registered : State::failed));
        if (row.granted > 0) CHECK(status.expires == carrier.now + seconds(row.granted));
        CHECK(status.next > carrier.now);
    }
}

TEST_CASE("registration: a refresh comes before the end, and its silence costs nothing while the binding lives") {
    Carrier carrier;
    carrier.register_for(seconds(600));
    const Instant until = carrier.now + seconds(600);
    CHECK(carrier.registration.next_deadline() == carrier.registration.status().next);
    CHECK(carrier.until_next() >= seconds(476));
    CHECK(carrier.until_next() <= seconds(536));
    carrier.pass(carrier.until_next() - milliseconds(1));
    CHECK(carrier.registration.wish() == Wish::none);
    carrier.pass(milliseconds(1));
    carrier.sent();
    carrier.registration.on_failure(408, carrier.now);
    CHECK(carrier.state() == State::registered);
    CHECK(carrier.registration.status().status == 408);
    CHECK(carrier.registration.status().failures == 1);
    carrier.pass(until - carrier.now - milliseconds(1));
    CHECK(carrier.registration.is_registered());
    carrier.pass(milliseconds(1));
    CHECK(carrier.state() == State::failed);
    CHECK_FALSE(carrier.registration.is_registered());
}

TEST_CASE("registration: what ends while its refresh is not answered has ended for want of an answer") {
    Carrier carrier;
    carrier.register_for(seconds(4)); // less than a transaction waits
    carrier.pass_to_next();
    carrier.sent();
    carrier.pass(seconds(4));
    const RegistrationStatus status = carrier.registration.status();
    CHECK(status.state == State::failed);
    CHECK(status.status == 408);
    CHECK(status.reason == "No Answer");
    carrier.answer(200, Carrier::ours("600"));
    CHECK(carrier.state() == State::registered);
}

TEST_CASE("registration: failures in a row wait longer, and a success begins anew") {
    Carrier carrier;
    carrier.registration.start(carrier.now);
    const std::vector<Duration> least = {seconds(30),  seconds(60),  seconds(120), seconds(240),
                                         seconds(480), seconds(900), seconds(900)};
    for (const Duration wait : least) {
        carrier.sent();
        carrier.answer(500);
        CHECK(carrier.state() == State::failed);
        CHECK(carrier.until_next() >= wait);
        CHECK(carrier.until_next() <= 2 * wait);
        carrier.pass_to_next();
    }
    carrier.register_for(seconds(600));
    carrier.pass_to_next();
    carrier.sent();
    carrier.answer(500);
    CHECK(carrier.state() == State::registered); // of before
    CHECK(carrier.until_next() <= seconds(60));
}

TEST_CASE("registration: a name without an address is a failure like any other") {
    Carrier carrier(alice(), {});
    carrier.registration.start(carrier.now);
    REQUIRE(carrier.registration.wish() == Wish::look_up);
    carrier.registration.on_addresses({}, carrier.now);
    CHECK(carrier.state() == State::failed);
    CHECK(carrier.registration.status().reason == "No Address Of The Registrar");
    CHECK(carrier.until_next() >= seconds(30));
    carrier.pass_to_next();
    CHECK(carrier.registration.wish() == Wish::look_up); // it may have one by now
    carrier.registration.on_addresses(std::vector{at(1)}, carrier.now);
    CHECK(carrier.registration.wish() == Wish::send);
    carrier.registration.on_addresses(std::vector{at(2)}, carrier.now); // nobody has asked again
    CHECK(carrier.registration.to() == at(1));
}

TEST_CASE("registration: a challenge is answered at the same address, and the nonce sent ahead later") {
    Carrier carrier;
    carrier.registration.start(carrier.now);
    CHECK_FALSE(carrier.sent().has(Header::authorization));
    carrier.answer(401, challenge);
    const Message second = carrier.sent();
    CHECK(second.cseq() == 2);
    CHECK(second.value(Header::authorization).find("nonce=\"n1\"") != std::string_view::npos);
    CHECK(second.value(Header::authorization).find("uri=\"sip:carrier.example\"") != std::string_view::npos);
    CHECK(second.value(Header::authorization).find("wonderland") == std::string_view::npos);
    CHECK(carrier.to == at(1));
    carrier.answer(200, Carrier::ours("600") + "Authentication-Info: nextnonce=\"n2\"\r\n");
    CHECK(carrier.state() == State::registered);
    carrier.pass_to_next();
    CHECK(carrier.sent().value(Header::authorization).find("nonce=\"n2\"") != std::string_view::npos);
    CHECK(carrier.registration.statistics().challenged == 1);
}

TEST_CASE("registration: 407 of a proxy and 401 of the registrar are both answered") {
    Carrier carrier;
    carrier.registration.start(carrier.now);
    carrier.sent();
    carrier.answer(407, "Proxy-Authenticate: Digest realm=\"edge\", nonce=\"p1\", qop=\"auth\"\r\n");
    carrier.sent();
    carrier.answer(401, challenge);
    const Message third = carrier.sent();
    CHECK(third.has(Header::proxy_authorization));
    CHECK(third.has(Header::authorization));
    CHECK(third.cseq() == 3);
}

TEST_CASE("registration: credentials refused twice wait a quarter of an hour, and are not registered") {
    Carrier carrier;
    carrier.register_for(seconds(600));
    carrier.pass_to_next();
    carrier.sent();
    carrier.answer(401, challenge);
    carrier.sent();
    carrier.answer(401, challenge);
    CHECK(carrier.registration.wish() == Wish::none);
    CHECK(carrier.state() == State::failed);
    CHECK(carrier.registration.status().status == 401);
    CHECK(carrier.until_next() >= minutes(15));
    CHECK(carrier.until_next() <= minutes(30));
    CHECK(carrier.registration.statistics().refused == 1);
}

TEST_CASE("registration: a registrar that challenges for ever gets no more than a few answers") {
    Carrier carrier;
    carrier.registration.start(carrier.now);
    int sent = 0;
    while (carrier.registration.wish() != Wish::none) {
        carrier.sent();
        REQUIRE(++sent < 10);
        const std::string nonce = std::to_string(sent);
        carrier.answer(401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"" + nonce + "\", stale=true\r\n");
    }
    CHECK(carrier.until_next() >= minutes(15));
}

TEST_CASE("registration: a challenge that can not be answered is a refusal") {
    for (const char *line : {"", "WWW-Authenticate: Basic realm=\"r\"\r\n",
                             "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=unheard\r\n"}) {
        Carrier carrier;
        carrier.registration.start(carrier.now);
        carrier.sent();
        carrier.answer(401, line);
        CHECK(carrier.state() == State::failed);
        CHECK(carrier.until_next() >= minutes(15));
    }
    RegistrationOptions options = alice();
    options.account = nullptr;
    Carrier carrier(options);
    carrier.registration.start(carrier.now);
    carrier.sent();
    carrier.answer(401, challenge);
    CHECK(carrier.state() == State::failed);
}

TEST_CASE("registration: 423 is obeyed twice in a round, and kept (RFC 3261 section 10.2.8)") {
    Carrier carrier;
    carrier.registration.start(carrier.now);
    carrier.sent();
    carrier.answer(423, "Min-Expires: 7200\r\n");
    CHECK(carrier.sent().value(Header::expires) == "7200");
    carrier.answer(423, "min-expires: 7300 (really)\r\n");
    CHECK(carrier.sent().value(Header::expires) == "7300");
    CHECK(carrier.to == at(1));
    carrier.answer(200, Carrier::ours("7300"));
    CHECK(carrier.registration.status().expires == carrier.now + seconds(7300));
    carrier.pass_to_next();
    CHECK(carrier.sent().value(Header::expires) == "7300");
    for (const char *more : {"7400", "7500"}) {
        carrier.answer(423, std::string("Min-Expires: ") + more + "\r\n");
        CHECK(carrier.sent().value(Header::expires) == more);
    }
    carrier.answer(423, "Min-Expires: 7600\r\n");
    CHECK(carrier.registration.wish() == Wish::none);
    CHECK(carrier.state() == State::failed);
}

TEST_CASE("registration: after a 423 a registrar whose nonces serve once challenges anew, which is no refusal") {
    Carrier carrier;
    carrier.registration.start(carrier.now);
    carrier.sent();
    carrier.answer(401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\"\r\n");
    carrier.sent();
    carrier.answer(423, "Min-Expires: 7200\r\n");
    carrier.sent();
    carrier.answer(401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"n2\"\r\n");
    CHECK(carrier.sent().value(Header::authorization).find("\"n2\"") != std::string_view::npos);
    carrier.answer(200, Carrier::ours("7200"));
    CHECK(carrier.state() == State::registered);
}

TEST_CASE("registration: a 423 that asks for less, for nothing or for too much is a failure") {
    for (const char *line : {"", "Min-Expires: 3600\r\n", "Min-Expires: 60\r\n", "Min-Expires: soon\r\n",
                             "Min-Expires: 2592001\r\n", "Min-Expires: 99999999999999999999999\r\n"}) {
        CAPTURE(line);
        Carrier carrier;
        carrier.registration.start(carrier.now);
        carrier.sent();
        carrier.answer(423, line);
        CHECK(carrier.registration.wish() == Wish::none);
        CHECK(carrier.state() == State::failed);
        CHECK(carrier.until_next() >= seconds(30));
    }
}

TEST_CASE("registration: silence, 503 and no way there go to the next address (RFC 3263 section 4.3)") {
    Carrier carrier(alice(), {at(1), at(2), at(3), at(4)});
    carrier.registration.start(carrier.now);
    carrier.sent();
    CHECK(carrier.to == at(1));
    carrier.registration.on_failure(408, carrier.now);
    CHECK(carrier.sent().cseq() == 2);
    CHECK(carrier.to == at(2));
    carrier.answer(503, "Retry-After: 1800\r\n"); // of this one, not of the others
    carrier.sent();
    CHECK(carrier.to == at(3));
    carrier.registration.on_failure(503, carrier.now);
    carrier.sent();
    CHECK(carrier.to == at(4));
    CHECK(carrier.registration.statistics().failed == 0);
    carrier.answer(200, Carrier::ours("600"));
    CHECK(carrier.registration.status().registrar == at(4));
    // The next round begins at the top, and what is tried in vain has nothing to do with who has the binding.
    carrier.pass_to_next();
    carrier.sent();
    CHECK(carrier.to == at(1));
    carrier.registration.on_failure(408, carrier.now);
    CHECK(carrier.registration.status().registrar == at(4));
}

TEST_CASE("registration: each address has challenges of its own") {
    Carrier carrier(alice(), {at(1), at(2)});
    carrier.registration.start(carrier.now);
    carrier.sent();
    carrier.answer(401, challenge);
    carrier.sent();
    carrier.answer(503);
    carrier.sent();
    CHECK(carrier.to == at(2));
    carrier.answer(401,
                   "WWW-Authenticate: Digest realm=\"carrier\", nonce=\"other\", qop=\"auth\", algorithm=SHA-256\r\n");
    CHECK(carrier.sent().value(Header::authorization).find("nonce=\"other\"") != std::string_view::npos);
    CHECK(carrier.to == at(2));
}

TEST_CASE("registration: no more addresses of a name are tried than the limit") {
    std::vector<Endpoint> many;
    for (std::uint8_t i = 0; i < 40; ++i) many.push_back(at(i));
    Carrier carrier(alice(), many);
    carrier.registration.start(carrier.now);
    std::size_t tried = 0;
    while (carrier.registration.wish() != Wish::none) {
        carrier.sent();
        ++tried;
        carrier.registration.on_failure(503, carrier.now);
    }
    CHECK(tried == Registration::address_max);
    CHECK(carrier.registration.statistics().failed == 1);
}

TEST_CASE("registration: Retry-After of the last address is kept, within an hour") {
    struct Row {
        std::uint16_t status;
        const char *line;
        Duration least, most;
    };
    const std::vector<Row> rows = {
        {503, "Retry-After: 300\r\n", seconds(300), seconds(330)},
        {503, "Retry-After: 300 (maintenance);duration=60\r\n", seconds(300), seconds(330)},
        {500, "Retry-After: 300\r\n", seconds(300), seconds(330)},
        {404, "Retry-After: 300\r\n", seconds(300), seconds(330)},
        {503, "Retry-After: 0\r\n", seconds(1), milliseconds(1100)},
        {503, "Retry-After: 99999999999999999999\r\n", hours(1), seconds(3960)},
        {503, "Retry-After: never\r\n", seconds(30), seconds(60)},
        {503, "", seconds(30), seconds(60)},
    };
    for (const Row &row : rows) {
        CAPTURE(row.line);
        Carrier carrier;
        carrier.registration.start(carrier.now);
        carrier.sent();
        carrier.answer(row.status, row.line);
        CHECK(carrier.until_next() >= row.least);
        CHECK(carrier.until_next() <= row.most);
    }
}

TEST_CASE("registration: a refusal ends what was registered, trouble of the server does not") {
    for (const auto &[status, is_kept] : {std::pair(302, false), std::pair(403, false), std::pair(404, false),
                                          std::pair(408, true), std::pair(480, false), std::pair(500, true),
                                          std::pair(503, true), std::pair(504, true), std::pair(603, false)}) {
        CAPTURE(status);
        Carrier carrier;
        carrier.register_for(seconds(600));
        carrier.pass_to_next();
        carrier.sent();
        carrier.answer(static_cast<std::uint16_t>(status));
        CHECK(carrier.registration.is_registered() == is_kept);
        CHECK(carrier.registration.status().status == status);
        CHECK(carrier.until_next() >= seconds(30));
    }
}

TEST_CASE("registration: an answer to another REGISTER than the one that is out changes nothing") {
    Carrier carrier;
    carrier.registration.start(carrier.now);
    carrier.answer(200, Carrier::ours("600"), 1); // nothing is out
    CHECK(carrier.state() == State::trying);
    carrier.sent();
    carrier.answer(401, challenge);
    carrier.sent();
    carrier.answer(403, {}, 1);
    carrier.answer(200, Carrier::ours("600"), 3);
    CHECK(carrier.state() == State::trying);
    carrier.answer(100);
    CHECK(carrier.state() == State::trying);
    carrier.answer(200, Carrier::ours("600"));
    CHECK(carrier.state() == State::registered);
    carrier.answer(403); // again to the same one
    CHECK(carrier.state() == State::registered);
    carrier.registration.on_failure(408, carrier.now);
    CHECK(carrier.registration.status().status == 200);
    CHECK(carrier.registration.statistics().late == 4);
}

TEST_CASE("registration: a reason phrase that could garble a log is left out") {
    for (const auto &[phrase, kept] :
         {std::pair("\x1b[31mred", ""), std::pair("red\xff", ""), std::pair("Sch\xc3\xb6n", "Sch\xc3\xb6n")}) {
        Carrier carrier;
        carrier.registration.start(carrier.now);
        carrier.sent();
        const auto message =
            Message::parse(std::string("SIP/2.0 403 ") + phrase +
                           "\r\nVia: SIP/2.0/UDP 192.0.2.99;branch=z9hG4bK1\r\n"
                           "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: " +
                           carrier.registration.call_id() + "\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n");
        REQUIRE(message);
        carrier.registration.on_response(*message, carrier.now);
        CHECK(carrier.registration.status().status == 403);
        CHECK(carrier.registration.status().reason == kept);
    }
}
