/**
 * @file tandem/profile.h  Profiles: named sets of dialogs, plain or split by value, that are counted and limited.
 *
 * A dialog that joins is a member until it leaves or ends, whatever ends it. Sizes are read in constant time.
 *
 * Threads: every function may be called from any thread.
 * Memory:  arguments are borrowed for the call; a page is the caller's until it is freed.
 */
#ifndef TANDEM_PROFILE_H
#define TANDEM_PROFILE_H

#include <stdint.h>
#include <tandem/dialog.h>
#include <tandem/export.h>
#include <tandem/status.h>
#include <tandem/str.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Who counts: this tracker alone, or all that have joined its cluster, see tandem/cluster.h. */
enum { TANDEM_SCOPE_NODE = 0, TANDEM_SCOPE_CLUSTER = 1 };

/** What becomes of calls that a cluster's limit is for when nobody knows how many there are: tandem/cluster.h. */
enum {
    TANDEM_OUTAGE_CLOSED = 0, /* they are refused: TANDEM_E_OUTAGE */
    TANDEM_OUTAGE_OPEN = 1,   /* they are admitted */
    TANDEM_OUTAGE_LOCAL = 2   /* they are admitted as far as the limit has room for those of this tracker */
};

/** A limit of one value, over that of its profile. */
typedef struct tandem_value_limit {
    tandem_str value;
    uint32_t limit; /* 0: counted only */
} tandem_value_limit;

typedef struct tandem_profile_options {
    uint32_t size;          /* set by TANDEM_PROFILE_OPTIONS_INIT */
    uint32_t has_values;    /* 1: every member joins with a value */
    uint32_t limit;         /* members, of each value if it has values; 0: counted only */
    uint32_t scope;         /* TANDEM_SCOPE_ */
    const tandem_value_limit *limits; /* NULL: none */
    uint32_t limit_count;
    uint32_t unused;        /* a gap in the first version, which has no value in an older host */
    uint32_t on_outage;     /* TANDEM_OUTAGE_, of scope TANDEM_SCOPE_CLUSTER */
} tandem_profile_options;
#define TANDEM_PROFILE_OPTIONS_INIT { sizeof(tandem_profile_options), 0, 0, TANDEM_SCOPE_NODE, 0, 0, 0, \
                                      TANDEM_OUTAGE_CLOSED }

/**
 * Declares a profile, or gives a declared one new limits; its members stay. A profile is never removed.
 *
 * @param name     up to 64 bytes of visible ASCII, without '='
 * @param options  NULL: without values, counted only
 * @return TANDEM_OK, TANDEM_E_INVALID (also has_values or a scope other than before), TANDEM_E_TOO_LARGE,
 *         TANDEM_E_FULL (256 profiles), TANDEM_E_UNSUPPORTED (the scope: the tracker is in no cluster), TANDEM_E_NOMEM
 */
TANDEM_API tandem_status tandem_profile_declare(tandem_tracker *tracker, tandem_str name,
                                                const tandem_profile_options *options);

/** Limits of one call: the declared one applies, or none does. */
#define TANDEM_LIMIT_DECLARED 0u
#define TANDEM_LIMIT_NONE UINT32_MAX

typedef struct tandem_profile_request {
    tandem_str profile;
    tandem_str value; /* up to 256 bytes without control characters; empty for a profile without values, where another
                         profile has the empty value as one like others */
    uint32_t limit;   /* of this call, over all others; TANDEM_LIMIT_DECLARED, TANDEM_LIMIT_NONE */
} tandem_profile_request;

/** Which request could not be granted. */
typedef struct tandem_profile_refusal {
    uint32_t size;    /* set by TANDEM_PROFILE_REFUSAL_INIT */
    uint32_t index;   /* of the request */
    uint32_t members; /* at that moment */
    uint32_t limit;   /* that applied */
} tandem_profile_refusal;
#define TANDEM_PROFILE_REFUSAL_INIT { sizeof(tandem_profile_refusal), 0, 0, 0 }

/**
 * Joins all of the profiles or none, in one step: at no moment a limit is passed, whatever other threads do. A profile
 * that the dialog is in already counts once and refuses nothing.
 *
 * Where one of them is a cluster's and has a limit, the cluster is asked. Those of this tracker alone are joined
 * meanwhile, and left should the cluster refuse.
 *
 * @param count    1 to 32
 * @param refusal  is written on TANDEM_E_LIMIT; may be NULL
 * @return TANDEM_OK, or
 *         TANDEM_PENDING       never for profiles of node scope: the cluster is asked, TANDEM_EVENT_RESERVED brings
 *                              the answer; until then the call waits (answer 100), as long as the cluster's
 *                              timeout_ms at most. Where threads share the tracker it may come before this returns;
 *         TANDEM_E_LIMIT       none is joined: refuse the call with 503 and Retry-After, after
 *                              tandem_dialog_set_end_reason(TANDEM_END_LIMIT);
 *         TANDEM_E_NO_PROFILE, TANDEM_E_INVALID, TANDEM_E_TOO_LARGE  none is joined; tandem_last_error() says why;
 *         TANDEM_E_FULL        a bound: values in use, 32 memberships of one dialog, or questions to the cluster;
 *                              none is joined;
 *         TANDEM_E_CONFLICT    the dialog waits for the answer to another reservation: see TANDEM_EVENT_RESERVED;
 *         TANDEM_E_NOT_FOUND   the dialog has ended; TANDEM_E_NOMEM  none is joined.
 */
