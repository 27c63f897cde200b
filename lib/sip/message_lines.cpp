// The header lines of a parsed message, found in sofia's chain of fragments.
#include "base/text.hpp"
#include "sip/message_parsed.hpp"

namespace tandem {
namespace {

// sofia gives each header it knows a number.
Header header_id(const msg_common_t *header) {
    switch (reinterpret_cast<const msg_header_t *>(header)->sh_class->hc_hash) {
    case sip_accept_hash: return Header::accept;
    case sip_allow_hash: return Header::allow;
    case sip_allow_events_hash: return Header::allow_events;
    case sip_authorization_hash: return Header::authorization;
    case sip_call_id_hash: return Header::call_id;
    case sip_call_info_hash: return Header::call_info;
    case sip_contact_hash: return Header::contact;
    case sip_content_disposition_hash: return Header::content_disposition;
    case sip_content_encoding_hash: return Header::content_encoding;
    case sip_content_language_hash: return Header::content_language;
    case sip_content_length_hash: return Header::content_length;
    case sip_content_type_hash: return Header::content_type;
    case sip_cseq_hash: return Header::cseq;
    case sip_date_hash: return Header::date;
    case sip_error_info_hash: return Header::error_info;
    case sip_event_hash: return Header::event;
    case sip_expires_hash: return Header::expires;
    case sip_from_hash: return Header::from;
    case sip_max_forwards_hash: return Header::max_forwards;
    case sip_mime_version_hash: return Header::mime_version;
    case sip_min_se_hash: return Header::min_se;
    case sip_path_hash: return Header::path;
    case sip_priority_hash: return Header::priority;
    case sip_privacy_hash: return Header::privacy;
    case sip_proxy_authenticate_hash: return Header::proxy_authenticate;
    case sip_proxy_authorization_hash: return Header::proxy_authorization;
    case sip_proxy_require_hash: return Header::proxy_require;
    case sip_rack_hash: return Header::rack;
    case sip_reason_hash: return Header::reason;
    case sip_record_route_hash: return Header::record_route;
    case sip_refer_to_hash: return Header::refer_to;
    case sip_referred_by_hash: return Header::referred_by;
    case sip_replaces_hash: return Header::replaces;
    case sip_require_hash: return Header::require;
    case sip_retry_after_hash: return Header::retry_after;
    case sip_route_hash: return Header::route;
    case sip_rseq_hash: return Header::rseq;
    case sip_server_hash: return Header::server;
    case sip_service_route_hash: return Header::service_route;
    case sip_session_expires_hash: return Header::session_expires;
    case sip_subject_hash: return Header::subject;
    case sip_subscription_state_hash: return Header::subscription_state;
    case sip_supported_hash: return Header::supported;
    case sip_timestamp_hash: return Header::timestamp;
    case sip_to_hash: return Header::to;
    case sip_unsupported_hash: return Header::unsupported;
    case sip_user_agent_hash: return Header::user_agent;
    case sip_via_hash: return Header::via;
    case sip_warning_hash: return Header::warning;
    case sip_www_authenticate_hash: return Header::www_authenticate;
    default: {
        const std::string_view line = raw_line(header);
        return parse_header_name(trim(line.substr(0, line.find(':'))));
    }
    }
}

const msg_common_t *successor(const msg_common_t *header) {
    return header->h_succ ? reinterpret_cast<const msg_common_t *>(header->h_succ) : nullptr;
}

// Start line, separator and payload stand in the same chain as the headers; so do the second and further values of
// one line, without text of their own.
bool is_header(const msg_common_t *fragment) {
    if (fragment->h_len == 0) return false;
    switch (reinterpret_cast<const msg_header_t *>(fragment)->sh_class->hc_hash) {
    case sip_request_hash:
    case sip_status_hash:
    case msg_separator_hash:
    case msg_payload_hash: return false;
    default: return true;
    }
}

} // namespace

void collect_lines(msg_t *msg, std::vector<HeaderLine> &lines) {
    lines.reserve(24); // as many as an INVITE usually has
    msg_header_t **head = msg_chain_head(msg);
    const msg_common_t *fragment = head && *head ? reinterpret_cast<const msg_common_t *>(*head) : nullptr;
    for (; fragment; fragment = successor(fragment)) {
        if (!is_header(fragment)) continue;
        const std::string_view line = raw_line(fragment);
        const std::size_t colon = line.find(':');
        HeaderLine &entry = lines.emplace_back();
        entry.id = header_id(fragment);
        entry.name = trim(line.substr(0, colon));
        if (colon != std::string_view::npos) entry.value = trim(line.substr(colon + 1));
    }
}

} // namespace tandem
