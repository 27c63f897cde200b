"""The example programs as black boxes, with SIPp and bare sockets around them: the tools are those of tests/e2e."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))

import sipp  # noqa: E402
from harness import SANITIZER, Raw  # noqa: E402
from sipp import PATIENCE, Message, Ports, Sipp, end_with_test, udp_port_is_open, wait_until  # noqa: E402,F401

SKIPPED = 77  # SKIP_RETURN_CODE of ctest


def program(name):
    """The path of an example, which the environment names: TRACK, LIMIT_PROXY, SOFIA_NTA."""
    variable = name.upper().replace("-", "_")
    path = os.environ.get(variable, "")
    if not os.access(path, os.X_OK):
        raise AssertionError(f"{variable} has to name the program to test")
    return path


class Example:
    """A running example: what it prints, line by line, in files."""

    def __init__(self, folder, name, *arguments):
        number = len(list(folder.glob(f"{name}-*.out")))
        self.out, self.err = folder / f"{name}-{number}.out", folder / f"{name}-{number}.err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen([program(name), *map(str, arguments)], cwd=folder, stdout=out, stderr=err,
                                            stdin=subprocess.DEVNULL, preexec_fn=end_with_test)

    def runs(self):
        if self.process.poll() is not None:
            raise AssertionError(f"it has ended with {self.process.returncode}: {self.said()[-3000:]}")
        return True

    def records(self):
        """The records that are complete."""
        return [json.loads(line) for line in self.out.read_text().split("\n")[:-1]]

    def wait_for_records(self, count):
        """Exactly so many, as soon as they are there."""
        wait_until(lambda: self.runs() and len(self.records()) >= count, f"{count} records of {self.out.name}")
        found = self.records()
        if len(found) != count:
            raise AssertionError(f"{len(found)} records in place of {count}: {found}")
        return found

    def said(self):
        return self.err.read_text(errors="replace")

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def ends(self, timeout=PATIENCE):
        return self.process.wait(timeout)


class ExampleTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="tandem-examples-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.ports = Ports()
        self.addCleanup(self.ports.release)

    def start(self, name, *arguments, port=None):
        """The example; with a port it is waited for until it listens there."""
        example = Example(self.folder, name, *arguments)
        self.addCleanup(self.check_sanitizer, example)
        self.addCleanup(example.stop)
        if port:
            wait_until(lambda: example.runs() and udp_port_is_open(port), f"{name} listens")
        return example

    def check_sanitizer(self, example):
        self.assertNotRegex(example.said(), SANITIZER)

    def callee(self, scenario, **values):
        return self._sipp(scenario, **values)

    def caller(self, scenario, port, user="alice", **values):
        """Calls 127.0.0.1:port, as this user."""
        def expand(*arguments, **given):
            return sipp_expand(*arguments, **given).replace("sip:alice@", f"sip:{user}@")
        sipp_expand = sipp.expand
        with mock.patch.object(sipp, "expand", expand):
            return self._sipp(scenario, target=f"127.0.0.1:{port}", **values)

    def _sipp(self, scenario, **values):
        started = Sipp(self.folder, scenario, self.ports.take(), "127.0.0.1", **values)
        self.addCleanup(started.stop)
        return started

    def sign(self, caller):
        """What the scenario caller_waits_for_a_sign waits for."""
        with Raw("127.0.0.1", caller.port) as raw:
            raw.send(raw.request("OPTIONS", Call_ID=caller.sent("INVITE")[0].call_id))

    def check_record(self, record, reason, code):
        self.assertEqual((record["end_reason"], record["sip_code"]), (reason, code), record)
        times = [record[name] for name in ("created_us", "ringing_us", "answered_us", "ended_us") if record[name]]
        self.assertEqual(times, sorted(times), record)
        self.assertEqual(bool(record["answered_us"]), code == 200, record)


def main():
    unittest.main(module=sys.modules["__main__"], verbosity=2)
