"""Clients of the Call API: one in Node, by `ws`, and one as a bare socket, for what no library sends."""
import base64
import json
import os
import queue
import socket
import struct
import subprocess
import threading
from pathlib import Path

from sipp import PATIENCE

HERE = Path(__file__).parent


class Client:
    """A WebSocket in a process of its own; what it hears comes in order."""

    def __init__(self, port, token="", origin="", scheme="ws", environment=()):
        self.process = subprocess.Popen(
            ["node", str(HERE / "websocket_client.js"), f"{scheme}://127.0.0.1:{port}/call-api", token, origin],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1,
            env=os.environ | {"NODE_PATH": "/usr/share/nodejs"} | dict(environment))
        self.heard, self.ids = queue.Queue(), 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        with self.process.stdout as output:
            for line in output:
                self.heard.put(line.rstrip("\n"))
        self.heard.put(None)

    def next(self, timeout=PATIENCE):
        """The next thing that happens, as a word and what came with it."""
        try:
            line = self.heard.get(timeout=timeout)
        except queue.Empty:
            raise AssertionError("nothing more is heard") from None
        if line is None:
            raise AssertionError("the client has ended")
        word, _, rest = line.partition(" ")
        return word, rest

    def opened(self):
        happened = self.next()
        if happened != ("open", ""):
            raise AssertionError(f"it is not open: {happened}")
        return self

    def json(self, timeout=PATIENCE):
        word, text = self.next(timeout)
        if word != "text":
            raise AssertionError(f"{word} {text}")
        return json.loads(text)

    def say(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def send(self, method, cmd_id, **params):
        """A command whose answer is left to told()."""
        self.call(method, cmd_id=cmd_id, **params)

    def told(self, method, cmd_id):
        """Whether it was Started, and all notifications of it."""
        answer = self.json()
        if answer.get("result") != {"event": "Started", "cmd_id": cmd_id}:
            raise AssertionError(answer)
        return self.events(method, cmd_id)

    def call(self, method, **params):
        self.ids += 1
        self.say(json.dumps({"jsonrpc": "2.0", "id": self.ids, "method": method, "params": params}))

    def ask(self, method, **params):
        """Sends a call, and gives its answer, which is the next thing that comes."""
        self.call(method, **params)
        answer = self.json()
        if answer.get("id") != self.ids:
            raise AssertionError(f"no answer to {self.ids}: {answer}")
        return answer

    def command(self, method, cmd_id, **params):
        """Begins a command; its answer is Started."""
        answer = self.ask(method, cmd_id=cmd_id, **params)
        if answer.get("result") != {"event": "Started", "cmd_id": cmd_id}:
            raise AssertionError(answer)

    def events(self, method, cmd_id, pending=False):
        """All notifications of it, to its Ended: names and data. Those of other commands are kept for others."""
        events = []
        while not events or events[-1][0] != "Ended":
            said = self.json()
            params = said["params"]
            if (said["method"], params.get("cmd_id")) != (method, cmd_id):
                raise AssertionError(f"of another command: {said}")
            if pending or params["event"] != "TransferPending":
                events.append((params["event"], params.get("data")))
        return events

    def kill(self):
        self.process.kill()
        self.process.wait()
        try:
            self.process.stdin.close()
        except BrokenPipeError:  # what was not sent
            pass

    def close(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE)


class Bare:
    """A socket that speaks HTTP and WebSocket as badly as is wanted."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)

    def upgrade(self, *headers, path="/call-api"):
        self.send(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
                  + base64.b64encode(os.urandom(16)).decode() + "\r\n" + "".join(f"{h}\r\n" for h in headers) + "\r\n")
        return int(self.head().split()[1])

    def head(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self.socket.recv(1)
            if not byte:
                raise AssertionError(f"closed after {head}")
            head += byte
        return head.decode()

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def frame(self, payload, first=0x81):
        payload = payload.encode() if isinstance(payload, str) else payload
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + struct.pack(">H", size)
        self.send(bytes([first]) + length + b"\0\0\0\0" + payload)  # a mask of nothing

    def receive(self):
        """The next frame: its opcode and what is in it."""
        first, size = self.exactly(2)
        if size == 126:
            size, = struct.unpack(">H", self.exactly(2))
        elif size == 127:
            size, = struct.unpack(">Q", self.exactly(8))
        return first & 0xf, self.exactly(size)

    def exactly(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise AssertionError(f"closed after {data}")
            data += part
        return data

    def close(self):
        self.socket.close()
