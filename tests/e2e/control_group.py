"""A control group for one process, version 1: less memory or less CPU than the machine has."""
import itertools
import os
import unittest
from pathlib import Path

from sipp import wait_until

ROOT = Path("/sys/fs/cgroup")
_numbers = itertools.count()


class ControlGroup:
    """Made with its limits, files of the controller with their values; skips the test where that is not allowed."""

    def __init__(self, controller, **limits):
        self.controller = controller
        self.folder = ROOT / controller / f"tandem-e2e-{os.getpid()}-{next(_numbers)}"
        try:
            self.folder.mkdir()
            for name, value in limits.items():
                self.write(name, value)
            self.enter = self.folder.joinpath("cgroup.procs").open("wb", buffering=0)
        except OSError as reason:
            if self.folder.exists():
                self.folder.rmdir()
            raise unittest.SkipTest(f"needs control groups, version 1: {reason}") from None

    def take_in(self):
        """For Popen's preexec_fn: the process that calls it, with all that it will have."""
        self.enter.write(b"0")

    def write(self, name, value):
        (self.folder / f"{self.controller}.{name}").write_text(str(value))

    def read(self, name):
        return int((self.folder / f"{self.controller}.{name}").read_text())

    def close(self):
        """When its processes have ended."""
        self.enter.close()
        wait_until(self._is_removed, "the control group is empty")

    def _is_removed(self):
        try:
            self.folder.rmdir()
            return True
        except OSError:
            return False
