// The way to Redis: one server, the master that Sentinel names, or the servers of a Redis Cluster. Commands are
// pipelined, each goes to the server that has its key. All on one loop, which nothing blocks.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>
#include "net/loop.hpp"
#include "storage/redis/redis_url.hpp"
#include "storage/redis/redis_value.hpp"

namespace tandem {

struct RedisLinkEvents { // called by the loop, and not from inside of a call
    std::function<void()> on_connected;
    std::function<void(std::string why)> on_lost;
};

class RedisLink {
public:
    using Done = std::function<void(const RedisValue &answer)>;

    // `loop` outlives the object. Each server gets the scripts before any command.
    RedisLink(Loop &loop, RedisUrl url, std::vector<std::string> scripts, RedisLinkEvents events);
    ~RedisLink();

    // Also where it is connected: begins anew. disconnect() says that it took too long, if it never came to be.
    void connect();
    void disconnect();
    bool is_up() const;

    // How Redis has named the scripts, in their order; once it is up.
    const std::vector<std::string> &script_names() const;

    // Nothing, unless it is up. `key` says which server of a cluster. `done` is called when the answer comes, which may
    // be an error of this key; not if the link is lost first, or is by this answer: an error of the server as a whole.
    void send(std::string_view key, std::vector<std::string> words, Done done);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Whether this error says that the server can not serve us at all, rather than this command.
bool is_of_server(std::string_view error);

// For the log: short, and without control characters.
std::string printable(std::string_view text);

} // namespace tandem
