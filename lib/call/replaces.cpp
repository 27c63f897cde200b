// A dialog that somebody names: its other leg is joined with this call (RFC 5589 section 7.3), or a newcomer takes its
// place (RFC 3891).
#include <algorithm>
#include <utility>
#include "base/text.hpp"
#include "call/b2bua.hpp"
#include "call/refer_to.hpp"

namespace tandem {

// Whose place the INVITE with this Replaces would take. Named from our side it is the peer of that leg; named from the
// peer's own side, as after a REFER that was passed, it is the peer of the other leg.
std::optional<B2bua::Replaced> B2bua::find_replaced(const Replaces &replaces) {
    const DialogId dialog = tracker_.find(replaces.call_id, replaces.to_tag, replaces.from_tag);
    CallId id;
    Call *call = find_call(dialog, id);
    const auto side = call ? call->side_of(dialog) : std::nullopt;
    if (!side || call->leg(*side).dialog != dialog) return std::nullopt;
    const Leg &leg = call->leg(*side);
    const std::string_view from_tag = tracker_.find(dialog)->view(DialogSet::from_tag);
    const bool is_ours = leg.local == Side::caller ? from_tag == replaces.to_tag : from_tag == replaces.from_tag;
    return Replaced{id, is_ours ? *side : other(*side)};
}

namespace {

bool is_quiet(const Call &call) {
    return !call.is_ending && !call.is_lent && !call.setup && !call.transfer && call.invites.empty() &&
           call.own_invites.empty() && call.forwards.empty() && !call.offer_from && !call.legs.front().timer.update &&
           !call.legs.back().timer.update;
}

} // namespace

// The leg that talks with the replaced one is lent to this call, until it is its leg or the transfer has failed.
void B2bua::begin_join(CallId id, Call &call, const Replaced &replaced, Instant now) {
    Transfer &transfer = *call.transfer;
    Call *lender = find_touched(replaced.call);
    if (lender == &call) return fail_transfer(id, call, 400, now);
    Leg &lent = lender->leg(other(replaced.side));
    if (!is_live(lent.dialog) || !is_live(lender->leg(replaced.side).dialog)) return fail_transfer(id, call, 480, now);
    if (!is_quiet(*lender)) return fail_transfer(id, call, 491, now);
    if (!lent.session || !call.leg(other(transfer.from)).session) return fail_transfer(id, call, 488, now);
    transfer.kind = TransferKind::join;
    transfer.lender = replaced.call.value();
    transfer.lender_side = other(replaced.side);
    if (const auto record = tracker_.record(lender->leg(Side::caller).dialog)) {
        for (const ProfileView &place : record->profiles) {
            transfer.places.push_back({std::string(place.profile), std::string(place.value)});
        }
    }
    timers_.cancel(lent.timer.timer);
    transfer.target = std::exchange(lent, Leg());
    transfer.answer = unheld(transfer.target.session);
    transfer.is_acked = true;
    lender->is_lent = true;
    tracker_.set_owner(transfer.target.dialog, id.value());
    ask_remaining(id, call, now);
}

void B2bua::give_back(Call &call, Instant now) {
    Transfer &transfer = *call.transfer;
    const CallId lender_id(transfer.lender);
    Call *lender = find_touched(lender_id);
    if (lender) lender->is_lent = false;
    const bool is_wanted = lender && !lender->is_ending && is_live(lender->leg(other(transfer.lender_side)).dialog);
    if (!is_live(transfer.target.dialog)) {
        if (is_wanted) hang_up(lender_id, *lender, {}, now);
    } else if (is_wanted) {
        tracker_.set_owner(transfer.target.dialog, transfer.lender);
        lender->leg(transfer.lender_side) = std::move(transfer.target);
        start_session_timer(lender_id, *lender, transfer.lender_side, now);
        // Its end was due while it was lent.
        if (tracker_.find(lender->leg(transfer.lender_side).dialog)->is_ending) hang_up(lender_id, *lender, {}, now);
    } else {
        send_bye(call, transfer.target, {}, now);
    }
}

namespace {

bool is_marked(const Message &invite, std::string_view mark) {
    for (const HeaderLine &line : invite.headers()) {
        if (line.id != Header::other || !equals_ignoring_case(line.name, loop_header)) continue;
        for (std::string_view rest = line.value; !rest.empty();) {
            if (take_token(rest) == mark) return true;
        }
    }
    return false;
}

} // namespace

// The place that the INVITE with Replaces takes, as things are now.
B2bua::Seat B2bua::find_seat(const Message &invite) {
    const auto refused = [](std::uint16_t status, std::string_view reason = {}) {
        Seat seat;
        seat.refusal = status;
        seat.reason = reason;
        return seat;
    };
    const bool has_join = std::any_of(invite.headers().begin(), invite.headers().end(), [](const HeaderLine &line) {
        return line.id == Header::other && equals_ignoring_case(line.name, "Join"); // RFC 3911 section 4
    });
    const auto replaces = parse_replaces(invite.values(Header::replaces));
    if (!replaces || has_join) return refused(400, "Bad Replaces");
    const bool is_inner = is_marked(invite, mark_of(*replaces));
    if (const Call *ringing = find_ringing(*replaces)) {
        if (!can_pick_up(*ringing, invite)) return refused(488);
        return {.call = ringing->id, .is_ringing = true, .is_inner = is_inner};
    }
    const auto replaced = find_replaced(*replaces);
    if (!replaced) return refused(481);
    const Call &call = *find_touched(replaced->call);
    const DialogSet *set = tracker_.find(call.leg(replaced->side).dialog);
    if (!set || set->is_over() || call.is_ending) return refused(603);
    if (set->state != DialogState::confirmed) return refused(481); // early, and not begun by us (RFC 3891 section 3)
    if (replaces->is_early_only) return refused(486);
    if (call.transfer || call.is_lent || call.first_invite()) return refused(491);
    if (!has_session(invite)) return refused(488, "Offer Wanted");
    return {.call = replaced->call, .side = replaced->side, .is_inner = is_inner};
}

// Two offers meet, the caller's and his who answers in place of those who ring: each is the other one's answer, where
// they describe as many media.
bool B2bua::can_pick_up(const Call &ringing, const Message &invite) const {
    const Message *request = transactions_.request(ringing.first_invite()->server);
    const auto wanted = request ? directions_of(request->body()) : std::nullopt;
    const auto offered = directions_of(invite.body());
    return wanted && offered && wanted->size() == offered->size();
}

// An INVITE that wants the place of somebody in a call. False: it is not one of these.
bool B2bua::take_newcomer(const TransactionEvent &event, Instant now) {
    if (!event.message.has(Header::replaces)) return false;
    const Seat seat = find_seat(event.message);
    if (seat.refusal != 0) {
        reply(event, seat.refusal, seat.reason, {}, now);
    } else {
        admit_newcomer(seat, event, now);
    }
    return true;
}

// Only who may call at all may take a place: the route table is asked, and his record counts like any other. Where
// another worker of ours comes that one has asked it, and counts (lead_to_self()).
void B2bua::admit_newcomer(const Seat &seat, const TransactionEvent &event, Instant now) {
    const Message &invite = event.message;
    Leg newcomer = newcomer_leg(event, now);
    Route route = seat.is_inner ? Route() : find_route(invite, event.source, newcomer.is_known);
    if (!seat.is_inner && !route.is_controlled && (route.refuse != 0 || route.targets.empty())) {
        return reply(event, route.refuse >= 300 ? route.refuse : std::uint16_t{403}, route.refuse_reason, {}, now);
    }
    const std::string source = event.source.to_string();
    const DialogSet *caller = tracker_.find(calls_.find(seat.call)->leg(Side::caller).dialog);
    const LegOptions options{.leg_of = seat.is_inner && caller ? caller->record : RecordId(),
                             .local_side = Side::callee,
                             .source = source,
                             .trunk = {},
                             .owner = seat.call.value()};
    const auto fed = tracker_.feed_invite(view_of(invite, view_text_), options, now);
    if (!fed || !fed->is_new) {
        return reply(event, !fed && fed.error() == Error::full ? 503 : 482, {}, {}, now);
    }
    if (const auto refusal = route.is_controlled ? std::nullopt : attach(fed->dialog, route, now))
        return refuse_new(event, refusal->status, refusal->reason, refusal->extra, now);
    newcomer.dialog = fed->dialog;
    static_cast<void>(transactions_.respond(event.transaction, 100,
                                            writer_.response(invite, event.source, 100, {}, {}, nullptr), now));
    const auto is_counted = [this](const RouteProfile &profile) { return is_shared(profile); };
    if (route.is_controlled || std::any_of(route.profiles.begin(), route.profiles.end(), is_counted)) {
        return let_wait(std::move(newcomer), std::move(route), event, now);
    }
    transactions_.set_owner(event.transaction, seat.call.value());
    seat_newcomer(seat, {std::move(newcomer), event.transaction, event.source, invite}, now);
}

// Until he is let in, and the cluster has given him his places, he is the caller of a call of his own, and ends like
// any other.
void B2bua::let_wait(Leg newcomer, Route route, const TransactionEvent &event, Instant now) {
    const auto made = calls_.emplace();
    if (!made) {
        ++statistics_.refused_full;
        return refuse_new(event, 503, {}, "Retry-After: 10\r\n", now);
    }
    tracker_.set_owner(newcomer.dialog, made->value());
    Call &call = open_call(*made, std::move(newcomer), event);
    call.setup = std::make_unique<Setup>();
    call.setup->route = std::move(route);
    call.setup->invite = event.message;
    call.setup->wants_seat = true;
    if (call.setup->route.is_controlled) return ask(*made, call, now);
    static_cast<void>(wait_for_places(*made, call, now));
}

// He has them. Meanwhile the place may have gone.
void B2bua::seat_waiting(CallId id, Call &waiting, Instant now) {
    InviteExchange &first = *waiting.first_invite();
    Newcomer newcomer{{}, first.server, first.source, waiting.setup->invite};
    const Seat seat = find_seat(newcomer.invite);
    waiting.setup.reset();
    if (seat.refusal != 0) return refuse_invite(id, waiting, first, seat.refusal, nullptr, now);
    newcomer.leg = std::move(waiting.leg(Side::caller));
    tracker_.set_owner(newcomer.leg.dialog, seat.call.value());
    transactions_.set_owner(newcomer.server, seat.call.value());
    calls_.erase(id);
    seat_newcomer(seat, std::move(newcomer), now);
}

void B2bua::seat_newcomer(const Seat &seat, Newcomer newcomer, Instant now) {
    Call &call = *find_touched(seat.call);
    note_methods(newcomer.leg, newcomer.invite);
    if (seat.is_ringing) return pick_up(call, std::move(newcomer), now);
    auto transfer = std::make_unique<Transfer>();
    transfer->kind = TransferKind::newcomer;
    transfer->is_inner = seat.is_inner;
    transfer->from = seat.side;
    transfer->invite = newcomer.server;
    transfer->source = newcomer.source;
    transfer->answer = session_of(newcomer.invite);
    transfer->target = std::move(newcomer.leg);
    call.transfer = std::move(transfer);
    ask_remaining(seat.call, call, now);
}

// The call that rings where this Replaces says, by an INVITE of ours; null: none.
Call *B2bua::find_ringing(const Replaces &replaces) {
    const DialogId dialog = tracker_.find(replaces.call_id, replaces.to_tag, replaces.from_tag);
    CallId id;
    Call *call = find_call(dialog, id);
    if (!call || !call->is_ringing() || call->start || !call->find_attempt(dialog)) return nullptr;
    return tracker_.find(dialog)->view(DialogSet::from_tag) == replaces.to_tag ? call : nullptr;
}

// The newcomer answers in place of those who ring.
void B2bua::pick_up(Call &call, Newcomer newcomer, Instant now) {
    InviteExchange &first = *call.first_invite();
    const Session asked = session_of(*transactions_.request(first.server)); // can_pick_up() has seen it
    const Session said = session_of(newcomer.invite);
    const std::string our_tag(this->our_tag(call, newcomer.leg.dialog, {}));
    drop_attempts(call, completed_elsewhere, now);
    end_forwards(call, now); // of those who rang
    call.setup.reset();
    Leg &callee = call.leg(Side::callee);
    callee = std::move(newcomer.leg);
    note_sessions(call.leg(Side::caller), callee, asked, said);
    call.offer_from.reset();
    call.forks.clear();
    tracker_.set_callee_call_id(call.leg(Side::caller).dialog, newcomer.invite.call_id());
    answer_newcomer(call, first, said, our_tag, now);
    end_reliability(call.id, call, true, now);
    auto second = std::make_unique<InviteExchange>();
    second->from = Side::callee;
    second->is_first = true;
    second->server = newcomer.server;
    second->source = newcomer.source;
    second->server_cseq = newcomer.invite.cseq();
    answer_newcomer(call, *second, asked, make_token(random_), now);
    call.invites.push_back(std::move(second));
}

// The 2xx to an INVITE whose other side has nothing left to acknowledge; it is sent again until its ACK.
void B2bua::answer_newcomer(Call &call, InviteExchange &invite, const Session &answer, std::string_view tag,
                            Instant now) {
    const Message *request = transactions_.request(invite.server);
    if (!request) return; // given up
    const std::string lines =
        answer_session_timer(call.id, call, invite.from, *request, now) + "Supported: replaces\r\n";
    SharedBytes bytes = writer_.response(*request, invite.source, 200, {}, tag, nullptr, lines, &answer);
    feed_answer(*request, 200, tag, {}, now);
    invite.has_offer = true;
    invite.is_answered = true;
    invite.is_taken = true;
    invite.is_acked = true;
    invite.answer = bytes;
    invite.resend_after = options_.transactions.t1;
    invite.resend_until = now + 64 * options_.transactions.t1;
    invite.timer = timers_.schedule(now + invite.resend_after,
                                    {.call = call.id, .invite = invite.server, .kind = TimerKind::resend});
    static_cast<void>(transactions_.respond(invite.server, 200, std::move(bytes), now));
}

// He has his place.
void B2bua::accept_newcomer(Call &call, Side place, TransactionId server, const Endpoint &source, const Session &answer,
                            Instant now) {
    const Message *request = transactions_.request(server);
    if (!request) return; // he gave up
    auto invite = std::make_unique<InviteExchange>();
    invite->from = place;
    invite->server = server;
    invite->source = source;
    invite->server_cseq = request->cseq();
    invite->is_first = true;
    answer_newcomer(call, *invite, answer, make_token(random_), now);
    call.invites.insert(call.invites.begin(), std::move(invite));
}

void B2bua::refuse_newcomer(Call &call, std::uint16_t status, Instant now) {
    Transfer &transfer = *call.transfer;
    const Message *request = transactions_.request(transfer.invite);
    if (!request) return;
    status = without_challenge(status);
    const std::string tag = make_token(random_);
    SharedBytes bytes = writer_.response(*request, transfer.source, status, {}, tag, nullptr);
    feed_answer(*request, status, tag, {}, now);
    static_cast<void>(transactions_.respond(transfer.invite, status, std::move(bytes), now));
}

} // namespace tandem
