/* tandem/tracker.h: options, messages and counts. Time stands in time_test.c, legs in leg_test.c. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "call.h"
#include "suite.h"

static tandem_status new_with(const tandem_tracker_options *options) {
    tandem_tracker *tracker = NULL;
    const tandem_status status = tandem_tracker_new(options, 0, &tracker);
    check((status == TANDEM_OK) == (tracker != NULL));
    if (tracker) {
        confirmed_call(tracker, "c", 0);
        end_call(tracker, "c", 0);
    }
    tandem_tracker_free(tracker);
    return status;
}

static void options_have_defaults(void) {
    const tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    check_equal(new_with(NULL), TANDEM_OK);
    check_equal(new_with(&options), TANDEM_OK);
}

static void options_out_of_range_are_refused(void) {
    tandem_tracker *tracker = NULL;
    check_equal(tandem_tracker_new(NULL, NOW_MAX + 1, &tracker), TANDEM_E_INVALID);
    check_equal(tandem_tracker_new(NULL, 0, NULL), TANDEM_E_INVALID);

    static const uint32_t wrong_shards[] = {3, 6, 257, 512, UINT32_MAX};
    for (size_t i = 0; i < sizeof(wrong_shards) / sizeof(wrong_shards[0]); i++) {
        tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
        options.shards = wrong_shards[i];
        check_equal(new_with(&options), TANDEM_E_INVALID);
        check(strstr(tandem_last_error(), "shards"));
    }
    for (uint32_t shards = 1; shards <= 256; shards *= 2) {
        tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
        options.shards = shards;
        check_equal(new_with(&options), TANDEM_OK);
    }
    static const size_t timeouts[] = {
        offsetof(tandem_tracker_options, early_timeout_ms), offsetof(tandem_tracker_options, no_ack_timeout_ms),
        offsetof(tandem_tracker_options, lifetime_timeout_ms), offsetof(tandem_tracker_options, bye_timeout_ms)};
    for (size_t i = 0; i < 4; i++) {
        tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
        uint64_t timeout_ms = UINT64_C(101) * 366 * 24 * 3600 * 1000;
        memcpy((char *)&options + timeouts[i], &timeout_ms, sizeof(timeout_ms));
        check_equal(new_with(&options), TANDEM_E_INVALID);
        check(strstr(tandem_last_error(), "timeout"));
        timeout_ms = UINT64_C(100) * 365 * 24 * 3600 * 1000;
        memcpy((char *)&options + timeouts[i], &timeout_ms, sizeof(timeout_ms));
        check_equal(new_with(&options), TANDEM_OK);
        timeout_ms = TANDEM_NO_TIMEOUT; /* of the lifetime alone */
        memcpy((char *)&options + timeouts[i], &timeout_ms, sizeof(timeout_ms));
        check_equal(new_with(&options),
                    timeouts[i] == offsetof(tandem_tracker_options, lifetime_timeout_ms) ? TANDEM_OK
                                                                                         : TANDEM_E_INVALID);
    }
}

static void bounds_may_be_as_large_as_their_type(void) {
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.dialog_max = options.event_max = options.fork_max = UINT32_MAX;
    options.variable_max = options.variable_bytes_max = options.profile_value_max = UINT32_MAX;
    check_equal(new_with(&options), TANDEM_OK);
    options.events = UINT32_MAX & ~TANDEM_EVENTS_NONE; /* types that nobody knows yet */
    check_equal(new_with(&options), TANDEM_OK);
}

static void indexed_variables_are_checked(void) {
    char name[66];
    memset(name, 'n', sizeof(name));
    const tandem_str wrong[] = {tandem_str_of(""),    NO_DATA,           tandem_str_of("a b"), tandem_str_of("a=b"),
                                tandem_str_of("a\n"), {name, 65}, {"\xc3\xa4", 2},     {"a\0b", 3}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
        options.indexed_variables = &wrong[i];
        options.indexed_variable_count = 1;
        check_equal(new_with(&options), TANDEM_E_INVALID);
        check(strstr(tandem_last_error(), "indexed_variables"));
    }
    tandem_str names[65];
    char texts[65][4];
    for (int i = 0; i < 65; i++) {
        snprintf(texts[i], sizeof(texts[i]), "v%d", i);
        names[i] = tandem_str_of(texts[i]);
    }
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.indexed_variables = names;
    options.indexed_variable_count = 64;
    check_equal(new_with(&options), TANDEM_OK);
    options.indexed_variable_count = 65;
    check_equal(new_with(&options), TANDEM_E_INVALID);
    options.indexed_variables = NULL;
    options.indexed_variable_count = 1;
    check_equal(new_with(&options), TANDEM_E_INVALID);
    names[1] = names[0]; /* once is enough */
    options.indexed_variables = names;
    options.indexed_variable_count = 2;
    check_equal(new_with(&options), TANDEM_OK);
}

