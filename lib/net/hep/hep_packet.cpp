#include "net/hep/hep_packet.hpp"
#include <cstddef>

namespace tandem {
namespace {

enum class Chunk : std::uint16_t { // of the vendor 0
    ip_family = 1,
    ip_protocol = 2,
    ipv4_source = 3,
    ipv4_destination = 4,
    ipv6_source = 5,
    ipv6_destination = 6,
    source_port = 7,
    destination_port = 8,
    seconds = 9,
    microseconds = 10,
    protocol = 11, // of the payload
    agent = 12,
    password = 14,
    payload = 15,
    correlation = 17,
};

constexpr std::size_t chunk_head = 6; // vendor, type, length
constexpr std::uint8_t sip = 1;

// As they are in the system where HEP was made: not everywhere the same as AF_INET6.
constexpr std::uint8_t family_v4 = 2;
constexpr std::uint8_t family_v6 = 10;

constexpr std::uint8_t protocol_tcp = 6;
constexpr std::uint8_t protocol_udp = 17;

// Numbers are in network order.
template <class Number>
void append_number(std::string &out, Number number) {
    for (std::size_t i = sizeof number; i-- > 0;) out.push_back(static_cast<char>(number >> (8 * i) & 0xff));
}

void append_chunk(std::string &out, Chunk type, std::string_view value) {
    append_number(out, std::uint16_t{0});
    append_number(out, static_cast<std::uint16_t>(type));
    append_number(out, static_cast<std::uint16_t>(chunk_head + value.size()));
    out.append(value);
}

template <class Number>
void append_chunk(std::string &out, Chunk type, Number number) {
    append_number(out, std::uint16_t{0});
    append_number(out, static_cast<std::uint16_t>(type));
    append_number(out, static_cast<std::uint16_t>(chunk_head + sizeof number));
    append_number(out, number);
}

std::string_view address_of(const IpAddress &ip) {
    return {reinterpret_cast<const char *>(ip.bytes.data()), ip.is_v6 ? std::size_t{16} : std::size_t{4}};
}

} // namespace

bool append_hep(std::string &out, const HepPacket &packet) {
    constexpr std::size_t heads_max = 256; // of everything but the three texts
    if (packet.message.size() + packet.password.size() + packet.correlation.size() + heads_max > hep_packet_max) {
        return false;
    }
    const std::size_t begin = out.size();
    const bool is_v6 = packet.to.ip.is_v6;
    out.append("HEP3");
    append_number(out, std::uint16_t{0}); // the length, once it is known
    append_chunk(out, Chunk::ip_family, is_v6 ? family_v6 : family_v4);
    append_chunk(out, Chunk::ip_protocol, is_reliable(packet.to.transport) ? protocol_tcp : protocol_udp);
    append_chunk(out, is_v6 ? Chunk::ipv6_source : Chunk::ipv4_source, address_of(packet.from.ip));
    append_chunk(out, is_v6 ? Chunk::ipv6_destination : Chunk::ipv4_destination, address_of(packet.to.ip));
    append_chunk(out, Chunk::source_port, packet.from.port);
    append_chunk(out, Chunk::destination_port, packet.to.port);
    append_chunk(out, Chunk::seconds, static_cast<std::uint32_t>(packet.at_us / 1'000'000));
    append_chunk(out, Chunk::microseconds, static_cast<std::uint32_t>(packet.at_us % 1'000'000));
    append_chunk(out, Chunk::protocol, sip);
    append_chunk(out, Chunk::agent, packet.agent);
    if (!packet.password.empty()) append_chunk(out, Chunk::password, packet.password);
    append_chunk(out, Chunk::payload, packet.message);
    if (!packet.correlation.empty()) append_chunk(out, Chunk::correlation, packet.correlation);
    const std::size_t size = out.size() - begin;
    out[begin + 4] = static_cast<char>(size >> 8);
    out[begin + 5] = static_cast<char>(size & 0xff);
    return true;
}

} // namespace tandem