TANDEM_API tandem_status tandem_profile_reserve(tandem_tracker *tracker, tandem_dialog_id dialog,
                                                const tandem_profile_request *requests, uint32_t count,
                                                uint64_t now_us, tandem_profile_refusal *refusal);

/** Joins one profile: tandem_profile_reserve() of one, with the declared limit. */
TANDEM_API tandem_status tandem_profile_join(tandem_tracker *tracker, tandem_dialog_id dialog, tandem_str profile,
                                             tandem_str value, uint64_t now_us);

/**
 * Leaves one profile. A host need not: the end of the dialog does it.
 *
 * @return TANDEM_OK, TANDEM_E_NOT_FOUND (the dialog has ended, or is no member), TANDEM_E_NO_PROFILE,
 *         TANDEM_E_INVALID; TANDEM_E_CONFLICT (it waits for the answer to a reservation), TANDEM_E_FULL (too many
 *         questions to the cluster), TANDEM_E_NOMEM: it is a member still
 */
TANDEM_API tandem_status tandem_profile_leave(tandem_tracker *tracker, tandem_dialog_id dialog, tandem_str profile,
                                              tandem_str value, uint64_t now_us);

typedef struct tandem_profile_info {
    uint32_t size;        /* set by TANDEM_PROFILE_INFO_INIT */
    uint32_t has_values;
    uint32_t members;     /* of all values together; a dialog in two of them counts twice */
    uint32_t values;      /* with at least one member */
    uint32_t limit;       /* that is declared; 0: counted only */
    uint64_t refused;     /* reservations that a limit of this profile refused */
} tandem_profile_info;
#define TANDEM_PROFILE_INFO_INIT { sizeof(tandem_profile_info), 0, 0, 0, 0, 0 }

/**
 * Names the profiles that are declared, in the order of their declaration.
 *
 * @param index  from 0
 * @param name   receives the name, which holds as long as the tracker
 * @return TANDEM_OK, TANDEM_E_NOT_FOUND (there are no more), TANDEM_E_INVALID
 */
TANDEM_API tandem_status tandem_profile_at(const tandem_tracker *tracker, uint32_t index, tandem_str *name);

/** Reads a profile's figures. TANDEM_OK, TANDEM_E_NO_PROFILE, TANDEM_E_INVALID. */
TANDEM_API tandem_status tandem_profile_get(const tandem_tracker *tracker, tandem_str profile,
                                            tandem_profile_info *info);

/**
 * The members of a profile, of all values together, in this tracker: also of a profile that a cluster counts.
 * TANDEM_OK, TANDEM_E_NO_PROFILE, TANDEM_E_INVALID.
 */
TANDEM_API tandem_status tandem_profile_size(const tandem_tracker *tracker, tandem_str profile, uint32_t *size);

/**
 * The members of one value; 0 for one that nobody has.
 *
 * @return TANDEM_OK, TANDEM_E_NO_PROFILE, TANDEM_E_INVALID (also for a profile without values)
 */
TANDEM_API tandem_status tandem_profile_value_size(const tandem_tracker *tracker, tandem_str profile,
                                                   tandem_str value, uint32_t *size);

typedef struct tandem_profile_value {
    tandem_str value;
    uint32_t members;
    uint32_t limit; /* that applies; 0: counted only */
} tandem_profile_value;

typedef struct tandem_profile_values {
    uint32_t size;                     /* of this struct in the library that made it */
    uint32_t count;
    const tandem_profile_value *items;
} tandem_profile_values;

/**
 * Lists the values of a profile that have members, a page at a time. What is there from the
 * first page to the last comes at least once; what comes and goes meanwhile may come twice.
 *
 * @param cursor  0 begins; is moved on, and is 0 after the last page
 * @param max     1 to 100000
 * @param page    receives the page, on success only; free it with tandem_profile_values_free()
 * @return TANDEM_OK, TANDEM_E_NO_PROFILE, TANDEM_E_INVALID (also for a profile without values), TANDEM_E_NOMEM
 */
TANDEM_API tandem_status tandem_profile_list_values(const tandem_tracker *tracker, tandem_str profile,
                                                    uint64_t *cursor, uint32_t max, tandem_profile_values **page);

/** Frees a page; NULL is allowed. */
TANDEM_API void tandem_profile_values_free(tandem_profile_values *page);

/**
 * Lists the members of a profile, a page at a time, as tandem_profile_list_values() does.
 *
 * @param value  NULL: of all values
 * @param ids    room for max ids, of which count are written
 * @param max    1 to 100000
 * @return TANDEM_OK, TANDEM_E_NO_PROFILE, TANDEM_E_INVALID, TANDEM_E_NOMEM
 */
TANDEM_API tandem_status tandem_profile_list_members(const tandem_tracker *tracker, tandem_str profile,
                                                     const tandem_str *value, uint64_t *cursor, tandem_dialog_id *ids,
                                                     uint32_t max, uint32_t *count);

/**
 * Asks for the end of every dialog that is a member at this moment: tandem_dialog_request_end() for each.
 *
 * @param value   NULL: of all values
 * @param reason  TANDEM_END_, not NONE
 * @param count   receives how many were asked; may be NULL
 * @return TANDEM_OK, TANDEM_E_NO_PROFILE, TANDEM_E_INVALID, TANDEM_E_NOMEM (some may have been asked: call again)
 */
TANDEM_API tandem_status tandem_profile_end_members(tandem_tracker *tracker, tandem_str profile,
                                                    const tandem_str *value, uint32_t reason, uint64_t now_us,
                                                    uint32_t *count);

#ifdef __cplusplus
}
#endif

#endif
