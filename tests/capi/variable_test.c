/* tandem/variable.h: names with typed values, and dialogs found by them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "call.h"
#include "suite.h"

/* With the indexed variables "user" and "weight". */
static tandem_tracker *make_indexed(void) {
    const tandem_str names[] = {tandem_str_of("user"), tandem_str_of("weight")};
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.indexed_variables = names;
    options.indexed_variable_count = 2;
    return make_tracker(&options);
}

static tandem_status set(tandem_tracker *tracker, tandem_dialog_id dialog, const char *name, tandem_value value) {
    return tandem_variable_set(tracker, dialog, tandem_str_of(name), &value, 0);
}

static tandem_status set_text(tandem_tracker *tracker, tandem_dialog_id dialog, const char *name, const char *text) {
    return set(tracker, dialog, name, tandem_value_text(tandem_str_of(text)));
}

static int64_t integer_of(tandem_tracker *tracker, tandem_dialog_id dialog, const char *name) {
    tandem_value value;
    require(tandem_variable_get(tracker, dialog, tandem_str_of(name), &value, NULL, 0, NULL) == TANDEM_OK);
    return value.integer;
}

static uint32_t count_of(tandem_tracker *tracker, tandem_dialog_id dialog) {
    tandem_variables *variables = NULL;
    require(tandem_variable_list(tracker, dialog, &variables) == TANDEM_OK);
    const uint32_t count = variables->count;
    tandem_variables_free(variables);
    return count;
}

static void value_comes_back_with_its_type(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    char buffer[32];
    size_t needed = 77;
    tandem_value value;
    check_equal(set_text(tracker, dialog, "v", "gr\xc3\xbc\xc3\x9f"), TANDEM_OK);
    check_equal(tandem_variable_get(tracker, dialog, tandem_str_of("v"), &value, buffer, sizeof(buffer), &needed),
                TANDEM_OK);
    check_equal(value.type, TANDEM_TYPE_TEXT);
    check_text(value.text, "gr\xc3\xbc\xc3\x9f");
    check(value.text.data == buffer);
    check_equal(needed, 6);
    check_equal(set(tracker, dialog, "v", tandem_value_bytes((tandem_str){"\0\r\n\xff", 4})), TANDEM_OK);
    check_equal(tandem_variable_get(tracker, dialog, tandem_str_of("v"), &value, buffer, 4, NULL), TANDEM_OK);
    check_equal(value.type, TANDEM_TYPE_BYTES);
    check(value.text.size == 4 && memcmp(buffer, "\0\r\n\xff", 4) == 0);
    check_equal(set(tracker, dialog, "v", tandem_value_integer(INT64_MIN)), TANDEM_OK);
    check_equal(tandem_variable_get(tracker, dialog, tandem_str_of("v"), &value, NULL, 0, &needed), TANDEM_OK);
    check(value.type == TANDEM_TYPE_INTEGER && value.integer == INT64_MIN);
    check_equal(needed, 0);
    check_equal(set(tracker, dialog, "v", tandem_value_boolean(77)), TANDEM_OK);
    check_equal(tandem_variable_get(tracker, dialog, tandem_str_of("v"), &value, NULL, 0, NULL), TANDEM_OK);
    check(value.type == TANDEM_TYPE_BOOLEAN && value.integer == 1);
    tandem_value boolean = tandem_value_boolean(0);
    boolean.integer = -5; /* is true */
    check_equal(set(tracker, dialog, "v", boolean), TANDEM_OK);
    check_equal(integer_of(tracker, dialog, "v"), 1);
    check_equal(set_text(tracker, dialog, "v", ""), TANDEM_OK);
    check_equal(tandem_variable_get(tracker, dialog, tandem_str_of("v"), &value, NULL, 0, &needed), TANDEM_OK);
    check(value.type == TANDEM_TYPE_TEXT && value.text.size == 0 && needed == 0);
    tandem_tracker_free(tracker);
}

