"""A store that can not be opened, or is damaged, at the start and while calls are up (P8, P10)."""
import os
import re
import signal
import sqlite3
import subprocess
import time
from contextlib import closing

from disks import EVERY_LEG, StoreTest
from harness import WORKERS, Cdr, main
from sipp import wait_until


def noise(size):
    return os.urandom(size)


class Start(StoreTest):
    """Where it can not begin it says why in one line and ends with 2: never in the middle of a call."""

    def test_a_read_only_disk_at_start(self):
        self.mount("size=1m,ro")
        self.refuse()

    def test_a_full_disk_at_start(self):
        self.fill(self.mount("size=64k"))
        self.refuse()

    def test_a_folder_that_is_not_there(self):
        self.store = self.folder / "none" / "tandem.db"
        self.refuse()

    def test_a_file_that_is_no_database_is_not_written_over(self):
        self.store.write_bytes(b"not a database, but somebody's letter\n" * 200)
        before = self.store.read_bytes()
        try:
            self.start()
        except AssertionError:
            self.refuse()
            self.assertEqual(self.store.read_bytes(), before)
        else:  # set aside, and a new one begun
            self.assertIn(before, [path.read_bytes() for path in self.folder.glob("tandem.db*")])
            self.finish()

    def test_a_file_of_a_newer_version_is_left_as_it_is(self):
        self.start(self.ports.take())
        self.finish()
        with closing(sqlite3.connect(self.store)) as database:
            database.execute("PRAGMA user_version = 999")
        before = self.store.read_bytes()
        self.assertIn("the file has schema version 999, this tandem knows up to ", self.refuse())
        self.assertEqual(self.store.read_bytes(), before)

    def test_a_damaged_file_that_can_not_be_set_aside_is_refused_and_left_as_it_is(self):
        where = self.mount("size=1m")
        self.store.write_bytes(noise(10_000))
        before = self.store.read_bytes()
        result = subprocess.run(["mount", "-o", "remount,ro", str(where)], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.refuse()
        self.assertEqual(self.store.read_bytes(), before)

    def test_a_second_process_on_the_same_file_is_refused(self):
        self.start(self.ports.take())
        self.assertIn("another process uses it", self.refuse())
        self.finish()


class Damaged(StoreTest):
    def fill(self, ended=40, up=5):
        """Calls that have ended and calls that are up; the process is killed."""
        callee = self.callee("callee_basic", calls=ended + up)
        self.start(callee.port)
        self.caller("caller_basic", hold=0, calls=ended, rate=100).finish()
        self.wait_for_rows("SELECT * FROM cdr", ended)
        caller = self.caller("caller_basic", hold=600_000, calls=up, rate=100)
        self.wait_for_rows("SELECT * FROM dialog WHERE state = 'confirmed'", up)
        self.tandemd.kill()
        for sipp in (caller, callee):
            sipp.stop()

    def checkpoint(self):
        """All that is in the WAL goes into the file."""
        with closing(sqlite3.connect(self.store)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def write(self, at, bytes, path=None):
        with open(path or self.store, "r+b") as file:
            file.seek(at)
            file.write(bytes)

    def set_aside(self):
        return [path for path in self.folder.glob("tandem.db.corrupt-*") if not path.name.endswith(("-wal", "-shm"))]

    def goes_on(self, *records):
        """It starts, takes a call, and writes its record; those that the file has beside it are given."""
        self.tandemd.start()
        callee = self.callee("callee_basic", port=self.callee_port)
        self.caller("caller_basic", hold=0).finish()
        callee.finish()
        self.finish(Cdr("caller_bye", 200), *records)

    def callee(self, scenario, host="127.0.0.1", **values):
        """All at one port, which the configuration names."""
        sipp = super().callee(scenario, host, **values)
        self.callee_port = sipp.port
        return sipp

    def goes_on_with_a_new_file(self, before):
        self.goes_on()
        aside = self.set_aside()
        self.assertEqual(len(aside), 1)
        self.assertEqual(aside[0].read_bytes(), before, "byte for byte")
        line = next(line for line in self.said().splitlines() if "set aside as" in line)
        self.assertRegex(line, f" error store: {self.store}: .*set aside as {aside[0]}, a new file is begun$")

    def test_page_1(self):
        self.fill()
        self.checkpoint()
        self.write(0, noise(2048))
        self.goes_on_with_a_new_file(self.store.read_bytes())

    def test_page_2_and_the_last_one(self):
        self.fill()
        self.checkpoint()
        pages = self.store.stat().st_size // 2048
        before = self.store.read_bytes()
        for page in (1, pages - 1):
            with self.subTest(page=page + 1):
                for path in self.folder.glob("tandem.db*"):
                    path.unlink()
                self.store.write_bytes(before)
                self.write(page * 2048, noise(2048))
                self.goes_on_with_a_new_file(self.store.read_bytes())
                self.tandemd.kill()

    def test_a_file_that_was_emptied(self):
        self.fill()
        os.truncate(self.store, 0)
        wal = self.store.with_name("tandem.db-wal").read_bytes()
        self.assertTrue(wal)
        self.goes_on_with_a_new_file(b"")
        self.assertEqual(self.set_aside()[0].with_name(self.set_aside()[0].name + "-wal").read_bytes(), wal)

    def test_a_wal_that_is_gone_takes_with_it_what_it_held(self):
        """The file alone is whole, and as old as the last time that the WAL was copied into it."""
        self.fill()
        self.store.with_name("tandem.db-wal").unlink()
        self.goes_on()
        self.assertEqual(self.set_aside(), [])

    def test_noise_in_the_wal_ends_it_there(self):
        """Each of its pages has a checksum."""
        self.fill()
        wal = self.store.with_name("tandem.db-wal")
        self.write(wal.stat().st_size // 2, noise(4096), wal)
        self.tandemd.start()
        self.assertEqual(self.rows("PRAGMA integrity_check"), [{"integrity_check": "ok"}])
        self.assertLess(len(self.rows("SELECT * FROM cdr")), 45)
        self.assertEqual(self.set_aside(), [])

    def damage_all_but_the_first_page(self):
        with closing(sqlite3.connect(self.store, isolation_level=None)) as database:  # so that nothing is cached
            database.execute("CREATE TABLE other (x)")
            empty = "PRAGMA wal_checkpoint(TRUNCATE)"
            wait_until(lambda: database.execute(empty).fetchone()[0] == 0, "the WAL is empty")
        for page in range(1, self.store.stat().st_size // 2048):
            self.write(page * 2048, noise(2048))

    def test_while_it_runs(self):
        """What lives is in the new file at once; the records of calls that had ended stay in the old one."""
        callee = self.callee("callee_basic", calls=30)
        self.start(callee.port)
        self.caller("caller_basic", hold=0, calls=10, rate=100).finish()
        self.wait_for_rows("SELECT * FROM cdr", 10)
        self.caller("caller_basic", hold=600_000, calls=10, rate=100)
        self.wait_for_rows(EVERY_LEG, 20)
        self.damage_all_but_the_first_page()
        ended = self.caller("caller_basic", hold=0, calls=10, rate=100)
        ended.finish()
        wait_until(lambda: "; set aside as " in self.said(), "it is seen")
        seen = time.monotonic()
        self.wait_for_rows(EVERY_LEG, 20, timeout=10)
        self.wait_for_rows("SELECT * FROM cdr", 10, timeout=10)
        print(f"all is in the new file after {time.monotonic() - seen:.1f} s", flush=True)
        self.assertEqual({row["caller_call_id"] for row in self.rows("SELECT * FROM cdr")},
                         {m.call_id for m in ended.sent("INVITE")})
        self.assertLessEqual(self.said().count("calls go on"), WORKERS, "each tells it once")
        self.assertEqual(len(self.set_aside()), 1)
        self.assertEqual(self.rows("PRAGMA integrity_check"), [{"integrity_check": "ok"}])

    def test_an_audit_finds_it(self):
        """Nobody says a word meanwhile: what lives is in the new file all the same, whichever worker has it."""
        callee = self.callee("callee_basic", calls=10)
        self.start(callee.port)
        self.caller("caller_basic", hold=600_000, calls=10, rate=100)
        self.wait_for_rows(EVERY_LEG, 20)
        self.damage_all_but_the_first_page()
        self.tandemd.signal(signal.SIGUSR1)
        wait_until(lambda: "; set aside as " in self.said(), "it is seen")
        self.wait_for_rows(EVERY_LEG, 20, timeout=10)
        wait_until(lambda: " error audit: " in self.said(), "the audit says it")
        wait_until(lambda: re.search(r" audit: 20 dialogs, 0 memberships, but not the store", self.said()), "its end")

    def test_records_of_a_large_file(self):
        """It is not read whole at the start, so what needs them finds it: the calls, which could be read, go on."""
        self.fill()
        self.checkpoint()
        with closing(sqlite3.connect(self.store)) as database:
            pages = database.execute("SELECT pageno FROM dbstat WHERE name = 'cdr' AND pagetype = 'leaf'").fetchall()
        os.truncate(self.store, 257 << 20)
        for (page,) in pages:
            self.write((page - 1) * 2048, noise(2048))
        self.tandemd.start()
        self.assertEqual(len(self.set_aside()), 1)
        self.wait_for_line("; what could be read of it goes on")
        self.wait_for_rows(EVERY_LEG, 10, timeout=10)
        self.wait_for_line("5 calls of a former process go on")
        self.tandemd.kill()
        self.tandemd.start()
        self.wait_for_line("5 calls of a former process go on")


if __name__ == "__main__":
    main()
