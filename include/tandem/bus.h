/**
 * @file tandem/bus.h  Who wants to hear of what: a host tells its events once, with the keys that they are about, and
 * each of its parts subscribes to those that concern it, or waits for one. tandemd has the same inside.
 *
 *     tandem_bus_subscribe(bus, me, &filter, 0, NULL, now_us, &subscription);
 *     tandem_bus_notify(bus, &notice, now_us, NULL);
 *     while (tandem_bus_next(bus, me, &event) == TANDEM_OK) { handle(&event); tandem_bus_event_free(&event); }
 *     while (tandem_bus_next_end(bus, &event) == TANDEM_OK) { resume(event.user_data); tandem_bus_event_free(&event); }
 *     arm_timer(tandem_bus_timeout_ms(bus, now_us));          // then tandem_bus_advance(bus, now_us)
 *
 * What an event costs does not depend on how many subscriptions there are, but on those that it is for. Numbers rise by
 * one with each event. What a subscriber does not get is a gap that he gets instead: beyond queue_max the oldest events
 * that wait for him are lost; what `since` asks for is kept for replay_ms, and no more than replay_max.
 *
 * Threads: every function may be called from any thread.
 * Memory:  arguments are borrowed for the call; an event is the caller's until tandem_bus_event_free(), and all that it
 *          points to.
 */
#ifndef TANDEM_BUS_H
#define TANDEM_BUS_H

#include <stdint.h>
#include <tandem/export.h>
#include <tandem/status.h>
#include <tandem/str.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tandem_bus tandem_bus;       /* the host owns it: _new, _free */
typedef uint64_t tandem_subscriber_id;      /* has a queue; 0 is none */
typedef uint64_t tandem_subscription_id;    /* of a wait, too; ends at its time; 0 is none */

/** Zero means the default. */
typedef struct tandem_bus_options {
    uint32_t size;              /* set by TANDEM_BUS_OPTIONS_INIT */
    uint32_t subscriber_max;    /* 0: 256 */
    uint32_t subscription_max;  /* 0: 16384; of all, with the waits */
    uint32_t per_subscriber_max; /* 0: 256 */
    uint32_t queue_max;         /* 0: 4096; events that wait for one subscriber, 4 MB at most */
    uint32_t replay_max;        /* 0: 4096; events that are kept, 8 MB at most */
    uint64_t replay_ms;         /* 0: 60000 */
    uint64_t sequence;          /* of the event before the first, up to 2^62. A host that takes the UTC microseconds of
                                   its start has numbers that rise over its restarts: `since` finds the gap then */
} tandem_bus_options;
#define TANDEM_BUS_OPTIONS_INIT { sizeof(tandem_bus_options), 0, 0, 0, 0, 0, 0, 0 }

/** @return TANDEM_OK, TANDEM_E_INVALID (a sequence over 2^62, too), TANDEM_E_NOMEM, TANDEM_E_IO (no randomness) */
TANDEM_API tandem_status tandem_bus_new(const tandem_bus_options *options, uint64_t now_us, tandem_bus **bus);

/** NULL is allowed. Events that were taken stay the caller's. */
TANDEM_API void tandem_bus_free(tandem_bus *bus);

/** A key with its value, or in a filter with the pattern of one. Stands in arrays. */
typedef struct tandem_field {
    tandem_str key;   /* up to 64 bytes */
    tandem_str value; /* up to 2048 bytes; in a notice an empty one says nothing, and is left out */
} tandem_field;

/** An event as it is told. */
typedef struct tandem_notice {
    uint32_t size;              /* set by TANDEM_NOTICE_INIT */
    uint32_t field_count;       /* up to 16, each key once */
    tandem_str name;            /* up to 64 bytes, as "dialog.state" */
    const tandem_field *fields;
    tandem_str data;            /* whatever else is to be said, up to 64 KB. For tandem_bus_event_json() it is JSON */
    int64_t utc_us;             /* for who hears of it; 0: not said */
} tandem_notice;
#define TANDEM_NOTICE_INIT { sizeof(tandem_notice), 0, {0, 0}, 0, {0, 0}, 0 }

