/* tandem/cdr.h: one record for each call, and the same as JSON. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "call.h"
#include "suite.h"

static void take_record(tandem_tracker *tracker, tandem_event *event) {
    *event = (tandem_event)TANDEM_EVENT_INIT;
    require(take_event(tracker, TANDEM_EVENT_CDR, event) && event->cdr);
}

static void record_is_the_whole_call(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    tandem_profile_options options = TANDEM_PROFILE_OPTIONS_INIT;
    options.has_values = 1;
    check_equal(tandem_profile_declare(tracker, tandem_str_of("user"), &options), TANDEM_OK);
    check_equal(tandem_profile_declare(tracker, tandem_str_of("plain"), NULL), TANDEM_OK);
    const int64_t utc_us = INT64_C(1700000000000000);
    check_equal(tandem_tracker_set_clock(tracker, 0, utc_us), TANDEM_OK);
    tandem_leg leg = TANDEM_LEG_INIT;
    leg.source = tandem_str_of("192.0.2.9:5060");
    leg.trunk = tandem_str_of("carrier");
    const tandem_message invite = invite_of("call");
    tandem_dialog_id dialog = 0;
    require(tandem_tracker_feed_invite(tracker, &invite, &leg, 10, &dialog) == TANDEM_OK);
    check_equal(tandem_profile_join(tracker, dialog, tandem_str_of("user"), tandem_str_of(""), 10), TANDEM_OK);
    check_equal(tandem_profile_join(tracker, dialog, tandem_str_of("plain"), tandem_str_of(""), 10), TANDEM_OK);
    const tandem_value value = tandem_value_boolean(1);
    check_equal(tandem_variable_set(tracker, dialog, tandem_str_of("v"), &value, 10), TANDEM_OK);
    feed(tracker, answer_of("call", 100), 15);
    feed(tracker, answer_of("call", 180), 20);
    feed(tracker, answer_of("call", 183), 25);
    feed(tracker, answer_of("call", 200), 30);
    feed(tracker, from_alice("call", TANDEM_METHOD_ACK, 1), 31);
    tandem_message bye = from_bob("call", TANDEM_METHOD_BYE, 1);
    bye.reason = tandem_str_of("SIP;cause=200, q.850 ; cause = 16;text=\"Normal, call clearing\"");
    feed(tracker, bye, 5000030);
    feed(tracker, answer_to(&bye, 200), 5000040);
    tandem_dialog_info *info = NULL;
    require(tandem_dialog_get(tracker, dialog, &info) == TANDEM_OK);
    tandem_event event;
    take_record(tracker, &event);
    const tandem_cdr *cdr = event.cdr;
    check_equal(cdr->size, sizeof(*cdr));
    check_equal(cdr->end_reason, TANDEM_END_CALLEE_BYE);
    check(cdr->id.size == 32 && memcmp(cdr->id.data, info->record_id.data, 32) == 0);
    check_text(cdr->call_id, "call");
    check_text(cdr->callee_call_id, "");
    check_text(cdr->from_uri, "sip:alice@a.example");
    check_text(cdr->to_uri, "sip:bob@b.example");
    check_text(cdr->request_uri, "sip:bob@next.example");
    check_text(cdr->source, "192.0.2.9:5060");
    check_text(cdr->trunk, "carrier");
    check_equal(cdr->created_us, utc_us + 10);
    check_equal(cdr->ringing_us, utc_us + 20);
    check_equal(cdr->answered_us, utc_us + 30);
    check_equal(cdr->ended_us, utc_us + 5000040);
    check_equal(cdr->duration_us, 5000010);
    check_equal(cdr->sip_code, 200);
    check_equal(cdr->q850, 16);
    require(cdr->profile_count == 2 && cdr->variable_count == 1);
    check_text(cdr->profiles[0].profile, "user");
    check_text(cdr->profiles[0].value, "");
    check_equal(cdr->profiles[0].has_value, 1);
    check_text(cdr->profiles[1].profile, "plain");
    check_equal(cdr->profiles[1].has_value, 0);
    check_text(cdr->variables[0].name, "v");
    check_equal(cdr->variables[0].value.type, TANDEM_TYPE_BOOLEAN);
    check_equal(cdr->variables[0].value.integer, 1);
    tandem_dialog_info_free(info);
    tandem_event_free(&event);
    tandem_tracker_free(tracker);
}

static void failed_call_has_a_record_too(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    begin_call(tracker, "c", 10);
    refuse_call(tracker, "c", 20);
    tandem_event event;
    take_record(tracker, &event);
    check_equal(event.cdr->sip_code, 486);
    check_equal(event.cdr->ringing_us, 0);
    check_equal(event.cdr->answered_us, 0);
    check_equal(event.cdr->duration_us, 0);
    check_equal(event.cdr->q850, 0);
    check_equal(event.cdr->end_reason, TANDEM_END_REFUSED);
    check(event.cdr->profile_count == 0 && event.cdr->variable_count == 0);
    check(event.cdr->ended_us == event.cdr->created_us + 10);
    tandem_event_free(&event);
    tandem_tracker_free(tracker);
}

static void ids_are_in_the_order_of_creation(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    char last[32] = {0};
    char call_id[16];
    for (int i = 0; i < 200; i++) { /* over all shards */
        snprintf(call_id, sizeof(call_id), "c%d", i);
        begin_call(tracker, call_id, 0);
        refuse_call(tracker, call_id, 0);
        tandem_event event;
        take_record(tracker, &event);
        require(event.cdr->id.size == 32);
        check(memcmp(event.cdr->id.data, last, 32) > 0);
        memcpy(last, event.cdr->id.data, 32);
        tandem_event_free(&event);
    }
    tandem_tracker_free(tracker);
}

