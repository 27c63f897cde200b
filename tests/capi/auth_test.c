/* tandem/auth.h: credentials for challenges. */
#include <stdio.h>
#include <string.h>
#include "call.h"
#include "suite.h"

static const char challenge[] = "Digest realm=\"trunk\", nonce=\"n1\", qop=\"auth\", algorithm=SHA-256, opaque=\"o\"";

static tandem_auth_client *make_client(const char *realm) {
    tandem_auth_client *client = NULL;
    require(tandem_auth_client_new(tandem_str_of("alice"), tandem_str_of("wonderland"), tandem_str_of(realm),
                                   &client) == TANDEM_OK);
    return client;
}

static tandem_auth_attempt *make_attempt(void) {
    tandem_auth_attempt *attempt = NULL;
    require(tandem_auth_attempt_new(&attempt) == TANDEM_OK);
    return attempt;
}

static tandem_str authorize(tandem_auth_client *client, tandem_auth_attempt *attempt) {
    tandem_str lines = {NULL, 0};
    check_equal(tandem_auth_authorize(client, attempt, tandem_str_of("INVITE"), tandem_str_of("sip:bob@trunk.example"),
                                      tandem_str_of("v=0\r\n"), &lines),
                TANDEM_OK);
    return lines;
}

static uint32_t challenged(tandem_auth_client *client, tandem_auth_attempt *attempt, const char *www,
                           const char *proxy) {
    const tandem_str www_value = tandem_str_of(www);
    const tandem_str proxy_value = tandem_str_of(proxy);
    uint32_t outcome = 77;
    check_equal(tandem_auth_challenge(client, attempt, &www_value, www ? 1 : 0, &proxy_value, proxy ? 1 : 0, &outcome),
                TANDEM_OK);
    return outcome;
}

/* Lines have no zero at their end. */
static int holds(tandem_str lines, const char *part) {
    char text[4096];
    require(lines.size < sizeof(text));
    if (lines.size > 0) memcpy(text, lines.data, lines.size);
    text[lines.size] = '\0';
    return strstr(text, part) != NULL;
}

static void challenge_is_answered_and_then_sent_ahead(void) {
    tandem_auth_client *client = make_client("");
    tandem_auth_attempt *attempt = make_attempt();
    check_equal(authorize(client, attempt).size, 0);
    check_equal(challenged(client, attempt, NULL, challenge), TANDEM_AUTH_RETRY);
    const tandem_str lines = authorize(client, attempt);
    check(lines.size > 2 && strncmp(lines.data, "Proxy-Authorization: Digest username=\"alice\", ", 46) == 0);
    check(memcmp(lines.data + lines.size - 2, "\r\n", 2) == 0);
    check(holds(lines, "realm=\"trunk\", nonce=\"n1\", uri=\"sip:bob@trunk.example\", response=\""));
    check(holds(lines, "algorithm=SHA-256"));
    check(holds(lines, "qop=auth, nc=00000001"));
    check(holds(lines, "opaque=\"o\""));
    check(!holds(lines, "wonderland"));
    tandem_auth_attempt_free(attempt);

    attempt = make_attempt();
    check(holds(authorize(client, attempt), "nc=00000002"));
    check_equal(tandem_auth_info(client, tandem_str_of("nextnonce=\"n2\""), 1), TANDEM_OK);
    check(holds(authorize(client, attempt), "nonce=\"n2\""));
    check(holds(authorize(client, attempt), "nc=00000002"));
    tandem_auth_attempt_free(attempt);
    tandem_auth_client_free(client);
}

