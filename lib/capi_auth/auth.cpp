// tandem/auth.h
#include <memory>
#include <mutex>
#include <string>
#include <tandem/auth.h>
#include <utility>
#include <vector>
#include "auth/digest_client.hpp"
#include "base/text.hpp"
#include "capi/handle.hpp"
#include "capi/status.hpp"

struct tandem_auth_client {
    explicit tandem_auth_client(tandem::Account account) : client(std::move(account), random) {}

    std::mutex mutex;
    tandem::capi::HostRandom random;
    tandem::DigestClient client; // guarded by mutex
};

struct tandem_auth_attempt {
    tandem::DigestAttempt attempt;
    std::string lines;
};

namespace tandem::capi {
namespace {

constexpr std::size_t name_max = 256;
constexpr std::size_t password_max = 1024;
constexpr std::size_t uri_max = 2048;

std::uint32_t outcome_of(ChallengeOutcome outcome) {
    switch (outcome) {
    case ChallengeOutcome::retry: return TANDEM_AUTH_RETRY;
    case ChallengeOutcome::refused: return TANDEM_AUTH_REFUSED;
    case ChallengeOutcome::unusable: break;
    }
    return TANDEM_AUTH_UNUSABLE;
}

bool are_texts(const tandem_str *texts, std::uint32_t count) {
    if (!texts) return count == 0;
    for (std::uint32_t i = 0; i < count; ++i) {
        if (!is_text(texts[i])) return false;
    }
    return true;
}

std::vector<std::string_view> views(const tandem_str *texts, std::uint32_t count) {
    std::vector<std::string_view> all;
    all.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) all.push_back(view(texts[i]));
    return all;
}

tandem_status check_request(tandem_str method, tandem_str uri, tandem_str body) {
    if (!is_text(method) || !is_text(uri) || !is_text(body)) return fail(TANDEM_E_INVALID, "a text has no data");
    if (uri.size > uri_max) return fail(TANDEM_E_TOO_LARGE, "uri is longer than 2048 bytes");
    if (!is_token(view(method))) return fail(TANDEM_E_INVALID, "method is no token");
    const bool is_uri = uri.size > 0 && !has_control_bytes(view(uri));
    return is_uri ? TANDEM_OK : fail(TANDEM_E_INVALID, "uri is empty or has control characters");
}

} // namespace
} // namespace tandem::capi

using namespace tandem::capi;

extern "C" {

tandem_status tandem_auth_client_new(tandem_str username, tandem_str password, tandem_str realm,
                                     tandem_auth_client **client) {
    return guard([&]() -> tandem_status {
        if (!client) return fail(TANDEM_E_INVALID, "client is NULL");
        *client = nullptr;
        if (!is_text(username) || !is_text(password) || !is_text(realm)) {
            return fail(TANDEM_E_INVALID, "a text has no data");
        }
        if (username.size > name_max || realm.size > name_max || password.size > password_max) {
            return fail(TANDEM_E_TOO_LARGE, "username, realm or password is too long");
        }
        if (username.size == 0 || tandem::has_control_bytes(view(username))) {
            return fail(TANDEM_E_INVALID, "username is empty or has control characters");
        }
        *client = new tandem_auth_client({std::string(view(username)), view(password), std::string(view(realm))});
        return TANDEM_OK;
    });
}

void tandem_auth_client_free(tandem_auth_client *client) { delete client; }

tandem_status tandem_auth_attempt_new(tandem_auth_attempt **attempt) {
    return guard([&]() -> tandem_status {
        if (!attempt) return fail(TANDEM_E_INVALID, "attempt is NULL");
        *attempt = nullptr;
        *attempt = new tandem_auth_attempt();
        return TANDEM_OK;
    });
}

void tandem_auth_attempt_free(tandem_auth_attempt *attempt) { delete attempt; }

tandem_status tandem_auth_authorize(tandem_auth_client *client, tandem_auth_attempt *attempt, tandem_str method,
                                    tandem_str uri, tandem_str body, tandem_str *lines) {
    return guard([&]() -> tandem_status {
        if (!client || !attempt || !lines) return fail(TANDEM_E_INVALID, "client, attempt or lines is NULL");
        if (const tandem_status status = check_request(method, uri, body); status != TANDEM_OK) return status;
        const std::lock_guard lock(client->mutex);
        attempt->lines = client->client.authorize(view(method), view(uri), view(body), attempt->attempt);
        *lines = str_of(attempt->lines);
        return TANDEM_OK;
    });
}

tandem_status tandem_auth_challenge(tandem_auth_client *client, tandem_auth_attempt *attempt, const tandem_str *www,
                                    uint32_t www_count, const tandem_str *proxy, uint32_t proxy_count,
                                    uint32_t *outcome) {
    return guard([&]() -> tandem_status {
        if (!client || !attempt || !outcome) return fail(TANDEM_E_INVALID, "client, attempt or outcome is NULL");
        if (!are_texts(www, www_count) || !are_texts(proxy, proxy_count)) {
            return fail(TANDEM_E_INVALID, "a challenge has no data");
        }
        const std::lock_guard lock(client->mutex);
        *outcome =
            outcome_of(client->client.on_challenge(views(www, www_count), views(proxy, proxy_count), attempt->attempt));
        return TANDEM_OK;
    });
}

tandem_status tandem_auth_info(tandem_auth_client *client, tandem_str value, uint32_t is_proxy) {
    return guard([&]() -> tandem_status {
        if (!client || !is_text(value)) return fail(TANDEM_E_INVALID, "client is NULL, or value has no data");
        const std::lock_guard lock(client->mutex);
        client->client.on_info(view(value), is_proxy != 0);
        return TANDEM_OK;
    });
}

} // extern "C"
