// The CSeq numbers of a dialog whose requests a proxy sends anew: with credentials, because the far side challenged
// them, or of its own. Each takes a number more than the sender counts, so from then on all his numbers are shifted
// (RFC 3261 sections 12.2.1.1 and 22.2). Pure values.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "base/result.hpp"
#include "dialog/dialog_state.hpp"

namespace tandem {

// What stands behind a number that the far side knows.
struct CseqOrigin {
    std::uint32_t number = 0; // of the sender; of a request of the proxy's own the one that it was first sent with
    bool is_own = false;      // a request of the proxy's own: no sender waits for the answer

    bool operator==(const CseqOrigin &) const = default;
};

// The requests of one side of one dialog: the numbers that the sender gives them, and those that the far side sees.
// Both rise. It keeps where a shift begins and not the requests, so whatever comes again, however late, has the number
// it had. `last` is the highest number that the sender has used; none: he has sent nothing.
class CseqSpace {
public:
    // Shifts that are kept. The oldest are forgotten: of a request before so many challenges no message is on its way.
    static constexpr std::size_t step_max = 64;

    // The number that the far side sees of a request, its ACK and its CANCEL. Of one that was sent several times it is
    // the latest. not_found: forgotten; out_of_range: there is none left below 2^31.
    Result<std::uint32_t> sent(std::uint32_t number) const;

    // The reverse, for answers: of every time that it was sent. not_found: no request had that number, or forgotten.
    Result<CseqOrigin> origin(std::uint32_t sent) const;

    // A request is sent anew because it was refused under the number `sent`: the number to send it with. Told again of
    // the same refusal it answers the same. not_found: nothing was sent with that number; out_of_range.
    Result<std::uint32_t> retry(std::uint32_t sent, std::optional<std::uint32_t> last);

    // A request of the proxy's own takes the next number. out_of_range.
    Result<std::uint32_t> take(std::optional<std::uint32_t> last);

    // The next number that the far side will see.
    std::uint32_t next(std::optional<std::uint32_t> last) const;

    // As it was when `sent` was sent: for a dialog that grew from one of several tries.
    CseqSpace up_to(std::uint32_t sent) const;

    bool is_identity() const { return steps_.empty(); }
    bool operator==(const CseqSpace &) const = default;

    std::string to_string() const; // empty: every number is the sender's own
    static std::optional<CseqSpace> parse(std::string_view text);

private:
    // From `sent` on the far side sees what the sender counts from `key` on, up to the next step. The requests of the
    // proxy's own have keys of their own: the number they were first sent with, above 2^31.
    struct Step {
        std::uint32_t sent = 0;
        std::uint32_t key = 0;

        bool operator==(const Step &) const = default;
    };

    std::size_t size() const { return steps_.empty() ? 1 : steps_.size(); }
    Step at(std::size_t i) const { return steps_.empty() ? Step() : steps_[i]; }
    std::uint32_t end(std::size_t i) const; // of the numbers of step i
    std::optional<std::uint32_t> key_of(std::uint32_t sent) const;
    std::uint32_t next_key(std::optional<std::uint32_t> last) const;
    Result<std::uint32_t> append(std::uint32_t sent, std::uint32_t key, std::optional<std::uint32_t> last);
    void push(Step step);

    std::vector<Step> steps_; // by `sent`, rising; the last one is of the sender and has no end. Empty: one from 0 to 0
};

// Both directions of one dialog, or of one branch of an INVITE that has no dialog yet.
struct CseqMap {
    std::array<CseqSpace, 2> by_sender; // by Side

    CseqSpace &of(Side sender) { return by_sender[index(sender)]; }
    const CseqSpace &of(Side sender) const { return by_sender[index(sender)]; }
    bool operator==(const CseqMap &) const = default;

    // "0:0 2:1/0:0 5:*5 6:5": of the caller, then of the callee. Empty if nothing is shifted.
    std::string to_string() const;
    static std::optional<CseqMap> parse(std::string_view text);
};

// All of one dialog set. Which branch an early dialog grew from is known when its first answer passes.
class CseqMaps {
public:
    static constexpr std::size_t entry_max = 96; // dialogs and branches of one set

    enum class Kind : std::uint8_t { branch, fork };

    struct Entry {
        Kind kind = Kind::branch;
        std::string name; // of the branch, as the host calls it; of the fork its To-tag
        CseqMap map;
    };

    const CseqMap *find(Kind kind, std::string_view name) const;
    CseqMap *find(Kind kind, std::string_view name);

    // The map of that name, made if it is not there. Null: there are entry_max.
    CseqMap *make(Kind kind, std::string_view name);
    void erase(std::size_t i) { entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(i)); }

    bool is_full() const { return entries_.size() >= entry_max; }
    const std::vector<Entry> &entries() const { return entries_; } // the oldest first

private:
    std::vector<Entry> entries_;
};

} // namespace tandem
