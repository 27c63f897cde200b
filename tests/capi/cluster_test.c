/* tandem/cluster.h: trackers that count together while Redis does what it should. */
#include "cluster.h"
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "call.h"
#include "profiles.h"
#include "suite.h"

static const char *const size_of_total = "ZCARD tandem:{total}";

static tandem_profile_request request_of(const char *profile, const char *value, uint32_t limit) {
    return (tandem_profile_request){tandem_str_of(profile), tandem_str_of(value), limit};
}

static void options_are_checked(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    tandem_cluster_options good = TANDEM_CLUSTER_OPTIONS_INIT;
    good.url = tandem_str_of("redis://127.0.0.1:1");
    tandem_cluster_options options = good;
    check_equal(tandem_cluster_join(NULL, &options), TANDEM_E_INVALID);
    check_equal(tandem_cluster_join(tracker, NULL), TANDEM_E_INVALID);
    options.size = 0;
    check_equal(tandem_cluster_join(tracker, &options), TANDEM_E_INVALID);
    static const char *const bad_urls[] = {"", "http://127.0.0.1", "redis://:secret@", "redis://:secret@h:99999"};
    for (int i = 0; i < 4; i++) {
        options = good;
        options.url = tandem_str_of(bad_urls[i]);
        check_equal(tandem_cluster_join(tracker, &options), TANDEM_E_INVALID);
        check(!strstr(tandem_last_error(), "secret"));
        check(strstr(tandem_last_error(), "url"));
    }
    options = good;
    options.url = NO_DATA;
    check_equal(tandem_cluster_join(tracker, &options), TANDEM_E_INVALID);
    options = good;
    options.prefix = NO_DATA;
    check_equal(tandem_cluster_join(tracker, &options), TANDEM_E_INVALID);
    options.prefix = tandem_str_of("a{b}");
    check_equal(tandem_cluster_join(tracker, &options), TANDEM_E_INVALID);
    options = good;
    options.lease_ms = 99;
    check_equal(tandem_cluster_join(tracker, &options), TANDEM_E_INVALID);
    options.lease_ms = 3600001;
    check_equal(tandem_cluster_join(tracker, &options), TANDEM_E_INVALID);
    options = good;
    options.timeout_ms = 60001;
    check_equal(tandem_cluster_join(tracker, &options), TANDEM_E_INVALID);

    tandem_cluster_info info = TANDEM_CLUSTER_INFO_INIT;
    check_equal(tandem_cluster_get(tracker, &info), TANDEM_E_NOT_FOUND);
    check_equal(tandem_cluster_join(tracker, &good), TANDEM_OK);
    check_equal(tandem_cluster_join(tracker, &good), TANDEM_E_CONFLICT);
    check_equal(tandem_cluster_get(tracker, &info), TANDEM_OK);
    check_equal(tandem_cluster_get(NULL, &info), TANDEM_E_INVALID);
    info.size = 0;
    check_equal(tandem_cluster_get(tracker, &info), TANDEM_E_INVALID);
    tandem_tracker_free(tracker);
}

static void events_must_have_the_answer(void) {
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    static const uint32_t without[] = {TANDEM_EVENTS_NONE, TANDEM_EVENT_MASK(TANDEM_EVENT_CDR)};
    for (int i = 0; i < 2; i++) {
        options.events = without[i];
        tandem_tracker *tracker = make_tracker(&options);
        check_equal(join_cluster(tracker, "redis://127.0.0.1:1", 0, 0), TANDEM_E_INVALID);
        tandem_tracker_free(tracker);
    }
    options.events = TANDEM_EVENT_MASK(TANDEM_EVENT_RESERVED);
    tandem_tracker *tracker = make_tracker(&options);
    check_equal(join_cluster(tracker, "redis://127.0.0.1:1", 0, 0), TANDEM_OK);
    tandem_tracker_free(tracker);
}

