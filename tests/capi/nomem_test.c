/* Every function at the end of memory: the Nth block is refused, for every N. The answer is a status, and what the host
   does then, to try again or to let go, leaves one record for each call and nothing behind. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "call.h"
#include "suite.h"

/* Memory of this program is that of the C library, which C++ asks too. */
extern void *__libc_malloc(size_t size);

static _Thread_local long blocks_left = -1; /* until one is refused; below 0: all are given */
static _Thread_local int is_for_good;       /* all that follow are refused too */
static _Thread_local int is_refused;        /* one was */

TANDEM_API void *malloc(size_t size) { /* seen by the libraries, as what they export is */
    if (blocks_left < 0) return __libc_malloc(size);
    if (blocks_left > 0) {
        blocks_left--;
        return __libc_malloc(size);
    }
    if (!is_for_good) blocks_left = -1;
    is_refused = 1;
    return NULL;
}

static void refuse_block(long number, int and_all_after) {
    blocks_left = number;
    is_for_good = and_all_after;
    is_refused = 0;
}

/* Ends the shortage, and answers whether there was one. */
static int memory_is_back(void) {
    blocks_left = -1;
    return is_refused;
}

static const tandem_str plain = {"plain", 5};
static const tandem_str user = {"user", 4};
static const tandem_str none = {NULL, 0};

static tandem_tracker *make_world(void) {
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.shards = 1;
    options.indexed_variables = &user;
    options.indexed_variable_count = 1;
    tandem_tracker *tracker = make_tracker(&options);
    tandem_profile_options profile = TANDEM_PROFILE_OPTIONS_INIT;
    require(tandem_profile_declare(tracker, plain, &profile) == TANDEM_OK);
    profile.has_values = 1;
    require(tandem_profile_declare(tracker, user, &profile) == TANDEM_OK);
    return tracker;
}

/* One thing that a host does; it may answer NOMEM. */
typedef struct act {
    const char *name;
    tandem_status (*run)(tandem_tracker *tracker, tandem_dialog_id dialog);
    uint32_t state; /* of the call that it is done to; TERMINATED: there is none yet */
    uint32_t after; /* its state when it is done */
    int is_whole;   /* it is done, or nothing has changed; of a message a part may have been taken */
} act;

static tandem_status feed_message(tandem_tracker *tracker, tandem_message message) {
    return tandem_tracker_feed(tracker, &message, SECOND, NULL);
}

