// What stands behind a Message: sofia's parsed message and the count of its owners. Private to this folder.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>
#include "sip/message.hpp"
#include "sip/sofia.hpp"

namespace tandem {

struct Message::Parsed {
    Parsed(msg_t *parsed_msg, sip_t *parsed_sip) : msg(parsed_msg), sip(parsed_sip) { collect_lines(); }
    ~Parsed() { msg_destroy(msg); }
    Parsed(const Parsed &) = delete;
    Parsed &operator=(const Parsed &) = delete;

    void collect_lines();

    msg_t *msg;
    sip_t *sip;
    std::vector<HeaderLine> lines; // views into msg
    std::uint32_t owners = 1;
    std::uint32_t size = 0;
    std::uint16_t defect_status = 0;
    std::string_view defect;        // static text
    std::optional<Endpoint> source; // of mark_received()
};

// The bytes of a header as they came, with their line end; empty for a value that shares the line of another.
inline std::string_view raw_line(const msg_common_t *header) {
    return {static_cast<const char *>(header->h_data), header->h_len};
}

} // namespace tandem
