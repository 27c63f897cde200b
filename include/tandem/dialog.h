/**
 * @file tandem/dialog.h  What is known of one call: its dialog set, an INVITE with every fork that grew from it.
 *
 * Threads: every function may be called from any thread.
 * Memory:  an info is the caller's until tandem_dialog_info_free(); everything else is borrowed for the call.
 */
#ifndef TANDEM_DIALOG_H
#define TANDEM_DIALOG_H

#include <stdint.h>
#include <tandem/export.h>
#include <tandem/message.h>
#include <tandem/status.h>
#include <tandem/str.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tandem_tracker tandem_tracker; /* see tandem/tracker.h */

/**
 * A dialog set. The network owns it, so it may end at any time: an id whose set is gone answers TANDEM_E_NOT_FOUND, and
 * is not given again while 16 million others take its place. 0 is none.
 */
typedef uint64_t tandem_dialog_id;

/** States (RFC 4235 section 3.7.1). Proceeding: a provisional answer without a tag. */
enum {
    TANDEM_STATE_TRYING = 0,
    TANDEM_STATE_PROCEEDING = 1,
    TANDEM_STATE_EARLY = 2,
    TANDEM_STATE_CONFIRMED = 3,
    TANDEM_STATE_TERMINATED = 4
};

/** The lasting sides of a call. */
enum { TANDEM_SIDE_CALLER = 0, TANDEM_SIDE_CALLEE = 1 };

/** Why a set ended. The first reason that is known stays. */
enum {
    TANDEM_END_NONE = 0, /* it has not ended */
    TANDEM_END_CALLER_BYE = 1,
    TANDEM_END_CALLEE_BYE = 2,
    TANDEM_END_CANCELLED = 3,     /* the caller gave up before the answer */
    TANDEM_END_REFUSED = 4,       /* a final answer of 3xx to 6xx */
    TANDEM_END_NO_ANSWER = 5,     /* nobody answered in time */
    TANDEM_END_NO_ACK = 6,        /* answered, but the ACK never came */
    TANDEM_END_LIMIT = 7,         /* a profile's limit refused it */
    TANDEM_END_EXPIRED = 8,       /* its longest lifetime passed */
    TANDEM_END_SESSION_TIMER = 9, /* no refresh came (RFC 4028) */
    TANDEM_END_PROBE = 10,        /* a peer no longer knows the dialog */
    TANDEM_END_ADMIN = 11,        /* ended by a command */
    TANDEM_END_TRANSPORT = 12,    /* the peer could not be reached */
    TANDEM_END_RESTART = 13       /* was up when a process ended that could not take it along */
};

/** The name of a state, a side or a reason: "confirmed", "caller", "caller_bye"; "" for a number of no meaning. */
TANDEM_API const char *tandem_state_name(uint32_t state);
TANDEM_API const char *tandem_side_name(uint32_t side);
TANDEM_API const char *tandem_end_name(uint32_t reason);

/** Timers. Each set has exactly one running, so nothing stays for ever. */
enum {
    TANDEM_TIMER_EARLY = 0,    /* from the INVITE or the latest provisional answer above 100 to the final answer */
    TANDEM_TIMER_NO_ACK = 1,   /* from the answer to its ACK */
    TANDEM_TIMER_LIFETIME = 2, /* from the answer to the BYE */
    TANDEM_TIMER_BYE = 3       /* from the BYE to its answer, or from the CANCEL to the final answer; the same from
                                  TANDEM_EVENT_END_DUE, which asks for one of them */
};

/** No limit, for TANDEM_TIMER_LIFETIME alone. */
#define TANDEM_NO_TIMEOUT UINT64_MAX

/** A profile that a dialog set is in, or was in when it ended. */
typedef struct tandem_membership {
    tandem_str profile;
    tandem_str value;   /* empty for a profile without values */
    uint32_t has_value;
} tandem_membership;

/** One To-tag of the set (RFC 3261 section 12): a dialog of its own. */
typedef struct tandem_fork {
    uint32_t state;           /* TANDEM_STATE_ */
    uint32_t is_acked;        /* the ACK of its 2xx was seen */
    uint32_t caller_cseq;     /* of the last request from there; 0: none */
    uint32_t callee_cseq;
    tandem_str to_tag;
    tandem_str target;        /* Contact: where requests to the callee go */
    tandem_str route_set;     /* in the order that a request to the callee carries it, separated by commas */
    uint64_t reserved[4];     /* 0 */
} tandem_fork;

