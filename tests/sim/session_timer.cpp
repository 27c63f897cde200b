// Session timers of one simulated peer (RFC 4028): it asks, takes and grants them, refreshes at half the time, and
// hangs up when nobody does who should.
#include <algorithm>
#include "sim/user_agent.hpp"

namespace tandem::sim {
namespace {

using namespace std::chrono_literals;

Duration seconds_in(std::string_view header) {
    return header.empty() ? Duration(0) : std::chrono::seconds(std::stoi(std::string(header)));
}

std::string text_of(Duration span) { return std::to_string(to_ms(span) / 1000); }

bool has(const TextMessage &message, std::string_view header, std::string_view option) {
    const auto options = message.list(header);
    return std::find(options.begin(), options.end(), option) != options.end();
}

} // namespace

// Section 7.1. Inside a call it says who refreshes now (section 7.4).
void UserAgent::ask_timer(const SessionTimer &timer, TextMessage &request) const {
    const auto &own = timer_plan();
    if (own.says_allow) request.add("Allow", "INVITE, ACK, BYE, CANCEL, UPDATE, INFO, PRACK, REFER, NOTIFY");
    if (!own.is_known) return;
    request.add("Supported", "timer");
    const auto interval = timer.interval > 0ms ? timer.interval : own.interval;
    if (interval == 0ms) return;
    const std::string said = timer.interval == 0ms ? own.refresher : timer.is_ours ? "uac" : "uas";
    request.add("Session-Expires", text_of(interval) + (said.empty() ? "" : ";refresher=" + said));
    if (own.min_interval > 0ms) request.add("Min-SE", text_of(own.min_interval));
}

// A 2xx to this side's request (section 7.2).
void UserAgent::take_timer(std::size_t number, const TextMessage &request, const TextMessage &response) {
    auto &timer = dialogs_[number].timer;
    const auto said = response.header("Session-Expires");
    const auto asked = request.header("Session-Expires");
    timer.interval = seconds_in(said);
    const auto refresher = parameter(said, "refresher");
    timer.is_ours = refresher == "uac";
    start_timer(number);
    if (!timer_plan().is_known) {
        if (timer.is_ours) find(response.title() + " makes somebody refresh who knows nothing of it (section 9)");
        timer.interval = Duration(0);
        return;
    }
    if (said.empty() && !asked.empty()) find(response.title() + " without the Session-Expires that was asked for");
    if (said.empty()) return;
    if (refresher != "uac" && refresher != "uas") find(response.title() + " does not say who refreshes (section 9)");
    if (timer.is_ours && !has(response, "Require", "timer"))
        find(response.title() + " without Require: timer (RFC 4028 section 9)");
    const auto min = asked.empty() ? min_session_expires : std::max(min_session_expires, timer_plan().min_interval);
    if (timer.interval < min) find(response.title() + " with a Session-Expires below Min-SE");
    const auto wanted = parameter(asked, "refresher");
    if (!wanted.empty() && wanted != refresher) find(response.title() + " with another refresher than was asked for");
}

// A 2xx of this side's (section 9).
void UserAgent::grant_timer(std::size_t number, const TextMessage &request, TextMessage &response) {
    const auto &own = timer_plan();
    if (own.says_allow) response.add("Allow", "INVITE, ACK, BYE, CANCEL, UPDATE, INFO, PRACK, REFER, NOTIFY");
    auto &timer = dialogs_[number].timer;
    const auto asked = request.header("Session-Expires");
    const bool is_known_there = has(request, "Supported", "timer");
    if (!is_known_there && !plan_.early_update_after) find(request.method + " without Supported: timer");
    timer.interval = asked.empty() ? own.interval : seconds_in(asked);
    if (!own.is_known || !is_known_there) timer.interval = Duration(0);
    const auto said = parameter(asked, "refresher");
    timer.is_ours = said.empty() ? own.takes_it : said == "uas";
    start_timer(number);
    if (timer.interval == 0ms) return;
    response.add("Supported", "timer");
    if (!timer.is_ours) response.add("Require", "timer");
    response.add("Session-Expires", text_of(timer.interval) + (timer.is_ours ? ";refresher=uas" : ";refresher=uac"));
}

// Section 6: inside the call alone; whoever knows no session timers can not do better.
bool UserAgent::refuse_timer(const Server &server) {
    const auto asked = server->request.header("Session-Expires");
    const auto min = timer_plan().min_interval;
    if (!timer_plan().is_known || asked.empty() || seconds_in(asked) >= min) return false;
    auto response = answer_to(server, 422, {});
    response.add("Min-SE", text_of(min));
    respond(server, response);
    return true;
}

// Section 10.
void UserAgent::start_timer(std::size_t number) {
    auto &timer = dialogs_[number].timer;
    const auto turn = ++timer.turns;
    if (timer.interval == 0ms || !timer_plan().is_known) return;
    if (timer.is_ours) return after(timer.interval / 2, [this, number, turn] { refresh(number, turn); });
    after(timer.interval - std::min<Duration>(32s, timer.interval / 3), [this, number, turn] {
        const auto &dialog = dialogs_[number];
        if (dialog.timer.turns != turn || dialog.state != Dialog::confirmed || dialog.has_sent_bye) return;
        note("no refresh came");
        if (board_.loss == 0) find("no refresh came in time (RFC 4028 section 10)");
        hang_up(number);
    });
}

void UserAgent::refresh(std::size_t number, unsigned turn) {
    const auto &dialog = dialogs_[number];
    if (dialog.timer.turns != turn || dialog.state != Dialog::confirmed || dialog.has_sent_bye) return;
    if (timer_plan().neglects) return note("does not refresh");
    act(number, timer_plan().by_update ? ActionKind::update_without_offer : ActionKind::reinvite, 0);
    after(8s, [this, number, turn] { refresh(number, turn); }); // should it be refused
}

} // namespace tandem::sim