/**
 * What a subscription is about: all must match, and a key that an event does not have matches nothing. In name and
 * values * is any text, ? one byte, and \ takes the next one as it is; such a pattern has up to 128 bytes and 8 stars.
 */
typedef struct tandem_filter {
    uint32_t size;            /* set by TANDEM_FILTER_INIT */
    uint32_t key_count;       /* up to 8, each once */
    tandem_str name;          /* empty: every event */
    const tandem_field *keys;
} tandem_filter;
#define TANDEM_FILTER_INIT { sizeof(tandem_filter), 0, {0, 0}, 0 }

/** What is known of a subscription, or a wait, when it begins. */
typedef struct tandem_subscription {
    uint32_t size;             /* set by TANDEM_SUBSCRIPTION_INIT */
    uint32_t has_gap;          /* 1: what `since` asked for is not all there any more */
    tandem_subscription_id id;
    uint64_t sequence;         /* of the last event so far: what comes has higher ones */
} tandem_subscription;
#define TANDEM_SUBSCRIPTION_INIT { sizeof(tandem_subscription), 0, 0, 0 }

/** Types. A host passes over those that it does not know. */
enum {
    TANDEM_BUS_EVENT = 1,
    TANDEM_BUS_GAP = 2,    /* first, last and lost, which is at most so many; of a wait: the event may have been missed,
                              so look again for what it would tell */
    TANDEM_BUS_TIMEOUT = 3 /* of a wait */
};

typedef struct tandem_bus_event {
    uint32_t size;                       /* set by TANDEM_BUS_EVENT_INIT */
    uint32_t type;                       /* TANDEM_BUS_ */
    uint64_t sequence;                   /* of an event, as the next ones */
    int64_t utc_us;
    tandem_str name;
    tandem_str data;
    const tandem_field *fields;
    uint32_t field_count;
    uint32_t reserved;                   /* 0 */
    uint64_t first;                      /* of a gap, as the next two */
    uint64_t last;
    uint64_t lost;
    tandem_subscription_id subscription; /* of the end of a wait, as the next one */
    uint64_t user_data;
    void *owner;                         /* the library's */
} tandem_bus_event;
#define TANDEM_BUS_EVENT_INIT { sizeof(tandem_bus_event), 0, 0, 0, {0, 0}, {0, 0}, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/**
 * Tells an event to all that it is for: their queues have it when this returns, and nobody has waited for them.
 *
 * @param now_us    monotonic microseconds; an earlier one than before counts as that
 * @param sequence  receives its number; may be NULL
 * @return TANDEM_OK, TANDEM_E_INVALID (with last_error), TANDEM_E_NOMEM (nobody has it: tell it again)
 */
TANDEM_API tandem_status tandem_bus_notify(tandem_bus *bus, const tandem_notice *notice, uint64_t now_us,
                                           uint64_t *sequence);

/** A new subscriber, without subscriptions. TANDEM_OK, TANDEM_E_FULL, TANDEM_E_INVALID, TANDEM_E_NOMEM. */
TANDEM_API tandem_status tandem_bus_join(tandem_bus *bus, tandem_subscriber_id *subscriber);

/** He goes, with his subscriptions and all that waits for him. TANDEM_OK, TANDEM_E_NOT_FOUND, TANDEM_E_INVALID. */
TANDEM_API tandem_status tandem_bus_leave(tandem_bus *bus, tandem_subscriber_id subscriber);

/**
 * Subscribes to what the filter is about. What is told from now on comes to a subscriber once, however many of his
 * subscriptions are about it. A replay brings all that its own subscription is about, also what another one has brought
 * before: who subscribes with `since` more than once knows an event by its number.
 *
 * @param ttl_ms  when it ends by itself; 0 or more than a day: after a day
 * @param since   the number after which it begins, as far as the events are kept: what is missing is a gap in front,
 *                and what is replayed comes before what comes next. NULL: from now on
 * @param made    receives what is known; may be NULL
 * @return TANDEM_OK, TANDEM_E_NOT_FOUND (no such subscriber), TANDEM_E_FULL (a bound of the options or of the filter;
 *         256 subscriptions with patterns and no exact value of a key, or to everything), TANDEM_E_INVALID,
 *         TANDEM_E_NOMEM
 */
