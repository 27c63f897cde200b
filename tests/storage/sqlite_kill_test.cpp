// Processes that are killed while they write: a child writes, and tells what it has committed.
#include <algorithm>
#include <csignal>
#include <random>
#include <sys/wait.h>
#include "storage/failing_disk.hpp"
#include "storage/store_fixture.hpp"

using namespace tandem;
using namespace tandem::test;

namespace {

// Forever: one more call, each life in three commits. Every commit that succeeded is one byte in the pipe.
[[noreturn]] void write_calls(const std::string &path, int pipe) {
    auto store = try_open(path, FailingDisk::vfs());
    if (!store) _exit(1);
    const auto tell = [pipe] {
        if (write(pipe, "c", 1) != 1) _exit(2);
    };
    tell(); // opened
    for (std::uint64_t n = 1;; ++n) {
        Call call(n);
        call.count();
        if (!call.save(**store)) _exit(3);
        tell();
        call.answer();
        if (!call.save(**store)) _exit(3);
        tell();
        if (n % 3 == 0) continue; // stays up
        if (!call.end(**store)) _exit(3);
        tell();
    }
}

struct Child {
    explicit Child(const std::string &path) {
        int ends[2];
        REQUIRE(pipe(ends) == 0);
        id = fork();
        REQUIRE(id >= 0);
        if (id == 0) {
            close(ends[0]);
            write_calls(path, ends[1]);
        }
        close(ends[1]);
        from = ends[0];
    }
    ~Child() { close(from); }

    // Ends it, unless it ended by itself; how many commits it knew of.
    int commits() {
        int count = 0;
        char bytes[4096];
        for (ssize_t size = 0; (size = read(from, bytes, sizeof bytes)) > 0;) count += static_cast<int>(size);
        int status = 0;
        REQUIRE(waitpid(id, &status, 0) == id);
        REQUIRE(WIFSIGNALED(status));
        REQUIRE(WTERMSIG(status) == SIGKILL);
        return count - 1; // the first told that it was open
    }

    pid_t id = 0;
    int from = -1;
};

struct Expected {
    std::size_t calls = 0; // begun
    std::size_t confirmed = 0, trying = 0, records = 0;
};

// After so many commits of write_calls().
Expected after(int commits) {
    Expected expected;
    for (int n = 1; commits > 0; ++n) {
        const int lives = n % 3 == 0 ? 2 : 3;
        const int done = std::min(commits, lives);
        commits -= done;
        ++expected.calls;
        expected.trying += done == 1;
        expected.confirmed += done == 2;
        expected.records += done == 3;
    }
    return expected;
}

bool holds(Shell &shell, const Expected &expected) {
    return shell.row("SELECT count(*) FROM every_leg WHERE state = 'trying'") == std::to_string(2 * expected.trying) &&
           shell.row("SELECT count(*) FROM every_leg WHERE state = 'confirmed'") ==
               std::to_string(2 * expected.confirmed) &&
           shell.row("SELECT count(*) FROM cdr") == std::to_string(expected.records);
}

// What the dead process left: whole, all that it knew of, and at most the one commit more that it could not tell of.
void check_left(const std::string &path, int commits) {
    CAPTURE(commits);
    Expected expected = after(commits);
    {
        Shell shell(path);
        CHECK(shell.row("PRAGMA quick_check") == "ok");
        CHECK(shell.rows("SELECT id FROM cdr WHERE id IN (SELECT id FROM every_leg)").empty());
        CHECK(shell.row("SELECT (SELECT count(*) FROM dialog_variable) - 4 * count(*), "
                        "(SELECT count(*) FROM dialog_profile) - 2 * count(*) FROM dialog") == "0|0");
        CHECK(shell
                  .rows("SELECT dialog FROM dialog_variable WHERE dialog NOT IN (SELECT serial FROM dialog) UNION "
                        "SELECT dialog FROM dialog_profile WHERE dialog NOT IN (SELECT serial FROM dialog)")
                  .empty());
        CHECK(shell
                  .rows("SELECT leg.id FROM every_leg AS leg LEFT JOIN every_leg AS first ON leg.leg_of = first.id "
                        "WHERE leg.leg_of IS NOT NULL AND (first.id IS NULL OR first.state <> leg.state)")
                  .empty());
        if (!holds(shell, expected)) {
            expected = after(commits + 1);
            CHECK(holds(shell, expected));
        }
    }
    const auto store = open(path);
    CHECK(store->notices().empty());
    const auto load = store->load_dialogs(start_us, [](const DialogRecord &record) {
        const bool is_counted = record.variables.size() == 4 && record.profiles.size() == 2;
        return record.leg_of || is_counted;
    });
    REQUIRE(load.ok());
    CHECK(load->taken == 2 * (expected.calls - expected.records));
    CHECK(load->unreadable == 0);
    const auto closed = close_all(*store, start_us + 1'000'000'000);
    REQUIRE(closed.ok());
    CHECK(*closed == expected.calls - expected.records);
    Shell shell(path);
    CHECK(shell.row("SELECT count(*) FROM cdr") == std::to_string(expected.calls)); // one for each call
    CHECK(shell.row("SELECT count(*) FROM every_leg") == "0");
    CHECK(shell.row("SELECT (SELECT count(*) FROM dialog_variable) + (SELECT count(*) FROM dialog_profile)") == "0");
}

} // namespace

TEST_CASE("sqlite: a process killed at a random moment leaves whole calls and all that it has committed") {
    std::mt19937 random(5);
    for (int round = 0; round < 20; ++round) {
        Folder folder;
        Child child(folder.database);
        char opened = 0;
        REQUIRE(read(child.from, &opened, 1) == 1);
        usleep(std::uniform_int_distribution<useconds_t>(0, 40'000)(random));
        kill(child.id, SIGKILL);
        check_left(folder.database, child.commits() + 1);
    }
}

TEST_CASE("sqlite: a process killed at its nth write leaves whole calls and all that it has committed") {
    for (int n = 1; n <= 60; ++n) {
        CAPTURE(n);
        Folder folder;
        FailingDisk::fail(Fault::kill, n, n);
        Child child(folder.database);
        FailingDisk::work();
        const int commits = child.commits();
        if (commits < 0) { // while it opened the file
            CHECK(open(folder.database)->notices().empty());
            continue;
        }
        check_left(folder.database, commits);
    }
}
