// Records read by a connection of its own, a page at a time.
#include <set>
#include <utility>
#include "storage/sqlite/cdr_reader.hpp"
#include "storage/store_fixture.hpp"

using namespace tandem;
using namespace tandem::test;

namespace {

std::unique_ptr<SqliteStore> open_store(const std::string &path) {
    auto opened = SqliteStore::open({.path = path, .durability = Durability::process, .vfs = {}}, wall());
    REQUIRE_MESSAGE(opened.ok(), opened.error().detail);
    return std::move(*opened);
}

void make_record(SqliteStore &store, std::uint64_t n) {
    Call call(n);
    call.count();
    call.answer();
    REQUIRE(call.save(store));
    REQUIRE(call.end(store));
    REQUIRE(store.commit());
}

CdrPage read(const std::string &path, std::int64_t since_us = 0, std::uint64_t cursor = 0, std::size_t max = 100) {
    auto page = read_cdrs(path, since_us, cursor, max);
    REQUIRE_MESSAGE(page.ok(), page.error().detail);
    return std::move(*page);
}

bool is_of(const std::string &record, std::uint64_t n) {
    return record.find(Call(n).legs[0].id.to_string()) != std::string::npos;
}

} // namespace

TEST_CASE("sqlite: records are read the latest first, by pages, while the store goes on") {
    Folder folder;
    const auto store = open_store(folder.database);
    CHECK(read(folder.database).records.empty());
    for (std::uint64_t n = 1; n <= 5; ++n) make_record(*store, n);
    std::vector<std::string> all;
    CdrPage page = read(folder.database, 0, 0, 2);
    make_record(*store, 6); // is newer than the first page, and no part of the listing
    for (;; page = read(folder.database, 0, page.next, 2)) {
        CHECK(page.records.size() <= 2);
        all.insert(all.end(), page.records.begin(), page.records.end());
        if (page.next == 0) break;
    }
    REQUIRE(all.size() == 5);
    for (std::size_t i = 0; i < all.size(); ++i) CHECK(is_of(all[i], 5 - i));
}

TEST_CASE("sqlite: records that ended before the time that is given are left out") {
    Folder folder;
    const auto store = open_store(folder.database);
    for (std::uint64_t n = 1; n <= 3; ++n) make_record(*store, n);
    Shell shell(folder.database);
    shell.run("UPDATE cdr SET ended_us = rowid * 1000");
    CHECK(read(folder.database, 2000).records.size() == 2);
    CHECK(read(folder.database, 3001).records.empty());
    CHECK(read(folder.database, 3001).next == 0);
}

TEST_CASE("sqlite: a record that a shell has made unreadable is left out") {
    Folder folder;
    const auto store = open_store(folder.database);
    for (std::uint64_t n = 1; n <= 3; ++n) make_record(*store, n);
    Shell(folder.database).run("UPDATE cdr SET end_reason = 'boredom' WHERE rowid = 2");
    const CdrPage page = read(folder.database);
    REQUIRE(page.records.size() == 2);
    CHECK(is_of(page.records[0], 3));
    CHECK(is_of(page.records[1], 1));
}

TEST_CASE("sqlite: records of a file that is not there or is no database are a failure in one line") {
    Folder folder;
    CHECK_FALSE(read_cdrs(folder.database, 0, 0, 10).ok());
    CHECK(folder.files().empty()); // nothing is made
    std::ofstream(folder.database) << "this is no database, and long enough to be read as one that is broken";
    const auto page = read_cdrs(folder.database, 0, 0, 10);
    REQUIRE_FALSE(page.ok());
    CHECK(page.error().detail.find('\n') == std::string::npos);
}
