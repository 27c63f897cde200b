// What each message does to a dialog set.
#include <algorithm>
#include <utility>
#include "base/assert.hpp"
#include "base/text.hpp"
#include "dialog/route_set.hpp"
#include "dialog/tracker.hpp"

namespace tandem {
namespace {

constexpr unsigned serial_low_bits = 24; // of a durable id: random, and the shard

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

EndReason reason_of_bye(Side from) { return from == Side::caller ? EndReason::caller_bye : EndReason::callee_bye; }

// Answered like the set, or like the set not answered.
bool is_current(const DialogSet &set, const Fork &fork) {
    return set.state == DialogState::confirmed ? fork.state == DialogState::confirmed
                                               : fork.state < DialogState::confirmed;
}

// A BYE waits for its answer. Before the answer to the INVITE the callee may not send one (RFC 3261 section 15).
bool is_leaving(const DialogSet &set, const Fork &fork) {
    if (fork.bye_cseq[index(Side::caller)]) return true;
    return set.state == DialogState::confirmed && fork.bye_cseq[index(Side::callee)];
}

// The fork that a set goes on with when one has gone: rather one that nobody leaves. A BYE ends one dialog, early or
// confirmed, and not the others of its INVITE (RFC 3261 section 15); but a B2BUA has chosen its fork.
Fork *find_successor(const DialogSet &set, const Fork &gone) {
    if (set.local_side && set.state == DialogState::confirmed) return nullptr;
    Fork *leaving = nullptr;
    for (Fork *fork = set.forks.get(); fork; fork = fork->next.get()) {
        if (fork == &gone || !is_current(set, *fork)) continue;
        if (!is_leaving(set, *fork)) return fork;
        leaving = fork;
    }
    return leaving;
}

// Whether the set ends with the BYE of this fork.
bool is_last(const DialogSet &set, const Fork &fork, Side from) {
    if (set.state != DialogState::confirmed && from == Side::callee) return false;
    if (set.local_side && set.state == DialogState::confirmed) return &fork == set.forks.get();
    if (!is_current(set, fork)) return false;
    const Fork *successor = find_successor(set, fork);
    return !successor || is_leaving(set, *successor);
}

EndReason reason_of_refusal(const DialogSet &set, std::uint16_t status) {
    if (status == 487 && set.is_cancelled) return EndReason::cancelled;
    return status == 408 ? EndReason::no_answer : EndReason::refused;
}

} // namespace

Result<Fed> Tracker::feed(const MessageView &message, std::uint64_t hash, Instant now) {
    make_room();
    if (!message.is_request()) return feed_response(message, hash, now);
    if (message.method == Method::cancel) return feed_cancel(message, hash, now);
    if (!message.to_tag.empty()) return feed_in_dialog(message, hash, now);
    if (message.method == Method::invite) return feed_invite(message, {}, hash, now);
    // A callee of RFC 2543 has no tag, and its dialogs are known without one (RFC 3261 section 12.1.2).
    const DialogSet *set = sets_.find(find_set(hash, message.call_id, message.from_tag));
    if (set && set->find_fork({})) return feed_in_dialog(message, hash, now);
    return Fed{};
}

Result<Fed> Tracker::feed_invite(const MessageView &invite, const LegOptions &leg, std::uint64_t hash, Instant now) {
    make_room();
    // The same Call-ID and From-tag while the set lives: a retransmission, or a spiral that came by another path.
    std::uint32_t neighbours = 0;
    const DialogId known = index_.find(hash, [&](DialogId id) {
        const DialogSet *set = sets_.find(id);
        ++neighbours;
        return set->view(DialogSet::from_tag) == invite.from_tag && set->view(DialogSet::call_id) == invite.call_id;
    });
    if (known) return Fed{known, Side::caller, false};

    // Whoever repeats a Call-ID with ever new tags would make every search for it long.
    if (neighbours >= options_.same_call_id_max) {
        ++counters_.refused;
        return Error::full;
    }
    if (shared_.dialogs.fetch_add(1, std::memory_order_relaxed) >= options_.dialog_max) {
        shared_.dialogs.fetch_sub(1, std::memory_order_relaxed);
        ++counters_.refused;
        return Error::full;
    }
    DialogId id;
    try {
        const auto made = sets_.emplace();
        TANDEM_ASSERT(made.ok(), "the table of a shard holds the sets of all shards");
        id = *made;
        sets_.find(id)->text.assign({invite.call_id, invite.from_tag, invite.from_uri, invite.to_uri,
                                     invite.request_uri, invite.contact_uri, invite.record_route, leg.source,
                                     leg.trunk, {}});
        index_.insert(hash, id);
        arm(id, *sets_.find(id), now); // no set without its deadline
    } catch (...) { // no memory: as if the INVITE had not come
        index_.erase(hash, id);
        sets_.erase(id);
        shared_.dialogs.fetch_sub(1, std::memory_order_relaxed);
        throw;
    }
    DialogSet &set = *sets_.find(id);
    const std::uint64_t serial = shared_.serial.fetch_add(1, std::memory_order_relaxed) + 1;
    set.record = {options_.epoch, serial << serial_low_bits | serial_low_};
    set.local_side = leg.local_side;
    set.owner = leg.owner;
    set.leg_of = leg.leg_of;
    set.created = now;
    set.invite_cseq = invite.cseq;
    set.hash = hash;
    if (!set.leg_of) {
        ++counters_.processed;
        ++counters_.early;
    }
    mark_changed(id, set);
    raise(DialogEventKind::created, id, now);
    return Fed{id, Side::caller, true};
}

Fed Tracker::feed_cancel(const MessageView &cancel, std::uint64_t hash, Instant now) {
    const DialogId id = find_set(hash, cancel.call_id, cancel.from_tag);
    DialogSet *set = sets_.find(id);
    if (!set || set->state == DialogState::confirmed || cancel.cseq != set->invite_cseq) return Fed{};
    if (!may_speak(*set, Side::caller, cancel)) return Fed{};
    note_q850(*set, cancel.reason);
    if (set->is_cancelled) return Fed{id, Side::caller, false};
    set->is_cancelled = true;
    mark_changed(id, *set);
    if (!set->is_ending) arm(id, *set, now);
    return Fed{id, Side::caller, true};
}

Result<Fed> Tracker::feed_in_dialog(const MessageView &request, std::uint64_t hash, Instant now) {
    Side from = Side::caller;
    DialogId id = find_set(hash, request.call_id, request.from_tag);
    Fork *fork = id ? sets_.find(id)->find_fork(request.to_tag) : nullptr;
    if (!fork) {
        from = Side::callee;
        id = find_set(hash, request.call_id, request.to_tag);
        fork = id ? sets_.find(id)->find_fork(request.from_tag) : nullptr;
    }
    const bool is_known =
        fork && fork->state != DialogState::terminated && may_speak(*sets_.find(id), from, request);
    if (!is_known) {
        if (request.method != Method::ack) return Error::no_dialog;
        return fork ? Fed{} : feed_early_ack(request, hash); // an ACK is never answered
    }
    DialogSet &set = *sets_.find(id);
    if (request.method == Method::ack) return feed_ack(id, set, *fork, from, request, now);

    // A gap is legal: a proxy may have challenged a number we never saw. Only going back is an error (RFC 3261
    // section 12.2.2); an equal number is a retransmission.
    std::optional<std::uint32_t> &last = fork->last_cseq[index(from)];
    if (last && request.cseq < *last) return Error::stale_cseq;
    if (last && request.cseq == *last) return Fed{id, from, false};
    if (refreshes_target(request.method)) {
        fork->offered_target[index(from)] =
            std::make_unique<TargetOffer>(TargetOffer{request.cseq, std::string(request.contact_uri)});
    }
    last = request.cseq; // from here on nothing fails
    mark_changed(id, set);
    raise(DialogEventKind::request, id, now, from, request.method);

    if (request.method != Method::bye) {
        // The ACK came by another path: a caller who goes on has sent it (RFC 3261 section 13.2.2.4).
        const bool is_unseen = !set.local_side && from == Side::caller && fork->state == DialogState::confirmed;
        if (is_unseen && !fork->is_acked) acknowledge(id, set, *fork, now);
        return Fed{id, from, true};
    }
    const bool is_repeated = std::exchange(fork->bye_cseq[index(from)], request.cseq).has_value();
    note_q850(set, request.reason);
    // Who says BYE again and again moves no deadline.
    if (is_last(set, *fork, from) && !(is_repeated && set.is_ending)) begin_bye(id, set, from, now);
    return Fed{id, from, true};
}

void Tracker::begin_bye(DialogId id, DialogSet &set, Side from, Instant now) {
    if (set.end_reason == EndReason::none) {
        set.end_reason = reason_of_bye(from);
        set.is_reason_from_bye = true;
    }
    set.is_ending = true;
    arm(id, set, now);
}

// Takes back what begin_bye() did, but for the timer: the set goes on.
void Tracker::resume(DialogSet &set) {
    set.end_reason = EndReason::none;
    set.is_reason_from_bye = false;
    set.is_ending = false;
}

Fed Tracker::feed_ack(DialogId id, DialogSet &set, Fork &fork, Side from, const MessageView &ack, Instant now) {
    if (from != Side::caller || ack.cseq != set.invite_cseq || fork.is_acked) return Fed{id, from, false};
    if (fork.state != DialogState::confirmed) {
        // On a leg of our own the answer is ours or came to us, so nothing can overtake it.
        fork.is_acked = !set.local_side;
        return Fed{id, from, false};
    }
    acknowledge(id, set, fork, now);
    return Fed{id, from, true};
}

// An ACK that overtook the answer, whose To-tag nobody has seen: without it a good call would end by `no_ack`.
Fed Tracker::feed_early_ack(const MessageView &ack, std::uint64_t hash) {
    const DialogId id = find_set(hash, ack.call_id, ack.from_tag);
    DialogSet *set = sets_.find(id);
    if (!set || set->local_side || set->state == DialogState::confirmed || ack.cseq != set->invite_cseq) return Fed{};
    if (Fork *fork = make_fork(*set, ack.to_tag, {}, {}, false)) {
        fork->state = DialogState::trying;
        fork->is_acked = true;
    }
    return Fed{id, Side::caller, false};
}

void Tracker::acknowledge(DialogId id, DialogSet &set, Fork &fork, Instant now) {
    fork.is_acked = true;
    mark_changed(id, set);
    raise(DialogEventKind::acked, id, now);
    // Of several answers the caller may take a later one: a call with its ACK does not end by `no_ack`.
    if (!set.local_side && !set.forks->is_acked && !is_leaving(set, fork)) raise_fork(set, &fork);
    if (!set.is_ending && &fork == set.forks.get()) arm(id, set, *set.answered);
}

Fed Tracker::feed_response(const MessageView &response, std::uint64_t hash, Instant now) {
    // A response carries the tags of its request: From is whoever asked.
    DialogId id = find_set(hash, response.call_id, response.from_tag);
    DialogSet *set = sets_.find(id);
    const bool is_of_invite = set && response.method == Method::invite && response.cseq == set->invite_cseq;
    Fork *fork = set ? set->find_fork(response.to_tag) : nullptr;
    if (is_of_invite || fork) {
        if (!may_speak(*set, Side::callee, response)) return Fed{};
        if (is_of_invite) {
            answer_invite(id, *set, response, now);
        } else {
            answer_in_dialog(id, *set, *fork, Side::callee, response, now);
        }
        return Fed{id, Side::callee, true};
    }
    id = find_set(hash, response.call_id, response.to_tag);
    set = sets_.find(id);
    fork = set ? set->find_fork(response.from_tag) : nullptr;
    if (!fork || !may_speak(*set, Side::caller, response)) return Fed{};
    answer_in_dialog(id, *set, *fork, Side::caller, response, now);
    return Fed{id, Side::caller, true};
}

void Tracker::answer_invite(DialogId id, DialogSet &set, const MessageView &response, Instant now) {
    const std::uint16_t status = response.status;
    if (!is_final(status)) {
        take_provisional(id, set, response, now);
    } else if (is_success(status)) {
        take_success(id, set, response, now);
    } else if (set.state != DialogState::confirmed) { // else another branch refused
        set.sip_code = status;
        note_q850(set, response.reason);
        terminate(id, set, reason_of_refusal(set, status), now);
    }
}

void Tracker::take_provisional(DialogId id, DialogSet &set, const MessageView &response, Instant now) {
    if (set.state == DialogState::confirmed || set.is_ending) return;
    // 100 says only that the next hop is there (RFC 3261 section 16.7 item 2).
    const bool is_progress = response.status > 100;
    Fork *fork = nullptr;
    if (is_progress && !response.to_tag.empty()) {
        fork = set.find_fork(response.to_tag);
        const bool is_known = fork && fork->state != DialogState::trying;
        fork = is_known ? nullptr : open_fork(set, fork, response, false);
    }
    if (is_progress) {
        if (!set.is_cancelled) arm(id, set, now);
        if (!set.ringing) set.ringing = now;
    }
    if (set.state == DialogState::trying) {
        enter(set, DialogState::proceeding);
        mark_changed(id, set);
    }
    if (!fork) return;
    fork->state = DialogState::early;
    enter(set, DialogState::early);
    mark_changed(id, set);
    raise(DialogEventKind::early, id, now);
}

void Tracker::take_success(DialogId id, DialogSet &set, const MessageView &response, Instant now) {
    Fork *fork = set.find_fork(response.to_tag);
    if (fork && fork->state > DialogState::early) return; // a retransmission
    fork = open_fork(set, fork, response, true);
    if (!fork) return; // more forks than we track
    fork->state = DialogState::confirmed;
    mark_changed(id, set);
    raise(DialogEventKind::confirmed, id, now);
    const bool overtaken = std::exchange(fork->is_acked, false); // its ACK was here first
    if (set.state != DialogState::confirmed) { // else a further fork; the first one stays in front
        raise_fork(set, fork);
        set.answered = now;
        set.sip_code = response.status;
        enter(set, DialogState::confirmed);
        if (set.is_reason_from_bye && !is_leaving(set, *fork)) resume(set); // that BYE was for another fork
        if (!set.is_ending) arm(id, set, now);
        if (!set.is_ending && is_leaving(set, *fork)) { // its BYE crossed or overtook the answer
            begin_bye(id, set, fork->bye_cseq[index(Side::caller)] ? Side::caller : Side::callee, now);
        }
    } else if (set.is_reason_from_bye && !set.local_side && !is_leaving(set, *fork)) {
        resume(set);
        arm(id, set, *set.answered);
    }
    if (overtaken) acknowledge(id, set, *fork, now);
}

void Tracker::answer_in_dialog(DialogId id, DialogSet &set, Fork &fork, Side from, const MessageView &response,
                               Instant now) {
    if (!is_final(response.status)) return;
    const Side asker = other(from);
    if (refreshes_target(response.method)) {
        // A retransmission, or the answer to what a later request replaced.
        std::unique_ptr<TargetOffer> &offer = fork.offered_target[index(asker)];
        if (!offer || offer->cseq != response.cseq) return;
        const auto set_target = [&](Side side, std::string_view target) {
            if (target.empty()) return;
            if (side == Side::caller) {
                set.text.set(DialogSet::caller_target, target);
            } else {
                fork.text.set(Fork::callee_target, target);
            }
            mark_changed(id, set);
        };
        if (is_success(response.status)) {
            set_target(asker, offer->target);
            set_target(from, response.contact_uri);
        }
        offer.reset(); // last: if memory ends above, the answer may be fed again
        return;
    }
    if (response.method == Method::bye && fork.bye_cseq[index(asker)] == response.cseq) {
        finish_bye(id, set, fork, asker, response.status, now);
    }
}

void Tracker::finish_bye(DialogId id, DialogSet &set, Fork &fork, Side from, std::uint16_t status, Instant now) {
    fork.bye_cseq[index(from)].reset();
    mark_changed(id, set);
    if (fork.state == DialogState::terminated) return; // by the other one of two that crossed
    const bool is_in_front = &fork == set.forks.get();
    const bool is_dropped = set.local_side && set.state == DialogState::confirmed && !is_in_front;
    // A challenged BYE did nothing yet: it comes again with credentials. Any other answer means that the sender has
    // left the dialog (RFC 3261 section 15.1.1).
    if (status == 401 || status == 407) {
        if (is_dropped || !is_current(set, fork) || !set.is_reason_from_bye) return;
        if (is_leaving(set, fork)) { // by the BYE of the other side, which crossed this one
            set.end_reason = reason_of_bye(other(from));
            return;
        }
        resume(set);
        arm(id, set, set.state == DialogState::confirmed ? *set.answered : now);
        return;
    }
    fork.state = DialogState::terminated;
    if (is_dropped) return;
    const Fork *successor = find_successor(set, fork);
    if (!successor) {
        terminate(id, set, reason_of_bye(from), now);
        return;
    }
    if (!is_in_front) return;
    raise_fork(set, successor);
    if (!set.is_ending && set.state == DialogState::confirmed) arm(id, set, *set.answered);
}

// The fork of an answer to the INVITE, with what the answer says of it: `known`, or a new one. Nothing has changed if
// memory ends. Null: there are as many as we track.
Fork *Tracker::open_fork(DialogSet &set, Fork *known, const MessageView &response, bool is_final_answer) {
    // The route set is that of the final answer (RFC 3261 section 13.2.2.4).
    const std::string route_set = reverse_route_set(response.record_route);
    const std::string_view target = response.contact_uri.empty() && known ? known->text.get(Fork::callee_target)
                                                                          : response.contact_uri;
    if (!known) return make_fork(set, response.to_tag, target, route_set, is_final_answer);
    known->text.assign({response.to_tag, target, route_set});
    return known;
}

Fork *Tracker::make_fork(DialogSet &set, std::string_view to_tag, std::string_view target, std::string_view route_set,
                         bool is_final_answer) {
    std::uint32_t count = 0;
    for (const Fork *fork = set.forks.get(); fork; fork = fork->next.get()) ++count;
    if (count >= options_.fork_max && !is_final_answer) return nullptr;

    auto fork = std::make_unique<Fork>();
    Fork *made = fork.get();
    fork->text.assign({to_tag, target, route_set});
    if (count >= options_.fork_max && !drop_last_fork(set)) return nullptr;
    fork->last_cseq[index(Side::caller)] = set.invite_cseq;
    fork->next = std::move(set.forks);
    set.forks = std::move(fork);
    // A confirmed fork stays in front.
    if (made->next && made->next->state == DialogState::confirmed) raise_fork(set, made->next.get());
    return made;
}

// Makes room for a fork that answers: of those without an answer the one that rang first goes. False if there is none.
bool Tracker::drop_last_fork(DialogSet &set) {
    std::unique_ptr<Fork> *last = nullptr;
    for (std::unique_ptr<Fork> *link = &set.forks; *link; link = &(*link)->next) {
        if ((*link)->state != DialogState::confirmed) last = link;
    }
    if (last) *last = std::move((*last)->next);
    return last != nullptr;
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
