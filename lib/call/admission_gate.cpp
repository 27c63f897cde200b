#include "call/admission_gate.hpp"

namespace tandem {

Admission AdmissionGate::admit(const Message &request, const Endpoint &source, Instant now) {
    // First the source, so that one that floods does not spend on an overload what it has.
    const Admission by_source = sources_ ? sources_->admit(source.ip, now) : Admission::accept;
    if (by_source == Admission::refuse) ++statistics_.refused_source;
    if (by_source == Admission::drop) ++statistics_.dropped_source;
    if (by_source != Admission::accept) return by_source;
    if (!is_overloaded_ || request.method() != Method::invite) return Admission::accept;
    ++statistics_.refused_overload;
    return Admission::refuse;
}

} // namespace tandem
