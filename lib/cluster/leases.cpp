#include "cluster/leases.hpp"
#include <algorithm>
#include <limits>
#include <utility>

namespace tandem {
namespace {

constexpr std::uint32_t command_max = 4'000'000;
constexpr std::uint32_t key_max = 4'000'000;

} // namespace

Leases::Leases(const LeaseOptions &options, LeaseStore &store, Random &random, Instant now)
    : options_(options), store_(store), hash_(random), random_(random), keys_(key_max), leases_(options.dialog_max),
      asked_(options.dialog_max), commands_(command_max), retry_at_(now) {
    options_.retry_max = std::min(options_.retry_max, options_.lease / 2);
    options_.retry_min = std::min(options_.retry_min, options_.retry_max);
}

void Leases::reserve(const Reservation &reservation, Instant now) {
    const LeaseId id = find_or_add(reservation.dialog);
    Lease *lease = leases_.find(id);
    if (!lease || lease->places.size() + reservation.places.size() > options_.per_dialog_max) {
        ++statistics_.full;
        if (lease) erase_if_empty(id);
        return tell(reservation.id, Verdict::full);
    }
    const bool is_limited = std::any_of(reservation.places.begin(), reservation.places.end(),
                                        [](const ClusterPlace &place) { return place.limit > 0; });
    if (is_limited && !is_out_ && !lease->asked) return begin(reservation, id, now);
    for (const ClusterPlace &place : reservation.places) hold(*lease, key_text(place.profile, place.value));
    make_due(id, *lease);
    erase_if_empty(id);
    tell(reservation.id, is_limited ? Verdict::unknown : Verdict::admitted);
}

void Leases::adopt(RecordId dialog, std::span<const ClusterPlace> places, Instant now) {
    const LeaseId id = find_or_add(dialog);
    Lease *lease = leases_.find(id);
    if (!lease) return;
    is_heir_ = true;
    for (const ClusterPlace &place : places) {
        if (lease->places.size() < options_.per_dialog_max) hold(*lease, key_text(place.profile, place.value));
    }
    make_due(id, *lease);
    erase_if_empty(id);
    pump(now);
}

void Leases::release(RecordId dialog, Instant now) {
    const LeaseId id = find(dialog);
    Lease *lease = leases_.find(id);
    if (!lease) return;
    if (const Asked *asked = asked_.find(lease->asked)) verdicts_.push({asked->id, Verdict::unknown, 0, 0});
    asked_.erase(std::exchange(lease->asked, AskedId()));
    for (Place &place : lease->places) let_go(place, now);
    make_due(id, *lease);
    drop_answered();
    pump(now);
}

void Leases::forget(RecordId dialog) {
    const LeaseId id = find(dialog);
    Lease *lease = leases_.find(id);
    if (!lease) return;
    if (const Asked *asked = asked_.find(lease->asked)) verdicts_.push({asked->id, Verdict::unknown, 0, 0});
    asked_.erase(std::exchange(lease->asked, AskedId()));
    std::vector<KeyId> keys;
    for (const Place &place : lease->places) keys.push_back(place.key);
    for (const KeyId key : keys) erase_place(id, key);
    erase_if_empty(id); // if it had none
    drop_answered();
}

void Leases::leave(RecordId dialog, std::string_view profile, std::string_view value, Instant now) {
    const LeaseId id = find(dialog);
    Lease *lease = leases_.find(id);
    Place *place = lease ? find_place(*lease, find_key(key_text(profile, value))) : nullptr;
    if (!place || place->hold != Hold::held) return;
    let_go(*place, now);
    make_due(id, *lease);
    pump(now);
}

void Leases::ask_size(std::uint64_t asker, std::string_view profile, std::string_view value, Instant now) {
    if (link_ != Link::up) return sizes_.push({asker, std::nullopt});
    LeaseCommand command;
    command.action = LeaseAction::size;
    command.keys.push_back(key_text(profile, value));
    Command kept;
    kept.action = LeaseAction::size;
    kept.asker = asker;
    send(std::move(command), std::move(kept), now);
}

void Leases::take(const PlaceRequest &request, Instant now) {
    if (const auto *asked = std::get_if<Reservation>(&request)) return reserve(*asked, now);
    const auto &left = std::get<Departure>(request);
    leave(left.dialog, left.profile, left.value, now);
}

bool Leases::next_verdict(Reserved &reserved) {
    if (verdicts_.empty()) return false;
    reserved = verdicts_.front();
    verdicts_.pop();
    return true;
}

bool Leases::next_notice(LeaseNotice &notice) {
    if (notices_.empty()) return false;
    notice = std::move(notices_.front());
    notices_.pop();
    return true;
}

bool Leases::next_size(LeaseSize &size) {
    if (sizes_.empty()) return false;
    size = sizes_.front();
    sizes_.pop();
    return true;
}

LeaseStatistics Leases::statistics() const { return statistics_; }

std::uint64_t Leases::hash_of(RecordId dialog) const {
    const auto bytes = [](const std::uint64_t &number) {
        return std::string_view(reinterpret_cast<const char *>(&number), sizeof(number));
    };
    return hash_(bytes(dialog.epoch), bytes(dialog.serial));
}

Leases::LeaseId Leases::find(RecordId dialog) const {
    return index_.find(hash_of(dialog), [&](LeaseId id) { return leases_.find(id)->dialog == dialog; });
}

// None: there are too many.
Leases::LeaseId Leases::find_or_add(RecordId dialog) {
    if (const LeaseId known = find(dialog)) return known;
    const auto made = leases_.emplace();
    if (!made) return {};
    Lease &lease = *leases_.find(*made);
    lease.dialog = dialog;
    lease.hash = hash_of(dialog);
    index_.insert(lease.hash, *made);
    return *made;
}

Leases::Place *Leases::find_place(Lease &lease, KeyId key) {
    const auto found =
        std::find_if(lease.places.begin(), lease.places.end(), [&](const Place &place) { return place.key == key; });
    return key && found != lease.places.end() ? &*found : nullptr;
}

// What stands between the first pair of braces says the slot of a sharded store. No name of a profile has a '='.
std::string Leases::key_text(std::string_view profile, std::string_view value) {
    std::string text = "{" + std::string(profile);
    if (!value.empty()) text.append("=").append(value);
    return text.append("}");
}

Leases::KeyId Leases::find_key(std::string_view text) const {
    return key_index_.find(hash_(text), [&](KeyId id) { return keys_.find(id)->text == text; });
}

// None: there are too many.
Leases::KeyId Leases::use_key(std::string_view text) {
    KeyId id = find_key(text);
    if (!id) {
        const auto made = keys_.emplace(Key{std::string(text), hash_(text), 0});
        if (!made) return {};
        id = *made;
        key_index_.insert(keys_.find(id)->hash, id);
    }
    ++keys_.find(id)->uses;
    return id;
}

void Leases::drop_key(KeyId id) {
    Key *key = keys_.find(id);
    if (!key || --key->uses > 0) return;
    key_index_.erase(key->hash, id);
    keys_.erase(id);
}

void Leases::erase_place(LeaseId id, KeyId key) {
    Lease &lease = *leases_.find(id);
    std::erase_if(lease.places, [&](const Place &place) { return place.key == key; });
    --statistics_.leases;
    drop_key(key);
    erase_if_empty(id);
}

void Leases::erase_if_empty(LeaseId id) {
    const Lease *lease = leases_.find(id);
    if (!lease || !lease->places.empty() || lease->asked) return;
    index_.erase(lease->hash, id);
    leases_.erase(id);
}

// From now on the dialog has this place, whatever the store says.
void Leases::hold(Lease &lease, std::string_view text) {
    if (Place *known = find_place(lease, find_key(text))) {
        if (known->hold == Hold::leaving) known->confirmed.reset();
        known->hold = Hold::held;
        return;
    }
    const KeyId key = use_key(text);
    if (!key) return;
    lease.places.push_back({key, Hold::held, std::nullopt, {}});
    ++statistics_.leases;
}

void Leases::let_go(Place &place, Instant now) {
    if (place.hold == Hold::leaving) return;
    place.hold = Hold::leaving;
    place.confirmed.reset();
    place.leaving_since = now;
}

} // namespace tandem
