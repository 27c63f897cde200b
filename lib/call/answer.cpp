// What the callee of an INVITE says, passed to whoever sent it.
#include <algorithm>
#include "call/b2bua.hpp"
#include "dialog/route_set.hpp"

namespace tandem {
namespace {

constexpr std::uint32_t forgotten_cseq_gap = 1000;

// Whether the answer, with the Via and Record-Route that the request makes it repeat, fits into a datagram. What we
// add ourselves is far below a kilobyte.
bool can_carry(const Message &request, const Message &answer) {
    std::size_t size = answer.size() + 1024;
    for (const HeaderLine &line : request.headers()) {
        if (line.id == Header::record_route || line.id == Header::via) size += line.value.size() + 32;
    }
    return size <= datagram_size_max;
}

} // namespace

// Of a re-INVITE, or of the first INVITE once it has its callee.
void B2bua::on_invite_response(CallId id, Call &call, InviteExchange &invite, const Message &response, Instant now) {
    static_cast<void>(feed(response, now));
    const std::uint16_t status = response.status();
    if (status < 200) {
        if (status > 100) pass_provisional(id, call, invite, call.leg(other(invite.from)), response, now);
    } else if (status < 300) {
        take_answer(id, call, invite, response, now);
    } else if (status != 422 || !raise_interval(call.leg(other(invite.from)).timer, response) ||
               !resend_reinvite(id, call, invite, now)) {
        refuse_invite(id, call, invite, status, &response, now);
    }
}

// The other side wants another session timer, which the asker has nothing to do with. False: it can not be sent.
bool B2bua::resend_reinvite(CallId id, Call &call, InviteExchange &invite, Instant now) {
    const Message *request = transactions_.request(invite.server);
    return request && !invite.is_answered && !call.is_ending && send_reinvite(id, call, invite, *request, now).ok();
}

// `leg` is the one that the response came by.
void B2bua::pass_provisional(CallId id, Call &call, InviteExchange &invite, Leg &leg, const Message &response,
                             Instant now) {
    const Message *request = transactions_.request(invite.server);
    if (!request || invite.is_answered || invite.is_taken || call.is_ending) return;
    if (!take_reliable(id, call, invite, leg, response, now)) return;
    const std::string_view tag = invite.is_first ? our_tag(call, leg.dialog, response.to_tag()) : std::string_view();
    SharedBytes bytes =
        writer_.response(*request, invite.source, response.status(), response.reason_phrase(), tag, &response);
    if (invite.is_first) {
        note_early_session(call, leg.dialog, response);
        feed_answer(*request, response.status(), tag, {}, now);
    }
    static_cast<void>(transactions_.respond(invite.server, response.status(), std::move(bytes), now));
}

// His BYE was here before his answer: he has hung up, and whoever called him hears so.
bool B2bua::has_left(const Leg &leg, const Message &answer) const {
    const DialogSet *set = tracker_.find(leg.dialog);
    const Fork *fork = set ? set->find_fork(answer.to_tag()) : nullptr;
    return fork && fork->leaver;
}

void B2bua::take_answer(CallId id, Call &call, InviteExchange &invite, const Message &answer, Instant now) {
    if (invite.is_taken) {
        // Only one of the forks that answered can be the callee (RFC 3261 section 13.2.2.4). Its own 2xx comes again
        // until it gets the ACK, which waits for the caller's.
        if (invite.is_first && answer.to_tag() != invite.client_to_tag) {
            drop_fork(answer, call.leg(other(invite.from)).peer, invite.client, id, now);
        }
        return;
    }
    invite.is_taken = true;
    invite.client_to_tag = answer.to_tag();
    if (transactions_.is_acknowledged(invite.client, answer.to_tag())) return; // give_up_reinvite() saw to it
    const Message *request = transactions_.request(invite.server);
    if (request && !invite.is_answered && !call.is_ending && !can_carry(*request, answer)) {
        // Nobody would hear of this answer, so the call ends while both sides can still be told.
        end_pending(id, call, now);
        send_ack(call, invite, nullptr, now);
        hang_up(id, call, {}, now);
        return;
    }
    if (!request || invite.is_answered || call.is_ending) {
        // The answer crossed the CANCEL or the BYE.
        invite.is_answered = true;
        send_ack(call, invite, nullptr, now);
        if (invite.is_first) send_bye(call, call.leg(other(invite.from)), {}, now);
        return;
    }
    if (invite.is_first && waits_for_prack(call, answer)) {
        invite.held = answer;
    } else {
        pass_answer(id, call, invite, answer, now);
    }
}

void B2bua::pass_answer(CallId id, Call &call, InviteExchange &invite, const Message &answer, Instant now) {
    const Message &request = *transactions_.request(invite.server);
    const Side asked = other(invite.from);
    const std::string tag(invite.is_first ? our_tag(call, call.leg(asked).dialog, answer.to_tag())
                                          : std::string_view());
    const ReliableFork *fork =
        call.reliability ? call.reliability->find(call.leg(asked).dialog, answer.to_tag(), answer.cseq()) : nullptr;
    // The callee has answered in a reliable response and says no more; the caller could not take that for an answer.
    const Message *body_of = fork && fork->answer && answer.body().empty() ? &fork->answer : nullptr;
    auto session = restated(call.leg(invite.from), answer);
    if (body_of) session = session_of(*body_of);
    take_session_timer(id, call, asked, answer, now);
    const std::string lines = answer_session_timer(id, call, invite.from, request, now);
    SharedBytes bytes = writer_.response(request, invite.source, answer.status(), answer.reason_phrase(), tag, &answer,
                                         lines, session ? &*session : nullptr);
    feed_answer(request, answer.status(), tag, {}, now);
    note_methods(call.leg(asked), answer);
    invite.is_settled = fork && fork->is_settled;
    settle_offer(call, invite, request, body_of ? *body_of : answer);
    end_reliability(id, call, true, now);
    if (invite.is_first) {
        for (Leg &leg : call.legs) find_hop(leg);
        call.forks.clear();
        call.forks.shrink_to_fit();
    }
    invite.is_answered = true;
    invite.answer = bytes;
    invite.resend_after = options_.transactions.t1;
    invite.resend_until = now + 64 * options_.transactions.t1;
    invite.timer =
        timers_.schedule(now + invite.resend_after, {.call = id, .invite = invite.server, .kind = TimerKind::resend});
    static_cast<void>(transactions_.respond(invite.server, answer.status(), std::move(bytes), now));
}

// Who waits for whose answer, and what is in force, once there is a 2xx with the description `answer`.
void B2bua::settle_offer(Call &call, InviteExchange &invite, const Message &request, const Message &answer) {
    Leg &asker = call.leg(invite.from);
    Leg &asked = call.leg(other(invite.from));
    if (invite.is_first) recall_early_sessions(call, answer.to_tag());
    if (invite.is_settled) {
        const auto open = std::find_if(call.forwards.begin(), call.forwards.end(),
                                       [](const Forward &forward) { return forward.has_offer; });
        call.offer_from = open == call.forwards.end() ? std::nullopt : std::optional(open->from);
        asker.told = asked.session; // whatever other forks have said
        asker.session = asked.told;
    } else if (!invite.has_offer) {
        invite.offer = session_of(answer);
        if (invite.offer) call.offer_from = other(invite.from);
    } else {
        call.offer_from.reset();
        if (invite.is_first) {
            note_first_sessions(call, request, answer);
        } else {
            note_sessions(asker, asked, session_of(request), session_of(answer));
        }
    }
}

// The INVITE came to nothing: by the other side's answer, or by a `status` of our own if `refusal` is null.
void B2bua::refuse_invite(CallId id, Call &call, InviteExchange &invite, std::uint16_t status, const Message *refusal,
                          Instant now, const RefusedAttempt &refused) {
    const bool is_first = invite.is_first;
    end_reliability(id, call, false, now);
    const Message *request = transactions_.request(invite.server);
    if (request && !invite.is_answered) {
        const std::uint16_t said = status;
        const bool is_challenge = is_challenge_status(said);
        status = without_challenge(said);
        if (status == 422) { // of the other leg's session timer
            status = 500;
            refusal = nullptr;
        }
        const std::string tag = is_first ? make_token(random_) : std::string();
        SharedBytes bytes =
            writer_.response(*request, invite.source, status, refusal && !is_challenge ? refusal->reason_phrase() : "",
                             tag, is_challenge ? nullptr : refusal);
        feed_answer(*request, status, tag, refusal ? refusal->values(Header::reason) : std::string(), now);
        if (is_first) keep_refusal(call.leg(invite.from).dialog, invite.source, bytes, refused);
        // Whoever runs the trunk has to see that it wants other credentials, which a 503 does not say.
        if (is_challenge && is_first) tracker_.set_sip_code(call.leg(invite.from).dialog, said);
        static_cast<void>(transactions_.respond(invite.server, status, std::move(bytes), now));
    }
    if (is_first) {
        invite.is_answered = true;
        return;
    }
    if (invite.has_offer) call.offer_from.reset();
    forget_invite(call, invite);
}

// ACK and BYE for an answer that nobody waits for. All that they need stands in the answer itself, so it does not
// matter what is still known of the call.
void B2bua::drop_fork(const Message &answer, const Endpoint &peer, TransactionId invite, CallId owner, Instant now) {
    if (transactions_.acknowledged(invite) >= options_.dialogs.fork_max) return; // no callee has so many phones
    const std::string route_set = reverse_route_set(answer.values(Header::record_route));
    DialogPath path;
    path.call_id = answer.call_id();
    path.local_uri = answer.from_uri();
    path.local_tag = answer.from_tag();
    path.remote_uri = answer.to_uri();
    path.remote_tag = answer.to_tag();
    const std::string_view target = usable_target(answer.contact_uri());
    path.remote_target = target.empty() ? answer.to_uri() : target;
    path.route_set = route_set;
    path.is_flow = path.local_tag.starts_with(flow_mark);

    std::string branch;
    transactions_.append_branch(branch);
    WrittenRequest ack =
        writer_.request(path, peer, nullptr, {.method = "ACK", .cseq = answer.cseq(), .branch = branch});
    const auto tried = digest_tries_.find(invite.value());
    std::shared_ptr<LegAccount> account;
    if (tried != digest_tries_.end() && is_at_trunk(tried->second.account.get(), ack.to)) {
        account = tried->second.account;
        add_credentials(tried->second.invite_lines, ack);
    }
    transactions_.acknowledge(invite, answer.to_tag(), ack.to, ack.bytes);

    MessageView view;
    view.method = Method::bye;
    const DialogId leg = tracker_.find(answer.call_id(), answer.from_tag(), {});
    const DialogSet *set = tracker_.find(leg);
    const bool is_known = set && set->find_fork(answer.to_tag()); // it may have had requests while it was early
    // Of a leg that is forgotten nobody knows how many requests its forks had while they were early. A number that
    // leaves some out is legal (RFC 3261 section 12.2.1.1); one that was used before would be refused.
    const std::uint32_t next = answer.cseq() + (set ? 1 : forgotten_cseq_gap);
    view.cseq = is_known ? tracker_.next_cseq(leg, Side::caller, answer.to_tag()) : next;
    view.call_id = path.call_id;
    view.from_tag = path.local_tag;
    view.to_tag = path.remote_tag;
    view.is_ours = true;
    static_cast<void>(tracker_.feed(view, now));
    branch.clear();
    transactions_.append_branch(branch);
    WrittenRequest bye = writer_.request(path, peer, nullptr, {.method = "BYE", .cseq = view.cseq, .branch = branch});
    authorize(account.get(), Method::bye, bye.bytes);
    const auto sent = transactions_.send_request(
        {Method::bye, branch, bye.bytes, bye.to, owner.value(), path.call_id, path.local_tag, view.cseq}, now);
    if (sent) note_try(*sent, account, {}, Method::bye);
}

std::string_view B2bua::our_tag(Call &call, DialogId callee_leg, std::string_view callee_tag) {
    for (const ForkTags &tags : call.forks) {
        if (tags.leg == callee_leg && tags.callee == callee_tag) return tags.ours;
    }
    // Beyond what the tracker holds all further forks look like the last one.
    const bool is_full = call.forks.size() >= options_.dialogs.fork_max;
    if (is_full) return call.forks.back().ours;
    const bool is_one = call.setup && call.setup->route.forks == ForkView::one && !call.forks.empty();
    call.forks.push_back({callee_leg, std::string(callee_tag), is_one ? call.forks.back().ours : make_token(random_)});
    return call.forks.back().ours;
}

void B2bua::forget_invite(Call &call, const InviteExchange &invite) {
    timers_.cancel(invite.timer);
    std::erase_if(call.invites, [&](const auto &kept) { return kept.get() == &invite; });
}

} // namespace tandem
