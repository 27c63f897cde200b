"""One end of a connection or a datagram socket that sends whatever bytes it is given, and reads SIP."""
import re
import socket
import ssl
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))

from harness import url_host  # noqa: E402
from sipp import PATIENCE, Message  # noqa: E402


def family(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


class Peer:
    """UDP: bound to where responses will go. TCP and TLS: connected, or a connection that was accepted."""

    def __init__(self, server, transport="udp", host="", port=0, tls=None, accepted=None):
        self.server, self.transport = server, transport
        self.has_ended, self._rest = False, b""
        if accepted:
            self.socket = accepted
            return
        stream = transport != "udp"
        self.socket = socket.socket(family(server[0]), socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
        if not stream:
            self.socket.bind((host or server[0], port))
            return
        self.socket.bind((host, 0) if host else ("", 0))
        self.socket.settimeout(PATIENCE)
        try:
            self.socket.connect(server)
        except OSError:
            self.socket.close()
            raise
        if transport == "tls":
            self.socket = tls.wrap_socket(self.socket, server_hostname=server[0])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """An end that the other side learns of by a RST, with no FIN before it."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    @property
    def name(self):
        host, port = self.socket.getsockname()[:2]
        return f"{url_host(host)}:{port}"

    def send(self, data):
        if self.transport == "udp":
            self.socket.sendto(data, self.server)
        else:
            self.socket.sendall(data)

    def receive(self, timeout=PATIENCE):
        """The next message; None when the time is up or the connection has ended."""
        deadline = time.monotonic() + timeout
        while True:
            message = self._take()
            if message:
                return message
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                return None
            except (ConnectionResetError, ssl.SSLError):
                data = b""
            if not data:
                self.has_ended = True
                return None
            self._rest += data

    def _take(self):
        if self.transport == "udp":
            data, self._rest = self._rest, b""
            return Message(data) if data else None
        self._rest = self._rest.lstrip(b"\r\n")  # the answer to a keep-alive
        head, end, _ = self._rest.partition(b"\r\n\r\n")
        length = re.search(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*(\d+)", head)
        size = len(head) + 4 + int(length[1] if length else 0)
        if not end or len(self._rest) < size:
            return None
        data, self._rest = self._rest[:size], self._rest[size:]
        return Message(data)

    def is_closed(self, timeout=PATIENCE):
        """True when the other end has closed the connection within this time."""
        self.socket.settimeout(timeout)
        try:
            while self.socket.recv(65536):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True

    def options(self, call_id):
        """A request in good order."""
        via = f"SIP/2.0/{self.transport.upper()} {self.name};rport;branch=z9hG4bK-{call_id}"
        lines = [f"OPTIONS sip:{url_host(self.server[0])} SIP/2.0", f"Via: {via}", "Max-Forwards: 70",
                 f"From: <sip:wire@{self.name}>;tag=wire", "To: <sip:wire@example.com>", f"Call-ID: {call_id}",
                 "CSeq: 1 OPTIONS", "Content-Length: 0", "", ""]
        return "\r\n".join(lines).encode()

    def acknowledge(self, response, uri=None):
        """The ACK for the refusal of an INVITE; nothing for anything else. The URI has to be the INVITE's where its
        branch is none (RFC 3261 section 17.2.3)."""
        if response.method != "INVITE" or response.code < 300:
            return
        via = response.headers("Via")[0]
        copied = [f"{name}: {response.header(name)}" for name in ("From", "To", "Call-ID")]
        self.send("\r\n".join([f"ACK {uri or f'sip:{url_host(self.server[0])}'} SIP/2.0", f"Via: {via}", *copied,
                               f"CSeq: {response.header('CSeq').split()[0]} ACK", "Max-Forwards: 70",
                               "Content-Length: 0", "", ""]).encode())