static void options_of_an_older_host_lack_what_is_new(void) {
    tandem_tracker_options options;
    memset(&options, 0xff, sizeof(options)); /* all of it wrong */
    for (uint32_t size = 0; size < sizeof(options.size); size++) {
        options.size = size;
        check_equal(new_with(&options), TANDEM_E_INVALID);
    }
    options.size = sizeof(options.size);
    check_equal(new_with(&options), TANDEM_OK);
    options.shards = 4;
    options.dialog_max = 1;
    options.size = offsetof(tandem_tracker_options, event_max);
    tandem_tracker *tracker = make_tracker(&options);
    begin_call(tracker, "one", 0);
    const tandem_message invite = invite_of("two");
    check_equal(tandem_tracker_feed(tracker, &invite, 0, NULL), TANDEM_E_FULL);
    tandem_tracker_free(tracker);
}

static void options_of_a_newer_host_may_be_longer(void) {
    struct {
        tandem_tracker_options options;
        uint64_t more[4];
    } newer = {TANDEM_TRACKER_OPTIONS_INIT, {1, 2, 3, 4}};
    newer.options.size = sizeof(newer);
    check_equal(new_with(&newer.options), TANDEM_OK);
}

static void free_takes_null_and_a_full_tracker(void) {
    tandem_tracker_free(NULL);
    const tandem_str indexed = tandem_str_of("user");
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.indexed_variables = &indexed;
    options.indexed_variable_count = 1;
    tandem_tracker *tracker = make_tracker(&options);
    check_equal(tandem_profile_declare(tracker, tandem_str_of("p"), NULL), TANDEM_OK);
    const tandem_value value = tandem_value_text(tandem_str_of("alice"));
    const tandem_dialog_id dialog = confirmed_call(tracker, "live", 0);
    check_equal(tandem_variable_set(tracker, dialog, indexed, &value, 0), TANDEM_OK);
    check_equal(tandem_profile_join(tracker, dialog, tandem_str_of("p"), tandem_str_of(""), 0), TANDEM_OK);
    confirmed_call(tracker, "ended", 0);
    end_call(tracker, "ended", 0);
    tandem_tracker_free(tracker);
}

static void messages_of_a_call_name_its_dialog(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = confirmed_call(tracker, "c", 0);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_CONFIRMED);
    check(feed(tracker, answer_of("c", 200), 0) == dialog); /* a retransmission */
    const tandem_message invite = invite_of("c");
    check_equal(tandem_tracker_feed(tracker, &invite, 0, NULL), TANDEM_E_MERGED); /* it was acknowledged */
    check(feed(tracker, from_bob("c", TANDEM_METHOD_INFO, 9), 0) == dialog);
    check(feed(tracker, from_bob("c", TANDEM_METHOD_INFO, 9), 0) == dialog);
    const tandem_message info = from_alice("c", TANDEM_METHOD_INFO, 2);
    check_equal(tandem_tracker_feed(tracker, &info, 0, NULL), TANDEM_OK);
    tandem_tracker_free(tracker);
}

static void messages_of_no_dialog_are_accepted(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    tandem_message options = from_alice("c", TANDEM_METHOD_OPTIONS, 1);
    options.to_tag = tandem_str_of("");
    check_equal(feed(tracker, options, 0), 0);
    check_equal(feed(tracker, answer_to(&options, 200), 0), 0);
    check_equal(feed(tracker, answer_of("c", 180), 0), 0);
    check_equal(feed(tracker, from_alice("c", TANDEM_METHOD_ACK, 1), 0), 0);
    tandem_message cancel = invite_of("c");
    cancel.method = TANDEM_METHOD_CANCEL;
    check_equal(feed(tracker, cancel, 0), 0);
    check_equal(drain(tracker), 0);
    tandem_tracker_free(tracker);
}

