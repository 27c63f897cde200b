#include <cctype>
#include <fmt/format.h>
#include <utility>
#include "node/config_sections.hpp"
#include "sip/uri.hpp"

namespace tandem {
namespace {

// As the user of a URI (RFC 3261 section 25.1). The + of a telephone number stays: some registrars compare texts.
std::string escape_user(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool is_plain = byte < 0x80 && (std::isalnum(byte) != 0 ||
                                              std::string_view("-_.!~*'()&=+$,").find(c) != std::string_view::npos);
        if (is_plain) {
            out.push_back(c);
        } else {
            out += fmt::format("%{:02X}", byte);
        }
    }
    return out;
}

} // namespace

std::optional<TrunkRegistration> read_registration(ConfigSection &section, const std::optional<TargetConfig> &target,
                                                   const std::shared_ptr<const Account> &account,
                                                   const std::vector<TrunkTarget> &others) {
    bool is_wanted = false;
    const TomlValue *wanted = section.flag("register", is_wanted);
    std::int64_t expires = 3600;
    section.number("expires_s", 1, 86'400 * 30, expires);
    std::int64_t retry = 30;
    section.number("retry_s", 1, 1800, retry);
    if (!is_wanted) return std::nullopt;
    if (!account) {
        section.problem(wanted->at, "\"register\" in [[trunk]] needs \"username\" and \"password\"; write them, or "
                                    "false");
        return std::nullopt;
    }
    const auto uri = target ? Uri::parse("sip:" + target->host_port) : Result<Uri>(Error::invalid);
    if (!uri) return std::nullopt; // which is noted already

    const std::string scheme = target->is_secure ? "sips:" : "sip:";
    TrunkRegistration out;
    out.options.registrar = scheme + target->host_port + (target->params.empty() ? "" : ";" + target->params);
    out.options.user = escape_user(account->username);
    out.options.aor = scheme + out.options.user + "@" + uri->host;
    out.options.account = account;
    out.options.expires = std::chrono::seconds(expires);
    out.options.retry = std::chrono::seconds(retry);
    out.to = target->to;
    out.lookup = target->lookup;
    for (const TrunkTarget &other : others) {
        if (!other.registration || !has_same_binding(other.registration->options, out.options)) continue;
        section.problem(wanted->at,
                        fmt::format("\"register\" in [[trunk]]: \"{}\" registers as {} with the same \"uri\"; "
                                    "one registration is enough",
                                    other.name, out.options.aor));
        return std::nullopt;
    }
    return out;
}

} // namespace tandem