static void scope_is_checked(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    check_equal(share(tracker, "total", 0, 1, TANDEM_OUTAGE_CLOSED), TANDEM_E_UNSUPPORTED);
    require(declare(tracker, "own", 0, 1) == TANDEM_OK);
    require(join_cluster(tracker, "redis://127.0.0.1:1", 0, 0) == TANDEM_OK);
    check_equal(share(tracker, "total", 0, 1, 3), TANDEM_E_INVALID);
    check_equal(share(tracker, "total", 0, 1, TANDEM_OUTAGE_LOCAL), TANDEM_OK);
    check_equal(share(tracker, "total", 0, 2, TANDEM_OUTAGE_OPEN), TANDEM_OK);
    check_equal(share(tracker, "own", 0, 1, TANDEM_OUTAGE_CLOSED), TANDEM_E_INVALID); /* it was of the node */
    check_equal(declare(tracker, "total", 0, 1), TANDEM_E_INVALID);
    tandem_tracker_free(tracker);
}

/* Of a host that was compiled before there was on_outage: what stands behind its struct is nobody's. */
static void older_options_are_closed(void) {
    struct {
        tandem_profile_options options;
        uint32_t behind;
    } host;
    memset(&host, 0xff, sizeof(host));
    const tandem_profile_options options = TANDEM_PROFILE_OPTIONS_INIT;
    const size_t known = offsetof(tandem_profile_options, unused);
    memcpy(&host.options, &options, known);
    host.options.size = (uint32_t)(offsetof(tandem_profile_options, limits) + sizeof(void *) + 2 * sizeof(uint32_t));
    check(host.options.size <= offsetof(tandem_profile_options, on_outage));
    tandem_tracker *tracker = make_tracker(NULL);
    check_equal(tandem_profile_declare(tracker, tandem_str_of("p"), &host.options), TANDEM_OK);
    tandem_tracker_free(tracker);
}

static void trackers_share_a_limit(void) {
    redis server;
    redis_begin(&server);
    tandem_tracker *a = make_node(&server, 2, LONG_LEASE_MS, 10000);
    tandem_tracker *b = make_node(&server, 2, LONG_LEASE_MS, 10000);
    check_equal(admit(a, "a1", "total", ""), TANDEM_OK);
    check_equal(admit(b, "b1", "total", ""), TANDEM_OK);
    check_equal(size_of(a, "total"), 1); /* its own */
    const tandem_dialog_id refused = begin_call(a, "a2", 5 * SECOND);
    require(tandem_profile_join(a, refused, tandem_str_of("total"), tandem_str_of(""), 5 * SECOND) == TANDEM_PENDING);
    tandem_event event = TANDEM_EVENT_INIT;
    require(wait_event(a, TANDEM_EVENT_RESERVED, &event));
    check_equal(event.dialog, refused);
    check_equal(event.status, TANDEM_E_LIMIT);
    check_equal(event.is_set, 1); /* the cluster has counted */
    check_text(event.name, "total");
    check_text(event.value, "");
    check(event.at_us >= 5 * SECOND && event.at_us < 60 * SECOND);
    tandem_event_free(&event);
    check_equal(size_of(a, "total"), 1);
    check_equal(info_of(a, "total").refused, 1);
    check_equal(redis_ask(&server, size_of_total), 2);
    refuse_call(b, "b1", 0);
    check(redis_comes_to(&server, size_of_total, 1));
    check_equal(join(a, refused, "total", ""), TANDEM_PENDING); /* the call is still there */
    check_equal(answer_to_wait(a, refused), TANDEM_OK);
    check_equal(size_of(a, "total"), 2);
    check_equal(cluster_of(a).admitted, 2);
    check_equal(cluster_of(a).refused, 1);
    check_equal(cluster_of(a).leases, 2);
    tandem_tracker_free(a);
    tandem_tracker_free(b);
    redis_kill(&server);
}

static void joined_profile_is_told_before_the_answer(void) {
    redis server;
    redis_begin(&server);
    tandem_tracker *tracker = make_node(&server, 1, LONG_LEASE_MS, 10000);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    require(join(tracker, dialog, "user", "alice") == TANDEM_PENDING);
    tandem_event event = TANDEM_EVENT_INIT;
    require(wait_event(tracker, TANDEM_EVENT_PROFILE_CHANGED, &event));
    check_text(event.name, "user");
    check_text(event.value, "alice");
    check_equal(event.is_set, 1);
    const uint64_t sequence = event.sequence;
    tandem_event_free(&event);
    require(wait_event(tracker, TANDEM_EVENT_RESERVED, &event));
    check_equal(event.sequence, sequence + 1);
    check_equal(event.status, TANDEM_OK);
    tandem_event_free(&event);
    refuse_call(tracker, "c", 0);
    tandem_tracker_free(tracker);
    redis_kill(&server);
}