static void lower_cseq_is_stale(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    confirmed_call(tracker, "c", 0);
    drain(tracker);
    feed(tracker, from_alice("c", TANDEM_METHOD_INFO, 7), 0);
    check_equal(drain(tracker), 1);
    const tandem_message stale = from_alice("c", TANDEM_METHOD_INFO, 6);
    tandem_dialog_id dialog = 77;
    check_equal(tandem_tracker_feed(tracker, &stale, 0, &dialog), TANDEM_E_STALE_CSEQ);
    check_equal(dialog, 0);
    check_equal(drain(tracker), 0);
    feed(tracker, from_bob("c", TANDEM_METHOD_INFO, 1), 0); /* the other side counts for itself */
    feed(tracker, from_alice("c", TANDEM_METHOD_BYE, 6), 0); /* a BYE that passes is the other side's to judge */
    tandem_tracker_free(tracker);
}

static void request_inside_no_dialog_is_told(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    confirmed_call(tracker, "c", 0);
    tandem_message bye = from_alice("other", TANDEM_METHOD_BYE, 2);
    tandem_dialog_id dialog = 77;
    check_equal(tandem_tracker_feed(tracker, &bye, 0, &dialog), TANDEM_E_NO_DIALOG);
    check_equal(dialog, 0);
    bye = from_alice("c", TANDEM_METHOD_BYE, 2);
    bye.to_tag = tandem_str_of("stranger");
    check_equal(tandem_tracker_feed(tracker, &bye, 0, NULL), TANDEM_E_NO_DIALOG);
    end_call(tracker, "c", 0);
    bye = from_alice("c", TANDEM_METHOD_BYE, 3);
    check_equal(tandem_tracker_feed(tracker, &bye, 0, NULL), TANDEM_E_NO_DIALOG);
    tandem_tracker_free(tracker);
}

static void dialog_max_is_told_until_the_ends_are_taken(void) {
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.dialog_max = 2;
    tandem_tracker *tracker = make_tracker(&options);
    begin_call(tracker, "one", 0);
    confirmed_call(tracker, "two", 0);
    const tandem_message invite = invite_of("three");
    tandem_dialog_id dialog = 77;
    check_equal(tandem_tracker_feed(tracker, &invite, 0, &dialog), TANDEM_E_FULL);
    check_equal(dialog, 0);
    end_call(tracker, "two", 0);
    check_equal(tandem_tracker_feed(tracker, &invite, 0, NULL), TANDEM_E_FULL);
    check_equal(statistics_of(tracker).refused, 2);
    check_equal(feed(tracker, answer_of("three", 180), 0), 0); /* untracked, and it passes */
    drain(tracker);
    check_equal(tandem_tracker_feed(tracker, &invite, 0, &dialog), TANDEM_OK);
    check(dialog != 0);
    check_equal(statistics_of(tracker).processed, 3);
    tandem_tracker_free(tracker);
}

static void one_call_id_has_a_bound(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    tandem_message invite = invite_of("c");
    char tag[16];
    for (int i = 0; i < 64; i++) {
        snprintf(tag, sizeof(tag), "t%d", i);
        invite.from_tag = tandem_str_of(tag);
        check(feed(tracker, invite, 0) != 0);
    }
    invite.from_tag = tandem_str_of("one more");
    check_equal(tandem_tracker_feed(tracker, &invite, 0, NULL), TANDEM_E_FULL);
    invite.from_tag = tandem_str_of("t0");
    tandem_message refusal = answer_of("c", 486);
    refusal.from_tag = invite.from_tag;
    feed(tracker, refusal, 0);
    invite.from_tag = tandem_str_of("one more");
    check(feed(tracker, invite, 0) != 0);
    tandem_tracker_free(tracker);
}

typedef struct text_bound {
    size_t offset; /* in tandem_message */
    size_t size_max;
} text_bound;

static const text_bound text_bounds[] = {
    {offsetof(tandem_message, call_id), 256},       {offsetof(tandem_message, from_tag), 256},
    {offsetof(tandem_message, to_tag), 256},        {offsetof(tandem_message, from_uri), 2048},
    {offsetof(tandem_message, to_uri), 2048},       {offsetof(tandem_message, request_uri), 2048},
    {offsetof(tandem_message, contact_uri), 2048},  {offsetof(tandem_message, record_route), 16384},
    {offsetof(tandem_message, reason), 2048},
};

