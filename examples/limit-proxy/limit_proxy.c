/*
 * limit-proxy: a stateless SIP proxy (RFC 3261 section 16.11) that limits how many calls a user has at a time.
 *
 *     limit-proxy [-c REDIS_URL] [-u USER [-r REALM] [-p PASSWORD_FILE]] LISTEN_PORT TARGET_ADDRESS:PORT LIMIT
 *     limit-proxy 5060 192.0.2.7:5080 2
 *
 * The proxy only moves messages; tandem knows the calls. Each joins the profile "user" by the user of its From, and the
 * one over LIMIT is answered 503. Whatever ends a call frees its place and prints its record, a line of JSON.
 * With -c proxies that name the same Redis share the limit; what has to be asked there waits, see waiting.h. A URL with
 * a password in it belongs into LIMIT_PROXY_REDIS, in the environment.
 * With -u the target is a trunk with an account: its challenges are answered here, the callers hear nothing of them and
 * keep their CSeq numbers. For that the proxy remembers what it sent, see trunk.h. The password is the first line of a
 * file, or LIMIT_PROXY_PASSWORD in the environment: what stands on a command line is seen by everybody.
 * UDP and IPv4; addresses are numbers, header names are in their long form, no line is folded. It trusts its network:
 * From is what the caller says, and a request inside a call goes wherever its Route or Request-URI leads.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "trunk.h"
#include "waiting.h"

static const tandem_str user_profile = {"user", 4};
static tandem_tracker *tracker;
static int udp;
static address self, target;
static char self_name[32];     /* address:port */
static uint64_t refused[4096]; /* transactions that were answered 503, for an INVITE that comes again */

static uint64_t hash(uint64_t key, tandem_str text) {
    for (size_t i = text.size; i-- > 0;) key = (key ^ (uint8_t)text.data[i]) * 1099511628211u;
    return key;
}

static uint64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int is_self(const address *it) { return memcmp(it, &self, sizeof self) == 0; }

/* An answer of the proxy's own. tandem hears of it as of every other. */
static void respond(datagram *request, const char *status, const char *tag, const address *to) {
    static const char *const names[] = {"\r\nVia:", "\r\nFrom:", "\r\nTo:", "\r\nCall-ID:", "\r\nCSeq:"};
    static datagram out;
    out.size = (size_t)snprintf(out.data, sizeof out.data, "SIP/2.0 %s", status);
    for (int i = 0; i < 5; i++) {
        copy_headers(&out, request, names[i]);
        if (i == 2) splice(&out, out.data + out.size, 0, "%s", tag);
    }
    splice(&out, out.data + out.size, 0, "\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n");
    tandem_tracker_feed_bytes(tracker, out.data, out.size, now_us(), NULL);
    sendto(udp, out.data, out.size, 0, (const void *)to, sizeof *to);
}

/* A new call, or its INVITE once more. DROP: it was answered, and whoever did says it again; or it waits. */
enum { REFUSE, ADMIT, WAIT, DROP };
static int admit(const tandem_message *invite, uint64_t key, tandem_dialog_id *id) {
    tandem_dialog_id dialog = 0;
    tandem_status status = TANDEM_E_LIMIT;
    tandem_str user = invite->from_uri;
    const char *begin = memchr(user.data, ':', user.size), *end = memchr(user.data, '@', user.size);
    if (begin && end > begin) user = (tandem_str){begin + 1, (size_t)(end - begin - 1)};
    if (refused[key % 4096] != key) status = tandem_tracker_feed(tracker, invite, now_us(), &dialog);
    if (status == TANDEM_OK) status = tandem_profile_join(tracker, dialog, user_profile, user, now_us());
    *id = dialog;
    if (status == TANDEM_OK) return ADMIT;
    if (status == TANDEM_PENDING) return WAIT;
    if (status == TANDEM_E_MERGED || waiting_find(key)) return DROP;
    if (status == TANDEM_E_LIMIT) tandem_dialog_set_end_reason(tracker, dialog, TANDEM_END_LIMIT); /* if it is new */
    refused[key % 4096] = key;
    return REFUSE;
}

