// Which events a subscription is about: a name, and values that their keys must have, all of them. A key that the event
// does not have matches nothing.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>
#include "base/result.hpp"
#include "event/event.hpp"

namespace tandem {

class EventFilter {
public:
    static constexpr std::size_t key_max = 8;    // keys of one filter
    static constexpr std::size_t glob_max = 128; // bytes of a pattern, and
    static constexpr std::size_t star_max = 8;   // the stars in it

    struct Key {
        std::string key;
        std::string pattern; // a text where is_exact: see glob.hpp
        bool is_exact = true;
    };

    // Of a name, which may be a pattern, too: "" and "*" are every event.
    static Result<EventFilter> of(std::string_view name);

    // invalid: no key, a key twice, or too long; full: more than key_max, or a pattern beyond its bounds.
    Result<void> add(std::string_view key, std::string_view pattern);

    bool matches(const Event &event) const;

    const std::string &name() const { return name_; } // a text where has_exact_name(); empty: every event
    bool has_exact_name() const { return is_exact_ && !name_.empty(); }
    const std::vector<Key> &keys() const { return keys_; }

private:
    std::string name_;
    bool is_exact_ = true;
    std::vector<Key> keys_;
};

} // namespace tandem
