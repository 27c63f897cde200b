"""tandemd as a black box: started on free ports, called by SIPp, looked at through its store and its socket.

A test of calls and their records ends with finish(): one CDR per call and the right one, no dialog left, OPTIONS still
answered, SIGTERM ends the process with 0, nothing from a sanitizer. Processes end with the test, whatever happened.
"""
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sipp import PATIENCE, Message, Ports, Sipp, end_with_test, wait_until

TANDEMD = os.environ.get("TANDEMD", "") and str(Path(os.environ["TANDEMD"]).resolve())
OPTIONS_WITHIN = 0.1  # seconds in which an idle server answers
WORKERS = int(os.environ.get("TANDEM_E2E_WORKERS", 1))
SANITIZER = re.compile(r"(Address|Leak|Thread|Memory|UndefinedBehavior)Sanitizer|runtime error:")
SKIPPED = 77  # exit code
BYES = ("caller_bye", "callee_bye")


def url_host(host):
    return f"[{host}]" if ":" in host else host


@dataclass
class Route:
    """A [[route]]; the port is a callee's."""
    port: int
    match: str = ""
    ring_timeout_ms: int = 20000
    more: str = ""  # further lines
    transport: str = ""  # of the callee; none: UDP
    host: str = ""  # of the callee; none: tandemd's

    def toml(self, host):
        transport = self.transport and f";transport={self.transport}"
        target = f"sip:{url_host(self.host or host)}:{self.port}{transport}"
        return (f"[[route]]\nmatch = '{self.match}'\nto = [\"{target}\"]\n"
                f"ring_timeout_ms = {self.ring_timeout_ms}\n{self.more}\n")


@dataclass
class Cdr:
    """What a call's record has to say."""
    reason: object  # a tuple stands for "one of these", None for "any"
    code: object = 200
    caller: Sipp = None  # whose only call it is
    callee: Sipp = None
    rang: object = None  # True, False, None: either
    answered: object = None  # None: as the reason implies
    q850: object = None

    def __post_init__(self):
        if self.answered is None and self.reason not in (None, "restart"):
            self.answered = self.reason in (*BYES, BYES, "no_ack", "expired")

    def fits(self, record):
        def one(value, wanted):
            return wanted is None or (value in wanted if isinstance(wanted, tuple) else value == wanted)
        return (one(record["end_reason"], self.reason) and one(record["sip_code"], self.code)
                and (not self.caller or record["caller_call_id"] == self.caller.sent("INVITE")[0].call_id)
                and (not self.callee or record["callee_call_id"] == self.callee.received("INVITE")[0].call_id)
                and one(bool(record["ringing_us"]), self.rang) and one(bool(record["answered_us"]), self.answered)
                and one(int(record["q850"] or 0), self.q850))


