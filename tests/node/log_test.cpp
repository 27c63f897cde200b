#include <array>
#include <doctest/doctest.h>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>
#include "node/log.hpp"

using namespace tandem;

namespace {

struct Pipe {
    Pipe() { REQUIRE(::pipe(ends.data()) == 0); }
    ~Pipe() {
        for (const int end : ends) ::close(end);
    }
    std::array<int, 2> ends{};
};

} // namespace

TEST_CASE("log: nobody waits for who reads it; what he does not take is lost and told") {
    constexpr int lines = 100'000; // some megabytes: more than a pipe and the queue hold
    Pipe pipe;
    std::string text;
    {
        Log log({LogLevel::info, LogFormat::text}, pipe.ends[1]);
        for (int i = 0; i < lines; ++i) log.info("line " + std::to_string(i) + " of a flood that nobody reads");
        // Now he reads, up to what is told of it.
        std::array<char, 65536> part{};
        while (text.find("\n", text.find(" are lost: nobody took them")) == std::string::npos) {
            const ssize_t size = ::read(pipe.ends[0], part.data(), part.size());
            REQUIRE(size > 0);
            text.append(part.data(), static_cast<std::size_t>(size));
            log.info("again");
        }
    }
    int number = 0;
    std::istringstream read(text);
    std::string line;
    for (; std::getline(read, line) && line.find(" line " + std::to_string(number) + " of") != std::string::npos;) {
        ++number;
    }
    CHECK(number > 1000); // from the first one on, in order
    CHECK(number < lines);
    const std::size_t told = text.find("warn log: ");
    REQUIRE(told != std::string::npos);
    CHECK(std::stoul(text.substr(told + 10)) >= static_cast<std::size_t>(lines - number));
}

TEST_CASE("log: what was said is written before the log goes") {
    Pipe pipe;
    {
        Log log({LogLevel::info, LogFormat::text}, pipe.ends[1]);
        log.info("the last word");
    }
    std::array<char, 256> text{};
    const ssize_t size = ::read(pipe.ends[0], text.data(), text.size());
    REQUIRE(size > 0);
    CHECK(std::string_view(text.data(), static_cast<std::size_t>(size)).ends_with(" info the last word\n"));
}

TEST_CASE("log: threads may use one log, and change it") {
    Pipe pipe;
    Log log({LogLevel::info, LogFormat::text}, pipe.ends[1]);
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
        threads.emplace_back([&log, i] {
            for (int n = 0; n < 200; ++n) {
                log.info("line");
                if (i == 0) log.configure({LogLevel::info, n % 2 ? LogFormat::text : LogFormat::json});
            }
        });
    }
    for (std::thread &thread : threads) thread.join();
}

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
