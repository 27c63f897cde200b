// libcurl's sockets and its timer, watched by the loop. libcurl opens and closes the sockets itself.
#pragma once
#include <boost/asio/posix/stream_descriptor.hpp>
#include <curl/curl.h>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include "net/asio.hpp"

namespace tandem {

class CurlSockets final : public std::enable_shared_from_this<CurlSockets> {
public:
    // `on_progress` is called after libcurl has been told of an event, and not from within its calls.
    CurlSockets(asio::io_context &io, std::function<void()> on_progress);

    void attach(CURLM *multi); // before its first request
    void detach();             // nothing is watched any more, and on_progress() not called

    // For each easy handle: a descriptor is let go before it is closed, and its number another file's. A connection
    // that is kept for another request is looked at meanwhile: what comes on it answers nobody.
    void prepare(CURL *easy);

private:
    using Wait = asio::posix::descriptor_base::wait_type;

    struct Socket {
        Socket(asio::io_context &io, int fd) : descriptor(io) {
            AsioError ignored; // unwatched it is silent, and the request has a deadline
            descriptor.assign(fd, ignored);
        }
        ~Socket() { descriptor.release(); }

        asio::posix::stream_descriptor descriptor;
        bool is_watched = true;
        bool is_idle = false; // kept, and of no request
        bool wants_read = false;
        bool wants_write = false;
        bool waits_to_read = false;
        bool waits_to_write = false;
    };

    static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket);
    static int on_timer(CURLM *multi, long timeout_ms, void *user);
    static curl_socket_t on_open(void *user, curlsocktype purpose, curl_sockaddr *address);
    static int on_close(void *user, curl_socket_t fd);
    void watch(int fd, bool wants_read, bool wants_write);
    void leave(int fd);
    void forget(int fd);
    void wait(const std::shared_ptr<Socket> &socket, Wait what);
    void tell(curl_socket_t fd, int events);

    asio::io_context &io_;
    asio::steady_timer timer_;
    std::function<void()> on_progress_;
    CURLM *multi_ = nullptr;
    std::map<int, std::shared_ptr<Socket>> sockets_;
    std::set<int> connections_; // that are open; libcurl also has sockets of its own
};

} // namespace tandem
