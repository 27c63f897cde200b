"""Copies of all messages to a collector (HEP version 3): sngrep, as one that is used, and a socket of our own."""
import os
import re
import signal
import socket
import struct
import subprocess
from collections import Counter
from pathlib import Path

from harness import Cdr, EndToEnd, Route, Tandemd, main
from sipp import PATIENCE, end_with_test, wait_until
from stream import Certificates

SOURCE, DESTINATION = 7, 8  # ports: chunks of a packet, as the others
PROTOCOL, PASSWORD, PAYLOAD, CORRELATION = 2, 14, 15, 17


def chunks(packet):
    """The values by type; the packet is one whole."""
    magic, size = struct.unpack("!4sH", packet[:6])
    assert (magic, size) == (b"HEP3", len(packet)), packet[:6]
    found, at = {}, 6
    while at < size:
        vendor, kind, length = struct.unpack("!HHH", packet[at:at + 6])
        assert vendor == 0 and length >= 6 and kind not in found, (vendor, kind, length)
        found[kind] = packet[at + 6:at + length]
        at += length
    return found


class Collector:
    """A socket that gets packets, each as its chunks."""

    def __init__(self, test):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(PATIENCE)
        test.addCleanup(self.socket.close)
        self.url = "udp:127.0.0.1:%d" % self.socket.getsockname()[1]

    def packet(self, wanted):
        """The next one with a message like this."""
        while True:
            found = chunks(self.socket.recv(65536))
            if wanted in found[PAYLOAD]:
                return found


class Sngrep:
    """Takes HEP and writes what was in it as if it had been on the wire."""

    def __init__(self, test):
        self.file = test.folder / "sngrep.pcap"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"udp:127.0.0.1:{self.port}"
        self.process = subprocess.Popen(["sngrep", "-F", "-L", self.url, "-N", "-q", "-O", str(self.file)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, env=os.environ | {"TERM": "xterm"},
                                        preexec_fn=end_with_test)
        test.addCleanup(self.end)
        wait_until(self._listens, "sngrep listens")

    def _listens(self):
        table = Path("/proc/net/udp").read_text(encoding="ascii")
        return re.search(rf"^ *\d+: 0100007F:{self.port:04X} ", table, re.M)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def messages(self):
        """All so far, as (source port, destination port, message); tshark has found SIP in each."""
        fields = ("udp.srcport", "udp.dstport", "sip.Call-ID", "udp.payload")
        result = subprocess.run(["tshark", "-n", "-r", str(self.file), "-T", "fields",
                                 *(part for field in fields for part in ("-e", field))],
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=4 * PATIENCE)
        rows = [line.split("\t") for line in result.stdout.splitlines()]
        assert all(row[2] for row in rows), rows
        return [(int(row[0]), int(row[1]), bytes.fromhex(row[3].replace(":", ""))) for row in rows]


class Capture(EndToEnd):
    def open(self, route, url, more="", **settings):
        self.start(route, profiles=f'[capture]\nurl = "{url}"\n{more}', **settings)

    def call(self):
        caller = self.caller("caller_basic", hold=100)
        caller.finish()
        return caller

    def test_sngrep_has_every_message_of_a_call_as_the_phones_have_it(self):
        collector = Sngrep(self)
        callee = self.callee("callee_basic", hold=100)
        self.open(Route(callee.port), collector.url)
        caller = self.call()
        callee.finish()
        expected = Counter()
        for phone in (caller, callee):
            for message in phone.messages():
                ports = (phone.port, self.tandemd.port)
                expected[(*(ports if message.sent else ports[::-1]), message.raw)] += 1
        self.assertGreaterEqual(sum(expected.values()), 13)
        # Until all are there; then that there are no more.
        wait_until(lambda: expected <= Counter(collector.messages()), "sngrep has all messages")
        self.finish(Cdr("caller_bye", 200, caller, callee))
        ports = {caller.port, callee.port}
        self.assertEqual(Counter(one for one in collector.messages() if ports & set(one[:2])), expected)

    def test_a_connection_is_shown_as_one_and_tls_in_the_clear(self):
        collector = Collector(self)
        certificates = Certificates(self.folder)
        certificates.make("tandem")
        port = self.ports.take()
        text = self.config([Route(9)], profiles=f'[capture]\nurl = "{collector.url}"\npassword = "pw"\n')
        text = re.sub(r"listen = .*", f'listen = ["udp:127.0.0.1:{self.port}", "tls:127.0.0.1:{port}"]', text, count=1)
        text += '[tls]\ncertificate = "tandem.pem"\nkey = "tandem.key"\n'
        self.tandemd = Tandemd(self.folder, text, port=self.port)
        self.addCleanup(self.tandemd.kill)
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as plain, \
                certificates.trusting().wrap_socket(plain, server_hostname="sip.example.com") as phone, \
                self.tandemd.raw() as raw:
            request = raw.request("OPTIONS").replace(b"SIP/2.0/UDP", b"SIP/2.0/TLS")
            phone.sendall(request)
            answer = phone.recv(65536)
            received, sent = collector.packet(b"OPTIONS sip:"), collector.packet(b"SIP/2.0 200 OK")
            local = phone.getsockname()[1]
        self.assertEqual((received[PAYLOAD], sent[PAYLOAD]), (request, answer))
        for found, source, destination in ((received, local, port), (sent, port, local)):
            self.assertEqual(found[PROTOCOL], bytes([socket.IPPROTO_TCP]))
            self.assertEqual(struct.unpack("!H", found[SOURCE])[0], source)
            self.assertEqual(struct.unpack("!H", found[DESTINATION])[0], destination)
            self.assertEqual(found[PASSWORD], b"pw")
            self.assertIn(b"Call-ID: " + found[CORRELATION] + b"\r\n", found[PAYLOAD])

    def test_a_collector_that_is_not_there_costs_calls_nothing_and_is_told(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
            gone.bind(("127.0.0.1", 0))
            url = "udp:127.0.0.1:%d" % gone.getsockname()[1]
        callee = self.callee("callee_basic", hold=100)
        self.open(Route(callee.port), url)
        caller = self.call()
        callee.finish()
        self.wait_for_line("capture: 127.0.0.1:")
        self.assertIn("Connection refused", self.said())
        self.finish(Cdr("caller_bye", 200, caller, callee))

    def test_a_collector_that_stands_still_costs_calls_nothing(self):
        collector = Sngrep(self)
        collector.process.send_signal(signal.SIGSTOP)
        callee = self.callee("callee_basic", hold=100, calls=20)
        self.open(Route(callee.port), collector.url)
        caller = self.caller("caller_basic", hold=100, calls=20, rate=50)
        caller.finish()
        callee.finish()
        self.assertLess(self.tandemd.answers_options(), 1)
        self.finish(*[Cdr("caller_bye", 200)] * 20)


if __name__ == "__main__":
    main()
