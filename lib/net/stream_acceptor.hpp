// A listening socket. Where the process or the system has no descriptor left it refuses who waits and comes back later:
// it never spins, and nothing else notices (the loop goes on).
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "net/asio.hpp"
#include "net/descriptor.hpp"
#include "net/readable.hpp"

namespace tandem {

struct AcceptorOptions {
    int backlog = 1024;
    bool share_port = false; // SO_REUSEPORT
    std::size_t accepts_per_wake = 64;
    std::chrono::milliseconds pause_min{50}; // after a failure; doubled until pause_max
    std::chrono::milliseconds pause_max{1000};
};

// The close of the descriptor becomes a reset: the peer knows at once, and nothing lingers in the kernel.
void reset_at_close(int fd);

class StreamAcceptor final : public Reader, public std::enable_shared_from_this<StreamAcceptor> {
public:
    // Not blocking; `peer` has the address, and the rest of what the acceptor is bound to.
    using Handler = std::function<void(OwnedDescriptor fd, const Endpoint &peer)>;

    // Binds and listens. `handler` is called from the loop, not from here. The failure is an errno.
    static Result<std::shared_ptr<StreamAcceptor>, int> open(asio::io_context &io, const Endpoint &at,
                                                             const AcceptorOptions &options, Handler handler);
    StreamAcceptor(asio::io_context &io, OwnedDescriptor fd, const Endpoint &local, const AcceptorOptions &options,
                   Handler handler);

    void close();
    const Endpoint &local() const { return local_; }
    std::uint64_t pauses() const { return pauses_; }   // how often descriptors or memory were missing
    std::uint64_t refused() const { return refused_; } // connections that were closed unheard because of it

private:
    void on_readable() override;
    bool accept_one(); // false: nobody waits, or it pauses
    void pause(int error);
    void refuse_waiting();

    asio::io_context &io_;
    const AcceptorOptions options_;
    const Endpoint local_;
    OwnedDescriptor fd_;
    OwnedDescriptor spare_; // given up for a moment, to refuse somebody
    Readable readable_;
    asio::steady_timer timer_;
    Handler handler_;
    std::chrono::milliseconds pause_;
    bool is_paused_ = false;
    bool is_turn_posted_ = false; // more may wait, and the loop comes back for them
    std::uint64_t pauses_ = 0;
    std::uint64_t refused_ = 0;
};

} // namespace tandem