static void get_says_how_much_room_it_needs(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    check_equal(set_text(tracker, dialog, "v", "0123456789"), TANDEM_OK);
    char buffer[10] = "untouched";
    size_t needed = 77;
    tandem_value value = tandem_value_integer(1);
    const tandem_str name = tandem_str_of("v");
    check_equal(tandem_variable_get(tracker, dialog, name, &value, buffer, 9, &needed), TANDEM_E_TOO_LARGE);
    check_equal(needed, 10);
    check_equal(value.type, TANDEM_TYPE_TEXT);
    check(strcmp(buffer, "untouched") == 0);
    check_equal(tandem_variable_get(tracker, dialog, name, &value, NULL, 0, &needed), TANDEM_E_TOO_LARGE);
    check_equal(needed, 10);
    check_equal(tandem_variable_get(tracker, dialog, name, &value, NULL, 0, NULL), TANDEM_E_TOO_LARGE);
    check_equal(tandem_variable_get(tracker, dialog, name, &value, buffer, 10, &needed), TANDEM_OK);
    check(value.text.size == 10 && memcmp(buffer, "0123456789", 10) == 0);
    check_equal(tandem_variable_get(tracker, dialog, tandem_str_of("w"), &value, buffer, 10, &needed),
                TANDEM_E_NOT_FOUND);
    check_equal(tandem_variable_get(tracker, dialog, name, &value, NULL, 1, NULL), TANDEM_E_INVALID);
    check_equal(tandem_variable_get(tracker, dialog, name, NULL, buffer, 10, NULL), TANDEM_E_INVALID);
    check_equal(tandem_variable_get(tracker, dialog, NO_DATA, &value, buffer, 10, NULL), TANDEM_E_INVALID);
    check_equal(tandem_variable_get(NULL, dialog, name, &value, buffer, 10, NULL), TANDEM_E_INVALID);
    tandem_tracker_free(tracker);
}

static void name_is_visible_ascii(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    const tandem_value value = tandem_value_integer(1);
    char name[65];
    memset(name, 'n', sizeof(name));
    const tandem_str wrong[] = {{NULL, 0},  {"", 0},      NO_DATA,         {"a b", 3},
                                {"a\n", 2}, {"a\0b", 3}, {"\xc3\xa4", 2}, {"\x7f", 1}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        check_equal(tandem_variable_set(tracker, dialog, wrong[i], &value, 0), TANDEM_E_INVALID);
        check_equal(tandem_variable_add(tracker, dialog, wrong[i], 1, 0, NULL), TANDEM_E_INVALID);
        check_equal(tandem_variable_compare_and_set(tracker, dialog, wrong[i], NULL, &value, 0), TANDEM_E_INVALID);
    }
    const tandem_str over = {name, 65};
    check_equal(tandem_variable_set(tracker, dialog, over, &value, 0), TANDEM_E_TOO_LARGE);
    check_equal(tandem_variable_add(tracker, dialog, over, 1, 0, NULL), TANDEM_E_TOO_LARGE);
    check_equal(tandem_variable_compare_and_set(tracker, dialog, over, NULL, &value, 0), TANDEM_E_TOO_LARGE);
    check_equal(count_of(tracker, dialog), 0);
    check_equal(tandem_variable_set(tracker, dialog, (tandem_str){name, 64}, &value, 0), TANDEM_OK);
    tandem_tracker_free(tracker);
}

static void text_is_utf8_on_one_line(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    check_equal(set_text(tracker, dialog, "v", "before"), TANDEM_OK);
    const tandem_str wrong[] = {{"a\r", 2},     {"a\n", 2},        {"a\0", 2},          {"\xff", 1},
                                {"\xc3", 1},    {"\xc0\xaf", 2},   {"\xed\xa0\x80", 3}, {"\xf4\x90\x80\x80", 4},
                                {"abcdefgh\x80", 9}, {"\xe2\x82", 2}, NO_DATA};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        check_equal(set(tracker, dialog, "v", tandem_value_text(wrong[i])), TANDEM_E_INVALID);
        const tandem_value value = tandem_value_text(wrong[i]);
        check_equal(tandem_variable_compare_and_set(tracker, dialog, tandem_str_of("new"), NULL, &value, 0),
                    TANDEM_E_INVALID);
    }
    check_equal(set(tracker, dialog, "v", tandem_value_bytes(NO_DATA)), TANDEM_E_INVALID);
    static const uint32_t types[] = {TANDEM_TYPE_BYTES + 1, 255, 256, UINT32_MAX};
    for (size_t i = 0; i < 4; i++) {
        tandem_value value = tandem_value_integer(1);
        value.type = types[i];
        check_equal(set(tracker, dialog, "v", value), TANDEM_E_INVALID);
    }
    char buffer[8];
    tandem_value value;
    check_equal(tandem_variable_get(tracker, dialog, tandem_str_of("v"), &value, buffer, 8, NULL), TANDEM_OK);
    check_text(value.text, "before"); /* everything is as it was */
    tandem_value number = tandem_value_integer(1);
    number.text = NO_DATA; /* of no use to an integer */
    check_equal(set(tracker, dialog, "v", number), TANDEM_OK);
    check_equal(set_text(tracker, dialog, "v", "\tcontrols\x01 are text \xf4\x8f\xbf\xbf"), TANDEM_OK);
    tandem_tracker_free(tracker);
}

