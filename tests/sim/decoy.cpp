#include "sim/decoy.hpp"
#include <algorithm>

namespace tandem::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration patience = 500s;

} // namespace

Decoy::Decoy(const Plan &plan, std::size_t number, Board &board, Network &network, Journal &journal, std::uint64_t seed)
    : Stack(plan.number, first_decoy + number, network, journal, seed), plan_(plan), own_(plan.decoys[number]),
      board_(board), tag_(dice_.word()),
      contact_("<sip:" + tag_ + "@" + agent_address(call_, party_).to_string() + ">") {}

bool Decoy::is_over() const {
    if (!invite_ || own_.kind == DecoyKind::silence) return true;
    return invite_->status >= 300 || (invite_->status != 0 && is_hung_up_);
}

void Decoy::on_request(const Server &server) {
    const auto &request = server->request;
    if (request.method == "INVITE" && request.to_tag().empty()) {
        if (!invite_) return begin(server);
        find("a second INVITE came for one call");
        return respond(server, answer_to(server, 482, tag_));
    }
    const bool is_ours = invite_ && request.call_id() == invite_->request.call_id() && request.to_tag() == tag_ &&
                         request.from_tag() == invite_->request.from_tag();
    if (request.method != "BYE" || !is_ours) {
        find(request.method + " came to somebody who has no call");
        return respond(server, answer_to(server, 481, tag_));
    }
    if (invite_->status < 200 || invite_->status >= 300) find("BYE came before the answer");
    respond(server, answer_to(server, 200, {}));
    is_hung_up_ = true;
}

void Decoy::begin(const Server &invite) {
    invite_ = invite;
    const auto &request = invite->request;
    board_.call_ids[party_] = request.call_id();
    if (request.contact().empty()) find("INVITE without Contact (RFC 3261 section 8.1.1.8)");
    if (plan_.offers_late != request.body.empty()) find("INVITE without the caller's offer, or with another");
    const auto offer = board_.bodies.find(request.label());
    if (!request.body.empty() && (offer == board_.bodies.end() || offer->second.bytes != request.body))
        find("INVITE: nobody sent this body: " + request.body);
    if (own_.kind == DecoyKind::silence) return;
    if (dice_.chance(0.5)) respond(invite_, answer_to(invite_, 100, {}));
    if (own_.ring_after) after(*own_.ring_after, [this] { ring(); });
    if (own_.kind == DecoyKind::refuse || own_.kind == DecoyKind::redirect) after(own_.after, [this] { refuse(); });
    after(patience, [this] {
        if (invite_->status != 0) return;
        if (board_.loss == 0 && !plan_.anyone_vanishes()) find("nobody stopped the ringing");
        respond(invite_, answer_to(invite_, 480, tag_));
    });
}

void Decoy::add_body(TextMessage &response, std::string_view purpose) {
    const auto label =
        "callee-" + std::string(purpose) + "-" + std::to_string(party_) + "-" + std::to_string(++labels_);
    response.body = "v=0\r\no=- 1 1 IN IP4 192.0.2.98\r\ns=" + label + "\r\na=x-token:" + dice_.word() + "\r\n";
    response.add("Content-Type", "application/sdp");
    board_.bodies[label] = {"application/sdp", response.body};
}

void Decoy::ring() {
    if (invite_->status != 0) return;
    auto response = answer_to(invite_, own_.has_body ? 183 : 180, tag_);
    response.add("Contact", contact_);
    if (own_.has_body) add_body(response, "ring");
    respond(invite_, response);
}

void Decoy::refuse() {
    if (invite_->status != 0) return;
    auto response = answer_to(invite_, own_.kind == DecoyKind::redirect ? 302 : own_.refusal, tag_);
    if (own_.kind == DecoyKind::redirect) {
        const auto callee =
            "sip:callee-" + std::to_string(call_) + "@" + agent_address(call_, callee_party).to_string();
        response.add("Contact", "<" + callee + ">;q=0.4, <sip:elsewhere@192.0.2.77>");
    } else if (own_.refusal == 302) {
        response.add("Contact", "<sip:elsewhere@192.0.2.77>");
    }
    respond(invite_, response);
}

void Decoy::pick_up() {
    if (invite_->status != 0) return;
    auto response = answer_to(invite_, 200, tag_);
    response.add("Contact", contact_);
    add_body(response, plan_.offers_late ? "late" : "answer");
    respond(invite_, response);
    answer_ = response.print();
    repeat_answer(t1, network_.now() + 64 * t1);
}

// RFC 3261 section 13.3.1.4.
void Decoy::repeat_answer(Duration interval, Instant until) {
    after(std::min(interval, until - network_.now()), [=, this] {
        if (is_acked_) return;
        if (network_.now() >= until) return hang_up();
        repeat(invite_, answer_);
        repeat_answer(std::min(2 * interval, t2), until);
    });
}

void Decoy::hang_up() {
    if (board_.loss == 0) find("no ACK came for the 2xx");
    const auto &invite = invite_->request;
    TextMessage bye;
    bye.method = "BYE";
    bye.uri = invite.contact();
    bye.add("From", std::string(invite.header("To")) + ";tag=" + tag_);
    bye.add("To", std::string(invite.header("From")));
    bye.add("Call-ID", invite.call_id());
    bye.add("CSeq", "1 BYE");
    bye.add("Max-Forwards", "70");
    request(std::move(bye));
}

// Both are in one moment: the other's answer, or the end of the call, and this one's.
void Decoy::on_decided() {
    if (own_.kind == DecoyKind::cross && invite_ && invite_->status == 0) after(dice_.ms(0, 20), [this] { pick_up(); });
}

void Decoy::on_cancel(const Server &invite) {
    if (invite != invite_ || invite->status != 0) return;
    if (own_.kind == DecoyKind::cross && dice_.chance(0.7)) return pick_up(); // it left as the CANCEL came in
    respond(invite, answer_to(invite, 487, tag_));
}

void Decoy::on_ack(const TextMessage &ack) {
    if (answer_.empty() || ack.call_id() != invite_->request.call_id() || ack.to_tag() != tag_ ||
        ack.cseq() != invite_->request.cseq())
        return find("ACK came for no 2xx of this side");
    if (!ack.body.empty()) find("ACK with a body that nobody asked for");
    is_acked_ = true;
}

void Decoy::on_response(const Client &client, const TextMessage &response) {
    if (response.status >= 200 && client->request.method == "BYE") is_hung_up_ = true;
}

void Decoy::on_timeout(const Client &) {
    if (board_.loss == 0) find("BYE was never answered, though nothing is lost");
    is_hung_up_ = true;
}

} // namespace tandem::sim
