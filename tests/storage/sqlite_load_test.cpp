// What a start takes back from the file.
#include <array>
#include "dialog/record_text.hpp"
#include "storage/store_fixture.hpp"

using namespace tandem;
using namespace tandem::test;

namespace {

constexpr std::int64_t later_us = start_us + 100'000'000;

struct Loaded {
    DialogLoad load;
    std::vector<std::string> records; // as text, with their ids
    std::vector<std::string> call_ids;
};

std::string with_id(const DialogRecord &record) {
    return record.id.to_string() + "/" + (record.leg_of ? record.leg_of.to_string() : "") + " " + text_of(record);
}

// Takes all dialogs, but those of one Call-ID.
Loaded load(SqliteStore &store, std::string_view but_for = "none") {
    Loaded loaded;
    const auto done = store.load_dialogs(later_us, [&](const DialogRecord &record) {
        if (record.call_id == but_for) return false;
        CHECK(!record.has_changed_leg);
        CHECK(!record.has_changed_variables);
        CHECK(!record.has_changed_profiles);
        loaded.records.push_back(with_id(record));
        loaded.call_ids.emplace_back(record.call_id);
        return true;
    });
    REQUIRE_MESSAGE(done.ok(), done.error().detail);
    loaded.load = *done;
    return loaded;
}

std::vector<std::string> ended_calls(SqliteStore &store, std::size_t max = 1000) {
    std::vector<std::string> call_ids;
    const auto take = [&](std::string_view call_id) { call_ids.emplace_back(call_id); };
    REQUIRE(store.load_ended(std::chrono::seconds(64), max, take));
    return call_ids;
}

// Everything that a dialog can have, by a record whose variables and profiles stand in the order of their names.
void fill(Call &call) {
    using namespace std::string_view_literals;
    call.answer();
    DialogRecord &leg = call.legs[0];
    leg.trunk = "carrier-a";
    leg.caller_route_set = "<sip:edge.example.com;lr>";
    leg.end_reason = EndReason::callee_bye;
    leg.q850 = 16;
    leg.deadline = at_ms(99'000);
    leg.timer_start = at_ms(67'000);
    leg.is_cancelled = true;
    leg.is_ending = true;
    leg.is_due = true;
    leg.session_expires = at_ms(80'000);
    leg.leg = R"({"hold":true})";
    leg.timeouts = {std::chrono::seconds(1), std::nullopt, Duration::zero(), std::chrono::seconds(3)};
    leg.forks[0].answered = *leg.answered;
    leg.forks[0].last_cseq = {4'000'000'000, 7};
    leg.forks[0].bye_cseq = {0, 8};
    leg.forks[0].is_doubtful = true;
    leg.forks.push_back({.to_tag = "second",
                         .state = DialogState::confirmed,
                         .callee_target = "sip:b\"2@host",
                         .callee_route_set = "<sip:p;lr>",
                         .last_cseq = {1, 2},
                         .bye_cseq = {5, 6},
                         .answered = at_ms(6000),
                         .is_acked = true});
    leg.forks.push_back({.to_tag = "third", .state = DialogState::terminated, .leaver = Side::caller});
    leg.cseq_maps = {{true, "carrier", "0:0 2:1/"}, {false, "to-tag", "0:0 2:1/1:*1 2:0"}};
    leg.variables = {{"credit", VariableValue::of_integer(-7)},
                     {"is_new", VariableValue::of_boolean(true)},
                     {"key", VariableValue::of_bytes("\0\xff\xfe"sv)},
                     {"tenant", VariableValue::of_text("blue")}};
    leg.profiles = {{.profile = "total"}, {.profile = "user", .value = "alice", .has_value = true}};
    call.legs[1].forks[0].answered = *call.legs[1].answered;
}

} // namespace

TEST_CASE("sqlite: what a former process left comes back with every field, calls before their other legs") {
    Folder folder;
    Call full(1), ringing(2);
    fill(full);
    {
        const auto store = open(folder.database);
        REQUIRE(ringing.save(*store));
        REQUIRE(full.save(*store));
    }
    const auto store = open(folder.database);
    const Loaded loaded = load(*store);
    CHECK(loaded.records ==
          Rows{with_id(full.legs[0]), with_id(ringing.legs[0]), with_id(full.legs[1]), with_id(ringing.legs[1])});
    CHECK(loaded.load.taken == 4);
    CHECK(loaded.load.closed == 0);
    CHECK(loaded.load.unreadable == 0);
    Shell shell(folder.database);
    CHECK(shell.row("SELECT count(*) FROM every_leg") == "4");
    CHECK(shell.row("SELECT count(*) FROM cdr") == "0");
    CHECK(load(*store).records == loaded.records); // once more, if its process dies at once
}

TEST_CASE("sqlite: a fork that is not like its call comes back as it was") {
    Folder folder;
    Call call(1);
    call.legs[0].state = DialogState::early;
    call.legs[0].forks = {{.to_tag = "left", .state = DialogState::terminated, .leaver = Side::caller},
                          {.to_tag = "early", .state = DialogState::early},
                          {.to_tag = "known by its ACK", .state = DialogState::trying, .is_acked = true}};
    REQUIRE(call.save(*open(folder.database)));
    CHECK(load(*open(folder.database)).records[0] == with_id(call.legs[0]));
}

TEST_CASE("sqlite: times from before the boot of the machine come back, and so does a clock that has been set") {
    Folder folder;
    Call call(1);
    call.answer();
    REQUIRE(call.save(*open(folder.database)));
    const WallClock rebooted(at_ms(500), start_us + 3'600'000'000); // the monotonic clock has begun anew
    auto store = SqliteStore::open({.path = folder.database, .durability = Durability::process, .vfs = {}}, rebooted);
    REQUIRE(store.ok());
    std::size_t count = 0;
    REQUIRE((*store)->load_dialogs(later_us, [&](const DialogRecord &record) {
        CHECK(record.created == at_ms(1000 + 500 - 3'600'000));
        CHECK(record.answered == at_ms(5000 + 500 - 3'600'000));
        CHECK(record.deadline == never);
        ++count;
        return true;
    }));
    CHECK(count == 2);
}

TEST_CASE("sqlite: a row of an older file has defaults, and its time counts from the answer or the beginning") {
    Folder folder;
    Call up(1), ringing(2);
    up.answer();
    for (Call *call : {&up, &ringing}) REQUIRE(call->save(*open(folder.database)));
    Shell(folder.database).run("UPDATE dialog SET timer_start_us = NULL; UPDATE dialog_leg SET timer_start_us = NULL");
    std::vector<Instant> starts;
    const auto store = open(folder.database);
    REQUIRE(store->load_dialogs(later_us, [&](const DialogRecord &record) {
        starts.push_back(record.timer_start);
        return true;
    }));
    CHECK(starts == std::vector{at_ms(5000), at_ms(1000), at_ms(5000), at_ms(1000)});
}

TEST_CASE("sqlite: a call that nobody takes has its record, and its legs go") {
    Folder folder;
    Call taken(1), refused(2);
    for (Call *call : {&taken, &refused}) {
        call->answer();
        call->count();
        REQUIRE(call->save(*open(folder.database)));
    }
    const auto store = open(folder.database);
    Loaded loaded = load(*store, "caller-2");
    CHECK(loaded.call_ids == Rows{"caller-1", "callee-1", "callee-2"});
    CHECK(loaded.load.closed == 1);
    CHECK(loaded.load.unreadable == 0);
    loaded = load(*store, "callee-2");
    CHECK(loaded.call_ids == Rows{"caller-1", "callee-1"});
    CHECK(loaded.load.closed == 0); // a leg has no record
    Shell shell(folder.database);
    CHECK(shell.rows("SELECT caller_call_id, end_reason, duration_us FROM cdr") == Rows{"caller-2|restart|95000000"});
    CHECK(shell.row("SELECT count(*) FROM every_leg") == "2");
    CHECK(shell.row("SELECT count(*) FROM dialog_variable") == "4");
    CHECK(shell.row("SELECT count(*) FROM dialog_profile") == "2");
}

TEST_CASE("sqlite: a row that none of us has written is closed, and the others come back") {
    constexpr std::array spoilers = {
        "id = 'nonsense'",
        "id = '0000000000000001' || substr(id, 17, 15) || 'z'",
        "id = substr(id, 1, 31) || '0'", // not of its serial
        "state = 'asleep'",
        "local_side = 'both'",
        "end_reason = 'boredom'",
        "leg_of = id",
        "invite_cseq = -1",
        "invite_cseq = 4294967296",
        "caller_cseq = -1",
        "callee_bye_cseq = 4294967296",
        "sip_code = 70000",
        "q850 = -1",
        "created_us = -9223372036854775807",
        "answered_us = 9223372036854775807",
        "deadline_us = -1",
        "timer_start_us = 253402300800000000",
        "session_expires_us = -1",
        "forks = 'nonsense'",
        "forks = '{}'",
        "forks = '[7]'",
        "forks = '[{\"tag\":\"a\"}]'",
        "forks = '[{\"tag\":7,\"state\":\"early\"}]'",
        "forks = '[{\"tag\":\"a\",\"state\":\"asleep\"}]'",
        "forks = '[{\"tag\":\"a\",\"state\":\"early\",\"caller_cseq\":-1}]'",
        "forks = '[{\"tag\":\"a\",\"state\":\"early\",\"is_acked\":1}]'",
        "forks = '[{\"tag\":\"a\",\"state\":\"confirmed\",\"answered_us\":-1}]'",
        "forks = '[{\"tag\":\"a\",\"state\":\"early\",\"leaver\":\"nobody\"}]'",
        "forks = printf('%.*c', 2000000, '[')",
        "cseq_maps = '[[]]'",
        "cseq_maps = '[{\"tag\":\"a\",\"map\":7}]'",
        "details = '[]'",
        "details = '{\"timeouts_us\":7}'",
        "details = '{\"timeouts_us\":{\"bye\":-1}}'",
        "details = '{\"fork\":{\"state\":7}}'",
        "details = '{\"fork\":7}'",
    };
    Folder folder;
    const auto store = open(folder.database);
    std::uint64_t n = 0;
    for (const char *spoiler : spoilers) {
        CAPTURE(std::string(spoiler));
        Call call(++n), good(1000 + n);
        call.answer();
        REQUIRE(call.save(*store));
        REQUIRE(good.save(*store));
        const std::string serial = std::to_string(call.legs[0].id.serial);
        Shell(folder.database).run(std::string("UPDATE dialog SET ") + spoiler + " WHERE serial = " + serial);
        const Loaded loaded = load(*store);
        CHECK(loaded.load.unreadable == 1);
        CHECK(loaded.load.closed == 1);
        CHECK(std::count(loaded.call_ids.begin(), loaded.call_ids.end(), good.call_ids[0]) == 1);
        CHECK(std::count(loaded.call_ids.begin(), loaded.call_ids.end(), call.call_ids[0]) == 0);
    }
    CHECK(load(*store).load.unreadable == 0);
    Shell shell(folder.database);
    CHECK(shell.row("SELECT count(*) FROM dialog") == std::to_string(n));
    CHECK(shell.row("SELECT count(*) FROM cdr") == std::to_string(n));
}

TEST_CASE("sqlite: a leg that none of us has written goes, and what belongs to no dialog is passed over") {
    Folder folder;
    Call call(2);
    call.count();
    const auto store = open(folder.database);
    REQUIRE(call.save(*store));
    Shell shell(folder.database);
    shell.run("UPDATE dialog_leg SET leg_of = 'nonsense'");
    for (const char *serial : {"1", "50331648", "9223372036854775807"}) {
        shell.run(std::string("INSERT INTO dialog_variable VALUES (") + serial + ", 'a', 'text', 'b')");
        shell.run(std::string("INSERT INTO dialog_profile VALUES (") + serial + ", 'total', '')");
    }
    const Loaded loaded = load(*store);
    CHECK(loaded.call_ids == Rows{"caller-2"});
    CHECK(loaded.load.unreadable == 1);
    CHECK(loaded.load.closed == 0);
    CHECK(loaded.records[0].find("variable=a;") == std::string::npos);
    CHECK(shell.row("SELECT count(*) FROM dialog_leg") == "0");
}

TEST_CASE("sqlite: who has just ended is known, by the Call-IDs of both legs") {
    Folder folder;
    const auto store = open(folder.database);
    CHECK(ended_calls(*store).empty());
    // In the order of the records, which is not quite that of the ends.
    for (const auto &[n, ended_s] : {std::pair(1, 100), std::pair(2, 300), std::pair(3, 237), std::pair(4, 270),
                                     std::pair(5, 235), std::pair(6, 301)}) {
        Call call(static_cast<std::uint64_t>(n));
        Cdr cdr = call.hang_up();
        cdr.ended_us = start_us + ended_s * 1'000'000LL;
        if (n == 4) cdr.callee_call_id.clear();
        REQUIRE(store->insert(cdr));
    }
    REQUIRE(store->commit());
    CHECK(ended_calls(*store) ==
          Rows{"caller-6", "callee-6", "caller-4", "caller-3", "callee-3", "caller-2", "callee-2"});
    CHECK(ended_calls(*store, 2) == Rows{"caller-6", "callee-6"});
}

TEST_CASE("sqlite: the last word to a caller is there for a moment, in the transaction that ends his call") {
    Folder folder;
    const auto store = open(folder.database);
    Call call(1);
    REQUIRE(call.save(*store));
    const auto kept = [&] {
        Rows rows;
        const auto take = [&](const KeptRefusal &refusal) {
            rows.push_back(refusal.leg + "|" + refusal.call_id + "|" +
                           std::to_string((refusal.ended_us - start_us) / 1'000'000));
        };
        REQUIRE(store->load_refusals(start_us + 100'000'000, std::chrono::seconds(32), take));
        return rows;
    };
    for (const std::int64_t ended_s : {67, 68, 100, 101}) {
        REQUIRE(store->keep_refusal(
            {R"({"n":)" + std::to_string(ended_s) + "}", "callee", start_us + ended_s * 1'000'000}));
    }
    REQUIRE(store->erase(call.legs[0].id));
    CHECK(Shell(folder.database).row("SELECT (SELECT count(*) FROM refusal), (SELECT count(*) FROM dialog)") == "0|1");
    REQUIRE(store->commit());
    CHECK(kept() == Rows{R"({"n":68}|callee|68)", R"({"n":100}|callee|100)"});
    CHECK(kept().size() == 2);                                                // as often as it starts
    CHECK(Shell(folder.database).row("SELECT count(*) FROM refusal") == "2"); // the others are gone
}

TEST_CASE("sqlite: refusals go when nobody asks for them any more, however many there are") {
    Folder folder;
    const auto store = open(folder.database);
    std::int64_t most = 0;
    for (std::int64_t n = 0; n < 20'000; ++n) { // 100 a second
        REQUIRE(store->keep_refusal({"{}", "callee", start_us + n * 10'000}));
        if (n % 1000 != 999) continue;
        REQUIRE(store->commit());
        most = std::max(most, std::stol(Shell(folder.database).row("SELECT count(*) FROM refusal")));
    }
    CHECK(most >= 6400);
    CHECK(most <= 6400 + 2 * 256);
    CHECK(Shell(folder.database).row("SELECT min(ended_us) - 1700000000000000 FROM refusal") > "130000000");
}
