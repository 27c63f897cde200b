// What each message does to a dialog set.
#include <algorithm>
#include "base/text.hpp"
#include "dialog/route_set.hpp"
#include "dialog/tracker.hpp"

namespace tandem {
namespace {

bool is_final(std::uint16_t status) { return status >= 200; }
bool is_success(std::uint16_t status) { return status >= 200 && status < 300; }

// A request that carries a new Contact for its sender (RFC 3261 section 12.2, RFC 3311 section 5.1).
bool refreshes_target(Method method) { return method == Method::invite || method == Method::update; }

// On a leg of a B2BUA each side speaks for itself: who knows both tags could else send in our name.
bool may_speak(const DialogSet &set, Side from, const MessageView &message) {
    return !set.local_side || (*set.local_side == from) == message.is_ours;
}

// The cause of a Reason header, if its protocol is Q.850 (RFC 3326).
std::uint16_t parse_q850(std::string_view reason) {
    for (std::string_view value : split_values(reason)) {
        const std::size_t end = value.find(';');
        if (end == std::string_view::npos || !equals_ignoring_case(trim(value.substr(0, end)), "Q.850")) continue;
        std::string_view rest = value.substr(end);
        while (!rest.empty()) {
            rest.remove_prefix(1);
            const std::size_t next = rest.find(';');
            const std::string_view param = trim(rest.substr(0, next));
            const std::size_t equals = param.find('=');
            if (equals != std::string_view::npos && equals_ignoring_case(trim(param.substr(0, equals)), "cause")) {
                const auto cause = parse_number(trim(param.substr(equals + 1)));
                return cause && *cause <= 127 ? static_cast<std::uint16_t>(*cause) : std::uint16_t{0};
            }
            if (next == std::string_view::npos) break;
            rest.remove_prefix(next);
        }
    }
    return 0;
}

void note_q850(DialogSet &set, std::string_view reason) {
    if (reason.empty() || set.q850 != 0) return;
    set.q850 = parse_q850(reason);
}

EndReason reason_of_refusal(const DialogSet &set, std::uint16_t status) {
    if (status == 487 && set.is_cancelled) return EndReason::cancelled;
    return status == 408 ? EndReason::no_answer : EndReason::refused;
}

} // namespace

Result<Fed> Tracker::feed(const MessageView &message, Instant now) {
    if (!message.is_request()) return feed_response(message, now);
    if (message.method == Method::cancel) return feed_cancel(message);
    if (!message.to_tag.empty()) return feed_in_dialog(message, now);
    if (message.method == Method::invite) return feed_invite(message, {}, now);
    return Fed{};
}

Result<Fed> Tracker::feed_invite(const MessageView &invite, const LegOptions &leg, Instant now) {
    // The same Call-ID and From-tag while the set lives: a retransmission, or a spiral that came by another path.
    if (DialogId known = find_set(invite.call_id, invite.from_tag)) return Fed{known, Side::caller, false};

    const auto made = sets_.emplace();
    if (!made) {
        ++statistics_.refused;
        return Error::full;
    }
    const DialogId id = *made;
    DialogSet &set = *sets_.find(id);
    set.text.assign({invite.call_id, invite.from_tag, invite.from_uri, invite.to_uri, invite.request_uri,
                     invite.contact_uri, invite.record_route, leg.source, leg.trunk, {}});
    set.record = {options_.epoch, ++serial_ << 24 | serial_random_};
    set.local_side = leg.local_side;
    set.owner = leg.owner;
    if (const DialogSet *first = sets_.find(leg.leg_of)) set.leg_of = first->record;
    set.created = now;
    set.invite_cseq = invite.cseq;
    set.hash = hash_of(invite.call_id, invite.from_tag);
    index_.insert(set.hash, id);
    if (!set.leg_of) {
        ++statistics_.processed;
        ++statistics_.early;
    }
    arm(id, set, now, options_.early);
    mark_changed(id, set);
    raise({.kind = DialogEventKind::created, .dialog = id});
    return Fed{id, Side::caller, true};
}

Fed Tracker::feed_cancel(const MessageView &cancel) {
    const DialogId id = find_set(cancel.call_id, cancel.from_tag);
    DialogSet *set = sets_.find(id);
    if (!set || set->state == DialogState::confirmed || cancel.cseq != set->invite_cseq) return Fed{};
    if (!may_speak(*set, Side::caller, cancel)) return Fed{};
    const bool is_new = !set->is_cancelled;
    set->is_cancelled = true;
    note_q850(*set, cancel.reason);
    return Fed{id, Side::caller, is_new};
}

Result<Fed> Tracker::feed_in_dialog(const MessageView &request, Instant now) {
    const auto unknown = [&]() -> Result<Fed> {
        if (request.method == Method::ack) return Fed{}; // it is never answered
        return Error::no_dialog;
    };
    Side from = Side::caller;
    DialogId id = find_set(request.call_id, request.from_tag);
    Fork *fork = id ? sets_.find(id)->find_fork(request.to_tag) : nullptr;
    if (!fork) {
        from = Side::callee;
        id = find_set(request.call_id, request.to_tag);
        fork = id ? sets_.find(id)->find_fork(request.from_tag) : nullptr;
    }
    if (!fork || fork->state == DialogState::terminated) return unknown();
    DialogSet &set = *sets_.find(id);
    if (!may_speak(set, from, request)) return unknown();

    if (request.method == Method::ack) {
        const bool is_answer = from == Side::caller && request.cseq == set.invite_cseq && !fork->is_acked;
        if (!is_answer || fork->state != DialogState::confirmed) return Fed{id, from, false};
        fork->is_acked = true;
        mark_changed(id, set);
        raise({.kind = DialogEventKind::acked, .dialog = id});
        if (!set.is_ending) arm(id, set, *set.answered, options_.lifetime);
        return Fed{id, from, true};
    }

    // A gap is legal: a proxy may have challenged a number we never saw. Only going back is an error (RFC 3261
    // section 12.2.2); an equal number is a retransmission.
    std::optional<std::uint32_t> &last = fork->last_cseq[index(from)];
    if (last && request.cseq < *last) return Error::stale_cseq;
    if (last && request.cseq == *last) return Fed{id, from, false};
    last = request.cseq;
    mark_changed(id, set);
    raise({.kind = DialogEventKind::request, .dialog = id, .side = from, .method = request.method});

    if (refreshes_target(request.method) && !request.contact_uri.empty()) {
        fork->offered_target[index(from)] = std::make_unique<std::string>(request.contact_uri);
    }
    if (request.method == Method::bye) {
        fork->bye_cseq[index(from)] = request.cseq;
        note_q850(set, request.reason);
        // One of several answered forks goes. Before an answer the caller's BYE is for all of them, and the callee may
        // not send one (RFC 3261 section 15).
        const bool is_confirmed = set.state == DialogState::confirmed;
        if (is_confirmed ? fork != set.forks.get() : from == Side::callee) return Fed{id, from, true};
        if (set.end_reason == EndReason::none) {
            set.end_reason = from == Side::caller ? EndReason::caller_bye : EndReason::callee_bye;
            set.is_reason_from_bye = true;
        }
        set.is_ending = true;
        arm(id, set, now, options_.bye);
    }
    return Fed{id, from, true};
}

Fed Tracker::feed_response(const MessageView &response, Instant now) {
    // A response carries the tags of its request: From is whoever asked.
    if (const DialogId id = find_set(response.call_id, response.from_tag)) {
        DialogSet &set = *sets_.find(id);
        if (!may_speak(set, Side::callee, response)) return Fed{};
        if (response.method == Method::invite && response.cseq == set.invite_cseq) {
            answer_invite(id, set, response, now);
            return Fed{id, Side::callee, true};
        }
        if (Fork *fork = set.find_fork(response.to_tag)) {
            answer_in_dialog(id, set, *fork, Side::callee, response, now);
            return Fed{id, Side::callee, true};
        }
        return Fed{};
    }
    const DialogId id = find_set(response.call_id, response.to_tag);
    DialogSet *set = sets_.find(id);
    Fork *fork = set ? set->find_fork(response.from_tag) : nullptr;
    if (!fork || !may_speak(*set, Side::caller, response)) return Fed{};
    answer_in_dialog(id, *set, *fork, Side::caller, response, now);
    return Fed{id, Side::caller, true};
}

void Tracker::answer_invite(DialogId id, DialogSet &set, const MessageView &response, Instant now) {
    const std::uint16_t status = response.status;
    if (!is_final(status)) {
        if (set.state == DialogState::confirmed || set.is_ending) return;
        // 100 says only that the next hop is there (RFC 3261 section 16.7 item 2).
        if (status > 100) {
            arm(id, set, now, options_.early);
            if (!set.ringing) set.ringing = now;
        }
        if (set.state == DialogState::trying) {
            enter(set, DialogState::proceeding);
            mark_changed(id, set);
        }
        if (status == 100 || response.to_tag.empty() || set.find_fork(response.to_tag)) return;
        if (!make_fork(set, response)) return;
        enter(set, DialogState::early);
        mark_changed(id, set);
        raise({.kind = DialogEventKind::early, .dialog = id});
        return;
    }
    if (is_success(status)) {
        Fork *fork = set.find_fork(response.to_tag);
        if (!fork) fork = make_fork(set, response);
        if (!fork || fork->state != DialogState::early) return; // a retransmission, or more forks than we track
        fork->state = DialogState::confirmed;
        if (!response.contact_uri.empty()) fork->text.set(Fork::callee_target, response.contact_uri);
        // The route set is that of the answer (RFC 3261 section 13.2.2.4).
        fork->text.set(Fork::callee_route_set, reverse_route_set(response.record_route));
        mark_changed(id, set);
        raise({.kind = DialogEventKind::confirmed, .dialog = id});
        if (set.state == DialogState::confirmed) return; // a further fork; the first one stays in front
        raise_fork(set, fork);
        set.answered = now;
        set.sip_code = status;
        enter(set, DialogState::confirmed);
        arm(id, set, now, options_.no_ack);
        return;
    }
    if (set.state == DialogState::confirmed) return; // another branch refused
    set.sip_code = status;
    note_q850(set, response.reason);
    terminate(id, set, reason_of_refusal(set, status), now);
}

void Tracker::answer_in_dialog(DialogId id, DialogSet &set, Fork &fork, Side from, const MessageView &response,
                               Instant now) {
    if (!is_final(response.status)) return;
    const Side asker = other(from);
    if (refreshes_target(response.method)) {
        std::unique_ptr<std::string> offered = std::move(fork.offered_target[index(asker)]);
        if (!is_success(response.status)) return;
        const auto set_target = [&](Side side, std::string_view target) {
            if (target.empty() || set.target(side) == target) return;
            if (side == Side::caller) {
                set.text.set(DialogSet::caller_target, target);
            } else {
                fork.text.set(Fork::callee_target, target);
            }
            mark_changed(id, set);
        };
        if (offered) set_target(asker, *offered);
        set_target(from, response.contact_uri);
        return;
    }
    if (response.method == Method::bye && fork.bye_cseq[index(asker)] == response.cseq) {
        finish_bye(id, set, fork, asker, response.status, now);
    }
}

void Tracker::finish_bye(DialogId id, DialogSet &set, Fork &fork, Side from, std::uint16_t status, Instant now) {
    fork.bye_cseq[index(from)].reset();
    mark_changed(id, set);
    // A challenged BYE did nothing yet: it comes again with credentials. Any other answer means that the sender has
    // left the dialog (RFC 3261 section 15.1.1).
    if (status == 401 || status == 407) {
        if (!set.is_reason_from_bye) return;
        set.end_reason = EndReason::none;
        set.is_reason_from_bye = false;
        set.is_ending = false;
        const bool is_answered = set.state == DialogState::confirmed;
        arm(id, set, is_answered ? *set.answered : now, is_answered ? options_.lifetime : options_.early);
        return;
    }
    const bool was_in_front = &fork == set.forks.get();
    fork.state = DialogState::terminated;
    // A B2BUA has chosen its fork, so its leg ends with that one.
    if (set.local_side && !was_in_front && set.state == DialogState::confirmed) return;
    for (const Fork *left = set.local_side ? nullptr : set.forks.get(); left; left = left->next.get()) {
        if (left->state == DialogState::confirmed) {
            // The end of one of several answered forks is no end of the set.
            if (!was_in_front) return;
            set.end_reason = EndReason::none;
            set.is_reason_from_bye = false;
            set.is_ending = false;
            raise_fork(set, left);
            arm(id, set, *set.answered, left->is_acked ? options_.lifetime : options_.no_ack);
            return;
        }
    }
    terminate(id, set, from == Side::caller ? EndReason::caller_bye : EndReason::callee_bye, now);
}

Fork *Tracker::make_fork(DialogSet &set, const MessageView &response) {
    std::uint32_t count = 0;
    for (const Fork *fork = set.forks.get(); fork; fork = fork->next.get()) ++count;
    if (count >= options_.fork_max) {
        if (!is_final(response.status) || !drop_last_fork(set)) return nullptr;
    }

    auto fork = std::make_unique<Fork>();
    fork->text.assign({response.to_tag, response.contact_uri, reverse_route_set(response.record_route)});
    fork->last_cseq[index(Side::caller)] = set.invite_cseq;
    fork->next = std::move(set.forks);
    set.forks = std::move(fork);
    // A confirmed fork stays in front.
    if (set.forks->next && set.forks->next->state == DialogState::confirmed) raise_fork(set, set.forks->next.get());
    for (Fork *made = set.forks.get(); made; made = made->next.get()) {
        if (made->text.get(Fork::to_tag) == response.to_tag) return made;
    }
    return nullptr;
}

// Makes room for a fork that answers: the one that rang first goes. False if all of them are answered.
bool Tracker::drop_last_fork(DialogSet &set) {
    std::unique_ptr<Fork> *link = &set.forks;
    while ((*link)->next) link = &(*link)->next;
    if ((*link)->state == DialogState::confirmed) return false;
    link->reset();
    return true;
}

// Brings a fork to the front of the list.
void Tracker::raise_fork(DialogSet &set, const Fork *fork) {
    std::unique_ptr<Fork> *link = &set.forks;
    while (*link && link->get() != fork) link = &(*link)->next;
    if (!*link || link == &set.forks) return;
    std::unique_ptr<Fork> taken = std::move(*link);
    *link = std::move(taken->next);
    taken->next = std::move(set.forks);
    set.forks = std::move(taken);
}

} // namespace tandem
