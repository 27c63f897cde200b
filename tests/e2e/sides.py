"""Both ends of a call as bare sockets: what SIPp would not send, or not at this moment."""
from harness import EndToEnd, Raw, Route
from sipp import PATIENCE, Message


class Side:
    """One end of a call that is up: what its requests carry, and the next CSeq."""

    def __init__(self, raw, local, remote, call_id, target, cseq):
        self.raw, self.target, self.cseq = raw, target, cseq
        self.answers = {}  # what it answers whenever it is asked: a code, or what gives one, by method
        self.dialog = {"From": local, "To": remote, "Call_ID": call_id}

    def send(self, method, cseq=None, **changed):
        """Sends a request within the dialog and gives it back."""
        if cseq is None and method != "ACK":
            self.cseq += 1
        data = self.raw.request(method, uri=self.target, **self.dialog | changed,
                                CSeq=f"{self.cseq if cseq is None else cseq} {method}")
        self.raw.send(data)
        return Message(data)

    def final(self, request):
        """The final response to it."""
        key = request.branch, request.method
        return self.take(lambda m: m.code and m.code >= 200 and (m.branch, m.method) == key)

    def request(self, method):
        return self.take(lambda m: m.method == method and m.code is None)

    def take(self, wanted):
        """The first message of this kind, which may have come before; what is none is kept."""
        for message in self.kept:
            if wanted(message):
                self.kept.remove(message)
                return message
        while self.keep(PATIENCE):
            if wanted(self.kept[-1]):
                return self.kept.pop()
        raise AssertionError(f"it does not come; what came: {self.kept}")

    @property
    def kept(self):
        return self.raw.__dict__.setdefault("kept", [])

    def keep(self, timeout):
        """Receives one message, and answers it if that has been said; False: none came."""
        message = self.raw.receive(timeout)
        if message is None:
            return False
        self.kept.append(message)
        code = self.answers.get(message.method) if message.code is None else None
        if code:
            self.raw.respond(message, code(message) if callable(code) else code)
        return True


def target_of(message):
    return message.header("Contact").partition("<")[2].partition(">")[0]


class TwoSides(EndToEnd):
    """A call between two bare sockets, up to where a test takes it over."""

    def open(self, **settings):
        """The two sockets and the server between them."""
        self.callee_raw = Raw()
        self.addCleanup(self.callee_raw.__exit__)
        self.start(Route(self.callee_raw.port), **settings)
        self.callee_raw.tandemd_port = self.tandemd.port
        self.caller_raw = self.tandemd.raw()
        self.addCleanup(self.caller_raw.__exit__)
        self.seen = set()  # Call-IDs at the callee

    def ring(self, **settings):
        """An INVITE that rings at the callee: what the caller sent, what the callee got."""
        if not self.tandemd:
            self.open(**settings)
        self.invite = Message(self.caller_raw.request("INVITE"))
        self.caller_raw.send(self.invite.raw)
        self.leg_b = self.callee_raw.receive()
        while self.leg_b.method != "INVITE" or self.leg_b.call_id in self.seen:
            self.leg_b = self.callee_raw.receive()
        self.seen.add(self.leg_b.call_id)
        self.callee_raw.respond(self.leg_b, 180)

    def answer(self):
        """The callee answers; both sides, the caller's ACK not sent yet."""
        self.ring()
        self.callee_raw.respond(self.leg_b, 200)
        answer = self.caller_raw.receive()
        while answer.code != 200 or answer.call_id != self.invite.call_id:
            answer = self.caller_raw.receive()
        caller = Side(self.caller_raw, self.invite.header("From"), answer.header("To"), self.invite.call_id,
                      target_of(answer), 1)
        callee = Side(self.callee_raw, self.leg_b.header("To") + ";tag=raw", self.leg_b.header("From"),
                      self.leg_b.call_id, target_of(self.leg_b), 100)
        return caller, callee

    def talk(self):
        caller, callee = self.answer()
        caller.send("ACK")
        self.assertEqual(callee.request("ACK").cseq, self.leg_b.cseq)
        return caller, callee

    def hang_up(self, caller, callee):
        bye = caller.send("BYE")
        self.assertEqual(caller.final(bye).code, 200)
        callee.raw.respond(callee.request("BYE"), 200)
