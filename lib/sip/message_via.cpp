// The Via of a request: where it came from and where its responses go.
#include <algorithm>
#include "base/text.hpp"
#include "sip/message_parsed.hpp"

namespace tandem {
namespace {

// The next parameter, without its semicolon; `params` keeps what follows.
std::string_view take_param(std::string_view &params) {
    bool is_quoted = false;
    std::size_t end = 1;
    for (; end < params.size() && (is_quoted || params[end] != ';'); ++end) {
        if (params[end] == '"') is_quoted = !is_quoted;
        if (params[end] == '\\' && is_quoted) ++end;
    }
    const std::string_view param = params.substr(1, end - 1);
    params.remove_prefix(std::min(end, params.size()));
    return param;
}

// What the sender wrote as received is replaced: only we know where it really came from.
bool is_replaced(std::string_view param) {
    const std::string_view name = param.substr(0, param.find('='));
    return equals_ignoring_case(name, "rport") || equals_ignoring_case(name, "received");
}

void append_marked(std::string_view params, const ViaView &via, const Endpoint &source, std::string &out) {
    while (!params.empty()) {
        const std::string_view param = take_param(params);
        if (!is_replaced(param)) out.append(";").append(param);
    }
    if (via.has_rport) out.append(";rport=").append(std::to_string(source.port));
    if (via.has_rport || IpAddress::parse(via.host) != source.ip) {
        out.append(";received=").append(source.ip.to_string());
    }
}

} // namespace

ViaView Message::top_via() const { return parsed_->vias.front().view; }

std::size_t Message::via_count() const { return parsed_->vias.size(); }

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
    const ViaFields *marked = parsed_->source ? parsed_->vias.data() : nullptr;
    for (const ViaFields &via : parsed_->vias) {
        out.append("Via: ").append(via.protocol).append(" ").append(via.view.host);
        if (!via.view.port.empty()) out.append(":").append(via.view.port);
        if (&via == marked) {
            append_marked(via.params, via.view, *parsed_->source, out);
        } else {
            out.append(via.params);
        }
        out.append("\r\n");
    }
}

} // namespace tandem
