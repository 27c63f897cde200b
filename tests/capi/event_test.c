/* tandem/event.h: which events come, in which order, and which are lost. The descriptor stands in event_fd_test.c. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include "call.h"
#include "suite.h"

static tandem_tracker *make_masked(uint32_t events) {
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.shards = 1;
    options.events = events;
    return make_tracker(&options);
}

static void check_types(tandem_tracker *tracker, const uint32_t *types, size_t count) {
    tandem_event event = TANDEM_EVENT_INIT;
    for (size_t i = 0; i < count; i++) {
        check_equal(tandem_event_next(tracker, &event), TANDEM_OK);
        check_equal(event.type, types[i]);
        tandem_event_free(&event);
    }
    check_equal(tandem_event_next(tracker, &event), TANDEM_E_EMPTY);
}

#define CHECK_TYPES(tracker, ...) \
    check_types(tracker, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

/* Everything that makes an event, once. */
static tandem_dialog_id whole_life(tandem_tracker *tracker) {
    check_equal(tandem_profile_declare(tracker, tandem_str_of("plain"), NULL), TANDEM_OK);
    const tandem_dialog_id dialog = confirmed_call(tracker, "c", 1);
    const tandem_value value = tandem_value_integer(1);
    check_equal(tandem_variable_set(tracker, dialog, tandem_str_of("v"), &value, 2), TANDEM_OK);
    check_equal(tandem_profile_join(tracker, dialog, tandem_str_of("plain"), tandem_str_of(""), 3), TANDEM_OK);
    feed(tracker, from_bob("c", TANDEM_METHOD_INFO, 1), 4);
    check_equal(tandem_dialog_request_end(tracker, dialog, TANDEM_END_ADMIN, 5), TANDEM_OK);
    end_call(tracker, "c", 6);
    return dialog;
}

static void events_come_in_order(void) {
    tandem_tracker *tracker = make_masked(0);
    whole_life(tracker);
    CHECK_TYPES(tracker, TANDEM_EVENT_CREATED, TANDEM_EVENT_EARLY, TANDEM_EVENT_CONFIRMED, TANDEM_EVENT_ACKED,
                TANDEM_EVENT_VARIABLE_CHANGED, TANDEM_EVENT_PROFILE_CHANGED, TANDEM_EVENT_REQUEST,
                TANDEM_EVENT_END_DUE, TANDEM_EVENT_REQUEST, TANDEM_EVENT_ENDED, TANDEM_EVENT_CDR);
    tandem_tracker_free(tracker);
}

static void event_says_what_happened(void) {
    tandem_tracker *tracker = make_masked(0);
    const tandem_dialog_id dialog = confirmed_call(tracker, "c", 7);
    drain(tracker);
    tandem_event event = TANDEM_EVENT_INIT;
    feed(tracker, from_bob("c", TANDEM_METHOD_INFO, 1), 8);
    require(tandem_event_next(tracker, &event) == TANDEM_OK);
    check_equal(event.size, sizeof(event));
    check(event.dialog == dialog);
    check_equal(event.at_us, 8);
    check_equal(event.sequence, 5);
    check_equal(event.shard, 0);
    check_equal(event.side, TANDEM_SIDE_CALLEE);
    check_equal(event.method, TANDEM_METHOD_INFO);
    check_equal(event.status, TANDEM_OK);
    check(event.cdr == NULL);
    check_text(event.name, "");
    check_text(event.value, "");
    tandem_event_free(&event);
    feed(tracker, from_alice("c", TANDEM_METHOD_OTHER, 2), 8);
    require(tandem_event_next(tracker, &event) == TANDEM_OK);
    check_equal(event.side, TANDEM_SIDE_CALLER);
    check_equal(event.method, TANDEM_METHOD_OTHER);
    tandem_event_free(&event);
    tandem_tracker_free(tracker);
}

