/* tandem/dialog.h: what is known of a set, and how it is found. */
#include <stdio.h>
#include <string.h>
#include "call.h"
#include "suite.h"

static void info_is_all_that_is_known(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const int64_t utc_us = INT64_C(1700000000000000);
    check_equal(tandem_tracker_set_clock(tracker, 0, utc_us), TANDEM_OK);
    tandem_leg leg = TANDEM_LEG_INIT;
    leg.source = tandem_str_of("192.0.2.9:5060");
    leg.trunk = tandem_str_of("carrier");
    leg.user_data = UINT64_MAX;
    const tandem_message invite = invite_of("call");
    tandem_dialog_id dialog = 0;
    require(tandem_tracker_feed_invite(tracker, &invite, &leg, 10, &dialog) == TANDEM_OK);
    feed(tracker, answer_of("call", 180), 20);
    tandem_message ok = answer_of("call", 200);
    ok.reason = tandem_str_of("Q.850;cause=16");
    feed(tracker, ok, 30);
    feed(tracker, from_alice("call", TANDEM_METHOD_ACK, 1), 40);
    feed(tracker, from_bob("call", TANDEM_METHOD_INFO, 5), 50);

    tandem_dialog_info *info = NULL;
    require(tandem_dialog_get(tracker, dialog, &info) == TANDEM_OK);
    tandem_tracker_free(tracker); /* the copy holds without it */
    check_equal(info->size, sizeof(*info));
    check_equal(info->state, TANDEM_STATE_CONFIRMED);
    check(info->id == dialog);
    check_equal(info->record_id.size, 32);
    for (size_t i = 0; i < info->record_id.size; i++) check(strchr("0123456789abcdef", info->record_id.data[i]));
    check_equal(info->end_reason, TANDEM_END_NONE);
    check_equal(info->sip_code, 200);
    check_equal(info->invite_cseq, 1);
    check_text(info->call_id, "call");
    check_text(info->from_tag, "a");
    check_text(info->from_uri, "sip:alice@a.example");
    check_text(info->to_uri, "sip:bob@b.example");
    check_text(info->request_uri, "sip:bob@next.example");
    check_text(info->target, "sip:alice@192.0.2.1");
    check_text(info->route_set, "<sip:p2.example;lr>,<sip:p1.example;lr>");
    check_text(info->source, "192.0.2.9:5060");
    check_text(info->trunk, "carrier");
    check_equal(info->created_us, utc_us + 10);
    check_equal(info->ringing_us, utc_us + 20);
    check_equal(info->answered_us, utc_us + 30);
    check_equal(info->ended_us, 0);
    check_equal(info->deadline_us, 30 + 43200 * SECOND);
    check(info->user_data == UINT64_MAX);
    require(info->fork_count == 1);
    const tandem_fork fork = info->forks[0];
    check_equal(fork.state, TANDEM_STATE_CONFIRMED);
    check_equal(fork.is_acked, 1);
    check_equal(fork.caller_cseq, 1);
    check_equal(fork.callee_cseq, 5);
    check_text(fork.to_tag, "b");
    check_text(fork.target, "sip:bob@192.0.2.2");
    check_text(fork.route_set, "<sip:p1.example;lr>,<sip:p2.example;lr>");
    tandem_dialog_info_free(info);
    tandem_dialog_info_free(NULL);
}

static void info_of_a_trying_call_is_sparse(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    tandem_dialog_info *info = NULL;
    require(tandem_dialog_get(tracker, dialog, &info) == TANDEM_OK);
    check_equal(info->state, TANDEM_STATE_TRYING);
    check_equal(info->sip_code, 0);
    check_equal(info->ringing_us, 0);
    check_equal(info->answered_us, 0);
    check_equal(info->fork_count, 0);
    check_text(info->source, "");
    check_equal(info->deadline_us, 181 * SECOND);
    tandem_dialog_info_free(info);
    tandem_tracker_free(tracker);
}

