#include "sim/user_agent.hpp"
#include <algorithm>

namespace tandem::sim {
namespace {

using namespace std::chrono_literals;

// What an answer says to the offer of a direction (RFC 3264 section 6.1).
std::string_view answer_direction(std::string_view offered) {
    if (offered == "sendonly") return "recvonly";
    if (offered == "recvonly") return "sendonly";
    return offered == "inactive" ? "inactive" : "";
}

bool begins_with(std::string_view text, std::string_view with) { return text.substr(0, with.size()) == with; }

} // namespace

UserAgent::UserAgent(const Plan &plan, Side side, Party party, Board &board, Network &network, Journal &journal,
                     std::uint64_t seed)
    : Stack(plan.number, party, network, journal, seed), plan_(plan), side_(side), board_(board) {
    if (!is_principal()) return;
    set_hops(plan.proxies[index(side)], side == Side::caller && plan.is_behind_nat);
    if (const auto &when = plan.vanishes_after[index(side)])
        network_.at(plan.start + *when, [this] {
            note("vanishes");
            vanish();
        });
}

bool UserAgent::is_over() const {
    return std::all_of(dialogs_.begin(), dialogs_.end(),
                       [](const Dialog &dialog) { return dialog.state == Dialog::ended; });
}

std::size_t UserAgent::open(std::string local_tag, std::string remote_tag, std::string target) {
    dialogs_.push_back({std::move(local_tag), std::move(remote_tag), std::move(target)});
    return dialogs_.size() - 1;
}

std::optional<std::size_t> UserAgent::dialog_of(std::string_view local_tag, std::string_view remote_tag) const {
    for (std::size_t i = 0; i < dialogs_.size(); ++i)
        if (dialogs_[i].local_tag == local_tag && dialogs_[i].remote_tag == remote_tag) return i;
    return std::nullopt;
}

void UserAgent::confirm(std::size_t number) {
    was_answered_ = true;
    dialogs_[number].state = Dialog::confirmed;
    if (plan_.transfer && !plan_.transfer->is_command && plan_.transfer->from == side_)
        after(plan_.transfer->after, [this, number] { refer(number, 0); });
    for (const auto &action : plan_.actions)
        if (action.side == side_) after(action.after, [this, number, kind = action.kind] { act(number, kind, 0); });
    if (plan_.hangs_up[index(side_)]) return after(plan_.talk, [this, number] { hang_up(number); });
    const bool is_alone = plan_.vanishes_after[index(other(side_))].has_value();
    const auto patience = is_alone ? dice_.ms(90'000, 150'000) : lifetime + 100s; // then the B2BUA has done it
    after(plan_.talk + patience, [=, this] {
        const auto &dialog = dialogs_[number];
        if (dialog.state != Dialog::confirmed || dialog.has_sent_bye) return;
        // Every copy of a BYE may be lost; at 20 % that happens once in 50 million calls.
        if (!is_alone && board_.loss <= 0.2) find("no BYE came");
        hang_up(number);
    });
}

void UserAgent::end(std::size_t number) {
    const auto was = std::exchange(dialogs_[number].state, Dialog::ended);
    if (was == Dialog::confirmed && side_ == Side::caller && plan_.is_forgetful)
        after(dice_.ms(60'000, 100'000), [this, number] { ask(number); });
    if (auto asked = std::exchange(dialogs_[number].asked, nullptr)) refuse(asked, 487); // RFC 3261 section 15.1.2
}

std::string UserAgent::contact(std::string_view user) const {
    return "<sip:" + std::string(user) + "@" + agent_address(call_, party_).to_string() + ">";
}

// The proxy that is next to the B2BUA has proxy_port, and each adds itself on top as the message passes.
std::vector<std::string> UserAgent::record_route() const {
    std::vector<std::string> out;
    for (std::uint16_t i = 0; is_principal() && i < plan_.proxies[index(side_)]; ++i) {
        const auto at = agent_address(call_, party_, static_cast<std::uint16_t>(proxy_port + i));
        out.push_back("<sip:" + at.to_string() + ";lr>");
    }
    if (side_ == Side::callee) std::reverse(out.begin(), out.end());
    return out;
}

std::string UserAgent::put_body(TextMessage &message, std::string_view purpose, std::string_view direction) {
    const auto number = (is_principal() ? "-" : "-t") + std::to_string(++labels_);
    const auto label = party_name(index(side_)) + "-" + std::string(purpose) + number;
    if (session_id_ == 0) session_id_ = dice_.between(1, 1'000'000);
    message.body = "v=0\r\no=- " + std::to_string(session_id_) + " " + std::to_string(labels_) + " IN IP4 " +
                   agent_address(call_, party_).ip.to_string() + "\r\ns=" + label +
                   "\r\nc=IN IP4 192.0.2.99\r\nt=0 0\r\nm=audio " + std::to_string(dice_.between(1024, 65000)) +
                   " RTP/AVP 0 8\r\na=x-token:" + dice_.word() + "\r\n";
    if (!direction.empty()) message.body += "a=" + std::string(direction) + "\r\n";
    message.add("Content-Type", "application/sdp");
    board_.bodies[label] = {"application/sdp", message.body};
    return label;
}

std::string UserAgent::put_tone(TextMessage &message) {
    const auto label = name_ + "-tone-" + std::to_string(++labels_);
    message.body = "s=" + label + "\r\n\r\nINVITE sip:x@y SIP/2.0\r\n\r\n";
    for (auto size = dice_.between(0, 40); size > 0; --size) message.body += static_cast<char>(dice_.next());
    message.add("Content-Type", "application/x-tone;note=\"a, b;c\"");
    board_.bodies[label] = {"application/x-tone;note=\"a, b;c\"", message.body};
    return label;
}

std::string UserAgent::check_body(const TextMessage &message, std::string_view purpose) {
    if (message.body.empty()) {
        find(message.title() + " came without the body it should have: " + std::string(purpose));
        return {};
    }
    const auto label = message.label();
    const auto sent = board_.bodies.find(label);
    const bool may_differ = plan_.has_own_offers() && message.header("Content-Type") == "application/sdp";
    const auto same = [may_differ](const std::string &a, const std::string &b) {
        return a == b || (may_differ && bare_sdp(a) == bare_sdp(b));
    };
    if (sent == board_.bodies.end() || !same(sent->second.bytes, message.body))
        find(message.title() + ": nobody sent this body: " + message.body);
    else if (sent->second.type != message.header("Content-Type"))
        find(message.title() + ": another Content-Type: " + std::string(message.header("Content-Type")));
    const auto expected = (side_ == Side::caller ? "callee-" : "caller-") + std::string(purpose);
    if (!begins_with(label, expected)) find(message.title() + " brought " + label + " instead of " + expected);
    check_origin(message);
    if (message.is_request() && message.method != "ACK" && !message.is_own() && !message.to_tag().empty()) {
        const auto [known, is_new] = board_.delivered.try_emplace(label, message.branch());
        if (!is_new && known->second != message.branch()) find(message.title() + " " + label + " came twice");
    }
    return label;
}

// RFC 3264 section 8: in one dialog the origin stays, and its version rises with every change.
void UserAgent::check_origin(const TextMessage &message) {
    const bool is_provisional = !message.is_request() && message.status < 200;
    if (is_provisional || plan_.sees_one_fork) return; // those of more than one callee under one tag
    const auto number = message.is_request() ? dialog_of(message.to_tag(), message.from_tag())
                                             : dialog_of(message.from_tag(), message.to_tag());
    const auto said = origin_in(message.body);
    if (!number || !said) return;
    const bool is_overtaken = message.method == "ACK"; // by the next offer
    auto &heard = dialogs_[*number].heard;
    if (heard && heard->who != said->who)
        find(message.title() + " has the origin " + said->who + " after " + heard->who + " (RFC 3264 section 8)");
    else if (heard && !is_overtaken && heard->rest != said->rest && said->version <= heard->version)
        find(message.title() + " changes the description, and not its version (RFC 3264 section 8)");
    if (!is_overtaken) heard = said;
}

TextMessage UserAgent::in_dialog(std::size_t number, std::string_view method, std::uint32_t cseq) {
    const auto &dialog = dialogs_[number];
    TextMessage message;
    message.method = method;
    message.uri = dialog.target;
    message.add("From", local_uri_ + ";tag=" + dialog.local_tag);
    message.add("To", remote_uri_ + ";tag=" + dialog.remote_tag);
    message.add("Call-ID", call_id_);
    message.add("CSeq", std::to_string(cseq) + " " + std::string(method));
    message.add("Max-Forwards", "70");
    if (method == "INVITE" || method == "UPDATE" || method == "REFER")
        message.add("Contact", contact(dialog.local_tag));
    return message;
}

// Requests of the other side.

void UserAgent::refuse(const Server &server, int status) {
    auto response = answer_to(server, status, dice_.word());
    if (status == 500) response.add("Retry-After", std::to_string(dice_.between(0, 10))); // RFC 3261 section 14.2
    respond(server, response);
}

void UserAgent::on_request(const Server &server) {
    const auto &request = server->request;
    const auto number = dialog_of(request.to_tag(), request.from_tag());
    if (!number || request.call_id() != call_id_) {
        if (!may_be_stranger()) find(request.method + " came for no dialog of this side");
        return refuse(server, 481);
    }
    auto &dialog = dialogs_[*number];
    // A request that was overtaken (RFC 3261 section 12.2.2).
    if (dialog.remote_cseq != 0 && request.cseq() <= dialog.remote_cseq) return refuse(server, 500);
    dialog.remote_cseq = request.cseq();
    if (request.method == "BYE") return on_bye(*number, server);
    if (dialog.state == Dialog::ended || dialog.has_got_bye) return refuse(server, 481);
    if (request.method == "PRACK") return on_prack(*number, server);
    if (request.method == "INVITE") return on_reinvite(*number, server);
    if (request.method == "UPDATE") return on_update(*number, server);
    if (request.method == "NOTIFY") return on_notify(*number, server);
    if (request.method == "INFO") {
        check_body(request, "tone-");
        return respond(server, answer_to(server, 200, {}));
    }
    find(request.method + " came, and nobody sends that");
    refuse(server, 501);
}

void UserAgent::on_prack(std::size_t, const Server &prack) {
    find("PRACK came for nothing that was sent reliably");
    refuse(prack, 481);
}

void UserAgent::on_bye(std::size_t number, const Server &server) {
    auto &dialog = dialogs_[number];
    if (dialog.has_got_bye) find("a second BYE in one dialog");
    dialog.has_got_bye = true;
    const bool must_know =
        is_refer_accepted_ && referred_ == number && !plan_.transfer->is_silent && plan_.transfer->notify_status == 200;
    // A NOTIFY that was challenged comes later than the BYE, or no more.
    const bool may_be_late = board_.loss > 0 || plan_.is_challenged || board_.is_ending || plan_.anyone_vanishes();
    if (must_know && last_notified_ < 200 && !may_be_late)
        find("BYE came before the NOTIFY that tells what became of the REFER (RFC 5589 section 6.1)");
    const int status = is_principal() ? plan_.bye_status[index(side_)] : 200;
    if (status != 0) respond(server, answer_to(server, status, {}));
    end(number);
}

void UserAgent::on_reinvite(std::size_t number, const Server &server) {
    auto &dialog = dialogs_[number];
    if (server->request.contact().empty()) find("re-INVITE without Contact (RFC 3261 section 12.2.1.1)");
    if (refuse_timer(server)) return;
    if (dialog.asked) return refuse(server, 500);                   // RFC 3261 section 14.2
    if (dialog.invite || dialog.update) return refuse(server, 491); // RFC 3261 section 14.2, RFC 3311 section 5.2
    dialog.asked = server;
    if (dice_.chance(0.3)) respond(server, answer_to(server, 100, {}));
    after(dice_.chance(0.5) ? Duration(0) : dice_.ms(0, 3000), [=, this] { answer_reinvite(number, server); });
}

void UserAgent::answer_reinvite(std::size_t number, const Server &server) {
    auto &dialog = dialogs_[number];
    if (dialog.asked != server || server->status != 0) return; // cancelled, or the call is over
    dialog.asked = nullptr;
    const bool may_refuse = !plan_.timers[0].is_known && !plan_.timers[1].is_known; // it may be a refresh
    if (dice_.chance(0.15) && may_refuse) return refuse(server, 488);
    auto response = answer_to(server, 200, {});
    response.add("Contact", contact(dialog.local_tag));
    if (server->request.body.empty()) {
        put_body(response, "late");
    } else {
        answer_body(server->request, response);
    }
    grant_timer(number, server->request, response);
    answer(number, server, std::move(response));
}

// The B2BUA's own offer is whatever the other side has said last.
void UserAgent::answer_body(const TextMessage &offer, TextMessage &response) {
    const auto label = check_body(offer, offer.is_own() ? "" : "offer-");
    put_body(response, offer.is_own() ? "answer-own" : "answer-" + label, answer_direction(direction_in(offer.body)));
}

void UserAgent::on_cancel(const Server &invite) {
    for (auto &dialog : dialogs_)
        if (dialog.asked == invite) dialog.asked = nullptr;
    if (invite->status == 0) refuse(invite, 487);
}

void UserAgent::on_update(std::size_t number, const Server &server) {
    auto &dialog = dialogs_[number];
    if (server->request.contact().empty()) find("UPDATE without Contact (RFC 3311 section 5.1)");
    if (refuse_timer(server)) return;
    auto response = answer_to(server, 200, {});
    response.add("Contact", contact(dialog.local_tag));
    if (!server->request.body.empty()) { // RFC 3311 section 5.2
        if (dialog.invite || dialog.update) return refuse(server, 491);
        if (dialog.asked) return refuse(server, 500);
        if (dice_.chance(0.15)) return refuse(server, 488);
        answer_body(server->request, response);
    }
    if (dialog.state != Dialog::early) grant_timer(number, server->request, response);
    respond(server, response);
}

void UserAgent::answer(std::size_t number, const Server &invite, TextMessage response) {
    const auto label = response.label();
    const bool is_offer = invite->request.body.empty();
    respond(invite, response);
    answers_.push_back(
        {number, invite, response.print(), invite->request.cseq(), is_offer ? label : std::string(), {}, false});
    repeat_answer(answers_.size() - 1, t1, network_.now() + 64 * t1);
}

// RFC 3261 section 13.3.1.4.
void UserAgent::repeat_answer(std::size_t number, Duration interval, Instant until) {
    after(std::min(interval, until - network_.now()), [=, this] {
        const auto &answer = answers_[number];
        if (answer.is_acked) return;
        if (network_.now() >= until) {
            note("no ACK came");
            if (board_.loss == 0 && !plan_.anyone_vanishes() && !plan_.never_acks) find("no ACK came for a 2xx");
            return hang_up(answer.dialog);
        }
        repeat(answer.server, answer.bytes);
        repeat_answer(number, std::min(2 * interval, t2), until);
    });
}

void UserAgent::on_ack(const TextMessage &ack) {
    const auto number = dialog_of(ack.to_tag(), ack.from_tag());
    if (!number || ack.call_id() != call_id_) return find("ACK came for no dialog of this side");
    for (auto &answer : answers_) {
        if (answer.dialog != *number || answer.cseq != ack.cseq()) continue;
        if (answer.is_acked) {
            if (answer.ack != ack.body) find("the ACK came again with another body");
            return;
        }
        answer.is_acked = true;
        answer.ack = ack.body;
        // An ACK for an offer that nobody will answer, because the call is over, has nothing to bring.
        if (!answer.offer.empty() &&
            (!ack.body.empty() || !(board_.is_ending || board_.told_bye.contains(ack.to_tag()))))
            check_body(ack, "answer-" + answer.offer);
        if (answer.offer.empty() && !ack.body.empty()) find("ACK with a body that nobody asked for");
        return on_first_ack(*number);
    }
    find("ACK came for no 2xx of this side: CSeq " + std::to_string(ack.cseq()));
}

// How the target of a REFER answers (RFC 3515 section 2.4.5).
void UserAgent::on_notify(std::size_t number, const Server &server) {
    const auto &request = server->request;
    const auto state = request.header("Subscription-State");
    if (referred_ != number || plan_.transfer->is_silent) find("NOTIFY came, and nobody asked for it");
    if (!begins_with(request.header("Event"), "refer")) find("NOTIFY without Event: refer");
    if (!begins_with(request.header("Content-Type"), "message/sipfrag")) find("NOTIFY without a sipfrag");
    if (request.contact().empty()) find("NOTIFY without Contact (RFC 6665 section 8.2.1)");
    const int status = begins_with(request.body, "SIP/2.0 ") ? std::stoi(request.body.substr(8, 3)) : 0;
    if (status < 100) find("NOTIFY without a status line: " + request.body);
    if (last_notified_ >= 200) find("NOTIFY after the last one");
    if (begins_with(state, "terminated") != (status >= 200)) find("NOTIFY " + request.body + std::string(state));
    last_notified_ = status;
    note("the target says " + std::to_string(status));
    if (plan_.transfer->notify_status == 481) return refuse(server, 481);
    if (plan_.transfer->notify_status == 200) respond(server, answer_to(server, 200, {}));
}

// Our own requests.

// Once, but for those that nobody has taken up.
void UserAgent::refer(std::size_t number, int tries) {
    auto &dialog = dialogs_[number];
    if (dialog.state != Dialog::confirmed || dialog.has_sent_bye || tries > 3) return;
    if (referred_.value_or(number) != number) return; // another fork has
    referred_ = number;
    auto message = in_dialog(number, "REFER", ++dialog.local_cseq);
    message.add("Refer-To", "<sip:target-" + std::to_string(call_) + "@" + engine_address().to_string() + ">");
    if (plan_.transfer->is_silent) message.add("Refer-Sub", "false");
    const auto client = request(std::move(message));
    client->dialog = number;
    client->label = std::to_string(tries);
}

void UserAgent::on_refer_response(const Client &client, const TextMessage &response) {
    if (response.status == 202) {
        is_refer_accepted_ = true;
        if (response.contact().empty()) find("202 REFER without Contact (RFC 3515 section 2.4.2)");
        return;
    }
    check_refusal(client, response);
    if (response.status < 300) find("REFER was answered " + std::to_string(response.status));
    if (response.status == 491 || response.status == 500)
        after(dice_.ms(500, 4000),
              [this, number = client->dialog, tries = std::stoi(client->label)] { refer(number, tries + 1); });
}

void UserAgent::act(std::size_t number, ActionKind kind, int tries) {
    auto &dialog = dialogs_[number];
    if (dialog.state != Dialog::confirmed || dialog.has_sent_bye) return;
    if (kind == ActionKind::info) return ask(number);
    // One offer at a time (RFC 3261 section 14.1, RFC 3311 section 5.1).
    const bool waits_for_ack = std::any_of(answers_.begin(), answers_.end(), [&](const Answer &answer) {
        return answer.dialog == number && !answer.is_acked;
    });
    if (!dialog.invite && !dialog.update && !dialog.asked && !waits_for_ack) return send_offer(number, kind);
    if (tries < 20) after(500ms, [=, this] { act(number, kind, tries + 1); });
}

void UserAgent::ask(std::size_t number) {
    auto info = in_dialog(number, "INFO", ++dialogs_[number].local_cseq);
    put_tone(info);
    const auto client = request(std::move(info));
    client->dialog = number;
    if (dialogs_[number].state == Dialog::ended) late_.insert(client);
}

void UserAgent::send_offer(std::size_t number, ActionKind kind) {
    auto &dialog = dialogs_[number];
    const bool is_update = kind == ActionKind::update || kind == ActionKind::update_without_offer;
    const bool has_offer = kind != ActionKind::reinvite_without_offer && kind != ActionKind::update_without_offer;
    auto message = in_dialog(number, is_update ? "UPDATE" : "INVITE", ++dialog.local_cseq);
    const auto label = has_offer ? put_body(message, "offer") : std::string();
    const bool is_early = dialog.state == Dialog::early;
    if (!is_early) ask_timer(dialog.timer, message);
    const auto client = request(std::move(message));
    if (is_early) early_.insert(client);
    client->dialog = number;
    client->label = label;
    if (!is_update) dialog.invite = client;
    if (is_update && has_offer) dialog.update = client;
    if (kind == ActionKind::reinvite_then_cancel) after(dice_.ms(0, 1500), [this, client] { cancel(client); });
}

void UserAgent::hang_up(std::size_t number) {
    auto &dialog = dialogs_[number];
    if (dialog.state != Dialog::confirmed || dialog.has_sent_bye) return;
    dialog.has_sent_bye = true;
    has_sent_bye_ = true;
    board_.is_ending = true;
    request(in_dialog(number, "BYE", ++dialog.local_cseq))->dialog = number;
    if (auto asked = std::exchange(dialog.asked, nullptr)) refuse(asked, 487);
}

void UserAgent::acknowledge(std::size_t number, const Client &invite, const TextMessage &response) {
    if (invite->ack.empty()) {
        auto ack = in_dialog(number, "ACK", invite->request.cseq());
        const auto vias = new_vias();
        for (auto via = vias.rbegin(); via != vias.rend(); ++via)
            ack.headers.insert(ack.headers.begin(), {"Via", *via});
        if (invite->label.empty() && !response.body.empty()) put_body(ack, "answer-" + response.label());
        invite->ack = ack.print();
    }
    send(invite->ack);
}

void UserAgent::on_response(const Client &client, const TextMessage &response) {
    if (response.status < 200 || client->request.method == "CANCEL") return;
    auto &dialog = dialogs_[client->dialog];
    const auto &method = client->request.method;
    if (dialog.invite == client) dialog.invite = nullptr;
    if (dialog.update == client) dialog.update = nullptr;
    if (method == "BYE") {
        check_bye_response(dialog, response);
        return end(client->dialog);
    }
    if (method == "REFER") return on_refer_response(client, response);
    if (response.status >= 300) return on_refusal(client, response);
    if (method == "INVITE") return on_reinvite_response(client, response);
    if (method == "UPDATE" && !early_.contains(client)) take_timer(client->dialog, client->request, response);
    if (method == "UPDATE" && !client->label.empty()) check_body(response, "answer-" + client->label);
    if (method == "UPDATE" && response.contact().empty()) find("200 UPDATE without Contact (RFC 3311 section 5.1)");
    if (method == "INFO" && late_.contains(client)) find("INFO was answered 200 long after the end of the call");
    if (method == "INFO" && !response.body.empty()) find("200 INFO with a body that nobody sent");
}

void UserAgent::check_bye_response(const Dialog &dialog, const TextMessage &response) {
    if (response.status == 200) return;
    // The dialog may be gone: our side is told already, or it was early, or it never was one for the B2BUA.
    const bool was_early = !was_answered_ || (side_ == Side::caller && dialogs_.size() > 1);
    const bool may_be_gone = board_.told_bye.contains(dialog.local_tag) || was_early || board_.is_stray;
    if (response.status != 481 || !may_be_gone)
        find("BYE was answered " + std::to_string(response.status) + " (RFC 3261 section 15.1.2)");
}

void UserAgent::on_reinvite_response(const Client &client, const TextMessage &response) {
    if (client->ack.empty()) {
        check_body(response, client->label.empty() ? "late-" : "answer-" + client->label);
        if (response.contact().empty()) find("200 INVITE without Contact (RFC 3261 section 12.1.1)");
        take_timer(client->dialog, client->request, response);
    }
    acknowledge(client->dialog, client, response);
}

void UserAgent::on_refusal(const Client &client, const TextMessage &response) {
    check_refusal(client, response);
    const auto number = client->dialog;
    const auto &dialog = dialogs_[number];
    if (dialog.state != Dialog::confirmed || dialog.has_sent_bye) return;
    // RFC 3261 section 12.2.1.2: the dialog is over.
    if (response.status == 481 || response.status == 408) return hang_up(number);
    const auto kind = client->request.method == "UPDATE" ? ActionKind::update : ActionKind::reinvite;
    if (response.status == 491) { // RFC 3261 section 14.1: the owner of the Call-ID waits longer
        const auto wait = side_ == Side::caller ? dice_.ms(210, 400) : dice_.ms(0, 200);
        if (dice_.chance(0.8)) after(10 * wait, [=, this] { act(number, kind, 0); });
    }
    if (response.status == 500 && client->request.method != "INFO" && !response.header("Retry-After").empty()) {
        const auto wait = std::chrono::seconds(std::stoi(std::string(response.header("Retry-After"))));
        after(wait, [=, this] { act(number, kind, 0); });
    }
}

// Which refusals of a request inside the call somebody has a reason for.
void UserAgent::check_refusal(const Client &client, const TextMessage &response) {
    const auto &dialog = dialogs_[client->dialog];
    const auto &method = client->request.method;
    // To who comes, or who goes, a request on its way may not be passed any more.
    const bool is_ending = board_.is_ending || board_.told_bye.contains(dialog.local_tag) || plan_.transfer;
    const bool is_offer = method == "INVITE" || method == "UPDATE" || method == "REFER";
    const bool has_pracks = side_ == Side::caller && plan_.reliable != Reliable::unknown;
    const bool has_early_update = plan_.early_update_after.has_value(); // whose answer may be lost for long
    const bool is_crowded = plan_.actions.size() > 1 || has_pracks || has_early_update || plan_.has_own_offers() ||
                            board_.premature.contains(client->request.branch());
    const bool is_early = early_.contains(client); // the answer, or the end, may be on its way
    bool is_expected = false;
    switch (response.status) {
    case 408: is_expected = board_.loss > 0 || plan_.anyone_vanishes(); break; // the other side is out of reach
    case 481: is_expected = is_ending || is_early; break;
    case 487: is_expected = client->is_cancelled || is_ending || is_early; break; // RFC 3261 section 15.1.2
    case 488: is_expected = is_offer; break;
    case 491: is_expected = is_offer && is_crowded; break;
    case 500: is_expected = is_crowded || is_ending || is_early; break; // overlapping, or overtaken
    default: break;
    }
    if (late_.contains(client)) is_expected = response.status == 481; // RFC 3261 section 12.2.2
    if (!is_expected)
        find(method + " was answered " + std::to_string(response.status) + ", for which nobody has a reason");
}

void UserAgent::on_timeout(const Client &client) {
    note("no answer to " + client->request.method);
    if (board_.loss == 0 && !plan_.anyone_vanishes())
        find(client->request.method + " was never answered, though nothing is lost");
    if (client->request.method == "CANCEL") return;
    auto &dialog = dialogs_[client->dialog];
    if (dialog.invite == client) dialog.invite = nullptr;
    if (dialog.update == client) dialog.update = nullptr;
    if (client->request.method == "BYE") return end(client->dialog);
    hang_up(client->dialog); // RFC 3261 section 12.2.1.2
}

} // namespace tandem::sim
