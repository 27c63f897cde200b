/*
 * The account of a trunk that challenges what the proxy sends there (RFC 3261 section 22), and the requests that it may
 * still challenge: 4096 of them, of which a new one takes the place of an old one.
 */
#ifndef LIMIT_PROXY_TRUNK_H
#define LIMIT_PROXY_TRUNK_H

#include <tandem/tandem.h>
#include "text.h"

/* Which request it is, and where it came from and goes to. */
typedef struct hop {
    uint64_t call; /* of Call-ID, From-tag and number: an INVITE, its CANCEL and every ACK of it have the same */
    uint64_t key;  /* of its transaction: the ACK of a 2xx has another one */
    address from, to;
} hop;

typedef struct kept_request {
    hop way;
    uint32_t given;    /* its CSeq number as the caller counts */
    uint32_t sent;     /* that of the latest try */
    int is_cancelled;  /* by the caller: it is not tried again */
    tandem_auth_attempt *attempt;
    tandem_str lines;  /* credentials of the latest try; they are the attempt's */
    size_t size;       /* of `text` */
    char text[];       /* with a zero; without credentials, and without our Via */
} kept_request;

/* The password comes from a file, whose first line it is, or from LIMIT_PROXY_PASSWORD: everybody sees arguments. */
int trunk_open(const char *user, const char *realm, const char *password_file);

/* Keeps a request that is about to be sent for the first time, with the credentials that the trunk asked for before.
   NULL: there is no trunk, or no memory; then its challenge is passed on. */
kept_request *trunk_keep(const hop *way, const tandem_message *fields, uint32_t sent, const datagram *text);

/* The one of this `call`, if it is kept. */
kept_request *trunk_find(uint64_t call);

/* The trunk refused it. 1: it has another number and credentials, and has to be sent again. */
int trunk_retry(tandem_tracker *tracker, kept_request *request, datagram *refusal, const tandem_message *fields);

/* Takes the next nonce that an answer of the trunk offers. */
void trunk_hear(datagram *answer);

#endif
