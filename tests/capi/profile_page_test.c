/* tandem/profile.h: what is listed, a page at a time, and the end of all members. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include "call.h"
#include "profiles.h"
#include "suite.h"

static const tandem_str none = {NULL, 0};

/* 50 calls, the first 30 in "user" with ten values of three members each, all in "plain". */
static tandem_tracker *make_members(tandem_dialog_id *dialogs) {
    tandem_tracker *tracker = make_tracker(NULL);
    require(declare(tracker, "plain", 0, 0) == TANDEM_OK && declare(tracker, "user", 1, 0) == TANDEM_OK);
    char text[8];
    for (int i = 0; i < 50; i++) {
        snprintf(text, sizeof(text), "c%d", i);
        dialogs[i] = begin_call(tracker, text, 0);
        require(join(tracker, dialogs[i], "plain", "") == TANDEM_OK);
        snprintf(text, sizeof(text), "v%d", i % 10);
        if (i < 30) require(join(tracker, dialogs[i], "user", text) == TANDEM_OK);
    }
    return tracker;
}

/* How often each dialog comes, in pages of `max`. */
static void count_members(tandem_tracker *tracker, const char *profile, const tandem_str *value, uint32_t max,
                          const tandem_dialog_id *dialogs, int *seen) {
    memset(seen, 0, 50 * sizeof(seen[0]));
    uint64_t cursor = 0;
    do {
        tandem_dialog_id ids[64];
        uint32_t count = 77;
        require(tandem_profile_list_members(tracker, tandem_str_of(profile), value, &cursor, ids, max, &count) == 0);
        require(count <= max);
        for (uint32_t k = 0; k < count; k++) {
            for (int i = 0; i < 50; i++) seen[i] += dialogs[i] == ids[k];
        }
    } while (cursor != 0);
}

static void members_come_by_page(void) {
    tandem_dialog_id dialogs[50];
    int seen[50];
    tandem_tracker *tracker = make_members(dialogs);
    static const uint32_t sizes[] = {1, 2, 3, 7, 64};
    for (size_t k = 0; k < 5; k++) {
        count_members(tracker, "plain", NULL, sizes[k], dialogs, seen);
        for (int i = 0; i < 50; i++) check_equal(seen[i], 1);
        count_members(tracker, "plain", &none, sizes[k], dialogs, seen);
        for (int i = 0; i < 50; i++) check_equal(seen[i], 1);
        count_members(tracker, "user", NULL, sizes[k], dialogs, seen);
        for (int i = 0; i < 50; i++) check_equal(seen[i], i < 30 ? 1 : 0);
        const tandem_str value = tandem_str_of("v4");
        count_members(tracker, "user", &value, sizes[k], dialogs, seen);
        for (int i = 0; i < 50; i++) check_equal(seen[i], i < 30 && i % 10 == 4 ? 1 : 0);
        const tandem_str unknown = tandem_str_of("unknown");
        count_members(tracker, "user", &unknown, sizes[k], dialogs, seen);
        for (int i = 0; i < 50; i++) check_equal(seen[i], 0);
    }
    tandem_tracker_free(tracker);
}

static void member_that_stays_is_listed_whatever_happens(void) {
    tandem_dialog_id dialogs[50];
    tandem_tracker *tracker = make_members(dialogs);
    int seen[50] = {0};
    uint64_t cursor = 0;
    int page = 0;
    char call_id[8];
    do {
        tandem_dialog_id ids[2];
        uint32_t count = 0;
        require(tandem_profile_list_members(tracker, tandem_str_of("user"), NULL, &cursor, ids, 2, &count) == 0);
        for (uint32_t k = 0; k < count; k++) {
            for (int i = 0; i < 50; i++) seen[i] += dialogs[i] == ids[k];
        }
        if (page < 14) { /* every second one goes, from the front; others come */
            snprintf(call_id, sizeof(call_id), "c%d", page * 2);
            refuse_call(tracker, call_id, 0);
            snprintf(call_id, sizeof(call_id), "n%d", page);
            check_equal(join(tracker, begin_call(tracker, call_id, 0), "user", call_id), TANDEM_OK);
        }
        page++;
    } while (cursor != 0 && page < 1000);
    for (int i = 1; i < 30; i += 2) check(seen[i] >= 1);
    check(page < 1000);
    tandem_tracker_free(tracker);
}

static void values_come_by_page(void) {
    tandem_dialog_id dialogs[50];
    tandem_tracker *tracker = make_members(dialogs);
    for (uint32_t max = 1; max < 12; max++) {
        int seen[10] = {0};
        uint64_t cursor = 0;
        do {
            tandem_profile_values *page = NULL;
            require(tandem_profile_list_values(tracker, tandem_str_of("user"), &cursor, max, &page) == TANDEM_OK);
            check_equal(page->size, sizeof(*page));
            check(page->count <= max);
            for (uint32_t i = 0; i < page->count; i++) {
                const tandem_profile_value value = page->items[i];
                require(value.value.size == 2 && value.value.data[0] == 'v');
                check_equal(value.members, 3);
                check_equal(value.limit, 0);
                seen[value.value.data[1] - '0']++;
            }
            tandem_profile_values_free(page);
        } while (cursor != 0);
        for (int i = 0; i < 10; i++) check_equal(seen[i], 1);
    }
    tandem_profile_values_free(NULL);
    tandem_tracker_free(tracker);
}

