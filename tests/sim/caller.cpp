#include "sim/caller.hpp"
#include <algorithm>

namespace tandem::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration patience = 400s; // beyond Timer C of the B2BUA, even if it is restarted

} // namespace

Caller::Caller(const Plan &plan, Board &board, Network &network, Journal &journal, std::uint64_t seed)
    : UserAgent(plan, Side::caller, board, network, journal, seed) {
    const auto number = std::to_string(plan.number);
    call_id_ = "call-" + number + "-" + dice_.word() + "@caller.invalid";
    board_.call_ids[index(Side::caller)] = call_id_;
    tag_ = dice_.word();
    local_uri_ = "\"Caller, \\\"" + number + "\\\"\" <sip:caller-" + number + "@caller.invalid>";
    remote_uri_ = "<sip:callee-" + number + "@b2bua.invalid>";
    network_.at(plan.start, [this] {
        if (is_alive()) start();
    });
}

void Caller::start() {
    TextMessage message;
    message.method = "INVITE";
    message.uri = "sip:callee-" + std::to_string(call_) + "@" + engine_address().to_string();
    message.add("From", local_uri_ + ";tag=" + tag_);
    message.add("To", remote_uri_);
    message.add("Call-ID", call_id_);
    message.add("CSeq", std::to_string(dice_.between(1, 1'000'000)) + " INVITE");
    message.add("Max-Forwards", std::to_string(dice_.between(5, 70)));
    message.add("Contact", contact(tag_));
    for (const auto &route : record_route()) message.add("Record-Route", route);
    if (plan_.reliable == Reliable::supported) message.add("Supported", "replaces, 100rel");
    if (plan_.reliable == Reliable::required) message.add("Require", "100rel");
    ask_timer({}, message);
    const auto label = plan_.offers_late ? std::string() : put_body(message, "offer");
    invite_ = request(std::move(message));
    invite_->label = label;
    after(patience, [this] { cancel(invite_); });
    if (plan_.cancel_after) after(*plan_.cancel_after, [this] { cancel(invite_); });
}

bool Caller::is_over() const {
    if (!invite_) return true;
    if (invite_->state == ClientTransaction::given_up) return UserAgent::is_over();
    return invite_->status != 0 && UserAgent::is_over();
}

// It gave up waiting, and the answer may come after all.
bool Caller::may_be_stranger() const { return invite_->state == ClientTransaction::given_up; }

void Caller::on_response(const Client &client, const TextMessage &response) {
    if (client->request.method == "PRACK") return on_prack_response(client, response);
    if (client != invite_) return UserAgent::on_response(client, response);
    if (response.status == 100) return;
    if (response.status < 200) return on_progress(response);
    if (response.status < 300) return on_answer(response);
    if (!response.body.empty()) find(response.title() + " with a body that nobody sent");
    for (std::size_t i = 0; i < dialogs_.size(); ++i) end(i);
}

void Caller::check_dialog(const TextMessage &response) {
    if (response.to_tag().empty()) find(response.title() + " without a To tag (RFC 3261 section 12.1.1)");
    if (response.contact().empty()) find(response.title() + " without Contact (RFC 3261 section 12.1.1)");
    if (response.list("Record-Route") != record_route())
        find(response.title() + " does not echo Record-Route (RFC 3261 section 12.1.1)");
}

void Caller::on_progress(const TextMessage &response) {
    check_dialog(response);
    if (!response.body.empty()) check_body(response, "ring-");
    const bool is_reliable = !response.header("RSeq").empty();
    if (is_reliable && !take_rseq(response)) return;
    if (!is_reliable && plan_.reliable == Reliable::required)
        find(response.title() + " came unreliably to who requires 100rel (RFC 3262 section 3)");
    auto number = dialog_of(tag_, response.to_tag());
    if (!number) {
        number = open(tag_, response.to_tag(), response.contact());
        dialogs_[*number].local_cseq = invite_->request.cseq();
        if (number == 0 && plan_.early_bye_after) after(*plan_.early_bye_after, [this] { send_early_bye(); });
    }
    if (is_reliable) after(plan_.prack_after, [this, n = *number, response] { send_prack(n, response); });
}

bool Caller::take_rseq(const TextMessage &response) {
    if (plan_.reliable == Reliable::unknown) find(response.title() + " came reliably to who does not know of it");
    if (response.list("Require") != std::vector<std::string>{"100rel"}) find("RSeq without Require: 100rel");
    const auto rseq = static_cast<std::uint32_t>(std::stoul(std::string(response.header("RSeq"))));
    auto &last = rseqs_[response.to_tag()];
    if (last != 0 && rseq <= last) return false;
    if (last != 0 && rseq != last + 1) { // RFC 3262 section 4: as if it had not come
        if (board_.loss == 0) find("RSeq leaves one out (RFC 3262 section 3)");
        return false;
    }
    last = rseq;
    if (!response.body.empty()) described_.insert(response.to_tag());
    return true;
}

