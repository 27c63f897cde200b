#include "registrar/binding_table.hpp"
#include <algorithm>

namespace tandem {

const BindingTable::Bindings &BindingTable::of(std::string_view aor) const {
    static const Bindings none;
    const auto user = users_.find(aor);
    return user == users_.end() ? none : user->second.bindings;
}

void BindingTable::replace(std::string_view aor, Bindings bindings) {
    auto user = users_.find(aor);
    if (user != users_.end()) {
        deadlines_.erase({user->second.deadline, user->first});
        size_ -= user->second.bindings.size();
    }
    if (bindings.empty()) {
        if (user != users_.end()) users_.erase(user);
        return;
    }
    if (user == users_.end()) user = users_.emplace(aor, User{}).first;
    Instant deadline = never;
    for (const BindingRecord &binding : bindings) deadline = std::min(deadline, binding.expires);
    size_ += bindings.size();
    user->second = {std::move(bindings), deadline};
    deadlines_.emplace(deadline, user->first);
}

BindingTable::Bindings BindingTable::list(std::string_view aor, std::size_t max) const {
    Bindings page;
    for (auto user = users_.upper_bound(aor); user != users_.end() && page.size() < max; ++user) {
        page.insert(page.end(), user->second.bindings.begin(), user->second.bindings.end());
    }
    return page;
}

std::optional<Instant> BindingTable::next_deadline() const {
    if (deadlines_.empty()) return std::nullopt;
    return deadlines_.begin()->first;
}

void BindingTable::expire(Instant now, const std::function<void(BindingRecord)> &f) {
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
        const std::string aor(deadlines_.begin()->second);
        Bindings left;
        for (const BindingRecord &binding : of(aor)) {
            if (binding.expires > now) {
                left.push_back(binding);
            } else {
                f(binding);
            }
        }
        replace(aor, std::move(left));
    }
}

} // namespace tandem