static void values_and_single_calls_have_limits_of_their_own(void) {
    redis server;
    redis_begin(&server);
    tandem_tracker *a = make_node(&server, 1, LONG_LEASE_MS, 10000);
    tandem_tracker *b = make_node(&server, 1, LONG_LEASE_MS, 10000);
    check_equal(admit(a, "a1", "user", "alice"), TANDEM_OK);
    check_equal(admit(b, "b1", "user", "alice"), TANDEM_E_LIMIT);
    check_equal(admit(b, "b2", "user", "bob"), TANDEM_OK);
    const tandem_dialog_id dialog = begin_call(b, "b3", 0);
    tandem_profile_request request = request_of("user", "alice", 2);
    require(tandem_profile_reserve(b, dialog, &request, 1, 0, NULL) == TANDEM_PENDING);
    check_equal(answer_to_wait(b, dialog), TANDEM_OK);
    const tandem_value_limit limit = {tandem_str_of("carol"), 3};
    tandem_profile_options options = TANDEM_PROFILE_OPTIONS_INIT;
    options.has_values = 1;
    options.limit = 1;
    options.scope = TANDEM_SCOPE_CLUSTER;
    options.limits = &limit;
    options.limit_count = 1;
    require(tandem_profile_declare(a, tandem_str_of("user"), &options) == TANDEM_OK);
    char call_id[8] = "c0";
    for (int i = 0; i < 4; i++) {
        call_id[1] = (char)('0' + i);
        check_equal(admit(a, call_id, "user", "carol"), i < 3 ? TANDEM_OK : TANDEM_E_LIMIT);
    }
    request = request_of("user", "dave", TANDEM_LIMIT_NONE);
    check_equal(tandem_profile_reserve(b, dialog, &request, 1, 0, NULL), TANDEM_OK); /* nobody is asked */
    check(redis_comes_to(&server, "ZCARD tandem:{user=dave}", 1));
    tandem_tracker_free(a);
    tandem_tracker_free(b);
    redis_kill(&server);
}

static void all_are_joined_or_none(void) {
    redis server;
    redis_begin(&server);
    tandem_tracker *a = make_node(&server, 1, LONG_LEASE_MS, 10000);
    tandem_tracker *b = make_node(&server, 1, LONG_LEASE_MS, 10000);
    const tandem_profile_request both[2] = {request_of("total", "", 0), request_of("own", "", 0)};
    const tandem_dialog_id first = begin_call(a, "a1", 0);
    require(tandem_profile_reserve(a, first, both, 2, 0, NULL) == TANDEM_PENDING);
    check_equal(answer_to_wait(a, first), TANDEM_OK);
    check_equal(size_of(a, "own"), 1);

    /* Its own limit is known at once, and nobody is asked. */
    tandem_profile_refusal refusal = TANDEM_PROFILE_REFUSAL_INIT;
    const tandem_dialog_id second = begin_call(a, "a2", 0);
    check_equal(tandem_profile_reserve(a, second, both, 2, 0, &refusal), TANDEM_E_LIMIT);
    check_equal(refusal.index, 1);
    check_equal(refusal.members, 1);
    check_equal(tandem_profile_reserve(a, second, both, 2, 0, NULL), TANDEM_E_LIMIT); /* it does not wait */

    /* What the cluster refuses takes back what was joined meanwhile. */
    const tandem_dialog_id third = begin_call(b, "b1", 0);
    require(tandem_profile_reserve(b, third, both, 2, 0, NULL) == TANDEM_PENDING);
    check_equal(answer_to_wait(b, third), TANDEM_E_LIMIT);
    check_equal(size_of(b, "own"), 0);
    /* But not what was joined before. */
    require(join(b, third, "own", "") == TANDEM_OK);
    require(tandem_profile_reserve(b, third, both, 2, 0, NULL) == TANDEM_PENDING);
    check_equal(answer_to_wait(b, third), TANDEM_E_LIMIT);
    check_equal(size_of(b, "own"), 1);
    check_equal(size_of(b, "total"), 0);

    const tandem_profile_request unknown[2] = {request_of("total", "", 0), request_of("nobody's", "", 0)};
    check_equal(tandem_profile_reserve(b, third, unknown, 2, 0, NULL), TANDEM_E_NO_PROFILE);
    check_equal(redis_ask(&server, size_of_total), 1);
    tandem_tracker_free(a);
    tandem_tracker_free(b);
    redis_kill(&server);
}

