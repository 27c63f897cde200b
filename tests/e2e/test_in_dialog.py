"""Requests within a call: BYE from either side and both, re-INVITE, UPDATE, INFO."""
from harness import BYES, Cdr, EndToEnd, main


class Bye(EndToEnd):
    def test_the_callee_hangs_up(self):
        caller, callee = self.call("caller_is_hung_up", "callee_hangs_up")
        self.assertRegex(caller.received("BYE")[0].header("Reason"), r"Q\.850\s*;\s*cause=16")
        self.assertEqual(caller.received("BYE")[0].tag("To"), caller.sent("INVITE")[0].tag("From"))
        self.assertEqual(caller.received("BYE")[0].tag("From"), caller.received("INVITE", 200)[0].tag("To"))
        self.finish(Cdr("callee_bye", 200, caller, callee, rang=True, q850=16))

    def test_the_callees_bye_crosses_the_callers(self):
        caller, callee = self.call("caller_basic", "callee_bye_crosses", hold=100)
        self.finish(Cdr(BYES, 200, caller, callee))

    def test_the_callers_bye_crosses_the_callees(self):
        caller, callee = self.call("caller_bye_crosses", "callee_hangs_up")
        self.finish(Cdr(BYES, 200, caller, callee))


class Sessions(EndToEnd):
    def assert_passed(self, sender, receiver, method, code=None):
        """Every such message that one side sent came to the other, in order, body and type byte for byte."""
        def contents(messages):
            by_cseq = {m.cseq: (m.header("Content-Type"), m.body) for m in messages}
            return list(by_cseq.values())
        sent = contents(sender.sent(method, code))
        self.assertTrue(sent)
        self.assertEqual(contents(receiver.received(method, code)), sent)

    def assert_rising(self, *sides):
        """The CSeq of every request that tandem sent within a call is above the one before."""
        for side in sides:
            numbers = [m.cseq for m in side.messages(sent=False, request=True) if m.method not in ("ACK", "CANCEL")]
            unique = list(dict.fromkeys(numbers))
            self.assertEqual(unique, sorted(unique))

    def test_the_caller_holds_and_resumes(self):
        caller, callee = self.call("caller_holds_and_resumes", "callee_is_held_and_resumed")
        self.assertEqual(len({m.cseq for m in callee.received("INVITE")}), 3)
        self.assert_passed(caller, callee, "INVITE")
        self.assert_passed(callee, caller, "INVITE", 200)
        self.assertEqual(len({m.cseq for m in callee.received("ACK")}), 3)
        self.assertEqual(len({(m.tag("From"), m.tag("To")) for m in callee.received("INVITE")[1:]}), 1)
        self.assert_rising(caller, callee)
        self.finish(Cdr("caller_bye", 200, caller, callee))

    def test_the_callee_holds(self):
        caller, callee = self.call("caller_is_held", "callee_holds")
        self.assert_passed(callee, caller, "INVITE")
        self.assert_passed(caller, callee, "INVITE", 200)
        self.assertIn(f"127.0.0.1:{self.tandemd.port}", caller.received("INVITE")[0].header("Contact"))
        self.assert_rising(caller, callee)
        self.finish(Cdr("callee_bye", 200, caller, callee))

    def test_a_refused_reinvite_leaves_the_call_as_it_was(self):
        caller, callee = self.call("caller_offer_is_refused", "callee_refuses_the_offer")
        refusal = caller.received("INVITE", 488)[0]
        self.assertEqual(refusal.reason, "Not Acceptable Here")
        self.assertIn("media type not available", refusal.header("Warning"))
        self.finish(Cdr("caller_bye", 200, caller, callee))

    def test_info_and_update_pass_both_ways(self):
        caller, callee = self.call("caller_sends_info_and_update", "callee_sends_info_and_update")
        for method in ("INFO", "UPDATE"):
            self.assert_passed(caller, callee, method)
            self.assert_passed(callee, caller, method)
        self.assert_passed(caller, callee, "UPDATE", 200)
        self.assert_passed(callee, caller, "UPDATE", 200)
        self.assert_rising(caller, callee)
        self.finish(Cdr("caller_bye", 200, caller, callee))


if __name__ == "__main__":
    main()
