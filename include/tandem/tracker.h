/**
 * @file tandem/tracker.h  The tracker: SIP messages in; states, counts, events and call records out.
 *
 * One input, drain the output, next input:
 *
 *     tandem_tracker_feed(tracker, &message, now_us, NULL);
 *     while (tandem_event_next(tracker, &event) == TANDEM_OK) { handle(&event); tandem_event_free(&event); }
 *     arm_timer(tandem_tracker_timeout_ms(tracker, now_us));   // then tandem_tracker_advance(tracker, now_us)
 *
 * Where a host feeds: a proxy feeds each message once, on the side of the caller; of a request that it forks, the
 * responses that it passes on to the caller, and no CANCEL that it makes itself. A B2BUA feeds each of its legs, what
 * it receives and what it sends there: see tandem_leg. Retransmissions may be fed or left out.
 *
 * Which INVITE is which: Call-ID, From-tag and CSeq number name a set, so another number begins another. The branch,
 * where a host gives it (then of all: INVITE, CANCEL, responses), says more. One that comes by several branches while
 * it rings (a spiral, or a proxy before the host that forks) is one set, which ends when all of them were refused: of a
 * spiral feed both passes. One that comes again when it was answered, and by the same branch for 32 seconds when its
 * set has ended, is TANDEM_E_MERGED; with another branch it is a new try then.
 *
 * Time: now_us is the host's monotonic clock in microseconds, at most 2^62; the same clock in every call. Threads may
 * be apart by a little; time does not go back for it.
 * Threads: every function may be called from any thread, _free when no other call runs or comes; messages of one dialog
 *          must come in order. Nothing calls back. Dialogs are spread over shards by Call-ID, so threads seldom wait
 *          for each other (never, by tandem_tracker_shard_of()), and no call waits for anything but that.
 * Memory:  arguments are borrowed for the call.
 */
#ifndef TANDEM_TRACKER_H
#define TANDEM_TRACKER_H

#include <stdint.h>
#include <tandem/dialog.h>
#include <tandem/export.h>
#include <tandem/message.h>
#include <tandem/status.h>
#include <tandem/str.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Zero means the default in every field. Timeouts are at most 100 years. */
typedef struct tandem_tracker_options {
    uint32_t size;                /* set by TANDEM_TRACKER_OPTIONS_INIT */
    uint32_t shards;              /* 0: 16; a power of two up to 256 */
    uint32_t dialog_max;          /* 0: 131072; sets, with those whose end was not taken yet */
    uint32_t event_max;           /* 0: 65536; events of one shard that wait, see tandem/event.h */
    uint32_t events;              /* mask of TANDEM_EVENT_MASK(type) wanted; 0: all; TANDEM_EVENTS_NONE */
    uint32_t fork_max;            /* 0: 32; To-tags of one INVITE. Further ones count only when they answer */
    uint32_t variable_max;        /* 0: 64; variables of one dialog */
    uint32_t variable_bytes_max;  /* 0: 16384; names and values of one dialog */
    uint32_t profile_value_max;   /* 0: 1000000; values in use, of all profiles */
    uint64_t early_timeout_ms;    /* 0: 181000; Timer C exceeds three minutes (RFC 3261 section 16.6) */
    uint64_t no_ack_timeout_ms;   /* 0: 32000; 64*T1 */
    uint64_t lifetime_timeout_ms; /* 0: 43200000; TANDEM_NO_TIMEOUT */
    uint64_t bye_timeout_ms;      /* 0: 32000 */
    const tandem_str *indexed_variables; /* names by whose value dialogs can be found; NULL: none */
    uint32_t indexed_variable_count;     /* at most 64 */
} tandem_tracker_options;
#define TANDEM_TRACKER_OPTIONS_INIT { sizeof(tandem_tracker_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/** No events at all: an ended set is forgotten at once, and nothing has to be drained. */
#define TANDEM_EVENTS_NONE 0x80000000u

/**
 * Makes a tracker. Times of records are UTC by the system's clock, which is read here and belongs to now_us, unless
 * tandem_tracker_set_clock() says otherwise. A host whose now_us is UTC itself, that of a capture say, calls
 * tandem_tracker_set_clock(tracker, now_us, now_us).
 *
 * @param options  NULL: all defaults
 * @param now_us   the present of the host's clock, as in every later call
 * @param tracker  receives it, on success only; free it with tandem_tracker_free()
 * @return TANDEM_OK, TANDEM_E_INVALID (an option; tandem_last_error() says which), TANDEM_E_NOMEM, TANDEM_E_IO (no
 *         randomness)
 */
