// The marks of records that go on to a stream: one with each record, until it is said that it was sent.
#include <utility>
#include "storage/store_fixture.hpp"

using namespace tandem;
using namespace tandem::test;

namespace {

std::unique_ptr<SqliteStore> open_marking(const std::string &path) {
    auto opened =
        SqliteStore::open({.path = path, .durability = Durability::process, .vfs = {}, .marks_unsent = true}, wall());
    REQUIRE_MESSAGE(opened.ok(), opened.error().detail);
    return std::move(*opened);
}

void make_record(SqliteStore &store, std::uint64_t n) {
    Call call(n);
    call.count();
    call.answer();
    REQUIRE(call.save(store));
    REQUIRE(call.end(store));
}

UnsentCdrs exchange(SqliteStore &store, std::vector<UnsentCdr> sent = {}, std::size_t max = 256) {
    UnsentCdrs unsent;
    unsent.sent = std::move(sent);
    unsent.max = max;
    REQUIRE(store.exchange_unsent(unsent));
    REQUIRE(store.commit());
    return unsent;
}

std::string id_of(std::uint64_t n) { return Call(n).legs[0].id.to_string(); }

} // namespace

TEST_CASE("sqlite: a record has its mark with it, and says the same from there") {
    Folder folder;
    const auto store = open_marking(folder.database);
    Call call(1);
    call.count();
    call.answer();
    REQUIRE(call.save(*store));
    CHECK(exchange(*store).next.empty());
    REQUIRE(call.end(*store));
    REQUIRE(call.end(*store)); // the second changes nothing
    const UnsentCdrs unsent = exchange(*store);
    CHECK(unsent.waiting == 1);
    REQUIRE(unsent.next.size() == 1);
    CHECK(unsent.next[0].id == id_of(1));
    CHECK(unsent.next[0].json == to_json(call.hang_up()));

    Call refused(2); // without most of what may be there
    refused.call_ids[1] = "";
    refused.legs[0].callee_call_id = {};
    REQUIRE(refused.save(*store));
    REQUIRE(refused.end(*store));
    CHECK(exchange(*store).next.at(1).json == to_json(refused.hang_up()));
}

TEST_CASE("sqlite: marks go when their records were sent, the oldest first, and come back after a restart if not") {
    Folder folder;
    auto store = open_marking(folder.database);
    for (std::uint64_t n = 1; n <= 5; ++n) make_record(*store, n);
    UnsentCdrs unsent = exchange(*store, {}, 2);
    CHECK(unsent.waiting == 5);
    REQUIRE(unsent.next.size() == 2);
    CHECK(unsent.next[1].id == id_of(2));
    unsent = exchange(*store, unsent.next, 2);
    CHECK(unsent.waiting == 3);
    CHECK(unsent.next.at(0).id == id_of(3));

    store.reset();
    store = open_marking(folder.database);
    unsent = exchange(*store);
    CHECK(unsent.next.size() == 3);
    CHECK(exchange(*store, unsent.next).waiting == 0);
    make_record(*store, 6); // its mark may have the number of one that went
    unsent = exchange(*store, unsent.next);
    REQUIRE(unsent.next.size() == 1);
    CHECK(unsent.next[0].id == id_of(6));
    CHECK(Shell(folder.database).row("SELECT count(*) FROM cdr") == "6");
}

TEST_CASE("sqlite: what is not committed has changed no mark") {
    Folder folder;
    auto store = open_marking(folder.database);
    make_record(*store, 1);
    UnsentCdrs unsent = exchange(*store);
    unsent.sent = unsent.next;
    REQUIRE(store->exchange_unsent(unsent));
    store.reset(); // without commit(), as a process that dies
    store = open_marking(folder.database);
    CHECK(exchange(*store).next.size() == 1);
}

TEST_CASE("sqlite: a call that the start closes has its mark, too") {
    Folder folder;
    REQUIRE(Call(1).save(*open_marking(folder.database)));
    const auto store = open_marking(folder.database);
    REQUIRE(close_all(*store, start_us).ok());
    const UnsentCdrs unsent = exchange(*store);
    REQUIRE(unsent.next.size() == 1);
    CHECK(unsent.next[0].json.find("\"end_reason\":\"restart\"") != std::string::npos);
}

TEST_CASE("sqlite: without a stream nothing is marked, and what was is kept for the next time that there is one") {
    Folder folder;
    make_record(*open_marking(folder.database), 1);
    make_record(*open(folder.database), 2);
    CHECK(exchange(*open(folder.database)).next.empty());
    const auto store = open_marking(folder.database);
    const UnsentCdrs unsent = exchange(*store);
    REQUIRE(unsent.next.size() == 1);
    CHECK(unsent.next[0].id == id_of(1));
}

TEST_CASE("sqlite: a record that a shell has taken away, or spoiled, leaves a mark that holds nothing up") {
    Folder folder;
    const auto store = open_marking(folder.database);
    for (std::uint64_t n = 1; n <= 3; ++n) make_record(*store, n);
    Shell shell(folder.database);
    shell.run("DELETE FROM cdr WHERE id = '" + id_of(1) + "'");
    shell.run("UPDATE cdr SET end_reason = 'boredom' WHERE id = '" + id_of(2) + "'");
    const UnsentCdrs unsent = exchange(*store);
    REQUIRE(unsent.next.size() == 3);
    CHECK(unsent.next[0].json.empty());
    CHECK(unsent.next[1].json.empty());
    CHECK(!unsent.next[2].json.empty());
    CHECK(exchange(*store, unsent.next).waiting == 0);
}
