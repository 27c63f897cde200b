"""Transfers by REFER with three parties: done by tandem, passed to the other side, refused."""
from harness import Cdr, EndToEnd, Route, main


class Transfer(EndToEnd):
    def transfer(self, caller, first, second, **values):
        """A call to `first`, who transfers the caller to `second`; the three when all is over."""
        first = self.callee(first)
        second = self.callee(second, **values)
        self.start(Route(second.port, match="^carol$"), Route(first.port))
        caller = self.caller(caller)
        for sipp in (caller, first, second):
            sipp.finish()
        return caller, first, second

    @staticmethod
    def fragments(side):
        by_cseq = {m.cseq: m.body.strip() for m in side.received("NOTIFY")}
        return [body.decode() if isinstance(body, bytes) else body for body in by_cseq.values()]

    def test_the_callee_transfers_the_caller(self):
        caller, first, second = self.transfer("caller_is_transferred", "callee_refers", "callee_is_asked_again")
        self.assertEqual(self.fragments(first), ["SIP/2.0 100 Trying", "SIP/2.0 180 Ringing", "SIP/2.0 200 OK"])
        self.assertIn("terminated", first.received("NOTIFY")[-1].header("Subscription-State"))
        self.assertTrue(second.received("INVITE")[0].header("Referred-By"))
        self.finish(Cdr("caller_bye", 200, caller, second))

    def test_a_target_that_is_busy_leaves_the_call_as_it_was(self):
        caller, first, second = self.transfer("caller_is_hung_up", "callee_transfer_fails", "callee_refuses",
                                              code=486, reason="Busy Here", headers="")
        self.assertEqual(self.fragments(first)[-1], "SIP/2.0 486 Busy Here")
        self.assertEqual(caller.received("INVITE"), [])
        self.finish(Cdr("callee_bye", 200, caller))

    def refused(self, policy, caller, code):
        callee = self.callee("callee_may_not_refer", code=code)
        self.start(Route(callee.port, more=f'refer = "{policy}"'))
        caller = self.caller(caller)
        for sipp in (caller, callee):
            sipp.finish()
        return caller, callee

    def test_a_route_may_reject_transfers(self):
        caller, callee = self.refused("reject", "caller_is_hung_up", 603)
        self.finish(Cdr("callee_bye", 200, caller, callee))

    def test_a_route_may_pass_transfers(self):
        caller, callee = self.refused("pass", "caller_takes_refer", 202)
        self.assertEqual(caller.received("REFER")[0].header("Refer-To"), "<sip:carol@tandem.example>")
        self.finish(Cdr("callee_bye", 200, caller, callee))


if __name__ == "__main__":
    main()
