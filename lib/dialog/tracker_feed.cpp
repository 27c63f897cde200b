// What each request does to a dialog set. Responses stand in tracker_answer.cpp, BYE in tracker_bye.cpp.
#include <algorithm>
#include <utility>
#include "base/assert.hpp"
#include "dialog/reason_header.hpp"
#include "dialog/tracker.hpp"

namespace tandem {
namespace {

constexpr std::size_t early_ack_max = 4; // forks of one set that are known by their ACK alone

} // namespace

Result<Fed> Tracker::feed(const MessageView &message, std::uint64_t hash, Instant now) {
    make_room();
    if (!message.is_request()) return feed_response(message, hash, now);
    if (message.method == Method::cancel) return feed_cancel(message, hash, now);
    if (!message.to_tag.empty()) return feed_in_dialog(message, hash, now);
    if (message.method == Method::invite) return feed_invite(message, {}, hash, now);
    // A side of RFC 2543 has no tag, and its dialogs are known without one (RFC 3261 sections 12.1.1 and 12.1.2).
    return find_fork(message, hash).fork ? feed_in_dialog(message, hash, now) : Fed{};
}

Result<Fed> Tracker::feed_invite(const MessageView &invite, const LegOptions &leg, std::uint64_t hash, Instant now) {
    make_room();
    std::uint32_t neighbours = 0;
    const DialogId known = index_.find(hash, [&](DialogId id) {
        const DialogSet &set = *sets_.find(id);
        ++neighbours;
        return set.invite_cseq == invite.cseq && set.view(DialogSet::from_tag) == invite.from_tag &&
               set.view(DialogSet::call_id) == invite.call_id;
    });
    if (!known && neighbours > 0 && !leg.local_side) { // a re-INVITE of or for a side without a tag
        const Match match = find_fork(invite, hash);
        if (match.fork && match.fork->state == DialogState::confirmed) return feed_in_dialog(invite, hash, now);
    }
    // The same request while the set lives: a retransmission, or one that came by another path (a spiral, or a proxy
    // before us that forks). With another number it is another request, however alike (RFC 3261 section 8.1.3.5).
    const std::uint64_t key = invite.branch.empty() ? 0 : key_of(invite, hash);
    const bool is_recent = key != 0 && recent_.contains(key);
    if (known) return feed_again(known, key, is_recent, now);
    if (is_recent) return Error::merged; // of a set that has ended

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
        sets_.find(id)->text.assign({invite.call_id,
                                     invite.from_tag,
                                     invite.from_uri,
                                     invite.to_uri,
                                     invite.request_uri,
                                     invite.contact_uri,
                                     invite.record_route,
                                     leg.source,
                                     leg.trunk,
                                     {}});
        index_.insert(hash, id);
        if (key != 0) recent_.add(key, now);
        arm(id, *sets_.find(id), now); // no set without its deadline
    } catch (...) {                    // no memory: as if the INVITE had not come
        index_.erase(hash, id);
        sets_.erase(id);
        shared_.dialogs.fetch_sub(1, std::memory_order_relaxed);
        throw;
    }
    DialogSet &set = *sets_.find(id);
    set.record = next_record();
    set.local_side = leg.local_side;
    set.owner = leg.owner;
    set.leg_of = leg.leg_of;
    set.created = now;
    set.invite_cseq = invite.cseq;
    set.hash = hash;
    set.branch = key;
    if (!set.leg_of) {
        ++counters_.processed;
        ++counters_.live[static_cast<std::size_t>(set.state)];
    }
    mark_changed(id, set);
    raise(DialogEventKind::created, id, now);
    return Fed{id, Side::caller, true};
}

RecordId Tracker::next_record() {
    const std::uint64_t serial = shared_.serial.fetch_add(1, std::memory_order_relaxed) + 1;
    return {options_.epoch, serial << serial_low_bits | serial_low_};
}

// What makes a request the same one: an old branch (RFC 2543) may be the same for all that its client sends.
std::uint64_t Tracker::key_of(const MessageView &message, std::uint64_t hash) const {
    std::uint64_t key = hash;
    for (std::uint64_t part : {hash_of(message.from_tag), hash_of(message.branch), std::uint64_t{message.cseq}}) {
        key = (key ^ part) * 0x9e3779b97f4a7c15;
        key ^= key >> 32;
    }
    return key | 1; // 0 is none
}

// An INVITE whose set is there. Nobody asks again for what was answered: whoever does calls somebody else.
Result<Fed> Tracker::feed_again(DialogId id, std::uint64_t key, bool is_recent, Instant now) {
    DialogSet &set = *sets_.find(id);
    const bool is_new_way = key != 0 && !is_recent && set.branch != 0 && !set.local_side && !has_branch(set, key);
    if (set.state == DialogState::confirmed && (is_new_way || set.forks->is_acked)) return Error::merged;
    if (is_new_way) {
        if (set.extras && set.extras->branches.size() >= options_.fork_max) return Error::full;
        add_branch(id, set, key, now);
    } else if (key != 0 && !is_recent) {
        recent_.add(key, now);
    }
    return Fed{id, Side::caller, false};
}