static void forks_stand_with_the_answered_one_in_front(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    tandem_message answer = answer_of("c", 183);
    static const char *const tags[] = {"one", "two", "three"};
    for (int i = 0; i < 3; i++) {
        answer.to_tag = tandem_str_of(tags[i]);
        feed(tracker, answer, 0);
    }
    tandem_dialog_info *info = NULL;
    require(tandem_dialog_get(tracker, dialog, &info) == TANDEM_OK && info->fork_count == 3);
    check_text(info->forks[0].to_tag, "three"); /* the latest */
    tandem_dialog_info_free(info);
    answer.to_tag = tandem_str_of("two");
    answer.status = 200;
    feed(tracker, answer, 0);
    require(tandem_dialog_get(tracker, dialog, &info) == TANDEM_OK && info->fork_count == 3);
    check_text(info->forks[0].to_tag, "two");
    check_equal(info->forks[0].state, TANDEM_STATE_CONFIRMED);
    check_equal(info->forks[1].state, TANDEM_STATE_EARLY);
    tandem_dialog_info_free(info);
    tandem_tracker_free(tracker);
}

static void fork_max_leaves_room_for_who_answers(void) {
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.fork_max = 2;
    tandem_tracker *tracker = make_tracker(&options);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    tandem_message answer = answer_of("c", 180);
    static const char *const tags[] = {"one", "two", "three"};
    for (int i = 0; i < 3; i++) {
        answer.to_tag = tandem_str_of(tags[i]);
        feed(tracker, answer, 0);
    }
    tandem_dialog_info *info = NULL;
    require(tandem_dialog_get(tracker, dialog, &info) == TANDEM_OK);
    check_equal(info->fork_count, 2);
    tandem_dialog_info_free(info);
    answer.status = 200; /* of "three" */
    feed(tracker, answer, 0);
    require(tandem_dialog_get(tracker, dialog, &info) == TANDEM_OK && info->fork_count == 2);
    check_text(info->forks[0].to_tag, "three");
    check_equal(info->state, TANDEM_STATE_CONFIRMED);
    tandem_dialog_info_free(info);
    tandem_tracker_free(tracker);
}

/* Every function that takes an id, with that one: not found, and nothing done. */
static void check_not_found(tandem_tracker *tracker, tandem_dialog_id dialog) {
    tandem_dialog_info *info = (tandem_dialog_info *)&info;
    uint32_t number = 0;
    int64_t sum = 0;
    tandem_value value = tandem_value_integer(1);
    tandem_variables *variables = NULL;
    const tandem_str name = tandem_str_of("name");
    const tandem_str plain = tandem_str_of("plain");
    const tandem_str none = tandem_str_of("");
    const tandem_profile_request request = {plain, {NULL, 0}, 0};
    check_equal(tandem_dialog_get(tracker, dialog, &info), TANDEM_E_NOT_FOUND);
    check_equal(tandem_dialog_state(tracker, dialog, &number), TANDEM_E_NOT_FOUND);
    check_equal(tandem_dialog_set_timeout(tracker, dialog, TANDEM_TIMER_EARLY, 1), TANDEM_E_NOT_FOUND);
    check_equal(tandem_dialog_next_cseq(tracker, dialog, TANDEM_SIDE_CALLER, none, &number), TANDEM_E_NOT_FOUND);
    check_equal(tandem_dialog_set_end_reason(tracker, dialog, TANDEM_END_ADMIN), TANDEM_E_NOT_FOUND);
    check_equal(tandem_dialog_end(tracker, dialog, TANDEM_END_ADMIN, 0), TANDEM_E_NOT_FOUND);
    check_equal(tandem_dialog_request_end(tracker, dialog, TANDEM_END_ADMIN, 0), TANDEM_E_NOT_FOUND);
    check_equal(tandem_profile_reserve(tracker, dialog, &request, 1, 0, NULL), TANDEM_E_NOT_FOUND);
    check_equal(tandem_profile_join(tracker, dialog, plain, none, 0), TANDEM_E_NOT_FOUND);
    check_equal(tandem_profile_leave(tracker, dialog, plain, none, 0), TANDEM_E_NOT_FOUND);
    check_equal(tandem_variable_set(tracker, dialog, name, &value, 0), TANDEM_E_NOT_FOUND);
    check_equal(tandem_variable_get(tracker, dialog, name, &value, NULL, 0, NULL), TANDEM_E_NOT_FOUND);
    check_equal(tandem_variable_add(tracker, dialog, name, 1, 0, &sum), TANDEM_E_NOT_FOUND);
    check_equal(tandem_variable_compare_and_set(tracker, dialog, name, NULL, &value, 0), TANDEM_E_NOT_FOUND);
    check_equal(tandem_variable_erase(tracker, dialog, name, 0), TANDEM_E_NOT_FOUND);
    check_equal(tandem_variable_list(tracker, dialog, &variables), TANDEM_E_NOT_FOUND);
    check(variables == NULL);
    tandem_leg leg = TANDEM_LEG_INIT;
    leg.leg_of = dialog;
    const tandem_message invite = invite_of("another leg");
    if (dialog != 0) {
        check_equal(tandem_tracker_feed_invite(tracker, &invite, &leg, 0, NULL), TANDEM_E_NOT_FOUND);
    }
}

