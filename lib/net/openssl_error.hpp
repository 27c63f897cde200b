// What OpenSSL says of the last thing that went wrong, as half a line. Empties its list of errors.
#pragma once
#include <string>

namespace tandem {

std::string take_openssl_error();

} // namespace tandem
