// Reading a message: what sofia's parser must not see, the parser itself, and what it lets pass.
#include <algorithm>
#include <cstring>
#include "base/text.hpp"
#include "sip/message_mend.hpp"
#include "sip/message_parsed.hpp"
#include "sip/uri.hpp"

namespace tandem {
namespace {

struct Scan {
    std::size_t headers_end = std::string_view::npos; // of the header section, with its empty line
    std::size_t line_max = 0;
    std::size_t lines = 0;
    bool is_folded = false;
    bool has_bare_cr = false;
    bool has_nul = false;
};

// One look at the line structure, before anything is copied.
Scan scan_lines(std::string_view bytes) {
    Scan scan;
    std::size_t start = 0;
    for (;;) {
        const std::size_t end = bytes.find('\n', start);
        const std::size_t stop = end == std::string_view::npos ? bytes.size() : end;
        std::string_view line = bytes.substr(start, stop - start);
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        if (line.empty()) {
            if (end != std::string_view::npos) scan.headers_end = end + 1;
            break;
        }
        ++scan.lines;
        scan.line_max = std::max(scan.line_max, line.size());
        scan.is_folded = scan.is_folded || (scan.lines > 1 && (line[0] == ' ' || line[0] == '\t'));
        scan.has_bare_cr = scan.has_bare_cr || line.find('\r') != std::string_view::npos;
        if (end == std::string_view::npos) break;
        start = end + 1;
    }
    scan.has_nul = bytes.substr(0, scan.headers_end).find('\0') != std::string_view::npos;
    return scan;
}

// A folded header means the same with the fold as one space (RFC 3261 section 7.3.1). After this every header is
// one line, for sofia and for whatever prints it again. A NUL, where sofia would end its text, is a question mark: the
// message is refused, but by all of its headers.
std::string unfold(std::string_view bytes, std::size_t headers_end) {
    std::string out(bytes);
    const std::size_t end = std::min(headers_end, out.size());
    for (std::size_t i = 0; i + 1 < end; ++i) {
        if (out[i] == '\0') out[i] = '?';
        if (out[i] != '\n' || (out[i + 1] != ' ' && out[i + 1] != '\t')) continue;
        out[i] = ' ';
        if (i > 0 && out[i - 1] == '\r') out[i - 1] = ' ';
    }
    return out;
}

struct Defect {
    std::uint16_t status = 0;
    std::string_view reason;
};

// Two tags, or one without a value (RFC 3261 section 25.1): whoever answers would be read as adding a third.
bool has_bad_tag(const sip_addr_t *address) {
    if (!address || !address->a_params) return false;
    std::size_t tags = 0;
    for (const msg_param_t *param = address->a_params; *param; ++param) {
        const std::string_view text = *param;
        const std::size_t equals = text.find('=');
        if (!equals_ignoring_case(trim(text.substr(0, equals)), "tag")) continue;
        ++tags;
        if (equals == std::string_view::npos || trim(text.substr(equals + 1)).empty()) return true;
    }
    return tags > 1;
}

// sofia lets a protocol run into an IPv6 address that no blank parts it from.
bool has_bad_protocol(const sip_via_t *via) {
    for (; via; via = via->v_next) {
        const std::string_view protocol = via->v_protocol ? via->v_protocol : "";
        if (protocol.find_first_of("[]:;,<>\"@ \t") != std::string_view::npos) return true;
    }
    return false;
}

// A bracket without its other half: readers would not agree on where the parameters begin.
bool has_half_bracket(std::string_view line) {
    bool is_quoted = false;
    bool is_open = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '\\' && is_quoted) {
            ++i;
        } else if (line[i] == '"') {
            is_quoted = !is_quoted;
        } else if (!is_quoted && (line[i] == '<' || line[i] == '>')) {
            if (is_open == (line[i] == '<')) return true;
            is_open = !is_open;
        }
    }
    return is_open;
}

