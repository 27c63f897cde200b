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
    // All outlive the gate.
    AdmissionGate(const EngineOptions &options, const Router &router, EngineStatistics &statistics)
        : sources_(options.sources), failing_(options.failing), users_(options.users), registrar_(options.registrar),
          router_(router), statistics_(statistics) {}

    void set_overloaded(bool is_overloaded) { is_overloaded_ = is_overloaded; }
    void set_store_lost(bool is_lost) { is_store_lost_ = is_lost; }

    bool is_shut() const { return is_overloaded_ || is_store_lost_; } // to whoever comes

    Admission admit(const Message &request, const Endpoint &source, Instant now) override;

    // 403 for an INVITE from where no route takes calls, unless it comes over the flow of a registered user, and 503
    // while he may be a trunk whose name nobody has found yet; 407 for
    // one of our users until he has shown who he is, where calls are challenged. The same for a REGISTER, with 401:
    // what the registrar is asked to change it is asked then.
    GateAnswer judge(const Message &request, const Endpoint &source, Instant now) override;

private:
    bool is_overlooked(const Message &request, const Endpoint &source, Instant now) const;
    GateAnswer judge_register(const Message &request, const Endpoint &source, Instant now);

    SourceLimiter *sources_;
    FailingSources *failing_;
    UserCheck *users_;
    Registrar *registrar_;
    const Router &router_;
    EngineStatistics &statistics_;
    bool is_overloaded_ = false;
    bool is_store_lost_ = false;
};

} // namespace tandem
