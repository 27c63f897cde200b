/* tandem/status.h and the small functions on numbers and names. */
#include <pthread.h>
#include <string.h>
#include "call.h"
#include "suite.h"

static void status_has_a_text(void) {
    const char *unknown = tandem_status_text(12345);
    check(unknown && unknown[0] != '\0');
    for (tandem_status status = TANDEM_E_OUTAGE; status <= TANDEM_OWN; status++) {
        const char *text = tandem_status_text(status);
        check(text && text[0] != '\0' && strcmp(text, unknown) != 0);
        for (tandem_status other = TANDEM_E_OUTAGE; other < status; other++) {
            check(strcmp(text, tandem_status_text(other)) != 0);
        }
    }
    check(strcmp(tandem_status_text(INT32_MIN), unknown) == 0);
    check(strcmp(tandem_status_text(INT32_MAX), unknown) == 0);
    check(strcmp(tandem_status_text(TANDEM_E_OUTAGE - 1), unknown) == 0);
    check(strcmp(tandem_status_text(TANDEM_E_NO_PROFILE), "no such profile") == 0);
}

static void *fail_in_a_thread(void *before) {
    strcpy(before, tandem_last_error()); /* nothing failed here yet */
    check_equal(tandem_tracker_advance(NULL, 0), TANDEM_E_INVALID);
    check(tandem_last_error()[0] != '\0');
    return NULL;
}

static void last_error_belongs_to_its_thread(void) {
    check_equal(tandem_variable_list(NULL, 0, NULL), TANDEM_E_INVALID);
    char text[512];
    strcpy(text, tandem_last_error());
    check(text[0] != '\0' && !strchr(text, '\n'));

    char before[512] = "?";
    pthread_t thread;
    require(pthread_create(&thread, NULL, fail_in_a_thread, before) == 0);
    require(pthread_join(thread, NULL) == 0);
    check(before[0] == '\0');
    check(strcmp(tandem_last_error(), text) == 0);
}

static void last_error_stays_when_nothing_fails(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    check_equal(tandem_tracker_advance(tracker, NOW_MAX + 1), TANDEM_E_INVALID);
    char text[512];
    strcpy(text, tandem_last_error());
    tandem_event event = TANDEM_EVENT_INIT;
    check_equal(tandem_tracker_advance(tracker, 0), TANDEM_OK);
    check_equal(tandem_event_next(tracker, &event), TANDEM_E_EMPTY);
    check(strcmp(tandem_last_error(), text) == 0);
    tandem_tracker_free(tracker);
}

static void names_are_those_of_the_header(void) {
    check(strcmp(tandem_state_name(TANDEM_STATE_TRYING), "trying") == 0);
    check(strcmp(tandem_state_name(TANDEM_STATE_PROCEEDING), "proceeding") == 0);
    check(strcmp(tandem_state_name(TANDEM_STATE_EARLY), "early") == 0);
    check(strcmp(tandem_state_name(TANDEM_STATE_CONFIRMED), "confirmed") == 0);
    check(strcmp(tandem_state_name(TANDEM_STATE_TERMINATED), "terminated") == 0);
    check(strcmp(tandem_side_name(TANDEM_SIDE_CALLER), "caller") == 0);
    check(strcmp(tandem_side_name(TANDEM_SIDE_CALLEE), "callee") == 0);
    static const char *const reasons[] = {"none",  "caller_bye", "callee_bye",    "cancelled", "refused",
                                          "no_answer", "no_ack", "limit",         "expired",   "session_timer",
                                          "probe", "admin",      "transport",     "restart"};
    for (uint32_t i = TANDEM_END_NONE; i <= TANDEM_END_RESTART; i++) check(strcmp(tandem_end_name(i), reasons[i]) == 0);
}

static void names_of_no_meaning_are_empty(void) {
    check(strcmp(tandem_state_name(TANDEM_STATE_TERMINATED + 1), "") == 0);
    check(strcmp(tandem_state_name(UINT32_MAX), "") == 0);
    check(strcmp(tandem_side_name(TANDEM_SIDE_CALLEE + 1), "") == 0);
    check(strcmp(tandem_side_name(UINT32_MAX), "") == 0);
    check(strcmp(tandem_end_name(TANDEM_END_RESTART + 1), "") == 0);
    check(strcmp(tandem_end_name(UINT32_MAX), "") == 0);
}

static void methods_are_known_with_their_case(void) {
    static const char *const names[] = {"INVITE", "ACK",  "BYE",   "CANCEL",    "OPTIONS", "REGISTER", "PRACK",
                                        "UPDATE", "INFO", "REFER", "SUBSCRIBE", "NOTIFY",  "MESSAGE",  "PUBLISH"};
    for (uint32_t i = 0; i < 14; i++) check_equal(tandem_method_of(tandem_str_of(names[i])), i + 1);
    check_equal(tandem_method_of(tandem_str_of("invite")), TANDEM_METHOD_OTHER);
    check_equal(tandem_method_of(tandem_str_of("INVITES")), TANDEM_METHOD_OTHER);
    check_equal(tandem_method_of((tandem_str){"INVITES", 6}), TANDEM_METHOD_INVITE);
    check_equal(tandem_method_of(tandem_str_of("UNKNOWN")), TANDEM_METHOD_OTHER);
    check_equal(tandem_method_of(tandem_str_of("")), TANDEM_METHOD_OTHER);
    check_equal(tandem_method_of(tandem_str_of(NULL)), TANDEM_METHOD_OTHER);
    check_equal(tandem_method_of(NO_DATA), TANDEM_METHOD_OTHER);
}

static void str_of_nothing_is_empty(void) {
    check_equal(tandem_str_of(NULL).size, 0);
    check(tandem_str_of(NULL).data == NULL);
    check_equal(tandem_str_of("").size, 0);
    check_equal(tandem_str_of("abc").size, 3);
}

static const test tests[] = {
    {"status: each has a text of its own, and a number of no meaning has one too", status_has_a_text},
    {"status: the last error belongs to the thread it happened in", last_error_belongs_to_its_thread},
    {"status: success and an empty queue leave the last error as it is", last_error_stays_when_nothing_fails},
    {"names: states, sides and reasons have theirs", names_are_those_of_the_header},
    {"names: a number of no meaning has an empty one", names_of_no_meaning_are_empty},
    {"method: a name is found with its case (RFC 3261 section 7.1)", methods_are_known_with_their_case},
    {"str: NULL is the empty text", str_of_nothing_is_empty},
};
SUITE(status_suite, tests);
