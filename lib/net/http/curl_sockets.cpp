#include "net/http/curl_sockets.hpp"
#include <array>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace tandem {
namespace {

// As after the word of a server that ends what nobody uses (408), or after one answer too many: libcurl before 8 would
// take it for the answer to the next request. What it finds ended it does not use again.
void end_idle(int fd) {
    std::array<char, 4096> ignored;
    while (::recv(fd, ignored.data(), ignored.size(), MSG_DONTWAIT) > 0) {
    }
    ::shutdown(fd, SHUT_RDWR);
}

} // namespace

CurlSockets::CurlSockets(asio::io_context &io, std::function<void()> on_progress)
    : io_(io), timer_(io), on_progress_(std::move(on_progress)) {}

void CurlSockets::attach(CURLM *multi) {
    multi_ = multi;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
}

void CurlSockets::detach() {
    multi_ = nullptr;
    on_progress_ = nullptr;
    timer_.cancel();
    while (!sockets_.empty()) forget(sockets_.begin()->first);
}

void CurlSockets::prepare(CURL *easy) {
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &on_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, &on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, this);
}

int CurlSockets::on_socket(CURL *, curl_socket_t fd, int what, void *user, void *) {
    auto *self = static_cast<CurlSockets *>(user);
    if (what == CURL_POLL_REMOVE) {
        self->leave(fd);
    } else {
        self->watch(fd, what != CURL_POLL_OUT, what != CURL_POLL_IN);
    }
    return 0;
}

curl_socket_t CurlSockets::on_open(void *user, curlsocktype, curl_sockaddr *address) {
    auto *self = static_cast<CurlSockets *>(user);
    const int fd = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0) return CURL_SOCKET_BAD;
    self->forget(fd); // of whatever was closed without a word
    self->connections_.insert(fd);
    return fd;
}

int CurlSockets::on_close(void *user, curl_socket_t fd) {
    auto *self = static_cast<CurlSockets *>(user);
    self->connections_.erase(fd);
    self->forget(fd);
    return ::close(fd);
}

// Of a request that is over.
void CurlSockets::leave(int fd) {
    const auto at = sockets_.find(fd);
    if (at == sockets_.end()) return;
    if (!multi_ || !connections_.contains(fd)) return forget(fd);
    const auto socket = at->second;
    socket->is_idle = true;
    socket->wants_read = true;
    socket->wants_write = false;
    if (!socket->waits_to_read) wait(socket, Wait::wait_read);
}

void CurlSockets::forget(int fd) {
    const auto at = sockets_.find(fd);
    if (at == sockets_.end()) return;
    at->second->is_watched = false;
    at->second->descriptor.release(); // ends its waits
    sockets_.erase(at);
}

void CurlSockets::watch(int fd, bool wants_read, bool wants_write) {
    if (!multi_) return;
    auto &socket = sockets_[fd];
    if (!socket) socket = std::make_shared<Socket>(io_, fd);
    socket->is_idle = false;
    socket->wants_read = wants_read;
    socket->wants_write = wants_write;
    if (wants_read && !socket->waits_to_read) wait(socket, Wait::wait_read);
    if (wants_write && !socket->waits_to_write) wait(socket, Wait::wait_write);
}

void CurlSockets::wait(const std::shared_ptr<Socket> &socket, Wait what) {
    const bool is_read = what == Wait::wait_read;
    bool Socket::*const wants = is_read ? &Socket::wants_read : &Socket::wants_write;
    bool Socket::*const waits = is_read ? &Socket::waits_to_read : &Socket::waits_to_write;
    socket.get()->*waits = true;
    socket->descriptor.async_wait(what, [self = shared_from_this(), socket, what, wants, waits](AsioError error) {
        socket.get()->*waits = false;
        if (error || !socket->is_watched || !(socket.get()->*wants)) return;
        if (socket->is_idle) return end_idle(socket->descriptor.native_handle());
        self->tell(socket->descriptor.native_handle(), what == Wait::wait_read ? CURL_CSELECT_IN : CURL_CSELECT_OUT);
        if (socket->is_watched && socket.get()->*wants && !(socket.get()->*waits)) self->wait(socket, what);
    });
}

// libcurl forbids to be called from within: a timeout of 0 comes with the next turn.
int CurlSockets::on_timer(CURLM *, long timeout_ms, void *user) {
    auto *self = static_cast<CurlSockets *>(user);
    if (timeout_ms < 0 || !self->multi_) {
        self->timer_.cancel();
        return 0;
    }
    self->timer_.expires_after(std::chrono::milliseconds(timeout_ms));
    self->timer_.async_wait([self = self->shared_from_this()](AsioError error) {
        if (!error) self->tell(CURL_SOCKET_TIMEOUT, 0);
    });
    return 0;
}

void CurlSockets::tell(curl_socket_t fd, int events) {
    if (!multi_) return;
    int running = 0;
    curl_multi_socket_action(multi_, fd, events, &running);
    if (const auto on_progress = on_progress_) on_progress(); // which may detach
}

} // namespace tandem
