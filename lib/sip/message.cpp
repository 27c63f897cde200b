#include "sip/message.hpp"
#include <utility>
#include "base/text.hpp"
#include "sip/message_parsed.hpp"

namespace tandem {
namespace {

std::string_view text(const char *c_string) { return c_string ? std::string_view(c_string) : std::string_view(); }

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

const msg_common_t *first_fragment(const msg_t *msg) {
    msg_header_t **head = msg_chain_head(msg);
    return head && *head ? reinterpret_cast<const msg_common_t *>(*head) : nullptr;
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

// The addr-spec inside a name-addr or alone; sofia has checked the grammar.
std::string_view addr_spec(std::string_view value) {
    bool is_quoted = false;
    for (std::size_t i = 0; i < value.size(); ++i) {
        const char c = value[i];
        if (is_quoted && c == '\\') {
            ++i;
        } else if (c == '"') {
            is_quoted = !is_quoted;
        } else if (c == '<' && !is_quoted) {
            const std::size_t end = value.find('>', i);
            return value.substr(i + 1, end == std::string_view::npos ? end : end - i - 1);
        }
    }
    // Without <> parameters belong to the header, not to the URI (RFC 3261 section 20).
    return trim(value.substr(0, value.find_first_of(";,")));
}

} // namespace

Message::Message(const Message &other) noexcept : parsed_(other.parsed_) {
    if (parsed_) ++parsed_->owners;
}

Message::Message(Message &&other) noexcept : parsed_(std::exchange(other.parsed_, nullptr)) {}

Message &Message::operator=(Message other) noexcept {
    std::swap(parsed_, other.parsed_);
    return *this;
}

Message::~Message() {
    if (parsed_ && --parsed_->owners == 0) delete parsed_;
}

std::string_view Message::defect() const { return parsed_->defect; }

std::uint16_t Message::defect_status() const { return parsed_->defect_status; }

bool Message::is_request() const { return parsed_->sip->sip_request != nullptr; }

Method Message::method() const { return parse_method(method_name()); }

std::string_view Message::method_name() const {
    const sip_t *sip = parsed_->sip;
    if (sip->sip_request) return text(sip->sip_request->rq_method_name);
    return sip->sip_cseq ? text(sip->sip_cseq->cs_method_name) : std::string_view();
}

std::uint16_t Message::status() const {
    const sip_status_t *line = parsed_->sip->sip_status;
    return line ? static_cast<std::uint16_t>(line->st_status) : std::uint16_t{0};
}

std::string_view Message::reason_phrase() const {
    const sip_status_t *line = parsed_->sip->sip_status;
    return line ? text(line->st_phrase) : std::string_view();
}

std::string_view Message::request_uri() const {
    const sip_request_t *request = parsed_->sip->sip_request;
    if (!request) return {};
    const std::string_view line = raw_line(request->rq_common);
    const std::size_t start = line.find(' ');
    if (start == std::string_view::npos) return {};
    const std::string_view rest = trim(line.substr(start));
    return trim(rest.substr(0, rest.find_last_of(" \t")));
}

std::string_view Message::call_id() const {
    return parsed_->sip->sip_call_id ? text(parsed_->sip->sip_call_id->i_id) : std::string_view();
}

std::string_view Message::from_tag() const {
    return parsed_->sip->sip_from ? text(parsed_->sip->sip_from->a_tag) : std::string_view();
}

std::string_view Message::to_tag() const {
    return parsed_->sip->sip_to ? text(parsed_->sip->sip_to->a_tag) : std::string_view();
}

std::string_view Message::from_uri() const { return addr_spec(value(Header::from)); }

std::string_view Message::to_uri() const { return addr_spec(value(Header::to)); }

std::string_view Message::from_display() const {
    return parsed_->sip->sip_from ? text(parsed_->sip->sip_from->a_display) : std::string_view();
}

std::string_view Message::to_display() const {
    return parsed_->sip->sip_to ? text(parsed_->sip->sip_to->a_display) : std::string_view();
}

std::uint32_t Message::cseq() const { return parsed_->sip->sip_cseq ? parsed_->sip->sip_cseq->cs_seq : 0; }

std::optional<std::uint32_t> Message::max_forwards() const {
    const sip_max_forwards_t *header = parsed_->sip->sip_max_forwards;
    if (!header) return std::nullopt;
    return static_cast<std::uint32_t>(header->mf_count);
}

std::string_view Message::contact_uri() const {
    const sip_contact_t *contact = parsed_->sip->sip_contact;
    if (!contact || contact->m_url->url_type == url_any) return {};
    return addr_spec(value(Header::contact));
}

std::string_view Message::content_type() const { return value(Header::content_type); }

std::string_view Message::body() const {
    const sip_payload_t *payload = parsed_->sip->sip_payload;
    return payload ? std::string_view(payload->pl_data, payload->pl_len) : std::string_view();
}

bool Message::lists_token(Header header, std::string_view token) const {
    for (const HeaderLine &line : headers()) {
        if (line.id != header) continue;
        for (std::string_view listed : split_values(line.value)) {
            if (equals_ignoring_case(listed, token)) return true;
        }
    }
    return false;
}

bool Message::has(Header header) const {
    for (const HeaderLine &line : headers()) {
        if (line.id == header) return true;
    }
    return false;
}

std::string_view Message::value(Header header) const {
    for (const HeaderLine &line : headers()) {
        if (line.id == header) return line.value;
    }
    return {};
}

HeaderLines Message::headers() const { return HeaderLines(first_fragment(parsed_->msg)); }

std::vector<std::string_view> Message::routes(Header header) const {
    std::vector<std::string_view> routes;
    for (const HeaderLine &line : headers()) {
        if (line.id != header) continue;
        const std::vector<std::string_view> entries = split_values(line.value);
        routes.insert(routes.end(), entries.begin(), entries.end());
    }
    return routes;
}

HeaderLines::iterator::iterator(const void *at) : at_(at) { settle(); }

HeaderLines::iterator &HeaderLines::iterator::operator++() {
    at_ = successor(static_cast<const msg_common_t *>(at_));
    settle();
    return *this;
}

void HeaderLines::iterator::settle() {
    auto header = static_cast<const msg_common_t *>(at_);
    while (header && !is_header(header)) header = successor(header);
    at_ = header;
    if (!header) return;
    const std::string_view line = raw_line(header);
    const std::size_t colon = line.find(':');
    line_.id = header_id(header);
    line_.name = trim(line.substr(0, colon));
    line_.value = colon == std::string_view::npos ? std::string_view() : trim(line.substr(colon + 1));
}

} // namespace tandem
