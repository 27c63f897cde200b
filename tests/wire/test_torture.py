"""Each message of RFC 4475 and RFC 5118, byte for byte, by each transport; expectations.toml says what has to come."""
import itertools
import re

from corpus import requests, samples
from peer import Peer

import netns
from harness import Cdr, EndToEnd, Raw, Route, main
from sides import Side, target_of
from sipp import Message
from stream import Certificates


def setUpModule():
    netns.enter()  # responses go to the port of the Via, which is mostly 5060


def condensed(text):
    """Without blanks: what is unfolded or trimmed on the way is the same. A NUL comes back as a question mark."""
    return re.sub(r"\s", "", text.replace("\0", "?"))


def as_answer(sample, invite, contact):
    """The response as the answer to this INVITE: its topmost Via, and the headers that name a dialog, but for a CSeq
    that is what the sample is about."""
    head, _, body = sample.data.decode().partition("\r\n\r\n")
    ours = {name: invite.header(name) for name in ("Via", "From", "Call-ID", "CSeq")}
    ours |= {"To": invite.header("To") + ";tag=wire", "Contact": f"<sip:{contact}>"}
    if sample.name == "scalarlg":
        del ours["CSeq"]
    lines = head.split("\r\n")
    for number, line in enumerate(lines):
        name = line.partition(":")[0]
        if name in ours:
            lines[number] = f"{name}: {ours.pop(name)}"
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


