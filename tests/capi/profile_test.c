/* tandem/profile.h: who is in, who may come in, and pages of both. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "call.h"
#include "suite.h"

static const tandem_str none = {NULL, 0};

static tandem_status declare(tandem_tracker *tracker, const char *name, uint32_t has_values, uint32_t limit) {
    tandem_profile_options options = TANDEM_PROFILE_OPTIONS_INIT;
    options.has_values = has_values;
    options.limit = limit;
    return tandem_profile_declare(tracker, tandem_str_of(name), &options);
}

/* With the profiles "plain" and "user", which has values, both limited to 2. */
static tandem_tracker *make_profiles(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    require(declare(tracker, "plain", 0, 2) == TANDEM_OK);
    require(declare(tracker, "user", 1, 2) == TANDEM_OK);
    return tracker;
}

static tandem_status join(tandem_tracker *tracker, tandem_dialog_id dialog, const char *profile, const char *value) {
    return tandem_profile_join(tracker, dialog, tandem_str_of(profile), tandem_str_of(value), 0);
}

static tandem_status leave(tandem_tracker *tracker, tandem_dialog_id dialog, const char *profile, const char *value) {
    return tandem_profile_leave(tracker, dialog, tandem_str_of(profile), tandem_str_of(value), 0);
}

static uint32_t size_of(tandem_tracker *tracker, const char *profile) {
    uint32_t size = 77;
    require(tandem_profile_size(tracker, tandem_str_of(profile), &size) == TANDEM_OK);
    return size;
}

static uint32_t value_size_of(tandem_tracker *tracker, const char *profile, const char *value) {
    uint32_t size = 77;
    require(tandem_profile_value_size(tracker, tandem_str_of(profile), tandem_str_of(value), &size) == TANDEM_OK);
    return size;
}

static tandem_profile_info info_of(tandem_tracker *tracker, const char *profile) {
    tandem_profile_info info = TANDEM_PROFILE_INFO_INIT;
    require(tandem_profile_get(tracker, tandem_str_of(profile), &info) == TANDEM_OK);
    return info;
}

static void declared_profile_has_its_figures(void) {
    tandem_tracker *tracker = make_profiles();
    check_equal(tandem_profile_declare(tracker, tandem_str_of("default"), NULL), TANDEM_OK);
    const tandem_profile_info user = info_of(tracker, "user");
    check_equal(user.has_values, 1);
    check_equal(user.limit, 2);
    check(user.members == 0 && user.values == 0 && user.refused == 0);
    const tandem_profile_info plain = info_of(tracker, "default");
    check(plain.has_values == 0 && plain.limit == 0);
    check_equal(tandem_profile_get(tracker, tandem_str_of("none"), &(tandem_profile_info)TANDEM_PROFILE_INFO_INIT),
                TANDEM_E_NO_PROFILE);
    tandem_tracker_free(tracker);
}

static void name_is_visible_ascii(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    char name[65];
    memset(name, 'n', sizeof(name));
    const tandem_str wrong[] = {none,      NO_DATA,      tandem_str_of("a b"), tandem_str_of("a=b"),
                                {"a\n", 2}, {"a\0b", 3}, {"\xc3\xa4", 2},       {"\x7f", 1}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        check_equal(tandem_profile_declare(tracker, wrong[i], NULL), TANDEM_E_INVALID);
    }
    check_equal(tandem_profile_declare(tracker, (tandem_str){name, 65}, NULL), TANDEM_E_TOO_LARGE);
    check_equal(tandem_profile_declare(tracker, (tandem_str){name, 64}, NULL), TANDEM_OK);
    check_equal(tandem_profile_declare(NULL, (tandem_str){name, 64}, NULL), TANDEM_E_INVALID);
    tandem_tracker_free(tracker);
}

static void declaration_is_checked(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_str name = tandem_str_of("p");
    char text[257];
    memset(text, 'v', sizeof(text));
    tandem_profile_options options = TANDEM_PROFILE_OPTIONS_INIT;
    for (uint32_t size = 0; size < 4; size++) {
        options.size = size;
        check_equal(tandem_profile_declare(tracker, name, &options), TANDEM_E_INVALID);
    }
    options = (tandem_profile_options)TANDEM_PROFILE_OPTIONS_INIT;
    options.scope = TANDEM_SCOPE_CLUSTER;
    check_equal(tandem_profile_declare(tracker, name, &options), TANDEM_E_UNSUPPORTED);
    options.scope = UINT32_MAX;
    check_equal(tandem_profile_declare(tracker, name, &options), TANDEM_E_UNSUPPORTED);
    options.scope = TANDEM_SCOPE_NODE;
    options.has_values = 1;
    options.limit_count = 1;
    check_equal(tandem_profile_declare(tracker, name, &options), TANDEM_E_INVALID); /* limits is NULL */
    options.limit_count = UINT32_MAX;
    check_equal(tandem_profile_declare(tracker, name, &options), TANDEM_E_INVALID);
    tandem_value_limit limit = {NO_DATA, 1};
    options.limits = &limit;
    options.limit_count = 1;
    check_equal(tandem_profile_declare(tracker, name, &options), TANDEM_E_INVALID);
    limit.value = (tandem_str){"a\nb", 3};
    check_equal(tandem_profile_declare(tracker, name, &options), TANDEM_E_INVALID);
    limit.value = (tandem_str){text, 257};
    check_equal(tandem_profile_declare(tracker, name, &options), TANDEM_E_TOO_LARGE);
    limit.value.size = 256;
    options.has_values = 0;
    check_equal(tandem_profile_declare(tracker, name, &options), TANDEM_E_INVALID); /* limits of no values */
    uint32_t size = 77;
    check_equal(tandem_profile_size(tracker, name, &size), TANDEM_E_NO_PROFILE); /* nothing was declared */
    options.has_values = 1;
    check_equal(tandem_profile_declare(tracker, name, &options), TANDEM_OK);

    options.size = offsetof(tandem_profile_options, limit); /* of an older host */
    options.scope = UINT32_MAX;
    check_equal(tandem_profile_declare(tracker, tandem_str_of("older"), &options), TANDEM_OK);
    struct {
        tandem_profile_options options;
        uint64_t more;
    } newer = {TANDEM_PROFILE_OPTIONS_INIT, 7};
    newer.options.size = sizeof(newer);
    check_equal(tandem_profile_declare(tracker, tandem_str_of("newer"), &newer.options), TANDEM_OK);
    tandem_tracker_free(tracker);
}

