#include "net/dns/ares_client.hpp"
#include <algorithm>
#include <ares.h>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstring>
#include <map>
#include <sys/time.h>
#include <utility>
#include "net/dns/dns_message.hpp"
#include "net/loop_impl.hpp"
#include "net/socket_address.hpp"

namespace tandem {
namespace {

constexpr std::size_t host_address_max = 16;
constexpr int edns_size = 1232; // of a UDP answer: no fragments even in packets of 1280 bytes (RFC 8200 section 5)

DnsStatus status_without_response(int status) {
    switch (status) {
    case ARES_ETIMEOUT: return DnsStatus::timeout;
    case ARES_EBADNAME: return DnsStatus::no_name; // a service's labels made it too long
    default: return DnsStatus::failed;
    }
}

Failure failure(int status) { return {Error::io, std::string("DNS: ") + ares_strerror(status)}; }

} // namespace

struct AresClient::Impl final : std::enable_shared_from_this<Impl> {
    using Wait = asio::posix::descriptor_base::wait_type;

    // A socket of c-ares, which opens and closes it.
    struct Socket {
        Socket(asio::io_context &io, int fd) : descriptor(io) {
            AsioError ignored; // unwatched it is silent, and the query has a timeout
            descriptor.assign(fd, ignored);
        }
        ~Socket() { descriptor.release(); }

        asio::posix::stream_descriptor descriptor;
        bool is_open = true;
        bool wants_read = false;
        bool wants_write = false;
        bool waits_to_read = false;
        bool waits_to_write = false;
    };

    struct Query {
        Impl &client;
        DnsQuestion question;
        Done done;
    };
    struct HostQuery {
        Impl &client;
        Addresses done;
    };

    explicit Impl(Loop &loop) : io(loop.impl().io), timer(io) {}
    ~Impl() { close(); }

    int open(const AresOptions &options);
    int set_servers(const std::vector<Endpoint> &servers);
    void close();
    void query(const DnsQuestion &question, Done done);
    void arm_timer();
    void process(ares_socket_t readable, ares_socket_t writable);
    void on_socket_state(int fd, bool wants_read, bool wants_write);
    void wait(const std::shared_ptr<Socket> &socket, Wait what);

    static void on_response(void *user, int status, int timeouts, unsigned char *response, int size);
    static void on_host(void *user, int status, int timeouts, ares_addrinfo *found);

