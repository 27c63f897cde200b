#include "callapi/bearer.hpp"
#include <algorithm>
#include "auth/hash.hpp"
#include "base/text.hpp"

namespace tandem {
namespace {

std::string to_base64url(std::string_view text) {
    static constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string out;
    unsigned bits = 0;
    unsigned value = 0;
    for (const char byte : text) {
        value = value << 8 | static_cast<unsigned char>(byte);
        for (bits += 8; bits >= 6; bits -= 6) out += alphabet[value >> (bits - 6) & 63];
    }
    if (bits > 0) out += alphabet[value << (6 - bits) & 63];
    return out;
}

// "Bearer x"; empty: another scheme, or none.
std::string_view bearer_of(std::string_view authorization) {
    static constexpr std::string_view scheme = "Bearer ";
    if (!equals_ignoring_case(authorization.substr(0, scheme.size()), scheme)) return {};
    return trim(authorization.substr(scheme.size()));
}

} // namespace

BearerGate::BearerGate(std::string token, Random &random, const FailureLimits &limits)
    : token_(std::move(token)), protocol_("bearer." + to_base64url(token_)), failing_(limits, random) {}

bool BearerGate::has_token(const HttpRequest &request) const {
    if (equals_in_constant_time(bearer_of(request.field("Authorization")), token_)) return true;
    const auto offered = split_values(request.field("Sec-WebSocket-Protocol"));
    return std::any_of(offered.begin(), offered.end(),
                       [this](std::string_view protocol) { return equals_in_constant_time(protocol, protocol_); });
}

std::optional<HttpResponse> BearerGate::refuse(const HttpRequest &request, Instant now) {
    if (token_.empty()) return std::nullopt;
    // The right token is refused as well: else whoever guesses would hear when he has it.
    if (failing_.is_slow(request.peer.ip, now)) {
        HttpResponse refusal = text_response(429, "too many wrong tokens from this address");
        refusal.fields.push_back({"Retry-After", "10"});
        return refusal;
    }
    if (has_token(request)) return std::nullopt;
    // Who has none asks what is needed; who has a wrong one guesses.
    const bool guesses = !request.field("Authorization").empty() || !request.field("Sec-WebSocket-Protocol").empty();
    if (guesses) failing_.fail(request.peer.ip, SourceFailure::password, now);
    HttpResponse refusal = text_response(401, "the token is missing or wrong");
    refusal.fields.push_back({"WWW-Authenticate", "Bearer realm=\"tandem\""});
    return refusal;
}

std::string choose_protocol(const HttpRequest &request) {
    const auto offered = split_values(request.field("Sec-WebSocket-Protocol"));
    if (offered.empty()) return {};
    const auto is_name = [](std::string_view protocol) { return !protocol.starts_with("bearer."); };
    const auto chosen = std::find_if(offered.begin(), offered.end(), is_name);
    return std::string(chosen == offered.end() ? offered.front() : *chosen);
}

} // namespace tandem
