// Whether a worker is behind, and so should refuse new calls for a while: those that are up keep their latency, and the
// rest hears it at once instead of after its own timers.
#pragma once
#include "base/instant.hpp"

namespace tandem {

struct OverloadOptions {
    Duration begin = std::chrono::milliseconds(100); // messages wait so long to be read; zero: never refuse
    Duration end = std::chrono::milliseconds(20);    // less than this, for `calm`
    Duration calm = std::chrono::milliseconds(100);
};

class Overload {
public:
    explicit Overload(const OverloadOptions &options) : options_(options) {}

    // What a batch found, see MessageTransport::lag(). True: the answer has changed.
    bool observe(Duration lag, Instant now);
    bool is_on() const { return is_on_; }
    Duration worst() const { return worst_; } // lag since it began the last time

private:
    OverloadOptions options_;
    bool is_on_ = false;
    Instant behind_at_{}; // the last time, while it is on
    Duration worst_{};
};

} // namespace tandem
