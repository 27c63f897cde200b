#include "net/http/curl_sockets.hpp"
#include <unistd.h>
#include <utility>

namespace tandem {

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
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, &on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, this);
}

int CurlSockets::on_socket(CURL *, curl_socket_t fd, int what, void *user, void *) {
    auto *self = static_cast<CurlSockets *>(user);
    if (what == CURL_POLL_REMOVE) {
        self->forget(fd);
    } else {
        self->watch(fd, what != CURL_POLL_OUT, what != CURL_POLL_IN);
    }
    return 0;
}

int CurlSockets::on_close(void *user, curl_socket_t fd) {
    static_cast<CurlSockets *>(user)->forget(fd);
    return ::close(fd);
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
