#include "registrar/binding_targets.hpp"
#include <algorithm>
#include <string_view>
#include <utility>

namespace tandem {
namespace {

BindingRoute route_of(const BindingRecord &binding) {
    BindingRoute route;
    route.id = binding.id;
    route.contact = binding.contact.substr(0, binding.contact.find('?'));
    route.path = binding.path;
    route.flow = binding.flow;
    route.is_direct = binding.is_direct;
    // Behind an edge proxy the flow is between that and the phone; we have the path.
    route.is_outbound = binding.reg_id != 0 && binding.path.empty();
    return route;
}

} // namespace

std::vector<BindingTarget> targets_of(std::vector<BindingRecord> bindings) {
    std::stable_sort(bindings.begin(), bindings.end(),
                     [](const BindingRecord &a, const BindingRecord &b) { return a.registered > b.registered; });
    std::vector<BindingTarget> targets;
    std::vector<std::string_view> instances; // of each target
    for (const BindingRecord &binding : bindings) {
        const auto same = std::find(instances.begin(), instances.end(), binding.instance);
        if (!binding.instance.empty() && same != instances.end()) {
            targets[static_cast<std::size_t>(same - instances.begin())].spares.push_back(route_of(binding));
            continue;
        }
        targets.push_back({binding.q, route_of(binding), {}});
        instances.push_back(binding.instance);
    }
    std::stable_sort(targets.begin(), targets.end(),
                     [](const BindingTarget &a, const BindingTarget &b) { return a.q > b.q; });
    return targets;
}

} // namespace tandem
