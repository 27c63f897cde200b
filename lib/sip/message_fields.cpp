// The fields of a message that sofia has read.
#include "base/text.hpp"
#include "sip/message_parsed.hpp"

namespace tandem {
namespace {

std::string_view text(const char *c_string) { return c_string ? std::string_view(c_string) : std::string_view(); }

// As it was written: sofia keeps it in parts.
std::string_view request_uri(const sip_request_t *request) {
    const std::string_view line = raw_line(request->rq_common);
    const std::size_t start = line.find(' ');
    if (start == std::string_view::npos) return {};
    const std::string_view rest = trim(line.substr(start));
    return trim(rest.substr(0, rest.find_last_of(" \t")));
}

// sofia's own v_rport is null for an rport without a value, which is how it is asked for.
bool has_param(const sip_via_t *via, std::string_view name) {
    for (const msg_param_t *param = via->v_params; param && *param; ++param) {
        const std::string_view item = *param;
        if (equals_ignoring_case(item.substr(0, item.find('=')), name)) return true;
    }
    return false;
}

ViaFields via_fields(const sip_via_t *via) {
    ViaFields fields;
    fields.protocol = text(via->v_protocol);
    fields.view.host = text(via->v_host);
    fields.view.port = text(via->v_port);
    fields.view.branch = text(via->v_branch);
    fields.view.has_rport = has_param(via, "rport");
    fields.view.has_alias = has_param(via, "alias");
    const std::string_view transport = fields.protocol.substr(fields.protocol.rfind('/') + 1);
    fields.view.transport = parse_transport(transport).value_or(Transport::udp);
    return fields;
}

// sofia keeps each parameter as a text of its own.
void collect_vias(const sip_via_t *first, std::string &joined, std::vector<ViaFields> &vias) {
    std::vector<std::size_t> ends;
    for (const sip_via_t *via = first; via; via = via->v_next) {
        vias.push_back(via_fields(via));
        for (const msg_param_t *param = via->v_params; param && *param; ++param) joined.append(";").append(*param);
        ends.push_back(joined.size());
    }
    std::size_t start = 0;
    for (std::size_t i = 0; i < vias.size(); ++i) {
        vias[i].params = std::string_view(joined).substr(start, ends[i] - start);
        start = ends[i];
    }
}

} // namespace

Message::Parsed::Parsed(msg_t *parsed_msg, sip_t *parsed_sip) : msg(parsed_msg), sip(parsed_sip) {
    collect_lines(msg, lines);
    collect_vias(sip->sip_via, via_text, vias);
    is_request = sip->sip_request != nullptr;
    if (is_request) {
        method_name = text(sip->sip_request->rq_method_name);
        request_uri = tandem::request_uri(sip->sip_request);
    } else {
        if (sip->sip_cseq) method_name = text(sip->sip_cseq->cs_method_name);
        status = static_cast<std::uint16_t>(sip->sip_status->st_status);
        reason_phrase = text(sip->sip_status->st_phrase);
    }
    method = parse_method(method_name);
    if (sip->sip_cseq) cseq = sip->sip_cseq->cs_seq;
    if (sip->sip_max_forwards) max_forwards = static_cast<std::uint32_t>(sip->sip_max_forwards->mf_count);
    if (sip->sip_call_id) call_id = text(sip->sip_call_id->i_id);
    from_uri = addr_spec(value(Header::from));
    to_uri = addr_spec(value(Header::to));
    if (sip->sip_from) {
        from_tag = text(sip->sip_from->a_tag);
        from_display = text(sip->sip_from->a_display);
    }
    if (sip->sip_to) {
        to_tag = text(sip->sip_to->a_tag);
        to_display = text(sip->sip_to->a_display);
    }
    const sip_contact_t *contact = sip->sip_contact;
    if (contact && contact->m_url->url_type != url_any) contact_uri = addr_spec(value(Header::contact));
    if (sip->sip_payload) body = std::string_view(sip->sip_payload->pl_data, sip->sip_payload->pl_len);
}

} // namespace tandem
