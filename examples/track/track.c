/*
 * track: the SIP calls of a capture, without being part of them.
 *
 *     track FILE.pcap         reads a file; - is standard input
 *     track INTERFACE PORT    watches a UDP port until Ctrl-C; wants the right to capture (root, CAP_NET_RAW)
 *
 * Standard output gets a line of JSON for each call that ended; standard error the table of those that are up and the
 * statistics, every second or at the end of the file. Try `track lo 5060 >calls.jsonl`.
 *
 * The tracker lives in the time of the packets, so a day is replayed in a second and records have their true times.
 * A proxy may be seen on both sides: what passes twice is a retransmission. Of one that forks, capture the caller's
 * side alone. Reads Ethernet (with VLAN tags too), Linux cooked, loopback and raw IP; IPv4 and IPv6; no fragments.
 */
#define _DEFAULT_SOURCE
#include <inttypes.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <tandem/tandem.h>
#include <time.h>
#include <unistd.h>

enum { table_rows = 40, table_ms = 1000 };

static tandem_tracker *tracker;
static uint64_t now_us; /* UTC as the packets say, and never back */
static uint64_t packets, messages;
static volatile sig_atomic_t stopped;

/* What is left of a frame. It came from the wire, so no length in it is believed: skip() asks for room first. */
typedef struct bytes { const uint8_t *at; size_t size; } bytes;

static int skip(bytes *left, size_t size) {
    if (left->size < size) return 0;
    left->at += size;
    left->size -= size;
    return 1;
}

static unsigned number16(const uint8_t *at) { return (unsigned)at[0] << 8 | at[1]; }

/* Cuts the frame to `size` bytes, of which `header` are skipped; false where they are not all there. */
static int cut(bytes *left, size_t size, size_t header) {
    if (left->size < size || size < header) return 0;
    left->size = size;
    return skip(left, header);
}

/* From the frame to the IP header. */
static int skip_link(bytes *left, int datalink) {
    if (datalink == DLT_LINUX_SLL2) return skip(left, 20);
    if (datalink == DLT_NULL || datalink == DLT_LOOP) return skip(left, 4);
    if (datalink != DLT_EN10MB && datalink != DLT_LINUX_SLL) return 1; /* raw IP */
    if (!skip(left, datalink == DLT_EN10MB ? 12 : 14)) return 0;
    while (left->size >= 4 && (number16(left->at) == 0x8100 || number16(left->at) == 0x88a8)) skip(left, 4); /* VLAN */
    return skip(left, 2); /* the type: the version of IP says it too */
}

/* From the IP header to the payload of UDP. */
static int skip_ip_and_udp(bytes *left) {
    const uint8_t *ip = left->at;
    unsigned protocol;
    if (left->size >= 20 && ip[0] >> 4 == 4) {
        const int is_fragment = (number16(ip + 6) & 0x3fff) != 0;
        protocol = ip[9];
        if (is_fragment || ip[0] < 0x45 || !cut(left, number16(ip + 2), (ip[0] & 15u) * 4)) return 0;
    } else if (left->size >= 40 && ip[0] >> 4 == 6) {
        protocol = ip[6];
        if (!cut(left, 40u + number16(ip + 4), 40)) return 0;
        while (protocol == 0 || protocol == 43 || protocol == 60) { /* extension headers, but for fragments */
            if (left->size < 8) return 0;
            protocol = left->at[0];
            if (!skip(left, (left->at[1] + 1u) * 8)) return 0;
        }
    } else return 0;
    return protocol == 17 && left->size >= 8 && cut(left, number16(left->at + 4), 8);
}

/* One input, drain the output, next input. */
static void drain(void) {
    static char line[65536]; /* holds any record that has no variables */
    tandem_event event = TANDEM_EVENT_INIT;
    while (tandem_event_next(tracker, &event) == TANDEM_OK) {
        if (event.cdr && tandem_cdr_json(event.cdr, line, sizeof line, NULL) == TANDEM_OK) puts(line);
        tandem_event_free(&event);
    }
}

static void advance_to(int64_t seconds, int64_t us) {
    const int is_time = seconds >= 0 && seconds < INT64_C(1) << 40 && us >= 0 && us < 1000000;
    if (is_time && (uint64_t)(seconds * 1000000 + us) > now_us) now_us = (uint64_t)(seconds * 1000000 + us);
    tandem_tracker_advance(tracker, now_us);
    drain();
}

static void on_packet(u_char *capture, const struct pcap_pkthdr *header, const u_char *data) {
    bytes left = {data, header->caplen};
    packets++;
    advance_to(header->ts.tv_sec, header->ts.tv_usec);
    if (!skip_link(&left, pcap_datalink((pcap_t *)capture)) || !skip_ip_and_udp(&left)) return;
    /* Who only watches has nobody to answer: a message that is none, or of no dialog, is passed over. */
    const tandem_status status = tandem_tracker_feed_bytes(tracker, (const char *)left.at, left.size, now_us, NULL);
    messages += status != TANDEM_E_NOT_SIP;
    drain();
}

