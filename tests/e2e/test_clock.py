"""The wall clock jumps, forward, back, and by a leap second: FAULTS L6."""
import time
from pathlib import Path

from harness import Cdr, EndToEnd, main
from sipp import wait_until


class Clock(EndToEnd):
    def set_ahead(self, seconds):
        """What tandemd's wall clock shows from now on; its monotonic clock is left alone."""
        ahead = self.clock.with_suffix(".new")
        ahead.write_text(f"{seconds:+d}s\n")
        ahead.rename(self.clock)  # libfaketime reads it at any moment
        self.ahead_us = seconds * 1_000_000
        if self.tandemd:  # it looks at the clock once a second, when something comes
            now = time.monotonic()
            wait_until(lambda: time.monotonic() > now + 1.1, "a second is over")
            self.assertTrue(self.tandemd.answers_options())

    def start_with_clock(self, *routes, **settings):
        library = next((path for path in Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
        if not library:
            self.skipTest("needs libfaketime (Debian package faketime)")
        self.clock = self.folder / "clock"
        self.set_ahead(0)
        environment = {"LD_PRELOAD": str(library), "DONT_FAKE_MONOTONIC": "1", "FAKETIME_NO_CACHE": "1",
                       "FAKETIME_TIMESTAMP_FILE": str(self.clock), "NO_FAKE_STAT": "1"}
        return self.start(*routes, environment=environment, **settings)

    def test_no_call_is_cut_and_no_duration_is_wrong_when_the_clock_jumps(self):
        callee = self.callee("callee_basic", calls=4)
        self.start_with_clock(callee.port, timers={"max_duration_ms": 60_000})
        for jump in (3600, -3600, 1, -1):
            with self.subTest(jump=jump):
                self.set_ahead(0)
                began = time.monotonic()
                caller = self.caller("caller_basic", hold=2500)
                caller.wait_for("ACK", sent=True)
                self.set_ahead(jump)
                began_us = time.time_ns() // 1000
                caller.finish()
                whole_us = (time.monotonic() - began) * 1_000_000
                call_id = caller.sent("INVITE")[0].call_id
                record, = self.wait_for_rows("SELECT * FROM cdr WHERE caller_call_id = ?", 1, call_id)
                self.assertEqual(record["end_reason"], "caller_bye")
                self.assertGreater(record["duration_us"], 2_400_000)
                self.assertLess(record["duration_us"], whole_us, "no longer than the whole call, by a clock that runs")
                self.assertLess(whole_us, 3_400_000, "else a second more would not be seen")
                self.assertAlmostEqual(record["created_us"], began_us, delta=5_000_000)
                self.assertAlmostEqual(record["ended_us"], began_us + 2_500_000 + self.ahead_us, delta=5_000_000)
        callee.finish()

    def test_a_jump_fires_no_timer_early(self):
        silent = self.ports.take()  # nobody answers there
        self.start_with_clock(silent)
        with self.tandemd.raw() as raw:
            raw.send(raw.request("INVITE"))
            self.assertEqual(raw.receive().code, 100)
            for jump in (7200, -7200, 0):
                self.set_ahead(jump)
            self.assertIsNone(raw.receive(1), "the call still rings")
        self.assertEqual(len(self.dialogs()), 1)


if __name__ == "__main__":
    main()