static void bounds_hold_for_one_dialog(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    char name[8];
    for (int i = 0; i < 64; i++) {
        snprintf(name, sizeof(name), "v%d", i);
        check_equal(set(tracker, dialog, name, tandem_value_integer(i)), TANDEM_OK);
    }
    check_equal(set(tracker, dialog, "more", tandem_value_integer(1)), TANDEM_E_FULL);
    check_equal(tandem_variable_add(tracker, dialog, tandem_str_of("more"), 1, 0, NULL), TANDEM_E_FULL);
    check_equal(set(tracker, dialog, "v0", tandem_value_integer(1)), TANDEM_OK);
    check_equal(tandem_variable_erase(tracker, dialog, tandem_str_of("v1"), 0), TANDEM_OK);
    check_equal(set(tracker, dialog, "more", tandem_value_integer(1)), TANDEM_OK);

    char *text = malloc(16385);
    require(text);
    memset(text, 'x', 16385);
    const tandem_dialog_id other = begin_call(tracker, "d", 0);
    check_equal(set(tracker, other, "v", tandem_value_text((tandem_str){text, 16384})), TANDEM_E_TOO_LARGE);
    check_equal(set(tracker, other, "v", tandem_value_text((tandem_str){text, 16383})), TANDEM_OK); /* and its name */
    check_equal(set(tracker, other, "w", tandem_value_integer(1)), TANDEM_E_TOO_LARGE);
    check_equal(set_text(tracker, other, "v", "short"), TANDEM_OK);
    check_equal(set(tracker, other, "w", tandem_value_integer(1)), TANDEM_OK);
    free(text);
    tandem_tracker_free(tracker);
}

static void bounds_are_the_hosts(void) {
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.variable_max = 1;
    options.variable_bytes_max = 10;
    tandem_tracker *tracker = make_tracker(&options);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    check_equal(set_text(tracker, dialog, "v", "0123456789"), TANDEM_E_TOO_LARGE);
    check_equal(set_text(tracker, dialog, "v", "012345678"), TANDEM_OK);
    check_equal(set_text(tracker, dialog, "v", ""), TANDEM_OK);
    check_equal(set_text(tracker, dialog, "w", ""), TANDEM_E_FULL);
    tandem_tracker_free(tracker);
}

static void add_counts_in_one_step(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    const tandem_str name = tandem_str_of("v");
    int64_t sum = 77;
    check_equal(tandem_variable_add(tracker, dialog, name, 5, 0, &sum), TANDEM_OK);
    check_equal(sum, 5);
    check_equal(tandem_variable_add(tracker, dialog, name, -7, 0, NULL), TANDEM_OK);
    check_equal(integer_of(tracker, dialog, "v"), -2);
    check_equal(set(tracker, dialog, "v", tandem_value_integer(INT64_MAX)), TANDEM_OK);
    check_equal(tandem_variable_add(tracker, dialog, name, 1, 0, &sum), TANDEM_E_OUT_OF_RANGE);
    check_equal(tandem_variable_add(tracker, dialog, name, INT64_MIN, 0, &sum), TANDEM_OK);
    check_equal(sum, -1);
    check_equal(tandem_variable_add(tracker, dialog, name, INT64_MIN, 0, &sum), TANDEM_E_OUT_OF_RANGE);
    check_equal(sum, -1);
    check_equal(integer_of(tracker, dialog, "v"), -1);
    check_equal(set(tracker, dialog, "v", tandem_value_boolean(1)), TANDEM_OK);
    check_equal(tandem_variable_add(tracker, dialog, name, 1, 0, &sum), TANDEM_E_WRONG_TYPE);
    check_equal(set_text(tracker, dialog, "v", "5"), TANDEM_OK);
    check_equal(tandem_variable_add(tracker, dialog, name, 1, 0, &sum), TANDEM_E_WRONG_TYPE);
    check_equal(tandem_variable_add(NULL, dialog, name, 1, 0, &sum), TANDEM_E_INVALID);
    check_equal(tandem_variable_add(tracker, dialog, name, 1, NOW_MAX + 1, &sum), TANDEM_E_INVALID);
    tandem_tracker_free(tracker);
}

