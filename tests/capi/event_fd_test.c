/* tandem/event.h: the descriptor, with one thread and with several. */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>
#include "call.h"
#include "suite.h"

static int is_readable(int fd, int timeout_ms) {
    struct pollfd watched = {fd, POLLIN, 0};
    return poll(&watched, 1, timeout_ms) == 1 && (watched.revents & POLLIN) != 0;
}

static int fd_of(tandem_tracker *tracker) {
    int fd = -1;
    require(tandem_event_fd(tracker, &fd) == TANDEM_OK && fd >= 0);
    return fd;
}

static void readable_while_events_wait(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const int fd = fd_of(tracker);
    check_equal(fd_of(tracker), fd);
    check(!is_readable(fd, 0));
    begin_call(tracker, "c", 0);
    check(is_readable(fd, 0));
    tandem_event event = TANDEM_EVENT_INIT;
    require(tandem_event_next(tracker, &event) == TANDEM_OK);
    tandem_event_free(&event);
    check_equal(tandem_event_next(tracker, &event), TANDEM_E_EMPTY);
    check(!is_readable(fd, 0));
    begin_call(tracker, "c", 0); /* a retransmission */
    check(!is_readable(fd, 0));
    refuse_call(tracker, "c", 0);
    require(tandem_event_next(tracker, &event) == TANDEM_OK);
    check_equal(event.type, TANDEM_EVENT_ENDED);
    tandem_event_free(&event);
    check(is_readable(fd, 0)); /* its record waits */
    require(tandem_event_next(tracker, &event) == TANDEM_OK);
    tandem_event_free(&event);
    check_equal(tandem_event_next(tracker, &event), TANDEM_E_EMPTY);
    check(!is_readable(fd, 0));
    tandem_tracker_free(tracker);
}

static void readable_for_what_waited_before_it(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    begin_call(tracker, "c", 0);
    check(is_readable(fd_of(tracker), 0));
    tandem_tracker_free(tracker);
    tracker = make_tracker(NULL);
    begin_call(tracker, "c", 0);
    refuse_call(tracker, "c", 0);
    tandem_event event = TANDEM_EVENT_INIT;
    require(take_event(tracker, TANDEM_EVENT_ENDED, &event)); /* the record alone waits */
    tandem_event_free(&event);
    check(is_readable(fd_of(tracker), 0));
    tandem_tracker_free(tracker);
}

/* Each of these makes an event of a confirmed call. */
static void feed_info(tandem_tracker *tracker, tandem_dialog_id dialog) {
    (void)dialog;
    feed(tracker, from_alice("c", TANDEM_METHOD_INFO, 2), 0);
}
static void set_variable(tandem_tracker *tracker, tandem_dialog_id dialog) {
    const tandem_value value = tandem_value_integer(1);
    require(tandem_variable_set(tracker, dialog, tandem_str_of("v"), &value, 0) == TANDEM_OK);
}
static void add_to_variable(tandem_tracker *tracker, tandem_dialog_id dialog) {
    require(tandem_variable_add(tracker, dialog, tandem_str_of("v"), 1, 0, NULL) == TANDEM_OK);
}
static void exchange_variable(tandem_tracker *tracker, tandem_dialog_id dialog) {
    const tandem_value value = tandem_value_integer(7);
    require(tandem_variable_compare_and_set(tracker, dialog, tandem_str_of("w"), NULL, &value, 0) == TANDEM_OK);
}
static void erase_variable(tandem_tracker *tracker, tandem_dialog_id dialog) {
    require(tandem_variable_erase(tracker, dialog, tandem_str_of("v"), 0) == TANDEM_OK);
}
static void join_profile(tandem_tracker *tracker, tandem_dialog_id dialog) {
    require(tandem_profile_join(tracker, dialog, tandem_str_of("p"), tandem_str_of(""), 0) == TANDEM_OK);
}
static void leave_profile(tandem_tracker *tracker, tandem_dialog_id dialog) {
    require(tandem_profile_leave(tracker, dialog, tandem_str_of("p"), tandem_str_of(""), 0) == TANDEM_OK);
}
static void end_members(tandem_tracker *tracker, tandem_dialog_id dialog) {
    join_profile(tracker, dialog);
    drain(tracker);
    require(tandem_profile_end_members(tracker, tandem_str_of("p"), NULL, TANDEM_END_ADMIN, 0, NULL) == TANDEM_OK);
}
static void let_time_pass(tandem_tracker *tracker, tandem_dialog_id dialog) {
    (void)dialog;
    require(tandem_tracker_advance(tracker, 100 * SECOND) == TANDEM_OK);
}
static void begin_another(tandem_tracker *tracker, tandem_dialog_id dialog) {
    (void)dialog;
    const tandem_message invite = invite_of("another");
    require(tandem_tracker_feed_invite(tracker, &invite, NULL, 0, NULL) == TANDEM_OK);
}
static void request_end(tandem_tracker *tracker, tandem_dialog_id dialog) {
    (void)dialog;
    const tandem_dialog_id other = confirmed_call(tracker, "asked", 0);
    drain(tracker);
    require(tandem_dialog_request_end(tracker, other, TANDEM_END_ADMIN, 0) == TANDEM_OK);
}
static void end_dialog(tandem_tracker *tracker, tandem_dialog_id dialog) {
    (void)dialog;
    const tandem_dialog_id other = confirmed_call(tracker, "other", 0);
    drain(tracker);
    require(tandem_dialog_end(tracker, other, TANDEM_END_ADMIN, 0) == TANDEM_OK);
}