/* A record that the host fills itself, with something to escape in every place. */
static tandem_cdr sample(void) {
    static const tandem_membership profiles[] = {{{"user", 4}, {"a\"b", 3}, 1}, {{"plain", 5}, {NULL, 0}, 0}};
    static const tandem_variable variables[] = {
        {{"text", 4}, {TANDEM_TYPE_TEXT, {"tab\t", 4}, 0}},
        {{"integer", 7}, {TANDEM_TYPE_INTEGER, {NULL, 0}, INT64_MIN}},
        {{"boolean", 7}, {TANDEM_TYPE_BOOLEAN, {NULL, 0}, 1}},
        {{"bytes", 5}, {TANDEM_TYPE_BYTES, {"\0\xff~", 3}, 0}},
    };
    tandem_cdr cdr;
    memset(&cdr, 0, sizeof(cdr));
    cdr.size = sizeof(cdr);
    cdr.end_reason = TANDEM_END_CALLER_BYE;
    cdr.id = tandem_str_of("000102030405060708090a0b0c0d0e0f");
    cdr.call_id = tandem_str_of("back\\slash");
    cdr.callee_call_id = tandem_str_of("other");
    cdr.from_uri = tandem_str_of("sip:\xc3\xa4@a");
    cdr.to_uri = (tandem_str){"bad \xff\xc3 utf", 10};
    cdr.request_uri = (tandem_str){"nul\0", 4};
    cdr.source = tandem_str_of("s");
    cdr.trunk = tandem_str_of("t");
    cdr.created_us = 1;
    cdr.ringing_us = 2;
    cdr.answered_us = 3;
    cdr.ended_us = 4;
    cdr.duration_us = 1;
    cdr.sip_code = 200;
    cdr.q850 = 16;
    cdr.profiles = profiles;
    cdr.profile_count = 2;
    cdr.variables = variables;
    cdr.variable_count = 4;
    return cdr;
}

static int has(const char *json, const char *part) {
    const int is_there = strstr(json, part) != NULL;
    if (!is_there) fprintf(stderr, "  %s\n  is not in %s\n", part, json);
    return is_there;
}