static tandem_status feed_with(tandem_tracker *tracker, size_t offset, tandem_str text, uint32_t status) {
    tandem_message message = status == 0 ? invite_of("bounds") : answer_of("bounds", status);
    memcpy((char *)&message + offset, &text, sizeof(text));
    tandem_dialog_id dialog = 77;
    const tandem_status fed = tandem_tracker_feed(tracker, &message, 0, &dialog);
    if (fed != TANDEM_OK) check_equal(dialog, 0);
    return fed;
}

static void texts_have_bounds(void) {
    char *text = malloc(16385);
    require(text);
    memset(text, 'x', 16385);
    for (size_t i = 0; i < sizeof(text_bounds) / sizeof(text_bounds[0]); i++) {
        const text_bound bound = text_bounds[i];
        tandem_tracker *tracker = make_tracker(NULL);
        check_equal(feed_with(tracker, bound.offset, (tandem_str){text, bound.size_max + 1}, 0), TANDEM_E_TOO_LARGE);
        check_equal(feed_with(tracker, bound.offset, (tandem_str){text, bound.size_max + 1}, 180), TANDEM_E_TOO_LARGE);
        check_equal(feed_with(tracker, bound.offset, (tandem_str){text, SIZE_MAX}, 0), TANDEM_E_TOO_LARGE);
        check_equal(drain(tracker), 0); /* nothing changed */
        /* With a To-tag the INVITE is one inside a dialog. */
        check_equal(feed_with(tracker, bound.offset, (tandem_str){text, bound.size_max}, 0),
                    bound.offset == offsetof(tandem_message, to_tag) ? TANDEM_E_NO_DIALOG : TANDEM_OK);
        check_equal(feed_with(tracker, bound.offset, (tandem_str){text, bound.size_max}, 200), TANDEM_OK);
        tandem_tracker_free(tracker);
    }
    free(text);
}

static void texts_are_lines(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    static const char ends[] = {'\r', '\n', '\0'};
    for (size_t i = 0; i < sizeof(text_bounds) / sizeof(text_bounds[0]); i++) {
        check_equal(feed_with(tracker, text_bounds[i].offset, NO_DATA, 0), TANDEM_E_INVALID);
        for (size_t end = 0; end < 3; end++) {
            for (size_t size = 1; size <= 24; size++) { /* everywhere in a word */
                for (size_t at = 0; at < size; at++) {
                    char text[24];
                    memset(text, 0x0b + (int)(at & 1), sizeof(text)); /* neighbours of LF and CR are allowed */
                    text[at] = ends[end];
                    check_equal(feed_with(tracker, text_bounds[i].offset, (tandem_str){text, size}, 0),
                                TANDEM_E_INVALID);
                }
            }
        }
    }
    check_equal(drain(tracker), 0);
    check_equal(statistics_of(tracker).processed, 0);
    tandem_tracker_free(tracker);
}

static void texts_may_be_any_other_bytes(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_str bytes = {"\x01\x0b\x0c\x0e\x7f\x80\xff\xfe\xc0\xaf", 10};
    for (size_t i = 0; i < sizeof(text_bounds) / sizeof(text_bounds[0]); i++) {
        if (text_bounds[i].offset == offsetof(tandem_message, to_tag)) continue;
        check_equal(feed_with(tracker, text_bounds[i].offset, bytes, 0), TANDEM_OK);
    }
    check_equal(feed_with(tracker, offsetof(tandem_message, to_tag), bytes, 200), TANDEM_OK);
    tandem_tracker_free(tracker);
}

