#include "event/filter.hpp"
#include <algorithm>
#include "event/glob.hpp"

namespace tandem {
namespace {

// What one match may cost is bounded by these.
bool is_too_costly(std::string_view pattern) {
    return pattern.size() > EventFilter::glob_max ||
           static_cast<std::size_t>(std::count(pattern.begin(), pattern.end(), '*')) > EventFilter::star_max;
}

} // namespace

Result<EventFilter> EventFilter::of(std::string_view name) {
    if (name.size() > event_name_max) return Error::invalid;
    EventFilter filter;
    if (name == "*") return filter;
    if (is_glob(name) && is_too_costly(name)) return Error::full;
    filter.is_exact_ = !is_glob(name);
    filter.name_ = filter.is_exact_ ? unescaped(name) : std::string(name);
    return filter;
}

Result<void> EventFilter::add(std::string_view key, std::string_view pattern) {
    if (key.empty() || key.size() > EventFields::key_max || pattern.size() > EventFields::value_max) {
        return Error::invalid;
    }
    const auto is_same = [&](const Key &other) { return other.key == key; };
    if (std::any_of(keys_.begin(), keys_.end(), is_same)) return Error::invalid;
    const bool is_exact = !is_glob(pattern);
    if (keys_.size() == key_max || (!is_exact && is_too_costly(pattern))) return Error::full;
    keys_.push_back({std::string(key), is_exact ? unescaped(pattern) : std::string(pattern), is_exact});
    return {};
}

bool EventFilter::matches(const Event &event) const {
    if (!name_.empty() && !(is_exact_ ? name_ == event.name : glob_matches(name_, event.name))) return false;
    return std::all_of(keys_.begin(), keys_.end(), [&](const Key &key) {
        const std::string_view value = event.fields.find(key.key);
        if (value.empty()) return false;
        return key.is_exact ? value == key.pattern : glob_matches(key.pattern, value);
    });
}

} // namespace tandem
