#include "sip/option_tag.hpp"
#include <algorithm>
#include "base/text.hpp"

namespace tandem {

bool has_option(const Message &message, Header header, std::string_view tag) {
    for (const HeaderLine &line : message.headers()) {
        if (line.id != header) continue;
        const auto tags = split_values(line.value);
        const bool has = std::any_of(tags.begin(), tags.end(),
                                     [tag](std::string_view one) { return equals_ignoring_case(one, tag); });
        if (has) return true;
    }
    return false;
}

} // namespace tandem
