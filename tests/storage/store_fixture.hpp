// A folder for a store's file, eyes that look into the file from outside, and a call with two legs to put into it.
#pragma once
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <sqlite3.h>
#include <string>
#include <unistd.h>
#include <vector>
#include "storage/sqlite/sqlite_store.hpp"

namespace tandem::test {

constexpr std::int64_t start_us = 1'700'000'000'000'000; // UTC at instant 0

struct Folder {
    Folder() {
        // In memory where that is possible: these tests open a file hundreds of times, and each time syncs a disk.
        const std::filesystem::path memory = "/dev/shm";
        const auto parent = std::filesystem::exists(memory) ? memory : std::filesystem::temp_directory_path();
        std::string pattern = parent / "tandem_storage_XXXXXX";
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        path = pattern;
        database = path / "tandem.db";
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    Folder(const Folder &) = delete;

    std::vector<std::string> files() const { // names, sorted
        std::vector<std::string> names;
        for (const auto &entry : std::filesystem::directory_iterator(path)) names.push_back(entry.path().filename());
        std::sort(names.begin(), names.end());
        return names;
    }

    std::filesystem::path path;
    std::string database;
};

// A connection as the sqlite3 shell has one.
class Shell {
public:
    explicit Shell(const std::string &path) {
        REQUIRE(sqlite3_open_v2(path.c_str(), &database_, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK);
        // Calls and their other legs at one look; a damaged file has neither.
        static_cast<void>(try_run("CREATE TEMP VIEW every_leg AS SELECT * FROM main.dialog UNION ALL "
                                  "SELECT * FROM main.dialog_leg ORDER BY serial"));
    }
    ~Shell() { sqlite3_close(database_); }
    Shell(const Shell &) = delete;

    int try_run(const std::string &sql) { return sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr); }
    void run(const std::string &sql) {
        const int code = try_run(sql);
        REQUIRE_MESSAGE(code == SQLITE_OK, sql << ": " << sqlite3_errmsg(database_));
    }

