// The hard limits of one SIP message. What exceeds one is refused before anything is built from it.
#pragma once
#include <cstddef>

namespace tandem {

constexpr std::size_t message_size_max = 65536;   // bytes, headers and body: a UDP datagram holds no more
constexpr std::size_t datagram_size_max = 65507;  // bytes of what we send: the payload of the largest IPv4 datagram
constexpr std::size_t header_count_max = 256;     // header lines
constexpr std::size_t header_size_max = 16384;    // bytes of one header line
constexpr std::size_t start_line_size_max = 4096; // bytes of a Request-Line on a stream
constexpr std::size_t uri_size_max = 2048;        // bytes of a Request-URI, From, To or Contact URI
constexpr std::size_t call_id_size_max = 256;     // bytes of a Call-ID
constexpr std::size_t tag_size_max = 256;         // bytes of a From or To tag
constexpr std::size_t branch_size_max = 512;      // bytes of a Via branch
constexpr std::size_t via_count_max = 70;         // as many as the usual Max-Forwards lets grow
constexpr std::size_t route_count_max = 32;       // entries of a Route or Record-Route set

} // namespace tandem
