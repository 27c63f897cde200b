/* Profiles of a tracker in one word each. What goes wrong in here fails the test. */
#ifndef TANDEM_TESTS_CAPI_PROFILES_H
#define TANDEM_TESTS_CAPI_PROFILES_H

#include <tandem/tandem.h>

tandem_status declare(tandem_tracker *tracker, const char *name, uint32_t has_values, uint32_t limit);
/* With the profiles "plain" and "user", which has values, both limited to 2. */
tandem_tracker *make_profiles(void);
tandem_status join(tandem_tracker *tracker, tandem_dialog_id dialog, const char *profile, const char *value);
tandem_status leave(tandem_tracker *tracker, tandem_dialog_id dialog, const char *profile, const char *value);
uint32_t size_of(tandem_tracker *tracker, const char *profile);
uint32_t value_size_of(tandem_tracker *tracker, const char *profile, const char *value);
tandem_profile_info info_of(tandem_tracker *tracker, const char *profile);

#endif
