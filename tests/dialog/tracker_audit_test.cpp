// The audit of a tracker among others that go on: it sees what only our own error can cause, and repairs it.
#include <algorithm>
#include <doctest/doctest.h>
#include <string>
#include <vector>
#include "base/random.hpp"
#include "dialog/tracker.hpp"

using namespace tandem;
using std::chrono::milliseconds;

namespace tandem {

struct TrackerDamage {
    static DialogSet &set(Tracker &tracker, DialogId id) { return *tracker.sets_.find(id); }
    static void lose_timer(Tracker &tracker, DialogId id) {
        tracker.timers_.cancel(set(tracker, id).timer);
        set(tracker, id).timer = TimerId();
    }
};

struct ProfileTableDamage {
    static std::uint32_t &size_of(ProfileTable &table, std::string_view profile) {
        return table.find_profile(profile)->size;
    }
};

} // namespace tandem

namespace {

TrackerOptions of_shard(std::uint8_t shard) {
    TrackerOptions options;
    options.epoch = 1;
    options.shard = shard;
    options.holds_places = true;
    options.wants_end_due = false;
    return options;
}

// Two trackers that share their profiles, "calls" and "user" with values.
struct TwoShards {
    TwoShards() {
        REQUIRE(profiles.declare({.name = "calls"}).ok());
        REQUIRE(profiles.declare({.name = "user", .has_values = true}).ok());
        for (std::uint8_t shard = 0; shard < 2; ++shard) {
            for (int call = 0; call < 10; ++call) calls[shard].push_back(invite(shard));
        }
    }

    MessageView view(std::uint8_t shard, std::uint16_t status = 0) {
        call_id = std::to_string(number) + "-" + std::to_string(shard);
        MessageView made;
        made.method = Method::invite;
        made.status = status;
        made.cseq = 1;
        made.call_id = call_id;
        made.from_tag = "f";
        made.to_tag = status == 0 ? "" : "t";
        made.from_uri = "sip:alice@a";
        made.to_uri = "sip:bob@b";
        made.request_uri = "sip:bob@b";
        made.contact_uri = "sip:x@192.0.2.1";
        return made;
    }
    DialogId invite(std::uint8_t shard) {
        ++number;
        const DialogId id = trackers[shard].feed(view(shard), now).value().dialog;
        user = std::to_string(number);
        const ProfileRequest requests[] = {{.profile = "calls"}, {.profile = "user", .value = user}};
        REQUIRE(trackers[shard].reserve(id, requests, now).ok());
        return id;
    }

    // In slices of seven, between which `meanwhile` happens.
    TrackerAudit audit(
        std::uint8_t shard, const std::vector<MemberId> &held = {}, const std::function<void()> &meanwhile = [] {}) {
        TrackerAudit audit;
        while (trackers[shard].audit(audit, 7, held, now, milliseconds(1000))) meanwhile();
        return audit;
    }
    void check_in_order(std::uint8_t shard, const std::vector<MemberId> &held = {}) {
        const TrackerAudit found = audit(shard, held);
        CHECK(found.profiles.repairs() == 0);
        CHECK(found.overdue == 0);
    }

    SeededRandom random{1};
    Instant now = at_ms(1000);
    ProfileTable profiles{random};
    TrackerShared shared{random, profiles};
    Tracker trackers[2] = {{of_shard(0), shared, random, now}, {of_shard(1), shared, random, now}};
    std::vector<DialogId> calls[2];
    int number = 0;
    std::string call_id, user;
};

} // namespace

TEST_CASE("tracker audit: of a tracker in order it looks at everything and changes nothing") {
    TwoShards shards;
    for (std::uint8_t shard = 0; shard < 2; ++shard) {
        const TrackerAudit found = shards.audit(shard);
        CHECK(found.dialogs == 10);
        CHECK(found.profiles.checked == 20);
        CHECK(found.profiles.repairs() == 0);
        CHECK(found.overdue == 0);
    }
    CHECK(shards.profiles.size("calls").value() == 20);
}

