// How the trunks stand that we register with: who routes calls asks, and whoever wants to see it. From any thread; one
// worker notes it.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>
#include "base/brief_mutex.hpp"
#include "base/instant.hpp"
#include "call/registration.hpp"
#include "node/log.hpp"

namespace tandem {

class TrunkStates {
public:
    explicit TrunkStates(Log &log) : log_(log) {} // outlives the object

    // Notes it, with a line in the log where it is another state, or fails in another way.
    void note(const TrunkStatus &status, Instant now);

    // Calls are taken there. False also for a trunk that nothing is known of.
    bool is_registered(std::string_view trunk) const;

    std::vector<TrunkStatus> list() const; // by name

private:
    void log(const TrunkStatus &status, const TrunkStatus *before, Instant now);

    Log &log_;
    mutable BriefMutex mutex_;
    std::map<std::string, TrunkStatus, std::less<>> trunks_; // guarded by mutex_; no more than the configuration has
};

} // namespace tandem
