#include <doctest/doctest.h>
#include <string>
#include <vector>
#include "sip/message.hpp"
#include "sip/sample.hpp"
#include "sip/stream_framer.hpp"

using namespace tandem;
using test::invite;
using test::with;

namespace {

struct Seen {
    std::vector<std::string> messages;
    int pings = 0;
    std::uint16_t status = 0; // of what broke the stream
    std::string reason;
    std::string broken;

    bool operator==(const Seen &) const = default;
};

void feed(StreamFramer &framer, std::string_view bytes, Seen &seen) {
    framer.feed(bytes);
    for (;;) {
        const Frame frame = framer.next();
        if (frame.kind == FrameKind::more) break;
        if (frame.kind == FrameKind::message) seen.messages.emplace_back(frame.bytes);
        if (frame.kind == FrameKind::ping) ++seen.pings;
        if (frame.kind != FrameKind::broken) continue;
        seen.status = frame.status;
        seen.reason = frame.reason;
        seen.broken = frame.bytes;
    }
    framer.release();
}

Seen frame(std::string_view bytes) {
    StreamFramer framer;
    Seen seen;
    feed(framer, bytes, seen);
    return seen;
}

// The same stream in pieces: each lies in memory of its own, which is gone before the next comes.
Seen frame_pieces(std::string_view bytes, std::size_t size) {
    StreamFramer framer;
    Seen seen;
    for (std::size_t at = 0; at < bytes.size(); at += size) feed(framer, std::string(bytes.substr(at, size)), seen);
    return seen;
}

std::string options(std::string_view headers, std::string_view body = {}) {
    return "OPTIONS sip:bob@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1\r\nFrom: "
           "<sip:a@b>;tag=1\r\n"
           "To: <sip:b@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n" +
           std::string(headers) + "\r\n" + std::string(body);
}

} // namespace

TEST_CASE("framer: a stream cut in two at every byte gives the same messages") {
    const std::vector<std::string> messages = {invite(), options("l: 0\r\n"),
                                               options("Content-Length:\r\n 3\r\n", "abc"),
                                               "SIP/2.0 200 OK\r\nContent-Length:2\r\n\r\n\r\n", invite()};
    std::string stream;
    for (const std::string &message : messages) stream += message;
    for (std::size_t at = 0; at <= stream.size(); ++at) {
        CAPTURE(at);
        StreamFramer framer;
        Seen seen;
        feed(framer, std::string(stream, 0, at), seen);
        feed(framer, std::string(stream, at), seen);
        REQUIRE(seen.messages == messages);
        REQUIRE(seen.status == 0);
        REQUIRE(!framer.is_unfinished());
    }
}

TEST_CASE("framer: pieces of any size give the same messages, one byte at a time too") {
    std::string stream;
    for (int i = 0; i < 20; ++i) stream += "\r\n" + invite() + options("l: 0\r\n");
    const Seen whole = frame(stream);
    CHECK(whole.messages.size() == 40);
    for (const std::size_t size : {1U, 2U, 3U, 7U, 64U, 100U, 1000U, 4096U}) {
        CAPTURE(size);
        CHECK(frame_pieces(stream, size) == whole);
    }
}

TEST_CASE("framer: every spelling of Content-Length counts, in any case and folded (RFC 3261 section 7.3)") {
    for (const char *header :
         {"Content-Length: 4\r\n", "content-length:4\r\n", "CONTENT-LENGTH \t: 4 \r\n", "l:4\r\n", "L : 4\r\n",
          "Content-Length:\r\n\t 4\r\n", "l: 004\r\n", "l: 4\r\n \r\n", "l: 4\n", "l: 4\r\nContent-Length: 4\r\n",
          "X: y\r\n l: 9\r\nl: 4\r\n", "Content-Lengths: 9\r\nl: 4\r\n"}) {
        CAPTURE(header);
        const Seen seen = frame(options(header, "body") + "OPTIONS");
        CHECK(seen.messages == std::vector{options(header, "body")});
        CHECK(seen.status == 0);
    }
}