/* Sends a request on. No state: an answer finds its way back by our Via, an ACK of a refusal to its INVITE's branch. */
static void send_on(const char *text, size_t size, const hop *way, uint32_t cseq, tandem_str lines) {
    static datagram out;
    memcpy(out.data, text, size);
    out.size = size;
    out.data[size] = 0;
    char *value = find(out.data, "\r\nCSeq:");
    if (value) splice(&out, value, strspn(value, "0123456789"), "%u", cseq);
    const int credentials = lines.size < 2 ? 0 : (int)lines.size - 2; /* the last line ends with that of our Via */
    splice(&out, strstr(out.data, "\r\n"), 0,
           "\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%016" PRIx64 "-%016" PRIx64 "-%u;from=%s:%u%s%.*s", self_name,
           way->key, way->call, cseq, inet_ntoa(way->from.sin_addr), ntohs(way->from.sin_port),
           credentials ? "\r\n" : "", credentials, credentials ? lines.data : "");
    sendto(udp, out.data, out.size, 0, (const void *)&way->to, sizeof way->to);
}

static void send_kept(const kept_request *it) { send_on(it->text, it->size, &it->way, it->sent, it->lines); }

/* The ACK of a refusal that the caller does not hear of (RFC 3261 section 17.1.1.3). */
static void acknowledge(const kept_request *invite, datagram *refusal, uint32_t cseq) {
    static datagram out, sent;
    const char *uri = strchr(invite->text, ' ');
    memcpy(sent.data, invite->text, invite->size + 1);
    out.size = (size_t)snprintf(out.data, sizeof out.data, "ACK%.*s", (int)strcspn(uri, "\r"), uri);
    copy_headers(&out, &sent, "\r\nMax-Forwards:");
    copy_headers(&out, &sent, "\r\nRoute:");
    copy_headers(&out, refusal, "\r\nFrom:");
    copy_headers(&out, refusal, "\r\nTo:");
    copy_headers(&out, refusal, "\r\nCall-ID:");
    splice(&out, out.data + out.size, 0, "\r\nCSeq: %u ACK\r\nContent-Length: 0\r\n\r\n", cseq);
    send_on(out.data, out.size, &invite->way, cseq, (tandem_str){NULL, 0});
}

/* Whether it goes to the trunk: the side that was called. */
static int is_of_caller(tandem_dialog_id dialog, const tandem_message *fields) {
    tandem_dialog_info *info = NULL;
    if (tandem_dialog_get(tracker, dialog, &info) != TANDEM_OK) return 0;
    const tandem_str tag = info->from_tag, own = fields->from_tag;
    const int is_his = tag.size == own.size && memcmp(tag.data, own.data, own.size) == 0;
    tandem_dialog_info_free(info);
    return is_his;
}

/* Sends it on with the numbers of the other side. */
static void pass_request(datagram *request, const tandem_message *fields, tandem_dialog_id dialog, const hop *way) {
    kept_request *known = trunk_find(way->call);
    const int is_same = known && known->way.key == way->key, is_ack = fields->method == TANDEM_METHOD_ACK;
    uint32_t cseq = fields->cseq, rack = 0, rack_sent;
    tandem_str lines = {NULL, 0};
    if (is_ack && known) lines = known->lines; /* RFC 3261 section 22.1 */
    if (is_same && fields->method == TANDEM_METHOD_CANCEL) known->is_cancelled = 1;
    if (is_same && !is_ack && fields->method != TANDEM_METHOD_CANCEL) { /* it came again */
        send_kept(known);
        return;
    }
    const tandem_status status = tandem_dialog_cseq_translate(tracker, dialog, fields, (tandem_str){NULL, 0}, &cseq);
    if (status == TANDEM_E_OUT_OF_RANGE) {
        if (!is_ack) respond(request, "500 No Number Left", "", &way->from);
        return;
    }
    if (is_same) cseq = known->sent; /* the set of a refused call may be gone before its ACK comes */
    char *value = find(request->data, "\r\nRAck:"), *number = value ? value + strcspn(value, " \t\r") : NULL;
    if (number && sscanf(number, "%u", &rack) == 1 &&
        tandem_dialog_rack_translate(tracker, dialog, fields, rack, &rack_sent) == TANDEM_OK) {
        number += strspn(number, " \t");
        splice(request, number, strspn(number, "0123456789"), "%u", rack_sent);
    }
    const int may_be_challenged = !is_ack && fields->method != TANDEM_METHOD_CANCEL && dialog != 0;
    if (may_be_challenged && is_of_caller(dialog, fields)) known = trunk_keep(way, fields, cseq, request);
    else known = NULL;
    if (known) send_kept(known);
    else send_on(request->data, request->size, way, cseq, lines);
}