TANDEM_API tandem_status tandem_tracker_new(const tandem_tracker_options *options, uint64_t now_us,
                                            tandem_tracker **tracker);

/** Frees it with all that it holds, unended dialogs without a record; NULL is allowed. */
TANDEM_API void tandem_tracker_free(tandem_tracker *tracker);

/**
 * Says which UTC belongs to now_us, exactly and from now on: after a step of the wall clock, or for the time of a
 * capture. What was before keeps its UTC.
 *
 * @param utc_us  microseconds since 1970
 * @return TANDEM_OK, TANDEM_E_INVALID, TANDEM_E_NOMEM
 */
TANDEM_API tandem_status tandem_tracker_set_clock(tandem_tracker *tracker, uint64_t now_us, int64_t utc_us);

/**
 * Takes one message that was received or is about to be sent.
 *
 * @param message  may be a retransmission or belong to no dialog: accepted, nothing changes
 * @param dialog   receives the matching set, or 0; may be NULL
 * @return TANDEM_OK, or
 *         TANDEM_E_STALE_CSEQ  CSeq below the last one from that side: a side of the dialog answers 500 (RFC 3261
 *                              section 12.2.2), a proxy lets it pass: it may be a retransmission;
 *         TANDEM_E_MERGED      an INVITE that was answered already, of a live set or of one that has ended: drop it,
 *                              for whoever answered repeats that, or answer 482 (RFC 3261 section 8.2.2.2). Passed on
 *                              it might be a new call to its callee, which nobody counts;
 *         TANDEM_E_NO_DIALOG   a request inside a dialog that is not here: answer 481, or let it pass, as a proxy does;
 *         TANDEM_E_FULL        dialog_max is reached, 64 live sets share the Call-ID, or the INVITE came by fork_max
 *                              branches: it is untracked, answer 503 or let it pass. Drain the events if that was
 *                              not done: a set stays until its end was taken;
 *         TANDEM_E_INVALID, TANDEM_E_TOO_LARGE  see tandem_message: answer 400; nothing changed;
 *         TANDEM_E_NOMEM       nothing or part of it was taken: answer 503.
 */
TANDEM_API tandem_status tandem_tracker_feed(tandem_tracker *tracker, const tandem_message *message, uint64_t now_us,
                                             tandem_dialog_id *dialog);

/**
 * The shard of a Call-ID, for hosts whose messages go to one of several threads: where each thread has shards of its
 * own, tandem_tracker_shard_of() modulo their number say, they neither wait for each other nor share memory, and two
 * do twice the work of one. Any thread may feed any message all the same.
 *
 * @return from 0 to tandem_tracker_options.shards - 1; 0 for NULL
 */
TANDEM_API uint32_t tandem_tracker_shard_of(const tandem_tracker *tracker, tandem_str call_id);

/** What a host knows of the INVITE that begins a set. */
typedef struct tandem_leg {
    uint32_t size;            /* set by TANDEM_LEG_INIT */
    uint32_t local_side;      /* the side that the host itself is; TANDEM_LEG_NONE: seen from the middle */
    tandem_dialog_id leg_of;  /* the set of the caller's leg, for another leg of its call, which is not counted and has
                                 no record of its own: that of the caller's shows its Call-ID and trunk; 0: this set
                                 counts */
    tandem_str source;        /* for the record: where the INVITE came from; up to 256 bytes */
    tandem_str trunk;         /* for the record; up to 256 bytes */
    uint64_t user_data;       /* the host's own word, returned with the dialog and its events */
} tandem_leg;
#define TANDEM_LEG_INIT { sizeof(tandem_leg), TANDEM_LEG_NONE, 0, {0, 0}, {0, 0}, 0 }

/** tandem_leg.local_side. */
enum { TANDEM_LEG_NONE = 0, TANDEM_LEG_CALLER = 1, TANDEM_LEG_CALLEE = 2 };