static tandem_status exchange(tandem_tracker *tracker, tandem_dialog_id dialog, const tandem_value *expected,
                              const tandem_value *desired) {
    return tandem_variable_compare_and_set(tracker, dialog, tandem_str_of("v"), expected, desired, 0);
}

static void compare_and_set_needs_the_expected_value(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    const tandem_value one = tandem_value_integer(1);
    const tandem_value is_true = tandem_value_boolean(1);
    const tandem_value text = tandem_value_text(tandem_str_of("1"));
    const tandem_value bytes = tandem_value_bytes(tandem_str_of("1"));
    tandem_value wrong = one;
    wrong.type = 9;
    check_equal(exchange(tracker, dialog, &one, &text), TANDEM_E_CONFLICT); /* it is not there */
    check_equal(exchange(tracker, dialog, NULL, NULL), TANDEM_OK);
    check_equal(exchange(tracker, dialog, NULL, &one), TANDEM_OK);
    check_equal(exchange(tracker, dialog, NULL, &text), TANDEM_E_CONFLICT);
    check_equal(exchange(tracker, dialog, &is_true, &text), TANDEM_E_CONFLICT);
    check_equal(exchange(tracker, dialog, &one, &text), TANDEM_OK);
    check_equal(exchange(tracker, dialog, &bytes, &one), TANDEM_E_CONFLICT);
    check_equal(exchange(tracker, dialog, &one, NULL), TANDEM_E_CONFLICT);
    check_equal(exchange(tracker, dialog, &wrong, NULL), TANDEM_E_INVALID);
    check_equal(exchange(tracker, dialog, &text, &wrong), TANDEM_E_INVALID);
    check_equal(exchange(tracker, dialog, &text, &text), TANDEM_OK);
    check_equal(exchange(tracker, dialog, &text, NULL), TANDEM_OK);
    check_equal(count_of(tracker, dialog), 0);
    check_equal(tandem_variable_compare_and_set(NULL, dialog, tandem_str_of("v"), NULL, &one, 0), TANDEM_E_INVALID);
    check_equal(tandem_variable_compare_and_set(tracker, dialog, tandem_str_of("v"), NULL, &one, NOW_MAX + 1),
                TANDEM_E_INVALID);
    tandem_tracker_free(tracker);
}

static void erase_takes_one_out(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    const tandem_str name = tandem_str_of("v");
    check_equal(tandem_variable_erase(tracker, dialog, name, 0), TANDEM_E_NOT_FOUND);
    check_equal(set_text(tracker, dialog, "v", "x"), TANDEM_OK);
    check_equal(tandem_variable_erase(tracker, dialog, name, 0), TANDEM_OK);
    check_equal(tandem_variable_erase(tracker, dialog, name, 0), TANDEM_E_NOT_FOUND);
    check_equal(tandem_variable_erase(NULL, dialog, name, 0), TANDEM_E_INVALID);
    check_equal(tandem_variable_erase(tracker, dialog, NO_DATA, 0), TANDEM_E_INVALID);
    check_equal(tandem_variable_erase(tracker, dialog, name, NOW_MAX + 1), TANDEM_E_INVALID);
    tandem_tracker_free(tracker);
}

static void list_is_a_copy_in_order(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    tandem_variables *variables = NULL;
    require(tandem_variable_list(tracker, dialog, &variables) == TANDEM_OK);
    check_equal(variables->count, 0);
    tandem_variables_free(variables);
    check_equal(set_text(tracker, dialog, "first", "text"), TANDEM_OK);
    check_equal(set(tracker, dialog, "second", tandem_value_integer(2)), TANDEM_OK);
    check_equal(set(tracker, dialog, "third", tandem_value_bytes((tandem_str){"\0", 1})), TANDEM_OK);
    check_equal(set_text(tracker, dialog, "first", "changed"), TANDEM_OK);
    require(tandem_variable_list(tracker, dialog, &variables) == TANDEM_OK);
    check_equal(tandem_variable_list(NULL, dialog, &variables), TANDEM_E_INVALID);
    check_equal(tandem_variable_list(tracker, dialog, NULL), TANDEM_E_INVALID);
    tandem_tracker_free(tracker); /* the copy holds without it */
    check_equal(variables->size, sizeof(*variables));
    require(variables->count == 3);
    check_text(variables->items[0].name, "first");
    check_text(variables->items[0].value.text, "changed");
    check_text(variables->items[1].name, "second");
    check_equal(variables->items[1].value.integer, 2);
    check_equal(variables->items[1].value.type, TANDEM_TYPE_INTEGER);
    check_text(variables->items[2].name, "third");
    check_equal(variables->items[2].value.text.size, 1);
    tandem_variables_free(variables);
    tandem_variables_free(NULL);
}

