/*
 * INVITEs of which the cluster has to say first whether they are one too many: 4096 of them, by their transactions. It
 * answers before their callers repeat them, so they hear no 100.
 */
#ifndef LIMIT_PROXY_WAITING_H
#define LIMIT_PROXY_WAITING_H

#include <stdint.h>
#include "text.h"

typedef struct waiting_invite {
    uint64_t key;  /* of its transaction */
    uint64_t call; /* of Call-ID, From-tag and number */
    uint64_t dialog;
    address from;
    size_t size;   /* of `text` */
    char text[];   /* with a zero */
} waiting_invite;

/* 0: too many wait, or there is no memory. */
int waiting_keep(uint64_t key, uint64_t call, uint64_t dialog, const address *from, const datagram *text);

waiting_invite *waiting_find(uint64_t key); /* NULL: it does not wait */
void waiting_drop(waiting_invite *invite);  /* NULL is allowed */

#endif
