#include "profiles.h"
#include "call.h"
#include "suite.h"

tandem_status declare(tandem_tracker *tracker, const char *name, uint32_t has_values, uint32_t limit) {
    tandem_profile_options options = TANDEM_PROFILE_OPTIONS_INIT;
    options.has_values = has_values;
    options.limit = limit;
    return tandem_profile_declare(tracker, tandem_str_of(name), &options);
}

/* With the profiles "plain" and "user", which has values, both limited to 2. */
tandem_tracker *make_profiles(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    require(declare(tracker, "plain", 0, 2) == TANDEM_OK);
    require(declare(tracker, "user", 1, 2) == TANDEM_OK);
    return tracker;
}

tandem_status join(tandem_tracker *tracker, tandem_dialog_id dialog, const char *profile, const char *value) {
    return tandem_profile_join(tracker, dialog, tandem_str_of(profile), tandem_str_of(value), 0);
}

tandem_status leave(tandem_tracker *tracker, tandem_dialog_id dialog, const char *profile, const char *value) {
    return tandem_profile_leave(tracker, dialog, tandem_str_of(profile), tandem_str_of(value), 0);
}

uint32_t size_of(tandem_tracker *tracker, const char *profile) {
    uint32_t size = 77;
    require(tandem_profile_size(tracker, tandem_str_of(profile), &size) == TANDEM_OK);
    return size;
}

uint32_t value_size_of(tandem_tracker *tracker, const char *profile, const char *value) {
    uint32_t size = 77;
    require(tandem_profile_value_size(tracker, tandem_str_of(profile), tandem_str_of(value), &size) == TANDEM_OK);
    return size;
}

tandem_profile_info info_of(tandem_tracker *tracker, const char *profile) {
    tandem_profile_info info = TANDEM_PROFILE_INFO_INIT;
    require(tandem_profile_get(tracker, tandem_str_of(profile), &info) == TANDEM_OK);
    return info;
}
