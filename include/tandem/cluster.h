/**
 * @file tandem/cluster.h  Profiles that several trackers count together, through Redis: of processes and of nodes,
 * tandemd's among them. Only in libtandem.
 *
 *     tandem_cluster_join(tracker, &options);                 once, before the profiles are declared
 *     profile.scope = TANDEM_SCOPE_CLUSTER;
 *     tandem_profile_declare(tracker, name, &profile);
 *     tandem_profile_reserve(tracker, dialog, ...);           TANDEM_PENDING: answer 100, keep the INVITE
 *     tandem_event_next(tracker, &event);                     TANDEM_EVENT_RESERVED: let the call go on, or answer 503
 *
 * Whoever joins with the same Redis, prefix and lease_ms is of one cluster, and declares a shared profile in the same
 * way. At no moment more dialogs are in it than its limit allows. What is counted only (limit 0) waits for nobody.
 *
 * A place is a lease in Redis. A thread of the library's own renews it while the dialog lives, and gives it back when
 * the dialog ends or leaves; of a tracker that is freed, or dies with its process, it is free after lease_ms. A tracker
 * that can not reach Redis for so long gives its places to the others: its calls go on, and count again afterwards.
 *
 * When Redis does not answer within timeout_ms, or is known to be away, each profile says what becomes of the call
 * (TANDEM_OUTAGE_CLOSED and the others). So the answer comes within timeout_ms, whatever happens. A call that is
 * admitted then counts in the cluster as soon as Redis is back. When Redis has lost what it knew, all trackers tell it
 * again what lives, and for a lease nobody relies on its counts; that is an outage too. Nothing is kept there but
 * leases and a word about their age: an empty Redis fills again.
 *
 * The answer shows in tandem_event_fd() and in no deadline: a host that sleeps in poll(2) has that descriptor there.
 *
 * Threads: every function may be called from any thread. The library's own calls nobody back and takes no signal. It
 *          does not survive fork(2): join after that, and after daemon(3).
 * Memory:  arguments are borrowed for the call. What the tracker has joined ends with tandem_tracker_free(), which
 *          waits for no answer.
 */
#ifndef TANDEM_CLUSTER_H
#define TANDEM_CLUSTER_H

#include <stdint.h>
#include <tandem/export.h>
#include <tandem/profile.h>
#include <tandem/status.h>
#include <tandem/str.h>
#include <tandem/tracker.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Zero means the default in every field but url. */
typedef struct tandem_cluster_options {
    uint32_t size;       /* set by TANDEM_CLUSTER_OPTIONS_INIT */
    uint32_t lease_ms;   /* 0: 8000; 100 to 3600000; the same in the whole cluster */
    uint32_t timeout_ms; /* 0: 200; 1 to 60000 */
    tandem_str url;      /* redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]
                            redis-sentinel://[[USER]:PASSWORD@]HOST[:PORT][,HOST[:PORT]...]/MASTER[/DATABASE]
                            redis-cluster://[[USER]:PASSWORD@]HOST[:PORT][,HOST[:PORT]...] */
    tandem_str prefix;   /* of every key; empty: "tandem:"; up to 64 bytes without braces and control characters */
} tandem_cluster_options;
#define TANDEM_CLUSTER_OPTIONS_INIT { sizeof(tandem_cluster_options), 0, 0, {0, 0}, {0, 0} }

/**
 * Makes the tracker one of a cluster, for as long as it lives. Returns at once: whether Redis is there shows in
 * tandem_cluster_get(), and by the answers.
 *
 * @return TANDEM_OK, or
 *         TANDEM_E_INVALID   an option; or the tracker's events leave TANDEM_EVENT_RESERVED out, which brings the
 *                            answers. tandem_last_error() says what would be right, without the password;
 *         TANDEM_E_CONFLICT  it has joined already;
 *         TANDEM_E_IO        no thread or descriptor is left; TANDEM_E_NOMEM.
 */
TANDEM_SIP_API tandem_status tandem_cluster_join(tandem_tracker *tracker, const tandem_cluster_options *options);

/** How it stands with the cluster; counts are of this tracker, since it joined. */
typedef struct tandem_cluster_info {
    uint32_t size;      /* set by TANDEM_CLUSTER_INFO_INIT */
    uint32_t is_ready;  /* 1: Redis answers, and knows what lives */
    uint32_t is_out;    /* 1: an outage. Both are 0 for a moment after joining */
    uint64_t leases;    /* now, with those that are being given back */
    uint64_t admitted;  /* reservations: by the count */
    uint64_t refused;   /* by a limit */
    uint64_t unknown;   /* left to on_outage */
    uint64_t forgotten; /* leases that Redis lost before their time */
    uint64_t outages;
    uint64_t failures;  /* connections that were lost or not made */
    char why[128];      /* the cause of the last outage, for a log; empty: there was none */
} tandem_cluster_info;
#define TANDEM_CLUSTER_INFO_INIT { sizeof(tandem_cluster_info), 0, 0, 0, 0, 0, 0, 0, 0, 0, {0} }

/** Reads it. TANDEM_OK, TANDEM_E_NOT_FOUND (the tracker has not joined), TANDEM_E_INVALID. */
TANDEM_SIP_API tandem_status tandem_cluster_get(const tandem_tracker *tracker, tandem_cluster_info *info);

#ifdef __cplusplus
}
#endif

#endif
