// A disk that fails when it is told to: a layer under SQLite that counts the calls which change files.
#pragma once
#include <string>

namespace tandem::test {

enum class Fault { none, full, write_error, sync_error, kill };

struct FailingDisk {
    static const char *vfs(); // its name, for SqliteOptions::vfs

    // Every call from number `from` to `to` fails, counted from now, beginning with 1. sync_error counts syncs, the
    // others writes, truncations, deletions and extensions of the shared memory; kill ends the process by SIGKILL.
    static void fail(Fault fault, int from, int to);
    static void work(); // from now on
    static int calls(); // that were counted since the last fail() or work()
};

} // namespace tandem::test
