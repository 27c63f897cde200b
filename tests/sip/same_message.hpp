// Whether two messages read alike, accessor by accessor.
#pragma once
#include <string>
#include <string_view>
#include "sip/message.hpp"

namespace tandem::test {

inline std::string fields_of(const Message &message) {
    std::string out;
    const auto add = [&out](std::string_view name, std::string_view value) {
        out.append(name).append("=").append(value).append("\n");
    };
    add("size", std::to_string(message.size()));
    add("defect", message.defect());
    add("request", message.is_request() ? "yes" : "no");
    add("method", to_string(message.method()));
    add("method_name", message.method_name());
    add("status", std::to_string(message.status()));
    add("reason_phrase", message.reason_phrase());
    add("request_uri", message.request_uri());
    add("call_id", message.call_id());
    add("from", message.from_uri());
    add("from_display", message.from_display());
    add("from_tag", message.from_tag());
    add("to", message.to_uri());
    add("to_display", message.to_display());
    add("to_tag", message.to_tag());
    add("cseq", std::to_string(message.cseq()));
    const auto max_forwards = message.max_forwards();
    add("max_forwards", max_forwards ? std::to_string(*max_forwards) : "none");
    add("contact", message.contact_uri());
    add("content_type", message.content_type());
    add("body", message.body());
    const ViaView via = message.top_via();
    add("host", via.host);
    add("port", via.port);
    add("branch", via.branch);
    add("transport", to_string(via.transport));
    add("rport", via.has_rport ? "yes" : "no");
    for (const HeaderLine &line : message.headers()) {
        add("line", std::to_string(static_cast<int>(line.id)));
        add(line.name, line.value);
    }
    for (Header header : {Header::route, Header::record_route}) {
        for (std::string_view route : message.routes(header)) add("route", route);
    }
    message.append_vias(out);
    Message marked = message;
    Endpoint source;
    source.port = 5061;
    marked.mark_received(source);
    marked.append_vias(out);
    return out;
}

// Empty if they are alike; else what both are.
inline std::string difference(const Message &one, const Message &other) {
    const std::string a = fields_of(one);
    const std::string b = fields_of(other);
    return a == b ? std::string() : a + "--- or ---\n" + b;
}

} // namespace tandem::test
