#include <doctest/doctest.h>
#include <string>
#include "base/token.hpp"
#include "call/leg_state.hpp"
#include "node/dialog_place.hpp"

using namespace tandem;

namespace {

std::string token(std::uint8_t shard) {
    SeededRandom random(shard + 100U, shard);
    return make_token(random);
}

} // namespace

TEST_CASE("dialog place: all legs of a call come to the worker whose names they carry") {
    SeededRandom random(1);
    const KeyedHash hash(random);
    for (const std::uint32_t workers : {1U, 2U, 4U, 7U}) {
        const ShardMap map(workers, hash);
        for (std::uint8_t shard = 0; shard < 8; ++shard) { // also of a process that had more of them
            CAPTURE(workers);
            CAPTURE(shard);
            const std::string tag = token(shard);
            const std::string call_id = token(shard) + "-2";
            const std::string own_call_id = token(shard);
            DialogRecord caller;
            caller.local_side = Side::callee;
            caller.call_id = "theirs";
            caller.callee_call_id = own_call_id;
            CHECK(worker_of(caller, map) == shard % workers); // nobody has told him our tag yet
            caller.forks = {{.to_tag = tag}};
            caller.callee_call_id = {};
            CHECK(worker_of(caller, map) == shard % workers);
            DialogRecord callee;
            callee.local_side = Side::caller;
            callee.call_id = own_call_id;
            callee.forks = {{.to_tag = "theirs"}};
            CHECK(worker_of(callee, map) == shard % workers);
        }
    }
}

TEST_CASE("dialog place: a dialog without a name of ours is where its requests come to") {
    SeededRandom random(1);
    const ShardMap map(4, KeyedHash(random));
    for (int i = 0; i < 100; ++i) {
        const std::string call_id = "call-" + std::to_string(i);
        DialogRecord record;
        record.local_side = Side::callee;
        record.call_id = call_id;
        CHECK(worker_of(record, map) == map.shard_of_call(call_id));
    }
}

TEST_CASE("dialog place: a caller who was refused finds who did it, by the name that he was told") {
    SeededRandom random(1);
    const ShardMap map(4, KeyedHash(random));
    const auto refusal_of = [](const std::string &answer) {
        LegState state;
        state.peers = KeptInvite{.request = {}, .answer = answer, .source = {}, .is_first = true};
        return KeptRefusal{state.to_text(), token(1), 0}; // the leg to the callee was somebody else's
    };
    const auto answer_to = [](const std::string &call_id, const std::string &to_tag) {
        return "SIP/2.0 486 Busy\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\nFrom: <sip:a@a>;tag=a\r\n"
               "To: <sip:b@b>;tag=" +
               to_tag + "\r\nCall-ID: " + call_id + "\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n";
    };
    for (std::uint8_t shard = 0; shard < 8; ++shard) {
        const auto caller = refused_caller(refusal_of(answer_to("theirs", token(shard))), map);
        REQUIRE(caller);
        CHECK(caller->call_id == "theirs");
        CHECK(caller->worker == shard % 4);
    }
    const auto nameless = refused_caller(refusal_of(answer_to("theirs", "no-name-of-ours")), map);
    REQUIRE(nameless);
    CHECK(nameless->worker == map.shard_of_call("theirs"));
    CHECK_FALSE(refused_caller(refusal_of("nonsense"), map));
    CHECK_FALSE(refused_caller({"{}", "theirs", 0}, map));
}

TEST_CASE("dialog place: only a caller whose answer has no ACK may still send what has no name of ours") {
    DialogRecord record;
    record.local_side = Side::callee;
    record.state = DialogState::early;
    CHECK(repeats_invite(record));
    record.state = DialogState::confirmed;
    record.forks.emplace_back();
    CHECK(repeats_invite(record)); // he may not have it
    record.forks.front().is_acked = true;
    CHECK_FALSE(repeats_invite(record));
    record.local_side = Side::caller;
    record.state = DialogState::early;
    CHECK_FALSE(repeats_invite(record));
}
