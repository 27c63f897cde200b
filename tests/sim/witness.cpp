#include "sim/witness.hpp"
#include <algorithm>

namespace tandem::sim {
namespace {

using namespace std::chrono_literals;

constexpr int no_prack = 504;

// A Via as a response may bring it back: received and rport may have been noted (RFC 3261 section 18.2.1, RFC 3581).
std::string bare_via(const std::string &via) {
    auto out = via.substr(0, via.find(';')) + ";branch=" + parameter(via, "branch");
    return out;
}

std::string progress_of(const TextMessage &response) { return std::to_string(response.status) + " " + response.body; }

} // namespace

// To the callee a fork is known by its To tag; to the caller, by the tag that we gave it.
std::string Witness::dialog_key(Party to, const TextMessage &request) {
    return to == caller_party ? request.from_tag() : request.to_tag();
}

void Witness::received(Party from, const TextMessage &message, Instant now) {
    if (message.is_request())
        request_in(from, message, now);
    else
        response_in(from, message, now);
}

void Witness::decide(Decision decision, int status, Instant now) {
    if (facts_.decision != Decision::none || facts_.status_out != 0) return;
    facts_.decision = decision;
    facts_.decided = now;
    facts_.status_in = status;
    was_answer_in_ = facts_.answer_in.has_value();
}

// Of an answer that may wait for a PRACK only its 2xx tells whether it did. One that came before the CANCEL or the BYE
// of the same instant goes out after it, because the output of an instant follows all its inputs.
void Witness::reconsider(Instant now) {
    const bool is_cut_off = facts_.decision == Decision::cancel || facts_.decision == Decision::early_bye ||
                            facts_.decision == Decision::command;
    if (!is_cut_off || facts_.decided != now || !was_answer_in_) return;
    if (facts_.decision == Decision::early_bye) {
        facts_.first_bye = Side::caller;
        facts_.first_bye_in = now;
    }
    facts_.decision = Decision::answer;
    facts_.status_in = 200;
}

void Witness::ended_by_command(Instant now) {
    facts_.is_ended_by_command = true;
    board_.is_ending = true;
    decide(Decision::command, 0, now);
}

void Witness::ack_in(Party from, const TextMessage &ack, Instant now) {
    if (from == caller_party && facts_.answer_out && ack.cseq() == invite_cseq_ && !facts_.ack_in) facts_.ack_in = now;
    for (auto &[key, in] : legs_[from].in) {
        const bool is_meant = in.request.method == "INVITE" && in.request.cseq() == ack.cseq() && in.status != 0;
        if (is_meant && now < in.final_out + 64 * t1) in.is_acked = true;
    }
}

void Witness::request_in(Party from, const TextMessage &request, Instant now) {
    auto &leg = legs_[from];
    if (request.method == "ACK") {
        return ack_in(from, request, now);
    }
    const auto [at, is_new] = leg.in.try_emplace(request.branch() + request.method);
    if (!is_new) return;
    at->second.request = request;
    if (from == caller_party && request.method == "INVITE" && request.to_tag().empty()) {
        facts_.invite_in = now;
        invite_cseq_ = request.cseq();
        owes_trying_ = true;
        leg.call_id = request.call_id();
        leg.targets[request.from_tag()] = request.contact();
        for (const auto &route : request.list("Record-Route")) leg.routes.push_back(route); // RFC 3261 section 12.1.1
    }
    if (from == caller_party && request.method == "PRACK") {
        auto &reliable = reliable_out_[request.to_tag()];
        if (request.header("RAck") == std::to_string(reliable.rseq) + " " + std::to_string(invite_cseq_) + " INVITE")
            reliable.is_acked = true;
    }
    if (from == caller_party && !facts_.ack_in) board_.premature.insert(request.branch());
    if (from == caller_party && request.method == "CANCEL" && facts_.invite_in) {
        const auto invite = leg.in.find(request.branch() + "INVITE");
        if (invite != leg.in.end() && invite->second.request.to_tag().empty()) decide(Decision::cancel, 0, now);
    }
    if (request.method == "BYE") {
        const auto dialog = leg.dialogs.find(from == caller_party ? request.to_tag() : request.from_tag());
        if (dialog != leg.dialogs.end() && !dialog->second.bye_in) dialog->second.bye_in = now;
        if (from == caller_party) decide(Decision::early_bye, 0, now);
        // The answer waits for a PRACK, and the callee for the ACK no longer.
        if (from == callee_party && facts_.is_answer_in_time && request.from_tag() == leg.answer_tags.front())
            decide(Decision::callee_bye, 0, now);
        // A fork that was not answered says nothing of the call, whichever side hangs it up (RFC 3261 section 15).
        const bool is_of_answer =
            facts_.decision == Decision::answer &&
            (from == callee_party ? !leg.answer_tags.empty() && request.from_tag() == leg.answer_tags.front()
                                  : answer_tag_out_.empty() || request.to_tag() == answer_tag_out_);
        if (from < first_decoy && is_of_answer && !facts_.first_bye) {
            facts_.first_bye = from == caller_party ? Side::caller : Side::callee;
            facts_.first_bye_in = now;
        }
    }
}

void Witness::response_in(Party from, const TextMessage &response, Instant now) {
    auto &leg = legs_[from];
    const auto out = leg.out.find(response.branch() + response.cseq_method());
    if (out == leg.out.end()) return;
    const bool is_first = !out->second.has_provisional && !out->second.final_in;
    const bool is_late = is_first && leg.invite_out && response.cseq_method() == "INVITE" &&
                         response.cseq() == leg.dialogs[""].cseq && now >= *leg.invite_out + 64 * t1 &&
                         (from != callee_party || !facts_.answer_out);
    if (is_late) leg.is_stray = true; // Timer B: what comes now belongs to no transaction (RFC 6026 section 7.2)
    if (is_late && (from == callee_party || from == target_party)) board_.is_stray = true;
    if (leg.is_stray) return;
    if (response.cseq_method() == "PRACK" && response.status >= 300) prack_refusals_in_.insert(response.status);
    if (response.status < 200) out->second.has_provisional = true;
    if (response.status >= 200 && !out->second.final_in) out->second.final_in = now;
    if (out->second.is_probe && (response.status == 408 || response.status == 481)) facts_.has_probed_in_vain = true;
    const bool is_initial = from != caller_party && response.cseq_method() == "INVITE" && leg.invite_out &&
                            leg.dialogs[""].cseq == response.cseq();
    if (!is_initial || response.status <= 100) return;
    const auto tag = response.to_tag();
    auto &dialog = leg.dialogs[tag];
    if (dialog.cseq == 0) dialog.cseq = response.cseq();
    if (response.status < 300 && !leg.targets.contains(tag)) {
        leg.targets[tag] = response.contact();
        leg.routes = response.list("Record-Route");
        std::reverse(leg.routes.begin(), leg.routes.end()); // RFC 3261 section 12.1.2
    }
    const auto due = plan_.is_hunted() && leg.begun ? *leg.begun + plan_.ring_timeout : never;
    if (now == due && facts_.decision == Decision::none) facts_.is_tie = true;
    if (response.status < 200) {
        if (!response.body.empty()) progress_tags_[response.label()] = tag;
        if (facts_.decision == Decision::none && facts_.status_out == 0 && now <= due && !out->second.final_in) {
            progress_in_.try_emplace(progress_of(response), now);
            if (now == due) tied_progress_.insert(progress_of(response));
        }
    } else if (response.status < 300) {
        if (!dialog.answered) {
            dialog.answered = now;
            leg.answer_tags.push_back(tag);
            if (from == callee_party && !facts_.answer_in) {
                facts_.answer_in = now;
                facts_.is_answer_in_time = now < due;
            }
        }
        // With 100rel it may have to wait for a PRACK, and be overtaken meanwhile.
        if (now < due && from == callee_party && plan_.reliable == Reliable::unknown)
            decide(Decision::answer, response.status, now);
    } else if (!plan_.is_hunted()) {
        decide(Decision::refusal, response.status, now);
    } else if (now < due && leg.status == 0) { // what it means depends on the others: see check_hunt()
        leg.status = response.status;
    }
}

void Witness::sent(Party to, const Endpoint &at, const TextMessage &message, const std::string &bytes, Instant now) {
    check_leak(to, bytes, now);
    if (!message.is_request()) return response_out(to, message, bytes, now);
    if (message.list("Via").size() != 1) find(now, message.method + " does not begin with one Via");
    auto &leg = legs_[to];
    if (message.method == "ACK") return check_ack(to, at, message, now);
    const auto [out, is_new] = leg.out.try_emplace(message.branch() + message.method);
    if (!is_new) {
        if (out->second.bytes != bytes)
            find(now, message.method + " is retransmitted with other bytes (RFC 3261 section 17.1)");
        return;
    }
    out->second.bytes = bytes;
    out->second.method = message.method;
    out->second.cseq = message.cseq();
    out->second.sent = now;
    const bool is_own_invite = message.method == "INVITE" && !message.to_tag().empty() && message.is_own();
    out->second.is_probe = is_own_invite || (message.method == "UPDATE" && message.is_own());
    if (is_own_invite) leg.told_direction = direction_in(message.body);
    request_out(to, at, message, now);
}

void Witness::request_out(Party to, const Endpoint &at, const TextMessage &request, Instant now) {
    auto &leg = legs_[to];
    if (request.method == "CANCEL") return check_cancel(leg, request, now);
    if (request.method == "INVITE" && request.to_tag().empty()) {
        if (to == caller_party) return find(now, "a new INVITE to the caller");
        return check_initial_invite(to, request, now);
    }
    check_path(to, at, request, now);
    check_order(to, request, now);
}

void Witness::check_initial_invite(Party to, const TextMessage &invite, Instant now) {
    auto &leg = legs_[to];
    if (leg.invite_out) return find(now, "a second leg to the " + party_name(to));
    leg.invite_out = now;
    if (!leg.begun) leg.begun = now;
    if (to == callee_party) facts_.invite_out = now;
    if (facts_.status_out != 0 && to != target_party)
        find(now, "INVITE to the " + party_name(to) + " when the caller has her answer");
    leg.call_id = invite.call_id();
    leg.our_tag = invite.from_tag();
    leg.contact = invite.contact();
    leg.dialogs[""].cseq = invite.cseq();
    if (to == target_party) return; // another call's INVITE, of our own
    const auto &in = legs_[caller_party];
    const auto first = std::find_if(in.in.begin(), in.in.end(), [](const auto &entry) {
        return entry.second.request.method == "INVITE" && entry.second.request.to_tag().empty();
    });
    if (first == in.in.end()) return find(now, "INVITE to the callee without one from the caller");
    const auto hops = std::stoi(std::string(first->second.request.header("Max-Forwards")));
    if (invite.header("Max-Forwards") != std::to_string(hops - 1))
        find(now, "Max-Forwards " + std::to_string(hops) + " went on as " + std::string(invite.header("Max-Forwards")));
}

// Where a request inside a dialog goes (RFC 3261 section 12.2.1.1), and in whose name.
void Witness::check_path(Party to, const Endpoint &at, const TextMessage &request, Instant now) {
    auto &leg = legs_[to];
    const auto peer = leg.targets.find(request.to_tag());
    if (request.call_id() != leg.call_id) find(now, request.method + " with a wrong Call-ID");
    if (peer == leg.targets.end()) return find(now, request.method + " to a tag that the peer never gave");
    if (request.uri != uri_in(peer->second))
        find(now, request.method + " to " + request.uri + " instead of the Contact " + peer->second);
    if (to != caller_party && request.from_tag() != leg.our_tag) find(now, request.method + " from a wrong tag");
    if (to == caller_party && !leg.dialogs.contains(request.from_tag()))
        find(now, request.method + " from a tag that the caller never got");
    if (request.list("Route") != leg.routes)
        find(now, request.method + " with a wrong route set (RFC 3261 section 12.2.1.1)");
    if (at.port != (leg.routes.empty() ? agent_port : proxy_port))
        find(now, request.method + " went to port " + std::to_string(at.port) + " past the route set");
}

void Witness::check_order(Party to, const TextMessage &request, Instant now) {
    auto &leg = legs_[to];
    auto &dialog = leg.dialogs[dialog_key(to, request)];
    if (dialog.bye_in && *dialog.bye_in < now)
        return find(now, request.method + " in a dialog that the peer ended (RFC 3261 section 15.1.2)");
    const bool is_winner = facts_.decision == Decision::answer && to == callee_party && !leg.answer_tags.empty() &&
                           request.to_tag() == leg.answer_tags.front();
    // Of a fork that is hung up when its leg is forgotten, the numbers are forgotten, too: the BYE may leave some out.
    const bool may_leave_out = request.method == "BYE" && to != caller_party && !is_winner;
    const bool is_next = may_leave_out ? request.cseq() > dialog.cseq : request.cseq() == dialog.cseq + 1;
    if (dialog.cseq != 0 && !is_next)
        find(now, request.method + " has CSeq " + std::to_string(request.cseq()) + " after " +
                      std::to_string(dialog.cseq) + " (RFC 3261 section 12.2.1.1)");
    dialog.cseq = request.cseq();
    if (dialog.bye_out) return find(now, request.method + " after BYE in the same dialog");
    if (request.method != "BYE") return;
    dialog.bye_out = now;
    board_.told_bye.insert(request.to_tag());
    // RFC 3261 section 15: who answered waits for the ACK, or until it will not come.
    if (to == caller_party && !facts_.ack_in && (!facts_.answer_out || now < *facts_.answer_out + 64 * t1))
        find(now, "BYE to the caller before its ACK (RFC 3261 section 15)");
}

void Witness::check_ack(Party to, const Endpoint &at, const TextMessage &ack, Instant now) {
    auto &leg = legs_[to];
    const auto invite = std::find_if(leg.out.begin(), leg.out.end(), [&](const auto &entry) {
        return entry.second.method == "INVITE" && entry.second.cseq == ack.cseq();
    });
    if (invite == leg.out.end()) return find(now, "ACK whose CSeq no INVITE has (RFC 3261 section 13.2.2.4)");
    if (!invite->second.final_in) return find(now, "ACK without a final response");
    if (ack.to_tag().empty()) find(now, "ACK without To tag");
    if (invite->first == ack.branch() + "INVITE") return; // of a refusal
    check_path(to, at, ack, now);
    auto &dialog = leg.dialogs[dialog_key(to, ack)];
    dialog.is_acked = true;
    const auto [known, is_new] = dialog.acks.try_emplace(ack.cseq(), ack.body);
    if (!is_new && known->second != ack.body) find(now, "the ACK is sent again with another body");
}

void Witness::check_cancel(Leg &leg, const TextMessage &cancel, Instant now) {
    const auto invite = leg.out.find(cancel.branch() + "INVITE");
    if (invite == leg.out.end()) return find(now, "CANCEL has another branch than its INVITE (RFC 3261 section 9.1)");
    if (invite->second.cseq != cancel.cseq()) find(now, "CANCEL has another CSeq than its INVITE");
    if (!invite->second.has_provisional) find(now, "CANCEL before a provisional response (RFC 3261 section 9.1)");
    if (invite->second.final_in && *invite->second.final_in < now)
        find(now, "CANCEL after the final response (RFC 3261 section 9.1)");
    std::string why;
    const auto request = TextMessage::parse(invite->second.bytes, why);
    for (const auto name : {"From", "To", "Call-ID"})
        if (request->header(name) != cancel.header(name))
            find(now, std::string("CANCEL has another ") + name + " than its INVITE (RFC 3261 section 9.1)");
    if (request->uri != cancel.uri) find(now, "CANCEL has another Request-URI than its INVITE");
}

void Witness::response_out(Party to, const TextMessage &response, const std::string &bytes, Instant now) {
    auto &leg = legs_[to];
    const auto found = leg.in.find(response.branch() + response.cseq_method());
    if (found == leg.in.end()) return find(now, response.title() + " to a request that never came");
    auto &in = found->second;
    check_copies(in, response, now);
    const auto &request = in.request;
    const bool is_initial = to == caller_party && request.method == "INVITE" && request.to_tag().empty();
    if (is_initial) owes_trying_ = false;

    if (in.status != 0) {
        if (now >= in.final_out + 64 * t1) return; // Timers J and L: a straggler is a new request by now
        if (response.status < 200)
            find(now, response.title() + " after " + std::to_string(in.status) + " (RFC 3261 section 17.2.1)");
        else if (response.status != in.status)
            find(now, response.title() + " after " + std::to_string(in.status) + ": one final response");
        else if (bytes != in.final_bytes)
            find(now, response.title() + " is sent again with other bytes");
        return;
    }
    if (response.status < 200) {
        if (is_initial && response.status > 100) {
            leg.dialogs.try_emplace(response.to_tag());
            check_progress(response, now);
            if (plan_.reliable != Reliable::unknown) check_reliable(response, bytes, now);
        }
        return;
    }
    // A fork that another one was faster than refuses it, and that passes. One that an UPDATE overtook is too late.
    const bool is_overtaken = response.status == 500 && plan_.early_update_after;
    const bool is_passed = response.status == 408 || is_overtaken || prack_refusals_in_.contains(response.status);
    if (request.method == "PRACK" && response.status >= 300 && !is_passed && facts_.status_out == 0 &&
        facts_.decision == Decision::none && !plan_.is_hunted())
        find(now, response.title() + " while the INVITE waits for it");
    in.status = response.status;
    in.final_bytes = bytes;
    in.final_out = now;
    if (!is_initial) return;
    if (response.status < 300) {
        reconsider(now);
        decide(Decision::answer, response.status, now);
    }
    facts_.status_out = response.status;
    facts_.final_out = now;
    if (response.status >= 300 && response.status != no_prack && facts_.decision == Decision::none && plan_.is_hunted())
        check_hunt(now);
    if (response.status >= 300) return;
    facts_.answer_out = now;
    answer_tag_out_ = response.to_tag();
    leg.dialogs.try_emplace(response.to_tag());
    leg.contact = response.contact();
    const auto &answer_tags = legs_[callee_party].answer_tags;
    if (answer_tags.empty()) return find(now, "a 2xx that no callee sent");
    const auto known = fork_tags_.find(answer_tags.front());
    if (known != fork_tags_.end() && known->second != response.to_tag())
        find(now, "the 2xx of a fork has another To tag than its 18x");
    if (plan_.sees_one_fork) return;
    for (const auto &[callee_tag, tag] : fork_tags_)
        if (callee_tag != answer_tags.front() && tag == response.to_tag())
            find(now, "the 2xx has the To tag of another fork");
}

// What a response copies from its request (RFC 3261 section 8.2.6.2).
void Witness::check_copies(const In &in, const TextMessage &response, Instant now) {
    const auto &request = in.request;
    const auto sent = request.list("Via");
    const auto back = response.list("Via");
    const auto same = sent.size() == back.size() &&
                      std::equal(sent.begin(), sent.end(), back.begin(), [&](const auto &a, const auto &b) {
                          return &a == &sent.front() ? bare_via(a) == bare_via(b) : a == b;
                      });
    if (!same) find(now, response.title() + " does not bring back the Vias (RFC 3261 section 8.2.6.2)");
    for (const auto name : {"From", "Call-ID", "CSeq"})
        if (request.header(name) != response.header(name))
            find(now, response.title() + " has another " + name + " (RFC 3261 section 8.2.6.2)");
    const auto tag = response.to_tag();
    if (!request.to_tag().empty() && tag != request.to_tag()) find(now, response.title() + " has another To tag");
    if (response.status > 100 && tag.empty())
        find(now, response.title() + " without To tag (RFC 3261 section 8.2.6.2)");
    if (uri_in(request.header("To")) != uri_in(response.header("To"))) find(now, response.title() + " has another To");
}

// RFC 3262 section 3: numbers without a gap, one at a time, and the same bytes until its PRACK comes.
void Witness::check_reliable(const TextMessage &response, const std::string &bytes, Instant now) {
    if (response.header("RSeq").empty()) {
        if (plan_.reliable == Reliable::required) find(now, response.title() + " goes unreliably");
        return;
    }
    const auto rseq = static_cast<std::uint32_t>(std::stoul(std::string(response.header("RSeq"))));
    auto &last = reliable_out_[response.to_tag()];
    if (last.rseq == rseq && last.bytes != bytes) find(now, response.title() + " is sent again with other bytes");
    if (last.rseq == rseq) return;
    if (last.rseq != 0 && rseq != last.rseq + 1) find(now, response.title() + " with a RSeq that is not the next one");
    // One whose callee was given up is waited for no longer than it is sent.
    if (last.rseq != 0 && !last.is_acked && now < last.sent + 64 * t1)
        find(now, response.title() + " before the PRACK of the last one");
    last = {rseq, bytes, false, now};
}

// An 18x is what the callee sent, and each fork keeps one tag.
void Witness::check_progress(const TextMessage &response, Instant now) {
    if (!progress_in_.contains(progress_of(response)))
        find(now, response.title() + " that the callee did not send: " + response.body);
    progress_out_.insert(progress_of(response));
    const auto fork = progress_tags_.find(response.label());
    if (response.body.empty() || fork == progress_tags_.end()) return;
    const auto [known, is_new] = fork_tags_.try_emplace(fork->second, response.to_tag());
    if (!is_new && known->second != response.to_tag()) find(now, "one fork of the callee has two To tags");
    for (const auto &[callee_tag, tag] : fork_tags_)
        if (callee_tag != fork->second && (tag == response.to_tag()) != plan_.sees_one_fork)
            find(now, plan_.sees_one_fork ? "two forks have two To tags" : "two forks share a To tag");
}

// The other legs' identifiers stay there.
void Witness::check_leak(Party to, const std::string &bytes, Instant now) {
    for (Party party = 0; party < legs_.size(); ++party) {
        if (party == to) continue;
        const auto &leg = legs_[party];
        if (!leg.call_id.empty() && bytes.find(leg.call_id) != bytes.npos)
            find(now, "the other leg's Call-ID went out: " + bytes.substr(0, bytes.find("\r\n")));
        for (const auto &[tag, target] : leg.targets)
            if (bytes.find(tag) != bytes.npos)
                find(now, "the other leg's tag or Contact went out: " + bytes.substr(0, bytes.find("\r\n")));
    }
}

void Witness::batch_done(Instant now) {
    if (owes_trying_) find(now, "nothing was sent at once when the INVITE came (RFC 3261 section 17.2.1)");
    owes_trying_ = false;
}

void Witness::finish(Instant now) {
    for (const auto &leg : legs_) {
        for (const auto &[key, out] : leg.out)
            if (out.is_probe && out.final_in.value_or(never) >= out.sent + 64 * t1) facts_.has_probed_in_vain = true;
        for (const auto &[key, in] : leg.in)
            if (!in.request.to_tag().empty() && in.request.method == "INVITE" && in.status / 100 == 2 && !in.is_acked)
                facts_.has_missed_ack = true;
        for (const auto &[key, in] : leg.in)
            if (in.status == 0) find(now, in.request.method + " was never answered");
    }
    for (const auto &[progress, came] : progress_in_) {
        const bool is_tie = came == facts_.final_out || tied_progress_.contains(progress);
        const bool may_wait = plan_.reliable != Reliable::unknown; // for the PRACK of another
        if (!progress_out_.contains(progress) && !is_tie && !may_wait)
            find(now, "a provisional response was not passed: " + progress);
    }
    for (Party party = callee_party; party < legs_.size(); ++party) {
        const auto &leg = legs_[party];
        for (std::size_t i = 0; i < leg.answer_tags.size(); ++i) {
            const auto &dialog = leg.dialogs.at(leg.answer_tags[i]);
            if (!dialog.is_acked)
                find(now, "the " + party_name(party) + "'s 2xx was never ACKed (RFC 3261 section 13.2.2.4)");
            const bool has_waited = plan_.reliable != Reliable::unknown && party == callee_party;
            const auto known_at = has_waited ? std::max(*dialog.answered, facts_.final_out) : *dialog.answered;
            if (party == target_party) continue; // whether it is wanted, others decide
            const bool is_unwanted = i > 0 || party != callee_party || facts_.decision != Decision::answer;
            if (is_unwanted && !facts_.is_tie && (!dialog.bye_out || *dialog.bye_out > known_at + 1s))
                find(now, "a 2xx that came too late or from another fork got no BYE within a second");
        }
    }
}

} // namespace tandem::sim