static void declaration_again_gives_new_limits(void) {
    tandem_tracker *tracker = make_profiles();
    const tandem_dialog_id one = begin_call(tracker, "one", 0);
    const tandem_dialog_id two = begin_call(tracker, "two", 0);
    check_equal(join(tracker, one, "plain", ""), TANDEM_OK);
    check_equal(join(tracker, two, "plain", ""), TANDEM_OK);
    check_equal(declare(tracker, "plain", 1, 1), TANDEM_E_INVALID);
    check_equal(info_of(tracker, "plain").limit, 2);
    check_equal(declare(tracker, "plain", 0, 1), TANDEM_OK);
    check_equal(size_of(tracker, "plain"), 2); /* the members stay */
    check_equal(info_of(tracker, "plain").limit, 1);
    check_equal(leave(tracker, one, "plain", ""), TANDEM_OK);
    check_equal(join(tracker, one, "plain", ""), TANDEM_E_LIMIT);
    check_equal(declare(tracker, "plain", 0, 0), TANDEM_OK);
    check_equal(join(tracker, one, "plain", ""), TANDEM_OK);
    tandem_tracker_free(tracker);
}

static void profiles_have_a_bound(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    char name[8];
    for (int i = 0; i < 256; i++) {
        snprintf(name, sizeof(name), "p%d", i);
        check_equal(tandem_profile_declare(tracker, tandem_str_of(name), NULL), TANDEM_OK);
    }
    check_equal(tandem_profile_declare(tracker, tandem_str_of("more"), NULL), TANDEM_E_FULL);
    check_equal(tandem_profile_declare(tracker, tandem_str_of("p0"), NULL), TANDEM_OK);
    tandem_tracker_free(tracker);
}

static void member_counts_once_and_until_its_end(void) {
    tandem_tracker *tracker = make_profiles();
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    check_equal(join(tracker, dialog, "plain", ""), TANDEM_OK);
    check_equal(join(tracker, dialog, "plain", NULL), TANDEM_OK);
    check_equal(join(tracker, dialog, "user", "alice"), TANDEM_OK);
    check_equal(join(tracker, dialog, "user", "bob"), TANDEM_OK);
    check_equal(join(tracker, dialog, "user", ""), TANDEM_OK); /* a value like others */
    check_equal(size_of(tracker, "plain"), 1);
    check_equal(size_of(tracker, "user"), 3);
    check_equal(info_of(tracker, "user").members, 3);
    check_equal(info_of(tracker, "user").values, 3);
    check_equal(value_size_of(tracker, "user", "alice"), 1);
    check_equal(value_size_of(tracker, "user", ""), 1);
    check_equal(value_size_of(tracker, "user", "carol"), 0);
    refuse_call(tracker, "c", 0);
    check_equal(size_of(tracker, "plain"), 0); /* before anything is drained */
    check_equal(size_of(tracker, "user"), 0);
    check_equal(info_of(tracker, "user").values, 0);
    check_equal(join(tracker, dialog, "plain", ""), TANDEM_E_NOT_FOUND);
    check_equal(leave(tracker, dialog, "plain", ""), TANDEM_E_NOT_FOUND);
    tandem_tracker_free(tracker);
}

static void leave_takes_a_member_out(void) {
    tandem_tracker *tracker = make_profiles();
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    check_equal(leave(tracker, dialog, "plain", ""), TANDEM_E_NOT_FOUND);
    check_equal(join(tracker, dialog, "plain", ""), TANDEM_OK);
    check_equal(join(tracker, dialog, "user", "alice"), TANDEM_OK);
    check_equal(leave(tracker, dialog, "user", "bob"), TANDEM_E_NOT_FOUND);
    check_equal(leave(tracker, dialog, "user", "alice"), TANDEM_OK);
    check_equal(leave(tracker, dialog, "user", "alice"), TANDEM_E_NOT_FOUND);
    check_equal(leave(tracker, dialog, "none", ""), TANDEM_E_NO_PROFILE);
    check_equal(leave(tracker, dialog, "plain", "value"), TANDEM_E_INVALID);
    check_equal(leave(tracker, dialog, "user", "a\nb"), TANDEM_E_INVALID);
    check_equal(tandem_profile_leave(NULL, dialog, tandem_str_of("plain"), none, 0), TANDEM_E_INVALID);
    check_equal(tandem_profile_leave(tracker, dialog, NO_DATA, none, 0), TANDEM_E_INVALID);
    check_equal(tandem_profile_leave(tracker, dialog, tandem_str_of("plain"), NO_DATA, 0), TANDEM_E_INVALID);
    check_equal(tandem_profile_leave(tracker, dialog, tandem_str_of("plain"), none, NOW_MAX + 1), TANDEM_E_INVALID);
    check_equal(size_of(tracker, "plain"), 1);
    check_equal(leave(tracker, dialog, "plain", ""), TANDEM_OK);
    check_equal(size_of(tracker, "plain"), 0);
    tandem_tracker_free(tracker);
}

