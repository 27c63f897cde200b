/* tandem/bus.h: who hears of what, what is lost, and how waits end. What the bus does stands in tests/event. */
#include <stdio.h>
#include <string.h>
#include "suite.h"

static tandem_bus *make_bus(uint32_t queue_max) {
    tandem_bus_options options = TANDEM_BUS_OPTIONS_INIT;
    tandem_bus *bus = NULL;
    options.queue_max = queue_max;
    require(tandem_bus_new(&options, 0, &bus) == TANDEM_OK);
    return bus;
}

static tandem_subscriber_id join(tandem_bus *bus) {
    tandem_subscriber_id me = 0;
    require(tandem_bus_join(bus, &me) == TANDEM_OK);
    return me;
}

/* One event with one key, or none. */
static uint64_t tell(tandem_bus *bus, const char *name, const char *key, const char *value, uint64_t now_us) {
    tandem_notice notice = TANDEM_NOTICE_INIT;
    const tandem_field field = {tandem_str_of(key), tandem_str_of(value)};
    uint64_t sequence = 0;
    notice.name = tandem_str_of(name);
    notice.fields = &field;
    notice.field_count = key ? 1 : 0;
    check_equal(tandem_bus_notify(bus, &notice, now_us, &sequence), TANDEM_OK);
    return sequence;
}

static tandem_filter filter_of(const char *name, const tandem_field *keys, uint32_t count) {
    tandem_filter filter = TANDEM_FILTER_INIT;
    filter.name = tandem_str_of(name);
    filter.keys = keys;
    filter.key_count = count;
    return filter;
}

static tandem_subscription listen(tandem_bus *bus, tandem_subscriber_id me, const char *name, const uint64_t *since) {
    const tandem_filter filter = filter_of(name, NULL, 0);
    tandem_subscription made = TANDEM_SUBSCRIPTION_INIT;
    require(tandem_bus_subscribe(bus, me, &filter, 0, since, 0, &made) == TANDEM_OK);
    return made;
}

static void subscriber_hears_what_his_filter_is_about(void) {
    tandem_bus *bus = make_bus(0);
    const tandem_subscriber_id me = join(bus);
    const tandem_field keys[] = {{tandem_str_of("user"), tandem_str_of("al*")}};
    const tandem_filter filter = filter_of("login", keys, 1);
    tandem_bus_event event = TANDEM_BUS_EVENT_INIT;
    char json[256];
    size_t needed = 0;
    require(tandem_bus_subscribe(bus, me, &filter, 0, NULL, 0, NULL) == TANDEM_OK);
    check_equal(tell(bus, "login", "user", "bob", 1), 1);
    check_equal(tell(bus, "logout", "user", "alice", 1), 2);
    check_equal(tell(bus, "login", "user", "alice", 1), 3);
    check_equal(tandem_bus_sequence(bus), 3);
    check_equal(tandem_bus_next(bus, me, &event), TANDEM_OK);
    check_equal(event.type, TANDEM_BUS_EVENT);
    check_equal(event.sequence, 3);
    check_text(event.name, "login");
    check_equal(event.field_count, 1);
    check_text(event.fields[0].key, "user");
    check_text(event.fields[0].value, "alice");
    check_equal(tandem_bus_event_json(&event, NULL, 0, &needed), TANDEM_E_TOO_LARGE);
    check_equal(tandem_bus_event_json(&event, json, sizeof json, NULL), TANDEM_OK);
    check(strcmp(json, "{\"seq\":3,\"event\":\"login\",\"time-us\":0,\"user\":\"alice\"}") == 0);
    check_equal(needed, strlen(json) + 1);
    tandem_bus_free(bus); /* what was taken stays */
    check_text(event.fields[0].value, "alice");
    tandem_bus_event_free(&event);
    tandem_bus_event_free(&event);
    tandem_bus_event_free(NULL);
    check_equal(event.size, sizeof event);
}

static void slow_subscriber_finds_a_gap(void) {
    tandem_bus *bus = make_bus(2);
    const tandem_subscriber_id me = join(bus);
    tandem_bus_event event = TANDEM_BUS_EVENT_INIT;
    listen(bus, me, "e", NULL);
    for (int i = 0; i < 5; i++) tell(bus, "e", NULL, NULL, 1);
    check_equal(tandem_bus_next(bus, me, &event), TANDEM_OK);
    check_equal(event.type, TANDEM_BUS_GAP);
    check_equal(event.first, 1);
    check_equal(event.last, 3);
    check_equal(event.lost, 3);
    check_equal(tandem_bus_event_json(&event, NULL, 0, NULL), TANDEM_E_INVALID);
    tandem_bus_event_free(&event);
    for (uint64_t i = 4; i <= 5; i++) {
        check_equal(tandem_bus_next(bus, me, &event), TANDEM_OK);
        check_equal(event.sequence, i);
        tandem_bus_event_free(&event);
    }
    check_equal(tandem_bus_next(bus, me, &event), TANDEM_E_EMPTY);
    tandem_bus_free(bus);
}

