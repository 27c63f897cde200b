"""The store after kill -9, and without any. What disks do to it: test_store_faults.py, test_store_damage.py."""
import os
import time

from disks import StoreTest
from harness import Cdr, Route, main
from sipp import wait_until


class Killed(StoreTest):
    def test_after_a_kill_calls_that_are_up_go_on_and_those_that_ring_are_closed_once(self):
        talking, ringing = self.callee("callee_basic", calls=4), self.callee("callee_rings")
        self.start(Route(talking.port, "^talk$"), Route(ringing.port, "^ring$"))
        ended = self.caller("caller_basic", user="talk", hold=0)
        ended.finish()
        up = self.caller("caller_basic", user="talk", hold=2000, calls=3)
        early = self.caller("caller_refused", user="ring", code=487)
        early.wait_for("INVITE", 180)
        wait_until(lambda: len({m.call_id for m in talking.received("ACK")}) == 4, "three calls up")
        self.assertGreaterEqual(len(self.dialogs()), 4)
        killed_us = time.time_ns() // 1000
        self.tandemd.restart()
        for sipp in (early, ringing):
            sipp.finish()
        record, = self.wait_for_rows("SELECT * FROM cdr WHERE end_reason = 'restart'", 1)
        self.assertLess(record["created_us"], killed_us)
        self.assertEqual({row["call_id"] for row in self.dialogs()}, {m.call_id for m in up.sent("INVITE")})
        self.tandemd.restart()  # a second start finds nothing more to close
        for sipp in (up, talking):
            sipp.finish()
        self.finish(*[Cdr("caller_bye", 200)] * 4, Cdr("restart", 487, early, ringing, rang=True, answered=False))

    def test_an_empty_path_keeps_nothing(self):
        callee = self.callee("callee_basic")
        self.store = ""
        self.start(callee.port)
        caller = self.caller("caller_basic", hold=0)
        caller.finish()
        callee.finish()
        self.assertTrue(self.tandemd.answers_options())
        self.tandemd.process.terminate()
        self.assertEqual(self.tandemd.ends(), 0)
        self.assertEqual([name for name in os.listdir(self.folder) if ".db" in name], [])


if __name__ == "__main__":
    main()
