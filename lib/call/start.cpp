// A call by command, up to the answer of the caller's phone.
#include "call/start.hpp"
#include <algorithm>
#include <array>
#include <utility>
#include "base/text.hpp"
#include "call/b2bua.hpp"
#include "call/black_hole.hpp"
#include "call/refer_to.hpp"
#include "sip/limits.hpp"

namespace tandem {
namespace {

// From a phone that takes no INVITE without an offer, or does not know what to do with one.
bool wants_offer(std::uint16_t status) {
    constexpr std::array<std::uint16_t, 7> refusals = {400, 406, 415, 488, 500, 501, 606};
    return std::find(refusals.begin(), refusals.end(), status) != refusals.end();
}

void add_places(Route &route, const Route &more) {
    for (const RouteProfile &profile : more.profiles) {
        const auto is_same = [&](const RouteProfile &known) {
            return known.name == profile.name && known.value == profile.value;
        };
        if (std::none_of(route.profiles.begin(), route.profiles.end(), is_same)) route.profiles.push_back(profile);
    }
}

// What the record says of a callee, or a caller, who could not be had.
EndReason reason_of(std::uint16_t status) { return status == 408 ? EndReason::no_answer : EndReason::refused; }

} // namespace

// A URI, or a user of ours.
Result<std::string> B2bua::party_uri(std::string_view party) const {
    if (party.empty() || party.size() > uri_size_max || !is_visible_ascii(party)) return Error::invalid;
    if (party.find_first_of(" <>\"") != std::string_view::npos) return Error::invalid;
    const bool has_scheme = party.substr(0, party.find_first_of("@[")).find(':') != std::string_view::npos;
    const bool has_host = party.find('@') != std::string_view::npos;
    const std::string &domain = options_.domain.empty() ? options_.listeners.front().sent_by : options_.domain;
    std::string uri(party);
    if (!has_scheme) uri = "sip:" + uri + (has_host ? "" : "@" + domain);
    auto parsed = parse_refer_to("<" + uri + ">");
    if (!parsed || parsed->replaces || parsed->uri.size() > uri_size_max) return Error::invalid;
    return std::move(parsed->uri);
}

// To one of the two, as if the other one had called. Who is asked about calls is asked about the callee: that the
// caller is called is what the host has decided.
Result<B2bua::OwnCall> B2bua::call_of_ours(const std::string &to, const std::string &from, const Session &offer,
                                           AskedAbout asked) {
    auto invite = Message::parse(write_invite(to, from, offer));
    if (!invite || !invite->defect().empty()) return Error::invalid;
    const Endpoint &here = options_.listeners.front().bound;
    std::string loop_path;
    if (is_loop(*invite, here, loop_path)) return Error::invalid;
    Route route = find_route(*invite, here, true);
    if (route.is_controlled && asked == AskedAbout::nothing) {
        auto decided = router_.route_decided(*invite, here, true, Decision());
        if (!decided) return Error::not_found;
        route = std::move(*decided);
    }
    if (!route.is_controlled && (route.refuse != 0 || route.targets.empty())) return Error::not_found;
    route.headers.append(loop_line(loop_path));
    return OwnCall{std::move(*invite), std::move(route)};
}

Result<CommandId> B2bua::start(const StartCommand &command, Instant now) {
    if (is_refusing_) return Error::wrong_state;
    const auto caller = party_uri(command.caller);
    const auto callee = party_uri(command.callee);
    if (!caller || !callee) return Error::invalid;
    // Whoever can not be called is not worth the other one's ringing.
    auto to_callee = call_of_ours(*callee, *caller, {}, AskedAbout::route);
    if (!to_callee) return to_callee.error();
    auto to_caller = call_of_ours(*caller, *callee, {}, AskedAbout::nothing);
    if (!to_caller) return to_caller.error();
    Route both = to_callee->route; // what the call is counted by, and has
    add_places(both, to_caller->route);
    both.variables.insert(both.variables.begin(), to_caller->route.variables.begin(), to_caller->route.variables.end());
    both.variables.insert(both.variables.end(), command.variables.begin(), command.variables.end());

    const auto id = open_started_call(*caller, *callee, both, now);
    if (!id) return id.error();
    Call &call = *find_touched(*id);
    call.refers = both.refers;
    call.setup = std::make_unique<Setup>();
    call.setup->route = std::move(to_caller->route);
    call.setup->route.profiles = both.profiles;
    call.setup->invite = std::move(to_caller->invite);
    const auto asked = ask_cluster(*id, call.setup->route, call.leg(Side::caller).dialog);
    if (!asked) {
        end_unanswered_start(call, 503, EndReason::refused, now);
        return Error::full;
    }
    call.setup->reservation = *asked;
    const CommandId begun = begin_command(*id, call, CommandKind::start, Side::caller, command.deadline, now);
    note_command(call, CallEventKind::command_accepted, Side::caller);
    if (!*asked && !try_next(*id, call, now)) end_setup(*id, call, now);
    return begun;
}

// With a set in the caller's place that nobody has sent an INVITE for, and that counts.
Result<CallId> B2bua::open_started_call(const std::string &caller, const std::string &callee, const Route &counted,
                                        Instant now) {
    const auto made = calls_.emplace();
    if (!made) {
        ++statistics_.refused_full;
        return Error::full;
    }
    const std::string call_id = make_token(random_) + make_token(random_);
    const std::string tag = make_token(random_);
    MessageView view;
    view.method = Method::invite;
    view.cseq = 1;
    view.call_id = call_id;
    view.from_tag = tag;
    view.from_uri = caller;
    view.to_uri = view.request_uri = callee;
    const auto fed = tracker_.feed_invite(
        view, {.leg_of = {}, .local_side = Side::callee, .source = command_source, .trunk = {}, .owner = made->value()},
        now);
    if (!fed) {
        calls_.erase(*made);
        ++statistics_.refused_full;
        return Error::full;
    }
    Call &call = *find_touched(*made);
    call.id = *made;
    call.leg(Side::caller) = {.dialog = fed->dialog, .peer = options_.listeners.front().bound, .is_known = true};
    call.start = std::make_unique<Start>(Start{.caller = caller, .callee = callee});
    for (const RouteVariable &variable : counted.variables) {
        if (tracker_.set_variable(fed->dialog, variable.name, VariableValue::of_text(variable.value), now)) continue;
        end_unanswered_start(call, 400, EndReason::refused, now);
        return Error::invalid;
    }
    if (const auto joined = join(fed->dialog, counted, Counted::here, now); !joined) {
        const bool is_limit = joined.error() == Error::limit;
        end_unanswered_start(call, 503, is_limit ? EndReason::limit : EndReason::refused, now);
        return joined.error();
    }
    return *made;
}

// The caller's phone has answered: its dialog is now that of the set which counts.
void B2bua::on_caller_answered(CallId id, Call &call, Attempt &attempt, const Message &answer, Instant now) {
    Start &start = *call.start;
    const DialogId root = call.leg(Side::caller).dialog;
    if (!tracker_.take_dialog(root, attempt.leg.dialog, now)) { // the end of one of them is due
        drop_fork(answer, attempt.leg.peer, attempt.client, id, now);
        return fail_attempt(id, call, attempt, 408, nullptr, EndReason::no_answer, now);
    }
    timers_.cancel(attempt.ring_timer);
    start.invite = attempt.client;
    start.to_tag = answer.to_tag();
    start.invite_cseq = answer.cseq();
    Leg &caller = call.leg(Side::caller) = std::move(attempt.leg);
    caller.dialog = root;
    caller.print = 0;
    std::erase_if(call.setup->attempts, [&](const auto &kept) { return kept.get() == &attempt; });
    drop_attempts(call, completed_elsewhere, now);
    call.setup.reset();
    note_methods(caller, answer);
    take_session_timer(id, call, Side::caller, answer, now);
    caller.session = session_of(answer);
    find_hop(caller);
    note_command(call, CallEventKind::command_answered, Side::caller, answer.status());
    if (start.wants_offer) {
        caller.told = start.held;
        acknowledge_caller(call, nullptr, now);
    } else if (!caller.session) { // she should have offered something; he may do it
        acknowledge_caller(call, nullptr, now);
    } else {
        start.ack_timer = timers_.schedule(now + options_.ack_wait, {.call = id, .kind = TimerKind::ack_wait});
    }
    note_command(call, CallEventKind::command_started, Side::caller);
    call_callee(id, call, now);
}

// No target of the caller's is left, or a phone of hers wants an offer.
void B2bua::on_caller_refused(CallId id, Call &call, Instant now) {
    Start &start = *call.start;
    const std::uint16_t status = call.setup->best_status == 0 ? std::uint16_t{503} : call.setup->best_status;
    const EndReason reason = call.setup->best_reason;
    if (!start.wants_offer && wants_offer(status)) {
        start.wants_offer = true;
        start.held = Session{SharedBytes(held_offer(random_.next() >> 34)), {}};
        auto again = call_of_ours(start.caller, start.callee, start.held, AskedAbout::nothing);
        if (again) {
            call.setup = std::make_unique<Setup>();
            call.setup->route = std::move(again->route);
            call.setup->invite = std::move(again->invite);
            if (try_next(id, call, now)) return;
        }
    }
    end_unanswered_start(call, status, reason == EndReason::none ? reason_of(status) : reason, now);
}

// Nobody has answered: what there is of the call ends.
void B2bua::end_unanswered_start(Call &call, std::uint16_t status, EndReason reason, Instant now) {
    status = without_challenge(status);
    call.is_ending = true;
    end_command(call, status);
    drop_attempts(call, {}, now);
    if (call.setup && call.setup->reservation) reservations_.erase(call.setup->reservation);
    call.setup.reset();
    call.start.reset();
    const DialogId dialog = call.leg(Side::caller).dialog;
    const DialogSet *set = tracker_.find(dialog);
    if (!set || set->is_over()) return;
    tracker_.set_end_reason(dialog, reason);
    const std::string tag = make_token(random_);
    MessageView view;
    view.method = Method::invite;
    view.status = status;
    view.cseq = set->invite_cseq;
    view.call_id = set->view(DialogSet::call_id);
    view.from_tag = set->view(DialogSet::from_tag);
    view.to_tag = tag;
    view.is_ours = true;
    static_cast<void>(tracker_.feed(view, now));
}

// The call ends, whatever of it there was.
void B2bua::give_up_start(Call &call, Instant now) {
    if (!call.start) return;
    if (!call.start->invite) return end_unanswered_start(call, 487, EndReason::cancelled, now);
    acknowledge_on_hold(call, now); // before the BYE
    end_start(call);
}

void B2bua::end_start(Call &call) {
    if (!call.start) return;
    timers_.cancel(call.start->ack_timer);
    call.start.reset();
}

// He could not be had, so she is hung up. The record is hers; it says why.
void B2bua::note_start_failure(Call &call, std::uint16_t status) {
    if (!call.start) return;
    const DialogId caller = call.leg(Side::caller).dialog;
    tracker_.set_end_reason(caller, reason_of(status));
    tracker_.set_sip_code(caller, status);
}

} // namespace tandem