/* A dialog that has a place already counts once, and keeps it whatever becomes of a later reservation. */
static void place_that_is_held_stays(void) {
    redis server;
    redis_begin(&server);
    tandem_tracker *a = make_node(&server, 1, LONG_LEASE_MS, 10000);
    tandem_tracker *b = make_node(&server, 1, LONG_LEASE_MS, 10000);
    require(admit(b, "b1", "user", "alice") == TANDEM_OK);
    const tandem_dialog_id dialog = begin_call(a, "a1", 0);
    require(join(a, dialog, "total", "") == TANDEM_PENDING);
    require(answer_to_wait(a, dialog) == TANDEM_OK);
    const tandem_profile_request both[2] = {request_of("total", "", 0), request_of("user", "alice", 0)};
    require(tandem_profile_reserve(a, dialog, both, 2, 0, NULL) == TANDEM_PENDING);
    tandem_event event = TANDEM_EVENT_INIT;
    require(wait_event(a, TANDEM_EVENT_RESERVED, &event));
    check_equal(event.status, TANDEM_E_LIMIT);
    check_text(event.name, "user");
    check_text(event.value, "alice");
    tandem_event_free(&event);
    check_equal(size_of(a, "total"), 1);
    check_equal(size_of(a, "user"), 0);
    check_equal(redis_ask(&server, size_of_total), 1);
    check_equal(leave(a, dialog, "total", ""), TANDEM_OK);
    check(redis_comes_to(&server, size_of_total, 0));
    check_equal(leave(a, dialog, "total", ""), TANDEM_E_NOT_FOUND);
    check_equal(admit(b, "b2", "total", ""), TANDEM_OK);
    tandem_tracker_free(a);
    tandem_tracker_free(b);
    redis_kill(&server);
}

static void one_reservation_at_a_time(void) {
    redis server;
    redis_begin(&server);
    tandem_tracker *tracker = make_node(&server, 5, LONG_LEASE_MS, 60000);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    require(join(tracker, dialog, "own", "") == TANDEM_OK);
    redis_pause(&server);
    require(join(tracker, dialog, "total", "") == TANDEM_PENDING);
    check_equal(join(tracker, dialog, "user", "alice"), TANDEM_E_CONFLICT);
    check_equal(join(tracker, dialog, "own", ""), TANDEM_E_CONFLICT);
    check_equal(leave(tracker, dialog, "own", ""), TANDEM_E_CONFLICT);
    check_equal(leave(tracker, dialog, "total", ""), TANDEM_E_CONFLICT);
    check_equal(join(tracker, begin_call(tracker, "d", 0), "own", ""), TANDEM_OK); /* another one does not wait */
    redis_resume(&server);
    const double end = seconds_now() + 10;
    while (cluster_of(tracker).admitted == 0 && seconds_now() < end) wait_a_moment();
    check_equal(join(tracker, dialog, "own", ""), TANDEM_E_CONFLICT); /* its answer was not taken yet */
    check_equal(answer_to_wait(tracker, dialog), TANDEM_OK);
    check_equal(leave(tracker, dialog, "own", ""), TANDEM_OK);
    check_equal(join(tracker, dialog, "user", "alice"), TANDEM_PENDING);
    check_equal(answer_to_wait(tracker, dialog), TANDEM_OK);
    tandem_tracker_free(tracker);
    redis_kill(&server);
}

static void what_is_counted_only_waits_for_nobody(void) {
    redis server;
    redis_begin(&server);
    tandem_tracker *tracker = make_node(&server, 0, LONG_LEASE_MS, 10000);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    check_equal(join(tracker, dialog, "total", ""), TANDEM_OK);
    check_equal(join(tracker, dialog, "user", "alice"), TANDEM_OK);
    check_equal(size_of(tracker, "total"), 1);
    check(redis_comes_to(&server, size_of_total, 1));
    check(redis_comes_to(&server, "ZCARD tandem:{user=alice}", 1));
    refuse_call(tracker, "c", 0);
    check(redis_comes_to(&server, size_of_total, 0));
    check(redis_comes_to(&server, "ZCARD tandem:{user=alice}", 0));
    tandem_tracker_free(tracker);
    redis_kill(&server);
}

