// The little that tandem changes in a session description (RFC 4566) when it makes an offer of its own: the directions
// of the media (RFC 3264 section 6.1), and the origin, which stays one on a leg while its version rises (section 8).
// All other lines stay as they are, byte for byte.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tandem {

enum class Direction : std::uint8_t { sendrecv, sendonly, recvonly, inactive };

// What the offer of somebody on hold says (RFC 3264 section 8.4).
constexpr Direction held(Direction direction) {
    const bool sends = direction == Direction::sendrecv || direction == Direction::sendonly;
    return sends ? Direction::sendonly : Direction::inactive;
}

// One for each m= line. None: no description, or more than `sdp_media_max` of them.
constexpr std::size_t sdp_media_max = 64;
std::optional<std::vector<Direction>> directions_of(std::string_view sdp);

// The description with these directions; further media is sendrecv. None as above.
std::optional<std::string> with_directions(std::string_view sdp, std::span<const Direction> directions);

// The o= line.
struct Origin {
    std::string name; // username and sess-id
    std::uint64_t version = 0;
    std::string address; // nettype, addrtype and address

    std::string to_string() const;
};

std::optional<Origin> origin_of(std::string_view sdp); // none: there is none that can be read
std::string with_origin(std::string_view sdp, const Origin &origin);
bool is_same_but_origin(std::string_view a, std::string_view b);

} // namespace tandem