static void late_subscriber_hears_what_came_before(void) {
    tandem_bus *bus = make_bus(0);
    const tandem_subscriber_id me = join(bus);
    tandem_bus_event event = TANDEM_BUS_EVENT_INIT;
    const uint64_t since = 1, unknown = 7;
    for (int i = 0; i < 2; i++) tell(bus, "e", NULL, NULL, 1);
    tandem_subscription made = listen(bus, me, "e", &since);
    check_equal(made.sequence, 2);
    check_equal(made.has_gap, 0);
    check_equal(tandem_bus_next(bus, me, &event), TANDEM_OK);
    check_equal(event.sequence, 2);
    tandem_bus_event_free(&event);
    check_equal(tandem_bus_unsubscribe(bus, made.id), TANDEM_OK);
    check_equal(tandem_bus_unsubscribe(bus, made.id), TANDEM_E_NOT_FOUND);
    check_equal(listen(bus, me, "e", &unknown).has_gap, 1); /* of another life */
    check_equal(tandem_bus_leave(bus, me), TANDEM_OK);
    check_equal(tandem_bus_leave(bus, me), TANDEM_E_NOT_FOUND);
    check_equal(tandem_bus_next(bus, me, &event), TANDEM_E_NOT_FOUND);
    tandem_bus_free(bus);
}

static void waits_end_once(void) {
    tandem_bus *bus = make_bus(0);
    tandem_bus_event event = TANDEM_BUS_EVENT_INIT;
    const tandem_filter filter = filter_of("e", NULL, 0), other = filter_of("f", NULL, 0);
    tandem_subscription first = TANDEM_SUBSCRIPTION_INIT, second = TANDEM_SUBSCRIPTION_INIT;
    check_equal(tandem_bus_timeout_ms(bus, 0), -1);
    check_equal(tandem_bus_wait(bus, &filter, 100, NULL, 11, 0, &first), TANDEM_OK);
    check_equal(tandem_bus_wait(bus, &other, 50, NULL, 12, 0, &second), TANDEM_OK);
    check_equal(tandem_bus_timeout_ms(bus, 0), 50);
    check_equal(tandem_bus_renew(bus, first.id, 1000, 0), TANDEM_E_NOT_FOUND);
    check_equal(tandem_bus_next_end(bus, &event), TANDEM_E_EMPTY);
    check_equal(tandem_bus_advance(bus, 50000), TANDEM_OK);
    check_equal(tandem_bus_next_end(bus, &event), TANDEM_OK);
    check_equal(event.type, TANDEM_BUS_TIMEOUT);
    check_equal(event.user_data, 12);
    check(event.subscription == second.id);
    tandem_bus_event_free(&event);
    tell(bus, "e", NULL, NULL, 60000);
    tell(bus, "e", NULL, NULL, 60000);
    check_equal(tandem_bus_next_end(bus, &event), TANDEM_OK);
    check_equal(event.type, TANDEM_BUS_EVENT);
    check_equal(event.user_data, 11);
    check_text(event.name, "e");
    tandem_bus_event_free(&event);
    check_equal(tandem_bus_next_end(bus, &event), TANDEM_E_EMPTY);
    check_equal(tandem_bus_timeout_ms(bus, 60000), -1);
    tandem_bus_free(bus);
}