/* 32 memberships, and one more that the cluster would give. */
static void bound_of_memberships_holds(void) {
    redis server;
    redis_begin(&server);
    tandem_tracker *tracker = make_node(&server, 5, LONG_LEASE_MS, 10000);
    require(declare(tracker, "many", 1, 0) == TANDEM_OK);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    char value[8];
    for (int i = 0; i < 32; i++) {
        snprintf(value, sizeof(value), "v%d", i);
        require(join(tracker, dialog, "many", value) == TANDEM_OK);
    }
    require(join(tracker, dialog, "total", "") == TANDEM_PENDING);
    check_equal(answer_to_wait(tracker, dialog), TANDEM_E_FULL);
    check(redis_comes_to(&server, size_of_total, 0));
    check_equal(size_of(tracker, "many"), 32);
    tandem_tracker_free(tracker);
    redis_kill(&server);
}

/* Every way in which a set can end gives its place back, and nobody has to take its events for that. */
static void every_end_gives_back(void) {
    redis server;
    redis_begin(&server);
    tandem_tracker *tracker = make_node(&server, 1, LONG_LEASE_MS, 10000);
    for (int i = 0; i < 5; i++) {
        const char call_id[2] = {(char)('a' + i), 0};
        const tandem_dialog_id dialog = i < 3 ? begin_call(tracker, call_id, 0) : confirmed_call(tracker, call_id, 0);
        require(join(tracker, dialog, "total", "") == TANDEM_PENDING);
        require(answer_to_wait(tracker, dialog) == TANDEM_OK);
        check_equal(redis_ask(&server, size_of_total), 1);
        if (i == 0) refuse_call(tracker, call_id, 0);
        if (i == 1) require(tandem_dialog_end(tracker, dialog, TANDEM_END_ADMIN, 0) == TANDEM_OK);
        if (i == 2) require(tandem_tracker_advance(tracker, 400 * SECOND) == TANDEM_OK); /* END_DUE */
        if (i == 2) require(tandem_tracker_advance(tracker, 800 * SECOND) == TANDEM_OK);
        if (i == 3) end_call(tracker, call_id, 0);
        if (i == 4) require(tandem_tracker_advance(tracker, UINT64_C(100000) * SECOND) == TANDEM_OK);
        if (i == 4) require(tandem_tracker_advance(tracker, UINT64_C(100100) * SECOND) == TANDEM_OK);
        check(redis_comes_to(&server, size_of_total, 0));
    }
    tandem_tracker_free(tracker);
    redis_kill(&server);
}

static volatile sig_atomic_t signals;
static void on_signal(int number) {
    (void)number;
    signals = signals + 1;
}

