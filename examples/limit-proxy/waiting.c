#include "waiting.h"
#include <stdlib.h>
#include <string.h>

enum { waiting_max = 4096 };
static waiting_invite *waiting[waiting_max]; /* by `key` */

int waiting_keep(uint64_t key, uint64_t call, uint64_t dialog, const address *from, const datagram *text) {
    waiting_invite **place = &waiting[key % waiting_max];
    waiting_invite *invite = *place ? NULL : malloc(sizeof *invite + text->size + 1);
    if (!invite) return 0;
    *invite = (waiting_invite){key, call, dialog, *from, text->size};
    memcpy(invite->text, text->data, text->size + 1);
    *place = invite;
    return 1;
}

waiting_invite *waiting_find(uint64_t key) {
    waiting_invite *invite = waiting[key % waiting_max];
    return invite && invite->key == key ? invite : NULL;
}

void waiting_drop(waiting_invite *invite) {
    if (invite) waiting[invite->key % waiting_max] = NULL;
    free(invite);
}
