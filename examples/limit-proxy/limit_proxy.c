/*
 * limit-proxy: a stateless SIP proxy (RFC 3261 section 16.11) that limits how many calls a user has at a time.
 *
 *     limit-proxy LISTEN_PORT TARGET_ADDRESS:PORT LIMIT         limit-proxy 5060 192.0.2.7:5080 2
 *
 * The proxy only moves messages; tandem knows the calls. Each joins the profile "user" by the user of its From, and the
 * one over LIMIT is answered 503. Whatever ends a call frees its place and prints its record, a line of JSON.
 * UDP and IPv4; addresses are numbers, header names are in their long form, no line is folded. It trusts its network:
 * From is what the caller says, and a request inside a call goes wherever its Route or Request-URI leads.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <tandem/tandem.h>
#include <time.h>

typedef struct sockaddr_in address;
typedef struct datagram { char data[66560]; size_t size; } datagram; /* with a zero, and room for what is added */
static const tandem_str user_profile = {"user", 4};
static tandem_tracker *tracker;
static int udp;
static address self, target;
static char self_name[32];     /* address:port */
static uint64_t refused[4096]; /* transactions that were answered 503, for an INVITE that comes again */

static uint64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Puts text in place of `removed` bytes; what does not fit is left out. */
static void splice(datagram *message, char *at, size_t removed, const char *format, ...) {
    static char text[65536];
    va_list values;
    va_start(values, format);
    const size_t size = (size_t)vsnprintf(text, sizeof text, format, values);
    va_end(values);
    if (size >= sizeof text || message->size - removed + size >= sizeof message->data) return;
    memmove(at + size, at + removed, message->size + 1 - removed - (size_t)(at - message->data));
    memcpy(at, text, size);
    message->size += size - removed;
}

/* The value of the next header of this name, or NULL. */
static char *find(char *from, const char *name) {
    char *line = strcasestr(from, name), *end = strstr(from, "\r\n\r\n");
    if (!line || !end || line >= end) return NULL;
    return line + strlen(name) + strspn(line + strlen(name), " \t");
}

/* What follows `name` in the first value of a header, or NULL. */
static char *param(char *value, const char *name) {
    char *at = strcasestr(value, name);
    return at && at < value + strcspn(value, ",\r") ? at + strlen(name) : NULL;
}

/* Takes away the first value of a header, with the last one the line. */
static void remove_value(datagram *message, char *value) {
    char *end = value;
    for (int is_uri = 0; *end != '\r' && (*end != ',' || is_uri); end++) is_uri += (*end == '<') - (*end == '>');
    if (*end == ',') end += 1 + strspn(end + 1, " \t");
    else while (*value != '\r') value--;
    splice(message, value, (size_t)(end - value), "");
}

