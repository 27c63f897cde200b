#include "storage/sqlite/sqlite_store.hpp"
#include <optional>
#include <utility>
#include "storage/sqlite/binding_rows.hpp"
#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/file_lock.hpp"
#include "storage/sqlite/leftovers.hpp"
#include "storage/sqlite/recovery.hpp"
#include "storage/sqlite/statements.hpp"
#include "storage/sqlite/unsent_rows.hpp"

namespace tandem {
namespace {

const char *synchronous(Durability durability) {
    switch (durability) {
    case Durability::none: return "OFF";
    case Durability::process: return "NORMAL";
    case Durability::power: return "FULL";
    }
    return "FULL";
}

} // namespace

struct SqliteStore::Impl {
    Result<void, Failure> open_at_start();
    Result<void, Failure> open(bool &is_damaged);
    void close();
    int keep_name();
    std::string replace_damaged(); // what became of the file
    Result<void, Failure> begin();
    Result<void, Failure> fail(const char *operation, int code);
    void open_anew();
    void checkpoint();

    DatabaseOptions options;
    const WallClock &wall;
    const bool marks_unsent;
    std::vector<std::string> notices{};
    FileLock lock{};
    std::unique_ptr<Connection> connection{}; // none: it could not be opened anew
    std::unique_ptr<Statements> statements{}; // of the connection: they go first, like the next
    std::unique_ptr<UnsentRows> unsent{};     // none: no record is marked
    std::string node{};                       // its name; empty: nobody has asked for one
    bool is_in_transaction = false;
    std::optional<Failure> failure{}; // of this transaction, until commit()
};

Result<void, Failure> SqliteStore::Impl::open_at_start() {
    auto taken = FileLock::take(options.path);
    if (!taken) return taken.error();
    lock = std::move(*taken);

    options.patience_ms = 1000; // a shell may just be writing; later nobody waits
    bool is_damaged = false;
    if (is_emptied(options.path)) {
        const auto name = set_aside(options.path);
        if (!name) return name.error();
        notices.push_back(options.path + ": empty, but its WAL is not; set aside as " + *name +
                          ", a new file is begun");
    }
    auto done = open(is_damaged);
    options.patience_ms = 0;
    if (done) done = check_database(connection->database(), options.path, is_damaged);
    if (done || !is_damaged) return done;
    notices.push_back(done.error().detail + "; " + replace_damaged());
    if (!connection) return Failure{Error::store_failed, notices.back()};
    return {};
}

Result<void, Failure> SqliteStore::Impl::open(bool &is_damaged) {
    auto database = open_database(options, is_damaged);
    if (!database) return database.error();
    auto made = Connection::make(std::move(*database), options.path);
    if (!made) return made.error();
    connection = std::move(*made);
    statements = std::make_unique<Statements>();
    if (marks_unsent) unsent = std::make_unique<UnsentRows>();
    int code = statements->prepare(connection->database());
    if (code == SQLITE_OK && unsent) code = unsent->prepare(connection->database());
    if (code == SQLITE_OK && !node.empty()) code = keep_name(); // in a file that was begun anew
    if (code == SQLITE_OK) return {};
    Failure unprepared = sqlite_failure(connection->database(), options.path);
    close();
    return unprepared;
}

int SqliteStore::Impl::keep_name() {
    std::string kept;
    const int code = tandem::name_node(connection->database(), node, kept);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

void SqliteStore::Impl::close() {
    statements.reset();
    unsent.reset();
    connection.reset();
    is_in_transaction = false;
}

std::string SqliteStore::Impl::replace_damaged() {
    if (connection) leave_unwritten(connection->database());
    close();
    const auto name = set_aside(options.path);
    if (!name) return name.error().detail;
    bool is_damaged = false;
    if (auto opened = open(is_damaged); !opened) return "set aside as " + *name + "; " + opened.error().detail;
    return "set aside as " + *name + ", a new file is begun";
}

Result<void, Failure> SqliteStore::Impl::begin() {
    if (failure) return *failure;
    if (is_in_transaction) return {};
    bool is_damaged = false;
    if (auto opened = connection ? Result<void, Failure>() : open(is_damaged); !opened) {
        failure = opened.error();
        return *failure;
    }
    if (const int code = connection->begin(); code != SQLITE_DONE) return fail("a transaction can not begin", code);
    is_in_transaction = true;
    return {};
}

Result<void, Failure> SqliteStore::Impl::fail(const char *operation, int code) {
    failure = sqlite_failure(connection->database(), options.path + ": " + operation, code);
    connection->roll_back();
    is_in_transaction = false;
    if (is_damage(code)) {
        failure->detail += "; " + replace_damaged();
        failure->error = Error::store_renewed;
    }
    if (is_failed_sync(code)) open_anew();
    return *failure;
}

// When a sync has failed nobody knows what is on the disk, and the kernel tells it only once. So the file is opened
// anew, and whoever hears of the failure saves again what lives.
void SqliteStore::Impl::open_anew() {
    if (!connection) return;
    close();
    failure->detail += "; opened anew";
    failure->error = Error::store_renewed;
}

// The transaction before is in the WAL, and its commit has succeeded: what goes wrong here is told by the next one.
void SqliteStore::Impl::checkpoint() {
    const int code = connection->checkpoint_if_due();
    if (code == SQLITE_OK) return;
    static_cast<void>(fail("the WAL can not be copied into the file", code));
    if ((code & 0xff) == SQLITE_IOERR) open_anew();
}

SqliteStore::SqliteStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

SqliteStore::~SqliteStore() = default;

Result<std::unique_ptr<SqliteStore>, Failure> SqliteStore::open(const SqliteOptions &options, const WallClock &wall) {
    std::unique_ptr<Impl> impl(
        new Impl{{options.path, synchronous(options.durability), options.vfs}, wall, options.marks_unsent});
    if (auto opened = impl->open_at_start(); !opened) return opened.error();
    return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(impl)));
}

