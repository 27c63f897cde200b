// RFC 3261 figure 5 as corrected by RFC 6026 section 7.2 (accepted, Timer M), with CANCEL (RFC 3261 section 9.1).
#include "transaction/machine.hpp"

namespace tandem {

Step step_invite_client(TransactionState state, Input input) {
    using State = TransactionState;
    switch (state) {
    case State::initial:
        if (input == Input::adopted_refusal) return {State::completed, Action::nothing, Resend::stop, End::d};
        return {State::calling, Action::send, Resend::start, End::b};

    case State::calling:
        switch (input) {
        case Input::resend_due: return {State::calling, Action::resend, Resend::twice}; // Timer A
        case Input::end_due: return {State::terminated, Action::tell_timeout};          // Timer B
        case Input::transport_error:
        case Input::connection_lost: return {State::terminated, Action::tell_transport_error};
        case Input::provisional: return {State::proceeding, Action::tell, Resend::stop, End::stop};
        case Input::success: return {State::accepted, Action::tell, Resend::stop, End::m};
        case Input::refusal: return {State::completed, Action::acknowledge, Resend::stop, End::d};
        case Input::cancel: return {State::calling}; // it waits for the first provisional response
        default: break;
        }
        break;

    case State::proceeding:
        switch (input) {
        case Input::provisional: return {State::proceeding, Action::tell};
        case Input::success: return {State::accepted, Action::tell, Resend::stop, End::m};
        case Input::refusal: return {State::completed, Action::acknowledge, Resend::stop, End::d};
        case Input::cancel: return {State::proceeding, Action::send_cancel, Resend::stop, End::b};
        case Input::end_due:
            return {State::terminated, Action::tell_timeout}; // 64*T1 after CANCEL
        // No arc of the figure, where a peer that lives would answer by a connection of its own. One that does not
        // live is the usual reason.
        case Input::connection_lost: return {State::terminated, Action::tell_transport_error};
        default: break;
        }
        break;

    case State::completed:
        switch (input) {
        case Input::refusal: return {State::completed, Action::resend}; // the ACK
        case Input::transport_error: return {State::terminated, Action::tell_transport_error};
        case Input::end_due: return {State::terminated}; // Timer D
        default: break;
        }
        break;

    case State::accepted:
        switch (input) {
        case Input::success: return {State::accepted, Action::tell}; // again, or of another fork
        case Input::end_due: return {State::terminated};             // Timer M
        default: break;
        }
        break;

    case State::trying:
    case State::confirmed:
    case State::terminated: break;
    }
    return {state};
}

} // namespace tandem
