// Endpoints as the kernel writes them.
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>
#include "base/endpoint.hpp"
#include "base/error.hpp"

namespace tandem {

union SocketAddress {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
};

socklen_t to_address(const Endpoint &endpoint, SocketAddress &address); // its size
void read_address(const SocketAddress &address, Endpoint &endpoint);    // sets ip and port, leaves the rest

// Why it could not be opened, in one line: "udp:127.0.0.1:5060: address already in use".
Failure open_failure(const Endpoint &at, int error);
std::string error_text(int error); // of an errno, as the rest of a sentence

} // namespace tandem