static void json_has_every_field(void) {
    const tandem_cdr cdr = sample();
    char json[2048];
    size_t needed = 0;
    require(tandem_cdr_json(&cdr, json, sizeof(json), &needed) == TANDEM_OK);
    check_equal(needed, strlen(json) + 1);
    check(json[0] == '{' && json[needed - 2] == '}' && !strchr(json, '\n'));
    check(has(json, "\"id\":\"000102030405060708090a0b0c0d0e0f\""));
    check(has(json, "\"call_id\":\"back\\\\slash\""));
    check(has(json, "\"callee_call_id\":\"other\""));
    check(has(json, "\"from_uri\":\"sip:\xc3\xa4@a\""));
    check(has(json, "\"to_uri\":\"bad \xef\xbf\xbd\xef\xbf\xbd utf\""));
    check(has(json, "\"request_uri\":\"nul\\u0000\""));
    check(has(json, "\"source\":\"s\""));
    check(has(json, "\"trunk\":\"t\""));
    check(has(json, "\"created_us\":1,"));
    check(has(json, "\"ringing_us\":2,"));
    check(has(json, "\"answered_us\":3,"));
    check(has(json, "\"ended_us\":4,"));
    check(has(json, "\"duration_us\":1,"));
    check(has(json, "\"sip_code\":200,"));
    check(has(json, "\"end_reason\":\"caller_bye\""));
    check(has(json, "\"q850\":16"));
    check(has(json, "\"profiles\":[{\"name\":\"user\",\"value\":\"a\\\"b\"},{\"name\":\"plain\"}]"));
    check(has(json, "\"variables\":{\"text\":\"tab\\t\",\"integer\":-9223372036854775808,\"boolean\":true,"
                    "\"bytes\":\"AP9+\"}"));
}

static void json_says_how_much_room_it_needs(void) {
    const tandem_cdr cdr = sample();
    char json[2048];
    size_t needed = 0;
    check_equal(tandem_cdr_json(&cdr, NULL, 0, &needed), TANDEM_E_TOO_LARGE);
    require(needed > 1 && needed < sizeof(json));
    check_equal(tandem_cdr_json(&cdr, NULL, 0, NULL), TANDEM_E_TOO_LARGE);
    memset(json, '#', sizeof(json));
    const size_t exact = needed;
    check_equal(tandem_cdr_json(&cdr, json, exact - 1, &needed), TANDEM_E_TOO_LARGE);
    check_equal(needed, exact);
    check(json[0] == '#' && json[exact - 2] == '#');
    check_equal(tandem_cdr_json(&cdr, json, exact, NULL), TANDEM_OK);
    check(json[exact - 1] == '\0' && json[exact] == '#');
}

static void json_of_an_event_is_the_same(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    tandem_message invite = invite_of("c");
    invite.from_uri = (tandem_str){"\x01\x80", 2};
    feed(tracker, invite, 0);
    refuse_call(tracker, "c", 0);
    tandem_event event;
    take_record(tracker, &event);
    char json[2048];
    require(tandem_cdr_json(event.cdr, json, sizeof(json), NULL) == TANDEM_OK);
    check(has(json, "\"call_id\":\"c\""));
    check(has(json, "\"from_uri\":\"\\u0001\xef\xbf\xbd\""));
    check(has(json, "\"end_reason\":\"refused\""));
    check(has(json, "\"profiles\":[]"));
    check(has(json, "\"variables\":{}"));
    tandem_event_free(&event);
    tandem_tracker_free(tracker);
}

