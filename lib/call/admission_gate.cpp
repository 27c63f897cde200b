#include "call/admission_gate.hpp"
#include <utility>

namespace tandem {

Admission AdmissionGate::admit(const Message &request, const Endpoint &source, Instant now) {
    // First the source, so that one that floods does not spend on an overload what it has.
    const Admission by_source = sources_ ? sources_->admit(source.ip, now) : Admission::accept;
    if (by_source == Admission::refuse) ++statistics_.refused_source;
    if (by_source == Admission::drop) ++statistics_.dropped_source;
    if (by_source != Admission::accept) return by_source;
    if (failing_ && failing_->is_slow(source.ip, now) && !is_overlooked(request, source, now)) {
        failing_->note_unheard();
        ++statistics_.dropped_failing;
        return Admission::drop;
    }
    if ((!is_overloaded_ && !is_store_lost_) || request.method() != Method::invite) return Admission::accept;
    ++(is_overloaded_ ? statistics_.refused_overload : statistics_.refused_store);
    return Admission::refuse;
}

// Over UDP anybody fails in the name of anybody: that is not to shut out whom we expect, nor the phone of a user. Who
// guesses passwords gains nothing by it: the answers go to whose address he writes.
bool AdmissionGate::is_overlooked(const Message &request, const Endpoint &source, Instant now) const {
    return router_.is_expected(source.ip) || (sources_ && sources_->is_exempt(source.ip)) ||
           is_over_own_flow(registrar_, request, source, now);
}

GateAnswer AdmissionGate::judge(const Message &request, const Endpoint &source, Instant now) {
    if (request.method() == Method::register_ && registrar_) return judge_register(request, source, now);
    if (request.method() != Method::invite) return {};
    if (users_ && !router_.is_peer(source.ip) && users_->is_of_user(request)) {
        UserCheck::Verdict verdict = users_->check(request, now);
        if (verdict.answer.status == 407) ++statistics_.challenged;
        if (verdict.has_failed) ++statistics_.refused_users;
        if (verdict.has_failed && failing_) failing_->fail(source.ip, SourceFailure::password, now);
        return std::move(verdict.answer);
    }
    if (router_.may_call(source.ip) || is_over_own_flow(registrar_, request, source, now)) return {};
    ++statistics_.refused_strangers;
    if (router_.is_incomplete()) return {.status = 503, .reason = {}, .headers = "Retry-After: 2\r\n"};
    if (failing_) failing_->fail(source.ip, SourceFailure::stranger, now);
    return {.status = 403};
}

GateAnswer AdmissionGate::judge_register(const Message &request, const Endpoint &source, Instant now) {
    RegisterAnswer answer = registrar_->check(request, now);
    const bool is_stranger = answer.status == 403 && !answer.is_suspect; // without any password
    if (failing_ && answer.is_suspect) failing_->fail(source.ip, SourceFailure::password, now);
    if (failing_ && is_stranger) failing_->fail(source.ip, SourceFailure::stranger, now);
    if (answer.status != 0 && answer.status != 401) ++statistics_.refused_registers;
    return {answer.status, std::move(answer.reason), std::move(answer.headers)};
}

} // namespace tandem