static void id_of_nothing_is_not_found(void) {
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.shards = 4;
    tandem_tracker *tracker = make_tracker(&options);
    check_equal(tandem_profile_declare(tracker, tandem_str_of("plain"), NULL), TANDEM_OK);
    const tandem_dialog_id dialog = confirmed_call(tracker, "c", 0);
    check_not_found(tracker, 0);
    for (int bit = 0; bit < 64; bit++) check_not_found(tracker, dialog ^ UINT64_C(1) << bit);
    for (uint64_t shard = 0; shard < 256; shard++) { /* of another shard, or of none */
        const tandem_dialog_id other = (dialog & UINT64_MAX >> 8) | shard << 56;
        if (other != dialog) check_not_found(tracker, other);
    }
    uint64_t random = 88172645463325252;
    for (int i = 0; i < 2000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        check_not_found(tracker, random);
    }
    check_not_found(tracker, UINT64_MAX);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_CONFIRMED);
    tandem_tracker_free(tracker);
}

static void id_is_stale_when_its_record_was_taken(void) {
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.shards = 1;
    tandem_tracker *tracker = make_tracker(&options);
    check_equal(tandem_profile_declare(tracker, tandem_str_of("plain"), NULL), TANDEM_OK);
    const tandem_dialog_id dialog = confirmed_call(tracker, "c", 0);
    end_call(tracker, "c", 0);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_TERMINATED);
    drain(tracker);
    check_not_found(tracker, dialog);
    tandem_dialog_id next = 0;
    for (int i = 0; i < 1000; i++) { /* the place is used again, the id is not */
        next = begin_call(tracker, "c", 0);
        check(next != dialog);
        refuse_call(tracker, "c", 0);
        drain(tracker);
    }
    check_not_found(tracker, dialog);
    check_not_found(tracker, next);
    tandem_tracker_free(tracker);
}

