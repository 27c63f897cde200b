#include <doctest/doctest.h>
#include "control/question_text.hpp"
#include "json/json.hpp"

using namespace tandem;

namespace {

Question question() {
    Question made;
    made.method = "INVITE";
    made.call_id = "abc\"1";
    made.from = {"sip:5556@1.2.3.4", "5556", "1.2.3.4", "A \"B\""};
    made.to = {"sip:0046@1.2.3.4", "0046", "1.2.3.4", ""};
    made.request = {"sip:0046@5.6.7.8", "0046", "5.6.7.8", ""};
    made.agent = "Linksys-SPA942";
    made.source_ip = "72.167.53.131";
    return made;
}

} // namespace

TEST_CASE("question text: it has every member of the contract, as strings") {
    const auto json = parse_json(to_json_text(question()).body);
    REQUIRE(json);
    const Json expected = {{"call-id", "abc\"1"},
                           {"from-uri", "sip:5556@1.2.3.4"},
                           {"from-user-id", "5556"},
                           {"from-display-name", "A \"B\""},
                           {"to-uri", "sip:0046@1.2.3.4"},
                           {"to-user-id", "0046"},
                           {"to-display-name", ""},
                           {"from-domain", "1.2.3.4"},
                           {"to-domain", "1.2.3.4"},
                           {"agent", "Linksys-SPA942"},
                           {"source-ip", "72.167.53.131"},
                           {"method", "INVITE"},
                           {"request-uri", "sip:0046@5.6.7.8"},
                           {"request-user-id", "0046"},
                           {"request-domain", "5.6.7.8"}};
    CHECK(*json == expected);
}

TEST_CASE("question text: two calls with the same question have one key, and any other difference makes another") {
    Question other = question();
    other.call_id = "another";
    CHECK(to_json_text(other).key == to_json_text(question()).key);
    CHECK(to_json_text(other).body != to_json_text(question()).body);
    other.source_ip = "72.167.53.132";
    CHECK(to_json_text(other).key != to_json_text(question()).key);
}

TEST_CASE("question text: bytes that are no UTF-8 make no bad JSON") {
    Question odd = question();
    odd.from.display = "\xff\xfe\r\n\x01";
    odd.agent = std::string(300, '\\');
    CHECK(parse_json(to_json_text(odd).body).ok());
}