static void limit_refuses_one_more(void) {
    tandem_tracker *tracker = make_profiles();
    tandem_dialog_id dialogs[3];
    char call_id[8];
    for (int i = 0; i < 3; i++) {
        snprintf(call_id, sizeof(call_id), "c%d", i);
        dialogs[i] = begin_call(tracker, call_id, 0);
    }
    for (int i = 0; i < 2; i++) {
        check_equal(join(tracker, dialogs[i], "user", "alice"), TANDEM_OK);
        check_equal(join(tracker, dialogs[i], "user", "alice"), TANDEM_OK); /* again refuses nothing */
    }
    check_equal(join(tracker, dialogs[2], "user", "alice"), TANDEM_E_LIMIT);
    check_equal(join(tracker, dialogs[2], "user", "bob"), TANDEM_OK); /* each value has the limit for itself */
    check_equal(info_of(tracker, "user").refused, 1);
    check_equal(statistics_of(tracker).limited, 1);
    refuse_call(tracker, "c0", 0);
    check_equal(join(tracker, dialogs[2], "user", "alice"), TANDEM_OK);
    tandem_tracker_free(tracker);
}

static void reservation_is_all_or_none(void) {
    tandem_tracker *tracker = make_profiles();
    const tandem_dialog_id one = begin_call(tracker, "one", 0);
    const tandem_dialog_id two = begin_call(tracker, "two", 0);
    tandem_profile_request requests[] = {
        {tandem_str_of("plain"), none, TANDEM_LIMIT_DECLARED},
        {tandem_str_of("user"), tandem_str_of("alice"), 1},
        {tandem_str_of("user"), tandem_str_of("bob"), TANDEM_LIMIT_NONE},
        {tandem_str_of("plain"), none, TANDEM_LIMIT_DECLARED}, /* twice is once */
    };
    tandem_profile_refusal refusal = TANDEM_PROFILE_REFUSAL_INIT;
    check_equal(tandem_profile_reserve(tracker, one, requests, 4, 0, &refusal), TANDEM_OK);
    check(refusal.index == 0 && refusal.members == 0 && refusal.limit == 0);
    check_equal(size_of(tracker, "plain"), 1);
    check_equal(tandem_profile_reserve(tracker, two, requests, 4, 0, &refusal), TANDEM_E_LIMIT);
    check_equal(refusal.index, 1);
    check_equal(refusal.members, 1);
    check_equal(refusal.limit, 1); /* the call's own, over the declared one */
    check_equal(size_of(tracker, "plain"), 1);
    check_equal(value_size_of(tracker, "user", "bob"), 1);

    requests[1].profile = tandem_str_of("none");
    check_equal(tandem_profile_reserve(tracker, two, requests, 4, 0, &refusal), TANDEM_E_NO_PROFILE);
    check(strcmp(tandem_last_error(), "request 1, profile \"none\": no such profile") == 0);
    requests[1] = (tandem_profile_request){tandem_str_of("plain"), tandem_str_of("value"), 0};
    check_equal(tandem_profile_reserve(tracker, two, requests, 4, 0, NULL), TANDEM_E_INVALID);
    char text[257];
    memset(text, 'v', sizeof(text));
    requests[1] = (tandem_profile_request){tandem_str_of("user"), {text, 257}, 0};
    check_equal(tandem_profile_reserve(tracker, two, requests, 4, 0, NULL), TANDEM_E_TOO_LARGE);
    requests[1].value = (tandem_str){"a\tb", 3};
    check_equal(tandem_profile_reserve(tracker, two, requests, 4, 0, NULL), TANDEM_E_INVALID);
    check_equal(size_of(tracker, "plain"), 1);
    requests[1].value = (tandem_str){text, 256};
    check_equal(tandem_profile_reserve(tracker, two, requests, 4, 0, NULL), TANDEM_OK);
    check_equal(size_of(tracker, "plain"), 2);
    check_equal(value_size_of(tracker, "user", "bob"), 2);
    tandem_tracker_free(tracker);
}

static void own_limit_goes_before_the_declared_one(void) {
    tandem_tracker *tracker = make_profiles();
    char call_id[8];
    for (int i = 0; i < 5; i++) {
        snprintf(call_id, sizeof(call_id), "c%d", i);
        const tandem_dialog_id dialog = begin_call(tracker, call_id, 0);
        const tandem_profile_request request = {tandem_str_of("plain"), none, TANDEM_LIMIT_NONE};
        check_equal(tandem_profile_reserve(tracker, dialog, &request, 1, 0, NULL), TANDEM_OK);
    }
    const tandem_dialog_id dialog = begin_call(tracker, "more", 0);
    check_equal(join(tracker, dialog, "plain", ""), TANDEM_E_LIMIT);
    tandem_profile_request request;
    memset(&request, 0, sizeof(request)); /* what a host leaves out is the default, and that is no open door */
    request.profile = tandem_str_of("plain");
    check_equal(tandem_profile_reserve(tracker, dialog, &request, 1, 0, NULL), TANDEM_E_LIMIT);
    request.limit = UINT32_MAX - 1;
    check_equal(tandem_profile_reserve(tracker, dialog, &request, 1, 0, NULL), TANDEM_OK);
    tandem_tracker_free(tracker);
}

