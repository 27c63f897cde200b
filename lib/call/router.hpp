// Where a new call goes. The call machine asks, node answers from the configuration.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "auth/digest_client.hpp"
#include "base/endpoint.hpp"
#include "base/instant.hpp"
#include "base/result.hpp"
#include "call/event_wait.hpp"
#include "sip/message.hpp"

namespace tandem {

struct Decision;

// Who has named the address of a target: we, who are called there, or he whose phone it is.
enum class TargetOrigin : std::uint8_t { configured, redirection, binding };

struct RouteTarget {
    std::string request_uri;  // of the INVITE to the callee
    Endpoint to;              // where it is sent, with the listener that sends it
    std::string trunk;        // its name in the configuration; empty: none
    std::string lookup{};     // a URI whose host names the address (RFC 3263); empty: `to` is the address
    bool is_parallel = false; // rings together with the target before it
    std::string headers{};    // whole header lines added to its INVITE, each with CRLF
    std::shared_ptr<const Account> account{}; // with the trunk, which challenges; none: a challenge is a refusal
    std::string route_set{};                  // value of the Route header of its INVITE; empty: none
    bool is_flow = false;  // `to` is the far end of a way that a phone has opened: all goes there, by that listener
    bool is_known = false; // a trunk, or a registered phone: may have calls transferred as this machine may make them
    std::vector<RouteTarget> spares{}; // other ways to the same phone, in order, for when this one fails (RFC 5626)
    TargetOrigin origin = TargetOrigin::configured;
    IpAddress registered_from{}; // of a binding: a proxy at the edge may be a trunk as well
};

struct TrunkAccount {
    std::string trunk;
    std::shared_ptr<const Account> account;
};

// What a redirection (3xx) of the callee means.
enum class Redirects : std::uint8_t { pass, follow };

// What a REFER inside the call means: a transfer that is done here, a request of the other side's, or none.
enum class Refers : std::uint8_t { local, pass, reject };

// How the forks of a callee look to the caller: each To-tag of its own, or all of them as one.
enum class ForkView : std::uint8_t { each, one };

// A profile that the call joins before it goes anywhere.
struct RouteProfile {
    std::string name;
    std::string value;                    // empty for a profile without values
    std::optional<std::uint32_t> limit{}; // of this call alone; none: that of the profile. 0: counted only
};

// A text that is set on the call before it goes anywhere.
struct RouteVariable {
    std::string name;
    std::string value;
};

struct Route {
    std::uint16_t refuse = 0;           // a status from 300: the call is answered with it and goes nowhere
    std::string refuse_reason;          // its phrase; empty: the default one
    bool is_controlled = false;         // somebody is asked first (call/decision.hpp); the rest says nothing yet
    std::vector<RouteTarget> targets;   // at least one unless refused; tried in order
    std::vector<std::uint16_t> hunt_on; // answers, 300 to 699, that try the next target
    Redirects redirects = Redirects::pass;
    ForkView forks = ForkView::each;
    Refers refers = Refers::local;
    std::vector<RouteProfile> profiles; // joined all or none: a limit refuses the call 503
    std::vector<RouteVariable> variables;
    Duration ring_timeout{}; // of each target, from INVITE to answer; zero: none
    std::string headers;     // the same for the INVITE to every target
    // Before all of this an event is waited for, and then the route is asked for again; at the timeout this one holds.
    std::optional<EventWait> wait{};
};

class Router {
public:
    virtual ~Router() = default;
    virtual Route route(const Message &invite, const Endpoint &source) = 0;

    // The route of a call that was to be decided about, with targets, user and headers of `decision` in place of its
    // own. invalid: a target is none.
    virtual Result<Route> route_decided(const Message &invite, const Endpoint &source, bool is_known,
                                        const Decision & /*decision*/) {
        return is_known ? route_inside(invite, source) : route(invite, source);
    }

    // Whether any route at all takes calls from there. Asked before anything is kept of a call: a stranger is refused.
    virtual bool may_call(const IpAddress &) const { return true; }

    // Whether this machine or a trunk is there: who may call wherever a route does not say who may.
    virtual bool is_known(const IpAddress &) const { return false; }

    // Whether a trunk is there.
    virtual bool is_peer(const IpAddress &) const { return false; }

    // Whether failures of this source are overlooked: whoever writes its address on requests that must fail, which is
    // easy over UDP, would shut out those whom we expect.
    virtual bool is_expected(const IpAddress &ip) const { return is_known(ip) || is_peer(ip); }

    // Whether nobody knows yet where some trunk is: a stranger may be that one.
    virtual bool is_incomplete() const { return false; }

    // Of the trunk that listens there: it may have called us, and challenge what we send back. None: no trunk is there,
    // or we have no account with it.
    virtual std::optional<TrunkAccount> account_at(const Endpoint &) const { return std::nullopt; }

    // With the trunk of this name, wherever it is. Null: there is no such trunk any more, or no account.
    virtual std::shared_ptr<const Account> account_of(std::string_view) const { return nullptr; }

    // The same as route() for who is known otherwise than by his address: a user of ours who has proved it, or a party
    // of a call that was known when it came into it.
    virtual Route route_inside(const Message &invite, const Endpoint &source) { return route(invite, source); }

    // Whether what this peer asserts of identities is believed, and may be told to it (RFC 3325).
    virtual bool is_trusted(const IpAddress &) const { return false; }

    // Where a URI of somebody's Contact leads: of a redirection that is followed. None: it may not be called.
    virtual std::optional<RouteTarget> target_of(std::string_view) { return std::nullopt; }

    // Whether an INVITE may go to this address for a target of this origin. Asked when its name has been looked up too:
    // what others name must not lead where we are believed, past the routes and limits of the configuration.
    virtual bool may_send_to(const Endpoint &, TargetOrigin) const { return true; }
};

} // namespace tandem
