// What the tracker reads of a SIP message. Any parser can fill it: the tracker itself knows no grammar.
#pragma once
#include <cstdint>
#include <string_view>
#include "base/method.hpp"

namespace tandem {

// All text is borrowed for the call.
struct MessageView {
    Method method = Method::unknown; // of a response: the one in its CSeq
    std::uint16_t status = 0;        // 0: a request
    std::uint32_t cseq = 0;
    std::string_view call_id;
    std::string_view from_tag;
    std::string_view to_tag;      // empty: none
    std::string_view from_uri;    // addr-spec; read of the first INVITE only, as the next two
    std::string_view to_uri;
    std::string_view request_uri;
    std::string_view contact_uri; // of the first Contact; empty: none
    std::string_view record_route; // every entry in the order of the message, separated by commas
    std::string_view reason;       // values of Reason (RFC 3326), separated by commas; empty: none
    std::string_view branch;       // of an INVITE's topmost Via, on the side of the caller; empty: not known, or its
                                   // retransmissions are absorbed before the tracker
    bool is_ours = false;          // on a leg of a B2BUA: we send it. Nobody else may speak for our side. Of a request
                                   // in the middle: the proxy's own, with a number of Tracker::take_cseq()

    bool is_request() const { return status == 0; }
};

} // namespace tandem