static void message_numbers_are_checked(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    tandem_message message = invite_of("c");
    message.call_id = tandem_str_of("");
    check_equal(tandem_tracker_feed(tracker, &message, 0, NULL), TANDEM_E_INVALID);
    static const uint32_t wrong[] = {TANDEM_METHOD_PUBLISH + 1, 255, 256, 257, UINT32_MAX};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        message = invite_of("c");
        message.method = wrong[i];
        check_equal(tandem_tracker_feed(tracker, &message, 0, NULL), TANDEM_E_INVALID);
    }
    static const uint32_t statuses[] = {1, 99, 700, 65536, 65536 + 200, UINT32_MAX};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        message = answer_of("c", statuses[i]);
        check_equal(tandem_tracker_feed(tracker, &message, 0, NULL), TANDEM_E_INVALID);
    }
    message = invite_of("c");
    check_equal(tandem_tracker_feed(tracker, &message, NOW_MAX + 1, NULL), TANDEM_E_INVALID);
    check_equal(tandem_tracker_feed(tracker, &message, UINT64_MAX, NULL), TANDEM_E_INVALID);
    check_equal(tandem_tracker_feed(NULL, &message, 0, NULL), TANDEM_E_INVALID);
    check_equal(tandem_tracker_feed(tracker, NULL, 0, NULL), TANDEM_E_INVALID);
    check_equal(statistics_of(tracker).processed, 0);
    for (uint32_t method = 0; method <= TANDEM_METHOD_PUBLISH; method++) {
        for (uint32_t status = 0; status < 700; status += status == 0 ? 100 : 1) {
            message = answer_of("c", status);
            message.method = method;
            const tandem_status fed = tandem_tracker_feed(tracker, &message, 0, NULL);
            check(fed == TANDEM_OK || (status == 0 && fed == TANDEM_E_NO_DIALOG));
        }
    }
    tandem_tracker_free(tracker);
}

static void cseq_goes_up_to_its_bound(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    confirmed_call(tracker, "c", 0);
    tandem_message over = from_alice("c", TANDEM_METHOD_INFO, UINT32_C(1) << 31);
    check_equal(tandem_tracker_feed(tracker, &over, 0, NULL), TANDEM_E_INVALID);
    over.cseq = UINT32_MAX;
    check_equal(tandem_tracker_feed(tracker, &over, 0, NULL), TANDEM_E_INVALID);
    feed(tracker, from_alice("c", TANDEM_METHOD_INFO, INT32_MAX), 0);
    const tandem_message lower = from_alice("c", TANDEM_METHOD_INFO, INT32_MAX - 1);
    check_equal(tandem_tracker_feed(tracker, &lower, 0, NULL), TANDEM_E_STALE_CSEQ);
    feed(tracker, from_bob("c", TANDEM_METHOD_INFO, 0), 0);
    tandem_tracker_free(tracker);
}

static void message_of_another_size_is_read_as_far_as_it_goes(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    tandem_message message = invite_of("c");
    for (uint32_t size = 0; size <= offsetof(tandem_message, call_id) + sizeof(char *); size++) {
        message.size = size;
        check_equal(tandem_tracker_feed(tracker, &message, 0, NULL), TANDEM_E_INVALID); /* no Call-ID */
    }
    message.size = offsetof(tandem_message, contact_uri);
    message.contact_uri = NO_DATA; /* not looked at */
    check_equal(tandem_tracker_feed(tracker, &message, 0, NULL), TANDEM_OK);

    struct {
        tandem_message message;
        uint64_t more[4];
    } newer = {invite_of("d"), {1, 2, 3, 4}};
    newer.message.size = sizeof(newer);
    check_equal(tandem_tracker_feed(tracker, &newer.message, 0, NULL), TANDEM_OK);
    check_equal(statistics_of(tracker).processed, 2);
    tandem_tracker_free(tracker);
}

static void statistics_follow_the_calls(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    begin_call(tracker, "early", 0);
    confirmed_call(tracker, "active", 0);
    ringing_call(tracker, "refused", 0);
    refuse_call(tracker, "refused", 0);
    confirmed_call(tracker, "over", 0);
    end_call(tracker, "over", 0);
    tandem_statistics now = statistics_of(tracker);
    check_equal(now.early, 1);
    check_equal(now.active, 1);
    check_equal(now.processed, 4);
    check_equal(now.failed, 1);
    check_equal(now.expired, 0);
    check_equal(now.limited, 0);
    check_equal(now.events_lost, 0);
    check_equal(tandem_tracker_advance(tracker, 181 * SECOND), TANDEM_OK);
    check_equal(statistics_of(tracker).expired, 1);
    feed(tracker, answer_of("early", 487), 182 * SECOND);
    now = statistics_of(tracker);
    check_equal(now.early, 0);
    check_equal(now.failed, 2);
    check_equal(now.expired, 1);
    tandem_tracker_free(tracker);
}

