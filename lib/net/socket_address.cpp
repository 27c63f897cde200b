#include "net/socket_address.hpp"
#include <cstring>
#include <system_error>

namespace tandem {

socklen_t to_address(const Endpoint &endpoint, SocketAddress &address) {
    if (endpoint.ip.is_v6) {
        address.v6 = {};
        address.v6.sin6_family = AF_INET6;
        address.v6.sin6_port = htons(endpoint.port);
        std::memcpy(&address.v6.sin6_addr, endpoint.ip.bytes.data(), sizeof address.v6.sin6_addr);
        return sizeof address.v6;
    }
    address.v4 = {};
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(endpoint.port);
    std::memcpy(&address.v4.sin_addr, endpoint.ip.bytes.data(), sizeof address.v4.sin_addr);
    return sizeof address.v4;
}

void read_address(const SocketAddress &address, Endpoint &endpoint) {
    endpoint.ip = {};
    if (address.any.sa_family == AF_INET6) {
        endpoint.ip.is_v6 = true;
        std::memcpy(endpoint.ip.bytes.data(), &address.v6.sin6_addr, sizeof address.v6.sin6_addr);
        endpoint.port = ntohs(address.v6.sin6_port);
    } else {
        std::memcpy(endpoint.ip.bytes.data(), &address.v4.sin_addr, sizeof address.v4.sin_addr);
        endpoint.port = ntohs(address.v4.sin_port);
    }
}

std::string error_text(int error) {
    std::string text = std::generic_category().message(error);
    if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] - 'A' + 'a');
    return text;
}

Failure open_failure(const Endpoint &at, int error) {
    return {Error::io, std::string(uri_name(at.transport)) + ":" + at.to_string() + ": " + error_text(error)};
}

} // namespace tandem
