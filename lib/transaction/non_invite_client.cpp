// RFC 3261 figure 6.
#include "transaction/machine.hpp"

namespace tandem {

Step step_non_invite_client(TransactionState state, Input input) {
    using State = TransactionState;
    switch (state) {
    case State::initial: return {State::trying, Action::send, Resend::start, End::f};

    case State::trying:
        switch (input) {
        case Input::resend_due: return {State::trying, Action::resend, Resend::twice_to_t2}; // Timer E
        case Input::end_due: return {State::terminated, Action::tell_timeout};               // Timer F
        case Input::transport_error:
        case Input::connection_lost: return {State::terminated, Action::tell_transport_error};
        case Input::provisional: return {State::proceeding, Action::tell};
        case Input::success:
        case Input::refusal: return {State::completed, Action::tell, Resend::stop, End::k};
        default: break;
        }
        break;

    case State::proceeding:
        switch (input) {
        case Input::resend_due: return {State::proceeding, Action::resend, Resend::t2}; // Timer E
        case Input::end_due: return {State::terminated, Action::tell_timeout};          // Timer F
        case Input::transport_error:
        case Input::connection_lost: return {State::terminated, Action::tell_transport_error};
        case Input::provisional: return {State::proceeding, Action::tell};
        case Input::success:
        case Input::refusal: return {State::completed, Action::tell, Resend::stop, End::k};
        default: break;
        }
        break;

    case State::completed:
        switch (input) {
        case Input::end_due: return {State::terminated}; // Timer K
        default: break;                                  // a response that comes again is absorbed
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