/* The address in "sip:user@host:port", inside <> or not, or in "host:port". */
static int read_address(const char *text, address *to) {
    char host[16] = "";
    unsigned port = 5060;
    if (*text < '0' || *text > '9') text += strcspn(text, ":\r");
    if (text[strcspn(text, "@> \r")] == '@') text += strcspn(text, "@");
    sscanf(text + (*text == ':' || *text == '@'), "%15[0-9.]:%5u", host, &port);
    *to = (address){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    return inet_pton(AF_INET, host, &to->sin_addr) == 1;
}

static int is_self(const address *it) { return memcmp(it, &self, sizeof self) == 0; }

/* An answer of the proxy's own. tandem hears of it as of every other. */
static void respond(datagram *request, const char *status, const char *tag, const address *to) {
    static const char *const names[] = {"\r\nVia:", "\r\nFrom:", "\r\nTo:", "\r\nCall-ID:", "\r\nCSeq:"};
    static datagram out;
    out.size = (size_t)snprintf(out.data, sizeof out.data, "SIP/2.0 %s", status);
    for (int i = 0; i < 5; i++) {
        for (char *value = request->data; (value = find(value, names[i]));) {
            splice(&out, out.data + out.size, 0, "%s %.*s", names[i], (int)strcspn(value, "\r"), value);
        }
        if (i == 2) splice(&out, out.data + out.size, 0, "%s", tag);
    }
    splice(&out, out.data + out.size, 0, "\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n");
    tandem_tracker_feed_bytes(tracker, out.data, out.size, now_us(), NULL);
    sendto(udp, out.data, out.size, 0, (const void *)to, sizeof *to);
}

/* A new call, or its INVITE once more. -1: it was answered already, and whoever answered says it again. */
static int admit(const tandem_message *invite, uint64_t key) {
    tandem_dialog_id dialog = 0;
    tandem_status status = TANDEM_E_LIMIT;
    tandem_str user = invite->from_uri;
    const char *begin = memchr(user.data, ':', user.size), *end = memchr(user.data, '@', user.size);
    if (begin && end > begin) user = (tandem_str){begin + 1, (size_t)(end - begin - 1)};
    if (refused[key % 4096] != key) status = tandem_tracker_feed(tracker, invite, now_us(), &dialog);
    if (status == TANDEM_OK) status = tandem_profile_join(tracker, dialog, user_profile, user, now_us());
    if (status == TANDEM_OK || status == TANDEM_E_MERGED) return status == TANDEM_OK ? 1 : -1;
    if (status == TANDEM_E_LIMIT) tandem_dialog_set_end_reason(tracker, dialog, TANDEM_END_LIMIT); /* if it is new */
    refused[key % 4096] = key;
    return 0;
}

static void on_request(datagram *request, const tandem_message *fields, char *via, const address *from) {
    char tag[32], *value = param(via, ";branch=");
    const int is_ack = fields->method == TANDEM_METHOD_ACK, is_new = fields->to_tag.size == 0;
    int is_in_call = !is_new && !is_ack, admitted = 1;
    address to;
    uint64_t key = fields->cseq; /* of what a CANCEL and the ACK of a refusal share with their INVITE */
    for (size_t i = value ? strcspn(value, ";,\r") : 0; i-- > 0;) key = (key ^ (uint8_t)value[i]) * 1099511628211u;
    for (size_t i = fields->call_id.size; i-- > 0;) key = (key ^ (uint8_t)fields->call_id.data[i]) * 1099511628211u;
    snprintf(tag, sizeof tag, ";tag=limit%016" PRIx64, key);
    if (is_ack && fields->to_tag.size == 21 && memcmp(fields->to_tag.data, tag + 5, 21) == 0) return; /* of a 503 */

    if ((value = param(via, ";rport")) && *value != '=') splice(request, value, 0, "=%u", ntohs(from->sin_port));
    splice(request, via + strcspn(via, ";,\r"), 0, ";received=%s", inet_ntoa(from->sin_addr)); /* RFC 3581 */
    value = find(request->data, "\r\nMax-Forwards:");
    const unsigned long hops = value ? strtoul(value, NULL, 10) : 70;
    if (value && hops > 0) splice(request, value, strcspn(value, "\r"), "%lu", hops - 1);
    const char *refusal = hops == 0 ? "483 Too Many Hops" : NULL;
    if (fields->method != TANDEM_METHOD_INVITE || !is_new) tandem_tracker_feed(tracker, fields, now_us(), NULL);
    else if (!refusal && (admitted = admit(fields, key)) == 0) refusal = "503 Too Many Calls";
    if (refusal && !is_ack) respond(request, refusal, is_new ? tag : "", from);
    if (refusal || admitted < 0) return;
    while ((value = find(request->data, "\r\nRoute:")) && read_address(value, &to) && is_self(&to)) {
        is_in_call |= strncmp(value, "<sip:in-call@", 13) == 0; /* our own Record-Route, see below */
        remove_value(request, value);
    }
    if (is_in_call && !read_address(value ? value : strpbrk(request->data, " \r"), &to)) return;
    if (!is_in_call || is_self(&to)) to = target;
    value = strstr(request->data, "\r\n");
    if (is_new) splice(request, value, 0, "\r\nRecord-Route: <sip:in-call@%s;lr>", self_name);
    splice(request, value, 0, "\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%016" PRIx64 ";from=%s:%u", self_name, key,
           inet_ntoa(from->sin_addr), ntohs(from->sin_port)); /* no state: an answer finds its way back by this */
    sendto(udp, request->data, request->size, 0, (void *)&to, sizeof to);
}

static void on_message(datagram *message, const tandem_message *fields, const address *from) {
    char *via = find(message->data, "\r\nVia:"), *back = via ? param(via, ";from=") : NULL;
    address to;
    if (via && fields->status == 0) on_request(message, fields, via, from);
    if (fields->status == 0 || !back || !param(via, self_name) || !read_address(back, &to)) return;
    tandem_tracker_feed(tracker, fields, now_us(), NULL);
    remove_value(message, via);
    sendto(udp, message->data, message->size, 0, (void *)&to, sizeof to);
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

int main(int argc, char **argv) {
    static datagram message;
    static char record[65536]; /* holds any that has no variables */
    tandem_profile_options profile = TANDEM_PROFILE_OPTIONS_INIT;
    tandem_event event = TANDEM_EVENT_INIT;
    tandem_parsed *parsed;
    profile.has_values = 1;
    profile.limit = argc == 4 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0;
    if (profile.limit == 0 || !read_address(argv[2], &target) || !open_socket(argv[1]) ||
        tandem_tracker_new(NULL, now_us(), &tracker) || tandem_profile_declare(tracker, user_profile, &profile))
        errx(2, "usage: limit-proxy LISTEN_PORT TARGET_ADDRESS:PORT LIMIT, and a free port");
    for (;;) {
        address from;
        socklen_t size = sizeof from;
        poll(&(struct pollfd){udp, POLLIN, 0}, 1, tandem_tracker_timeout_ms(tracker, now_us()));
        tandem_tracker_advance(tracker, now_us());
        message.size = (size_t)recvfrom(udp, message.data, 65535, MSG_DONTWAIT, (void *)&from, &size);
        if (message.size > 65535) message.size = 0; /* an error */
        message.data[message.size] = 0;
        if (tandem_message_parse(message.data, message.size, &parsed) == TANDEM_OK) {
            on_message(&message, tandem_parsed_message(parsed), &from);
            tandem_parsed_free(parsed);
        }
        while (tandem_event_next(tracker, &event) == TANDEM_OK) { /* one input, drain the output, next input */
            if (event.cdr && tandem_cdr_json(event.cdr, record, sizeof record, NULL) == TANDEM_OK) puts(record);
            tandem_event_free(&event);
        }
        fflush(stdout);
    }
}
