// Prints one SIP message line by line into a string. What is written has been parsed before, by sofia or by us, so
// nothing is escaped here; values taken from anywhere else pass is_header_safe() first.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include "sip/header.hpp"
#include "sip/message.hpp"

namespace tandem {

// The phrase of RFC 3261 section 21 and later RFCs for a status; "Unknown" for one without.
std::string_view default_reason(std::uint16_t status);

class Writer {
public:
    // Clears `out` and keeps its capacity: one buffer serves message after message.
    explicit Writer(std::string &out) : out_(out) { out_.clear(); }

    Writer &request_line(std::string_view method, std::string_view uri);
    Writer &status_line(std::uint16_t status, std::string_view reason = {}); // empty: the default phrase

    Writer &header(std::string_view name, std::string_view value);
    Writer &header(std::string_view name, std::uint64_t value);
    Writer &header(const HeaderLine &line); // as it was received
    Writer &via(Transport transport, std::string_view sent_by, std::string_view branch); // asks for rport
    Writer &vias_of(const Message &request);
    // From or To: display name (may be empty), addr-spec, tag (may be empty).
    Writer &party(std::string_view name, std::string_view display, std::string_view uri, std::string_view tag);
    Writer &cseq(std::uint32_t number, std::string_view method);

    Writer &lines(std::string_view whole_lines); // header lines that end in CRLF; may be empty

    // Ends the message: Content-Length, the empty line, the body. Content-Type comes before, by header().
    void body(std::string_view body = {});

private:
    std::string &out_;
};

// A response that needs nothing from a user above: status line, Via, From, To (with `to_tag` if the request had
// none), Call-ID, CSeq, `extra` (whole header lines with CRLF, or empty), no body. RFC 3261 section 8.2.6.
void write_response(std::string &out, const Message &request, std::uint16_t status, std::string_view reason,
                    std::string_view to_tag, std::string_view extra = {});

} // namespace tandem
