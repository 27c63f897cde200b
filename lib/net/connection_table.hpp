// The connections of one transport, by the address of the far end and by the addresses that are as good (RFC 5923),
// and how many there are in all and from one source.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>
#include "base/endpoint.hpp"
#include "base/hash.hpp"
#include "net/stream_connection.hpp"

namespace tandem {

class ConnectionTable {
public:
    using Pointer = std::shared_ptr<StreamConnection>;

    // `options` and `random` outlive the table.
    ConnectionTable(const StreamOptions &options, Random &random);

    std::size_t size() const { return connections_.size(); }
    bool has_room(const IpAddress &source, bool is_ours) const; // for those who come, there is a limit for each source

    void add(Pointer connection);
    void remove(StreamConnection &connection); // with its aliases; it may go with this

    // From now on `port` at its address leads to this connection too. False beyond the limits.
    bool add_alias(StreamConnection &connection, std::uint16_t port);

    // The newest one that leads to this address and `is_right`; nullptr: none.
    template <class Predicate>
    StreamConnection *find(const Endpoint &to, Predicate is_right) const {
        StreamConnection *found = nullptr;
        std::uint64_t newest = 0;
        const auto [first, last] = by_address_.equal_range(Address{to.ip, to.port});
        for (auto entry = first; entry != last; ++entry) {
            StreamConnection &connection = *entry->second.connection;
            if ((!found || entry->second.number > newest) && is_right(connection)) {
                found = &connection;
                newest = entry->second.number;
            }
        }
        return found;
    }

    std::vector<Pointer> all() const;

private:
    struct Address {
        IpAddress ip;
        std::uint16_t port;
        bool operator==(const Address &) const = default;
    };
    struct Hash {
        KeyedHash hash;
        std::size_t operator()(const Address &address) const;
        std::size_t operator()(const IpAddress &ip) const;
    };
    struct Entry {
        StreamConnection *connection;
        std::uint64_t number; // rises with every entry
    };

    static IpAddress source_of(IpAddress ip);
    void remove_address(const StreamConnection &connection, std::uint16_t port);

    const StreamOptions &options_;
    Hash hash_;
    std::unordered_map<const StreamConnection *, Pointer> connections_;
    std::unordered_multimap<Address, Entry, Hash> by_address_;
    std::unordered_map<IpAddress, std::size_t, Hash> by_source_; // those that came
    std::uint64_t last_number_ = 0;
};

} // namespace tandem
