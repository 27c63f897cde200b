"""A network between UDP ports that doubles datagrams and changes their order, at random from a seed.

Each party has a stand-in: the port that the others know it by, in Via, Contact and configuration. What comes there goes
on to the party, out of the stand-in of whoever sent it, so that an answer to the source takes the same way back.
"""
import heapq
import itertools
import random
import select
import socket
import threading
import time


class UdpProxy:
    """Runs in a thread of its own from the first stand-in to close()."""

    def __init__(self, seed, duplicate=0.0, reorder=0.0, late=0.03, host="127.0.0.1"):
        self._random, self._host, self._late = random.Random(seed), host, late
        self._duplicate, self._reorder = duplicate, reorder
        self._sockets, self._owners = {}, {}  # by the port of the party; the party by socket
        self._held, self._numbers = [], itertools.count()  # what is to go later: (when, number, socket, data, port)
        self.passed = self.doubled = self.overtaken = 0
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stand_in(self, port):
        """A new port that stands for this one."""
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((self._host, 0))
        with self._lock:
            self._sockets[port], self._owners[made] = made, port
        return made.getsockname()[1]

    def close(self):
        self._stop.set()
        self._thread.join()
        for made in self._owners:
            made.close()

    def _run(self):
        while not self._stop.is_set():
            with self._lock:
                sockets = list(self._owners)
            wait = min(max(self._held[0][0] - time.monotonic(), 0), 0.05) if self._held else 0.05
            for ready in select.select(sockets, [], [], wait)[0]:
                data, sender = ready.recvfrom(65536)
                out = self._sockets.get(sender[1])
                if out:
                    self._pass(out, data, self._owners[ready])
            while self._held and self._held[0][0] <= time.monotonic():
                _, _, out, data, port = heapq.heappop(self._held)
                out.sendto(data, (self._host, port))

    def _pass(self, out, data, port):
        self.passed += 1
        copies = 1
        if self._random.random() < self._duplicate:
            copies = 2
            self.doubled += 1
        for _ in range(copies):
            if self._random.random() < self._reorder:
                self.overtaken += 1
                when = time.monotonic() + self._random.uniform(0, self._late)
                heapq.heappush(self._held, (when, next(self._numbers), out, data, port))
            else:
                out.sendto(data, (self._host, port))