class Tandemd:
    """The process, from `tandemd ready` to its end."""

    def __init__(self, folder, config, host="127.0.0.1", port=0, stderr=None, environment=(), group=None):
        self.folder, self.host, self.port, self.group = Path(folder), host, port, group
        self._stderr, self._environment = stderr, dict(environment)
        self.config = self.folder / "tandem.toml"
        self.config.write_text(config)
        self.starts = 0
        self.under = []  # a command that runs it, as strace does
        self.start()

    def start(self):
        self.starts += 1
        self.stderr = self.folder / f"tandemd-{len(list(self.folder.glob('tandemd-*')))}.stderr"
        with self.stderr.open("wb") as stderr:
            self.process = subprocess.Popen([*self.under, TANDEMD, "--config", str(self.config)], cwd=self.folder,
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                            stderr=stderr if self._stderr is None else self._stderr,
                                            env=os.environ | self._environment, preexec_fn=self._prepare)
        started, ready = threading.Event(), []  # set when it is ready, or its output has ended

        def listen(output):
            with output:
                for line in output:
                    if line == "tandemd ready\n":
                        ready.append(line)
                        started.set()
            started.set()
        threading.Thread(target=listen, args=(self.process.stdout,), daemon=True).start()
        started.wait(PATIENCE)
        if not ready:
            self.kill()
            raise AssertionError(f"tandemd is not ready, exit {self.process.returncode}: {self.stderr.read_text()}")
        self.descriptors_at_start = self.descriptors()

    def _prepare(self):
        end_with_test()
        if self.group:
            self.group.take_in()

    def raw(self):
        return Raw(self.host, self.port)

    def answers_options(self, timeout=PATIENCE):
        """How many seconds it takes."""
        with self.raw() as raw:
            start = time.monotonic()
            if raw.ask(raw.request("OPTIONS"), timeout=timeout).code != 200:
                raise AssertionError("OPTIONS is not answered with 200")
            return time.monotonic() - start

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def descriptors_left(self):
        """Without a connection to each peer that has accepted it: that may stay for the next request."""
        ends = {}
        for table in ("tcp", "tcp6"):
            rows = [row.split() for row in Path(f"/proc/{self.process.pid}/net/{table}").read_text().splitlines()[1:]]
            ends |= {(row[1], row[2]): row[9] for row in rows if row[3] == "01"}  # ESTABLISHED: its inode
        # On loopback both ends stand there; one that nobody has accepted has no inode.
        live = {there: f"socket:[{inode}]" for (here, there), inode in ends.items()
                if ends.get((there, here), "0") != "0"}
        links = []
        for entry in Path(f"/proc/{self.process.pid}/fd").iterdir():
            try:
                links.append(os.readlink(entry))
            except FileNotFoundError:  # closed meanwhile
                pass
        kept = set(live.values())
        return sum(link not in kept for link in links)

    def resident_kb(self):
        """Memory that it has now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def cpu_ns(self):
        """CPU time of all its threads so far."""
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads)

    @property
    def is_sanitized(self):
        """Slower, and larger, by much."""
        program = Path(TANDEMD).read_bytes()
        return b"__asan_init" in program or b"__tsan_init" in program

    def signal(self, number):
        self.process.send_signal(number)

    def ends(self, timeout=PATIENCE):
        """Waits for the end and gives the exit code."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"tandemd still runs after {timeout:g} s") from None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def restart(self, down=0):
        """Killed at this very moment, and ready again after so many seconds."""
        self.kill()
        back = time.monotonic() + down
        wait_until(lambda: time.monotonic() >= back, f"{down} s are over", timeout=down + 1)
        self.start()


