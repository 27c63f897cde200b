#include "call/session.hpp"
#include <algorithm>
#include "base/text.hpp"
#include "call/b2bua.hpp"

namespace tandem {

bool has_session(const Message &message) {
    if (message.body().empty()) return false;
    const std::string_view type = message.content_type();
    const std::string_view name = trim(type.substr(0, type.find(';')));
    // A multipart body carries its description among other parts (RFC 5621).
    return equals_ignoring_case(name, "application/sdp") || equals_ignoring_case(name.substr(0, 10), "multipart/");
}

Session session_of(const Message &message) {
    if (!has_session(message)) return {};
    Session session;
    session.body = SharedBytes(message.body());
    const std::string_view type = message.content_type();
    if (!equals_ignoring_case(type, "application/sdp")) session.type = SharedBytes(type);
    return session;
}

// An offer has its answer: what both sides said is in force.
void B2bua::note_sessions(Leg &offerer, Leg &answerer, const Session &offer, const Session &answer) {
    if (!offer || !answer) return;
    offerer.session = answerer.told = offer;
    answerer.session = offerer.told = answer;
}

// The same before the answer, where the other forks of the callee do not know of it.
void B2bua::note_early_sessions(Call &call, Leg &offerer, Leg &answerer, std::string_view callee_tag,
                                const Session &offer, const Session &answer) {
    if (!offer || !answer) return;
    note_sessions(offerer, answerer, offer, answer);
    const Leg &caller = call.leg(Side::caller);
    const Leg &callee = &offerer == &caller ? answerer : offerer;
    for (ForkTags &fork : call.forks) {
        if (fork.leg != callee.dialog || fork.callee != callee_tag) continue;
        fork.of_caller = caller.session;
        fork.of_callee = callee.session;
    }
}

// This fork has answered: what is in force is what it agreed on, and nothing that another one did.
void B2bua::recall_early_sessions(Call &call, std::string_view callee_tag) {
    Leg &callee = call.leg(Side::callee);
    const ForkTags *fork = call.find_fork_tags(callee.dialog, callee_tag);
    if (!fork) return;
    callee.session = {};
    note_sessions(call.leg(Side::caller), callee, fork->of_caller, fork->of_callee);
}

// The first INVITE is answered. Where offers passed before, by UPDATE or PRACK, they are in force, and what stands in
// this answer repeats the first one; an answer without any is that of the latest 18x (RFC 3261 section 13.2.1).
void B2bua::note_first_sessions(Call &call, const Message &request, const Message &answer) {
    Leg &callee = call.leg(Side::callee);
    if (callee.session) return;
    Session said = session_of(answer);
    const ForkTags *fork = call.find_fork_tags(callee.dialog, answer.to_tag());
    if (!said && fork) said = fork->session;
    note_sessions(call.leg(Side::caller), callee, session_of(request), said);
}

void B2bua::note_early_session(Call &call, DialogId callee_leg, const Message &response) {
    if (!has_session(response)) return;
    for (ForkTags &fork : call.forks) {
        if (fork.leg == callee_leg && fork.callee == response.to_tag()) fork.session = session_of(response);
    }
}

Session B2bua::as_of_leg(Leg &leg, const Session &session) {
    if (!session.type.empty() || !origin_of(session.body.view())) return session;
    if (!leg.origin) {
        auto first = leg.told.type.empty() ? origin_of(leg.told.body.view()) : std::nullopt;
        if (!first) return session;
        // An offer that was refused, or that nobody waited for, has used up its version.
        const bool is_told_last = first->version >= leg.passed_version;
        first->version = std::max(first->version, leg.passed_version);
        leg.origin = std::make_unique<LegOrigin>(LegOrigin{std::move(*first), is_told_last ? leg.told : Session()});
    }
    LegOrigin &known = *leg.origin;
    if (!is_same_but_origin(session.body.view(), known.last.body.view())) {
        ++known.origin.version;
        known.last = session;
    }
    return {SharedBytes(with_origin(session.body.view(), known.origin)), {}};
}

std::optional<Session> B2bua::restated(Leg &leg, const Message &message) {
    if (!has_session(message)) return std::nullopt;
    if (!leg.origin) {
        const auto passed = origin_of(message.body());
        if (passed) leg.passed_version = std::max(leg.passed_version, passed->version);
        return std::nullopt;
    }
    return as_of_leg(leg, session_of(message));
}

// Whoever lists the methods that he takes may be sent no other (RFC 3261 section 20.5).
void B2bua::note_methods(Leg &leg, const Message &message) {
    bool has_said = false;
    std::uint16_t allowed = 0;
    for (const HeaderLine &line : message.headers()) {
        if (line.id != Header::allow) continue;
        has_said = true;
        for (std::string_view rest = line.value; !rest.empty();) {
            allowed = static_cast<std::uint16_t>(allowed | mask_of(parse_method(take_token(rest))));
        }
    }
    if (has_said) leg.allowed = allowed;
}

} // namespace tandem
