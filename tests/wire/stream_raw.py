"""harness.Raw over TCP: a phone that listens where its Contact says, and has connections."""
import select
import socket
import time

from peer import PATIENCE, Peer

from harness import Raw


class StreamRaw(Raw):
    transport = "TCP"

    def __init__(self, tandemd_port=None):
        self.host, self.tandemd_port = "127.0.0.1", tandemd_port
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
        return f"<sip:raw@{self.name};transport=tcp>"

    def connect(self):
        self.connections.append(Peer((self.host, self.tandemd_port), "tcp"))
        return self.connections[-1]

    def send(self, data):
        """By the newest connection, or one that is made for it."""
        (self.connections[-1] if self.connections else self.connect()).send(data)

    def reply(self, data):
        self._peer.send(data)

    def receive(self, timeout=PATIENCE):
        """The next message of any connection; takes those that are made to it, forgets those that have ended."""
        deadline = time.monotonic() + timeout
        while True:
            ready = select.select([self.socket, *(c.socket for c in self.connections)], [], [],
                                  max(deadline - time.monotonic(), 0))[0]
            if self.socket in ready:
                self.accepted += 1
                self.connections.append(Peer(None, "tcp", accepted=self.socket.accept()[0]))
            for connection in list(self.connections):
                message = connection.receive(0)
                if message:
                    self._peer = connection
                    return message
                if connection.has_ended:
                    self.connections.remove(connection)
            if time.monotonic() >= deadline:
                return None

    def reset(self):
        """Every connection ends with a RST."""
        while self.connections:
            self.connections.pop().reset()