/* What was admitted, or need not be. */
static void pass_on(datagram *request, const tandem_message *fields, tandem_dialog_id dialog, hop way) {
    const int is_new = fields->to_tag.size == 0;
    int is_in_call = !is_new && fields->method != TANDEM_METHOD_ACK;
    char *value;
    while ((value = find(request->data, "\r\nRoute:")) && read_address(value, &way.to) && is_self(&way.to)) {
        is_in_call |= strncmp(value, "<sip:in-call@", 13) == 0; /* our own Record-Route, see below */
        remove_value(request, value);
    }
    if (is_in_call && !read_address(value ? value : strpbrk(request->data, " \r"), &way.to)) return;
    if (!is_in_call || is_self(&way.to)) way.to = target;
    value = strstr(request->data, "\r\n");
    if (is_new) splice(request, value, 0, "\r\nRecord-Route: <sip:in-call@%s;lr>", self_name);
    pass_request(request, fields, dialog, &way);
}

/* What ends the To header of an answer of our own to this transaction. */
static const char *tag_of(uint64_t key) {
    static char tag[32];
    snprintf(tag, sizeof tag, ";tag=limit%016" PRIx64, key);
    return tag;
}

/* An INVITE that has waited. `refusal` NULL: it goes on. */
static void end_wait(waiting_invite *invite, const char *refusal) {
    static datagram request;
    tandem_parsed *parsed;
    memcpy(request.data, invite->text, invite->size + 1);
    request.size = invite->size;
    if (refusal) {
        refused[invite->key % 4096] = invite->key;
        respond(&request, refusal, tag_of(invite->key), &invite->from);
    } else if (tandem_message_parse(request.data, request.size, &parsed) == TANDEM_OK) {
        const hop way = {invite->call, invite->key, invite->from, target};
        pass_on(&request, tandem_parsed_message(parsed), invite->dialog, way);
        tandem_parsed_free(parsed);
    }
    waiting_drop(invite);
}

/* The cluster's answer. */
static void on_reserved(const tandem_event *event) {
    waiting_invite *invite = waiting_find(event->user_data);
    if (!invite) return; /* it was cancelled meanwhile */
    const int is_limit = event->status == TANDEM_E_LIMIT;
    if (is_limit) tandem_dialog_set_end_reason(tracker, event->dialog, TANDEM_END_LIMIT);
    const char *refusal = is_limit ? "503 Too Many Calls" : "503 Number Of Calls Unknown";
    end_wait(invite, event->status == TANDEM_OK ? NULL : refusal);
}

