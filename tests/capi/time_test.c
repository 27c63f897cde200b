/* tandem/tracker.h: deadlines, the watchdog and the clock of the records. */
#include <stdio.h>
#include "call.h"
#include "suite.h"

static void early_call_expires_at_its_timeout(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    drain(tracker);
    check_equal(tandem_tracker_advance(tracker, 181 * SECOND - 1), TANDEM_OK);
    check_equal(drain(tracker), 0);
    check_equal(tandem_tracker_advance(tracker, 181 * SECOND), TANDEM_OK);
    tandem_event event = TANDEM_EVENT_INIT;
    require(tandem_event_next(tracker, &event) == TANDEM_OK);
    check_equal(event.type, TANDEM_EVENT_END_DUE);
    check_equal(event.reason, TANDEM_END_NO_ANSWER);
    tandem_event_free(&event);
    /* The host's CANCEL has this long to bring an answer. */
    check_equal(tandem_tracker_advance(tracker, 213 * SECOND - 1), TANDEM_OK);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_TRYING);
    check_equal(tandem_tracker_advance(tracker, 213 * SECOND), TANDEM_OK);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_TERMINATED);
    require(take_event(tracker, TANDEM_EVENT_CDR, &event));
    check_equal(event.cdr->sip_code, 408);
    check_equal(event.cdr->end_reason, TANDEM_END_NO_ANSWER);
    tandem_event_free(&event);
    tandem_tracker_free(tracker);
}

/* Nobody would send the CANCEL. */
static void early_call_ends_at_its_timeout_where_nobody_hears_of_it(void) {
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.events = TANDEM_EVENT_MASK(TANDEM_EVENT_CDR);
    tandem_tracker *tracker = make_tracker(&options);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    check_equal(tandem_tracker_advance(tracker, 181 * SECOND - 1), TANDEM_OK);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_TRYING);
    check_equal(tandem_tracker_advance(tracker, 181 * SECOND), TANDEM_OK);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_TERMINATED);
    tandem_tracker_free(tracker);
}

static void provisional_answer_restarts_the_early_timeout(void) {
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.events = TANDEM_EVENT_MASK(TANDEM_EVENT_CDR);
    tandem_tracker *tracker = make_tracker(&options);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    feed(tracker, answer_of("c", 100), 50 * SECOND); /* says nothing of the callee */
    feed(tracker, answer_of("c", 180), 100 * SECOND);
    check_equal(tandem_tracker_advance(tracker, 281 * SECOND - 1), TANDEM_OK);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_EARLY);
    check_equal(tandem_tracker_advance(tracker, 281 * SECOND), TANDEM_OK);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_TERMINATED);
    tandem_tracker_free(tracker);
}

static uint32_t reason_of_end_due(tandem_tracker *tracker) {
    tandem_event event = TANDEM_EVENT_INIT;
    const uint32_t reason = take_event(tracker, TANDEM_EVENT_END_DUE, &event) ? event.reason : TANDEM_END_NONE;
    tandem_event_free(&event);
    return reason;
}

static uint32_t reason_of_record(tandem_tracker *tracker) {
    tandem_event event = TANDEM_EVENT_INIT;
    const uint32_t reason = take_event(tracker, TANDEM_EVENT_CDR, &event) ? event.cdr->end_reason : TANDEM_END_NONE;
    tandem_event_free(&event);
    return reason;
}

static void answered_call_waits_for_its_bye_and_no_longer(void) {
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.lifetime_timeout_ms = 1000;
    options.bye_timeout_ms = 2000;
    tandem_tracker *tracker = make_tracker(&options);
    const tandem_dialog_id dialog = confirmed_call(tracker, "c", 0);
    check_equal(tandem_tracker_advance(tracker, SECOND), TANDEM_OK);
    check_equal(reason_of_end_due(tracker), TANDEM_END_EXPIRED);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_CONFIRMED);
    check_equal(tandem_tracker_advance(tracker, 3 * SECOND - 1), TANDEM_OK);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_CONFIRMED);
    check_equal(tandem_tracker_advance(tracker, 3 * SECOND), TANDEM_OK);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_TERMINATED);
    check_equal(reason_of_record(tracker), TANDEM_END_EXPIRED);
    check_equal(statistics_of(tracker).expired, 1);
    tandem_tracker_free(tracker);
}

