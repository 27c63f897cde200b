#include "call.h"
#include "suite.h"

tandem_tracker *make_tracker(const tandem_tracker_options *options) {
    tandem_tracker *tracker = NULL;
    require(tandem_tracker_new(options, 0, &tracker) == TANDEM_OK);
    return tracker;
}

static tandem_message message_of(const char *call_id, uint32_t method, uint32_t cseq, const char *from,
                                 const char *to) {
    tandem_message message = TANDEM_MESSAGE_INIT;
    message.method = method;
    message.cseq = cseq;
    message.call_id = tandem_str_of(call_id);
    message.from_tag = tandem_str_of(from);
    message.to_tag = tandem_str_of(to);
    return message;
}

tandem_message invite_of(const char *call_id) {
    tandem_message invite = message_of(call_id, TANDEM_METHOD_INVITE, 1, "a", NULL);
    invite.from_uri = tandem_str_of("sip:alice@a.example");
    invite.to_uri = tandem_str_of("sip:bob@b.example");
    invite.request_uri = tandem_str_of("sip:bob@next.example");
    invite.contact_uri = tandem_str_of("sip:alice@192.0.2.1");
    invite.record_route = tandem_str_of("<sip:p2.example;lr>,<sip:p1.example;lr>");
    return invite;
}

tandem_message answer_of(const char *call_id, uint32_t status) {
    tandem_message answer = message_of(call_id, TANDEM_METHOD_INVITE, 1, "a", status > 100 ? "b" : NULL);
    answer.status = status;
    answer.contact_uri = tandem_str_of("sip:bob@192.0.2.2");
    answer.record_route = tandem_str_of("<sip:p2.example;lr>,<sip:p1.example;lr>");
    return answer;
}

tandem_message from_alice(const char *call_id, uint32_t method, uint32_t cseq) {
    return message_of(call_id, method, cseq, "a", "b");
}

tandem_message from_bob(const char *call_id, uint32_t method, uint32_t cseq) {
    return message_of(call_id, method, cseq, "b", "a");
}

tandem_message answer_to(const tandem_message *request, uint32_t status) {
    tandem_message answer = *request;
    answer.status = status;
    return answer;
}

tandem_dialog_id feed(tandem_tracker *tracker, tandem_message message, uint64_t now_us) {
    tandem_dialog_id dialog = 0;
    require(tandem_tracker_feed(tracker, &message, now_us, &dialog) == TANDEM_OK);
    return dialog;
}

tandem_dialog_id begin_call(tandem_tracker *tracker, const char *call_id, uint64_t now_us) {
    const tandem_dialog_id dialog = feed(tracker, invite_of(call_id), now_us);
    require(dialog != 0);
    return dialog;
}

tandem_dialog_id ringing_call(tandem_tracker *tracker, const char *call_id, uint64_t now_us) {
    const tandem_dialog_id dialog = begin_call(tracker, call_id, now_us);
    require(feed(tracker, answer_of(call_id, 180), now_us) == dialog);
    return dialog;
}

tandem_dialog_id confirmed_call(tandem_tracker *tracker, const char *call_id, uint64_t now_us) {
    const tandem_dialog_id dialog = ringing_call(tracker, call_id, now_us);
    require(feed(tracker, answer_of(call_id, 200), now_us) == dialog);
    require(feed(tracker, from_alice(call_id, TANDEM_METHOD_ACK, 1), now_us) == dialog);
    return dialog;
}

void refuse_call(tandem_tracker *tracker, const char *call_id, uint64_t now_us) {
    require(feed(tracker, answer_of(call_id, 486), now_us) != 0);
}

void end_call(tandem_tracker *tracker, const char *call_id, uint64_t now_us) {
    const tandem_message bye = from_alice(call_id, TANDEM_METHOD_BYE, 2);
    require(feed(tracker, bye, now_us) != 0);
    require(feed(tracker, answer_to(&bye, 200), now_us) != 0);
}

uint32_t state_of(tandem_tracker *tracker, tandem_dialog_id dialog) {
    uint32_t state = UINT32_MAX;
    require(tandem_dialog_state(tracker, dialog, &state) == TANDEM_OK);
    return state;
}

int take_event(tandem_tracker *tracker, uint32_t type, tandem_event *event) {
    while (tandem_event_next(tracker, event) == TANDEM_OK) {
        if (event->type == type) return 1;
        tandem_event_free(event);
    }
    return 0;
}

uint32_t drain(tandem_tracker *tracker) {
    tandem_event event = TANDEM_EVENT_INIT;
    uint32_t count = 0;
    for (; tandem_event_next(tracker, &event) == TANDEM_OK; count++) tandem_event_free(&event);
    return count;
}

tandem_statistics statistics_of(tandem_tracker *tracker) {
    tandem_statistics statistics = TANDEM_STATISTICS_INIT;
    require(tandem_tracker_statistics(tracker, &statistics) == TANDEM_OK);
    return statistics;
}
