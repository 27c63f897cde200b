#include "net/http/web_socket_handshake.hpp"
#include <algorithm>
#include <array>
#include <openssl/evp.h>
#include "base/text.hpp"

namespace tandem {
namespace {

bool names(std::string_view list, std::string_view token) {
    const auto values = split_values(list);
    return std::any_of(values.begin(), values.end(),
                       [token](std::string_view value) { return equals_ignoring_case(value, token); });
}

// 16 bytes in base64: the last of 22 characters has four bits of nothing.
bool is_key(std::string_view key) {
    static constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return key.size() == 24 && key.ends_with("==") && key.find_first_not_of(alphabet) == 22;
}

std::string accept_of(std::string_view key) {
    std::string text(key);
    text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455 section 1.3
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
    std::array<unsigned char, 4 * EVP_MAX_MD_SIZE / 3 + 4> encoded{};
    const int length = EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(size));
    return {encoded.begin(), encoded.begin() + length};
}

} // namespace

bool wants_web_socket(const HttpRequest &request) { return names(request.field("Upgrade"), "websocket"); }

std::optional<HttpResponse> refuse_handshake(const HttpRequest &request) {
    if (request.method != "GET" || !names(request.field("Connection"), "upgrade")) {
        return text_response(400, "not a WebSocket handshake");
    }
    if (request.field("Sec-WebSocket-Version") != "13") {
        HttpResponse refusal = text_response(426, "WebSocket version 13 only");
        refusal.fields = {{"Upgrade", "websocket"}, {"Sec-WebSocket-Version", "13"}}; // RFC 9110 section 15.5.22
        return refusal;
    }
    if (!is_key(request.field("Sec-WebSocket-Key"))) return text_response(400, "bad Sec-WebSocket-Key");
    return std::nullopt;
}

HttpResponse switch_protocols(const HttpRequest &request, std::string_view protocol) {
    HttpResponse response{101, {}, {}, {}};
    response.fields = {{"Upgrade", "websocket"},
                       {"Connection", "Upgrade"},
                       {"Sec-WebSocket-Accept", accept_of(request.field("Sec-WebSocket-Key"))}};
    if (!protocol.empty()) response.fields.push_back({"Sec-WebSocket-Protocol", std::string(protocol)});
    return response;
}

} // namespace tandem
