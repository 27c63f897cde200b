// Files that are broken when they are opened, or break while they are in use.
#include <algorithm>
#include <random>
#include "storage/store_fixture.hpp"

using namespace tandem;
using namespace tandem::test;

namespace {

std::string read(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void overwrite(const std::string &path, std::size_t at, std::string_view bytes) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(at));
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    REQUIRE(file.good());
}

std::string noise(std::size_t size) {
    std::mt19937 random(size);
    std::string bytes(size, '\0');
    for (char &byte : bytes) byte = static_cast<char>(random());
    return bytes;
}

// A closed file with some calls up and more of them ended.
void fill(const std::string &path) {
    const auto store = open(path);
    for (std::uint64_t n = 1; n <= 60; ++n) {
        Call call(n);
        call.answer();
        REQUIRE(call.save(*store));
        if (n > 10) REQUIRE(call.end(*store));
    }
}

std::string set_aside_name(const Folder &folder) {
    for (const std::string &name : folder.files()) {
        if (name.starts_with("tandem.db.corrupt-") && !name.ends_with("-wal") && !name.ends_with("-shm")) return name;
    }
    FAIL("nothing was set aside");
    return {};
}

// The broken file was set aside and says so; the new one works.
void check_set_aside(const Folder &folder, const std::string &before) {
    {
        const auto store = open(folder.database);
        REQUIRE(store->notices().size() == 1);
        const std::string &notice = store->notices()[0];
        const std::string name = set_aside_name(folder);
        CHECK_MESSAGE(notice.starts_with(folder.database + ": "), notice);
        CHECK_MESSAGE(notice.ends_with("set aside as " + folder.database + name.substr(9) + ", a new file is begun"),
                      notice);
        CHECK_MESSAGE(notice.find('\n') == std::string::npos, notice);
        CHECK(read(folder.path / name) == before);
        REQUIRE(Call(1).save(*store));
    }
    CHECK(open(folder.database)->notices().empty());
    CHECK(Shell(folder.database).row("SELECT count(*) FROM every_leg") == "2");
}

} // namespace

TEST_CASE("sqlite: a file that is no database is set aside, byte for byte") {
    Folder folder;
    const std::string letter(5000, 'x');
    std::ofstream(folder.database) << letter;
    check_set_aside(folder, letter);
}

TEST_CASE("sqlite: a damaged page is found at the opening, whichever it is") {
    for (const std::size_t page : {0U, 1U, 2U, 5U, 9U}) {
        CAPTURE(page);
        Folder folder;
        fill(folder.database);
        REQUIRE(std::filesystem::file_size(folder.database) > 12 * 2048);
        overwrite(folder.database, page * 2048, noise(1500));
        check_set_aside(folder, read(folder.database));
    }
}

TEST_CASE("sqlite: a file that was cut off is set aside") {
    Folder folder;
    fill(folder.database);
    std::filesystem::resize_file(folder.database, std::filesystem::file_size(folder.database) / 2);
    check_set_aside(folder, read(folder.database));
}

TEST_CASE("sqlite: a file that was emptied is set aside with its WAL, which it could else lose") {
    Folder folder;
    std::string wal;
    {
        const auto store = open(folder.database);
        REQUIRE(Call(1).save(*store));
        wal = read(folder.database + "-wal"); // as a killed process leaves it
    }
    REQUIRE_FALSE(wal.empty());
    std::ofstream(folder.database + "-wal", std::ios::binary) << wal;
    std::filesystem::resize_file(folder.database, 0);
    check_set_aside(folder, "");
    CHECK(read(folder.path / (set_aside_name(folder) + "-wal")) == wal);
}

TEST_CASE("sqlite: two files that are set aside in one second have two names") {
    Folder folder;
    for (int i = 0; i < 2; ++i) {
        std::ofstream(folder.database) << "no database " << i << std::string(2000, ' ');
        CHECK(open(folder.database)->notices().size() == 1);
    }
    const auto files = folder.files();
    CHECK(std::count_if(files.begin(), files.end(), [](const std::string &name) {
              return name.starts_with("tandem.db.corrupt-") && !name.ends_with("-shm") && !name.ends_with("-wal");
          }) == 2);
}

TEST_CASE("sqlite: noise in the WAL or in the shared memory costs no more than what it held") {
    Folder folder;
    fill(folder.database);
    std::ofstream(folder.database + "-wal") << noise(10'000);
    std::ofstream(folder.database + "-shm") << noise(32'768);
    const auto store = open(folder.database);
    CHECK(store->notices().empty());
    CHECK(*close_all(*store, start_us) == 10);
}

TEST_CASE("sqlite: a file that breaks while it is in use is set aside, and the store goes on with a new one") {
    Folder folder;
    fill(folder.database);
    const auto store = open(folder.database);
    CHECK(*store->name_node("somebody") == "somebody");
    Shell(folder.database).run("CREATE TABLE other (x); PRAGMA wal_checkpoint(TRUNCATE)"); // nothing is cached now
    for (std::size_t page = 1; page < 10; ++page) overwrite(folder.database, page * 2048, noise(2000));
    Call call(100), other(101);
    call.answer();
    const auto saved = call.save(*store);
    REQUIRE(!saved);
    check_line(saved.error(), folder.database);
    CHECK_MESSAGE(saved.error().detail.find("; set aside as " + folder.database + ".corrupt-") != std::string::npos,
                  saved.error().detail);
    CHECK(set_aside_name(folder).starts_with("tandem.db.corrupt-"));

    REQUIRE(call.save(*store));
    REQUIRE(other.save(*store));
    REQUIRE(call.end(*store));
    Shell shell(folder.database);
    CHECK(shell.row("PRAGMA quick_check") == "ok");
    CHECK(shell.rows("SELECT call_id FROM every_leg") == Rows{"caller-101", "callee-101"});
    CHECK(shell.rows("SELECT call_id FROM cdr") == Rows{"caller-100"});
    CHECK(shell.rows("SELECT name FROM node") == Rows{"somebody"}); // it is the same node
}
