// Session timers (RFC 4028), one for each leg: what is agreed with one peer is no business of the other. A refresh that
// changes nothing else ends here.
#include "call/session_timer.hpp"
#include <algorithm>
#include "base/text.hpp"
#include "call/b2bua.hpp"
#include "call/header_policy.hpp"
#include "sip/option_tag.hpp"

namespace tandem {
namespace {

using std::chrono::seconds;

constexpr std::string_view option = "timer";
constexpr std::string_view expired_reason = "SIP;cause=408;text=\"Session Expired\"";
constexpr seconds interval_max{86'400};
constexpr std::uint8_t raises_max = 3; // 422 in a row
constexpr std::uint8_t refusals_max = 3;

std::string text_of(Duration interval) { return std::to_string(std::chrono::duration_cast<seconds>(interval).count()); }

// The number that a header begins with, and its parameters.
Result<std::optional<Duration>> read_seconds(const Message &message, Header header, std::string_view &params) {
    std::optional<Duration> found;
    for (const HeaderLine &line : message.headers()) {
        if (line.id != header) continue;
        const std::size_t end = std::min(line.value.find(';'), line.value.size());
        const auto number = parse_number(trim(line.value.substr(0, end)));
        if (found || !number) return Error::invalid;
        found = std::min<Duration>(seconds(std::min<std::uint64_t>(*number, 1'000'000)), interval_max);
        params = line.value.substr(end);
    }
    return found;
}

bool is_timer_known(const Message &message) {
    return has_option(message, Header::supported, option) || has_option(message, Header::require, option);
}

} // namespace

Result<std::optional<SessionExpires>> read_session_expires(const Message &message) {
    std::string_view params;
    const auto interval = read_seconds(message, Header::session_expires, params);
    if (!interval) return interval.error();
    if (!*interval) return std::optional<SessionExpires>();
    SessionExpires read{**interval};
    while (!params.empty()) {
        params.remove_prefix(1);
        const std::size_t end = std::min(params.find(';'), params.size());
        const std::string_view param = trim(params.substr(0, end));
        params.remove_prefix(end);
        const std::size_t equals = std::min(param.find('='), param.size());
        if (!equals_ignoring_case(trim(param.substr(0, equals)), "refresher")) continue;
        const std::string_view value = equals < param.size() ? trim(param.substr(equals + 1)) : std::string_view();
        if (read.refresher != Refresher::unsaid) return Error::invalid;
        if (equals_ignoring_case(value, "uac")) {
            read.refresher = Refresher::uac;
        } else if (equals_ignoring_case(value, "uas")) {
            read.refresher = Refresher::uas;
        } else {
            return Error::invalid;
        }
    }
    return std::optional(read);
}

Result<std::optional<Duration>> read_min_se(const Message &message) {
    std::string_view params;
    return read_seconds(message, Header::min_se, params);
}

// What a request asks of its leg and can not have. Who knows no session timers can not act on a 422 (section 9).
bool B2bua::refuse_session_timer(const TransactionEvent &event, Instant now) {
    const Message &request = event.message;
    if (!request.has(Header::session_expires) && !request.has(Header::min_se)) return false;
    const auto asked = read_session_expires(request);
    if (!asked || !read_min_se(request)) {
        reply(event, 400, asked ? "Bad Min-SE" : "Bad Session-Expires", {}, now);
        return true;
    }
    if (!*asked || (*asked)->interval >= options_.min_session_expires || !is_timer_known(request)) return false;
    reply(event, 422, {}, "Min-SE: " + text_of(options_.min_session_expires) + "\r\n", now);
    return true;
}

// The lines for a request that may refresh the session (section 7.1): on a new leg without a word of who refreshes.
std::string B2bua::timer_lines(const SessionTimer &timer) const {
    std::string lines = "Supported: timer\r\n";
    Duration interval = timer.interval.count() > 0 ? timer.interval : options_.session_expires;
    if (interval.count() == 0) return lines;
    interval = std::max({interval, timer.min_interval, options_.min_session_expires});
    lines += "Session-Expires: " + text_of(interval);
    if (timer.interval.count() > 0) lines += timer.is_ours ? ";refresher=uac" : ";refresher=uas";
    lines += "\r\nMin-SE: " + text_of(std::max(timer.min_interval, options_.min_session_expires)) + "\r\n";
    return lines;
}

// A request of the peer's is answered with 2xx: its timer starts (section 9, table 2). Gives the lines of the answer.
std::string B2bua::answer_session_timer(CallId id, Call &call, Side side, const Message &request, Instant now) {
    SessionTimer &timer = call.leg(side).timer;
    const auto read = read_session_expires(request);
    const std::optional<SessionExpires> asked = read ? *read : std::nullopt;
    // Sent before the 2xx that set the timer, it says nothing of it, and refreshes nothing: we go on.
    const bool goes_on = timer.is_ours && timer.is_supported && timer.interval.count() > 0;
    if (request.method() == Method::update && goes_on && !asked && !is_timer_known(request)) return {};
    const auto min = read_min_se(request);
    if (min && *min) timer.min_interval = **min;
    timer.is_supported = is_timer_known(request);
    timer.interval = options_.session_expires;
    if (asked)
        timer.interval = timer.interval.count() > 0 ? std::min(timer.interval, asked->interval) : asked->interval;
    timer.is_ours = !timer.is_supported || (asked && asked->refresher == Refresher::uas);
    if (timer.interval.count() > 0) {
        timer.interval = std::max({timer.interval, timer.min_interval, options_.min_session_expires});
    }
    start_session_timer(id, call, side, now);
    if (timer.interval.count() == 0) return "Supported: timer\r\n";
    // Whoever is to refresh must know how (section 9).
    return std::string(timer.is_ours ? "" : "Require: timer\r\n") +
           "Supported: timer\r\nSession-Expires: " + text_of(timer.interval) +
           (timer.is_ours ? ";refresher=uas\r\n" : ";refresher=uac\r\n");
}

// The peer has answered a request of ours with 2xx (section 7.2). Without a word of it he does not know session timers:
// we refresh, if we want one.
void B2bua::take_session_timer(CallId id, Call &call, Side side, const Message &answer, Instant now) {
    SessionTimer &timer = call.leg(side).timer;
    const auto read = read_session_expires(answer);
    const std::optional<SessionExpires> said = read ? *read : std::nullopt;
    timer.raises = 0;
    timer.is_supported = said.has_value();
    timer.is_ours = !said || said->refresher != Refresher::uas;
    timer.interval = said ? said->interval : options_.session_expires;
    if (said || timer.interval.count() > 0) { // nobody may say less than the Min-SE that he got
        timer.interval = std::max({timer.interval, timer.min_interval, options_.min_session_expires});
    }
    start_session_timer(id, call, side, now);
}

void B2bua::start_session_timer(CallId id, Call &call, Side side, Instant now) {
    SessionTimer &timer = call.leg(side).timer;
    timers_.cancel(timer.timer); // there may be none from now on
    timer.refusals = 0;
    if (timer.interval.count() == 0) return;
    timer.expires = now + timer.interval;
    // Section 10: a refresh at half the time; who waits for one hangs up a little before the end.
    const Duration grace = std::min<Duration>(seconds(32), timer.interval / 3);
    set_session_timer(id, call, side, timer.is_ours ? now + timer.interval / 2 : timer.expires - grace);
}

void B2bua::set_session_timer(CallId id, Call &call, Side side, Instant at) {
    const auto place = static_cast<std::uint32_t>(index(side));
    timers_.cancel(call.leg(side).timer.timer);
    call.leg(side).timer.timer = timers_.schedule(at, {.call = id, .target = place, .kind = TimerKind::session});
}

void B2bua::stop_session_timers(Call &call) {
    for (Leg &leg : call.legs) timers_.cancel(leg.timer.timer);
}

void B2bua::on_session_timer(CallId id, Call &call, Side side, Instant now) {
    const SessionTimer &timer = call.leg(side).timer;
    if (call.is_ending || timer.update) return;
    if (!timer.is_ours || now >= timer.expires) return expire_session(id, call, now);
    refresh_session(id, call, side, now);
}

void B2bua::expire_session(CallId id, Call &call, Instant now) {
    for (Side side : {Side::caller, Side::callee}) {
        tracker_.set_end_reason(call.leg(side).dialog, EndReason::session_timer);
    }
    hang_up(id, call, expired_reason, now);
}

// By UPDATE without a description where the peer takes one (section 7.4); else by a re-INVITE with what is in force.
void B2bua::refresh_session(CallId id, Call &call, Side side, Instant now) {
    Leg &leg = call.leg(side);
    if (leg.allowed == 0 || !leg.may_send(Method::update)) {
        OwnInvite own;
        own.leg = side;
        own.purpose = InvitePurpose::session_timer;
        if (!start_own_invite(id, call, std::move(own), now)) retry_refresh(id, call, side, now);
        return;
    }
    const std::string lines = timer_lines(leg.timer);
    RequestParts parts;
    parts.has_contact = true;
    parts.extra = lines;
    const auto sent = send(id, leg, nullptr, Method::update, parts, now);
    if (sent) {
        leg.timer.update = *sent;
    } else {
        retry_refresh(id, call, side, now);
    }
}

// Once more while there is time: sooner each time, as the end comes closer.
void B2bua::retry_refresh(CallId id, Call &call, Side side, Instant now) {
    const SessionTimer &timer = call.leg(side).timer;
    const Duration left = timer.expires - now;
    set_session_timer(id, call, side, left < seconds(2) ? timer.expires : now + left / 2);
}

// The final answer to a refresh by UPDATE; `response` is null if there was none.
void B2bua::on_refresh_answered(CallId id, Call &call, Side side, std::uint16_t status, const Message *response,
                                Instant now) {
    Leg &leg = call.leg(side);
    leg.timer.update = {};
    if (call.is_ending) return;
    if (response && status < 300) {
        note_methods(leg, *response);
        take_session_timer(id, call, side, *response, now);
    } else if (status == 422 && response && raise_interval(leg.timer, *response)) {
        refresh_session(id, call, side, now);
    } else if (status == 405 || status == 501) { // his Allow has promised too much
        leg.allowed = mask_of(Method::invite);
        refresh_session(id, call, side, now);
    } else {
        on_refresh_refused(id, call, side, status, now);
    }
}

// 408 and 481 end the call (section 10). Any other answer shows that the peer is there: for one who knows no session
// timers that is all there is to learn.
void B2bua::on_refresh_refused(CallId id, Call &call, Side side, std::uint16_t status, Instant now) {
    SessionTimer &timer = call.leg(side).timer;
    if (status == 408 || status == 481) return expire_session(id, call, now);
    if (!timer.is_ours) return; // a refresh of his crossed it, and his is the next one
    if (!timer.is_supported && status != 503) return start_session_timer(id, call, side, now);
    if (status == 491 && timer.refusals < refusals_max) {
        ++timer.refusals;
        return set_session_timer(id, call, side, now + glare_wait(call.leg(side)));
    }
    retry_refresh(id, call, side, now);
}

// The peer, or a proxy before him, wants a longer interval (section 6). False: that can not be had.
bool B2bua::raise_interval(SessionTimer &timer, const Message &refusal) const {
    const auto min = read_min_se(refusal);
    if (!min || !*min || timer.raises >= raises_max) return false;
    const Duration sent = std::max({timer.interval.count() > 0 ? timer.interval : options_.session_expires,
                                    timer.min_interval, options_.min_session_expires});
    if (**min <= sent) return false;
    ++timer.raises;
    timer.min_interval = **min;
    return true;
}

bool B2bua::is_refresh(const Message &request) {
    return request.method() == Method::update && request.body().empty() && request.has(Header::session_expires);
}

// An UPDATE that only refreshes.
void B2bua::answer_refresh(CallId id, Call &call, Side from, const TransactionEvent &event, Instant now) {
    const Message &request = event.message;
    note_methods(call.leg(from), request);
    const std::string lines = answer_session_timer(id, call, from, request, now);
    SharedBytes bytes = writer_.response(request, event.source, 200, {}, {}, nullptr, lines);
    feed_answer(request, 200, {}, {}, now);
    static_cast<void>(transactions_.respond(event.transaction, 200, std::move(bytes), now));
}

} // namespace tandem
