/* capi: the headers, the library and the project agree on what they are. */
#include <stdio.h>
#include <string.h>
#include <tandem/tandem.h>

#define JOIN(major, minor, patch) #major "." #minor "." #patch
#define VERSION(major, minor, patch) JOIN(major, minor, patch)

static int failures;

static void check(int holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "capi: %s\n", what);
    failures++;
}

int main(void) {
    check(strcmp(tandem_version(), PROJECT_VERSION) == 0, "the library's version is the project's");
    check(strcmp(TANDEM_VERSION, PROJECT_VERSION) == 0, "the headers' version is the project's");
    check(strcmp(TANDEM_VERSION, VERSION(TANDEM_VERSION_MAJOR, TANDEM_VERSION_MINOR, TANDEM_VERSION_PATCH)) == 0,
          "the version's text is made of its numbers");
    check(tandem_abi() == TANDEM_ABI, "the library's ABI is the headers'");
    return failures != 0;
}
