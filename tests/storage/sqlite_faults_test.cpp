// A disk that fails at its nth call, for every n: nothing half-written stays, and when it works again the store does.
#include <algorithm>
#include <limits>
#include <optional>
#include "storage/failing_disk.hpp"
#include "storage/store_fixture.hpp"

using namespace tandem;
using namespace tandem::test;

namespace {

constexpr int for_ever = std::numeric_limits<int>::max();

std::string name_of(Fault fault) {
    switch (fault) {
    case Fault::full: return "full";
    case Fault::write_error: return "write error";
    case Fault::sync_error: return "sync error";
    default: return "none";
    }
}

// The life of two calls, a batch at a time, and what the file holds after each.
struct Script {
    static constexpr int steps = 5;

    Result<void, Failure> run(SqliteStore &store, int step) {
        switch (step) {
        case 0: first.count(); return first.save(store);
        case 1: return second.save(store);
        case 2:
            first.answer();
            change(first.legs[0]);
            return first.save(store);
        case 3: return first.end(store);
        default: return second.end(store);
        }
    }
    static void change(DialogRecord &record) {
        record.variables = {{"tenant", VariableValue::of_text("red")}};
        record.profiles = {{.profile = "user", .value = "bob", .has_value = true}};
    }
    static std::string expected(int step) { // after it
        const std::string before = "|0|credit=-7,is_new=1,key=00FFFE,tenant=blue|total=,user=alice";
        const std::string states[] = {"trying,trying" + before, "trying,trying,trying,trying" + before,
                                      "confirmed,confirmed,trying,trying|0|tenant=red|user=bob",
                                      "trying,trying|1|null|null", "null|2|null|null"};
        return step < 0 ? "null|0|null|null" : states[step];
    }

    Call first{1}, second{2};
};

std::string contents(const std::string &path) {
    Shell shell(path);
    CHECK(shell.row("PRAGMA quick_check") == "ok");
    return shell.row("SELECT (SELECT group_concat(state) FROM every_leg), (SELECT count(*) FROM cdr), "
                     "(SELECT group_concat(name || '=' || iif(type = 'bytes', hex(value), value)) "
                     "FROM dialog_variable), "
                     "(SELECT group_concat(profile || '=' || value) FROM dialog_profile)");
}

// False when the script ran to its end without meeting the fault.
bool survive(Fault fault, int from, int to) {
    CAPTURE(name_of(fault));
    CAPTURE(from);
    CAPTURE(to);
    Folder folder;
    FailingDisk::fail(fault, from, to);
    auto store = try_open(folder.database, FailingDisk::vfs());
    bool has_failed = !store.ok();
    if (!store) {
        check_line(store.error(), folder.database);
        FailingDisk::work();
        store = try_open(folder.database, FailingDisk::vfs());
        REQUIRE_MESSAGE(store.ok(), store.error().detail);
    }
    CHECK((*store)->notices().empty()); // a disk that fails is no damaged file

    Script script;
    for (int step = 0; step < Script::steps; ++step) {
        if (auto done = script.run(**store, step); !done) {
            has_failed = true;
            check_line(done.error(), folder.database);
            CHECK(contents(folder.database) == Script::expected(step - 1));
            FailingDisk::work();
            done = script.run(**store, step);
            REQUIRE_MESSAGE(done.ok(), done.error().detail);
        }
        CHECK(contents(folder.database) == Script::expected(step));
    }
    store->reset(); // may fail to tidy up, which loses nothing
    has_failed = has_failed || FailingDisk::calls() >= from;
    FailingDisk::work();
    CHECK(contents(folder.database) == Script::expected(Script::steps - 1));
    return has_failed;
}

} // namespace

TEST_CASE("sqlite: a disk that is full, or fails to write or sync, at its nth call and for every n") {
    for (const Fault fault : {Fault::full, Fault::write_error, Fault::sync_error}) {
        int n = 1;
        while (survive(fault, n, n)) ++n; // once
        CHECK(n > (fault == Fault::sync_error ? 2 : 20));
        for (n = 1; survive(fault, n, for_ever); ++n) {
        } // and from then on
    }
}

TEST_CASE("sqlite: a batch that failed does not come back by half, although its caller goes on") {
    Folder folder;
    const auto store = open(folder.database, FailingDisk::vfs());
    Call call(1), other(2);
    FailingDisk::fail(Fault::full, 1, for_ever);
    REQUIRE(store->save(call.legs[0]));
    REQUIRE(!store->commit());
    for (int i = 0; i < 3; ++i) {
        static_cast<void>(store->save(call.legs[0]));
        static_cast<void>(store->insert(other.hang_up()));
        static_cast<void>(store->erase(call.legs[1].id));
        REQUIRE(!store->commit());
    }
    FailingDisk::work();
    REQUIRE(other.save(*store));
    Shell shell(folder.database);
    CHECK(shell.rows("SELECT call_id FROM every_leg") == Rows{"caller-2", "callee-2"});
    CHECK(shell.rows("SELECT id FROM cdr").empty());
}

TEST_CASE("sqlite: after an operation that failed all others do, until the commit ends the batch") {
    Folder folder;
    const auto store = open(folder.database);
    Call call(1), other(2);
    REQUIRE(call.save(*store));
    Call impostor(1, 78); // the same serials
    REQUIRE(store->save(other.legs[0]));
    REQUIRE(!store->save(impostor.legs[0]));
    REQUIRE(!store->save(other.legs[1]));
    REQUIRE(!store->insert(other.hang_up()));
    REQUIRE(!store->erase(call.legs[0].id));
    REQUIRE(!store->commit());
    Shell shell(folder.database);
    CHECK(shell.rows("SELECT call_id FROM every_leg") == Rows{"caller-1", "callee-1"});
    REQUIRE(store->commit()); // a new batch, of nothing
    REQUIRE(other.save(*store));
    CHECK(shell.row("SELECT count(*) FROM every_leg") == "4");
}

