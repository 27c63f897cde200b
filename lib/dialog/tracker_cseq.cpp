// The numbers of a dialog that a proxy in the middle answers challenges for: see cseq_map.hpp.
#include "dialog/tracker.hpp"

namespace tandem {
namespace {

using Kind = CseqMaps::Kind;

const CseqMaps *maps_of(const DialogSet &set) { return set.extras ? set.extras->cseq_maps.get() : nullptr; }

const CseqMap &map_of(const DialogSet &set, Kind kind, std::string_view name) {
    static const CseqMap identity;
    const CseqMaps *maps = maps_of(set);
    const CseqMap *map = maps ? maps->find(kind, name) : nullptr;
    return map ? *map : identity;
}

// What the sender has used of a dialog; one that nobody has fed has its INVITE alone.
std::optional<std::uint32_t> last_of(const DialogSet &set, std::string_view to_tag, Side sender) {
    if (const Fork *fork = set.find_fork(to_tag)) return fork->last_cseq[index(sender)];
    return sender == Side::caller ? std::optional(set.invite_cseq) : std::nullopt;
}

bool is_confirmed(const DialogSet &set, std::string_view to_tag) {
    const Fork *fork = set.find_fork(to_tag);
    return fork && fork->state >= DialogState::confirmed;
}

struct Place {                 // of a message
    Side asker = Side::caller; // who sent the request
    std::string_view to_tag;   // of the callee; empty: no dialog yet
    bool is_of_invite = false; // of the first INVITE, or its CANCEL: the branch has the number
};

std::optional<Place> place_of(const DialogSet &set, const MessageView &message) {
    Place place;
    const std::string_view caller = set.view(DialogSet::from_tag);
    if (message.from_tag == caller) {
        place.to_tag = message.to_tag;
    } else if (message.to_tag == caller) {
        place.asker = Side::callee;
        place.to_tag = message.from_tag;
    } else {
        return std::nullopt;
    }
    const bool may_be_first = message.method == Method::invite || message.method == Method::cancel;
    place.is_of_invite =
        place.asker == Side::caller &&
        (message.is_request() ? message.to_tag.empty() : may_be_first && !is_confirmed(set, place.to_tag));
    return place;
}

} // namespace

DialogId Tracker::find_of(const MessageView &message, std::string_view branch) {
    const std::uint64_t hash = hash_of(message.call_id);
    if (const Match match = find_fork(message, hash); match.fork) return match.dialog;
    if (message.is_request() && message.method == Method::invite) return find_invite(message, hash);
    DialogId latest;
    const DialogId exact = index_.find(hash, [&](DialogId id) {
        const DialogSet &set = *sets_.find(id);
        if (set.view(DialogSet::call_id) != message.call_id) return false;
        if (set.view(DialogSet::from_tag) != message.from_tag) return false;
        latest = id;
        if (message.is_request()) return set.invite_cseq == message.cseq;
        const auto origin = map_of(set, Kind::branch, branch).of(Side::caller).origin(message.cseq);
        return origin && origin->number == set.invite_cseq;
    });
    return exact ? exact : latest;
}

Result<std::uint32_t> Tracker::sent_cseq(DialogId id, const MessageView &request, std::string_view branch,
                                         std::uint32_t number) const {
    const DialogSet *set = sets_.find(id);
    const auto place = set ? place_of(*set, request) : std::nullopt;
    if (!place) return Error::not_found;
    const CseqMaps *maps = maps_of(*set);
    if (!maps) return number;
    // The ACK of a refusal carries the tag of whoever refused, which is no dialog.
    const bool is_of_dialog = !place->is_of_invite && (request.method != Method::ack || set->find_fork(place->to_tag) ||
                                                       maps->find(Kind::fork, place->to_tag));
    return (is_of_dialog ? map_of(*set, Kind::fork, place->to_tag) : map_of(*set, Kind::branch, branch))
        .of(place->asker)
        .sent(number);
}

Result<CseqOrigin> Tracker::answered_cseq(DialogId id, const MessageView &response, std::string_view branch) {
    make_room();
    DialogSet *set = sets_.find(id);
    const auto place = set ? place_of(*set, response) : std::nullopt;
    if (!place) return Error::not_found;
    CseqMaps *maps = set->extras ? set->extras->cseq_maps.get() : nullptr;
    if (!maps) return CseqOrigin{response.cseq, false};
    const CseqMap *of_branch = place->is_of_invite ? maps->find(Kind::branch, branch) : nullptr;
    if (!of_branch) return map_of(*set, Kind::fork, place->to_tag).of(place->asker).origin(response.cseq);
    const auto origin = of_branch->of(Side::caller).origin(response.cseq);
    if (!origin || place->to_tag.empty() || response.method != Method::invite) return origin;
    if (origin->number != set->invite_cseq) return Error::not_found;

    // The dialog begins with the try that it answers: an earlier or a later one has other dialogs.
    const CseqSpace space = of_branch->of(Side::caller).up_to(response.cseq);
    if (last_of(*set, place->to_tag, Side::caller) != set->invite_cseq) return origin;
    if (map_of(*set, Kind::fork, place->to_tag).of(Side::caller) == space) return origin;
    CseqMap *map = make_cseq_map(*set, Kind::fork, place->to_tag);
    if (!map) return Error::full;
    map->of(Side::caller) = space;
    mark_changed(id, *set);
    return origin;
}

Result<std::uint32_t> Tracker::retry_cseq(DialogId id, const MessageView &refusal, std::string_view branch) {
    make_room();
    DialogSet *set = find_live(id);
    const auto place = set ? place_of(*set, refusal) : std::nullopt;
    if (!place || refusal.is_request()) return Error::not_found;
    if (!place->is_of_invite && !set->find_fork(place->to_tag)) return Error::not_found;
    const Kind kind = place->is_of_invite ? Kind::branch : Kind::fork;
    const std::string_view name = place->is_of_invite ? branch : place->to_tag;
    const auto last = place->is_of_invite ? set->invite_cseq : last_of(*set, place->to_tag, place->asker);
    CseqSpace space = map_of(*set, kind, name).of(place->asker);
    const auto number = space.retry(refusal.cseq, last);
    if (number) return keep_cseq(id, *set, kind, name, place->asker, std::move(space), *number);
    return number;
}

Result<std::uint32_t> Tracker::take_cseq(DialogId id, Side sender, std::string_view to_tag) {
    make_room();
    DialogSet *set = find_live(id);
    if (!set) return Error::not_found;
    const Fork *fork = to_tag.empty() ? set->forks.get() : set->find_fork(to_tag);
    if (!fork) return Error::not_found;
    const std::string name(fork->text.get(Fork::to_tag));
    CseqSpace space = map_of(*set, Kind::fork, name).of(sender);
    const auto number = space.take(fork->last_cseq[index(sender)]);
    if (number) return keep_cseq(id, *set, Kind::fork, name, sender, std::move(space), *number);
    return number;
}

Result<std::uint32_t> Tracker::keep_cseq(DialogId id, DialogSet &set, CseqMaps::Kind kind, std::string_view name,
                                         Side sender, CseqSpace space, std::uint32_t number) {
    CseqMap *map = make_cseq_map(set, kind, name);
    if (!map) return Error::full;
    map->of(sender) = std::move(space);
    mark_changed(id, set);
    return number;
}

// The map of that name. If there are too many the oldest goes whose dialog has ended, or was never fed: an early or a
// confirmed dialog and a branch keep theirs.
CseqMap *Tracker::make_cseq_map(DialogSet &set, CseqMaps::Kind kind, std::string_view name) {
    DialogExtras &extras = extras_of(set);
    if (!extras.cseq_maps) extras.cseq_maps = std::make_unique<CseqMaps>();
    CseqMaps &maps = *extras.cseq_maps;
    for (std::size_t i = 0; maps.is_full() && !maps.find(kind, name) && i < maps.entries().size(); ++i) {
        const CseqMaps::Entry &entry = maps.entries()[i];
        const Fork *fork = entry.kind == Kind::fork ? set.find_fork(entry.name) : nullptr;
        if (entry.kind == Kind::fork && (!fork || fork->state == DialogState::terminated)) maps.erase(i);
    }
    return maps.make(kind, name);
}

} // namespace tandem
