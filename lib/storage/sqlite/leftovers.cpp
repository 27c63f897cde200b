#include "storage/sqlite/leftovers.hpp"
#include "cdr/cdr.hpp"
#include "storage/sqlite/statement.hpp"

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

constexpr const char *erase_sql =
    "DELETE FROM dialog; DELETE FROM dialog_leg; DELETE FROM dialog_variable; DELETE FROM dialog_profile; "
    "DELETE FROM trunk";

VariableType type_of(std::string_view text) {
    for (const VariableType type : {VariableType::integer, VariableType::boolean, VariableType::bytes}) {
        if (text == to_string(type)) return type;
    }
    return VariableType::text;
}

struct Leftovers {
    int prepare(sqlite3 *database);
    int read_variables(std::int64_t serial, std::vector<CdrVariable> &out);
    int read_profiles(std::int64_t serial, std::vector<CdrProfile> &out);
    int insert_record(std::int64_t serial, std::int64_t now_utc_us);

    Statement dialogs;
    Statement variables;
    Statement profiles;
    Statement insert;
};

int Leftovers::prepare(sqlite3 *database) {
    int code = dialogs.prepare(database, "SELECT serial FROM dialog");
    if (code == SQLITE_OK) {
        code = variables.prepare(database, "SELECT name, type, value FROM dialog_variable WHERE dialog = ?");
    }
    if (code == SQLITE_OK) {
        code = profiles.prepare(database, "SELECT profile, value FROM dialog_profile WHERE dialog = ?");
    }
    return code == SQLITE_OK ? insert.prepare(database, insert_sql) : code;
}

int Leftovers::read_variables(std::int64_t serial, std::vector<CdrVariable> &out) {
    variables.bind(serial);
    int code = variables.step();
    for (; code == SQLITE_ROW; code = variables.step()) {
        CdrVariable variable;
        variable.name = variables.text(0);
        variable.type = type_of(variables.text(1));
        switch (variable.type) {
        case VariableType::text: variable.text = variables.text(2); break;
        case VariableType::bytes: variable.text = variables.bytes(2); break;
        case VariableType::integer: variable.integer = variables.number(2); break;
        case VariableType::boolean: variable.integer = variables.number(2) != 0 ? 1 : 0; break;
        }
        out.push_back(std::move(variable));
    }
    variables.close();
    return code;
}

int Leftovers::read_profiles(std::int64_t serial, std::vector<CdrProfile> &out) {
    profiles.bind(serial);
    int code = profiles.step();
    for (; code == SQLITE_ROW; code = profiles.step()) {
        CdrProfile profile;
        profile.name = profiles.text(0);
        profile.value = profiles.text(1);
        profile.has_value = !profile.value.empty(); // the row does not tell an empty value from none
        out.push_back(std::move(profile));
    }
    profiles.close();
    return code;
}

int Leftovers::insert_record(std::int64_t serial, std::int64_t now_utc_us) {
    Cdr cdr; // of what is not in the row of the dialog
    if (const int code = read_variables(serial, cdr.variables); code != SQLITE_DONE) return code;
    if (const int code = read_profiles(serial, cdr.profiles); code != SQLITE_DONE) return code;
    const std::string profiles_text = profiles_json(cdr);
    const std::string variables_text = variables_json(cdr);
    return insert.bind(now_utc_us).bind(profiles_text).bind(variables_text).bind(serial).run();
}

} // namespace

int close_leftovers(sqlite3 *database, std::int64_t now_utc_us, std::uint64_t &calls) {
    calls = 0;
    Leftovers leftovers;
    if (const int code = leftovers.prepare(database); code != SQLITE_OK) return code;
    int code = leftovers.dialogs.step();
    for (; code == SQLITE_ROW; code = leftovers.dialogs.step()) {
        const int inserted = leftovers.insert_record(leftovers.dialogs.number(0), now_utc_us);
        if (inserted != SQLITE_DONE) return inserted;
        calls += static_cast<std::uint64_t>(sqlite3_changes64(database));
    }
    leftovers.dialogs.close(); // nothing is read from the table that is emptied
    if (code != SQLITE_DONE) return code;
    const int erased = sqlite3_exec(database, erase_sql, nullptr, nullptr, nullptr);
    return erased == SQLITE_OK ? SQLITE_DONE : erased;
}

} // namespace tandem
