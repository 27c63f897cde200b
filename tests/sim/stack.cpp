#include "sim/stack.hpp"
#include <algorithm>

namespace tandem::sim {
namespace {

constexpr Duration life = 64 * t1; // Timers B, F, H, and of a 2xx without ACK

std::string phrase(int status) {
    switch (status) {
    case 100: return "Trying";
    case 180: return "Ringing";
    case 183: return "Session Progress";
    case 200: return "OK";
    case 422: return "Session Interval Too Small";
    case 481: return "Call/Transaction Does Not Exist";
    case 487: return "Request Terminated";
    case 488: return "Not Acceptable Here";
    case 491: return "Request Pending";
    case 500: return "Server Internal Error";
    default: return "Because";
    }
}

} // namespace

Stack::Stack(std::size_t call, Party party, Network &network, Journal &journal, std::uint64_t seed)
    : call_(call), party_(party), name_(party_name(party)), network_(network),
      dice_(seed, party < first_decoy ? 'a' + party : 'A' + party, call), journal_(journal) {}

void Stack::set_hops(std::uint16_t proxies, bool is_behind_nat) {
    proxies_ = proxies;
    is_behind_nat_ = is_behind_nat;
}

void Stack::send_from(const Endpoint &at, const Endpoint &to, const std::string &bytes) {
    if (is_alive_) network_.send(at, to, bytes);
}

void Stack::send(const std::string &bytes) {
    send_from(agent_address(call_, party_, proxies_ ? proxy_port : agent_port), engine_address(), bytes);
}

std::vector<std::string> Stack::new_vias() {
    std::vector<std::string> vias;
    const auto via = [&](std::uint16_t port) {
        auto host = agent_address(call_, party_, port).to_string();
        if (is_behind_nat_) host = "192.168.7.7:" + std::to_string(port);
        auto out = "SIP/2.0/UDP " + host + ";branch=z9hG4bK" + dice_.word();
        if (is_behind_nat_ || dice_.chance(0.5)) out += ";rport";
        vias.push_back(std::move(out));
    };
    for (std::uint16_t i = 0; i < proxies_; ++i) via(static_cast<std::uint16_t>(proxy_port + i));
    via(agent_port);
    return vias;
}

Stack::Client Stack::request(TextMessage message) {
    auto client = std::make_shared<ClientTransaction>();
    const auto vias = new_vias();
    for (auto via = vias.rbegin(); via != vias.rend(); ++via)
        message.headers.insert(message.headers.begin(), {"Via", *via});
    client->request = std::move(message);
    client->bytes = client->request.print();
    clients_[client->request.branch() + client->request.method] = client;
    send(client->bytes);
    retransmit_request(client, t1);
    give_up_after(client, life,
                  client->request.method == "INVITE" ? ClientTransaction::calling : ClientTransaction::proceeding);
    return client;
}

// Timers A and E.
void Stack::retransmit_request(const Client &client, Duration interval) {
    after(interval, [this, client, interval] {
        const bool is_invite = client->request.method == "INVITE";
        const bool goes_on = client->state == ClientTransaction::calling ||
                             (client->state == ClientTransaction::proceeding && !is_invite);
        if (!goes_on) return;
        send(client->bytes);
        const bool waits = client->state == ClientTransaction::proceeding; // RFC 3261 section 17.1.2.2
        retransmit_request(client, is_invite ? 2 * interval : waits ? t2 : std::min(2 * interval, t2));
    });
}

// Timers B and F, and the end of waiting after CANCEL (RFC 3261 section 9.1), if it has come no further than `last`.
void Stack::give_up_after(const Client &client, Duration span, ClientTransaction::State last) {
    after(span, [this, client, last] {
        if (client->state > last) return;
        client->state = ClientTransaction::given_up;
        on_timeout(client);
    });
}

void Stack::cancel(const Client &invite) {
    if (invite->is_cancelled || invite->status != 0 || invite->state == ClientTransaction::given_up) return;
    invite->is_cancelled = true;
    if (invite->state == ClientTransaction::proceeding) send_cancel(invite);
}

void Stack::send_cancel(const Client &invite) {
    TextMessage message;
    message.method = "CANCEL";
    message.uri = invite->request.uri;
    message.add("Via", invite->request.list("Via").front());
    for (const auto name : {"From", "To", "Call-ID"}) message.add(name, std::string(invite->request.header(name)));
    for (const auto &route : invite->request.list("Route")) message.add("Route", route);
    message.add("CSeq", std::to_string(invite->request.cseq()) + " CANCEL");
    message.add("Max-Forwards", "70");
    auto client = std::make_shared<ClientTransaction>();
    client->request = message;
    client->bytes = message.print();
    clients_[message.branch() + "CANCEL"] = client;
    send(client->bytes);
    retransmit_request(client, t1);
    give_up_after(client, life, ClientTransaction::proceeding);
    give_up_after(invite, life, ClientTransaction::proceeding);
}

void Stack::acknowledge_refusal(const Client &client, const TextMessage &response) {
    if (client->ack.empty()) {
        TextMessage ack;
        ack.method = "ACK";
        ack.uri = client->request.uri;
        ack.add("Via", client->request.list("Via").front());
        ack.add("From", std::string(client->request.header("From")));
        ack.add("To", std::string(response.header("To")));
        ack.add("Call-ID", client->request.call_id());
        ack.add("CSeq", std::to_string(client->request.cseq()) + " ACK");
        ack.add("Max-Forwards", "70");
        client->ack = ack.print();
    }
    send(client->ack);
}

TextMessage Stack::answer_to(const Server &server, int status, std::string_view to_tag) const {
    TextMessage response;
    response.status = status;
    response.phrase = phrase(status);
    bool is_top = true;
    for (auto via : server->request.list("Via")) {
        if (is_top && via.find(";rport") != via.npos) { // RFC 3581 section 4
            via.insert(via.find(";rport") + 6, "=" + std::to_string(server->source.port));
            via += ";received=" + server->source.ip.to_string();
        }
        is_top = false;
        response.add("Via", via);
    }
    response.add("From", std::string(server->request.header("From")));
    auto to = std::string(server->request.header("To"));
    if (status > 100 && server->request.to_tag().empty()) to.append(";tag=").append(to_tag);
    response.add("To", to);
    response.add("Call-ID", server->request.call_id());
    response.add("CSeq", std::string(server->request.header("CSeq")));
    return response;
}

void Stack::respond(const Server &server, const TextMessage &response) {
    if (server->status >= 300 || (server->status >= 200 && response.status >= 300)) return;
    server->last = response.print();
    if (response.status >= 200) server->status = response.status;
    send_from(server->at, server->source, server->last);
    if (server->status >= 300 && server->request.method == "INVITE")
        retransmit_refusal(server, t1, network_.now() + life);
}

void Stack::repeat(const Server &server, const std::string &response) {
    send_from(server->at, server->source, response);
}

// Timers G and H.
void Stack::retransmit_refusal(const Server &server, Duration interval, Instant until) {
    after(interval, [this, server, interval, until] {
        if (server->is_acked || network_.now() >= until) return;
        send_from(server->at, server->source, server->last);
        retransmit_refusal(server, std::min(2 * interval, t2), until);
    });
}

void Stack::receive(const Endpoint &at, const Endpoint &source, const std::string &bytes) {
    if (!is_alive_) return;
    std::string why;
    auto message = TextMessage::parse(bytes, why);
    if (!message) return find("a malformed message arrived (" + why + "): " + bytes);
    if (message->is_request())
        receive_request(at, source, *std::move(message), bytes);
    else
        receive_response(at, *message);
}

void Stack::receive_request(const Endpoint &at, const Endpoint &source, TextMessage message, const std::string &bytes) {
    const auto &method = message.method;
    const auto branch = message.branch();
    if (branch.substr(0, 7) != "z9hG4bK") return find(method + " without a branch of RFC 3261 section 8.1.1.7");
    if (method == "ACK") {
        const auto invite = servers_.find(branch + "INVITE");
        if (invite == servers_.end()) return on_ack(message);
        if (invite->second->status < 300)
            return find("the ACK of a 2xx has the branch of its INVITE (RFC 3261 section 13.2.2.4)");
        if (message.to_tag() != parameter(message.header("To"), "tag") || message.to_tag().empty())
            return find("the ACK of a refusal has no To tag (RFC 3261 section 17.1.1.3)");
        invite->second->is_acked = true;
        return;
    }
    auto &server = servers_[branch + method];
    if (server) {
        if (server->bytes != bytes) find(method + " came again with other bytes");
        if (!server->last.empty()) send_from(server->at, server->source, server->last);
        return;
    }
    server = std::make_shared<ServerTransaction>();
    server->at = at;
    server->source = source;
    server->bytes = bytes;
    server->request = std::move(message);
    const auto kept = server;
    if (kept->request.method != "CANCEL") return on_request(kept);

    const auto invite = servers_.find(branch + "INVITE");
    if (invite == servers_.end()) {
        find("CANCEL came for no INVITE (RFC 3261 section 9.1)");
        return respond(kept, answer_to(kept, 481, dice_.word()));
    }
    const auto cancelled = invite->second;
    respond(kept, answer_to(kept, 200, "cancel" + branch.substr(7)));
    on_cancel(cancelled);
}

void Stack::receive_response(const Endpoint &at, const TextMessage &message) {
    const auto found = clients_.find(message.branch() + message.cseq_method());
    if (found == clients_.end()) return find(message.title() + " came for a request that was never sent");
    const auto client = found->second;
    if (at.port != (proxies_ ? proxy_port : agent_port))
        return find(message.title() + " came to another port than the request left (RFC 3581)");
    const bool is_invite = client->request.method == "INVITE";

    if (message.status < 200) {
        if (client->state > ClientTransaction::proceeding) return;
        const bool is_first = client->state == ClientTransaction::calling;
        client->state = ClientTransaction::proceeding;
        if (is_first && client->is_cancelled) send_cancel(client);
        return on_response(client, message);
    }
    if (client->state == ClientTransaction::given_up) return note("too late: " + message.title());
    if (client->state == ClientTransaction::completed) {
        if (is_invite && client->status >= 300 && message.status >= 300) acknowledge_refusal(client, message);
        if (is_invite && client->status < 300 && message.status < 300) on_response(client, message);
        return;
    }
    client->state = ClientTransaction::completed;
    client->status = message.status;
    if (is_invite && message.status >= 300) acknowledge_refusal(client, message);
    on_response(client, message);
}

} // namespace tandem::sim
