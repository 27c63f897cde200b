#include "storage/sqlite/dialog_reader.hpp"
#include <limits>
#include <string>
#include "storage/sqlite/dialog_json.hpp"
#include "storage/sqlite/variable_row.hpp"

namespace tandem {
namespace {

std::string select_sql(const char *table) {
    return std::string(R"sql(SELECT serial, id, leg_of, local_side, state, end_reason, invite_cseq, caller_cseq,
    callee_cseq, caller_bye_cseq, callee_bye_cseq, sip_code, q850, is_acked, is_cancelled, is_ending, is_due,
    created_us, ringing_us, answered_us, ended_us, deadline_us, timer_start_us, session_expires_us, call_id,
    caller_tag, from_uri, to_uri, request_uri, caller_contact, caller_route_set, source, trunk, callee_call_id,
    callee_tag, callee_contact, callee_route_set, forks, cseq_maps, details, leg
FROM )sql") +
           table + " ORDER BY serial";
}

// In the order of the statement.
enum Column : int {
    serial,
    id,
    leg_of,
    local_side,
    state,
    end_reason,
    invite_cseq,
    caller_cseq,
    callee_cseq,
    caller_bye_cseq,
    callee_bye_cseq,
    sip_code,
    q850,
    is_acked,
    is_cancelled,
    is_ending,
    is_due,
    created,
    ringing,
    answered,
    ended,
    deadline,
    timer_start,
    session_expires,
    call_id,
    caller_tag,
    from_uri,
    to_uri,
    request_uri,
    caller_contact,
    caller_route_set,
    source,
    trunk,
    callee_call_id,
    callee_tag,
    callee_contact,
    callee_route_set,
    forks,
    cseq_maps,
    details,
    leg
};

// The number of a column, if the member can hold it.
template <typename T>
bool read(Statement &row, int column, T &out) {
    const std::int64_t number = row.number(column);
    if (number < 0 || static_cast<std::uint64_t>(number) > std::numeric_limits<T>::max()) return false;
    out = static_cast<T>(number);
    return true;
}

template <typename T>
bool read(Statement &row, int column, std::optional<T> &out) {
    out.reset();
    return row.is_null(column) || read(row, column, out.emplace());
}

} // namespace

int BelongingReader::prepare(sqlite3 *database, const char *sql) {
    const int code = rows_.prepare(database, sql);
    return code == SQLITE_OK ? next() : code;
}

int BelongingReader::next() {
    const int code = rows_.step();
    has_row_ = code == SQLITE_ROW;
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

int DialogReader::prepare(sqlite3 *database) {
    int code = rows_.prepare(database, select_sql(is_of_legs_ ? "dialog_leg" : "dialog").c_str());
    if (code != SQLITE_OK || is_of_legs_) return code;
    code = variables_.prepare(database, "SELECT dialog, name, type, value FROM dialog_variable ORDER BY dialog, name");
    if (code != SQLITE_OK) return code;
    return profiles_.prepare(database,
                             "SELECT dialog, profile, value FROM dialog_profile ORDER BY dialog, profile, value");
}

int DialogReader::next() {
    const int code = rows_.step();
    if (code != SQLITE_ROW) return code;
    arena_.clear();
    serial_ = rows_.number(Column::serial);
    is_good_ = read_row();
    record_.variables.clear();
    record_.profiles.clear();
    int joined = variables_.read(serial_, [this](Statement &row) { read_variable(row); });
    if (joined == SQLITE_OK) joined = profiles_.read(serial_, [this](Statement &row) { read_profile(row); });
    return joined == SQLITE_OK ? SQLITE_ROW : joined;
}

bool DialogReader::read_row() {
    if (!read_identity() || !read_times()) return false;
    record_.call_id = rows_.text(Column::call_id);
    record_.from_tag = rows_.text(caller_tag);
    record_.from_uri = rows_.text(from_uri);
    record_.to_uri = rows_.text(to_uri);
    record_.request_uri = rows_.text(request_uri);
    record_.caller_target = rows_.text(caller_contact);
    record_.caller_route_set = rows_.text(caller_route_set);
    record_.source = rows_.text(source);
    record_.trunk = rows_.text(trunk);
    record_.callee_call_id = rows_.text(callee_call_id);
    record_.leg = rows_.text(leg);
    record_.is_cancelled = rows_.number(is_cancelled) != 0;
    record_.is_ending = rows_.number(is_ending) != 0;
    record_.is_due = rows_.number(is_due) != 0;
    record_.has_changed_leg = record_.has_changed_variables = record_.has_changed_profiles = false;
    record_.timeouts = {};
    record_.cseq_maps.clear();
    return read_fork() && read_forks(rows_.text(forks), wall_, arena_, record_) &&
           read_cseq_maps(rows_.text(cseq_maps), arena_, record_) && read_details(rows_.text(details), record_);
}

bool DialogReader::read_identity() {
    const auto own = RecordId::parse(rows_.text(Column::id));
    const auto of = RecordId::parse(rows_.text(Column::leg_of));
    const auto in = parse_dialog_state(rows_.text(Column::state));
    const auto reason = parse_end_reason(rows_.is_null(end_reason) ? "none" : rows_.text(end_reason));
    if (!own || own->serial != static_cast<std::uint64_t>(serial_) || !in || !reason) return false;
    if (is_of_legs_ ? !of : !rows_.is_null(Column::leg_of)) return false;
    record_.local_side = parse_side(rows_.text(Column::local_side));
    if (!record_.local_side && !rows_.is_null(Column::local_side)) return false;
    record_.id = *own;
    record_.leg_of = of.value_or(RecordId());
    record_.state = *in;
    record_.end_reason = *reason;
    record_.q850 = 0;
    return read(rows_, invite_cseq, record_.invite_cseq) && read(rows_, sip_code, record_.sip_code) &&
           (rows_.is_null(q850) || read(rows_, q850, record_.q850));
}

bool DialogReader::read_times() {
    std::optional<Instant> begin, end, start;
    if (!read_time(created, begin) || !begin || !read_time(ringing, record_.ringing) ||
        !read_time(answered, record_.answered) || !read_time(ended, record_.ended) || !read_time(deadline, end) ||
        !read_time(timer_start, start) || !read_time(session_expires, record_.session_expires)) {
        return false;
    }
    record_.created = *begin;
    record_.deadline = end.value_or(never);
    record_.timer_start = start.value_or(record_.answered.value_or(*begin)); // an older file did not say
    return true;
}

bool DialogReader::read_time(int column, std::optional<Instant> &out) {
    out.reset();
    if (rows_.is_null(column)) return true;
    if (!is_time(rows_.number(column))) return false;
    out = wall_.instant(rows_.number(column));
    return true;
}

// The first one, which has columns.
bool DialogReader::read_fork() {
    record_.forks.clear();
    if (rows_.is_null(callee_tag)) return true;
    ForkRecord &fork = record_.forks.emplace_back();
    fork.to_tag = rows_.text(callee_tag);
    fork.state = record_.state;
    fork.callee_target = rows_.text(callee_contact);
    fork.callee_route_set = rows_.text(callee_route_set);
    fork.answered = record_.answered.value_or(Instant()); // a column of its own would hardly ever say more
    fork.is_acked = rows_.number(is_acked) != 0;
    return read(rows_, caller_cseq, fork.last_cseq[index(Side::caller)]) &&
           read(rows_, callee_cseq, fork.last_cseq[index(Side::callee)]) &&
           read(rows_, caller_bye_cseq, fork.bye_cseq[index(Side::caller)]) &&
           read(rows_, callee_bye_cseq, fork.bye_cseq[index(Side::callee)]);
}

void DialogReader::read_variable(Statement &row) {
    VariableValue value = tandem::read_variable(row, 2, 3);
    value.text = arena_.keep(value.text);
    record_.variables.push_back({arena_.keep(row.text(1)), value});
}

void DialogReader::read_profile(Statement &row) {
    const std::string_view value = arena_.keep(row.text(2));
    record_.profiles.push_back({arena_.keep(row.text(1)), value, !value.empty()});
}

} // namespace tandem
