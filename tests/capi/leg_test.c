/* tandem/tracker.h: what a host knows of an INVITE, for a proxy in the middle and for the legs of a B2BUA. */
#include <stddef.h>
#include <string.h>
#include "call.h"
#include "suite.h"

static void invite_alone_begins_a_leg(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_leg leg = TANDEM_LEG_INIT;
    tandem_dialog_id dialog = 77;
    tandem_message message = from_alice("c", TANDEM_METHOD_INVITE, 1); /* with a To-tag */
    check_equal(tandem_tracker_feed_invite(tracker, &message, &leg, 0, &dialog), TANDEM_E_INVALID);
    check_equal(dialog, 0);
    message = answer_of("c", 180);
    check_equal(tandem_tracker_feed_invite(tracker, &message, &leg, 0, NULL), TANDEM_E_INVALID);
    message = invite_of("c");
    message.method = TANDEM_METHOD_OPTIONS;
    check_equal(tandem_tracker_feed_invite(tracker, &message, &leg, 0, NULL), TANDEM_E_INVALID);
    message = invite_of("c");
    check_equal(tandem_tracker_feed_invite(tracker, NULL, &leg, 0, NULL), TANDEM_E_INVALID);
    check_equal(tandem_tracker_feed_invite(NULL, &message, &leg, 0, NULL), TANDEM_E_INVALID);
    check_equal(tandem_tracker_feed_invite(tracker, &message, &leg, NOW_MAX + 1, NULL), TANDEM_E_INVALID);
    check_equal(statistics_of(tracker).processed, 0);
    check_equal(tandem_tracker_feed_invite(tracker, &message, NULL, 0, &dialog), TANDEM_OK);
    check(dialog != 0 && feed(tracker, message, 0) == dialog);
    tandem_tracker_free(tracker);
}

static tandem_status feed_leg(tandem_tracker *tracker, const tandem_leg *leg) {
    const tandem_message invite = invite_of("c");
    return tandem_tracker_feed_invite(tracker, &invite, leg, 0, NULL);
}

static void leg_is_checked(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    char text[257];
    memset(text, 'x', sizeof(text));
    tandem_leg leg = TANDEM_LEG_INIT;
    leg.local_side = TANDEM_LEG_CALLEE + 1;
    check_equal(feed_leg(tracker, &leg), TANDEM_E_INVALID);
    leg.local_side = UINT32_MAX;
    check_equal(feed_leg(tracker, &leg), TANDEM_E_INVALID);
    const tandem_str wrong[] = {NO_DATA, {"a\rb", 3}, {"a\nb", 3}, {"a\0b", 3}};
    for (size_t i = 0; i < 4; i++) {
        leg = (tandem_leg)TANDEM_LEG_INIT;
        leg.source = wrong[i];
        check_equal(feed_leg(tracker, &leg), TANDEM_E_INVALID);
        leg = (tandem_leg)TANDEM_LEG_INIT;
        leg.trunk = wrong[i];
        check_equal(feed_leg(tracker, &leg), TANDEM_E_INVALID);
    }
    leg = (tandem_leg)TANDEM_LEG_INIT;
    leg.source = (tandem_str){text, 257};
    check_equal(feed_leg(tracker, &leg), TANDEM_E_TOO_LARGE);
    leg.source.size = 256;
    leg.trunk = (tandem_str){text, 257};
    check_equal(feed_leg(tracker, &leg), TANDEM_E_TOO_LARGE);
    leg.leg_of = 1;
    leg.trunk.size = 256;
    check_equal(feed_leg(tracker, &leg), TANDEM_E_NOT_FOUND);
    for (uint32_t size = 0; size < 4; size++) {
        leg.size = size;
        check_equal(feed_leg(tracker, &leg), TANDEM_E_INVALID);
    }
    check_equal(statistics_of(tracker).processed, 0);
    struct {
        tandem_leg leg;
        uint64_t more;
    } newer = {TANDEM_LEG_INIT, 7};
    newer.leg.size = sizeof(newer);
    newer.leg.source = (tandem_str){text, 256};
    newer.leg.trunk = (tandem_str){text, 256};
    check_equal(feed_leg(tracker, &newer.leg), TANDEM_OK);
    tandem_tracker_free(tracker);
}

/* An older host's leg ends before what it lacks, which is then as if the INIT stood there. */
static void leg_of_an_older_host_is_in_the_middle(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    tandem_leg leg = TANDEM_LEG_INIT;
    leg.size = offsetof(tandem_leg, leg_of);
    leg.leg_of = 1; /* not looked at */
    check_equal(feed_leg(tracker, &leg), TANDEM_OK);
    tandem_tracker_free(tracker);
}

