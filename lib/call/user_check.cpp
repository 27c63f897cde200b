#include "call/user_check.hpp"
#include <algorithm>
#include <mutex>
#include <string_view>
#include <utility>
#include "base/method.hpp"
#include "base/text.hpp"
#include "sip/uri.hpp"

namespace tandem {
namespace {

// The user of an address-of-record: without its password, its escapes undone where that changes nothing.
std::string user_of(const Uri &uri) { return uri.user.substr(0, uri.user.find(':')); }

} // namespace

void UserCheck::replace(std::vector<std::string> domains, std::map<std::string, std::string> users) {
    const bool is_on = !users.empty();
    server_.replace_users(std::move(users));
    auto given = is_on ? std::make_shared<const std::vector<std::string>>(std::move(domains)) : nullptr;
    const std::lock_guard lock(mutex_);
    domains_ = std::move(given);
}

bool UserCheck::is_of_user(const Message &invite) const {
    std::shared_ptr<const std::vector<std::string>> domains;
    {
        const std::lock_guard lock(mutex_);
        domains = domains_;
    }
    if (!domains) return false;
    const auto from = Uri::parse(invite.from_uri());
    if (!from || !server_.has_user(user_of(*from))) return false;
    return std::any_of(domains->begin(), domains->end(),
                       [&](const std::string &domain) { return equals_ignoring_case(domain, from->host); });
}

UserCheck::Verdict UserCheck::check(const Message &invite, Instant now) {
    std::vector<std::string_view> values;
    for (const HeaderLine &line : invite.headers()) {
        if (line.id == Header::proxy_authorization) values.push_back(line.value);
    }
    const AuthResult result =
        server_.check(values, to_string(invite.method()), invite.request_uri(), invite.body(), now);
    const auto challenge = [&](bool is_stale) { return GateAnswer{407, {}, server_.challenge(true, is_stale, now)}; };
    switch (result.verdict) {
    case AuthVerdict::none: return {challenge(false), false};
    case AuthVerdict::stale:
    case AuthVerdict::replayed: return {challenge(true), false};
    case AuthVerdict::wrong: return {challenge(false), true};
    case AuthVerdict::malformed: return {{400, "Bad Credentials", {}}, true};
    case AuthVerdict::ok: break;
    }
    const auto from = Uri::parse(invite.from_uri());
    if (from && user_of(*from) == result.user) return {};
    return {{403, "From Is Not Yours", {}}, true};
}

} // namespace tandem
