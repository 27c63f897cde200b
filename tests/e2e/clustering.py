"""Several nodes that share one Redis, with callers and callees of their own."""
import time
from collections import Counter

from harness import EndToEnd, Raw, Route, Tandemd
from phones import Callees, Callers, run
from redis_servers import Redis

LEASE = 2.0  # seconds
TIMEOUT = 0.5  # that a call waits for Redis
SLACK = 0.5  # that a busy machine adds to what a peer sees


class Counted(Callees):
    """They know how many of their calls were up at once."""

    def __init__(self, raw):
        super().__init__(raw, ring=0)
        self.highest = 0

    def take_invite(self, invite):
        super().take_invite(invite)
        self.highest = max(self.highest, self.up())

    def up(self):
        return sum(not call.is_over for call in self.calls.values())


class Timed(Callers):
    """They know how long each has waited for a ring or a refusal."""

    def __init__(self, *arguments, **values):
        super().__init__(*arguments, **values)
        self.since, self.waited = {}, {}

    def invite(self, call):
        self.since[call.invite.call_id] = time.monotonic()
        super().invite(call)

    def take(self, message):
        if message.code and message.code > 100 and message.method == "INVITE":
            self.waited.setdefault(message.call_id, time.monotonic() - self.since[message.call_id])
        super().take(message)

    def codes(self):
        return Counter(code for call in self.calls.values() for _, code in call.finals)


class ClusterTest(EndToEnd):
    lease = LEASE

    def setUp(self):
        super().setUp()
        self.redis = self.server("redis")
        self.callees = Counted(self.phone(Raw()))
        self.nodes, self.parties = [], []

    def phone(self, raw):
        self.addCleanup(raw.socket.close)
        return raw

    def server(self, name, *arguments, **values):
        redis = Redis(self.folder / name, self.ports.take(), *arguments, **values)
        self.addCleanup(redis.kill)
        self.addCleanup(redis.resume)
        return redis

    def node(self, limit=100, on_outage="closed", url="", redis="", **values):
        folder = self.folder / f"node{len(self.nodes)}"
        folder.mkdir()
        profile = (f'[redis]\nurl = "{url or f"redis://127.0.0.1:{self.redis.port}/0"}"\n'
                   f"lease_ms = {int(self.lease * 1000)}\ntimeout_ms = {int(TIMEOUT * 1000)}\n{redis}\n"
                   f'[[profile]]\nname = "total"\nlimit = {limit}\nscope = "cluster"\non_outage = "{on_outage}"\n')
        self.store = folder / "tandem.db"
        config = self.config([Route(self.callees.raw.port, more='profiles = ["total"]')], profiles=profile, **values)
        node = Tandemd(folder, config, port=self.port)
        self.addCleanup(node.kill)
        self.nodes.append(node)
        return node

    def check_sanitizers(self):
        super().check_sanitizers()
        for node in self.nodes:
            self.assertNotRegex(node.stderr.read_text(errors="replace"), "Sanitizer|runtime error:")

    def said(self, node=None):
        return (node or self.nodes[0]).stderr.read_text()

    def callers(self, node, count, rate=1000, hold=3600):
        callers = Timed(self.phone(node.raw()), count, rate, hold)
        self.parties.append(callers)
        return callers

    def run_until(self, condition, timeout=30):
        run(among=(self.callees, *self.parties), until=condition, timeout=timeout)

    def run_for(self, seconds):
        end = time.monotonic() + seconds
        self.run_until(lambda: time.monotonic() >= end)

    def call(self, node, count=1, hold=3600):
        """Calls that have their answer; how many got which."""
        callers = self.callers(node, count, hold=hold)
        self.run_until(lambda: all(call.finals for call in callers.calls.values()))
        self.longest = max(callers.waited.values())
        return callers.codes()

    def hang_up(self, callers):
        for call in callers.calls.values():
            if call.answer:
                callers.hang_up(call)
