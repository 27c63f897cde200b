// How a message finds its transaction: a keyed digest of what RFC 3261 sections 17.1.3 and 17.2.3 compare. Texts are
// hashed and forgotten; without the key nobody can choose two that meet.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include "base/hash.hpp"
#include "base/random.hpp"
#include "sip/message.hpp"

namespace tandem {

// 128 bits by two independent keys: equal keys are equal texts. The first half is the place in the index.
struct MatchKey {
    std::uint64_t index = 0;
    std::uint64_t check = 0;

    bool operator==(const MatchKey &) const = default;
};

struct ServerMatch {
    MatchKey key;             // of all but the method: a CANCEL meets the request that it cancels
    std::uint32_t to_tag = 0; // of the request's To tag, where is_old
    bool is_old = false;      // no cookie in the branch: the peer follows RFC 2543
};

class Matcher {
public:
    explicit Matcher(Random &random);

    MatchKey client(std::string_view branch) const;

    // By branch and sent-by; without the magic cookie by Request-URI, From tag, Call-ID, CSeq number and top Via,
    // and the To tag apart from those, because that of an ACK is the response's.
    ServerMatch server(const Message &request) const;
    std::uint32_t tag(std::string_view tag) const;

    // What two copies of one request have in common when they came different ways (RFC 3261 section 8.2.2.2).
    // Never 0.
    std::uint64_t merge(const Message &request) const;

    // Of the far end of a connection.
    std::uint64_t peer(const Endpoint &peer) const;

    // What a response repeats of its request. Never 0.
    std::uint64_t repeated(std::string_view call_id, std::string_view from_tag, std::uint32_t cseq) const;

    // Appends the To tag of a response that leaves no transaction behind. The same request always gets the same
    // tag, and so do the ACK and the CANCEL that belong to it. It is a token, with the shard of `random`.
    void append_tag(const Message &request, std::string &out) const;

private:
    KeyedHash index_;
    KeyedHash check_;
    KeyedHash tags_; // a key of its own, because the network sees what it makes
    std::uint8_t shard_;
};

} // namespace tandem
