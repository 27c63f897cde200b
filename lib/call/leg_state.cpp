#include "call/leg_state.hpp"
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>
#include "base/method.hpp"
#include "base/text.hpp"
#include "call/object_text.hpp"
#include "sip/writer.hpp"

namespace tandem {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

constexpr std::uint8_t method_last = static_cast<std::uint8_t>(Method::publish);

void append(const Session &session, std::string &out) {
    ObjectText object(out);
    object.text("type", session.type.view());
    object.text("body", session.body.view());
    object.end();
}

Session session_in(const Json &object) {
    Session session;
    const std::string body = text_in(object, "body");
    const std::string type = text_in(object, "type");
    if (!body.empty()) session.body = SharedBytes(body);
    if (!body.empty() && !type.empty() && is_header_safe(type)) session.type = SharedBytes(type);
    return session;
}

void append(const Endpoint &endpoint, std::string &out) {
    ObjectText object(out);
    object.text("transport", uri_name(endpoint.transport));
    object.text("address", endpoint.ip.to_string());
    object.number("port", endpoint.port);
    object.number("listener", endpoint.listener);
    object.end();
}

std::optional<Endpoint> endpoint_in(const Json &object) {
    const auto transport = parse_transport(text_in(object, "transport"));
    const auto ip = IpAddress::parse(text_in(object, "address"));
    if (!transport || !ip) return std::nullopt;
    Endpoint endpoint;
    endpoint.transport = *transport;
    endpoint.ip = *ip;
    endpoint.port = number_in<std::uint16_t>(object, "port");
    endpoint.listener = number_in<std::uint8_t>(object, "listener");
    return endpoint;
}

std::string methods_of(std::uint16_t allowed) {
    std::string names;
    for (std::uint8_t i = 0; i <= method_last; ++i) {
        if ((allowed & (1U << i)) == 0) continue;
        if (!names.empty()) names.push_back(' ');
        names.append(i == 0 ? "-" : to_string(static_cast<Method>(i)));
    }
    return names;
}

std::uint16_t allowed_of(std::string_view names) {
    std::uint16_t allowed = 0;
    while (!names.empty()) {
        const std::size_t end = std::min(names.find(' '), names.size());
        allowed = static_cast<std::uint16_t>(allowed | mask_of(parse_method(names.substr(0, end))));
        names.remove_prefix(std::min(end + 1, names.size()));
    }
    return allowed;
}

void append(const LegOrigin &origin, std::string &out) {
    ObjectText object(out);
    object.text("name", origin.origin.name);
    object.number("version", origin.origin.version);
    object.text("address", origin.origin.address);
    append(origin.last, object.name("last"));
    object.end();
}

std::optional<LegOrigin> origin_in(const Json &object) {
    if (object.empty()) return std::nullopt;
    LegOrigin origin;
    origin.origin.name = text_in(object, "name");
    origin.origin.version = number_in<std::uint64_t>(object, "version");
    origin.origin.address = text_in(object, "address");
    origin.last = session_in(object_in(object, "last"));
    return origin;
}

void append(const KeptInvite &invite, std::string &out) {
    ObjectText object(out);
    object.text("request", invite.request);
    object.text("answer", invite.answer);
    append(invite.source, object.name("source"));
    object.number("client_cseq", invite.client_cseq);
    object.text("client_to_tag", invite.client_to_tag);
    object.flag("is_first", invite.is_first);
    object.flag("has_offer", invite.has_offer);
    object.flag("is_acked", invite.is_acked);
    object.flag("is_settled", invite.is_settled);
    if (invite.offer) append(invite.offer, object.name("offer"));
    object.end();
}

std::optional<KeptInvite> invite_in(const Json &object) {
    const auto source = endpoint_in(object_in(object, "source"));
    if (!source) return std::nullopt;
    KeptInvite invite;
    invite.request = text_in(object, "request");
    invite.answer = text_in(object, "answer");
    invite.source = *source;
    invite.client_cseq = number_in<std::uint32_t>(object, "client_cseq");
    invite.client_to_tag = text_in(object, "client_to_tag");
    invite.is_first = flag_in(object, "is_first");
    invite.has_offer = flag_in(object, "has_offer");
    invite.is_acked = flag_in(object, "is_acked");
    invite.is_settled = flag_in(object, "is_settled");
    invite.offer = session_in(object_in(object, "offer"));
    return invite;
}

void append(const std::vector<Direction> &directions, std::string &out) {
    out.push_back('[');
    for (const Direction direction : directions) {
        if (out.back() != '[') out.push_back(',');
        out.push_back(static_cast<char>('0' + static_cast<std::uint8_t>(direction)));
    }
    out.push_back(']');
}

std::vector<Direction> directions_in(const Json &list) {
    std::vector<Direction> directions;
    if (!list.is_array()) return directions;
    for (const Json &item : list) {
        const bool is_one = item.is_number_unsigned() && item.get<std::uint64_t>() <= 3;
        if (directions.size() < sdp_media_max) {
            directions.push_back(is_one ? static_cast<Direction>(item.get<std::uint8_t>()) : Direction::sendrecv);
        }
    }
    return directions;
}

void append(const KeptCall &call, std::string &out) {
    ObjectText object(out);
    object.number("refers", static_cast<std::uint8_t>(call.refers));
    object.number("transfers", call.transfers);
    if (call.held) {
        object.name("held").push_back('[');
        append((*call.held)[0], out);
        out.push_back(',');
        append((*call.held)[1], out);
        out.push_back(']');
    }
    object.end();
}

KeptCall call_in(const Json &object) {
    KeptCall call;
    const auto refers = number_in<std::uint8_t>(object, "refers");
    call.refers = refers <= static_cast<std::uint8_t>(Refers::reject) ? static_cast<Refers>(refers) : Refers::reject;
    call.transfers = number_in<std::uint8_t>(object, "transfers");
    const auto held = object.find("held");
    if (held != object.end() && held->is_array() && held->size() == 2) {
        call.held = std::array{directions_in((*held)[0]), directions_in((*held)[1])};
    }
    return call;
}

std::uint64_t ms_of(Duration duration) {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(duration).count());
}