/**
 * The same for an INVITE without To-tag, with what the host knows of it. On a leg whose local_side is given nobody else
 * may speak for that side: feed what the host sends there with is_ours = 1.
 *
 * @param leg  NULL: as tandem_tracker_feed()
 * @return as tandem_tracker_feed(); TANDEM_E_INVALID also for any other message; TANDEM_E_NOT_FOUND: leg_of is gone
 */
TANDEM_API tandem_status tandem_tracker_feed_invite(tandem_tracker *tracker, const tandem_message *invite,
                                                    const tandem_leg *leg, uint64_t now_us, tandem_dialog_id *dialog);

/**
 * Parses bytes and feeds them: tandem_message_parse() and tandem_tracker_feed(), with the errors of both. Only in
 * libtandem. For what only passes the host: is_ours is 0, and a branch is taken as it stands.
 */
TANDEM_SIP_API tandem_status tandem_tracker_feed_bytes(tandem_tracker *tracker, const char *data, size_t size,
                                                       uint64_t now_us, tandem_dialog_id *dialog);

/** Lets every deadline fire that is due. TANDEM_OK, TANDEM_E_INVALID, TANDEM_E_NOMEM (call again). */
TANDEM_API tandem_status tandem_tracker_advance(tandem_tracker *tracker, uint64_t now_us);

/**
 * When to call tandem_tracker_advance() next: never too late, sometimes too early, which does no harm.
 *
 * @return milliseconds from now_us, rounded up; 0: now; -1: nothing waits. As poll(2) takes it
 */
TANDEM_API int32_t tandem_tracker_timeout_ms(const tandem_tracker *tracker, uint64_t now_us);

/** Counts of sets, without the further legs of a B2BUA's calls. */
typedef struct tandem_statistics {
    uint32_t size;         /* set by TANDEM_STATISTICS_INIT */
    uint64_t early;        /* now: without a final answer */
    uint64_t active;       /* now: with a confirmed fork */
    uint64_t processed;    /* since the start, as all that follow */
    uint64_t failed;       /* ended without an answer */
    uint64_t expired;      /* reached a deadline */
    uint64_t refused;      /* untracked: TANDEM_E_FULL */
    uint64_t limited;      /* reservations that a limit refused */
    uint64_t events_lost;  /* see tandem/event.h */
} tandem_statistics;
#define TANDEM_STATISTICS_INIT { sizeof(tandem_statistics), 0, 0, 0, 0, 0, 0, 0, 0 }

/** Reads the counts, without a lock. TANDEM_OK, TANDEM_E_INVALID. */
TANDEM_API tandem_status tandem_tracker_statistics(const tandem_tracker *tracker, tandem_statistics *statistics);

/**
 * Lists live sets that outlived their deadline by more than grace_ms: none, unless tandem_tracker_advance() is not
 * called. Walks all sets.
 *
 * @param ids    room for max ids; may be NULL where max is 0
 * @param count  receives how many there are, which may be more than max
 * @return TANDEM_OK, TANDEM_E_INVALID, TANDEM_E_NOMEM
 */
TANDEM_API tandem_status tandem_tracker_watchdog(const tandem_tracker *tracker, uint64_t now_us, uint64_t grace_ms,
                                                 tandem_dialog_id *ids, uint32_t max, uint32_t *count);

/** What tandem_tracker_audit() found and repaired. All but `checked` are 0, unless the library erred. */
typedef struct tandem_audit {
    uint32_t size;      /* set by TANDEM_AUDIT_INIT */
    uint64_t checked;   /* memberships of live dialogs */
    uint64_t removed;   /* counted members that were no live dialog's */
    uint64_t added;     /* memberships of live dialogs that were not counted */
    uint64_t misplaced; /* members at a wrong place in their list */
} tandem_audit;
#define TANDEM_AUDIT_INIT { sizeof(tandem_audit), 0, 0, 0, 0 }

/**
 * Proves that every profile's size equals the number of its live members, and the same of the indexed variables. Stops
 * every shard meanwhile: for an operator's question, not for every second.
 *
 * @return TANDEM_OK, TANDEM_E_INVALID, TANDEM_E_NOMEM (nothing was changed)
 */
TANDEM_API tandem_status tandem_tracker_audit(tandem_tracker *tracker, tandem_audit *audit);

#ifdef __cplusplus
}
#endif

#endif