static void variables_stay_until_the_record_is_taken(void) {
    tandem_tracker *tracker = make_indexed();
    const tandem_dialog_id dialog = confirmed_call(tracker, "c", 0);
    check_equal(set_text(tracker, dialog, "user", "alice"), TANDEM_OK);
    end_call(tracker, "c", 0);
    check_equal(set_text(tracker, dialog, "late", "yes"), TANDEM_OK);
    check_equal(tandem_variable_add(tracker, dialog, tandem_str_of("weight"), 3, 0, NULL), TANDEM_OK);
    tandem_event event = TANDEM_EVENT_INIT;
    require(take_event(tracker, TANDEM_EVENT_ENDED, &event));
    tandem_event_free(&event);
    check_equal(set_text(tracker, dialog, "last", "also"), TANDEM_OK);
    require(take_event(tracker, TANDEM_EVENT_CDR, &event));
    require(event.cdr->variable_count == 4);
    check_text(event.cdr->variables[1].name, "late");
    check_text(event.cdr->variables[3].name, "last");
    check_text(event.cdr->variables[3].value.text, "also");
    tandem_event_free(&event);
    check_equal(set_text(tracker, dialog, "last", "no"), TANDEM_E_NOT_FOUND);
    tandem_tracker_free(tracker);
}

static uint32_t count_found(tandem_tracker *tracker, const char *name, tandem_value value, tandem_dialog_id *last) {
    uint64_t cursor = 0;
    uint32_t sum = 0;
    do {
        tandem_dialog_id ids[2];
        uint32_t count = 77;
        require(tandem_variable_find_dialogs(tracker, tandem_str_of(name), &value, &cursor, ids, 2, &count) == 0);
        require(count <= 2);
        if (count > 0 && last) *last = ids[count - 1];
        sum += count;
    } while (cursor != 0);
    return sum;
}

static uint32_t count_users(tandem_tracker *tracker, const char *text) {
    return count_found(tracker, "user", tandem_value_text(tandem_str_of(text)), NULL);
}

static void indexed_value_finds_its_dialogs(void) {
    tandem_tracker *tracker = make_indexed();
    tandem_dialog_id dialogs[7];
    char call_id[8];
    for (int i = 0; i < 7; i++) {
        snprintf(call_id, sizeof(call_id), "c%d", i);
        dialogs[i] = begin_call(tracker, call_id, 0);
        check_equal(set_text(tracker, dialogs[i], "user", i < 5 ? "alice" : "bob"), TANDEM_OK);
    }
    check_equal(count_users(tracker, "alice"), 5);
    check_equal(count_users(tracker, "bob"), 2);
    check_equal(count_users(tracker, "carol"), 0);
    check_equal(set_text(tracker, dialogs[0], "user", "bob"), TANDEM_OK);
    check_equal(count_users(tracker, "alice"), 4);
    check_equal(count_users(tracker, "bob"), 3);
    check_equal(tandem_variable_erase(tracker, dialogs[1], tandem_str_of("user"), 0), TANDEM_OK);
    check_equal(count_users(tracker, "alice"), 3);
    refuse_call(tracker, "c2", 0); /* live ones alone */
    check_equal(count_users(tracker, "alice"), 2);
    check_equal(set_text(tracker, dialogs[2], "user", "bob"), TANDEM_OK); /* late, and not found by it */
    check_equal(count_users(tracker, "bob"), 3);

    check_equal(set(tracker, dialogs[0], "user", tandem_value_integer(1)), TANDEM_OK);
    tandem_dialog_id found = 0;
    check_equal(count_found(tracker, "user", tandem_value_integer(1), &found), 1);
    check(found == dialogs[0]);
    check_equal(count_found(tracker, "user", tandem_value_boolean(1), NULL), 0);
    check_equal(count_users(tracker, "1"), 0); /* the type is part of the value */
    tandem_audit audit = TANDEM_AUDIT_INIT;
    check_equal(tandem_tracker_audit(tracker, &audit), TANDEM_OK);
    check(audit.removed == 0 && audit.added == 0 && audit.misplaced == 0);
    tandem_tracker_free(tracker);
}