static void statistics_fit_the_hosts_struct(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    begin_call(tracker, "c", 0);
    tandem_statistics statistics;
    memset(&statistics, 0x5a, sizeof(statistics));
    statistics.size = offsetof(tandem_statistics, processed);
    check_equal(tandem_tracker_statistics(tracker, &statistics), TANDEM_OK);
    check_equal(statistics.size, offsetof(tandem_statistics, processed));
    check_equal(statistics.early, 1);
    check_equal(statistics.processed, 0x5a5a5a5a5a5a5a5a);
    for (uint32_t size = 0; size < 4; size++) {
        statistics.size = size;
        check_equal(tandem_tracker_statistics(tracker, &statistics), TANDEM_E_INVALID);
    }
    struct {
        tandem_statistics statistics;
        uint64_t more;
    } newer = {TANDEM_STATISTICS_INIT, 7};
    newer.statistics.size = sizeof(newer);
    check_equal(tandem_tracker_statistics(tracker, &newer.statistics), TANDEM_OK);
    check_equal(newer.statistics.size, sizeof(newer));
    check_equal(newer.statistics.processed, 1);
    check_equal(newer.more, 7);
    check_equal(tandem_tracker_statistics(tracker, NULL), TANDEM_E_INVALID);
    check_equal(tandem_tracker_statistics(NULL, &statistics), TANDEM_E_INVALID);
    tandem_tracker_free(tracker);
}

static void audit_finds_what_is_there_and_nothing_wrong(void) {
    const tandem_str indexed = tandem_str_of("user");
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.indexed_variables = &indexed;
    options.indexed_variable_count = 1;
    tandem_tracker *tracker = make_tracker(&options);
    check_equal(tandem_profile_declare(tracker, tandem_str_of("p"), NULL), TANDEM_OK);
    const tandem_value value = tandem_value_integer(5);
    const tandem_dialog_id dialog = confirmed_call(tracker, "c", 0);
    check_equal(tandem_variable_set(tracker, dialog, indexed, &value, 0), TANDEM_OK);
    check_equal(tandem_profile_join(tracker, dialog, tandem_str_of("p"), tandem_str_of(""), 0), TANDEM_OK);
    tandem_audit audit = TANDEM_AUDIT_INIT;
    check_equal(tandem_tracker_audit(tracker, &audit), TANDEM_OK);
    check_equal(audit.checked, 2);
    check(audit.removed == 0 && audit.added == 0 && audit.misplaced == 0);
    end_call(tracker, "c", 0);
    check_equal(tandem_tracker_audit(tracker, &audit), TANDEM_OK);
    check_equal(audit.checked, 0);
    check(audit.removed == 0 && audit.added == 0 && audit.misplaced == 0);

    audit.removed = 77;
    audit.size = offsetof(tandem_audit, removed);
    check_equal(tandem_tracker_audit(tracker, &audit), TANDEM_OK);
    check_equal(audit.removed, 77);
    audit.size = 0;
    check_equal(tandem_tracker_audit(tracker, &audit), TANDEM_E_INVALID);
    check_equal(tandem_tracker_audit(tracker, NULL), TANDEM_E_INVALID);
    check_equal(tandem_tracker_audit(NULL, &audit), TANDEM_E_INVALID);
    tandem_tracker_free(tracker);
}

/* Without a branch nobody could tell it from a new try. */
static void late_invite_begins_no_call(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    tandem_message invite = invite_of("c");
    tandem_dialog_id dialog = feed(tracker, invite, 0);
    refuse_call(tracker, "c", 0);
    check(feed(tracker, invite, 0) != 0); /* no branch was given */
    refuse_call(tracker, "c", 0);
    invite.branch = tandem_str_of("z9hG4bK1");
    dialog = feed(tracker, invite, 0);
    check(dialog != 0 && feed(tracker, invite, SECOND) == dialog);
    refuse_call(tracker, "c", SECOND);
    dialog = 77;
    check_equal(tandem_tracker_feed(tracker, &invite, 2 * SECOND, &dialog), TANDEM_E_MERGED);
    check_equal(dialog, 0);
    check_equal(statistics_of(tracker).processed, 3);
    invite.branch = tandem_str_of("z9hG4bK2");
    check(feed(tracker, invite, 2 * SECOND) != 0);
    check_equal(statistics_of(tracker).processed, 4);
    tandem_tracker_free(tracker);
}

