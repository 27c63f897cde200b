/* tandem/message.h of libtandem: bytes in, and a whole call of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "call.h"
#include "suite.h"

static const char invite_bytes[] =
    "INVITE sip:bob@next.example SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
    "Max-Forwards: 70\r\n"
    "Record-Route: <sip:p2.example;lr>, <sip:p1.example;lr>\r\n"
    "f: \"Alice, A.\" <sip:alice@a.example;x=y>;tag=a\r\n"
    "To: <sip:bob@b.example>\r\n"
    "i: bytes\r\n"
    "CSeq: 1 INVITE\r\n"
    "Contact: <sip:alice@192.0.2.1:5070;transport=udp>;expires=5\r\n"
    "Reason: SIP ;cause=600\r\n"
    "Reason: Q.850;cause=21\r\n"
    "Content-Length: 0\r\n\r\n";

static tandem_status parse(const char *bytes, size_t size, tandem_parsed **parsed) {
    *parsed = (tandem_parsed *)parsed; /* of no use, and replaced */
    const tandem_status status = tandem_message_parse(bytes, size, parsed);
    check((status == TANDEM_OK) == (*parsed != NULL));
    return status;
}

static tandem_status status_of(const char *bytes, size_t size) {
    tandem_parsed *parsed = NULL;
    const tandem_status status = parse(bytes, size, &parsed);
    tandem_parsed_free(parsed);
    return status;
}

static void parsed_message_has_its_fields(void) {
    char bytes[sizeof(invite_bytes)];
    memcpy(bytes, invite_bytes, sizeof(bytes));
    tandem_parsed *parsed = NULL;
    require(parse(bytes, strlen(bytes), &parsed) == TANDEM_OK);
    memset(bytes, '#', sizeof(bytes)); /* borrowed for the call alone */
    const tandem_message *message = tandem_parsed_message(parsed);
    check(tandem_parsed_message(parsed) == message);
    check_equal(message->size, sizeof(*message));
    check_equal(message->method, TANDEM_METHOD_INVITE);
    check_equal(message->status, 0);
    check_equal(message->cseq, 1);
    check_text(message->call_id, "bytes");
    check_text(message->from_tag, "a");
    check_text(message->to_tag, "");
    check_text(message->from_uri, "sip:alice@a.example;x=y");
    check_text(message->to_uri, "sip:bob@b.example");
    check_text(message->request_uri, "sip:bob@next.example");
    check_text(message->contact_uri, "sip:alice@192.0.2.1:5070;transport=udp");
    check_text(message->record_route, "<sip:p2.example;lr>, <sip:p1.example;lr>"); /* as they stand */
    check_text(message->branch, "z9hG4bK1");
    check_text(message->reason, "SIP ;cause=600,Q.850;cause=21");
    check_equal(message->is_ours, 0);
    tandem_tracker *tracker = make_tracker(NULL);
    check_equal(tandem_tracker_feed(tracker, message, 0, NULL), TANDEM_OK);
    tandem_parsed_free(parsed);
    check_equal(statistics_of(tracker).early, 1);
    tandem_tracker_free(tracker);
    check(tandem_parsed_message(NULL) == NULL);
    tandem_parsed_free(NULL);
}

