// Commands of leases as the words that Redis is told, and its answers as what they mean.
#pragma once
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>
#include "cluster/lease_store.hpp"
#include "storage/redis/redis_value.hpp"

namespace tandem {

constexpr std::size_t lease_script_count = 4;

// Of the scripts, as Redis named them when they were loaded: in this order.
enum class LeaseScript : std::size_t { hello, reserve, renew, size };
using LeaseScriptNames = std::array<std::string, lease_script_count>;
std::string_view text_of(LeaseScript script);

std::vector<std::string> words_of(const LeaseCommand &command, const LeaseScriptNames &names, std::string_view prefix);

// The key that says which server of a cluster a command goes to.
std::string first_key(const LeaseCommand &command, std::string_view prefix);

LeaseAnswer read_answer(const LeaseCommand &command, const RedisValue &value);

// Whether this error says that the server can not serve us at all, rather than this command.
bool is_of_server(std::string_view error);

// For the log: short, and without control characters.
std::string printable(std::string_view text);

} // namespace tandem
