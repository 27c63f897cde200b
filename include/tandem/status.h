/**
 * @file tandem/status.h  What a function answers. Zero is success, errors are negative; there may be new ones later, so
 * a host treats a negative number that it does not know as a failure.
 *
 * Threads: every function may be called from any thread, at any time.
 * Memory:  a returned text is never freed.
 */
#ifndef TANDEM_STATUS_H
#define TANDEM_STATUS_H

#include <stdint.h>
#include <tandem/export.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t tandem_status;

enum {
    TANDEM_OK = 0,
    TANDEM_PENDING = 1,          /* the answer comes later as an event */
    TANDEM_OWN = 2,              /* the answer to a request of the host's own: see tandem_dialog_cseq_translate() */
    TANDEM_E_BUG = -1,           /* a broken promise of the library's own: please report it */
    TANDEM_E_NOMEM = -2,         /* no memory; nothing has changed, unless the function says otherwise: try again */
    TANDEM_E_INVALID = -3,       /* an argument that is NULL, out of range or of the wrong form: see last_error */
    TANDEM_E_NOT_FOUND = -4,     /* the id names nothing that is alive, or the name nothing that is there */
    TANDEM_E_FULL = -5,          /* a stated bound is reached */
    TANDEM_E_TOO_LARGE = -6,     /* longer than the stated bound, or than the caller's buffer */
    TANDEM_E_EMPTY = -7,         /* no event waits */
    TANDEM_E_STALE_CSEQ = -8,    /* CSeq below the last one of that side (RFC 3261 section 12.2.2) */
    TANDEM_E_NO_DIALOG = -9,     /* a request inside a dialog that is not tracked */
    TANDEM_E_LIMIT = -10,        /* a profile's limit refuses one more */
    TANDEM_E_NO_PROFILE = -11,   /* no profile of this name is declared */
    TANDEM_E_WRONG_TYPE = -12,   /* the variable has another type */
    TANDEM_E_OUT_OF_RANGE = -13, /* the number would overflow */
    TANDEM_E_CONFLICT = -14,     /* the present value or state is another one than expected */
    TANDEM_E_NOT_SIP = -15,      /* the bytes are no SIP message, and hold too little to answer */
    TANDEM_E_UNSUPPORTED = -16,  /* known, and not done by this version */
    TANDEM_E_IO = -17,           /* the operating system refused a descriptor */
    TANDEM_E_MERGED = -18,       /* an INVITE that was answered already (RFC 3261 section 8.2.2.2) */
    TANDEM_E_OUTAGE = -19        /* nobody knows what the cluster has counted: see TANDEM_OUTAGE_CLOSED */
};

/** A few words for a status, for logs: "no such profile". Never NULL, also for a number of no meaning. */
TANDEM_API const char *tandem_status_text(tandem_status status);

/**
 * What was wrong with the last call that failed in this thread, in one line; empty if none did. A success leaves it as
 * it is. The text holds until the next failure in this thread.
 */
TANDEM_API const char *tandem_last_error(void);

#ifdef __cplusplus
}
#endif

#endif
