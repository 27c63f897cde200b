#include "net/byte_stream.hpp"
#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <cstring>
#include <fcntl.h>
#include <utility>
#include "net/dns/ares_client.hpp"
#include "net/loop_impl.hpp"
#include "net/socket_address.hpp"

namespace tandem {

using Tcp = asio::ip::tcp;

namespace {

Tcp::endpoint to_tcp(const Endpoint &endpoint) {
    SocketAddress address{};
    const socklen_t size = to_address(endpoint, address);
    Tcp::endpoint to;
    std::memcpy(to.data(), &address.any, size);
    to.resize(size);
    return to;
}

} // namespace

struct ByteStream::Impl final : std::enable_shared_from_this<Impl> {
    Impl(Loop &its_loop, ByteStreamEvents its_events)
        : loop(its_loop), io(loop.impl().io), socket(io), events(std::move(its_events)) {}

    void open(const std::string &host, std::uint16_t port, const std::vector<Endpoint> &name_servers);
    void connect(const std::vector<IpAddress> &found, std::uint16_t port);
    void read();
    void flush();
    void close();
    void end(const AsioError &error);
    void end(const std::string &why);

    Loop &loop;
    asio::io_context &io;
    std::unique_ptr<AresClient> names; // none: the host is an address
    Tcp::socket socket;
    ByteStreamEvents events;
    bool is_open = true;
    bool is_writing = false; // or about to be
    std::string next;        // what is written after that
    std::string under_way;
    std::array<char, 16384> in{};
};

void ByteStream::Impl::open(const std::string &host, std::uint16_t port, const std::vector<Endpoint> &name_servers) {
    if (const auto address = IpAddress::parse(host)) return connect({*address}, port);
    // Soon, because whoever connects waits no longer than for a call.
    constexpr Duration next_server = std::chrono::milliseconds(100);
    auto opened = AresClient::open(loop, {.servers = name_servers, .try_timeout = next_server});
    if (!opened) return end(opened.error().detail);
    names = std::move(*opened);
    names->find_addresses(host, [self = shared_from_this(), port](const auto &found, const std::string &why) {
        if (!self->is_open) return;
        found.empty() ? self->end(why) : self->connect(found, port);
    });
}

void ByteStream::Impl::connect(const std::vector<IpAddress> &found, std::uint16_t port) {
    std::vector<Tcp::endpoint> targets;
    for (const IpAddress &ip : found) {
        Endpoint to;
        to.ip = ip;
        to.port = port;
        targets.push_back(to_tcp(to));
    }
    asio::async_connect(socket, targets, [self = shared_from_this()](AsioError error, const Tcp::endpoint &) {
        if (!self->is_open) return;
        if (error) return self->end(error);
        ::fcntl(self->socket.native_handle(), F_SETFD, FD_CLOEXEC); // it may have a password behind it
        self->socket.set_option(Tcp::no_delay(true), error);
        self->read();
        if (self->events.on_connected) self->events.on_connected();
    });
}

void ByteStream::Impl::read() {
    socket.async_read_some(asio::buffer(in), [self = shared_from_this()](AsioError error, std::size_t size) {
        if (!self->is_open) return;
        if (error) return self->end(error);
        self->events.on_bytes(std::string_view(self->in.data(), size));
        if (self->is_open) self->read();
    });
}

void ByteStream::Impl::flush() {
    under_way.clear();
    under_way.swap(next);
    if (under_way.empty()) {
        is_writing = false;
        return;
    }
    asio::async_write(socket, asio::buffer(under_way), [self = shared_from_this()](AsioError error, std::size_t) {
        if (!self->is_open) return;
        error ? self->end(error) : self->flush();
    });
}

void ByteStream::Impl::close() {
    is_open = false;
    names.reset();
    AsioError ignored;
    socket.close(ignored);
}

void ByteStream::Impl::end(const AsioError &error) {
    end(error == asio::error::eof ? std::string("the connection was closed") : error.message());
}

void ByteStream::Impl::end(const std::string &why) {
    const std::string reason = why; // may go with what is closed
    close();
    // The owner may go with us in there.
    const auto on_closed = std::exchange(events.on_closed, nullptr);
    on_closed(reason);
}

ByteStream::ByteStream(Loop &loop, const std::string &host, std::uint16_t port, ByteStreamEvents events,
                       const std::vector<Endpoint> &name_servers)
    : impl_(std::make_shared<Impl>(loop, std::move(events))) {
    // Not from in here: a failure may be known at once.
    asio::post(impl_->io, [impl = impl_, host, port, name_servers] {
        if (impl->is_open) impl->open(host, port, name_servers);
    });
}

ByteStream::~ByteStream() { impl_->close(); }

void ByteStream::write(std::string_view bytes) {
    impl_->next.append(bytes);
    if (std::exchange(impl_->is_writing, true)) return;
    asio::post(impl_->io, [impl = impl_] {
        if (impl->is_open) impl->flush();
    });
}

std::size_t ByteStream::unsent() const { return impl_->next.size() + impl_->under_way.size(); }

} // namespace tandem
