// Certificates and trust for TLS, as read from files: both sides of it, since a node calls and is called. Constant: a
// reload makes a new one, and what runs keeps what it began with.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "net/stream_channel.hpp"

namespace tandem {

struct TlsFiles {
    std::string certificate;  // PEM, with the chain behind it
    std::string key;          // PEM, without a pass phrase
    std::string ca;           // PEM; empty: those that the system trusts
    bool verify_peer = false; // whoever calls must show a certificate, and whoever is called the right one

    bool operator==(const TlsFiles &) const = default;
};

class TlsContext {
public:
    // The failure is one line: "[tls] certificate \"x.pem\": no such file or directory".
    static Result<std::shared_ptr<const TlsContext>, Failure> load(const TlsFiles &files);
    ~TlsContext();
    TlsContext(const TlsContext &) = delete;
    TlsContext &operator=(const TlsContext &) = delete;

    // The side of who was called.
    std::unique_ptr<StreamChannel> accept(int fd) const;
    // The side of who calls `host`, a name, or without one the address.
    std::unique_ptr<StreamChannel> connect(int fd, std::string_view host, const IpAddress &address) const;

private:
    struct Contexts;
    explicit TlsContext(std::unique_ptr<Contexts> contexts);
    std::unique_ptr<Contexts> contexts_;
};

} // namespace tandem
