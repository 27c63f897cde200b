// One connection's TLS, by OpenSSL, over a descriptor that does not block.
#pragma once
#include <cstdint>
#include <memory>
#include <openssl/types.h>
#include <string>
#include "net/stream_channel.hpp"

namespace tandem {

enum class TlsSide : std::uint8_t { client, server };

// `host`: the name or the address that a client asks for, and that the peer's certificate must have if `context`
// verifies it (RFC 5922 section 7.1).
std::unique_ptr<StreamChannel> make_tls_channel(SSL_CTX *context, int fd, TlsSide side, const std::string &host);

} // namespace tandem
