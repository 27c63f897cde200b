#include "storage/failing_disk.hpp"
#include <cerrno>
#include <csignal>
#include <cstring>
#include <limits>
#include <sqlite3.h>

namespace tandem::test {
namespace {

struct Plan {
    Fault fault = Fault::none;
    int from = std::numeric_limits<int>::max();
    int to = std::numeric_limits<int>::max();
    int calls = 0;
};
Plan plan;

// SQLITE_OK, or how the call fails.
int count(bool is_sync) {
    if (is_sync != (plan.fault == Fault::sync_error)) return SQLITE_OK;
    ++plan.calls;
    if (plan.calls < plan.from || plan.calls > plan.to) return SQLITE_OK;
    switch (plan.fault) {
    case Fault::none: return SQLITE_OK;
    case Fault::full: return SQLITE_FULL;
    case Fault::write_error: return SQLITE_IOERR_WRITE;
    case Fault::sync_error: return SQLITE_IOERR_FSYNC;
    case Fault::kill: std::raise(SIGKILL);
    }
    return SQLITE_ERROR;
}

struct File {
    sqlite3_file base;
    sqlite3_file *real; // behind this struct
};

File *self(sqlite3_file *file) { return reinterpret_cast<File *>(file); }
sqlite3_file *real(sqlite3_file *file) { return self(file)->real; }
const sqlite3_io_methods &real_methods(sqlite3_file *file) { return *real(file)->pMethods; }

sqlite3_vfs *real_vfs() {
    static sqlite3_vfs *const vfs = sqlite3_vfs_find(nullptr);
    return vfs;
}

const sqlite3_io_methods methods = {
    .iVersion = 2, // no memory mapping
    .xClose = [](sqlite3_file *file) { return real_methods(file).xClose(real(file)); },
    .xRead = [](sqlite3_file *file, void *bytes, int size,
                sqlite3_int64 at) { return real_methods(file).xRead(real(file), bytes, size, at); },
    .xWrite =
        [](sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at) {
            if (const int code = count(false)) {
                // As a disk may fail: a part of it is written.
                real_methods(file).xWrite(real(file), bytes, size / 2, at);
                return code;
            }
            return real_methods(file).xWrite(real(file), bytes, size, at);
        },
    .xTruncate =
        [](sqlite3_file *file, sqlite3_int64 size) {
            const int code = count(false);
            return code ? code : real_methods(file).xTruncate(real(file), size);
        },
    .xSync =
        [](sqlite3_file *file, int flags) {
            const int code = count(true);
            return code ? code : real_methods(file).xSync(real(file), flags);
        },
    .xFileSize = [](sqlite3_file *file, sqlite3_int64 *size) { return real_methods(file).xFileSize(real(file), size); },
    .xLock = [](sqlite3_file *file, int lock) { return real_methods(file).xLock(real(file), lock); },
    .xUnlock = [](sqlite3_file *file, int lock) { return real_methods(file).xUnlock(real(file), lock); },
    .xCheckReservedLock = [](sqlite3_file *file,
                             int *out) { return real_methods(file).xCheckReservedLock(real(file), out); },
    .xFileControl = [](sqlite3_file *file, int op,
                       void *argument) { return real_methods(file).xFileControl(real(file), op, argument); },
    .xSectorSize = [](sqlite3_file *file) { return real_methods(file).xSectorSize(real(file)); },
    .xDeviceCharacteristics = [](sqlite3_file *file) { return real_methods(file).xDeviceCharacteristics(real(file)); },
    .xShmMap =
        [](sqlite3_file *file, int page, int size, int extend, void volatile **memory) {
            const int code = extend ? count(false) : SQLITE_OK;
            return code ? code : real_methods(file).xShmMap(real(file), page, size, extend, memory);
        },
    .xShmLock = [](sqlite3_file *file, int offset, int count,
                   int flags) { return real_methods(file).xShmLock(real(file), offset, count, flags); },
    .xShmBarrier = [](sqlite3_file *file) { real_methods(file).xShmBarrier(real(file)); },
    .xShmUnmap = [](sqlite3_file *file, int erase) { return real_methods(file).xShmUnmap(real(file), erase); },
};

int open(sqlite3_vfs *, const char *name, sqlite3_file *file, int flags, int *out_flags) {
    self(file)->real = reinterpret_cast<sqlite3_file *>(self(file) + 1);
    const int code = real_vfs()->xOpen(real_vfs(), name, real(file), flags, out_flags);
    file->pMethods = real(file)->pMethods ? &methods : nullptr;
    return code;
}

int erase(sqlite3_vfs *, const char *name, int sync_folder) {
    const int code = count(false);
    return code ? SQLITE_IOERR_DELETE : real_vfs()->xDelete(real_vfs(), name, sync_folder);
}

} // namespace

const char *FailingDisk::vfs() {
    static sqlite3_vfs vfs;
    if (!vfs.zName) {
        vfs = *real_vfs();
        vfs.zName = "tandem-failing-disk";
        vfs.szOsFile += static_cast<int>(sizeof(File));
        vfs.xOpen = &open;
        vfs.xDelete = &erase;
        vfs.pNext = nullptr;
        sqlite3_vfs_register(&vfs, 0);
    }
    return vfs.zName;
}

void FailingDisk::fail(Fault fault, int from, int to) { plan = {.fault = fault, .from = from, .to = to}; }

void FailingDisk::work() { plan = {}; }

int FailingDisk::calls() { return plan.calls; }

} // namespace tandem::test