TEST_CASE("framer: a length that lies or is missing breaks the stream (RFC 3261 sections 18.3, 20.14)") {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"", "Missing Content-Length"},
        {"X: y\r\n l: 9\r\n", "Missing Content-Length"}, // folded into X
        {"l: -4\r\n", "Bad Content-Length"},
        {"l: +4\r\n", "Bad Content-Length"},
        {"l: four\r\n", "Bad Content-Length"},
        {"l: 0x4\r\n", "Bad Content-Length"},
        {"l: 4 4\r\n", "Bad Content-Length"},
        {"l: 4, 4\r\n", "Bad Content-Length"},
        {"l: 4\r\n 4\r\n", "Bad Content-Length"},
        {"l: 4.0\r\n", "Bad Content-Length"},
        {"l:\r\n", "Bad Content-Length"},
        {"l: 4\r\nContent-Length: 5\r\n", "Two Content-Lengths"},
        {"Content-Length: 5\r\nX: y\r\nl: 4\r\n", "Two Content-Lengths"},
        {"l: 4\r\nl: x\r\n", "Bad Content-Length"},
    };
    for (const auto &[header, reason] : cases) {
        CAPTURE(header);
        const std::string message = options(header);
        const Seen seen = frame(invite() + message + "body" + invite());
        CHECK(seen.messages == std::vector{invite()}); // and nothing after it
        CHECK(seen.status == 400);
        CHECK(seen.reason == reason);
        CHECK(seen.broken == message);
        CHECK(frame_pieces(invite() + message + "body" + invite(), 1) == seen);
        CHECK(Message::parse(seen.broken)); // it can be answered
    }
}

