#include "net/tls_context.hpp"
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include "net/openssl_error.hpp"
#include "net/tls_channel.hpp"

namespace tandem {
namespace {

struct FreeContext {
    void operator()(SSL_CTX *context) const { SSL_CTX_free(context); }
};
using ContextPointer = std::unique_ptr<SSL_CTX, FreeContext>;

Failure failure_of(std::string_view key, const std::string &file) {
    return {Error::io, fmt::format("[tls] {} \"{}\": {}", key, file, take_openssl_error())};
}

// A key with a pass phrase is refused: nobody is there to type it.
int no_pass_phrase(char *, int, int, void *) { return 0; }

ContextPointer make_context(const SSL_METHOD *method) {
    ContextPointer context(SSL_CTX_new(method));
    if (!context) throw std::bad_alloc();
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_options(context.get(),
                        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    // A quiet connection has no buffers; what is sent again may lie elsewhere by then.
    SSL_CTX_set_mode(context.get(),
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_default_passwd_cb(context.get(), no_pass_phrase);
    return context;
}

Result<void, Failure> use_certificate(SSL_CTX *context, const TlsFiles &files) {
    if (files.certificate.empty()) return {};
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1) {
        return failure_of("certificate", files.certificate);
    }
    if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1) {
        return failure_of("key", files.key);
    }
    return {};
}

Result<void, Failure> use_trust(SSL_CTX *context, const TlsFiles &files, int mode) {
    if (!files.verify_peer) return {};
    ERR_clear_error();
    if (files.ca.empty()) {
        SSL_CTX_set_default_verify_paths(context);
    } else if (SSL_CTX_load_verify_locations(context, files.ca.c_str(), nullptr) != 1) {
        return failure_of("ca", files.ca);
    }
    SSL_CTX_set_verify(context, mode, nullptr);
    return {};
}

} // namespace

struct TlsContext::Contexts {
    ContextPointer server = make_context(TLS_server_method());
    ContextPointer client = make_context(TLS_client_method());
};

TlsContext::TlsContext(std::unique_ptr<Contexts> contexts) : contexts_(std::move(contexts)) {}

TlsContext::~TlsContext() = default;

Result<std::shared_ptr<const TlsContext>, Failure> TlsContext::load(const TlsFiles &files) {
    auto contexts = std::make_unique<Contexts>();
    for (SSL_CTX *context : {contexts->server.get(), contexts->client.get()}) {
        if (auto used = use_certificate(context, files); !used) return used.error();
    }
    SSL_CTX *server = contexts->server.get();
    if (auto used = use_trust(server, files, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT); !used) {
        return used.error();
    }
    if (auto used = use_trust(contexts->client.get(), files, SSL_VERIFY_PEER); !used) return used.error();
    if (files.verify_peer && !files.ca.empty()) {
        SSL_CTX_set_client_CA_list(server, SSL_load_client_CA_file(files.ca.c_str()));
    }
    static constexpr unsigned char session_context[] = "tandem"; // without one a client that resumes is refused
    SSL_CTX_set_session_id_context(server, session_context, sizeof session_context - 1);
    ERR_clear_error();
    return std::shared_ptr<const TlsContext>(new TlsContext(std::move(contexts)));
}

std::unique_ptr<StreamChannel> TlsContext::accept(int fd) const {
    return make_tls_channel(contexts_->server.get(), fd, TlsSide::server, {});
}

std::unique_ptr<StreamChannel> TlsContext::connect(int fd, std::string_view host, const IpAddress &address) const {
    return make_tls_channel(contexts_->client.get(), fd, TlsSide::client,
                            host.empty() ? address.to_string() : std::string(host));
}

} // namespace tandem
