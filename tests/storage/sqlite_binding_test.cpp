// What the store keeps of the bindings of registered users.
#include <algorithm>
#include "storage/store_fixture.hpp"

using namespace tandem;
using namespace tandem::test;

namespace {

constexpr std::int64_t second_us = 1'000'000;

BindingRecord phone(std::uint64_t id) {
    BindingRecord record;
    record.id = id;
    record.version = 1;
    record.aor = "alice@example.com";
    record.contact = "sip:alice@192.0.2.9:5062;transport=tcp";
    record.instance = "<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>";
    record.reg_id = 4'000'000'000;
    record.q = 700;
    record.path = "<sip:edge.example.com;lr>";
    record.call_id = "a-call-id";
    record.cseq = 4'000'000'001;
    record.user_agent = "phone \"1\"";
    record.flow = {*IpAddress::parse("2001:db8::9"), 40'000, Transport::tcp, 3};
    record.is_direct = false;
    record.registered = at_ms(1000);
    record.expires = at_ms(61'000);
    return record;
}

void save(SqliteStore &store, const BindingRecord &record) {
    REQUIRE(store.save_binding(record));
    REQUIRE(store.commit());
}

std::vector<BindingRecord> load(SqliteStore &store, std::int64_t now_utc_us = start_us) {
    std::vector<BindingRecord> records;
    const auto loaded =
        store.load_bindings(now_utc_us, [&](BindingRecord record) { records.push_back(std::move(record)); });
    REQUIRE_MESSAGE(loaded.ok(), loaded.error().detail);
    std::sort(records.begin(), records.end(), [](const auto &a, const auto &b) { return a.id < b.id; });
    return records;
}

} // namespace

TEST_CASE("sqlite: a binding comes back after a restart with every field") {
    Folder folder;
    const BindingRecord saved = phone(0x7fff'ffff'ffff'ffff);
    save(*open(folder.database), saved);
    CHECK(Shell(folder.database)
              .row("SELECT transport, address, port, listener, registered_us, expires_us "
                   "FROM binding") == "tcp|2001:db8::9|40000|3|1700000001000000|1700000061000000");

    const auto store = open(folder.database);
    const auto records = load(*store);
    REQUIRE(records.size() == 1);
    const BindingRecord &record = records[0];
    CHECK(record.id == saved.id);
    CHECK(record.version == saved.version);
    CHECK(!record.is_over);
    CHECK(record.aor == saved.aor);
    CHECK(record.contact == saved.contact);
    CHECK(record.instance == saved.instance);
    CHECK(record.reg_id == saved.reg_id);
    CHECK(record.q == saved.q);
    CHECK(record.path == saved.path);
    CHECK(record.call_id == saved.call_id);
    CHECK(record.cseq == saved.cseq);
    CHECK(record.user_agent == saved.user_agent);
    CHECK(record.flow == saved.flow);
    CHECK(record.is_direct == saved.is_direct);
    CHECK(record.registered == saved.registered);
    CHECK(record.expires == saved.expires);
}

TEST_CASE("sqlite: a binding without what is optional has NULLs, and comes back without") {
    Folder folder;
    const auto store = open(folder.database);
    BindingRecord record = phone(1);
    record.instance = record.path = record.user_agent = "";
    record.is_direct = true;
    save(*store, record);
    CHECK(Shell(folder.database).row("SELECT instance, path, user_agent FROM binding") == "null|null|null");
    const auto records = load(*store);
    REQUIRE(records.size() == 1);
    CHECK(records[0].instance.empty());
    CHECK(records[0].path.empty());
    CHECK(records[0].user_agent.empty());
    CHECK(records[0].is_direct);
}

TEST_CASE("sqlite: of two versions of a binding the higher one stays, in whichever order they come") {
    Folder folder;
    const auto store = open(folder.database);
    BindingRecord first = phone(1), second = phone(1), removed = phone(1), other = phone(2);
    second.version = 2;
    second.contact = "sip:alice@198.51.100.1";
    second.cseq = 2;
    second.q = 1;
    second.expires = at_ms(90'000);
    save(*store, first);
    save(*store, other);
    save(*store, second);
    save(*store, first);
    Shell shell(folder.database);
    const std::string rows = "SELECT id, version, is_over, contact, cseq, q, expires_us FROM binding ORDER BY id";
    CHECK(shell.rows(rows) == Rows{"1|2|0|sip:alice@198.51.100.1|2|1|1700000090000000",
                                   "2|1|0|sip:alice@192.0.2.9:5062;transport=tcp|4000000001|700|1700000061000000"});

    removed.version = 3;
    removed.is_over = true;
    REQUIRE(store->save_binding(removed)); // by one worker
    REQUIRE(store->save_binding(second));  // by another one, in the same transaction
    REQUIRE(store->commit());
    CHECK(shell.row("SELECT version, is_over FROM binding WHERE id = 1") == "3|1");
}

TEST_CASE("sqlite: nothing is seen of a binding before the commit") {
    Folder folder;
    const auto store = open(folder.database);
    REQUIRE(store->save_binding(phone(1)));
    Shell shell(folder.database);
    CHECK(shell.row("SELECT count(*) FROM binding") == "0");
    REQUIRE(store->commit());
    CHECK(shell.row("SELECT count(*) FROM binding") == "1");
}

TEST_CASE("sqlite: bindings that are over or have expired are forgotten at the start") {
    Folder folder;
    {
        const auto store = open(folder.database);
        BindingRecord removed = phone(2), later = phone(3);
        removed.is_over = true;
        removed.expires = later.expires = at_ms(120'000);
        save(*store, phone(1)); // until 61 s
        save(*store, removed);
        save(*store, later);
    }
    const auto store = open(folder.database);
    CHECK(load(*store, start_us + 60 * second_us).size() == 2);
    const auto records = load(*store, start_us + 61 * second_us);
    REQUIRE(records.size() == 1);
    CHECK(records[0].id == 3);
    CHECK(Shell(folder.database).rows("SELECT id FROM binding") == Rows{"3"});
}

TEST_CASE("sqlite: while it runs only bindings are purged that are over for so long that no older version comes") {
    Folder folder;
    const auto store = open(folder.database);
    BindingRecord removed = phone(1), later = phone(2);
    removed.is_over = later.is_over = true;
    later.expires = at_ms(61'001);
    save(*store, removed);
    save(*store, later);
    save(*store, phone(3)); // expired, and nobody has said so yet
    REQUIRE(store->purge_bindings(start_us + 61 * second_us));
    REQUIRE(store->commit());
    CHECK(Shell(folder.database).rows("SELECT id FROM binding ORDER BY id") == Rows{"2", "3"});
}

TEST_CASE("sqlite: a binding that a shell has made unreadable is left out, and the others are not") {
    Folder folder;
    const auto store = open(folder.database);
    save(*store, phone(1));
    const std::vector<std::string> damages = {
        "port = 70000", "port = -1",    "listener = 256",       "q = 1001",      "reg_id = 4294967296",
        "cseq = -1",    "version = -1", "transport = 'pigeon'", "address = 'a'", "address = x'00'"};
    for (std::size_t i = 0; i < damages.size(); ++i) {
        save(*store, phone(i + 2));
        Shell(folder.database).run("UPDATE binding SET " + damages[i] + " WHERE id = " + std::to_string(i + 2));
    }
    save(*store, phone(1000));
    const auto records = load(*store);
    REQUIRE(records.size() == 2);
    CHECK(records[0].id == 1);
    CHECK(records[1].id == 1000);
}
