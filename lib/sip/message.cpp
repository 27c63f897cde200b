#include "sip/message.hpp"
#include <utility>
#include "base/text.hpp"
#include "sip/message_parsed.hpp"

namespace tandem {
namespace {

std::string_view text(const char *c_string) { return c_string ? std::string_view(c_string) : std::string_view(); }

} // namespace

Message::Message(std::unique_ptr<Parsed> parsed) : parsed_(parsed.release()) {}

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

std::size_t Message::size() const { return parsed_->size; }

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

std::string Message::values(Header header) const {
    std::string values;
    for (const HeaderLine &line : headers()) {
        if (line.id != header) continue;
        if (!values.empty()) values.append(",");
        values.append(line.value);
    }
    return values;
}

std::span<const HeaderLine> Message::headers() const { return parsed_->lines; }

void Message::drop(Header header) {
    std::erase_if(parsed_->lines, [header](const HeaderLine &line) { return line.id == header; });
}

std::vector<std::string_view> Message::routes(Header header) const {
    std::vector<std::string_view> routes;
    for (const HeaderLine &line : headers()) {
        if (line.id != header) continue;
        const std::vector<std::string_view> entries = split_values(line.value);
        routes.insert(routes.end(), entries.begin(), entries.end());
    }
    return routes;
}

} // namespace tandem
