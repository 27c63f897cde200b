"""The store after kill -9, and without any. What disks do to it: test_store_faults.py, test_store_damage.py."""
import os
import time

from disks import StoreTest
from harness import Cdr, Route, main
from sipp import wait_until


class Killed(StoreTest):
    def test_calls_cut_off_by_a_kill_are_closed_once_at_the_next_start(self):
        talking, ringing = self.callee("callee_basic", calls=4), self.callee("callee_rings")
        self.start(Route(talking.port, "^talk$"), Route(ringing.port, "^ring$"))
        ended = self.caller("caller_basic", user="talk", hold=0)
        ended.finish()
        up = self.caller("caller_basic", user="talk", hold=600_000, calls=3)
        early = self.caller("caller_cancels_never", user="ring")
        early.wait_for("INVITE", 180)
        wait_until(lambda: len({m.call_id for m in talking.received("ACK")}) == 4, "three calls up")
        self.assertGreaterEqual(len(self.dialogs()), 4)
        killed_us = time.time_ns() // 1000
        self.tandemd.kill()
        for sipp in (up, early, talking, ringing):
            sipp.stop()
        self.tandemd.start()
        self.assertEqual(self.dialogs(), [], "closed before the ready line")
        records = self.rows("SELECT * FROM cdr WHERE end_reason = 'restart'")
        self.assertEqual({r["caller_call_id"] for r in records},
                         {m.call_id for m in [*up.sent("INVITE"), *early.sent("INVITE")]})
        for record in records:
            self.assertEqual(bool(record["answered_us"]), record["request_uri"].startswith("sip:talk@"))
            self.assertLess(record["created_us"], killed_us)
        self.tandemd.kill()
        self.tandemd.start()  # a second start finds nothing more to close
        self.finish(Cdr("caller_bye", 200, ended), *[Cdr("restart", None, rang=True)] * 4)

    def test_kills_at_any_moment_leave_whole_records(self):
        callee = self.callee("callee_basic", calls=1000)
        self.start(callee.port)
        for round in range(5):
            caller = self.caller("caller_basic", hold=20, calls=1000, rate=100)
            wait_until(lambda: len(caller.sent("ACK")) >= 10 + 7 * round, "calls in every state")
            self.tandemd.kill()
            caller.stop()
            self.tandemd.start()
            self.check_store()
            for record in self.rows("SELECT * FROM cdr"):
                self.check_record(record)
        cut = self.rows("SELECT count(*) AS count FROM cdr WHERE end_reason = 'restart'")[0]["count"]
        print(f"{cut} calls were cut off", flush=True)
        self.assertGreater(cut, 0)
        count = self.rows("SELECT count(*) AS count FROM cdr")[0]["count"]
        self.finish(*[Cdr(None, None)] * count)

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
