/* Many threads and one tracker: nothing is lost, counted twice or left behind, and no limit is passed. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include "call.h"
#include "suite.h"

enum { feeder_count = 4, call_count = 1500, call_sum = feeder_count * call_count, trunk_limit = 3, user_limit = 1 };

typedef struct world {
    tandem_tracker *tracker;
    atomic_int next_feeder;
    atomic_int limited; /* calls that a limit refused */
    atomic_int feeding; /* threads that are not through */
    int records[call_sum];
    uint64_t answered; /* in the records, by the draining thread */
    tandem_dialog_id dialog;      /* that all threads work on */
    _Atomic uint64_t now_us;      /* of the thread that is ahead */
} world;

static const tandem_str trunk = {"trunk", 5};
static const tandem_str user = {"user", 4};
static const tandem_str tries = {"tries", 5};

static void check_sizes(const tandem_tracker *tracker) {
    uint32_t size = 0;
    check_equal(tandem_profile_size(tracker, trunk, &size), TANDEM_OK);
    check(size <= trunk_limit);
    check_equal(tandem_profile_value_size(tracker, user, tandem_str_of("u1"), &size), TANDEM_OK);
    check(size <= user_limit);
}

/* One call as a host leads it; every way to end is taken. */
static void lead_call(world *in, int number) {
    tandem_tracker *tracker = in->tracker;
    char call_id[16];
    char user_name[8];
    snprintf(call_id, sizeof(call_id), "c%d", number);
    snprintf(user_name, sizeof(user_name), "u%d", number % 5);
    const uint64_t now_us = (uint64_t)number * 10;
    tandem_leg leg = TANDEM_LEG_INIT;
    leg.user_data = (uint64_t)number;
    const tandem_message invite = invite_of(call_id);
    tandem_dialog_id dialog = 0;
    require(tandem_tracker_feed_invite(tracker, &invite, &leg, now_us, &dialog) == TANDEM_OK && dialog != 0);
    check_equal(tandem_variable_add(tracker, dialog, tries, 1, now_us, NULL), TANDEM_OK);
    const tandem_profile_request requests[] = {
        {user, tandem_str_of(user_name), TANDEM_LIMIT_DECLARED},
        {trunk, {NULL, 0}, TANDEM_LIMIT_DECLARED},
    };
    tandem_profile_refusal refusal = TANDEM_PROFILE_REFUSAL_INIT;
    const tandem_status reserved = tandem_profile_reserve(tracker, dialog, requests, 2, now_us, &refusal);
    check_sizes(tracker);
    if (reserved == TANDEM_E_LIMIT) {
        check_equal(refusal.members, refusal.limit);
        check_equal(tandem_dialog_set_end_reason(tracker, dialog, TANDEM_END_LIMIT), TANDEM_OK);
        feed(tracker, answer_of(call_id, 503), now_us);
        atomic_fetch_add(&in->limited, 1);
        return;
    }
    check_equal(reserved, TANDEM_OK);
    feed(tracker, answer_of(call_id, 180), now_us);
    if (number % 7 == 0) {
        refuse_call(tracker, call_id, now_us);
        return;
    }
    feed(tracker, answer_of(call_id, 200), now_us);
    feed(tracker, from_alice(call_id, TANDEM_METHOD_ACK, 1), now_us);
    const tandem_value name = tandem_value_text(tandem_str_of(user_name));
    check_equal(tandem_variable_set(tracker, dialog, user, &name, now_us), TANDEM_OK);
    if (number % 5 == 0) {
        check_equal(tandem_dialog_end(tracker, dialog, TANDEM_END_TRANSPORT, now_us), TANDEM_OK);
        return;
    }
    if (number % 5 == 1) {
        check_equal(tandem_dialog_request_end(tracker, dialog, TANDEM_END_ADMIN, now_us), TANDEM_OK);
    }
    end_call(tracker, call_id, now_us);
}

static void *lead_calls(void *argument) {
    world *in = argument;
    const int feeder = atomic_fetch_add(&in->next_feeder, 1);
    for (int i = 0; i < call_count; i++) lead_call(in, i * feeder_count + feeder);
    atomic_fetch_sub(&in->feeding, 1);
    return NULL;
}