class Wire(EndToEnd):
    """A server that routes all to one callee, and one who sends."""
    host = sender = "127.0.0.1"
    context = None  # of a client of TLS

    def setUp(self):
        super().setUp()
        self.callee = Raw(self.host)
        self.addCleanup(self.callee.__exit__)
        self.numbers = itertools.count()

    def begin(self, transport="tcp"):
        """The server, with a listener of this transport beside that for UDP."""
        tls = ""
        if transport == "tls":
            certificates = Certificates(self.folder)
            certificates.make("tandem")
            self.context = certificates.trusting()
            tls = '[tls]\ncertificate = "tandem.pem"\nkey = "tandem.key"\n'
        transports = ("udp", "tcp" if transport == "udp" else transport)
        self.start(Route(self.callee.port), host=self.host, transports=transports, profiles=tls)
        self.callee.tandemd_port = self.tandemd.port

    def peer(self, transport, port=0):
        sender = self.sender if transport == "udp" else ""
        return Peer((self.host, self.tandemd.port), transport, sender, port, self.context)

    def final(self, peer, uri=None):
        """The next final response, acknowledged where it refuses an INVITE."""
        while (message := peer.receive()) is not None:
            if message.code and message.code >= 200:
                peer.acknowledge(message, uri)
                return message
        return None

    def assert_alive(self, peer):
        """OPTIONS is answered; gives the final responses that came before."""
        call_id = f"alive-{next(self.numbers)}"
        peer.send(peer.options(call_id))
        before = []
        while (message := self.final(peer)) is not None:
            if message.call_id == call_id:
                self.assertEqual(message.code, 200)
                return before
            before.append(message)
        self.fail(f"OPTIONS is not answered; before it came {before}")

    # Requests

    def send_all(self, rfc, transport):
        for group in requests(rfc):
            self.begin(transport)
            for sample in group:
                with self.subTest(str(sample)):
                    came, wanted = self.exchange(sample, transport)
                    if sample.pending:
                        self.assertNotEqual(came, wanted, "it is right now: take the entry's pending away")
                    else:
                        self.assertEqual(came, wanted, sample.why)
            self.finish(among="answered_us > 0")  # no call came about

    def exchange(self, sample, transport):
        """Sends it; gives the codes of the final responses and those that are wanted."""
        wanted = sample.answer if transport == "udp" or sample.stream is None else sample.stream
        wanted = wanted if isinstance(wanted, list) else [wanted]
        with self.peer(transport, sample.via_port if transport == "udp" else 0) as peer:
            peer.send(sample.data)
            if 486 in wanted:
                self.take_invite(sample)
            if wanted == [0]:
                came = self.assert_alive(peer) if transport == "udp" else []
            else:
                came = [self.final(peer, sample.uri) for _ in wanted]
                self.check_refusal(sample, came[0], transport != "udp" and sample.stream_says or sample.says)
            if transport != "udp":
                came += self.others(peer)
        with self.peer("udp", 5060) as other:
            came += self.assert_alive(other)
        self.assertIsNone(self.callee.receive(0.001), "it is routed on, or sent again")
        return [message.code for message in came] or [0], wanted

    def others(self, peer):
        """Final responses on this connection beyond those that were wanted; the server has had its turn."""
        with self.peer("udp") as other:
            came = self.assert_alive(other)
        while (message := peer.receive(0.02)) is not None:
            came += [message] if message.code and message.code >= 200 else []
        return came

    def take_invite(self, sample):
        """The INVITE at the callee, who refuses it."""
        invite = self.callee.receive()
        self.assertIsNotNone(invite, "it is not routed on")
        for text in sample.routed:
            self.assertIn(text.encode(), invite.raw)
        if sample.name != "dblreq":
            self.assertEqual(invite.body, Message(sample.data).body)
        self.callee.respond(invite, 486)
        self.assertEqual(self.callee.receive().method, "ACK")

    def check_refusal(self, sample, response, says):
        self.assertIsNotNone(response, "no answer")
        if says:
            self.assertEqual(response.reason, says)
        for text in sample.holds:
            self.assertIn(text.encode(), response.raw)
        request = Message(sample.data)
        self.assertEqual(len(response.headers("Via")), len(request.headers("Via")))
        for name in ("From", "Call-ID", "CSeq"):
            self.assertEqual(condensed(response.header(name)), condensed(request.header(name)))
        self.assertTrue(condensed(response.header("To")).startswith(condensed(request.header("To"))))

    # Responses

    def answer_all(self, rfc):
        """Each response of the RFC in place of a callee's, with the ids that make it match."""
        self.begin()
        expected = []
        for sample in samples(rfc):
            if sample.response:
                with self.subTest(str(sample)), Raw(self.host, self.tandemd.port) as caller:
                    expected.append(self.answer(sample, caller))
        self.finish(*expected)

    def answer(self, sample, caller):
        """The callee answers with it; gives the record that the call must have."""
        invite = Message(caller.request("INVITE"))
        caller.send(invite.raw)
        leg = self.callee.receive()
        self.callee.reply(as_answer(sample, leg, self.callee.name))
        if sample.answer:
            self.assertEqual(caller.receive().code, 100)
            response = caller.receive()
            self.assertEqual(response.code, sample.answer, sample.why)
            for text in sample.holds:
                self.assertIn(text.encode(), response.raw)
            self.assertEqual(response.body, Message(sample.data).body)
            self.hang_up(caller, invite, response)
            return Cdr("caller_bye", 200)
        with self.peer("udp") as other:
            self.assert_alive(other)
        self.callee.respond(leg, 486)  # so the INVITE is still open
        self.assertEqual([caller.receive().code, (final := caller.receive()).code], [100, 486], sample.why)
        caller.acknowledge(final)
        self.assertEqual(self.callee.receive().method, "ACK")
        return Cdr("refused", 486)

    def hang_up(self, caller, invite, answer):
        side = Side(caller, invite.header("From"), answer.header("To"), invite.call_id, target_of(answer), 1)
        side.send("ACK")
        self.assertEqual(self.callee.receive().method, "ACK")
        bye = side.send("BYE")
        self.callee.respond(self.callee.receive(), 200)
        self.assertEqual(side.final(bye).code, 200)


class Rfc4475(Wire):
    sender = "127.0.0.2"

    def test_requests_over_udp(self):
        self.send_all("rfc4475", "udp")

    def test_requests_over_tcp(self):
        self.send_all("rfc4475", "tcp")

    def test_requests_over_tls(self):
        self.send_all("rfc4475", "tls")

    def test_responses(self):
        self.answer_all("rfc4475")


class Rfc5118(Wire):
    host = sender = "::1"

    def test_requests_over_udp(self):
        self.send_all("rfc5118", "udp")

    def test_requests_over_tcp(self):
        self.send_all("rfc5118", "tcp")

    def test_requests_over_tls(self):
        self.send_all("rfc5118", "tls")


if __name__ == "__main__":
    main()
