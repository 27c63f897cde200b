/* tandem/dialog.h: the CSeq numbers on both sides of a proxy that answers challenges. */
#include <string.h>
#include "call.h"
#include "suite.h"

static const tandem_str only_branch = {NULL, 0};

static uint32_t translate(tandem_tracker *tracker, tandem_message message, uint32_t cseq, tandem_status expected) {
    uint32_t out = 0;
    message.cseq = cseq;
    check_equal(tandem_dialog_cseq_translate(tracker, 0, &message, only_branch, &out), expected);
    return out;
}

static tandem_message challenge_of(tandem_message request, uint32_t cseq) {
    tandem_message challenge = answer_to(&request, 407);
    challenge.cseq = cseq;
    return challenge;
}

static void a_proxy_answers_the_challenges_of_a_call(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = begin_call(tracker, "c", 0);
    uint32_t cseq = 0;
    tandem_message challenge = answer_of("c", 407);
    challenge.to_tag = tandem_str_of("x");
    check_equal(tandem_dialog_cseq_retry(tracker, 0, &challenge, only_branch, &cseq), TANDEM_OK);
    check_equal(cseq, 2);
    check_equal(tandem_dialog_cseq_retry(tracker, dialog, &challenge, only_branch, &cseq), TANDEM_OK);
    check_equal(cseq, 2);
    check_equal(translate(tracker, invite_of("c"), 1, TANDEM_OK), 2);
    check_equal(translate(tracker, answer_of("c", 183), 2, TANDEM_OK), 1);
    feed(tracker, answer_of("c", 183), 1);
    const tandem_message prack = from_alice("c", TANDEM_METHOD_PRACK, 2);
    feed(tracker, prack, 2);
    check_equal(translate(tracker, prack, 2, TANDEM_OK), 3);
    check_equal(tandem_dialog_rack_translate(tracker, 0, &prack, 1, &cseq), TANDEM_OK);
    check_equal(cseq, 2);
    check_equal(translate(tracker, answer_of("c", 200), 2, TANDEM_OK), 1);
    feed(tracker, answer_of("c", 200), 3);
    check_equal(translate(tracker, from_alice("c", TANDEM_METHOD_ACK, 1), 1, TANDEM_OK), 2);
    feed(tracker, from_alice("c", TANDEM_METHOD_ACK, 1), 4);

    /* The proxy hangs up, in the name of the caller, and is challenged. */
    check_equal(tandem_dialog_cseq_take(tracker, dialog, TANDEM_SIDE_CALLER, only_branch, &cseq), TANDEM_OK);
    check_equal(cseq, 4);
    tandem_message bye = from_alice("c", TANDEM_METHOD_BYE, cseq);
    bye.is_ours = 1;
    feed(tracker, bye, 5);
    const tandem_message refusal = challenge_of(bye, 4);
    check_equal(tandem_dialog_cseq_retry(tracker, 0, &refusal, only_branch, &cseq), TANDEM_OK);
    check_equal(cseq, 5);
    tandem_message ok = answer_to(&bye, 200);
    check_equal(translate(tracker, ok, 5, TANDEM_OWN), 4);
    check_equal(translate(tracker, from_alice("c", TANDEM_METHOD_INFO, 3), 3, TANDEM_OK), 6);
    ok.cseq = 4;
    feed(tracker, ok, 6);
    check_equal(state_of(tracker, dialog), TANDEM_STATE_TERMINATED);
    tandem_tracker_free(tracker);
}

static void a_request_of_the_proxy_takes_no_number_of_the_caller(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    const tandem_dialog_id dialog = confirmed_call(tracker, "c", 0);
    uint32_t cseq = 0;
    check_equal(tandem_dialog_cseq_take(tracker, dialog, TANDEM_SIDE_CALLER, tandem_str_of("b"), &cseq), TANDEM_OK);
    check_equal(cseq, 2);
    tandem_message options = from_alice("c", TANDEM_METHOD_OPTIONS, cseq);
    options.is_ours = 1;
    feed(tracker, options, 1);
    feed(tracker, from_alice("c", TANDEM_METHOD_INFO, 2), 2);
    check_equal(translate(tracker, from_alice("c", TANDEM_METHOD_INFO, 2), 2, TANDEM_OK), 3);
    check_equal(tandem_dialog_next_cseq(tracker, dialog, TANDEM_SIDE_CALLER, only_branch, &cseq), TANDEM_OK);
    check_equal(cseq, 4);
    tandem_tracker_free(tracker);
}

static void numbers_of_nothing_are_refused(void) {
    tandem_tracker *tracker = make_tracker(NULL);
    uint32_t cseq = 77;
    const tandem_message info = from_alice("gone", TANDEM_METHOD_INFO, 2);
    const tandem_message refusal = challenge_of(info, 2);
    check_equal(tandem_dialog_cseq_translate(tracker, 0, &info, only_branch, &cseq), TANDEM_E_NOT_FOUND);
    check_equal(tandem_dialog_cseq_translate(tracker, 5, &info, only_branch, &cseq), TANDEM_E_NOT_FOUND);
    check_equal(tandem_dialog_cseq_retry(tracker, 0, &refusal, only_branch, &cseq), TANDEM_E_NOT_FOUND);
    check_equal(tandem_dialog_cseq_take(tracker, 5, TANDEM_SIDE_CALLER, only_branch, &cseq), TANDEM_E_NOT_FOUND);
    check_equal(tandem_dialog_cseq_take(tracker, 5, 2, only_branch, &cseq), TANDEM_E_INVALID);
    check_equal(tandem_dialog_cseq_take(tracker, 5, 0, NO_DATA, &cseq), TANDEM_E_INVALID);
    check_equal(tandem_dialog_cseq_take(tracker, 5, 0, only_branch, NULL), TANDEM_E_INVALID);
    check_equal(tandem_dialog_cseq_retry(tracker, 0, &info, only_branch, &cseq), TANDEM_E_INVALID);
    check_equal(tandem_dialog_rack_translate(tracker, 0, &info, 1, &cseq), TANDEM_E_INVALID);
    check_equal(tandem_dialog_cseq_translate(NULL, 0, &info, only_branch, &cseq), TANDEM_E_INVALID);
    check_equal(tandem_dialog_cseq_translate(tracker, 0, NULL, only_branch, &cseq), TANDEM_E_INVALID);
    check_equal(tandem_dialog_cseq_translate(tracker, 0, &info, NO_DATA, &cseq), TANDEM_E_INVALID);
    check_equal(tandem_dialog_cseq_translate(tracker, 0, &info, tandem_str_of("a\n"), &cseq), TANDEM_E_INVALID);
    char text[257];
    memset(text, 'x', sizeof text);
    const tandem_str longest = {text, sizeof text};
    check_equal(tandem_dialog_cseq_translate(tracker, 0, &info, longest, &cseq), TANDEM_E_TOO_LARGE);
    check_equal(cseq, 77);
    tandem_tracker_free(tracker);
}

static const test tests[] = {
    {"cseq: a proxy answers the challenges of a call", a_proxy_answers_the_challenges_of_a_call},
    {"cseq: a request of the proxy's own takes no number of the caller's",
     a_request_of_the_proxy_takes_no_number_of_the_caller},
    {"cseq: numbers of nothing are refused", numbers_of_nothing_are_refused},
};
SUITE(cseq_suite, tests);