static void page_of_values_outlives_the_tracker(void) {
    tandem_dialog_id dialogs[50];
    tandem_tracker *tracker = make_members(dialogs);
    tandem_profile_values *page = NULL;
    uint64_t cursor = 0;
    require(tandem_profile_list_values(tracker, tandem_str_of("user"), &cursor, 100000, &page) == TANDEM_OK);
    tandem_tracker_free(tracker);
    check_equal(page->count, 10);
    for (uint32_t i = 0; i < page->count; i++) check(page->items[i].value.data[0] == 'v');
    tandem_profile_values_free(page);
}

static void pages_check_their_arguments(void) {
    tandem_tracker *tracker = make_profiles();
    const tandem_str user = tandem_str_of("user");
    const tandem_str plain = tandem_str_of("plain");
    const tandem_str unknown = tandem_str_of("none");
    const tandem_str value = tandem_str_of("value");
    const tandem_str no_data = NO_DATA;
    uint64_t cursor = 0;
    uint32_t count = 0;
    tandem_dialog_id id = 0;
    tandem_profile_values *page = NULL;
    check_equal(tandem_profile_list_values(NULL, user, &cursor, 1, &page), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_values(tracker, NO_DATA, &cursor, 1, &page), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_values(tracker, user, NULL, 1, &page), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_values(tracker, user, &cursor, 0, &page), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_values(tracker, user, &cursor, 100001, &page), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_values(tracker, user, &cursor, 1, NULL), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_values(tracker, plain, &cursor, 1, &page), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_values(tracker, unknown, &cursor, 1, &page), TANDEM_E_NO_PROFILE);
    check(page == NULL);
    check_equal(tandem_profile_list_members(NULL, user, NULL, &cursor, &id, 1, &count), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_members(tracker, NO_DATA, NULL, &cursor, &id, 1, &count), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_members(tracker, user, &no_data, &cursor, &id, 1, &count), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_members(tracker, user, NULL, NULL, &id, 1, &count), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_members(tracker, user, NULL, &cursor, NULL, 1, &count), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_members(tracker, user, NULL, &cursor, &id, 0, &count), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_members(tracker, user, NULL, &cursor, &id, 1, NULL), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_members(tracker, plain, &value, &cursor, &id, 1, &count), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_members(tracker, unknown, NULL, &cursor, &id, 1, &count), TANDEM_E_NO_PROFILE);
    check_equal(cursor, 0);
    tandem_tracker_free(tracker);
}

static void pages_take_any_cursor(void) {
    tandem_dialog_id dialogs[50];
    tandem_tracker *tracker = make_members(dialogs);
    const tandem_str user = tandem_str_of("user");
    const tandem_str value = tandem_str_of("v1");
    uint64_t random = 88172645463325252;
    for (int i = 0; i < 9000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        uint64_t cursor = i % 3 == 0 ? random : i % 3 == 1 ? random >> 58 : (random >> 60) << 32 | (random & 7);
        uint64_t other = cursor;
        uint64_t third = cursor;
        tandem_dialog_id ids[3];
        uint32_t count = 0;
        tandem_status status = tandem_profile_list_members(tracker, user, NULL, &cursor, ids, 3, &count);
        check(status == TANDEM_OK || status == TANDEM_E_INVALID);
        check(status != TANDEM_OK || count <= 3);
        status = tandem_profile_list_members(tracker, user, &value, &other, ids, 3, &count);
        check(status == TANDEM_OK || status == TANDEM_E_INVALID);
        check(status != TANDEM_OK || count <= 3);
        tandem_profile_values *page = NULL;
        status = tandem_profile_list_values(tracker, user, &third, 3, &page);
        check(status == TANDEM_OK || status == TANDEM_E_INVALID);
        check((status == TANDEM_OK) == (page != NULL));
        tandem_profile_values_free(page);
    }
    uint64_t cursor = 0;
    uint32_t count = 0;
    tandem_dialog_id ids[50];
    check_equal(tandem_profile_list_members(tracker, tandem_str_of("plain"), NULL, &cursor, ids, 100001, &count),
                TANDEM_E_INVALID);
    check_equal(tandem_profile_list_members(tracker, tandem_str_of("plain"), NULL, &cursor, ids, 100000, &count),
                TANDEM_OK);
    check_equal(count, 50);
    check_equal(cursor, 0);
    tandem_tracker_free(tracker);
}

