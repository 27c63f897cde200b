// One end of a hop: transport, address, port, and the local listener it is reached by. Numbers only: a name is
// resolved before it becomes an endpoint.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tandem {

enum class Transport : std::uint8_t { udp, tcp, tls, ws, wss };

// What decides timers and retransmission in RFC 3261 section 17.
constexpr bool is_reliable(Transport transport) { return transport != Transport::udp; }

// Of a SIP URI or a Via that names none (RFC 3261 section 19.1.2).
constexpr std::uint16_t default_port(Transport transport) {
    switch (transport) {
    case Transport::udp:
    case Transport::tcp: break;
    case Transport::tls: return 5061;
    case Transport::ws: return 80; // RFC 6455 section 3
    case Transport::wss: return 443;
    }
    return 5060;
}

std::string_view to_string(Transport transport); // as in a Via: "UDP", "TCP", "TLS", "WS", "WSS"
std::string_view uri_name(Transport transport);  // as in a URI and in the configuration: "udp", "tcp", ...
std::optional<Transport> parse_transport(std::string_view name); // any case

struct IpAddress {
    std::array<std::uint8_t, 16> bytes{}; // network order; IPv4 uses the first four
    bool is_v6 = false;

    // Reads "192.0.2.1", "2001:db8::1" or "[2001:db8::1]"; nothing else, no names.
    static std::optional<IpAddress> parse(std::string_view text);
    std::string to_string() const; // without brackets

    auto operator<=>(const IpAddress &) const = default;
};

struct Endpoint {
    IpAddress ip;
    std::uint16_t port = 0;
    Transport transport = Transport::udp;
    std::uint8_t listener = 0; // index of the local socket, in the order of the configuration

    bool operator==(const Endpoint &) const = default;
    std::string to_string() const; // "192.0.2.1:5060", "[2001:db8::1]:5060"
};

} // namespace tandem
