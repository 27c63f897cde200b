// One SIP message as a value: parsed once, its bytes kept. A copy shares both.
// Views that it hands out live as long as any copy of the message. A message stays with one worker: the count of
// owners is not atomic.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "base/endpoint.hpp"
#include "base/method.hpp"
#include "base/result.hpp"
#include "sip/header.hpp"
#include "sip/limits.hpp"

namespace tandem {

// One header line. A line with several comma-separated values is one line still.
struct HeaderLine {
    Header id = Header::other;
    std::string_view name;  // as it was written
    std::string_view value; // one line: folding is undone; trimmed
};

struct ViaView {
    std::string_view host; // with brackets if IPv6
    std::string_view port; // empty: none
    std::string_view branch;
    Transport transport = Transport::udp;
    bool has_rport = false; // RFC 3581: the sender asks for the answer on the port it sent from
    bool has_alias = false; // RFC 5923: the connection is as good as one to sent-by
};

class Message {
public:
    Message() = default; // empty: only bool, assignment and destruction are allowed
    Message(const Message &other) noexcept;
    Message(Message &&other) noexcept;
    Message &operator=(Message other) noexcept;
    ~Message();

    // Reads one whole message: a datagram, or what a stream's framing cut out.
    // Fails with Error::not_sip or Error::too_large: drop and count it. A message that is malformed but holds
    // what an answer needs (Via, From, To, Call-ID, CSeq) succeeds, and defect() says what is wrong with it.
    static Result<Message> parse(std::string_view bytes);

    // The same by sofia alone, also where parse() does without: what tests compare it with. No empty line in front.
    static Result<Message> parse_any(std::string_view bytes);

    explicit operator bool() const { return parsed_ != nullptr; }

    std::size_t size() const; // bytes, as it was read

    // Empty for a well-formed message; else the reason phrase of the answer ("Bad CSeq"), whose status is
    // defect_status(): 400, 414 or 505. A malformed response or ACK is dropped.
    std::string_view defect() const;
    std::uint16_t defect_status() const; // 0: well-formed

    bool is_request() const;
    Method method() const;                // of a response: the one in its CSeq
    std::string_view method_name() const; // as written, also where method() is unknown
    std::uint16_t status() const;         // 0 for a request
    std::string_view reason_phrase() const;
    std::string_view request_uri() const; // empty for a response

    std::string_view call_id() const;
    std::string_view from_tag() const; // empty: none
    std::string_view to_tag() const;   // empty: none
    std::string_view from_uri() const; // the addr-spec alone
    std::string_view to_uri() const;
    std::string_view from_display() const; // as written, quotes included; empty: none
    std::string_view to_display() const;
    std::uint32_t cseq() const;
    std::optional<std::uint32_t> max_forwards() const;
    std::string_view contact_uri() const; // of the first Contact; empty: none, or "*"
    std::string_view content_type() const;
    std::string_view body() const;

    bool has(Header header) const;
    std::string_view value(Header header) const;              // of the first line of that kind; empty: none
    std::string values(Header header) const;                  // of all lines of that kind, separated by commas
    std::vector<std::string_view> lines(Header header) const; // the value of each line of that kind
    std::span<const HeaderLine> headers() const;              // in the order of the message

    ViaView top_via() const;
    std::size_t via_count() const;
    // Route or Record-Route entries as written ("<sip:p1;lr>"), top first.
    std::vector<std::string_view> routes(Header header) const;

    // Notes on the top Via where the request really came from (RFC 3261 section 18.2.1, RFC 3581 section 4):
    // received if the address differs from sent-by or rport is asked for; rport filled in.
    void mark_received(const Endpoint &source);

    // Where a response goes (RFC 3261 section 18.2.2): over a connection back on it; over UDP to the address that
    // the request came from, at its own port if rport is asked for, else at the port of sent-by. maddr is not
    // followed: it would send responses wherever a stranger points.
    Endpoint response_target(const Endpoint &source) const;

    // Leaves out every header line of that kind, in all copies: what a peer may not say.
    void drop(Header header);

    // Appends every Via, one line each, with what mark_received() noted: what a response carries back.
    void append_vias(std::string &out) const;

private:
    struct Parsed;
    explicit Message(std::unique_ptr<Parsed> parsed);
    static std::unique_ptr<Parsed> parse_plain(std::string_view bytes);    // nullptr: not plain, or malformed
    static std::unique_ptr<Parsed> parse_by_sofia(std::string_view bytes); // nullptr: not even a start line and a Via

    Parsed *parsed_ = nullptr; // counts its owners
};

} // namespace tandem
