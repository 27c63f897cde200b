// Descriptions for who has nobody to talk to yet (RFC 3725 section 4.2): no media flows, in either direction.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tandem {

// An offer of audio in what every phone has. `session` makes its origin (RFC 4566 section 5.2).
std::string held_offer(std::uint64_t session);

// The answer to an offer: its media in the same order, with the same formats. What needs keys is refused, by port 0: we
// have none. None: no description, or more media than `sdp_media_max`.
std::optional<std::string> held_answer(std::string_view offer, std::uint64_t session);

} // namespace tandem
