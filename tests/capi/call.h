/* Calls between alice (tag "a") and bob (tag "b"), message by message. What goes wrong in here ends the program. */
#ifndef TANDEM_TESTS_CAPI_CALL_H
#define TANDEM_TESTS_CAPI_CALL_H

#include <tandem/tandem.h>

#define MILLISECOND UINT64_C(1000)
#define SECOND UINT64_C(1000000)
#define NOW_MAX (UINT64_C(1) << 62)

#define NO_DATA ((tandem_str){NULL, 1}) /* a text that no function takes */

/* From options of all defaults (NULL), or others; at 0. */
tandem_tracker *make_tracker(const tandem_tracker_options *options);

tandem_message invite_of(const char *call_id);                         /* CSeq 1 */
tandem_message answer_of(const char *call_id, uint32_t status);        /* to that INVITE; with a To-tag if over 100 */
tandem_message from_alice(const char *call_id, uint32_t method, uint32_t cseq); /* inside the dialog */
tandem_message from_bob(const char *call_id, uint32_t method, uint32_t cseq);
tandem_message answer_to(const tandem_message *request, uint32_t status);

tandem_dialog_id feed(tandem_tracker *tracker, tandem_message message, uint64_t now_us);

tandem_dialog_id begin_call(tandem_tracker *tracker, const char *call_id, uint64_t now_us);     /* INVITE */
tandem_dialog_id ringing_call(tandem_tracker *tracker, const char *call_id, uint64_t now_us);   /* 180 */
tandem_dialog_id confirmed_call(tandem_tracker *tracker, const char *call_id, uint64_t now_us); /* 200, ACK */
void refuse_call(tandem_tracker *tracker, const char *call_id, uint64_t now_us);                /* 486 */
void end_call(tandem_tracker *tracker, const char *call_id, uint64_t now_us); /* alice's BYE, CSeq 2, and its 200 */

uint32_t state_of(tandem_tracker *tracker, tandem_dialog_id dialog);

/* Takes events until one of this type, which stays in `event`. 0 if none came. */
int take_event(tandem_tracker *tracker, uint32_t type, tandem_event *event);
uint32_t drain(tandem_tracker *tracker); /* how many there were */

tandem_statistics statistics_of(tandem_tracker *tracker);

#endif
