// HEP version 3, in which Homer, sngrep and others take copies of messages: chunks of a type and a value.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include "base/endpoint.hpp"

namespace tandem {

struct HepPacket {
    Endpoint from; // the transport is that of `to`
    Endpoint to;
    std::int64_t at_us = 0;         // UTC microseconds
    std::uint32_t agent = 0;        // who has seen it
    std::string_view password{};    // empty: none
    std::string_view correlation{}; // the Call-ID; empty: none
    std::string_view message{};     // SIP, in the clear whatever it came by
};

constexpr std::size_t hep_packet_max = 65507; // what a datagram of IPv4 can hold

// Appends it. False, and nothing has changed: it is larger than hep_packet_max.
bool append_hep(std::string &out, const HepPacket &packet);

} // namespace tandem
