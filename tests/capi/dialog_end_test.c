/* tandem/dialog.h: timeouts of one set, the next CSeq, and every way to end it. */
#include "call.h"
#include "suite.h"

static void timeout_of_its_own_counts_from_the_start_of_the_state(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 10 * SECOND);
    check_equal(tandem_dialog_set_timeout(tracker, dialog, TANDEM_TIMER_EARLY, 5000), TANDEM_OK);
    check_equal(tandem_tracker_timeout_ms(tracker, 10 * SECOND), 5000);
    check_equal(tandem_dialog_set_timeout(tracker, dialog, TANDEM_TIMER_EARLY, 0), TANDEM_OK); /* the tracker's again */
    check_equal(tandem_tracker_advance(tracker, 191 * SECOND - 1), TANDEM_OK);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_TRYING);
    check_equal(tandem_dialog_set_timeout(tracker, dialog, TANDEM_TIMER_EARLY, 1000000), TANDEM_OK);
    check_equal(tandem_tracker_advance(tracker, 1010 * SECOND - 1), TANDEM_OK);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_TRYING);
    drain(tracker);
    check_equal(tandem_tracker_advance(tracker, 1010 * SECOND), TANDEM_OK);
    check_equal(drain(tracker), 1); /* END_DUE */
    check_equal(tandem_tracker_advance(tracker, 1042 * SECOND), TANDEM_OK);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_TERMINATED);
    check_equal(tandem_dialog_set_timeout(tracker, dialog, TANDEM_TIMER_EARLY, 1), TANDEM_E_NOT_FOUND);
    tandem_tracker_free(tracker);
}

static void timeout_that_has_passed_fires_at_the_next_advance(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = confirmed_call(tracker, "c", 0);
    check_equal(tandem_tracker_advance(tracker, 100 * SECOND), TANDEM_OK);
    drain(tracker);
    check_equal(tandem_dialog_set_timeout(tracker, dialog, TANDEM_TIMER_LIFETIME, 50000), TANDEM_OK);
    check_equal(tandem_tracker_timeout_ms(tracker, 100 * SECOND), 0);
    check_equal(drain(tracker), 0);
    check_equal(tandem_tracker_advance(tracker, 100 * SECOND), TANDEM_OK);
    tandem_event event = TANDEM_EVENT_INIT;
    require(take_event(tracker, TANDEM_EVENT_END_DUE, &event));
    check_equal(event.reason, TANDEM_END_EXPIRED);
    tandem_event_free(&event);
    tandem_tracker_free(tracker);
}

static void timeout_for_a_state_to_come_is_kept(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    check_equal(tandem_dialog_set_timeout(tracker, dialog, TANDEM_TIMER_NO_ACK, 1000), TANDEM_OK);
    check_equal(tandem_dialog_set_timeout(tracker, dialog, TANDEM_TIMER_LIFETIME, TANDEM_NO_TIMEOUT), TANDEM_OK);
    check_equal(tandem_dialog_set_timeout(tracker, dialog, TANDEM_TIMER_BYE, 2000), TANDEM_OK);
    feed(tracker, answer_of("c", 200), 10 * SECOND);
    check_equal(tandem_tracker_timeout_ms(tracker, 10 * SECOND), 1000);
    feed(tracker, from_alice("c", TANDEM_METHOD_ACK, 1), 10 * SECOND);
    check_equal(tandem_tracker_advance(tracker, 1000000 * SECOND), TANDEM_OK);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_CONFIRMED);
    check_equal(tandem_dialog_set_timeout(tracker, dialog, TANDEM_TIMER_LIFETIME, 0), TANDEM_OK);
    check_equal(tandem_dialog_set_timeout(tracker, dialog, TANDEM_TIMER_LIFETIME, TANDEM_NO_TIMEOUT), TANDEM_OK);
    feed(tracker, from_alice("c", TANDEM_METHOD_BYE, 2), 1000000 * SECOND);
    check_equal(tandem_tracker_advance(tracker, 1000002 * SECOND - 1), TANDEM_OK);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_CONFIRMED);
    check_equal(tandem_tracker_advance(tracker, 1000002 * SECOND), TANDEM_OK);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_TERMINATED);
    tandem_tracker_free(tracker);
}

static uint32_t next_cseq(tandem_tracker *tracker, tandem_dialog_id dialog, uint32_t side, const char *to_tag) {
    uint32_t cseq = 77;
    require(tandem_dialog_next_cseq(tracker, dialog, side, tandem_str_of(to_tag), &cseq) == TANDEM_OK);
    return cseq;
}

