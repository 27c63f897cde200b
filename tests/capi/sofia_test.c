/* tandem/sofia.h: messages as sofia-sip's own parser gives them. */
#include <stdio.h>
#include <string.h>
#include <sofia-sip/msg.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include "call.h"
#include "suite.h"

/* One message with what all of them carry; `more` are whole lines. */
static msg_t *make(const char *start, const char *from, const char *to, const char *cseq, const char *more) {
    char bytes[4096];
    const int size = snprintf(bytes, sizeof(bytes),
                              "%s\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
                              "From: \"A\" <sip:alice@a.example>%s\r\n"
                              "To: <sip:bob@b.example;user=phone>%s\r\nCall-ID: sofia\r\nCSeq: %s\r\n%s"
                              "Content-Length: 0\r\n\r\n",
                              start, from, to, cseq, more);
    require(size > 0 && (size_t)size < sizeof(bytes));
    msg_t *msg = msg_make(sip_default_mclass(), 0, bytes, size);
    require(msg && sip_object(msg));
    return msg;
}

static tandem_status feed_sofia(tandem_tracker *tracker, const char *start, const char *from, const char *to,
                                const char *cseq, const char *more, tandem_dialog_id *dialog) {
    msg_t *msg = make(start, from, to, cseq, more);
    const tandem_status status = tandem_tracker_feed_sofia(tracker, sip_object(msg), 0, 0, dialog);
    msg_destroy(msg); /* borrowed for the call alone */
    return status;
}

static const char invite_start[] = "INVITE sip:bob@next.example:5062;transport=tcp SIP/2.0";
static const char a[] = ";tag=a";
static const char b[] = ";tag=b";

static void whole_call_of_sofia_is_tracked(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    tandem_dialog_id dialog = 0;
    check_equal(feed_sofia(tracker, invite_start, a, "", "7 INVITE",
                           "Contact: \"A\" <sip:alice@192.0.2.1:5070>;q=1\r\n"
                           "Record-Route: <sip:p2.example;lr>\r\nRecord-Route: \"P\" <sip:p1.example;lr>;x=1\r\n",
                           &dialog),
                TANDEM_OK);
    require(dialog != 0);
    check_equal(feed_sofia(tracker, "SIP/2.0 180 Ringing", a, b, "7 INVITE", "", NULL), TANDEM_OK);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_EARLY);
    check_equal(feed_sofia(tracker, "SIP/2.0 200 OK", a, b, "7 INVITE", "Contact: <sip:bob@192.0.2.2>\r\n", NULL),
                TANDEM_OK);
    check_equal(feed_sofia(tracker, "ACK sip:bob@192.0.2.2 SIP/2.0", a, b, "7 ACK", "", NULL), TANDEM_OK);
    tandem_dialog_info *info = NULL;
    require(tandem_dialog_get(tracker, dialog, &info) == TANDEM_OK);
    check_equal(info->state, TANDEM_STATE_CONFIRMED);
    check_equal(info->invite_cseq, 7);
    check_text(info->call_id, "sofia");
    check_text(info->from_tag, "a");
    check_text(info->from_uri, "sip:alice@a.example");
    check_text(info->to_uri, "sip:bob@b.example;user=phone");
    check_text(info->request_uri, "sip:bob@next.example:5062;transport=tcp");
    check_text(info->target, "sip:alice@192.0.2.1:5070");
    check_text(info->route_set, "<sip:p2.example;lr>,\"P\" <sip:p1.example;lr>;x=1");
    require(info->fork_count == 1);
    check_text(info->forks[0].target, "sip:bob@192.0.2.2");
    check_equal(info->forks[0].is_acked, 1);
    tandem_dialog_info_free(info);
    check_equal(feed_sofia(tracker, "BYE sip:alice@192.0.2.1 SIP/2.0", b, a, "3 BYE",
                           "Reason: SIP;cause=200\r\nReason: Q.850;cause=16;text=\"x\"\r\n", NULL),
                TANDEM_OK);
    check_equal(feed_sofia(tracker, "BYE sip:alice@192.0.2.1 SIP/2.0", b, a, "2 BYE", "", NULL), TANDEM_E_STALE_CSEQ);
    check_equal(feed_sofia(tracker, "SIP/2.0 200 OK", b, a, "3 BYE", "", NULL), TANDEM_OK);
    tandem_event event = TANDEM_EVENT_INIT;
    require(take_event(tracker, TANDEM_EVENT_CDR, &event));
    check_equal(event.cdr->end_reason, TANDEM_END_CALLEE_BYE);
    check_equal(event.cdr->q850, 16);
    check_equal(event.cdr->sip_code, 200);
    tandem_event_free(&event);
    tandem_tracker_free(tracker);
}