    asio::io_context &io;
    asio::steady_timer timer;
    ares_channel channel = nullptr;
    std::map<int, std::shared_ptr<Socket>> sockets;
};

int AresClient::Impl::open(const AresOptions &options) {
    static const int is_ready = ares_library_init(ARES_LIB_INIT_ALL); // once in the process, as it has to be
    if (is_ready != ARES_SUCCESS) return is_ready;
    ares_options ares{};
    ares.flags = ARES_FLAG_EDNS;
    ares.ednspsz = edns_size;
    ares.timeout = static_cast<int>(std::max<std::int64_t>(to_ms(options.try_timeout), 1));
    ares.tries = options.rounds;
    ares.sock_state_cb_data = this;
    ares.sock_state_cb = [](void *user, ares_socket_t fd, int wants_read, int wants_write) {
        static_cast<Impl *>(user)->on_socket_state(fd, wants_read != 0, wants_write != 0);
    };
    const int given = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
    const int status = ares_init_options(&channel, &ares, given);
    return status == ARES_SUCCESS && !options.servers.empty() ? set_servers(options.servers) : status;
}

int AresClient::Impl::set_servers(const std::vector<Endpoint> &servers) {
    std::vector<ares_addr_port_node> nodes(servers.size());
    for (std::size_t i = 0; i < servers.size(); ++i) {
        nodes[i].next = i + 1 < servers.size() ? &nodes[i + 1] : nullptr;
        nodes[i].family = servers[i].ip.is_v6 ? AF_INET6 : AF_INET;
        std::memcpy(&nodes[i].addr, servers[i].ip.bytes.data(), servers[i].ip.is_v6 ? 16 : 4);
        nodes[i].udp_port = nodes[i].tcp_port = servers[i].port;
    }
    return ares_set_servers_ports(channel, nodes.data());
}

void AresClient::Impl::close() {
    if (!channel) return;
    ares_destroy(std::exchange(channel, nullptr)); // ends every query, closes every socket
    timer.cancel();
}

void AresClient::Impl::query(const DnsQuestion &question, Done done) {
    auto *query = new Query{*this, question, std::move(done)}; // on_response() owns it: c-ares calls that once
    ares_query(channel, question.name.c_str(), 1, static_cast<int>(question.type), &on_response, query);
    arm_timer();
}

void AresClient::Impl::on_response(void *user, int status, int, unsigned char *response, int size) {
    const std::unique_ptr<Query> query(static_cast<Query *>(user));
    if (status == ARES_EDESTRUCTION || status == ARES_ECANCELLED) return;
    DnsAnswer answer;
    if (response && size > 0) {
        answer = read_dns_answer({response, static_cast<std::size_t>(size)}, query->question);
    } else {
        answer.status = status_without_response(status);
    }
    // Not from in here: c-ares may be inside of ares_query(), and must not be destroyed now.
    asio::post(query->client.io, [weak = query->client.weak_from_this(), done = std::move(query->done),
                                  result = std::move(answer)]() mutable {
        if (const auto client = weak.lock(); client && client->channel) done(std::move(result));
    });
}

void AresClient::Impl::on_host(void *user, int status, int, ares_addrinfo *found) {
    const std::unique_ptr<HostQuery> query(static_cast<HostQuery *>(user));
    std::vector<IpAddress> addresses;
    for (const ares_addrinfo_node *node = found ? found->nodes : nullptr; node; node = node->ai_next) {
        const auto size = static_cast<std::size_t>(node->ai_addrlen);
        const bool is_known = node->ai_family == AF_INET || node->ai_family == AF_INET6;
        if (!is_known || size > sizeof(SocketAddress) || addresses.size() >= host_address_max) continue;
        SocketAddress address{};
        std::memcpy(&address, node->ai_addr, size);
        Endpoint at;
        read_address(address, at);
        addresses.push_back(at.ip);
    }
    if (found) ares_freeaddrinfo(found);
    if (status == ARES_EDESTRUCTION || status == ARES_ECANCELLED) return;
    std::string why = addresses.empty() ? failure(status == ARES_SUCCESS ? ARES_ENODATA : status).detail : "";
    asio::post(query->client.io, [weak = query->client.weak_from_this(), done = std::move(query->done),
                                  result = std::move(addresses), reason = std::move(why)]() mutable {
        if (const auto client = weak.lock(); client && client->channel) done(std::move(result), std::move(reason));
    });
}

void AresClient::Impl::on_socket_state(int fd, bool wants_read, bool wants_write) {
    if (!wants_read && !wants_write) { // is about to be closed
        const auto at = sockets.find(fd);
        if (at == sockets.end()) return;
        at->second->is_open = false;
        at->second->descriptor.release(); // ends its waits
        sockets.erase(at);
        return;
    }
    auto &socket = sockets[fd];
    if (!socket) socket = std::make_shared<Socket>(io, fd);
    socket->wants_read = wants_read;
    socket->wants_write = wants_write;
    if (wants_read && !socket->waits_to_read) wait(socket, Wait::wait_read);
    if (wants_write && !socket->waits_to_write) wait(socket, Wait::wait_write);
}

void AresClient::Impl::wait(const std::shared_ptr<Socket> &socket, Wait what) {
    bool Socket::*const wants = what == Wait::wait_read ? &Socket::wants_read : &Socket::wants_write;
    bool Socket::*const waits = what == Wait::wait_read ? &Socket::waits_to_read : &Socket::waits_to_write;
    socket.get()->*waits = true;
    socket->descriptor.async_wait(what, [self = shared_from_this(), socket, what, wants, waits](AsioError error) {
        socket.get()->*waits = false;
        if (error || !socket->is_open || !(socket.get()->*wants)) return;
        const int fd = socket->descriptor.native_handle();
        self->process(what == Wait::wait_read ? fd : ARES_SOCKET_BAD, what == Wait::wait_read ? ARES_SOCKET_BAD : fd);
        if (socket->is_open && socket.get()->*wants && !(socket.get()->*waits)) self->wait(socket, what);
    });
}

void AresClient::Impl::process(ares_socket_t readable, ares_socket_t writable) {
    ares_process_fd(channel, readable, writable);
    arm_timer();
}

void AresClient::Impl::arm_timer() {
    timeval next{};
    if (!ares_timeout(channel, nullptr, &next)) { // nothing is out
        timer.cancel();
        return;
    }
    timer.expires_after(std::chrono::seconds(next.tv_sec) + std::chrono::microseconds(next.tv_usec));
    timer.async_wait([self = shared_from_this()](AsioError error) {
        if (!error && self->channel) self->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    });
}

Result<std::unique_ptr<AresClient>, Failure> AresClient::open(Loop &loop, const AresOptions &options) {
    auto impl = std::make_shared<Impl>(loop);
    if (const int status = impl->open(options); status != ARES_SUCCESS) return failure(status);
    return std::unique_ptr<AresClient>(new AresClient(std::move(impl)));
}

AresClient::AresClient(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

AresClient::~AresClient() { impl_->close(); }

void AresClient::query(const DnsQuestion &question, Done done) { impl_->query(question, std::move(done)); }

void AresClient::find_addresses(const std::string &host, Addresses done) {
    auto *query = new Impl::HostQuery{*impl_, std::move(done)}; // on_host() owns it
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    ares_getaddrinfo(impl_->channel, host.c_str(), nullptr, &hints, &Impl::on_host, query);
    impl_->arm_timer();
}

} // namespace tandem