static void on_request(datagram *request, const tandem_message *fields, char *via, const address *from) {
    char *value = param(via, ";branch=");
    const int is_ack = fields->method == TANDEM_METHOD_ACK, is_new = fields->to_tag.size == 0;
    int admitted = ADMIT;
    tandem_dialog_id dialog = 0;
    uint64_t key = hash(fields->cseq, (tandem_str){value, value ? strcspn(value, ";,\r") : 0});
    key = hash(key, fields->call_id); /* of what a CANCEL and the ACK of a refusal share with their INVITE */
    const uint64_t call = hash(hash(fields->cseq, fields->from_tag), fields->call_id);
    const char *tag = tag_of(key);
    if (is_ack && fields->to_tag.size == 21 && memcmp(fields->to_tag.data, tag + 5, 21) == 0) return; /* of a 503 */

    if ((value = param(via, ";rport")) && *value != '=') splice(request, value, 0, "=%u", ntohs(from->sin_port));
    splice(request, via + strcspn(via, ";,\r"), 0, ";received=%s", inet_ntoa(from->sin_addr)); /* RFC 3581 */
    value = find(request->data, "\r\nMax-Forwards:");
    const unsigned long hops = value ? strtoul(value, NULL, 10) : 70;
    if (value && hops > 0) splice(request, value, strcspn(value, "\r"), "%lu", hops - 1);
    const char *refusal = hops == 0 ? "483 Too Many Hops" : NULL;
    if (fields->method != TANDEM_METHOD_INVITE || !is_new) tandem_tracker_feed(tracker, fields, now_us(), &dialog);
    else if (!refusal && (admitted = admit(fields, key, &dialog)) == REFUSE) refusal = "503 Too Many Calls";
    if (admitted == WAIT) {
        tandem_dialog_set_user_data(tracker, dialog, key);
        if (!waiting_keep(key, call, dialog, from, request)) refusal = "503 Too Many Calls";
    }
    waiting_invite *cancelled = fields->method == TANDEM_METHOD_CANCEL ? waiting_find(key) : NULL;
    if (cancelled) { /* nobody else knows of it */
        respond(request, "200 OK", tag, from);
        end_wait(cancelled, "487 Request Terminated");
    } else if (refusal && !is_ack) {
        respond(request, refusal, is_new ? tag : "", from);
    } else if (!refusal && admitted == ADMIT) {
        pass_on(request, fields, dialog, (hop){call, key, *from, target});
    }
}

/* What the trunk refuses, and has to be sent again, is kept from the caller. 1: that is done. */
static int is_between_us_and_the_trunk(datagram *answer, const tandem_message *fields, kept_request *request) {
    const int is_invite = fields->method == TANDEM_METHOD_INVITE;
    /* A caller that has heard nothing repeats its INVITE, and so ours, should the try that follows be lost. */
    if (fields->status == 100) return is_invite && request->lines.size == 0;
    if (fields->status < 300 || fields->method == TANDEM_METHOD_CANCEL) return 0;
    const int is_old = fields->cseq < request->sent; /* the refusal of a try comes again */
    if (!is_old && !trunk_retry(tracker, request, answer, fields)) return 0;
    if (is_invite) acknowledge(request, answer, fields->cseq);
    if (!is_old) send_kept(request);
    return 1;
}

static void on_answer(datagram *answer, const tandem_message *fields, char *via, const address *to) {
    uint64_t key = 0, call = 0;
    char *branch = param(via, ";branch=z9hG4bK");
    const int is_ours = branch && sscanf(branch, "%16" SCNx64 "-%16" SCNx64, &key, &call) == 2;
    kept_request *request = is_ours ? trunk_find(call) : NULL;
    if (request && request->way.key != key) request = NULL;
    if (request && is_between_us_and_the_trunk(answer, fields, request)) return;
    tandem_message told = *fields;
    const tandem_status status = tandem_dialog_cseq_translate(tracker, 0, fields, (tandem_str){NULL, 0}, &told.cseq);
    if (status == TANDEM_E_FULL && fields->status < 200) return;
    if (status != TANDEM_OK && request) told.cseq = request->given;
    if (fields->status >= 200 && fields->status < 300 && request) trunk_hear(answer);
    tandem_tracker_feed(tracker, &told, now_us(), NULL);
    remove_value(answer, via);
    char *value = find(answer->data, "\r\nCSeq:");
    if (value) splice(answer, value, strspn(value, "0123456789"), "%u", told.cseq);
    sendto(udp, answer->data, answer->size, 0, (const void *)to, sizeof *to);
}

static void on_message(datagram *message, const tandem_message *fields, const address *from) {
    char *via = find(message->data, "\r\nVia:"), *back = via ? param(via, ";from=") : NULL;
    address to;
    if (via && fields->status == 0) on_request(message, fields, via, from);
    if (fields->status == 0 || !back || !param(via, self_name) || !read_address(back, &to)) return;
    on_answer(message, fields, via, &to);
}