static void changes_say_what_changed(void) {
    tandem_tracker *tracker = make_masked(0);
    tandem_profile_options options = TANDEM_PROFILE_OPTIONS_INIT;
    options.has_values = 1;
    check_equal(tandem_profile_declare(tracker, tandem_str_of("user"), &options), TANDEM_OK);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    drain(tracker);
    const tandem_str name = tandem_str_of("v");
    const tandem_value one = tandem_value_integer(1);
    const tandem_value two = tandem_value_integer(2);
    check_equal(tandem_variable_set(tracker, dialog, name, &one, 0), TANDEM_OK);
    check_equal(tandem_variable_set(tracker, dialog, name, &one, 0), TANDEM_OK); /* no change */
    check_equal(tandem_variable_compare_and_set(tracker, dialog, name, &two, &one, 0), TANDEM_E_CONFLICT);
    check_equal(tandem_variable_add(tracker, dialog, name, 0, 0, NULL), TANDEM_OK); /* none either */
    check_equal(tandem_variable_erase(tracker, dialog, name, 0), TANDEM_OK);
    const tandem_str user = tandem_str_of("user");
    const tandem_str alice = tandem_str_of("alice");
    check_equal(tandem_profile_join(tracker, dialog, user, alice, 0), TANDEM_OK);
    check_equal(tandem_profile_join(tracker, dialog, user, alice, 0), TANDEM_OK);
    check_equal(tandem_profile_leave(tracker, dialog, user, alice, 0), TANDEM_OK);
    static const uint32_t types[] = {TANDEM_EVENT_VARIABLE_CHANGED, TANDEM_EVENT_VARIABLE_CHANGED,
                                     TANDEM_EVENT_PROFILE_CHANGED, TANDEM_EVENT_PROFILE_CHANGED};
    tandem_event events[4];
    for (int i = 0; i < 4; i++) {
        events[i] = (tandem_event)TANDEM_EVENT_INIT;
        require(tandem_event_next(tracker, &events[i]) == TANDEM_OK);
    }
    check_equal(drain(tracker), 0);
    tandem_tracker_free(tracker); /* events hold without it */
    for (int i = 0; i < 4; i++) {
        check_equal(events[i].type, types[i]);
        check_text(events[i].name, i < 2 ? "v" : "user");
        check_text(events[i].value, i < 2 ? "" : "alice");
        check_equal(events[i].is_set, i % 2 == 0);
        tandem_event_free(&events[i]);
    }
}

static void masked_out_types_are_not_made(void) {
    for (uint32_t type = TANDEM_EVENT_CREATED; type <= TANDEM_EVENT_RESERVED; type++) {
        tandem_tracker *tracker = make_masked(TANDEM_EVENT_MASK(type));
        whole_life(tracker);
        uint32_t others = 0;
        uint32_t wanted = 0;
        uint32_t ended = 0;
        uint64_t sequence = 0;
        tandem_event event = TANDEM_EVENT_INIT;
        while (tandem_event_next(tracker, &event) == TANDEM_OK) {
            wanted += event.type == type;
            ended += event.type == TANDEM_EVENT_ENDED;
            others += event.type != type && event.type != TANDEM_EVENT_ENDED;
            /* Those that are not made do not count. */
            if (event.type != TANDEM_EVENT_CDR) check_equal(event.sequence, ++sequence);
            tandem_event_free(&event);
        }
        check_equal(others, 0);
        check_equal(ended, 1);
        check_equal(wanted, type == TANDEM_EVENT_REQUEST ? 2 : type == TANDEM_EVENT_RESERVED ? 0 : 1);
        tandem_tracker_free(tracker);
    }
}

static void no_events_need_no_draining(void) {
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.events = TANDEM_EVENTS_NONE | TANDEM_EVENT_MASK(TANDEM_EVENT_CDR);
    options.dialog_max = 1;
    tandem_tracker *tracker = make_tracker(&options);
    uint32_t state = 0;
    for (int i = 0; i < 100; i++) {
        const tandem_dialog_id dialog = whole_life(tracker);
        check_equal(tandem_dialog_state(tracker, dialog, &state), TANDEM_E_NOT_FOUND); /* forgotten at once */
    }
    const tandem_dialog_id late = begin_call(tracker, "late", 0);
    check_equal(tandem_tracker_advance(tracker, 200 * SECOND), TANDEM_OK);
    check_equal(tandem_dialog_state(tracker, late, &state), TANDEM_E_NOT_FOUND);
    check_equal(tandem_dialog_end(tracker, begin_call(tracker, "end", 0), TANDEM_END_ADMIN, 0), TANDEM_OK);
    tandem_event event = TANDEM_EVENT_INIT;
    check_equal(tandem_event_next(tracker, &event), TANDEM_E_EMPTY);
    check_equal(statistics_of(tracker).processed, 102);
    check_equal(statistics_of(tracker).events_lost, 0);
    tandem_tracker_free(tracker);
}

static void ended_and_its_record_share_a_sequence(void) {
    tandem_tracker *tracker = make_masked(0);
    confirmed_call(tracker, "c", 0);
    end_call(tracker, "c", 9);
    begin_call(tracker, "d", 10);
    tandem_event event = TANDEM_EVENT_INIT;
    require(take_event(tracker, TANDEM_EVENT_ENDED, &event));
    const tandem_event ended = event;
    tandem_event_free(&event);
    require(tandem_event_next(tracker, &event) == TANDEM_OK);
    check_equal(event.type, TANDEM_EVENT_CDR);
    check(event.dialog == ended.dialog && event.sequence == ended.sequence && event.shard == ended.shard);
    check_equal(event.at_us, 9);
    check(event.cdr != NULL);
    tandem_event_free(&event);
    require(tandem_event_next(tracker, &event) == TANDEM_OK);
    check_equal(event.sequence, ended.sequence + 1);
    tandem_event_free(&event);
    tandem_tracker_free(tracker);
}

