/* Trackers of one cluster. What goes wrong in here ends the program. */
#ifndef TANDEM_TESTS_CAPI_CLUSTER_H
#define TANDEM_TESTS_CAPI_CLUSTER_H

#include <tandem/tandem.h>
#include "redis.h"

#define LONG_LEASE_MS 3600000u /* whatever is free again in a test was given back */

/* Zero: the default. */
tandem_status join_cluster(tandem_tracker *tracker, const char *url, uint32_t lease_ms, uint32_t timeout_ms);
tandem_status share(tandem_tracker *tracker, const char *profile, uint32_t has_values, uint32_t limit,
                    uint32_t on_outage);

/* A tracker that has joined, with the shared profiles "total" and "user", which has values, and "own", all limited. */
tandem_tracker *make_node(const redis *server, uint32_t limit, uint32_t lease_ms, uint32_t timeout_ms);

tandem_cluster_info cluster_of(const tandem_tracker *tracker);
void wait_until_ready(const tandem_tracker *tracker);
void wait_until_out(const tandem_tracker *tracker);

/* Waits for the event of this type, and passes over others: 0 if it does not come within 10 seconds. */
int wait_event(tandem_tracker *tracker, uint32_t type, tandem_event *event);

/* What the cluster says to the dialog that waits; its event is freed. */
tandem_status answer_to_wait(tandem_tracker *tracker, tandem_dialog_id dialog);

/* A new call that joins, to the end of its question. */
tandem_status admit(tandem_tracker *tracker, const char *call_id, const char *profile, const char *value);

#endif