/* A host that takes its signals by sigwait(3) or signalfd(2) has them blocked in all of its threads. */
static void signals_are_the_hosts(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    require(join_cluster(tracker, "redis://127.0.0.1:1", 0, 0) == TANDEM_OK);
    sigset_t blocked, before, waiting;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    require(pthread_sigmask(SIG_BLOCK, &blocked, &before) == 0 && signal(SIGUSR1, on_signal) != SIG_ERR);
    require(kill(getpid(), SIGUSR1) == 0);
    const double end = seconds_now() + 0.2; /* for a thread that would take it */
    while (signals == 0 && seconds_now() < end) wait_a_moment();
    require(sigpending(&waiting) == 0);
    check(sigismember(&waiting, SIGUSR1)); /* nobody has taken it */
    check_equal(signals, 0);
    require(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    check_equal(signals, 1);
    signal(SIGUSR1, SIG_DFL);
    tandem_tracker_free(tracker);
}

/* What processes of a storm tell each other. */
typedef struct storm {
    atomic_int ready, live, peak, admitted, refused, other;
} storm;

enum { storm_limit = 20, storm_held = 15, storm_calls = 1500, storm_waiting = 30 };

static void count_live(storm *all) {
    const int live = atomic_fetch_add(&all->live, 1) + 1;
    int peak = atomic_load(&all->peak);
    while (live > peak && !atomic_compare_exchange_weak(&all->peak, &peak, live)) {}
}

/* Many calls that wait at a time; the oldest of those admitted end, so that others find room. */
static void run_storm(storm *all, const redis *server, const char *name) {
    tandem_tracker *tracker = make_node(server, storm_limit, 30000, 20000);
    char held[storm_held][32], call_id[32];
    int first = 0, count = 0, begun = 0, answered = 0;
    atomic_fetch_add(&all->ready, 1);
    while (atomic_load(&all->ready) < 2) wait_a_moment();
    while (answered < storm_calls) {
        for (; begun < storm_calls && begun - answered < storm_waiting; begun++) {
            snprintf(call_id, sizeof(call_id), "%s-%d", name, begun);
            const tandem_dialog_id dialog = begin_call(tracker, call_id, 0);
            require(tandem_dialog_set_user_data(tracker, dialog, (uint64_t)begun) == TANDEM_OK);
            require(join(tracker, dialog, "total", "") == TANDEM_PENDING);
        }
        tandem_event event = TANDEM_EVENT_INIT;
        require(wait_event(tracker, TANDEM_EVENT_RESERVED, &event));
        answered++;
        snprintf(call_id, sizeof(call_id), "%s-%d", name, (int)event.user_data);
        if (event.status == TANDEM_OK) {
            count_live(all);
            atomic_fetch_add(&all->admitted, 1);
            strcpy(held[(first + count++) % storm_held], call_id);
        } else {
            atomic_fetch_add(event.status == TANDEM_E_LIMIT ? &all->refused : &all->other, 1);
            refuse_call(tracker, call_id, 0);
        }
        tandem_event_free(&event);
        if (count == storm_held) {
            atomic_fetch_sub(&all->live, 1);
            refuse_call(tracker, held[first], 0);
            first = (first + 1) % storm_held;
            count--;
        }
    }
    for (; count > 0; count--, first = (first + 1) % storm_held) {
        atomic_fetch_sub(&all->live, 1);
        refuse_call(tracker, held[first], 0);
    }
    const double end = seconds_now() + 10;
    while (cluster_of(tracker).leases > 0 && seconds_now() < end) wait_a_moment();
    check_equal(cluster_of(tracker).leases, 0);
    check_equal(size_of(tracker, "total"), 0);
    tandem_tracker_free(tracker);
}

static void processes_share_a_limit_to_the_call(void) {
    redis server;
    redis_begin(&server);
    storm *all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    require(all != MAP_FAILED);
    const pid_t other = fork();
    require(other >= 0);
    if (other == 0) {
        const int before = failure_count();
        run_storm(all, &server, "b");
        _exit(failure_count() != before);
    }
    run_storm(all, &server, "a");
    int status = -1;
    require(waitpid(other, &status, 0) == other);
    check_equal(status, 0);
    check_equal(atomic_load(&all->peak), storm_limit);
    check_equal(atomic_load(&all->live), 0);
    check_equal(atomic_load(&all->other), 0);
    check(atomic_load(&all->refused) > 0);
    check_equal(atomic_load(&all->admitted) + atomic_load(&all->refused), 2 * storm_calls);
    check_equal(redis_ask(&server, size_of_total), 0);
    munmap(all, sizeof(*all));
    redis_kill(&server);
}

static const test tests[] = {
    {"cluster: options are checked, and no error has the password", options_are_checked},
    {"cluster: a tracker without the event of the answer does not join", events_must_have_the_answer},
    {"cluster: a scope needs its cluster, and stays", scope_is_checked},
    {"cluster: an older host's profile is closed in an outage", older_options_are_closed},
    {"cluster: trackers share a limit, and a refused call may try again", trackers_share_a_limit},
    {"cluster: the profile that is joined is told before the answer", joined_profile_is_told_before_the_answer},
    {"cluster: values and single calls have limits of their own", values_and_single_calls_have_limits_of_their_own},
    {"cluster: of profiles of the node and the cluster all are joined or none", all_are_joined_or_none},
    {"cluster: a place that is held stays when a later reservation is refused", place_that_is_held_stays},
    {"cluster: a dialog has one reservation at a time", one_reservation_at_a_time},
    {"cluster: what is counted only waits for nobody", what_is_counted_only_waits_for_nobody},
    {"cluster: the bound of memberships holds, and gives the place back", bound_of_memberships_holds},
    {"cluster: every end gives the place back", every_end_gives_back},
    {"cluster: its thread leaves the signals to the host", signals_are_the_hosts},
    {"cluster: two processes share a limit to the call", processes_share_a_limit_to_the_call},
};
SUITE(cluster_suite, tests);