static void end_members_asks_each_once(void) {
    tandem_tracker *tracker = make_profiles();
    const tandem_str user = tandem_str_of("user");
    const tandem_str alice = tandem_str_of("alice");
    const tandem_dialog_id early = ringing_call(tracker, "early", 0);
    const tandem_dialog_id active = confirmed_call(tracker, "active", 0);
    const tandem_dialog_id other = confirmed_call(tracker, "other", 0);
    check_equal(join(tracker, early, "user", "alice"), TANDEM_OK);
    check_equal(join(tracker, active, "user", "alice"), TANDEM_OK);
    check_equal(join(tracker, active, "user", "bob"), TANDEM_OK); /* in two values, and asked once */
    check_equal(join(tracker, other, "user", "carol"), TANDEM_OK);
    drain(tracker);
    uint32_t count = 77;
    check_equal(tandem_profile_end_members(tracker, user, &alice, TANDEM_END_ADMIN, 0, &count), TANDEM_OK);
    check_equal(count, 2);
    check_equal(state_of(tracker, early), TANDEM_STATE_EARLY);      /* waits for its CANCEL */
    check_equal(state_of(tracker, active), TANDEM_STATE_CONFIRMED); /* waits for its BYE */
    tandem_event event = TANDEM_EVENT_INIT;
    uint32_t asked = 0;
    while (take_event(tracker, TANDEM_EVENT_END_DUE, &event)) {
        check_equal(event.reason, TANDEM_END_ADMIN);
        tandem_event_free(&event);
        asked++;
    }
    check_equal(asked, 2);
    check_equal(tandem_profile_end_members(tracker, user, NULL, TANDEM_END_ADMIN, 0, &count), TANDEM_OK);
    check_equal(count, 1); /* the other one: a BYE is under way already for the first */
    check_equal(tandem_profile_end_members(tracker, tandem_str_of("plain"), NULL, TANDEM_END_ADMIN, 0, NULL),
                TANDEM_OK);
    tandem_tracker_free(tracker);
}

static void end_members_checks_its_arguments(void) {
    tandem_tracker *tracker = make_profiles();
    const tandem_str user = tandem_str_of("user");
    const tandem_str no_data = NO_DATA;
    const tandem_str value = tandem_str_of("value");
    uint32_t count = 77;
    check_equal(tandem_profile_end_members(NULL, user, NULL, TANDEM_END_ADMIN, 0, &count), TANDEM_E_INVALID);
    check_equal(tandem_profile_end_members(tracker, NO_DATA, NULL, TANDEM_END_ADMIN, 0, &count), TANDEM_E_INVALID);
    check_equal(tandem_profile_end_members(tracker, user, &no_data, TANDEM_END_ADMIN, 0, &count), TANDEM_E_INVALID);
    check_equal(tandem_profile_end_members(tracker, user, NULL, TANDEM_END_NONE, 0, &count), TANDEM_E_INVALID);
    check_equal(tandem_profile_end_members(tracker, user, NULL, TANDEM_END_RESTART + 1, 0, &count), TANDEM_E_INVALID);
    check_equal(tandem_profile_end_members(tracker, user, NULL, TANDEM_END_ADMIN, NOW_MAX + 1, &count),
                TANDEM_E_INVALID);
    check_equal(tandem_profile_end_members(tracker, tandem_str_of("plain"), &value, TANDEM_END_ADMIN, 0, &count),
                TANDEM_E_INVALID);
    check_equal(tandem_profile_end_members(tracker, tandem_str_of("none"), NULL, TANDEM_END_ADMIN, 0, &count),
                TANDEM_E_NO_PROFILE);
    check_equal(count, 77);
    check_equal(tandem_profile_end_members(tracker, user, NULL, TANDEM_END_ADMIN, 0, &count), TANDEM_OK);
    check_equal(count, 0);
    tandem_tracker_free(tracker);
}

static void names_are_listed(void) {
    tandem_tracker *tracker = make_profiles();
    tandem_str name = none;
    uint32_t count = 0;
    for (; tandem_profile_at(tracker, count, &name) == TANDEM_OK; count++) {
        tandem_profile_info info = TANDEM_PROFILE_INFO_INIT;
        check_equal(tandem_profile_get(tracker, name, &info), TANDEM_OK);
        if (count == 0) check_text(name, "plain");
    }
    check(count > 1);
    check_equal(tandem_profile_at(tracker, count, &name), TANDEM_E_NOT_FOUND);
    check_equal(tandem_profile_at(tracker, UINT32_MAX, &name), TANDEM_E_NOT_FOUND);
    check_equal(tandem_profile_at(NULL, 0, &name), TANDEM_E_INVALID);
    check_equal(tandem_profile_at(tracker, 0, NULL), TANDEM_E_INVALID);
    tandem_tracker_free(tracker);
}

static const test tests[] = {
    {"profile: those declared are listed by name", names_are_listed},
    {"profile: members come by page, each once", members_come_by_page},
    {"profile: a member that stays is listed, whoever comes and goes", member_that_stays_is_listed_whatever_happens},
    {"profile: values come by page, each once", values_come_by_page},
    {"profile: a page of values outlives the tracker", page_of_values_outlives_the_tracker},
    {"profile: pages check their arguments", pages_check_their_arguments},
    {"profile: pages take any cursor", pages_take_any_cursor},
    {"profile: end_members asks each member once", end_members_asks_each_once},
    {"profile: end_members checks its arguments", end_members_checks_its_arguments},
};
SUITE(profile_page_suite, tests);