static void credentials_that_are_challenged_again_are_refused(void) {
    tandem_auth_client *client = make_client("trunk");
    tandem_auth_attempt *attempt = make_attempt();
    check_equal(challenged(client, attempt, challenge, NULL), TANDEM_AUTH_RETRY);
    check(strncmp(authorize(client, attempt).data, "Authorization: ", 15) == 0);
    check_equal(challenged(client, attempt, "Digest realm=\"trunk\", nonce=\"n2\", algorithm=SHA-256, stale=true",
                           NULL),
                TANDEM_AUTH_RETRY);
    authorize(client, attempt);
    check_equal(challenged(client, attempt, "Digest realm=\"trunk\", nonce=\"n3\", algorithm=SHA-256", NULL),
                TANDEM_AUTH_REFUSED);
    check_equal(authorize(client, attempt).size, 0);
    tandem_auth_attempt_free(attempt);
    tandem_auth_client_free(client);
}

static void what_cannot_be_answered_is_unusable(void) {
    tandem_auth_client *client = make_client("trunk");
    tandem_auth_attempt *attempt = make_attempt();
    check_equal(challenged(client, attempt, NULL, NULL), TANDEM_AUTH_UNUSABLE);
    check_equal(challenged(client, attempt, "Basic realm=\"trunk\"", NULL), TANDEM_AUTH_UNUSABLE);
    check_equal(challenged(client, attempt, "Digest realm=\"other\", nonce=\"n\"", ""), TANDEM_AUTH_UNUSABLE);
    check_equal(challenged(client, attempt, "Digest realm=\"trunk\", nonce=\"n\r\nX: y\"", NULL), TANDEM_AUTH_UNUSABLE);
    check_equal(challenged(client, attempt, challenge, NULL), TANDEM_AUTH_RETRY);
    authorize(client, attempt);
    check_equal(challenged(client, attempt, "Digest realm=\"trunk\", nonce=\"n2\", stale=true", NULL),
                TANDEM_AUTH_UNUSABLE); /* MD5 after SHA-256 */
    check_equal(tandem_auth_info(client, tandem_str_of("nextnonce"), 0), TANDEM_OK);
    check_equal(tandem_auth_info(client, (tandem_str){NULL, 0}, 0), TANDEM_OK);
    tandem_auth_attempt_free(attempt);
    tandem_auth_client_free(client);
}

static void wrong_accounts_are_refused(void) {
    static char long_text[1100];
    memset(long_text, 'x', sizeof(long_text));
    const tandem_str name = tandem_str_of("alice");
    const tandem_str none = {NULL, 0};
    tandem_auth_client *client = NULL;
    check_equal(tandem_auth_client_new(none, name, none, &client), TANDEM_E_INVALID);
    check_equal(tandem_auth_client_new(tandem_str_of("a\r\nX: y"), name, none, &client), TANDEM_E_INVALID);
    check_equal(tandem_auth_client_new((tandem_str){"a\0b", 3}, name, none, &client), TANDEM_E_INVALID);
    check_equal(tandem_auth_client_new(NO_DATA, name, none, &client), TANDEM_E_INVALID);
    check_equal(tandem_auth_client_new(name, NO_DATA, none, &client), TANDEM_E_INVALID);
    check_equal(tandem_auth_client_new(name, name, NO_DATA, &client), TANDEM_E_INVALID);
    check_equal(tandem_auth_client_new(name, name, none, NULL), TANDEM_E_INVALID);
    check_equal(tandem_auth_client_new((tandem_str){long_text, 257}, name, none, &client), TANDEM_E_TOO_LARGE);
    check_equal(tandem_auth_client_new(name, (tandem_str){long_text, 1025}, none, &client), TANDEM_E_TOO_LARGE);
    check_equal(tandem_auth_client_new(name, name, (tandem_str){long_text, 257}, &client), TANDEM_E_TOO_LARGE);
    check(client == NULL);
    check(strstr(tandem_last_error(), "x") == NULL || strstr(tandem_last_error(), long_text) == NULL);
    check_equal(tandem_auth_client_new((tandem_str){long_text, 256}, (tandem_str){long_text, 1024},
                                       (tandem_str){long_text, 256}, &client),
                TANDEM_OK);
    tandem_auth_client_free(client);
    tandem_auth_client_free(NULL);
    tandem_auth_attempt_free(NULL);
}