const std::vector<std::string> &SqliteStore::notices() const { return impl_->notices; }

Result<void, Failure> SqliteStore::save(const DialogRecord &record) {
    if (auto begun = impl_->begin(); !begun) return begun;
    const int code = impl_->statements->save(record, impl_->wall);
    return code == SQLITE_DONE ? Result<void, Failure>() : impl_->fail("a dialog can not be saved", code);
}

Result<void, Failure> SqliteStore::erase(const RecordId &id) {
    if (auto begun = impl_->begin(); !begun) return begun;
    const int code = impl_->statements->erase(id);
    return code == SQLITE_DONE ? Result<void, Failure>() : impl_->fail("a dialog can not be erased", code);
}

Result<void, Failure> SqliteStore::insert(const Cdr &cdr) {
    if (auto begun = impl_->begin(); !begun) return begun;
    const int code = impl_->statements->insert(cdr);
    return code == SQLITE_DONE ? Result<void, Failure>() : impl_->fail("a record can not be inserted", code);
}

Result<void, Failure> SqliteStore::exchange_unsent(UnsentCdrs &unsent) {
    if (!impl_->marks_unsent) return CdrStore::exchange_unsent(unsent);
    if (auto begun = impl_->begin(); !begun) return begun;
    const int code = impl_->unsent->exchange(unsent);
    return code == SQLITE_DONE ? Result<void, Failure>() : impl_->fail("marks of records can not be changed", code);
}

Result<void, Failure> SqliteStore::keep_refusal(const KeptRefusal &refusal) {
    if (auto begun = impl_->begin(); !begun) return begun;
    const int code = impl_->statements->insert(refusal);
    return code == SQLITE_DONE ? Result<void, Failure>() : impl_->fail("a refusal can not be inserted", code);
}

Result<void, Failure> SqliteStore::save_binding(const BindingRecord &record) {
    if (auto begun = impl_->begin(); !begun) return begun;
    const int code = impl_->statements->bindings().save(record, impl_->wall);
    return code == SQLITE_DONE ? Result<void, Failure>() : impl_->fail("a binding can not be saved", code);
}

Result<void, Failure> SqliteStore::purge_bindings(std::int64_t utc_us) {
    if (auto begun = impl_->begin(); !begun) return begun;
    const int code = impl_->statements->bindings().purge(utc_us);
    return code == SQLITE_DONE ? Result<void, Failure>() : impl_->fail("bindings can not be erased", code);
}

Result<void, Failure> SqliteStore::save_trunk(const TrunkStatus &status) {
    if (auto begun = impl_->begin(); !begun) return begun;
    const int code = impl_->statements->trunks().save(status, impl_->wall);
    return code == SQLITE_DONE ? Result<void, Failure>() : impl_->fail("a trunk can not be saved", code);
}

Result<void, Failure> SqliteStore::forget_trunks() {
    if (auto begun = impl_->begin(); !begun) return begun;
    const int code = impl_->statements->trunks().forget();
    return code == SQLITE_DONE ? Result<void, Failure>() : impl_->fail("trunks can not be erased", code);
}

