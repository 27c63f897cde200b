// One connection with one server: commands go out in order, and each answer finds who asked. All on one loop.
#pragma once
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "net/byte_stream.hpp"
#include "net/loop.hpp"
#include "storage/redis/redis_reader.hpp"
#include "storage/redis/redis_url.hpp"
#include "storage/redis/redis_value.hpp"

namespace tandem {

class RedisConnection {
public:
    using Done = std::function<void(const RedisValue &answer)>;
    static constexpr std::size_t unsent_max = 64 << 20; // bytes

    // `on_lost` is called once, by the loop, when nothing more will come: also if there never was a connection. The
    // owner may destroy the object in there, and in an answer.
    RedisConnection(Loop &loop, const RedisHost &host, const std::vector<Endpoint> &name_servers,
                    std::function<void(std::string why)> on_lost);

    // Also before it is connected. `done` is called when the answer comes, and not if the connection is lost first.
    void send(std::span<const std::string_view> words, Done done);

private:
    void on_bytes(std::string_view bytes);
    void lose(std::string why);

    std::function<void(std::string)> on_lost_;
    RedisReader reader_;
    std::deque<Done> waiting_; // oldest first
    std::string early_;        // commands from before it was connected
    bool is_connected_ = false;
    std::shared_ptr<bool> is_alive_ = std::make_shared<bool>(true); // an event may be our end
    std::unique_ptr<ByteStream> stream_;
};

} // namespace tandem