static void next_cseq_goes_on_from_the_last_one(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    check_equal(next_cseq(tracker, dialog, TANDEM_SIDE_CALLER, NULL), 2);
    feed(tracker, answer_of("c", 200), 0);
    feed(tracker, from_alice("c", TANDEM_METHOD_ACK, 1), 0);
    check_equal(next_cseq(tracker, dialog, TANDEM_SIDE_CALLER, NULL), 2);
    check_equal(next_cseq(tracker, dialog, TANDEM_SIDE_CALLER, NULL), 2); /* not taken by asking */
    check_equal(next_cseq(tracker, dialog, TANDEM_SIDE_CALLEE, NULL), 1);
    feed(tracker, from_alice("c", TANDEM_METHOD_INFO, 9), 0);
    feed(tracker, from_bob("c", TANDEM_METHOD_INFO, 400), 0);
    check_equal(next_cseq(tracker, dialog, TANDEM_SIDE_CALLER, "b"), 10);
    check_equal(next_cseq(tracker, dialog, TANDEM_SIDE_CALLEE, "b"), 401);
    uint32_t cseq = 77;
    check_equal(tandem_dialog_next_cseq(tracker, dialog, TANDEM_SIDE_CALLER, tandem_str_of("no fork"), &cseq),
                TANDEM_E_NOT_FOUND);
    check_equal(cseq, 77);
    tandem_tracker_free(tracker);
}

static void take_record(tandem_tracker *tracker, uint32_t reason) {
    tandem_event event = TANDEM_EVENT_INIT;
    check(take_event(tracker, TANDEM_EVENT_CDR, &event));
    check_equal(event.cdr ? event.cdr->end_reason : TANDEM_END_NONE, reason);
    check_equal(event.reason, reason);
    tandem_event_free(&event);
}

static void end_reason_of_the_host_stands_in_the_record(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    check_equal(tandem_dialog_set_end_reason(tracker, dialog, TANDEM_END_LIMIT), TANDEM_OK);
    check_equal(tandem_dialog_set_end_reason(tracker, dialog, TANDEM_END_ADMIN), TANDEM_OK); /* no effect */
    feed(tracker, answer_of("c", 503), 0);
    check_equal(tandem_dialog_set_end_reason(tracker, dialog, TANDEM_END_ADMIN), TANDEM_OK);
    take_record(tracker, TANDEM_END_LIMIT);
    dialog = confirmed_call(tracker, "c", 0);
    feed(tracker, from_bob("c", TANDEM_METHOD_BYE, 1), 0);
    tandem_dialog_info *info = NULL;
    require(tandem_dialog_get(tracker, dialog, &info) == TANDEM_OK);
    check_equal(info->end_reason, TANDEM_END_CALLEE_BYE); /* known before the end */
    check_equal(info->state, TANDEM_STATE_CONFIRMED);
    tandem_dialog_info_free(info);
    check_equal(tandem_dialog_set_end_reason(tracker, dialog, TANDEM_END_ADMIN), TANDEM_OK);
    check_equal(tandem_dialog_end(tracker, dialog, TANDEM_END_TRANSPORT, 0), TANDEM_OK);
    take_record(tracker, TANDEM_END_CALLEE_BYE);
    tandem_tracker_free(tracker);
}

static void reasons_are_those_of_the_messages(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    begin_call(tracker, "c", 0);
    refuse_call(tracker, "c", 0);
    take_record(tracker, TANDEM_END_REFUSED);
    ringing_call(tracker, "c", 0);
    tandem_message cancel = invite_of("c");
    cancel.method = TANDEM_METHOD_CANCEL;
    feed(tracker, cancel, 0);
    feed(tracker, answer_of("c", 487), 0);
    take_record(tracker, TANDEM_END_CANCELLED);
    confirmed_call(tracker, "c", 0);
    end_call(tracker, "c", 0);
    take_record(tracker, TANDEM_END_CALLER_BYE);
    confirmed_call(tracker, "c", 0);
    const tandem_message bye = from_bob("c", TANDEM_METHOD_BYE, 1);
    feed(tracker, bye, 0);
    feed(tracker, answer_to(&bye, 200), 0);
    take_record(tracker, TANDEM_END_CALLEE_BYE);
    tandem_tracker_free(tracker);
}

static void challenged_bye_ends_nothing(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = confirmed_call(tracker, "c", 0);
    tandem_message bye = from_alice("c", TANDEM_METHOD_BYE, 2);
    feed(tracker, bye, 0);
    feed(tracker, answer_to(&bye, 407), 0);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_CONFIRMED);
    bye.cseq = 3;
    feed(tracker, bye, 0);
    feed(tracker, answer_to(&bye, 200), 0);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_TERMINATED);
    tandem_tracker_free(tracker);
}

