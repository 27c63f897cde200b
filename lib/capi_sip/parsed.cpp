// tandem_parsed of tandem/message.h, and tandem_tracker_feed_bytes() of tandem/tracker.h.
#include <memory>
#include <string>
#include <tandem/message.h>
#include <tandem/tracker.h>
#include "capi/status.hpp"
#include "sip/limits.hpp"
#include "sip/message.hpp"

struct tandem_parsed {
    tandem::Message message;
    std::string record_route;
    std::string reason;
    tandem_message fields = TANDEM_MESSAGE_INIT; // points into what stands above
};

namespace tandem::capi {
namespace {

tandem_status parse(std::string_view bytes, std::unique_ptr<tandem_parsed> &parsed) {
    if (bytes.size() > datagram_size_max) return fail(Error::too_large);
    auto message = Message::parse(bytes);
    if (!message) return fail(message.error());
    if (message->defect_status() != 0) return fail(TANDEM_E_INVALID, message->defect());
    auto made = std::make_unique<tandem_parsed>();
    made->message = std::move(*message);
    const Message &read = made->message;
    made->record_route = read.values(Header::record_route);
    made->reason = read.values(Header::reason);
    tandem_message &fields = made->fields;
    fields.method = static_cast<std::uint32_t>(read.method());
    fields.status = read.status();
    fields.cseq = read.cseq();
    fields.call_id = str_of(read.call_id());
    fields.from_tag = str_of(read.from_tag());
    fields.to_tag = str_of(read.to_tag());
    fields.from_uri = str_of(read.from_uri());
    fields.to_uri = str_of(read.to_uri());
    fields.request_uri = str_of(read.request_uri());
    fields.contact_uri = str_of(read.contact_uri());
    fields.record_route = str_of(made->record_route);
    fields.reason = str_of(made->reason);
    fields.branch = str_of(read.top_via().branch);
    parsed = std::move(made);
    return TANDEM_OK;
}

} // namespace
} // namespace tandem::capi

using namespace tandem::capi;

extern "C" {

tandem_status tandem_message_parse(const char *data, size_t size, tandem_parsed **parsed) {
    return guard([&]() -> tandem_status {
        if ((!data && size > 0) || !parsed) return fail(TANDEM_E_INVALID, "data or parsed is NULL");
        *parsed = nullptr;
        std::unique_ptr<tandem_parsed> made;
        const tandem_status status = parse({data ? data : "", size}, made);
        *parsed = made.release();
        return status;
    });
}

const tandem_message *tandem_parsed_message(const tandem_parsed *parsed) { return parsed ? &parsed->fields : nullptr; }

void tandem_parsed_free(tandem_parsed *parsed) { delete parsed; }

tandem_status tandem_tracker_feed_bytes(tandem_tracker *tracker, const char *data, size_t size, uint64_t now_us,
                                        tandem_dialog_id *dialog) {
    return guard([&]() -> tandem_status {
        if (dialog) *dialog = 0;
        if (!data && size > 0) return fail(TANDEM_E_INVALID, "data is NULL");
        std::unique_ptr<tandem_parsed> parsed;
        if (const tandem_status status = parse({data ? data : "", size}, parsed); status != TANDEM_OK) return status;
        return tandem_tracker_feed(tracker, &parsed->fields, now_us, dialog);
    });
}

} // extern "C"
