/**
 * @file tandem/event.h  What happens to dialogs, in order, by pull. tandem/bus.h brings events of any kind to several
 * parts of a host, each by its filter, and to who waits for one.
 *
 * The events of one dialog come in order. Those that tandem_tracker_options.events leaves out are not made, but ENDED,
 * which comes unless events is TANDEM_EVENTS_NONE.
 *
 * When the host does not drain: events beyond event_max of a shard are lost, which statistics count and a gap in the
 * sequence shows. END_DUE, RESERVED, ENDED and CDR are never lost: an ended dialog stays, readable, until its ENDED and
 * then its CDR was taken, and counts for dialog_max. So memory is bounded, no record is lost, and a host that never
 * drains is told TANDEM_E_FULL in the end.
 *
 * Threads: every function may be called from any thread; each event is given once.
 * Memory:  an event is the caller's until tandem_event_free(), and all that it points to.
 */
#ifndef TANDEM_EVENT_H
#define TANDEM_EVENT_H

#include <stdint.h>
#include <tandem/cdr.h>
#include <tandem/dialog.h>
#include <tandem/export.h>
#include <tandem/status.h>
#include <tandem/str.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Types. A host passes over those that it does not know: there will be more. */
enum {
    TANDEM_EVENT_CREATED = 1,
    TANDEM_EVENT_EARLY = 2,            /* a fork became early: to_tag */
    TANDEM_EVENT_CONFIRMED = 3,        /* a fork was answered: to_tag */
    TANDEM_EVENT_ACKED = 4,            /* the ACK of the answer was seen */
    TANDEM_EVENT_REQUEST = 5,          /* a new request inside the dialog: method, side */
    TANDEM_EVENT_VARIABLE_CHANGED = 6, /* name, is_set */
    TANDEM_EVENT_PROFILE_CHANGED = 7,  /* name, value, is_set; the release at the end is none */
    TANDEM_EVENT_END_DUE = 8,  /* a deadline passed or the end was asked for: reason. The host cancels the INVITE, or
                                  sends BYE to both sides of an answered call, and feeds that; the set ends with the
                                  answer, or after the timeout of BYE. Without this event an early one ends at once */
    TANDEM_EVENT_ENDED = 9,    /* reason; the dialog is readable until its CDR is taken, or the event after this one
                                  where CDR is not wanted */
    TANDEM_EVENT_CDR = 10,     /* cdr; the dialog is gone. None for the further legs of a B2BUA's call */
    TANDEM_EVENT_RESERVED = 11 /* the answer to TANDEM_PENDING: status, as of tandem_profile_reserve(), or
                                  TANDEM_E_OUTAGE; name and value of the profile that was refused; is_set 1: the cluster
                                  has counted, 0: it does not answer, on_outage decides. Once taken, the dialog may
                                  reserve again. One that ends while it waits has none */
};

/** The bit of a type in tandem_tracker_options.events. */
#define TANDEM_EVENT_MASK(type) (1u << (type))

typedef struct tandem_event {
    uint32_t size;           /* set by TANDEM_EVENT_INIT */
    uint32_t type;           /* TANDEM_EVENT_ */
    tandem_dialog_id dialog;
    uint64_t user_data;      /* as given with the leg, or later; of ENDED and CDR too */
    uint64_t sequence;       /* of this shard: counts from 1, lost events too; ENDED and its CDR share one */
    uint64_t at_us;          /* of the host's clock */
    uint32_t shard;          /* whose sequence it is */
    uint32_t side;           /* TANDEM_SIDE_ */
    uint32_t method;         /* TANDEM_METHOD_ */
    uint32_t reason;         /* TANDEM_END_ */
    tandem_status status;    /* of RESERVED */
    uint32_t is_set;         /* 1: set or joined; 0: erased or left */
    tandem_str name;         /* of the variable or profile */
    tandem_str value;        /* of the profile */
    tandem_str to_tag;       /* of the fork */
    const tandem_cdr *cdr;   /* NULL but for CDR */
    void *owner;             /* the library's */
} tandem_event;
#define TANDEM_EVENT_INIT { sizeof(tandem_event), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {0, 0}, {0, 0}, \
                            {0, 0}, 0, 0 }

/**
 * Takes the next event.
 *
 * @param event  initialised by TANDEM_EVENT_INIT or freed; free it again with tandem_event_free()
 * @return TANDEM_OK, TANDEM_E_EMPTY (none waits), TANDEM_E_INVALID, TANDEM_E_NOMEM (nothing was taken: try again)
 */
TANDEM_API tandem_status tandem_event_next(tandem_tracker *tracker, tandem_event *event);

/** Frees what an event points to, and makes it ready for the next; NULL is allowed. */
TANDEM_API void tandem_event_free(tandem_event *event);

/**
 * A descriptor that is readable while events wait, for poll(2) and epoll(7). The library owns it: the host neither
 * reads nor closes it; draining with tandem_event_next() until TANDEM_E_EMPTY makes it quiet. Deadlines do not show in
 * it: see tandem_tracker_timeout_ms(). A host that never asks for it pays nothing for it.
 *
 * @return TANDEM_OK, TANDEM_E_IO, TANDEM_E_INVALID
 */
TANDEM_API tandem_status tandem_event_fd(tandem_tracker *tracker, int *fd);

#ifdef __cplusplus
}
#endif

#endif
