"""Callers and callees by the hundred, each on one bare socket, for networks that SIPp's scenarios do not forgive.

They repeat what is not answered (RFC 3261 section 17), and take what comes in any order and any number of times.
"""
import heapq
import itertools
import select
import time
from dataclasses import dataclass, field

from sides import target_of
from sipp import Message

T1, T2 = 0.5, 4.0


@dataclass
class Call:
    invite: Message
    answer: Message = None  # the 2xx
    finals: set = field(default_factory=set)  # To-tag and code of each final answer to the INVITE
    branches: set = field(default_factory=set)  # of the INVITEs that came
    ack: bytes = None
    bye: Message = None
    answered: set = field(default_factory=set)  # methods of requests that need not be repeated
    is_over: bool = False
    has_failed: bool = False  # it was given up, or hung up by the other side


class Phones:
    """What both sides have: calls by Call-ID, and what is to be done later."""
    t1 = T1  # a test may be in a hurry

    def __init__(self, raw):
        self.raw, self.calls, self._due, self._numbers = raw, {}, [], itertools.count()

    def later(self, seconds, action):
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._numbers), action))

    def repeat(self, send, is_done, most=T2, give_up=lambda: None):
        """Sends now and again until it is done, or given up after 64*T1."""
        end = time.monotonic() + 64 * self.t1

        def once(interval):
            if is_done():
                return
            if time.monotonic() > end:
                give_up()
                return
            send()
            self.later(interval, lambda: once(min(2 * interval, most)))
        once(self.t1)

    def act(self):
        """Does what is due; gives the seconds until there is more."""
        while self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()
        return max(self._due[0][0] - time.monotonic(), 0) if self._due else 1.0

    def receive(self):
        """Takes one message; False when there is none."""
        message = self.raw.receive(0)
        if message:
            self.take(message)
        return message is not None

    def take_bye(self, call, bye):
        self.raw.respond(bye, 200)
        call.has_failed = call.has_failed or not call.is_over
        call.is_over = True

    @property
    def are_over(self):
        return all(call.is_over for call in self.calls.values())


class Callers(Phones):
    """They call, talk for a moment and hang up."""

    def __init__(self, raw, count, rate, hold, user="bob"):
        super().__init__(raw)
        self.hold = hold
        for number in range(count):
            call = Call(Message(raw.request("INVITE", user)))
            self.calls[call.invite.call_id] = call
            self.later(number / rate, lambda call=call: self.invite(call))

    def invite(self, call):
        self.repeat(lambda: self.raw.send(call.invite.raw), lambda: "INVITE" in call.answered, most=64 * self.t1,
                    give_up=lambda: self.fail(call))

    def fail(self, call):
        call.is_over = call.has_failed = True

    def take(self, message):
        call = self.calls.get(message.call_id)
        if not call:
            return
        if message.method == "BYE" and message.code is None:
            self.take_bye(call, message)
        elif message.code:
            call.answered.add(message.method)
            if message.code >= 200 and message.method == "INVITE":
                self.take_final(call, message)
            elif message.code >= 200:
                call.is_over = True

    def take_final(self, call, message):
        call.finals.add((message.tag("To"), message.code))
        if message.code >= 300:
            self.raw.acknowledge(message)
            self.fail(call)
            return
        if not call.answer:
            call.answer = message
            call.ack = self.request(call, "ACK", 1)
            self.later(self.hold, lambda: self.hang_up(call))
        self.raw.send(call.ack)

    def request(self, call, method, cseq):
        return self.raw.request(method, uri=target_of(call.answer), From=call.invite.header("From"),
                                To=call.answer.header("To"), Call_ID=call.invite.call_id, CSeq=f"{cseq} {method}")

    def hang_up(self, call):
        if not call.is_over:
            call.bye = Message(self.request(call, "BYE", 2))
            self.repeat(lambda: self.raw.send(call.bye.raw), lambda: call.is_over, give_up=lambda: self.fail(call))


class Callees(Phones):
    """They ring, answer after a moment and wait to be hung up."""

    def __init__(self, raw, ring):
        super().__init__(raw)
        self.ring = ring

    def take(self, message):
        if message.code:
            return
        if message.method == "INVITE":
            self.take_invite(message)
        call = self.calls.get(message.call_id)
        if call and message.method == "ACK":
            call.answered.add("200")
        elif call and message.method == "BYE":
            self.take_bye(call, message)

    def take_invite(self, invite):
        call, peer = self.calls.get(invite.call_id), self.raw.peer
        if not call:
            call = self.calls[invite.call_id] = Call(invite)
            self.later(self.ring, lambda: self.repeat(lambda: self.raw.respond(invite, 200, peer=peer),
                                                      lambda: call.is_over or "200" in call.answered))
        call.branches.add(invite.branch)
        self.raw.respond(invite, 200 if "200" in call.answered else 180)


def run(*parties, among=(), timeout, until=None):
    """Until the calls of these parties are over, or what else is asked for; others take part."""
    deadline = time.monotonic() + timeout
    sockets = {party.raw.socket: party for party in (*parties, *among)}
    while not (until() if until else all(party.are_over for party in parties)):
        if time.monotonic() > deadline:
            left = [call for party in sockets.values() for call in party.calls.values() if not call.is_over]
            raise AssertionError(f"{len(left)} calls are not over after {timeout:g} s: {left[:1]}")
        wait = min(party.act() for party in sockets.values())
        for ready in select.select(sockets, [], [], min(wait, 0.1))[0]:
            while sockets[ready].receive():  # all that is there, or the kernel drops some
                pass
