// RFC 3261 figure 7 as corrected by RFC 6026 section 7.1: accepted, Timer L. A transport error changes no state
// (RFC 6026 section 8.8): a transaction that ended by it would take the next retransmission for a new call.
#include "transaction/machine.hpp"

namespace tandem {

Step step_invite_server(TransactionState state, Input input) {
    using State = TransactionState;
    switch (state) {
    case State::initial: return {State::proceeding, Action::tell};

    case State::proceeding:
        switch (input) {
        case Input::request: return {State::proceeding, Action::resend};
        case Input::provisional: return {State::proceeding, Action::send};
        case Input::success: return {State::accepted, Action::send, Resend::stop, End::l};
        case Input::refusal: return {State::completed, Action::send, Resend::start, End::h};
        case Input::transport_error: return {State::proceeding, Action::tell_transport_error};
        default: break;
        }
        break;

    case State::completed:
        switch (input) {
        case Input::request: return {State::completed, Action::resend};
        case Input::resend_due: return {State::completed, Action::resend, Resend::twice_to_t2}; // Timer G
        case Input::ack: return {State::confirmed, Action::nothing, Resend::stop, End::i};
        case Input::end_due: return {State::terminated, Action::tell_timeout}; // Timer H
        case Input::transport_error: return {State::completed, Action::tell_transport_error};
        default: break;
        }
        break;

    case State::confirmed:
        switch (input) {
        case Input::end_due: return {State::terminated}; // Timer I
        default: break;                                  // an ACK that comes again is absorbed
        }
        break;

    case State::accepted:
        switch (input) {
        case Input::ack: return {State::accepted, Action::tell};
        case Input::success: return {State::accepted, Action::resend}; // the user repeats it
        case Input::end_due: return {State::terminated};               // Timer L
        case Input::transport_error: return {State::accepted, Action::tell_transport_error};
        default: break; // an INVITE that comes again is absorbed
        }
        break;

    case State::calling:
    case State::trying:
    case State::terminated: break;
    }
    return {state};
}

} // namespace tandem
