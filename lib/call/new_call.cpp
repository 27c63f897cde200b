// A new INVITE: whether it may pass, and the leg to the callee.
#include <utility>
#include <vector>
#include "base/text.hpp"
#include "call/b2bua.hpp"
#include "call/user_check.hpp"
#include "sip/writer.hpp"

namespace tandem {
void B2bua::start_call(const TransactionEvent &event, Instant now) {
    const Message &invite = event.message;
    if (is_refusing_) {
        reply(event, 503, {}, "Retry-After: 10\r\n", now);
        return;
    }
    if (refuse_scheme(event, now)) return;
    // RFC 3261 section 8.1.1.8: without it the caller could not be reached inside the dialog.
    if (usable_target(invite.contact_uri()).empty()) {
        reply(event, 400, "Missing Or Bad Contact", {}, now);
        return;
    }
    if (refuse_to_pass(event, now) || refuse_session_timer(event, now)) return;
    if (take_newcomer(event, now)) return;
    std::string loop_path;
    if (is_loop(invite, event.source, loop_path)) {
        ++statistics_.loops;
        reply(event, 482, {}, {}, now);
        return;
    }
    const auto made = calls_.emplace();
    const std::string source = event.source.to_string();
    LegOptions leg{.leg_of = {}, .local_side = Side::callee, .source = source, .trunk = {}, .owner = 0};
    if (made) leg.owner = made->value();
    const auto fed = made ? tracker_.feed_invite(view_of(invite, view_text_), leg, now) : Result<Fed>(Error::full);
    if (!fed || !fed->is_new) {
        if (made) calls_.erase(*made);
        if (fed || fed.error() == Error::merged) {
            reply(event, 482, {}, {}, now); // the same call came by another path (RFC 3261 section 8.2.2.2)
        } else {
            ++statistics_.refused_full;
            reply(event, 503, {}, "Retry-After: 10\r\n", now);
        }
        return;
    }
    const CallId id = *made;
    Leg caller = newcomer_leg(event, now);
    caller.dialog = fed->dialog;
    const bool is_known = caller.is_known;
    Call &call = open_call(id, std::move(caller), event);

    Route route = find_route(invite, event.source, is_known);
    if (route.wait) return wait_for_event(id, call, event, std::move(route), now);
    go_by_route(id, call, event, std::move(route), loop_path, now);
}

void B2bua::go_by_route(CallId id, Call &call, const TransactionEvent &event, Route route, std::string_view loop_path,
                        Instant now) {
    const Message &invite = event.message;
    if (!route.is_controlled) {
        if (route.refuse != 0 || route.targets.empty()) {
            return refuse_new(event, route.refuse >= 300 ? route.refuse : std::uint16_t{404}, route.refuse_reason, {},
                              now);
        }
        if (const auto refusal = attach(call.leg(Side::caller).dialog, route, now))
            return refuse_new(event, refusal->status, refusal->reason, refusal->extra, now);
        call.refers = route.refers;
    }
    if (!call.setup) {
        static_cast<void>(transactions_.respond(event.transaction, 100,
                                                writer_.response(invite, event.source, 100, {}, {}, nullptr), now));
    }
    route.headers.append(loop_line(loop_path));
    call.setup = std::make_unique<Setup>();
    call.setup->route = std::move(route);
    call.setup->invite = invite;
    if (call.setup->route.is_controlled) return ask(id, call, now);
    begin_search(id, call, now);
}

// For whoever has his places here.
void B2bua::begin_search(CallId id, Call &call, Instant now) {
    if (wait_for_places(id, call, now)) return;
    if (call.setup->wants_seat) return seat_waiting(id, call, now);
    if (!try_next(id, call, now)) end_setup(id, call, now);
}

// With its caller and the first INVITE.
Call &B2bua::open_call(CallId id, Leg caller, const TransactionEvent &event) {
    Call &call = *find_touched(id);
    call.id = id;
    note_methods(caller, event.message);
    call.leg(Side::caller) = std::move(caller);
    transactions_.set_owner(event.transaction, id.value());
    auto first = std::make_unique<InviteExchange>();
    first->from = Side::caller;
    first->server = event.transaction;
    first->source = event.source;
    first->server_cseq = event.message.cseq();
    first->is_first = true;
    first->has_offer = has_session(event.message);
    if (first->has_offer) call.offer_from = Side::caller;
    call.invites.push_back(std::move(first));
    return call;
}

// The caller's places in the profiles of the cluster. False: there are none to wait for.
bool B2bua::wait_for_places(CallId id, Call &call, Instant now) {
    const auto asked = ask_cluster(id, call.setup->route, call.leg(Side::caller).dialog);
    if (!asked) {
        refuse_waiting(call, asked.error(), Verdict::full, now);
        return true;
    }
    call.setup->reservation = *asked;
    return static_cast<bool>(*asked);
}

// Answers the INVITE of a call that goes nowhere; the end of its dialog ends the call.
void B2bua::refuse_new(const TransactionEvent &event, std::uint16_t status, std::string_view reason,
                       std::string_view extra, Instant now) {
    const std::string tag = make_token(random_);
    SharedBytes bytes = writer_.response(event.message, event.source, status, reason, tag, nullptr, extra);
    feed_answer(event.message, status, tag, {}, now);
    static_cast<void>(transactions_.respond(event.transaction, status, std::move(bytes), now));
}

Route B2bua::find_route(const Message &invite, const Endpoint &source, bool is_known) {
    Route route = is_known ? router_.route_inside(invite, source) : router_.route(invite, source);
    if (!route.is_controlled) return route;
    Route asks; // which is all that it says by now
    asks.is_controlled = true;
    return asks;
}

// Of who has sent this INVITE, without its dialog. Whoever comes as one of our users has shown at the gate that he is
// (AdmissionGate::judge()).
Leg B2bua::newcomer_leg(const TransactionEvent &event, Instant now) const {
    const Message &invite = event.message;
    const Endpoint &source = event.source;
    const bool is_own_flow = is_over_own_flow(options_.registrar, invite, source, now);
    const bool is_known = is_own_flow || router_.is_known(source.ip) ||
                          (options_.users && !router_.is_peer(source.ip) && options_.users->is_of_user(invite));
    return {.peer = source,
            .local = Side::callee,
            .is_known = is_known,
            .is_flow = is_own_flow && is_reached_by_flow(invite, source)};
}

// Gives the call what its route says: its variables, and its place in all of the profiles that are counted here. Or why
// it is refused.
std::optional<B2bua::Refusal> B2bua::attach(DialogId dialog, const Route &route, Instant now) {
    for (const RouteVariable &variable : route.variables) {
        if (tracker_.set_variable(dialog, variable.name, VariableValue::of_text(variable.value), now)) continue;
        return Refusal{400, "Bad Value For A Variable"};
    }
    const auto reserved = join(dialog, route, Counted::here, now);
    if (reserved) return std::nullopt;
    switch (reserved.error()) {
    case Error::limit:
        tracker_.set_end_reason(dialog, EndReason::limit);
        return Refusal{503, "Too Many Calls", "Retry-After: 10\r\n"};
    case Error::invalid:
    case Error::too_large: return Refusal{400, "Bad Value For A Profile"};
    default: ++statistics_.refused_full; return Refusal{503, {}, "Retry-After: 10\r\n"};
    }
}

std::string B2bua::loop_line(std::string_view loop_path) {
    return std::string(loop_header) + ": " + std::string(loop_path) + "\r\n";
}

std::string B2bua::loop_mark(std::uint64_t digest) {
    std::string mark;
    for (; digest != 0; digest /= 36) mark.push_back("0123456789abcdefghijklmnopqrstuvwxyz"[digest % 36]);
    return mark;
}

// A loop repeats everything that routing looks at; a call that comes back changed is a spiral, and legal (RFC 3261
// section 16.3 item 4). Each pass leaves a keyed digest of what it saw.
bool B2bua::is_loop(const Message &invite, const Endpoint &source, std::string &path) const {
    const std::string token = loop_mark(
        loop_hash_(invite.request_uri(), invite.from_uri(), invite.to_uri(), std::string_view(source.ip.to_string())));
    for (const HeaderLine &line : invite.headers()) {
        if (line.id != Header::other || !equals_ignoring_case(line.name, loop_header)) continue;
        for (std::string_view passed : split_values(line.value)) {
            if (passed == token) return true;
            // Whatever else stands there is not ours, and more than a call can have hops is no path.
            if (passed.size() > 13 || path.size() > 70 * 14) continue;
            path.append(passed).append(",");
        }
    }
    path.append(token);
    return false;
}

} // namespace tandem