static void take_all(world *in) {
    tandem_event event = TANDEM_EVENT_INIT;
    while (tandem_event_next(in->tracker, &event) == TANDEM_OK) {
        require(event.user_data < call_sum);
        if (event.type == TANDEM_EVENT_CDR) {
            in->records[event.user_data]++;
            in->answered += event.cdr->answered_us != 0;
            check_equal(event.cdr->variables[0].value.integer, 1);
        }
        tandem_event_free(&event);
    }
}

static void *drain_events(void *argument) {
    world *in = argument;
    struct pollfd watched = {-1, POLLIN, 0};
    require(tandem_event_fd(in->tracker, &watched.fd) == TANDEM_OK);
    while (atomic_load(&in->feeding) > 0) {
        poll(&watched, 1, 50);
        take_all(in);
    }
    take_all(in);
    return NULL;
}

static void *read_all(void *argument) {
    world *in = argument;
    tandem_tracker *tracker = in->tracker;
    while (atomic_load(&in->feeding) > 0) {
        const tandem_statistics now = statistics_of(tracker);
        check(now.early <= feeder_count && now.active <= feeder_count);
        check(now.processed <= call_sum);
        check_sizes(tracker);
        uint64_t cursor = 0;
        do {
            tandem_dialog_id ids[16];
            uint32_t count = 0;
            check_equal(tandem_dialog_list(tracker, &cursor, ids, 16, &count), TANDEM_OK);
            for (uint32_t i = 0; i < count; i++) {
                tandem_dialog_info *info = NULL;
                tandem_variables *variables = NULL;
                const tandem_status got = tandem_dialog_get(tracker, ids[i], &info);
                check(got == TANDEM_OK || got == TANDEM_E_NOT_FOUND);
                if (info) check(info->call_id.size > 1 && info->call_id.data[0] == 'c');
                tandem_dialog_info_free(info);
                tandem_variable_list(tracker, ids[i], &variables);
                tandem_variables_free(variables);
            }
        } while (cursor != 0);
        const tandem_value value = tandem_value_text(tandem_str_of("u2"));
        tandem_dialog_id ids[16];
        uint32_t count = 0;
        check_equal(tandem_variable_find_dialogs(tracker, user, &value, &cursor, ids, 16, &count), TANDEM_OK);
        check(count <= feeder_count);
        cursor = 0;
        check_equal(tandem_profile_list_members(tracker, trunk, NULL, &cursor, ids, 16, &count), TANDEM_OK);
        check(count <= trunk_limit);
        tandem_profile_values *page = NULL;
        cursor = 0;
        check_equal(tandem_profile_list_values(tracker, user, &cursor, 16, &page), TANDEM_OK);
        tandem_profile_values_free(page);
        tandem_audit audit = TANDEM_AUDIT_INIT;
        check_equal(tandem_tracker_audit(tracker, &audit), TANDEM_OK);
        check(audit.removed == 0 && audit.added == 0 && audit.misplaced == 0);
        check_equal(tandem_tracker_watchdog(tracker, 0, 0, NULL, 0, &count), TANDEM_OK);
        check_equal(count, 0);
        check_equal(tandem_tracker_set_clock(tracker, 0, INT64_C(1700000000000000)), TANDEM_OK);
        check_equal(tandem_tracker_advance(tracker, SECOND), TANDEM_OK);
        tandem_tracker_timeout_ms(tracker, SECOND);
    }
    return NULL;
}

