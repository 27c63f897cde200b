#include "net/connection_table.hpp"
#include <algorithm>
#include <string_view>

namespace tandem {
namespace {

std::string_view bytes_of(const IpAddress &ip) {
    return {reinterpret_cast<const char *>(ip.bytes.data()), ip.is_v6 ? std::size_t{16} : std::size_t{4}};
}

} // namespace

std::size_t ConnectionTable::Hash::operator()(const Address &address) const {
    const char port[2] = {static_cast<char>(address.port >> 8), static_cast<char>(address.port & 0xff)};
    return static_cast<std::size_t>(hash(bytes_of(address.ip), std::string_view(port, sizeof port)));
}

std::size_t ConnectionTable::Hash::operator()(const IpAddress &ip) const {
    return static_cast<std::size_t>(hash(bytes_of(ip)));
}

ConnectionTable::ConnectionTable(const StreamOptions &options, Random &random)
    : options_(options), hash_{KeyedHash(random)}, by_address_(16, hash_), by_source_(16, hash_) {}

// Who has one IPv6 address usually has all of its /64.
IpAddress ConnectionTable::source_of(IpAddress ip) {
    if (ip.is_v6) std::fill(ip.bytes.begin() + 8, ip.bytes.end(), std::uint8_t{0});
    return ip;
}

bool ConnectionTable::has_room(const IpAddress &source, bool is_ours) const {
    // Whoever comes leaves some room for those that we make.
    const std::size_t max = options_.connection_max;
    if (connections_.size() >= (is_ours ? max : max - max / 8)) return false;
    if (is_ours) return true;
    const auto count = by_source_.find(source_of(source));
    return count == by_source_.end() || count->second < options_.connections_per_source;
}

void ConnectionTable::add(Pointer connection) {
    const Endpoint &peer = connection->peer();
    by_address_.emplace(Address{peer.ip, peer.port}, Entry{connection.get(), ++last_number_});
    if (!connection->is_ours()) ++by_source_[source_of(peer.ip)];
    connections_.emplace(connection.get(), std::move(connection));
}

void ConnectionTable::remove(StreamConnection &connection) {
    const auto entry = connections_.find(&connection);
    if (entry == connections_.end()) return;
    remove_address(connection, connection.peer().port);
    for (const std::uint16_t port : connection.alias_ports()) remove_address(connection, port);
    if (!connection.is_ours()) {
        const auto count = by_source_.find(source_of(connection.peer().ip));
        if (--count->second == 0) by_source_.erase(count);
    }
    connections_.erase(entry);
}

void ConnectionTable::remove_address(const StreamConnection &connection, std::uint16_t port) {
    const auto [first, last] = by_address_.equal_range(Address{connection.peer().ip, port});
    const auto entry =
        std::find_if(first, last, [&](const auto &candidate) { return candidate.second.connection == &connection; });
    if (entry != last) by_address_.erase(entry);
}

bool ConnectionTable::add_alias(StreamConnection &connection, std::uint16_t port) {
    std::vector<std::uint16_t> &ports = connection.alias_ports();
    if (port == 0 || ports.size() >= options_.aliases_max) return false;
    if (port == connection.peer().port || std::find(ports.begin(), ports.end(), port) != ports.end()) return true;
    ports.push_back(port);
    by_address_.emplace(Address{connection.peer().ip, port}, Entry{&connection, ++last_number_});
    return true;
}

std::vector<ConnectionTable::Pointer> ConnectionTable::all() const {
    std::vector<Pointer> all;
    all.reserve(connections_.size());
    for (const auto &[raw, connection] : connections_) all.push_back(connection);
    return all;
}

} // namespace tandem