static void json_checks_its_arguments(void) {
    char json[2048];
    size_t needed = 77;
    tandem_cdr cdr = sample();
    check_equal(tandem_cdr_json(NULL, json, sizeof(json), &needed), TANDEM_E_INVALID);
    check_equal(tandem_cdr_json(&cdr, NULL, 1, &needed), TANDEM_E_INVALID);
    for (uint32_t size = 0; size < sizeof(cdr); size++) { /* no host was compiled with less */
        cdr.size = size;
        check_equal(tandem_cdr_json(&cdr, json, sizeof(json), &needed), TANDEM_E_INVALID);
    }
    static const size_t texts[] = {offsetof(tandem_cdr, id),          offsetof(tandem_cdr, call_id),
                                   offsetof(tandem_cdr, callee_call_id), offsetof(tandem_cdr, from_uri),
                                   offsetof(tandem_cdr, to_uri),      offsetof(tandem_cdr, request_uri),
                                   offsetof(tandem_cdr, source),      offsetof(tandem_cdr, trunk)};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        cdr = sample();
        const tandem_str no_data = NO_DATA;
        memcpy((char *)&cdr + texts[i], &no_data, sizeof(no_data));
        check_equal(tandem_cdr_json(&cdr, json, sizeof(json), &needed), TANDEM_E_INVALID);
    }
    cdr = sample();
    cdr.id = tandem_str_of("000102030405060708090a0b0c0d0e0");
    check_equal(tandem_cdr_json(&cdr, json, sizeof(json), &needed), TANDEM_E_INVALID);
    cdr.id = tandem_str_of("-00102030405060708090a0b0c0d0e0f");
    check_equal(tandem_cdr_json(&cdr, json, sizeof(json), &needed), TANDEM_E_INVALID);
    cdr = sample();
    cdr.end_reason = TANDEM_END_RESTART + 1;
    check_equal(tandem_cdr_json(&cdr, json, sizeof(json), &needed), TANDEM_E_INVALID);
    cdr.end_reason = UINT32_MAX;
    check_equal(tandem_cdr_json(&cdr, json, sizeof(json), &needed), TANDEM_E_INVALID);
    cdr.end_reason = TANDEM_END_NONE;
    check_equal(tandem_cdr_json(&cdr, json, sizeof(json), &needed), TANDEM_E_INVALID);
    cdr = sample();
    cdr.sip_code = 65536 + 200;
    check_equal(tandem_cdr_json(&cdr, json, sizeof(json), &needed), TANDEM_E_INVALID);
    cdr = sample();
    cdr.q850 = 65536 + 16;
    check_equal(tandem_cdr_json(&cdr, json, sizeof(json), &needed), TANDEM_E_INVALID);
    cdr = sample();
    cdr.profiles = NULL;
    check_equal(tandem_cdr_json(&cdr, json, sizeof(json), &needed), TANDEM_E_INVALID);
    cdr.profile_count = 0;
    cdr.variables = NULL;
    check_equal(tandem_cdr_json(&cdr, json, sizeof(json), &needed), TANDEM_E_INVALID);
    const tandem_variable no_type = {{"v", 1}, {4, {NULL, 0}, 0}};
    cdr.variables = &no_type;
    cdr.variable_count = 1;
    check_equal(tandem_cdr_json(&cdr, json, sizeof(json), &needed), TANDEM_E_INVALID);
    check_equal(needed, 77);
    cdr.variable_count = 0;
    struct {
        tandem_cdr cdr;
        uint64_t more;
    } newer = {cdr, 7};
    newer.cdr.size = sizeof(newer);
    check_equal(tandem_cdr_json(&newer.cdr, json, sizeof(json), &needed), TANDEM_OK);
}

/* Two nodes, or a node and what it was before its restart. */
static void ids_of_two_trackers_differ(void) {
    tandem_tracker *trackers[2];
    tandem_dialog_info *infos[2];
    for (int i = 0; i < 2; i++) {
        trackers[i] = make_tracker(NULL);
        require(tandem_dialog_get(trackers[i], begin_call(trackers[i], "c", 0), &infos[i]) == TANDEM_OK);
    }
    check(memcmp(infos[0]->record_id.data, infos[1]->record_id.data, 32) != 0);
    for (int i = 0; i < 2; i++) {
        tandem_dialog_info_free(infos[i]);
        tandem_tracker_free(trackers[i]);
    }
}

static const test tests[] = {
    {"cdr: two trackers give no id twice [42]", ids_of_two_trackers_differ},
    {"cdr: a record is the whole call", record_is_the_whole_call},
    {"cdr: a failed call has one too", failed_call_has_a_record_too},
    {"cdr: ids are in the order of creation", ids_are_in_the_order_of_creation},
    {"cdr: JSON has every field, escaped (RFC 8259)", json_has_every_field},
    {"cdr: JSON says how much room it needs, and leaves a smaller buffer alone", json_says_how_much_room_it_needs},
    {"cdr: JSON of an event's record", json_of_an_event_is_the_same},
    {"cdr: JSON checks its arguments", json_checks_its_arguments},
};
SUITE(cdr_suite, tests);
