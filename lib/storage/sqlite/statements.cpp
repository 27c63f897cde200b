#include "storage/sqlite/statements.hpp"
#include <algorithm>
#include <optional>
#include "storage/sqlite/dialog_json.hpp"

namespace tandem {
namespace {

std::string insert_sql(const std::string &table) {
    return "INSERT INTO " + table + R"sql( (state, callee_call_id, trunk, caller_contact, caller_route_set, caller_cseq,
    callee_tag, callee_contact, callee_route_set, callee_cseq, is_acked, forks, sip_code, end_reason, q850, ringing_us,
    answered_us, ended_us, deadline_us, cseq_maps, timer_start_us, is_cancelled, is_ending, is_due, caller_bye_cseq,
    callee_bye_cseq, session_expires_us, details, leg, serial, id, leg_of, local_side, call_id, from_uri, to_uri,
    request_uri, source, caller_tag, invite_cseq, created_us)
VALUES (?,?,?,?,?,?,?,?,?,?, ?,?,?,?,?,?,?,?,?,?, ?,?,?,?,?,?,?,?,?,?, ?,?,?,?,?,?,?,?,?,?, ?)
ON CONFLICT DO NOTHING
)sql";
}

// What can change.
std::string update_sql(const std::string &table, bool has_leg) {
    return "UPDATE " + table + R"sql( SET state = ?, callee_call_id = ?, trunk = ?, caller_contact = ?,
    caller_route_set = ?, caller_cseq = ?, callee_tag = ?, callee_contact = ?, callee_route_set = ?, callee_cseq = ?,
    is_acked = ?, forks = ?, sip_code = ?, end_reason = ?, q850 = ?, ringing_us = ?, answered_us = ?, ended_us = ?,
    deadline_us = ?, cseq_maps = ?, timer_start_us = ?, is_cancelled = ?, is_ending = ?, is_due = ?,
    caller_bye_cseq = ?, callee_bye_cseq = ?, session_expires_us = ?, details = ?)sql" +
           (has_leg ? ", leg = ?" : "") + " WHERE serial = ? AND id = ?";
}

// Names are unique within a dialog; should they not be, the last one is better than a store that never recovers.
constexpr const char *insert_variable_sql =
    "INSERT OR REPLACE INTO dialog_variable (dialog, name, type, value) VALUES (?,?,?,?)";
constexpr const char *insert_profile_sql =
    "INSERT OR REPLACE INTO dialog_profile (dialog, profile, value) VALUES (?,?,?)";

constexpr const char *insert_cdr_sql = R"sql(
INSERT INTO cdr (id, call_id, caller_call_id, callee_call_id, from_uri, to_uri, request_uri, source, trunk, created_us,
    ringing_us, answered_us, ended_us, duration_us, sip_code, end_reason, q850, profiles, variables)
VALUES (?,?,?,?,?,?,?,?,?,?, ?,?,?,?,?,?,?,?,?)
ON CONFLICT (id) DO NOTHING
)sql";

// Looks at the oldest alone: they come in the order of their ends, or nearly so.
constexpr const char *purge_refusals_sql = R"sql(
DELETE FROM refusal WHERE id <= (SELECT max(id) FROM (SELECT id, ended_us FROM refusal ORDER BY id LIMIT 512)
    WHERE ended_us < ?)
)sql";
constexpr std::uint64_t purge_interval = 256; // insertions

std::int64_t to_serial(const RecordId &id) { return static_cast<std::int64_t>(id.serial); }

std::string_view text_of(EndReason reason) {
    return reason == EndReason::none ? std::string_view() : to_string(reason);
}

std::optional<std::int64_t> unless_zero(std::uint16_t number) {
    return number == 0 ? std::nullopt : std::optional<std::int64_t>(number);
}

std::optional<std::int64_t> utc_us(std::optional<Instant> at, const WallClock &wall) {
    return at ? std::optional(wall.utc_us(*at)) : std::nullopt;
}

std::optional<std::int64_t> to_number(std::optional<std::uint32_t> cseq) {
    return cseq ? std::optional<std::int64_t>(*cseq) : std::nullopt;
}

} // namespace

int DialogRows::prepare(sqlite3 *database, const std::string &table) {
    const std::string erase_sql = "DELETE FROM " + table + " WHERE serial = ? AND id = ?";
    if (const int code = insert.prepare(database, insert_sql(table).c_str()); code != SQLITE_OK) return code;
    if (const int code = update.prepare(database, update_sql(table, false).c_str()); code != SQLITE_OK) return code;
    if (const int code = update_leg.prepare(database, update_sql(table, true).c_str()); code != SQLITE_OK) return code;
    return erase.prepare(database, erase_sql.c_str());
}

