"""harness.Raw over TCP or TLS: a phone that listens where its Contact says, and has connections."""
import select
import socket
import time

from peer import PATIENCE, Peer

from harness import Raw


class StreamRaw(Raw):
    def __init__(self, tandemd_port=None, client=None, server=None):
        """With contexts for what it connects and what it accepts: over TLS."""
        self.host, self.tandemd_port = "127.0.0.1", tandemd_port
        self.client, self.server, self.transport = client, server, "TLS" if client else "TCP"
        self.socket = socket.create_server((self.host, 0))
        self.port = self.socket.getsockname()[1]
        self.connections = []  # the newest last
        self.accepted = 0
        self._count, self._peer = 0, None

    def __exit__(self, *_):
        for connection in self.connections:
            connection.close()
        super().__exit__()

    @property
    def contact(self):
        return f"<sip:raw@{self.name};transport={self.transport.lower()}>"

    def connect(self):
        self.connections.append(Peer((self.host, self.tandemd_port), self.transport.lower(), tls=self.client))
        return self.connections[-1]

    def send(self, data):
        """By the newest connection, or one that is made for it."""
        (self.connections[-1] if self.connections else self.connect()).send(data)

    def reply(self, data, peer=None):
        (peer or self._peer).send(data)

    def receive(self, timeout=PATIENCE):
        """The next message of any connection; takes those that are made to it, forgets those that have ended."""
        deadline = time.monotonic() + timeout
        while True:
            for connection in list(self.connections):  # first, for there may be more in what was read already
                message = connection.receive(0)
                if message:
                    self._peer = connection
                    return message
                if connection.has_ended:
                    self.connections.remove(connection)
            if time.monotonic() >= deadline:
                return None
            ready = select.select([self.socket, *(c.socket for c in self.connections)], [], [],
                                  max(deadline - time.monotonic(), 0))[0]
            if self.socket in ready:
                self.accept()

    def accept(self):
        self.accepted += 1
        accepted = self.socket.accept()[0]
        if self.server:
            accepted.settimeout(PATIENCE)
            accepted = self.server.wrap_socket(accepted, server_side=True)
        self.connections.append(Peer(None, self.transport.lower(), accepted=accepted))

    def reset(self):
        """Every connection ends with a RST."""
        while self.connections:
            self.connections.pop().reset()
