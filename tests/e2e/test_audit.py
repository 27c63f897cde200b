"""The audit of a live tandemd: at SIGUSR1 and at its interval it looks at all it has, repairs and tells."""
import signal
import sqlite3
import time
from contextlib import closing

from disks import EVERY_LEG
from harness import Cdr, EndToEnd, main
from sipp import wait_until

STRANGE = """CREATE TEMP TABLE strange AS SELECT * FROM dialog LIMIT 1;
UPDATE strange SET serial = 256, id = '00000000000000010000000000000100', call_id = 'strange';
INSERT INTO dialog SELECT * FROM strange;"""


class Audit(EndToEnd):
    def begin(self, count, interval=0, hold=600_000):
        self.callees = self.callee("callee_basic", calls=1000)
        self.start(self.callees.port, profiles=f"[audit]\ninterval_s = {interval}\n")
        self.callers = self.caller("caller_basic", hold=hold, calls=count, rate=50)
        self.wait_for_rows("SELECT * FROM dialog WHERE state = 'confirmed'", count)

    def wait_for_quiet(self):
        """Nothing more is written of the calls that are up."""
        wal = self.store.with_name("tandem.db-wal")
        wait_until(lambda: time.time() - wal.stat().st_mtime > 2, "the store is quiet")

    def shell(self, script):
        with closing(sqlite3.connect(self.store, timeout=30)) as database:
            database.executescript(script)

    def asked(self, line):
        """What the log says to SIGUSR1."""
        told = self.said().count(" audit: ")
        self.tandemd.signal(signal.SIGUSR1)
        wait_until(lambda: self.said().count(" audit: ") > told, "it is audited")
        self.assertIn(line, self.said().splitlines()[-1])

    def test_calls_that_come_and_go_are_in_order(self):
        self.begin(5)
        others = self.caller("caller_basic", hold=100, calls=200, rate=40)
        for _ in range(2):
            self.tandemd.signal(signal.SIGUSR1)
            done = self.said().count(" audit: ") + 1
            wait_until(lambda: self.said().count(" audit: ") == done, "it is audited")
        others.finish()
        lines = [line for line in self.said().splitlines() if " audit: " in line]
        self.assertEqual([line.partition(" memberships, ")[2] for line in lines], ["and the store: in order"] * 2)
        self.assertEqual(len(self.rows(EVERY_LEG)), 10)

    def test_rows_that_a_shell_has_added_or_taken_are_repaired(self):
        """[35]"""
        self.begin(5)
        self.wait_for_quiet()
        self.shell(STRANGE + "DELETE FROM dialog WHERE serial = (SELECT max(serial) FROM dialog);")
        self.asked("repaired 1 rows without a dialog, 1 dialogs without a row")
        self.assertEqual(len(self.rows(EVERY_LEG)), 10)
        self.assertEqual([row["end_reason"] for row in self.rows("SELECT * FROM cdr WHERE call_id = 'strange'")],
                         ["restart"])
        self.asked("in order")

    def test_it_is_done_at_its_interval(self):
        self.begin(2, interval=1, hold=8000)
        self.shell(STRANGE)
        wait_until(lambda: "repaired 1 rows without a dialog" in self.said(), "it is seen")
        self.callers.finish()
        self.callees.stop()
        self.finish(*[Cdr("caller_bye", 200)] * 2, Cdr("restart", None))

    def test_calls_that_a_dead_process_has_left_are_in_order(self):
        self.begin(5)
        self.tandemd.kill()
        self.tandemd.start()
        self.asked("10 dialogs, 0 memberships, and the store: in order")
        self.assertEqual(len(self.rows(EVERY_LEG)), 10)

    def test_while_the_store_fails_it_is_not_compared(self):
        self.begin(2)
        with closing(sqlite3.connect(self.store, isolation_level=None, timeout=30)) as shell:
            shell.execute("BEGIN EXCLUSIVE")
            self.caller("caller_basic", hold=0).finish()
            wait_until(lambda: "calls go on" in self.said(), "the store is seen to fail")
            self.asked("memberships, but not the store: in order")
            shell.execute("ROLLBACK")


if __name__ == "__main__":
    main()
