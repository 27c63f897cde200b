#include "suite.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_int failures;
static const char *_Atomic unnamed = ""; /* the running test, until it is named by its first failure */

static void say(const char *file, int line) {
    atomic_fetch_add(&failures, 1);
    const char *test_name = atomic_exchange(&unnamed, NULL);
    if (test_name) fprintf(stderr, "%s\n", test_name);
    const char *name = strrchr(file, '/');
    fprintf(stderr, "  %s:%d: ", name ? name + 1 : file, line);
}

void check_that(int holds, const char *expression, const char *file, int line) {
    if (holds) return;
    say(file, line);
    fprintf(stderr, "%s\n", expression);
}

void require_that(int holds, const char *expression, const char *file, int line) {
    if (holds) return;
    check_that(0, expression, file, line);
    fprintf(stderr, "  last error: %s\n", tandem_last_error());
    exit(1);
}

void check_numbers(long long actual, long long expected, const char *expression, const char *file, int line) {
    if (actual == expected) return;
    say(file, line);
    fprintf(stderr, "%s: %lld and %lld\n", expression, actual, expected);
}

void check_texts(tandem_str actual, const char *expected, const char *expression, const char *file, int line) {
    const size_t size = strlen(expected);
    if (actual.size == size && (size == 0 || memcmp(actual.data, expected, size) == 0)) return;
    say(file, line);
    const char *data = actual.data ? actual.data : "";
    fprintf(stderr, "%s: \"%.*s\" and \"%s\"\n", expression, (int)actual.size, data, expected);
}

int failure_count(void) { return atomic_load(&failures); }

static int run(const suite *tests, const char *part) {
    int count = 0;
    for (size_t i = 0; i < tests->count; i++) {
        if (part && !strstr(tests->tests[i].name, part)) continue;
        atomic_store(&unnamed, tests->tests[i].name);
        tests->tests[i].run();
        count++;
    }
    return count;
}

/* The only argument, if there is one, is a part of the names of the tests to run. */
int main(int argc, char **argv) {
    static const suite *const suites[] = {
#ifdef WITHOUT_MEMORY
        &nomem_suite,
#elif defined(WITH_REDIS)
        &cluster_suite, &cluster_outage_suite,
#else
        &version_suite, &status_suite,  &tracker_suite,      &time_suite,     &dialog_suite, &dialog_end_suite,
        &cseq_suite,    &leg_suite,     &profile_suite,      &profile_page_suite, &variable_suite, &event_suite,
        &event_fd_suite, &cdr_suite,    &thread_suite,  &bus_suite,
#ifdef WITH_SIP
        &auth_suite,    &message_suite, &sofia_suite,
#endif
#endif
    };
    int count = 0;
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) count += run(suites[i], argc > 1 ? argv[1] : NULL);
    printf("%d tests, %d failures\n", count, atomic_load(&failures));
    return failures != 0 || count == 0;
}
