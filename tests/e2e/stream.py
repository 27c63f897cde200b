"""Bare TCP and TLS connections beside SIPp, to tandemd and from it, and certificates for them."""
import socket
import ssl
import subprocess
import time

from harness import Raw, url_host
from sipp import PATIENCE, Message


class Connection(Raw):
    """A connection of SIP messages, with what harness.Raw can do; `context` makes it TLS."""

    def __init__(self, host, port=None, context=None, name=None, accepted=None):
        self.host, self.tandemd_port, self._count, self._data, self._peer = host, port, 0, b"", None
        if accepted:
            self.socket, self.transport = accepted, "TLS" if isinstance(accepted, ssl.SSLSocket) else "TCP"
        else:
            self.socket, self.transport = socket.create_connection((host, port), PATIENCE), "TCP"
        if context and not accepted:
            self.socket = context.wrap_socket(self.socket, server_hostname=name or host)
            self.transport = "TLS"
        self.port = self.socket.getsockname()[1]

    def request(self, method, **values):
        here = f"{url_host(self.host)}:{self.port}"
        data = super().request(method, **values)
        data = data.replace(b"Via: SIP/2.0/UDP", f"Via: SIP/2.0/{self.transport}".encode(), 1)
        return data.replace(f"Contact: <sip:raw@{here}>".encode(),
                            f"Contact: <sip:raw@{here};transport={self.transport.lower()}>".encode(), 1)

    def send(self, data):
        self.socket.sendall(data)

    def receive(self, timeout=PATIENCE):
        """The next message that came, or None; what ends the connection raises."""
        until = time.monotonic() + timeout
        while True:
            message = self._take()
            if message:
                return message
            self.socket.settimeout(max(until - time.monotonic(), 0.001))
            try:
                data = self.socket.recv(65536)
            except socket.timeout:
                return None
            if not data:
                raise ConnectionError("tandemd has closed the connection")
            self._data += data

    def _take(self):
        self._data = self._data.lstrip(b"\r\n")
        head, gap, rest = self._data.partition(b"\r\n\r\n")
        size = int(Message(head).header("Content-Length") or 0) if gap else 0
        if not gap or len(rest) < size:
            return None
        self._data = rest[size:]
        return Message(head + gap + rest[:size])

    def respond(self, request, code, body=""):
        to = request.header("To") + ("" if request.tag("To") else ";tag=raw")
        lines = [f"SIP/2.0 {code} Raw", *[f"Via: {via}" for via in request.headers("Via")], f"To: {to}",
                 *[f"{name}: {request.header(name)}" for name in ("From", "Call-ID", "CSeq")],
                 f"Contact: <sip:raw@{url_host(self.host)}:{self.port};transport={self.transport.lower()}>",
                 f"Content-Length: {len(body)}", "", body]
        self.send("\r\n".join(lines).encode())

    def expect(self, method=None, code=None, timeout=PATIENCE):
        """The next message of this kind; others are passed over."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            message = self.receive(max(until - time.monotonic(), 0.001))
            if message and message.code == code and method in (None, message.method):
                return message
        raise AssertionError(f"no {code or ''} {method or ''} within {timeout:g} s")


class Listener:
    """Where tandemd connects to."""

    def __init__(self, host, port, context=None):
        self.host, self.port, self.context, self._accepted = host, port, context, []
        self.socket = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)

    def accept(self, timeout=PATIENCE):
        self.socket.settimeout(timeout)
        accepted, _ = self.socket.accept()
        accepted.settimeout(PATIENCE)
        if self.context:
            accepted = self.context.wrap_socket(accepted, server_side=True)
        self._accepted.append(accepted)
        return Connection(self.host, accepted=accepted)

    def close(self):
        for accepted in [self.socket, *self._accepted]:
            accepted.close()


class Certificates:
    """A CA and certificates of it, in a folder."""

    def __init__(self, folder, ca="ca"):
        self.folder, self.ca = folder, ca
        self._openssl(*self._key(ca), "-addext", "basicConstraints=critical,CA:TRUE")

    def make(self, name, names="DNS:sip.example.com,IP:127.0.0.1,IP:::1"):
        """The paths of a certificate for these names and of its key."""
        self._openssl(*self._key(name), "-CA", f"{self.ca}.pem", "-CAkey", f"{self.ca}.key",
                      "-addext", f"subjectAltName={names}", "-addext", "basicConstraints=critical,CA:FALSE")
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    def trusting(self, name=None):
        """A client that believes this CA; `name`: with a certificate of its own."""
        context = ssl.create_default_context(cafile=self.folder / f"{self.ca}.pem")
        if name:
            context.load_cert_chain(*self.make(name))
        return context

    def serving(self, name, client_ca=False):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*self.make(name))
        if client_ca:
            context.load_verify_locations(self.folder / f"{self.ca}.pem")
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _key(self, name):
        return ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "10",
                "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem"]

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)
