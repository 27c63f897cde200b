#include <doctest/doctest.h>
#include <string>
#include "net/hep/hep_packet.hpp"

using namespace tandem;

namespace {

std::string bytes_of(std::string_view hex) {
    std::string bytes;
    std::string digits;
    for (const char c : hex) {
        if (c != ' ') digits += c;
        if (digits.size() < 2) continue;
        bytes.push_back(static_cast<char>(std::stoi(digits, nullptr, 16)));
        digits.clear();
    }
    return bytes;
}

Endpoint endpoint(std::string_view ip, std::uint16_t port, Transport transport = Transport::udp) {
    return {*IpAddress::parse(ip), port, transport, 0};
}

} // namespace

// The packet that the description of HEP 3 takes apart.
TEST_CASE("hep: a message is the chunks of the specification's example") {
    HepPacket packet;
    packet.from = endpoint("212.202.0.1", 12010);
    packet.to = endpoint("82.116.0.211", 5060);
    packet.at_us = 1313440459'120000;
    packet.agent = 228;
    packet.message = "INVITE bob\r\n\r\n";
    std::string out;
    REQUIRE(append_hep(out, packet));
    CHECK(out == bytes_of("48455033 0071"
                          "0000 0001 0007 02"
                          "0000 0002 0007 11"
                          "0000 0003 000a d4ca0001"
                          "0000 0004 000a 527400d3"
                          "0000 0007 0008 2eea"
                          "0000 0008 0008 13c4"
                          "0000 0009 000a 4e4982cb"
                          "0000 000a 000a 0001d4c0"
                          "0000 000b 0007 01"
                          "0000 000c 000a 000000e4"
                          "0000 000f 0014 494e5649544520626f620d0a0d0a"));
}

TEST_CASE("hep: IPv6, a connection, a password and a correlation have chunks of their own") {
    HepPacket packet;
    packet.from = endpoint("2001:db8::1", 5061);
    packet.to = endpoint("2001:db8::2", 40000, Transport::tls);
    packet.password = "pw";
    packet.correlation = "a@b";
    packet.message = "x";
    std::string out = "before";
    REQUIRE(append_hep(out, packet));
    CHECK(out == "before" + bytes_of("48455033 008d"
                                     "0000 0001 0007 0a"
                                     "0000 0002 0007 06"
                                     "0000 0005 0016 20010db8000000000000000000000001"
                                     "0000 0006 0016 20010db8000000000000000000000002"
                                     "0000 0007 0008 13c5"
                                     "0000 0008 0008 9c40"
                                     "0000 0009 000a 00000000"
                                     "0000 000a 000a 00000000"
                                     "0000 000b 0007 01"
                                     "0000 000c 000a 00000000"
                                     "0000 000e 0008 7077"
                                     "0000 000f 0007 78"
                                     "0000 0011 0009 614062"));
}

TEST_CASE("hep: what no datagram can hold is refused, and leaves nothing") {
    const std::string message(65535, 'x');
    HepPacket packet;
    packet.message = message;
    std::string out;
    CHECK_FALSE(append_hep(out, packet));
    CHECK(out.empty());
    packet.message = std::string_view(message).substr(0, 65000);
    CHECK(append_hep(out, packet));
    CHECK(out.size() <= hep_packet_max);
}
