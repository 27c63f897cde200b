#include "base/endpoint.hpp"
#include <arpa/inet.h>
#include <cstring>
#include "base/text.hpp"

namespace tandem {

std::string_view to_string(Transport transport) {
    switch (transport) {
    case Transport::udp: return "UDP";
    case Transport::tcp: return "TCP";
    case Transport::tls: return "TLS";
    case Transport::ws: return "WS";
    case Transport::wss: return "WSS";
    }
    return "UDP";
}

std::string_view uri_name(Transport transport) {
    switch (transport) {
    case Transport::udp: return "udp";
    case Transport::tcp: return "tcp";
    case Transport::tls: return "tls";
    case Transport::ws: return "ws";
    case Transport::wss: return "wss";
    }
    return "udp";
}

std::optional<Transport> parse_transport(std::string_view name) {
    for (Transport transport : {Transport::udp, Transport::tcp, Transport::tls, Transport::ws, Transport::wss}) {
        if (equals_ignoring_case(name, to_string(transport))) return transport;
    }
    return std::nullopt;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    if (text.size() >= 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
    char copy[INET6_ADDRSTRLEN];
    if (text.empty() || text.size() >= sizeof copy) return std::nullopt;
    std::memcpy(copy, text.data(), text.size());
    copy[text.size()] = '\0';

    IpAddress ip;
    if (inet_pton(AF_INET, copy, ip.bytes.data()) == 1) return ip;
    ip.is_v6 = true;
    if (inet_pton(AF_INET6, copy, ip.bytes.data()) == 1) return ip;
    return std::nullopt;
}

std::string IpAddress::to_string() const {
    if (!is_v6) {
        const auto part = [this](std::size_t i) { return std::to_string(unsigned{bytes[i]}); };
        return part(0) + "." + part(1) + "." + part(2) + "." + part(3);
    }
    char text[INET6_ADDRSTRLEN];
    inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
    return text;
}

std::string Endpoint::to_string() const {
    std::string host = ip.to_string();
    if (ip.is_v6) host = "[" + host + "]";
    return host + ":" + std::to_string(port);
}

} // namespace tandem
