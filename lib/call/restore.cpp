// What a process that has died left behind: calls that were up go on, and whoever rang or waited for an answer is told
// that it is over, because the transactions have died with it. What the peers did meanwhile they do again.
#include <algorithm>
#include <optional>
#include <utility>
#include "base/token.hpp"
#include "call/b2bua.hpp"
#include "call/leg_state.hpp"
#include "call/listener.hpp"

namespace tandem {
namespace {

constexpr std::string_view restarted = "SIP;cause=487;text=\"Server Restarted\""; // RFC 3326
constexpr std::size_t ended_max = 1'000'000;

} // namespace

// The listeners may be others than before. None: nobody of ours sends there any more.
std::optional<Endpoint> B2bua::by_present_listener(Endpoint to) const {
    if (to.listener < options_.listeners.size()) {
        const Endpoint &at = options_.listeners[to.listener].bound;
        if (at.transport == to.transport && at.ip.is_v6 == to.ip.is_v6) return to;
    }
    to.listener = 0;
    return with_listener(options_.listeners, to);
}

void B2bua::use_present_listeners(LegState &state) const {
    Endpoint fallback = state.peer; // what goes there does not arrive, and the leg ends
    fallback.listener = 0;
    state.peer = by_present_listener(state.peer).value_or(fallback);
    if (!state.peers) return;
    if (const auto source = by_present_listener(state.peers->source)) {
        state.peers->source = *source;
    } else {
        state.peers.reset();
    }
}

Result<void> B2bua::restore(const DialogRecord &record, Instant now) {
    auto state = LegState::parse(record.leg);
    if (!state) return Error::invalid;
    use_present_listeners(*state);
    const auto dialog = tracker_.restore(record, 0, now);
    if (!dialog) return dialog.error();
    restored_.push_back({*dialog, std::move(*state), record.session_expires});
    return {};
}

void B2bua::restore_ended(std::string_view call_id) {
    if (ended_.size() < ended_max) ended_.insert(loop_hash_(call_id));
}

// Whoever hung up when we died, and says so again because he heard no answer.
bool B2bua::was_ended(const Message &request, Instant now) {
    if (ended_.empty()) return false;
    if (now < ended_until_) return ended_.contains(loop_hash_(request.call_id()));
    ended_ = {};
    return false;
}

// Perhaps once more: who has it acknowledges it again.
void B2bua::restore_refusal(std::string_view leg, Instant now) {
    auto state = LegState::parse(leg);
    if (state) use_present_listeners(*state);
    if (state && !state->invite.empty()) { // the callee's, who may not have our ACK
        static_cast<void>(transactions_.adopt_refused(SharedBytes(state->invite), state->peer, now));
    }
    const auto refusal = Message::parse(state && state->peers ? state->peers->answer : std::string());
    if (!refusal || refusal->is_request() || refusal->status() < 300) return;
    auto invite = Message::parse(outline_of_answer(*refusal));
    if (!invite) return;
    const auto server = transactions_.adopt_server(std::move(*invite), state->peers->source, 0, now);
    if (!server) return;
    static_cast<void>(transactions_.respond(*server, refusal->status(), SharedBytes(state->peers->answer), now));
}

void B2bua::go_on(Instant now) {
    ended_until_ = now + 64 * options_.transactions.t1;
    go_on_with_restored(now);
}

void B2bua::go_on_with_restored(Instant now) {
    std::vector<RestoredLeg> legs = std::exchange(restored_, {});
    std::sort(legs.begin(), legs.end(),
              [](const RestoredLeg &a, const RestoredLeg &b) { return a.state.call < b.state.call; });
    for (std::size_t begin = 0, end = 0; begin < legs.size(); begin = end) {
        for (end = begin; end < legs.size() && legs[end].state.call == legs[begin].state.call;) ++end;
        restore_call(std::span(legs).subspan(begin, end - begin), now);
    }
}

// The legs of one call. Two that are joined go on; any other ends.
void B2bua::restore_call(std::span<RestoredLeg> legs, Instant now) {
    const auto find = [&](LegPlace place) {
        const auto found =
            std::find_if(legs.begin(), legs.end(), [&](const auto &leg) { return leg.state.place == place; });
        return found == legs.end() ? nullptr : &*found;
    };
    const RestoredLeg *caller = find(LegPlace::caller);
    const RestoredLeg *callee = find(LegPlace::callee);
    const auto is_up = [&](const RestoredLeg *leg) {
        const DialogSet *set = leg ? tracker_.find(leg->dialog) : nullptr;
        return set && set->state == DialogState::confirmed && !set->is_ending && set->end_reason == EndReason::none;
    };
    const bool is_joined = is_up(caller) && is_up(callee) && join_restored(*caller, *callee, now);
    for (const RestoredLeg &leg : legs) {
        if (!is_joined || (&leg != caller && &leg != callee)) end_restored(leg, now);
    }
}

bool B2bua::is_acked(DialogId dialog) const {
    const DialogSet *set = tracker_.find(dialog);
    return set && set->forks && set->forks->is_acked;
}

bool B2bua::join_restored(const RestoredLeg &caller, const RestoredLeg &callee, Instant now) {
    const auto made = calls_.emplace();
    if (!made) return false;
    const CallId id = *made;
    Call &call = *find_touched(id);
    call.id = id;
    call.leg(Side::caller) = restored_leg(caller, callee.state.session);
    call.leg(Side::callee) = restored_leg(callee, caller.state.session);
    if (caller.state.of_call) {
        call.refers = caller.state.of_call->refers;
        call.transfers = caller.state.of_call->transfers;
        if (caller.state.of_call->held) call.hold = std::make_unique<Hold>(Hold{*caller.state.of_call->held, {}});
    }
    for (const Side side : {Side::caller, Side::callee}) {
        const RestoredLeg &from = side == Side::caller ? caller : callee;
        Leg &leg = call.leg(side);
        tracker_.set_owner(from.dialog, id.value());
        find_hop(leg);
        restore_timer(id, call, side, from, now);
        leg.print = fingerprint_of(call, leg, side == Side::caller ? LegPlace::caller : LegPlace::callee, {});
    }
    for (const Side side : {Side::caller, Side::callee}) {
        const RestoredLeg &from = side == Side::caller ? caller : callee;
        if (!from.state.peers) continue;
        call.leg(side).print = 0; // what the store has of it is said here, and no other process says it again
        const bool is_over = from.state.peers->is_first && is_acked(from.dialog);
        if (!is_over) restore_invite(id, call, side, *from.state.peers, now);
    }
    return true;
}

Leg B2bua::restored_leg(const RestoredLeg &from, const Session &said_by_other) {
    const LegState &state = from.state;
    Leg leg;
    leg.dialog = from.dialog;
    leg.peer = state.is_flow ? with_flow_listener(options_.listeners, state.peer).value_or(state.peer) : state.peer;
    const DialogSet *set = tracker_.find(from.dialog);
    leg.local = set->local_side.value_or(Side::callee);
    leg.allowed = state.allowed;
    leg.is_known = state.is_known;
    leg.is_flow = state.is_flow;
    leg.session = state.session;
    leg.told = state.told.value_or(said_by_other);
    leg.passed_version = state.passed_version;
    leg.told_in_ack = state.told_in_ack;
    if (state.origin) leg.origin = std::make_unique<LegOrigin>(*state.origin);
    leg.timer.interval = state.interval;
    leg.timer.min_interval = state.min_interval;
    leg.timer.is_ours = state.is_ours;
    leg.timer.is_supported = state.is_supported;
    // By name: where it is DNS may not have said yet.
    const std::string_view trunk = set->view(DialogSet::trunk);
    const auto account = leg.local == Side::caller ? router_.account_of(trunk) : nullptr;
    if (account) {
        leg.account = std::make_shared<LegAccount>(
            LegAccount{.client = trunk_clients_.find(trunk, account), .home = leg.peer.ip});
    }
    return leg;
}

// Goes on as start_session_timer() has set it.
void B2bua::restore_timer(CallId id, Call &call, Side side, const RestoredLeg &from, Instant now) {
    SessionTimer &timer = call.leg(side).timer;
    if (timer.interval.count() == 0 || !from.session_expires) {
        timer.interval = Duration::zero();
        return;
    }
    timer.expires = *from.session_expires;
    const Duration grace = std::min<Duration>(std::chrono::seconds(32), timer.interval / 3);
    set_session_timer(id, call, side, std::max(now, timer.expires - (timer.is_ours ? timer.interval / 2 : grace)));
}

// The INVITE that this side had open. One that was answered has its 2xx again, and goes on as if nothing had been.
void B2bua::restore_invite(CallId id, Call &call, Side side, const KeptInvite &kept, Instant now) {
    if (kept.answer.empty()) {
        return refuse_restored(call.leg(side).dialog, kept, 500, retry_after(), now);
    }
    const auto answer = Message::parse(kept.answer);
    if (!answer || answer->is_request()) return;
    auto outlined = Message::parse(outline_of_answer(*answer));
    if (!outlined) return;
    const auto server = transactions_.adopt_server(std::move(*outlined), kept.source, id.value(), now);
    if (!server) return;
    auto invite = std::make_unique<InviteExchange>();
    invite->from = side;
    invite->server = *server;
    invite->source = kept.source;
    invite->server_cseq = answer->cseq();
    invite->client_cseq = kept.client_cseq;
    invite->client_to_tag = kept.client_to_tag;
    invite->is_first = kept.is_first;
    invite->has_offer = kept.has_offer;
    invite->is_answered = true;
    invite->is_taken = true;
    invite->is_acked = kept.is_acked;
    invite->is_settled = kept.is_settled;
    invite->offer = kept.offer;
    invite->answer = SharedBytes(kept.answer);
    invite->resend_after = options_.transactions.t1;
    invite->resend_until = now + 64 * options_.transactions.t1;
    invite->timer =
        timers_.schedule(now + invite->resend_after, {.call = id, .invite = *server, .kind = TimerKind::resend});
    static_cast<void>(transactions_.respond(*server, answer->status(), invite->answer, now));
    if (!kept.has_offer && !kept.is_settled && kept.offer) call.offer_from = other(side);
    call.invites.push_back(std::move(invite));
}

// An INVITE that nobody answers any more: where the store has its Via it is refused, and else its sender's own timer
// must do.
void B2bua::refuse_restored(DialogId dialog, const KeptInvite &kept, std::uint16_t status, std::string_view extra,
                            Instant now) {
    auto request = Message::parse(kept.request);
    if (!request || !request->is_request()) return;
    const auto server = transactions_.adopt_server(*request, kept.source, 0, now);
    if (!server) return;
    const DialogSet *set = tracker_.find(dialog);
    const std::string tag(set && !set->to_tag().empty() ? std::string(set->to_tag()) : make_token(random_));
    SharedBytes bytes = writer_.response(*request, kept.source, status, {}, tag, nullptr, extra);
    feed_answer(*request, status, tag, {}, now);
    if (request->to_tag().empty()) keep_refusal(dialog, kept.source, bytes);
    static_cast<void>(transactions_.respond(*server, status, std::move(bytes), now));
}

// A leg that has no other one to talk to, or whose call was ending already.
void B2bua::end_restored(const RestoredLeg &restored, Instant now) {
    const DialogSet *set = tracker_.find(restored.dialog);
    if (!set || set->is_over()) return;
    tracker_.set_end_reason(restored.dialog, EndReason::restart);
    const Side local = set->local_side.value_or(Side::callee);
    if (set->has_confirmed_fork()) {
        const std::optional<KeptInvite> &peers = restored.state.peers;
        const bool waits_for_ack = local == Side::callee && !set->forks->is_acked && peers && !peers->answer.empty();
        if (waits_for_ack && end_after_ack(restored, now)) return;
        Leg leg = restored_leg(restored, {});
        if (local == Side::caller && !set->forks->is_acked) {
            const std::string to_tag(set->to_tag());
            const WrittenRequest ack = write_ack(leg, set->invite_cseq, to_tag, nullptr, nullptr);
            transactions_.acknowledge({}, to_tag, ack.to, ack.bytes, ack.host);
            feed_ack(leg, set->invite_cseq, to_tag, now);
        }
        return send_bye(Call(), leg, restarted, now);
    }
    if (local == Side::caller) return cancel_restored(restored, now);
    if (restored.state.peers) refuse_restored(restored.dialog, *restored.state.peers, 487, {}, now);
    tracker_.end(restored.dialog, EndReason::restart, now); // unless that has ended it
}

// Its 2xx is sent again, and the BYE goes when the ACK is here, or its time is over (RFC 3261 section 15).
bool B2bua::end_after_ack(const RestoredLeg &restored, Instant now) {
    const auto made = calls_.emplace();
    if (!made) return false;
    Call &call = *find_touched(*made);
    call.id = *made;
    call.is_ending = true;
    call.leg(Side::caller) = restored_leg(restored, {});
    tracker_.set_owner(restored.dialog, made->value());
    restore_invite(*made, call, Side::caller, *restored.state.peers, now);
    if (!call.invites.empty()) return true;
    tracker_.set_owner(restored.dialog, 0);
    calls_.erase(*made);
    return false;
}

// It may not have got our INVITE yet; then the CANCEL is for nobody, and 64*T1 later it is over.
void B2bua::cancel_restored(const RestoredLeg &restored, Instant now) {
    const DialogSet &set = *tracker_.find(restored.dialog);
    const auto invite = Message::parse(restored.state.invite);
    if (!invite || !invite->is_request()) return tracker_.end(restored.dialog, EndReason::restart, now);
    const std::string branch(invite->top_via().branch);
    const Leg leg = restored_leg(restored, {});
    const auto client = transactions_.adopt_client({.method = Method::invite,
                                                    .branch = branch,
                                                    .bytes = SharedBytes(restored.state.invite),
                                                    .to = leg.peer,
                                                    .call_id = invite->call_id(),
                                                    .from_tag = invite->from_tag(),
                                                    .cseq = invite->cseq()},
                                                   now);
    if (!client) return tracker_.end(restored.dialog, EndReason::restart, now);
    note_try(*client, leg.account, {}, Method::invite); // an answer that crosses it is hung up, and the BYE challenged
    MessageView view;
    view.method = Method::cancel;
    view.cseq = set.invite_cseq;
    view.call_id = set.view(DialogSet::call_id);
    view.from_tag = set.view(DialogSet::from_tag);
    view.is_ours = true;
    static_cast<void>(tracker_.feed(view, now));
    static_cast<void>(transactions_.cancel(*client, reason_line(restarted), now));
}

} // namespace tandem
