// Which header fields a call carries from one leg to the other: the whole policy is one table in the .cpp.
#pragma once
#include <string>
#include <string_view>
#include "sip/message.hpp"
#include "sip/writer.hpp"

namespace tandem {

enum class Treatment : std::uint8_t {
    pass,   // the line goes over as it came
    drop,   // it belongs to its own leg, or may not cross
    own,    // each leg has its own: tandem writes it
    body,   // goes with the body, and only with one
    tokens, // passes reduced to what works across both legs
    trust,  // passes to a trusted peer only
};

Treatment treatment(const HeaderLine &line);

// Copies every header of `from` that crosses to the other leg, but for those that `replaced` has: whole header lines
// that take the place of what the peer sent. What only the trusted may know goes if `is_trusted` says so of the peer.
void pass_headers(const Message &from, Writer &to, bool is_trusted, std::string_view replaced = {});

// The body and its headers, which ends the message.
void pass_body(const Message &from, Writer &to);

// Whether a request could not do without this header, or would be another request with another one: nobody else may
// write it.
bool is_own_header(std::string_view name);

// The methods that a call can carry: value of Allow.
std::string_view allowed_methods();

// The option tags of Require that neither tandem nor a call across it can keep, as the value of Unsupported (RFC 3261
// section 8.2.2.3); empty: none.
std::string unsupported_options(const Message &request);

} // namespace tandem
