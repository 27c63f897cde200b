#include "capi/status.hpp"
#include <algorithm>
#include <array>

namespace tandem::capi {
namespace {

// An array: it can be written when there is no memory, and needs no end.
thread_local std::array<char, 256> last_error{};

} // namespace

tandem_status status_of(Error error) {
    switch (error) {
    case Error::bug: return TANDEM_E_BUG;
    case Error::full: return TANDEM_E_FULL;
    case Error::not_found: return TANDEM_E_NOT_FOUND;
    case Error::invalid: return TANDEM_E_INVALID;
    case Error::not_sip: return TANDEM_E_NOT_SIP;
    case Error::too_large: return TANDEM_E_TOO_LARGE;
    case Error::stale_cseq: return TANDEM_E_STALE_CSEQ;
    case Error::no_dialog: return TANDEM_E_NO_DIALOG;
    case Error::merged: return TANDEM_E_MERGED;
    case Error::wrong_type: return TANDEM_E_WRONG_TYPE;
    case Error::out_of_range: return TANDEM_E_OUT_OF_RANGE;
    case Error::conflict: return TANDEM_E_CONFLICT;
    case Error::limit: return TANDEM_E_LIMIT;
    case Error::no_profile: return TANDEM_E_NO_PROFILE;
    case Error::io: return TANDEM_E_IO;
    case Error::store_failed: return TANDEM_E_OUTAGE;
    case Error::wrong_state:
    case Error::store_renewed:
    case Error::config_invalid: break; // of parts that are not behind this interface
    }
    return TANDEM_E_BUG;
}

tandem_status fail(tandem_status status, std::string_view text) {
    const std::size_t size = std::min(text.size(), last_error.size() - 1);
    std::copy_n(text.begin(), size, last_error.begin());
    last_error[size] = '\0';
    return status;
}

tandem_status fail(Error error) {
    const tandem_status status = status_of(error);
    return fail(status, tandem_status_text(status));
}

} // namespace tandem::capi

extern "C" {

const char *tandem_status_text(tandem_status status) {
    switch (status) {
    case TANDEM_OK: return "success";
    case TANDEM_PENDING: return "the answer comes as an event";
    case TANDEM_OWN: return "the answer to a request of the host's own";
    case TANDEM_E_BUG: return "a bug in the library";
    case TANDEM_E_NOMEM: return "no memory";
    case TANDEM_E_INVALID: return "invalid argument";
    case TANDEM_E_NOT_FOUND: return "not found";
    case TANDEM_E_FULL: return "a bound is reached";
    case TANDEM_E_TOO_LARGE: return "too large";
    case TANDEM_E_EMPTY: return "no event waits";
    case TANDEM_E_STALE_CSEQ: return "CSeq below the last one";
    case TANDEM_E_NO_DIALOG: return "no such dialog";
    case TANDEM_E_MERGED: return "the INVITE was answered already";
    case TANDEM_E_LIMIT: return "limit reached";
    case TANDEM_E_NO_PROFILE: return "no such profile";
    case TANDEM_E_WRONG_TYPE: return "the variable has another type";
    case TANDEM_E_OUT_OF_RANGE: return "the number would overflow";
    case TANDEM_E_CONFLICT: return "the present value is another one";
    case TANDEM_E_NOT_SIP: return "no SIP message";
    case TANDEM_E_UNSUPPORTED: return "not supported by this version";
    case TANDEM_E_IO: return "the operating system refused";
    case TANDEM_E_OUTAGE: return "the cluster does not answer";
    default: return "unknown status";
    }
}

const char *tandem_last_error() { return tandem::capi::last_error.data(); }

} // extern "C"
