// Nonces, and which of them were used how often. Private to this folder.
//
// A nonce is its time and number, signed by a key that nobody else has: nothing is kept of one that was only handed
// out, so a flood of requests without credentials costs no memory. After a restart the key is another one, and all
// nonces are stale.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include "base/instant.hpp"
#include "base/random.hpp"

namespace tandem {

enum class NonceUse : std::uint8_t {
    ok,
    stale,    // too old, not ours, or forgotten
    replayed, // this count was there already
};

class NonceTable {
public:
    NonceTable(Duration lifetime, std::size_t max, Random &random);

    std::string make(Instant now);

    // Whether it is ours and counts still, so that credentials with it are worth a look.
    bool is_live(std::string_view nonce, Instant now) const;

    // By right credentials. Beyond `max` used ones the oldest is forgotten, and stale from then on.
    NonceUse use(std::string_view nonce, std::uint32_t nc, Instant now);

    std::size_t size() const { return counts_.size(); }

private:
    struct Nonce {
        Instant made{};
        std::uint64_t number = 0;
    };

    // Which counts were there: the highest, and of the 64 up to it each, since requests overtake each other.
    struct Counts {
        Instant made{};
        std::uint32_t highest = 0;
        std::uint64_t seen = 0; // bit 0: the highest
    };

    std::optional<Nonce> find_live(std::string_view text, Instant now) const;
    std::optional<Nonce> parse(std::string_view text) const;
    std::uint64_t sign(const Nonce &nonce) const;
    void forget_old(Instant now);
    void forget_oldest();
    static bool count(std::uint32_t nc, Counts &counts);

    Duration lifetime_;
    std::size_t max_;
    std::uint64_t key0_;
    std::uint64_t key1_;
    std::uint64_t last_ = 0;                 // number given
    std::uint64_t forgotten_ = 0;            // up to here what is not in counts_ may have been used
    std::map<std::uint64_t, Counts> counts_; // by number, so the oldest is the first
};

} // namespace tandem
