#include "cluster.h"
#include <poll.h>
#include "call.h"
#include "profiles.h"
#include "suite.h"

tandem_status join_cluster(tandem_tracker *tracker, const char *url, uint32_t lease_ms, uint32_t timeout_ms) {
    tandem_cluster_options options = TANDEM_CLUSTER_OPTIONS_INIT;
    options.url = tandem_str_of(url);
    options.lease_ms = lease_ms;
    options.timeout_ms = timeout_ms;
    return tandem_cluster_join(tracker, &options);
}

tandem_status share(tandem_tracker *tracker, const char *profile, uint32_t has_values, uint32_t limit,
                    uint32_t on_outage) {
    tandem_profile_options options = TANDEM_PROFILE_OPTIONS_INIT;
    options.has_values = has_values;
    options.limit = limit;
    options.scope = TANDEM_SCOPE_CLUSTER;
    options.on_outage = on_outage;
    return tandem_profile_declare(tracker, tandem_str_of(profile), &options);
}

tandem_tracker *make_node(const redis *server, uint32_t limit, uint32_t lease_ms, uint32_t timeout_ms) {
    tandem_tracker *tracker = make_tracker(NULL);
    require(join_cluster(tracker, server->url, lease_ms, timeout_ms) == TANDEM_OK);
    require(share(tracker, "total", 0, limit, TANDEM_OUTAGE_CLOSED) == TANDEM_OK);
    require(share(tracker, "user", 1, limit, TANDEM_OUTAGE_CLOSED) == TANDEM_OK);
    require(declare(tracker, "own", 0, limit) == TANDEM_OK);
    wait_until_ready(tracker);
    return tracker;
}

tandem_cluster_info cluster_of(const tandem_tracker *tracker) {
    tandem_cluster_info info = TANDEM_CLUSTER_INFO_INIT;
    require(tandem_cluster_get(tracker, &info) == TANDEM_OK);
    return info;
}

void wait_until_ready(const tandem_tracker *tracker) {
    const double end = seconds_now() + 10;
    while (!cluster_of(tracker).is_ready) {
        require(seconds_now() < end);
        wait_a_moment();
    }
}

void wait_until_out(const tandem_tracker *tracker) {
    const double end = seconds_now() + 10;
    while (!cluster_of(tracker).is_out) {
        require(seconds_now() < end);
        wait_a_moment();
    }
}

int wait_event(tandem_tracker *tracker, uint32_t type, tandem_event *event) {
    struct pollfd events = {-1, POLLIN, 0};
    require(tandem_event_fd(tracker, &events.fd) == TANDEM_OK);
    const double end = seconds_now() + 10;
    while (seconds_now() < end) {
        if (take_event(tracker, type, event)) return 1;
        poll(&events, 1, 1000);
    }
    return 0;
}

tandem_status answer_to_wait(tandem_tracker *tracker, tandem_dialog_id dialog) {
    tandem_event event = TANDEM_EVENT_INIT;
    require(wait_event(tracker, TANDEM_EVENT_RESERVED, &event));
    check_equal(event.dialog, dialog);
    const tandem_status status = event.status;
    tandem_event_free(&event);
    return status;
}

tandem_status admit(tandem_tracker *tracker, const char *call_id, const char *profile, const char *value) {
    const tandem_dialog_id dialog = begin_call(tracker, call_id, 0);
    const tandem_status status = join(tracker, dialog, profile, value);
    return status == TANDEM_PENDING ? answer_to_wait(tracker, dialog) : status;
}