static void ended_dialog_is_readable_until_its_record(void) {
    tandem_tracker *tracker = make_masked(0);
    const tandem_dialog_id dialog = confirmed_call(tracker, "c", 0);
    end_call(tracker, "c", 9);
    tandem_event event = TANDEM_EVENT_INIT;
    require(take_event(tracker, TANDEM_EVENT_ENDED, &event));
    tandem_event_free(&event);
    tandem_dialog_info *info = NULL;
    require(tandem_dialog_get(tracker, dialog, &info) == TANDEM_OK);
    check_equal(info->state, TANDEM_STATE_TERMINATED);
    check_equal(info->end_reason, TANDEM_END_CALLER_BYE);
    check(info->ended_us > 0 && info->deadline_us == UINT64_MAX);
    tandem_dialog_info_free(info);
    require(tandem_event_next(tracker, &event) == TANDEM_OK);
    check_equal(event.type, TANDEM_EVENT_CDR);
    check_equal(tandem_dialog_get(tracker, dialog, &info), TANDEM_E_NOT_FOUND);
    tandem_tracker_free(tracker);
    check_text(event.cdr->call_id, "c"); /* the record is the caller's still */
    tandem_event_free(&event);
}

static void without_records_a_dialog_goes_with_the_next_event(void) {
    tandem_tracker *tracker = make_masked(TANDEM_EVENT_MASK(TANDEM_EVENT_CREATED));
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    refuse_call(tracker, "c", 0);
    begin_call(tracker, "d", 0);
    tandem_event event = TANDEM_EVENT_INIT;
    require(take_event(tracker, TANDEM_EVENT_ENDED, &event));
    tandem_event_free(&event);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_TERMINATED);
    require(tandem_event_next(tracker, &event) == TANDEM_OK);
    check_equal(event.type, TANDEM_EVENT_CREATED);
    tandem_event_free(&event);
    uint32_t state = 0;
    check_equal(tandem_dialog_state(tracker, dialog, &state), TANDEM_E_NOT_FOUND);
    tandem_tracker_free(tracker);
}

static void lost_events_leave_a_gap(void) {
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.shards = 1;
    options.event_max = 3;
    tandem_tracker *tracker = make_tracker(&options);
    confirmed_call(tracker, "c", 0);                                              /* 1 to 4, of which the 4th is lost */
    for (uint32_t i = 1; i <= 5; i++) feed(tracker, from_bob("c", TANDEM_METHOD_INFO, i), 0); /* 5 to 9, lost */
    tandem_dialog_id dialog = 0;
    require(tandem_dialog_find(tracker, tandem_str_of("c"), tandem_str_of("a"), tandem_str_of(""), &dialog) == 0);
    check_equal(tandem_dialog_request_end(tracker, dialog, TANDEM_END_ADMIN, 0), TANDEM_OK); /* 10, never lost */
    end_call(tracker, "c", 0);                                                    /* 11 lost, 12 never */
    check_equal(statistics_of(tracker).events_lost, 7);
    static const uint64_t sequences[] = {1, 2, 3, 10, 12, 12};
    static const uint32_t types[] = {TANDEM_EVENT_CREATED, TANDEM_EVENT_EARLY, TANDEM_EVENT_CONFIRMED,
                                     TANDEM_EVENT_END_DUE, TANDEM_EVENT_ENDED, TANDEM_EVENT_CDR};
    tandem_event event = TANDEM_EVENT_INIT;
    for (int i = 0; i < 6; i++) {
        check_equal(tandem_event_next(tracker, &event), TANDEM_OK);
        check_equal(event.type, types[i]);
        check_equal(event.sequence, sequences[i]);
        tandem_event_free(&event);
    }
    check_equal(tandem_event_next(tracker, &event), TANDEM_E_EMPTY);
    begin_call(tracker, "d", 0); /* there is room again */
    require(tandem_event_next(tracker, &event) == TANDEM_OK);
    check_equal(event.sequence, 13);
    tandem_event_free(&event);
    tandem_tracker_free(tracker);
}