static void what_is_no_sip_is_dropped(void) {
    check_equal(status_of(NULL, 0), TANDEM_E_NOT_SIP);
    check_equal(status_of("", 0), TANDEM_E_NOT_SIP);
    check_equal(status_of("\r\n\r\n", 4), TANDEM_E_NOT_SIP);
    check_equal(status_of("hello", 5), TANDEM_E_NOT_SIP);
    static const char web[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    check_equal(status_of(web, strlen(web)), TANDEM_E_NOT_SIP);
    char bytes[64];
    memset(bytes, 0xff, sizeof(bytes));
    check_equal(status_of(bytes, sizeof(bytes)), TANDEM_E_NOT_SIP);
    tandem_parsed *parsed = NULL;
    check_equal(tandem_message_parse(NULL, 1, &parsed), TANDEM_E_INVALID);
    check_equal(tandem_message_parse("x", 1, NULL), TANDEM_E_INVALID);
    check(parsed == NULL);
}

static char *repeat(const char *head, const char *part, size_t times, const char *tail) {
    char *text = malloc(strlen(head) + strlen(part) * times + strlen(tail) + 1);
    require(text);
    char *end = text + sprintf(text, "%s", head);
    for (size_t i = 0; i < times; i++) end += sprintf(end, "%s", part);
    sprintf(end, "%s", tail);
    return text;
}

static void what_is_too_large_is_dropped(void) {
    const size_t head = strlen(invite_bytes) - strlen("Content-Length: 0\r\n\r\n");
    char *bytes = malloc(65536 + 2);
    require(bytes);
    for (size_t size = 65506; size <= 65508; size++) {
        memcpy(bytes, invite_bytes, head);
        const int more = sprintf(bytes + head, "Content-Length: %zu\r\n\r\n", size - head - 25);
        require(more == 25);
        memset(bytes + head + 25, 'x', size - head - 25);
        check_equal(status_of(bytes, size), size <= 65507 ? TANDEM_OK : TANDEM_E_TOO_LARGE);
    }
    free(bytes);
    char *text = repeat("INVITE sip:b SIP/2.0\r\n", "X: y\r\n", 1000, "\r\n");
    check_equal(status_of(text, strlen(text)), TANDEM_E_TOO_LARGE);
    free(text);
}

/* The same INVITE with one line replaced by another, or left out. */
static tandem_status status_with(const char *line, const char *other) {
    const char *at = strstr(invite_bytes, line);
    require(at);
    const char *end = strstr(at, "\r\n") + 2;
    char bytes[32768];
    const int size = snprintf(bytes, sizeof(bytes), "%.*s%s%s", (int)(at - invite_bytes), invite_bytes, other, end);
    require(size > 0 && (size_t)size < sizeof(bytes));
    return status_of(bytes, (size_t)size);
}

static void what_is_malformed_can_be_answered(void) {
    check_equal(status_with("CSeq", "CSeq: 1 INVITE\r\n"), TANDEM_OK);
    check_equal(status_with("CSeq", "CSeq: 1 BYE\r\n"), TANDEM_E_INVALID);
    check(tandem_last_error()[0] != '\0');
    check_equal(status_with("CSeq", "CSeq: 2147483648 INVITE\r\n"), TANDEM_E_INVALID);
    check_equal(status_with("Contact", "Contact: <<\r\n"), TANDEM_E_INVALID);
    check(strstr(tandem_last_error(), "Contact"));
    char *call_id = repeat("i: ", "x", 257, "\r\n");
    check_equal(status_with("i:", call_id), TANDEM_E_INVALID);
    free(call_id);
    char *line = repeat("Contact: <sip:x>;y=", "0123456789", 2000, "\r\n");
    check_equal(status_with("Contact", line), TANDEM_E_INVALID);
    check(strstr(tandem_last_error(), "Too Long"));
    free(line);
    char *uri = repeat("Contact: <sip:", "x", 2048, ">\r\n");
    check_equal(status_with("Contact", uri), TANDEM_E_INVALID);
    free(uri);
    /* Without what an answer needs. */
    check_equal(status_with("f:", ""), TANDEM_E_NOT_SIP);
    check_equal(status_with("i:", ""), TANDEM_E_NOT_SIP);
    check_equal(status_with("CSeq", ""), TANDEM_E_NOT_SIP);
}

static void every_prefix_has_a_status(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    for (size_t size = 0; size < strlen(invite_bytes); size++) {
        char *bytes = malloc(size + 1); /* a block of its own: reading beyond it shows */
        require(bytes);
        memcpy(bytes, invite_bytes, size);
        const tandem_status status = status_of(bytes, size);
        check(status == TANDEM_E_NOT_SIP || status == TANDEM_E_INVALID);
        check_equal(tandem_tracker_feed_bytes(tracker, bytes, size, 0, NULL), status);
        free(bytes);
    }
    check_equal(statistics_of(tracker).processed, 0);
    tandem_tracker_free(tracker);
}

static void every_damaged_byte_has_a_status(void) {
    uint64_t random = 88172645463325252;
    char bytes[sizeof(invite_bytes)];
    const size_t size = strlen(invite_bytes);
    tandem_tracker *tracker = make_tracker(NULL);
    for (int i = 0; i < 20000; i++) {
        memcpy(bytes, invite_bytes, sizeof(bytes));
        for (int k = 0; k < 1 + i % 3; k++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            bytes[random % size] = (char)(random >> 32);
        }
        const tandem_status status = tandem_tracker_feed_bytes(tracker, bytes, size, (uint64_t)i, NULL);
        check(status == TANDEM_OK || status == TANDEM_E_NOT_SIP || status == TANDEM_E_INVALID ||
              status == TANDEM_E_NO_DIALOG || status == TANDEM_E_TOO_LARGE || status == TANDEM_E_FULL);
    }
    tandem_tracker_free(tracker);
}

/* One message of the call below. */
static tandem_status feed_bytes(tandem_tracker *tracker, const char *start, const char *from, const char *to,
                                const char *cseq, tandem_dialog_id *dialog) {
    char bytes[1024];
    const int size = snprintf(bytes, sizeof(bytes),
                              "%s\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK%s\r\nFrom: <sip:x@example>%s\r\n"
                              "To: <sip:y@example>%s\r\nCall-ID: bytes\r\nCSeq: %s\r\nContact: <sip:z@192.0.2.7>\r\n"
                              "Content-Length: 0\r\n\r\n",
                              start, cseq[0] == '1' ? "1" : "2", from, to, cseq);
    require(size > 0 && (size_t)size < sizeof(bytes));
    return tandem_tracker_feed_bytes(tracker, bytes, (size_t)size, 0, dialog);
}

static void whole_call_of_bytes_is_tracked(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    tandem_dialog_id dialog = 77;
    const char *a = ";tag=a";
    const char *b = ";tag=b";
    check_equal(feed_bytes(tracker, "BYE sip:b@x SIP/2.0", a, b, "2 BYE", &dialog), TANDEM_E_NO_DIALOG);
    check_equal(dialog, 0);
    check_equal(tandem_tracker_feed_bytes(tracker, invite_bytes, strlen(invite_bytes), 0, &dialog), TANDEM_OK);
    check(dialog != 0);
    check_equal(feed_bytes(tracker, "SIP/2.0 180 Ringing", a, b, "1 INVITE", NULL), TANDEM_OK);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_EARLY);
    check_equal(feed_bytes(tracker, "SIP/2.0 200 OK", a, b, "1 INVITE", NULL), TANDEM_OK);
    check_equal(feed_bytes(tracker, "ACK sip:b@x SIP/2.0", a, b, "1 ACK", NULL), TANDEM_OK);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_CONFIRMED);
    check_equal(feed_bytes(tracker, "INFO sip:a@x SIP/2.0", b, a, "5 INFO", NULL), TANDEM_OK);
    check_equal(feed_bytes(tracker, "INFO sip:a@x SIP/2.0", b, a, "4 INFO", NULL), TANDEM_E_STALE_CSEQ);
    check_equal(feed_bytes(tracker, "BYE sip:a@x SIP/2.0", b, a, "6 BYE", NULL), TANDEM_OK);
    check_equal(feed_bytes(tracker, "SIP/2.0 200 OK", b, a, "6 BYE", NULL), TANDEM_OK);
    tandem_event event = TANDEM_EVENT_INIT;
    require(take_event(tracker, TANDEM_EVENT_CDR, &event));
    check_equal(event.cdr->end_reason, TANDEM_END_CALLEE_BYE);
    check_text(event.cdr->from_uri, "sip:alice@a.example;x=y");
    tandem_event_free(&event);
    tandem_tracker_free(tracker);
}

