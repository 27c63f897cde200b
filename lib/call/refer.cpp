// REFER inside a call (RFC 3515, RFC 5589): refused, passed to the other side, or done here, where only the route table
// says who may be called.
#include <algorithm>
#include <utility>
#include "base/text.hpp"
#include "base/token.hpp"
#include "call/b2bua.hpp"
#include "call/header_policy.hpp"
#include "call/refer_to.hpp"
#include "sip/uri.hpp"

namespace tandem {
namespace {

bool is_named(const HeaderLine &line, std::string_view name) {
    return line.id == Header::other && equals_ignoring_case(line.name, name);
}

// RFC 4488: whoever refers wants no NOTIFY.
bool wants_no_report(const Message &refer) {
    for (const HeaderLine &line : refer.headers()) {
        if (is_named(line, "Refer-Sub") && equals_ignoring_case(trim(line.value), "false")) return true;
    }
    return false;
}

} // namespace

// The INVITE that the route table is asked about, and that the target gets. Its own Via, tags and Call-ID mean nothing.
std::string write_invite(std::string_view uri, std::string_view from, const Session &offer) {
    std::string out = "INVITE " + std::string(uri) +
                      " SIP/2.0\r\nVia: SIP/2.0/UDP transfer.invalid;branch=z9hG4bK-transfer\r\nMax-Forwards: 70\r\n"
                      "From: <" +
                      std::string(from) + ">;tag=transfer\r\nTo: <" + std::string(uri) +
                      ">\r\nCall-ID: transfer\r\nCSeq: 1 INVITE\r\nContact: <sip:transfer.invalid>\r\nAllow: " +
                      std::string(allowed_methods()) + "\r\nSupported: replaces\r\n";
    if (offer) out += "Content-Type: " + std::string(offer.content_type()) + "\r\n";
    return out + "Content-Length: " + std::to_string(offer.body.view().size()) + "\r\n\r\n" +
           std::string(offer.body.view());
}

// Whether another worker of the process may have the dialog: the names that tandem made say so, as ShardMap reads them.
// They may be those of another tandem.
bool B2bua::may_be_elsewhere(const Replaces &replaces) const {
    for (std::string_view name : {std::string_view(replaces.to_tag), std::string_view(replaces.call_id)}) {
        const auto shard = shard_of_token(name);
        if (shard) return *shard % options_.shards != random_.shard();
    }
    return false;
}

void B2bua::on_refer(CallId id, Call &call, Side from, DialogId dialog, const TransactionEvent &event, Instant now) {
    const Message &refer = event.message;
    if (call.refers == Refers::reject) return reply(event, 603, {}, {}, now);
    const auto target = read_refer_to(refer);
    if (!target) {
        const bool is_bad = target.error() == Error::invalid;
        return reply(event, is_bad ? 400 : 416, is_bad ? "Bad Refer-To" : "", {}, now);
    }
    if (call.refers == Refers::pass) return pass_refer(id, call, from, dialog, *target, event, now);
    if (call.transfers >= transfer_max) return reply(event, 603, "Too Many Transfers", {}, now);
    if (call.transfer || call.is_ringing() || call.first_invite()) return reply(event, 491, {}, {}, now);
    if (!is_live(call.leg(other(from)).dialog)) return reply(event, 481, {}, {}, now);

    const bool is_reported = !wants_no_report(refer);
    reply(event, 202, {},
          "Contact: " + writer_.contact(event.source, is_sips(refer.request_uri())) + "\r\n" +
              (is_reported ? "" : "Refer-Sub: false\r\n"),
          now);
    call.transfer = std::make_unique<Transfer>();
    call.transfer->from = from;
    call.transfer->is_known = call.leg(from).is_known;
    call.transfer->is_reported = is_reported;
    // The first one in a dialog may go without its number (RFC 3515 section 2.4.6), and older phones know no other.
    call.transfer->event = call.transfers == 0 ? "refer" : "refer;id=" + std::to_string(refer.cseq());
    report_transfer(id, call, 100, now);
    begin_transfer(id, call, *target, refer.value(Header::referred_by), now);
}

// `referred_by` is what the REFER says of its sender (RFC 3892), or empty.
void B2bua::begin_transfer(CallId id, Call &call, const ReferTo &target, std::string_view referred_by, Instant now) {
    Transfer &transfer = *call.transfer;
    ++call.transfers;
    if (target.replaces) {
        if (const auto replaced = find_replaced(*target.replaces)) return begin_join(id, call, *replaced, now);
    }
    const DialogSet &from = *tracker_.find(call.leg(transfer.from).dialog);
    const DialogSet &remaining = *tracker_.find(call.leg(other(transfer.from)).dialog);
    transfer.offered = unheld(call.leg(other(transfer.from)).session);
    const DialogPath path = path_of(remaining, call.leg(other(transfer.from)).local, nullptr);
    auto invite = Message::parse(write_invite(target.uri, path.remote_uri, transfer.offered));
    if (!invite || !invite->defect().empty()) return fail_transfer(id, call, 400, now);
    const Endpoint asker = call.leg(transfer.from).peer;
    std::string loop_path;
    if (is_loop(*invite, asker, loop_path)) return fail_transfer(id, call, 482, now);
    // A party of a call may have no more called than he could call himself. His address is that of his leg: anybody may
    // write another one on a REFER.
    const bool is_elsewhere = target.replaces && may_be_elsewhere(*target.replaces);
    const bool is_ours = is_elsewhere && call.command && call.command->kind == CommandKind::join; // nobody is called
    Route route = is_ours ? Route() : find_route(*invite, asker, transfer.is_known);
    if (!is_ours && !route.is_controlled && (route.refuse != 0 || route.targets.empty())) {
        return fail_transfer(id, call, route.refuse >= 300 ? route.refuse : std::uint16_t{404}, now);
    }
    if (is_elsewhere) lead_to_self(route, target, loop_path);
    const DialogPath asked_by = path_of(from, call.leg(transfer.from).local, nullptr);
    route.headers.append(loop_line(loop_path)).append("Referred-By: ");
    if (referred_by.empty()) {
        route.headers.append("<").append(asked_by.remote_uri).append(">\r\n");
    } else {
        route.headers.append(referred_by).append("\r\n");
    }
    if (target.replaces) route.headers.append("Replaces: ").append(target.replaces->to_string()).append("\r\n");
    call.setup = std::make_unique<Setup>();
    call.setup->route = std::move(route);
    call.setup->invite = std::move(*invite);
    if (call.setup->route.is_controlled) return ask(id, call, now);
    search_target(id, call, now);
}

// Where the caller stays, his record goes on counting; where he goes, each leg to the target counts by itself.
void B2bua::search_target(CallId id, Call &call, Instant now) {
    if (call.transfer->from == Side::callee) {
        if (!join_profiles(call, call.setup->route, now)) return fail_transfer(id, call, 503, now);
        const auto asked = ask_cluster(id, call.setup->route, call.leg(Side::caller).dialog);
        if (!asked) return fail_transfer(id, call, 503, now);
        call.setup->reservation = *asked;
        if (*asked) return;
    }
    if (!try_next(id, call, now)) end_setup(id, call, now);
}

// To a dialog that another worker has: by an INVITE with Replaces to ourselves, which is handed to that worker. The two
// who remain are joined across both calls. A mark that nobody else can make says who has sent it. If that worker knows
// no such dialog the targets of the route come next, as if this one had not been asked.
void B2bua::lead_to_self(Route &route, const ReferTo &target, std::string &loop_path) {
    const std::vector<Listener> &listeners = options_.listeners;
    const auto by_transport = [](const Listener &a, const Listener &b) {
        return a.bound.transport < b.bound.transport;
    };
    RouteTarget self;
    self.request_uri = target.uri;
    self.to = std::min_element(listeners.begin(), listeners.end(), by_transport)->bound; // UDP first
    route.targets.insert(route.targets.begin(), self);
    route.hunt_on.push_back(481);
    loop_path.append(",").append(mark_of(*target.replaces));
}

std::string B2bua::mark_of(const Replaces &replaces) const {
    return loop_mark(loop_hash_("Replaces", replaces.call_id, replaces.to_tag, replaces.from_tag));
}

// The caller's set joins the profiles of the target's route that are counted here, all or none (ask_cluster() is about
// the others). Those that it was not in before are left again should the transfer fail.
bool B2bua::join_profiles(Call &call, const Route &route, Instant now) {
    const DialogId dialog = call.leg(Side::caller).dialog;
    const auto record = tracker_.record(dialog);
    if (!record) return false;
    std::vector<ProfileRequest> requests;
    for (const RouteProfile &profile : route.profiles) {
        if (!is_shared(profile)) requests.push_back({profile.name, profile.value, profile.limit});
        const auto is_same = [&](const ProfileView &view) {
            return view.profile == profile.name && view.value == profile.value;
        };
        const auto &known = record->profiles;
        if (std::find_if(known.begin(), known.end(), is_same) == known.end()) call.transfer->joined.push_back(profile);
    }
    if (requests.empty() || tracker_.reserve(dialog, requests, now)) return true;
    call.transfer->joined.clear();
    return false;
}

// How far it has come, as a fragment of the answer that the target gave (RFC 3515 section 2.4.5).
void B2bua::report_transfer(CallId id, Call &call, std::uint16_t status, Instant now) {
    Transfer &transfer = *call.transfer;
    if (!transfer.is_reported || transfer.has_left || transfer.told == status) return;
    transfer.told = status;
    const std::string fragment =
        "SIP/2.0 " + std::to_string(status) + " " + std::string(default_reason(status)) + "\r\n";
    const Session body{SharedBytes(fragment), SharedBytes("message/sipfrag;version=2.0")};
    const std::string lines = "Event: " + transfer.event + "\r\nSubscription-State: " +
                              (status < 200 ? "active;expires=180" : "terminated;reason=noresource") + "\r\n";
    RequestParts parts;
    parts.has_contact = true;
    parts.extra = lines;
    parts.session = &body;
    const auto sent = send(id, call.leg(transfer.from), nullptr, Method::notify, parts, now);
    transfer.notify = sent ? *sent : TransactionId();
}

// To the other side, whose business it is: a dialog of ours that it names is named as that side's peer knows it.
void B2bua::pass_refer(CallId id, Call &call, Side from, DialogId dialog, ReferTo target, const TransactionEvent &event,
                       Instant now) {
    if (target.replaces) {
        if (const auto replaced = find_replaced(*target.replaces)) {
            const Call &named = *calls_.find(replaced->call);
            const Leg &leg = named.leg(other(replaced->side));
            if (const DialogSet *set = tracker_.find(leg.dialog)) {
                const DialogPath path = path_of(*set, leg.local, nullptr);
                target.replaces->call_id = path.call_id;
                target.replaces->to_tag = path.remote_tag;
                target.replaces->from_tag = path.local_tag;
            }
        }
    }
    std::string lines = "Refer-To: " + write_refer_to(target) + "\r\n";
    if (event.message.has(Header::referred_by)) {
        lines.append("Referred-By: ").append(event.message.value(Header::referred_by)).append("\r\n");
    }
    forward(id, call, from, dialog, event, now, lines);
}

} // namespace tandem
