#include "call/user_check.hpp"
#include <algorithm>
#include <mutex>
#include <string_view>
#include <utility>
#include "base/method.hpp"
#include "registrar/address_of_record.hpp"
#include "sip/uri.hpp"

namespace tandem {

void UserCheck::change(std::vector<std::string> domains) {
    auto given = std::make_shared<const std::vector<std::string>>(std::move(domains));
    const std::lock_guard lock(mutex_);
    domains_ = std::move(given);
}

bool UserCheck::is_of_user(const Message &invite) const {
    std::shared_ptr<const std::vector<std::string>> domains;
    {
        const std::lock_guard lock(mutex_);
        domains = domains_;
    }
    if (!domains || domains->empty()) return false;
    const auto aor = address_of_record(invite.from_uri());
    return aor && std::find(domains->begin(), domains->end(), aor_host(*aor)) != domains->end() &&
           server_.has_user(aor_user(*aor));
}

UserCheck::Verdict UserCheck::check(const Message &invite, Instant now) {
    const AuthResult result = server_.check(invite.lines(Header::proxy_authorization), to_string(invite.method()),
                                            invite.request_uri(), invite.body(), now);
    const auto challenge = [&](bool is_stale) { return GateAnswer{407, {}, server_.challenge(true, is_stale, now)}; };
    switch (result.verdict) {
    case AuthVerdict::none: return {challenge(false), false};
    case AuthVerdict::stale:
    case AuthVerdict::replayed: return {challenge(true), false};
    case AuthVerdict::wrong: return {challenge(false), true};
    case AuthVerdict::malformed: return {{400, "Bad Credentials", {}}, true};
    case AuthVerdict::ok: break;
    }
    const auto aor = address_of_record(invite.from_uri());
    if (aor && aor_user(*aor) == result.user) return {};
    return {{403, "From Is Not Yours", {}}, true};
}

bool is_over_own_flow(const Registrar *registrar, const Message &request, const Endpoint &source, Instant now) {
    const auto aor = registrar ? address_of_record(request.from_uri()) : std::nullopt;
    return aor && registrar->has_user(*aor) && registrar->is_flow_of(*aor, source, now);
}

bool is_reached_by_flow(const Message &request, const Endpoint &source) {
    const auto contact = Uri::parse(request.contact_uri());
    const auto at = contact ? contact->endpoint() : std::nullopt;
    return is_reliable(source.transport) || !at || at->ip != source.ip || at->transport != source.transport;
}

} // namespace tandem