static void bad_arguments_are_refused(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = confirmed_call(tracker, "c", 0);
    const tandem_str none = tandem_str_of("");
    tandem_dialog_info *info = NULL;
    tandem_dialog_id found = 0;
    uint32_t number = 0;
    uint64_t cursor = 0;
    check_equal(tandem_dialog_get(NULL, dialog, &info), TANDEM_E_INVALID);
    check_equal(tandem_dialog_get(tracker, dialog, NULL), TANDEM_E_INVALID);
    check_equal(tandem_dialog_state(NULL, dialog, &number), TANDEM_E_INVALID);
    check_equal(tandem_dialog_state(tracker, dialog, NULL), TANDEM_E_INVALID);
    check_equal(tandem_dialog_find(NULL, none, none, none, &found), TANDEM_E_INVALID);
    check_equal(tandem_dialog_find(tracker, none, none, none, NULL), TANDEM_E_INVALID);
    check_equal(tandem_dialog_find(tracker, NO_DATA, none, none, &found), TANDEM_E_INVALID);
    check_equal(tandem_dialog_find(tracker, none, NO_DATA, none, &found), TANDEM_E_INVALID);
    check_equal(tandem_dialog_find(tracker, none, none, NO_DATA, &found), TANDEM_E_INVALID);
    check_equal(tandem_dialog_list(NULL, &cursor, &found, 1, &number), TANDEM_E_INVALID);
    check_equal(tandem_dialog_list(tracker, NULL, &found, 1, &number), TANDEM_E_INVALID);
    check_equal(tandem_dialog_list(tracker, &cursor, NULL, 1, &number), TANDEM_E_INVALID);
    check_equal(tandem_dialog_list(tracker, &cursor, &found, 0, &number), TANDEM_E_INVALID);
    check_equal(tandem_dialog_list(tracker, &cursor, &found, 1, NULL), TANDEM_E_INVALID);
    check_equal(tandem_dialog_set_timeout(NULL, dialog, TANDEM_TIMER_EARLY, 1), TANDEM_E_INVALID);
    check_equal(tandem_dialog_set_timeout(tracker, dialog, TANDEM_TIMER_BYE + 1, 1), TANDEM_E_INVALID);
    check_equal(tandem_dialog_set_timeout(tracker, dialog, UINT32_MAX, 1), TANDEM_E_INVALID);
    check_equal(tandem_dialog_set_timeout(tracker, dialog, TANDEM_TIMER_BYE, UINT64_MAX - 1), TANDEM_E_INVALID);
    check_equal(tandem_dialog_set_timeout(tracker, dialog, TANDEM_TIMER_BYE, TANDEM_NO_TIMEOUT), TANDEM_E_INVALID);
    check_equal(tandem_dialog_set_timeout(tracker, dialog, TANDEM_TIMER_EARLY, TANDEM_NO_TIMEOUT), TANDEM_E_INVALID);
    check_equal(tandem_dialog_set_timeout(tracker, dialog, TANDEM_TIMER_NO_ACK, TANDEM_NO_TIMEOUT), TANDEM_E_INVALID);
    check_equal(tandem_dialog_next_cseq(NULL, dialog, 0, none, &number), TANDEM_E_INVALID);
    check_equal(tandem_dialog_next_cseq(tracker, dialog, 2, none, &number), TANDEM_E_INVALID);
    check_equal(tandem_dialog_next_cseq(tracker, dialog, UINT32_MAX, none, &number), TANDEM_E_INVALID);
    check_equal(tandem_dialog_next_cseq(tracker, dialog, 0, NO_DATA, &number), TANDEM_E_INVALID);
    check_equal(tandem_dialog_next_cseq(tracker, dialog, 0, none, NULL), TANDEM_E_INVALID);
    static const uint32_t reasons[] = {TANDEM_END_NONE, TANDEM_END_RESTART + 1, 255, 256, UINT32_MAX};
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        check_equal(tandem_dialog_set_end_reason(tracker, dialog, reasons[i]), TANDEM_E_INVALID);
        check_equal(tandem_dialog_end(tracker, dialog, reasons[i], 0), TANDEM_E_INVALID);
        check_equal(tandem_dialog_request_end(tracker, dialog, reasons[i], 0), TANDEM_E_INVALID);
    }
    check_equal(tandem_dialog_set_end_reason(NULL, dialog, TANDEM_END_ADMIN), TANDEM_E_INVALID);
    check_equal(tandem_dialog_end(NULL, dialog, TANDEM_END_ADMIN, 0), TANDEM_E_INVALID);
    check_equal(tandem_dialog_end(tracker, dialog, TANDEM_END_ADMIN, NOW_MAX + 1), TANDEM_E_INVALID);
    check_equal(tandem_dialog_request_end(NULL, dialog, TANDEM_END_ADMIN, 0), TANDEM_E_INVALID);
    check_equal(tandem_dialog_request_end(tracker, dialog, TANDEM_END_ADMIN, UINT64_MAX), TANDEM_E_INVALID);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_CONFIRMED);
    tandem_tracker_free(tracker);
}

static tandem_dialog_id find(tandem_tracker *tracker, const char *call_id, const char *tag_a, const char *tag_b) {
    tandem_dialog_id dialog = 77;
    const tandem_status status = tandem_dialog_find(tracker, tandem_str_of(call_id), tandem_str_of(tag_a),
                                                    tandem_str_of(tag_b), &dialog);
    check(status == (dialog != 0 ? TANDEM_OK : TANDEM_E_NOT_FOUND));
    return dialog;
}

static void find_takes_tags_in_either_order(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = ringing_call(tracker, "c", 0);
    check(find(tracker, "c", "a", "b") == dialog);
    check(find(tracker, "c", "b", "a") == dialog);
    check(find(tracker, "c", "a", NULL) == dialog);
    check_equal(find(tracker, "c", "b", NULL), 0);
    check_equal(find(tracker, "c", "a", "x"), 0);
    check_equal(find(tracker, "c", "x", "b"), 0);
    check_equal(find(tracker, "C", "a", "b"), 0);
    check_equal(find(tracker, "", "", ""), 0);
    refuse_call(tracker, "c", 0);
    check_equal(find(tracker, "c", "a", NULL), 0); /* it is there, and not live */
    check_equal(state_of(tracker, dialog), TANDEM_STATE_TERMINATED);
    tandem_tracker_free(tracker);
}

