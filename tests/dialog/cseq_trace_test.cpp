// The files of traces/: numbers as they come and as they have to go on, line by line.
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include "dialog/conversation.hpp"

using namespace tandem;
using test::Conversation;

namespace {

struct Line {
    Side who = Side::caller;
    Method method = Method::unknown;
    std::uint16_t status = 0;
    std::string tag;
    std::string in;
    std::string out;
    std::string branch;
};

bool read_line(const std::string &text, Line &line) {
    std::string who;
    std::string message;
    std::istringstream words(text);
    if (!(words >> who) || who.starts_with('#')) return false;
    words >> message >> line.tag >> line.in >> line.out >> line.branch;
    REQUIRE((who == "caller" || who == "callee"));
    REQUIRE_FALSE(line.out.empty());
    line.who = who == "caller" ? Side::caller : Side::callee;
    const std::size_t slash = message.find('/');
    line.method = parse_method(message.substr(0, slash));
    REQUIRE(line.method != Method::unknown);
    if (slash != std::string::npos) line.status = static_cast<std::uint16_t>(std::stoul(message.substr(slash + 1)));
    if (line.tag == "-") line.tag.clear();
    return true;
}

MessageView message_of(const Conversation &call, const Line &line) {
    const Side asker = line.status == 0 ? line.who : other(line.who);
    MessageView view;
    view.method = line.method;
    view.status = line.status;
    view.call_id = call.call_id;
    view.from_tag = asker == Side::caller ? std::string_view(call.caller_tag) : line.tag;
    view.to_tag = asker == Side::caller ? std::string_view(line.tag) : call.caller_tag;
    return view;
}

std::uint32_t number_in(const std::string &text) { return static_cast<std::uint32_t>(std::stoul(text)); }

std::string show(const Result<std::uint32_t> &number) {
    return number ? std::to_string(*number) : std::string(to_string(number.error()));
}

std::string pass_request(Conversation &call, const Line &line, MessageView request) {
    if (line.in == "-") return show(call.tracker.take_cseq(call.id, line.who, line.tag));
    request.cseq = number_in(line.in);
    const auto fed = call.tracker.feed(request, at_ms(0));
    REQUIRE((fed || fed.error() == Error::stale_cseq)); // it came again: a proxy lets it pass
    if (fed && fed->dialog) call.id = fed->dialog;
    const DialogSet *set = call.tracker.find(call.id);
    REQUIRE(set);
    if (!set->is_over()) CHECK(call.tracker.find_of(request, line.branch) == call.id);
    std::string out = show(call.tracker.sent_cseq(call.id, request, line.branch, request.cseq));
    const std::size_t plus = line.in.find('+');
    if (plus == std::string::npos) return out;
    return out + "+" + show(call.tracker.sent_cseq(call.id, request, line.branch, number_in(line.in.substr(plus + 1))));
}

std::string pass_response(Conversation &call, const Line &line, MessageView response) {
    response.cseq = number_in(line.in);
    if (call.tracker.find(call.id)->is_over()) return "over";
    CHECK(call.tracker.find_of(response, line.branch) == call.id);
    if (line.out.starts_with('=')) return "=" + show(call.tracker.retry_cseq(call.id, response, line.branch));
    const auto origin = call.tracker.answered_cseq(call.id, response, line.branch);
    if (!origin) return std::string(to_string(origin.error()));
    if (origin->is_own) return "*" + std::to_string(origin->number);
    response.cseq = origin->number;
    CHECK(call.tracker.feed(response, at_ms(0)));
    return std::to_string(origin->number);
}

void check_trace(const std::filesystem::path &path) {
    Conversation call;
    std::ifstream file(path);
    REQUIRE(file.is_open());
    std::string text;
    for (int number = 1; std::getline(file, text); ++number) {
        Line line;
        if (!read_line(text, line)) continue;
        CAPTURE(path.filename().string());
        CAPTURE(number);
        CAPTURE(text);
        const MessageView message = message_of(call, line);
        const bool is_request = line.status == 0;
        CHECK((is_request ? pass_request(call, line, message) : pass_response(call, line, message)) == line.out);
    }
}

void check_trace(const char *name) { check_trace(std::filesystem::path(TANDEM_CSEQ_TRACES) / name); }

} // namespace

TEST_CASE("cseq: each message of the golden traces carries the number of its side (RFC 3261 section 12.2.1.1)") {
    std::size_t count = 0;
    for (const auto &entry : std::filesystem::directory_iterator(TANDEM_CSEQ_TRACES)) {
        if (entry.path().extension() != ".txt") continue;
        check_trace(entry.path());
        ++count;
    }
    CHECK(count >= 10);
}

// What users of other systems report; the numbers are those of the reports.

TEST_CASE("cseq: a retransmission goes out with the old number [K#679]") { check_trace("one_challenge.txt"); }

TEST_CASE("cseq: the first request inside the dialog keeps the caller's number [K#787]") {
    check_trace("one_challenge.txt");
}

TEST_CASE("cseq: a re-INVITE is challenged and breaks [K#789]") { check_trace("invite_reinvite_bye.txt"); }

TEST_CASE("cseq: the ACK of a refusal has the wrong number [K#919, O#3041]") {
    check_trace("refused.txt");
    check_trace("invite_reinvite_bye.txt");
}

TEST_CASE("cseq: carrier B gets the number that carrier A was authenticated with [K#1359]") {
    check_trace("serial_fork.txt");
    check_trace("serial_fork_challenged.txt");
}

TEST_CASE("cseq: the ACK of an answered INVITE keeps the caller's number [K#2559]") {
    check_trace("one_challenge.txt");
}

TEST_CASE("cseq: the BYE after a PRACK is too low [K#409]") { check_trace("prack.txt"); }

TEST_CASE("cseq: a probe takes a number that the caller then uses again [O#2678, O#2211]") {
    check_trace("own_requests.txt");
}

TEST_CASE("cseq: a challenge to REFER, PRACK, UPDATE or BYE is lost [siphon-sip#181]") {
    check_trace("prack.txt");
    check_trace("invite_reinvite_bye.txt");
}

TEST_CASE("cseq: the record of a set holds the map of each To-tag and branch, and says when it changes") {
    Conversation call;
    REQUIRE(call.invite());
    REQUIRE(call.tracker.record(call.id)->cseq_maps.empty());
    const Line refused{Side::callee, Method::invite, 407, "x", {}, {}, {}};
    const Line rings{Side::callee, Method::invite, 183, "b1", {}, {}, {}};
    MessageView challenge = message_of(call, refused);
    challenge.cseq = 1;
    call.tracker.drain_changes(nullptr, nullptr);
    REQUIRE(*call.tracker.retry_cseq(call.id, challenge, "carrier") == 2);
    std::size_t changed = 0;
    call.tracker.drain_changes([&](const DialogRecord &) { ++changed; }, nullptr);
    CHECK(changed == 1);

    MessageView ringing = message_of(call, rings);
    ringing.cseq = 2;
    REQUIRE(call.tracker.answered_cseq(call.id, ringing, "carrier")->number == 1);
    const auto record = call.tracker.record(call.id);
    REQUIRE(record->cseq_maps.size() == 2);
    CHECK(record->cseq_maps[0].is_branch);
    CHECK(record->cseq_maps[0].name == "carrier");
    CHECK(record->cseq_maps[1].name == "b1");
    CHECK_FALSE(record->cseq_maps[1].is_branch);
    for (const CseqMapRecord &map : record->cseq_maps) CHECK(map.map == "0:0 2:1/");
}
