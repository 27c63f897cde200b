#include "sim/target.hpp"

namespace tandem::sim {
namespace {

constexpr Duration patience = std::chrono::seconds(100);

} // namespace

bool Target::is_over() const {
    if (!invite_ || invite_->status >= 300) return true;
    return invite_->status != 0 && UserAgent::is_over();
}

void Target::on_request(const Server &server) {
    const auto &request = server->request;
    if (request.method != "INVITE" || !request.to_tag().empty()) return UserAgent::on_request(server);
    if (!invite_) return begin(server);
    find("a second INVITE came for one transfer");
    respond(server, answer_to(server, 482, dice_.word()));
}

void Target::begin(const Server &invite) {
    invite_ = invite;
    tag_ = dice_.word();
    const auto &request = invite->request;
    if (!plan_.transfer) find("INVITE came, and nobody is transferred");
    if (request.contact().empty()) find("INVITE without Contact (RFC 3261 section 8.1.1.8)");
    if (request.header("Referred-By").empty()) find("INVITE without Referred-By (RFC 3892)");
    if (!request.body.empty()) check_body(request, "");
    call_id_ = request.call_id();
    board_.call_ids[target_party] = request.call_id();
    local_uri_ = request.header("To");
    remote_uri_ = std::string(request.header("From"));
    remote_uri_.resize(remote_uri_.rfind(";tag="));
    const auto dialog = open(tag_, request.from_tag(), request.contact());
    dialogs_[dialog].remote_cseq = request.cseq();
    if (dice_.chance(0.5) || !plan_.transfer->ring_after) respond(invite_, answer_to(invite_, 100, {}));
    if (plan_.transfer->ring_after) after(*plan_.transfer->ring_after, [this] { ring(); });
    if (plan_.transfer->status != 0) after(plan_.transfer->answer_after, [this] { finish(); });
    after(patience, [this] {
        if (invite_->status != 0) return;
        if (board_.loss == 0) find("nobody stopped the ringing");
        respond(invite_, answer_to(invite_, 480, tag_));
    });
}

void Target::ring() {
    if (invite_->status != 0) return;
    auto response = answer_to(invite_, 180, tag_);
    response.add("Contact", contact(tag_));
    respond(invite_, response);
}

void Target::finish() {
    if (invite_->status != 0) return;
    auto response = answer_to(invite_, plan_.transfer->status, tag_);
    if (plan_.transfer->status != 200) return respond(invite_, response);
    was_answered_ = true;
    dialogs_[0].state = Dialog::confirmed;
    response.add("Contact", contact(tag_));
    put_body(response, invite_->request.body.empty() ? "late" : "answer-own");
    grant_timer(0, invite_->request, response);
    answer(0, invite_, std::move(response));
}

void Target::on_cancel(const Server &invite) {
    if (invite != invite_) return UserAgent::on_cancel(invite);
    if (invite->status == 0) respond(invite, answer_to(invite, 487, tag_));
}

void Target::on_first_ack(std::size_t dialog) {
    if (dialogs_[dialog].local_cseq != 0 || dialogs_[dialog].state != Dialog::confirmed) return;
    dialogs_[dialog].local_cseq = static_cast<std::uint32_t>(dice_.between(1, 100'000));
    after(plan_.transfer->talk, [this, dialog] {
        if (plan_.transfer->hangs_up) hang_up(dialog);
    });
    // Longest, until the B2BUA ends what nobody hangs up.
    after(plan_.transfer->talk + lifetime + patience, [this, dialog] {
        const bool is_up = dialogs_[dialog].state == Dialog::confirmed && !dialogs_[dialog].has_sent_bye;
        if (is_up && board_.loss <= 0.2) find("no BYE came");
        hang_up(dialog);
    });
}

} // namespace tandem::sim
