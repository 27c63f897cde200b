// Who lives where in the simulated network: the B2BUA at one address, and each call's user agents at addresses that
// tell the call's number.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include "base/endpoint.hpp"
#include "dialog/dialog_state.hpp"

namespace tandem::sim {

// Of one call: index(Side) for the two that mean to talk, then whoever else is called besides.
using Party = std::size_t;
constexpr Party caller_party = 0;
constexpr Party callee_party = 1;
constexpr Party first_decoy = 2;
constexpr std::size_t decoy_max = 5;
constexpr Party target_party = first_decoy + decoy_max; // of a transfer
constexpr std::size_t party_max = target_party + 1;

constexpr std::uint16_t agent_port = 5060;
constexpr std::uint16_t proxy_port = 5080; // of a user agent's outermost proxy; further ones count up
constexpr std::size_t call_max = 65536;    // of one simulation: two bytes of the address

inline Endpoint engine_address() { return {.ip = {.bytes = {192, 0, 2, 1}}, .port = 5060}; }

inline Endpoint agent_address(std::size_t call, Party party, std::uint16_t port = agent_port) {
    return {.ip = {.bytes = {10, static_cast<std::uint8_t>(1 + party), static_cast<std::uint8_t>(call >> 8),
                             static_cast<std::uint8_t>(call)}},
            .port = port};
}

inline bool is_engine(const Endpoint &at) { return at.ip.bytes[0] == 192; }
inline std::size_t call_at(const Endpoint &agent) {
    return static_cast<std::size_t>(agent.ip.bytes[2]) << 8 | agent.ip.bytes[3];
}
inline Party party_at(const Endpoint &agent) { return static_cast<Party>(agent.ip.bytes[1]) - 1; }

inline std::string party_name(Party party) {
    if (party == caller_party) return "caller";
    if (party == callee_party) return "callee";
    if (party == target_party) return "target";
    return "decoy " + std::to_string(party - first_decoy);
}

} // namespace tandem::sim