static void every_function_wakes_the_host(void) {
    static void (*const acts[])(tandem_tracker *, tandem_dialog_id) = {
        feed_info,     set_variable, add_to_variable, exchange_variable, erase_variable, join_profile,
        leave_profile, end_members,  begin_another,   request_end,       end_dialog,     let_time_pass};
    tandem_tracker *tracker = make_tracker(NULL);
    const int fd = fd_of(tracker);
    check_equal(tandem_profile_declare(tracker, tandem_str_of("p"), NULL), TANDEM_OK);
    const tandem_dialog_id dialog = confirmed_call(tracker, "c", 0);
    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
        drain(tracker);
        check(!is_readable(fd, 0));
        acts[i](tracker, dialog);
        check(is_readable(fd, 0));
    }
    tandem_tracker_free(tracker);
}

static void none_never_speaks(void) {
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.events = TANDEM_EVENTS_NONE;
    tandem_tracker *tracker = make_tracker(&options);
    const int fd = fd_of(tracker);
    confirmed_call(tracker, "c", 0);
    end_call(tracker, "c", 0);
    check(!is_readable(fd, 0));
    tandem_tracker_free(tracker);
}

static void fd_checks_its_arguments(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    int fd = 77;
    check_equal(tandem_event_fd(NULL, &fd), TANDEM_E_INVALID);
    check_equal(tandem_event_fd(tracker, NULL), TANDEM_E_INVALID);
    check_equal(fd, 77);
    tandem_tracker_free(tracker);
}

/* What the threads of one test share. It goes on for a time, for a busy machine needs long for a round. */
typedef struct shared {
    tandem_tracker *tracker;
    tandem_dialog_id dialog;
    int fd;
    atomic_int taken;      /* events */
    atomic_int round;      /* under way, from 1 */
    atomic_int done;       /* threads that are through with it */
    atomic_int is_stopped;
} shared;

enum { test_seconds = 2, patience_seconds = 20 };

static time_t seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static int reaches(atomic_int *count, int value) {
    for (const time_t end = seconds() + patience_seconds; atomic_load(count) < value; sched_yield()) {
        if (seconds() > end) return 0;
    }
    return 1;
}

static void make_event(shared *with) {
    int64_t sum = 0;
    require(tandem_variable_add(with->tracker, with->dialog, tandem_str_of("v"), 1, 0, &sum) == TANDEM_OK);
}

