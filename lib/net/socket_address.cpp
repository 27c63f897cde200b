#include "net/socket_address.hpp"
#include <cstring>

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

} // namespace tandem