/** A copy of all that is known of a set. */
typedef struct tandem_dialog_info {
    uint32_t size;              /* of this struct in the library that made it */
    uint32_t state;             /* TANDEM_STATE_ */
    tandem_dialog_id id;
    tandem_str record_id;       /* 32 hexadecimal digits, unique across restarts: that of the CDR */
    uint32_t end_reason;        /* TANDEM_END_; known before the end while a BYE is under way */
    uint32_t sip_code;          /* final answer of the INVITE; 0: none yet */
    uint32_t q850;              /* cause of a Reason header; 0: none */
    uint32_t invite_cseq;
    tandem_str call_id;
    tandem_str from_tag;
    tandem_str from_uri;
    tandem_str to_uri;
    tandem_str request_uri;
    tandem_str target;          /* where requests to the caller go */
    tandem_str route_set;       /* in the order that a request to the caller carries it */
    tandem_str source;          /* as given with the leg */
    tandem_str trunk;           /* as given with the leg, or later */
    int64_t created_us;         /* UTC microseconds, as the next three; 0: not yet */
    int64_t ringing_us;
    int64_t answered_us;
    int64_t ended_us;           /* of a BYE or an end that was never answered: when it came */
    uint64_t deadline_us;       /* of the host's clock: when the present state ends by itself; UINT64_MAX: never */
    uint64_t user_data;         /* as given with the leg, or later */
    const tandem_fork *forks;   /* the confirmed or else the latest early one first */
    uint32_t fork_count;
    uint32_t profile_count;
    const tandem_membership *profiles;
} tandem_dialog_info;

/**
 * Copies what is known of a set.
 *
 * @param info  receives it, on success only; free it with tandem_dialog_info_free()
 * @return TANDEM_OK, TANDEM_E_NOT_FOUND, TANDEM_E_INVALID (NULL), TANDEM_E_NOMEM
 */
TANDEM_API tandem_status tandem_dialog_get(tandem_tracker *tracker, tandem_dialog_id dialog,
                                           tandem_dialog_info **info);

/** Frees a copy; NULL is allowed. */
TANDEM_API void tandem_dialog_info_free(tandem_dialog_info *info);

/** The state alone, without a copy. TANDEM_E_NOT_FOUND, TANDEM_E_INVALID. */
TANDEM_API tandem_status tandem_dialog_state(tandem_tracker *tracker, tandem_dialog_id dialog, uint32_t *state);

/**
 * Finds the live set of a dialog by its Call-ID and tags, as they stand in a Replaces or Join header (RFC 3891).
 *
 * @param tag_a, tag_b  the tags, in either order; with tag_b empty, the set whose From-tag is tag_a
 * @return TANDEM_OK, TANDEM_E_NOT_FOUND, TANDEM_E_INVALID
 */
TANDEM_API tandem_status tandem_dialog_find(tandem_tracker *tracker, tandem_str call_id, tandem_str tag_a,
                                            tandem_str tag_b, tandem_dialog_id *dialog);

/**
 * Lists live sets, a page at a time. What is there from the first page to the last comes once.
 *
 * @param cursor  0 begins; is moved on, and is 0 after the last page
 * @param ids     room for max ids, of which count are written
 * @param max     1 to 100000
 * @return TANDEM_OK, TANDEM_E_INVALID, TANDEM_E_NOMEM
 */
TANDEM_API tandem_status tandem_dialog_list(tandem_tracker *tracker, uint64_t *cursor, tandem_dialog_id *ids,
                                            uint32_t max, uint32_t *count);

/**
 * Gives one set a timeout of its own, counted from where the tracker's is. One that has passed fires at the next
 * tandem_tracker_advance(). A timeout for a state to come is kept until then.
 *
 * @param timer       TANDEM_TIMER_
 * @param timeout_ms  0: the tracker's again
 * @return TANDEM_OK, TANDEM_E_NOT_FOUND (ended), TANDEM_E_INVALID, TANDEM_E_NOMEM
 */
