// The search for a callee: targets one after the other or several at once, the addresses of each, redirections, and
// the one answer that the caller gets in the end (RFC 3261 section 16.7, RFC 3263 section 4.3).
#include <algorithm>
#include <utility>
#include "base/text.hpp"
#include "call/b2bua.hpp"
#include "sip/uri.hpp"

namespace tandem {
namespace {

constexpr std::uint16_t flow_failed = 430; // RFC 5626 section 11.5

// Whether one refusal says more than another: 6xx speaks for all, else the lower class wins (RFC 3261 section 16.7
// item 6); of one class the later.
bool is_better(std::uint16_t status, std::uint16_t best) {
    status = without_challenge(status);
    best = without_challenge(best);
    if (best == 0 || status >= 600) return best < 600;
    return best < 600 && status / 100 <= best / 100;
}

void keep_better(Setup &setup, std::uint16_t status, const Message *refusal, EndReason reason) {
    if (!is_better(status, setup.best_status)) return;
    setup.best_status = status;
    setup.best = refusal ? *refusal : Message();
    setup.best_reason = reason;
}

// RFC 3261 section 20.10: from 0 to 1 with three digits at most; in thousandths, 1000 for none.
int q_of(std::string_view params) {
    while (!params.empty()) {
        const std::size_t end = std::min(params.find(';'), params.size());
        const std::string_view param = trim(params.substr(0, end));
        params.remove_prefix(std::min(end + 1, params.size()));
        if (param.size() < 3 || !equals_ignoring_case(param.substr(0, 2), "q=")) continue;
        if (param[2] != '0') return 1000;
        int q = 0;
        int weight = 100;
        for (std::size_t i = 4; i < param.size() && i < 7 && param[i] >= '0' && param[i] <= '9'; ++i, weight /= 10) {
            q += (param[i] - '0') * weight;
        }
        return q;
    }
    return 1000;
}

// The URIs of a redirection, best first.
std::vector<std::string> contacts_by_preference(const Message &redirection) {
    struct Contact {
        std::string uri;
        int q;
    };
    std::vector<Contact> contacts;
    const std::string values = redirection.values(Header::contact);
    for (std::string_view value : split_values(values)) {
        const std::string_view uri = usable_target(addr_spec(value));
        if (uri.empty()) continue;
        const std::size_t bracket = value.rfind('>');
        contacts.push_back({std::string(uri), q_of(bracket == std::string_view::npos ? value : value.substr(bracket))});
    }
    std::stable_sort(contacts.begin(), contacts.end(), [](const Contact &a, const Contact &b) { return a.q > b.q; });
    std::vector<std::string> uris;
    for (Contact &contact : contacts) uris.push_back(std::move(contact.uri));
    return uris;
}

// The name that its address was looked up by: what a certificate must have.
std::string host_of(const RouteTarget &target) {
    if (target.lookup.empty()) return {};
    const auto uri = Uri::parse(target.lookup);
    return uri ? uri->host : std::string();
}

} // namespace

// Starts the next targets that ring together. False: there is none left, and the first INVITE has no attempt.
bool B2bua::try_next(CallId id, Call &call, Instant now) {
    Setup &setup = *call.setup;
    const std::vector<RouteTarget> &targets = setup.route.targets;
    // Whatever callees before have said: the caller's offer waits for an answer, or there is none yet.
    if (const InviteExchange *first = call.transfer ? nullptr : call.first_invite()) {
        call.offer_from = first->has_offer ? std::optional(Side::caller) : std::nullopt;
    }
    bool may_go_on = true;
    while (may_go_on && setup.attempts.empty() && !setup.is_over && setup.next_target < targets.size()) {
        do {
            start_attempt(id, call, setup.next_target++, now);
        } while (setup.next_target < targets.size() && targets[setup.next_target].is_parallel);
        // What could not even begin is a 503 like any other; where others ring it waits for them.
        may_go_on = setup.attempts.empty() && std::exchange(setup.may_hunt, false);
    }
    return !setup.attempts.empty();
}

// Whether the next target is tried after a failure with this status.
bool B2bua::is_hunted(const Setup &setup, std::uint16_t status) {
    const std::vector<std::uint16_t> &hunt_on = setup.route.hunt_on;
    return std::find(hunt_on.begin(), hunt_on.end(), without_challenge(status)) != hunt_on.end();
}

void B2bua::start_attempt(CallId id, Call &call, std::size_t index, Instant now) {
    Setup &setup = *call.setup;
    auto attempt = std::make_unique<Attempt>();
    attempt->target = index;
    if (!begin_attempt(id, call, *attempt, now)) {
        setup.spare_places += attempt->has_places ? 1 : 0;
        return note_refusal(setup, 503, nullptr, {});
    }
    if (setup.route.ring_timeout.count() > 0) {
        attempt->ring_timer =
            timers_.schedule(now + setup.route.ring_timeout,
                             {.call = id, .target = static_cast<std::uint32_t>(index), .kind = TimerKind::ring});
    }
    setup.attempts.push_back(std::move(attempt));
}

// Sends the INVITE of the attempt's target, or has its name looked up first. False: a bound is reached, or no listener
// can send there.
bool B2bua::begin_attempt(CallId id, Call &call, Attempt &attempt, Instant now) {
    const RouteTarget &target = call.setup->route.targets[attempt.target];
    if (target.lookup.empty())
        return send_attempt(id, call, attempt, target.to, now) || fail_over(id, call, attempt, now);
    const auto lookup = lookups_.emplace(WantedLookup{id, {}});
    if (!lookup) return false;
    attempt.client = {}; // that of another way is over
    attempt.lookup = *lookup;
    wanted_lookups_.push_back({*lookup, target.lookup});
    return true;
}

// Asked for every INVITE that begins a leg. A phone that is nowhere but where no call may go is nowhere: 480.
bool B2bua::may_send(Setup &setup, const RouteTarget &target, const Endpoint &address) {
    // Whoever brought us the REGISTER is no stranger there.
    const bool is_registrant = target.origin == TargetOrigin::binding && address.ip == target.registered_from;
    if (router_.may_send_to(address, is_registrant ? TargetOrigin::redirection : target.origin)) return true;
    ++statistics_.barred_ways;
    keep_better(setup, 480, nullptr, {});
    return false;
}

// A leg to one address of the attempt's target, and its INVITE. False: a bound is reached, no listener can send there,
// or it may not go there.
bool B2bua::send_attempt(CallId id, Call &call, Attempt &attempt, const Endpoint &address, Instant now) {
    Setup &setup = *call.setup;
    const Message &invite = setup.invite;
    const RouteTarget &target = setup.route.targets[attempt.target];
    if (!may_send(setup, target, address)) return false;
    const auto sender =
        target.is_flow ? with_flow_listener(options_.listeners, address) : with_listener(options_.listeners, address);
    if (!sender) return false;
    std::string call_id;
    append_token(random_, call_id);
    append_token(random_, call_id);
    std::string from_tag(target.is_flow ? flow_mark : std::string_view());
    append_token(random_, from_tag);

    MessageView view;
    view.method = Method::invite;
    view.cseq = 1;
    view.call_id = call_id;
    view.from_tag = from_tag;
    view.from_uri = invite.from_uri();
    view.to_uri = invite.to_uri();
    view.request_uri = target.request_uri;
    // Where the caller himself is replaced there is no other set that would count.
    const bool counts = call.transfer && call.transfer->from == Side::caller;
    const LegOptions leg{.leg_of = counts ? RecordId() : tracker_.find(call.leg(Side::caller).dialog)->record,
                         .local_side = Side::caller,
                         .source = {},
                         .trunk = target.trunk,
                         .owner = id.value()};
    const auto fed = tracker_.feed_invite(view, leg, now);
    if (!fed) {
        ++statistics_.refused_full;
        return false;
    }
    attempt.leg = {.dialog = fed->dialog,
                   .peer = *sender,
                   .local = Side::caller,
                   .timer = attempt.leg.timer,
                   .account = {},
                   .is_known = target.is_known || router_.is_known(sender->ip),
                   .is_flow = target.is_flow};
    attempt.client = {};
    attempt.has_answered = false;
    return counts ? count_leg(id, call, attempt, now) : send_invite(id, call, attempt, now);
}

// Takes the leg's own places, and sends its INVITE; where the cluster is asked, later. What a leg had that has failed
// is enough for the next one: it may be counted still, until its end is stored.
bool B2bua::count_leg(CallId id, Call &call, Attempt &attempt, Instant now) {
    Setup &setup = *call.setup;
    const DialogId dialog = attempt.leg.dialog;
    if (!attempt.has_places && setup.spare_places > 0) {
        --setup.spare_places;
        attempt.has_places = true;
    }
    const auto joined =
        attempt.has_places ? reserve(dialog, setup.route, now) : join(dialog, setup.route, Counted::here, now);
    if (!joined) {
        tracker_.end(dialog, EndReason::limit, now);
        return false;
    }
    if (attempt.has_places) return send_invite(id, call, attempt, now);
    const auto asked = ask_cluster(id, setup.route, dialog);
    if (!asked) {
        ++statistics_.refused_full;
        tracker_.end(dialog, EndReason::refused, now);
        return false;
    }
    attempt.reservation = *asked;
    return *asked || send_invite(id, call, attempt, now);
}

// To the address that the leg has.
bool B2bua::send_invite(CallId id, Call &call, Attempt &attempt, Instant now) {
    const Setup &setup = *call.setup;
    const Message &invite = setup.invite;
    const RouteTarget &target = setup.route.targets[attempt.target];
    const DialogId dialog = attempt.leg.dialog;
    const Endpoint to = attempt.leg.peer;
    const std::string call_id(tracker_.find(dialog)->view(DialogSet::call_id));
    const std::string from_tag(tracker_.find(dialog)->view(DialogSet::from_tag));
    std::string branch;
    transactions_.append_branch(branch);
    const std::string own = timer_lines(attempt.leg.timer).append(reliability_offer(invite, attempt));
    SharedBytes bytes = writer_.first_invite(invite, target.request_uri, target.route_set, to, call_id, from_tag,
                                             branch, target.headers + setup.route.headers, own);
    std::shared_ptr<LegAccount> account;
    if (target.account) {
        account = std::make_shared<LegAccount>(
            LegAccount{.client = trunk_clients_.find(target.trunk, target.account), .home = to.ip});
    }
    authorize(account.get(), Method::invite, bytes);
    const auto sent = transactions_.send_request(
        {Method::invite, branch, std::move(bytes), to, id.value(), call_id, from_tag, 1, host_of(target)}, now);
    if (!sent) {
        ++statistics_.refused_full;
        tracker_.end(dialog, EndReason::refused, now);
        return false;
    }
    note_try(*sent, account, {}, Method::invite);
    attempt.leg.account = std::move(account);
    attempt.client = *sent;
    if (call.transfer && !call.start) return true;
    const DialogId caller = call.leg(Side::caller).dialog;
    tracker_.set_callee_call_id(caller, call_id);
    if (!call.transfer) tracker_.set_trunk(caller, target.trunk); // else it is the one of the caller's own leg
    return true;
}

void B2bua::on_resolved(LookupId lookup, std::span<const Endpoint> addresses, Instant now) {
    const WantedLookup *found = lookups_.find(lookup);
    if (!found) return;
    const auto [id, leg] = *found;
    lookups_.erase(lookup);
    if (leg) return on_hop_resolved(lookup, leg, addresses);
    Call *call = find_touched(id);
    Attempt *attempt = call && call->setup ? call->setup->find(lookup) : nullptr;
    if (!attempt) return; // given up meanwhile
    attempt->lookup = {};
    const std::size_t count = std::min(addresses.size(), address_max);
    attempt->spare.assign(addresses.begin(), addresses.begin() + static_cast<std::ptrdiff_t>(count));
    std::reverse(attempt->spare.begin(), attempt->spare.end());
    if (!fail_over(id, *call, *attempt, now))
        fail_attempt(id, *call, *attempt, 503, nullptr, EndReason::transport, now);
}

// Tries the next address of the same target, or else another way to the same phone, as a new INVITE. False: there is
// none.
bool B2bua::fail_over(CallId id, Call &call, Attempt &attempt, Instant now) {
    while (!attempt.spare.empty()) {
        const Endpoint to = attempt.spare.back();
        attempt.spare.pop_back();
        if (send_attempt(id, call, attempt, to, now)) return true;
    }
    RouteTarget &target = call.setup->route.targets[attempt.target];
    if (target.spares.empty()) return false;
    std::vector<RouteTarget> spares = std::move(target.spares);
    spares.front().is_parallel = target.is_parallel;
    spares.front().headers = target.headers;
    target = std::move(spares.front());
    target.spares.assign(std::make_move_iterator(spares.begin() + 1), std::make_move_iterator(spares.end()));
    return begin_attempt(id, call, attempt, now);
}

void B2bua::on_attempt_response(CallId id, Call &call, Attempt &attempt, const Message &response, Instant now) {
    static_cast<void>(feed(response, now));
    const std::uint16_t status = response.status();
    if (status > 100) attempt.has_answered = true;
    if (status < 200) {
        if (status == 100) return;
        if (!call.transfer && !call.start) {
            return pass_provisional(id, call, *call.first_invite(), attempt.leg, response, now);
        }
        acknowledge_reliable(id, call, attempt.leg, response, now);
        if (!call.transfer) return;
        if (has_session(response)) {
            attempt.early_answer = std::make_unique<EarlyAnswer>(
                EarlyAnswer{std::string(response.to_tag()), session_of(response)});
        }
        report_transfer(id, call, status, now);
        note_pending(call, other(call.transfer->from), response);
        on_callee_early(call, response, now);
    } else if (status < 300) {
        take_attempt(id, call, attempt, response, now);
    } else if (status == 422 && raise_interval(attempt.leg.timer, response) &&
               send_attempt(id, call, attempt, Endpoint(attempt.leg.peer), now)) {
        return; // the caller has nothing to do with it
    } else if (status != 421 || !offer_reliability(id, call, attempt, response, now)) {
        // So that another address, or another flow, may serve (RFC 3263 section 4.3, RFC 5626 section 5.3).
        if (status == 503 || status == flow_failed) attempt.has_answered = false;
        fail_attempt(id, call, attempt, status, &response, EndReason::none, now);
    }
}

// The attempt has won: from now on it is the call's other leg.
void B2bua::take_attempt(CallId id, Call &call, Attempt &attempt, const Message &answer, Instant now) {
    if (has_left(attempt.leg, answer)) {
        drop_fork(answer, attempt.leg.peer, attempt.client, id, now);
        fail_attempt(id, call, attempt, 480, nullptr, EndReason::callee_bye, now);
        return;
    }
    if (call.transfer) return on_target_answered(id, call, attempt, answer, now);
    if (call.start) return on_caller_answered(id, call, attempt, answer, now);
    our_tag(call, attempt.leg.dialog, answer.to_tag()); // while the setup says how forks are to look
    InviteExchange &first = *call.first_invite();
    first.client = attempt.client;
    first.client_cseq = answer.cseq();
    const DialogId caller = call.leg(Side::caller).dialog;
    if (const DialogSet *set = tracker_.find(attempt.leg.dialog)) {
        tracker_.set_callee_call_id(caller, set->view(DialogSet::call_id));
    }
    tracker_.set_trunk(caller, call.setup->route.targets[attempt.target].trunk);
    timers_.cancel(attempt.ring_timer);
    call.legs[index(Side::callee)] = std::move(attempt.leg);
    std::erase_if(call.setup->attempts, [&](const auto &kept) { return kept.get() == &attempt; });
    drop_attempts(call, completed_elsewhere, now);
    call.setup.reset();
    take_answer(id, call, first, answer, now);
}

// The attempt came to nothing, by an answer or without one. What follows: another address of the target, the others
// that ring, the next target, or the answer to the caller.
void B2bua::fail_attempt(CallId id, Call &call, Attempt &attempt, std::uint16_t status, const Message *refusal,
                         EndReason reason, Instant now) {
    Setup &setup = *call.setup;
    // Without an answer of its own the leg's dialog ends here.
    tracker_.end(attempt.leg.dialog, status == 408 ? EndReason::no_answer : EndReason::transport, now);
    if (refusal) {
        setup.refused = attempt.client;
        setup.refused_by = attempt.leg.peer;
    }
    const bool is_unreached = !attempt.has_answered && (status == 503 || status == 408 || status == flow_failed);
    if (is_unreached && fail_over(id, call, attempt, now)) return;

    const bool is_followed = refusal && status < 400 && follow_redirect(setup, attempt, *refusal);
    if (is_followed) {
        setup.may_hunt = true;
    } else {
        note_refusal(setup, status, refusal, reason);
    }
    timers_.cancel(attempt.ring_timer);
    if (attempt.lookup) lookups_.erase(attempt.lookup);
    setup.spare_places += attempt.has_places ? 1 : 0;
    std::erase_if(setup.attempts, [&](const auto &kept) { return kept.get() == &attempt; });
    if (status >= 600) { // nobody else is asked (RFC 3261 section 16.7 item 5)
        setup.is_over = true;
        drop_attempts(call, {}, now);
    }
    if (!setup.attempts.empty()) return; // others ring still
    if (std::exchange(setup.may_hunt, false) && try_next(id, call, now)) return;
    end_setup(id, call, now);
}

void B2bua::note_refusal(Setup &setup, std::uint16_t status, const Message *refusal, EndReason reason) {
    if (is_hunted(setup, status)) setup.may_hunt = true;
    keep_better(setup, status, refusal, reason);
}

// No target is left: the caller gets the best of the refusals.
void B2bua::end_setup(CallId id, Call &call, Instant now) {
    Setup &setup = *call.setup;
    if (call.transfer) {
        const std::uint16_t best = setup.best_status == 0 ? std::uint16_t{503} : setup.best_status;
        if (ask_callee_for_offer(id, call, best, now)) return;
        return fail_transfer(call.id, call, best, now);
    }
    if (call.start) return on_caller_refused(id, call, now);
    if (setup.best_reason != EndReason::none) {
        tracker_.set_end_reason(call.leg(Side::caller).dialog, setup.best_reason);
    }
    const Message best = std::exchange(setup.best, Message());
    const bool is_unreached = setup.best_status == flow_failed; // which means nothing to the caller
    const std::uint16_t status = setup.best_status == 0 ? 503 : is_unreached ? 480 : setup.best_status;
    const RefusedAttempt refused{setup.refused, setup.refused_by};
    call.setup.reset();
    refuse_invite(id, call, *call.first_invite(), status, best && !is_unreached ? &best : nullptr, now, refused);
}

// Puts the Contacts of a redirection next in line (RFC 3261 section 8.1.3.4). False: none of them is to be called.
bool B2bua::follow_redirect(Setup &setup, const Attempt &attempt, const Message &redirection) {
    if (setup.route.redirects != Redirects::follow || setup.redirects >= redirect_max) return false;
    ++setup.redirects;
    std::vector<RouteTarget> &targets = setup.route.targets;
    std::vector<RouteTarget> found;
    // Who asked for SIPS was promised TLS on every hop, and is not led away from it (RFC 3261 section 26.2.2).
    const bool must_be_sips = is_sips(targets[attempt.target].request_uri);
    for (const std::string &uri : contacts_by_preference(redirection)) {
        const auto is_same = [&](const RouteTarget &target) { return target.request_uri == uri; };
        if (targets.size() + found.size() >= target_max) break;
        if (must_be_sips && !is_sips(uri)) continue;
        // Who was asked already would redirect once more.
        if (std::any_of(targets.begin(), targets.end(), is_same)) continue;
        if (std::any_of(found.begin(), found.end(), is_same)) continue;
        auto target = router_.target_of(uri);
        if (!target) continue;
        if (target->trunk.empty()) target->trunk = targets[attempt.target].trunk;
        // What a phone may not register it may not redirect to.
        const bool is_of_phone = targets[attempt.target].origin == TargetOrigin::binding;
        target->origin = is_of_phone ? TargetOrigin::binding : TargetOrigin::redirection;
        found.push_back(std::move(*target));
    }
    targets.insert(targets.begin() + static_cast<std::ptrdiff_t>(setup.next_target),
                   std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
    return !found.empty();
}

// Rings no longer. What still comes of it finds no call: a 2xx is acknowledged and hung up by on_response().
void B2bua::drop_attempts(Call &call, std::string_view reason, Instant now) {
    if (!call.setup) return;
    withdraw(*call.setup);
    for (const auto &attempt : call.setup->attempts) drop_attempt(call, *attempt, reason, now);
    call.setup->attempts.clear();
}

void B2bua::drop_attempt(const Call &call, Attempt &attempt, std::string_view reason, Instant now) {
    timers_.cancel(attempt.ring_timer);
    if (attempt.lookup) lookups_.erase(attempt.lookup);
    if (attempt.reservation) { // its INVITE has not gone
        reservations_.erase(std::exchange(attempt.reservation, ReservationId()));
        return tracker_.end(attempt.leg.dialog, EndReason::cancelled, now);
    }
    const DialogSet *set = tracker_.find(attempt.leg.dialog);
    if (!set) return;
    keep_dropped(call, attempt);
    MessageView view;
    view.method = Method::cancel;
    view.cseq = set->invite_cseq;
    view.call_id = set->view(DialogSet::call_id);
    view.from_tag = set->view(DialogSet::from_tag);
    view.is_ours = true;
    static_cast<void>(tracker_.feed(view, now));
    static_cast<void>(transactions_.cancel(attempt.client, reason_line(reason), now));
}

// A target that rings too long: as if it had answered 408, and it is told to stop.
void B2bua::on_ring_timeout(CallId id, Call &call, Attempt &attempt, Instant now) {
    drop_attempt(call, attempt, {}, now);
    attempt.has_answered = true; // another address would ring the same phone
    attempt.leg.dialog = {};     // it ends with its final answer
    attempt.has_places = false;  // which it keeps until then
    fail_attempt(id, call, attempt, 408, nullptr, EndReason::no_answer, now);
}

} // namespace tandem
