// A real redis-server on a free port, with nothing on disk but a scratch directory; and a second way to look into it.
#pragma once
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

struct redisContext;

namespace tandem::test {

std::uint16_t free_port();

class RedisServer {
public:
    explicit RedisServer(std::vector<std::string> arguments = {}, std::string password = {});
    ~RedisServer(); // ends it
    RedisServer(const RedisServer &) = delete;
    RedisServer &operator=(const RedisServer &) = delete;

    void start(); // on the same port; returns when it answers
    void kill();
    void signal(int number) const { ::kill(process_, number); }

    // By a connection of its own, words divided by blanks; a list has blanks between its items, nil is "nil".
    std::string ask(const std::string &command);
    std::string ask(const std::vector<std::string> &words);

    std::uint16_t port() const { return port_; }

private:
    std::vector<std::string> arguments_;
    std::string password_;
    std::filesystem::path folder_;
    std::uint16_t port_ = 0;
    pid_t process_ = -1;
    std::unique_ptr<redisContext, void (*)(redisContext *)> context_;
};

} // namespace tandem::test