// The first header that may stand once and stands twice, or that sofia could not read (RFC 3261 section 7.3.1), after
// those that it reads in its own way.
Defect find_header_defect(const sip_t *sip) {
    if (has_bad_protocol(sip->sip_via)) return {400, "Bad Via"};
    if (sip->sip_from && has_half_bracket(raw_line(sip->sip_from->a_common))) return {400, "Bad From"};
    if (sip->sip_to && has_half_bracket(raw_line(sip->sip_to->a_common))) return {400, "Bad To"};
    if (has_bad_tag(sip->sip_from)) return {400, "Bad From"};
    if (has_bad_tag(sip->sip_to)) return {400, "Bad To"};
    for (const sip_error_t *error = sip->sip_error; error; error = error->er_next) {
        const msg_common_t *common = error->er_common;
        const std::string_view line = raw_line(common);
        switch (parse_header_name(trim(line.substr(0, line.find(':'))))) {
        case Header::via: return {400, "Bad Via"};
        case Header::from: return {400, "Bad From"};
        case Header::to: return {400, "Bad To"};
        case Header::call_id: return {400, "Bad Call-ID"};
        case Header::cseq: return {400, "Bad CSeq"};
        case Header::contact: return {400, "Bad Contact"};
        case Header::route: return {400, "Bad Route"};
        case Header::record_route: return {400, "Bad Record-Route"};
        case Header::max_forwards: return {400, "Bad Max-Forwards"};
        case Header::content_length: return {400, "Bad Content-Length"};
        case Header::content_type: return {400, "Bad Content-Type"};
        case Header::require: return {400, "Bad Require"};
        case Header::other: // a line that is no header at all
            if (line.find(':') == std::string_view::npos) return {400, "Bad Header Line"};
            break;
        default: break; // none that tandem acts on: passed or dropped by policy as it is
        }
    }
    return {};
}

std::size_t count(const sip_route_t *route) {
    std::size_t count = 0;
    for (; route; route = route->r_next) ++count;
    return count;
}

// A URI that could not stand between < and > again, as it does in the requests that we make of a response.
bool runs_out_of_brackets(std::string_view uri) { return uri.find_first_of(" \t<>\"") != std::string_view::npos; }

// A route that is no loose router's becomes a Request-URI (RFC 3261 section 12.2.1.1); sofia lets pass what is none.
bool has_bad_record_route(const Message &message) {
    for (std::string_view route : message.routes(Header::record_route)) {
        const std::string_view uri = addr_spec(route);
        if (runs_out_of_brackets(uri) || !Uri::parse(uri)) return true;
    }
    return false;
}

Defect find_request_defect(const sip_t *sip, const Message &message) {
    const sip_request_t *line = sip->sip_request;
    if (!line->rq_version || !equals_ignoring_case(line->rq_version, "SIP/2.0")) return {505, "Version Not Supported"};
    if (message.request_uri().size() > uri_size_max) return {414, "Request-URI Too Long"};
    if (line->rq_url->url_type == url_invalid) return {400, "Bad Request-URI"};
    if (message.method_name() != sip->sip_cseq->cs_method_name) return {400, "CSeq Method Mismatch"};
    // RFC 3261 section 8.1.1.5: less than 2**31.
    if (sip->sip_cseq->cs_seq >= 0x80000000U) return {400, "CSeq Out Of Range"};
    if (sip->sip_max_forwards && sip->sip_max_forwards->mf_count > 255) return {400, "Bad Max-Forwards"};
    return {};
}

Defect find_size_defect(const sip_t *sip, const Message &message) {
    if (message.call_id().size() > call_id_size_max) return {400, "Call-ID Too Long"};
    if (std::max(message.from_tag().size(), message.to_tag().size()) > tag_size_max) return {400, "Tag Too Long"};
    if (message.top_via().branch.size() > branch_size_max) return {400, "Branch Too Long"};
    if (message.via_count() > via_count_max) return {400, "Too Many Via"};
    if (count(sip->sip_route) > route_count_max) return {400, "Too Many Route"};
    if (count(sip->sip_record_route) > route_count_max) return {400, "Too Many Record-Route"};
    const std::size_t longest =
        std::max({message.from_uri().size(), message.to_uri().size(), message.contact_uri().size()});
    if (longest > uri_size_max) return {400, "URI Too Long"};
    if (has_bad_record_route(message)) return {400, "Bad Record-Route"};
    return {};
}

Defect find_structure_defect(const Scan &scan) {
    if (scan.headers_end == std::string_view::npos) return {400, "Truncated Message"};
    if (scan.has_bare_cr) return {400, "Bare CR In Header"};
    if (scan.has_nul) return {400, "NUL In Header"};
    if (scan.lines > header_count_max) return {400, "Too Many Headers"};
    if (scan.line_max > header_size_max) return {400, "Header Too Long"};
    return {};
}