static void values_have_limits_of_their_own(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_value_limit limits[] = {{tandem_str_of("small"), 1}, {tandem_str_of("free"), 0}};
    tandem_profile_options options = TANDEM_PROFILE_OPTIONS_INIT;
    options.has_values = 1;
    options.limit = 2;
    options.limits = limits;
    options.limit_count = 2;
    check_equal(tandem_profile_declare(tracker, tandem_str_of("trunk"), &options), TANDEM_OK);
    tandem_profile_refusal refusal = TANDEM_PROFILE_REFUSAL_INIT;
    char call_id[8];
    for (uint32_t i = 0; i < 4; i++) {
        snprintf(call_id, sizeof(call_id), "c%u", i);
        const tandem_dialog_id dialog = begin_call(tracker, call_id, 0);
        check_equal(join(tracker, dialog, "trunk", "small"), i < 1 ? TANDEM_OK : TANDEM_E_LIMIT);
        check_equal(join(tracker, dialog, "trunk", "other"), i < 2 ? TANDEM_OK : TANDEM_E_LIMIT);
        check_equal(join(tracker, dialog, "trunk", "free"), TANDEM_OK);
        if (i != 3) continue;
        const tandem_profile_request request = {tandem_str_of("trunk"), tandem_str_of("small"), TANDEM_LIMIT_DECLARED};
        refusal.size = offsetof(tandem_profile_refusal, limit); /* of an older host */
        refusal.limit = 77;
        check_equal(tandem_profile_reserve(tracker, dialog, &request, 1, 0, &refusal), TANDEM_E_LIMIT);
        check_equal(refusal.members, 1);
        check_equal(refusal.limit, 77);
    }
    uint64_t cursor = 0;
    tandem_profile_values *page = NULL;
    require(tandem_profile_list_values(tracker, tandem_str_of("trunk"), &cursor, 100, &page) == TANDEM_OK);
    check_equal(page->count, 3);
    for (uint32_t i = 0; i < page->count; i++) {
        const tandem_profile_value value = page->items[i];
        const int is_small = value.value.size == 5 && memcmp(value.value.data, "small", 5) == 0;
        const int is_free = value.value.size == 4;
        check_equal(value.limit, is_small ? 1 : is_free ? 0 : 2);
        check_equal(value.members, is_small ? 1 : is_free ? 4 : 2);
    }
    tandem_profile_values_free(page);
    tandem_tracker_free(tracker);
}

static void reservation_checks_its_arguments(void) {
    tandem_tracker *tracker = make_profiles();
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    tandem_profile_request requests[33];
    char values[33][4];
    for (int i = 0; i < 33; i++) {
        snprintf(values[i], sizeof(values[i]), "%d", i);
        requests[i] = (tandem_profile_request){tandem_str_of("user"), tandem_str_of(values[i]), 0};
    }
    check_equal(tandem_profile_reserve(NULL, dialog, requests, 1, 0, NULL), TANDEM_E_INVALID);
    check_equal(tandem_profile_reserve(tracker, dialog, NULL, 1, 0, NULL), TANDEM_E_INVALID);
    check_equal(tandem_profile_reserve(tracker, dialog, requests, 0, 0, NULL), TANDEM_E_INVALID);
    check_equal(tandem_profile_reserve(tracker, dialog, requests, 33, 0, NULL), TANDEM_E_INVALID);
    check_equal(tandem_profile_reserve(tracker, dialog, requests, UINT32_MAX, 0, NULL), TANDEM_E_INVALID);
    check_equal(tandem_profile_reserve(tracker, dialog, requests, 1, NOW_MAX + 1, NULL), TANDEM_E_INVALID);
    tandem_profile_refusal refusal = TANDEM_PROFILE_REFUSAL_INIT;
    refusal.size = 0;
    check_equal(tandem_profile_reserve(tracker, dialog, requests, 1, 0, &refusal), TANDEM_E_INVALID);
    requests[32].value = NO_DATA;
    check_equal(tandem_profile_reserve(tracker, dialog, &requests[32], 1, 0, NULL), TANDEM_E_INVALID);
    requests[32].value = none;
    requests[32].profile = NO_DATA;
    check_equal(tandem_profile_reserve(tracker, dialog, &requests[32], 1, 0, NULL), TANDEM_E_INVALID);
    check_equal(tandem_profile_join(NULL, dialog, tandem_str_of("plain"), none, 0), TANDEM_E_INVALID);
    check_equal(tandem_profile_join(tracker, dialog, NO_DATA, none, 0), TANDEM_E_INVALID);
    check_equal(size_of(tracker, "user"), 0);
    check_equal(tandem_profile_reserve(tracker, dialog, requests, 32, 0, NULL), TANDEM_OK);
    check_equal(size_of(tracker, "user"), 32);
    check_equal(join(tracker, dialog, "plain", ""), TANDEM_E_FULL); /* 32 memberships of one dialog */
    check_equal(leave(tracker, dialog, "user", "7"), TANDEM_OK);
    check_equal(join(tracker, dialog, "plain", ""), TANDEM_OK);
    tandem_tracker_free(tracker);
}

