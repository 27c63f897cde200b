#include "callapi/dialog_info.hpp"
#include <algorithm>
#include "event/glob.hpp"

namespace tandem {
namespace {

// By the sides of the dialog: we are one of them, and the peer is the other.
PeerInfo peer_of(const DialogRecord &leg, const std::string &socket) {
    PeerInfo peer;
    peer.call_id = leg.call_id;
    peer.socket = socket;
    const bool is_caller = leg.local_side.value_or(Side::callee) == Side::callee;
    const ForkRecord *fork = leg.forks.empty() ? nullptr : &leg.forks.front();
    if (is_caller) {
        peer.tag = leg.from_tag;
        peer.contact = leg.caller_target;
        peer.route_set = leg.caller_route_set;
        peer.cseq = fork ? fork->last_cseq[index(Side::caller)] : 0;
        if (peer.cseq == 0) peer.cseq = leg.invite_cseq;
    } else if (fork) {
        peer.tag = fork->to_tag;
        peer.contact = fork->callee_target;
        peer.route_set = fork->callee_route_set;
        peer.cseq = fork->last_cseq[index(Side::callee)];
    }
    return peer;
}

CdrVariable variable_of(const VariableView &variable) {
    return {std::string(variable.name), variable.value.type, std::string(variable.value.text), variable.value.integer};
}

bool has_profile(const DialogRecord &record, const DialogFilter &filter) {
    return std::any_of(record.profiles.begin(), record.profiles.end(), [&](const ProfileView &profile) {
        return profile.profile == filter.profile && (!filter.value || profile.value == *filter.value);
    });
}

} // namespace

DialogInfo make_dialog_info(const DialogRecord &record, const std::array<const DialogRecord *, 2> &legs,
                            const std::array<std::string, 2> &sockets, const WallClock &wall, Instant now) {
    DialogInfo info;
    info.id = record.id;
    info.from_uri = record.from_uri;
    info.to_uri = record.to_uri;
    info.request_uri = record.request_uri;
    info.source = record.source;
    info.trunk = record.trunk;
    info.state = record.state;
    info.end_reason = record.end_reason;
    info.init_us = wall.utc_us(record.created);
    if (record.ringing) info.ringing_us = wall.utc_us(*record.ringing);
    if (record.answered) {
        info.start_us = wall.utc_us(*record.answered);
        info.duration_us = std::max(now - *record.answered, Duration::zero()).count();
    }
    if (record.deadline != never) {
        info.timeout_us = wall.utc_us(record.deadline);
        info.lifetime_us = (record.deadline - record.timer_start).count();
    }
    for (const Side side : {Side::caller, Side::callee}) {
        if (const DialogRecord *leg = legs[index(side)]) {
            info.peers[index(side)] = peer_of(*leg, sockets[index(side)]);
        }
    }
    for (const ProfileView &profile : record.profiles) {
        info.profiles.push_back({std::string(profile.profile), std::string(profile.value), profile.has_value});
    }
    for (const VariableView &variable : record.variables) info.variables.push_back(variable_of(variable));
    return info;
}

bool DialogFilter::is_empty() const {
    return !state && !value && call_id.empty() && from.empty() && to.empty() && trunk.empty() && source.empty() &&
           profile.empty();
}

bool DialogFilter::matches(const DialogRecord &record) const {
    const auto fits = [](std::string_view text, const std::string &pattern) {
        return pattern.empty() || glob_matches(pattern, text);
    };
    return (!state || record.state == *state) && fits(record.from_uri, from) && fits(record.to_uri, to) &&
           fits(record.trunk, trunk) && fits(record.source, source) &&
           (fits(record.call_id, call_id) || fits(record.callee_call_id, call_id)) &&
           (profile.empty() || has_profile(record, *this));
}

} // namespace tandem
