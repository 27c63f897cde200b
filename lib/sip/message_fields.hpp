// Everything that tandem reads of a message, and the two ways to read it. Private to this folder and its tests.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>
#include "sip/message.hpp"

namespace tandem {

struct ViaFields {
    std::string_view protocol; // "SIP/2.0/UDP"
    std::string_view params;   // each with its semicolon in front
    ViaView view;
};

// Views point into bytes that live as long as the message.
struct MessageFields {
    bool is_request = false;
    Method method = Method::unknown;
    std::uint16_t status = 0;
    std::uint32_t cseq = 0;
    std::optional<std::uint32_t> max_forwards;
    std::string_view method_name;
    std::string_view reason_phrase;
    std::string_view request_uri;
    std::string_view call_id;
    std::string_view from_uri;
    std::string_view from_display;
    std::string_view from_tag;
    std::string_view to_uri;
    std::string_view to_display;
    std::string_view to_tag;
    std::string_view contact_uri;
    std::string_view body;
    std::vector<ViaFields> vias;
    std::vector<HeaderLine> lines;

    std::string_view value(Header header) const; // of the first line of that kind
};

// The everyday message, without sofia: false, and `fields` in any state, for every other. What it takes has no defect
// and reads the same in sofia.
bool read_plain(std::string_view bytes, MessageFields &fields);

} // namespace tandem
