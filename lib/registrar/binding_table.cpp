#include "registrar/binding_table.hpp"
#include <array>
#include <utility>

namespace tandem {

BindingTable::Bindings BindingTable::of(std::string_view aor) const {
    Bindings bindings;
    const auto user = users_.find(aor);
    if (user == users_.end()) return bindings;
    for (std::uint32_t at = *user; at != BindingRow::none; at = rows_.at(at).next) {
        bindings.push_back(rows_.at(at).record());
    }
    return bindings;
}

void BindingTable::replace(std::string_view aor, const Bindings &bindings) {
    const auto user = users_.find(aor);
    std::vector<BindingRowId> made;
    made.reserve(bindings.size());
    try {
        for (const BindingRecord &binding : bindings) {
            made.push_back(make(binding));
            if (made.size() > 1) rows_.at(made[made.size() - 2].slot()).next = made.back().slot();
        }
        if (user == users_.end() && !made.empty()) users_.insert(made[0].slot());
    } catch (...) {
        for (const BindingRowId id : made) destroy(id);
        throw;
    }
    if (user == users_.end()) return;

    // From here on nothing asks for memory.
    std::uint32_t old = *user;
    auto node = users_.extract(user);
    if (!made.empty()) {
        node.value() = made[0].slot();
        users_.insert(std::move(node));
    }
    while (old != BindingRow::none) {
        const BindingRowId id = rows_.id_at(old);
        old = rows_.at(old).next;
        destroy(id);
    }
}

void BindingTable::add(const BindingRecord &binding) {
    const auto user = users_.find(std::string_view(binding.aor));
    if (user == users_.end()) return replace(binding.aor, {binding});
    const BindingRowId id = make(binding);
    std::uint32_t last = *user;
    while (rows_.at(last).next != BindingRow::none) last = rows_.at(last).next;
    rows_.at(last).next = id.slot();
}

bool BindingTable::has_flow(std::string_view aor, const Endpoint &flow, Instant now) const {
    const auto user = users_.find(aor);
    if (user == users_.end()) return false;
    for (std::uint32_t at = *user; at != BindingRow::none; at = rows_.at(at).next) {
        const BindingRow &row = rows_.at(at);
        if (row.is_direct() && row.expires() > now && row.flow() == flow) return true;
    }
    return false;
}

BindingTable::Bindings BindingTable::list(std::string_view aor, std::size_t max) const {
    Bindings page;
    for (auto user = users_.upper_bound(aor); user != users_.end() && page.size() < max; ++user) {
        for (std::uint32_t at = *user; at != BindingRow::none; at = rows_.at(at).next) {
            page.push_back(rows_.at(at).record());
        }
    }
    return page;
}

void BindingTable::expire(Instant now, const std::function<void(BindingRecord)> &f) {
    timers_.advance(now, [&](BindingRowId id) { f(take_out(id)); });
}

void BindingTable::lose(const Endpoint &flow, Instant at, const std::function<void(BindingRecord)> &f) {
    std::vector<BindingRowId> lost;
    connections_.for_each_match(hash_of(flow), [&](BindingRowId id) {
        const BindingRow &row = rows_.at(id.slot());
        if (row.flow() == flow && row.registered() <= at) lost.push_back(id);
    });
    for (const BindingRowId id : lost) {
        BindingRow &row = rows_.at(id.slot());
        if (row.is_outbound()) {
            f(take_out(id));
            continue;
        }
        connections_.erase(hash_of(flow), id);
        row.forget_flow();
    }
}

// In no user's list yet.
BindingRowId BindingTable::make(const BindingRecord &binding) {
    timers_.make_room();
    const BindingRowId id = *rows_.emplace(binding);
    BindingRow &row = rows_.at(id.slot());
    row.timer = timers_.schedule(row.expires(), id);
    try {
        if (row.is_connected()) connections_.insert(hash_of(row.flow()), id);
    } catch (...) {
        destroy(id);
        throw;
    }
    return id;
}

void BindingTable::destroy(BindingRowId id) {
    const BindingRow &row = rows_.at(id.slot());
    timers_.cancel(row.timer);
    if (row.is_connected()) connections_.erase(hash_of(row.flow()), id);
    rows_.erase(id);
}

BindingRecord BindingTable::take_out(BindingRowId id) {
    const BindingRow &row = rows_.at(id.slot());
    BindingRecord record = row.record();
    const auto user = users_.find(row.aor());
    if (*user != id.slot()) {
        std::uint32_t before = *user;
        while (rows_.at(before).next != id.slot()) before = rows_.at(before).next;
        rows_.at(before).next = row.next;
    } else if (row.next == BindingRow::none) {
        users_.erase(user);
    } else {
        auto node = users_.extract(user);
        node.value() = row.next;
        users_.insert(std::move(node));
    }
    destroy(id);
    return record;
}

std::uint64_t BindingTable::hash_of(const Endpoint &flow) const {
    std::array<char, 20> key{};
    for (std::size_t i = 0; i < flow.ip.bytes.size(); ++i) key[i] = static_cast<char>(flow.ip.bytes[i]);
    key[16] = static_cast<char>(flow.port >> 8);
    key[17] = static_cast<char>(flow.port & 0xff);
    key[18] = static_cast<char>(flow.transport);
    key[19] = static_cast<char>(flow.listener);
    return hash_({key.data(), key.size()});
}

} // namespace tandem
