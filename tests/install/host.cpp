// install: a host in C++ that has the installed package and nothing else. Its argument is the version installed.
#include <cstdio>
#include <string_view>
#include <tandem/tandem.h>

namespace {
int failures = 0;

void check(bool holds, const char *what) {
    if (holds) return;
    std::fprintf(stderr, "host.cpp: %s\n", what);
    failures++;
}

void check_version(std::string_view installed) {
    check(TANDEM_VERSION == installed, "the headers are those installed");
    check(tandem_version() == installed, "the library is the one installed");
    check(tandem_abi() == TANDEM_ABI, "the library's ABI is the headers'");
}

// Linked for good: a call begins, and ends with its tracker.
void check_call() {
    tandem_message invite = TANDEM_MESSAGE_INIT;
    tandem_statistics counts = TANDEM_STATISTICS_INIT;
    tandem_tracker *tracker = nullptr;
    tandem_dialog_id dialog = 0;
    check(tandem_tracker_new(nullptr, 0, &tracker) == TANDEM_OK, "a tracker is made");
    invite.method = TANDEM_METHOD_INVITE;
    invite.cseq = 1;
    invite.call_id = tandem_str_of("call");
    invite.from_tag = tandem_str_of("alice");
    check(tandem_tracker_feed(tracker, &invite, 0, &dialog) == TANDEM_OK && dialog != 0, "an INVITE begins a call");
    check(tandem_tracker_statistics(tracker, &counts) == TANDEM_OK && counts.early == 1, "the call is counted");
    tandem_tracker_free(tracker);
}
} // namespace

int main(int argc, char **argv) {
    check_version(argc > 1 ? argv[1] : "");
    check_call();
    return failures != 0;
}