Result<void, Failure> SqliteStore::commit() {
    if (impl_->is_in_transaction) {
        const int code = impl_->connection->commit();
        if (code == SQLITE_DONE) {
            impl_->is_in_transaction = false;
            impl_->checkpoint(); // fails for the next transaction, if it does
            return {};
        }
        static_cast<void>(impl_->fail("a transaction can not be committed", code));
    }
    auto failure = std::exchange(impl_->failure, std::nullopt);
    return failure ? Result<void, Failure>(std::move(*failure)) : Result<void, Failure>();
}

Result<DialogLoad, Failure> SqliteStore::load_dialogs(std::int64_t now_utc_us,
                                                      const std::function<bool(const DialogRecord &)> &take) {
    DialogLoad load;
    if (impl_->begin()) {
        const int code = tandem::load_dialogs(impl_->connection->database(), now_utc_us, impl_->wall, take, load);
        if (code != SQLITE_DONE) static_cast<void>(impl_->fail("what a former process left can not be read", code));
    }
    if (auto committed = commit(); !committed) return committed.error();
    return load;
}

Result<void, Failure> SqliteStore::load_ended(Duration span, std::size_t max,
                                              const std::function<void(std::string_view)> &take) {
    if (impl_->begin()) {
        const int code = tandem::load_ended(impl_->connection->database(), span, max, take);
        if (code != SQLITE_DONE) static_cast<void>(impl_->fail("the records can not be read", code));
    }
    return commit();
}

Result<std::optional<std::uint64_t>, Failure> SqliteStore::list_dialogs(std::uint64_t after, std::size_t max,
                                                                        std::vector<RecordId> &ids) {
    std::optional<std::uint64_t> last;
    if (impl_->begin()) {
        const int code = tandem::list_dialogs(impl_->connection->database(), after, max, ids, last);
        if (code != SQLITE_DONE) static_cast<void>(impl_->fail("the dialogs can not be listed", code));
    }
    if (auto committed = commit(); !committed) return committed.error();
    return last;
}

Result<void, Failure> SqliteStore::close_dialogs(std::span<const RecordId> ids, std::int64_t now_utc_us) {
    if (impl_->begin()) {
        Leftovers leftovers;
        int code = leftovers.prepare(impl_->connection->database());
        if (code == SQLITE_OK) code = SQLITE_DONE;
        for (const RecordId &id : ids) {
            const auto serial = static_cast<std::int64_t>(id.serial);
            if (code == SQLITE_DONE) code = leftovers.close_call(serial, now_utc_us); // nothing, if it is another leg
            if (code == SQLITE_DONE) code = leftovers.close_leg(serial);
        }
        if (code != SQLITE_DONE) static_cast<void>(impl_->fail("what no process knows can not be closed", code));
    }
    return commit();
}

Result<void, Failure> SqliteStore::forget_refusals() {
    if (impl_->begin()) {
        const int code = sqlite3_exec(impl_->connection->database(), "DELETE FROM refusal", nullptr, nullptr, nullptr);
        if (code != SQLITE_OK) static_cast<void>(impl_->fail("the refusals can not be erased", code));
    }
    return commit();
}

Result<void, Failure> SqliteStore::load_refusals(std::int64_t now_utc_us, Duration span,
                                                 const std::function<void(const KeptRefusal &)> &take) {
    if (impl_->begin()) {
        const int code = tandem::load_refusals(impl_->connection->database(), now_utc_us, span, take);
        if (code != SQLITE_DONE) static_cast<void>(impl_->fail("the refusals can not be read", code));
    }
    return commit();
}

Result<std::string, Failure> SqliteStore::name_node(std::string_view proposed) {
    std::string name;
    if (impl_->begin()) {
        const int code = tandem::name_node(impl_->connection->database(), proposed, name);
        if (code != SQLITE_DONE) static_cast<void>(impl_->fail("the name of the node can not be kept", code));
    }
    if (auto committed = commit(); !committed) return committed.error();
    impl_->node = name;
    return name;
}

Result<void, Failure> SqliteStore::load_bindings(std::int64_t now_utc_us,
                                                 const std::function<void(BindingRecord)> &take) {
    if (impl_->begin()) {
        const int code = tandem::load_bindings(impl_->connection->database(), now_utc_us, impl_->wall, take);
        if (code != SQLITE_DONE) static_cast<void>(impl_->fail("the bindings can not be read", code));
    }
    return commit();
}

} // namespace tandem
