// The two dialogs of a call, for whoever shows it.
#pragma once
#include <array>
#include "base/endpoint.hpp"
#include "dialog/dialog_id.hpp"

namespace tandem {

struct LegView {
    DialogId dialog; // none: nobody rings yet
    Endpoint peer;   // next hop, by the listener that sends there
};

using CallLegs = std::array<LegView, 2>; // by Side

} // namespace tandem