static void sofia_and_bytes_agree(void) {
    char bytes[2048];
    const int size = snprintf(bytes, sizeof(bytes),
                              "%s\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
                              "From: <sip:a%%20b@a.example;p>;tag=a\r\n"
                              "To: <sips:bob@[2001:db8::1]:5071;x=y?h=v>\r\nCall-ID: one\r\nCSeq: 9 INVITE\r\n"
                              "Contact: <sip:alice@[2001:db8::2];ob>, <sip:second@x>\r\nContent-Length: 0\r\n\r\n",
                              invite_start);
    require(size > 0 && (size_t)size < sizeof(bytes));
    tandem_tracker *trackers[2] = {make_tracker(NULL), make_tracker(NULL)};
    tandem_dialog_info *infos[2];
    tandem_dialog_id dialog = 0;
    require(tandem_tracker_feed_bytes(trackers[0], bytes, (size_t)size, 0, &dialog) == TANDEM_OK);
    require(tandem_dialog_get(trackers[0], dialog, &infos[0]) == TANDEM_OK);
    msg_t *msg = msg_make(sip_default_mclass(), 0, bytes, size);
    require(msg && tandem_tracker_feed_sofia(trackers[1], sip_object(msg), 0, 0, &dialog) == TANDEM_OK);
    require(tandem_dialog_get(trackers[1], dialog, &infos[1]) == TANDEM_OK);
    msg_destroy(msg);
    const tandem_str texts[2][4] = {
        {infos[0]->from_uri, infos[0]->to_uri, infos[0]->request_uri, infos[0]->target},
        {infos[1]->from_uri, infos[1]->to_uri, infos[1]->request_uri, infos[1]->target},
    };
    for (int i = 0; i < 4; i++) {
        char expected[256];
        snprintf(expected, sizeof(expected), "%.*s", (int)texts[0][i].size, texts[0][i].data);
        check(texts[0][i].size > 0);
        check_text(texts[1][i], expected);
    }
    for (int i = 0; i < 2; i++) {
        tandem_dialog_info_free(infos[i]);
        tandem_tracker_free(trackers[i]);
    }
}

static void what_is_incomplete_is_invalid(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    tandem_dialog_id dialog = 77;
    check_equal(tandem_tracker_feed_sofia(tracker, NULL, 0, 0, &dialog), TANDEM_E_INVALID);
    check_equal(dialog, 0);
    msg_t *msg = make(invite_start, a, "", "1 INVITE", "");
    const sip_t whole = *sip_object(msg);
    check_equal(tandem_tracker_feed_sofia(NULL, &whole, 0, 0, NULL), TANDEM_E_INVALID);
    check_equal(tandem_tracker_feed_sofia(tracker, &whole, 0, NOW_MAX + 1, NULL), TANDEM_E_INVALID);
    sip_t part = whole;
    part.sip_request = NULL;
    check_equal(tandem_tracker_feed_sofia(tracker, &part, 0, 0, NULL), TANDEM_E_INVALID);
    part = whole;
    part.sip_from = NULL;
    check_equal(tandem_tracker_feed_sofia(tracker, &part, 0, 0, NULL), TANDEM_E_INVALID);
    part = whole;
    part.sip_to = NULL;
    check_equal(tandem_tracker_feed_sofia(tracker, &part, 0, 0, NULL), TANDEM_E_INVALID);
    part = whole;
    part.sip_call_id = NULL;
    check_equal(tandem_tracker_feed_sofia(tracker, &part, 0, 0, NULL), TANDEM_E_INVALID);
    part = whole;
    part.sip_cseq = NULL;
    check_equal(tandem_tracker_feed_sofia(tracker, &part, 0, 0, NULL), TANDEM_E_INVALID);
    check_equal(statistics_of(tracker).processed, 0);
    part = whole;
    part.sip_contact = NULL;
    part.sip_via = NULL;
    check_equal(tandem_tracker_feed_sofia(tracker, &part, 0, 0, NULL), TANDEM_OK);
    msg_destroy(msg);
    tandem_tracker_free(tracker);
}

