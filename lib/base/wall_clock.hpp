// Turns monotonic instants into UTC for records, and remembers steps of the wall clock: an instant keeps the UTC
// that was right when it passed, although somebody sets the clock later. From any thread.
#pragma once
#include <cstdint>
#include <deque>
#include "base/brief_mutex.hpp"
#include "base/instant.hpp"

namespace tandem {

class WallClock {
public:
    // UTC microseconds that were read together with `now`.
    WallClock(Instant now, std::int64_t utc_us);

    // A later reading. A difference of 100 ms or more is a step, kept from `now` on; less is drift, and waits until
    // it adds up.
    void observe(Instant now, std::int64_t utc_us);

    // The same, exactly: also a small difference is kept from `now` on.
    void set(Instant now, std::int64_t utc_us);

    std::int64_t utc_us(Instant at) const;

    // The monotonic instant of a stored UTC time, by the present offset: for deadlines that a restart takes over.
    Instant instant(std::int64_t utc_us) const;

private:
    struct Offset {
        Instant since;
        std::int64_t us; // UTC minus monotonic
    };
    void keep(Instant since, std::int64_t us); // with the mutex held

    mutable BriefMutex mutex_;
    std::deque<Offset> offsets_; // oldest first; at most offset_max, never empty; guarded by mutex_
};

} // namespace tandem
