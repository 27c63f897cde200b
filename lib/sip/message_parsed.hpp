// What stands behind a Message: its fields, the memory that they point into, and the count of its owners.
// Private to this folder.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "sip/message_fields.hpp"
#include "sip/sofia.hpp"

namespace tandem {

struct Message::Parsed : MessageFields {
    Parsed(msg_t *msg, sip_t *sip); // read by sofia; takes `msg`
    explicit Parsed(std::string_view bytes) : copy(new char[bytes.size()]) { bytes.copy(copy.get(), bytes.size()); }
    ~Parsed() {
        if (msg) msg_destroy(msg);
    }
    Parsed(const Parsed &) = delete;
    Parsed &operator=(const Parsed &) = delete;

    std::unique_ptr<char[]> copy; // of a plain message
    msg_t *msg = nullptr;         // of one that sofia read; so the next two
    sip_t *sip = nullptr;
    std::string via_text;
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

void collect_lines(msg_t *msg, std::vector<HeaderLine> &lines);

} // namespace tandem