static void end_frees_the_profiles_at_once(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_str plain = tandem_str_of("plain");
    check_equal(tandem_profile_declare(tracker, plain, NULL), TANDEM_OK);
    const tandem_dialog_id dialog = confirmed_call(tracker, "c", 0);
    check_equal(tandem_profile_join(tracker, dialog, plain, tandem_str_of(""), 0), TANDEM_OK);
    check_equal(tandem_dialog_end(tracker, dialog, TANDEM_END_TRANSPORT, 5), TANDEM_OK);
    uint32_t size = 77;
    check_equal(tandem_profile_size(tracker, plain, &size), TANDEM_OK);
    check_equal(size, 0);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_TERMINATED);
    check_equal(tandem_dialog_end(tracker, dialog, TANDEM_END_ADMIN, 6), TANDEM_OK); /* no effect */
    tandem_event event = TANDEM_EVENT_INIT;
    require(take_event(tracker, TANDEM_EVENT_ENDED, &event));
    check_equal(event.at_us, 5);
    check_equal(event.reason, TANDEM_END_TRANSPORT);
    tandem_event_free(&event);
    take_record(tracker, TANDEM_END_TRANSPORT);
    check_equal(drain(tracker), 0);
    tandem_tracker_free(tracker);
}

static void request_end_asks_for_a_bye(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = confirmed_call(tracker, "c", 0);
    drain(tracker);
    check_equal(tandem_dialog_request_end(tracker, dialog, TANDEM_END_ADMIN, SECOND), TANDEM_OK);
    check_equal(tandem_dialog_request_end(tracker, dialog, TANDEM_END_PROBE, SECOND), TANDEM_OK); /* no effect */
    tandem_event event = TANDEM_EVENT_INIT;
    require(tandem_event_next(tracker, &event) == TANDEM_OK);
    check_equal(event.type, TANDEM_EVENT_END_DUE);
    check_equal(event.reason, TANDEM_END_ADMIN);
    check(event.dialog == dialog);
    tandem_event_free(&event);
    check_equal(drain(tracker), 0);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_CONFIRMED);
    const tandem_message bye = from_bob("c", TANDEM_METHOD_BYE, next_cseq(tracker, dialog, TANDEM_SIDE_CALLEE, ""));
    feed(tracker, bye, 2 * SECOND);
    feed(tracker, answer_to(&bye, 481), 2 * SECOND);
    take_record(tracker, TANDEM_END_ADMIN);
    tandem_tracker_free(tracker);
}

static void request_end_without_a_bye_ends_after_its_timeout(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = confirmed_call(tracker, "c", 0);
    check_equal(tandem_dialog_request_end(tracker, dialog, TANDEM_END_SESSION_TIMER, SECOND), TANDEM_OK);
    check_equal(tandem_tracker_advance(tracker, 33 * SECOND - 1), TANDEM_OK);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_CONFIRMED);
    check_equal(tandem_tracker_advance(tracker, 33 * SECOND), TANDEM_OK);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_TERMINATED);
    take_record(tracker, TANDEM_END_SESSION_TIMER);
    tandem_tracker_free(tracker);
}

static void request_end_of_an_early_call_ends_it(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = ringing_call(tracker, "c", 0);
    drain(tracker);
    check_equal(tandem_dialog_request_end(tracker, dialog, TANDEM_END_ADMIN, SECOND), TANDEM_OK);
    check_equal(tandem_dialog_request_end(tracker, dialog, TANDEM_END_PROBE, SECOND), TANDEM_OK); /* once is enough */
    check_equal(state_of(tracker, dialog), TANDEM_STATE_EARLY);
    feed(tracker, answer_of("c", 487), 2 * SECOND); /* to the CANCEL of the host */
    check_equal(state_of(tracker, dialog), TANDEM_STATE_TERMINATED);
    static const uint32_t types[] = {TANDEM_EVENT_END_DUE, TANDEM_EVENT_ENDED, TANDEM_EVENT_CDR};
    for (int i = 0; i < 3; i++) {
        tandem_event event = TANDEM_EVENT_INIT;
        require(tandem_event_next(tracker, &event) == TANDEM_OK);
        check_equal(event.type, types[i]);
        tandem_event_free(&event);
    }
    tandem_tracker_free(tracker);
}

static const test tests[] = {
    {"set_timeout: counts from where the tracker's timeout does",
     timeout_of_its_own_counts_from_the_start_of_the_state},
    {"set_timeout: one that has passed fires at the next advance", timeout_that_has_passed_fires_at_the_next_advance},
    {"set_timeout: one for a state to come is kept until then", timeout_for_a_state_to_come_is_kept},
    {"next_cseq: goes on from the last one of that side (RFC 3261 section 12.2.1.1)",
     next_cseq_goes_on_from_the_last_one},
    {"end reason: the host's stands in the record, unless one is known", end_reason_of_the_host_stands_in_the_record},
    {"end reason: refused, cancelled and both kinds of BYE", reasons_are_those_of_the_messages},
    {"end reason: a BYE that is challenged ends nothing", challenged_bye_ends_nothing},
    {"end: profiles are free at once, and one end is made", end_frees_the_profiles_at_once},
    {"request_end: END_DUE comes once, and the BYE ends the call", request_end_asks_for_a_bye},
    {"request_end: without a BYE the call ends after its timeout", request_end_without_a_bye_ends_after_its_timeout},
    {"request_end: a call without an answer ends with that to its CANCEL", request_end_of_an_early_call_ends_it},
};
SUITE(dialog_end_suite, tests);
