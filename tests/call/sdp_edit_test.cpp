#include <doctest/doctest.h>
#include <string>
#include "base/random.hpp"
#include "call/black_hole.hpp"
#include "call/sdp_edit.hpp"

using namespace tandem;

namespace {

const std::string head = "v=0\r\no=bob 7 42 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n";
const std::string audio = "m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";
const std::string video = "m=video 4002 RTP/AVP 96\r\n";

} // namespace

TEST_CASE("sdp: a direction stands with its media, else with the session, else it is sendrecv (RFC 4566 section 6)") {
    using enum Direction;
    CHECK(directions_of(head + audio) == std::vector{sendrecv});
    CHECK(directions_of(head + "a=recvonly\r\n" + audio + video + "a=inactive\r\n") == std::vector{recvonly, inactive});
    CHECK(directions_of(head) == std::vector<Direction>());
    CHECK_FALSE(directions_of("<no sdp/>"));
    CHECK_FALSE(directions_of(""));
}

TEST_CASE("sdp: hold turns sending into sendonly and the rest into inactive (RFC 3264 section 8.4)") {
    using enum Direction;
    CHECK(held(sendrecv) == sendonly);
    CHECK(held(sendonly) == sendonly);
    CHECK(held(recvonly) == inactive);
    CHECK(held(inactive) == inactive);
}

TEST_CASE("sdp: new directions change no other byte") {
    using enum Direction;
    const std::vector wanted{sendonly, inactive};
    CHECK(with_directions(head + audio + video, wanted) == head + audio + "a=sendonly\r\n" + video + "a=inactive\r\n");
    CHECK(with_directions(head + "a=sendrecv\r\n" + audio + "a=recvonly\r\na=ptime:20\r\n", wanted) ==
          head + audio + "a=ptime:20\r\na=sendonly\r\n");
    CHECK(with_directions("v=0\nm=audio 1 RTP/AVP 0", wanted) == "v=0\nm=audio 1 RTP/AVP 0\r\na=sendonly\r\n");
    CHECK(with_directions(head + audio, {}) == head + audio + "a=sendrecv\r\n");
    CHECK_FALSE(with_directions("GIF89a", wanted));
}

TEST_CASE("sdp: more media than any call has is no description") {
    std::string many = head;
    for (std::size_t i = 0; i < sdp_media_max; ++i) many += video;
    CHECK(directions_of(many)->size() == sdp_media_max);
    CHECK_FALSE(directions_of(many + video));
    CHECK_FALSE(with_directions(many + video, {}));
}

TEST_CASE("sdp: the origin is read and written as one line (RFC 4566 section 5.2)") {
    const auto origin = origin_of(head + audio);
    REQUIRE(origin);
    CHECK(origin->name == "bob 7");
    CHECK(origin->version == 42);
    CHECK(origin->address == "IN IP4 192.0.2.2");
    CHECK(with_origin(head + audio, *origin) == head + audio);
    CHECK(with_origin("v=0\no=x 1 1 IN IP4 a\ns=-\n", {"y 2", 3, "IN IP6 ::1"}) == "v=0\no=y 2 3 IN IP6 ::1\r\ns=-\n");
    for (const char *bad : {"v=0\r\n", "o=bob 7\r\n", "o=bob 7 x IN IP4 1\r\n", "o=b 7 99999999999999999999 IN IP4 1",
                            "o=- 1 2\r\n", "o= 1 2 IN IP4 1\r\n"}) {
        CAPTURE(bad);
        CHECK_FALSE(origin_of(bad));
    }
}

TEST_CASE("sdp: two descriptions are the same if only the origin differs") {
    const std::string other = with_origin(head + audio, {"carol 1", 1, "IN IP4 192.0.2.3"});
    CHECK(is_same_but_origin(head + audio, other));
    CHECK_FALSE(is_same_but_origin(head + audio, head + video));
    CHECK_FALSE(is_same_but_origin(head + audio, head + audio + video));
    CHECK_FALSE(is_same_but_origin(head, "o=bob 7 42 IN IP4 192.0.2.2\r\n" + head));
}

TEST_CASE("sdp: whatever bytes come, the result has the directions that were asked for") {
    SeededRandom random(4);
    const std::vector<std::string> pieces = {
        "v=0\r\n",        "m=", "m=audio 1 RTP/AVP 0\r\n", "a=sendonly", "\r\n",   "\n", "\r",
        "a=inactive\r\n", "o=", "o=a 1 2 IN IP4 b\r\n",    " ",          "a=x\r\n"};
    const std::vector wanted{Direction::sendonly, Direction::inactive, Direction::recvonly};
    for (int round = 0; round < 20'000; ++round) {
        std::string sdp = random.next() % 8 == 0 ? "" : "v=0\r\n";
        for (auto count = random.next() % 12; count > 0; --count) sdp += pieces[random.next() % pieces.size()];
        const auto before = directions_of(sdp);
        const auto edited = with_directions(sdp, wanted);
        REQUIRE(before.has_value() == edited.has_value());
        if (!edited) continue;
        auto expected = wanted;
        expected.resize(before->size(), Direction::sendrecv);
        CAPTURE(sdp);
        REQUIRE(directions_of(*edited) == expected);
        if (const auto origin = origin_of(sdp)) {
            REQUIRE(is_same_but_origin(with_origin(sdp, *origin), sdp));
            REQUIRE(origin_of(with_origin(sdp, *origin))->version == origin->version);
        }
    }
}

TEST_CASE("sdp: an offer for who has nobody to talk to yet is audio in what every phone has, and flows nowhere") {
    const std::string offer = held_offer(77);
    CHECK(directions_of(offer) == std::vector{Direction::inactive});
    CHECK(origin_of(offer)->to_string() == "o=- 77 1 IN IP4 0.0.0.0");
    CHECK(offer.find("m=audio 9 RTP/AVP 0 8 ") != std::string::npos); // port 0 would refuse it
}

TEST_CASE("sdp: the answer that puts an offerer on hold has its media in order, and refuses what needs keys") {
    const std::string secure = "m=audio 5000 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\na=setup:actpass\r\n";
    const std::string rejected = "m=text 0 RTP/AVP 98\r\na=rtpmap:98 t140/1000\r\n";
    const auto answer = held_answer(head + audio + secure + rejected + video, 5);
    REQUIRE(answer);
    CHECK(*answer == "v=0\r\no=- 5 1 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
                     "m=audio 9 RTP/AVP 0\r\na=inactive\r\na=rtpmap:0 PCMU/8000\r\n"
                     "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\n"
                     "m=text 0 RTP/AVP 98\r\n"
                     "m=video 9 RTP/AVP 96\r\na=inactive\r\n");
    CHECK_FALSE(held_answer("no description", 5));
    CHECK(held_answer(head, 5)); // of nothing
    CHECK(held_answer("v=0\nm=\nm=audio\nm=audio 1", 5));
}