class Raw:
    """A bare UDP socket beside SIPp, for bytes that SIPp would not send."""
    transport = "UDP"  # as a Via says it
    tandemd_host = None  # where it is not the socket's own

    def __init__(self, host="127.0.0.1", tandemd_port=None, tandemd_host=None):
        self.host, self.tandemd_port, self.tandemd_host = host, tandemd_port, tandemd_host
        self.socket = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET, socket.SOCK_DGRAM)
        try:  # room for hundreds of answers that nobody has read yet
            self.socket.setsockopt(socket.SOL_SOCKET, 33, 4 << 20)  # SO_RCVBUFFORCE
        except PermissionError:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((self.host, 0))
        self.port = self.socket.getsockname()[1]
        self._count = 0
        self._peer = None  # who sent last

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def request(self, method, user="bob", headers=(), body="", uri=None, without=(), **replaced):
        """A request in good order, but for what is asked: header lines more, without some, some replaced."""
        self._count += 1
        here, there = f"{url_host(self.host)}:{self.port}", self.tandemd
        fields = {"Via": f"SIP/2.0/{self.transport} {here};rport;branch=z9hG4bK-raw-{self.port}-{self._count}",
                  "Max-Forwards": "70", "From": f"<sip:raw@{here}>;tag=raw{self._count}",
                  "To": f"<sip:{user}@{there}>", "Call-ID": f"raw-{self._count}-{self.port}@{self.host}",
                  "CSeq": f"1 {method}", "Contact": self.contact, "Content-Length": str(len(body))}
        fields |= {name.replace("_", "-"): value for name, value in replaced.items()}
        lines = [f"{method} {uri or f'sip:{user}@{there}'} SIP/2.0"]
        lines += [f"{name}: {value}" for name, value in fields.items() if name not in without] + list(headers)
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    @property
    def name(self):
        return f"{url_host(self.host)}:{self.port}"

    @property
    def contact(self):
        return f"<sip:raw@{self.name}>"

    @property
    def tandemd(self):
        return f"{url_host(self.tandemd_host or self.host)}:{self.tandemd_port}"

    def send(self, data):
        self.socket.sendto(data, (self.tandemd_host or self.host, self.tandemd_port))

    def receive(self, timeout=PATIENCE):
        """The next message that came, or None."""
        self.socket.settimeout(timeout)
        try:
            data, self._peer = self.socket.recvfrom(65536)
            return Message(data)
        except (TimeoutError, BlockingIOError):
            return None

    def receive_code(self, code):
        """The next response with this code; others are passed over."""
        while (message := self.receive()) and message.code != code:
            pass
        return message

    def receive_other(self, *seen):
        """The next message that is not one of these once more."""
        while (message := self.receive()) and message.raw in [one.raw for one in seen]:
            pass
        return message

    @property
    def peer(self):
        """Who sent last."""
        return self._peer

    def respond(self, request, code, tag="raw", headers=(), body="", peer=None):
        """A response to whoever sent last, or to `peer`; the To-tag is for what it starts or keeps up."""
        to = request.header("To") + ("" if request.tag("To") else f";tag={tag}")
        lines = [f"SIP/2.0 {code} Raw", *[f"Via: {via}" for via in request.headers("Via")], f"To: {to}",
                 *[f"{name}: {request.header(name)}" for name in ("From", "Call-ID", "CSeq")],
                 f"Contact: {self.contact}", *headers, f"Content-Length: {len(body)}", "", body]
        self.reply("\r\n".join(lines).encode(), peer)

    def reply(self, data, peer=None):
        """Bytes to whoever sent last, or to `peer`."""
        self.socket.sendto(data, peer or self._peer)

    def ask(self, data, timeout=PATIENCE):
        """Sends, and gives the final response; acknowledges it if it refuses an INVITE."""
        self.send(data)
        request = Message(data)
        while True:
            response = self.receive(timeout)
            if response is None:
                raise AssertionError(f"no final response to {request!r} within {timeout:g} s")
            if response.code and response.code >= 200 and response.call_id == request.call_id:
                break
        self.acknowledge(response)
        return response

    def acknowledge(self, response):
        """The ACK that the refusal of an INVITE wants; nothing for any other response."""
        if response.method == "INVITE" and response.code >= 300 and response.header("From"):
            number = response.header("CSeq").split()[0]
            copied = [f"{name}: {response.header(name)}" for name in ("Via", "From", "To", "Call-ID")]
            self.send("\r\n".join([f"ACK sip:{self.tandemd} SIP/2.0", *copied,
                                   f"CSeq: {number} ACK", "Max-Forwards: 70", "Content-Length: 0", "", ""]).encode())


def in_memory():
    """A folder in memory with room for what a test writes; None: there is none, and the disk has to do."""
    folder = "/dev/shm"
    if not os.access(folder, os.W_OK):
        return None
    free = os.statvfs(folder)
    return folder if free.f_bavail * free.f_frsize > 1 << 30 else None