static void answer_without_ack_ends_the_call(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    feed(tracker, answer_of("c", 200), SECOND);
    check_equal(tandem_tracker_advance(tracker, 33 * SECOND - 1), TANDEM_OK);
    check_equal(reason_of_end_due(tracker), TANDEM_END_NONE);
    check_equal(tandem_tracker_advance(tracker, 33 * SECOND), TANDEM_OK);
    check_equal(reason_of_end_due(tracker), TANDEM_END_NO_ACK);
    end_call(tracker, "c", 34 * SECOND); /* the host's own BYE */
    check_equal(state_of(tracker, dialog), TANDEM_STATE_TERMINATED);
    check_equal(reason_of_record(tracker), TANDEM_END_NO_ACK);
    tandem_tracker_free(tracker);
}

static void call_without_a_lifetime_stays(void) {
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.lifetime_timeout_ms = TANDEM_NO_TIMEOUT;
    tandem_tracker *tracker = make_tracker(&options);
    const tandem_dialog_id dialog = confirmed_call(tracker, "c", 0);
    check_equal(tandem_tracker_advance(tracker, NOW_MAX), TANDEM_OK);
    check_equal(tandem_tracker_timeout_ms(tracker, NOW_MAX), -1);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_CONFIRMED);
    uint32_t count = 77;
    check_equal(tandem_tracker_watchdog(tracker, NOW_MAX, 0, NULL, 0, &count), TANDEM_OK);
    check_equal(count, 0);
    tandem_dialog_info *info = NULL;
    require(tandem_dialog_get(tracker, dialog, &info) == TANDEM_OK);
    check(info->deadline_us == UINT64_MAX);
    tandem_dialog_info_free(info);
    tandem_tracker_free(tracker);
}

/* What waits is due at 181 s: the answer may be early, and never late. */
static void timeout_is_never_late(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    check_equal(tandem_tracker_timeout_ms(tracker, 0), -1);
    begin_call(tracker, "c", 0);
    check(tandem_tracker_timeout_ms(tracker, 0) > 0 && tandem_tracker_timeout_ms(tracker, 0) <= 181000);
    check_equal(tandem_tracker_advance(tracker, 180 * SECOND), TANDEM_OK);
    check_equal(tandem_tracker_timeout_ms(tracker, 180 * SECOND), 1000);
    check_equal(tandem_tracker_timeout_ms(tracker, 180 * SECOND + 1), 1000); /* rounded up */
    check_equal(tandem_tracker_timeout_ms(tracker, 180 * SECOND + 1000), 999);
    check_equal(tandem_tracker_timeout_ms(tracker, 181 * SECOND - 1), 1);
    check_equal(tandem_tracker_timeout_ms(tracker, 181 * SECOND), 0);
    check_equal(tandem_tracker_timeout_ms(tracker, NOW_MAX), 0);
    check_equal(tandem_tracker_timeout_ms(tracker, NOW_MAX + 1), -1);
    check_equal(tandem_tracker_timeout_ms(NULL, 0), -1);
    refuse_call(tracker, "c", 180 * SECOND);
    check_equal(tandem_tracker_timeout_ms(tracker, 180 * SECOND), -1);
    tandem_tracker_free(tracker);
}

static void timeout_fits_its_type(void) {
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.early_timeout_ms = UINT64_C(100) * 365 * 24 * 3600 * 1000;
    options.no_ack_timeout_ms = options.bye_timeout_ms = options.early_timeout_ms;
    tandem_tracker *tracker = make_tracker(&options);
    begin_call(tracker, "c", 0);
    check_equal(tandem_tracker_timeout_ms(tracker, 0), INT32_MAX);
    begin_call(tracker, "d", NOW_MAX);
    check_equal(tandem_tracker_advance(tracker, NOW_MAX), TANDEM_OK);
    check_equal(tandem_tracker_timeout_ms(tracker, NOW_MAX), INT32_MAX);
    tandem_tracker_free(tracker);
}

/* A host that sleeps as long as it is told misses no deadline, and wakes up for nothing only a few times. */
static void sleeping_as_told_meets_every_deadline(void) {
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.events = TANDEM_EVENT_MASK(TANDEM_EVENT_CDR);
    tandem_tracker *tracker = make_tracker(&options);
    char call_id[16];
    for (int i = 0; i < 200; i++) {
        snprintf(call_id, sizeof(call_id), "c%d", i);
        begin_call(tracker, call_id, (uint64_t)i * 777777);
    }
    uint64_t now_us = 199 * UINT64_C(777777);
    int rounds = 0;
    for (int32_t ms; (ms = tandem_tracker_timeout_ms(tracker, now_us)) >= 0 && rounds < 5000; rounds++) {
        now_us += (uint64_t)ms * 1000;
        check_equal(tandem_tracker_advance(tracker, now_us), TANDEM_OK);
        uint32_t count = 0;
        check_equal(tandem_tracker_watchdog(tracker, now_us, 1, NULL, 0, &count), TANDEM_OK);
        check_equal(count, 0);
    }
    check_equal(statistics_of(tracker).expired, 200);
    check(now_us < 199 * UINT64_C(777777) + 181 * SECOND + 2 * MILLISECOND);
    check(rounds < 2500);
    tandem_tracker_free(tracker);
}

