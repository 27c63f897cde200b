// A call by command, from the answer of the caller's phone on: how the callee is called, and what she is told of it.
#include <algorithm>
#include <array>
#include <utility>
#include "call/b2bua.hpp"
#include "call/black_hole.hpp"
#include "call/start.hpp"

namespace tandem {
namespace {

// From a phone that does not take the offer, whatever else it would take.
bool is_about_offer(std::uint16_t status) {
    constexpr std::array<std::uint16_t, 4> refusals = {406, 415, 488, 606};
    return std::find(refusals.begin(), refusals.end(), status) != refusals.end();
}

} // namespace

void B2bua::call_callee(CallId id, Call &call, Instant now) {
    const Start &start = *call.start;
    call.transfer = std::make_unique<Transfer>();
    Transfer &transfer = *call.transfer;
    transfer.from = Side::callee;
    transfer.has_left = true; // there is nobody to go back to
    transfer.is_known = true;
    const Session &offered = call.leg(Side::caller).session;
    if (!start.is_late) transfer.offered = start.wants_offer ? unheld(offered) : offered;
    auto ours = call_of_ours(start.callee, start.caller, transfer.offered, AskedAbout::route);
    if (!ours) return fail_transfer(id, call, ours.error() == Error::not_found ? 404 : 400, now);
    call.setup = std::make_unique<Setup>();
    call.setup->route = std::move(ours->route);
    call.setup->invite = std::move(ours->invite);
    call.leg(Side::callee).peer = options_.listeners.front().bound; // whoever is asked hears that it comes from here
    if (call.setup->route.is_controlled) return ask(id, call, now);
    if (!try_next(id, call, now)) end_setup(id, call, now);
}

// He does not take her offer: perhaps she takes his. False: that was his last word.
bool B2bua::ask_callee_for_offer(CallId id, Call &call, std::uint16_t status, Instant now) {
    if (!call.start || call.start->is_late || !call.transfer->offered || !is_about_offer(status)) return false;
    call.start->is_late = true;
    call.transfer.reset();
    call.setup.reset();
    acknowledge_on_hold(call, now);
    call_callee(id, call, now);
    return true;
}

// Early media is hers at once: with her ACK, if she waits for that, and there is but one who can send any.
void B2bua::on_callee_early(Call &call, const Message &response, Instant now) {
    if (!call.start || call.start->is_acked || call.start->is_late) return;
    if (!has_session(response) || call.setup->attempts.size() != 1) return;
    const Session said = session_of(response);
    acknowledge_caller(call, &said, now);
}

// Whatever she has been told so far, she hears what he has said.
void B2bua::on_callee_answered(CallId id, Call &call, Instant now) {
    const Transfer &transfer = *call.transfer;
    if (!transfer.offered) {
        acknowledge_on_hold(call, now);
        return ask_remaining(id, call, now);
    }
    if (!call.start->is_acked) {
        const Session answer = transfer.answer;
        acknowledge_caller(call, &answer, now);
        return complete_transfer(id, call, now);
    }
    const Session &told = call.leg(Side::caller).told;
    const bool knows = !call.start->wants_offer && told.type.view() == transfer.answer.type.view() &&
                       is_same_but_origin(told.body.view(), transfer.answer.body.view());
    if (knows) return complete_transfer(id, call, now);
    ask_remaining(id, call, now);
}

// The ACK of her 2xx, with the answer to her offer; null: she has made none.
void B2bua::acknowledge_caller(Call &call, const Session *answer, Instant now) {
    Start &start = *call.start;
    if (std::exchange(start.is_acked, true)) return;
    timers_.cancel(start.ack_timer);
    start.ack_timer = TimerId();
    Leg &leg = call.leg(Side::caller);
    if (!is_live(leg.dialog)) return;
    if (answer) {
        leg.told = *answer;
        leg.told_in_ack = start.invite_cseq;
    }
    const WrittenRequest ack = write_ack(leg, start.invite_cseq, start.to_tag, nullptr, answer);
    if (ack.bytes.empty()) return;
    transactions_.acknowledge(start.invite, start.to_tag, ack.to, ack.bytes, ack.host);
    feed_ack(leg, start.invite_cseq, start.to_tag, now);
}

// He takes long, or will never answer.
void B2bua::acknowledge_on_hold(Call &call, Instant now) {
    if (call.start->is_acked) return;
    const Session &offer = call.leg(Side::caller).session;
    const auto text = offer.type.empty() ? held_answer(offer.body.view(), random_.next() >> 34) : std::nullopt;
    const Session answer = text ? Session{SharedBytes(*text), {}} : Session();
    acknowledge_caller(call, text ? &answer : nullptr, now);
}

} // namespace tandem
