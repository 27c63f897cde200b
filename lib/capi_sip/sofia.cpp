// tandem/sofia.h
#include <tandem/sofia.h>
#include "capi/status.hpp"
#include "sip/sofia_fields.hpp"

namespace tandem::capi {
namespace {

// Reads the sip_t and calls f(tandem_message &) with its fields.
template <class F>
tandem_status with_fields(const struct sip_s *sip, F f) {
    if (!sip) return fail(TANDEM_E_INVALID, "sip is NULL");
    SofiaFields fields;
    if (!read_sofia(*sip, fields)) {
        return fail(TANDEM_E_INVALID, "sip has no start line, From, To, Call-ID or CSeq");
    }
    tandem_message message = TANDEM_MESSAGE_INIT;
    message.method = static_cast<std::uint32_t>(fields.method);
    message.status = fields.status;
    message.cseq = fields.cseq;
    message.call_id = str_of(fields.call_id);
    message.from_tag = str_of(fields.from_tag);
    message.to_tag = str_of(fields.to_tag);
    message.from_uri = str_of(fields.from_uri);
    message.to_uri = str_of(fields.to_uri);
    message.request_uri = str_of(fields.request_uri);
    message.contact_uri = str_of(fields.contact_uri);
    message.record_route = str_of(fields.record_route);
    message.reason = str_of(fields.reason);
    message.branch = str_of(fields.branch);
    return f(message);
}

} // namespace
} // namespace tandem::capi

using namespace tandem::capi;

extern "C" {

tandem_status tandem_tracker_feed_sofia(tandem_tracker *tracker, const struct sip_s *sip, uint32_t is_ours,
                                        uint64_t now_us, tandem_dialog_id *dialog) {
    return guard([&] {
        if (dialog) *dialog = 0;
        return with_fields(sip, [&](tandem_message &message) {
            message.is_ours = is_ours;
            return tandem_tracker_feed(tracker, &message, now_us, dialog);
        });
    });
}

tandem_status tandem_tracker_feed_sofia_invite(tandem_tracker *tracker, const struct sip_s *sip, const tandem_leg *leg,
                                               uint64_t now_us, tandem_dialog_id *dialog) {
    return guard([&] {
        if (dialog) *dialog = 0;
        return with_fields(sip, [&](const tandem_message &message) {
            return tandem_tracker_feed_invite(tracker, &message, leg, now_us, dialog);
        });
    });
}

} // extern "C"
