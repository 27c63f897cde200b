"""Reliable provisional responses and PRACK (RFC 3262): end to end, by tandem for one side, and lost (FAULTS N9)."""
from harness import Cdr, EndToEnd, main


class Prack(EndToEnd):
    def test_a_prack_goes_end_to_end(self):
        caller, callee = self.call("caller_acknowledges_progress", "callee_progresses_reliably",
                                   support="Supported", code=183)
        progress = caller.received("INVITE", 183)[0]
        self.assertNotEqual(progress.header("RSeq"), "7001")
        self.assertEqual(progress.body, callee.sent("INVITE", 183)[0].body)
        prack = callee.received("PRACK")[0]
        self.assertEqual(prack.tag("To"), callee.sent("INVITE", 183)[0].tag("To"))
        self.assertEqual(caller.received("INVITE", 200)[0].body, b"")
        self.finish(Cdr("caller_bye", 200, caller, callee, rang=True))

    def test_tandem_acknowledges_for_a_caller_who_can_not(self):
        caller, callee = self.call("caller_gets_the_early_answer", "callee_progresses_reliably")
        progress = caller.received("INVITE", 183)[0]
        self.assertEqual((progress.header("RSeq"), progress.header("Require")), ("", ""))
        self.assertEqual(caller.received("INVITE", 200)[0].body, callee.sent("INVITE", 183)[0].body)
        self.finish(Cdr("caller_bye", 200, caller, callee, rang=True))

    def test_tandem_is_reliable_for_a_callee_who_can_not(self):
        caller, callee = self.call("caller_acknowledges_progress", "callee_answers_late", support="Require", code=180,
                                   hold=400)
        self.assertEqual(callee.received("PRACK"), [])
        self.assertEqual(callee.received("INVITE")[0].header("Require"), "")
        self.finish(Cdr("caller_bye", 200, caller, callee, rang=True))

    def test_a_prack_that_never_comes_ends_the_call_504(self):
        caller, callee = self.call("caller_never_acknowledges_progress", "callee_is_never_acknowledged",
                                   ring_timeout_ms=60000)
        copies = caller.received("INVITE", 183)
        self.assertEqual(len(copies), 7, "after 0, 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s")
        self.assertEqual(len({copy.raw for copy in copies}), 1)
        self.finish(Cdr("refused", 504, caller, callee, rang=True))


if __name__ == "__main__":
    main()
