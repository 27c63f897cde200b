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
    if (dialog_of(tag_, response.to_tag())) return;
    const auto number = open(tag_, response.to_tag(), response.contact());
    dialogs_[number].local_cseq = invite_->request.cseq();
    if (number == 0 && plan_.early_bye_after) after(*plan_.early_bye_after, [this] { send_early_bye(); });
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
    check_body(response, plan_.offers_late ? "late-" : "answer-" + invite_->label);
    if (!number) number = open(tag_, response.to_tag(), response.contact());
    answered_ = number;
    auto &dialog = dialogs_[*number];
    dialog.local_cseq = std::max(dialog.local_cseq, invite_->request.cseq());
    dialog.target = response.contact();
    for (std::size_t i = 0; i < dialogs_.size(); ++i) // the other forks are over (RFC 3261 section 13.2.2.4)
        if (i != *number) end(i);
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
    if (client != invite_) return UserAgent::on_timeout(client);
    note("no answer to INVITE");
    if (board_.loss == 0) find("INVITE was never answered, though nothing is lost");
    for (std::size_t i = 0; i < dialogs_.size(); ++i) end(i);
}

} // namespace tandem::sim
