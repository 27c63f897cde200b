// The bindings of all users, by user, by flow, and by the time they end. Private to this folder; not for several
// threads at once. Where memory ends in a function, it throws bad_alloc and has changed nothing.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <string_view>
#include <vector>
#include "base/hash.hpp"
#include "base/hash_index.hpp"
#include "base/instant.hpp"
#include "base/random.hpp"
#include "base/slot_table.hpp"
#include "base/timer_wheel.hpp"
#include "registrar/binding.hpp"
#include "registrar/binding_row.hpp"

namespace tandem {

class BindingTable {
public:
    using Bindings = std::vector<BindingRecord>;

    explicit BindingTable(Random &random) : hash_(random) {}

    std::size_t size() const { return rows_.size(); } // of all users

    Bindings of(std::string_view aor) const;
    void replace(std::string_view aor, const Bindings &bindings);
    void add(const BindingRecord &binding);

    // A binding of this user that is alive came from there, from the phone itself.
    bool has_flow(std::string_view aor, const Endpoint &flow, Instant now) const;

    // Those of the next users behind `aor`, in its order, until there are `max` of them or more; empty: there is none.
    Bindings list(std::string_view aor, std::size_t max) const;

    // No later than the first binding ends.
    std::optional<Instant> next_deadline() const { return timers_.next_deadline(); }

    // Takes out what is over at `now`, and hands it over.
    void expire(Instant now, const std::function<void(BindingRecord)> &f);

    // The same for what ends with the connection at `flow`, which was there until `at`; other bindings over it forget
    // where they came from.
    void lose(const Endpoint &flow, Instant at, const std::function<void(BindingRecord)> &f);

private:
    using Rows = SlotTable<BindingRow, BindingRowTag>;

    struct ByAor {
        using is_transparent = void;
        std::string_view aor(std::string_view aor) const { return aor; }
        std::string_view aor(std::uint32_t row) const { return rows->at(row).aor(); }
        template <class A, class B>
        bool operator()(const A &a, const B &b) const {
            return aor(a) < aor(b);
        }
        const Rows *rows;
    };

    BindingRowId make(const BindingRecord &binding);
    void destroy(BindingRowId id);
    BindingRecord take_out(BindingRowId id);
    std::uint64_t hash_of(const Endpoint &flow) const;

    Rows rows_{std::numeric_limits<std::uint32_t>::max()};
    std::set<std::uint32_t, ByAor> users_{ByAor{&rows_}}; // the first binding of each
    KeyedHash hash_;
    HashIndex<BindingRowId> connections_; // by flow
    TimerWheel<BindingRowId> timers_{Instant()};
};

} // namespace tandem
