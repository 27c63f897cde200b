/* tandem/cluster.h: Redis is away, slow, restarted; and calls and trackers that end while an answer is waited for. */
#include <stdio.h>
#include "call.h"
#include "cluster.h"
#include "profiles.h"
#include "suite.h"

static const char *const size_of_total = "ZCARD tandem:{total}";

/* With profiles for each choice. */
static tandem_tracker *make_choices(const redis *server, uint32_t lease_ms, uint32_t timeout_ms) {
    tandem_tracker *tracker = make_node(server, 1, lease_ms, timeout_ms);
    require(share(tracker, "open", 0, 1, TANDEM_OUTAGE_OPEN) == TANDEM_OK);
    require(share(tracker, "local", 0, 1, TANDEM_OUTAGE_LOCAL) == TANDEM_OK);
    return tracker;
}

/* The event of an answer that nobody has counted. */
static tandem_status uncounted(tandem_tracker *tracker, const char *call_id, const char *profile, const char *by) {
    const tandem_dialog_id dialog = begin_call(tracker, call_id, 0);
    require(join(tracker, dialog, profile, "") == TANDEM_PENDING);
    tandem_event event = TANDEM_EVENT_INIT;
    require(wait_event(tracker, TANDEM_EVENT_RESERVED, &event));
    check_equal(event.is_set, 0);
    check_text(event.name, by);
    const tandem_status status = event.status;
    tandem_event_free(&event);
    return status;
}

static void check_choices(tandem_tracker *tracker, char turn) {
    char call_id[3] = {turn, '0', 0};
    check_equal(uncounted(tracker, call_id, "total", "total"), TANDEM_E_OUTAGE);
    check_equal(size_of(tracker, "total"), 0);
    call_id[1]++;
    check_equal(uncounted(tracker, call_id, "open", ""), TANDEM_OK);
    call_id[1]++;
    check_equal(uncounted(tracker, call_id, "open", ""), TANDEM_OK);
    check_equal(size_of(tracker, "open"), 2);
    call_id[1]++;
    check_equal(uncounted(tracker, call_id, "local", ""), TANDEM_OK);
    call_id[1]++;
    check_equal(uncounted(tracker, call_id, "local", "local"), TANDEM_E_LIMIT);
    check_equal(size_of(tracker, "local"), 1);
}

static void each_profile_says_what_an_outage_means(void) {
    redis server;
    redis_begin(&server);
    tandem_tracker *tracker = make_choices(&server, 2000, 5000);
    redis_kill(&server);
    check_choices(tracker, 'a');
    const tandem_cluster_info info = cluster_of(tracker);
    check_equal(info.is_out, 1);
    check_equal(info.is_ready, 0);
    check_equal(info.outages, 1);
    check_equal(info.unknown, 5);
    check(info.failures > 0);
    check(info.why[0] != 0);
    redis_start(&server);
    wait_until_ready(tracker);
    /* Those that were admitted count now; the one that was not has no place. */
    check(redis_comes_to(&server, "ZCARD tandem:{open}", 2));
    check(redis_comes_to(&server, "ZCARD tandem:{local}", 1));
    check_equal(redis_ask(&server, size_of_total), 0);
    check_equal(admit(tracker, "b0", "open", ""), TANDEM_E_LIMIT);
    check_equal(admit(tracker, "b1", "total", ""), TANDEM_OK);
    tandem_tracker_free(tracker);
    redis_kill(&server);
}

static void redis_that_was_never_there(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    require(join_cluster(tracker, "redis://127.0.0.1:1", 0, 5000) == TANDEM_OK);
    require(share(tracker, "total", 0, 1, TANDEM_OUTAGE_CLOSED) == TANDEM_OK);
    check_equal(uncounted(tracker, "a", "total", "total"), TANDEM_E_OUTAGE);
    wait_until_out(tracker);
    check_equal(uncounted(tracker, "b", "total", "total"), TANDEM_E_OUTAGE);
    tandem_tracker_free(tracker);
}

static void paused_redis_holds_nobody_longer_than_the_timeout(void) {
    redis server;
    redis_begin(&server);
    tandem_tracker *tracker = make_node(&server, 1, 60000, 1000);
    redis_pause(&server);
    const double begin = seconds_now();
    check_equal(uncounted(tracker, "a", "total", "total"), TANDEM_E_OUTAGE);
    const double took = seconds_now() - begin;
    check(took > 0.9 && took < 8);
    wait_until_out(tracker);
    const double again = seconds_now();
    check_equal(uncounted(tracker, "b", "total", "total"), TANDEM_E_OUTAGE); /* at once: it is known */
    check(seconds_now() - again < 0.9);
    redis_resume(&server);
    wait_until_ready(tracker);
    check(redis_comes_to(&server, size_of_total, 0)); /* whatever it has done of what it was asked */
    check_equal(admit(tracker, "c", "total", ""), TANDEM_OK);
    tandem_tracker_free(tracker);
    redis_kill(&server);
}

/* The reason of the next record, before which no answer comes. */
static uint32_t take_end(tandem_tracker *tracker) {
    tandem_event event = TANDEM_EVENT_INIT;
    uint32_t type = 0, reason = TANDEM_END_NONE;
    while (type != TANDEM_EVENT_CDR && tandem_event_next(tracker, &event) == TANDEM_OK) {
        type = event.type;
        reason = event.reason;
        check(type != TANDEM_EVENT_RESERVED);
        tandem_event_free(&event);
    }
    return reason;
}

