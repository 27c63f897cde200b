#include <doctest/doctest.h>
#include "net/dns/host_table.hpp"

using namespace tandem;

namespace {

std::string find(const HostTable &table, std::string_view name) {
    std::string out;
    for (const IpAddress &ip : table.find(name)) out += ip.to_string() + " ";
    return out;
}

} // namespace

TEST_CASE("host table: names and aliases, comments, blanks of any kind, several addresses") {
    const HostTable table = HostTable::parse("# a comment\n"
                                             "192.0.2.1 pbx.Example.com\tpbx # the old one\r\n"
                                             "\n   2001:db8::1\tpbx\n"
                                             "192.0.2.1 pbx\n"
                                             "no.address here\n"
                                             "192.0.2.9\n"
                                             "192.0.2.2 bad/name last");
    CHECK(find(table, "pbx.example.com") == "192.0.2.1 ");
    CHECK(find(table, "pbx") == "192.0.2.1 2001:db8::1 ");
    CHECK(find(table, "here").empty());
    CHECK(find(table, "bad/name").empty());
    CHECK(find(table, "last") == "192.0.2.2 ");
    CHECK(find(HostTable::parse(""), "pbx").empty());
}

TEST_CASE("host table: localhost is this machine, whatever a file says (RFC 6761 section 6.3)") {
    const HostTable table = HostTable::parse("192.0.2.66 localhost x.localhost\n");
    for (const char *name : {"localhost", "x.localhost"}) CHECK(find(table, name) == "127.0.0.1 ::1 ");
    CHECK(find(HostTable(), "localhost") == "127.0.0.1 ::1 ");
    CHECK(find(table, "notlocalhost").empty());
}
