#include "sim/callee.hpp"

namespace tandem::sim {
namespace {

constexpr Duration patience = std::chrono::seconds(500);
constexpr Duration poll = std::chrono::milliseconds(200);

} // namespace

Callee::Callee(const Plan &plan, Board &board, Network &network, Journal &journal, std::uint64_t seed)
    : UserAgent(plan, Side::callee, board, network, journal, seed), tags_{dice_.word(), dice_.word()} {}

bool Callee::is_over() const {
    if (!invite_ || plan_.ending == Ending::silence) return true; // it does not even see a CANCEL
    if (invite_->status >= 300) return true;
    return invite_->status != 0 && UserAgent::is_over();
}

void Callee::on_request(const Server &server) {
    const auto &request = server->request;
    if (request.method != "INVITE" || !request.to_tag().empty()) return UserAgent::on_request(server);
    if (invite_) {
        find("a second INVITE came for one call");
        return respond(server, answer_to(server, 482, dice_.word()));
    }
    invite_ = server;
    check_invite(request);
    call_id_ = request.call_id();
    board_.call_ids[index(Side::callee)] = call_id_;
    local_uri_ = request.header("To");
    remote_uri_ = std::string(request.header("From"));
    remote_uri_.resize(remote_uri_.rfind(";tag="));
    if (plan_.ending == Ending::silence) return;
    if (dice_.chance(0.5) || plan_.rings.empty()) respond(server, answer_to(server, 100, {}));
    ring(0);
    after(patience, [this] { give_up(); });
    if (plan_.ending != Ending::ring_for_ever) after(plan_.answer_after, [this] { finish(); });
}

void Callee::check_invite(const TextMessage &invite) {
    if (invite.call_id() == board_.call_ids[index(Side::caller)]) find("the caller's Call-ID came through");
    if (plan_.ending == Ending::no_route) find("a call without a route came through");
    if (invite.contact().empty()) find("INVITE without Contact (RFC 3261 section 8.1.1.8)");
    if (is_offered_reliability() != (plan_.reliable != Reliable::unknown))
        find("100rel is offered without the caller, or not though she asks for it");
    if (invite.from_tag().empty()) find("INVITE without From tag (RFC 3261 section 8.1.1.3)");
    if (!plan_.offers_late) check_body(invite, "offer-");
    if (plan_.offers_late && !invite.body.empty()) find("INVITE with an offer that nobody made");
}

std::size_t Callee::fork(std::size_t number) {
    if (!forks_[number]) {
        forks_[number] = open(tags_[number], invite_->request.from_tag(), invite_->request.contact());
        dialogs_[*forks_[number]].remote_cseq = invite_->request.cseq();
    }
    return *forks_[number];
}

void Callee::add_dialog_headers(TextMessage &response, std::size_t number) const {
    response.add("Contact", contact(tags_[number]));
    for (const auto &route : record_route()) response.add("Record-Route", route);
}

void Callee::ring(std::size_t next) {
    if (next >= plan_.rings.size()) return;
    const auto &step = plan_.rings[next];
    after(step.after, [this, next] { send_ring(next); });
}

void Callee::send_ring(std::size_t next) {
    if (invite_->status != 0) return;
    const auto &step = plan_.rings[next];
    auto &reliable = reliable_[step.fork];
    const bool is_reliable = step.is_reliable && is_offered_reliability();
    if (is_reliable && reliable.is_unacked) return after(poll, [this, next] { send_ring(next); });
    fork(step.fork);
    auto response = answer_to(invite_, step.status, tags_[step.fork]);
    add_dialog_headers(response, step.fork);
    const bool has_body = step.has_body && !reliable.is_described;
    const auto label = has_body ? put_body(response, "ring-" + std::to_string(step.fork)) : std::string();
    if (is_reliable) {
        if (reliable.rseq == 0) reliable.rseq = static_cast<std::uint32_t>(dice_.between(1, 0x7fff'fff0));
        response.add("Require", "100rel");
        response.add("RSeq", std::to_string(++reliable.rseq));
        reliable.bytes = response.print();
        reliable.offer = plan_.offers_late ? label : std::string();
        reliable.is_unacked = true;
        reliable.has_body = has_body;
        reliable.is_described |= has_body;
        repeat_ring(step.fork, t1, network_.now() + 64 * t1);
    }
    respond(invite_, response);
    ring(next + 1);
}

void Callee::repeat_ring(std::size_t number, Duration interval, Instant until) {
    after(std::min(interval, until - network_.now()), [this, number, interval, until, rseq = reliable_[number].rseq] {
        const auto &reliable = reliable_[number];
        if (!reliable.is_unacked || reliable.rseq != rseq || invite_->status != 0) return;
        if (network_.now() < until) {
            repeat(invite_, reliable.bytes);
            return repeat_ring(number, 2 * interval, until);
        }
        if (board_.loss == 0 && !plan_.anyone_vanishes()) find("no PRACK came");
        respond(invite_, answer_to(invite_, 504, tags_[0])); // RFC 3262 section 3
    });
}

bool Callee::is_offered_reliability() const {
    for (const auto name : {"Supported", "Require"})
        for (const auto &option : invite_->request.list(name))
            if (option == "100rel") return true;
    return false;
}

void Callee::on_prack(std::size_t dialog, const Server &prack) {
    const auto &request = prack->request;
    for (std::size_t i = 0; i < forks_.size(); ++i) {
        auto &reliable = reliable_[i];
        if (forks_[i] != dialog || !reliable.is_unacked) continue;
        const auto expected = std::to_string(reliable.rseq) + " " + std::string(invite_->request.header("CSeq"));
        if (request.header("RAck") != expected) break;
        reliable.is_unacked = false;
        if (!reliable.offer.empty()) check_body(request, "answer-" + reliable.offer);
        if (reliable.offer.empty() && !request.body.empty()) find("PRACK with a body that nobody asked for");
        return respond(prack, answer_to(prack, 200, {}));
    }
    find("PRACK " + std::string(request.header("RAck")) + " came for no response that waits for it");
    refuse(prack, 481);
}

void Callee::finish() {
    if (invite_->status != 0) return; // cancelled
    const auto &reliable = reliable_[plan_.answering_fork];
    if (plan_.ending == Ending::answer && reliable.is_unacked && reliable.has_body) // RFC 3262 section 3
        return after(poll, [this] { finish(); });
    if (plan_.ending == Ending::answer) {
        pick_up(plan_.answering_fork);
        if (plan_.second_answer_after) after(*plan_.second_answer_after, [this] { pick_up(1 - plan_.answering_fork); });
        return;
    }
    auto response = answer_to(invite_, plan_.refusal, tags_[0]);
    if (plan_.refusal == 302) response.add("Contact", "<sip:elsewhere@192.0.2.77>");
    respond(invite_, response);
}

// Where no CANCEL came, because no provisional response of this side did: somebody stops the ringing by hand.
void Callee::give_up() {
    if (invite_->status != 0) return;
    if (board_.loss == 0 && !plan_.anyone_vanishes()) find("nobody stopped the ringing");
    respond(invite_, answer_to(invite_, 480, tags_[0]));
}

void Callee::pick_up(std::size_t number) {
    const bool must_wait = reliable_[number].is_unacked && reliable_[number].has_body; // RFC 3262 section 3
    if (must_wait && invite_->status != 0) return end(fork(number)); // the other fork has the call already
    if (must_wait) return after(poll, [this, number] { pick_up(number); });
    const auto dialog = fork(number);
    dialogs_[dialog].state = Dialog::confirmed;
    was_answered_ = true;
    for (std::size_t i = 0; i < forks_.size(); ++i) // the proxy cancels the forks that will not answer
        if (forks_[i] && i != number && !plan_.second_answer_after) end(*forks_[i]);
    auto response = answer_to(invite_, 200, tags_[number]);
    add_dialog_headers(response, number);
    if (!reliable_[number].is_described)
        put_body(response, plan_.offers_late ? "late" : "answer-" + invite_->request.label());
    grant_timer(dialog, invite_->request, response);
    answer(dialog, invite_, std::move(response));
}

void Callee::on_cancel(const Server &invite) {
    if (invite != invite_) return UserAgent::on_cancel(invite);
    if (invite->status == 0) respond(invite, answer_to(invite, 487, tags_[0]));
}

// The callee says nothing in the call before the ACK (RFC 3261 section 15).
void Callee::on_first_ack(std::size_t dialog) {
    const bool is_initial = dialogs_[dialog].local_cseq == 0 && dialogs_[dialog].state == Dialog::confirmed;
    if (!is_initial || dialogs_[dialog].has_sent_bye) return;
    dialogs_[dialog].local_cseq = static_cast<std::uint32_t>(dice_.between(1, 100'000));
    confirm(dialog);
}

} // namespace tandem::sim
