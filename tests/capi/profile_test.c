/* tandem/profile.h: who is in, and who may come in. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include "call.h"
#include "profiles.h"
#include "suite.h"

static const tandem_str none = {NULL, 0};

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
};
SUITE(profile_suite, tests);
