// The header fields that tandem knows by name. All others are `other` and go by their text.
#pragma once
#include <cstdint>
#include <string_view>

namespace tandem {

enum class Header : std::uint8_t {
    other,
    accept,
    alert_info,
    allow,
    allow_events,
    authorization,
    call_id,
    call_info,
    contact,
    content_disposition,
    content_encoding,
    content_language,
    content_length,
    content_type,
    cseq,
    date,
    error_info,
    event,
    expires,
    from,
    max_forwards,
    mime_version,
    min_se,
    p_asserted_identity,
    p_preferred_identity,
    path,
    priority,
    privacy,
    proxy_authenticate,
    proxy_authorization,
    proxy_require,
    rack,
    reason,
    record_route,
    refer_to,
    referred_by,
    replaces,
    reply_to,
    require,
    retry_after,
    route,
    rseq,
    server,
    service_route,
    session_expires,
    subject,
    subscription_state,
    supported,
    timestamp,
    to,
    unsupported,
    user_agent,
    via,
    warning,
    www_authenticate,
};

// The name in its long form ("Call-ID"); empty for Header::other.
std::string_view header_name(Header header);

// Long or compact form, in any case; Header::other for a name that is not listed.
Header parse_header_name(std::string_view name);

} // namespace tandem
