#include "callapi/rpc_params.hpp"
#include <fmt/format.h>
#include "base/text.hpp"

namespace tandem {

const Json *RpcParams::find(std::string_view name) const {
    const auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
}

bool RpcParams::has(std::string_view name) const { return find(name) != nullptr; }

void RpcParams::fail(std::string_view name, std::string_view what) {
    if (!error_) error_ = RpcError{RpcCode::invalid_params, fmt::format("\"{}\" {}", name, what), {}};
}

std::string RpcParams::read_text(std::string_view name, const Json &value, std::size_t max, bool may_be_empty) {
    const auto *text = value.get_ptr<const std::string *>();
    if (!text) return fail(name, "must be a string"), std::string();
    if (text->empty() && !may_be_empty) return fail(name, "is empty"), std::string();
    if (text->size() > max) return fail(name, fmt::format("is longer than {} bytes", max)), std::string();
    if (has_control_bytes(*text)) return fail(name, "has control characters"), std::string();
    return *text;
}

std::string RpcParams::text(std::string_view name, std::size_t max) {
    const Json *value = find(name);
    if (!value) return fail(name, "is missing: a string"), std::string();
    return read_text(name, *value, max, false);
}

std::string RpcParams::text_or(std::string_view name, std::string_view otherwise, std::size_t max) {
    const Json *value = find(name);
    return value ? read_text(name, *value, max, true) : std::string(otherwise);
}

std::optional<std::uint64_t> RpcParams::optional_number(std::string_view name, std::uint64_t min, std::uint64_t max) {
    const Json *value = find(name);
    if (!value) return std::nullopt;
    // A negative number is another kind of number, and outside of any range here.
    if (!value->is_number_unsigned() || value->get<std::uint64_t>() < min || value->get<std::uint64_t>() > max) {
        fail(name, fmt::format("must be a whole number from {} to {}", min, max));
        return std::nullopt;
    }
    return value->get<std::uint64_t>();
}

std::uint64_t RpcParams::number(std::string_view name, std::uint64_t min, std::uint64_t max) {
    if (!has(name)) fail(name, fmt::format("is missing: a whole number from {} to {}", min, max));
    return optional_number(name, min, max).value_or(min);
}

std::uint64_t RpcParams::number_or(std::string_view name, std::uint64_t otherwise, std::uint64_t min,
                                   std::uint64_t max) {
    return optional_number(name, min, max).value_or(otherwise);
}

bool RpcParams::flag_or(std::string_view name, bool otherwise) {
    const Json *value = find(name);
    if (!value) return otherwise;
    if (!value->is_boolean()) return fail(name, "must be true or false"), otherwise;
    return value->get<bool>();
}

Json RpcParams::object_or_empty(std::string_view name) {
    const Json *value = find(name);
    if (!value) return Json::object();
    if (!value->is_object()) return fail(name, "must be an object"), Json::object();
    return *value;
}

} // namespace tandem
