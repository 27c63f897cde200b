// RFC 3261 figure 8. A transport error changes no state here either: RFC 6026 section 8.8 rewrites RFC 3261 section
// 17.2.4 for both server transactions.
#include "transaction/machine.hpp"

namespace tandem {

Step step_non_invite_server(TransactionState state, Input input) {
    using State = TransactionState;
    switch (state) {
    case State::initial: return {State::trying, Action::tell};

    case State::trying:
        switch (input) {
        case Input::provisional: return {State::proceeding, Action::send};
        case Input::success:
        case Input::refusal: return {State::completed, Action::send, Resend::stop, End::j};
        default: break; // a request that comes again is absorbed
        }
        break;

    case State::proceeding:
        switch (input) {
        case Input::request: return {State::proceeding, Action::resend};
        case Input::provisional: return {State::proceeding, Action::send};
        case Input::success:
        case Input::refusal: return {State::completed, Action::send, Resend::stop, End::j};
        case Input::transport_error: return {State::proceeding, Action::tell_transport_error};
        default: break;
        }
        break;

    case State::completed:
        switch (input) {
        case Input::request: return {State::completed, Action::resend};
        case Input::transport_error: return {State::completed, Action::tell_transport_error};
        case Input::end_due: return {State::terminated}; // Timer J
        default: break;
        }
        break;

    case State::calling:
    case State::confirmed:
    case State::accepted:
    case State::terminated: break;
    }
    return {state};
}

} // namespace tandem