int BelongingRows::prepare(sqlite3 *database, const std::string &insert_sql, const std::string &table) {
    const std::string erase_sql = "DELETE FROM " + table + " WHERE dialog = ?";
    if (const int code = insert.prepare(database, insert_sql.c_str()); code != SQLITE_OK) return code;
    return erase.prepare(database, erase_sql.c_str());
}

int Statements::prepare(sqlite3 *database) {
    database_ = database;
    if (const int code = dialogs_.prepare(database, "dialog"); code != SQLITE_OK) return code;
    if (const int code = legs_.prepare(database, "dialog_leg"); code != SQLITE_OK) return code;
    if (const int code = variables_.prepare(database, insert_variable_sql, "dialog_variable"); code != SQLITE_OK) {
        return code;
    }
    if (const int code = profiles_.prepare(database, insert_profile_sql, "dialog_profile"); code != SQLITE_OK) {
        return code;
    }
    if (const int code = bindings_.prepare(database); code != SQLITE_OK) return code;
    if (const int code = trunks_.prepare(database); code != SQLITE_OK) return code;
    if (const int code = insert_cdr_.prepare(database, insert_cdr_sql); code != SQLITE_OK) return code;
    if (const int code = purge_refusals_.prepare(database, purge_refusals_sql); code != SQLITE_OK) return code;
    return insert_refusal_.prepare(database, "INSERT INTO refusal (ended_us, call_id, leg) VALUES (?,?,?)");
}

int Statements::save(const DialogRecord &record, const WallClock &wall) {
    const std::string id = record.id.to_string();
    const DialogTexts texts{forks_json(record, wall), cseq_maps_json(record), details_json(record)};
    DialogRows &rows = record.leg_of ? legs_ : dialogs_;
    bool has_others = false; // rows of variables and profiles
    if (record.is_renamed) { // what an update leaves alone has changed
        const int code = rows.erase.bind(to_serial(record.id)).bind(id).run();
        if (code != SQLITE_DONE) return code;
        has_others = sqlite3_changes64(database_) != 0;
    }

    // Serials count up: one above all that were saved is new, and any other most likely there. The guess decides no
    // more than what is tried first.
    const bool seems_new = record.id.serial > serial_newest_;
    for (const bool as_new : {seems_new, !seems_new}) {
        const int code = as_new ? insert(rows, record, id, texts, wall) : update(rows, record, id, texts, wall);
        if (code != SQLITE_DONE) return code;
        if (sqlite3_changes64(database_) == 0) continue;
        serial_newest_ = std::max(serial_newest_, record.id.serial);
        if (record.leg_of) return SQLITE_DONE;
        const bool is_new = as_new && !has_others;
        if (const int saved = save_variables(record, is_new); saved != SQLITE_DONE) return saved;
        return save_profiles(record, is_new);
    }
    return SQLITE_CONSTRAINT;
}

// A dialog whose row is new has none of these rows either, also if it is an old one in a file begun anew.
int Statements::save_variables(const DialogRecord &record, bool is_new) {
    if (is_new ? record.variables.empty() : !record.has_changed_variables) return SQLITE_DONE;
    const std::int64_t dialog = to_serial(record.id);
    if (const int code = variables_.erase.bind(dialog).run(); code != SQLITE_DONE) return code;
    for (const VariableView &variable : record.variables) {
        const VariableValue &value = variable.value;
        Statement &insert = variables_.insert.bind(dialog).bind(variable.name).bind(to_string(value.type));
        switch (value.type) {
        case VariableType::text: insert.bind(value.text); break;
        case VariableType::bytes: insert.bind_bytes(value.text); break;
        case VariableType::integer:
        case VariableType::boolean: insert.bind(value.integer); break;
        }
        if (const int code = insert.run(); code != SQLITE_DONE) return code;
    }
    return SQLITE_DONE;
}

int Statements::save_profiles(const DialogRecord &record, bool is_new) {
    if (is_new ? record.profiles.empty() : !record.has_changed_profiles) return SQLITE_DONE;
    const std::int64_t dialog = to_serial(record.id);
    if (const int code = profiles_.erase.bind(dialog).run(); code != SQLITE_DONE) return code;
    for (const ProfileView &membership : record.profiles) {
        Statement &insert = profiles_.insert.bind(dialog).bind(membership.profile).bind(membership.value);
        if (const int code = insert.run(); code != SQLITE_DONE) return code;
    }
    return SQLITE_DONE;
}