static tandem_status feed_invite(tandem_tracker *tracker, tandem_dialog_id dialog) {
    (void)dialog;
    return feed_message(tracker, invite_of("c"));
}
static tandem_status feed_ringing(tandem_tracker *tracker, tandem_dialog_id dialog) {
    (void)dialog;
    return feed_message(tracker, answer_of("c", 180));
}
static tandem_status feed_answer(tandem_tracker *tracker, tandem_dialog_id dialog) {
    (void)dialog;
    return feed_message(tracker, answer_of("c", 200));
}
static tandem_status feed_refusal(tandem_tracker *tracker, tandem_dialog_id dialog) {
    (void)dialog;
    return feed_message(tracker, answer_of("c", 486));
}
static tandem_status feed_ack(tandem_tracker *tracker, tandem_dialog_id dialog) {
    (void)dialog;
    return feed_message(tracker, from_alice("c", TANDEM_METHOD_ACK, 1));
}
static tandem_status feed_update(tandem_tracker *tracker, tandem_dialog_id dialog) {
    (void)dialog;
    tandem_message update = from_alice("c", TANDEM_METHOD_UPDATE, 2);
    update.contact_uri = tandem_str_of("sip:alice@192.0.2.77");
    const tandem_status status = feed_message(tracker, update);
    return status == TANDEM_OK ? feed_message(tracker, answer_to(&update, 200)) : status;
}
static tandem_status feed_bye(tandem_tracker *tracker, tandem_dialog_id dialog) {
    (void)dialog;
    tandem_message bye = from_alice("c", TANDEM_METHOD_BYE, 3);
    bye.reason = tandem_str_of("SIP;cause=200,Q.850;cause=16");
    const tandem_status status = feed_message(tracker, bye);
    return status == TANDEM_OK ? feed_message(tracker, answer_to(&bye, 200)) : status;
}
static tandem_status advance(tandem_tracker *tracker, tandem_dialog_id dialog) {
    (void)dialog;
    return tandem_tracker_advance(tracker, 100000 * SECOND);
}
static tandem_status end(tandem_tracker *tracker, tandem_dialog_id dialog) {
    return tandem_dialog_end(tracker, dialog, TANDEM_END_ADMIN, SECOND);
}
static tandem_status request_end(tandem_tracker *tracker, tandem_dialog_id dialog) {
    return tandem_dialog_request_end(tracker, dialog, TANDEM_END_ADMIN, SECOND);
}
static tandem_status end_members(tandem_tracker *tracker, tandem_dialog_id dialog) {
    (void)dialog;
    return tandem_profile_end_members(tracker, plain, NULL, TANDEM_END_ADMIN, SECOND, NULL);
}
static tandem_status set_timeout(tandem_tracker *tracker, tandem_dialog_id dialog) {
    return tandem_dialog_set_timeout(tracker, dialog, TANDEM_TIMER_EARLY, 1);
}
static tandem_status reserve(tandem_tracker *tracker, tandem_dialog_id dialog) {
    const tandem_profile_request requests[] = {{plain, none, 0}, {user, {"a longer value than a string holds", 34}, 0}};
    return tandem_profile_reserve(tracker, dialog, requests, 2, SECOND, NULL);
}
static tandem_status leave(tandem_tracker *tracker, tandem_dialog_id dialog) {
    return tandem_profile_leave(tracker, dialog, plain, none, SECOND);
}
static tandem_status set_variable(tandem_tracker *tracker, tandem_dialog_id dialog) {
    const tandem_value value = tandem_value_text(tandem_str_of("a text that no string holds in itself"));
    return tandem_variable_set(tracker, dialog, user, &value, SECOND);
}
static tandem_status add_to_variable(tandem_tracker *tracker, tandem_dialog_id dialog) {
    return tandem_variable_add(tracker, dialog, plain, 1, SECOND, NULL);
}
static tandem_status exchange_variable(tandem_tracker *tracker, tandem_dialog_id dialog) {
    const tandem_value value = tandem_value_integer(INT64_MAX);
    return tandem_variable_compare_and_set(tracker, dialog, user, NULL, &value, SECOND);
}
/* A challenge of the INVITE, or of a BYE; its number is the same each time that it comes. */
static tandem_status retry(tandem_tracker *tracker, tandem_dialog_id dialog, tandem_message challenge) {
    uint32_t cseq = 0;
    const tandem_status status = tandem_dialog_cseq_retry(tracker, dialog, &challenge, user, &cseq);
    check_equal(cseq, status == TANDEM_OK ? challenge.cseq + 1 : 0);
    return status;
}
static tandem_status retry_invite(tandem_tracker *tracker, tandem_dialog_id dialog) {
    tandem_message challenge = answer_of("c", 407);
    challenge.to_tag = tandem_str_of("challenger");
    return retry(tracker, dialog, challenge);
}
static tandem_status retry_bye(tandem_tracker *tracker, tandem_dialog_id dialog) {
    const tandem_message bye = from_alice("c", TANDEM_METHOD_BYE, 1); /* the last number that was fed */
    return retry(tracker, dialog, answer_to(&bye, 407));
}
/* The answer that makes a dialog of an INVITE that was sent twice. */
static tandem_status translate_answer(tandem_tracker *tracker, tandem_dialog_id dialog) {
    tandem_status status = retry_invite(tracker, dialog);
    tandem_message answer = answer_of("c", 183);
    uint32_t cseq = 0;
    answer.cseq = 2;
    if (status == TANDEM_OK) status = tandem_dialog_cseq_translate(tracker, dialog, &answer, user, &cseq);
    check_equal(cseq, status == TANDEM_OK ? 1 : 0);
    return status;
}
static tandem_status translate_prack(tandem_tracker *tracker, tandem_dialog_id dialog) {
    const tandem_message prack = from_alice("c", TANDEM_METHOD_PRACK, 2);
    uint32_t cseq = 0;
    tandem_status status = translate_answer(tracker, dialog);
    if (status == TANDEM_OK) status = tandem_dialog_cseq_translate(tracker, dialog, &prack, user, &cseq);
    if (status == TANDEM_OK) check_equal(cseq, 3);
    if (status == TANDEM_OK) status = tandem_dialog_rack_translate(tracker, dialog, &prack, 1, &cseq);
    if (status == TANDEM_OK) check_equal(cseq, 2);
    return status;
}
static tandem_status take_number(tandem_tracker *tracker, tandem_dialog_id dialog) {
    uint32_t cseq = 0;
    const tandem_status status = tandem_dialog_cseq_take(tracker, dialog, TANDEM_SIDE_CALLER, none, &cseq);
    check_equal(cseq, status == TANDEM_OK ? 2 : 0); /* a refusal takes none */
    return status;
}
static tandem_status read_dialog(tandem_tracker *tracker, tandem_dialog_id dialog) {
    tandem_dialog_info *info = NULL;
    tandem_variables *variables = NULL;
    tandem_profile_values *page = NULL;
    uint64_t cursor = 0;
    uint32_t count = 0;
    tandem_dialog_id id = 0;
    tandem_audit audit = TANDEM_AUDIT_INIT;
    tandem_status status = tandem_dialog_get(tracker, dialog, &info);
    check((status == TANDEM_OK) == (info != NULL));
    if (status == TANDEM_OK) status = tandem_variable_list(tracker, dialog, &variables);
    if (status == TANDEM_OK) status = tandem_dialog_list(tracker, &cursor, &id, 1, &count);
    cursor = 0;
    if (status == TANDEM_OK) status = tandem_profile_list_members(tracker, plain, NULL, &cursor, &id, 1, &count);
    cursor = 0;
    if (status == TANDEM_OK) status = tandem_profile_list_values(tracker, user, &cursor, 1, &page);
    if (status == TANDEM_OK) status = tandem_tracker_watchdog(tracker, SECOND, 0, &id, 1, &count);
    if (status == TANDEM_OK) status = tandem_tracker_audit(tracker, &audit);
    check(audit.removed == 0 && audit.added == 0 && audit.misplaced == 0);
    tandem_dialog_info_free(info);
    tandem_variables_free(variables);
    tandem_profile_values_free(page);
    return status;
}