static void one_tracker_serves_many_threads(void) {
    static world in;
    const tandem_str indexed[] = {user};
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.shards = 4;
    options.indexed_variables = indexed;
    options.indexed_variable_count = 1;
    in.tracker = make_tracker(&options);
    atomic_store(&in.feeding, feeder_count);
    tandem_profile_options profile = TANDEM_PROFILE_OPTIONS_INIT;
    profile.limit = trunk_limit;
    check_equal(tandem_profile_declare(in.tracker, trunk, &profile), TANDEM_OK);
    profile.limit = user_limit;
    profile.has_values = 1;
    check_equal(tandem_profile_declare(in.tracker, user, &profile), TANDEM_OK);

    pthread_t threads[feeder_count + 2];
    for (int i = 0; i < feeder_count + 2; i++) {
        void *(*const run)(void *) = i < feeder_count ? lead_calls : i == feeder_count ? drain_events : read_all;
        require(pthread_create(&threads[i], NULL, run, &in) == 0);
    }
    for (int i = 0; i < feeder_count + 2; i++) require(pthread_join(threads[i], NULL) == 0);

    int wrong = 0;
    for (int i = 0; i < call_sum; i++) wrong += in.records[i] != 1;
    check_equal(wrong, 0);
    const tandem_statistics end = statistics_of(in.tracker);
    check(end.early == 0 && end.active == 0 && end.events_lost == 0 && end.refused == 0 && end.expired == 0);
    check_equal(end.processed, call_sum);
    check_equal(end.limited, atomic_load(&in.limited));
    check(end.limited > 0);
    check_equal(end.failed, call_sum - in.answered);
    tandem_profile_info info = TANDEM_PROFILE_INFO_INIT;
    check_equal(tandem_profile_get(in.tracker, user, &info), TANDEM_OK);
    check(info.members == 0 && info.values == 0);
    uint64_t refused = info.refused;
    check_equal(tandem_profile_get(in.tracker, trunk, &info), TANDEM_OK);
    check(info.members == 0 && info.values == 0);
    check_equal(refused + info.refused, end.limited);
    tandem_audit audit = TANDEM_AUDIT_INIT;
    check_equal(tandem_tracker_audit(in.tracker, &audit), TANDEM_OK);
    check(audit.checked == 0 && audit.removed == 0 && audit.added == 0 && audit.misplaced == 0);
    uint32_t count = 77;
    check_equal(tandem_tracker_watchdog(in.tracker, NOW_MAX, 0, NULL, 0, &count), TANDEM_OK);
    check_equal(count, 0);
    check_equal(tandem_tracker_timeout_ms(in.tracker, 0), -1);
    tandem_tracker_free(in.tracker);
}

/* All threads on one dialog, all the time. */
static void *add_and_exchange(void *argument) {
    world *in = argument;
    const tandem_dialog_id dialog = in->dialog;
    for (int i = 0; i < call_count; i++) {
        check_equal(tandem_variable_add(in->tracker, dialog, tries, 1, 0, NULL), TANDEM_OK);
        for (;;) { /* the same by compare_and_set */
            tandem_value now;
            require(tandem_variable_get(in->tracker, dialog, trunk, &now, NULL, 0, NULL) == TANDEM_OK);
            const tandem_value next = tandem_value_integer(now.integer + 1);
            const tandem_status set = tandem_variable_compare_and_set(in->tracker, dialog, trunk, &now, &next, 0);
            if (set == TANDEM_OK) break;
            require(set == TANDEM_E_CONFLICT);
        }
    }
    return NULL;
}

static void changes_are_one_step(void) {
    static world in;
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.events = TANDEM_EVENTS_NONE;
    in.tracker = make_tracker(&options);
    const tandem_dialog_id dialog = begin_call(in.tracker, "c", 0);
    in.dialog = dialog;
    const tandem_value zero = tandem_value_integer(0);
    check_equal(tandem_variable_set(in.tracker, dialog, trunk, &zero, 0), TANDEM_OK);
    pthread_t threads[feeder_count];
    for (int i = 0; i < feeder_count; i++) require(pthread_create(&threads[i], NULL, add_and_exchange, &in) == 0);
    for (int i = 0; i < feeder_count; i++) require(pthread_join(threads[i], NULL) == 0);
    tandem_value value;
    check_equal(tandem_variable_get(in.tracker, dialog, tries, &value, NULL, 0, NULL), TANDEM_OK);
    check_equal(value.integer, call_sum);
    check_equal(tandem_variable_get(in.tracker, dialog, trunk, &value, NULL, 0, NULL), TANDEM_OK);
    check_equal(value.integer, call_sum);
    tandem_tracker_free(in.tracker);
}

/* Threads whose clocks are apart by a little: a deadline that is due for one of them may not be so for another. */
static void *advance_ahead(void *argument) {
    world *in = argument;
    while (atomic_load(&in->feeding) > 0) {
        check_equal(tandem_tracker_advance(in->tracker, atomic_load(&in->now_us)), TANDEM_OK);
    }
    return NULL;
}

static void *advance_behind(void *argument) {
    world *in = argument;
    while (atomic_load(&in->feeding) > 0) {
        check_equal(tandem_tracker_advance(in->tracker, atomic_load(&in->now_us) - 4 * MILLISECOND), TANDEM_OK);
    }
    return NULL;
}

