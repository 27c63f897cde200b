// The edge of a carrier that challenges (RFC 3261 section 22): it stands right beside the B2BUA, before the witness and
// the network. It answers what has no good credentials itself, and passes the rest on as if nobody had been challenged:
// without the credentials, and by numbers that count no challenge. So everybody behind it sees what the B2BUA
// promises, a call in which there are no challenges; what the B2BUA does about them is checked here.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>
#include "auth/digest_client.hpp"
#include "sim/dice.hpp"
#include "sim/journal.hpp"
#include "sim/text_message.hpp"

namespace tandem::sim {

class Carrier {
public:
    Carrier(std::size_t call, bool is_asking, Journal &journal, std::uint64_t seed);

    // What becomes of a datagram of the B2BUA: it goes on, or it is answered at once, or it was meant for the carrier.
    struct Passage {
        std::optional<std::string> onward;
        std::optional<std::string> back;
    };
    Passage outgoing(const std::string &bytes, Instant now);

    void has_come_back() { is_known_ = true; } // an answer of the carrier

    // Of a peer, to the B2BUA: a response has the number again that its request had.
    std::string incoming(const std::string &bytes) const;

    // What the B2BUA knows of it; null: it asks nobody.
    const std::shared_ptr<const Account> &account() const { return account_; }

private:
    using Space = std::tuple<std::string, std::string, std::string>; // Call-ID, our tag, the peer's or none

    bool is_good(const TextMessage &request, Instant now);
    Passage challenge(const TextMessage &request, bool is_stale, Instant now);
    std::uint32_t passed_number(const TextMessage &request, std::uint32_t number) const;
    std::string without_challenges(TextMessage request);
    void check_repeated(const TextMessage &ack, Instant now);
    void find(Instant now, std::string text) { journal_.hear(now, call_, "carrier: " + std::move(text)); }

    const std::size_t call_;
    Journal &journal_;
    Dice dice_;
    std::shared_ptr<const Account> account_;
    std::map<std::string, std::uint32_t> counts_;       // by nonce, as it was used last
    bool is_known_ = false;                             // the B2BUA has a nonce
    std::map<Space, std::vector<std::uint32_t>> asked_; // numbers of requests that were challenged
    std::map<std::string, std::string> credentials_;    // of INVITEs that were passed, by Call-ID and number
    std::map<std::string, std::string> numbers_;        // CSeq values of requests, by branch and method
    std::set<std::string> challenged_;                  // branches and methods
    std::map<std::string, int> in_a_row_;               // challenges, by Call-ID and method
};

} // namespace tandem::sim
