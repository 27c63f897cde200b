#include "event/fields.hpp"
#include <algorithm>

namespace tandem {

static_assert(EventFields::count_max * (EventFields::key_max + EventFields::value_max) <= 0xffff);

bool EventFields::add(std::string_view key, std::string_view value) {
    if (value.empty()) return true;
    if (key.empty() || key.size() > key_max || value.size() > value_max) return false;
    if (size_ == count_max || !find(key).empty()) return false;
    if (text_.empty()) text_.reserve(std::max<std::size_t>(128, key.size() + value.size()));
    text_.append(key);
    ends_[2 * size_] = static_cast<std::uint16_t>(text_.size());
    text_.append(value);
    ends_[2 * size_ + 1] = static_cast<std::uint16_t>(text_.size());
    ++size_;
    return true;
}

std::string_view EventFields::find(std::string_view key) const {
    for (std::size_t i = 0; i < size_; ++i) {
        if (this->key(i) == key) return value(i);
    }
    return {};
}

bool EventFields::operator==(const EventFields &other) const {
    return size_ == other.size_ && text_ == other.text_ && ends_ == other.ends_;
}

} // namespace tandem
