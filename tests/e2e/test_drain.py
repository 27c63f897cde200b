"""SIGTERM: new calls are refused, those that are up are carried to their end."""
import signal
import time

from harness import Cdr, EndToEnd, Raw, Route, main, wait_until
from phones import Callees, Callers, run


class Drain(EndToEnd):
    def drain(self):
        """SIGTERM, and the first refusal after it."""
        self.tandemd.signal(signal.SIGTERM)
        with self.tandemd.raw() as raw:  # nobody has a route: 404 until the drain has begun
            return wait_until(lambda: (lambda r: r.code == 503 and r)(raw.ask(raw.request("INVITE", user="nobody"))),
                              "503 while draining")

    def of_calls(self):
        """The records of calls that had a route; refused attempts may have theirs too."""
        return self.rows("SELECT * FROM cdr WHERE sip_code NOT IN (404, 503)")

    def test_without_a_call_it_ends_at_once(self):
        self.start(Route(self.ports.take(), "^bob$"), drain_ms=600_000)
        self.tandemd.signal(signal.SIGTERM)
        self.assertEqual(self.tandemd.ends(), 0)
        self.check_store()

    def test_a_call_goes_on_to_its_end_and_new_ones_are_refused(self):
        callee = self.callee("callee_is_held_and_resumed")
        self.start(Route(callee.port, "^bob$"), drain_ms=600_000)
        caller = self.caller("caller_waits_for_a_sign")
        callee.wait_for("ACK")
        refusal = self.drain()
        self.assertRegex(refusal.header("Retry-After"), r"^\d+")
        self.assertIsNone(self.tandemd.process.poll(), "a call is still up")
        with self.tandemd.raw() as sign:  # the caller waits for a message before it goes on
            sign.tandemd_port = caller.port
            sign.send(sign.request("OPTIONS", Call_ID=caller.sent("INVITE")[0].call_id))
        caller.finish()
        callee.finish()
        self.assertEqual(self.tandemd.ends(), 0)
        self.check_store()
        record, = self.of_calls()
        self.assertTrue(Cdr("caller_bye", 200, caller, callee, rang=True).fits(record), record)

    def test_under_load_what_is_up_ends_as_it_would_and_what_comes_later_is_refused(self):
        callee = Raw()
        self.addCleanup(callee.__exit__)
        self.start(Route(callee.port, "^bob$"), drain_ms=60_000)
        callee.tandemd_port = self.tandemd.port
        with self.tandemd.raw() as raw:
            callees, callers = Callees(callee, ring=0.1), Callers(raw, 300, rate=150, hold=2)
            callers.later(1, lambda: self.tandemd.signal(signal.SIGTERM))
            # To its end: it waits for the answer to the last BYE.
            run(callers, among=[callees], timeout=90, until=lambda: self.tandemd.process.poll() is not None)
        self.assertEqual(self.tandemd.ends(), 0)
        self.check_store()
        finals = [{code for _, code in call.finals} for call in callers.calls.values()]
        answered = finals.count({200})
        self.assertEqual(answered + finals.count({503}), 300, "each is taken or refused")
        self.assertGreater(min(answered, 300 - answered), 50)
        self.assertEqual([call for call in callers.calls.values() if call.answer and call.has_failed], [])
        records = self.of_calls()
        self.assertTrue(all(Cdr("caller_bye", 200).fits(record) for record in records), records)
        self.assertEqual(sorted(record["caller_call_id"] for record in records),
                         sorted(id for id, call in callers.calls.items() if call.answer))

    def test_it_ends_when_the_time_to_drain_is_over(self):
        callee = self.callee("callee_basic")
        self.start(Route(callee.port, "^bob$"), drain_ms=1200)
        self.caller("caller_basic", hold=600_000)
        callee.wait_for("ACK")
        began = time.monotonic()
        self.drain()
        self.assertEqual(self.tandemd.ends(), 0)
        self.assertGreaterEqual(time.monotonic() - began, 1.15, "not before its time")

    def test_a_second_sigterm_ends_at_once(self):
        callee = self.callee("callee_basic")
        self.start(Route(callee.port, "^bob$"), drain_ms=600_000)
        self.caller("caller_basic", hold=600_000)
        callee.wait_for("ACK")
        self.drain()
        self.tandemd.signal(signal.SIGTERM)
        self.tandemd.ends()
        self.assertTrue(self.dialogs(), "the call stays in the store")
        self.assertEqual(self.of_calls(), [])


if __name__ == "__main__":
    main()
