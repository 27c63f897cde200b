#include "registrar/register_request.hpp"
#include <utility>
#include "base/text.hpp"

namespace tandem {

Result<RegisterRequest> read_register(const Message &request, std::size_t max, std::uint32_t expires_default) {
    RegisterRequest out;
    const bool has_expires = request.has(Header::expires);
    const std::string_view expires_text = request.value(Header::expires);
    const std::uint32_t expires = has_expires ? read_expires(expires_text) : expires_default;
    std::size_t count = 0;
    for (const HeaderLine &line : request.headers()) {
        if (line.id != Header::contact) continue;
        for (const std::string_view value : split_values(line.value)) {
            if (++count > max) return Error::full;
            if (value == "*") {
                out.is_all = true;
                continue;
            }
            auto contact = read_contact(value);
            if (!contact) return Error::invalid;
            if (!contact->expires) contact->expires = expires;
            out.contacts.push_back(std::move(*contact));
        }
    }
    // RFC 3261 section 10.3 step 6: alone, and with an expiry of zero.
    if (out.is_all && (count != 1 || !has_expires || expires != 0)) return Error::invalid;
    return out;
}

} // namespace tandem