static tandem_dialog_id make_call(tandem_tracker *tracker, uint32_t state) {
    if (state == TANDEM_STATE_TERMINATED) return 0;
    const tandem_dialog_id dialog = state == TANDEM_STATE_TRYING       ? begin_call(tracker, "c", 0)
                                    : state == TANDEM_STATE_EARLY      ? ringing_call(tracker, "c", 0)
                                                                       : confirmed_call(tracker, "c", 0);
    require(tandem_profile_join(tracker, dialog, plain, none, 0) == TANDEM_OK);
    const tandem_value value = tandem_value_integer(7);
    require(tandem_variable_set(tracker, dialog, tandem_str_of("other"), &value, 0) == TANDEM_OK);
    return dialog;
}

/* Events of another call wait: the queue of them grows at any of those that the act makes. */
static void fill_queue(tandem_tracker *tracker, uint32_t count) {
    begin_call(tracker, "waiting", 0);
    feed(tracker, answer_of("waiting", 200), 0);
    for (uint32_t i = 0; i < count; i++) feed(tracker, from_bob("waiting", TANDEM_METHOD_INFO, i + 1), 0);
}

/* What follows in any case: time goes by until every call has ended, and all events are taken. One record each. */
static void check_end(tandem_tracker *tracker, const char *name, long block) {
    for (uint64_t now_us = SECOND; now_us < 600000 * SECOND; now_us += 50000 * SECOND) {
        require(tandem_tracker_advance(tracker, now_us) == TANDEM_OK);
    }
    uint32_t records = 0;
    uint64_t sequence = 0;
    int is_gapless = 1;
    tandem_event event = TANDEM_EVENT_INIT;
    while (tandem_event_next(tracker, &event) == TANDEM_OK) {
        records += event.type == TANDEM_EVENT_CDR;
        is_gapless &= event.sequence == sequence + (event.type == TANDEM_EVENT_CDR ? 0 : 1);
        sequence = event.sequence;
        tandem_event_free(&event);
    }
    check(is_gapless);
    const tandem_statistics now = statistics_of(tracker);
    uint32_t members = 77;
    uint32_t overdue = 77;
    require(tandem_profile_size(tracker, plain, &members) == TANDEM_OK);
    require(tandem_tracker_watchdog(tracker, NOW_MAX, 0, NULL, 0, &overdue) == TANDEM_OK);
    tandem_audit audit = TANDEM_AUDIT_INIT;
    require(tandem_tracker_audit(tracker, &audit) == TANDEM_OK);
    const int is_good = records == now.processed && now.early == 0 && now.active == 0 && members == 0 &&
                        overdue == 0 && audit.checked == 0 && audit.removed == 0 && audit.misplaced == 0;
    check(is_good);
    if (is_good) return;
    fprintf(stderr, "    %s, block %ld: records %u of %u, early %u, active %u, members %u, overdue %u\n", name, block,
            records, (unsigned)now.processed, (unsigned)now.early, (unsigned)now.active, members, overdue);
}

