// Endpoints as the kernel writes them.
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>
#include "base/endpoint.hpp"

namespace tandem {

union SocketAddress {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
};

socklen_t to_address(const Endpoint &endpoint, SocketAddress &address); // its size
void read_address(const SocketAddress &address, Endpoint &endpoint);    // sets ip and port, leaves the rest

} // namespace tandem