bool Tracker::has_branch(const DialogSet &set, std::uint64_t key) {
    if (key == set.branch) return true;
    if (!set.extras) return false;
    const std::vector<InviteBranch> &branches = set.extras->branches;
    return std::any_of(branches.begin(), branches.end(), [&](const auto &branch) { return branch.key == key; });
}

void Tracker::add_branch(DialogId id, DialogSet &set, std::uint64_t key, Instant now) {
    std::vector<InviteBranch> &branches = extras_of(set).branches;
    branches.reserve(branches.size() + 2);
    recent_.add(key, now); // the last that may fail
    using State = InviteBranch::State;
    if (branches.empty()) branches.push_back({set.branch, set.is_cancelled ? State::cancelled : State::open});
    branches.push_back({key});
    if (!set.is_cancelled) return;
    // Who gave up the other ones tries again.
    set.is_cancelled = false;
    set.end_reason = EndReason::none;
    set.q850 = 0;
    mark_changed(id, set);
    if (!set.is_ending) arm(id, set, now);
}

// Notes that the branch of a CANCEL is cancelled. True if all of them are, or there is but one.
bool Tracker::cancel_branch(DialogSet &set, std::uint64_t key) {
    if (!set.extras || set.extras->branches.empty()) return true;
    bool are_all = true;
    for (InviteBranch &branch : set.extras->branches) {
        if (branch.key == key) branch.state = std::max(branch.state, InviteBranch::State::cancelled);
        are_all = are_all && branch.state >= InviteBranch::State::cancelled;
    }
    return are_all;
}

// Notes that the branch of a final answer is refused. True if all of them are, or there is but one.
bool Tracker::refuse_branch(DialogSet &set, const MessageView &answer, std::uint64_t hash) {
    if (!set.extras || set.extras->branches.empty()) return true;
    std::vector<InviteBranch> &branches = set.extras->branches;
    const auto find = [&](auto matches) { return std::find_if(branches.begin(), branches.end(), matches); };
    const std::uint64_t key = answer.branch.empty() ? 0 : key_of(answer, hash);
    const std::uint64_t answer_key = (key ^ hash_of(answer.to_tag)) | 1;
    auto branch = find([&](const InviteBranch &one) { return one.key == key; });
    if (branch == branches.end()) {
        // By a branch of the host's own, or by none: it stands for one that is open. It may come again.
        if (find([&](const InviteBranch &one) { return one.answer == answer_key; }) != branches.end()) return false;
        branch = find([](const InviteBranch &one) { return one.state != InviteBranch::State::refused; });
    }
    if (branch != branches.end()) {
        branch->state = InviteBranch::State::refused;
        branch->answer = answer_key;
    }
    return find([](const InviteBranch &one) { return one.state != InviteBranch::State::refused; }) == branches.end();
}

Fed Tracker::feed_cancel(const MessageView &cancel, std::uint64_t hash, Instant now) {
    if (!cancel.to_tag.empty()) return Fed{}; // of a re-INVITE
    const DialogId id = find_invite(cancel, hash);
    DialogSet *set = sets_.find(id);
    if (!set || set->state == DialogState::confirmed || !may_speak(*set, Side::caller, cancel)) return Fed{};
    // It cancels the INVITE of its branch, or nothing (RFC 3261 section 9.2).
    const std::uint64_t key = cancel.branch.empty() || set->branch == 0 ? set->branch : key_of(cancel, hash);
    if (!has_branch(*set, key)) return Fed{};
    if (!cancel_branch(*set, key)) return Fed{id, Side::caller, true};
    note_q850(*set, cancel.reason);
    if (set->is_cancelled) return Fed{id, Side::caller, false};
    set->is_cancelled = true;
    mark_changed(id, *set);
    if (!set->is_ending) arm(id, *set, now);
    return Fed{id, Side::caller, true};
}

