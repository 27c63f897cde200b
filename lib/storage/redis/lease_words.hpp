// Commands of leases as the words that Redis is told, and its answers as what they mean.
#pragma once
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
using LeaseScriptNames = std::vector<std::string>;
std::string_view text_of(LeaseScript script);

std::vector<std::string> words_of(const LeaseCommand &command, const LeaseScriptNames &names, std::string_view prefix);

// The key that says which server of a cluster a command goes to.
std::string first_key(const LeaseCommand &command, std::string_view prefix);

LeaseAnswer read_answer(const LeaseCommand &command, const RedisValue &value);

} // namespace tandem
