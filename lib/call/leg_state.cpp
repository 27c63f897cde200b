#include "call/leg_state.hpp"
#include <limits>
#include <nlohmann/json.hpp>
#include "base/method.hpp"
#include "base/text.hpp"
#include "sip/writer.hpp"

namespace tandem {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

constexpr std::uint8_t method_last = static_cast<std::uint8_t>(Method::publish);

// JSON has no bytes: each one becomes the character of its number, which for ASCII is itself.
std::string text_of(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size());
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80) {
            text.push_back(c);
        } else {
            text.push_back(static_cast<char>(0xc0 | (byte >> 6)));
            text.push_back(static_cast<char>(0x80 | (byte & 0x3f)));
        }
    }
    return text;
}

std::string bytes_of(std::string_view text) {
    std::string bytes;
    bytes.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if (byte < 0x80 || i + 1 == text.size()) {
            bytes.push_back(text[i]);
        } else {
            bytes.push_back(static_cast<char>(((byte & 0x03) << 6) | (static_cast<unsigned char>(text[++i]) & 0x3f)));
        }
    }
    return bytes;
}

// Members that are as they are by themselves are left out, and read as that.
void put(Json &object, const char *name, std::string_view bytes) {
    if (!bytes.empty()) object[name] = text_of(bytes);
}
void put(Json &object, const char *name, std::uint64_t number) {
    if (number != 0) object[name] = number;
}
void put(Json &object, const char *name, bool flag) {
    if (flag) object[name] = true;
}
void put_part(Json &object, const char *name, Json member) {
    if (!member.empty()) object[name] = std::move(member);
}

std::string text_in(const Json &object, const char *name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? bytes_of(found->get_ref<const std::string &>())
                                                       : std::string();
}
template <class Number>
Number number_in(const Json &object, const char *name) {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_number_unsigned()) return 0;
    const auto number = found->get<std::uint64_t>();
    return number <= std::numeric_limits<Number>::max() ? static_cast<Number>(number) : Number{0};
}
bool flag_in(const Json &object, const char *name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_boolean() && found->get<bool>();
}
Json object_in(const Json &object, const char *name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_object() ? *found : Json::object();
}

Json json_of(const Session &session) {
    Json object = Json::object();
    put(object, "type", session.type.view());
    put(object, "body", session.body.view());
    return object;
}

Session session_in(const Json &object) {
    Session session;
    const std::string body = text_in(object, "body");
    const std::string type = text_in(object, "type");
    if (!body.empty()) session.body = SharedBytes(body);
    if (!body.empty() && !type.empty() && is_header_safe(type)) session.type = SharedBytes(type);
    return session;
}

Json json_of(const Endpoint &endpoint) {
    return {{"transport", uri_name(endpoint.transport)},
            {"address", endpoint.ip.to_string()},
            {"port", endpoint.port},
            {"listener", endpoint.listener}};
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

Json json_of(const std::optional<LegOrigin> &origin) {
    Json object = Json::object();
    if (!origin) return object;
    put(object, "name", origin->origin.name);
    put(object, "version", origin->origin.version);
    put(object, "address", origin->origin.address);
    put_part(object, "last", json_of(origin->last));
    return object;
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

Json json_of(const KeptInvite &invite) {
    Json object = Json::object();
    put(object, "request", invite.request);
    put(object, "answer", invite.answer);
    object["source"] = json_of(invite.source);
    put(object, "client_cseq", std::uint64_t{invite.client_cseq});
    put(object, "client_to_tag", invite.client_to_tag);
    put(object, "is_first", invite.is_first);
    put(object, "has_offer", invite.has_offer);
    put(object, "is_acked", invite.is_acked);
    put(object, "is_settled", invite.is_settled);
    put_part(object, "offer", json_of(invite.offer));
    return object;
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

Json json_of(const std::vector<Direction> &directions) {
    Json list = Json::array();
    for (const Direction direction : directions) list.push_back(static_cast<std::uint8_t>(direction));
    return list;
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

Json json_of(const KeptCall &call) {
    Json object = {{"refers", static_cast<std::uint8_t>(call.refers)}};
    put(object, "transfers", std::uint64_t{call.transfers});
    if (call.held) object["held"] = {json_of((*call.held)[0]), json_of((*call.held)[1])};
    return object;
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
    writer.request_line("INVITE", request_uri).vias_of(message);
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
    Json object = {{"call", call.to_string()}, {"peer", json_of(peer)}};
    put(object, "place", std::uint64_t{static_cast<std::uint8_t>(place)});
    put(object, "allowed", methods_of(allowed));
    put(object, "is_known", is_known);
    put(object, "is_flow", is_flow);
    put_part(object, "session", json_of(session));
    if (told) object["told"] = json_of(*told);
    put(object, "passed_version", passed_version);
    put(object, "told_in_ack", std::uint64_t{told_in_ack});
    put_part(object, "origin", json_of(origin));
    put(object, "interval_ms", ms_of(interval));
    put(object, "min_interval_ms", ms_of(min_interval));
    put(object, "is_ours", is_ours);
    put(object, "is_supported", is_supported);
    put(object, "invite", invite);
    if (peers) object["peers_invite"] = json_of(*peers);
    if (of_call) object["of_call"] = json_of(*of_call);
    return object.dump();
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
