#include "storage/redis_server.hpp"
#include <chrono>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <sstream>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace tandem::test {
namespace {

std::string text_of(const redisReply &reply) {
    if (reply.type == REDIS_REPLY_NIL) return "nil";
    if (reply.type == REDIS_REPLY_INTEGER) return std::to_string(reply.integer);
    if (reply.type != REDIS_REPLY_ARRAY) return std::string(reply.str, reply.len);
    std::string all;
    for (std::size_t i = 0; i < reply.elements; ++i) all += (i > 0 ? " " : "") + text_of(*reply.element[i]);
    return all;
}

} // namespace

std::uint16_t free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    REQUIRE(::bind(fd, reinterpret_cast<sockaddr *>(&at), size) == 0);
    REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr *>(&at), &size) == 0);
    ::close(fd);
    return ntohs(at.sin_port);
}

RedisServer::RedisServer(std::vector<std::string> arguments, std::string password)
    : arguments_(std::move(arguments)), password_(std::move(password)), port_(free_port()),
      context_(nullptr, redisFree) {
    char name[] = "/tmp/tandem-redis-XXXXXX";
    REQUIRE(::mkdtemp(name));
    folder_ = name;
    start();
}

RedisServer::~RedisServer() {
    kill();
    std::filesystem::remove_all(folder_);
}

void RedisServer::start() {
    std::vector<std::string> words{
        "redis-server", "--port", std::to_string(port_), "--bind",  "127.0.0.1", "--save",   "", "--appendonly", "no",
        "--dir",        folder_,  "--loglevel",          "warning", "--logfile", "/dev/null"};
    if (!password_.empty()) words.insert(words.end(), {"--requirepass", password_});
    words.insert(words.end(), arguments_.begin(), arguments_.end());
    std::vector<char *> raw;
    for (std::string &word : words) raw.push_back(word.data());
    raw.push_back(nullptr);
    process_ = ::fork();
    REQUIRE(process_ >= 0);
    if (process_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::execvp(raw[0], raw.data());
        ::_exit(127);
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < end) {
        if (ask("PING") == "PONG") return;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    FAIL("redis-server does not start");
}

void RedisServer::kill() {
    context_.reset();
    if (process_ < 0) return;
    signal(SIGCONT);
    signal(SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = -1;
}

std::string RedisServer::ask(const std::string &command) {
    std::istringstream in(command);
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word);
    return ask(words);
}

std::string RedisServer::ask(const std::vector<std::string> &words) {
    if (!context_ || context_->err) {
        context_.reset(redisConnect("127.0.0.1", port_));
        if (!password_.empty()) freeReplyObject(redisCommand(context_.get(), "AUTH %s", password_.c_str()));
    }
    std::vector<const char *> raw;
    std::vector<std::size_t> sizes;
    for (const std::string &word : words) {
        raw.push_back(word.data());
        sizes.push_back(word.size());
    }
    auto *reply = static_cast<redisReply *>(
        redisCommandArgv(context_.get(), static_cast<int>(raw.size()), raw.data(), sizes.data()));
    if (!reply) return "no answer";
    std::string text = text_of(*reply);
    freeReplyObject(reply);
    return text;
}

} // namespace tandem::test
