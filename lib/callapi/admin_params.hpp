// The parameters that methods of administration have in common. What is wrong is noted in `params`, which tells the
// first.
#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include "callapi/admin_host.hpp"
#include "callapi/rpc_params.hpp"

namespace tandem {

inline constexpr std::size_t admin_page = 100;      // items of a page, where nobody asks for another number
inline constexpr std::size_t admin_page_max = 1000; // the same, at most

// Others are refused: a filter with a slip of the pen would show everything, and look right.
void allow_only(RpcParams &params, std::initializer_list<std::string_view> names);

// None: it is not there, or null. The empty text is one.
std::optional<std::string> optional_text(RpcParams &params, std::string_view name);

std::size_t read_limit(RpcParams &params);                // "limit"
std::uint64_t read_cursor(RpcParams &params);             // "cursor": what a page has given as "next"
DialogName read_dialog(RpcParams &params);                // "id", or "call-id"
DialogFilter read_filter(RpcParams &params);              // "filter"
EndReason read_reason(RpcParams &params);                 // "reason"; `admin` if there is none
std::optional<CdrVariable> read_value(RpcParams &params); // "value" of a variable; none: null, or it is not there

} // namespace tandem