static void status_of_a_response_is_from_100_to_699(void) {
    static const char *const starts[] = {"SIP/2.0 000 None", "SIP/2.0 099 Low", "SIP/2.0 0 X", "SIP/2.0 700 High",
                                         "SIP/2.0 999 High"};
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        tandem_tracker *tracker = make_tracker(NULL);
        const tandem_status status = feed_bytes(tracker, starts[i], ";tag=a", "", "1 INVITE", NULL);
        check(status == TANDEM_E_NOT_SIP || status == TANDEM_E_INVALID);
        check_equal(statistics_of(tracker).processed, 0); /* and is no INVITE */
        tandem_tracker_free(tracker);
    }
}

static void feed_bytes_checks_its_arguments(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const size_t size = strlen(invite_bytes);
    tandem_dialog_id dialog = 77;
    check_equal(tandem_tracker_feed_bytes(NULL, invite_bytes, size, 0, &dialog), TANDEM_E_INVALID);
    check_equal(dialog, 0);
    check_equal(tandem_tracker_feed_bytes(tracker, NULL, 1, 0, NULL), TANDEM_E_INVALID);
    check_equal(tandem_tracker_feed_bytes(tracker, NULL, 0, 0, NULL), TANDEM_E_NOT_SIP);
    check_equal(tandem_tracker_feed_bytes(tracker, invite_bytes, size, NOW_MAX + 1, NULL), TANDEM_E_INVALID);
    check_equal(statistics_of(tracker).processed, 0);
    tandem_tracker_free(tracker);
}

