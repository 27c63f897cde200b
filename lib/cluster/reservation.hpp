// Places in profiles that a cluster of nodes counts together. Whoever wants some for a call asks, and is told later:
// the count is elsewhere.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>
#include "base/id.hpp"
#include "dialog/dialog_id.hpp"

namespace tandem {

using ReservationId = Id<struct ReservationTag>;

struct ClusterPlace {
    std::string profile;
    std::string value;       // empty for a profile without values
    std::uint32_t limit = 0; // 0: counted only
};

struct Reservation {
    ReservationId id; // of who asks
    RecordId dialog;
    std::vector<ClusterPlace> places; // all or none
};

// A dialog that goes on has left one of its places.
struct Departure {
    RecordId dialog;
    std::string profile;
    std::string value;
};

// What calls say of their places. One may leave a place and ask for it again at once: only in their order it is true.
using PlaceRequest = std::variant<Reservation, Departure>;

enum class Verdict : std::uint8_t {
    admitted,
    refused, // by a limit
    unknown, // an outage: the places are kept for the call until it is released, and counted when that is over
    full     // a bound of our own is reached
};

struct Reserved {
    ReservationId id;
    Verdict verdict = Verdict::unknown;
    std::size_t index = 0;  // refused: by the limit of this place
    std::uint32_t size = 0; // refused: members then
};

} // namespace tandem
