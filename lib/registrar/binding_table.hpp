// The bindings of all users, and when the next of them ends. Private to this folder; not for several threads at once.
#pragma once
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include "base/instant.hpp"
#include "registrar/binding.hpp"

namespace tandem {

class BindingTable {
public:
    using Bindings = std::vector<BindingRecord>;

    std::size_t size() const { return size_; } // of all users
    const Bindings &of(std::string_view aor) const;
    void replace(std::string_view aor, Bindings bindings);

    // Those of the next users behind `aor`, in its order, until there are `max` of them or more; empty: there is none.
    Bindings list(std::string_view aor, std::size_t max) const;

    std::optional<Instant> next_deadline() const;
    // Takes out what is over at `now`, and hands it over.
    void expire(Instant now, const std::function<void(BindingRecord)> &f);

private:
    struct User {
        Bindings bindings; // never empty
        Instant deadline;  // of the first that ends
    };
    using Users = std::map<std::string, User, std::less<>>;

    Users users_;
    std::set<std::pair<Instant, std::string_view>> deadlines_; // one of each user; the names are keys of users_
    std::size_t size_ = 0;
};

} // namespace tandem
