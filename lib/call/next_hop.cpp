// Where the requests inside a dialog go if their next hop, a Contact or a Record-Route, is a name (RFC 3263). It is
// looked up when the dialog is answered, or when a request first meets it. No request waits for that: until the name is
// known, and if nobody knows it, they take the way that the INVITE took.
#include <algorithm>
#include "call/b2bua.hpp"

namespace tandem {

// Begins to look the name up, if it is one.
void B2bua::find_hop(Leg &leg) {
    const DialogSet *set = tracker_.find(leg.dialog);
    if (!set || set->is_over()) return;
    DialogPath path = path_of(*set, leg.local, nullptr);
    path.is_flow = leg.is_flow;
    std::string uri = writer_.unknown_hop(path, leg.peer, leg.hop.get());
    if (!uri.empty()) look_up_hop(leg, std::move(uri));
}

void B2bua::look_up_hop(Leg &leg, std::string uri) {
    const auto lookup = lookups_.emplace(WantedLookup{{}, leg.dialog});
    if (!lookup) return; // too many at once: the next request tries again
    wanted_lookups_.push_back({*lookup, uri});
    leg.hop = std::make_unique<NamedHop>(NamedHop{std::move(uri), *lookup});
}

// The first address that a listener of ours reaches; one that is out of order is not left for the next one.
void B2bua::on_hop_resolved(LookupId lookup, DialogId dialog, std::span<const Endpoint> addresses) {
    CallId id;
    Call *call = find_call(dialog, id);
    Leg *leg = call ? call->find_any_leg(dialog) : nullptr;
    if (!leg || !leg->hop || leg->hop->lookup != lookup) return; // it has another one by now
    leg->hop->lookup = {};
    for (Endpoint to : addresses) {
        const bool is_alike = to.transport == leg->peer.transport && to.ip.is_v6 == leg->peer.ip.is_v6;
        to.listener = leg->peer.listener;
        const auto sender = is_alike ? std::optional(to) : with_listener(options_.listeners, to);
        if (!sender) continue;
        leg->hop->to = *sender;
        return;
    }
}

WrittenRequest B2bua::write_request(Leg &leg, DialogPath path, const RequestParts &parts) {
    path.is_flow = leg.is_flow;
    WrittenRequest written = writer_.request(path, leg.peer, leg.hop.get(), parts);
    if (!written.unknown_hop.empty()) look_up_hop(leg, written.unknown_hop);
    return written;
}

} // namespace tandem
