// The far end of a connection as a bare socket, and a transport with all that it said.
#pragma once
#include <doctest/doctest.h>
#include <functional>
#include <memory>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>
#include "net/descriptor.hpp"
#include "net/loop.hpp"
#include "net/stream_transport.hpp"
#include "net/system_clock.hpp"

namespace tandem::test {

inline Endpoint tcp(std::string_view ip, std::uint16_t port = 0, std::uint8_t listener = 3) {
    return {.ip = *IpAddress::parse(ip), .port = port, .transport = Transport::tcp, .listener = listener};
}

// Runs the loop until `done`, which handlers change, or ten seconds have passed.
template <class Done>
void run_until(Loop &loop, Done done) {
    const Instant end = SystemClock::now() + std::chrono::seconds(10);
    loop.on_deadline([&] {
        if (done() || SystemClock::now() > end) return loop.stop();
        loop.set_deadline(SystemClock::now() + std::chrono::milliseconds(1));
    });
    loop.set_deadline(SystemClock::now());
    loop.run();
    CHECK(done());
}

inline void run_for(Loop &loop, Duration time) {
    const Instant end = SystemClock::now() + time;
    run_until(loop, [&] { return SystemClock::now() >= end; });
}

class RawSocket {
public:
    RawSocket() = default;
    explicit RawSocket(const Endpoint &to, std::uint16_t from_port = 0);
    explicit RawSocket(int fd) : fd_(fd) {}
    RawSocket(OwnedDescriptor fd, const Endpoint &to); // connects it

    void send(std::string_view bytes);
    std::string receive(); // what has come meanwhile
    bool is_closed();      // by the other side; what came before is in text()
    void reset();          // RST
    void close() { fd_.close(); }
    int fd() const { return fd_.get(); }
    std::uint16_t port() const;
    const std::string &text() { return receive(), text_; } // all that came

private:
    OwnedDescriptor fd_;
    std::string text_;
    bool is_closed_ = false;
};

// Accepts what a transport connects to.
class RawListener {
public:
    explicit RawListener(std::string_view ip = "127.0.0.1", std::uint16_t port = 0, int backlog = 1024);
    bool accept(RawSocket &socket); // into one that is empty; false: nobody waits
    const Endpoint &local() const { return local_; }

private:
    OwnedDescriptor fd_;
    Endpoint local_;
};

struct StreamPeer {
    explicit StreamPeer(Loop &loop, std::string_view ip = "127.0.0.1", const StreamOptions &options = {})
        : StreamPeer(StreamTransport::open(loop, tcp(ip), options)) {}
    explicit StreamPeer(Result<std::unique_ptr<StreamTransport>, Failure> opened);

    const Endpoint &local() const { return transport->local(); }
    void send(const Endpoint &to, const std::vector<std::string> &messages);

    std::unique_ptr<StreamTransport> transport;
    std::vector<std::size_t> batches;
    std::vector<std::string> texts;
    std::vector<Endpoint> from;
    std::vector<std::uint64_t> failed; // owners
    std::vector<int> errors;
    std::vector<std::pair<Endpoint, std::string>> lost;
    int never_made = 0;    // of those lost
    int not_connected = 0; // of those failed
    std::function<void()> on_batch;
    std::uint64_t last_owner = 0;
};

std::string sip_request(std::string_view method, int number, std::string_view via = "192.0.2.1",
                        std::string_view body = {});
std::string sip_response(int number, std::string_view via);

} // namespace tandem::test
