"""Requests that meet in the middle, come twice, too early or from nowhere: both sides are bare sockets here."""
from harness import Cdr, EndToEnd, Raw, Route, main
from sipp import Message


class Side:
    """One end of a call that is up: what its requests carry, and the next CSeq."""

    def __init__(self, raw, local, remote, call_id, target, cseq):
        self.raw, self.target, self.cseq = raw, target, cseq
        self.dialog = {"From": local, "To": remote, "Call_ID": call_id}

    def send(self, method, cseq=None, **changed):
        """Sends a request within the dialog and gives it back."""
        if cseq is None and method != "ACK":
            self.cseq += 1
        data = self.raw.request(method, uri=self.target, **self.dialog | changed,
                                CSeq=f"{self.cseq if cseq is None else cseq} {method}")
        self.raw.send(data)
        return Message(data)

    def final(self, request):
        """The final response to it; anything else that comes meanwhile is kept for take()."""
        key = request.branch, request.method
        return self.take(lambda m: m.code and m.code >= 200 and (m.branch, m.method) == key)

    def request(self, method):
        return self.take(lambda m: m.method == method and m.code is None)

    def take(self, wanted):
        kept = self.raw.__dict__.setdefault("kept", [])
        for message in kept:
            if wanted(message):
                kept.remove(message)
                return message
        while (message := self.raw.receive()) is not None:
            if wanted(message):
                return message
            kept.append(message)
        raise AssertionError(f"it does not come; what came: {kept}")


def target_of(message):
    return message.header("Contact").partition("<")[2].partition(">")[0]


class Races(EndToEnd):
    def ring(self, **settings):
        """An INVITE that rings at the callee: what the caller sent, what the callee got."""
        self.callee_raw = Raw()
        self.addCleanup(self.callee_raw.__exit__)
        self.start(Route(self.callee_raw.port), **settings)
        self.callee_raw.tandemd_port = self.tandemd.port
        self.caller_raw = self.tandemd.raw()
        self.addCleanup(self.caller_raw.__exit__)
        self.invite = Message(self.caller_raw.request("INVITE"))
        self.caller_raw.send(self.invite.raw)
        self.leg_b = self.callee_raw.receive()
        self.callee_raw.respond(self.leg_b, 180)

    def answer(self):
        """The callee answers; both sides, the caller's ACK not sent yet."""
        self.ring()
        self.callee_raw.respond(self.leg_b, 200)
        answer = self.caller_raw.receive()
        while answer.code != 200:
            answer = self.caller_raw.receive()
        caller = Side(self.caller_raw, self.invite.header("From"), answer.header("To"), self.invite.call_id,
                      target_of(answer), 1)
        callee = Side(self.callee_raw, self.leg_b.header("To") + ";tag=raw", self.leg_b.header("From"),
                      self.leg_b.call_id, target_of(self.leg_b), 100)
        return caller, callee

    def talk(self):
        caller, callee = self.answer()
        caller.send("ACK")
        self.assertEqual(callee.request("ACK").cseq, self.leg_b.cseq)
        return caller, callee

    def hang_up(self, caller, callee):
        bye = caller.send("BYE")
        self.assertEqual(caller.final(bye).code, 200)
        callee.raw.respond(callee.request("BYE"), 200)

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
