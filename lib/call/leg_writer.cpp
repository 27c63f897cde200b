#include "call/leg_writer.hpp"
#include <utility>
#include "base/text.hpp"
#include "call/header_policy.hpp"
#include "dialog/route_set.hpp"
#include "sip/uri.hpp"
#include "sip/writer.hpp"

namespace tandem {
namespace {

// Whether the URI is where we are ourselves, as another worker of ours says it.
bool is_own(const Uri &uri, const Listener &listener) {
    const std::string_view own = listener.sent_by;
    if (!own.starts_with(uri.host)) return false;
    const std::uint16_t port = uri.port != 0 ? uri.port : default_port(listener.bound.transport);
    return own.substr(uri.host.size()) == ":" + std::to_string(port);
}

struct NextHop {
    Endpoint to;
    SharedBytes host{};
    bool is_unknown = false;
};

// A next hop that we have no socket for can not be followed, nor can a name before it is looked up: the way that the
// INVITE took is the best guess. So it is for those who came over a connection and leave the transport out: by the
// letter they would be called back over UDP (RFC 3263 section 4.1), and few of them listen there.
NextHop next_hop(std::string_view uri, const Endpoint &peer, const NamedHop *known,
                 const std::vector<Listener> &listeners) {
    const auto parsed = Uri::parse(uri);
    if (!parsed || is_own(*parsed, listeners[peer.listener])) return {peer};
    const bool is_by_letter = is_sips(uri) || parsed->param("transport");
    if (const auto endpoint = parsed->endpoint()) {
        if (is_reliable(peer.transport) && !is_by_letter) return {peer};
        Endpoint hop = *endpoint;
        hop.listener = peer.listener;
        if (hop.transport == peer.transport && hop.ip.is_v6 == peer.ip.is_v6) return {hop};
        return {with_listener(listeners, hop).value_or(peer)};
    }
    if (IpAddress::parse(parsed->param("maddr").value_or(parsed->host))) return {peer}; // by a transport unheard of
    if (is_reliable(peer.transport) && !is_by_letter && parsed->port != 0) return {peer};
    if (!known || known->uri != uri) return {.to = peer, .is_unknown = true};
    if (!known->to) return {peer};
    return {*known->to, SharedBytes(parsed->host)};
}

// Most hops are addresses, and that costs less to see than to read. A name may begin like one.
bool begins_like_address(std::string_view uri) {
    const std::size_t user = uri.find('@');
    const std::size_t host = (user == std::string_view::npos ? uri.find(':') : user) + 1;
    return host != 0 && host < uri.size() && (uri[host] == '[' || (uri[host] >= '0' && uri[host] <= '9'));
}

// RFC 3261 section 12.1.1: who was called by a SIPS URI is called back by one.
bool is_secure(const Message &request) {
    if (is_sips(request.request_uri())) return true;
    const std::vector<std::string_view> routes = request.routes(Header::record_route);
    return is_sips(routes.empty() ? request.contact_uri() : addr_spec(routes.front()));
}

// Responses that make a dialog carry the route that its requests will take (RFC 3261 section 12.1.1).
bool makes_dialog(const Message &request, std::uint16_t status) {
    return request.method() == Method::invite && status > 100 && status < 300;
}

bool has_contact(const Message &request, std::uint16_t status) {
    if (makes_dialog(request, status)) return true;
    return request.method() == Method::update && status >= 200 && status < 300;
}

} // namespace

DialogPath path_of(const DialogSet &set, Side local, const Fork *fork) {
    if (!fork) fork = set.forks.get();
    DialogPath path;
    path.call_id = set.view(DialogSet::call_id);
    const std::string_view to_tag = fork ? fork->text.get(Fork::to_tag) : std::string_view();
    if (local == Side::caller) {
        path.local_uri = set.view(DialogSet::from_uri);
        path.local_tag = set.view(DialogSet::from_tag);
        path.remote_uri = set.view(DialogSet::to_uri);
        path.remote_tag = to_tag;
        path.remote_target = fork ? fork->text.get(Fork::callee_target) : std::string_view();
        path.route_set = fork ? fork->text.get(Fork::callee_route_set) : std::string_view();
        // A 2xx without a Contact breaks RFC 3261 section 12.1.1, but some do it: they are where the INVITE went.
        if (path.remote_target.empty()) path.remote_target = set.view(DialogSet::request_uri);
    } else {
        path.local_uri = set.view(DialogSet::to_uri);
        path.local_tag = to_tag;
        path.remote_uri = set.view(DialogSet::from_uri);
        path.remote_tag = set.view(DialogSet::from_tag);
        path.remote_target = set.view(DialogSet::caller_target);
        path.route_set = set.view(DialogSet::caller_route_set);
        if (path.remote_target.empty()) path.remote_target = path.remote_uri;
    }
    return path;
}

SharedBytes LegWriter::first_invite(const Message &invite, std::string_view request_uri, std::string_view route_set,
                                    const Endpoint &to, std::string_view call_id, std::string_view from_tag,
                                    std::string_view branch, std::string_view extra, std::string_view own) {
    Writer writer(buffer_);
    writer.request_line("INVITE", request_uri).via(to.transport, sent_by(to), branch);
    if (!route_set.empty()) writer.header("Route", route_set);
    writer.header("Max-Forwards", invite.max_forwards().value_or(70) - 1)
        .party("From", invite.from_display(), invite.from_uri(), from_tag)
        .party("To", invite.to_display(), invite.to_uri(), {})
        .header("Call-ID", call_id)
        .cseq(1, "INVITE")
        .header("Contact", contact(to, is_sips(request_uri)));
    pass(invite, to, writer, extra);
    writer.lines(extra).lines(own);
    pass_body(invite, writer);
    return SharedBytes(buffer_);
}

std::string LegWriter::unknown_hop(const DialogPath &path, const Endpoint &peer, const NamedHop *known) const {
    if (path.route_set.empty() && path.is_flow) return {};
    if (path.route_set.empty() && begins_like_address(path.remote_target)) return {};
    RequestRoute route = make_request_route(path.remote_target, path.route_set);
    const bool is_unknown = next_hop(route.next_hop, peer, known, listeners_).is_unknown;
    return is_unknown ? std::move(route.next_hop) : std::string();
}

WrittenRequest LegWriter::request(const DialogPath &path, const Endpoint &peer, const NamedHop *known,
                                  const RequestParts &parts) {
    RequestRoute route = make_request_route(path.remote_target, path.route_set);
    const bool goes_back = path.is_flow && path.route_set.empty();
    NextHop next = goes_back ? NextHop{peer} : next_hop(route.next_hop, peer, known, listeners_);
    const Endpoint &hop = next.to;
    Writer writer(buffer_);
    writer.request_line(parts.method, route.request_uri).via(hop.transport, sent_by(hop), parts.branch);
    if (!route.route.empty()) writer.header("Route", route.route);
    writer.header("Max-Forwards", parts.max_forwards)
        .party("From", {}, path.local_uri, path.local_tag)
        .party("To", {}, path.remote_uri, path.remote_tag)
        .header("Call-ID", path.call_id)
        .cseq(parts.cseq, parts.method);
    if (parts.has_contact) {
        writer.header("Contact", contact(hop, is_sips(route.request_uri) || is_sips(route.next_hop)));
    }
    if (parts.passed) pass(*parts.passed, hop, writer);
    if (!parts.reason.empty()) writer.header("Reason", parts.reason);
    writer.lines(parts.extra);
    if (parts.session && *parts.session) {
        writer.header("Content-Type", parts.session->content_type()).body(parts.session->body.view());
    } else if (parts.passed) {
        pass_body(*parts.passed, writer);
    } else {
        writer.body();
    }
    return {SharedBytes(buffer_), hop, std::move(next.host),
            next.is_unknown ? std::move(route.next_hop) : std::string()};
}

SharedBytes LegWriter::response(const Message &request, const Endpoint &source, std::uint16_t status,
                                std::string_view reason, std::string_view to_tag, const Message *passed,
                                std::string_view extra, const Session *session) {
    Writer writer(buffer_);
    writer.status_line(status, reason).vias_of(request);
    if (makes_dialog(request, status)) {
        for (const HeaderLine &line : request.headers()) {
            if (line.id == Header::record_route) writer.header(line);
        }
    }
    if (status == 100 && request.has(Header::timestamp)) {
        writer.header("Timestamp", request.value(Header::timestamp)); // RFC 3261 section 8.2.6.1
    }
    writer.header("From", request.value(Header::from));
    buffer_.append("To: ").append(request.value(Header::to));
    if (request.to_tag().empty() && !to_tag.empty()) buffer_.append(";tag=").append(to_tag);
    buffer_.append("\r\n");
    writer.header("Call-ID", request.value(Header::call_id)).header("CSeq", request.value(Header::cseq));
    // A redirection's Contact is what it says; any other is the peer's own address.
    if (passed && status >= 300 && status < 400) {
        for (const HeaderLine &line : passed->headers()) {
            if (line.id == Header::contact) writer.header(line);
        }
    } else if (has_contact(request, status)) {
        writer.header("Contact", contact(source, is_secure(request)));
    }
    if (passed) pass(*passed, source, writer);
    writer.lines(extra);
    if (session && *session) {
        writer.header("Content-Type", session->content_type()).body(session->body.view());
    } else if (passed) {
        pass_body(*passed, writer);
    } else {
        writer.body();
    }
    return SharedBytes(buffer_);
}

void LegWriter::pass(const Message &from, const Endpoint &to, Writer &writer, std::string_view replaced) {
    const bool is_trusted = from.has(Header::p_asserted_identity) && router_.is_trusted(to.ip);
    pass_headers(from, writer, is_trusted, replaced);
}

std::string LegWriter::contact(const Endpoint &peer, bool is_sips) const {
    if (is_sips) return "<sips:" + sent_by(peer) + ">";
    if (peer.transport == Transport::udp) return "<sip:" + sent_by(peer) + ">";
    return "<sip:" + sent_by(peer) + ";transport=" + std::string(uri_name(peer.transport)) + ">";
}

std::string_view usable_target(std::string_view contact_uri) {
    const std::string_view target = contact_uri.substr(0, contact_uri.find('?'));
    if (target.empty() || target.find_first_of(" \t<>\"") != std::string_view::npos) return {};
    const auto uri = Uri::parse(target);
    if (!uri || (uri->scheme != "sip" && uri->scheme != "sips") || uri->host.empty() || uri->param("method")) return {};
    return target;
}

MessageView view_of(const Message &message, ViewText &text) {
    MessageView view;
    view.method = message.method();
    view.status = message.status();
    view.cseq = message.cseq();
    view.call_id = message.call_id();
    view.from_tag = message.from_tag();
    view.to_tag = message.to_tag();
    view.contact_uri = usable_target(message.contact_uri());
    text = {message.values(Header::record_route), message.values(Header::reason)};
    view.record_route = text.record_route;
    view.reason = text.reason;
    if (message.is_request() && view.method == Method::invite && view.to_tag.empty()) {
        view.from_uri = message.from_uri();
        view.to_uri = message.to_uri();
        view.request_uri = message.request_uri();
    }
    return view;
}

} // namespace tandem