static void values_in_use_have_a_bound(void) {
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.profile_value_max = 2;
    tandem_tracker *tracker = make_tracker(&options);
    require(declare(tracker, "plain", 0, 0) == TANDEM_OK && declare(tracker, "user", 1, 0) == TANDEM_OK);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    check_equal(join(tracker, dialog, "user", "one"), TANDEM_OK);
    check_equal(join(tracker, dialog, "user", "two"), TANDEM_OK);
    check_equal(join(tracker, dialog, "user", "three"), TANDEM_E_FULL);
    check_equal(join(tracker, dialog, "plain", ""), TANDEM_OK); /* has none */
    check_equal(leave(tracker, dialog, "user", "one"), TANDEM_OK);
    check_equal(join(tracker, dialog, "user", "three"), TANDEM_OK);
    tandem_tracker_free(tracker);
}

static void figures_check_their_arguments(void) {
    tandem_tracker *tracker = make_profiles();
    uint32_t size = 77;
    tandem_profile_info info = TANDEM_PROFILE_INFO_INIT;
    const tandem_str user = tandem_str_of("user");
    const tandem_str plain = tandem_str_of("plain");
    check_equal(tandem_profile_size(NULL, user, &size), TANDEM_E_INVALID);
    check_equal(tandem_profile_size(tracker, NO_DATA, &size), TANDEM_E_INVALID);
    check_equal(tandem_profile_size(tracker, user, NULL), TANDEM_E_INVALID);
    check_equal(tandem_profile_size(tracker, tandem_str_of("none"), &size), TANDEM_E_NO_PROFILE);
    check_equal(tandem_profile_value_size(NULL, user, none, &size), TANDEM_E_INVALID);
    check_equal(tandem_profile_value_size(tracker, NO_DATA, none, &size), TANDEM_E_INVALID);
    check_equal(tandem_profile_value_size(tracker, user, NO_DATA, &size), TANDEM_E_INVALID);
    check_equal(tandem_profile_value_size(tracker, user, none, NULL), TANDEM_E_INVALID);
    check_equal(tandem_profile_value_size(tracker, tandem_str_of("none"), none, &size), TANDEM_E_NO_PROFILE);
    check_equal(tandem_profile_value_size(tracker, plain, tandem_str_of("value"), &size), TANDEM_E_INVALID);
    check_equal(tandem_profile_value_size(tracker, plain, none, &size), TANDEM_E_INVALID);
    check_equal(size, 77);
    check_equal(tandem_profile_get(NULL, user, &info), TANDEM_E_INVALID);
    check_equal(tandem_profile_get(tracker, NO_DATA, &info), TANDEM_E_INVALID);
    check_equal(tandem_profile_get(tracker, user, NULL), TANDEM_E_INVALID);
    info.size = 3;
    check_equal(tandem_profile_get(tracker, user, &info), TANDEM_E_INVALID);
    info.size = offsetof(tandem_profile_info, limit);
    info.limit = 77;
    check_equal(tandem_profile_get(tracker, user, &info), TANDEM_OK);
    check_equal(info.has_values, 1);
    check_equal(info.limit, 77);
    check_equal(info.size, offsetof(tandem_profile_info, limit));
    tandem_tracker_free(tracker);
}

/* 50 calls, the first 30 in "user" with ten values of three members each, all in "plain". */
static tandem_tracker *make_members(tandem_dialog_id *dialogs) {
    tandem_tracker *tracker = make_tracker(NULL);
    require(declare(tracker, "plain", 0, 0) == TANDEM_OK && declare(tracker, "user", 1, 0) == TANDEM_OK);
    char text[8];
    for (int i = 0; i < 50; i++) {
        snprintf(text, sizeof(text), "c%d", i);
        dialogs[i] = begin_call(tracker, text, 0);
        require(join(tracker, dialogs[i], "plain", "") == TANDEM_OK);
        snprintf(text, sizeof(text), "v%d", i % 10);
        if (i < 30) require(join(tracker, dialogs[i], "user", text) == TANDEM_OK);
    }
    return tracker;
}

/* How often each dialog comes, in pages of `max`. */
static void count_members(tandem_tracker *tracker, const char *profile, const tandem_str *value, uint32_t max,
                          const tandem_dialog_id *dialogs, int *seen) {
    memset(seen, 0, 50 * sizeof(seen[0]));
    uint64_t cursor = 0;
    do {
        tandem_dialog_id ids[64];
        uint32_t count = 77;
        require(tandem_profile_list_members(tracker, tandem_str_of(profile), value, &cursor, ids, max, &count) == 0);
        require(count <= max);
        for (uint32_t k = 0; k < count; k++) {
            for (int i = 0; i < 50; i++) seen[i] += dialogs[i] == ids[k];
        }
    } while (cursor != 0);
}