static void wrong_requests_are_refused(void) {
    static char uri[2049];
    memset(uri, 'u', sizeof(uri));
    tandem_auth_client *client = make_client("");
    tandem_auth_attempt *attempt = make_attempt();
    const tandem_str method = tandem_str_of("BYE");
    const tandem_str good = tandem_str_of("sip:bob");
    const tandem_str none = {NULL, 0};
    tandem_str lines = {"before", 6};
    uint32_t outcome = 77;
    check_equal(tandem_auth_authorize(NULL, attempt, method, good, none, &lines), TANDEM_E_INVALID);
    check_equal(tandem_auth_authorize(client, NULL, method, good, none, &lines), TANDEM_E_INVALID);
    check_equal(tandem_auth_authorize(client, attempt, method, good, none, NULL), TANDEM_E_INVALID);
    check_equal(tandem_auth_authorize(client, attempt, none, good, none, &lines), TANDEM_E_INVALID);
    check_equal(tandem_auth_authorize(client, attempt, tandem_str_of("BYE\r\n"), good, none, &lines), TANDEM_E_INVALID);
    check_equal(tandem_auth_authorize(client, attempt, method, none, none, &lines), TANDEM_E_INVALID);
    check_equal(tandem_auth_authorize(client, attempt, method, tandem_str_of("sip:b\r\nX: y"), none, &lines),
                TANDEM_E_INVALID);
    check_equal(tandem_auth_authorize(client, attempt, method, NO_DATA, none, &lines), TANDEM_E_INVALID);
    check_equal(tandem_auth_authorize(client, attempt, NO_DATA, good, none, &lines), TANDEM_E_INVALID);
    check_equal(tandem_auth_authorize(client, attempt, method, good, NO_DATA, &lines), TANDEM_E_INVALID);
    check_equal(tandem_auth_authorize(client, attempt, method, (tandem_str){uri, 2049}, none, &lines),
                TANDEM_E_TOO_LARGE);
    check_text(lines, "before");
    check_equal(tandem_auth_authorize(client, attempt, method, (tandem_str){uri, 2048}, none, &lines), TANDEM_OK);
    check_equal(tandem_auth_challenge(NULL, attempt, NULL, 0, NULL, 0, &outcome), TANDEM_E_INVALID);
    check_equal(tandem_auth_challenge(client, NULL, NULL, 0, NULL, 0, &outcome), TANDEM_E_INVALID);
    check_equal(tandem_auth_challenge(client, attempt, NULL, 0, NULL, 0, NULL), TANDEM_E_INVALID);
    check_equal(tandem_auth_challenge(client, attempt, NULL, 1, NULL, 0, &outcome), TANDEM_E_INVALID);
    check_equal(tandem_auth_challenge(client, attempt, NULL, 0, &NO_DATA, 1, &outcome), TANDEM_E_INVALID);
    check_equal(outcome, 77);
    check_equal(tandem_auth_info(NULL, good, 0), TANDEM_E_INVALID);
    check_equal(tandem_auth_info(client, NO_DATA, 0), TANDEM_E_INVALID);
    check_equal(tandem_auth_attempt_new(NULL), TANDEM_E_INVALID);
    tandem_auth_attempt_free(attempt);
    tandem_auth_client_free(client);
}

static const test tests[] = {
    {"auth: a challenge is answered, and its nonce sent ahead", challenge_is_answered_and_then_sent_ahead},
    {"auth: credentials that are challenged again are refused", credentials_that_are_challenged_again_are_refused},
    {"auth: what cannot be answered is unusable", what_cannot_be_answered_is_unusable},
    {"auth: wrong accounts are refused", wrong_accounts_are_refused},
    {"auth: wrong requests are refused", wrong_requests_are_refused},
};

SUITE(auth_suite, tests);