static void *feed_one_by_one(void *argument) {
    shared *with = argument;
    for (int i = 0;; i++) {
        /* Until the one before is taken: so it feeds while the other looks for more. */
        while (atomic_load(&with->taken) < i) {
            if (atomic_load(&with->is_stopped)) return NULL;
            sched_yield();
        }
        make_event(with);
    }
}

static void share(shared *with) {
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.shards = 1;
    options.events = TANDEM_EVENT_MASK(TANDEM_EVENT_VARIABLE_CHANGED);
    with->tracker = make_tracker(&options);
    with->dialog = begin_call(with->tracker, "c", 0);
    with->fd = fd_of(with->tracker);
}

static void no_wake_up_is_lost(void) {
    static shared with;
    share(&with);
    pthread_t feeder;
    require(pthread_create(&feeder, NULL, feed_one_by_one, &with) == 0);
    tandem_event event = TANDEM_EVENT_INIT;
    int is_woken = 1;
    for (const time_t end = seconds() + test_seconds; is_woken && seconds() <= end;) {
        is_woken = is_readable(with.fd, patience_seconds * 1000);
        while (tandem_event_next(with.tracker, &event) == TANDEM_OK) {
            tandem_event_free(&event);
            atomic_fetch_add(&with.taken, 1);
        }
    }
    check(is_woken);
    atomic_store(&with.is_stopped, 1);
    require(pthread_join(feeder, NULL) == 0);
    drain(with.tracker);
    check(!is_readable(with.fd, 0));
    tandem_tracker_free(with.tracker);
}

static void *drain_in_rounds(void *argument) {
    shared *with = argument;
    tandem_event event = TANDEM_EVENT_INIT;
    for (int i = 1;; i++) {
        while (atomic_load(&with->round) < i) {
            if (atomic_load(&with->is_stopped)) return NULL;
            sched_yield();
        }
        while (atomic_load(&with->taken) < 2 * i) {
            if (tandem_event_next(with->tracker, &event) == TANDEM_OK) {
                tandem_event_free(&event);
                atomic_fetch_add(&with->taken, 1);
            } else {
                sched_yield();
            }
        }
        atomic_fetch_add(&with->done, 1);
    }
}

/* Two threads drain what a third one feeds. When all is drained the descriptor is quiet: a host that polls would turn
   for ever around one that is not. */
static void several_drainers_leave_it_quiet(void) {
    static shared with;
    share(&with);
    pthread_t drainers[2];
    for (int i = 0; i < 2; i++) require(pthread_create(&drainers[i], NULL, drain_in_rounds, &with) == 0);
    int loud = 0;
    const time_t end = seconds() + test_seconds;
    for (int i = 1; seconds() <= end; i++) {
        atomic_store(&with.round, i);
        make_event(&with);
        make_event(&with);
        require(reaches(&with.done, 2 * i));
        tandem_event event = TANDEM_EVENT_INIT;
        require(tandem_event_next(with.tracker, &event) == TANDEM_E_EMPTY);
        loud += is_readable(with.fd, 0);
    }
    check_equal(loud, 0);
    atomic_store(&with.is_stopped, 1);
    for (int i = 0; i < 2; i++) require(pthread_join(drainers[i], NULL) == 0);
    check_equal(atomic_load(&with.taken), 2 * atomic_load(&with.round));
    tandem_tracker_free(with.tracker);
}

static const test tests[] = {
    {"event fd: readable while events wait, quiet when they are drained", readable_while_events_wait},
    {"event fd: readable for what waited before it was asked for", readable_for_what_waited_before_it},
    {"event fd: every function that makes an event wakes the host", every_function_wakes_the_host},
    {"event fd: without events it never speaks", none_never_speaks},
    {"event fd: NULL is refused", fd_checks_its_arguments},
    {"event fd: no wake-up is lost while another thread feeds", no_wake_up_is_lost},
    {"event fd: several drainers leave it quiet", several_drainers_leave_it_quiet},
};
SUITE(event_fd_suite, tests);