static void check_state(tandem_tracker *tracker, const act *what, long block) {
    tandem_dialog_id dialog = 0;
    const tandem_status found = tandem_dialog_find(tracker, tandem_str_of("c"), tandem_str_of("a"), none, &dialog);
    const uint32_t state = found == TANDEM_OK ? state_of(tracker, dialog) : TANDEM_STATE_TERMINATED;
    check_equal(state, what->after);
    if (state != what->after) fprintf(stderr, "    %s, block %ld\n", what->name, block);
}

/* What an act may change of the call "c". */
typedef struct snapshot {
    uint32_t plain_members, user_members, variables;
    int64_t number; /* of the variable "plain" */
} snapshot;

static snapshot look(tandem_tracker *tracker, tandem_dialog_id dialog) {
    snapshot seen;
    tandem_variables *variables = NULL;
    tandem_value value = tandem_value_integer(0);
    memset(&seen, 0, sizeof(seen));
    require(tandem_profile_size(tracker, plain, &seen.plain_members) == TANDEM_OK);
    require(tandem_profile_size(tracker, user, &seen.user_members) == TANDEM_OK);
    require(tandem_variable_list(tracker, dialog, &variables) == TANDEM_OK);
    seen.variables = variables->count;
    tandem_variables_free(variables);
    if (tandem_variable_get(tracker, dialog, plain, &value, NULL, 0, NULL) == TANDEM_OK) seen.number = value.integer;
    return seen;
}

static int is_equal(snapshot a, snapshot b) { return memcmp(&a, &b, sizeof(a)) == 0; }

/* Does it with the Nth block refused, for every N until all are given; then again as often as the host likes. */
static void run_out(const act *what, uint32_t waiting, int and_all_after, int is_tried_again) {
    for (long block = 0; block < 1000; block++) {
        tandem_tracker *tracker = make_world();
        fill_queue(tracker, waiting);
        const tandem_dialog_id dialog = make_call(tracker, what->state);
        const snapshot before = what->is_whole ? look(tracker, dialog) : (snapshot){0, 0, 0, 0};
        refuse_block(block, and_all_after);
        tandem_status status = what->run(tracker, dialog);
        const int was_short = memory_is_back();
        check(status == TANDEM_OK || (status == TANDEM_E_NOMEM && was_short));
        if (what->is_whole) check(is_equal(look(tracker, dialog), before) == (status == TANDEM_E_NOMEM));
        if (status == TANDEM_E_NOMEM && is_tried_again) {
            status = what->run(tracker, dialog);
            /* Part of it may have been taken: then the message is a repeated one, or the thing is done. */
            check(status == TANDEM_OK ||
                  (!what->is_whole && (status == TANDEM_E_NOT_FOUND || status == TANDEM_E_NO_DIALOG)));
            if (what->is_whole) check(look(tracker, dialog).number <= 1); /* what is added is added once */
        }
        if (status == TANDEM_OK) check_state(tracker, what, block);
        check_end(tracker, what->name, block);
        tandem_tracker_free(tracker);
        if (!was_short) return;
    }
    check(!"all blocks are given in the end");
}

