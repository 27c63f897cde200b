/* tandem/version.h, and that headers, library and project agree on what they are. */
#include <string.h>
#include "suite.h"

#define JOIN(major, minor, patch) #major "." #minor "." #patch
#define VERSION(major, minor, patch) JOIN(major, minor, patch)

static void version_is_the_projects(void) {
    check(strcmp(tandem_version(), PROJECT_VERSION) == 0);
    check(strcmp(TANDEM_VERSION, PROJECT_VERSION) == 0);
    check(strcmp(TANDEM_VERSION, VERSION(TANDEM_VERSION_MAJOR, TANDEM_VERSION_MINOR, TANDEM_VERSION_PATCH)) == 0);
}

static void abi_is_the_headers(void) { check_equal(tandem_abi(), TANDEM_ABI); }

static const test tests[] = {
    {"version: the library, its headers and the project name the same one", version_is_the_projects},
    {"version: the library's ABI is the headers'", abi_is_the_headers},
};
SUITE(version_suite, tests);
