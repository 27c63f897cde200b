// Asio registers a descriptor once, edge triggered, and an event costs no system call but the epoll_wait that brought
// it. But async_wait() begins with an epoll_ctl whenever nobody waits already: 2.5 % of what it costs to relay a
// datagram. So two waits take turns here: one completes, and the other keeps the place. That needs an operation which
// ends the round after itself, and only Asio's own classes can say so. This file is the one place that knows them; with
// a Boost whose reactor has not been looked at it uses async_wait().
#include "net/readable.hpp"
#include <boost/version.hpp>
#if defined(BOOST_ASIO_HAS_EPOLL) && BOOST_VERSION >= 107400 && BOOST_VERSION < 107900
#include <boost/asio/detail/epoll_reactor.hpp>
#include <boost/asio/detail/reactor_op.hpp>
#define TANDEM_NET_KEEPS_WAITING 1
#else
#include <boost/asio/posix/stream_descriptor.hpp>
#define TANDEM_NET_KEEPS_WAITING 0
#endif

namespace tandem {

#if TANDEM_NET_KEEPS_WAITING

struct Readable::Waits {
    using Reactor = asio::detail::epoll_reactor;

    // One of the two. Whoever completes it frees it: the reactor may hold it for longer than we live.
    struct Wait : asio::detail::reactor_op {
        Wait(Waits &waits, std::shared_ptr<Reader> its_reader)
            : reactor_op(AsioError(), &Wait::perform, &Wait::complete), parent(waits), reader(std::move(its_reader)) {}

        static status perform(reactor_op *) { return done_and_exhausted; }

        static void complete(void *owner, asio::detail::operation *base, const AsioError &, std::size_t) {
            auto *wait = static_cast<Wait *>(base);
            // The loop is gone, or we were closed: before the descriptor was ready, or when this waited for its turn.
            if (!owner || wait->ec_ || wait->parent.fd < 0) {
                delete wait;
                return;
            }
            wait->parent.start(wait); // first: while it waits nothing frees it, whatever the reader does
            wait->reader->on_readable();
        }

        Waits &parent; // alive as long as the wait was not aborted
        std::shared_ptr<Reader> reader;
    };

    // Room to write is asked for once at a time.
    struct WriteWait : asio::detail::reactor_op {
        WriteWait(Waits &waits, std::shared_ptr<Reader> its_reader)
            : reactor_op(AsioError(), &WriteWait::perform, &WriteWait::complete), parent(waits),
              reader(std::move(its_reader)) {}

        static status perform(reactor_op *) { return done_and_exhausted; }

        static void complete(void *owner, asio::detail::operation *base, const AsioError &, std::size_t) {
            const std::unique_ptr<WriteWait> wait(static_cast<WriteWait *>(base));
            if (!owner || wait->ec_ || wait->parent.fd < 0) return;
            wait->parent.waits_writable = false;
            wait->reader->on_writable();
        }

        Waits &parent;
        std::shared_ptr<Reader> reader;
    };

    explicit Waits(asio::io_context &io) : reactor(asio::use_service<Reactor>(io)) { reactor.init_task(); }

    AsioError open(int descriptor, std::shared_ptr<Reader> reader) {
        if (const int error = reactor.register_descriptor(descriptor, data))
            return AsioError(error, boost::system::system_category());
        fd = descriptor;
        for (int i = 0; i < 2; ++i) start(new Wait(*this, reader));
        its_reader = std::move(reader);
        return {};
    }

    void wait_writable() {
        if (fd < 0 || std::exchange(waits_writable, true)) return;
        reactor.start_op(Reactor::write_op, fd, data, new WriteWait(*this, its_reader.lock()), false, false);
    }

    void start(Wait *wait) { reactor.start_op(Reactor::read_op, fd, data, wait, false, false); }

    void close() {
        if (fd < 0) return;
        reactor.deregister_descriptor(fd, data, false); // ends both waits with operation_aborted
        reactor.cleanup_descriptor_data(data);
        fd = -1;
        waits_writable = false;
    }

    Reactor &reactor;
    Reactor::per_descriptor_data data{};
    int fd = -1;
    bool waits_writable = false;
    std::weak_ptr<Reader> its_reader; // alive while a wait is
};

#else

struct Readable::Waits {
    explicit Waits(asio::io_context &io) : descriptor(io) {}

    AsioError open(int fd, std::shared_ptr<Reader> reader) {
        AsioError error;
        descriptor.assign(fd, error);
        if (error) return error;
        its_reader = reader;
        wait(std::move(reader));
        return error;
    }

    void wait_writable() {
        if (!descriptor.is_open() || std::exchange(waits_writable, true)) return;
        descriptor.async_wait(asio::posix::descriptor_base::wait_write,
                              [this, reader = its_reader.lock()](AsioError error) {
                                  if (error || !descriptor.is_open()) return;
                                  waits_writable = false;
                                  reader->on_writable();
                              });
    }

    void wait(std::shared_ptr<Reader> reader) {
        descriptor.async_wait(asio::posix::descriptor_base::wait_read, [this, reader](AsioError error) {
            if (error || !descriptor.is_open()) return;
            wait(reader); // first: the reader may close us
            reader->on_readable();
        });
    }

    void close() {
        if (descriptor.is_open()) descriptor.release();
        waits_writable = false;
    }

    asio::posix::stream_descriptor descriptor;
    bool waits_writable = false;
    std::weak_ptr<Reader> its_reader;
};

#endif

Readable::Readable(asio::io_context &io) : waits_(std::make_unique<Waits>(io)) {}

Readable::~Readable() { close(); }

AsioError Readable::open(int fd, std::shared_ptr<Reader> reader) { return waits_->open(fd, std::move(reader)); }

void Readable::wait_writable() { waits_->wait_writable(); }

void Readable::close() { waits_->close(); }

} // namespace tandem