static void user_data_comes_back_with_every_event(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    tandem_leg leg = TANDEM_LEG_INIT;
    leg.user_data = 4711;
    check_equal(feed_leg(tracker, &leg), TANDEM_OK);
    feed(tracker, answer_of("c", 180), 0);
    feed(tracker, answer_of("c", 200), 0);
    feed(tracker, from_alice("c", TANDEM_METHOD_ACK, 1), 0);
    end_call(tracker, "c", 0);
    tandem_event event = TANDEM_EVENT_INIT;
    uint32_t count = 0;
    for (; tandem_event_next(tracker, &event) == TANDEM_OK; count++) {
        check_equal(event.user_data, 4711);
        tandem_event_free(&event);
    }
    check_equal(count, 7); /* CREATED EARLY CONFIRMED ACKED REQUEST ENDED CDR */
    tandem_tracker_free(tracker);
}

static void only_the_first_invite_gives_a_leg(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    tandem_leg leg = TANDEM_LEG_INIT;
    leg.user_data = 1;
    check_equal(feed_leg(tracker, &leg), TANDEM_OK);
    leg.user_data = 2;
    check_equal(feed_leg(tracker, &leg), TANDEM_OK); /* a retransmission */
    tandem_event event = TANDEM_EVENT_INIT;
    require(tandem_event_next(tracker, &event) == TANDEM_OK);
    check_equal(event.user_data, 1);
    tandem_event_free(&event);
    check_equal(tandem_event_next(tracker, &event), TANDEM_E_EMPTY);
    tandem_tracker_free(tracker);
}

static void further_leg_is_no_call_of_its_own(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    tandem_leg leg = TANDEM_LEG_INIT;
    leg.local_side = TANDEM_LEG_CALLEE;
    const tandem_message invite = invite_of("caller's leg");
    tandem_dialog_id first = 0;
    require(tandem_tracker_feed_invite(tracker, &invite, &leg, 0, &first) == TANDEM_OK);
    leg.local_side = TANDEM_LEG_CALLER;
    leg.leg_of = first;
    tandem_message second_invite = invite_of("callee's leg");
    second_invite.is_ours = 1;
    tandem_dialog_id second = 0;
    require(tandem_tracker_feed_invite(tracker, &second_invite, &leg, 0, &second) == TANDEM_OK);
    check(second != 0 && second != first);
    check_equal(statistics_of(tracker).processed, 1);
    check_equal(statistics_of(tracker).early, 1);
    drain(tracker);
    check_equal(tandem_dialog_end(tracker, second, TANDEM_END_REFUSED, 0), TANDEM_OK);
    tandem_event event = TANDEM_EVENT_INIT;
    require(tandem_event_next(tracker, &event) == TANDEM_OK);
    check_equal(event.type, TANDEM_EVENT_ENDED);
    check(event.dialog == second);
    tandem_event_free(&event);
    check_equal(state_of(tracker, second), TANDEM_STATE_TERMINATED);
    check_equal(tandem_event_next(tracker, &event), TANDEM_E_EMPTY); /* no record, and it is gone */
    uint32_t state = 0;
    check_equal(tandem_dialog_state(tracker, second, &state), TANDEM_E_NOT_FOUND);
    check_equal(statistics_of(tracker).failed, 0);
    check_equal(tandem_dialog_end(tracker, first, TANDEM_END_REFUSED, 0), TANDEM_OK);
    check_equal(drain(tracker), 2);
    check_equal(feed_leg(tracker, &leg), TANDEM_E_NOT_FOUND); /* leg_of is gone */
    tandem_tracker_free(tracker);
}

static void nobody_speaks_for_our_side(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    tandem_leg leg = TANDEM_LEG_INIT;
    leg.local_side = TANDEM_LEG_CALLEE;
    check_equal(feed_leg(tracker, &leg), TANDEM_OK);
    tandem_message ok = answer_of("c", 200);
    check_equal(feed(tracker, ok, 0), 0); /* received, and only we answer here */
    ok.is_ours = 1;
    const tandem_dialog_id dialog = feed(tracker, ok, 0);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_CONFIRMED);
    tandem_message bye = from_bob("c", TANDEM_METHOD_BYE, 1);
    check_equal(tandem_tracker_feed(tracker, &bye, 0, NULL), TANDEM_E_NO_DIALOG);
    bye.is_ours = 7; /* any number but 0 */
    check(feed(tracker, bye, 0) == dialog);
    check(feed(tracker, answer_to(&bye, 200), 0) == 0);
    tandem_message answer = answer_to(&bye, 200);
    answer.is_ours = 0;
    check(feed(tracker, answer, 0) == dialog);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_TERMINATED);
    tandem_tracker_free(tracker);
}

