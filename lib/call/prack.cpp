// Reliable provisional responses and their PRACK (RFC 3262): end to end where the caller can, else by tandem for the
// side that asks. A re-INVITE does not offer them: what comes reliably all the same is acknowledged here.
#include <algorithm>
#include "base/text.hpp"
#include "call/b2bua.hpp"
#include "call/header_policy.hpp"
#include "sip/option_tag.hpp"

namespace tandem {
namespace {

constexpr std::string_view option = "100rel";
constexpr std::uint32_t first_rseq_max = 0x7fffffff; // RFC 3262 section 3

// 0: it is not sent reliably. Without a To-tag no PRACK could be sent for it.
std::uint32_t rseq_of(const Message &response) {
    if (!response.has(Header::rseq) || response.to_tag().empty()) return 0;
    const auto number = parse_number(response.value(Header::rseq));
    const bool is_one = number && *number > 0 && *number <= 0xffffffff;
    return is_one && has_option(response, Header::require, option) ? static_cast<std::uint32_t>(*number) : 0;
}

struct Rack { // RFC 3262 section 7.2
    std::uint64_t rseq = 0;
    std::uint64_t cseq = 0;
    std::string_view method;
};

std::optional<Rack> parse_rack(std::string_view value) {
    const auto next_word = [&] {
        value = trim(value);
        const std::string_view word = value.substr(0, value.find_first_of(" \t"));
        value.remove_prefix(word.size());
        return word;
    };
    const auto rseq = parse_number(next_word());
    const auto cseq = parse_number(next_word());
    const std::string_view method = next_word();
    if (!rseq || !cseq || method.empty() || !trim(value).empty()) return std::nullopt;
    return Rack{*rseq, *cseq, method};
}

std::string rack_line(std::uint32_t rseq, std::uint32_t cseq) {
    return "RAck: " + std::to_string(rseq) + " " + std::to_string(cseq) + " INVITE\r\n";
}

} // namespace

ReliableTag *Reliability::find(std::string_view ours) {
    const auto found = std::find_if(tags.begin(), tags.end(), [&](const ReliableTag &tag) { return tag.ours == ours; });
    return found == tags.end() ? nullptr : &*found;
}

ReliableFork *Reliability::find(DialogId leg, std::string_view callee, std::uint32_t invite_cseq) {
    const auto found = std::find_if(forks.begin(), forks.end(), [&](const ReliableFork &fork) {
        return fork.leg == leg && fork.callee == callee && fork.cseq == invite_cseq;
    });
    return found == forks.end() ? nullptr : &*found;
}

// Takes a provisional response as far as it is about reliability. True: it goes to the asker now, and plain.
bool B2bua::take_reliable(CallId id, Call &call, InviteExchange &invite, Leg &leg, const Message &response,
                          Instant now) {
    const Message &request = *transactions_.request(invite.server);
    const std::uint32_t rseq = rseq_of(response);
    const bool is_required = has_option(request, Header::require, option);
    if (rseq == 0 && !is_required) return true;
    if (!call.reliability) {
        call.reliability = std::make_unique<Reliability>();
        call.reliability->cseq = invite.server_cseq;
    }
    const bool is_able = is_required || has_option(request, Header::supported, option);
    ReliableTag *tag = nullptr;
    if (is_able && invite.is_first) {
        const std::string_view ours = our_tag(call, leg.dialog, response.to_tag());
        tag = call.reliability->find(ours);
        if (!tag) tag = &call.reliability->tags.emplace_back(ReliableTag{.ours = std::string(ours)});
        if (tag->waiting.size() >= reliable_max) return false; // a reliable one comes again
    }
    ReliableFork *fork = rseq == 0 ? nullptr : take_rseq(call, leg, response, rseq);
    if (rseq != 0 && !fork) return false;
    if (!tag) {
        if (fork) send_prack(id, leg, response, rseq, now);
        if (fork && invite.has_offer && has_session(response)) fork->answer = response;
        return !is_required; // nothing else may go to who requires it (RFC 3262 section 3)
    }
    ReliableResponse &waiting = tag->waiting.emplace_back(ReliableResponse{leg.dialog, response, rseq});
    waiting.has_session = has_session(response);
    if (fork && waiting.has_session && !fork->is_settled) {
        fork->is_settled = true;
        waiting.is_offer = !invite.has_offer;
        call.offer_from = invite.has_offer ? std::nullopt : std::optional(other(invite.from));
        note_early_session(call, leg.dialog, response);
        if (invite.has_offer) {
            note_early_sessions(call, call.leg(invite.from), leg, response.to_tag(), session_of(request),
                                session_of(response));
        }
    }
    if (tag->waiting.size() == 1) send_reliable(id, call, *tag, now);
    return false;
}

// The target of a transfer rings reliably: nobody but us is there to acknowledge it.
void B2bua::acknowledge_reliable(CallId id, Call &call, Leg &leg, const Message &response, Instant now) {
    const std::uint32_t rseq = rseq_of(response);
    if (rseq == 0) return;
    if (!call.reliability) call.reliability = std::make_unique<Reliability>();
    if (take_rseq(call, leg, response, rseq)) send_prack(id, leg, response, rseq, now);
}

// Null if the response has been here, or is not the next one of its fork: it is discarded (RFC 3262 section 4).
ReliableFork *B2bua::take_rseq(Call &call, const Leg &leg, const Message &response, std::uint32_t rseq) {
    Reliability &known = *call.reliability;
    if (ReliableFork *fork = known.find(leg.dialog, response.to_tag(), response.cseq())) {
        if (rseq != fork->rseq + 1) return nullptr;
        fork->rseq = rseq;
        return fork;
    }
    std::erase_if(known.forks, [&](const ReliableFork &fork) { return !call.find_leg(fork.leg); });
    if (known.forks.size() >= options_.dialogs.fork_max) return nullptr;
    return &known.forks.emplace_back(ReliableFork{leg.dialog, std::string(response.to_tag()), response.cseq(), rseq});
}

// Our own PRACK. Whatever its answer is: a callee who does not get it gives up by himself (RFC 3262 section 3).
void B2bua::send_prack(CallId id, Leg &leg, const Message &response, std::uint32_t rseq, Instant now) {
    const DialogSet *set = tracker_.find(leg.dialog);
    const Fork *fork = set && leg.local == Side::caller ? set->find_fork(response.to_tag()) : nullptr;
    const std::string rack = rack_line(rseq, response.cseq());
    RequestParts parts;
    parts.extra = rack;
    static_cast<void>(send(id, leg, fork, Method::prack, parts, now));
}

// Sends the first one that waits, if its callee is still there.
void B2bua::send_reliable(CallId id, Call &call, ReliableTag &tag, Instant now) {
    InviteExchange *first = call.first_invite();
    const Message *request = first ? transactions_.request(first->server) : nullptr;
    if (!request || first->is_answered) return;
    std::vector<ReliableResponse> &waiting = tag.waiting;
    waiting.erase(waiting.begin(), std::find_if(waiting.begin(), waiting.end(), [&](const ReliableResponse &response) {
                      return call.find_leg(response.leg) != nullptr;
                  }));
    if (waiting.empty()) return;
    const Message &message = waiting.front().message;
    tag.rseq = tag.rseq == 0 ? static_cast<std::uint32_t>(random_.next() % first_rseq_max) + 1 : tag.rseq + 1;
    tag.sent = writer_.response(*request, first->source, message.status(), message.reason_phrase(), tag.ours, &message,
                                "Require: 100rel\r\nRSeq: " + std::to_string(tag.rseq) + "\r\n");
    feed_answer(*request, message.status(), tag.ours, {}, now);
    static_cast<void>(transactions_.respond(first->server, message.status(), tag.sent, now));
    tag.resend_after = options_.transactions.t1;
    tag.resend_until = now + 64 * options_.transactions.t1;
    set_reliable_timer(id, call, tag, now);
}

void B2bua::set_reliable_timer(CallId id, Call &call, ReliableTag &tag, Instant now) {
    const auto place = static_cast<std::uint32_t>(&tag - call.reliability->tags.data());
    const Instant next = std::min(now + tag.resend_after, tag.resend_until);
    tag.timer = timers_.schedule(next, {.call = id, .target = place, .kind = TimerKind::reliable});
}

// No PRACK has come yet. After 64*T1 the INVITE is refused (RFC 3262 section 3), unless the callee has gone meanwhile.
void B2bua::resend_reliable(CallId id, Call &call, std::uint32_t place, Instant now) {
    ReliableTag &tag = call.reliability->tags[place];
    InviteExchange *first = call.first_invite();
    if (!first || first->is_answered || tag.waiting.empty()) return;
    if (now < tag.resend_until) {
        static_cast<void>(transactions_.respond(first->server, tag.waiting.front().message.status(), tag.sent, now));
        tag.resend_after *= 2;
        set_reliable_timer(id, call, tag, now);
    } else if (call.find_leg(tag.waiting.front().leg)) {
        give_up_first(id, call, *first, 504, "SIP;cause=504;text=\"No PRACK\"", now);
    } else {
        send_reliable(id, call, tag, now);
        release_held(id, call, now);
    }
}

void B2bua::on_prack(CallId id, Call &call, Side from, const TransactionEvent &event, Instant now) {
    const auto rack = parse_rack(event.message.value(Header::rack));
    if (!rack) {
        reply(event, 400, "Bad RAck", {}, now);
        return;
    }
    Reliability *known = call.reliability.get();
    ReliableTag *tag = known && from == Side::caller ? known->find(event.message.to_tag()) : nullptr;
    if (!tag || tag->waiting.empty() || tag->rseq != rack->rseq || known->cseq != rack->cseq ||
        rack->method != "INVITE") {
        reply(event, 481, {}, {}, now);
        return;
    }
    const ReliableResponse &acknowledged = tag->waiting.front();
    Leg *leg = call.find_leg(acknowledged.leg);
    const DialogSet *set = leg ? tracker_.find(leg->dialog) : nullptr;
    const Fork *fork = set ? set->find_fork(acknowledged.message.to_tag()) : nullptr;
    // No request may follow our BYE.
    if (fork && (fork->leaver || fork->bye_cseq[index(Side::caller)])) fork = nullptr;
    if (fork && !call.is_ending && acknowledged.callee_rseq != 0) {
        if (!pass_prack(id, call, *leg, *fork, acknowledged, event, now)) return;
    } else {
        // An offer in it would need an answer of a callee who knows of no PRACK.
        const bool is_offer = fork && !call.is_ending && has_session(event.message);
        reply(event, is_offer ? 488 : 200, {}, {}, now);
    }
    timers_.cancel(tag->timer);
    tag->waiting.erase(tag->waiting.begin());
    send_reliable(id, call, *tag, now);
    release_held(id, call, now);
}

// False: it was refused, and the response still waits for one.
bool B2bua::pass_prack(CallId id, Call &call, Leg &leg, const Fork &fork, const ReliableResponse &acknowledged,
                       const TransactionEvent &event, Instant now) {
    const Message &prack = event.message;
    if (call.forwards.size() >= options_.forward_max) {
        reply(event, 500, "Too Many Pending Requests", retry_after(), now);
        return false;
    }
    const std::string rack = rack_line(acknowledged.callee_rseq, acknowledged.message.cseq());
    RequestParts parts;
    parts.max_forwards = prack.max_forwards().value_or(70) - 1;
    parts.passed = &prack;
    parts.extra = rack;
    const auto sent = send(id, leg, &fork, Method::prack, parts, now);
    if (!sent) {
        reply(event, 503, {}, {}, now);
        return false;
    }
    // RFC 3262 section 5: the answer to the response's offer, or an offer whose answer is in the 2xx.
    const bool has_offer = !acknowledged.is_offer && !call.offer_from && has_session(prack);
    const bool has_lost = call.is_answered() && fork.state != DialogState::confirmed; // what it says counts no more
    if (acknowledged.is_offer && !has_lost) {
        call.offer_from.reset();
        note_early_sessions(call, leg, call.leg(Side::caller), acknowledged.message.to_tag(),
                            session_of(acknowledged.message), session_of(prack));
    }
    if (has_offer) call.offer_from = Side::caller;
    transactions_.set_owner(event.transaction, id.value());
    call.forwards.push_back({Side::caller, event.transaction, *sent, event.source, has_offer, leg.dialog});
    return true;
}

// A 2xx may not overtake the PRACK for a description that a provisional response has brought (RFC 3262 section 3).
bool B2bua::waits_for_prack(Call &call, const Message &answer) {
    if (!call.reliability || call.reliability->tags.empty()) return false;
    const ReliableTag *tag = call.reliability->find(our_tag(call, call.leg(Side::callee).dialog, answer.to_tag()));
    return tag && std::any_of(tag->waiting.begin(), tag->waiting.end(),
                              [](const ReliableResponse &response) { return response.has_session; });
}

void B2bua::release_held(CallId id, Call &call, Instant now) {
    InviteExchange *first = call.first_invite();
    if (!first || !first->held || first->is_answered || waits_for_prack(call, first->held)) return;
    const Message answer = std::exchange(first->held, Message());
    pass_answer(id, call, *first, answer, now);
}

// The INVITE has its final answer: nothing is sent again, but the PRACK for what was sent may still come (RFC 3262
// section 3).
void B2bua::end_reliability(CallId id, Call &call, bool may_follow, Instant now) {
    if (!call.reliability) return;
    bool is_open = false;
    for (ReliableTag &tag : call.reliability->tags) {
        timers_.cancel(tag.timer);
        if (tag.waiting.size() > 1) tag.waiting.erase(tag.waiting.begin() + 1, tag.waiting.end());
        tag.sent.reset();
        is_open = is_open || !tag.waiting.empty();
    }
    timers_.cancel(call.reliability->end);
    call.reliability->forks.clear();
    if (may_follow && is_open) {
        const Instant end = now + 64 * options_.transactions.t1;
        call.reliability->end = timers_.schedule(end, {.call = id, .kind = TimerKind::late_prack});
    } else {
        call.reliability.reset();
    }
}

// A callee who answers no INVITE without 100rel (RFC 3261 section 21.4.16) gets it from tandem, if the caller can not.
// Not where the callee is to make the offer: its answer would have to come in a PRACK of the caller's.
bool B2bua::offer_reliability(CallId id, Call &call, Attempt &attempt, const Message &refusal, Instant now) {
    if (call.transfer || call.start) return false; // nor where there is no caller who could
    const InviteExchange &first = *call.first_invite();
    const Message *invite = transactions_.request(first.server);
    if (!invite || !first.has_offer || attempt.offers_reliability) return false;
    if (!has_option(refusal, Header::require, option)) return false;
    if (!reliability_offer(*invite, attempt).empty() || has_option(*invite, Header::supported, option)) return false;
    attempt.offers_reliability = true;
    return send_attempt(id, call, attempt, Endpoint(attempt.leg.peer), now);
}

// What the INVITE to a callee says beyond the caller's own Supported. Never Require: what only the caller requires,
// tandem does.
std::string_view B2bua::reliability_offer(const Message &invite, const Attempt &attempt) {
    const bool is_wanted = attempt.offers_reliability || has_option(invite, Header::require, option);
    return is_wanted && !has_option(invite, Header::supported, option) ? "Supported: 100rel\r\n" : "";
}

} // namespace tandem