static const act acts[] = {
    {"INVITE", feed_invite, TANDEM_STATE_TERMINATED, TANDEM_STATE_TRYING, 0},
    {"180", feed_ringing, TANDEM_STATE_TRYING, TANDEM_STATE_EARLY, 0},
    {"200", feed_answer, TANDEM_STATE_TRYING, TANDEM_STATE_CONFIRMED, 0},
    {"200 after 180", feed_answer, TANDEM_STATE_EARLY, TANDEM_STATE_CONFIRMED, 0},
    {"486", feed_refusal, TANDEM_STATE_EARLY, TANDEM_STATE_TERMINATED, 0},
    {"ACK", feed_ack, TANDEM_STATE_CONFIRMED, TANDEM_STATE_CONFIRMED, 0},
    {"UPDATE", feed_update, TANDEM_STATE_CONFIRMED, TANDEM_STATE_CONFIRMED, 0},
    {"BYE", feed_bye, TANDEM_STATE_CONFIRMED, TANDEM_STATE_TERMINATED, 0},
    {"advance, early", advance, TANDEM_STATE_EARLY, TANDEM_STATE_EARLY, 0},
    {"advance, confirmed", advance, TANDEM_STATE_CONFIRMED, TANDEM_STATE_CONFIRMED, 0},
    {"end, early", end, TANDEM_STATE_EARLY, TANDEM_STATE_TERMINATED, 0},
    {"end, confirmed", end, TANDEM_STATE_CONFIRMED, TANDEM_STATE_TERMINATED, 0},
    {"request_end, early", request_end, TANDEM_STATE_EARLY, TANDEM_STATE_EARLY, 0},
    {"request_end, confirmed", request_end, TANDEM_STATE_CONFIRMED, TANDEM_STATE_CONFIRMED, 0},
    {"end_members, early", end_members, TANDEM_STATE_EARLY, TANDEM_STATE_EARLY, 0},
    {"end_members, confirmed", end_members, TANDEM_STATE_CONFIRMED, TANDEM_STATE_CONFIRMED, 0},
    {"set_timeout", set_timeout, TANDEM_STATE_EARLY, TANDEM_STATE_EARLY, 0},
    {"reserve", reserve, TANDEM_STATE_CONFIRMED, TANDEM_STATE_CONFIRMED, 1},
    {"leave", leave, TANDEM_STATE_CONFIRMED, TANDEM_STATE_CONFIRMED, 1},
    {"set", set_variable, TANDEM_STATE_CONFIRMED, TANDEM_STATE_CONFIRMED, 1},
    {"add", add_to_variable, TANDEM_STATE_CONFIRMED, TANDEM_STATE_CONFIRMED, 1},
    {"compare_and_set", exchange_variable, TANDEM_STATE_CONFIRMED, TANDEM_STATE_CONFIRMED, 1},
    {"cseq_retry, INVITE", retry_invite, TANDEM_STATE_TRYING, TANDEM_STATE_TRYING, 0},
    {"cseq_retry, BYE", retry_bye, TANDEM_STATE_CONFIRMED, TANDEM_STATE_CONFIRMED, 0},
    {"cseq_translate, answer", translate_answer, TANDEM_STATE_TRYING, TANDEM_STATE_TRYING, 0},
    {"cseq_translate, PRACK", translate_prack, TANDEM_STATE_TRYING, TANDEM_STATE_TRYING, 0},
    {"cseq_take", take_number, TANDEM_STATE_CONFIRMED, TANDEM_STATE_CONFIRMED, 0},
    {"read", read_dialog, TANDEM_STATE_CONFIRMED, TANDEM_STATE_CONFIRMED, 0},
};

static void run_all_out(int and_all_after, int is_tried_again) {
    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
        for (uint32_t waiting = 0; waiting < 16; waiting++) {
            run_out(&acts[i], waiting, and_all_after, is_tried_again);
        }
    }
}

static void one_block_is_refused_and_the_host_tries_again(void) { run_all_out(0, 1); }
static void one_block_is_refused_and_the_host_lets_go(void) { run_all_out(0, 0); }
static void memory_ends_and_the_host_tries_again(void) { run_all_out(1, 1); }
static void memory_ends_and_the_host_lets_go(void) { run_all_out(1, 0); }

/* Calls without a lifetime have no timer, and get one for their BYE. */
static void end_that_was_asked_for_comes(void) {
    enum { count = 600 };
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.shards = 1;
    options.lifetime_timeout_ms = TANDEM_NO_TIMEOUT;
    tandem_tracker *tracker = make_tracker(&options);
    tandem_dialog_id dialogs[count];
    char call_id[16];
    for (int i = 0; i < count; i++) {
        snprintf(call_id, sizeof(call_id), "c%d", i);
        dialogs[i] = confirmed_call(tracker, call_id, 0);
    }
    drain(tracker);
    int refused = 0;
    for (int i = 0; i < count; i++) {
        refuse_block(0, 0);
        const tandem_status status = tandem_dialog_request_end(tracker, dialogs[i], TANDEM_END_ADMIN, SECOND);
        const int was_short = memory_is_back();
        check(status == TANDEM_OK || (status == TANDEM_E_NOMEM && was_short));
        if (status != TANDEM_E_NOMEM) continue;
        refused++;
        check_equal(tandem_dialog_request_end(tracker, dialogs[i], TANDEM_END_ADMIN, SECOND), TANDEM_OK);
    }
    check(refused > 0);
    check_equal(tandem_tracker_advance(tracker, 33 * SECOND), TANDEM_OK);
    check_equal(statistics_of(tracker).active, 0);
    check_equal(drain(tracker), 3 * count); /* END_DUE, ENDED, CDR */
    tandem_tracker_free(tracker);
}

