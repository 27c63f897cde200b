/**
 * @file tandem/sofia.h  For hosts that live on sofia-sip: its parsed message, as it is. Only in libtandem.
 *
 * Needs no header of sofia-sip: sip_t is struct sip_s.
 *
 * Threads: every function may be called from any thread; the message is used by one thread at a time.
 * Memory:  arguments are borrowed for the call.
 */
#ifndef TANDEM_SOFIA_H
#define TANDEM_SOFIA_H

#include <stdint.h>
#include <tandem/export.h>
#include <tandem/status.h>
#include <tandem/tracker.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sip_s;

/**
 * tandem_tracker_feed() of a sip_t, as nta, nua and the parser give it.
 *
 * @param sip      a request or a response, complete with From, To, Call-ID and CSeq
 * @param is_ours  on a leg that is the host's own (tandem_leg): 1 for what the host sends there; else 0
 * @return as tandem_tracker_feed(); TANDEM_E_INVALID also where one of those is missing
 */
TANDEM_SIP_API tandem_status tandem_tracker_feed_sofia(tandem_tracker *tracker, const struct sip_s *sip,
                                                       uint32_t is_ours, uint64_t now_us, tandem_dialog_id *dialog);

/** tandem_tracker_feed_invite() of a sip_t. */
TANDEM_SIP_API tandem_status tandem_tracker_feed_sofia_invite(tandem_tracker *tracker, const struct sip_s *sip,
                                                              const tandem_leg *leg, uint64_t now_us,
                                                              tandem_dialog_id *dialog);

#ifdef __cplusplus
}
#endif

#endif
