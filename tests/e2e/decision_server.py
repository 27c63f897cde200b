"""Servers that decide about calls: real HTTP on real sockets, and every way to do it badly."""
import json
import socket
import struct
import threading
import time

from sipp import PATIENCE, wait_until


def answer(body, status="200 OK", headers=()):
    """A whole HTTP response; a dict is sent as JSON."""
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", *headers, f"Content-Length: {len(data)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


class DecisionServer:
    """Answers each question by its `behaviour`: a dict, bytes, or what is called with the connection and the question
    and sends by itself. Keeps every question in the order in which they came."""

    def __init__(self, behaviour=None, context=None, port=0):
        self.behaviour, self.context = behaviour if behaviour is not None else {"code": 200}, context
        self.questions, self.heads, self.connections, self.over = [], [], [], 0
        self.listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"http{'s' if self.context else ''}://127.0.0.1:{self.port}/api/callcontrol"

    def stop(self):
        """Nobody listens any more, and every connection is closed."""
        for one in [self.listener, *self.connections]:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()

    def wait_for(self, count):
        wait_until(lambda: len(self.questions) >= count, f"{count} questions")
        return self.questions

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection.makefile("rb") as stream:
                while question := self._read(stream):
                    self._decide(connection, question)
        except (OSError, ValueError):
            pass
        finally:
            connection.close()
            self.over += 1

    def _read(self, stream):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()
            if not line:
                return None
            head += line
        headers = {name.lower(): value.strip() for name, _, value in
                   (line.partition(":") for line in head.decode().split("\r\n")[1:] if line)}
        question = json.loads(stream.read(int(headers["content-length"])))
        self.heads.append(head.decode())
        self.questions.append(question)
        return question

    def _decide(self, connection, question):
        behaviour = self.behaviour
        if callable(behaviour):
            behaviour = behaviour(connection, question)
        if behaviour is not None:
            connection.sendall(answer(behaviour) if isinstance(behaviour, dict) else behaviour)


# Behaviours: each takes the connection and the question, and gives what is to be sent, or None.

def never(connection, _):
    """Waits until the other side has closed."""
    connection.settimeout(PATIENCE)
    if not connection.recv(1):
        raise OSError("given up")


def by_bytes(connection, _):
    """A byte a second, for ever."""
    for byte in answer({"code": 200}, headers=["X-Slow: " + "a" * 1000]):
        connection.sendall(bytes([byte]))
        time.sleep(1)


def endless_chunks(connection, _):
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"1000\r\n" + b" " * 4096 + b"\r\n")


def endless_headers(connection, _):
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: " + b"a" * 1000 + b"\r\n")


def closes(*_):
    raise OSError("closed")


def resets(connection, _):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise OSError("reset")


def late(seconds, body):
    """The answer after so many seconds."""
    def decide(*_):
        time.sleep(seconds)
        return body
    return decide


def by_callee(decisions):
    """Another answer for each user who is called."""
    return lambda _, question: decisions[question["request-user-id"]]
