/**
 * @file tandem/str.h  Text as SIP has it: bytes and their number, without a zero at the end.
 *
 * Threads: it is a value.
 * Memory:  the bytes belong to whoever made it.
 */
#ifndef TANDEM_STR_H
#define TANDEM_STR_H

#include <stddef.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes that somebody else owns: each function says who, and for how long. Empty text may have data NULL. */
typedef struct tandem_str {
    const char *data;
    size_t size;
} tandem_str;

/** The bytes of a zero-terminated text, without the zero; empty for NULL. */
static inline tandem_str tandem_str_of(const char *text) {
    tandem_str str;
    str.data = text;
    str.size = text ? strlen(text) : 0;
    return str;
}

#ifdef __cplusplus
}
#endif

#endif
