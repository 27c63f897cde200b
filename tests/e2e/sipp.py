"""SIPp as a caller or a callee: scenarios put together from parts, the messages it sent and received.

A scenario is a SIPp scenario whose elements may also be parts of scenarios/parts.xml; {name} in it takes a value
that the test gives. `python3 sipp.py SCENARIO [name=value ...]` prints what SIPp is given.
"""
import ctypes
import fcntl
import html
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SCENARIOS = Path(__file__).resolve().parent / "scenarios"
# Seconds after which something that should have happened will not; a good run never waits for them.
PATIENCE = float(os.environ.get("TANDEM_E2E_PATIENCE", "30"))


def wait_until(condition, what, timeout=PATIENCE):
    """Returns the condition's first true value; fails when the time is up."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        time.sleep(0.01)


_libc = ctypes.CDLL(None)


def end_with_test():
    """For Popen's preexec_fn: a test that is killed takes its processes with it (prctl PR_SET_PDEATHSIG)."""
    _libc.prctl(1, signal.SIGKILL)


class Ports:
    """Ports that no other test takes meanwhile: each is held by a lock on a file, below the ephemeral range."""

    def __init__(self):
        self._held = []

    def take(self):
        folder = Path(tempfile.gettempdir()) / f"tandem-e2e-ports-{os.getuid()}"
        folder.mkdir(exist_ok=True)
        blocks = range(20000, 32000, 8)  # the first is for SIP, others for the media sockets that SIPp always opens
        for port in random.sample(blocks, len(blocks)):
            lock = os.open(folder / str(port), os.O_CREAT | os.O_RDWR, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for family, host in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::1")):
                    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                        with socket.socket(family, kind) as probe:
                            probe.bind((host, port))
            except OSError:
                os.close(lock)
                continue
            self._held.append(lock)
            return port
        raise AssertionError("no free port")

    def release(self):
        for lock in self._held:
            os.close(lock)
        self._held = []


def port_is_open(port, kind="udp"):
    """kind: udp or tcp; of TCP only what listens."""
    tail = f":{port:04X}"
    lines = [line.split() for table in (kind, f"{kind}6") for line in Path("/proc/net", table).read_text().splitlines()]
    return any(line[1].endswith(tail) and (kind == "udp" or line[3] == "0A") for line in lines)


def udp_port_is_open(port):
    return port_is_open(port)


# Scenarios ------------------------------------------------------------------------------------------------------


def _parts():
    text = re.sub(r"<!--.*?-->", "", (SCENARIOS / "parts.xml").read_text(), flags=re.S)
    bodies = {name: (kind, body) for name, kind, body in
              re.findall(r'<body name="(\w+)" type="([^"]+)"><!\[CDATA\[\n(.*?)\]\]></body>', text, re.S)}
    parts = {}
    for attributes, content in re.findall(r"<part ([^>]*)>\n(.*?)</part>", text, re.S):
        defaults = _attributes(attributes)
        parts[defaults.pop("name")] = (defaults, content)
    return parts, bodies


def _attributes(text):
    return {name: html.unescape(value) for name, value in re.findall(r'(\w+)="([^"]*)"', text)}


def _fill(text, values, bodies):
    def value(match):
        name = match[1]
        if name not in values:
            return match[0]
        if name != "body":
            return values[name]
        if not values[name]:
            return "Content-Length: 0\n"
        kind, body = bodies[values[name]]
        return f"Content-Type: {kind}\nContent-Length: [len]\n\n{body.rstrip()}"

    return re.sub(r"\{(\w+)\}", value, text)


def expand(scenario, **values):
    """The SIPp scenario as text."""
    parts, bodies = _parts()
    names = "|".join(parts)

    def use(match):
        defaults, content = parts[match[1]]
        given = defaults | _attributes(match[2])
        unknown = given.keys() - defaults.keys()
        if unknown:
            raise ValueError(f"{scenario}: <{match[1]}> has no attribute {', '.join(unknown)}")
        for name in [n for n, v in given.items() if n == "headers" and not v]:
            content = content.replace("{%s}\n" % name, "")
        if re.search(rf"<({names})\b", content):  # a part made of parts passes its attributes on
            passed = re.sub(r"\{(\w+)\}", lambda m: html.escape(given.get(m[1], m[0])), content)
            return re.sub(rf"<({names})\b([^<>]*)/>", use, passed)
        return _fill(content, given, bodies)

    text = (SCENARIOS / f"{scenario}.xml").read_text()
    text = re.sub(r"\{(\w+)\}", lambda m: html.escape(str(values.get(m[1], m[0]))), text)
    text = re.sub(rf"<({names})\b([^<>]*)/>", use, text)
    left = re.search(r"\{\w+\}", text)
    if left:
        raise ValueError(f"{scenario}: no value for {left[0]}")
    assigned = sorted(set(re.findall(r'assign_to="(\w+)"', text)))  # SIPp refuses what is set and not used
    if assigned:
        text = text.replace("</scenario>", f'<Reference variables="{",".join(assigned)}"/>\n</scenario>')
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + text


# Messages -------------------------------------------------------------------------------------------------------


class Message:
    """One SIP message as it stood on the wire."""

    def __init__(self, raw, sent=False):
        self.raw, self.sent = raw, sent
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "replace")).split("\r\n")
        self.start = lines[0]
        split = [line.partition(":") for line in lines[1:]]
        self._headers = [(name.strip(), value.strip()) for name, _, value in split]
        self.code = int(self.start.split(" ")[1]) if self.start.startswith("SIP/2.0 ") else None
        self.reason = self.start.split(" ", 2)[2] if self.code and self.start.count(" ") > 1 else ""

    SHORT = {"i": "call-id", "m": "contact", "f": "from", "t": "to", "v": "via", "c": "content-type",
             "l": "content-length", "k": "supported"}

    def headers(self, name):
        """All values, in order; for Via, Route and the like a line with commas counts as several."""
        values = [v for n, v in self._headers if self.SHORT.get(n.lower(), n.lower()) == name.lower()]
        if name.lower() in ("via", "route", "record-route"):
            values = [part.strip() for v in values for part in re.split(r',(?=\s*(?:<|SIP\s*/))', v)]
        return values

    def header(self, name):
        return (self.headers(name) or [""])[0]

    @property
    def method(self):
        return self.start.split(" ")[0] if self.code is None else self.header("CSeq").split()[-1]

    @property
    def uri(self):
        return self.start.split(" ")[1]

    @property
    def cseq(self):
        return int(self.header("CSeq").split()[0])

    @property
    def call_id(self):
        return self.header("Call-ID")

    @property
    def branch(self):
        return self.header("Via").partition("branch=")[2].partition(";")[0]

    def tag(self, name):
        found = re.search(r";\s*tag=([^;>\s]+)", self.header(name).rpartition(">")[2])
        return found[1] if found else None

    def __repr__(self):
        return f"{'sent' if self.sent else 'received'} {self.start} [{self.header('CSeq')}]"


