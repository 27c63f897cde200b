// Writes what tandem sends on one leg: requests by the leg's dialog, responses by the request they answer.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>
#include "base/endpoint.hpp"
#include "base/method.hpp"
#include "base/shared_bytes.hpp"
#include "call/leg.hpp"
#include "call/listener.hpp"
#include "call/router.hpp"
#include "call/session.hpp"
#include "dialog/dialog_set.hpp"
#include "dialog/message_view.hpp"
#include "dialog/tracker.hpp"
#include "sip/message.hpp"
#include "sip/writer.hpp"

namespace tandem {

// How a request inside a dialog is addressed, on the fork in front or on that of a given To-tag.
struct DialogPath {
    std::string_view call_id;
    std::string_view local_uri;
    std::string_view local_tag;
    std::string_view remote_uri;
    std::string_view remote_tag;
    std::string_view remote_target;
    std::string_view route_set;
    bool is_flow = false; // where there is no route set it goes to the peer, whatever the target says
};

struct WrittenRequest {
    SharedBytes bytes;
    Endpoint to;
    SharedBytes host{};        // TLS: the name that led there; empty: none did
    std::string unknown_hop{}; // URI of a next hop whose name has to be looked up; empty: it is known where it is
};

// The extra fields of an in-dialog request. All text is borrowed.
struct RequestParts {
    std::string_view method;
    std::uint32_t cseq = 0;
    std::string_view branch;
    std::uint32_t max_forwards = 70;
    bool has_contact = false;
    std::string_view reason;          // value of a Reason header; empty: none
    std::string_view extra;           // whole header lines, each with CRLF; empty: none
    const Message *passed = nullptr;  // its headers and body go along, as the policy says
    const Session *session = nullptr; // the body, also in place of what is passed
};

DialogPath path_of(const DialogSet &set, Side local, const Fork *fork);

class LegWriter {
public:
    // Both outlive the writer.
    LegWriter(const std::vector<Listener> &listeners, const Router &router) : listeners_(listeners), router_(router) {}

    // The INVITE to the callee. `invite` is the caller's; `route_set` the value of Route, or empty; `extra` takes the
    // place of its headers with the same names, `own` stands beside them. Both are whole header lines.
    SharedBytes first_invite(const Message &invite, std::string_view request_uri, std::string_view route_set,
                             const Endpoint &to, std::string_view call_id, std::string_view from_tag,
                             std::string_view branch, std::string_view extra, std::string_view own);

    // To the next hop of the dialog. To `peer` if that is a name and not the `known` one, which may be null.
    WrittenRequest request(const DialogPath &path, const Endpoint &peer, const NamedHop *known,
                           const RequestParts &parts);

    // WrittenRequest::unknown_hop of the next request; empty also for a name that begins like an address.
    std::string unknown_hop(const DialogPath &path, const Endpoint &peer, const NamedHop *known) const;

    // The answer to `request`, which came from `source`. `passed` is what the other leg answered, or null, and
    // `session` the body in place of that, unless null.
    SharedBytes response(const Message &request, const Endpoint &source, std::uint16_t status, std::string_view reason,
                         std::string_view to_tag, const Message *passed, std::string_view extra = {},
                         const Session *session = nullptr);

    // Value of Contact, for the listener that faces the peer. `is_sips`: a SIPS URI, where the other side used one.
    std::string contact(const Endpoint &peer, bool is_sips) const;
    const std::string &sent_by(const Endpoint &peer) const { return listeners_[peer.listener].sent_by; }

private:
    void pass(const Message &from, const Endpoint &to, Writer &writer, std::string_view replaced = {});

    const std::vector<Listener> &listeners_;
    const Router &router_;
    std::string buffer_; // the message being written
};

// A Contact as a Request-URI: what stands before its headers part, which has no place there (RFC 3261 section 19.1.1);
// empty if no request could be sent to it.
std::string_view usable_target(std::string_view contact_uri);

// Storage for a view: what stands on several lines of the message.
struct ViewText {
    std::string record_route;
    std::string reason;
};

// What the tracker reads of a message that came from the network. No branch: the transactions absorb what comes again.
MessageView view_of(const Message &message, ViewText &text);

} // namespace tandem
