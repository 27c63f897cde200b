"""Transfers by REFER with three parties: done by tandem, passed to the other side, refused."""
from urllib.parse import quote, unquote

from harness import Cdr, EndToEnd, Route, main
from sides import Parties


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


class Passed(Parties):
    """Where a route passes REFER both sides are their own: Refer-To, what names who referred, and the NOTIFYs back."""

    def refer(self, *lines):
        """The callee's REFER, as the caller gets it; both sides."""
        self.open("bob", "carol", more='refer = "pass"')
        caller, callee = self.talk(self.phone(), "bob", {}, {})
        got, _ = self.passes(callee, caller, "REFER", 202, lines)
        return caller, callee, got

    def end(self, caller, callee):
        self.hang_up(caller, callee)
        self.finish(Cdr("caller_bye", 200))

    def test_refer_to_and_referred_by_pass_and_notify_comes_back(self):
        caller, callee, got = self.refer("Refer-To: <sip:carol@c.example;user=phone>",
                                         "Referred-By: <sip:bob@b.example>")
        self.assertEqual(got.headers("Refer-To"), ["<sip:carol@c.example;user=phone>"])
        self.assertEqual(got.headers("Referred-By"), ["<sip:bob@b.example>"])
        for state, fragment in (("active;expires=60", "100 Trying"), ("terminated;reason=noresource", "200 OK")):
            notify, _ = self.passes(caller, callee, "NOTIFY", headers=[
                "Event: refer", f"Subscription-State: {state}", "Content-Type: message/sipfrag"],
                body=f"SIP/2.0 {fragment}\r\n")
            self.assertEqual((notify.header("Event"), notify.header("Subscription-State")), ("refer", state))
        self.end(caller, callee)

    def test_a_dialog_of_somebody_else_is_named_as_it_was(self):
        target = "<sip:carol@c.example?Replaces=x%40y%3Bto-tag%3D1%3Bfrom-tag%3D2>"
        caller, callee, got = self.refer(f"Refer-To: {target}")
        self.assertEqual(got.header("Refer-To"), target)
        self.end(caller, callee)

    def test_a_dialog_of_the_callee_is_named_by_its_other_leg(self):
        """It is the caller's own there: its Call-ID and its tags."""
        self.open("bob", more='refer = "pass"')
        caller, callee = self.talk(self.phone(), "bob", {}, {})
        named = quote(callee.names(), safe="")
        got, _ = self.passes(callee, caller, "REFER", 202, [f"Refer-To: <sip:carol@c.example?Replaces={named}>"])
        replaces = unquote(got.header("Refer-To").partition("Replaces=")[2].rstrip(">"))
        ours, theirs = caller.tag("To"), caller.tag("From")
        self.assertEqual(replaces, f"{caller.dialog['Call_ID']};to-tag={theirs};from-tag={ours}")
        self.end(caller, callee)

    def test_a_refusal_of_the_other_side_is_the_answer(self):
        self.open("bob", more='refer = "pass"')
        caller, callee = self.talk(self.phone(), "bob", {}, {})
        self.passes(callee, caller, "REFER", 603, ["Refer-To: <sip:carol@c.example>"])
        self.end(caller, callee)


if __name__ == "__main__":
    main()