TEST_CASE("framer: what is larger than a message may be breaks the stream") {
    for (const char *value :
         {"65536", "70000", "4294967301", "18446744073709551617", "99999999999999999999999999999"}) {
        const Seen seen = frame(options("l: " + std::string(value) + "\r\n"));
        CHECK(seen.status == 413);
        CHECK(seen.reason == "Message Too Long");
    }
    const auto of_size = [](std::size_t size) {
        const std::string empty = options("X: \r\nl: 0\r\n");
        return options("X: " + std::string(size - empty.size(), 'x') + "\r\nl: 0\r\n");
    };
    CHECK(frame(of_size(message_size_max)).messages.size() == 1);
    CHECK(frame(of_size(message_size_max + 1)).status == 413);
    const Seen endless = frame_pieces(options("X: " + std::string(70'000, 'x')), 1000);
    CHECK(endless.status == 413);
    CHECK(endless.reason == "Headers Too Long");
    CHECK(endless.broken.size() == message_size_max);
    CHECK(frame_pieces("OPTIONS sip:x\r\nX: " + std::string(100'000, 'x'), 1000).status == 413); // one line
}

TEST_CASE("framer: a start line that does not end is refused early, however it is cut") {
    const std::string start = "OPTIONS sip:x" + std::string(start_line_size_max - 13, 'x');
    StreamFramer framer;
    Seen seen;
    feed(framer, start, seen);
    CHECK(seen.status == 0);
    feed(framer, "x", seen);
    CHECK(seen.status == 414);
    CHECK(framer.buffered() < 1024);
    CHECK(frame(start + "\nl: 0\n\n").messages.size() == 1);
    const std::string longer = start + "x SIP/2.0\r\nl: 0\r\n\r\n";
    for (const std::size_t size : {std::size_t{1}, std::size_t{1000}, longer.size()}) {
        CHECK(frame_pieces(longer, size).status == 414);
        CHECK(frame_pieces(longer, size).messages.empty());
    }
}

TEST_CASE("framer: what some parsers take for a line end, and NUL, break the stream") {
    for (const std::string &bad : {std::string("X: y\rl: 0\r\n"), std::string("X: y\r\r\n"),
                                   std::string("X: \0y\r\n", 7), std::string("\r\r\n")}) {
        const Seen seen = frame(options(bad + "l: 0\r\n") + invite());
        CHECK(seen.messages.empty());
        CHECK(seen.status == 400);
        CHECK(seen.reason == "Bad Byte In Header");
    }
    for (const char *start : {"\x16\x03\x01\x02", " INVITE sip:a@b SIP/2.0\r\n\r\n", "\x80", "\x7f"}) {
        CHECK(frame(start).reason == "Bad Start Line");
    }
    CHECK(frame(std::string(1, '\0')).reason == "Bad Start Line");
}

TEST_CASE("framer: bare LF ends a line, for sofia's parser too") {
    std::string message = options("l: 3\r\n", "a\nb");
    for (std::size_t at = 0; (at = message.find("\r\n")) != std::string::npos;) message.erase(at, 1);
    CHECK(frame(message + message).messages == std::vector{message, message});
    const auto parsed = Message::parse(message);
    REQUIRE(parsed);
    CHECK(parsed->defect() == "");
    CHECK(parsed->body() == "a\nb");
}

TEST_CASE("framer: it and the parser agree where the header section ends") {
    const std::string body = "\r\nContent-Length: 7\r\n\r\nINVITE sip:eve@evil SIP/2.0\r\n\r\n";
    const std::string length = std::to_string(body.size());
    for (const std::string &header :
         {"l: " + length + "\r\n", "X: y\r\n \r\n l: 3\r\nl: " + length + "\r\n", "X:\n \nl: " + length + "\n",
          "l: " + length + "\r\n\t\r\n", "l: " + length + "\r\nX\r\n"}) {
        CAPTURE(header);
        const Seen seen = frame(options(header, body) + options("l: 0\r\n"));
        REQUIRE(seen.messages.size() == 2);
        const auto parsed = Message::parse(seen.messages[0]);
        REQUIRE(parsed);
        CHECK(parsed->body() == body);
    }
}

TEST_CASE("framer: CRLF CRLF is a ping, a single CRLF is skipped (RFC 5626 section 3.5.1, RFC 3261 section 7.5)") {
    CHECK(frame("\r\n").pings == 0);
    CHECK(frame("\r\n\r\n").pings == 1);
    CHECK(frame_pieces("\r\n\r\n", 1).pings == 1);
    CHECK(frame_pieces("\r\n\r\n\r\n\r\n", 4).pings == 2);
    CHECK(frame("\n\n\n\n\r\r\r\n").pings == 0);
    CHECK(frame("\r\r\n\r\n").pings == 1);
    const Seen seen = frame("\r\n" + invite() + "\r\n\r\n" + invite() + "\r\n");
    CHECK(seen.messages.size() == 2);
    CHECK(seen.pings == 1);
    CHECK(frame("\r\n" + invite() + "\r\n" + invite() + "\r\n").pings == 0); // never two of them together
}

TEST_CASE("framer: a megabyte of CRLF grows nothing and is one ping a piece") {
    std::string line_ends;
    for (int i = 0; i < 512 * 1024; ++i) line_ends += "\r\n";
    StreamFramer framer;
    Seen seen;
    feed(framer, line_ends, seen);
    CHECK(seen.pings == 1);
    CHECK(framer.buffered() <= std::string().capacity());
    CHECK(!framer.is_unfinished());
    feed(framer, invite(), seen);
    CHECK(seen.messages.size() == 1);
}

TEST_CASE("framer: memory is given back when nothing has begun") {
    StreamFramer framer;
    Seen seen;
    const std::string large = options("l: 60000\r\n", std::string(60'000, 'b'));
    feed(framer, large.substr(0, 50'000), seen);
    CHECK(framer.is_unfinished());
    CHECK(framer.buffered() >= 50'000);
    feed(framer, large.substr(50'000), seen);
    CHECK(seen.messages == std::vector{large});
    CHECK(!framer.is_unfinished());
    CHECK(framer.buffered() < 1024);
}

TEST_CASE("framer: after it broke nothing is a message, and nothing is kept") {
    StreamFramer framer;
    Seen seen;
    feed(framer, options("l: x\r\n"), seen);
    CHECK(seen.status == 400);
    for (int i = 0; i < 100; ++i) feed(framer, invite(), seen);
    CHECK(seen.messages.empty());
    CHECK(framer.buffered() < 1024);
}