static void members_come_by_page(void) {
    tandem_dialog_id dialogs[50];
    int seen[50];
    tandem_tracker *tracker = make_members(dialogs);
    static const uint32_t sizes[] = {1, 2, 3, 7, 64};
    for (size_t k = 0; k < 5; k++) {
        count_members(tracker, "plain", NULL, sizes[k], dialogs, seen);
        for (int i = 0; i < 50; i++) check_equal(seen[i], 1);
        count_members(tracker, "plain", &none, sizes[k], dialogs, seen);
        for (int i = 0; i < 50; i++) check_equal(seen[i], 1);
        count_members(tracker, "user", NULL, sizes[k], dialogs, seen);
        for (int i = 0; i < 50; i++) check_equal(seen[i], i < 30 ? 1 : 0);
        const tandem_str value = tandem_str_of("v4");
        count_members(tracker, "user", &value, sizes[k], dialogs, seen);
        for (int i = 0; i < 50; i++) check_equal(seen[i], i < 30 && i % 10 == 4 ? 1 : 0);
        const tandem_str unknown = tandem_str_of("unknown");
        count_members(tracker, "user", &unknown, sizes[k], dialogs, seen);
        for (int i = 0; i < 50; i++) check_equal(seen[i], 0);
    }
    tandem_tracker_free(tracker);
}

static void member_that_stays_is_listed_whatever_happens(void) {
    tandem_dialog_id dialogs[50];
    tandem_tracker *tracker = make_members(dialogs);
    int seen[50] = {0};
    uint64_t cursor = 0;
    int page = 0;
    char call_id[8];
    do {
        tandem_dialog_id ids[2];
        uint32_t count = 0;
        require(tandem_profile_list_members(tracker, tandem_str_of("user"), NULL, &cursor, ids, 2, &count) == 0);
        for (uint32_t k = 0; k < count; k++) {
            for (int i = 0; i < 50; i++) seen[i] += dialogs[i] == ids[k];
        }
        if (page < 14) { /* every second one goes, from the front; others come */
            snprintf(call_id, sizeof(call_id), "c%d", page * 2);
            refuse_call(tracker, call_id, 0);
            snprintf(call_id, sizeof(call_id), "n%d", page);
            check_equal(join(tracker, begin_call(tracker, call_id, 0), "user", call_id), TANDEM_OK);
        }
        page++;
    } while (cursor != 0 && page < 1000);
    for (int i = 1; i < 30; i += 2) check(seen[i] >= 1);
    check(page < 1000);
    tandem_tracker_free(tracker);
}

static void values_come_by_page(void) {
    tandem_dialog_id dialogs[50];
    tandem_tracker *tracker = make_members(dialogs);
    for (uint32_t max = 1; max < 12; max++) {
        int seen[10] = {0};
        uint64_t cursor = 0;
        do {
            tandem_profile_values *page = NULL;
            require(tandem_profile_list_values(tracker, tandem_str_of("user"), &cursor, max, &page) == TANDEM_OK);
            check_equal(page->size, sizeof(*page));
            check(page->count <= max);
            for (uint32_t i = 0; i < page->count; i++) {
                const tandem_profile_value value = page->items[i];
                require(value.value.size == 2 && value.value.data[0] == 'v');
                check_equal(value.members, 3);
                check_equal(value.limit, 0);
                seen[value.value.data[1] - '0']++;
            }
            tandem_profile_values_free(page);
        } while (cursor != 0);
        for (int i = 0; i < 10; i++) check_equal(seen[i], 1);
    }
    tandem_profile_values_free(NULL);
    tandem_tracker_free(tracker);
}

static void page_of_values_outlives_the_tracker(void) {
    tandem_dialog_id dialogs[50];
    tandem_tracker *tracker = make_members(dialogs);
    tandem_profile_values *page = NULL;
    uint64_t cursor = 0;
    require(tandem_profile_list_values(tracker, tandem_str_of("user"), &cursor, 100000, &page) == TANDEM_OK);
    tandem_tracker_free(tracker);
    check_equal(page->count, 10);
    for (uint32_t i = 0; i < page->count; i++) check(page->items[i].value.data[0] == 'v');
    tandem_profile_values_free(page);
}

static void pages_check_their_arguments(void) {
    tandem_tracker *tracker = make_profiles();
    const tandem_str user = tandem_str_of("user");
    const tandem_str plain = tandem_str_of("plain");
    const tandem_str unknown = tandem_str_of("none");
    const tandem_str value = tandem_str_of("value");
    const tandem_str no_data = NO_DATA;
    uint64_t cursor = 0;
    uint32_t count = 0;
    tandem_dialog_id id = 0;
    tandem_profile_values *page = NULL;
    check_equal(tandem_profile_list_values(NULL, user, &cursor, 1, &page), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_values(tracker, NO_DATA, &cursor, 1, &page), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_values(tracker, user, NULL, 1, &page), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_values(tracker, user, &cursor, 0, &page), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_values(tracker, user, &cursor, 100001, &page), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_values(tracker, user, &cursor, 1, NULL), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_values(tracker, plain, &cursor, 1, &page), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_values(tracker, unknown, &cursor, 1, &page), TANDEM_E_NO_PROFILE);
    check(page == NULL);
    check_equal(tandem_profile_list_members(NULL, user, NULL, &cursor, &id, 1, &count), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_members(tracker, NO_DATA, NULL, &cursor, &id, 1, &count), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_members(tracker, user, &no_data, &cursor, &id, 1, &count), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_members(tracker, user, NULL, NULL, &id, 1, &count), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_members(tracker, user, NULL, &cursor, NULL, 1, &count), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_members(tracker, user, NULL, &cursor, &id, 0, &count), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_members(tracker, user, NULL, &cursor, &id, 1, NULL), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_members(tracker, plain, &value, &cursor, &id, 1, &count), TANDEM_E_INVALID);
    check_equal(tandem_profile_list_members(tracker, unknown, NULL, &cursor, &id, 1, &count), TANDEM_E_NO_PROFILE);
    check_equal(cursor, 0);
    tandem_tracker_free(tracker);
}

