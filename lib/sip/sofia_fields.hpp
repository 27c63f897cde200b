// What a tracker reads of a message that somebody else has parsed with sofia-sip.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include "base/method.hpp"

struct sip_s; // sip_t of sofia-sip

namespace tandem {

// Views point into the sip_t; what sofia keeps in parts is text of its own.
struct SofiaFields {
    Method method = Method::unknown; // of a response: the one in its CSeq
    std::uint16_t status = 0;        // 0: a request
    std::uint32_t cseq = 0;
    std::string_view call_id;
    std::string_view from_tag; // empty: none
    std::string_view to_tag;
    std::string from_uri; // of the INVITE without To-tag only, as the next two
    std::string to_uri;
    std::string request_uri;
    std::string contact_uri;  // of the first Contact; empty: none, or "*"
    std::string record_route; // every entry, separated by commas
    std::string reason;       // Reason headers, separated by commas
    std::string_view branch;  // of the topmost Via
};

// False if the message lacks a start line, From, To, Call-ID or CSeq.
bool read_sofia(const sip_s &sip, SofiaFields &fields);

} // namespace tandem
