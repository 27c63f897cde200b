// Says who may begin a call, before anything is kept of it. What belongs to a call that is up never comes here: it is
// served whatever the load.
#pragma once
#include "base/source_limiter.hpp"
#include "call/engine.hpp"
#include "transaction/gate.hpp"

namespace tandem {

class AdmissionGate final : public Gate {
public:
    // `sources` may be null: no limit for a source. Both outlive the gate.
    AdmissionGate(SourceLimiter *sources, EngineStatistics &statistics) : sources_(sources), statistics_(statistics) {}

    void set_overloaded(bool is_overloaded) { is_overloaded_ = is_overloaded; }

    Admission admit(const Message &request, const Endpoint &source, Instant now) override;

private:
    SourceLimiter *sources_;
    EngineStatistics &statistics_;
    bool is_overloaded_ = false;
};

} // namespace tandem
