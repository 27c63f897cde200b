// What a decision of call control makes of a route of the configuration.
#pragma once
#include <optional>
#include <string_view>
#include <vector>
#include "call/decision.hpp"
#include "node/config.hpp"

namespace tandem {

// What a decision can name.
struct KnownTargets {
    const std::vector<TargetConfig> &trunks;
    const std::vector<Endpoint> &listen; // where we listen, which is what we can send by
};

// The target that this text means: the name of a trunk, a SIP URI (with a user, it is for that one), or "registered".
std::optional<TargetConfig> find_decided_target(std::string_view text, const KnownTargets &known);

// The route with the targets, the user and the headers of the decision in place of its own; none: it names a target
// that is none.
std::optional<RouteConfig> decide_route(const RouteConfig &route, const Decision &decision, const KnownTargets &known);

} // namespace tandem
