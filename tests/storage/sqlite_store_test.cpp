// What the store keeps, on a disk that works.
#include <algorithm>
#include <chrono>
#include "dialog/cseq_map.hpp"
#include "storage/store_fixture.hpp"

using namespace tandem;
using namespace tandem::test;

TEST_CASE("sqlite: a dialog's row carries every field of its record") {
    Folder folder;
    const auto store = open(folder.database);
    Call call(1);
    call.legs[0].trunk = "carrier-a";
    REQUIRE(call.save(*store));
    Shell shell(folder.database);
    const std::string who = "SELECT id, leg_of, local_side, call_id, callee_call_id, caller_tag, from_uri, to_uri, "
                            "request_uri, source, trunk, invite_cseq, caller_contact, caller_route_set FROM every_leg";
    const std::string first = call.legs[0].id.to_string();
    const std::string second = call.legs[1].id.to_string();
    CHECK(shell.rows(who) ==
          Rows{first + "|null|callee|caller-1|callee-1|from-tag|sip:alice@example.com|sip:bob@example.com|"
                       "sip:bob@192.0.2.4|192.0.2.1:5060|carrier-a|1|sip:alice@192.0.2.1|",
               second + "|" + first +
                   "|caller|callee-1|callee-1|from-tag|sip:alice@example.com|sip:bob@example.com|"
                   "sip:bob@192.0.2.4|192.0.2.1:5060|null|1|sip:alice@192.0.2.1|"});

    const std::string how = "SELECT state, caller_cseq, callee_cseq, callee_tag, callee_contact, callee_route_set, "
                            "is_acked, forks, sip_code, end_reason, q850 FROM every_leg LIMIT 1";
    const std::string when = "SELECT created_us, ringing_us, answered_us, ended_us, deadline_us FROM every_leg LIMIT 1";
    CHECK(shell.row(how) == "trying|0|0|null|null|null|0|null|0|null|null");
    CHECK(shell.row(when) == "1700000001000000|null|null|null|1700000182000000");

    call.answer();
    REQUIRE(call.save(*store));
    CHECK(shell.row(how) ==
          "confirmed|1|0|to-tag|sip:bob@192.0.2.4:5070|<sip:proxy.example.com;lr>|1|null|200|null|null");
    CHECK(shell.row(when) == "1700000001000000|1700000002000000|1700000005000000|null|null");

    call.legs[0].end_reason = EndReason::callee_bye; // its BYE is under way
    call.legs[0].q850 = 16;
    call.legs[0].ended = at_ms(65'500);
    call.legs[0].caller_target = "sip:alice@198.51.100.7";
    call.legs[0].caller_route_set = "<sip:edge.example.com;lr>";
    call.legs[0].callee_call_id = "another-leg";
    call.legs[0].trunk = "carrier-b";
    call.legs[0].forks[0].last_cseq = {1, 4'000'000'000};
    REQUIRE(call.save(*store));
    CHECK(shell.row("SELECT end_reason, q850, ended_us, caller_contact, caller_route_set, callee_call_id, trunk, "
                    "callee_cseq FROM every_leg LIMIT 1") ==
          "callee_bye|16|1700000065500000|sip:alice@198.51.100.7|<sip:edge.example.com;lr>|another-leg|carrier-b|"
          "4000000000");
    CHECK(shell.rows("SELECT id FROM every_leg") == Rows{first, second});
}

TEST_CASE("sqlite: a dialog's row says what its deadline counts from, and what is under way") {
    Folder folder;
    const auto store = open(folder.database);
    Call call(1);
    call.answer();
    REQUIRE(call.save(*store));
    Shell shell(folder.database);
    const std::string what = "SELECT timer_start_us, is_cancelled, is_ending, is_due, caller_bye_cseq, "
                             "callee_bye_cseq, session_expires_us, details FROM every_leg LIMIT 1";
    CHECK(shell.row(what) == "1700000000000000|0|0|0|null|null|null|null");
    DialogRecord &leg = call.legs[0];
    leg.timer_start = at_ms(6000);
    leg.is_cancelled = true;
    leg.is_ending = true;
    leg.is_due = true;
    leg.forks[0].bye_cseq = {7, 0};
    leg.session_expires = at_ms(9000);
    REQUIRE(call.save(*store));
    CHECK(shell.row(what) == "1700000006000000|1|1|1|7|0|1700000009000000|null");
    leg.forks[0].bye_cseq = {std::nullopt, 8};
    leg.is_due = false;
    leg.timeouts[static_cast<std::size_t>(DialogTimer::lifetime)] = std::chrono::seconds(60);
    leg.timeouts[static_cast<std::size_t>(DialogTimer::bye)] = std::chrono::seconds(1);
    leg.forks[0].state = DialogState::terminated;
    leg.forks[0].leaver = Side::callee;
    leg.forks[0].is_doubtful = true;
    REQUIRE(call.save(*store));
    CHECK(shell.row(what) ==
          R"(1700000006000000|1|1|0|null|8|1700000009000000|{"fork":{"is_doubtful":true,"leaver":"callee",)"
          R"("state":"terminated"},"timeouts_us":{"bye":1000000,"lifetime":60000000}})");
}

TEST_CASE("sqlite: what the B2BUA knows of a leg is written with the first row, and then when it has changed") {
    Folder folder;
    const auto store = open(folder.database);
    Call call(1);
    const auto legs = [&] { return Shell(folder.database).rows("SELECT leg FROM every_leg"); };
    call.legs[1].leg = R"({"n":1})";
    REQUIRE(call.save(*store));
    CHECK(legs() == Rows{"null", R"({"n":1})"});
    for (DialogRecord &leg : call.legs) leg.leg = R"({"n":2})";
    call.legs[0].has_changed_leg = true;
    REQUIRE(call.save(*store));
    CHECK(legs() == Rows{R"({"n":2})", R"({"n":1})"});
    call.legs[1].has_changed_leg = true;
    call.legs[0].leg.clear();
    REQUIRE(call.save(*store));
    CHECK(legs() == Rows{"null", R"({"n":2})"});
}

TEST_CASE(
    "sqlite: a set that goes on with another dialog has its names in the same row, and keeps what belongs to it") {
    Folder folder;
    const auto store = open(folder.database);
    Call call(1);
    call.count();
    REQUIRE(call.save(*store));
    DialogRecord &set = call.legs[0];
    set.is_renamed = true;
    set.call_id = "leg-1";
    set.from_uri = "sip:carol@example.com";
    set.local_side = Side::caller;
    set.leg = R"({"n":1})";
    set.has_changed_variables = set.has_changed_profiles = false;
    for (int times = 0; times < 2; ++times) {
        REQUIRE(call.save(*store));
        Shell shell(folder.database);
        CHECK(shell.rows("SELECT id, call_id, from_uri, local_side, leg FROM dialog") ==
              Rows{set.id.to_string() + R"(|leg-1|sip:carol@example.com|caller|{"n":1})"});
        CHECK(shell.row("SELECT count(*) FROM dialog_variable") == "4");
        CHECK(shell.row("SELECT count(*) FROM dialog_profile") == "2");
    }
    Folder anew; // a store that has missed what was before
    const auto other = open(anew.database);
    REQUIRE(call.save(*other));
    CHECK(Shell(anew.database).row("SELECT count(*) FROM dialog_variable") == "4");
}

TEST_CASE("sqlite: forks behind the first are JSON, whatever bytes the wire gave them") {
    Folder folder;
    const auto store = open(folder.database);
    Call call(1);
    call.answer();
    call.legs[0].forks.push_back({.to_tag = "a\"b\\c",
                                  .state = DialogState::early,
                                  .callee_target = "sip:\xff@host",
                                  .callee_route_set = "<sip:p;lr>",
                                  .last_cseq = {1, 7}});
    call.legs[0].forks.push_back({.to_tag = "third",
                                  .state = DialogState::confirmed,
                                  .bye_cseq = {3, 4},
                                  .answered = at_ms(1500),
                                  .leaver = Side::caller,
                                  .is_doubtful = true});
    REQUIRE(call.save(*store));
    Shell shell(folder.database);
    CHECK(shell.rows("SELECT f.value ->> 'tag', f.value ->> 'state', f.value ->> 'contact', f.value ->> 'route_set', "
                     "f.value ->> 'caller_cseq', f.value ->> 'callee_cseq', f.value ->> 'is_acked' "
                     "FROM dialog, json_each(dialog.forks) AS f") ==
          Rows{"a\"b\\c|early|sip:\xef\xbf\xbd@host|<sip:p;lr>|1|7|0", "third|confirmed|||0|0|0"});
    CHECK(shell.rows("SELECT f.value ->> 'caller_bye_cseq', f.value ->> 'callee_bye_cseq', f.value ->> 'answered_us', "
                     "f.value ->> 'leaver', f.value ->> 'is_doubtful' FROM dialog, json_each(dialog.forks) AS f") ==
          Rows{"null|null|null|null|null", "3|4|1700000001500000|caller|1"});
    CHECK(shell.row("SELECT count(*) FROM every_leg WHERE forks IS NULL") == "1"); // the other leg
}

TEST_CASE("sqlite: the CSeq numbers of a proxy are kept for each To-tag and branch, and read back") {
    Folder folder;
    const auto store = open(folder.database);
    Call call(1);
    REQUIRE(call.save(*store));
    CHECK(Shell(folder.database).row("SELECT count(*) FROM every_leg WHERE cseq_maps IS NULL") == "2");

    CseqMap map;
    REQUIRE(map.of(Side::caller).retry(1, 1));
    REQUIRE(map.of(Side::callee).take(std::nullopt));
    call.legs[0].cseq_maps = {{true, "carrier \"a\"", "0:0 2:1/"}, {false, "to-tag", map.to_string()}};
    REQUIRE(call.save(*store));
    Shell shell(folder.database);
    CHECK(shell.rows("SELECT f.value ->> 'branch', f.value ->> 'tag', f.value ->> 'map' "
                     "FROM dialog, json_each(dialog.cseq_maps) AS f") ==
          Rows{"carrier \"a\"|null|0:0 2:1/", "null|to-tag|0:0 2:1/1:*1 2:0"});
    const std::string text = shell.row("SELECT f.value ->> 'map' FROM dialog, json_each(dialog.cseq_maps) AS f "
                                       "WHERE f.value ->> 'tag' = 'to-tag'");
    CHECK(CseqMap::parse(text) == map);
}

TEST_CASE("sqlite: nothing is seen before the commit, and all of it after") {
    Folder folder;
    const auto store = open(folder.database);
    Shell shell(folder.database);
    Call call(1), other(2);
    for (const DialogRecord &leg : call.legs) REQUIRE(store->save(leg));
    REQUIRE(store->save(other.legs[0]));
    CHECK(shell.rows("SELECT id FROM every_leg").empty());
    REQUIRE(store->commit());
    CHECK(shell.rows("SELECT id FROM every_leg").size() == 3);

    REQUIRE(store->insert(call.hang_up()));
    for (const DialogRecord &leg : call.legs) REQUIRE(store->erase(leg.id));
    CHECK(shell.rows("SELECT id FROM every_leg").size() == 3);
    CHECK(shell.rows("SELECT id FROM cdr").empty());
    REQUIRE(store->commit());
    CHECK(shell.rows("SELECT id FROM every_leg") == Rows{other.legs[0].id.to_string()});
    CHECK(shell.rows("SELECT id FROM cdr") == Rows{call.legs[0].id.to_string()});
    REQUIRE(store->commit()); // of nothing
}

TEST_CASE("sqlite: a record carries every field of the CDR, and is written once") {
    Folder folder;
    const auto store = open(folder.database);
    Call call(1);
    call.answer();
    call.legs[0].q850 = 16;
    call.legs[0].trunk = "carrier-a";
    Cdr cdr = call.hang_up();
    cdr.profiles = {{.name = "total"}};
    cdr.variables = {{.name = "a", .type = VariableType::integer, .integer = 1}};
    REQUIRE(store->insert(cdr));
    REQUIRE(store->commit());
    Cdr again = cdr;
    again.ended_us += 1'000'000;
    again.end_reason = EndReason::admin;
    REQUIRE(store->insert(again));
    REQUIRE(store->commit());
    Shell shell(folder.database);
    CHECK(shell.rows("SELECT * FROM cdr") ==
          Rows{cdr.id.to_string() +
               "|caller-1|caller-1|callee-1|sip:alice@example.com|sip:bob@example.com|sip:bob@192.0.2.4|192.0.2.1:5060|"
               "carrier-a|1700000001000000|1700000002000000|1700000005000000|1700000065500000|60500000|200|caller_bye|"
               R"(16|[{"name":"total"}]|{"a":1})"});
}

TEST_CASE("sqlite: erasing what is not there is no error") {
    Folder folder;
    const auto store = open(folder.database);
    REQUIRE(store->erase({1, 2}));
    REQUIRE(store->commit());
}

TEST_CASE("sqlite: a dialog of an earlier opening is updated, not inserted again") {
    Folder folder;
    Call call(9), newer(10);
    REQUIRE(call.save(*open(folder.database)));
    const auto store = open(folder.database);
    call.answer();
    REQUIRE(newer.save(*store));
    REQUIRE(call.save(*store));
    Shell shell(folder.database);
    CHECK(shell.rows("SELECT state FROM every_leg") == Rows{"confirmed", "confirmed", "trying", "trying"});
}

TEST_CASE("sqlite: a dialog with the serial of another one fails, and the other keeps its row") {
    Folder folder;
    const auto store = open(folder.database);
    Call call(1, 77), other(1, 78);
    REQUIRE(call.save(*store));
    const auto saved = other.save(*store);
    REQUIRE(!saved);
    check_line(saved.error(), folder.database);
    REQUIRE(store->erase(other.legs[0].id));
    REQUIRE(store->commit());
    Shell shell(folder.database);
    CHECK(shell.rows("SELECT id FROM every_leg") == Rows{call.legs[0].id.to_string(), call.legs[1].id.to_string()});
}

namespace {

constexpr const char *profile_rows = "SELECT profile, value FROM dialog_profile ORDER BY dialog, profile, value";
constexpr const char *variable_rows = "SELECT name, value FROM dialog_variable ORDER BY dialog, name";

} // namespace

TEST_CASE("sqlite: variables and memberships are rows of their dialog, each value of its type") {
    Folder folder;
    const auto store = open(folder.database);
    Call call(1);
    call.count();
    call.legs[1].variables = call.legs[0].variables; // another leg has none
    call.legs[1].profiles = call.legs[0].profiles;
    REQUIRE(call.save(*store));
    Shell shell(folder.database);
    const std::string serial = std::to_string(call.legs[0].id.serial);
    CHECK(shell.rows("SELECT dialog, name, type, typeof(value), quote(value) FROM dialog_variable") ==
          Rows{serial + "|credit|integer|integer|-7", serial + "|is_new|boolean|integer|1",
               serial + "|key|bytes|blob|X'00FFFE'", serial + "|tenant|text|text|'blue'"});
    CHECK(shell.rows("SELECT dialog, profile, quote(value) FROM dialog_profile") ==
          Rows{serial + "|total|''", serial + "|user|'alice'"});
}

TEST_CASE("sqlite: variables and memberships are replaced when they changed, and left alone when not") {
    Folder folder;
    const auto store = open(folder.database);
    Call call(1), other(2);
    DialogRecord &record = call.legs[0];
    record.variables = {{"a", VariableValue::of_integer(1)}, {"b", VariableValue::of_text("")}};
    record.profiles = {{.profile = "total"}};
    other.legs[0].variables = {{"a", VariableValue::of_integer(9)}};
    REQUIRE(call.save(*store));
    REQUIRE(other.save(*store));
    Shell shell(folder.database);
    CHECK(shell.rows(variable_rows) == Rows{"a|1", "b|", "a|9"});

    record.variables = {{"a", VariableValue::of_text("two")}, {"c", VariableValue::of_boolean(false)}};
    record.profiles = {{.profile = "user", .value = "alice", .has_value = true}};
    record.has_changed_profiles = false;
    REQUIRE(call.save(*store));
    CHECK(shell.rows(variable_rows) == Rows{"a|two", "c|0", "a|9"});
    CHECK(shell.rows(profile_rows) == Rows{"total|"});

    record.variables.clear();
    record.has_changed_variables = false;
    record.has_changed_profiles = true;
    REQUIRE(call.save(*store));
    CHECK(shell.rows(variable_rows) == Rows{"a|two", "c|0", "a|9"});
    CHECK(shell.rows(profile_rows) == Rows{"user|alice"});

    record.has_changed_variables = true;
    record.profiles.clear();
    REQUIRE(call.save(*store));
    CHECK(shell.rows(variable_rows) == Rows{"a|9"});
    CHECK(shell.rows(profile_rows).empty());
}

TEST_CASE("sqlite: a dialog that is new in the file brings all that it has, changed or not") {
    Folder folder;
    Call call(1), newer(2);
    call.count();
    for (DialogRecord &leg : call.legs) leg.has_changed_variables = leg.has_changed_profiles = false;
    const auto store = open(folder.database);
    REQUIRE(newer.save(*store)); // the serial of the other one is not taken for new
    REQUIRE(call.save(*store));
    Shell shell(folder.database);
    CHECK(shell.rows(variable_rows).size() == 4);
    CHECK(shell.rows(profile_rows) == Rows{"total|", "user|alice"});
}

TEST_CASE("sqlite: variables and memberships go with their dialog, in its transaction [75]") {
    Folder folder;
    const auto store = open(folder.database);
    Call call(1), other(2);
    for (Call *counted : {&call, &other}) {
        counted->count();
        REQUIRE(counted->save(*store));
    }
    Shell shell(folder.database);
    REQUIRE(store->erase(call.legs[0].id));
    CHECK(shell.rows(variable_rows).size() == 8);
    CHECK(shell.rows(profile_rows).size() == 4);
    REQUIRE(store->commit());
    const std::string serial = std::to_string(other.legs[0].id.serial);
    CHECK(shell.rows("SELECT DISTINCT dialog FROM dialog_variable") == Rows{serial});
    CHECK(shell.rows("SELECT DISTINCT dialog FROM dialog_profile") == Rows{serial});
}

TEST_CASE("sqlite: a dialog with the serial of another one does not touch what that one has") {
    Folder folder;
    const auto store = open(folder.database);
    Call call(1, 77), other(1, 78);
    call.count();
    REQUIRE(call.save(*store));
    other.legs[0].variables = {{"mine", VariableValue::of_integer(1)}};
    REQUIRE(!other.save(*store));
    REQUIRE(store->erase(other.legs[0].id));
    REQUIRE(store->commit());
    Shell shell(folder.database);
    CHECK(shell.rows("SELECT name FROM dialog_variable") == Rows{"credit", "is_new", "key", "tenant"});
    CHECK(shell.rows(profile_rows) == Rows{"total|", "user|alice"});
}

TEST_CASE("sqlite: what stands in the tables without its dialog does not stop a dialog with its serial") {
    Folder folder;
    const auto store = open(folder.database);
    Call call(1);
    call.count();
    REQUIRE(call.save(*store));
    Shell shell(folder.database);
    shell.run("DELETE FROM dialog; UPDATE dialog_variable SET name = name || '2' WHERE name <> 'key'"); // somebody did
    REQUIRE(call.save(*store));
    CHECK(shell.rows("SELECT name FROM dialog_variable") == Rows{"credit", "is_new", "key", "tenant"});
    CHECK(shell.rows(profile_rows) == Rows{"total|", "user|alice"});
}

TEST_CASE("sqlite: what a former process left is closed with the variables and profiles it had") {
    Folder folder;
    Call counted(1), plain(2), recorded(3);
    {
        const auto store = open(folder.database);
        counted.count();
        REQUIRE(counted.save(*store));
        REQUIRE(plain.save(*store));
        recorded.count();
        REQUIRE(recorded.save(*store));
        Cdr cdr = recorded.hang_up();
        cdr.variables.clear();
        cdr.profiles.clear();
        REQUIRE(store->insert(cdr));
        REQUIRE(store->commit());
    }
    const auto store = open(folder.database);
    CHECK(*close_all(*store, start_us + 100'000'000) == 2);
    Shell shell(folder.database);
    CHECK(shell.rows("SELECT caller_call_id, profiles, variables FROM cdr ORDER BY id") ==
          Rows{R"(caller-1|[{"name":"total"},{"name":"user","value":"alice"}]|)"
               R"({"credit":-7,"is_new":true,"key":"AP/+","tenant":"blue"})",
               "caller-2|[]|{}", "caller-3|[]|{}"});
    CHECK(shell.rows(variable_rows).empty());
    CHECK(shell.rows(profile_rows).empty());
}

TEST_CASE("sqlite: what a former process left is closed, each call once [2]") {
    Folder folder;
    Call ringing(1), up(2), leaving(3), recorded(4);
    {
        const auto store = open(folder.database);
        REQUIRE(ringing.save(*store));
        up.answer();
        REQUIRE(up.save(*store));
        leaving.answer();
        static_cast<void>(leaving.hang_up());
        REQUIRE(leaving.save(*store)); // its BYE was not answered yet
        recorded.answer();
        REQUIRE(store->insert(recorded.hang_up()));
        REQUIRE(recorded.save(*store));
    }
    const std::int64_t now_us = start_us + 100'000'000;
    const auto store = open(folder.database);
    const auto closed = close_all(*store, now_us);
    REQUIRE(closed.ok());
    CHECK(*closed == 3);
    Shell shell(folder.database);
    CHECK(shell.rows("SELECT id FROM every_leg").empty());
    CHECK(shell.rows("SELECT caller_call_id, callee_call_id, end_reason, answered_us, ended_us, duration_us, sip_code, "
                     "q850, profiles, variables FROM cdr ORDER BY id") ==
          Rows{"caller-1|callee-1|restart|null|1700000100000000|0|0|null|[]|{}",
               "caller-2|callee-2|restart|1700000005000000|1700000100000000|95000000|200|null|[]|{}",
               "caller-3|callee-3|caller_bye|1700000005000000|1700000065500000|60500000|200|null|[]|{}",
               "caller-4|callee-4|caller_bye|1700000005000000|1700000065500000|60500000|200|null|[]|{}"});
    CHECK(*close_all(*store, now_us + 1) == 0);
    CHECK(shell.row("SELECT count(*) FROM cdr") == "4");
}

TEST_CASE("sqlite: an audit is told of every dialog by pages, and closes single ones with their records") {
    Folder folder;
    const auto store = open(folder.database);
    for (std::uint64_t n = 1; n <= 5; ++n) {
        Call call(n);
        call.count();
        REQUIRE(call.save(*store));
    }
    Shell shell(folder.database);
    shell.run("UPDATE dialog_leg SET id = 'unreadable' WHERE call_id = 'callee-3'");
    std::vector<RecordId> ids;
    std::uint64_t after = 0;
    int pages = 0;
    for (bool is_more = true; is_more; ++pages) {
        const auto last = store->list_dialogs(after, 4, ids);
        REQUIRE(last.ok());
        is_more = last->has_value();
        after = last->value_or(0);
    }
    CHECK(pages == 3);
    CHECK(ids.size() == 9);
    CHECK(std::is_sorted(ids.begin(), ids.end()));

    const std::vector<RecordId> strange = {Call(2).legs[0].id, Call(4).legs[1].id};
    REQUIRE(store->close_dialogs(strange, start_us + 100'000'000).ok());
    CHECK(shell.rows("SELECT call_id, end_reason FROM cdr") == Rows{"caller-2|restart"});
    CHECK(shell.row("SELECT count(*) FROM dialog") == "4");
    CHECK(shell.row("SELECT count(*) FROM dialog_leg") == "4");
    CHECK(shell.row("SELECT count(DISTINCT dialog) FROM dialog_profile") == "4");
    REQUIRE(store->close_dialogs(strange, start_us + 200'000'000).ok()); // they are gone
    CHECK(shell.row("SELECT count(*) FROM cdr") == "1");
}

TEST_CASE("sqlite: a call that nobody was there to end lasted no longer than its deadline") {
    Folder folder;
    Call call(1);
    call.answer();
    call.legs[0].deadline = at_ms(65'000);
    const auto store = open(folder.database);
    REQUIRE(call.save(*store));
    REQUIRE(*close_all(*store, start_us + 3'600'000'000) == 1); // an hour later
    Shell shell(folder.database);
    CHECK(shell.row("SELECT ended_us - answered_us, duration_us FROM cdr") == "60000000|60000000");
}

TEST_CASE("sqlite: a call is not closed into the past when the clock was set back") {
    Folder folder;
    Call call(1);
    call.answer();
    const auto store = open(folder.database);
    REQUIRE(call.save(*store));
    REQUIRE(*close_all(*store, start_us - 1'000'000) == 1);
    Shell shell(folder.database);
    CHECK(shell.row("SELECT duration_us FROM cdr") == "0");
}

TEST_CASE("sqlite: a shell may read and write meanwhile") {
    Folder folder;
    const auto store = open(folder.database);
    Call call(1), other(2);
    REQUIRE(call.save(*store));
    REQUIRE(call.end(*store));
    Shell shell(folder.database);
    shell.run("DELETE FROM cdr; CREATE INDEX mine ON cdr(created_us)"); // somebody keeps house
    REQUIRE(other.save(*store));
    REQUIRE(other.end(*store));
    CHECK(shell.rows("SELECT caller_call_id FROM cdr") == Rows{"caller-2"});
}

TEST_CASE("sqlite: while somebody else holds the lock operations fail at once, and work after") {
    Folder folder;
    const auto store = open(folder.database);
    Call call(1);
    REQUIRE(call.save(*store));
    Shell shell(folder.database);
    shell.run("BEGIN EXCLUSIVE");
    call.answer();
    const auto before = std::chrono::steady_clock::now();
    const auto saved = store->save(call.legs[0]);
    CHECK(std::chrono::steady_clock::now() - before < std::chrono::milliseconds(50));
    REQUIRE(!saved);
    check_line(saved.error(), folder.database);
    CHECK(saved.error().detail.ends_with("database is locked"));
    REQUIRE(!store->save(call.legs[1]));
    REQUIRE(!store->commit());
    shell.run("ROLLBACK");
    REQUIRE(call.save(*store));
    CHECK(shell.rows("SELECT state FROM every_leg") == Rows{"confirmed", "confirmed"});
}

TEST_CASE("sqlite: the WAL stays small, also after a reader that held it for a while") {
    Folder folder;
    const auto store = open(folder.database);
    const auto wal_size = [&] { return std::filesystem::file_size(folder.database + "-wal"); };
    std::uint64_t number = 0;
    const auto place_calls = [&](int count) {
        for (int i = 0; i < count; ++i) {
            Call call(++number);
            REQUIRE(call.save(*store));
            call.answer();
            REQUIRE(call.save(*store));
            REQUIRE(call.end(*store));
        }
    };
    place_calls(1500);
    const auto usual = wal_size();
    CHECK(usual < 6'000'000);
    {
        Shell reader(folder.database);
        reader.run("BEGIN; SELECT count(*) FROM cdr");
        place_calls(1500);
        CHECK(wal_size() > usual); // it waits for the reader
        CHECK(reader.row("SELECT count(*) FROM cdr") == "1500");
    }
    place_calls(3000);
    CHECK(wal_size() <= 17'000'000); // cut back to journal_size_limit, or less
    Shell shell(folder.database);
    CHECK(shell.row("SELECT count(*) FROM cdr") == "6000");
}

TEST_CASE("sqlite: every durability keeps what was committed over an orderly end") {
    for (const Durability durability : {Durability::none, Durability::process, Durability::power}) {
        Folder folder;
        Call call(1);
        {
            auto opened = SqliteStore::open({.path = folder.database, .durability = durability, .vfs = {}}, wall());
            REQUIRE(opened.ok());
            REQUIRE(call.save(**opened));
            REQUIRE((*opened)->save(Call(2).legs[0])); // not committed
        }
        CHECK(folder.files() == Rows{"tandem.db", "tandem.db-lock"});
        CHECK(Shell(folder.database).row("SELECT count(*) FROM every_leg") == "2");
    }
}
