// The handshake of a WebSocket, the server's side (RFC 6455 section 4.2).
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include "net/http/http_message.hpp"

namespace tandem {

bool wants_web_socket(const HttpRequest &request);

// How it is refused; none: it is in order.
std::optional<HttpResponse> refuse_handshake(const HttpRequest &request);

HttpResponse switch_protocols(const HttpRequest &request, std::string_view protocol); // 101; empty: no subprotocol

} // namespace tandem
