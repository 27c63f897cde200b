// Pieces of a JSON text (RFC 8259), appended to what is being written.
#pragma once
#include <string>
#include <string_view>

namespace tandem {

// A string with its quotes, on one line. Each part of the text that is no UTF-8 becomes one U+FFFD: a part is as many
// bytes as could begin a character, or one byte that could not.
void append_json_string(std::string &out, std::string_view text);

// Base64 with padding (RFC 4648 section 4), without quotes and line breaks: for bytes that are no text.
void append_base64(std::string &out, std::string_view bytes);

} // namespace tandem
