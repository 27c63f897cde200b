// A request that sofia can not read, changed so that its sender can be told. Private to this folder.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace tandem {

struct Mended {
    std::string bytes;        // empty: nothing that could be answered
    std::uint16_t status = 0; // of the answer
    std::string_view reason;  // static text
};

// With a Request-Line that reads. Unfolded bytes, as Message::parse() has them.
Mended mend_request_line(std::string_view bytes);

// The same with a topmost Via that is no more than protocol and sent-by.
Mended mend_via(std::string_view bytes);

} // namespace tandem
