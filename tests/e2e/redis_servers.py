"""redis-server and Sentinel as processes on free ports, and what stands between them and tandemd."""
import select
import signal
import socket
import subprocess
import threading
import time

from sipp import end_with_test, wait_until


class Redis:
    """One redis-server with nothing on disk but its folder."""

    def __init__(self, folder, port, *arguments, password=""):
        self.folder, self.port, self.arguments, self.password = folder, port, arguments, password
        folder.mkdir(exist_ok=True)
        self.process = None
        self.start()

    def start(self):
        secret = ["--requirepass", self.password, "--masterauth", self.password] if self.password else []
        self.process = subprocess.Popen(
            ["redis-server", *self._first(), "--port", str(self.port), "--bind", "127.0.0.1", "--dir",
             str(self.folder), "--logfile", str(self.folder / "redis.log"), *self._rest(), *secret, *self.arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=end_with_test)
        wait_until(lambda: self.ask("PING") == "PONG", "redis-server answers")

    def _first(self):
        return []

    def _rest(self):
        return ["--save", "", "--appendonly", "no"]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def ask(self, *words):
        """The answer: a text, a number, a list or None; of what cannot be asked None."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
                reader = connection.makefile("rb")
                if self.password:
                    connection.sendall(_command("AUTH", self.password))
                    _read(reader)
                connection.sendall(_command(*words))
                return _read(reader)
        except OSError:
            return None

    def size(self, key="tandem:{total}"):
        """Leases that are not over, by Redis's own clock."""
        seconds, microseconds = self.ask("TIME")
        return self.ask("ZCOUNT", key, f"({int(seconds) * 1000 + int(microseconds) // 1000}", "+inf")


class Sentinel(Redis):
    """Watches a master, and fails over by itself: it alone is the quorum."""

    def __init__(self, folder, port, master):
        folder.mkdir(exist_ok=True)
        (folder / "sentinel.conf").write_text(
            f"sentinel monitor m 127.0.0.1 {master.port} 1\nsentinel down-after-milliseconds m 500\n"
            "sentinel failover-timeout m 5000\n")
        super().__init__(folder, port)

    def _first(self):
        return [str(self.folder / "sentinel.conf"), "--sentinel"]

    def _rest(self):
        return []

    def master(self):
        """Its port."""
        return int(self.ask("SENTINEL", "get-master-addr-by-name", "m")[1])


def _command(*words):
    words = [str(word).encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def _read(reader):
    line = reader.readline()
    kind, rest = line[:1], line[1:-2]
    if kind in (b"+", b"-"):
        return rest.decode()
    if kind == b":":
        return int(rest)
    if kind == b"$":
        return None if int(rest) < 0 else reader.read(int(rest) + 2)[:-2].decode()
    if kind == b"*":
        return None if int(rest) < 0 else [_read(reader) for _ in range(int(rest))]
    return None


class _Listener:
    """A TCP port of this machine, served by a thread until it is closed."""

    def __init__(self, port=0):
        self._listener = socket.create_server(("127.0.0.1", port))
        self._listener.settimeout(0.05)
        self.port = self._listener.getsockname()[1]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self):
        self._stop.set()
        self._thread.join()
        self._listener.close()


class SlowWay(_Listener):
    """A TCP port that leads to another one; what comes back arrives late."""

    def __init__(self, target, port=0):
        self.target, self.delay = target, 0.0  # seconds; may be changed
        super().__init__(port)

    def _run(self):
        pairs, far_ends, held = {}, set(), []  # the other end of each socket; (when, socket, bytes)
        while not self._stop.is_set():
            for ready in select.select([self._listener, *pairs], [], [], 0.005)[0]:
                if ready is self._listener:
                    near, _ = self._listener.accept()
                    far = socket.create_connection(("127.0.0.1", self.target))
                    pairs[near], pairs[far] = far, near
                    far_ends.add(far)
                    continue
                try:
                    data = ready.recv(65536)
                except OSError:
                    data = b""
                if not data:
                    for end in (ready, pairs.pop(ready)):
                        pairs.pop(end, None)
                        end.close()
                    held = [item for item in held if item[1].fileno() >= 0]
                elif ready in far_ends:
                    held.append((time.monotonic() + self.delay, pairs[ready], data))
                else:
                    pairs[ready].sendall(data)
            while held and held[0][0] <= time.monotonic():
                _, out, data = held.pop(0)
                if out.fileno() >= 0:
                    out.sendall(data)
        for end in pairs:
            end.close()


class Babbler(_Listener):
    """A server that says what Redis would not, to whoever connects."""

    def __init__(self, said):
        self.said, self.greeted, self._open = said, 0, []
        super().__init__()

    def close(self):
        super().close()
        for connection in self._open:
            connection.close()

    def _run(self):
        while not self._stop.is_set():
            try:
                peer, _ = self._listener.accept()
            except TimeoutError:
                continue
            self._open.append(peer)
            peer.settimeout(1)
            try:
                peer.sendall(self.said[self.greeted % len(self.said)])
            except OSError:  # it has left
                pass
            self.greeted += 1