static void branches_end_one_by_one(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    tandem_message invite = invite_of("c");
    invite.branch = tandem_str_of("z9hG4bK1");
    const tandem_dialog_id dialog = feed(tracker, invite, 0);
    invite.branch = tandem_str_of("z9hG4bK2");
    check(feed(tracker, invite, 0) == dialog);
    tandem_message refusal = answer_of("c", 404);
    refusal.branch = tandem_str_of("z9hG4bK2");
    feed(tracker, refusal, 0);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_TRYING);
    feed(tracker, answer_of("c", 200), 0);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_CONFIRMED);
    tandem_tracker_free(tracker);
}

static void shard_is_that_of_the_id(void) {
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.shards = 8;
    tandem_tracker *tracker = make_tracker(&options);
    uint32_t seen = 0;
    for (int i = 0; i < 100; i++) {
        char call_id[8];
        snprintf(call_id, sizeof(call_id), "c%d", i);
        const uint32_t shard = tandem_tracker_shard_of(tracker, tandem_str_of(call_id));
        require(shard < 8);
        seen |= 1u << shard;
        begin_call(tracker, call_id, 0);
        tandem_event event = TANDEM_EVENT_INIT;
        require(tandem_event_next(tracker, &event) == TANDEM_OK);
        check_equal(event.shard, shard);
        tandem_event_free(&event);
    }
    check_equal(seen, 0xff);
    check_equal(tandem_tracker_shard_of(NULL, tandem_str_of("c")), 0);
    check_equal(tandem_tracker_shard_of(tracker, NO_DATA), 0);
    tandem_tracker_free(tracker);
}

static const test tests[] = {
    {"shard_of: is where the events of a Call-ID come from, and all shards have some", shard_is_that_of_the_id},
    {"feed: an INVITE that comes when its set has ended begins no other, by its branch", late_invite_begins_no_call},
    {"feed: a refusal ends its branch, the last one ends the set", branches_end_one_by_one},
    {"tracker: options have defaults", options_have_defaults},
    {"tracker: options out of range are refused, and the last error says which", options_out_of_range_are_refused},
    {"tracker: bounds may be as large as their type", bounds_may_be_as_large_as_their_type},
    {"tracker: names of indexed variables are checked", indexed_variables_are_checked},
    {"tracker: options of an older host lack what is new", options_of_an_older_host_lack_what_is_new},
    {"tracker: options of a newer host may be longer", options_of_a_newer_host_may_be_longer},
    {"tracker: free takes NULL, and a tracker with calls, ends and events in it", free_takes_null_and_a_full_tracker},
    {"feed: the messages of a call name its dialog", messages_of_a_call_name_its_dialog},
    {"feed: messages of no dialog are accepted and change nothing", messages_of_no_dialog_are_accepted},
    {"feed: a lower CSeq is refused and changes nothing (RFC 3261 section 12.2.2)", lower_cseq_is_stale},
    {"feed: a request inside no dialog is told", request_inside_no_dialog_is_told},
    {"feed: dialog_max is told, until the ends are taken", dialog_max_is_told_until_the_ends_are_taken},
    {"feed: 64 live sets share a Call-ID and no more", one_call_id_has_a_bound},
    {"feed: each text has its bound, and nothing changes beyond it", texts_have_bounds},
    {"feed: no text holds CR, LF or NUL, or has a size and no data", texts_are_lines},
    {"feed: a text may hold any other bytes", texts_may_be_any_other_bytes},
    {"feed: method, status and time are checked", message_numbers_are_checked},
    {"feed: CSeq is below 2^31 (RFC 3261 section 8.1.1.5)", cseq_goes_up_to_its_bound},
    {"feed: a message of another size is read as far as it goes", message_of_another_size_is_read_as_far_as_it_goes},
    {"statistics: they follow the calls", statistics_follow_the_calls},
    {"statistics: they fit the host's struct", statistics_fit_the_hosts_struct},
    {"audit: counts the memberships of live dialogs and finds nothing wrong",
     audit_finds_what_is_there_and_nothing_wrong},
};
SUITE(tracker_suite, tests);
