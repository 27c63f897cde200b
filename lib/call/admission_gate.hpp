// Says who may begin a call, before anything is kept of it. What belongs to a call that is up never comes here: it is
// served whatever the load.
#pragma once
#include "base/failing_sources.hpp"
#include "base/source_limiter.hpp"
#include "call/engine.hpp"
#include "call/router.hpp"
#include "transaction/gate.hpp"

namespace tandem {

class AdmissionGate final : public Gate {
public:
    // `sources` and `failing` may be null: no limit for a source. All outlive the gate.
    AdmissionGate(SourceLimiter *sources, FailingSources *failing, const Router &router, EngineStatistics &statistics)
        : sources_(sources), failing_(failing), router_(router), statistics_(statistics) {}

    void set_overloaded(bool is_overloaded) { is_overloaded_ = is_overloaded; }

    Admission admit(const Message &request, const Endpoint &source, Instant now) override;

    // 403 for an INVITE from where no route takes calls.
    GateAnswer judge(const Message &request, const Endpoint &source, Instant now) override;

private:
    SourceLimiter *sources_;
    FailingSources *failing_;
    const Router &router_;
    EngineStatistics &statistics_;
    bool is_overloaded_ = false;
};

} // namespace tandem