static void list_brings_every_live_set_once(void) {
    enum { count = 1000 };
    tandem_tracker *tracker = make_tracker(NULL);
    static tandem_dialog_id dialogs[count];
    static int seen[count];
    memset(seen, 0, sizeof(seen));
    char call_id[16];
    for (int i = 0; i < count; i++) {
        snprintf(call_id, sizeof(call_id), "c%d", i);
        dialogs[i] = begin_call(tracker, call_id, 0);
    }
    for (int i = 0; i < count; i += 5) {
        snprintf(call_id, sizeof(call_id), "c%d", i);
        refuse_call(tracker, call_id, 0);
    }
    uint64_t cursor = 0;
    int pages = 0;
    do {
        tandem_dialog_id ids[7];
        uint32_t listed = 77;
        require(tandem_dialog_list(tracker, &cursor, ids, 7, &listed) == TANDEM_OK);
        require(listed <= 7);
        for (uint32_t k = 0; k < listed; k++) {
            for (int i = 0; i < count; i++) seen[i] += dialogs[i] == ids[k];
        }
        if (++pages == 20) { /* others come and go meanwhile */
            for (int i = 0; i < 100; i++) {
                snprintf(call_id, sizeof(call_id), "late%d", i);
                begin_call(tracker, call_id, 0);
                if (i % 2 == 0) refuse_call(tracker, call_id, 0);
                if (i == 50) drain(tracker);
            }
        }
    } while (cursor != 0);
    for (int i = 0; i < count; i++) check_equal(seen[i], i % 5 == 0 ? 0 : 1);
    tandem_tracker_free(tracker);
}

static void list_takes_any_cursor(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    for (int i = 0; i < 20; i++) {
        char call_id[16];
        snprintf(call_id, sizeof(call_id), "c%d", i);
        begin_call(tracker, call_id, 0);
    }
    uint64_t random = 88172645463325252;
    for (int i = 0; i < 5000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        uint64_t cursor = i % 2 ? random : random >> 28; /* far beyond, or near a shard */
        tandem_dialog_id ids[3];
        uint32_t count = 0;
        const tandem_status status = tandem_dialog_list(tracker, &cursor, ids, 3, &count);
        check(status == TANDEM_OK || status == TANDEM_E_INVALID);
        check(status != TANDEM_OK || count <= 3);
    }
    uint64_t cursor = 0;
    tandem_dialog_id ids[20];
    uint32_t count = 0;
    check_equal(tandem_dialog_list(tracker, &cursor, ids, 100001, &count), TANDEM_E_INVALID);
    check_equal(tandem_dialog_list(tracker, &cursor, ids, 100000, &count), TANDEM_OK); /* no more than there are */
    check_equal(count, 20);
    check_equal(cursor, 0);
    tandem_tracker_free(tracker);
}

static void empty_tracker_lists_nothing(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    uint64_t cursor = 0;
    tandem_dialog_id id = 0;
    uint32_t count = 77;
    check_equal(tandem_dialog_list(tracker, &cursor, &id, 1, &count), TANDEM_OK);
    check_equal(count, 0);
    check_equal(cursor, 0);
    tandem_tracker_free(tracker);
}

static const test tests[] = {
    {"dialog: an info is a copy of all that is known, and outlives the tracker", info_is_all_that_is_known},
    {"dialog: an info of a trying call has no answers", info_of_a_trying_call_is_sparse},
    {"dialog: the answered fork stands in front, before it the latest early one",
     forks_stand_with_the_answered_one_in_front},
    {"dialog: a fork beyond fork_max counts when it answers", fork_max_leaves_room_for_who_answers},
    {"dialog: an id of nothing is not found by any function", id_of_nothing_is_not_found},
    {"dialog: an id is stale once its record was taken", id_is_stale_when_its_record_was_taken},
    {"dialog: NULL and what is out of range are refused", bad_arguments_are_refused},
    {"find: takes the tags in either order, and live sets alone", find_takes_tags_in_either_order},
    {"list: brings every live set once, whatever comes and goes", list_brings_every_live_set_once},
    {"list: takes any cursor", list_takes_any_cursor},
    {"list: an empty tracker has one empty page", empty_tracker_lists_nothing},
};
SUITE(dialog_suite, tests);
