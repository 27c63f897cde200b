#define _GNU_SOURCE
#include "trunk.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kept_max = 4096, challenge_max = 8 };
static tandem_auth_client *client;
static kept_request *kept[kept_max]; /* by `call` */

static tandem_str line_of(const char *value) { return (tandem_str){value, strcspn(value, "\r")}; }

static void let_go(kept_request *request) {
    if (request) tandem_auth_attempt_free(request->attempt);
    free(request);
}

int trunk_open(const char *user, const char *realm, const char *password_file) {
    char password[1026] = "";
    const char *from_environment = getenv("LIMIT_PROXY_PASSWORD");
    FILE *file = password_file ? fopen(password_file, "r") : NULL;
    if (password_file && (!file || !fgets(password, sizeof password, file))) return 0;
    if (file) fclose(file);
    if (!file && from_environment) snprintf(password, sizeof password, "%s", from_environment);
    const tandem_str secret = {password, strcspn(password, "\r\n")};
    const tandem_status status = tandem_auth_client_new(tandem_str_of(user), secret, tandem_str_of(realm), &client);
    explicit_bzero(password, sizeof password);
    return status == TANDEM_OK && secret.size > 0;
}

kept_request *trunk_find(uint64_t call) {
    kept_request *request = kept[call % kept_max];
    return request && request->way.call == call ? request : NULL;
}

static void authorize(kept_request *request) {
    const char *text = request->text, *uri = strchr(text, ' ') + 1, *body = strstr(text, "\r\n\r\n") + 4;
    const tandem_str method = {text, (size_t)(uri - 1 - text)}, address_of = {uri, strcspn(uri, " ")};
    const tandem_str covered = {body, request->size - (size_t)(body - text)};
    request->lines = (tandem_str){NULL, 0};
    tandem_auth_authorize(client, request->attempt, method, address_of, covered, &request->lines);
}

kept_request *trunk_keep(const hop *way, const tandem_message *fields, uint32_t sent, const datagram *text) {
    if (!client || !strchr(text->data, ' ') || !strstr(text->data, "\r\n\r\n")) return NULL;
    kept_request *request = calloc(1, sizeof *request + text->size + 1);
    if (!request || tandem_auth_attempt_new(&request->attempt) != TANDEM_OK) {
        let_go(request);
        return NULL;
    }
    request->way = *way;
    request->given = fields->cseq;
    request->sent = sent;
    memcpy(request->text, text->data, text->size + 1);
    request->size = text->size;
    authorize(request);
    let_go(kept[way->call % kept_max]);
    kept[way->call % kept_max] = request;
    return request;
}

static uint32_t read_challenges(datagram *refusal, const char *name, tandem_str *values) {
    uint32_t count = 0;
    for (char *at = refusal->data; count < challenge_max && (at = find(at, name));) values[count++] = line_of(at);
    return count;
}

int trunk_retry(tandem_tracker *tracker, kept_request *request, datagram *refusal, const tandem_message *fields) {
    tandem_str www[challenge_max], proxy[challenge_max];
    uint32_t outcome = TANDEM_AUTH_UNUSABLE, sent = 0;
    if ((fields->status != 401 && fields->status != 407) || request->is_cancelled) return 0;
    const uint32_t www_count = read_challenges(refusal, "\r\nWWW-Authenticate:", www);
    const uint32_t proxy_count = read_challenges(refusal, "\r\nProxy-Authenticate:", proxy);
    request->lines = (tandem_str){NULL, 0}; /* they hold until now */
    tandem_auth_challenge(client, request->attempt, www, www_count, proxy, proxy_count, &outcome);
    if (outcome != TANDEM_AUTH_RETRY) return 0;
    if (tandem_dialog_cseq_retry(tracker, 0, fields, (tandem_str){NULL, 0}, &sent) != TANDEM_OK) return 0;
    request->sent = sent;
    authorize(request);
    return 1;
}

void trunk_hear(datagram *answer) {
    if (!client) return;
    char *value = find(answer->data, "\r\nAuthentication-Info:");
    if (value) tandem_auth_info(client, line_of(value), 0);
    value = find(answer->data, "\r\nProxy-Authentication-Info:");
    if (value) tandem_auth_info(client, line_of(value), 1);
}
