// The Via of a request: where it came from and where its responses go.
#include "base/text.hpp"
#include "sip/message_parsed.hpp"

namespace tandem {
namespace {

std::string_view text(const char *c_string) { return c_string ? std::string_view(c_string) : std::string_view(); }

bool is_param(std::string_view item, std::string_view name) {
    return equals_ignoring_case(item.substr(0, item.find('=')), name);
}

// sofia's own v_rport is null for an rport without a value, which is how it is asked for.
bool has_param(const sip_via_t *via, std::string_view name) {
    for (const msg_param_t *param = via->v_params; param && *param; ++param) {
        if (is_param(*param, name)) return true;
    }
    return false;
}

// Everything of a Via but its parameters.
void append_sent_by(const sip_via_t *via, std::string &out) {
    out.append("Via: ").append(text(via->v_protocol)).append(" ").append(text(via->v_host));
    if (via->v_port) out.append(":").append(via->v_port);
}

} // namespace

ViaView Message::top_via() const {
    const sip_via_t *via = parsed_->sip->sip_via;
    ViaView view;
    view.host = text(via->v_host);
    view.port = text(via->v_port);
    view.branch = text(via->v_branch);
    view.has_rport = has_param(via, "rport");
    view.has_alias = has_param(via, "alias");
    const std::string_view protocol = text(via->v_protocol);
    view.transport = parse_transport(protocol.substr(protocol.rfind('/') + 1)).value_or(Transport::udp);
    return view;
}

std::size_t Message::via_count() const {
    std::size_t count = 0;
    for (const sip_via_t *via = parsed_->sip->sip_via; via; via = via->v_next) ++count;
    return count;
}

void Message::mark_received(const Endpoint &source) { parsed_->source = source; }

Endpoint Message::response_target(const Endpoint &source) const {
    if (is_reliable(source.transport)) return source; // the connection that the request came over
    const ViaView via = top_via();
    if (via.has_rport) return source;
    // The received parameter always holds the source address, so only the port is the Via's own.
    Endpoint target = source;
    const auto port = via.port.empty() ? std::optional<std::uint64_t>(5060) : parse_number(via.port);
    if (port && *port > 0 && *port <= 65535) target.port = static_cast<std::uint16_t>(*port);
    return target;
}

void Message::append_vias(std::string &out) const {
    const std::optional<Endpoint> &source = parsed_->source;
    for (const sip_via_t *via = parsed_->sip->sip_via; via; via = via->v_next) {
        const bool is_marked = source && via == parsed_->sip->sip_via;
        const bool has_rport = is_marked && has_param(via, "rport");
        append_sent_by(via, out);
        for (const msg_param_t *param = via->v_params; param && *param; ++param) {
            // What the sender wrote as received is replaced: only we know where it really came from.
            if (is_marked && (is_param(*param, "rport") || is_param(*param, "received"))) continue;
            out.append(";").append(*param);
        }
        if (has_rport) out.append(";rport=").append(std::to_string(source->port));
        if (is_marked && (has_rport || IpAddress::parse(text(via->v_host)) != source->ip)) {
            out.append(";received=").append(source->ip.to_string());
        }
        out.append("\r\n");
    }
}

} // namespace tandem
