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
        """The next request of this method; the one before, sent again, is none, but an ACK always is."""
        taken = self.raw.__dict__.setdefault("taken", set())
        found = self.take(lambda m: m.method == method and m.code is None and m.raw not in taken)
        if method != "ACK":
            taken.add(found.raw)
        return found

    def answer(self, request, code=200, **values):
        self.raw.respond(request, code, **values)

    def tag(self, name):
        """The tag of this side, From, or of tandem's, To, in the dialog."""
        return self.dialog[name].rpartition("tag=")[2]

    def names(self, call_id=None):
        """The dialog as a Replaces of somebody else has it (RFC 3891 section 6.1): the To-tag is tandem's."""
        return f"{call_id or self.dialog['Call_ID']};to-tag={self.tag('To')};from-tag={self.tag('From')}"

    def take(self, wanted, patience=PATIENCE):
        """The first message of this kind, which may have come before; what is none is kept."""
        for message in self.kept:
            if wanted(message):
                self.kept.remove(message)
                return message
        while self.keep(patience):
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


def described(who, port, direction="sendrecv", more=""):
    """What a message with a session description has more than others."""
    body = (f"v=0\r\no={who} 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 8\r\na={direction}\r\n{more}")
    return {"headers": ["Content-Type: application/sdp"], "body": body}


class Parties(EndToEnd):
    """Any number of phones, each a bare socket, that call each other by name."""

    def open(self, *names, more="", ring_timeout_ms=20000, **settings):
        """A socket for each name, and the server with a route to it."""
        self.raws = {name: Raw() for name in names}
        for raw in self.raws.values():
            self.addCleanup(raw.__exit__)
        routes = [Route(raw.port, f"^{name}$", ring_timeout_ms, more) for name, raw in self.raws.items()]
        self.start(*routes, **settings)
        for raw in self.raws.values():
            raw.tandemd_port = self.tandemd.port

    def phone(self):
        """A socket more, which nobody can call."""
        raw = self.tandemd.raw()
        self.addCleanup(raw.__exit__)
        return raw

    def send_invite(self, raw, name, **values):
        """The caller's side, and the INVITE that it has sent."""
        invite = Message(raw.request("INVITE", name, **values))
        raw.send(invite.raw)
        return Side(raw, invite.header("From"), invite.header("To"), invite.call_id, invite.uri, 1), invite

    def side_of(self, name):
        """The callee's side of the next call to that name, and the INVITE that it got."""
        side = Side(self.raws[name], None, None, None, None, 100)
        got = side.request("INVITE")
        side.target = target_of(got)
        side.dialog = {"From": got.header("To") + ";tag=raw", "To": got.header("From"), "Call_ID": got.call_id}
        return side, got

    def ring(self, raw, name, **values):
        """A call that rings: both of its sides, what the one sent and what the other got."""
        caller, invite = self.send_invite(raw, name, **values)
        callee, got = self.side_of(name)
        callee.answer(got, 180)
        caller.dialog["To"] = caller.take(lambda m: m.code == 180 and m.call_id == invite.call_id).header("To")
        return caller, callee, invite, got

    def accept(self, caller, invite):
        """The 2xx that the caller has, acknowledged."""
        answer = caller.final(invite)
        self.assertEqual(answer.code, 200, answer.raw)
        caller.dialog["To"], caller.target = answer.header("To"), target_of(answer)
        caller.send("ACK", cseq=invite.cseq)
        return answer

    def talk(self, raw, name, offer, answer):
        """A call that is up: both of its sides."""
        caller, callee, invite, got = self.ring(raw, name, **offer)
        callee.answer(got, **answer)
        self.accept(caller, invite)
        self.assertEqual(callee.request("ACK").cseq, got.cseq)
        return caller, callee

    def hang_up(self, one, other):
        bye = one.send("BYE")
        other.answer(other.request("BYE"))
        self.assertEqual(one.final(bye).code, 200)

    def passes(self, one, other, method="INFO", code=200, headers=(), body="", answer=()):
        """A request from one side to the other and its answer back: what the other got, what the one heard."""
        request = one.send(method, headers=headers, body=body)
        got = other.request(method)
        self.assertEqual(got.body.decode(), body)
        other.answer(got, code, **dict(answer))
        heard = one.final(request)
        self.assertEqual(heard.code, code)
        return got, heard


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
