// Calls that wait for an event (event_wait.hpp): 100 is out then, and nobody is called or counted.
#include <algorithm>
#include <iterator>
#include <utility>
#include "call/b2bua.hpp"

namespace tandem {

void B2bua::wait_for_event(CallId id, Call &call, const TransactionEvent &event, Route route, Instant now) {
    static_cast<void>(transactions_.respond(event.transaction, 100,
                                            writer_.response(event.message, event.source, 100, {}, {}, nullptr), now));
    call.setup = std::make_unique<Setup>();
    call.setup->invite = event.message;
    call.setup->wait_until = now + route.wait->timeout;
    call.setup->route = std::move(route);
    if (!want_event(id, *call.setup, now)) go_on_waited(id, call, std::move(call.setup->route), now);
}

// False: the time is over, or too many wait.
bool B2bua::want_event(CallId id, Setup &setup, Instant now) {
    if (now >= setup.wait_until) return false;
    const auto made = event_waits_.emplace(id);
    if (!made) return false;
    setup.event_wait = *made;
    EventWait wait = *setup.route.wait;
    wait.timeout = setup.wait_until - now;
    wanted_events_.push_back({*made, std::move(wait)});
    return true;
}

void B2bua::take_waits(std::vector<WantedEvent> &waits) {
    waits.insert(waits.end(), std::make_move_iterator(wanted_events_.begin()),
                 std::make_move_iterator(wanted_events_.end()));
    wanted_events_.clear();
}

// What has happened may not be enough for the route: then it waits on. Of a call that was given up nothing comes.
void B2bua::on_waited(EventWaitId wait, Waited how, Instant now) {
    const CallId *found = event_waits_.find(wait);
    if (!found) return;
    const CallId id = *found;
    event_waits_.erase(wait);
    Call *call = find_touched(id);
    if (!call || !call->setup || call->setup->event_wait != wait) return;
    Setup &setup = *call->setup;
    setup.event_wait = {};
    if (setup.decision) return go_on_waited_decided(id, *call, now);
    if (how != Waited::timeout) {
        const Leg &caller = call->leg(Side::caller);
        setup.route = find_route(setup.invite, call->first_invite()->source, caller.is_known);
        if (setup.route.wait && want_event(id, setup, now)) return;
    }
    go_on_waited(id, *call, std::move(setup.route), now);
}

// As if the INVITE had come just now.
void B2bua::go_on_waited(CallId id, Call &call, Route route, Instant now) {
    const InviteExchange &first = *call.first_invite();
    TransactionEvent event;
    event.transaction = first.server;
    event.source = first.source;
    event.message = std::move(call.setup->invite);
    std::string loop_path;
    static_cast<void>(is_loop(event.message, event.source, loop_path)); // it was none when it came
    go_by_route(id, call, event, std::move(route), loop_path, now);
}

} // namespace tandem
