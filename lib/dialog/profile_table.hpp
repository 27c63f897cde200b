// Profiles: named sets of dialogs that are counted and limited, each either plain or split by value. One table serves
// every shard of a process. Threads: any function from any thread; one mutex inside, never held across a callback.
//
// A membership belongs to its dialog: the tracker keeps the list, and releases it when the dialog set ends.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include "base/brief_mutex.hpp"
#include "base/hash.hpp"
#include "base/hash_index.hpp"
#include "base/packed_text.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/slot_table.hpp"
#include "dialog/dialog_id.hpp"

namespace tandem {

using MemberId = Id<struct MemberTag>;

constexpr std::size_t profile_name_max = 64;

// What becomes of calls when nobody knows how many there are in all nodes.
enum class OnOutage : std::uint8_t {
    closed, // they are refused
    open,   // they pass
    local   // they pass as far as the limit has room for those of this process
};

struct ProfileOptions {
    std::string name; // up to profile_name_max bytes of visible ASCII, no '='
    bool has_values = false;
    std::uint32_t limit = 0; // members; of each value, if it has values. 0: counted only
    std::vector<std::pair<std::string, std::uint32_t>> limits; // of single values, over `limit`; 0: counted only
    bool is_shared = false; // several nodes count it together: this table only counts its own, and limits nobody, but
                            // for a limit that stands in the request
    OnOutage on_outage = OnOutage::closed; // of one that is shared
};

// What holds for one more member.
struct ProfileRule {
    std::uint32_t limit = 0; // of the value; 0: none
    bool is_shared = false;
    OnOutage on_outage = OnOutage::closed;
};

struct ProfileTableOptions {
    std::uint32_t profile_max = 256;
    std::uint32_t value_max = 1'000'000;  // values that have members or a limit of their own, of all profiles
    std::uint32_t member_max = 4'000'000; // memberships, of all profiles
    std::uint32_t per_dialog_max = 32;    // profiles and values that one dialog is in
    std::uint32_t value_size_max = 256;   // bytes of a value
};

struct ProfileRequest {
    std::string_view profile;
    std::string_view value{};             // of a profile with values, where the empty text is a value like another
    std::optional<std::uint32_t> limit{}; // for this call, over the declared ones; 0: counted only
};

// What stood in the way of a reservation.
struct ProfileRefusal {
    std::size_t index = 0;   // of the request
    std::uint32_t size = 0;  // members then, if it was a limit
    std::uint32_t limit = 0; // the limit that applied, if it was one
};

// One membership of a dialog. The names stay after the release, for the record; leave() takes them out.
struct Membership {
    MemberId member; // none: released
    std::uint32_t profile = 0;
    PackedText<1> value;
};
using Memberships = std::vector<Membership>;

struct ProfileInfo {
    std::string name;
    bool has_values = false;
    std::uint32_t size = 0;   // members; of all values together
    std::uint32_t values = 0; // with at least one member
    std::uint32_t limit = 0;
    std::uint64_t refused = 0; // reservations that this profile's limit refused
};

struct ProfileValueInfo {
    std::string value;
    std::uint32_t size = 0;
    std::uint32_t limit = 0; // that applies; 0: none
};

// A page of a listing that goes on while members come and go: what is there from its first page to its last comes at
// least once; what moves meanwhile may come twice.
template <class T>
struct ProfilePage {
    std::vector<T> items;
    std::uint64_t next = 0; // cursor of the next page; 0: this was the last one
};

struct LiveMemberships {
    DialogId dialog;
    Memberships *memberships = nullptr;
};

struct ProfileAudit {
    std::uint64_t checked = 0;   // memberships of live dialogs
    std::uint64_t removed = 0;   // members whose dialog is not alive or knows nothing of it
    std::uint64_t added = 0;     // memberships of live dialogs that were not counted
    std::uint64_t misplaced = 0; // members that stood at a wrong place in their list

    std::uint64_t repairs() const { return removed + added + misplaced; }
    ProfileAudit &operator+=(const ProfileAudit &more);
};

struct ProfileMember {
    MemberId member;
    DialogId dialog;
};

class ProfileTable {
public:
    explicit ProfileTable(Random &random, const ProfileTableOptions &options = {});

