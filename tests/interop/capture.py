"""What passes on lo of a network namespace, kept by tshark's dumpcap and decoded by tshark."""
import shutil
import socket
import subprocess
import unittest
from pathlib import Path

from kamailio import end_with_test, wait_until
from sipp import PATIENCE


class Capture:
    """From the start to stop(); every datagram and segment in between is in it."""

    def __init__(self, folder):
        for program in ("tshark", "dumpcap"):
            if not shutil.which(program):
                raise unittest.SkipTest(f"needs {program}")
        self.file = Path(folder) / "lo.pcapng"
        self.log = (Path(folder) / "dumpcap.log").open("wb")
        self.process = subprocess.Popen(["dumpcap", "-q", "-i", "lo", "-B", "64", "-s", "0", "-w", str(self.file)],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT,
                                        preexec_fn=end_with_test)
        self._marks = 0
        self.mark()

    def mark(self):
        """Returns when all that was sent up to now is in the file."""
        self._marks += 1
        text = f"mark {self._marks} of the capture".encode()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            def is_there():
                if self.process.poll() is not None:
                    raise AssertionError(f"dumpcap has ended: {Path(self.log.name).read_text()}")
                sender.sendto(text, ("127.0.0.1", 9))
                return self.file.exists() and text in self.file.read_bytes()[-65536:]
            wait_until(is_there, "dumpcap writes what passes")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()
        self.log.close()

    def decode(self, ports, display_filter, *fields):
        """The fields of the frames that pass the filter, as tuples; the ports are decoded as SIP. Bodies are not looked
        into: they pass as they came, and what some tests call SDP is none."""
        decode_as = [part for low, high in ports for kind in ("udp", "tcp")
                     for part in ("-d", f"{kind}.port=={low}-{high},sip")]
        wanted = [part for field in fields for part in ("-e", field)]
        command = ["tshark", "-n", "--disable-protocol", "sdp", "-r", str(self.file), *decode_as,
                   "-Y", display_filter, "-T", "fields", *wanted]
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                timeout=4 * PATIENCE)
        if result.returncode:
            raise AssertionError(f"tshark: {result.stderr}")
        return [tuple(line.split("\t")) for line in result.stdout.splitlines()]