/* One that a host has filled with zeros is seen from the middle: nobody is deaf by mistake. */
static void leg_of_zeros_is_in_the_middle(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    tandem_leg leg;
    memset(&leg, 0, sizeof(leg));
    leg.size = sizeof(leg);
    check_equal(feed_leg(tracker, &leg), TANDEM_OK);
    const tandem_dialog_id dialog = feed(tracker, answer_of("c", 200), 0);
    check(dialog != 0 && feed(tracker, from_alice("c", TANDEM_METHOD_ACK, 1), 0) == dialog);
    end_call(tracker, "c", 0);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_TERMINATED);
    tandem_tracker_free(tracker);
}

static void record_shows_the_last_leg(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    tandem_leg leg = TANDEM_LEG_INIT;
    leg.local_side = TANDEM_LEG_CALLEE;
    tandem_message invite = invite_of("caller's leg");
    tandem_dialog_id first = 0;
    require(tandem_tracker_feed_invite(tracker, &invite, &leg, 0, &first) == TANDEM_OK);
    leg.local_side = TANDEM_LEG_CALLER;
    leg.leg_of = first;
    const char *const legs[] = {"to carrier-a", "to carrier-b"};
    for (int i = 0; i < 2; i++) {
        invite = invite_of(legs[i]);
        invite.is_ours = 1;
        leg.trunk = tandem_str_of(legs[i] + 3);
        require(tandem_tracker_feed_invite(tracker, &invite, &leg, 0, NULL) == TANDEM_OK);
    }
    check_equal(tandem_dialog_end(tracker, first, TANDEM_END_ADMIN, 0), TANDEM_OK);
    tandem_event event = TANDEM_EVENT_INIT;
    require(take_event(tracker, TANDEM_EVENT_CDR, &event));
    check_text(event.cdr->call_id, "caller's leg");
    check_text(event.cdr->callee_call_id, "to carrier-b");
    check_text(event.cdr->trunk, "carrier-b");
    tandem_event_free(&event);
    tandem_tracker_free(tracker);
}

static void trunk_and_user_data_may_be_given_later(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = ringing_call(tracker, "c", 0);
    drain(tracker);
    char text[257];
    memset(text, 't', sizeof(text));
    check_equal(tandem_dialog_set_trunk(NULL, dialog, tandem_str_of("t")), TANDEM_E_INVALID);
    check_equal(tandem_dialog_set_trunk(tracker, dialog, NO_DATA), TANDEM_E_INVALID);
    check_equal(tandem_dialog_set_trunk(tracker, dialog, tandem_str_of("a\nb")), TANDEM_E_INVALID);
    check_equal(tandem_dialog_set_trunk(tracker, dialog, (tandem_str){text, 257}), TANDEM_E_TOO_LARGE);
    check_equal(tandem_dialog_set_trunk(tracker, dialog + 1, tandem_str_of("t")), TANDEM_E_NOT_FOUND);
    check_equal(tandem_dialog_set_trunk(tracker, dialog, tandem_str_of("carrier-a")), TANDEM_OK);
    check_equal(tandem_dialog_set_user_data(NULL, dialog, 7), TANDEM_E_INVALID);
    check_equal(tandem_dialog_set_user_data(tracker, 0, 7), TANDEM_E_NOT_FOUND);
    check_equal(tandem_dialog_set_user_data(tracker, dialog, 7), TANDEM_OK);
    refuse_call(tracker, "c", 0);
    tandem_event event = TANDEM_EVENT_INIT;
    require(take_event(tracker, TANDEM_EVENT_CDR, &event));
    check_equal(event.user_data, 7);
    check_text(event.cdr->trunk, "carrier-a");
    tandem_event_free(&event);
    check_equal(tandem_dialog_set_trunk(tracker, dialog, tandem_str_of("t")), TANDEM_E_NOT_FOUND);
    tandem_tracker_free(tracker);
}

static const test tests[] = {
    {"leg: one of zeros is seen from the middle", leg_of_zeros_is_in_the_middle},
    {"leg: the record of the call shows the last one it was sent on", record_shows_the_last_leg},
    {"leg: trunk and user_data may be given later", trunk_and_user_data_may_be_given_later},
    {"leg: an INVITE without To-tag begins one, and nothing else", invite_alone_begins_a_leg},
    {"leg: side, texts, sizes and the call it belongs to are checked", leg_is_checked},
    {"leg: what an older host's leg lacks is as if it were not given", leg_of_an_older_host_is_in_the_middle},
    {"leg: user_data comes back with every event", user_data_comes_back_with_every_event},
    {"leg: a retransmitted INVITE gives no other", only_the_first_invite_gives_a_leg},
    {"leg: a further one of a call is not counted and has no record", further_leg_is_no_call_of_its_own},
    {"leg: nobody else speaks for the side that is ours", nobody_speaks_for_our_side},
};
SUITE(leg_suite, tests);
