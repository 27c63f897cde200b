#include "sip/sofia_fields.hpp"
#include <algorithm>
#include "sip/sofia.hpp"

namespace tandem {
namespace {

std::string text_of(const url_t &url) {
    // url_e() answers the size that it would need, without the zero.
    std::string text(128, '\0');
    for (;;) {
        const issize_t size = url_e(text.data(), static_cast<isize_t>(text.size()), &url);
        if (size < 0) return {};
        const bool fits = static_cast<std::size_t>(size) < text.size();
        text.resize(static_cast<std::size_t>(size) + (fits ? 0 : 1));
        if (fits) return text;
    }
}

// Headers of one kind, each as it is printed, separated by commas.
std::string join(const sip_header_t *header) {
    std::string joined;
    for (; header; header = header->sh_next) {
        std::string text(256, '\0');
        issize_t size = sip_header_field_e(text.data(), static_cast<isize_t>(text.size()), header, 0);
        if (size < 0) break;
        if (static_cast<std::size_t>(size) >= text.size()) {
            text.resize(static_cast<std::size_t>(size) + 1);
            size = sip_header_field_e(text.data(), static_cast<isize_t>(text.size()), header, 0);
        }
        text.resize(static_cast<std::size_t>(size));
        if (!joined.empty()) joined.append(",");
        joined.append(text);
    }
    return joined;
}

std::string_view view_of(const char *text) { return text ? std::string_view(text) : std::string_view(); }

} // namespace

bool read_sofia(const sip_s &sip, SofiaFields &fields) {
    if ((!sip.sip_request && !sip.sip_status) || !sip.sip_from || !sip.sip_to || !sip.sip_call_id || !sip.sip_cseq) {
        return false;
    }
    const auto *method = sip.sip_request ? sip.sip_request->rq_method_name : sip.sip_cseq->cs_method_name;
    fields.method = parse_method(view_of(method));
    // What is no status stays none: 0 would make it a request.
    if (!sip.sip_request) fields.status = static_cast<std::uint16_t>(std::clamp(sip.sip_status->st_status, 1, 999));
    fields.cseq = sip.sip_cseq->cs_seq;
    fields.call_id = view_of(sip.sip_call_id->i_id);
    fields.from_tag = view_of(sip.sip_from->a_tag);
    fields.to_tag = view_of(sip.sip_to->a_tag);
    if (sip.sip_via) fields.branch = view_of(sip.sip_via->v_branch);
    const sip_contact_t *contact = sip.sip_contact;
    if (contact && contact->m_url->url_type != url_any) fields.contact_uri = text_of(*contact->m_url);
    if (sip.sip_record_route) fields.record_route = join(reinterpret_cast<const sip_header_t *>(sip.sip_record_route));
    if (sip.sip_reason) fields.reason = join(reinterpret_cast<const sip_header_t *>(sip.sip_reason));
    if (sip.sip_request && fields.method == Method::invite && fields.to_tag.empty()) {
        fields.from_uri = text_of(*sip.sip_from->a_url);
        fields.to_uri = text_of(*sip.sip_to->a_url);
        fields.request_uri = text_of(*sip.sip_request->rq_url);
    }
    return true;
}

} // namespace tandem