TANDEM_API tandem_status tandem_dialog_set_timeout(tandem_tracker *tracker, tandem_dialog_id dialog, uint32_t timer,
                                                   uint64_t timeout_ms);

/**
 * The CSeq number of the next request that `side` sends on the dialog, for a BYE or a re-INVITE of the host's own (RFC
 * 3261 section 12.2.1.1). Feed the request that carries it, else the number is not taken. For the legs of a B2BUA: a
 * proxy takes its numbers by tandem_dialog_cseq_take().
 *
 * @param to_tag  the fork meant; empty: the one in front
 * @return TANDEM_OK, TANDEM_E_NOT_FOUND, TANDEM_E_INVALID
 */
TANDEM_API tandem_status tandem_dialog_next_cseq(tandem_tracker *tracker, tandem_dialog_id dialog, uint32_t side,
                                                 tandem_str to_tag, uint32_t *cseq);

/*
 * CSeq numbers on both sides of a proxy.
 *
 * A proxy that answers a challenge itself (401, 407; RFC 3261 section 22) sends the request again with the next CSeq
 * number, and one that sends a BYE or an OPTIONS of its own takes a number, too. The side that sent the request knows
 * nothing of it, so from then on every number of the dialog is another one on the far side. These functions keep the
 * map, in both directions, apart for each To-tag and, before the answer, for each target of the INVITE. What comes
 * again has the number that it had. A dialog without challenges costs nothing, and all its numbers stay.
 *
 *     A request, ACK or CANCEL came:  feed it as it came; translate; write that number; send it on.
 *     An answer came:                 translate; give it that number; feed it so; send it on. TANDEM_OWN: keep it.
 *     A challenge, to be answered:    do not feed it; retry; send the request of it again with that number and the
 *                                     credentials, by another branch of the Via (RFC 3261 section 8.1.3.5).
 *     A request of the proxy's own:   take; feed it with that number and is_ours = 1; send it. Feed its answer with
 *                                     the number that translate gives.
 *
 * So a message is always fed with the number that the sender of its request knows. The ACK of an INVITE that was
 * refused ends no dialog and may come when the set is gone: it carries the number of the refusal as that came (RFC 3261
 * section 17.1.1.3), which the proxy keeps where it does not send that ACK itself.
 *
 * `branch` is the host's name of a target of the INVITE, the name of a trunk say, the same for every try there; up to
 * 256 bytes, empty where there is but one. It is read of what belongs to the first INVITE: the INVITE, its answers, its
 * CANCEL. After a carrier that challenged, the next one starts with the caller's own number.
 *
 * Bounds: 96 To-tags and branches of one set; 64 challenges of one direction of a dialog, of which the oldest are
 * forgotten. In every function `dialog` may be 0: then it is found by the Call-ID and the tags of the message.
 */

/**
 * The number that a message carries on the other side.
 *
 * @param message  as it came; a request or an answer
 * @param cseq     receives it, on success only
 * @return TANDEM_OK; TANDEM_OWN: the answer to a request of the host's own, with the number that it was first sent
 *         with: it is passed to nobody; or
 *         TANDEM_E_NOT_FOUND     the set is gone, or the number was forgotten: pass the message as it is;
 *         TANDEM_E_OUT_OF_RANGE  no number is left below 2^31: answer 500;
 *         TANDEM_E_FULL          too many To-tags: drop the answer, unless it is final;
 *         TANDEM_E_INVALID, TANDEM_E_TOO_LARGE, TANDEM_E_NOMEM.
 */
TANDEM_API tandem_status tandem_dialog_cseq_translate(tandem_tracker *tracker, tandem_dialog_id dialog,
                                                      const tandem_message *message, tandem_str branch,
                                                      uint32_t *cseq);

/**
 * The number of the INVITE in the RAck header of a PRACK (RFC 3262 section 7.2), on the other side. Its own CSeq is
 * that of any request.
 *
 * @param prack  as it came
 * @param rack   the CSeq number in its RAck
 * @return as tandem_dialog_cseq_translate()
 */
TANDEM_API tandem_status tandem_dialog_rack_translate(tandem_tracker *tracker, tandem_dialog_id dialog,
                                                      const tandem_message *prack, uint32_t rack, uint32_t *cseq);

