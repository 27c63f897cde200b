#include "net/byte_stream.hpp"
#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <utility>
#include "net/loop_impl.hpp"

namespace tandem {

using Tcp = asio::ip::tcp;

struct ByteStream::Impl final : std::enable_shared_from_this<Impl> {
    Impl(Loop &loop, ByteStreamEvents its_events)
        : io(loop.impl().io), resolver(io), socket(io), events(std::move(its_events)) {}

    void open(const std::string &host, std::uint16_t port);
    void connect(const Tcp::resolver::results_type &found);
    void read();
    void flush();
    void close();
    void end(const AsioError &error);

    asio::io_context &io;
    Tcp::resolver resolver;
    Tcp::socket socket;
    ByteStreamEvents events;
    bool is_open = true;
    bool is_writing = false; // or about to be
    std::string next;        // what is written after that
    std::string under_way;
    std::array<char, 16384> in{};
};

void ByteStream::Impl::open(const std::string &host, std::uint16_t port) {
    AsioError error;
    const auto address = asio::ip::make_address(host, error);
    if (!error) return connect(Tcp::resolver::results_type::create(Tcp::endpoint(address, port), host, {}));
    resolver.async_resolve(host, std::to_string(port), Tcp::resolver::numeric_service,
                           [self = shared_from_this()](AsioError failed, const Tcp::resolver::results_type &found) {
                               if (!self->is_open) return;
                               failed ? self->end(failed) : self->connect(found);
                           });
}

void ByteStream::Impl::connect(const Tcp::resolver::results_type &found) {
    asio::async_connect(socket, found, [self = shared_from_this()](AsioError error, const Tcp::endpoint &) {
        if (!self->is_open) return;
        if (error) return self->end(error);
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
    resolver.cancel();
    AsioError ignored;
    socket.close(ignored);
}

void ByteStream::Impl::end(const AsioError &error) {
    close();
    const bool is_end = error == asio::error::eof;
    // The owner may go with us in there.
    const auto on_closed = std::exchange(events.on_closed, nullptr);
    on_closed(is_end ? std::string("the connection was closed") : error.message());
}

ByteStream::ByteStream(Loop &loop, const std::string &host, std::uint16_t port, ByteStreamEvents events)
    : impl_(std::make_shared<Impl>(loop, std::move(events))) {
    // Not from in here: a failure may be known at once.
    asio::post(impl_->io, [impl = impl_, host, port] {
        if (impl->is_open) impl->open(host, port);
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
