// The parameters of a call by name, read one after the other: each has a type and a bound, and the first that is wrong
// is told by its name. What is not asked for is overlooked.
//
//     const auto id = params.text("id");
//     const auto limit = params.number_or("limit", 100, 1, 1000);
//     if (const auto wrong = params.error()) return reply.fail(*wrong);
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include "callapi/rpc_error.hpp"

namespace tandem {

class RpcParams {
public:
    static constexpr std::size_t text_max = 2048; // bytes

    explicit RpcParams(Json object) : object_(std::move(object)) {}

    // Without control characters: none of them brings a line of its own into a header. An empty one is none.
    std::string text(std::string_view name, std::size_t max = text_max);
    std::string text_or(std::string_view name, std::string_view otherwise, std::size_t max = text_max);

    std::uint64_t number(std::string_view name, std::uint64_t min, std::uint64_t max);
    std::uint64_t number_or(std::string_view name, std::uint64_t otherwise, std::uint64_t min, std::uint64_t max);
    std::optional<std::uint64_t> optional_number(std::string_view name, std::uint64_t min, std::uint64_t max);
    bool flag_or(std::string_view name, bool otherwise);
    Json object_or_empty(std::string_view name); // an object; its members are looked at by the caller

    bool has(std::string_view name) const;
    const Json &all() const { return object_; }

    // For what only the caller can tell: fail("leg", "must be \"caller\" or \"callee\"").
    void fail(std::string_view name, std::string_view what);
    const std::optional<RpcError> &error() const { return error_; } // of the first one

private:
    const Json *find(std::string_view name) const;
    std::string read_text(std::string_view name, const Json &value, std::size_t max, bool may_be_empty);

    Json object_;
    std::optional<RpcError> error_;
};

} // namespace tandem
