#include "storage/sqlite/leftovers.hpp"
#include <utility>
#include "storage/sqlite/variable_row.hpp"

namespace tandem {
namespace {

// No call lasted beyond its own deadline, however long nobody was there to end it.
constexpr const char *insert_sql = R"sql(
INSERT INTO cdr (id, call_id, caller_call_id, callee_call_id, from_uri, to_uri, request_uri, source, trunk, created_us,
    ringing_us, answered_us, ended_us, duration_us, sip_code, end_reason, q850, profiles, variables)
SELECT id, call_id, call_id, callee_call_id, from_uri, to_uri, request_uri, source, trunk, created_us,
    ringing_us, answered_us, end_us, max(0, coalesce(end_us - answered_us, 0)),
    sip_code, coalesce(end_reason, 'restart'), q850, ?2, ?3
FROM (SELECT *, coalesce(ended_us, min(?1, coalesce(deadline_us, ?1))) AS end_us FROM dialog WHERE serial = ?4)
WHERE true
ON CONFLICT (id) DO NOTHING
)sql";

} // namespace

int Leftovers::prepare(sqlite3 *database) {
    database_ = database;
    for (const auto &[statement, sql] :
         {std::pair(&variables_, "SELECT name, type, value FROM dialog_variable WHERE dialog = ?"),
          std::pair(&profiles_, "SELECT profile, value FROM dialog_profile WHERE dialog = ?"),
          std::pair(&insert_, insert_sql), std::pair(&erase_call_, "DELETE FROM dialog WHERE serial = ?"),
          std::pair(&erase_leg_, "DELETE FROM dialog_leg WHERE serial = ?"),
          std::pair(&erase_variables_, "DELETE FROM dialog_variable WHERE dialog = ?"),
          std::pair(&erase_profiles_, "DELETE FROM dialog_profile WHERE dialog = ?")}) {
        if (const int code = statement->prepare(database, sql); code != SQLITE_OK) return code;
    }
    return SQLITE_DONE;
}

int Leftovers::read_variables(std::int64_t serial, std::vector<CdrVariable> &out) {
    variables_.bind(serial);
    int code = variables_.step();
    for (; code == SQLITE_ROW; code = variables_.step()) {
        const VariableValue value = read_variable(variables_, 1, 2);
        out.push_back({std::string(variables_.text(0)), value.type, std::string(value.text), value.integer});
    }
    variables_.close();
    return code;
}

int Leftovers::read_profiles(std::int64_t serial, std::vector<CdrProfile> &out) {
    profiles_.bind(serial);
    int code = profiles_.step();
    for (; code == SQLITE_ROW; code = profiles_.step()) {
        CdrProfile profile;
        profile.name = profiles_.text(0);
        profile.value = profiles_.text(1);
        profile.has_value = !profile.value.empty(); // the row does not tell an empty value from none
        out.push_back(std::move(profile));
    }
    profiles_.close();
    return code;
}

int Leftovers::insert_record(std::int64_t serial, std::int64_t now_utc_us) {
    Cdr cdr; // of what is not in the row of the dialog
    if (const int code = read_variables(serial, cdr.variables); code != SQLITE_DONE) return code;
    if (const int code = read_profiles(serial, cdr.profiles); code != SQLITE_DONE) return code;
    const std::string profiles_text = profiles_json(cdr);
    const std::string variables_text = variables_json(cdr);
    return insert_.bind(now_utc_us).bind(profiles_text).bind(variables_text).bind(serial).run();
}

int Leftovers::close_call(std::int64_t serial, std::int64_t now_utc_us) {
    int code = insert_record(serial, now_utc_us);
    if (code != SQLITE_DONE) return code;
    calls_ += static_cast<std::uint64_t>(sqlite3_changes64(database_));
    code = erase_call_.bind(serial).run();
    if (code == SQLITE_DONE) code = erase_variables_.bind(serial).run();
    return code == SQLITE_DONE ? erase_profiles_.bind(serial).run() : code;
}

int Leftovers::close_leg(std::int64_t serial) { return erase_leg_.bind(serial).run(); }

int list_dialogs(sqlite3 *database, std::uint64_t after, std::size_t max, std::vector<RecordId> &ids,
                 std::optional<std::uint64_t> &last) {
    last.reset();
    Statement list;
    if (const int code = list.prepare(database, "SELECT serial, id FROM dialog WHERE serial > ?1 UNION ALL SELECT "
                                                "serial, id FROM dialog_leg WHERE serial > ?1 ORDER BY 1 LIMIT ?2");
        code != SQLITE_OK) {
        return code;
    }
    list.bind(static_cast<std::int64_t>(after)).bind(static_cast<std::int64_t>(max));
    std::size_t rows = 0;
    int code = list.step();
    for (; code == SQLITE_ROW; code = list.step()) {
        const auto serial = static_cast<std::uint64_t>(list.number(0));
        const auto id = RecordId::parse(list.text(1));
        if (id && id->serial == serial) ids.push_back(*id);
        if (++rows == max) last = serial;
    }
    return code;
}

} // namespace tandem