void Statements::bind_state(Statement &statement, const DialogRecord &record, const DialogTexts &texts,
                            const WallClock &wall) {
    static const ForkRecord none;
    const bool has_fork = !record.forks.empty();
    const ForkRecord &fork = has_fork ? record.forks.front() : none;
    statement.bind(to_string(record.state))
        .bind_text_or_null(record.callee_call_id)
        .bind_text_or_null(record.trunk)
        .bind(record.caller_target)
        .bind(record.caller_route_set)
        .bind(std::int64_t{fork.last_cseq[index(Side::caller)]});
    if (has_fork) {
        statement.bind(fork.to_tag).bind(fork.callee_target).bind(fork.callee_route_set);
    } else {
        statement.bind_text_or_null({}).bind_text_or_null({}).bind_text_or_null({});
    }
    statement.bind(std::int64_t{fork.last_cseq[index(Side::callee)]})
        .bind(std::int64_t{fork.is_acked})
        .bind_text_or_null(texts.forks)
        .bind(std::int64_t{record.sip_code})
        .bind_text_or_null(text_of(record.end_reason))
        .bind(unless_zero(record.q850))
        .bind(utc_us(record.ringing, wall))
        .bind(utc_us(record.answered, wall))
        .bind(utc_us(record.ended, wall))
        .bind(record.deadline == never ? std::nullopt : utc_us(record.deadline, wall))
        .bind_text_or_null(texts.cseq_maps)
        .bind(wall.utc_us(record.timer_start))
        .bind(std::int64_t{record.is_cancelled})
        .bind(std::int64_t{record.is_ending})
        .bind(std::int64_t{record.is_due})
        .bind(to_number(fork.bye_cseq[index(Side::caller)]))
        .bind(to_number(fork.bye_cseq[index(Side::callee)]))
        .bind(utc_us(record.session_expires, wall))
        .bind_text_or_null(texts.details);
}

int Statements::insert(DialogRows &rows, const DialogRecord &record, std::string_view id, const DialogTexts &texts,
                       const WallClock &wall) {
    const std::string leg_of = record.leg_of ? record.leg_of.to_string() : std::string();
    bind_state(rows.insert, record, texts, wall);
    return rows.insert.bind_text_or_null(record.leg)
        .bind(to_serial(record.id))
        .bind(id)
        .bind_text_or_null(leg_of)
        .bind_text_or_null(record.local_side ? to_string(*record.local_side) : std::string_view())
        .bind(record.call_id)
        .bind(record.from_uri)
        .bind(record.to_uri)
        .bind(record.request_uri)
        .bind_text_or_null(record.source)
        .bind(record.from_tag)
        .bind(std::int64_t{record.invite_cseq})
        .bind(wall.utc_us(record.created))
        .run();
}

int Statements::update(DialogRows &rows, const DialogRecord &record, std::string_view id, const DialogTexts &texts,
                       const WallClock &wall) {
    Statement &statement = record.has_changed_leg ? rows.update_leg : rows.update;
    bind_state(statement, record, texts, wall);
    if (record.has_changed_leg) statement.bind_text_or_null(record.leg);
    return statement.bind(to_serial(record.id)).bind(id).run();
}

int Statements::erase(const RecordId &id) {
    const std::string text = id.to_string();
    int code = dialogs_.erase.bind(to_serial(id)).bind(text).run();
    if (code != SQLITE_DONE) return code;
    if (sqlite3_changes64(database_) == 0) return legs_.erase.bind(to_serial(id)).bind(text).run();
    code = variables_.erase.bind(to_serial(id)).run();
    return code == SQLITE_DONE ? profiles_.erase.bind(to_serial(id)).run() : code;
}

int Statements::insert(const Cdr &cdr) {
    const std::string id = cdr.id.to_string();
    const std::string profiles = profiles_json(cdr);
    const std::string variables = variables_json(cdr);
    return insert_cdr_.bind(id)
        .bind(cdr.call_id)
        .bind(cdr.caller_call_id)
        .bind_text_or_null(cdr.callee_call_id)
        .bind(cdr.from_uri)
        .bind(cdr.to_uri)
        .bind(cdr.request_uri)
        .bind_text_or_null(cdr.source)
        .bind_text_or_null(cdr.trunk)
        .bind(cdr.created_us)
        .bind(cdr.ringing_us)
        .bind(cdr.answered_us)
        .bind(cdr.ended_us)
        .bind(cdr.duration_us)
        .bind(std::int64_t{cdr.sip_code})
        .bind(to_string(cdr.end_reason))
        .bind(unless_zero(cdr.q850))
        .bind(profiles)
        .bind(variables)
        .run();
}

int Statements::insert(const KeptRefusal &refusal) {
    const int code = insert_refusal_.bind(refusal.ended_us).bind(refusal.call_id).bind(refusal.leg).run();
    if (code != SQLITE_DONE || ++refusals_ % purge_interval != 0) return code;
    return purge_refusals_.bind(refusal.ended_us - refusal_kept_max.count()).run();
}

} // namespace tandem
