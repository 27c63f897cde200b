// What the store shows of the trunks that we register with.
#include "storage/store_fixture.hpp"

using namespace tandem;
using namespace tandem::test;

namespace {

TrunkStatus carrier(const std::string &name = "carrier") {
    TrunkStatus status;
    status.trunk = name;
    status.since = at_ms(1000);
    status.registration.state = RegistrationState::registered;
    status.registration.expires = at_ms(601'000);
    status.registration.next = at_ms(500'000);
    status.registration.status = 200;
    status.registration.reason = "OK";
    status.registration.registrar = {*IpAddress::parse("2001:db8::9"), 5061, Transport::tls, 3};
    status.registration.failures = 4'000'000'000;
    status.statistics = {1, 2, 3, 4, 5, 6, 7};
    return status;
}

void save(SqliteStore &store, const TrunkStatus &status) {
    REQUIRE(store.save_trunk(status));
    REQUIRE(store.commit());
}

} // namespace

TEST_CASE("sqlite: how a trunk stands can be read, every bit of it") {
    Folder folder;
    const auto store = open(folder.database);
    save(*store, carrier());
    CHECK(Shell(folder.database).row("SELECT * FROM trunk") ==
          "carrier|registered|1700000001000000|1700000601000000|1700000500000000|4000000000|200|OK|tls|2001:db8::9|"
          "5061|1|2|3|4|5|6|7");
}

TEST_CASE("sqlite: what is not known of a trunk is NULL") {
    Folder folder;
    const auto store = open(folder.database);
    TrunkStatus status;
    status.trunk = "carrier";
    status.since = at_ms(1000);
    status.registration.state = RegistrationState::trying;
    save(*store, status);
    CHECK(Shell(folder.database).row("SELECT * FROM trunk") ==
          "carrier|trying|1700000001000000|null|null|0|0|null|null|null|null|0|0|0|0|0|0|0");
}

TEST_CASE("sqlite: a trunk has one row, the last, until it is gone; and all can be forgotten") {
    Folder folder;
    const auto store = open(folder.database);
    TrunkStatus status = carrier();
    save(*store, status);
    save(*store, carrier("other"));
    status.registration.state = RegistrationState::failed;
    save(*store, status);
    Shell shell(folder.database);
    CHECK(shell.rows("SELECT name, state FROM trunk ORDER BY name") == Rows{"carrier|failed", "other|registered"});
    status.is_gone = true;
    save(*store, status);
    CHECK(shell.rows("SELECT name FROM trunk") == Rows{"other"});
    REQUIRE(store->forget_trunks());
    REQUIRE(store->save_trunk(carrier("third")));
    CHECK(shell.rows("SELECT name FROM trunk") == Rows{"other"}); // before the commit
    REQUIRE(store->commit());
    CHECK(shell.rows("SELECT name FROM trunk") == Rows{"third"});
}

TEST_CASE("sqlite: at the start nothing is known of any trunk, whatever a former process has left") {
    Folder folder;
    save(*open(folder.database), carrier());
    const auto store = open(folder.database);
    Shell shell(folder.database);
    CHECK(shell.row("SELECT count(*) FROM trunk") == "1");
    REQUIRE(close_all(*store, start_us).ok());
    CHECK(shell.row("SELECT count(*) FROM trunk") == "0");
}
