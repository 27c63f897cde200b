// DNS servers on the loopback interface: dnsmasq as a process, and one on the test's own loop for what no real server
// does on purpose.
#pragma once
#include <csignal>
#include <cstdint>
#include <doctest/doctest.h>
#include <functional>
#include <netinet/in.h>
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

private:
    int fd_;
    std::uint16_t port_ = 0;
};

inline std::uint16_t free_port() { return SilentServer().at().port; }

class Dnsmasq {
public:
    explicit Dnsmasq(const std::vector<std::string> &records) : port_(free_port()) {
        std::vector<std::string> words = {"dnsmasq",          "--keep-in-foreground", "--conf-file=/dev/null",
                                          "--no-resolv",      "--no-hosts",           "--bind-interfaces",
                                          "--user=",          "--pid-file=",          "--listen-address=127.0.0.1",
                                          "--log-facility=-", "--local-ttl=60",       "--port=" + std::to_string(port_),
                                          "--domain-needed",  "--local=/#/"};
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
    ~Dnsmasq() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    Dnsmasq(const Dnsmasq &) = delete;
    Dnsmasq &operator=(const Dnsmasq &) = delete;

    Endpoint at() const { return loopback(port_); }

private:
    std::uint16_t port_;
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
