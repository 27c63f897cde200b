#include "net/tls_channel.hpp"
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include "base/endpoint.hpp"
#include "net/openssl_error.hpp"

namespace tandem {
namespace {

struct TlsSocket {
    int fd;
    int error = 0; // of the last call: an errno, which the end of the stream leaves as it was; 0: none
};

TlsSocket &socket_of(BIO *bio) { return *static_cast<TlsSocket *>(BIO_get_data(bio)); }

bool is_retried(int error) { return error == EAGAIN || error == EINTR; }

// OpenSSL's own socket BIO writes with write(2), which kills the process when the peer is gone.
int read_socket(BIO *bio, char *buffer, int size) {
    BIO_clear_retry_flags(bio);
    TlsSocket &socket = socket_of(bio);
    const ssize_t got = ::recv(socket.fd, buffer, static_cast<std::size_t>(size), MSG_DONTWAIT);
    socket.error = got < 0 ? errno : 0;
    if (is_retried(socket.error)) BIO_set_retry_read(bio);
    return static_cast<int>(got);
}

int write_socket(BIO *bio, const char *buffer, int size) {
    BIO_clear_retry_flags(bio);
    TlsSocket &socket = socket_of(bio);
    const ssize_t sent = ::send(socket.fd, buffer, static_cast<std::size_t>(size), MSG_DONTWAIT | MSG_NOSIGNAL);
    socket.error = sent < 0 ? errno : 0;
    if (is_retried(socket.error)) BIO_set_retry_write(bio);
    return static_cast<int>(sent);
}

long control_socket(BIO *, int command, long, void *) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

BIO_METHOD *make_socket_method() {
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    if (!method) throw std::bad_alloc();
    BIO_meth_set_read(method, read_socket);
    BIO_meth_set_write(method, write_socket);
    BIO_meth_set_ctrl(method, control_socket);
    return method;
}

BIO *make_socket_bio(TlsSocket &socket) {
    static BIO_METHOD *const method = make_socket_method(); // a constant that OpenSSL wants made
    BIO *bio = BIO_new(method);
    if (!bio) throw std::bad_alloc();
    BIO_set_data(bio, &socket);
    BIO_set_init(bio, 1);
    return bio;
}

constexpr unsigned host_flags = X509_CHECK_FLAG_NO_WILDCARDS; // RFC 5922 section 7.2

class TlsChannel final : public StreamChannel {
public:
    TlsChannel(SSL_CTX *context, int fd, TlsSide side, const std::string &host) : socket_{fd}, ssl_(SSL_new(context)) {
        if (!ssl_) throw std::bad_alloc();
        BIO *bio = make_socket_bio(socket_);
        SSL_set_bio(ssl_, bio, bio);
        if (side == TlsSide::server) {
            SSL_set_accept_state(ssl_);
        } else {
            SSL_set_connect_state(ssl_);
            expect(host);
        }
    }
    ~TlsChannel() override { SSL_free(ssl_); }
    TlsChannel(const TlsChannel &) = delete;
    TlsChannel &operator=(const TlsChannel &) = delete;

    ChannelResult handshake() override {
        ERR_clear_error();
        const int result = SSL_do_handshake(ssl_);
        return result == 1 ? ChannelResult() : result_of(result);
    }

    ChannelResult read(std::span<char> buffer) override {
        ERR_clear_error();
        std::size_t size = 0;
        const int result = SSL_read_ex(ssl_, buffer.data(), buffer.size(), &size);
        return result == 1 ? ChannelResult{ChannelStatus::done, size, 0} : result_of(result);
    }

    // One record for as many messages as it holds.
    ChannelResult write(std::span<const iovec> parts) override {
        std::array<char, SSL3_RT_MAX_PLAIN_LENGTH> record;
        std::size_t used = 0;
        for (const iovec &part : parts) {
            const std::size_t taken = std::min(part.iov_len, record.size() - used);
            std::memcpy(record.data() + used, part.iov_base, taken);
            used += taken;
            if (used == record.size()) break;
        }
        ERR_clear_error();
        std::size_t size = 0;
        const int result = SSL_write_ex(ssl_, record.data(), used, &size);
        return result == 1 ? ChannelResult{ChannelStatus::done, size, 0} : result_of(result);
    }

    void shut_down() override {
        ERR_clear_error();
        SSL_shutdown(ssl_);
        ERR_clear_error();
    }

    bool is_host(std::string_view host) const override {
        if (!verifies()) return true;
        X509 *certificate = SSL_get0_peer_certificate(ssl_);
        if (!certificate || SSL_get_verify_result(ssl_) != X509_V_OK) return false;
        const std::string text(host);
        if (const auto ip = IpAddress::parse(text)) {
            return X509_check_ip(certificate, ip->bytes.data(), ip->is_v6 ? 16 : 4, 0) == 1;
        }
        return X509_check_host(certificate, text.data(), text.size(), host_flags, nullptr) == 1;
    }

    bool is_verified() const override {
        return verifies() && SSL_get0_peer_certificate(ssl_) && SSL_get_verify_result(ssl_) == X509_V_OK;
    }

    std::string failure() const override { return failure_; }

private:
    bool verifies() const { return (SSL_get_verify_mode(ssl_) & SSL_VERIFY_PEER) != 0; }

    void expect(const std::string &host) {
        if (const auto ip = IpAddress::parse(host)) {
            X509_VERIFY_PARAM_set1_ip(SSL_get0_param(ssl_), ip->bytes.data(), ip->is_v6 ? 16 : 4);
        } else {
            SSL_set_hostflags(ssl_, host_flags);
            SSL_set1_host(ssl_, host.c_str());
            // An address may not stand there (RFC 6066 section 3). The macro for it casts as C does.
            SSL_ctrl(ssl_, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char *>(host.c_str()));
        }
    }

    ChannelResult result_of(int result) {
        switch (SSL_get_error(ssl_, result)) {
        case SSL_ERROR_WANT_READ: return {ChannelStatus::would_block, 0, 0};
        case SSL_ERROR_WANT_WRITE: return {ChannelStatus::wants_write, 0, 0};
        case SSL_ERROR_ZERO_RETURN: return {ChannelStatus::closed, 0, 0};
        case SSL_ERROR_SYSCALL:
            return socket_.error == 0 ? ended() : ChannelResult{ChannelStatus::failed, 0, socket_.error};
        default: break;
        }
        // Messages say where they end: an end without a word of TLS cuts nothing off.
        if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
            ERR_clear_error();
            return ended();
        }
        failure_ = "TLS: " + take_openssl_error();
        const long verdict = SSL_get_verify_result(ssl_);
        if (verifies() && verdict != X509_V_OK) failure_.append(": ").append(X509_verify_cert_error_string(verdict));
        return {ChannelStatus::failed, 0, EPROTO};
    }

    ChannelResult ended() {
        failure_ = "closed by the peer";
        return {ChannelStatus::closed, 0, 0};
    }

    TlsSocket socket_; // ssl_ has its address
    SSL *ssl_;
    std::string failure_;
};

} // namespace

std::unique_ptr<StreamChannel> make_tls_channel(SSL_CTX *context, int fd, TlsSide side, const std::string &host) {
    return std::make_unique<TlsChannel>(context, fd, side, host);
}

} // namespace tandem
