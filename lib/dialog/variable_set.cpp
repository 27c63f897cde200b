#include "dialog/variable_set.hpp"
#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>
#include "base/text.hpp"

namespace tandem {
namespace {

constexpr bool is_number(VariableType type) { return type == VariableType::integer || type == VariableType::boolean; }

// Only what the type has a use for; a boolean becomes 0 or 1.
VariableValue normal(const VariableValue &value) {
    switch (value.type) {
    case VariableType::text: return VariableValue::of_text(value.text);
    case VariableType::integer: return VariableValue::of_integer(value.integer);
    case VariableType::boolean: return VariableValue::of_boolean(value.integer != 0);
    case VariableType::bytes: return VariableValue::of_bytes(value.text);
    }
    return value;
}

Result<void> check_name(std::string_view name, const VariableLimits &limits) {
    if (name.empty() || !is_visible_ascii(name)) return Error::invalid;
    if (name.size() > limits.name_max) return Error::too_large;
    return {};
}

std::size_t size_of(const VariableView &variable) {
    const VariableValue &value = variable.value;
    return variable.name.size() + (is_number(value.type) ? sizeof value.integer : value.text.size());
}

} // namespace

std::string_view to_string(VariableType type) {
    switch (type) {
    case VariableType::text: return "text";
    case VariableType::integer: return "integer";
    case VariableType::boolean: return "boolean";
    case VariableType::bytes: return "bytes";
    }
    return "text";
}

bool VariableValue::operator==(const VariableValue &other) const {
    const VariableValue a = normal(*this);
    const VariableValue b = normal(other);
    return a.type == b.type && a.text == b.text && a.integer == b.integer;
}

VariableSet::Variable::Variable(std::string_view name, const VariableValue &value)
    : text(new char[name.size() + value.text.size()]),
      number(is_number(value.type) ? value.integer : static_cast<std::int64_t>(value.text.size())),
      name_size(static_cast<std::uint32_t>(name.size())), type(value.type) {
    std::memcpy(text.get(), name.data(), name.size());
    if (!value.text.empty()) std::memcpy(text.get() + name.size(), value.text.data(), value.text.size());
}

VariableView VariableSet::Variable::view() const {
    const std::string_view name(text.get(), name_size);
    if (is_number(type)) return {name, {type, {}, number}};
    return {name, {type, {text.get() + name_size, static_cast<std::size_t>(number)}, 0}};
}

Result<void> VariableSet::set(std::string_view name, const VariableValue &given, const VariableLimits &limits) {
    const VariableValue value = normal(given);
    if (auto checked = check_name(name, limits); !checked) return checked;
    if (value.type == VariableType::text && !(is_header_safe(value.text) && is_utf8(value.text))) return Error::invalid;

    const std::size_t position = position_of(name);
    const bool is_new = position == size();
    const std::size_t kept = bytes() - (is_new ? 0 : size_of(at(position)));
    if (kept + size_of({name, value}) > limits.bytes_max) return Error::too_large;
    if (is_new && size() >= limits.count_max) return Error::full;

    // A counter allocates once.
    if (!is_new && is_number(value.type) && is_number(variables_[position].type)) {
        variables_[position].number = value.integer;
        variables_[position].type = value.type;
        return {};
    }

    // The new one is whole before the old one goes: the arguments may be views of it, and there may be no memory.
    Variable variable(name, value);
    if (is_new) {
        variables_.reserve(size() + 1);
        variables_.push_back(std::move(variable));
    } else {
        variables_[position] = std::move(variable);
    }
    return {};
}

Result<std::int64_t> VariableSet::add(std::string_view name, std::int64_t amount, const VariableLimits &limits) {
    using Range = std::numeric_limits<std::int64_t>;
    const auto present = find(name);
    if (present && present->type != VariableType::integer) return Error::wrong_type;
    const std::int64_t before = present ? present->integer : 0;
    if (amount > 0 ? before > Range::max() - amount : before < Range::min() - amount) return Error::out_of_range;
    if (auto done = set(name, VariableValue::of_integer(before + amount), limits); !done) return done.error();
    return before + amount;
}

Result<void> VariableSet::compare_and_set(std::string_view name, const std::optional<VariableValue> &expected,
                                          const std::optional<VariableValue> &desired, const VariableLimits &limits) {
    if (auto checked = check_name(name, limits); !checked) return checked;
    if (find(name) != expected) return Error::conflict;
    if (desired) return set(name, *desired, limits);
    erase(name);
    return {};
}

bool VariableSet::erase(std::string_view name) {
    const std::size_t position = position_of(name);
    if (position == size()) return false;
    variables_.erase(variables_.begin() + static_cast<std::ptrdiff_t>(position));
    return true;
}

std::optional<VariableValue> VariableSet::find(std::string_view name) const {
    const std::size_t position = position_of(name);
    if (position == size()) return std::nullopt;
    return at(position).value;
}

VariableView VariableSet::at(std::size_t i) const { return variables_[i].view(); }

std::size_t VariableSet::position_of(std::string_view name) const {
    std::size_t position = 0;
    while (position < size() && at(position).name != name) ++position;
    return position;
}

std::size_t VariableSet::bytes() const {
    std::size_t bytes = 0;
    for (const Variable &variable : variables_) bytes += size_of(variable.view());
    return bytes;
}

} // namespace tandem
