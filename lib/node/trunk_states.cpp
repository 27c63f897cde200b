#include "node/trunk_states.hpp"
#include <fmt/format.h>
#include <mutex>
#include <optional>

namespace tandem {
namespace {

bool is_alike(const RegistrationStatus &a, const RegistrationStatus &b) {
    return a.state == b.state && (a.failures > 0) == (b.failures > 0) && a.status == b.status && a.reason == b.reason;
}

std::string why(const RegistrationStatus &status) {
    return status.reason.empty() ? std::to_string(status.status) : fmt::format("{} {}", status.status, status.reason);
}

std::int64_t seconds_until(Instant at, Instant now) { return to_ms(at - now + std::chrono::milliseconds(500)) / 1000; }

} // namespace

void TrunkStates::note(const TrunkStatus &status, Instant now) {
    std::optional<TrunkStatus> before;
    {
        const std::lock_guard lock(mutex_);
        const auto found = trunks_.find(status.trunk);
        if (found != trunks_.end()) before = found->second;
        if (status.is_gone) {
            trunks_.erase(status.trunk);
        } else {
            trunks_.insert_or_assign(status.trunk, status);
        }
    }
    log(status, before ? &*before : nullptr, now);
}

bool TrunkStates::is_registered(std::string_view trunk) const {
    const std::lock_guard lock(mutex_);
    const auto found = trunks_.find(trunk);
    return found != trunks_.end() && found->second.registration.state == RegistrationState::registered;
}

std::vector<TrunkStatus> TrunkStates::list() const {
    std::vector<TrunkStatus> out;
    const std::lock_guard lock(mutex_);
    for (const auto &[name, status] : trunks_) out.push_back(status);
    return out;
}

// A refresh that goes well leaves no line, and a trunk that fails again and again one for each way of failing.
void TrunkStates::log(const TrunkStatus &status, const TrunkStatus *before, Instant now) {
    if (status.is_gone) return log_.info(fmt::format("trunk {}: not registered any more (reload)", status.trunk));
    const RegistrationStatus &is = status.registration;
    const bool is_new = !before || before->registration.state != is.state;
    if (!is_new && is_alike(is, before->registration)) return;
    switch (is.state) {
    case RegistrationState::off:
        if (is_new) log_.info(fmt::format("trunk {}: unregistered", status.trunk));
        break;
    case RegistrationState::trying: log_.debug(fmt::format("trunk {}: registering", status.trunk)); break;
    case RegistrationState::registered:
        if (is.failures > 0) {
            log_.warn(fmt::format("trunk {}: refresh failed ({}); registered for {} s more", status.trunk, why(is),
                                  seconds_until(is.expires, now)));
        } else if (is_new || before->registration.failures > 0) {
            log_.info(fmt::format("trunk {}: registered with {}:{} for {} s", status.trunk,
                                  uri_name(is.registrar.transport), is.registrar.to_string(),
                                  seconds_until(is.expires, now)));
        }
        break;
    case RegistrationState::failed:
        log_.warn(fmt::format("trunk {}: not registered ({})", status.trunk, why(is)));
        break;
    }
}

} // namespace tandem