/* Our address is the one that the target sees. */
static int open_socket(const char *port) {
    socklen_t size = sizeof self;
    self = (address){.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    udp = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(udp, (void *)&self, size) || connect(udp, (void *)&target, size) ||
        getsockname(udp, (void *)&self, &size) || connect(udp, &(struct sockaddr){AF_UNSPEC, {0}}, size)) return 0;
    return snprintf(self_name, sizeof self_name, "%s:%u", inet_ntoa(self.sin_addr), ntohs(self.sin_port)) > 0;
}

/* Of all proxies with the same Redis, or of this one. */
static tandem_status declare_limit(uint32_t limit, const char *redis) {
    tandem_cluster_options cluster = TANDEM_CLUSTER_OPTIONS_INIT;
    tandem_profile_options profile = TANDEM_PROFILE_OPTIONS_INIT;
    profile.has_values = 1;
    profile.limit = limit;
    if (redis) {
        profile.scope = TANDEM_SCOPE_CLUSTER;
        cluster.url = tandem_str_of(redis);
        const tandem_status joined = tandem_cluster_join(tracker, &cluster);
        if (joined != TANDEM_OK) return joined;
    }
    return tandem_profile_declare(tracker, user_profile, &profile);
}

static void drain_events(void) {
    static char record[65536]; /* holds any that has no variables */
    tandem_event event = TANDEM_EVENT_INIT;
    while (tandem_event_next(tracker, &event) == TANDEM_OK) {
        if (event.type == TANDEM_EVENT_RESERVED) on_reserved(&event);
        if (event.cdr && tandem_cdr_json(event.cdr, record, sizeof record, NULL) == TANDEM_OK) puts(record);
        tandem_event_free(&event);
    }
    fflush(stdout);
}

int main(int argc, char **argv) {
    static datagram message;
    tandem_parsed *parsed;
    const char *user = NULL, *realm = "", *password_file = NULL, *redis = getenv("LIMIT_PROXY_REDIS");
    struct pollfd inputs[2] = {{-1, POLLIN, 0}, {-1, POLLIN, 0}};
    for (int option; (option = getopt(argc, argv, "c:u:r:p:")) != -1;) {
        if (option == 'c') redis = optarg;
        else if (option == 'u') user = optarg;
        else if (option == 'r') realm = optarg;
        else if (option == 'p') password_file = optarg;
        else argc = 0;
    }
    argc -= optind - 1;
    argv += optind - 1;
    const uint32_t limit = argc == 4 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0;
    if (user && !trunk_open(user, realm, password_file)) errx(2, "the trunk wants a user name and a password");
    if (limit == 0 || !read_address(argv[2], &target) || !open_socket(argv[1]) ||
        tandem_tracker_new(NULL, now_us(), &tracker) || tandem_event_fd(tracker, &inputs[1].fd))
        errx(2, "usage: limit-proxy [-c REDIS_URL] [-u USER [-r REALM] [-p PASSWORD_FILE]] LISTEN_PORT "
                "TARGET_ADDRESS:PORT LIMIT, and a free port");
    if (declare_limit(limit, redis)) errx(2, "%s", tandem_last_error());
    inputs[0].fd = udp;
    for (;;) {
        address from;
        socklen_t size = sizeof from;
        poll(inputs, 2, tandem_tracker_timeout_ms(tracker, now_us()));
        tandem_tracker_advance(tracker, now_us());
        message.size = (size_t)recvfrom(udp, message.data, 65535, MSG_DONTWAIT, (void *)&from, &size);
        if (message.size > 65535) message.size = 0; /* an error */
        message.data[message.size] = 0;
        if (tandem_message_parse(message.data, message.size, &parsed) == TANDEM_OK) {
            on_message(&message, tandem_parsed_message(parsed), &from);
            tandem_parsed_free(parsed);
        }
        drain_events(); /* one input, drain the output, next input */
    }
}