static void status_of_a_response_is_checked(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    msg_t *msg = make("SIP/2.0 200 OK", a, "", "1 INVITE", "");
    static const int statuses[] = {0, -1, 99, 700, 999, 65736, 1 << 30};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        sip_object(msg)->sip_status->st_status = statuses[i];
        check_equal(tandem_tracker_feed_sofia(tracker, sip_object(msg), 0, 0, NULL), TANDEM_E_INVALID);
    }
    check_equal(statistics_of(tracker).processed, 0); /* no INVITE of it */
    msg_destroy(msg);
    tandem_tracker_free(tracker);
}

static void what_is_too_long_is_told(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    char header[2200] = "Contact: <sip:";
    memset(header + 14, 'x', 2048);
    strcpy(header + 14 + 2048, ">\r\n");
    check_equal(feed_sofia(tracker, invite_start, a, "", "1 INVITE", header, NULL), TANDEM_E_TOO_LARGE);
    check_equal(feed_sofia(tracker, invite_start, a, "", "1 INVITE", "Contact: *\r\n", NULL), TANDEM_OK);
    tandem_tracker_free(tracker);
}

static void sofia_invite_begins_a_leg(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    tandem_leg leg = TANDEM_LEG_INIT;
    leg.user_data = 4711;
    leg.trunk = tandem_str_of("carrier");
    tandem_dialog_id dialog = 77;
    check_equal(tandem_tracker_feed_sofia_invite(tracker, NULL, &leg, 0, &dialog), TANDEM_E_INVALID);
    check_equal(dialog, 0);
    msg_t *bye = make("BYE sip:b@x SIP/2.0", a, b, "2 BYE", "");
    check_equal(tandem_tracker_feed_sofia_invite(tracker, sip_object(bye), &leg, 0, NULL), TANDEM_E_INVALID);
    msg_destroy(bye);
    msg_t *invite = make(invite_start, a, "", "1 INVITE", "");
    check_equal(tandem_tracker_feed_sofia_invite(NULL, sip_object(invite), &leg, 0, NULL), TANDEM_E_INVALID);
    leg.leg_of = 99;
    check_equal(tandem_tracker_feed_sofia_invite(tracker, sip_object(invite), &leg, 0, NULL), TANDEM_E_NOT_FOUND);
    leg.leg_of = 0;
    check_equal(tandem_tracker_feed_sofia_invite(tracker, sip_object(invite), &leg, 0, &dialog), TANDEM_OK);
    tandem_dialog_id again = 0;
    check_equal(tandem_tracker_feed_sofia_invite(tracker, sip_object(invite), NULL, 0, &again), TANDEM_OK);
    check(again == dialog);
    msg_destroy(invite);
    tandem_dialog_info *info = NULL;
    require(tandem_dialog_get(tracker, dialog, &info) == TANDEM_OK);
    check_equal(info->user_data, 4711);
    check_text(info->trunk, "carrier");
    tandem_dialog_info_free(info);
    tandem_tracker_free(tracker);
}

static const test tests[] = {
    {"sofia: a whole call of its messages is tracked", whole_call_of_sofia_is_tracked},
    {"sofia: its message and the same bytes say the same", sofia_and_bytes_agree},
    {"sofia: a message without start line, From, To, Call-ID or CSeq is invalid", what_is_incomplete_is_invalid},
    {"sofia: a response of no status from 100 to 699 is invalid, and no request", status_of_a_response_is_checked},
    {"sofia: what is too long is told, and \"*\" is no Contact", what_is_too_long_is_told},
    {"sofia: an INVITE begins a leg", sofia_invite_begins_a_leg},
};
SUITE(sofia_suite, tests);