static void pages_take_any_cursor(void) {
    tandem_dialog_id dialogs[50];
    tandem_tracker *tracker = make_members(dialogs);
    const tandem_str user = tandem_str_of("user");
    const tandem_str value = tandem_str_of("v1");
    uint64_t random = 88172645463325252;
    for (int i = 0; i < 9000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        uint64_t cursor = i % 3 == 0 ? random : i % 3 == 1 ? random >> 58 : (random >> 60) << 32 | (random & 7);
        uint64_t other = cursor;
        uint64_t third = cursor;
        tandem_dialog_id ids[3];
        uint32_t count = 0;
        tandem_status status = tandem_profile_list_members(tracker, user, NULL, &cursor, ids, 3, &count);
        check(status == TANDEM_OK || status == TANDEM_E_INVALID);
        check(status != TANDEM_OK || count <= 3);
        status = tandem_profile_list_members(tracker, user, &value, &other, ids, 3, &count);
        check(status == TANDEM_OK || status == TANDEM_E_INVALID);
        check(status != TANDEM_OK || count <= 3);
        tandem_profile_values *page = NULL;
        status = tandem_profile_list_values(tracker, user, &third, 3, &page);
        check(status == TANDEM_OK || status == TANDEM_E_INVALID);
        check((status == TANDEM_OK) == (page != NULL));
        tandem_profile_values_free(page);
    }
    uint64_t cursor = 0;
    uint32_t count = 0;
    tandem_dialog_id ids[50];
    check_equal(tandem_profile_list_members(tracker, tandem_str_of("plain"), NULL, &cursor, ids, 100001, &count),
                TANDEM_E_INVALID);
    check_equal(tandem_profile_list_members(tracker, tandem_str_of("plain"), NULL, &cursor, ids, 100000, &count),
                TANDEM_OK);
    check_equal(count, 50);
    check_equal(cursor, 0);
    tandem_tracker_free(tracker);
}

static void end_members_asks_each_once(void) {
    tandem_tracker *tracker = make_profiles();
    const tandem_str user = tandem_str_of("user");
    const tandem_str alice = tandem_str_of("alice");
    const tandem_dialog_id early = ringing_call(tracker, "early", 0);
    const tandem_dialog_id active = confirmed_call(tracker, "active", 0);
    const tandem_dialog_id other = confirmed_call(tracker, "other", 0);
    check_equal(join(tracker, early, "user", "alice"), TANDEM_OK);
    check_equal(join(tracker, active, "user", "alice"), TANDEM_OK);
    check_equal(join(tracker, active, "user", "bob"), TANDEM_OK); /* in two values, and asked once */
    check_equal(join(tracker, other, "user", "carol"), TANDEM_OK);
    drain(tracker);
    uint32_t count = 77;
    check_equal(tandem_profile_end_members(tracker, user, &alice, TANDEM_END_ADMIN, 0, &count), TANDEM_OK);
    check_equal(count, 2);
    check_equal(state_of(tracker, early), TANDEM_STATE_EARLY);      /* waits for its CANCEL */
    check_equal(state_of(tracker, active), TANDEM_STATE_CONFIRMED); /* waits for its BYE */
    tandem_event event = TANDEM_EVENT_INIT;
    uint32_t asked = 0;
    while (take_event(tracker, TANDEM_EVENT_END_DUE, &event)) {
        check_equal(event.reason, TANDEM_END_ADMIN);
        tandem_event_free(&event);
        asked++;
    }
    check_equal(asked, 2);
    check_equal(tandem_profile_end_members(tracker, user, NULL, TANDEM_END_ADMIN, 0, &count), TANDEM_OK);
    check_equal(count, 1); /* the other one: a BYE is under way already for the first */
    check_equal(tandem_profile_end_members(tracker, tandem_str_of("plain"), NULL, TANDEM_END_ADMIN, 0, NULL),
                TANDEM_OK);
    tandem_tracker_free(tracker);
}

static void end_members_checks_its_arguments(void) {
    tandem_tracker *tracker = make_profiles();
    const tandem_str user = tandem_str_of("user");
    const tandem_str no_data = NO_DATA;
    const tandem_str value = tandem_str_of("value");
    uint32_t count = 77;
    check_equal(tandem_profile_end_members(NULL, user, NULL, TANDEM_END_ADMIN, 0, &count), TANDEM_E_INVALID);
    check_equal(tandem_profile_end_members(tracker, NO_DATA, NULL, TANDEM_END_ADMIN, 0, &count), TANDEM_E_INVALID);
    check_equal(tandem_profile_end_members(tracker, user, &no_data, TANDEM_END_ADMIN, 0, &count), TANDEM_E_INVALID);
    check_equal(tandem_profile_end_members(tracker, user, NULL, TANDEM_END_NONE, 0, &count), TANDEM_E_INVALID);
    check_equal(tandem_profile_end_members(tracker, user, NULL, TANDEM_END_RESTART + 1, 0, &count), TANDEM_E_INVALID);
    check_equal(tandem_profile_end_members(tracker, user, NULL, TANDEM_END_ADMIN, NOW_MAX + 1, &count),
                TANDEM_E_INVALID);
    check_equal(tandem_profile_end_members(tracker, tandem_str_of("plain"), &value, TANDEM_END_ADMIN, 0, &count),
                TANDEM_E_INVALID);
    check_equal(tandem_profile_end_members(tracker, tandem_str_of("none"), NULL, TANDEM_END_ADMIN, 0, &count),
                TANDEM_E_NO_PROFILE);
    check_equal(count, 77);
    check_equal(tandem_profile_end_members(tracker, user, NULL, TANDEM_END_ADMIN, 0, &count), TANDEM_OK);
    check_equal(count, 0);
    tandem_tracker_free(tracker);
}