    // Adds a profile, or gives a known one new limits (those of single values are replaced as well; who is in stays
    // in). Of a value that stands in `limits` twice the last limit counts. Fails, changing nothing, with invalid (the
    // name, a value, has_values other than before), full.
    Result<void> declare(const ProfileOptions &options);

    // Joins all of the profiles or none, also if memory ends; `dialog` is written into the lists, `memberships` is its
    // own list, guarded by the caller. Joining again counts once, and no limit refuses it. Fails with
    //   no_profile  not declared;     invalid    a value given to a profile without values, or one with control bytes;
    //   too_large   a value too long; full       a bound of ProfileTableOptions;
    //   limit       one more is refused.
    // `refusal` says of which request, but for full, and may be null.
    Result<void> reserve(DialogId dialog, Memberships &memberships, std::span<const ProfileRequest> requests,
                         ProfileRefusal *refusal = nullptr);

    // Takes the membership out of the list, name and all. False if it was no member. Fails with no_profile, invalid.
    Result<bool> leave(Memberships &memberships, std::string_view profile, std::string_view value);

    void release(Memberships &memberships); // all of them; the names stay. A second time does nothing

    // The same in two steps: out of the list into `held`, where they count on until they are released. Without memory
    // for it they are released at once.
    void hold(Memberships &memberships, std::vector<MemberId> &held);
    void release(std::vector<MemberId> &held); // leaves it empty

    // Of a membership, for records, or of all from 0 to count() - 1. The text holds for ever: no profile is removed.
    std::string_view name_of(std::uint32_t profile) const;
    bool has_values(std::uint32_t profile) const;
    std::uint32_t count() const;
    Result<bool> has_values(std::string_view profile) const; // and stays so. no_profile

    Result<std::uint32_t> size(std::string_view profile) const;                         // of all values together
    Result<std::uint32_t> size(std::string_view profile, std::string_view value) const; // unknown values have none

    // Fails as a reservation would: no_profile, invalid, too_large.
    Result<ProfileRule> rule(std::string_view profile, std::string_view value) const;

    void note_refused(std::string_view profile); // by the count of all nodes: see ProfileInfo

    Result<ProfileInfo> info(std::string_view profile) const;
    std::vector<ProfileInfo> profiles() const; // in the order of declaration

    // A cursor of 0 begins; `max` is at least 1. values() lists those with at least one member. invalid: `max` is 0, a
    // cursor that no page of this table can have given, or values asked of a profile that has none.
    Result<ProfilePage<ProfileValueInfo>> values(std::string_view profile, std::uint64_t cursor, std::size_t max) const;
    Result<ProfilePage<DialogId>> members(std::string_view profile, std::uint64_t cursor, std::size_t max) const;
    Result<ProfilePage<DialogId>> members(std::string_view profile, std::string_view value, std::uint64_t cursor,
                                          std::size_t max) const;

    // Compares the lists with the memberships of every dialog that lives, repairs what differs and says how much did:
    // nothing, unless somebody erred. Whom a dialog names is counted again, whatever the limit; a membership that it
    // names twice, once. The caller keeps every dialog from changing meanwhile, and gives each once.
    ProfileAudit audit(std::span<const LiveMemberships> living);

    // The same piece by piece, while calls come and go: a membership is changed by the thread of its shard alone, so
    // that thread compares what concerns its own dialogs. See Tracker::audit().
    //
    // First the lists themselves, of all shards in one go: how many members were misplaced, or 1 for a wrong size.
    ProfileAudit audit_lists();
    // Members of this shard's dialogs in the `max` slots from `cursor` on; appends. The cursor is 0 at the end.
    void list_members(std::uint8_t shard, std::uint64_t &cursor, std::size_t max,
                      std::vector<ProfileMember> &members) const;
    std::uint64_t remove(std::span<const MemberId> strays); // whom no dialog names; how many there were
    ProfileAudit recount(std::span<const LiveMemberships> some); // counts those again whom nobody counts

private:
    friend struct ProfileTableDamage; // plants what only our own error can cause, so that tests see audit() find it

