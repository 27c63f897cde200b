// Changes to a datagram that is about to be sent: from a header with another value to one cut short.
#pragma once
#include <string>
#include <string_view>

namespace tandem::test {

// Does what one line of a fuzz program says; programs.md lists the letters. What makes no sense changes nothing.
void edit(std::string &bytes, std::string_view what);

} // namespace tandem::test