def _read_trace(data):
    messages, at = [], 0
    heading = re.compile(rb"^-{40,} .*\n\w+ message (?:(sent) \((\d+) bytes\)|received \[(\d+)\] bytes) ?:\n\n", re.M)
    while True:
        found = heading.search(data, at)
        if not found:
            return messages
        size = int(found[2] or found[3])
        messages.append(Message(data[found.end():found.end() + size], sent=bool(found[1])))
        at = found.end() + size


# Processes ------------------------------------------------------------------------------------------------------


class Sipp:
    """One SIPp process with one scenario, ours or one that is built into SIPp."""

    def __init__(self, folder, scenario, port, host="127.0.0.1", target=None, user=None, calls=1, rate=10,
                 transport="u1", is_built_in=False, arguments=(), **values):
        self.name, self.port = f"{scenario}-{port}", port
        self._folder = Path(folder)
        if is_built_in:
            given = ["-sn", scenario]
        else:
            (self._folder / f"{self.name}.xml").write_text(expand(scenario, **values))
            given = ["-sf", f"{self.name}.xml"]
        command = [os.environ.get("SIPP", "sipp"), *given, *map(str, arguments), "-i", host, "-p", str(port),
                   "-m", str(calls), "-timeout", f"{2 * PATIENCE:g}s", "-timeout_error", "-nostdin", "-skip_rlimit",
                   "-mp", str(port + 2), "-t", transport,
                   "-trace_msg", "-message_file", f"{self.name}.messages",
                   "-trace_err", "-error_file", f"{self.name}.errors"]
        if target:
            command += [target, "-s", user or "bob", "-r", str(rate), "-l", str(calls)]
        self._output = (self._folder / f"{self.name}.screen").open("wb")
        self.process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=self._output,
                                        stderr=subprocess.STDOUT, env=os.environ | {"TERM": "xterm"},
                                        preexec_fn=end_with_test)
        if not target:
            kind = "udp" if transport.startswith("u") else "tcp"
            wait_until(lambda: port_is_open(port, kind) or self._failed(), f"{self.name} listens")

    def messages(self, method=None, code=None, sent=None, request=None):
        """What passed so far, in order; request=True leaves responses out, code=... requests."""
        trace = self._folder / f"{self.name}.messages"
        found = _read_trace(trace.read_bytes()) if trace.exists() else []
        return [m for m in found
                if (method is None or m.method == method) and (code is None or m.code == code)
                and (sent is None or m.sent == sent) and (request is None or (m.code is None) == request)]

    def sent(self, method=None, code=None):
        return self.messages(method, code, sent=True, request=code is None)

    def received(self, method=None, code=None):
        return self.messages(method, code, sent=False, request=code is None)

    def wait_for(self, method=None, code=None, sent=False):
        """The first message of this kind, as soon as it has come."""
        pick = self.sent if sent else self.received
        return wait_until(lambda: pick(method, code) or self._failed(), f"{self.name}: {code or ''} {method or ''}")[0]

    def _failed(self):
        if self.process.poll() not in (None, 0):
            raise AssertionError(self.report())

    def finish(self, timeout=2 * PATIENCE):
        """Waits for the end; all calls have to have gone as the scenario says."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.stop()
            raise AssertionError(f"still running: {self.report()}") from None
        if self.process.returncode != 0:
            raise AssertionError(self.report())

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._output.close()

    def report(self):
        lines = [f"SIPp {self.name} ended with {self.process.returncode}; messages:"]
        lines += [f"  {m!r}" for m in self.messages()[-40:]]
        errors = self._folder / f"{self.name}.errors"
        lines.append((errors if errors.exists() else self._folder / f"{self.name}.screen")
                     .read_text(errors="replace")[-1500:])
        return "\n".join(lines)


if __name__ == "__main__":
    print(expand(sys.argv[1], **dict(argument.split("=", 1) for argument in sys.argv[2:])))
