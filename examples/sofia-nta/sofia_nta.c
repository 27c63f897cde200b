/*
 * sofia-nta: an application on sofia-sip's nta, to which tandem was added.
 *
 *     sofia-nta PORT [RING_MS [LIFETIME_MS]]
 *
 * It takes calls on 127.0.0.1: rings for RING_MS (0), answers, and hangs up after LIFETIME_MS (never). It has no media.
 * tandem is told of each message that is received or sent, and tells what became of the call: standard error gets the
 * events, standard output the record of each call as a line of JSON. It also keeps the time: when a call lasts too long
 * or its ACK does not come, END_DUE asks for its end. What is tandem's stands first.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <tandem/tandem.h>

#define NTA_LEG_MAGIC_T struct call
#define NTA_INCOMING_MAGIC_T struct call
#define NTA_OUTGOING_MAGIC_T struct call
#define SU_TIMER_ARG_T struct call
#include <sofia-sip/nta.h>
#include <sofia-sip/nta_tag.h>
#include <sofia-sip/sip_protos.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/sip_tag.h>

struct call {
    nta_leg_t *leg;
    nta_incoming_t *invite;
    nta_outgoing_t *bye;
    su_timer_t *ringing;
};

static su_root_t *root;
static nta_agent_t *agent;
static su_duration_t ring_ms;
static volatile sig_atomic_t stopped;

static void stop(int signal) { stopped = signal; }
static void hang_up(struct call *call);
static void free_call(struct call *call);

/* tandem: messages in */

static tandem_tracker *tracker;
static su_wait_t events;
static su_timer_t *tick;

static uint64_t now_us(void) { return su_monotime(NULL) / 1000; }

static void feed(const sip_t *sip) { tandem_tracker_feed_sofia(tracker, sip, 0, now_us(), NULL); }

/* nta writes its messages itself: what it has sent is fed. */
static void feed_sent(msg_t *message) {
    if (message) feed(sip_object(message));
    msg_destroy(message);
}

static int feed_new(const sip_t *sip, struct call *call) {
    tandem_leg leg = TANDEM_LEG_INIT;
    leg.user_data = (uintptr_t)call; /* comes back with each event */
    return tandem_tracker_feed_sofia_invite(tracker, sip, &leg, now_us(), NULL) == TANDEM_OK;
}

/* tandem: events out, when the descriptor says that some wait. So none comes while nta is at work on a call. */

static int on_events(su_root_magic_t *magic, su_wait_t *wait, su_wakeup_arg_t *none) {
    static const char *const names[] = {"", "created", "early", "confirmed", "acked", "request", "variable", "profile",
                                        "end due", "ended"};
    static char record[65536]; /* holds any that has no variables */
    tandem_event event = TANDEM_EVENT_INIT;
    (void)magic, (void)wait, (void)none;
    while (tandem_event_next(tracker, &event) == TANDEM_OK) {
        struct call *call = (struct call *)(uintptr_t)event.user_data;
        const char *why = event.reason ? tandem_end_name(event.reason) : "";
        if (event.type < TANDEM_EVENT_CDR) fprintf(stderr, "%" PRIx64 " %s %s\n", event.dialog, names[event.type], why);
        if (event.type == TANDEM_EVENT_END_DUE) hang_up(call);
        if (event.cdr && tandem_cdr_json(event.cdr, record, sizeof record, NULL) == TANDEM_OK) puts(record);
        if (event.cdr) free_call(call); /* nothing of it comes after its record */
        tandem_event_free(&event);
    }
    return 0;
}

static void on_tick(su_root_magic_t *magic, su_timer_t *timer, struct call *none) {
    (void)magic, (void)timer, (void)none;
    tandem_tracker_advance(tracker, now_us());
}

static int start_tandem(uint64_t lifetime_ms) {
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    int fd;
    options.lifetime_timeout_ms = lifetime_ms;
    tick = su_timer_create(su_root_task(root), 100);
    return tandem_tracker_new(&options, now_us(), &tracker) == TANDEM_OK &&
           tandem_event_fd(tracker, &fd) == TANDEM_OK && su_wait_create(&events, fd, SU_WAIT_IN) == 0 &&
           su_root_register(root, &events, on_events, NULL, 0) > 0 && su_timer_run(tick, on_tick, NULL) == 0;
}

/* The application. */

static void reply(nta_incoming_t *request, int status, const char *phrase) {
    nta_incoming_treply(request, status, phrase, SIPTAG_CONTACT(nta_agent_contact(agent)), TAG_END());
    feed_sent(nta_incoming_getresponse(request));
}

