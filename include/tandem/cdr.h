/**
 * @file tandem/cdr.h  The closed record of a call: exactly one for each dialog set that counts, failed ones too.
 *
 * Records come as events (tandem/event.h).
 *
 * Threads: every function may be called from any thread.
 * Memory:  a record belongs to its event, and with it its text.
 */
#ifndef TANDEM_CDR_H
#define TANDEM_CDR_H

#include <stddef.h>
#include <stdint.h>
#include <tandem/dialog.h>
#include <tandem/export.h>
#include <tandem/status.h>
#include <tandem/str.h>
#include <tandem/variable.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tandem_cdr {
    uint32_t size;           /* of this struct in the library that made it */
    uint32_t end_reason;     /* TANDEM_END_, never NONE */
    tandem_str id;           /* 32 hexadecimal digits, unique across restarts, in the order of creation */
    tandem_str call_id;      /* of the caller's INVITE */
    tandem_str callee_call_id; /* of a B2BUA's leg to the callee, of several the last; empty if seen from the middle */
    tandem_str from_uri;
    tandem_str to_uri;
    tandem_str request_uri;
    tandem_str source;
    tandem_str trunk;
    int64_t created_us;      /* UTC microseconds, as the next three */
    int64_t ringing_us;      /* first provisional answer above 100; 0: none came */
    int64_t answered_us;     /* 0: never */
    int64_t ended_us;        /* of a BYE that was never answered: when it came */
    int64_t duration_us;     /* answer to end by the host's monotonic clock; never negative; 0 if never answered */
    uint32_t sip_code;       /* final answer of the INVITE; 0: none was seen */
    uint32_t q850;           /* cause of a Reason header (RFC 3326); 0: none */
    const tandem_membership *profiles;
    uint32_t profile_count;
    uint32_t variable_count;
    const tandem_variable *variables;
} tandem_cdr;

/**
 * Writes a record as JSON (RFC 8259) on one line, zero-terminated: the names of the fields here and `caller_call_id`,
 * which equals `call_id`; null for what did not happen or is not known (callee_call_id, source, trunk, ringing_us,
 * answered_us, q850); `profiles` as
 * [{"name":"user","value":"alice"}], `variables` as {"name":value} with bytes in base64. Bytes that are no UTF-8 become
 * U+FFFD.
 *
 * @param buffer  may be NULL where capacity is 0
 * @param needed  receives the size with the zero; may be NULL
 * @return TANDEM_OK, TANDEM_E_TOO_LARGE (needed says how much; buffer is unchanged), TANDEM_E_INVALID, TANDEM_E_NOMEM
 */
TANDEM_API tandem_status tandem_cdr_json(const tandem_cdr *cdr, char *buffer, size_t capacity, size_t *needed);

#ifdef __cplusplus
}
#endif

#endif
