// Where Redis is: what stands in `[redis] url`.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>
#include "base/endpoint.hpp"
#include "base/result.hpp"

namespace tandem {

struct RedisHost {
    std::string host; // a name or an address, without brackets
    std::uint16_t port = 0;

    bool operator==(const RedisHost &) const = default;
    std::string to_string() const;
};

enum class RedisKind : std::uint8_t { single, sentinel, cluster };

struct RedisUrl {
    RedisKind kind = RedisKind::single;
    std::vector<RedisHost> hosts; // at least one; of Sentinel, or nodes of a cluster: tried in order
    std::string user;             // empty: the default user
    std::string password;         // empty: none is asked for
    std::string master;           // Sentinel's name of it
    std::uint32_t database = 0;
    std::vector<Endpoint> name_servers{}; // asked for hosts that are names; none: the system's. No part of the text

    bool operator==(const RedisUrl &) const = default;

    // Reads
    //   redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]
    //   redis-sentinel://[[USER]:PASSWORD@]HOST[:PORT][,HOST[:PORT]...]/MASTER[/DATABASE]
    //   redis-cluster://[[USER]:PASSWORD@]HOST[:PORT][,HOST[:PORT]...]
    // with %XX in user and password. The failure says what would be right, and nothing of the password.
    static Result<RedisUrl, Failure> parse(std::string_view text);

    std::string to_string() const; // without user and password
};

} // namespace tandem
