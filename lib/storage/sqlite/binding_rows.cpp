#include "storage/sqlite/binding_rows.hpp"
#include <limits>
#include <optional>
#include <string>
#include <utility>

namespace tandem {
namespace {

constexpr const char *save_sql = R"sql(
INSERT INTO binding (id, version, is_over, aor, contact, instance, reg_id, q, path, call_id, cseq, user_agent,
    transport, address, port, listener, is_direct, registered_us, expires_us)
VALUES (?,?,?,?,?,?,?,?,?,?, ?,?,?,?,?,?,?,?,?)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, is_over = excluded.is_over, aor = excluded.aor,
    contact = excluded.contact, instance = excluded.instance, reg_id = excluded.reg_id, q = excluded.q,
    path = excluded.path, call_id = excluded.call_id, cseq = excluded.cseq, user_agent = excluded.user_agent,
    transport = excluded.transport, address = excluded.address, port = excluded.port, listener = excluded.listener,
    is_direct = excluded.is_direct, registered_us = excluded.registered_us, expires_us = excluded.expires_us
WHERE excluded.version > binding.version
)sql";

constexpr const char *load_sql = R"sql(
SELECT id, version, reg_id, q, cseq, port, listener, is_direct, registered_us, expires_us, aor, contact, instance,
    path, call_id, user_agent, transport, address
FROM binding
)sql";

// The number of a column, if the member can hold it.
template <typename T>
bool read(Statement &row, int column, T &out) {
    const std::int64_t number = row.number(column);
    if (number < 0 || static_cast<std::uint64_t>(number) > std::numeric_limits<T>::max()) return false;
    out = static_cast<T>(number);
    return true;
}

// None: a shell has put something else there.
std::optional<BindingRecord> read_row(Statement &row, const WallClock &wall) {
    BindingRecord record;
    const bool is_read = read(row, 0, record.id) && read(row, 1, record.version) && read(row, 2, record.reg_id) &&
                         read(row, 3, record.q) && read(row, 4, record.cseq) && read(row, 5, record.flow.port) &&
                         read(row, 6, record.flow.listener);
    const auto transport = parse_transport(row.text(16));
    const auto ip = IpAddress::parse(row.text(17));
    if (!is_read || record.id == 0 || record.q > 1000 || !transport || !ip) return std::nullopt;
    record.is_direct = row.number(7) != 0;
    record.registered = wall.instant(row.number(8));
    record.expires = wall.instant(row.number(9));
    record.aor = row.text(10);
    record.contact = row.text(11);
    record.instance = row.text(12);
    record.path = row.text(13);
    record.call_id = row.text(14);
    record.user_agent = row.text(15);
    record.flow.transport = *transport;
    record.flow.ip = *ip;
    return record;
}

} // namespace

int BindingRows::prepare(sqlite3 *database) {
    if (const int code = save_.prepare(database, save_sql); code != SQLITE_OK) return code;
    return purge_.prepare(database, "DELETE FROM binding WHERE is_over AND expires_us <= ?");
}

int BindingRows::save(const BindingRecord &record, const WallClock &wall) {
    const std::string address = record.flow.ip.to_string();
    return save_.bind(static_cast<std::int64_t>(record.id))
        .bind(static_cast<std::int64_t>(record.version))
        .bind(std::int64_t{record.is_over})
        .bind(record.aor)
        .bind(record.contact)
        .bind_text_or_null(record.instance)
        .bind(std::int64_t{record.reg_id})
        .bind(std::int64_t{record.q})
        .bind_text_or_null(record.path)
        .bind(record.call_id)
        .bind(std::int64_t{record.cseq})
        .bind_text_or_null(record.user_agent)
        .bind(uri_name(record.flow.transport))
        .bind(address)
        .bind(std::int64_t{record.flow.port})
        .bind(std::int64_t{record.flow.listener})
        .bind(std::int64_t{record.is_direct})
        .bind(wall.utc_us(record.registered))
        .bind(wall.utc_us(record.expires))
        .run();
}

int BindingRows::purge(std::int64_t utc_us) { return purge_.bind(utc_us).run(); }

int load_bindings(sqlite3 *database, std::int64_t now_utc_us, const WallClock &wall,
                  const std::function<void(BindingRecord)> &take) {
    Statement purge;
    int code = purge.prepare(database, "DELETE FROM binding WHERE is_over OR expires_us <= ?");
    if (code == SQLITE_OK) code = purge.bind(now_utc_us).run();
    if (code != SQLITE_DONE) return code;
    Statement rows;
    if (code = rows.prepare(database, load_sql); code != SQLITE_OK) return code;
    for (code = rows.step(); code == SQLITE_ROW; code = rows.step()) {
        if (auto record = read_row(rows, wall)) take(std::move(*record));
    }
    return code;
}

} // namespace tandem