static void index_follows_add_and_exchange(void) {
    tandem_tracker *tracker = make_indexed();
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    const tandem_str name = tandem_str_of("weight");
    check_equal(tandem_variable_add(tracker, dialog, name, 5, 0, NULL), TANDEM_OK);
    check_equal(count_found(tracker, "weight", tandem_value_integer(5), NULL), 1);
    check_equal(tandem_variable_add(tracker, dialog, name, INT64_MAX, 0, NULL), TANDEM_E_OUT_OF_RANGE);
    const tandem_value five = tandem_value_integer(5);
    const tandem_value six = tandem_value_integer(6);
    check_equal(tandem_variable_compare_and_set(tracker, dialog, name, &six, &five, 0), TANDEM_E_CONFLICT);
    check_equal(tandem_variable_compare_and_set(tracker, dialog, name, &six, &six, 0), TANDEM_E_CONFLICT);
    check_equal(tandem_variable_compare_and_set(tracker, dialog, name, &six, NULL, 0), TANDEM_E_CONFLICT);
    check_equal(count_found(tracker, "weight", five, NULL), 1);
    check_equal(count_found(tracker, "weight", six, NULL), 0);
    check_equal(tandem_variable_compare_and_set(tracker, dialog, name, &five, &six, 0), TANDEM_OK);
    check_equal(count_found(tracker, "weight", five, NULL), 0);
    check_equal(count_found(tracker, "weight", six, NULL), 1);
    check_equal(tandem_variable_compare_and_set(tracker, dialog, name, &six, NULL, 0), TANDEM_OK);
    check_equal(count_found(tracker, "weight", six, NULL), 0);
    tandem_tracker_free(tracker);
}

static void indexed_value_has_bounds_of_its_own(void) {
    tandem_tracker *tracker = make_indexed();
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    char text[256];
    memset(text, 'x', sizeof(text));
    const tandem_str user = tandem_str_of("user");
    tandem_value value = tandem_value_text((tandem_str){text, 256});
    check_equal(tandem_variable_set(tracker, dialog, user, &value, 0), TANDEM_E_TOO_LARGE);
    check_equal(set(tracker, dialog, "other", value), TANDEM_OK);
    value = tandem_value_text(tandem_str_of("a\tb"));
    check_equal(tandem_variable_set(tracker, dialog, user, &value, 0), TANDEM_E_INVALID);
    value = tandem_value_bytes((tandem_str){"\0", 1});
    check_equal(tandem_variable_set(tracker, dialog, user, &value, 0), TANDEM_E_INVALID);
    value = tandem_value_text((tandem_str){"\xff", 1});
    check_equal(tandem_variable_set(tracker, dialog, user, &value, 0), TANDEM_E_INVALID);
    check_equal(count_of(tracker, dialog), 1);
    value = tandem_value_text((tandem_str){text, 255});
    check_equal(tandem_variable_set(tracker, dialog, user, &value, 0), TANDEM_OK);
    check_equal(count_found(tracker, "user", value, NULL), 1);
    tandem_tracker_free(tracker);
}

/* As many as a dialog may hold, and each may still change. */
static void every_variable_may_be_indexed(void) {
    tandem_str names[64];
    char texts[64][4];
    for (int i = 0; i < 64; i++) {
        snprintf(texts[i], sizeof(texts[i]), "v%d", i);
        names[i] = tandem_str_of(texts[i]);
    }
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.indexed_variables = names;
    options.indexed_variable_count = 64;
    tandem_tracker *tracker = make_tracker(&options);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    for (int i = 0; i < 64; i++) check_equal(set(tracker, dialog, texts[i], tandem_value_integer(i)), TANDEM_OK);
    for (int i = 0; i < 64; i++) check_equal(set(tracker, dialog, texts[i], tandem_value_integer(-i)), TANDEM_OK);
    for (int i = 0; i < 64; i++) check_equal(count_found(tracker, texts[i], tandem_value_integer(-i), NULL), 1);
    tandem_tracker_free(tracker);
}

