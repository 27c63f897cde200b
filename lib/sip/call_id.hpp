// The Call-ID of any message from its bytes alone, for who only wants to sort messages. Of one that Message::parse()
// finds well-formed it is the same as that one's.
#pragma once
#include <string_view>

namespace tandem {

std::string_view call_id_of(std::string_view bytes); // a view into them; empty: there is none

} // namespace tandem