static void free_call(struct call *call) {
    su_timer_destroy(call->ringing);
    nta_incoming_destroy(call->invite);
    nta_outgoing_destroy(call->bye);
    nta_leg_destroy(call->leg);
    free(call);
}

static int on_bye_answered(struct call *call, nta_outgoing_t *bye, const sip_t *sip) {
    (void)call, (void)bye;
    if (sip) feed(sip);
    return 0;
}

static void hang_up(struct call *call) {
    if (nta_incoming_status(call->invite) < 200) {
        reply(call->invite, SIP_480_TEMPORARILY_UNAVAILABLE);
    } else if (!call->bye) {
        call->bye = nta_outgoing_tcreate(call->leg, on_bye_answered, call, NULL, SIP_METHOD_BYE, NULL, TAG_END());
        feed_sent(nta_outgoing_getrequest(call->bye));
    }
}

static void on_answer(su_root_magic_t *magic, su_timer_t *timer, struct call *call) {
    (void)magic, (void)timer;
    if (nta_incoming_status(call->invite) < 200) reply(call->invite, SIP_200_OK);
}

static int on_ack_or_cancel(struct call *call, nta_incoming_t *invite, const sip_t *sip) {
    (void)call;
    if (!sip) return 0; /* no ACK came: tandem has its timer, too */
    feed(sip);
    if (sip->sip_request->rq_method == sip_method_cancel) reply(invite, SIP_487_REQUEST_TERMINATED);
    return 0;
}

static int on_request(struct call *call, nta_leg_t *leg, nta_incoming_t *request, const sip_t *sip) {
    (void)leg;
    feed(sip);
    if (sip->sip_request->rq_method == sip_method_ack) return 0;
    const int is_early = nta_incoming_status(call->invite) < 200;
    if (is_early && sip->sip_request->rq_method == sip_method_bye) reply(call->invite, SIP_487_REQUEST_TERMINATED);
    reply(request, SIP_200_OK);
    return 200; /* that is done: nta ends the transaction */
}

static int on_new_request(struct call *none, nta_leg_t *leg, nta_incoming_t *request, const sip_t *sip) {
    const sip_method_t method = sip->sip_request->rq_method;
    (void)none, (void)leg;
    if (sip->sip_to->a_tag) return method == sip_method_ack ? 0 : 481;
    if (method != sip_method_invite) return method == sip_method_options ? 200 : 405;
    struct call *call = calloc(1, sizeof *call);
    if (!call || !feed_new(sip, call)) {
        free(call);
        return 503;
    }
    call->invite = request;
    call->leg = nta_leg_tcreate(agent, on_request, call, SIPTAG_CALL_ID(sip->sip_call_id), SIPTAG_FROM(sip->sip_to),
                                SIPTAG_TO(sip->sip_from), TAG_END());
    nta_leg_tag(call->leg, nta_incoming_tag(request, NULL));
    nta_leg_server_route(call->leg, sip->sip_record_route, sip->sip_contact);
    nta_incoming_bind(request, on_ack_or_cancel, call);
    call->ringing = su_timer_create(su_root_task(root), ring_ms);
    su_timer_set(call->ringing, on_answer, call);
    reply(request, SIP_100_TRYING);
    reply(request, SIP_180_RINGING);
    return 0;
}

int main(int argc, char **argv) {
    char url[64];
    su_init();
    root = su_root_create(NULL);
    ring_ms = 1 + (argc > 2 ? (su_duration_t)(strtoul(argv[2], NULL, 10) & INT32_MAX) : 0); /* su_timer wants one */
    snprintf(url, sizeof url, "sip:127.0.0.1:%.5s;transport=udp", argc > 1 ? argv[1] : "5060");
    agent = nta_agent_create(root, URL_STRING_MAKE(url), NULL, NULL, NTATAG_UA(1), TAG_END());
    if (!agent || !nta_leg_tcreate(agent, on_new_request, NULL, NTATAG_NO_DIALOG(1), TAG_END()) ||
        !start_tandem(argc > 3 ? strtoul(argv[3], NULL, 10) : TANDEM_NO_TIMEOUT)) {
        fputs("sofia-nta: the port is not free\n", stderr);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    while (!stopped) su_root_step(root, 1000);
    nta_agent_destroy(agent);
    su_root_unregister(root, &events, on_events, NULL);
    su_timer_destroy(tick);
    su_root_destroy(root);
    tandem_tracker_free(tracker);
    su_deinit();
    return 0;
}