TEST_CASE("tracker audit: calls that come and go between its slices, of all shards, are in order") {
    TwoShards shards;
    std::vector<MemberId> held;
    for (std::uint8_t shard = 0; shard < 2; ++shard) {
        TrackerAudit audit;
        do {
            shards.calls[0].push_back(shards.invite(0));
            shards.calls[1].push_back(shards.invite(1));
            for (std::uint8_t of = 0; of < 2; ++of) { // the oldest goes, and its places are held for a while
                shards.trackers[of].end(shards.calls[of].front(), EndReason::expired, shards.now);
                shards.calls[of].erase(shards.calls[of].begin());
                shards.trackers[of].drain_changes([](DialogRecord &) {}, [](const DialogRecord &) {});
                shards.trackers[of].take_places(held);
            }
            std::sort(held.begin(), held.end());
        } while (shards.trackers[shard].audit(audit, 7, held, shards.now, milliseconds(1000)));
        CHECK(audit.profiles.repairs() == 0);
    }
    CHECK(shards.profiles.size("calls").value() == 20 + held.size() / 2);
}

TEST_CASE("tracker audit: places that nobody names are given back, and only those of the own shard") {
    TwoShards shards;
    std::vector<MemberId> forgotten; // of two calls in each shard: nobody will release them
    for (std::uint8_t shard = 0; shard < 2; ++shard) {
        for (int i = 0; i < 2; ++i) shards.trackers[shard].end(shards.calls[shard][i], EndReason::expired, shards.now);
        shards.trackers[shard].take_places(forgotten);
    }
    REQUIRE(forgotten.size() == 8);
    std::sort(forgotten.begin(), forgotten.end());
    shards.check_in_order(0, forgotten); // they are still held
    CHECK(shards.audit(0).profiles.removed == 4);
    CHECK(shards.profiles.size("calls").value() == 18);
    CHECK(shards.audit(1).profiles.removed == 4);
    CHECK(shards.profiles.size("calls").value() == 16);
    for (std::uint8_t shard = 0; shard < 2; ++shard) shards.check_in_order(shard);
}

TEST_CASE("tracker audit: calls that are not counted are counted again, and a wrong size is put right") {
    TwoShards shards;
    Memberships &in = TrackerDamage::set(shards.trackers[1], shards.calls[1][3]).extras->profiles;
    const std::vector<MemberId> taken = {in[0].member, in[1].member};
    CHECK(shards.profiles.remove(taken) == 2);
    ProfileTableDamage::size_of(shards.profiles, "calls") += 3;
    const TrackerAudit other = shards.audit(0); // looks at all lists
    CHECK(other.profiles.misplaced == 1);
    CHECK(other.profiles.added == 0);
    CHECK(shards.profiles.size("calls").value() == 19);
    CHECK(shards.audit(1).profiles.added == 2);
    CHECK(shards.profiles.size("calls").value() == 20);
    shards.check_in_order(1);
}

TEST_CASE("tracker audit: a dialog whose timer was lost ends as if it had not been") {
    TwoShards shards;
    Tracker &tracker = shards.trackers[0];
    TrackerDamage::lose_timer(tracker, shards.calls[0][0]);
    TrackerDamage::lose_timer(tracker, shards.calls[0][1]);
    TrackerDamage::set(tracker, shards.calls[0][1]).deadline = never;
    shards.now += milliseconds(181'000);
    tracker.advance(shards.now);
    CHECK(tracker.dialogs().size() == 2);
    shards.now += milliseconds(1000);
    CHECK(shards.audit(0).overdue == 1); // the one without a deadline has a new one; the other has its grace
    shards.now += milliseconds(1);
    CHECK(shards.audit(0).overdue == 1);
    tracker.advance(shards.now);
    CHECK(tracker.dialogs().size() == 1);
    shards.now += milliseconds(181'000);
    tracker.advance(shards.now);
    CHECK(tracker.dialogs().empty());
}
