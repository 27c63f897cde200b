// What each response does to a dialog set, and the forks that grow from answers.
#include <string>
#include <utility>
#include "dialog/route_set.hpp"
#include "dialog/tracker.hpp"

namespace tandem {
namespace {

constexpr std::size_t fork_text_max = 65536; // bytes of all forks of one set that have not answered

bool is_final(std::uint16_t status) { return status >= 200; }
bool is_success(std::uint16_t status) { return status >= 200 && status < 300; }

EndReason reason_of_refusal(const DialogSet &set, std::uint16_t status) {
    if (status == 487 && set.is_cancelled) return EndReason::cancelled;
    return status == 408 ? EndReason::no_answer : EndReason::refused;
}

// Of a re-INVITE, which may have the number of another call's first INVITE.
bool is_of_later(const Fork &fork, Side asker, std::uint32_t cseq) {
    const auto &offer = fork.invited_target[index(asker)];
    return offer && offer->cseq == cseq;
}

} // namespace

Fed Tracker::feed_response(const MessageView &response, std::uint64_t hash, Instant now) {
    // A response carries the tags of its request: From is whoever asked.
    const auto [id, fork, asker] = find_fork(response, hash);
    const bool is_of_first = response.method == Method::invite && !(fork && is_of_later(*fork, asker, response.cseq));
    const DialogId invited = is_of_first ? find_invite(response, hash) : DialogId();
    if (DialogSet *set = sets_.find(invited)) {
        if (!may_speak(*set, Side::callee, response)) return Fed{};
        answer_invite(invited, *set, response, hash, now);
        return Fed{invited, Side::callee, true};
    }
    const Side from = other(asker);
    if (!fork || !may_speak(*sets_.find(id), from, response)) return Fed{};
    answer_in_dialog(id, *sets_.find(id), *fork, from, response, now);
    return Fed{id, from, true};
}

void Tracker::answer_invite(DialogId id, DialogSet &set, const MessageView &response, std::uint64_t hash, Instant now) {
    const std::uint16_t status = response.status;
    if (!is_final(status)) return take_provisional(id, set, response, now);
    if (is_success(status)) return take_success(id, set, response, now);
    if (set.state == DialogState::confirmed) return; // another branch refused
    const Fork *fork = set.find_fork(response.to_tag);
    const bool is_branch_known = set.branch != 0 && !response.branch.empty();
    if (fork && fork->is_doubtful && !(is_branch_known && has_branch(set, key_of(response, hash)))) return;
    if (!refuse_branch(set, response, hash)) return;
    set.sip_code = status;
    note_q850(set, response.reason);
    terminate(id, set, reason_of_refusal(set, status), now);
}

void Tracker::take_provisional(DialogId id, DialogSet &set, const MessageView &response, Instant now) {
    if (set.state == DialogState::confirmed) return;
    // 100 says only that the next hop is there (RFC 3261 section 16.7 item 2).
    const bool is_progress = response.status > 100;
    Fork *fork = nullptr;
    std::unique_ptr<DialogEventDetail> detail;
    if (is_progress && !response.to_tag.empty()) {
        fork = set.find_fork(response.to_tag);
        const bool is_known = fork && fork->state != DialogState::trying;
        if (!is_known) detail = make_detail(DialogEventKind::early, response.to_tag, {}, true);
        fork = is_known ? nullptr : open_fork(set, fork, response, false);
    }
    if (set.is_ending) { // by the BYE of another fork (RFC 3261 section 15)
        if (!fork || set.local_side) return;
        resume(set);
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
    raise_detail(DialogEventKind::early, id, std::move(detail), now);
}

void Tracker::take_success(DialogId id, DialogSet &set, const MessageView &response, Instant now) {
    Fork *fork = set.find_fork(response.to_tag);
    // The answer that his BYE has overtaken, or that crossed hers: the call is over as it begins.
    const bool is_early = set.state != DialogState::confirmed;
    const bool is_over = fork && fork->leaver && is_early && !set.find_successor(*fork);
    if (fork && fork->state > DialogState::early && !is_over) return; // a retransmission
    auto detail = make_detail(DialogEventKind::confirmed, response.to_tag, {}, true);
    fork = open_fork(set, fork, response, true);
    if (!fork) return; // more than we track
    confirm(id, set, *fork, response.status, std::move(detail), now);
    if (is_over) terminate(id, set, reason_of_bye(*fork->leaver), now);
}

void Tracker::confirm(DialogId id, DialogSet &set, Fork &fork, std::uint16_t status,
                      std::unique_ptr<DialogEventDetail> detail, Instant now) {
    fork.state = DialogState::confirmed;
    fork.answered = now;
    mark_changed(id, set);
    raise_detail(DialogEventKind::confirmed, id, std::move(detail), now);
    const bool overtaken = std::exchange(fork.is_acked, false); // its ACK was here first
    if (set.state != DialogState::confirmed) {                  // else a further fork; the first one stays in front
        raise_fork(set, &fork);
        set.answered = now;
        set.sip_code = status;
        set.q850 = 0; // of a CANCEL that came too late
        enter(set, DialogState::confirmed);
        if (set.is_ending && !set.is_leaving(fork)) resume(set); // that BYE was for another fork
        if (!set.is_ending && !set.local_side) set.end_reason = EndReason::none; // given up, and answered all the same
        if (!set.is_ending) arm_anew(id, set, now);
        if (!set.is_ending && set.is_leaving(fork)) { // its BYE crossed or overtook the answer
            begin_bye(id, set, fork.bye_cseq[index(Side::caller)] ? Side::caller : Side::callee, now);
        }
    } else if (set.is_ending && !set.local_side && !set.is_leaving(fork)) {
        resume(set);
        if (!set.is_ending) arm_anew(id, set, now);
    }
    if (overtaken) acknowledge(id, set, fork, now);
}

void Tracker::answer_in_dialog(DialogId id, DialogSet &set, Fork &fork, Side from, const MessageView &response,
                               Instant now) {
    if (!is_final(response.status)) return;
    const Side asker = other(from);
    if (response.method == Method::bye) {
        if (fork.bye_cseq[index(asker)] == response.cseq) finish_bye(id, set, fork, asker, response.status, now);
        return;
    }
    if (response.method != Method::invite && response.method != Method::update) return;
    // A retransmission, or the answer to what a later request replaced.
    auto &offer = (response.method == Method::invite ? fork.invited_target : fork.updated_target)[index(asker)];
    if (!offer || offer->cseq != response.cseq || offer->is_answered) return;
    if (is_success(response.status)) {
        set_target(id, set, fork, asker, offer->target);
        set_target(id, set, fork, from, response.contact_uri);
    }
    offer->is_answered = true; // last: if memory ends above, the answer may be fed again
}

// Where requests to `side` go from now on (RFC 3261 section 12.2.1.2).
void Tracker::set_target(DialogId id, DialogSet &set, Fork &fork, Side side, std::string_view target) {
    if (target.empty()) return;
    if (side == Side::caller) {
        set.text.set(DialogSet::caller_target, target);
    } else {
        fork.text.set(Fork::callee_target, target);
    }
    mark_changed(id, set);
}

// The fork of an answer to the INVITE, with what the answer says of it: `known`, or a new one. Nothing has changed if
// memory ends. Null: there are as many as we track.
Fork *Tracker::open_fork(DialogSet &set, Fork *known, const MessageView &response, bool is_final_answer) {
    // The route set is that of the final answer (RFC 3261 section 13.2.2.4).
    const std::string route_set = reverse_route_set(response.record_route);
    const std::string_view target =
        response.contact_uri.empty() && known ? known->text.get(Fork::callee_target) : response.contact_uri;
    if (!known) return make_fork(set, response.to_tag, target, route_set, is_final_answer);
    known->text.assign({response.to_tag, target, route_set});
    return known;
}

Fork *Tracker::make_fork(DialogSet &set, std::string_view to_tag, std::string_view target, std::string_view route_set,
                         bool is_final_answer) {
    std::uint32_t count = 0;
    std::size_t bytes = to_tag.size() + target.size() + route_set.size();
    for (const Fork *fork = set.forks.get(); fork; fork = fork->next.get()) {
        ++count;
        bytes += fork->text.size();
    }
    const bool is_full = count >= options_.fork_max || bytes > fork_text_max;

    auto fork = std::make_unique<Fork>();
    Fork *made = fork.get();
    fork->text.assign({to_tag, target, route_set});
    if (is_full && !drop_fork(set, is_final_answer)) return nullptr;
    fork->last_cseq[index(Side::caller)] = set.invite_cseq;
    fork->next = std::move(set.forks);
    set.forks = std::move(fork);
    // A confirmed fork stays in front.
    if (made->next && made->next->state == DialogState::confirmed) raise_fork(set, made->next.get());
    return made;
}

// Makes room for another fork: the oldest one goes that is known by its ACK alone; for one that answers, else the one
// that rang first. False if there is none.
bool Tracker::drop_fork(DialogSet &set, bool is_final_answer) {
    std::unique_ptr<Fork> *trying = nullptr;
    std::unique_ptr<Fork> *unanswered = nullptr;
    for (std::unique_ptr<Fork> *link = &set.forks; *link; link = &(*link)->next) {
        if ((*link)->state == DialogState::trying) trying = link;
        if ((*link)->state != DialogState::confirmed) unanswered = link;
    }
    std::unique_ptr<Fork> *last = trying ? trying : is_final_answer ? unanswered : nullptr;
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
