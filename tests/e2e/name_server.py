"""dnsmasq with a few records, and a DNS server that is dead."""
import os
import shutil
import socket
import struct
import subprocess
from pathlib import Path

from sipp import end_with_test, wait_until


class NameServer:
    """dnsmasq with these options, ready; the only one that knows anything."""

    def __init__(self, folder, port, *records):
        program = shutil.which("dnsmasq", path=f"{os.environ['PATH']}:/usr/sbin")
        if not program:
            raise AssertionError("dnsmasq is not there, Debian package dnsmasq-base")
        self.port = port
        self._log = Path(folder, f"dnsmasq-{port}.log")
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [program, "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                 "--bind-interfaces", "--listen-address=127.0.0.1", f"--port={port}", "--user=", "--pid-file=",
                 "--log-facility=-", "--log-queries", "--local-ttl=60", "--local=/#/", *records],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=end_with_test)
        wait_until(self._answers, "dnsmasq answers")

    def _answers(self):
        query = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + b"\5ready\0" + struct.pack(">HH", 1, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.2)
            client.connect(("127.0.0.1", self.port))
            try:
                client.send(query)
                return client.recv(512)[:2] == query[:2]
            except OSError:
                if self.process.poll() is not None:
                    raise AssertionError(f"dnsmasq has ended: {self._log.read_text()}") from None
                return False

    def queries(self, name):
        """How often it was asked for this name."""
        return sum(f"] {name} from " in line for line in self._log.read_text().splitlines())

    def stop(self):
        self.process.kill()
        self.process.wait()


class DeadServer:
    """A port that takes everything and says nothing."""

    def __init__(self):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]

    def queries(self):
        count = 0
        self._socket.setblocking(False)
        try:
            while self._socket.recv(512):
                count += 1
        except BlockingIOError:
            return count

    def stop(self):
        self._socket.close()
