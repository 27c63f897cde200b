#include "net/dns/dns_record.hpp"

namespace tandem {

std::optional<std::string> canonical_dns_name(std::string_view name) {
    constexpr std::size_t name_max = 253;
    constexpr std::size_t label_max = 63;
    if (name.ends_with('.')) name.remove_suffix(1);
    if (name.empty() || name.size() > name_max) return std::nullopt;
    std::string out;
    out.reserve(name.size());
    std::size_t label = 0;
    for (char c : name) {
        if (c == '.') {
            if (label == 0) return std::nullopt;
            label = 0;
        } else {
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
            const bool is_allowed = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
            if (!is_allowed || ++label > label_max) return std::nullopt;
        }
        out.push_back(c);
    }
    return label == 0 ? std::nullopt : std::optional(std::move(out));
}

} // namespace tandem
