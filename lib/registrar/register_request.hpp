// What a REGISTER asks for, read whole before anything is changed. Private to this folder.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>
#include "base/result.hpp"
#include "registrar/contact.hpp"
#include "sip/message.hpp"

namespace tandem {

struct RegisterRequest {
    std::vector<Contact> contacts; // each with its expiry in seconds, as asked for; a reg-id only if it counts
    bool is_all = false;           // "*": all bindings are to be removed
    std::string path;              // as in a binding
    bool is_outbound = false;      // a Contact is a flow of its instance (RFC 5626 section 6)
};

enum class RegisterDefect : std::uint8_t {
    contact,
    too_many_contacts,
    path,
    first_hop, // it asks for outbound, and the proxy next to the phone does not keep its flow
};

// `expires_default` in seconds; more than `max` Contacts are too many.
Result<RegisterRequest, RegisterDefect> read_register(const Message &request, std::size_t max,
                                                      std::uint32_t expires_default);

} // namespace tandem
