// A session as one peer described it: the body of an offer or of an answer (RFC 3264), byte for byte.
#pragma once
#include <string_view>
#include "base/shared_bytes.hpp"
#include "sip/message.hpp"

namespace tandem {

struct Session {
    SharedBytes body;
    SharedBytes type; // value of Content-Type; empty: application/sdp

    explicit operator bool() const { return !body.empty(); }
    std::string_view content_type() const { return type.empty() ? "application/sdp" : type.view(); }
};

// True if the body describes a session: an offer or an answer.
bool has_session(const Message &message);

Session session_of(const Message &message); // empty: it describes none

} // namespace tandem