static void find_checks_its_arguments(void) {
    tandem_tracker *tracker = make_indexed();
    const tandem_str user = tandem_str_of("user");
    const tandem_value value = tandem_value_integer(1);
    tandem_value wrong = value;
    wrong.type = 4;
    uint64_t cursor = 0;
    tandem_dialog_id id = 0;
    uint32_t count = 0;
    check_equal(tandem_variable_find_dialogs(NULL, user, &value, &cursor, &id, 1, &count), TANDEM_E_INVALID);
    check_equal(tandem_variable_find_dialogs(tracker, NO_DATA, &value, &cursor, &id, 1, &count), TANDEM_E_INVALID);
    check_equal(tandem_variable_find_dialogs(tracker, user, NULL, &cursor, &id, 1, &count), TANDEM_E_INVALID);
    check_equal(tandem_variable_find_dialogs(tracker, user, &wrong, &cursor, &id, 1, &count), TANDEM_E_INVALID);
    check_equal(tandem_variable_find_dialogs(tracker, user, &value, NULL, &id, 1, &count), TANDEM_E_INVALID);
    check_equal(tandem_variable_find_dialogs(tracker, user, &value, &cursor, NULL, 1, &count), TANDEM_E_INVALID);
    check_equal(tandem_variable_find_dialogs(tracker, user, &value, &cursor, &id, 0, &count), TANDEM_E_INVALID);
    check_equal(tandem_variable_find_dialogs(tracker, user, &value, &cursor, &id, 1, NULL), TANDEM_E_INVALID);
    check_equal(tandem_variable_find_dialogs(tracker, tandem_str_of("other"), &value, &cursor, &id, 1, &count),
                TANDEM_E_NOT_FOUND);
    uint64_t random = 88172645463325252;
    for (int i = 0; i < 1000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        cursor = i % 2 ? random : random >> 60;
        const tandem_status status = tandem_variable_find_dialogs(tracker, user, &value, &cursor, &id, 1, &count);
        check(status == TANDEM_OK || status == TANDEM_E_INVALID);
    }
    tandem_tracker_free(tracker);
    tracker = make_tracker(NULL); /* nothing is indexed */
    cursor = 0;
    check_equal(tandem_variable_find_dialogs(tracker, user, &value, &cursor, &id, 1, &count), TANDEM_E_NOT_FOUND);
    tandem_tracker_free(tracker);
}

static void set_checks_its_arguments(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    const tandem_value value = tandem_value_integer(1);
    check_equal(tandem_variable_set(NULL, dialog, tandem_str_of("v"), &value, 0), TANDEM_E_INVALID);
    check_equal(tandem_variable_set(tracker, dialog, tandem_str_of("v"), NULL, 0), TANDEM_E_INVALID);
    check_equal(tandem_variable_set(tracker, dialog, tandem_str_of("v"), &value, NOW_MAX + 1), TANDEM_E_INVALID);
    check_equal(count_of(tracker, dialog), 0);
    tandem_tracker_free(tracker);
}

static const test tests[] = {
    {"variable: a value comes back with its type", value_comes_back_with_its_type},
    {"variable: get says how much room it needs", get_says_how_much_room_it_needs},
    {"variable: a name is 1 to 64 bytes of visible ASCII", name_is_visible_ascii},
    {"variable: a text is UTF-8 without CR, LF and NUL, and a wrong one changes nothing", text_is_utf8_on_one_line},
    {"variable: a dialog holds 64 of them, and 16384 bytes", bounds_hold_for_one_dialog},
    {"variable: the host may give other bounds", bounds_are_the_hosts},
    {"variable: add counts, from 0, and never over", add_counts_in_one_step},
    {"variable: compare_and_set needs the expected value, type and all", compare_and_set_needs_the_expected_value},
    {"variable: erase takes one out, once", erase_takes_one_out},
    {"variable: a list is a copy in the order of the names, and outlives the tracker", list_is_a_copy_in_order},
    {"variable: they stay, and may change, until the record is taken", variables_stay_until_the_record_is_taken},
    {"variable: an indexed value finds its live dialogs", indexed_value_finds_its_dialogs},
    {"variable: the index follows add and compare_and_set, also where they fail", index_follows_add_and_exchange},
    {"variable: an indexed value has bounds of its own", indexed_value_has_bounds_of_its_own},
    {"variable: all that a dialog may hold may be indexed", every_variable_may_be_indexed},
    {"variable: find_dialogs checks its arguments and takes any cursor", find_checks_its_arguments},
    {"variable: set checks its arguments", set_checks_its_arguments},
};
SUITE(variable_suite, tests);