void Caller::send_prack(std::size_t number, const TextMessage &response) {
    auto &dialog = dialogs_[number];
    if (dialog.state == Dialog::ended || dialog.has_sent_bye) return;
    auto prack = in_dialog(number, "PRACK", ++dialog.local_cseq);
    prack.add("RAck", std::string(response.header("RSeq")) + " " + std::string(response.header("CSeq")));
    if (plan_.offers_late && !response.body.empty()) put_body(prack, "answer-" + response.label());
    request(std::move(prack))->dialog = number;
}

// The first offer has its answer, so that there may be another one (RFC 3311 section 5.1).
void Caller::on_prack_response(const Client &client, const TextMessage &response) {
    check_prack_response(response);
    if (response.status != 200 || !plan_.early_update_after || has_updated_) return;
    after(*plan_.early_update_after, [this, number = client->dialog] {
        const auto &dialog = dialogs_[number];
        const bool is_early = dialog.state == Dialog::early && invite_->status == 0 && !dialog.has_sent_bye;
        if (!is_early || has_updated_ || !described_.contains(dialog.remote_tag)) return;
        has_updated_ = true;
        send_offer(number, ActionKind::update);
    });
}

// Once the INVITE is answered nobody may wait for it any more: the witness knows when.
void Caller::check_prack_response(const TextMessage &response) {
    if (response.status < 300) return;
    const bool is_over = response.status == 481 || response.status == 487 || response.status == 500;
    const bool is_lost = response.status == 408 && (board_.loss > 0 || plan_.anyone_vanishes());
    if (!is_over && !is_lost)
        find("PRACK was answered " + std::to_string(response.status) + ", for which nobody has a reason");
}

// Legal for the caller (RFC 3261 section 15.1.1), though CANCEL is usual. It means the early dialog of the fork.
void Caller::send_early_bye() {
    if (invite_->status != 0) return;
    for (std::size_t i = 0; i < dialogs_.size(); ++i) {
        auto &dialog = dialogs_[i];
        dialog.has_sent_bye = true;
        has_sent_bye_ = true;
        board_.is_ending = true;
        request(in_dialog(i, "BYE", ++dialog.local_cseq))->dialog = i;
    }
}

void Caller::on_answer(const TextMessage &response) {
    auto number = dialog_of(tag_, response.to_tag());
    if (answered_) {
        if (number != answered_) return find("a 2xx of a second fork came through (RFC 3261 section 13.2.2.4)");
        if (acks_) acknowledge(*answered_, invite_, response);
        return;
    }
    check_dialog(response);
    if (!response.body.empty() || !described_.contains(response.to_tag()))
        check_body(response, plan_.offers_late ? "late-" : "answer-" + invite_->label);
    if (!number) number = open(tag_, response.to_tag(), response.contact());
    answered_ = number;
    auto &dialog = dialogs_[*number];
    dialog.local_cseq = std::max(dialog.local_cseq, invite_->request.cseq());
    dialog.target = response.contact();
    take_timer(*number, invite_->request, response);
    for (std::size_t i = 0; i < dialogs_.size(); ++i) // the other forks are over (RFC 3261 section 13.2.2.4)
        if (i != *number) end(i);
    if (plan_.never_acks && (dialog.has_sent_bye || dialog.state == Dialog::ended)) return; // while it was early
    if (plan_.never_acks) return confirm(*number);
    if (invite_->is_cancelled || plan_.ack_after == Duration(0)) return send_ack(*number, response);
    after(plan_.ack_after, [this, n = *number, response] { send_ack(n, response); });
}

void Caller::send_ack(std::size_t number, const TextMessage &response) {
    acks_ = true;
    acknowledge(number, invite_, response);
    if (dialogs_[number].state == Dialog::ended) return; // the B2BUA was quicker
    if (dialogs_[number].has_sent_bye) return;           // while it was early
    confirm(number);
    if (invite_->is_cancelled) hang_up(number);
}

void Caller::on_timeout(const Client &client) {
    if (client->request.method == "PRACK") return note("no answer to PRACK");
    if (client != invite_) return UserAgent::on_timeout(client);
    note("no answer to INVITE");
    if (board_.loss == 0) find("INVITE was never answered, though nothing is lost");
    for (std::size_t i = 0; i < dialogs_.size(); ++i) end(i);
}

} // namespace tandem::sim
