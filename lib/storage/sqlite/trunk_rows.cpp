#include "storage/sqlite/trunk_rows.hpp"
#include <cstdint>
#include <optional>
#include <string>

namespace tandem {
namespace {

constexpr const char *save_sql = R"sql(
INSERT OR REPLACE INTO trunk (name, state, since_us, expires_us, next_us, failures, sip_code, reason, transport,
    address, port, sent, accepted, challenged, refused, too_brief, failed, late)
VALUES (?,?,?,?,?,?,?,?,?,?, ?,?,?,?,?,?,?,?)
)sql";

std::int64_t integer(std::uint64_t count) { return static_cast<std::int64_t>(count); }

} // namespace

int TrunkRows::prepare(sqlite3 *database) {
    if (const int code = save_.prepare(database, save_sql); code != SQLITE_OK) return code;
    if (const int code = erase_.prepare(database, "DELETE FROM trunk WHERE name = ?"); code != SQLITE_OK) return code;
    return forget_.prepare(database, "DELETE FROM trunk");
}

int TrunkRows::save(const TrunkStatus &status, const WallClock &wall) {
    if (status.is_gone) return erase_.bind(status.trunk).run();
    const RegistrationStatus &is = status.registration;
    const RegistrationStatistics &counts = status.statistics;
    const auto time_or_null = [&wall](Instant at) {
        return at == Instant{} ? std::optional<std::int64_t>() : wall.utc_us(at);
    };
    const bool has_registrar = is.registrar.port != 0; // a REGISTER was sent to somebody
    const std::string address = has_registrar ? is.registrar.ip.to_string() : std::string();
    return save_.bind(status.trunk)
        .bind(to_string(is.state))
        .bind(wall.utc_us(status.since))
        .bind(time_or_null(is.expires))
        .bind(time_or_null(is.next))
        .bind(std::int64_t{is.failures})
        .bind(std::int64_t{is.status})
        .bind_text_or_null(is.reason)
        .bind_text_or_null(has_registrar ? uri_name(is.registrar.transport) : std::string_view())
        .bind_text_or_null(address)
        .bind(has_registrar ? std::optional<std::int64_t>(is.registrar.port) : std::nullopt)
        .bind(integer(counts.sent))
        .bind(integer(counts.accepted))
        .bind(integer(counts.challenged))
        .bind(integer(counts.refused))
        .bind(integer(counts.too_brief))
        .bind(integer(counts.failed))
        .bind(integer(counts.late))
        .run();
}

} // namespace tandem
