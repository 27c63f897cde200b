// Leases in Redis, on a link of its own. README.md says what it keeps there.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include "cluster/lease_store.hpp"
#include "net/loop.hpp"
#include "storage/redis/redis_url.hpp"

namespace tandem {

struct RedisLeaseEvents { // called by the loop, and not from inside of a call
    std::function<void()> on_connected;
    std::function<void(std::string why)> on_lost;
    std::function<void(const LeaseAnswer &answer)> on_answer;
};

class RedisLeaseStore final : public LeaseStore {
public:
    // `loop` outlives the object. Every key begins with `prefix`.
    RedisLeaseStore(Loop &loop, RedisUrl url, std::string prefix, RedisLeaseEvents events);
    ~RedisLeaseStore() override;

    void connect() override;
    void disconnect() override;
    void send(const LeaseCommand &command) override;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace tandem
