#include "storage/redis/redis_connection.hpp"
#include <hiredis/hiredis.h>
#include <utility>
#include <vector>

namespace tandem {
namespace {

// As an array of texts, the way in which Redis is told a command.
void append_command(std::span<const std::string_view> words, std::string &out) {
    std::vector<const char *> texts;
    std::vector<std::size_t> sizes;
    for (const std::string_view word : words) {
        texts.push_back(word.data());
        sizes.push_back(word.size());
    }
    char *bytes = nullptr;
    const auto size = redisFormatCommandArgv(&bytes, static_cast<int>(words.size()), texts.data(), sizes.data());
    if (size > 0) out.append(bytes, static_cast<std::size_t>(size));
    redisFreeCommand(bytes);
}

} // namespace

RedisConnection::RedisConnection(Loop &loop, const RedisHost &host, const std::vector<Endpoint> &name_servers,
                                 std::function<void(std::string)> on_lost)
    : on_lost_(std::move(on_lost)) {
    ByteStreamEvents events;
    events.on_connected = [this] {
        is_connected_ = true;
        stream_->write(std::exchange(early_, std::string()));
    };
    events.on_bytes = [this](std::string_view bytes) { on_bytes(bytes); };
    events.on_closed = [this](std::string why) { lose(std::move(why)); };
    stream_ = std::make_unique<ByteStream>(loop, host.host, host.port, std::move(events), name_servers);
}

void RedisConnection::send(std::span<const std::string_view> words, Done done) {
    if (is_connected_ && stream_->unsent() > unsent_max) return; // whoever waits for the answer gives up in time
    waiting_.push_back(std::move(done));
    if (!is_connected_) return append_command(words, early_);
    std::string bytes;
    append_command(words, bytes);
    stream_->write(bytes);
}

void RedisConnection::on_bytes(std::string_view bytes) {
    const std::weak_ptr<bool> alive = is_alive_;
    reader_.feed(bytes);
    for (;;) {
        auto answer = reader_.next();
        if (!answer) return lose(answer.error().detail);
        if (!*answer) return;
        if (waiting_.empty()) return lose("it answers what nobody has asked");
        const Done done = std::move(waiting_.front());
        waiting_.pop_front();
        done(**answer);
        if (alive.expired()) return;
    }
}

void RedisConnection::lose(std::string why) {
    const auto on_lost = std::exchange(on_lost_, nullptr);
    if (on_lost) on_lost(std::move(why));
}

} // namespace tandem