static void host_that_never_drains_is_told_full(void) {
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.dialog_max = 100;
    options.event_max = 2;
    tandem_tracker *tracker = make_tracker(&options);
    char call_id[32];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 100; i++) {
            snprintf(call_id, sizeof(call_id), "c%d.%d", round, i);
            confirmed_call(tracker, call_id, 0);
            end_call(tracker, call_id, 0);
        }
        for (int i = 0; i < 10; i++) {
            const tandem_message invite = invite_of("more");
            check_equal(tandem_tracker_feed(tracker, &invite, 0, NULL), TANDEM_E_FULL);
        }
        uint32_t ends = 0;
        uint32_t records = 0;
        tandem_event event = TANDEM_EVENT_INIT;
        while (tandem_event_next(tracker, &event) == TANDEM_OK) {
            ends += event.type == TANDEM_EVENT_ENDED;
            records += event.type == TANDEM_EVENT_CDR;
            tandem_event_free(&event);
        }
        check_equal(ends, 100);
        check_equal(records, 100);
    }
    check_equal(statistics_of(tracker).processed, 300);
    check_equal(statistics_of(tracker).refused, 30);
    tandem_tracker_free(tracker);
}

static void each_shard_counts(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    char call_id[32];
    for (int i = 0; i < 200; i++) {
        snprintf(call_id, sizeof(call_id), "c%d", i);
        confirmed_call(tracker, call_id, 0);
        end_call(tracker, call_id, 0);
    }
    uint64_t sequences[16] = {0};
    tandem_event event = TANDEM_EVENT_INIT;
    uint32_t count = 0;
    for (; tandem_event_next(tracker, &event) == TANDEM_OK; count++) {
        require(event.shard < 16);
        check_equal(event.sequence, sequences[event.shard] + (event.type == TANDEM_EVENT_CDR ? 0 : 1));
        sequences[event.shard] = event.sequence;
        tandem_event_free(&event);
    }
    check_equal(count, 200 * 7);
    tandem_tracker_free(tracker);
}

static void next_checks_its_arguments(void) {
    tandem_tracker *tracker = make_masked(0);
    begin_call(tracker, "c", 0);
    tandem_event event = TANDEM_EVENT_INIT;
    check_equal(tandem_event_next(NULL, &event), TANDEM_E_INVALID);
    check_equal(tandem_event_next(tracker, NULL), TANDEM_E_INVALID);
    /* No host was compiled with less than this: there is no room for what has to be freed. */
    for (uint32_t size = 0; size < sizeof(event); size++) {
        event.size = size;
        check_equal(tandem_event_next(tracker, &event), TANDEM_E_INVALID);
    }
    struct {
        tandem_event event;
        uint64_t more;
    } newer = {TANDEM_EVENT_INIT, 7};
    newer.event.size = sizeof(newer);
    check_equal(tandem_event_next(tracker, &newer.event), TANDEM_OK);
    check_equal(newer.event.type, TANDEM_EVENT_CREATED);
    check_equal(newer.event.size, sizeof(newer));
    check_equal(newer.more, 7);
    refuse_call(tracker, "c", 0);
    while (tandem_event_next(tracker, &newer.event) == TANDEM_OK) tandem_event_free(&newer.event);
    check_equal(newer.event.size, sizeof(newer));
    tandem_tracker_free(tracker);
}

static void free_may_be_repeated(void) {
    tandem_event_free(NULL);
    tandem_event event = TANDEM_EVENT_INIT;
    tandem_event_free(&event);
    memset(&event, 0, sizeof(event)); /* of no size */
    tandem_event_free(&event);
    tandem_tracker *tracker = make_masked(0);
    whole_life(tracker);
    event = (tandem_event)TANDEM_EVENT_INIT;
    while (tandem_event_next(tracker, &event) == TANDEM_OK) {
        tandem_event_free(&event);
        tandem_event_free(&event);
        check(event.cdr == NULL && event.owner == NULL && event.name.size == 0);
        check_equal(event.size, sizeof(event));
    }
    tandem_event_free(&event); /* after an empty queue too */
    tandem_tracker_free(tracker);
}

static const test tests[] = {
    {"event: those of a dialog come in order, the record last", events_come_in_order},
    {"event: says when, where, who and what", event_says_what_happened},
    {"event: a change says the name, the value and the direction, and outlives the tracker", changes_say_what_changed},
    {"event: types that are masked out are not made, but ENDED", masked_out_types_are_not_made},
    {"event: without events nothing has to be drained", no_events_need_no_draining},
    {"event: ENDED and its CDR share a sequence", ended_and_its_record_share_a_sequence},
    {"event: an ended dialog is readable until its record is taken", ended_dialog_is_readable_until_its_record},
    {"event: without records a dialog goes with the event after ENDED",
     without_records_a_dialog_goes_with_the_next_event},
    {"event: beyond event_max they are lost, counted and seen as a gap, but the end", lost_events_leave_a_gap},
    {"event: a host that never drains is told FULL, loses no record and goes on", host_that_never_drains_is_told_full},
    {"event: each shard has a sequence without gaps", each_shard_counts},
    {"event: next checks its arguments", next_checks_its_arguments},
    {"event: free may be repeated", free_may_be_repeated},
};
SUITE(event_suite, tests);
