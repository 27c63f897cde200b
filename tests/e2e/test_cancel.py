"""CANCEL, early, in time and too late."""
from harness import Cdr, EndToEnd, main


class Cancel(EndToEnd):
    def test_the_caller_cancels_while_it_rings(self):
        caller, callee = self.call("caller_cancels", "callee_rings")
        invite, cancel = callee.received("INVITE")[0], callee.received("CANCEL")[0]
        self.assertEqual(cancel.header("Via"), invite.header("Via"), "same branch (RFC 3261 section 9.1)")
        self.assertEqual((cancel.uri, cancel.call_id, cancel.cseq), (invite.uri, invite.call_id, invite.cseq))
        self.assertIn("caller gave up", cancel.header("Reason"))
        self.assertEqual(len(caller.received("CANCEL", 200)), 1)
        self.finish(Cdr("cancelled", 487, caller, callee, rang=True))

    def test_a_cancel_before_ringing_waits_for_a_provisional_response(self):
        caller, callee = self.call("caller_cancels_before_ringing", "callee_rings_late", patience=0)
        order = [(m.method, m.code) for m in callee.messages() if m.method in ("CANCEL", "INVITE") and m.code != 487]
        self.assertLess(order.index(("INVITE", 180)), order.index(("CANCEL", None)))
        self.finish(Cdr("cancelled", 487, caller, callee))

    def test_a_cancel_that_crosses_the_answer_ends_the_answered_leg(self):
        caller, callee = self.call("caller_cancels", "callee_answers_the_cancel")
        self.assertEqual(caller.received("INVITE", 200), [], "the caller gets 487 or 200, never both")
        self.assertEqual(callee.received("ACK")[0].tag("To"), callee.sent("INVITE", 200)[0].tag("To"))
        self.assertEqual(callee.received("BYE")[0].tag("To"), callee.sent("INVITE", 200)[0].tag("To"))
        self.finish(Cdr("cancelled", 487, caller, callee))

    def test_a_cancel_after_the_answer_changes_nothing(self):
        caller, callee = self.call("caller_cancels_too_late", "callee_basic")
        self.assertEqual(callee.received("CANCEL"), [])
        self.assertEqual(caller.received("INVITE", 487), [])
        self.finish(Cdr("caller_bye", 200, caller, callee, rang=True))


if __name__ == "__main__":
    main()
