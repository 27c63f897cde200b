/* The frame of these tests: tables of named tests, and checks that say where they fail, from any thread. */
#ifndef TANDEM_TESTS_CAPI_SUITE_H
#define TANDEM_TESTS_CAPI_SUITE_H

#include <stddef.h>
#include <tandem/tandem.h>

typedef struct test {
    const char *name; /* what holds, subject first */
    void (*run)(void);
} test;

typedef struct suite {
    const test *tests;
    size_t count;
} suite;

#define SUITE(name, table) const suite name = {table, sizeof(table) / sizeof((table)[0])}

extern const suite version_suite, status_suite, tracker_suite, time_suite, dialog_suite, dialog_end_suite, cseq_suite,
    leg_suite, profile_suite, profile_page_suite, variable_suite, event_suite, event_fd_suite, cdr_suite, thread_suite,
    bus_suite;
extern const suite auth_suite, message_suite, sofia_suite; /* libtandem alone */
extern const suite nomem_suite;                /* a program of its own */
extern const suite cluster_suite, cluster_outage_suite; /* another one */

/* The test goes on after a check, and the program ends at a requirement, without which nothing after it has a sense. */
#define check(expression) check_that((expression) ? 1 : 0, #expression, __FILE__, __LINE__)
#define require(expression) require_that((expression) ? 1 : 0, #expression, __FILE__, __LINE__)

/* For numbers and statuses: prints both. */
#define check_equal(actual, expected) \
    check_numbers((long long)(actual), (long long)(expected), #actual " == " #expected, __FILE__, __LINE__)

/* For a tandem_str, against a text with a zero at its end. */
#define check_text(actual, expected) check_texts(actual, expected, #actual, __FILE__, __LINE__)

int failure_count(void); /* so far */

void check_that(int holds, const char *expression, const char *file, int line);
void require_that(int holds, const char *expression, const char *file, int line);
void check_numbers(long long actual, long long expected, const char *expression, const char *file, int line);
void check_texts(tandem_str actual, const char *expected, const char *expression, const char *file, int line);

#endif