    // Rows with columns joined by "|"; NULL is "null".
    std::vector<std::string> rows(const std::string &sql) {
        sqlite3_stmt *statement = nullptr;
        REQUIRE_MESSAGE(sqlite3_prepare_v2(database_, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK,
                        sqlite3_errmsg(database_));
        std::vector<std::string> rows;
        int code = SQLITE_ROW;
        while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
            std::string row;
            for (int i = 0; i < sqlite3_column_count(statement); ++i) {
                const auto *text = reinterpret_cast<const char *>(sqlite3_column_text(statement, i));
                row += (i > 0 ? "|" : "") + std::string(text ? text : "null");
            }
            rows.push_back(row);
        }
        sqlite3_finalize(statement);
        REQUIRE_MESSAGE(code == SQLITE_DONE, sql << ": " << sqlite3_errmsg(database_));
        return rows;
    }
    std::string row(const std::string &sql) {
        const auto all = rows(sql);
        REQUIRE(all.size() == 1);
        return all[0];
    }

private:
    sqlite3 *database_ = nullptr;
};

using Rows = std::vector<std::string>;

// Two legs of a B2BUA's call, number n. Its views live as long as it does.
struct Call {
    explicit Call(std::uint64_t n, std::uint64_t epoch = 77) {
        call_ids[0] = "caller-" + std::to_string(n);
        call_ids[1] = "callee-" + std::to_string(n);
        for (std::size_t i = 0; i < 2; ++i) {
            DialogRecord &leg = legs[i];
            leg.id = {epoch, (2 * n + i + 1) << 24 | 0xabcdef};
            leg.local_side = i == 0 ? Side::callee : Side::caller;
            leg.call_id = call_ids[i];
            leg.callee_call_id = call_ids[1];
            leg.from_tag = "from-tag";
            leg.from_uri = "sip:alice@example.com";
            leg.to_uri = "sip:bob@example.com";
            leg.request_uri = "sip:bob@192.0.2.4";
            leg.caller_target = "sip:alice@192.0.2.1";
            leg.source = "192.0.2.1:5060";
            leg.invite_cseq = 1;
            leg.created = at_ms(1000);
            leg.deadline = at_ms(182'000);
        }
        legs[1].leg_of = legs[0].id;
    }
    Call(const Call &) = delete;

    // In two profiles, and with a variable of each type.
    void count() {
        using namespace std::string_view_literals;
        legs[0].profiles = {{.profile = "user", .value = "alice", .has_value = true}, {.profile = "total"}};
        legs[0].variables = {{"tenant", VariableValue::of_text("blue")},
                             {"credit", VariableValue::of_integer(-7)},
                             {"is_new", VariableValue::of_boolean(true)},
                             {"key", VariableValue::of_bytes("\0\xff\xfe"sv)}};
    }
    void answer() {
        for (DialogRecord &leg : legs) {
            leg.state = DialogState::confirmed;
            leg.ringing = at_ms(2000);
            leg.answered = at_ms(5000);
            leg.sip_code = 200;
            leg.deadline = never;
            leg.forks = {{.to_tag = "to-tag",
                          .state = DialogState::confirmed,
                          .callee_target = "sip:bob@192.0.2.4:5070",
                          .callee_route_set = "<sip:proxy.example.com;lr>",
                          .last_cseq = {1, 0},
                          .is_acked = true}};
        }
    }
    Cdr hang_up() {
        for (DialogRecord &leg : legs) {
            leg.state = DialogState::terminated;
            leg.ended = at_ms(65'500);
            leg.end_reason = EndReason::caller_bye;
        }
        return make_cdr(legs[0], wall);
    }

    // One batch each. The first failure, or that of the commit.
    Result<void, Failure> save(SqliteStore &store) {
        for (const DialogRecord &leg : legs) {
            if (auto saved = store.save(leg); !saved) return store.commit();
        }
        return store.commit();
    }
    Result<void, Failure> end(SqliteStore &store) {
        if (store.insert(hang_up()) && store.erase(legs[0].id)) static_cast<void>(store.erase(legs[1].id));
        return store.commit();
    }

    WallClock wall{at_ms(0), start_us};
    std::string call_ids[2];
    DialogRecord legs[2];
};

inline const WallClock &wall() {
    static const WallClock clock(at_ms(0), start_us);
    return clock;
}

inline Result<std::unique_ptr<SqliteStore>, Failure> try_open(const std::string &path, const std::string &vfs = {}) {
    return SqliteStore::open({.path = path, .durability = Durability::process, .vfs = vfs}, wall());
}

inline std::unique_ptr<SqliteStore> open(const std::string &path, const std::string &vfs = {}) {
    auto opened = try_open(path, vfs);
    REQUIRE_MESSAGE(opened.ok(), opened.error().detail);
    return std::move(*opened);
}

// As a process does that takes nothing along. How many calls have their record now.
inline Result<std::uint64_t, Failure> close_all(SqliteStore &store, std::int64_t now_utc_us) {
    static_cast<void>(store.forget_trunks()); // its failure is told by the commit
    const auto load = store.load_dialogs(now_utc_us, [](const DialogRecord &) { return false; });
    return load ? Result<std::uint64_t, Failure>(load->closed) : Result<std::uint64_t, Failure>(load.error());
}

// A failure of the store: one line that begins with the path.
inline void check_line(const Failure &failure, const std::string &path) {
    const bool is_renewed =
        failure.detail.find("set aside as ") != std::string::npos || failure.detail.ends_with("; opened anew");
    CHECK(failure.error == (is_renewed ? Error::store_renewed : Error::store_failed));
    CHECK_MESSAGE(failure.detail.starts_with(path), failure.detail);
    CHECK_MESSAGE(failure.detail.find('\n') == std::string::npos, failure.detail);
}

} // namespace tandem::test
