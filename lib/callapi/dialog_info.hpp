// A live call as an administrator sees it: one value made of the records of its two legs, free of the tracker. And
// which calls he wants to see.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>
#include "base/instant.hpp"
#include "base/wall_clock.hpp"
#include "cdr/cdr.hpp"
#include "dialog/dialog_id.hpp"
#include "dialog/dialog_record.hpp"
#include "dialog/dialog_state.hpp"

namespace tandem {

// One peer, as its dialog with us has it.
struct PeerInfo {
    std::string call_id; // of that dialog; empty: there is none yet
    std::string tag;
    std::string contact;
    std::string route_set;  // comma separated, in the order a request to the peer carries it
    std::uint32_t cseq = 0; // of the last request from there; 0: none yet
    std::string socket;     // our end: "udp:192.0.2.1:5060"

    bool operator==(const PeerInfo &) const = default;
};

struct DialogInfo {
    RecordId id; // that of the row in the store, and of the record when the call ends
    std::string from_uri;
    std::string to_uri;
    std::string request_uri;
    std::string source;
    std::string trunk;
    DialogState state = DialogState::trying;
    EndReason end_reason = EndReason::none; // known while the end is under way
    std::int64_t init_us = 0;               // UTC, as the others, 0 where it has not happened: of the INVITE
    std::int64_t ringing_us = 0;
    std::int64_t start_us = 0; // of the answer
    std::int64_t duration_us = 0;
    std::int64_t timeout_us = 0;   // when the call ends unless something happens before; 0: never
    std::int64_t lifetime_us = 0;  // from what that counts from; 0: no limit
    std::array<PeerInfo, 2> peers; // by Side
    std::vector<CdrProfile> profiles;
    std::vector<CdrVariable> variables;
};

// `record` is the one that counts; `legs` are those of its call with the caller and with the callee, null where there
// is none, and `sockets` our ends of them.
DialogInfo make_dialog_info(const DialogRecord &record, const std::array<const DialogRecord *, 2> &legs,
                            const std::array<std::string, 2> &sockets, const WallClock &wall, Instant now);

// All that is given must hold. Texts but the profile's are patterns (event/glob.hpp).
struct DialogFilter {
    std::optional<DialogState> state{};
    std::string call_id{}; // of either leg
    std::string from{};    // URI of From
    std::string to{};
    std::string trunk{};
    std::string source{};
    std::string profile{};
    std::optional<std::string> value{}; // in that profile

    bool is_empty() const;
    bool matches(const DialogRecord &record) const;
};

} // namespace tandem
