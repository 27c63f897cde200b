// What a REGISTER asks for, read whole before anything is changed. Private to this folder.
#pragma once
#include <string_view>
#include <vector>
#include "base/result.hpp"
#include "registrar/contact.hpp"
#include "sip/message.hpp"

namespace tandem {

struct RegisterRequest {
    std::vector<Contact> contacts; // each with its expiry in seconds, as asked for
    bool is_all = false;           // "*": all bindings are to be removed
};

// Fails with Error::invalid, or with Error::full for more than `max` Contacts. `expires_default` in seconds.
Result<RegisterRequest> read_register(const Message &request, std::size_t max, std::uint32_t expires_default);

} // namespace tandem
