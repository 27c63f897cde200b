// Where the calls to a registered user go: what is known of his phones, as the targets of a route.
#pragma once
#include <string_view>
#include <vector>
#include "call/router.hpp"
#include "registrar/binding.hpp"

namespace tandem {

// What a route asks of the registrar. From any thread.
class RegisteredUsers {
public:
    virtual ~RegisteredUsers() = default;
    virtual bool has_user(std::string_view aor) const = 0;
    virtual std::vector<BindingTarget> find(std::string_view aor) const = 0; // see Registrar::find()
};

// The phones in their order, those of equal q at once, or all of them where `is_together`. Each is called by its
// Contact: through its Path; or over the flow that it has opened, if that is a connection, or the Contact names another
// address than the REGISTER came from (a NAT); or else where the Contact says. `is_secure`: only those who are reached
// by TLS, as a SIPS URI promises (RFC 3261 section 26.2.2).
std::vector<RouteTarget> targets_of(const std::vector<BindingTarget> &phones, bool is_secure, bool is_together);

} // namespace tandem
