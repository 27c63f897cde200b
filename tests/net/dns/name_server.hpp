// DNS servers on the loopback interface: dnsmasq as a process, and one on the test's own loop for what no real server
// does on purpose.
#pragma once
#include <csignal>
#include <cstdint>
#include <doctest/doctest.h>
#include <functional>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>
#include "net/dns/dns_response.hpp"
#include "net/system_clock.hpp"
#include "net/udp_transport.hpp"

namespace tandem::test {

inline Endpoint loopback(std::uint16_t port) { return {.ip = *IpAddress::parse("127.0.0.1"), .port = port}; }

// A UDP socket that nobody reads.
class SilentServer {
public:
    SilentServer() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        REQUIRE(::bind(fd_, reinterpret_cast<sockaddr *>(&address), size) == 0);
        REQUIRE(::getsockname(fd_, reinterpret_cast<sockaddr *>(&address), &size) == 0);
        port_ = ntohs(address.sin_port);
    }
    ~SilentServer() { ::close(fd_); }
    SilentServer(const SilentServer &) = delete;
    SilentServer &operator=(const SilentServer &) = delete;

    Endpoint at() const { return loopback(port_); }
    bool was_asked() const {
        char byte = 0;
        return ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
    }

private:
    int fd_;
    std::uint16_t port_ = 0;
};

inline std::uint16_t free_port() { return SilentServer().at().port; }

// The process, ready: it answers. Its port has to be free for UDP and for TCP, and may be taken meanwhile by anybody,
// also by another dnsmasq, whose answers are not ours: so it is asked for a name that only this one knows, and another
// port is tried when it ends.
class Dnsmasq {
public:
    explicit Dnsmasq(const std::vector<std::string> &records) {
        for (int attempt = 0; attempt < 10; ++attempt) {
            port_ = free_port();
            const std::string ready = "ready" + std::to_string(attempt) + "." + std::to_string(::getpid()) + ".example";
            start(records, ready);
            if (is_up(ready)) return;
            stop();
        }
        FAIL("dnsmasq finds no port");
    }
    ~Dnsmasq() { stop(); }
    Dnsmasq(const Dnsmasq &) = delete;
    Dnsmasq &operator=(const Dnsmasq &) = delete;

    Endpoint at() const { return loopback(port_); }

private:
    void start(const std::vector<std::string> &records, const std::string &ready) {
        std::vector<std::string> words = {
            "dnsmasq",          "--keep-in-foreground", "--conf-file=/dev/null",
            "--no-resolv",      "--no-hosts",           "--bind-interfaces",
            "--user=",          "--pid-file=",          "--listen-address=127.0.0.1",
            "--log-facility=-", "--local-ttl=60",       "--port=" + std::to_string(port_),
            "--domain-needed",  "--local=/#/",          "--host-record=" + ready + ",192.0.2.99"};
        words.insert(words.end(), records.begin(), records.end());
        std::vector<char *> arguments;
        for (std::string &word : words) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        const std::string path = std::string(::getenv("PATH")) + ":/usr/sbin"; // not everybody's has it
        std::string path_variable = "PATH=" + path;
        ::setenv("PATH", path.c_str(), 1);
        char *const environment[] = {path_variable.data(), nullptr};
        REQUIRE(::posix_spawnp(&pid_, "dnsmasq", nullptr, nullptr, arguments.data(), environment) == 0);
    }

    void stop() {
        if (pid_ < 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }

    bool has_ended() {
        if (::waitpid(pid_, nullptr, WNOHANG) == 0) return false;
        pid_ = -1;
        return true;
    }

    // Waits until it answers or has ended, which it does on a port that somebody has.
    bool is_up(const std::string &ready) {
        const Instant end = SystemClock::now() + std::chrono::seconds(30);
        while (!has_ended()) {
            if (answers(ready)) return true;
            ::poll(nullptr, 0, 2); // nobody listens there yet, or not ours
            REQUIRE_MESSAGE(SystemClock::now() < end, "dnsmasq neither answers nor ends");
        }
        return false;
    }

    // Asks it once, and waits for a moment.
    bool answers(const std::string &ready) const {
        DnsResponse query({ready, DnsType::a});
        query.bytes[2] = 1; // recursion desired, and no response
        query.bytes[3] = 0;
        const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port_);
        const timeval moment{0, 20'000};
        ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment);
        ::connect(fd, reinterpret_cast<const sockaddr *>(&address), sizeof address);
        ::send(fd, query.bytes.data(), query.bytes.size(), 0);
        std::uint8_t response[512] = {};
        const ssize_t size = ::recv(fd, response, sizeof response, 0);
        ::close(fd);
        return size > 12 && response[7] == 1; // one record in its answer
    }

    std::uint16_t port_ = 0;
    pid_t pid_ = -1;
};

// Answers as `respond` says, after a while; with nothing where that is empty.
class FakeServer {
public:
    using Respond = std::function<std::vector<std::uint8_t>(std::string_view query)>;

    FakeServer(Loop &loop, Respond respond) : respond_(std::move(respond)) {
        auto opened = UdpTransport::open(loop, loopback(0));
        REQUIRE(opened.ok());
        udp_ = std::move(*opened);
        udp_->on_batch([this](std::span<const Datagram> batch) {
            for (const Datagram &query : batch) {
                ++queries;
                kept_.push_back({query.peer, std::string(query.bytes)});
            }
            if (!is_held) flush();
        });
    }

    // Answers what was held back.
    void flush() {
        for (const Query &query : std::exchange(kept_, {})) {
            const auto response = respond_(query.bytes);
            const std::string bytes(response.begin(), response.end());
            if (bytes.empty()) continue;
            const OutDatagram out[] = {{query.from, SharedBytes(bytes), 0}};
            udp_->send(out);
        }
    }

    Endpoint at() const { return udp_->local(); }
    int queries = 0;
    bool is_held = false;

private:
    struct Query {
        Endpoint from;
        std::string bytes;
    };

    Respond respond_;
    std::unique_ptr<UdpTransport> udp_;
    std::vector<Query> kept_;
};

// With the number of the query, as a resolver wants it back.
inline std::vector<std::uint8_t> numbered_as(std::string_view query, std::vector<std::uint8_t> response) {
    for (std::size_t i = 0; i < 2 && i < response.size(); ++i) response[i] = static_cast<std::uint8_t>(query[i]);
    return response;
}

} // namespace tandem::test