TANDEM_API tandem_status tandem_bus_subscribe(tandem_bus *bus, tandem_subscriber_id subscriber,
                                              const tandem_filter *filter, uint64_t ttl_ms, const uint64_t *since,
                                              uint64_t now_us, tandem_subscription *made);

/** A new ttl_ms from now. TANDEM_OK, TANDEM_E_NOT_FOUND (it is over, or a wait: subscribe again), TANDEM_E_INVALID. */
TANDEM_API tandem_status tandem_bus_renew(tandem_bus *bus, tandem_subscription_id subscription, uint64_t ttl_ms,
                                          uint64_t now_us);

/** Ends a subscription, or gives a wait up. TANDEM_OK, TANDEM_E_NOT_FOUND, TANDEM_E_INVALID. */
TANDEM_API tandem_status tandem_bus_unsubscribe(tandem_bus *bus, tandem_subscription_id subscription);

/**
 * Waits for one event: tandem_bus_next_end() says once how that ended, by the event, at the timeout, or at once by a
 * gap. Who looks for something, and waits for it only if it is not there, takes tandem_bus_sequence() before he looks,
 * as `since`: so nothing in between is missed.
 *
 * @param user_data  comes back with the end
 * @return as tandem_bus_subscribe(); TANDEM_E_FULL, too, while subscription_max ends were not taken
 */
TANDEM_API tandem_status tandem_bus_wait(tandem_bus *bus, const tandem_filter *filter, uint64_t timeout_ms,
                                         const uint64_t *since, uint64_t user_data, uint64_t now_us,
                                         tandem_subscription *made);

/** The number of the last event. */
TANDEM_API uint64_t tandem_bus_sequence(const tandem_bus *bus);

/**
 * Takes what waits for a subscriber: the oldest event, or a gap.
 *
 * @param event  initialised by TANDEM_BUS_EVENT_INIT or freed
 * @return TANDEM_OK, TANDEM_E_EMPTY (nothing waits), TANDEM_E_NOT_FOUND, TANDEM_E_INVALID, TANDEM_E_NOMEM (try again)
 */
TANDEM_API tandem_status tandem_bus_next(tandem_bus *bus, tandem_subscriber_id subscriber, tandem_bus_event *event);

/** The same of waits that have ended, in that order. TANDEM_OK, TANDEM_E_EMPTY, TANDEM_E_INVALID, TANDEM_E_NOMEM. */
TANDEM_API tandem_status tandem_bus_next_end(tandem_bus *bus, tandem_bus_event *event);

/** Frees what an event points to, and makes it ready for the next; NULL is allowed. */
TANDEM_API void tandem_bus_event_free(tandem_bus_event *event);

/**
 * Writes an event as JSON on one line, zero-terminated: seq, event (its name), time-us, the keys, and data as it is.
 *
 * @return as tandem_cdr_json(); TANDEM_E_INVALID for what is no TANDEM_BUS_EVENT
 */
TANDEM_API tandem_status tandem_bus_event_json(const tandem_bus_event *event, char *buffer, size_t capacity,
                                               size_t *needed);

/** Ends what is past its time. TANDEM_OK, TANDEM_E_INVALID, TANDEM_E_NOMEM (call again). */
TANDEM_API tandem_status tandem_bus_advance(tandem_bus *bus, uint64_t now_us);

/** When to call that next, as tandem_tracker_timeout_ms() says it. */
TANDEM_API int32_t tandem_bus_timeout_ms(const tandem_bus *bus, uint64_t now_us);

#ifdef __cplusplus
}
#endif

#endif
