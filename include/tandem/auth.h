/**
 * @file tandem/auth.h  Credentials for a trunk that challenges requests (RFC 3261 section 22, RFC 7616, RFC 8760): for
 * a proxy or user agent that answers 401 and 407 itself. Only in libtandem.
 *
 *     tandem_auth_attempt_new(&attempt);                                       beside the request, while it is retried
 *     tandem_auth_authorize(client, attempt, method, uri, body, &lines);       put the lines into the request, send it
 *     tandem_auth_challenge(client, attempt, www, n, proxy, m, &outcome);      a 401 or 407 came
 *     tandem_auth_authorize(client, attempt, method, uri, body, &lines);       TANDEM_AUTH_RETRY: once more, CSeq + 1
 *
 * Threads: every function may be called from any thread; an attempt is used by one thread at a time.
 * Memory:  arguments are borrowed for the call, and copied where they are kept. Passwords are overwritten in the end.
 */
#ifndef TANDEM_AUTH_H
#define TANDEM_AUTH_H

#include <stdint.h>
#include <tandem/export.h>
#include <tandem/status.h>
#include <tandem/str.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tandem_auth_client tandem_auth_client;   /* one for each trunk: its account, and what it asks for */
typedef struct tandem_auth_attempt tandem_auth_attempt; /* one for each request: what was tried over its retries */

/** What to do after a challenge. */
enum {
    TANDEM_AUTH_RETRY = 0,   /* authorize and send the request again, with CSeq + 1 and another branch */
    TANDEM_AUTH_REFUSED = 1, /* the credentials are not accepted, or there were four retries: give up */
    TANDEM_AUTH_UNUSABLE = 2 /* no challenge that can be answered: none of Digest, of a known algorithm, of our realm */
};

/**
 * Makes a client.
 *
 * @param username  1 to 256 bytes without control characters, not escaped
 * @param password  up to 1024 bytes
 * @param realm     the only one that is given credentials, up to 256 bytes; empty: any, for a trunk that is trusted
 * @param client    receives it, on success only; free it with tandem_auth_client_free()
 * @return TANDEM_OK, TANDEM_E_INVALID, TANDEM_E_TOO_LARGE, TANDEM_E_NOMEM
 */
TANDEM_SIP_API tandem_status tandem_auth_client_new(tandem_str username, tandem_str password, tandem_str realm,
                                                    tandem_auth_client **client);

/** Frees a client; NULL is allowed. */
TANDEM_SIP_API void tandem_auth_client_free(tandem_auth_client *client);

/**
 * Makes an attempt: for a request that is new, not for its retries. Free it with the request's final response.
 *
 * @return TANDEM_OK, TANDEM_E_INVALID, TANDEM_E_NOMEM
 */
TANDEM_SIP_API tandem_status tandem_auth_attempt_new(tandem_auth_attempt **attempt);

/** Frees an attempt; NULL is allowed. */
TANDEM_SIP_API void tandem_auth_attempt_free(tandem_auth_attempt *attempt);

/**
 * The credentials for a request that is about to be sent: also for one that was not challenged yet, since a trunk takes
 * those that it asked for before. A retransmission repeats its lines; an ACK has those of its INVITE (RFC 3261 section
 * 22.1), and a CANCEL needs none.
 *
 * @param method  a token
 * @param uri     the Request-URI, 1 to 2048 bytes without control characters
 * @param body    of the request, for a trunk that wants it covered
 * @param lines   receives whole header lines, Authorization and Proxy-Authorization, each with its CRLF; empty while no
 *                challenge is known. They hold until the next call with this attempt.
 * @return TANDEM_OK, TANDEM_E_INVALID, TANDEM_E_TOO_LARGE, TANDEM_E_NOMEM
 */
TANDEM_SIP_API tandem_status tandem_auth_authorize(tandem_auth_client *client, tandem_auth_attempt *attempt,
                                                   tandem_str method, tandem_str uri, tandem_str body,
                                                   tandem_str *lines);

/**
 * What a 401 or 407 to the attempt's request asks for. Of each realm the strongest algorithm is answered, and none that
 * is weaker than the attempt was challenged by before (RFC 8760 section 2.4).
 *
 * @param www      the values of its WWW-Authenticate headers, one for each line
 * @param proxy    those of its Proxy-Authenticate headers
 * @param outcome  receives TANDEM_AUTH_
 * @return TANDEM_OK, TANDEM_E_INVALID, TANDEM_E_NOMEM
 */
TANDEM_SIP_API tandem_status tandem_auth_challenge(tandem_auth_client *client, tandem_auth_attempt *attempt,
                                                   const tandem_str *www, uint32_t www_count, const tandem_str *proxy,
                                                   uint32_t proxy_count, uint32_t *outcome);

/**
 * Takes the next nonce of a 2xx, so that the next request is not challenged.
 *
 * @param value     of an Authentication-Info header, or of Proxy-Authentication-Info if is_proxy
 * @return TANDEM_OK, also where there is nothing to take; TANDEM_E_INVALID, TANDEM_E_NOMEM
 */
TANDEM_SIP_API tandem_status tandem_auth_info(tandem_auth_client *client, tandem_str value, uint32_t is_proxy);

#ifdef __cplusplus
}
#endif

#endif