TEST_CASE("sqlite: a row of a variable or profile that can not be written or erased fails its whole batch") {
    for (const char *refusal : {"INSERT ON dialog_variable", "DELETE ON dialog_variable", "INSERT ON dialog_profile",
                                "DELETE ON dialog_profile"}) {
        CAPTURE(refusal);
        Folder folder;
        const auto store = open(folder.database);
        Script script;
        REQUIRE(script.run(*store, 0));
        Shell shell(folder.database);
        shell.run(std::string("CREATE TRIGGER refusal BEFORE ") + refusal + " BEGIN SELECT RAISE(ABORT, 'no'); END");
        for (const int step : {2, 3}) {
            if (step == 3 && std::string_view(refusal).starts_with("INSERT")) break; // an end inserts none
            const auto done = script.run(*store, step);
            REQUIRE(!done);
            check_line(done.error(), folder.database);
            CHECK(contents(folder.database).starts_with("trying,trying|0|credit=-7,"));
        }
        shell.run("DROP TRIGGER refusal");
        REQUIRE(script.run(*store, 2));
        REQUIRE(script.run(*store, 3));
        CHECK(contents(folder.database) == "null|1|null|null");
    }
}

TEST_CASE("sqlite: a disk that fails while the WAL is copied is told by the next batch, and nothing is lost") {
    for (const Fault fault : {Fault::sync_error, Fault::write_error}) {
        CAPTURE(name_of(fault));
        Folder folder;
        const auto store = open(folder.database, FailingDisk::vfs());
        const auto wal_size = [&folder] {
            std::error_code ignored; // it goes when the file is opened anew
            const auto size = std::filesystem::file_size(folder.database + "-wal", ignored);
            return ignored ? 0 : size;
        };
        std::optional<Failure> failure;
        std::uint64_t number = 0;
        while (!failure && number < 5000) {
            // A commit alone never syncs. It writes some pages, and copying the WAL hundreds.
            if (fault == Fault::sync_error) FailingDisk::fail(fault, 1, 1);
            if (fault == Fault::write_error && wal_size() > 4'000'000) FailingDisk::fail(fault, 60, 60);
            Call call(++number);
            if (auto saved = call.save(*store); !saved) {
                failure = saved.error();
                FailingDisk::work();
                REQUIRE(call.save(*store));
            }
        }
        FailingDisk::work();
        REQUIRE(failure.has_value());
        check_line(*failure, folder.database);
        CHECK_MESSAGE(failure->detail.find("the WAL can not be copied into the file") != std::string::npos,
                      failure->detail);
        CHECK(failure->detail.ends_with("opened anew"));
        Call last(++number);
        REQUIRE(last.save(*store));
        Shell shell(folder.database);
        CHECK(shell.row("PRAGMA quick_check") == "ok");
        CHECK(shell.row("SELECT count(*) FROM every_leg") == std::to_string(2 * number));
    }
}

TEST_CASE("sqlite: a commit that can not be synced opens the file anew, and nothing of it is taken for written") {
    Folder folder;
    const auto store = SqliteStore::open(
        {.path = folder.database, .durability = Durability::power, .vfs = FailingDisk::vfs()}, wall());
    REQUIRE(store.ok());
    Call call(1), other(2);
    REQUIRE(call.save(**store));
    FailingDisk::fail(Fault::sync_error, 1, 1);
    const auto failed = other.save(**store);
    FailingDisk::work();
    REQUIRE(!failed);
    check_line(failed.error(), folder.database);
    CHECK_MESSAGE(failed.error().detail.ends_with("; opened anew"), failed.error().detail);
    Shell shell(folder.database);
    CHECK(shell.rows("SELECT call_id FROM every_leg") == Rows{"caller-1", "callee-1"});
    REQUIRE(other.save(**store));
    CHECK(shell.row("SELECT count(*) FROM every_leg") == "4");
}

TEST_CASE("sqlite: leftovers are closed wholly or not at all, when the disk fails at its nth call") {
    for (int n = 1;; ++n) {
        CAPTURE(n);
        Folder folder;
        Call ringing(1), up(2);
        up.answer();
        up.count();
        auto store = open(folder.database, FailingDisk::vfs());
        REQUIRE(ringing.save(*store));
        REQUIRE(up.save(*store));
        FailingDisk::fail(Fault::full, n, n);
        auto closed = close_all(*store, start_us + 100'000'000);
        const bool has_failed = !closed;
        FailingDisk::work();
        if (has_failed) {
            check_line(closed.error(), folder.database);
            CHECK(contents(folder.database) == "trying,trying,confirmed,confirmed|0|"
                                               "credit=-7,is_new=1,key=00FFFE,tenant=blue|total=,user=alice");
            closed = close_all(*store, start_us + 100'000'000);
        }
        REQUIRE(closed.ok());
        CHECK(*closed == 2);
        CHECK(contents(folder.database) == "null|2|null|null");
        CHECK(Shell(folder.database).row("SELECT count(*) FROM cdr WHERE profiles <> '[]' AND variables <> '{}'") ==
              "1");
        if (!has_failed) break;
    }
}