Defect find_defect(const sip_t *sip, const Message &message) {
    if (Defect defect = find_header_defect(sip); defect.status) return defect;
    if (runs_out_of_brackets(message.from_uri())) return {400, "Bad From"};
    if (runs_out_of_brackets(message.to_uri())) return {400, "Bad To"};
    if (!sip->sip_from || !sip->sip_to || !sip->sip_call_id || !sip->sip_cseq) return {400, "Missing Header"};
    if (sip->sip_flags & MSG_FLG_TRUNC) return {400, "Body Shorter Than Content-Length"};
    if (Defect defect = find_size_defect(sip, message); defect.status) return defect;
    if (sip->sip_request) {
        if (Defect defect = find_request_defect(sip, message); defect.status) return defect;
    } else if (sip->sip_status->st_status < 100 || sip->sip_status->st_status > 699) {
        return {400, "Bad Status"};
    }
    return {};
}

} // namespace

std::unique_ptr<Message::Parsed> Message::parse_by_sofia(std::string_view bytes) {
    // MSG_DO_EXTRACT_COPY keeps the text of each header beside what was read from it.
    msg_t *msg = msg_create(sip_default_mclass(), MSG_DO_EXTRACT_COPY);
    if (!msg) return nullptr;
    // One block for nearly all that the parser will ask for: it makes some forty small objects of an INVITE.
    const auto size = static_cast<unsigned>(bytes.size()); // at most message_size_max
    su_home_preload(msg_home(msg), 1, static_cast<int>(std::min(4 * size + 4096, 32768U)));
    msg_iovec_t space[2];
    if (msg_recv_iovec(msg, space, 2, size, 1) < 1 || space[0].mv_len < bytes.size()) {
        msg_destroy(msg);
        return nullptr;
    }
    std::memcpy(space[0].mv_base, bytes.data(), bytes.size());
    msg_recv_commit(msg, size, 1);
    msg_extract(msg); // what it could not read stands in sip_error and in the flags
    sip_t *sip = sip_object(msg);
    if (!sip || (!sip->sip_request && !sip->sip_status) || !sip->sip_via) {
        msg_destroy(msg);
        return nullptr;
    }
    return std::make_unique<Parsed>(msg, sip);
}

Result<Message> Message::parse(std::string_view bytes) {
    if (bytes.size() > message_size_max) return Error::too_large;
    // Empty lines in front of a message are tolerated (RFC 3261 section 7.5).
    while (!bytes.empty() && (bytes[0] == '\r' || bytes[0] == '\n')) bytes.remove_prefix(1);
    // The shortest lines are far longer; what is shorter is a keep-alive or no SIP.
    if (bytes.size() < 16) return Error::not_sip;
    if (auto plain = parse_plain(bytes)) return Message(std::move(plain));
    return parse_any(bytes);
}

std::unique_ptr<Message::Parsed> Message::parse_plain(std::string_view bytes) {
    auto parsed = std::make_unique<Parsed>(bytes);
    parsed->size = static_cast<std::uint32_t>(bytes.size());
    return read_plain({parsed->copy.get(), bytes.size()}, *parsed) ? std::move(parsed) : nullptr;
}

Result<Message> Message::parse_any(std::string_view bytes) {
    const Scan scan = scan_lines(bytes);
    if (scan.lines > 2 * header_count_max) return Error::too_large;
    std::string unfolded;
    if (scan.is_folded || scan.has_nul) {
        unfolded = unfold(bytes, scan.headers_end);
        bytes = unfolded;
    }

    auto parsed = parse_by_sofia(bytes);
    Defect defect;
    // A bad Request-Line or Via hides a message that may be answered all the same.
    for (const auto mend : {mend_request_line, mend_via}) {
        if (parsed) break;
        const Mended mended = mend(bytes);
        if (mended.bytes.empty()) continue;
        parsed = parse_by_sofia(mended.bytes);
        defect = {mended.status, mended.reason};
    }
    if (!parsed) return Error::not_sip;
    Message message(std::move(parsed));
    if (message.value(Header::from).empty() || message.value(Header::to).empty() ||
        message.value(Header::call_id).empty() || message.value(Header::cseq).empty()) {
        return Error::not_sip; // an answer would need them
    }
    const Defect structure = find_structure_defect(scan);
    if (structure.status) {
        defect = structure; // a mended message may have one as well
    } else if (!defect.status) {
        defect = find_defect(message.parsed_->sip, message);
    }
    message.parsed_->size = static_cast<std::uint32_t>(bytes.size());
    message.parsed_->defect_status = defect.status;
    message.parsed_->defect = defect.reason;
    return message;
}

} // namespace tandem
