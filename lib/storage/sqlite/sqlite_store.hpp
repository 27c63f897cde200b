// The embedded store: one SQLite file with the dialogs that live, the records of the calls that ended, the bindings
// of registered users and how we stand with trunks. Reading it from outside while it runs is welcome. One thread uses
// it. No call waits for a lock; the disk is waited for when the WAL is copied into the file (every few hundred calls),
// and at every commit with Durability::power.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "base/instant.hpp"
#include "base/result.hpp"
#include "base/wall_clock.hpp"
#include "cdr/cdr_store.hpp"
#include "dialog/dialog_store.hpp"
#include "registrar/binding_store.hpp"
#include "trunk/trunk_store.hpp"

namespace tandem {

enum class Durability : std::uint8_t {
    none,    // survives a killed process; a crash of the machine may cost the file
    process, // the same, and a crash of the machine costs no more than the last moments
    power,   // each commit is on the disk before it returns
};

struct SqliteOptions {
    std::string path; // not empty: who keeps nothing opens no store
    Durability durability = Durability::process;
    std::string vfs;           // SQLite's name of the file system layer; empty: the default
    bool marks_unsent = false; // each record, until exchange_unsent() hears that it was sent
};

// What became of the dialogs of a former process.
struct DialogLoad {
    std::uint64_t taken = 0;      // calls and legs
    std::uint64_t closed = 0;     // calls that have a record now
    std::uint64_t unreadable = 0; // of the rows of calls and legs that were not taken
};

class SqliteStore final : public DialogStore, public CdrStore, public BindingStore, public TrunkStore {
public:
    // Opens or creates the file and writes to it, so that a disk that is full or read-only is found now. A file that is
    // no database or a damaged one is set aside, see notices(). Fails with one line that begins with the path: not a
    // directory we may write, no space, in use by another process, written by another program or a newer version.
    // `wall` outlives the store.
    static Result<std::unique_ptr<SqliteStore>, Failure> open(const SqliteOptions &options, const WallClock &wall);
    ~SqliteStore() override;

    // What the log should say about the opening: a damaged file that was set aside.
    const std::vector<std::string> &notices() const;

    // The dialogs that a former process left: calls, then their other legs, each in the order of creation, with
    // variables and profiles in that of their names. `take` says whether it has them; views hold until it returns. What
    // it does not take, and what a shell has made unreadable, is over: the call gets its record, with reason `restart`
    // unless its end was known already, and the rows go. All in one transaction. Only between commits.
    Result<DialogLoad, Failure> load_dialogs(std::int64_t now_utc_us,
                                             const std::function<bool(const DialogRecord &)> &take);

    // The Call-IDs, both legs' and once for each leg, of calls that ended in the last `span` before the newest record
    // that there is; at most `max` records are looked at.
    Result<void, Failure> load_ended(Duration span, std::size_t max, const std::function<void(std::string_view)> &take);

    // For an audit, only between commits. Ids of at most `max` dialogs in the file, of all legs, whose serial is above
    // `after`; appends, and gives the serial to go on with, none at the end. What a shell has made unreadable is left
    // out.
    Result<std::optional<std::uint64_t>, Failure> list_dialogs(std::uint64_t after, std::size_t max,
                                                               std::vector<RecordId> &ids);

    // Ends what no process knows, in one transaction: a call gets its record as in load_dialogs().
    Result<void, Failure> close_dialogs(std::span<const RecordId> ids, std::int64_t now_utc_us);

    // What a former process may not have said any more: the refusals of the last `span`, in their order. Older ones go.
    Result<void, Failure> load_refusals(std::int64_t now_utc_us, Duration span,
                                        const std::function<void(const KeptRefusal &)> &take);

    // At the end of a process that has said them all. Only between commits.
    Result<void, Failure> forget_refusals();

    // The name of the node whose file this is: `proposed`, if it has none yet. Only between commits.
    Result<std::string, Failure> name_node(std::string_view proposed);

    // The bindings that a former process left, in no order; those that are over or have expired by now are forgotten.
    // What a shell has made unreadable is left out. Only between commits.
    Result<void, Failure> load_bindings(std::int64_t now_utc_us, const std::function<void(BindingRecord)> &take);

    // Operations gather in a transaction that the first of them begins and commit() ends. After a failure nothing of it
    // is kept, and every operation fails up to and with the next commit(): the caller does the whole batch again later.
    // A file that turns out to be damaged is set aside and a new one begun, with what is saved from then on; after a
    // failed sync the file is opened anew. The failure says so: store_renewed.
    // Of a dialog that is there already, what can not change is not written again: id, leg_of, local_side, call_id,
    // from_tag, the three URIs, source, invite_cseq and created. Variables, profiles and the host's `leg` are written
    // if the record says that they changed, or if the dialog is new in this file; variables and profiles of another leg
    // of a call never.
    Result<void, Failure> save(const DialogRecord &record) override;
    Result<void, Failure> erase(const RecordId &id) override;
    Result<void, Failure> insert(const Cdr &cdr) override;
    Result<void, Failure> exchange_unsent(UnsentCdrs &unsent) override;
    Result<void, Failure> keep_refusal(const KeptRefusal &refusal) override;
    Result<void, Failure> save_binding(const BindingRecord &record) override;
    Result<void, Failure> purge_bindings(std::int64_t utc_us) override;
    Result<void, Failure> save_trunk(const TrunkStatus &status) override;
    Result<void, Failure> forget_trunks() override;
    Result<void, Failure> commit() override;

private:
    struct Impl;
    explicit SqliteStore(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace tandem
