// What peek() has in common with Message::parse(), for tests and fuzzing.
#pragma once
#include <algorithm>
#include <string>
#include <string_view>
#include "base/text.hpp"
#include "sip/message.hpp"
#include "sip/peek.hpp"

namespace tandem::test {

// As the parser undoes folds.
inline std::string unfolded(std::string_view text) {
    std::string out(text);
    std::replace_if(
        out.begin(), out.end(), [](char c) { return c == '\r' || c == '\n'; }, ' ');
    return out;
}

// The parser takes any version in a status line, and leaves out a Via that it can not read.
inline bool is_strict(const Message &response, std::string_view bytes) {
    std::size_t vias = 0;
    for (const HeaderLine &line : response.headers()) {
        if (line.id == Header::via) vias += split_values(line.value).size();
    }
    bytes.remove_prefix(std::min(bytes.find_first_not_of("\r\n"), bytes.size()));
    return vias == response.via_count() && equals_ignoring_case(bytes.substr(0, 8), "SIP/2.0 ");
}

// Of a well-formed message and the bytes it was read from.
inline bool agrees(const Peek &peek, const Message &message, std::string_view bytes) {
    if (message.is_request()) {
        return !peek.is_response && peek.method == message.method_name() &&
               unfolded(peek.call_id) == message.call_id() && peek.to_tag == message.to_tag();
    }
    return !is_strict(message, bytes) || (peek.is_response && peek.branch == message.top_via().branch);
}

} // namespace tandem::test