static void time_does_not_go_back(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 100 * SECOND);
    check_equal(tandem_tracker_advance(tracker, 200 * SECOND), TANDEM_OK);
    check_equal(tandem_tracker_advance(tracker, 0), TANDEM_OK);
    feed(tracker, answer_of("c", 180), 50 * SECOND);
    feed(tracker, answer_of("c", 200), 40 * SECOND);
    feed(tracker, from_alice("c", TANDEM_METHOD_ACK, 1), 30 * SECOND);
    begin_call(tracker, "d", 1);
    check_equal(tandem_tracker_advance(tracker, 10), TANDEM_OK);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_CONFIRMED);
    end_call(tracker, "c", 20 * SECOND);
    tandem_event event = TANDEM_EVENT_INIT;
    require(take_event(tracker, TANDEM_EVENT_CDR, &event));
    check_equal(event.cdr->duration_us, 0); /* never negative */
    tandem_event_free(&event);
    tandem_tracker_free(tracker);
}

static void time_has_an_end(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    check_equal(tandem_tracker_advance(tracker, NOW_MAX + 1), TANDEM_E_INVALID);
    check_equal(tandem_tracker_advance(tracker, UINT64_MAX), TANDEM_E_INVALID);
    check_equal(tandem_tracker_advance(NULL, 0), TANDEM_E_INVALID);
    const tandem_dialog_id dialog = confirmed_call(tracker, "c", NOW_MAX);
    check_equal(tandem_tracker_advance(tracker, NOW_MAX), TANDEM_OK);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_CONFIRMED);
    end_call(tracker, "c", NOW_MAX);
    check(drain(tracker) > 0);
    tandem_tracker_free(tracker);
}

static void watchdog_finds_what_nobody_advanced(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id first = begin_call(tracker, "one", 0);
    const tandem_dialog_id second = begin_call(tracker, "two", 0);
    begin_call(tracker, "later", 100 * SECOND);
    tandem_dialog_id ids[4] = {0, 0, 77, 77};
    uint32_t count = 77;
    const uint64_t due_us = 181 * SECOND;
    check_equal(tandem_tracker_watchdog(tracker, due_us + 5 * SECOND, 5000, ids, 4, &count), TANDEM_OK);
    check_equal(count, 0);
    check_equal(tandem_tracker_watchdog(tracker, due_us + 5 * SECOND + 1, 5000, ids, 4, &count), TANDEM_OK);
    check_equal(count, 2);
    check((ids[0] == first && ids[1] == second) || (ids[0] == second && ids[1] == first));
    check_equal(ids[2], 77);
    ids[1] = 77;
    check_equal(tandem_tracker_watchdog(tracker, due_us + SECOND, 0, ids, 1, &count), TANDEM_OK);
    check_equal(count, 2); /* more than there is room for */
    check_equal(ids[1], 77);
    check_equal(tandem_tracker_watchdog(tracker, due_us + SECOND, 0, NULL, 0, &count), TANDEM_OK);
    check_equal(count, 2);
    check_equal(tandem_tracker_advance(tracker, due_us), TANDEM_OK);
    check_equal(tandem_tracker_watchdog(tracker, due_us + SECOND, 0, NULL, 0, &count), TANDEM_OK);
    check_equal(count, 0);
    tandem_tracker_free(tracker);
}

static void watchdog_checks_its_arguments(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    tandem_dialog_id id = 0;
    uint32_t count = 0;
    check_equal(tandem_tracker_watchdog(NULL, 0, 0, &id, 1, &count), TANDEM_E_INVALID);
    check_equal(tandem_tracker_watchdog(tracker, 0, 0, NULL, 1, &count), TANDEM_E_INVALID);
    check_equal(tandem_tracker_watchdog(tracker, 0, 0, &id, 1, NULL), TANDEM_E_INVALID);
    check_equal(tandem_tracker_watchdog(tracker, NOW_MAX + 1, 0, &id, 1, &count), TANDEM_E_INVALID);
    check_equal(tandem_tracker_watchdog(tracker, 0, UINT64_MAX, &id, 1, &count), TANDEM_E_INVALID);
    tandem_tracker_free(tracker);
}

