"""tshark decodes every message that tandemd sends in the calls of tests/e2e, with no mark that one is malformed."""
import io
import multiprocessing
import tempfile
import unittest
from collections import Counter
from unittest import mock

from capture import Capture

import harness
import netns
from sipp import Ports

SUBJECTS = ("transports", "limits", "transfer", "calls", "hunting", "in_dialog", "replaces", "bad_input", "identity",
            "cancel")  # the longest first
TOGETHER = 4  # of them: their calls wait for most of their time
PORTS = [(20000, 32007)]  # of sipp.Ports
SENT = {"INVITE", "ACK", "BYE", "CANCEL", "INFO", "UPDATE", "PRACK", "REFER", "NOTIFY", "SUBSCRIBE", "MESSAGE",
        "OPTIONS", "PUBLISH", "100", "180", "181", "183", "200", "202", "400", "404", "405", "481", "482", "483", "486",
        "487", "488", "500", "501", "503"}  # at least
SENT_BY_TCP = {"INVITE", "ACK", "BYE", "100", "180", "200", "486"}  # at least
WARNING = 0x600000  # of Wireshark's severities; an error is above it


def setUpModule():
    netns.enter()


def run_subject(subject):
    """Its calls: the ports of every tandemd that there was, whether all went well, and what was printed."""
    ports, start, output = set(), harness.Tandemd.start, io.StringIO()

    def start_and_note(tandemd):
        ports.add(str(tandemd.port))
        start(tandemd)
    with mock.patch.object(harness.Tandemd, "start", start_and_note), \
            mock.patch.object(Ports, "release", lambda _: None), mock.patch.object(netns, "enter", lambda: None):
        suite = unittest.defaultTestLoader.loadTestsFromName(f"test_{subject}")
        result = unittest.TextTestRunner(stream=output).run(suite)
    return ports, result.wasSuccessful(), output.getvalue()


class Decoded(unittest.TestCase):
    def test_every_message_that_tandemd_sends(self):
        with tempfile.TemporaryDirectory(prefix="tandem-tshark-") as folder:
            capture = Capture(folder)
            self.addCleanup(capture.stop)
            ports = self.run_subjects()
            capture.mark()
            capture.stop()
            self.check(capture, ports)

    def run_subjects(self):
        """The calls; gives the ports of every tandemd that there was, none of which anybody else has had: the processes
        hold theirs until all are done."""
        ports = set()
        with multiprocessing.get_context("fork").Pool(TOGETHER) as pool:
            for subject_ports, is_good, output in pool.imap(run_subject, SUBJECTS, chunksize=1):
                print(output, flush=True)
                self.assertTrue(is_good, "what fails has not sent what it should")
                ports |= subject_ports
        return ports

    def check(self, capture, ports):
        fields = ("frame.number", "udp.srcport", "tcp.srcport", "sip.Via.sent-by.port", "sip.Method", "sip.Status-Code",
                  "_ws.malformed", "_ws.expert.severity", "_ws.expert.message")
        sent, by_tcp, marked, undecoded = Counter(), Counter(), [], []
        for frame in capture.decode(PORTS, "sip || udp", *fields):
            number, udp, tcp, via, method, code, malformed, severity, what = frame
            is_ours = udp in ports or tcp in ports or tcp and method and via.partition(",")[0] in ports
            if not is_ours:
                continue
            if not method and not code:
                undecoded.append(frame)
            sent.update((method or code).split(","))
            by_tcp.update((method or code).split(",") if tcp else ())
            if malformed or any(int(one) >= WARNING for one in severity.split(",") if one):
                marked.append(frame)
        print(f"{sum(sent.values())} messages, {sum(by_tcp.values())} of them by TCP: {dict(sent.most_common())}")
        self.assertEqual(undecoded, [])
        self.assertEqual(marked, [])
        self.assertEqual(SENT - sent.keys(), set(), "is not among them")
        self.assertEqual(SENT_BY_TCP - by_tcp.keys(), set(), "is not among those by TCP")


if __name__ == "__main__":
    harness.main()
