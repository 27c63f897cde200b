// The limits and patience of TCP and TLS.
#pragma once
#include <cstddef>
#include "base/instant.hpp"

namespace tandem {

struct StreamOptions {
    std::size_t read_size = 65536;              // bytes in one system call; one buffer for all connections
    std::size_t reads_per_wake = 4;             // of one connection; then others of the loop get their turn
    std::size_t queue_bytes_max = 1 << 20;      // unsent, of one connection; beyond it a message fails
    std::size_t queue_bytes_all_max = 64 << 20; // of all of them
    std::size_t connection_max = 16384;         // of this transport; an eighth is kept for those that we make
    std::size_t connections_per_source = 1024;  // from one IPv4 address or one IPv6 /64
    std::size_t aliases_max = 4;                // of one connection (RFC 5923)

    Duration connect_timeout = std::chrono::seconds(5);
    Duration handshake_timeout = std::chrono::seconds(10);
    Duration message_timeout = std::chrono::seconds(10); // from the first byte of a message to its last
    Duration silent_timeout = std::chrono::seconds(32);  // for the first message of one that was accepted
    Duration idle_timeout = std::chrono::hours(1);       // without a word in either direction
    Duration send_timeout = std::chrono::seconds(32);    // for a peer that takes nothing; 64*T1: all is over then
    Duration refuse_timeout = std::chrono::seconds(2);   // for a peer to read why it was refused
    Duration ping_interval = Duration::zero();           // CRLF CRLF on a quiet connection that we made; zero: none
    Duration pong_timeout = std::chrono::seconds(10);    // for any byte after it (RFC 5626 section 4.4.1)

    int backlog = 1024;
    bool share_port = false; // SO_REUSEPORT: one listening socket for each worker
};

} // namespace tandem