/* What was made before memory ended shows in the descriptor. */
static void descriptor_shows_what_was_made(void) {
    enum { calls = 40 };
    int failures = 0;
    for (long block = 0; block < 100; block++) {
        tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
        options.shards = 1;
        options.events = TANDEM_EVENT_MASK(TANDEM_EVENT_END_DUE); /* the queue has never been longer than now */
        tandem_tracker *tracker = make_tracker(&options);
        char call_id[16];
        for (int i = 0; i < calls; i++) {
            snprintf(call_id, sizeof(call_id), "c%d", i);
            begin_call(tracker, call_id, 0);
        }
        struct pollfd events = {-1, POLLIN, 0};
        require(tandem_event_fd(tracker, &events.fd) == TANDEM_OK);
        require(poll(&events, 1, 0) == 0);
        refuse_block(block, 0);
        const tandem_status status = tandem_tracker_advance(tracker, 200 * SECOND);
        const int was_short = memory_is_back();
        const int is_readable = poll(&events, 1, 0) == 1;
        const uint32_t count = drain(tracker);
        check_equal(is_readable, count > 0);
        failures += status == TANDEM_E_NOMEM && count > 0;
        tandem_tracker_free(tracker);
        if (!was_short) break;
    }
    check(failures > 0);
}

static void event_is_taken_or_stays(void) {
    int records = 0;
    for (long block = 0; records < 4; block++) {
        tandem_tracker *tracker = make_world();
        make_call(tracker, TANDEM_STATE_CONFIRMED);
        const tandem_message bye = from_alice("c", TANDEM_METHOD_BYE, 3);
        feed(tracker, bye, SECOND);
        feed(tracker, answer_to(&bye, 200), SECOND);
        uint64_t sequence = 0;
        int has_record = 0;
        int was_short = 0;
        tandem_event event = TANDEM_EVENT_INIT;
        for (;;) {
            refuse_block(block, 0);
            const tandem_status status = tandem_event_next(tracker, &event);
            const int is_short = memory_is_back();
            was_short |= is_short;
            if (status == TANDEM_E_EMPTY) break;
            if (status == TANDEM_E_NOMEM) {
                check(is_short);
                require(tandem_event_next(tracker, &event) == TANDEM_OK); /* nothing was taken */
            }
            has_record += event.type == TANDEM_EVENT_CDR;
            check_equal(event.sequence, sequence + (event.type == TANDEM_EVENT_CDR ? 0 : 1));
            sequence = event.sequence;
            tandem_event_free(&event);
        }
        check_equal(has_record, 1);
        records += !was_short;
        tandem_tracker_free(tracker);
    }
}

static void tracker_is_made_or_not(void) {
    for (long block = 0; block < 10000; block++) {
        tandem_tracker *tracker = NULL;
        refuse_block(block, 0);
        const tandem_status status = tandem_tracker_new(NULL, 0, &tracker);
        const int was_short = memory_is_back();
        check(status == TANDEM_OK || (status == TANDEM_E_NOMEM && was_short));
        check((status == TANDEM_OK) == (tracker != NULL));
        check(block > 0 || status == TANDEM_E_NOMEM);
        tandem_tracker_free(tracker);
        if (!was_short) return;
    }
    check(!"all blocks are given in the end");
}

static void record_becomes_json_or_not(void) {
    tandem_tracker *tracker = make_world();
    const tandem_dialog_id dialog = make_call(tracker, TANDEM_STATE_EARLY);
    require(reserve(tracker, dialog) == TANDEM_OK && set_variable(tracker, dialog) == TANDEM_OK);
    refuse_call(tracker, "c", SECOND);
    tandem_event event = TANDEM_EVENT_INIT;
    require(take_event(tracker, TANDEM_EVENT_CDR, &event));
    for (long block = 0; block < 1000; block++) {
        char json[4096];
        refuse_block(block, 0);
        const tandem_status status = tandem_cdr_json(event.cdr, json, sizeof(json), NULL);
        const int was_short = memory_is_back();
        check(status == TANDEM_OK || (status == TANDEM_E_NOMEM && was_short));
        if (!was_short) break;
    }
    tandem_event_free(&event);
    tandem_tracker_free(tracker);
}

