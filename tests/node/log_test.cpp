#include <doctest/doctest.h>
#include <sstream>
#include <string>
#include "node/log.hpp"

using namespace tandem;

TEST_CASE("log: lines below the level are left out, and the level can change") {
    std::ostringstream out;
    Log log({LogLevel::warn, LogFormat::text}, out);
    log.info("quiet");
    CHECK(out.str().empty());
    log.configure({LogLevel::info, LogFormat::text});
    log.info("loud");
    CHECK(out.str().substr(10, 1) == "T");
    CHECK(out.str().substr(23) == "Z info loud\n");
    out.str("");
    log.configure({LogLevel::off, LogFormat::text});
    log.error("never");
    CHECK(out.str().empty());
}

TEST_CASE("log: text from elsewhere makes no second line and no second JSON member") {
    std::ostringstream out;
    Log log({LogLevel::info, LogFormat::text}, out);
    log.info("a\r\nb\x01");
    CHECK(out.str().substr(23) == "Z info a\\x0d\\x0ab\\x01\n");
    out.str("");
    log.configure({LogLevel::info, LogFormat::json});
    log.info("a\",\"b\\\n%v{}");
    CHECK(out.str().substr(0, 9) == "{\"time\":\"");
    CHECK(out.str().substr(33) == "\",\"level\":\"info\",\"text\":\"a\\\",\\\"b\\\\\\u000a%v{}\"}\n");
}
