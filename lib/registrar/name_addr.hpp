// A value of Contact or Path in its parts (RFC 3261 section 25.1, name-addr and addr-spec). Private to this folder.
#pragma once
#include <cstddef>
#include <optional>
#include <string_view>
#include "sip/uri.hpp"

namespace tandem {

// Where `wanted` first stands outside of quotation marks; the size of the text if nowhere.
std::size_t find_unquoted(std::string_view text, char wanted);

struct NameAddr {
    std::string_view uri;
    std::string_view params; // of the header: empty, or from the first ';' on
    bool has_brackets = false;
};

// The display name is left out. None for what is neither of the two.
std::optional<NameAddr> split_name_addr(std::string_view value);

// A SIP or SIPS URI that may go out again between <>: visible characters, none that would end it, a host that is one.
std::optional<Uri> read_bracketed_uri(std::string_view text);

} // namespace tandem