static void bad_arguments_are_refused(void) {
    tandem_bus *bus = make_bus(0);
    tandem_bus *none = NULL;
    const tandem_subscriber_id me = join(bus);
    tandem_notice notice = TANDEM_NOTICE_INIT;
    tandem_bus_event event = TANDEM_BUS_EVENT_INIT;
    const tandem_field twice[] = {{tandem_str_of("k"), tandem_str_of("1")}, {tandem_str_of("k"), tandem_str_of("2")}};
    const tandem_field broken = {{NULL, 3}, {NULL, 0}};
    tandem_filter filter = filter_of("e", twice, 2);
    check_equal(tandem_bus_new(NULL, UINT64_MAX, &none), TANDEM_E_INVALID);
    check_equal(tandem_bus_new(NULL, 0, NULL), TANDEM_E_INVALID);
    check_equal(tandem_bus_notify(bus, &notice, 0, NULL), TANDEM_E_INVALID); /* no name */
    notice.name = tandem_str_of("e");
    notice.fields = twice;
    notice.field_count = 2;
    check_equal(tandem_bus_notify(bus, &notice, 0, NULL), TANDEM_E_INVALID);
    notice.fields = &broken;
    notice.field_count = 1;
    check_equal(tandem_bus_notify(bus, &notice, 0, NULL), TANDEM_E_INVALID);
    notice.fields = NULL;
    check_equal(tandem_bus_notify(bus, &notice, 0, NULL), TANDEM_E_INVALID);
    check_equal(tandem_bus_notify(NULL, &notice, 0, NULL), TANDEM_E_INVALID);
    check_equal(tandem_bus_subscribe(bus, me, &filter, 0, NULL, 0, NULL), TANDEM_E_INVALID);
    filter = filter_of("*a*a*a*a*a*a*a*a*a", NULL, 0);
    check_equal(tandem_bus_subscribe(bus, me, &filter, 0, NULL, 0, NULL), TANDEM_E_FULL);
    filter = filter_of("e", NULL, 0);
    check_equal(tandem_bus_subscribe(bus, me + 1, &filter, 0, NULL, 0, NULL), TANDEM_E_NOT_FOUND);
    check_equal(tandem_bus_subscribe(bus, me, NULL, 0, NULL, 0, NULL), TANDEM_E_INVALID);
    event.size = 8;
    check_equal(tandem_bus_next(bus, me, &event), TANDEM_E_INVALID);
    check_equal(tandem_bus_sequence(NULL), 0);
    check_equal(tandem_bus_timeout_ms(NULL, 0), -1);
    tandem_bus_free(bus);
    tandem_bus_free(NULL);
}

static void numbers_never_start_anew(void) {
    tandem_bus_options options = TANDEM_BUS_OPTIONS_INIT;
    tandem_bus *bus = NULL;
    options.sequence = UINT64_MAX;
    check_equal(tandem_bus_new(&options, 0, &bus), TANDEM_E_INVALID);
    options.sequence = (UINT64_C(1) << 62) + 1;
    check_equal(tandem_bus_new(&options, 0, &bus), TANDEM_E_INVALID);
    require(bus == NULL);
    options.sequence = UINT64_C(1) << 62;
    require(tandem_bus_new(&options, 0, &bus) == TANDEM_OK);
    check_equal(tell(bus, "e", NULL, NULL, 1), (UINT64_C(1) << 62) + 1);
    tandem_bus_free(bus);
}

static void bounds_of_the_options_hold(void) {
    tandem_bus_options options = TANDEM_BUS_OPTIONS_INIT;
    tandem_bus *bus = NULL;
    tandem_subscriber_id me = 0;
    const tandem_filter filter = filter_of("e", NULL, 0);
    options.subscriber_max = 1;
    options.subscription_max = 2;
    options.per_subscriber_max = 1;
    options.sequence = 1000;
    require(tandem_bus_new(&options, 0, &bus) == TANDEM_OK);
    check_equal(tandem_bus_join(bus, &me), TANDEM_OK);
    check_equal(tandem_bus_join(bus, &me), TANDEM_E_FULL);
    check_equal(tandem_bus_subscribe(bus, me, &filter, 0, NULL, 0, NULL), TANDEM_OK);
    check_equal(tandem_bus_subscribe(bus, me, &filter, 0, NULL, 0, NULL), TANDEM_E_FULL);
    check_equal(tandem_bus_wait(bus, &filter, 1000, NULL, 0, 0, NULL), TANDEM_OK);
    check_equal(tandem_bus_wait(bus, &filter, 1000, NULL, 0, 0, NULL), TANDEM_E_FULL);
    check_equal(tell(bus, "e", NULL, NULL, 1), 1001);
    check_equal(tandem_bus_wait(bus, &filter, 0, NULL, 0, 1, NULL), TANDEM_OK); /* ends with the next advance */
    check_equal(tandem_bus_advance(bus, 1000), TANDEM_OK);
    check_equal(tandem_bus_wait(bus, &filter, 0, NULL, 0, 1000, NULL), TANDEM_E_FULL); /* nobody takes the two ends */
    tandem_bus_free(bus);
}

static const test tests[] = {
    {"bus: a subscriber hears what his filter is about", subscriber_hears_what_his_filter_is_about},
    {"bus: a slow subscriber finds a gap", slow_subscriber_finds_a_gap},
    {"bus: a late subscriber hears what came before", late_subscriber_hears_what_came_before},
    {"bus: a wait ends once, with its event or at its timeout", waits_end_once},
    {"bus: bad arguments are refused", bad_arguments_are_refused},
    {"bus: numbers never start anew", numbers_never_start_anew},
    {"bus: the bounds of the options hold", bounds_of_the_options_hold},
};
SUITE(bus_suite, tests);