class EndToEnd(unittest.TestCase):
    """One test has one scratch folder, one tandemd (or several, one after the other) and any number of SIPps."""
    call_ids_are_unique = True  # no caller makes two calls with one Call-ID
    is_about_the_disk = False  # else a disk that others keep busy has no say in what a test sees

    def setUp(self):
        if not TANDEMD or not os.access(TANDEMD, os.X_OK):
            self.fail("TANDEMD (or the first argument) has to name the tandemd to test")
        self.folder = Path(tempfile.mkdtemp(prefix="tandem-e2e-", dir=None if self.is_about_the_disk else in_memory()))
        self.addCleanup(self._clear)
        self.addCleanup(self.check_sanitizers)
        self.ports = Ports()
        self.addCleanup(self.ports.release)
        self.store = self.folder / "tandem.db"
        self.tandemd = None
        self.sipps = []

    def check_sanitizers(self):
        """Of every server that this test started, also those that were killed."""
        for stderr in sorted(self.folder.glob("tandemd-*.stderr")):
            self.assertNotRegex(stderr.read_text(errors="replace"), SANITIZER)

    def _clear(self):
        if os.environ.get("TANDEM_E2E_KEEP"):
            print(f"\n{self.id()} is kept in {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    # Setting the scene

    def config(self, routes, timers=(), host="127.0.0.1", port=None, drain_ms=20000, profiles="", advertise="",
               transports=("udp",), trusted=(), domains=(), apis='[admin]\nlisten = ""\n'):
        self.port = port or self.ports.take()
        listen = ", ".join(f'"{transport}:{url_host(host)}:{self.port}"' for transport in transports)
        return (f'[sip]\nlisten = [{listen}]\ndrain_ms = {drain_ms}\nworkers = {WORKERS}\n'
                f'advertise = "{advertise}"\ntrusted = {json.dumps(list(trusted))}\n'
                + (f'domains = {json.dumps(list(domains))}\n' if domains else "") +
                f'[store]\npath = "{self.store}"\n'
                f"[timers]\n" + "".join(f"{name} = {value}\n" for name, value in dict(timers).items())
                + profiles + "".join(route.toml(host) for route in routes) + apis + '[log]\nlevel = "info"\n')

    def start(self, *routes, host="127.0.0.1", port=None, stderr=None, environment=(), group=None, **settings):
        """tandemd, ready, with these routes; a bare number is a route for everybody to that port."""
        routes = [route if isinstance(route, Route) else Route(route) for route in routes]
        config = self.config(routes, host=host, port=port, **settings)
        self.tandemd = Tandemd(self.folder, config, host, self.port, stderr, environment, group)
        self.addCleanup(self.tandemd.kill)
        return self.tandemd

    def callee(self, scenario, host="127.0.0.1", **values):
        return self._sipp(scenario, host, **values)

    def caller(self, scenario, user="bob", port=None, **values):
        return self._sipp(scenario, self.tandemd.host, port, user=user,
                          target=f"{url_host(self.tandemd.host)}:{self.tandemd.port}", **values)

    def _sipp(self, scenario, host, port=None, **values):
        sipp = Sipp(self.folder, scenario, port or self.ports.take(), host, **values)
        self.addCleanup(sipp.stop)
        self.sipps.append(sipp)
        return sipp

    def call(self, caller, callee, timers=(), host="127.0.0.1", ring_timeout_ms=20000, **values):
        """One call from its first to its last message, as both scenarios say."""
        callee = self.callee(callee, host, **values)
        self.start(Route(callee.port, ring_timeout_ms=ring_timeout_ms), host=host, timers=timers)
        caller = self.caller(caller, **values)
        for sipp in (caller, callee):
            sipp.finish()
        return caller, callee

    def run_tandemd(self, *arguments):
        """tandemd to its own end: exit code, standard output and error."""
        try:
            return subprocess.run([TANDEMD, *map(str, arguments)], cwd=self.folder, capture_output=True, text=True,
                                  stdin=subprocess.DEVNULL, timeout=PATIENCE / 3)
        except subprocess.TimeoutExpired as running:
            self.fail(f"still runs, and said {running.stdout!r} and {running.stderr!r}")

    def write_config(self, text):
        path = self.folder / "tandem.toml"
        path.write_text(text)
        return path

    # Looking at the store

    def rows(self, query, *arguments):
        """Rows as dicts; the file is opened for the moment, as a user with sqlite3 would."""
        with closing(sqlite3.connect(self.store, timeout=PATIENCE)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(query, arguments)]

    def dialogs(self):
        """What the store holds of the calls that are up: a row for each leg."""
        return self.rows("SELECT * FROM dialog")

    def wait_for_rows(self, query, count, *arguments, timeout=15):
        seen = []

        def enough():
            try:
                seen[:] = self.rows(query, *arguments)
            except sqlite3.OperationalError as error:  # locked for a moment, or not made yet
                seen[:] = [error]
                return False
            return len(seen) == count
        try:
            wait_until(enough, f"{count} rows", timeout=timeout)
        except AssertionError:
            self.fail(f"{query} gives {len(seen)} rows in place of {count}: {str(seen)[:3000]}")
        return list(seen)

    # The end of every test

    def finish(self, *expected, among=None):
        """The invariants, with one CDR for each expected; `among` picks the records meant (SQL on cdr)."""
        records = self.end_calls(len(expected), among)
        left = list(records)
        for cdr in expected:
            found = next((record for record in left if cdr.fits(record)), None)
            self.assertIsNotNone(found, f"no CDR for {cdr}: {json.dumps(left, indent=1)}")
            left.remove(found)
        self.check_byes()
        return records

    def end_calls(self, count=None, among=None, timeout=15):
        """Waits until no call is left, ends the process and gives the records, whatever they say."""
        if self.tandemd.process.poll() is not None:
            self.fail(f"tandemd has ended with {self.tandemd.process.returncode}: {self.said()[-3000:]}")
        self.wait_for_rows("SELECT * FROM dialog", 0, timeout=timeout)
        query = "SELECT * FROM cdr" + (f" WHERE {among}" if among else "")
        records = self.rows(query) if count is None else self.wait_for_rows(query, count)
        self.check_process()
        self.tandemd.signal(signal.SIGTERM)
        self.assertEqual(self.tandemd.ends(), 0, f"exit code after SIGTERM; {self.said()[-3000:]}")
        self.assertNotRegex(self.said(), SANITIZER)
        self.check_store()
        self.assertEqual(self.rows(query), records, "the records after the end are those before it")
        for record in records:
            self.check_record(record)
        return records

    def said(self):
        return self.tandemd.stderr.read_text(errors="replace")

    def wait_for_line(self, part):
        """The log has this in a line: its thread may take a moment."""
        wait_until(lambda: part in self.said(), f"the log says {part!r}")

    def check_process(self):
        """It answers at once, and holds no descriptor more than at its start."""
        wait_until(lambda: self.tandemd.answers_options() < OPTIONS_WITHIN, f"OPTIONS takes {OPTIONS_WITHIN} s at most")
        wait_until(lambda: self.tandemd.descriptors_left() <= self.tandemd.descriptors_at_start,
                   f"no more than {self.tandemd.descriptors_at_start} descriptors are open")

    def check_byes(self):
        """Each BYE of a SIPp was answered with 200, but by a server that was killed."""
        for sipp in self.sipps if self.tandemd.starts == 1 else []:
            sent = {(m.call_id, m.cseq) for m in sipp.sent("BYE")}
            answered = {(m.call_id, m.cseq) for m in sipp.received("BYE", 200)}
            self.assertEqual(sent - answered, set(), f"BYEs of {sipp.name} without 200")

    def check_store(self):
        self.assertEqual(self.rows("PRAGMA integrity_check"), [{"integrity_check": "ok"}])
        for table in ("dialog", "dialog_variable", "dialog_profile"):
            self.assertEqual(self.rows(f"SELECT * FROM {table}"), [])
        twice = "SELECT caller_call_id FROM cdr WHERE answered_us > 0 GROUP BY caller_call_id HAVING count(*) > 1"
        self.assertEqual(self.rows(twice) if self.call_ids_are_unique else [], [])

    def check_record(self, record):
        """What holds for any record (CONTRACT, Store)."""
        times = [record[name] for name in ("created_us", "ringing_us", "answered_us", "ended_us")]
        set_times = [at for at in times if at]
        self.assertTrue(record["id"] and times[0] and times[3], record)
        self.assertEqual(set_times, sorted(set_times), f"out of order: {record}")
        age = time.time_ns() // 1000 - record["ended_us"]
        self.assertTrue(-1_000_000 < age < 600_000_000, f"not UTC in microseconds: {record}")
        duration = record["duration_us"] or 0
        self.assertGreaterEqual(duration, 0, record)
        if record["answered_us"]:
            self.assertAlmostEqual(duration, record["ended_us"] - record["answered_us"], delta=1_000_000, msg=record)
        else:
            self.assertEqual(duration, 0, record)
        self.assertTrue(record["call_id"] and record["caller_call_id"], record)
        self.assertIn("sip:", record["from_uri"])
        self.assertIn("sip:", record["to_uri"])
        self.assertRegex(record["request_uri"], "^sips?:")
        for column in ("profiles", "variables"):
            json.loads(record[column] or "null")


def main():
    """python3 test_X.py [--tandemd PATH] [unittest's arguments]"""
    global TANDEMD
    if "--tandemd" in sys.argv:
        at = sys.argv.index("--tandemd")
        TANDEMD = str(Path(sys.argv[at + 1]).resolve())
        del sys.argv[at:at + 2]
    result = unittest.main(module=sys.modules["__main__"], verbosity=2, exit=False).result
    # What was skipped as a whole has not passed: ctest shows it as skipped (SKIP_RETURN_CODE).
    nothing_ran = len(result.skipped) > 0 and len(result.skipped) >= result.testsRun
    sys.exit(1 if not result.wasSuccessful() else SKIPPED if nothing_ran else 0)
