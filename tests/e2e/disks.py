"""Disks that are full, fail or do not answer, and how long others wait meanwhile."""
import re
import signal
import subprocess
import threading
import time

from harness import EndToEnd
from sipp import end_with_test, wait_until
from stopped_thread import thread_of


EVERY_LEG = "SELECT call_id FROM dialog UNION ALL SELECT call_id FROM dialog_leg"


class StoreTest(EndToEnd):
    is_about_the_disk = True
    store_settings = ""  # more lines of [store]

    def config(self, *arguments, **settings):
        return super().config(*arguments, **settings).replace("[store]\n", f"[store]\n{self.store_settings}", 1)

    def refuse(self):
        """tandemd does not start: one line that names the store, exit 2."""
        result = self.run_tandemd("--config", self.write_config(self.config([])))
        self.assertEqual((result.returncode, result.stdout), (2, ""), result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, f"one line: {result.stderr!r}")
        self.assertIn(str(self.store), result.stderr)
        return result.stderr

    def mount(self, options):
        """A small file system of its own for the store."""
        where = self.folder / "disk"
        where.mkdir()
        result = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(where)],
                                capture_output=True, text=True)
        if result.returncode:
            self.skipTest(f"needs to mount a tmpfs: {result.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", str(where)], check=True)
        self.store = where / "tandem.db"
        return where

    def fill(self, where):
        """Takes the last byte; gives the file to delete."""
        path = where / "filler"
        with path.open("wb", buffering=0) as filler:
            for size in (4096, 1):
                try:
                    while filler.write(b"x" * size):
                        pass
                except OSError:
                    pass
        return path

    def back(self):
        """What the log said at the end of the outage: milliseconds, failures, ended, living, lost."""
        pattern = (r"store: back after (\d+) ms and (\d+) failures; wrote (\d+) ended and (\d+) living dialogs and "
                   r"\d+ bindings, lost (\d+)")
        found = wait_until(lambda: re.search(pattern, self.said()), "the store is back")
        return tuple(map(int, found.groups()))


class FailingCalls:
    """System calls of the store's thread fail while this is entered: `what` is what strace injects."""

    def __init__(self, test, calls, what):
        self.process = subprocess.Popen(
            ["strace", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={calls}:{what}", "-p",
             str(thread_of(test.tandemd.process.pid, "store"))],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=end_with_test)
        self.test = test

    def __enter__(self):
        pid = self.test.tandemd.process.pid
        status = f"/proc/{pid}/task/{thread_of(pid, 'store')}/status"

        def is_traced():
            if self.process.poll() is not None:
                self.test.skipTest(f"may not trace a thread: {self.process.stderr.read().strip()}")
            with open(status, encoding="ascii") as lines:
                return f"TracerPid:\t{self.process.pid}\n" in lines.read()
        wait_until(is_traced, "strace is attached")
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        self.process.stderr.close()


class Pings:
    """OPTIONS from a socket of its own, one every 20 ms, and how long each answer took in seconds."""

    def __init__(self, raw):
        self.took = []
        self._raw, self._stop = raw, threading.Event()
        self._thread = threading.Thread(target=self._ping)
        self._thread.start()

    def _ping(self):
        with self._raw as raw:
            while not self._stop.wait(0.02):
                sent = time.monotonic()
                raw.ask(raw.request("OPTIONS"))
                self.took.append(time.monotonic() - sent)

    def stop(self):
        self._stop.set()
        self._thread.join()

    def taken(self):
        """Those since the last time."""
        took, self.took = self.took, []
        return took


def percentile(numbers, percent):
    return sorted(numbers)[len(numbers) * percent // 100]
