"""Requests that meet in the middle, come twice, too early or from nowhere: both sides are bare sockets here."""
from harness import Cdr, main
from sides import Side, TwoSides, target_of


class Races(TwoSides):
    def test_a_reinvite_that_meets_another_is_491(self):
        caller, callee = self.talk()
        first = caller.send("INVITE")
        passed = callee.request("INVITE")
        second = callee.send("INVITE")
        refusal = callee.final(second)
        self.assertEqual(refusal.code, 491)
        callee.raw.acknowledge(refusal)
        callee.raw.respond(passed, 200)
        self.assertEqual(caller.final(first).code, 200)
        caller.send("ACK")
        self.assertEqual(callee.take(lambda m: m.method == "ACK" and m.cseq == passed.cseq).call_id, passed.call_id)
        self.hang_up(caller, callee)
        self.finish(Cdr("caller_bye", 200))

    def test_a_bye_while_a_reinvite_pends_ends_both(self):
        caller, callee = self.talk()
        first = caller.send("INVITE")
        passed = callee.request("INVITE")
        bye = callee.send("BYE")
        self.assertEqual(callee.final(bye).code, 200)
        caller.raw.respond(caller.request("BYE"), 200)
        refusal = caller.final(first)
        self.assertEqual(refusal.code, 487)
        caller.raw.acknowledge(refusal)
        callee.raw.respond(passed, 487)
        self.assertEqual(callee.request("ACK").cseq, passed.cseq)
        self.finish(Cdr("callee_bye", 200))

    def test_a_bye_before_the_ack_is_answered_and_passed(self):
        caller, callee = self.answer()
        bye = callee.send("BYE")
        self.assertEqual(callee.final(bye).code, 200)
        caller.send("ACK")
        caller.raw.respond(caller.request("BYE"), 200)
        self.finish(Cdr("callee_bye", 200))

    def test_a_bye_of_the_caller_while_it_rings_ends_the_call(self):
        self.ring()
        ringing = self.caller_raw.receive()
        while ringing.code != 180:
            ringing = self.caller_raw.receive()
        caller = Side(self.caller_raw, self.invite.header("From"), ringing.header("To"), self.invite.call_id,
                      target_of(ringing), 1)
        self.assertEqual(caller.final(caller.send("BYE")).code, 200)
        refusal = caller.final(self.invite)
        self.assertEqual(refusal.code, 487)
        caller.raw.acknowledge(refusal)
        callee = Side(self.callee_raw, None, None, None, None, 0)
        callee.raw.respond(callee.request("CANCEL"), 200)
        callee.raw.respond(self.leg_b, 487)
        self.assertEqual(callee.request("ACK").cseq, self.leg_b.cseq)
        self.finish(Cdr(("cancelled", "caller_bye"), 487, rang=True, answered=False))

    def test_an_answer_sent_again_is_acknowledged_again(self):
        caller, callee = self.talk()
        for _ in range(2):  # as if the ACK had been lost
            callee.raw.respond(self.leg_b, 200)
            self.assertEqual(callee.request("ACK").cseq, self.leg_b.cseq)
        self.hang_up(caller, callee)
        self.finish(Cdr("caller_bye", 200))

    def test_a_bye_sent_again_is_answered_again(self):
        caller, callee = self.talk()
        self.hang_up(caller, callee)
        again = caller.send("BYE", cseq=2)
        self.assertIn(caller.final(again).code, (200, 481))
        self.finish(Cdr("caller_bye", 200))

    def test_a_request_of_a_stranger_changes_nothing(self):
        caller, callee = self.talk()
        for change in ({"From": f"<sip:raw@127.0.0.1:{caller.raw.port}>;tag=forged"}, {"Call_ID": "forged"},
                       {"To": f"{self.invite.header('To')};tag=forged"}):
            for method in ("BYE", "INVITE", "INFO"):
                with self.subTest(method, **change):
                    refusal = caller.final(caller.send(method, **change))
                    self.assertEqual(refusal.code, 481)
                    caller.raw.acknowledge(refusal)
        self.hang_up(caller, callee)
        self.finish(Cdr("caller_bye", 200))

    def test_a_lower_cseq_is_500(self):
        caller, callee = self.talk()
        info = caller.send("INFO", cseq=7)
        callee.raw.respond(callee.request("INFO"), 200)
        self.assertEqual(caller.final(info).code, 200)
        self.assertEqual(caller.final(caller.send("INFO", cseq=6)).code, 500)
        caller.cseq = 7
        self.hang_up(caller, callee)
        self.finish(Cdr("caller_bye", 200))


if __name__ == "__main__":
    main()