Result<Fed> Tracker::feed_in_dialog(const MessageView &request, std::uint64_t hash, Instant now) {
    const auto [id, fork, from] = find_fork(request, hash);
    const bool is_known = fork && fork->state != DialogState::terminated && may_speak(*sets_.find(id), from, request);
    if (!is_known) {
        if (request.method != Method::ack) return Error::no_dialog;
        return fork ? Fed{} : feed_early_ack(request, hash); // an ACK is never answered
    }
    DialogSet &set = *sets_.find(id);
    if (request.method == Method::ack) return feed_ack(id, set, *fork, from, request, now);

    // A gap is legal: a proxy may have challenged a number we never saw. Only going back is an error (RFC 3261
    // section 12.2.2); an equal number is a retransmission. But a BYE that we only see pass is the other side's to
    // judge, and one that was challenged may come again under its number.
    std::optional<std::uint32_t> &last = fork->last_cseq[index(from)];
    const bool is_bye = request.method == Method::bye;
    const bool is_first_bye = is_bye && !fork->bye_cseq[index(from)];
    // What a proxy sends of its own has a number as the far side counts, and not one of the sender.
    const bool is_apart = request.is_ours && !set.local_side;
    const bool is_lower = last && request.cseq < *last && !is_apart;
    const bool is_equal = last && request.cseq == *last && !is_apart;
    if (is_lower && (!is_first_bye || set.local_side)) return Error::stale_cseq;
    // Not so after a restart, where nobody has answered it; but for what can only be the first INVITE.
    const bool is_of_first = from == Side::caller && request.cseq == set.invite_cseq;
    const bool is_repeated = is_equal && fork->may_repeat[index(from)] && !is_of_first;
    if (is_equal && !is_first_bye && !is_repeated) {
        // Its answer and that of the first INVITE look alike.
        if (request.method == Method::invite && is_of_first) fork->is_doubtful = true;
        return Fed{id, from, false};
    }
    if (request.method == Method::invite || request.method == Method::update) {
        auto &offer = (request.method == Method::invite ? fork->invited_target : fork->updated_target)[index(from)];
        offer = std::make_unique<TargetOffer>(TargetOffer{request.cseq, std::string(request.contact_uri)});
    }
    if (!is_lower && !is_apart) { // from here on nothing fails
        last = request.cseq;
        fork->may_repeat[index(from)] = false;
    }
    mark_changed(id, set);
    raise(DialogEventKind::request, id, now, from, request.method);
    if (is_bye) {
        take_bye(id, set, *fork, from, request, now);
    } else {
        note_unseen_ack(id, set, *fork, from, request.method, now);
    }
    return Fed{id, from, true};
}

// The ACK came by another path: a caller who goes on has sent it (RFC 3261 section 13.2.2.4). But for the requests that
// an early dialog has as well: they may have crossed the answer.
void Tracker::note_unseen_ack(DialogId id, DialogSet &set, Fork &fork, Side from, Method method, Instant now) {
    const bool may_be_early = method == Method::prack || method == Method::update || method == Method::info;
    if (set.local_side || from != Side::caller || may_be_early) return;
    if (fork.state == DialogState::confirmed && !fork.is_acked) acknowledge(id, set, fork, now);
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
    const DialogId id = find_invite(ack, hash);
    DialogSet *set = sets_.find(id);
    if (!set || set->local_side || set->state == DialogState::confirmed) return Fed{};
    std::size_t count = 0;
    for (const Fork *fork = set->forks.get(); fork; fork = fork->next.get()) {
        count += fork->state == DialogState::trying ? 1 : 0;
    }
    Fork *fork = count < early_ack_max ? make_fork(*set, ack.to_tag, {}, {}, false) : nullptr;
    if (fork) {
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
    if (!set.local_side && !set.forks->is_acked && !set.is_leaving(fork)) raise_fork(set, &fork);
    if (!set.is_ending && &fork == set.forks.get()) arm_anew(id, set, now);
}

bool Tracker::may_speak(const DialogSet &set, Side from, const MessageView &message) {
    return !set.local_side || (*set.local_side == from) == message.is_ours;
}

void Tracker::note_q850(DialogSet &set, std::string_view reason) {
    if (!reason.empty() && set.q850 == 0) set.q850 = parse_q850(reason);
}

DialogId Tracker::find_invite(const MessageView &message, std::uint64_t hash) const {
    return index_.find(hash, [&](DialogId id) {
        const DialogSet &set = *sets_.find(id);
        __builtin_prefetch(set.forks.get()); // what comes next, while the texts are on their way
        return set.invite_cseq == message.cseq && set.view(DialogSet::from_tag) == message.from_tag &&
               set.view(DialogSet::call_id) == message.call_id;
    });
}

Tracker::Match Tracker::find_fork(const MessageView &message, std::uint64_t hash) {
    Match match;
    match.dialog = index_.find(hash, [&](DialogId id) {
        const DialogSet &set = *sets_.find(id);
        __builtin_prefetch(set.forks.get());
        if (set.view(DialogSet::call_id) != message.call_id) return false;
        const std::string_view caller = set.view(DialogSet::from_tag);
        match.from = Side::caller;
        match.fork = caller == message.from_tag ? set.find_fork(message.to_tag) : nullptr;
        if (match.fork) return true;
        match.from = Side::callee;
        match.fork = caller == message.to_tag ? set.find_fork(message.from_tag) : nullptr;
        return match.fork != nullptr;
    });
    return match;
}

} // namespace tandem