static void clock_dates_the_records(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const int64_t utc_us = INT64_C(1700000000000000);
    check_equal(tandem_tracker_set_clock(tracker, 0, utc_us), TANDEM_OK);
    begin_call(tracker, "c", 10);
    feed(tracker, answer_of("c", 180), 20);
    feed(tracker, answer_of("c", 200), 30);
    feed(tracker, from_alice("c", TANDEM_METHOD_ACK, 1), 30);
    /* The wall clock is set back by an hour during the call. */
    check_equal(tandem_tracker_set_clock(tracker, 50, utc_us - 3600 * (int64_t)SECOND), TANDEM_OK);
    end_call(tracker, "c", 50);
    tandem_event event = TANDEM_EVENT_INIT;
    require(take_event(tracker, TANDEM_EVENT_CDR, &event));
    check_equal(event.cdr->created_us, utc_us + 10);
    check_equal(event.cdr->ringing_us, utc_us + 20);
    check_equal(event.cdr->answered_us, utc_us + 30);
    check_equal(event.cdr->ended_us, utc_us - 3600 * (int64_t)SECOND);
    check_equal(event.cdr->duration_us, 20);
    check_equal(event.at_us, 50);
    tandem_event_free(&event);
    tandem_tracker_free(tracker);
}

static void clock_is_exact(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const uint64_t now_us = UINT64_C(1700000000000000); /* UTC itself */
    check_equal(tandem_tracker_set_clock(tracker, now_us, (int64_t)now_us - 60000), TANDEM_OK);
    check_equal(tandem_tracker_set_clock(tracker, now_us, (int64_t)now_us), TANDEM_OK);
    tandem_dialog_info *info = NULL;
    require(tandem_dialog_get(tracker, begin_call(tracker, "c", now_us), &info) == TANDEM_OK);
    check_equal(info->created_us, now_us);
    tandem_dialog_info_free(info);
    tandem_tracker_free(tracker);
}

static void clock_checks_its_arguments(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    check_equal(tandem_tracker_set_clock(NULL, 0, 0), TANDEM_E_INVALID);
    check_equal(tandem_tracker_set_clock(tracker, NOW_MAX + 1, 0), TANDEM_E_INVALID);
    check_equal(tandem_tracker_set_clock(tracker, 0, INT64_MIN), TANDEM_E_INVALID);
    check_equal(tandem_tracker_set_clock(tracker, 0, -1), TANDEM_E_INVALID);
    check_equal(tandem_tracker_set_clock(tracker, 0, INT64_MAX), TANDEM_E_INVALID);
    check_equal(tandem_tracker_set_clock(tracker, NOW_MAX, 0), TANDEM_OK);
    check_equal(tandem_tracker_set_clock(tracker, 0, INT64_C(1) << 61), TANDEM_OK);
    check_equal(tandem_tracker_set_clock(tracker, NOW_MAX, 0), TANDEM_OK);
    confirmed_call(tracker, "c", NOW_MAX);
    end_call(tracker, "c", 0);
    check(drain(tracker) > 0);
    tandem_tracker_free(tracker);
}

static const test tests[] = {
    {"time: an early call expires at its timeout and not a microsecond before", early_call_expires_at_its_timeout},
    {"time: an early call ends at its timeout where nobody hears of it",
     early_call_ends_at_its_timeout_where_nobody_hears_of_it},
    {"time: the clock is exact, also by little", clock_is_exact},
    {"time: a provisional answer above 100 restarts the early timeout", provisional_answer_restarts_the_early_timeout},
    {"time: an expired call waits for its BYE, and no longer than the timeout of BYE",
     answered_call_waits_for_its_bye_and_no_longer},
    {"time: an answer without ACK ends the call", answer_without_ack_ends_the_call},
    {"time: a call without a lifetime stays, and is no watchdog's", call_without_a_lifetime_stays},
    {"timeout: says when to advance, rounded up, and never too late", timeout_is_never_late},
    {"timeout: fits its type", timeout_fits_its_type},
    {"timeout: sleeping as told meets every deadline", sleeping_as_told_meets_every_deadline},
    {"time: a thread that is behind does not turn it back", time_does_not_go_back},
    {"time: it ends at 2^62 microseconds", time_has_an_end},
    {"watchdog: lists what outlived its deadline by more than the grace", watchdog_finds_what_nobody_advanced},
    {"watchdog: NULL and times out of range are refused", watchdog_checks_its_arguments},
    {"clock: a record has the UTC that was right at each of its times", clock_dates_the_records},
    {"clock: NULL and times out of range are refused", clock_checks_its_arguments},
};
SUITE(time_suite, tests);
