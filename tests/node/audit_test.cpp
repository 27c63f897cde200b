// The audit of a whole node: damage is planted while calls are up, found, repaired and told.
#include <algorithm>
#include <doctest/doctest.h>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>
#include "node/running_node.hpp"
#include "storage/store_fixture.hpp"

using namespace tandem;
using test::Folder;
using test::RunningNode;
using test::Shell;

namespace {

constexpr std::size_t calls = 8;

struct AuditedNode {
    AuditedNode()
        : node("profiles = [\"calls\"]\n[[profile]]\nname = \"calls\"\n", {}, [this](Config &config) {
              config.store.path = folder.database;
              config.store.wait_max = std::chrono::milliseconds(500);
              config.audit.interval = Duration::zero();
          }) {}

    // With so many calls up, does this in the server's loop.
    void run(const std::function<void()> &then) {
        node.run([&] {
            for (std::size_t call = 0; call < calls; ++call) node.caller->invite(call);
            when_stored([&, then] { node.in_server(then); });
        });
    }
    // When nothing more is written of them.
    void when_stored(const std::function<void()> &then) {
        node.when_calls(calls, [this, then] {
            const auto written = std::filesystem::last_write_time(folder.database + "-wal");
            const bool is_quiet = std::filesystem::file_time_type::clock::now() - written > std::chrono::seconds(2);
            is_quiet ? then() : when_stored(then);
        });
    }
    void audit(const std::function<void(const AuditReport &)> &then) { node.server->audit(then); }
    void end() {
        node.server->terminate();
        node.server->terminate();
    }

    Folder folder;
    RunningNode node;
};

} // namespace

TEST_CASE("audit: a node with calls up is in order, and says so") {
    AuditedNode audited;
    AuditReport found;
    audited.run([&] {
        audited.audit([&](const AuditReport &report) {
            found = report;
            audited.end();
        });
    });
    CHECK(found.dialogs == 2 * calls);
    CHECK(found.memberships == calls);
    CHECK(found.repairs() == 0);
    CHECK(found.is_store_compared);
    CHECK(found.to_string() == "16 dialogs, 8 memberships, and the store: in order");
    CHECK(audited.node.server->audit_statistics().runs == 1);
    CHECK(audited.node.server->audit_statistics().repairs == 0);
}

TEST_CASE("audit: what profiles and store have more or less than the calls is repaired, and told in one line") {
    AuditedNode audited;
    std::vector<AuditReport> found;
    Memberships strays; // of a dialog that is not
    audited.run([&] {
        auto &profiles = const_cast<ProfileTable &>(audited.node.server->profiles());
        std::vector<ProfileMember> members;
        for (std::uint8_t shard = 0; members.empty(); ++shard) {
            std::uint64_t cursor = 0;
            profiles.list_members(shard, cursor, 1000, members);
        }
        CHECK(profiles.remove(std::vector<MemberId>{members[0].member}) == 1);
        const ProfileRequest request{.profile = "calls"};
        for (std::uint32_t i = 0; i < 3; ++i) {
            strays.clear();
            CHECK(profiles.reserve(DialogId(10'000 + i, 1).with_shard(2), strays, {&request, 1}).ok());
        }
        CHECK(profiles.size("calls").value() == calls + 2);
        Shell(audited.folder.database)
            .run("CREATE TEMP TABLE strange AS SELECT * FROM dialog LIMIT 1; UPDATE strange SET serial = 256, "
                 "id = '00000000000000010000000000000100', call_id = 'strange'; INSERT INTO dialog SELECT * FROM "
                 "strange; DELETE FROM dialog WHERE serial = (SELECT max(serial) FROM dialog); DELETE FROM dialog_leg "
                 "WHERE serial = (SELECT min(serial) FROM dialog_leg)");
        audited.audit([&](const AuditReport &report) {
            found.push_back(report);
            CHECK(profiles.size("calls").value() == calls);
            audited.audit([&](const AuditReport &again) {
                found.push_back(again);
                audited.end();
            });
        });
    });
    REQUIRE(found.size() == 2);
    CHECK(found[0].members_removed == 3);
    CHECK(found[0].members_added == 1);
    CHECK(found[0].rows_closed == 1);
    CHECK(found[0].dialogs_saved == 2);
    CHECK(found[0].is_store_compared);
    CHECK(found[1].repairs() == 0);
    CHECK(audited.node.server->audit_statistics().repairs == 7);
    CHECK(audited.node.lines.has("warn audit: 16 dialogs, 8 memberships, and the store: repaired 3 places in profiles "
                                 "that no dialog had, 1 dialogs that profiles did not count, 1 rows without a dialog, "
                                 "2 dialogs without a row"));
    Shell shell(audited.folder.database);
    CHECK(shell.row("SELECT count(*) FROM dialog") == "8");
    CHECK(shell.row("SELECT count(*) FROM dialog_leg") == "8");
    CHECK(shell.row("SELECT count(*) FROM dialog_profile") == "8");
    CHECK(shell.row("SELECT end_reason FROM cdr WHERE call_id = 'strange'") == "restart");
}

TEST_CASE("audit: whoever asks while one is under way gets its report") {
    AuditedNode audited;
    int reports = 0;
    audited.run([&] {
        for (int i = 0; i < 3; ++i) {
            audited.audit([&](const AuditReport &) {
                if (++reports == 3) audited.end();
            });
        }
    });
    CHECK(audited.node.server->audit_statistics().runs == 1);
}