static void clocks_may_be_apart(void) {
    static world in;
    enum { turns = 20000 };
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.shards = 1;
    options.events = TANDEM_EVENTS_NONE;
    in.tracker = make_tracker(&options);
    atomic_store(&in.now_us, SECOND);
    atomic_store(&in.feeding, 1);
    pthread_t threads[2];
    require(pthread_create(&threads[0], NULL, advance_ahead, &in) == 0);
    require(pthread_create(&threads[1], NULL, advance_behind, &in) == 0);
    char call_id[16];
    for (int i = 0; i < turns; i++) {
        snprintf(call_id, sizeof(call_id), "c%d", i);
        const uint64_t now_us = atomic_fetch_add(&in.now_us, 500) + 500;
        const tandem_dialog_id dialog = begin_call(in.tracker, call_id, now_us - 10 * MILLISECOND);
        /* Due about now, for one of the two. */
        const tandem_status set = tandem_dialog_set_timeout(in.tracker, dialog, TANDEM_TIMER_EARLY, 5 + i % 7);
        check(set == TANDEM_OK || set == TANDEM_E_NOT_FOUND);
    }
    atomic_store(&in.feeding, 0);
    for (int i = 0; i < 2; i++) require(pthread_join(threads[i], NULL) == 0);
    check_equal(tandem_tracker_advance(in.tracker, atomic_load(&in.now_us) + SECOND), TANDEM_OK);
    check_equal(statistics_of(in.tracker).early, 0);
    check_equal(statistics_of(in.tracker).expired, turns);
    tandem_tracker_free(in.tracker);
}

/* Both sides hang up at once. */
static void *hang_up_calls(void *argument) {
    world *in = argument;
    const int is_bob = atomic_fetch_add(&in->next_feeder, 1);
    char call_id[16];
    for (int i = 0; i < call_count; i++) {
        snprintf(call_id, sizeof(call_id), "c%d", i);
        const tandem_message bye = is_bob ? from_bob(call_id, TANDEM_METHOD_BYE, 1)
                                          : from_alice(call_id, TANDEM_METHOD_BYE, 2);
        const tandem_message ok = answer_to(&bye, 200);
        const tandem_status status = tandem_tracker_feed(in->tracker, &bye, 0, NULL);
        check(status == TANDEM_OK || status == TANDEM_E_NO_DIALOG); /* the other one was quicker */
        check_equal(tandem_tracker_feed(in->tracker, &ok, 0, NULL), TANDEM_OK);
    }
    return NULL;
}

static void byes_at_one_time_end_a_call_once(void) {
    static world in;
    in.tracker = make_tracker(NULL);
    require(tandem_profile_declare(in.tracker, trunk, NULL) == TANDEM_OK);
    char call_id[16];
    for (int i = 0; i < call_count; i++) {
        snprintf(call_id, sizeof(call_id), "c%d", i);
        const tandem_dialog_id dialog = confirmed_call(in.tracker, call_id, 0);
        require(tandem_profile_join(in.tracker, dialog, trunk, tandem_str_of(""), 0) == TANDEM_OK);
    }
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) require(pthread_create(&threads[i], NULL, hang_up_calls, &in) == 0);
    for (int i = 0; i < 2; i++) require(pthread_join(threads[i], NULL) == 0);
    uint32_t ended = 0;
    uint32_t records = 0;
    tandem_event event = TANDEM_EVENT_INIT;
    while (tandem_event_next(in.tracker, &event) == TANDEM_OK) {
        ended += event.type == TANDEM_EVENT_ENDED;
        records += event.type == TANDEM_EVENT_CDR;
        tandem_event_free(&event);
    }
    check_equal(ended, call_count);
    check_equal(records, call_count);
    uint32_t size = 77;
    check_equal(tandem_profile_size(in.tracker, trunk, &size), TANDEM_OK);
    check_equal(size, 0);
    check_equal(statistics_of(in.tracker).active, 0);
    tandem_tracker_free(in.tracker);
}

static const test tests[] = {
    {"threads: their clocks may be apart by a little", clocks_may_be_apart},
    {"threads: the BYEs of both sides at one time end a call once [30, 39]", byes_at_one_time_end_a_call_once},
    {"threads: each call has one record, no limit is passed and nothing stays", one_tracker_serves_many_threads},
    {"threads: a change of a variable is one step", changes_are_one_step},
};
SUITE(thread_suite, tests);
