// When a registration is refreshed, and when one that failed is tried again.
#pragma once
#include <cstdint>
#include "base/instant.hpp"
#include "base/random.hpp"

namespace tandem {

constexpr Duration retry_wait_max = std::chrono::minutes(30);       // RFC 5626 section 4.5 has this as its default
constexpr Duration retry_after_max = std::chrono::hours(1);         // what a registrar can ask for
constexpr Duration registration_life_max = std::chrono::hours(720); // what it can grant, or ask us to ask for
constexpr Duration refusal_wait_min = std::chrono::minutes(15);     // after credentials that are refused

// After the answer that granted `granted`: at random, so that the trunks of many hosts that started together spread,
// and early enough for a registrar that is silent for the 32 s of a transaction to be tried once more.
Duration refresh_wait(Duration granted, Random &random);

// After `failures` rounds in a row, at least 1 (RFC 5626 section 4.5).
Duration retry_wait(Duration base, std::uint32_t failures, Random &random);

// What a Retry-After means: not sooner, and up to a tenth later, since it told others the same.
Duration retry_after_wait(Duration asked, Random &random);

// A password that is wrong stays wrong until somebody acts, and some registrars shut out who tries it often.
Duration refusal_wait(Random &random);

} // namespace tandem