/* Nobody knows whether Redis has given the place: it comes free all the same, and nobody hears of it. */
static void call_that_is_cancelled_while_it_waits(void) {
    redis server;
    redis_begin(&server);
    tandem_tracker *tracker = make_node(&server, 1, LONG_LEASE_MS, 60000);
    const tandem_profile_request both[2] = {{tandem_str_of("own"), tandem_str_of(""), 0},
                                            {tandem_str_of("total"), tandem_str_of(""), 0}};
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    redis_pause(&server);
    require(tandem_profile_reserve(tracker, dialog, both, 2, 0, NULL) == TANDEM_PENDING);
    check_equal(size_of(tracker, "own"), 1);
    tandem_message cancel = invite_of("c");
    cancel.method = TANDEM_METHOD_CANCEL;
    feed(tracker, cancel, 0);
    feed(tracker, answer_of("c", 487), 0);
    check_equal(size_of(tracker, "own"), 0);
    check_equal(take_end(tracker), TANDEM_END_CANCELLED);
    redis_resume(&server);
    check(redis_comes_to(&server, size_of_total, 0));
    const double end = seconds_now() + 10;
    while (cluster_of(tracker).leases > 0 && seconds_now() < end) wait_a_moment();
    check_equal(drain(tracker), 0);          /* and nothing comes later, for nothing is asked any more */
    tandem_status admitted = TANDEM_E_LIMIT; /* until Redis has come to the release */
    for (int n = 0; admitted == TANDEM_E_LIMIT && seconds_now() < end; n++) {
        char call_id[16];
        snprintf(call_id, sizeof call_id, "d%d", n);
        admitted = admit(tracker, call_id, "total", "");
        wait_a_moment();
    }
    check_equal(admitted, TANDEM_OK);
    tandem_tracker_free(tracker);
    redis_kill(&server);
}

static void tracker_is_freed_while_calls_wait(void) {
    redis server;
    redis_begin(&server);
    tandem_tracker *tracker = make_node(&server, 100, 500, 60000);
    char call_id[16];
    redis_pause(&server);
    for (int i = 0; i < 50; i++) {
        snprintf(call_id, sizeof(call_id), "c%d", i);
        require(join(tracker, begin_call(tracker, call_id, 0), "total", "") == TANDEM_PENDING);
    }
    const double begin = seconds_now();
    tandem_tracker_free(tracker);
    check(seconds_now() - begin < 5); /* it waits for no answer */
    redis_resume(&server);
    check(redis_comes_to(&server, size_of_total, 0)); /* its leases run out, should Redis have given some */
    redis_kill(&server);
}

static void tracker_is_freed_before_it_is_connected(void) {
    for (int i = 0; i < 20; i++) {
        tandem_tracker *tracker = make_tracker(NULL);
        require(join_cluster(tracker, "redis://127.0.0.1:1", 0, 0) == TANDEM_OK);
        require(share(tracker, "total", 0, 1, TANDEM_OUTAGE_OPEN) == TANDEM_OK);
        require(join(tracker, begin_call(tracker, "c", 0), "total", "") == TANDEM_PENDING);
        tandem_tracker_free(tracker);
    }
}

/* Leases are renewed without the host, and an empty Redis fills again from those that live. */
static void redis_is_restarted_empty(void) {
    redis server;
    redis_begin(&server);
    tandem_tracker *a = make_node(&server, 4, 1500, 5000);
    tandem_tracker *b = make_node(&server, 4, 1500, 5000);
    check_equal(admit(a, "a1", "total", ""), TANDEM_OK);
    check_equal(admit(a, "a2", "total", ""), TANDEM_OK);
    check_equal(admit(b, "b1", "total", ""), TANDEM_OK);
    redis_kill(&server);
    wait_until_out(a);
    wait_until_out(b);
    refuse_call(a, "a2", 0);
    redis_start(&server);
    wait_until_ready(a);
    wait_until_ready(b);
    check(redis_comes_to(&server, size_of_total, 2));
    check_equal(admit(b, "b2", "total", ""), TANDEM_OK);
    check_equal(admit(a, "a3", "total", ""), TANDEM_OK);
    check_equal(admit(b, "b3", "total", ""), TANDEM_E_LIMIT);
    const double end = seconds_now() + 2; /* beyond a lease, in which the host does nothing */
    while (seconds_now() < end) {
        check_equal(redis_ask(&server, size_of_total), 4);
        wait_a_moment();
    }
    check_equal(cluster_of(a).is_out, 0);
    tandem_tracker_free(b);
    check(redis_comes_to(&server, "ZCARD tandem:{total}", 4)); /* what it had runs out, and not before */
    check_equal(admit(a, "a4", "total", ""), TANDEM_E_LIMIT);
    const double begin = seconds_now();
    tandem_status status = TANDEM_E_LIMIT;
    for (int i = 0; status == TANDEM_E_LIMIT && seconds_now() < begin + 10; i++) {
        char call_id[16];
        snprintf(call_id, sizeof(call_id), "n%d", i);
        status = admit(a, call_id, "total", "");
        wait_a_moment();
    }
    check_equal(status, TANDEM_OK);
    check_equal(size_of(a, "total"), 3);
    tandem_tracker_free(a);
    redis_kill(&server);
}

static const test tests[] = {
    {"cluster: in an outage each profile says what becomes of the call", each_profile_says_what_an_outage_means},
    {"cluster: a Redis that was never there is an outage", redis_that_was_never_there},
    {"cluster: a paused Redis holds nobody longer than the timeout", paused_redis_holds_nobody_longer_than_the_timeout},
    {"cluster: a call that is cancelled while it waits hears no answer", call_that_is_cancelled_while_it_waits},
    {"cluster: a tracker is freed while calls wait", tracker_is_freed_while_calls_wait},
    {"cluster: a tracker is freed before it is connected", tracker_is_freed_before_it_is_connected},
    {"cluster: a Redis that is restarted empty fills from the living", redis_is_restarted_empty},
};
SUITE(cluster_outage_suite, tests);