/* Under a sanitizer this would show a leak of the parser's. */
static void multipart_invite_and_its_challenge_leave_nothing(void) {
    static const char *const headers = "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK7\r\nFrom: <sip:a@a>;tag=a\r\n"
                                       "To: <sip:b@b>%s\r\nCall-ID: parts\r\nCSeq: 1 INVITE\r\n%s";
    static const char *const body = "--x\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n"
                                    "--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x--\r\n";
    char bytes[1024];
    char more[512];
    tandem_tracker *tracker = make_tracker(NULL);
    for (int i = 0; i < 100; i++) {
        int size = snprintf(bytes, sizeof(bytes), "INVITE sip:b@b SIP/2.0\r\n");
        snprintf(more, sizeof(more), "Content-Type: multipart/mixed;boundary=x\r\nContent-Length: %zu\r\n\r\n%s",
                 strlen(body), body);
        size += snprintf(bytes + size, sizeof(bytes) - (size_t)size, headers, "", more);
        tandem_dialog_id dialog = 0;
        require(i > 0 || tandem_tracker_feed_bytes(tracker, bytes, (size_t)size, 0, &dialog) == TANDEM_OK);
        require(i > 0 || dialog != 0);
        tandem_parsed *parsed = NULL;
        require(parse(bytes, (size_t)size, &parsed) == TANDEM_OK);
        tandem_parsed_free(parsed);
    }
    int size = snprintf(bytes, sizeof(bytes), "SIP/2.0 407 Who Are You\r\n");
    size += snprintf(bytes + size, sizeof(bytes) - (size_t)size, headers, ";tag=b", "Content-Length: 0\r\n\r\n");
    check_equal(tandem_tracker_feed_bytes(tracker, bytes, (size_t)size, 0, NULL), TANDEM_OK);
    check_equal(statistics_of(tracker).failed, 1);
    tandem_tracker_free(tracker);
}

static const test tests[] = {
    {"message: a multipart INVITE and its challenge leave nothing behind [15]",
     multipart_invite_and_its_challenge_leave_nothing},
    {"message: a parsed one has its fields, and owns them", parsed_message_has_its_fields},
    {"message: what is no SIP is told from the rest", what_is_no_sip_is_dropped},
    {"message: over 65507 bytes, or with too many lines, it is too large", what_is_too_large_is_dropped},
    {"message: what is malformed where it matters is invalid", what_is_malformed_can_be_answered},
    {"message: every prefix of one has a status", every_prefix_has_a_status},
    {"message: every damage to one has a status", every_damaged_byte_has_a_status},
    {"feed_bytes: a whole call of bytes is tracked", whole_call_of_bytes_is_tracked},
    {"feed_bytes: a response of no status from 100 to 699 is refused", status_of_a_response_is_from_100_to_699},
    {"feed_bytes: checks its arguments", feed_bytes_checks_its_arguments},
};
SUITE(message_suite, tests);
