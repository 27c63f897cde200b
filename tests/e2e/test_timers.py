"""What ends a call when nobody does: no answer, no ACK, too long."""
from harness import Cdr, EndToEnd, Raw, Route, main


class Timers(EndToEnd):
    def test_a_callee_that_rings_too_long_is_cancelled(self):
        caller, callee = self.call("caller_refused", "callee_rings", code=408, ring_timeout_ms=700)
        self.assertEqual(len(caller.received("INVITE", 180)), 1)
        self.assertEqual(callee.received("CANCEL")[0].header("Via"), callee.received("INVITE")[0].header("Via"))
        record, = self.finish(Cdr("no_answer", 408, caller, callee, rang=True))
        self.assertGreaterEqual(record["ended_us"] - record["created_us"], 690_000, "not before its time")

    def test_a_callee_that_rings_only_after_it_was_given_up_is_cancelled(self):
        with Raw() as callee:
            caller, invite = self.give_up(callee)
            callee.respond(invite, 180)
            cancel = callee.receive_other(invite)
            self.assertEqual((cancel.method, cancel.header("Via")), ("CANCEL", invite.header("Via")))
            callee.respond(cancel, 200)
            callee.respond(invite, 487)
            self.assertEqual(callee.receive_other(invite, cancel).method, "ACK")
        self.finish(Cdr("no_answer", 408, caller, rang=False))

    def test_a_callee_that_answers_only_after_it_was_given_up_is_hung_up(self):
        with Raw() as callee:
            caller, invite = self.give_up(callee)
            callee.respond(invite, 200)
            ack = callee.receive_other(invite)
            bye = callee.receive_other(invite, ack)
            self.assertEqual([(m.method, m.tag("To"), m.call_id) for m in (ack, bye)],
                             [("ACK", "raw", invite.call_id), ("BYE", "raw", invite.call_id)])
            callee.respond(bye, 200)
        self.finish(Cdr("no_answer", 408, caller, rang=False))

    def give_up(self, callee):
        """A call to a callee that says nothing: 408 for the caller, and no CANCEL yet (RFC 3261 section 9.1)."""
        self.start(Route(callee.port, ring_timeout_ms=900))
        caller = self.caller("caller_refused", code=408)
        invite = callee.receive()
        self.assertEqual(callee.receive().raw, invite.raw, "sent again after 500 ms")
        caller.finish()
        self.wait_for_rows("SELECT * FROM cdr", 1)
        while (message := callee.receive(timeout=0.1)) is not None:
            self.assertEqual(message.raw, invite.raw)
        return caller, invite

    def test_the_early_deadline_holds_where_the_route_has_a_longer_one(self):
        caller, callee = self.call("caller_refused", "callee_rings", code=408, timers={"early_ms": 700})
        self.finish(Cdr(("no_answer", "expired"), 408, caller, callee, rang=True, answered=False))

    def test_without_an_ack_both_sides_are_hung_up(self):
        caller, callee = self.call("caller_never_acks", "callee_gets_no_ack", timers={"no_ack_ms": 2600})
        self.assertGreaterEqual(len(caller.received("INVITE", 200)), 3, "sent again after 500 and 1500 ms")
        self.assertEqual(len(set(m.raw for m in caller.received("INVITE", 200))), 1)
        record, = self.finish(Cdr("no_ack", 200, caller, callee))
        self.assertGreaterEqual(record["ended_us"] - record["answered_us"], 2_500_000, "not before its time")

    def test_a_call_does_not_outlive_its_longest_duration(self):
        caller, callee = self.call("caller_is_hung_up", "callee_gets_no_ack", timers={"max_duration_ms": 1000})
        record, = self.finish(Cdr("expired", 200, caller, callee))
        self.assertGreaterEqual(record["duration_us"], 990_000, "not before its time")


if __name__ == "__main__":
    main()