/* What a host does with a bus; again is all it has to do where memory has ended. */
typedef enum bus_act { BUS_TELL, BUS_LISTEN, BUS_WAIT, BUS_TAKE, BUS_TAKE_END } bus_act;

static tandem_status act_on_bus(bus_act act, tandem_bus *bus, tandem_subscriber_id me, uint64_t *taken) {
    tandem_notice notice = TANDEM_NOTICE_INIT;
    tandem_filter filter = TANDEM_FILTER_INIT;
    tandem_bus_event event = TANDEM_BUS_EVENT_INIT;
    const tandem_field fields[] = {{{"key", 3}, {"a value that is too long to stand in the string itself", 54}}};
    const uint64_t since = 0;
    tandem_status status = TANDEM_OK;
    notice.name = filter.name = plain;
    notice.fields = filter.keys = fields;
    notice.field_count = filter.key_count = 1;
    switch (act) {
    case BUS_TELL: return tandem_bus_notify(bus, &notice, 1, NULL);
    case BUS_LISTEN: return tandem_bus_subscribe(bus, me, &filter, 0, &since, 1, NULL);
    case BUS_WAIT: return tandem_bus_wait(bus, &filter, 1000, NULL, 7, 1, NULL);
    case BUS_TAKE: status = tandem_bus_next(bus, me, &event); break;
    default: status = tandem_bus_next_end(bus, &event); break;
    }
    if (status == TANDEM_OK) *taken = event.sequence;
    tandem_bus_event_free(&event);
    return status;
}

/* Two events and a wait, then what the subscriber hears and the wait; each step short of memory. */
static void bus_tells_each_event_once(void) {
    static const bus_act steps[] = {BUS_TELL, BUS_LISTEN, BUS_WAIT, BUS_TELL, BUS_TAKE, BUS_TAKE, BUS_TAKE_END};
    static const uint64_t numbers[] = {0, 0, 0, 0, 1, 2, 2};
    for (size_t scarce = 0; scarce < sizeof steps / sizeof steps[0]; scarce++) {
        for (long block = 0;; block++) {
            tandem_bus *bus = NULL;
            tandem_subscriber_id me = 0;
            int was_short = 0;
            require(tandem_bus_new(NULL, 0, &bus) == TANDEM_OK && tandem_bus_join(bus, &me) == TANDEM_OK);
            for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
                uint64_t taken = 0;
                if (i == scarce) refuse_block(block, 0);
                tandem_status status = act_on_bus(steps[i], bus, me, &taken);
                if (i == scarce) was_short = memory_is_back();
                if (status == TANDEM_E_NOMEM) status = act_on_bus(steps[i], bus, me, &taken);
                check_equal(status, TANDEM_OK);
                check_equal(taken, numbers[i]);
            }
            check_equal(act_on_bus(BUS_TAKE, bus, me, &(uint64_t){0}), TANDEM_E_EMPTY);
            check_equal(act_on_bus(BUS_TAKE_END, bus, me, &(uint64_t){0}), TANDEM_E_EMPTY);
            tandem_bus_free(bus);
            if (!was_short) break;
            require(block < 1000);
        }
    }
}

static const test tests[] = {
    {"nomem: a bus tells each event once", bus_tells_each_event_once},
    {"nomem: one block is refused, and the host tries again", one_block_is_refused_and_the_host_tries_again},
    {"nomem: one block is refused, and the host lets go", one_block_is_refused_and_the_host_lets_go},
    {"nomem: memory ends, and the host tries again when it is back", memory_ends_and_the_host_tries_again},
    {"nomem: memory ends, and the host lets go", memory_ends_and_the_host_lets_go},
    {"nomem: an end that was asked for comes", end_that_was_asked_for_comes},
    {"nomem: an event is taken or stays", event_is_taken_or_stays},
    {"nomem: the descriptor shows the events that were made", descriptor_shows_what_was_made},
    {"nomem: a tracker is made or not", tracker_is_made_or_not},
    {"nomem: a record becomes JSON or not", record_becomes_json_or_not},
};
SUITE(nomem_suite, tests);
