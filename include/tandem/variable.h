/**
 * @file tandem/variable.h  The variables of a dialog: names with typed values, kept as long as the dialog.
 *
 * A dialog's variables can be read and changed until its last event was taken, so also when it has ended. Each change
 * is one step: no other thread sees half of it.
 *
 * Names are 1 to 64 bytes of visible ASCII. A text is UTF-8 without CR, LF and NUL; anything else is bytes. A dialog
 * holds at most 64 variables and 16384 bytes of names and values (tandem_tracker_options).
 *
 * Threads: every function may be called from any thread.
 * Memory:  arguments are borrowed for the call; a list is the caller's until tandem_variables_free().
 */
#ifndef TANDEM_VARIABLE_H
#define TANDEM_VARIABLE_H

#include <stdint.h>
#include <tandem/dialog.h>
#include <tandem/export.h>
#include <tandem/status.h>
#include <tandem/str.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    TANDEM_TYPE_TEXT = 0,
    TANDEM_TYPE_INTEGER = 1,
    TANDEM_TYPE_BOOLEAN = 2,
    TANDEM_TYPE_BYTES = 3
};

typedef struct tandem_value {
    uint32_t type;   /* TANDEM_TYPE_ */
    tandem_str text; /* text, bytes */
    int64_t integer; /* integer; of a boolean 0 or 1 */
} tandem_value;

typedef struct tandem_variable {
    tandem_str name;
    tandem_value value;
} tandem_variable;

typedef struct tandem_variables {
    uint32_t size;                /* of this struct in the library that made it */
    uint32_t count;
    const tandem_variable *items; /* in the order in which the names came */
} tandem_variables;

static inline tandem_value tandem_value_text(tandem_str text) {
    tandem_value value;
    value.type = TANDEM_TYPE_TEXT;
    value.text = text;
    value.integer = 0;
    return value;
}

static inline tandem_value tandem_value_integer(int64_t integer) {
    tandem_value value;
    value.type = TANDEM_TYPE_INTEGER;
    value.text = tandem_str_of(0);
    value.integer = integer;
    return value;
}

static inline tandem_value tandem_value_boolean(int is_set) {
    tandem_value value = tandem_value_integer(is_set ? 1 : 0);
    value.type = TANDEM_TYPE_BOOLEAN;
    return value;
}

static inline tandem_value tandem_value_bytes(tandem_str bytes) {
    tandem_value value = tandem_value_text(bytes);
    value.type = TANDEM_TYPE_BYTES;
    return value;
}

/**
 * Gives a variable its value, whatever type it had before.
 *
 * @return TANDEM_OK, or, with everything as it was,
 *         TANDEM_E_NOT_FOUND  the dialog is gone;
 *         TANDEM_E_INVALID    the name, the type, or a text that is none; an indexed value with control characters;
 *         TANDEM_E_TOO_LARGE  the name, all variables together, or an indexed value over 255 bytes;
 *         TANDEM_E_FULL       too many variables; TANDEM_E_NOMEM.
 */
TANDEM_API tandem_status tandem_variable_set(tandem_tracker *tracker, tandem_dialog_id dialog, tandem_str name,
                                             const tandem_value *value, uint64_t now_us);

/**
 * Reads one variable into the caller's memory.
 *
 * @param value   receives it; its text points into buffer
 * @param buffer  room for a text or bytes; may be NULL where capacity is 0
 * @param needed  receives the size of the text; may be NULL
 * @return TANDEM_OK, TANDEM_E_NOT_FOUND (the dialog or the name), TANDEM_E_TOO_LARGE (needed says how much; the type is
 *         written), TANDEM_E_INVALID
 */
TANDEM_API tandem_status tandem_variable_get(tandem_tracker *tracker, tandem_dialog_id dialog, tandem_str name,
                                             tandem_value *value, char *buffer, size_t capacity, size_t *needed);

/**
 * Adds to an integer in one step; a variable that is not there counts as 0.
 *
 * @param sum  receives the new value; may be NULL
 * @return as tandem_variable_set(), and TANDEM_E_WRONG_TYPE, TANDEM_E_OUT_OF_RANGE
 */
TANDEM_API tandem_status tandem_variable_add(tandem_tracker *tracker, tandem_dialog_id dialog, tandem_str name,
                                             int64_t amount, uint64_t now_us, int64_t *sum);

/**
 * Changes a variable if it has the expected value, in one step.
 *
 * @param expected  NULL: that it is not there
 * @param desired   NULL: erase it
 * @return as tandem_variable_set(), and TANDEM_E_CONFLICT: the value is another one, and stays; read it and try again
 */
TANDEM_API tandem_status tandem_variable_compare_and_set(tandem_tracker *tracker, tandem_dialog_id dialog,
                                                         tandem_str name, const tandem_value *expected,
                                                         const tandem_value *desired, uint64_t now_us);

/** Erases a variable. TANDEM_OK, TANDEM_E_NOT_FOUND (the dialog or the name), TANDEM_E_INVALID, TANDEM_E_NOMEM. */
TANDEM_API tandem_status tandem_variable_erase(tandem_tracker *tracker, tandem_dialog_id dialog, tandem_str name,
                                               uint64_t now_us);

/**
 * Copies all variables of a dialog.
 *
 * @param variables  receives them, on success only; free them with tandem_variables_free()
 * @return TANDEM_OK, TANDEM_E_NOT_FOUND, TANDEM_E_INVALID, TANDEM_E_NOMEM
 */
TANDEM_API tandem_status tandem_variable_list(tandem_tracker *tracker, tandem_dialog_id dialog,
                                              tandem_variables **variables);

/** Frees a list; NULL is allowed. */
TANDEM_API void tandem_variables_free(tandem_variables *variables);

/**
 * Finds the live dialogs whose variable has this value, without a scan, a page at a time: what matches from the first
 * page to the last comes at least once; what comes and goes meanwhile may come twice.
 *
 * @param name    one of tandem_tracker_options.indexed_variables
 * @param cursor  0 begins; is moved on, and is 0 after the last page
 * @param ids     room for max ids, of which count are written
 * @param max     1 to 100000
 * @return TANDEM_OK, TANDEM_E_NOT_FOUND (the name is not indexed), TANDEM_E_INVALID, TANDEM_E_NOMEM
 */
TANDEM_API tandem_status tandem_variable_find_dialogs(const tandem_tracker *tracker, tandem_str name,
                                                      const tandem_value *value, uint64_t *cursor,
                                                      tandem_dialog_id *ids, uint32_t max, uint32_t *count);

#ifdef __cplusplus
}
#endif

#endif
