// Opening: what is made, what is refused, and in which words.
#include <algorithm>
#include <sys/wait.h>
#include "storage/store_fixture.hpp"

using namespace tandem;
using namespace tandem::test;

namespace {

// Takes away what the last three steps have added.
const std::string drop_last_steps = [] {
    std::string sql = "DROP VIEW every_leg; DROP TABLE refusal; DROP TABLE cdr_unsent; DROP TABLE node;";
    for (const char *table : {"dialog", "dialog_leg"}) {
        for (const char *column : {"timer_start_us", "is_cancelled", "is_ending", "is_due", "caller_bye_cseq",
                                   "callee_bye_cseq", "session_expires_us", "details", "leg"}) {
            sql += std::string("ALTER TABLE ") + table + " DROP COLUMN " + column + ";";
        }
    }
    return sql;
}();

} // namespace

TEST_CASE("sqlite: a new file gets the tables, each with its comment, and an old one keeps its rows") {
    Folder folder;
    Call call(1);
    REQUIRE(call.save(*open(folder.database)));
    CHECK(open(folder.database)->notices().empty());
    Shell shell(folder.database);
    CHECK(shell.rows("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name") ==
          Rows{"binding", "cdr", "cdr_unsent", "dialog", "dialog_leg", "dialog_profile", "dialog_variable", "node",
               "refusal", "trunk"});
    CHECK(shell.rows("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE '%-- %'").empty());
    CHECK(shell.row("PRAGMA user_version") == "8");
    CHECK(shell.row("SELECT count(*) FROM every_leg") == "2");
}

TEST_CASE("sqlite: a file keeps the first name that its node was given") {
    Folder folder;
    CHECK(*open(folder.database)->name_node("first") == "first");
    const auto store = open(folder.database);
    CHECK(*store->name_node("second") == "first");
    CHECK(*store->name_node("third") == "first");
}

TEST_CASE("sqlite: a file of the version before has the new columns, and what it had") {
    Folder folder;
    REQUIRE(Call(1).save(*open(folder.database)));
    Shell(folder.database)
        .run(drop_last_steps + "ALTER TABLE dialog DROP COLUMN cseq_maps; ALTER TABLE dialog_leg DROP COLUMN cseq_maps;"
                               " DROP TABLE binding; DROP TABLE trunk;"
                               "PRAGMA user_version = 1");
    const auto store = open(folder.database);
    CHECK(store->notices().empty());
    REQUIRE(Call(2).save(*store));
    CHECK(Shell(folder.database).row("SELECT count(*), count(cseq_maps) FROM every_leg") == "4|0");
}

TEST_CASE("sqlite: a file of version 3 gets the table of trunks, and keeps its bindings") {
    Folder folder;
    {
        const auto store = open(folder.database);
        BindingRecord record;
        record.id = 1;
        record.version = 1;
        record.aor = "alice@example.com";
        REQUIRE(store->save_binding(record));
        REQUIRE(store->commit());
    }
    Shell(folder.database).run(drop_last_steps + "DROP TABLE trunk; PRAGMA user_version = 3");
    const auto store = open(folder.database);
    TrunkStatus status;
    status.trunk = "carrier";
    REQUIRE(store->save_trunk(status));
    REQUIRE(store->commit());
    Shell shell(folder.database);
    CHECK(shell.row("PRAGMA user_version") == "8");
    CHECK(shell.row("SELECT name FROM trunk") == "carrier");
    CHECK(shell.row("SELECT aor FROM binding") == "alice@example.com");
}

TEST_CASE("sqlite: a file of version 4 keeps its calls, of which nothing is known that it had no column for") {
    Folder folder;
    REQUIRE(Call(1).save(*open(folder.database)));
    Shell(folder.database).run(drop_last_steps + "PRAGMA user_version = 4");
    const auto store = open(folder.database);
    CHECK(store->notices().empty());
    CHECK(Shell(folder.database)
              .rows("SELECT timer_start_us, is_cancelled, is_ending, is_due, caller_bye_cseq, callee_bye_cseq, "
                    "session_expires_us, details, leg FROM every_leg") ==
          Rows{"null|0|0|0|null|null|null|null|null", "null|0|0|0|null|null|null|null|null"});
}

TEST_CASE("sqlite: an empty file is a new one") {
    Folder folder;
    std::ofstream(folder.database).close();
    const auto store = open(folder.database);
    CHECK(store->notices().empty());
    REQUIRE(Call(1).save(*store));
}

TEST_CASE("sqlite: names that SQLite reads in its own way are names of files") {
    Folder folder;
    const auto before = std::filesystem::current_path();
    std::filesystem::current_path(folder.path);
    for (const std::string name : {":memory:", "file:tandem.db?mode=memory"}) REQUIRE(Call(1).save(*open(name)));
    std::filesystem::current_path(before);
    CHECK(folder.files() ==
          Rows{":memory:", ":memory:-lock", "file:tandem.db?mode=memory", "file:tandem.db?mode=memory-lock"});
}

TEST_CASE("sqlite: a second store on the same file is refused, from this process and from another") {
    Folder folder;
    auto first = open(folder.database);
    const auto second = try_open(folder.database);
    REQUIRE(!second);
    check_line(second.error(), folder.database);
    CHECK(second.error().detail.find("another process uses it") != std::string::npos);

    const pid_t child = fork();
    if (child == 0) _exit(try_open(folder.database).ok() ? 1 : 0);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);

    first.reset();
    CHECK(try_open(folder.database).ok());
}

TEST_CASE("sqlite: a folder that is not there and a path that is a folder fail with one line") {
    Folder folder;
    for (const std::string path : {folder.path / "none" / "tandem.db", folder.path}) {
        const auto opened = try_open(path);
        REQUIRE(!opened);
        check_line(opened.error(), path);
    }
    std::error_code ignored;
    std::filesystem::remove(folder.path.string() + "-lock", ignored);
}

TEST_CASE("sqlite: a file of a newer version is refused and left as it is") {
    Folder folder;
    REQUIRE(Call(1).save(*open(folder.database)));
    Shell(folder.database).run("PRAGMA user_version = 99");
    const auto opened = try_open(folder.database);
    REQUIRE(!opened);
    check_line(opened.error(), folder.database);
    CHECK(opened.error().detail.find("schema version 99") != std::string::npos);
    CHECK(Shell(folder.database).row("SELECT count(*) FROM every_leg") == "2");
}

TEST_CASE("sqlite: the database of another program is refused and left as it is") {
    Folder folder;
    std::ofstream(folder.database).close();
    for (const char *sql : {"CREATE TABLE letter (text)", "PRAGMA user_version = 1", "PRAGMA application_id = 7"}) {
        Shell(folder.database).run(sql);
        const auto opened = try_open(folder.database);
        REQUIRE(!opened);
        check_line(opened.error(), folder.database);
        CHECK(opened.error().detail.find("another program") != std::string::npos);
    }
    CHECK(Shell(folder.database).rows("SELECT name FROM sqlite_schema") == Rows{"letter"});
}
