#include "transaction/follow_up.hpp"
#include "sip/writer.hpp"

namespace tandem {
namespace {

constexpr std::uint64_t max_forwards = 70; // RFC 3261 section 8.1.1.6

// Credentials go with the ACK, which cannot be challenged (RFC 3261 section 22.1), but not with a CANCEL.
bool is_credential(Header header) { return header == Header::authorization || header == Header::proxy_authorization; }

// The lines that both take over as they are; the To of an ACK is the response's.
bool is_shared(Header header) { return header == Header::route || header == Header::from || header == Header::call_id; }

} // namespace

bool write_ack(std::string &out, std::string_view invite, const Message &refusal) {
    const auto parsed = Message::parse(invite);
    if (!parsed) return false;

    Writer writer(out);
    writer.request_line("ACK", parsed->request_uri()).header("Via", parsed->value(Header::via));
    writer.header("Max-Forwards", max_forwards);
    for (const HeaderLine &line : parsed->headers()) {
        if (is_shared(line.id) || is_credential(line.id)) writer.header(line);
    }
    writer.header("To", refusal.value(Header::to)).cseq(parsed->cseq(), "ACK").body();
    return true;
}

bool write_cancel(std::string &out, std::string_view invite, std::string_view extra) {
    const auto parsed = Message::parse(invite);
    if (!parsed) return false;

    Writer writer(out);
    writer.request_line("CANCEL", parsed->request_uri()).header("Via", parsed->value(Header::via));
    writer.header("Max-Forwards", max_forwards);
    for (const HeaderLine &line : parsed->headers()) {
        if (is_shared(line.id) || line.id == Header::to) writer.header(line);
    }
    writer.cseq(parsed->cseq(), "CANCEL").lines(extra).body();
    return true;
}

} // namespace tandem