static void names_are_listed(void) {
    tandem_tracker *tracker = make_profiles();
    tandem_str name = none;
    uint32_t count = 0;
    for (; tandem_profile_at(tracker, count, &name) == TANDEM_OK; count++) {
        tandem_profile_info info = TANDEM_PROFILE_INFO_INIT;
        check_equal(tandem_profile_get(tracker, name, &info), TANDEM_OK);
        if (count == 0) check_text(name, "plain");
    }
    check(count > 1);
    check_equal(tandem_profile_at(tracker, count, &name), TANDEM_E_NOT_FOUND);
    check_equal(tandem_profile_at(tracker, UINT32_MAX, &name), TANDEM_E_NOT_FOUND);
    check_equal(tandem_profile_at(NULL, 0, &name), TANDEM_E_INVALID);
    check_equal(tandem_profile_at(tracker, 0, NULL), TANDEM_E_INVALID);
    tandem_tracker_free(tracker);
}

static void dialog_names_its_profiles(void) {
    tandem_tracker *tracker = make_profiles();
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    check_equal(join(tracker, dialog, "plain", ""), TANDEM_OK);
    check_equal(join(tracker, dialog, "user", "alice"), TANDEM_OK);
    tandem_dialog_info *info = NULL;
    require(tandem_dialog_get(tracker, dialog, &info) == TANDEM_OK);
    require(info->profile_count == 2);
    check_text(info->profiles[0].profile, "plain");
    check_equal(info->profiles[0].has_value, 0);
    check_text(info->profiles[1].profile, "user");
    check_text(info->profiles[1].value, "alice");
    check_equal(info->profiles[1].has_value, 1);
    tandem_dialog_info_free(info);
    tandem_tracker_free(tracker);
}

/* As many as the dialogs may have: no other bound comes before it. */
static void memberships_have_the_bound_of_each_dialog(void) {
    enum { dialogs = 2000, each = 32 };
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.dialog_max = dialogs;
    options.events = TANDEM_EVENTS_NONE;
    tandem_tracker *tracker = make_tracker(&options);
    tandem_profile_options profile = TANDEM_PROFILE_OPTIONS_INIT;
    profile.has_values = 1;
    require(tandem_profile_declare(tracker, tandem_str_of("user"), &profile) == TANDEM_OK);
    char call_id[16];
    char value[16];
    for (int i = 0; i < dialogs; i++) {
        snprintf(call_id, sizeof(call_id), "c%d", i);
        const tandem_dialog_id dialog = begin_call(tracker, call_id, 0);
        for (int k = 0; k < each; k++) {
            snprintf(value, sizeof(value), "v%d", k);
            require(join(tracker, dialog, "user", value) == TANDEM_OK);
        }
        check_equal(join(tracker, dialog, "user", "more"), TANDEM_E_FULL);
    }
    check_equal(size_of(tracker, "user"), dialogs * each);
    tandem_tracker_free(tracker);
}

static const test tests[] = {
    {"profile: those declared are listed by name", names_are_listed},
    {"profile: a dialog names those it is in", dialog_names_its_profiles},
    {"profile: memberships have the bound of each dialog and no other", memberships_have_the_bound_of_each_dialog},
    {"profile: a declared one has its figures", declared_profile_has_its_figures},
    {"profile: a name is up to 64 bytes of visible ASCII without '='", name_is_visible_ascii},
    {"profile: a declaration is checked, and nothing is declared by a wrong one", declaration_is_checked},
    {"profile: declared again it has new limits and its members", declaration_again_gives_new_limits},
    {"profile: there are 256 at most", profiles_have_a_bound},
    {"profile: a member counts once, and until its dialog ends", member_counts_once_and_until_its_end},
    {"profile: leaving takes a member out", leave_takes_a_member_out},
    {"profile: a limit refuses one more, of each value", limit_refuses_one_more},
    {"profile: a reservation joins all or none", reservation_is_all_or_none},
    {"profile: a limit of the call goes over the declared one", own_limit_goes_before_the_declared_one},
    {"profile: a limit of a value goes over its profile's", values_have_limits_of_their_own},
    {"profile: a reservation checks its arguments and bounds", reservation_checks_its_arguments},
    {"profile: values in use have a bound", values_in_use_have_a_bound},
    {"profile: figures check their arguments", figures_check_their_arguments},
    {"profile: members come by page, each once", members_come_by_page},
    {"profile: a member that stays is listed, whoever comes and goes", member_that_stays_is_listed_whatever_happens},
    {"profile: values come by page, each once", values_come_by_page},
    {"profile: a page of values outlives the tracker", page_of_values_outlives_the_tracker},
    {"profile: pages check their arguments", pages_check_their_arguments},
    {"profile: pages take any cursor", pages_take_any_cursor},
    {"profile: end_members asks each member once", end_members_asks_each_once},
    {"profile: end_members checks its arguments", end_members_checks_its_arguments},
};
SUITE(profile_suite, tests);
