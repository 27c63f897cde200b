// The requests of the last while, of which nothing else may be kept: one that comes once more is known for what it is.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include "base/hash_index.hpp"
#include "base/id.hpp"
#include "base/instant.hpp"

namespace tandem {

class RecentKeys {
public:
    // A key is the hash of all that makes the request the same one. It is known for as long as a request is repeated,
    // 64*T1 (RFC 3261 section 17.1.1.2), at least, unless more than max others come meanwhile; twice that at most.
    bool contains(std::uint64_t key) const;
    void add(std::uint64_t key, Instant now); // throws bad_alloc

    static constexpr std::size_t max = 65536; // of one generation, of which there are two
    static constexpr Duration span = std::chrono::milliseconds(32'000);

private:
    using Mark = Id<struct RecentKeyTag>; // says nothing but that the key is there

    std::array<HashIndex<Mark>, 2> generations_;
    std::size_t newer_ = 0;
    Instant begun_{}; // the newer one
};

} // namespace tandem
