#include "net/openssl_error.hpp"
#include <openssl/err.h>
#include "net/socket_address.hpp"

namespace tandem {

// The first one is the cause; those behind it say who was hindered.
std::string take_openssl_error() {
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    if (code == 0) return "no reason given";
    if (ERR_SYSTEM_ERROR(code)) return error_text(static_cast<int>(ERR_GET_REASON(code)));
    const char *reason = ERR_reason_error_string(code);
    return reason ? reason : "error " + std::to_string(code);
}

} // namespace tandem
