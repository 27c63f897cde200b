// What of the legs goes into the store with their dialogs, so that a restarted process can go on with the calls.
#include <utility>
#include "call/b2bua.hpp"
#include "call/leg_state.hpp"

namespace tandem {
namespace {

// No secret: it only has to differ when the leg does.
class Fingerprint {
public:
    void add(std::uint64_t number) { hash_.add(number); }
    void add(const Session &session) {
        hash_.add(session.body.view().size());
        hash_.add(session.body.view());
        hash_.add(session.type.view());
    }
    void add(const Endpoint &endpoint) {
        hash_.add(std::string_view(reinterpret_cast<const char *>(endpoint.ip.bytes.data()), endpoint.ip.bytes.size()));
        hash_.add((std::uint64_t{endpoint.port} << 32) | (std::uint64_t{endpoint.listener} << 16) |
                  (static_cast<std::uint64_t>(endpoint.transport) << 8) | (endpoint.ip.is_v6 ? 1U : 0U));
    }
    void add(Duration duration) { hash_.add(static_cast<std::uint64_t>(duration.count())); }
    std::uint64_t end() const { return hash_.end() | 1U; } // 0 is that of nothing

private:
    SipHash<1, 3> hash_{0, 0};
};

bool is_open(const InviteExchange &invite) { return !invite.is_answered || invite.waits_for_ack(); }

bool is_same(const Session &a, const Session &b) {
    return a.body.view() == b.body.view() && a.type.view() == b.type.view();
}

// What it was told needs no place of its own then.
bool is_told_of_other(const Call &call, const Leg &leg, LegPlace place) {
    if (place == LegPlace::alone) return false;
    const Side side = place == LegPlace::caller ? Side::caller : Side::callee;
    return is_same(leg.told, call.leg(other(side)).session);
}

} // namespace

Call *B2bua::find_touched(CallId id) {
    Call *call = calls_.find(id);
    if (call && options_.keeps_legs && !std::exchange(call->is_touched, true)) touched_.push_back(id);
    return call;
}

// His INVITE that has no ACK yet, or not even an answer.
const InviteExchange *B2bua::open_invite_of(const Call &call, LegPlace place) {
    if (place == LegPlace::alone) return nullptr;
    const Side side = place == LegPlace::caller ? Side::caller : Side::callee;
    for (const auto &invite : call.invites) {
        if (invite->from == side && is_open(*invite)) return invite.get();
    }
    return nullptr;
}

std::uint64_t B2bua::fingerprint_of(const Call &call, const Leg &leg, LegPlace place, TransactionId invite) const {
    Fingerprint print;
    const DialogSet *caller = tracker_.find(call.leg(Side::caller).dialog);
    print.add(caller ? caller->record.serial : 0);
    print.add(static_cast<std::uint64_t>(place));
    print.add(invite.value()); // another one after a challenge
    print.add(leg.peer);
    print.add((std::uint64_t{leg.allowed} << 2) | (leg.is_known ? 2U : 0U) | (leg.is_flow ? 1U : 0U));
    print.add(leg.session);
    print.add(leg.told);
    print.add(std::uint64_t{is_told_of_other(call, leg, place) ? 1U : 0U});
    print.add(leg.passed_version);
    print.add(std::uint64_t{leg.told_in_ack});
    print.add(leg.origin ? leg.origin->origin.version + 1 : 0);
    print.add(leg.timer.interval);
    print.add(leg.timer.min_interval);
    print.add(leg.timer.expires.time_since_epoch());
    print.add((leg.timer.is_ours ? 2U : 0U) | (leg.timer.is_supported ? 1U : 0U));
    // That the first one has its ACK the dialogs say: for that the text is not written anew.
    const InviteExchange *open = open_invite_of(call, place);
    if (open && !(open->is_first && open->is_answered)) {
        print.add(open->server.value());
        print.add((std::uint64_t{open->client_cseq} << 2) | (open->is_answered ? 2U : 0U) | (open->is_acked ? 1U : 0U));
    }
    if (place != LegPlace::caller) return print.end();
    print.add(static_cast<std::uint64_t>(call.refers));
    print.add(std::uint64_t{call.transfers});
    print.add(std::uint64_t{call.hold ? 1U : 0U});
    return print.end();
}

void B2bua::find_changed_legs() {
    for (const CallId id : std::exchange(touched_, {})) {
        Call *call = calls_.find(id);
        if (!call) continue;
        call->is_touched = false;
        for_each_leg(*call, [&](Leg &leg, LegPlace place, TransactionId invite) {
            if (!is_live(leg.dialog)) return;
            const std::uint64_t print = fingerprint_of(*call, leg, place, invite);
            if (print == std::exchange(leg.print, print)) return;
            leg.is_unkept = true;
            tracker_.touch(leg.dialog);
        });
    }
}

void B2bua::describe_leg(DialogRecord &record, bool is_wanted) {
    record.has_changed_leg = false;
    if (const auto dropped = dropped_.find(record.id); dropped != dropped_.end()) {
        record.leg = std::move(dropped->second);
        record.has_changed_leg = true;
        dropped_.erase(dropped);
        return;
    }
    Call *call = calls_.find(CallId(record.owner));
    if (!call) return;
    for_each_leg(*call, [&](Leg &leg, LegPlace place, TransactionId invite) {
        const DialogSet *set = tracker_.find(leg.dialog);
        if (!set || set->record != record.id) return;
        const bool is_unkept = std::exchange(leg.is_unkept, false);
        if (leg.timer.interval.count() > 0) record.session_expires = leg.timer.expires;
        if (!is_unkept && !is_wanted && !record.is_renamed) return;
        record.leg = state_of(*call, leg, place, invite).to_text();
        record.has_changed_leg = true;
    });
}

// `invite` is that of a leg without a place, ours or its own.
LegState B2bua::state_of(const Call &call, const Leg &leg, LegPlace place, TransactionId invite) const {
    LegState state;
    const DialogSet *caller = tracker_.find(call.leg(Side::caller).dialog);
    if (caller) state.call = caller->record;
    state.place = place;
    state.peer = leg.peer;
    state.allowed = leg.allowed;
    state.is_known = leg.is_known;
    state.is_flow = leg.is_flow;
    state.session = leg.session;
    if (!is_told_of_other(call, leg, place)) state.told = leg.told;
    state.passed_version = leg.passed_version;
    state.told_in_ack = leg.told_in_ack;
    if (leg.origin) state.origin = *leg.origin;
    state.interval = leg.timer.interval;
    state.min_interval = leg.timer.min_interval;
    state.is_ours = leg.timer.is_ours;
    state.is_supported = leg.timer.is_supported;
    if (invite) {
        const auto sent = Message::parse(transactions_.sent(invite).view());
        if (sent) state.invite = outline(*sent);
        if (const Message *request = transactions_.request(invite)) { // of somebody who takes a place
            state.peers = KeptInvite{.request = outline(*request), .source = call.transfer->source};
        }
    }
    if (const InviteExchange *open = open_invite_of(call, place)) {
        KeptInvite kept{.source = open->source,
                        .client_cseq = open->client_cseq,
                        .client_to_tag = open->client_to_tag,
                        .is_first = open->is_first,
                        .has_offer = open->has_offer,
                        .is_acked = open->is_acked,
                        .is_settled = open->is_settled,
                        .offer = open->offer};
        const Message *request = transactions_.request(open->server);
        if (request && !open->is_answered) kept.request = outline(*request);
        if (open->is_answered) kept.answer = open->answer.view();
        state.peers = std::move(kept);
    }
    if (place != LegPlace::caller) return state;
    state.of_call = KeptCall{.refers = call.refers, .transfers = call.transfers};
    if (call.hold) state.of_call->held = call.hold->directions;
    return state;
}

// An attempt that is given up in the round that made it, or changed it: no call has it when that is stored.
void B2bua::keep_dropped(const Call &call, const Attempt &attempt) {
    const DialogSet *set = tracker_.find(attempt.leg.dialog);
    if (!set || set->is_over() || !options_.keeps_legs) return;
    const bool is_kept = !attempt.leg.is_unkept && attempt.leg.print != 0 &&
                         attempt.leg.print == fingerprint_of(call, attempt.leg, LegPlace::alone, attempt.client);
    if (is_kept) return;
    dropped_.insert_or_assign(set->record, state_of(call, attempt.leg, LegPlace::alone, attempt.client).to_text());
    tracker_.touch(attempt.leg.dialog);
}

// The caller's only word of the end: should the process die before it has left, the next one says it. The same of the
// ACK to the callee who has refused. (One who refused before him, or was given up, must do without: his own timer ends
// it.)
void B2bua::keep_refusal(DialogId dialog, const Endpoint &source, const SharedBytes &refusal,
                         const RefusedAttempt &refused) {
    const DialogSet *set = tracker_.find(dialog);
    if (!set || !options_.keeps_legs) return;
    LegState state;
    state.call = set->record;
    state.peer = refused.client ? refused.by : source;
    const auto ack = Message::parse(transactions_.refusal_ack(refused.client).view());
    if (ack) state.invite = outline(*ack);
    state.peers = KeptInvite{.request = {}, .answer = std::string(refusal.view()), .source = source, .is_first = true};
    refusals_.insert_or_assign(set->record, state.to_text());
}

void B2bua::describe_end(DialogRecord &record) {
    dropped_.erase(record.id);
    const auto refusal = refusals_.find(record.id);
    if (refusal == refusals_.end()) return;
    record.leg = std::move(refusal->second);
    record.has_changed_leg = true;
    refusals_.erase(refusal);
}

} // namespace tandem
