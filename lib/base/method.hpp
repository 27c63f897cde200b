// SIP methods by name: one word for the parser, the transactions and the tracker.
#pragma once
#include <cstdint>
#include <string_view>

namespace tandem {

enum class Method : std::uint8_t {
    unknown, // not ours: answered 501, or passed where the rules allow
    invite,
    ack,
    bye,
    cancel,
    options,
    register_,
    prack,
    update,
    info,
    refer,
    subscribe,
    notify,
    message,
    publish,
};

// Method names are case-sensitive (RFC 3261 section 7.1).
Method parse_method(std::string_view name);
std::string_view to_string(Method method); // "UNKNOWN" for Method::unknown

} // namespace tandem