void append_outline(const Message &message, std::string_view request_uri, std::string &out) {
    Writer writer(out);
    const bool is_ack = message.is_request() && message.method() == Method::ack;
    writer.request_line(is_ack ? "ACK" : "INVITE", request_uri).vias_of(message);
    for (const HeaderLine &line : message.headers()) {
        if (message.is_request() && line.id == Header::route) writer.header(line);
    }
    writer.header("Max-Forwards", std::uint64_t{70})
        .header("From", message.value(Header::from))
        .header("To", message.value(Header::to))
        .header("Call-ID", message.value(Header::call_id))
        .header("CSeq", message.value(Header::cseq))
        .body();
}

} // namespace

std::string outline(const Message &invite) {
    std::string out;
    append_outline(invite, invite.request_uri(), out);
    return out;
}

std::string outline_of_answer(const Message &answer) {
    std::string out;
    append_outline(answer, answer.to_uri(), out);
    return out;
}

std::string LegState::to_text() const {
    std::string out;
    out.reserve(512 + session.body.view().size() + invite.size() + (peers ? peers->request.size() : 0) +
                (peers ? peers->answer.size() : 0));
    ObjectText object(out);
    object.text("call", call.to_string());
    object.number("place", static_cast<std::uint8_t>(place));
    append(peer, object.name("peer"));
    object.text("allowed", methods_of(allowed));
    object.flag("is_known", is_known);
    object.flag("is_flow", is_flow);
    if (session) append(session, object.name("session"));
    if (told) append(*told, object.name("told"));
    object.number("told_in_ack", told_in_ack);
    object.number("passed_version", passed_version);
    if (origin) append(*origin, object.name("origin"));
    object.number("interval_ms", ms_of(interval));
    object.number("min_interval_ms", ms_of(min_interval));
    object.flag("is_ours", is_ours);
    object.flag("is_supported", is_supported);
    object.text("invite", invite);
    if (peers) append(*peers, object.name("peers_invite"));
    if (of_call) append(*of_call, object.name("of_call"));
    object.end();
    return out;
}

std::optional<LegState> LegState::parse(std::string_view text) {
    const Json object = Json::parse(text, nullptr, false);
    if (!object.is_object()) return std::nullopt;
    const auto call = RecordId::parse(text_in(object, "call"));
    const auto peer = endpoint_in(object_in(object, "peer"));
    if (!call || !peer) return std::nullopt;
    LegState state;
    state.call = *call;
    state.peer = *peer;
    const auto place = number_in<std::uint8_t>(object, "place");
    state.place = place <= 2 ? static_cast<LegPlace>(place) : LegPlace::alone;
    state.allowed = allowed_of(text_in(object, "allowed"));
    state.is_known = flag_in(object, "is_known");
    state.is_flow = flag_in(object, "is_flow");
    state.session = session_in(object_in(object, "session"));
    if (object.contains("told")) state.told = session_in(object_in(object, "told"));
    state.passed_version = number_in<std::uint64_t>(object, "passed_version");
    state.told_in_ack = number_in<std::uint32_t>(object, "told_in_ack");
    state.origin = origin_in(object_in(object, "origin"));
    state.interval = milliseconds(number_in<std::uint32_t>(object, "interval_ms"));
    state.min_interval = milliseconds(number_in<std::uint32_t>(object, "min_interval_ms"));
    state.is_ours = flag_in(object, "is_ours");
    state.is_supported = flag_in(object, "is_supported");
    state.invite = text_in(object, "invite");
    state.peers = invite_in(object_in(object, "peers_invite"));
    if (object.contains("of_call")) state.of_call = call_in(object_in(object, "of_call"));
    return state;
}

} // namespace tandem