/**
 * The number to send a request with once more, because the far side challenged it. The same answer again for a
 * challenge that comes again: the host may send the same request again, or nothing.
 *
 * @param challenge  the final answer, as it came
 * @return TANDEM_OK, or
 *         TANDEM_E_NOT_FOUND     nothing of a live set was sent with that number: a stray answer, drop it;
 *         TANDEM_E_OUT_OF_RANGE  no number is left below 2^31, TANDEM_E_FULL: translate and pass the answer on;
 *         TANDEM_E_INVALID (also for what is no final answer of 300 and above), TANDEM_E_TOO_LARGE, TANDEM_E_NOMEM.
 */
TANDEM_API tandem_status tandem_dialog_cseq_retry(tandem_tracker *tracker, tandem_dialog_id dialog,
                                                  const tandem_message *challenge, tandem_str branch, uint32_t *cseq);

/**
 * Takes the number of a request that the host sends of its own in a dialog, in the name of `side`. Sent again for a
 * challenge it gets another one by tandem_dialog_cseq_retry().
 *
 * @param to_tag  the fork meant; empty: the one in front
 * @return TANDEM_OK, TANDEM_E_NOT_FOUND, TANDEM_E_OUT_OF_RANGE, TANDEM_E_FULL, TANDEM_E_INVALID, TANDEM_E_NOMEM
 */
TANDEM_API tandem_status tandem_dialog_cseq_take(tandem_tracker *tracker, tandem_dialog_id dialog, uint32_t side,
                                                 tandem_str to_tag, uint32_t *cseq);

/**
 * Says over which trunk the call goes, for the record, where it is not known when its INVITE is fed.
 *
 * @param trunk  up to 256 bytes without CR, LF and NUL
 * @return TANDEM_OK, TANDEM_E_NOT_FOUND, TANDEM_E_INVALID, TANDEM_E_TOO_LARGE, TANDEM_E_NOMEM
 */
TANDEM_API tandem_status tandem_dialog_set_trunk(tandem_tracker *tracker, tandem_dialog_id dialog, tandem_str trunk);

/** Gives a set the host's own word. Events show the one of the moment they are taken. TANDEM_E_NOT_FOUND, _INVALID. */
TANDEM_API tandem_status tandem_dialog_set_user_data(tandem_tracker *tracker, tandem_dialog_id dialog,
                                                     uint64_t user_data);

/**
 * The reason that the record will show, where the host knows better than the messages: before it feeds the 503 with
 * which it refuses a call by a limit, say. No effect where a reason is known already. A call that is answered all the
 * same forgets it.
 *
 * @param reason  TANDEM_END_, not NONE
 * @return TANDEM_OK, TANDEM_E_NOT_FOUND, TANDEM_E_INVALID
 */
TANDEM_API tandem_status tandem_dialog_set_end_reason(tandem_tracker *tracker, tandem_dialog_id dialog,
                                                      uint32_t reason);

/**
 * Ends a set now, for an end that no message shows. Its profiles are free at once, its CDR follows. No effect on one
 * that has ended.
 *
 * @return TANDEM_OK, TANDEM_E_NOT_FOUND, TANDEM_E_INVALID, TANDEM_E_NOMEM
 */
TANDEM_API tandem_status tandem_dialog_end(tandem_tracker *tracker, tandem_dialog_id dialog, uint32_t reason,
                                           uint64_t now_us);

/**
 * Asks for the end of a call as a deadline does: TANDEM_EVENT_END_DUE comes, and the host sends CANCEL, or BYE to both
 * sides of an answered call. The set ends when that is answered, or after the timeout of BYE. Where END_DUE is not
 * wanted a set without an answer ends at once. No effect while a BYE or a CANCEL is under way.
 *
 * @return TANDEM_OK, TANDEM_E_NOT_FOUND, TANDEM_E_INVALID, TANDEM_E_NOMEM
 */
TANDEM_API tandem_status tandem_dialog_request_end(tandem_tracker *tracker, tandem_dialog_id dialog, uint32_t reason,
                                                   uint64_t now_us);

#ifdef __cplusplus
}
#endif

#endif