/* A column of the table. Text of the wire may hold anything, a terminal shall not. */
static void print_text(tandem_str text, size_t width) {
    for (size_t i = 0; i < width; i++) {
        const char c = i < text.size ? text.data[i] : ' ';
        putc(c >= ' ' && c <= '~' ? c : '?', stderr);
    }
    putc(' ', stderr);
}

static void print_table(void) {
    tandem_statistics counts = TANDEM_STATISTICS_INIT;
    tandem_dialog_info *info;
    tandem_dialog_id ids[table_rows];
    uint64_t cursor = 0;
    uint32_t count = 0;
    if (isatty(2)) fputs("\033[H\033[J", stderr);
    fprintf(stderr, "%-11s %8s %-32s %-32s %s\n", "STATE", "SECONDS", "FROM", "TO", "CALL-ID");
    tandem_dialog_list(tracker, &cursor, ids, table_rows, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (tandem_dialog_get(tracker, ids[i], &info) != TANDEM_OK) continue;
        const int64_t age_us = (int64_t)now_us - info->created_us;
        fprintf(stderr, "%-11s %8.1f ", tandem_state_name(info->state), (double)age_us / 1e6);
        print_text(info->from_uri, 32);
        print_text(info->to_uri, 32);
        print_text(info->call_id, 32);
        putc('\n', stderr);
        tandem_dialog_info_free(info);
    }
    tandem_tracker_statistics(tracker, &counts);
    fprintf(stderr, "packets %" PRIu64 ", messages %" PRIu64 ", calls %" PRIu64 ": early %" PRIu64 ", active %" PRIu64
            ", failed %" PRIu64 "\n", packets, messages, counts.processed, counts.early, counts.active, counts.failed);
}

static void stop(int signal) { stopped = signal; }

/* pcap gives the packets, poll() waits for the next one or for the tracker's next deadline. */
static int watch(pcap_t *capture) {
    struct pollfd packet = {pcap_get_selectable_fd(capture), POLLIN, 0};
    for (uint64_t table_us = 0; !stopped;) {
        const int32_t wait_ms = tandem_tracker_timeout_ms(tracker, now_us);
        poll(&packet, 1, wait_ms < 0 || wait_ms > table_ms ? table_ms : wait_ms);
        if (pcap_dispatch(capture, -1, on_packet, (u_char *)capture) < 0) return -1;
        struct timespec now;
        timespec_get(&now, TIME_UTC);
        advance_to(now.tv_sec, now.tv_nsec / 1000);
        if (now_us < table_us) continue;
        print_table();
        table_us = now_us + table_ms * 1000;
    }
    return 0;
}

static pcap_t *open_live(const char *interface, const char *port, char *error) {
    char filter[64];
    struct bpf_program program = {0, NULL};
    pcap_t *capture = pcap_open_live(interface, 65535, 0, 100, error);
    snprintf(filter, sizeof filter, "udp port %.20s", port);
    if (capture && (pcap_compile(capture, &program, filter, 1, PCAP_NETMASK_UNKNOWN) != 0 ||
                    pcap_setfilter(capture, &program) != 0 || pcap_setnonblock(capture, 1, error) != 0)) {
        snprintf(error, PCAP_ERRBUF_SIZE, "%s", pcap_geterr(capture));
        pcap_close(capture);
        capture = NULL;
    }
    pcap_freecode(&program);
    return capture;
}

int main(int argc, char **argv) {
    char error[PCAP_ERRBUF_SIZE] = "usage: track FILE.pcap | track INTERFACE PORT";
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.events = TANDEM_EVENT_MASK(TANDEM_EVENT_CDR);
    pcap_t *capture = argc == 2 ? pcap_open_offline(argv[1], error)
                    : argc == 3 ? open_live(argv[1], argv[2], error) : NULL;
    if (!capture || tandem_tracker_new(&options, 0, &tracker) != TANDEM_OK) {
        fprintf(stderr, "track: %s\n", capture ? tandem_last_error() : error);
        return 2;
    }
    tandem_tracker_set_clock(tracker, 0, 0); /* now_us is UTC itself */
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    const int result = argc == 3 ? watch(capture) : pcap_loop(capture, -1, on_packet, (u_char *)capture);
    if (result < 0) fprintf(stderr, "track: %s\n", pcap_geterr(capture));
    print_table();
    tandem_tracker_free(tracker);
    pcap_close(capture);
    return result < 0;
}
