#include "registrar/register_request.hpp"
#include <algorithm>
#include <utility>
#include "base/text.hpp"
#include "registrar/path.hpp"
#include "sip/option_tag.hpp"

namespace tandem {
namespace {

using Defect = RegisterDefect;

Result<void, Defect> read_contacts(const Message &request, std::size_t max, std::uint32_t expires_default,
                                   RegisterRequest &out) {
    const bool has_expires = request.has(Header::expires);
    const std::string_view expires_text = request.value(Header::expires);
    const std::uint32_t expires = has_expires ? read_expires(expires_text) : expires_default;
    std::size_t count = 0;
    for (const HeaderLine &line : request.headers()) {
        if (line.id != Header::contact) continue;
        for (const std::string_view value : split_values(line.value)) {
            if (++count > max) return Defect::too_many_contacts;
            if (value == "*") {
                out.is_all = true;
                continue;
            }
            auto contact = read_contact(value);
            if (!contact) return Defect::contact;
            if (!contact->expires) contact->expires = expires;
            out.contacts.push_back(std::move(*contact));
        }
    }
    // RFC 3261 section 10.3 step 6: alone, and with an expiry of zero.
    if (out.is_all && (count != 1 || !has_expires || expires != 0)) return Defect::contact;
    return {};
}

// A reg-id counts beside an instance, and of a phone that says it knows outbound (RFC 5626 section 6).
Result<void, Defect> read_flows(const Message &request, RegisterRequest &out) {
    const bool knows_outbound =
        has_option(request, Header::supported, "outbound") || has_option(request, Header::require, "outbound");
    std::size_t added = 0;
    for (Contact &contact : out.contacts) {
        if (!knows_outbound || contact.instance.empty()) contact.reg_id = 0;
        if (contact.reg_id == 0) continue;
        out.is_outbound = true;
        if (*contact.expires > 0) ++added;
    }
    // One REGISTER comes over one flow.
    if (added > 1) return Defect::contact;
    if (added == 1 && request.via_count() > 1 && !has_outbound_edge(out.path)) return Defect::first_hop;
    return {};
}

} // namespace

Result<RegisterRequest, RegisterDefect> read_register(const Message &request, std::size_t max,
                                                      std::uint32_t expires_default) {
    RegisterRequest out;
    if (const auto read = read_contacts(request, max, expires_default, out); !read) return read.error();
    auto path = read_path(request);
    if (!path) return Defect::path;
    out.path = std::move(*path);
    if (const auto read = read_flows(request, out); !read) return read.error();
    return out;
}

} // namespace tandem