    using ProfileId = Id<struct ProfileTag>;
    using ValueId = Id<struct ProfileValueTag>;

    struct Value;

    // Sizes are those of the lists. An erased entry is replaced by the last one, so pages go from the end to the front.
    struct Profile {
        std::string name;
        std::uint32_t index = 0;
        bool has_values = false;
        std::uint32_t limit = 0;
        bool is_shared = false;
        OnOutage on_outage = OnOutage::closed;
        std::uint32_t size = 0; // of the members of all values: changed beside their lists and nowhere else
        std::uint64_t refused = 0;
        std::uint64_t hash = 0;            // spreads equal texts of several profiles
        Value *plain = nullptr;            // the one value of a profile without values; always there
        std::vector<std::uint32_t> values; // slots, of those with members
        std::vector<ValueId> limited;      // those with a limit of their own
    };

    // Lives as long as it has members or a limit of its own.
    struct Value {
        Profile *profile = nullptr;
        std::string text;
        std::uint64_t hash = 0;             // of profile and text
        std::vector<std::uint32_t> members; // slots
        std::optional<std::uint32_t> limit; // its own
        std::uint32_t slot = 0;             // its own
        std::uint32_t position = 0;         // in profile->values, while it has members
    };

    struct Member {
        DialogId dialog;
        std::uint32_t value = 0;    // slot
        std::uint32_t position = 0; // in the members of the value
    };

    // A request of the reservation under way.
    struct Step {
        Profile *profile = nullptr;
        Value *value = nullptr; // none: not there yet
        MemberId member;        // that joined by this step
        std::size_t entry = 0;  // of the list, that names this member now
        MemberId before;        // whom the entry named
    };

    // All below expect the mutex to be held.

    Profile *find_profile(std::string_view name) const;
    std::uint64_t hash_of(const Profile &profile, std::string_view text) const { return hash_(text) ^ profile.hash; }
    Value *find_value(const Profile &profile, std::string_view text) const;
    Result<void> check_value(const Profile &profile, std::string_view text) const; // invalid, too_large
    std::uint32_t limit_of(const Value &value) const { return value.limit.value_or(value.profile->limit); }
    bool is_member(DialogId dialog, const Membership &membership) const; // this very one

    Result<void> set_limits(Profile &profile, const ProfileOptions &options);
    Result<Value *> add_value(Profile &profile, std::string_view text);
    Result<Value *> find_or_add_value(Profile &profile, std::string_view text);
    void drop_if_idle(const Value &value);
    void erase_value(const Value &value);
    MemberId add_member(DialogId dialog, Value &value); // none: member_max is reached
    void link(std::uint32_t slot, Member &member);
    void remove_member(MemberId id);

    Result<void> resolve(std::span<const ProfileRequest> requests, std::size_t &index); // into steps_
    Result<void> admit(DialogId dialog, Memberships &memberships, std::span<const ProfileRequest> requests,
                       ProfileRefusal *refusal);
    Result<void> join(DialogId dialog, Memberships &memberships, std::string_view text, Step &step);

    ProfileInfo info_of(const Profile &profile) const;
    bool is_placed(std::uint32_t slot, const Member &member) const;
    bool are_sizes_right() const;
    std::uint64_t repair_lists(); // returns how many members were misplaced
    bool add_again(DialogId dialog, Membership &membership);
    void find_uncounted(const LiveMemberships &live, std::vector<Membership *> &uncounted, ProfileAudit &audit);

    ProfileTableOptions options_;
    KeyedHash hash_;
    mutable BriefMutex mutex_;                       // guards all below
    std::vector<std::unique_ptr<Profile>> profiles_; // by index; never removed
    HashIndex<ProfileId> profile_index_;
    SlotTable<Value, ProfileValueTag> values_;
    std::uint32_t plain_values_ = 0; // of plain profiles: value_max is about the others
    HashIndex<ValueId> value_index_;
    SlotTable<Member, MemberTag> members_;
    std::vector<Step> steps_; // of the reservation under way; kept for its memory
};

} // namespace tandem
