"""Streams that are cut anywhere, lie about their lengths or say nothing: the process goes on, and so do its calls."""
import contextlib
import itertools
import resource
import socket
import ssl
import time

from peer import Peer

import netns
from harness import Cdr, EndToEnd, Raw, Route, main
from sides import target_of
from sipp import PATIENCE, Message, wait_until
from stream import Certificates


def setUpModule():
    netns.enter()  # 127.0.0.0/8 is all ours: connections from many addresses


class Streams(EndToEnd):
    """A server for connections of one transport, and for UDP beside them."""
    transport = "tcp"
    context = None  # of a client of TLS

    def setUp(self):
        super().setUp()
        self.callee = Raw()
        self.addCleanup(self.callee.__exit__)
        self.start(Route(self.callee.port), transports=("udp", self.transport), profiles=self.tls_section())
        self.callee.tandemd_port = self.tandemd.port
        self.numbers = itertools.count()
        self.peers = []
        self.addCleanup(self.hang_up_all)

    def tls_section(self):
        """The lines of the configuration that TLS wants."""
        if self.transport != "tls":
            return ""
        certificates = Certificates(self.folder)
        certificates.make("tandem")
        self.context = certificates.trusting()
        return '[tls]\ncertificate = "tandem.pem"\nkey = "tandem.key"\n'

    def peer(self, host="127.0.0.1"):
        peer = Peer(("127.0.0.1", self.tandemd.port), self.transport, host, tls=self.context)
        self.peers.append(peer)
        return peer

    def is_refused(self, host="127.0.0.1"):
        """A new connection is ended at once."""
        try:
            return self.peer(host).is_closed(0.2)
        except ConnectionError:
            return True

    def hang_up_all(self):
        for peer in self.peers:
            peer.close()

    def finish(self, *expected):
        self.hang_up_all()
        return super().finish(*expected)

    def options(self, peer, body="", length=None, line=None):
        """A request in good order, but for its Content-Length."""
        head = peer.options(f"stream-{next(self.numbers)}")
        line = line or f"Content-Length: {len(body) if length is None else length}"
        return head.replace(b"Content-Length: 0", line.encode()) + body.encode()

    def turn(self):
        """The server has had a turn of its loop when it returns, so it has taken what was sent to it before."""
        self.tandemd.answers_options()

    def assert_serves(self, peer):
        peer.send(self.options(peer))
        response = peer.receive()
        self.assertEqual(response.code if response else None, 200)

    def assert_broken(self, data, code=None, reason=None):
        """The stream is answered, where that is right, and ends; others do not notice."""
        with self.peer() as peer:
            with contextlib.suppress(OSError):  # it may end before all was sent
                peer.send(data(peer) if callable(data) else data)
            if code:
                response = peer.receive()
                self.assertEqual((response.code, response.reason) if response else None, (code, reason))
            self.assertTrue(peer.is_closed())
        self.assert_serves(self.peer())


class Cuts(Streams):
    def test_a_stream_cut_at_every_byte(self):
        peer = self.peer()
        for cut in itertools.count(1):
            first, second = self.options(peer, "0123456789"), self.options(peer)
            stream = b"\r\n\r\n" + first + second
            if cut == len(stream):
                break
            peer.send(stream[:cut])
            self.turn()
            peer.send(stream[cut:])
            for request in (first, second):
                response = peer.receive()
                self.assertIsNotNone(response, f"cut after {cut} bytes: {stream[:cut]}")
                self.assertEqual((response.code, response.call_id.encode() in request), (200, True), stream[:cut])
        self.finish()

    def test_a_stream_of_single_bytes(self):
        peer = self.peer()
        for byte in b"\r\n\r\n" + self.options(peer, "0123456789"):
            peer.send(bytes([byte]))
            self.turn()
        self.assertEqual(peer.receive().code, 200)
        self.finish()

    def test_many_messages_in_one_piece(self):
        peer = self.peer()
        requests = [self.options(peer, "x" * number) for number in range(500)]
        peer.send(b"".join(requests))
        answered = {peer.receive().call_id for _ in requests}
        self.assertEqual(len(answered), 500)
        self.finish()


class Lengths(Streams):
    def test_a_length_that_nobody_can_read_ends_the_stream(self):
        for value, code, reason in (("-1", 400, "Bad Content-Length"), ("+5", 400, "Bad Content-Length"),
                                    ("5 5", 400, "Bad Content-Length"), ("0x5", 400, "Bad Content-Length"),
                                    ("", 400, "Bad Content-Length"), ("5,5", 400, "Bad Content-Length"),
                                    ("18446744073709551621", 413, "Message Too Long"),
                                    ("4294967301", 413, "Message Too Long"), ("70000", 413, "Message Too Long")):
            with self.subTest(value):
                self.assert_broken(lambda peer, value=value: self.options(peer, "hello", value), code, reason)
        self.finish()

    def test_no_length_ends_the_stream(self):
        """RFC 3261 section 20.14: on a stream it has to be there."""
        self.assert_broken(lambda peer: self.options(peer, line="X-None: 1"), 400, "Missing Content-Length")
        self.finish()

    def test_two_lengths_end_the_stream_unless_they_are_one(self):
        for lines in ("Content-Length: 5\r\nContent-Length: 0", "l: 0\r\nContent-Length: 5",
                      "Content-Length: 5\r\nSubject: x\r\ncontent-length : 6"):
            with self.subTest(lines):
                self.assert_broken(lambda peer, lines=lines: self.options(peer, "hello", line=lines), 400,
                                   "Two Content-Lengths")
        with self.peer() as peer:
            peer.send(self.options(peer, "hello", line="Content-Length: 5\r\nl: 5"))
            self.assertEqual(peer.receive().code, 400)
            self.assert_serves(peer)  # it was clear where the message ends
        self.finish()

    def test_a_length_too_small_leaves_bytes_that_are_no_message(self):
        with self.peer() as peer:
            peer.send(self.options(peer, "hello\r\nthere\r\n\r\n", 5))
            self.assertEqual(peer.receive().code, 200)
            self.assertTrue(peer.is_closed())
        self.assert_serves(self.peer())
        self.finish()

    def test_a_length_too_small_smuggles_nothing_by_its_rest(self):
        """What stands after the body is a message of its own, and gets an answer of its own."""
        with self.peer() as peer:
            inner = self.options(peer)
            outer = self.options(peer, "hello" + inner.decode(), 5)
            peer.send(outer)
            self.assertEqual([peer.receive().code for _ in range(2)], [200, 200])
        self.finish()

    def test_a_length_too_large_waits_for_its_time_and_no_longer(self):
        peer = self.peer()
        peer.send(self.options(peer, "hello", 6))
        self.turn()
        self.assertIsNone(peer.receive(0.01), "it is whole before its last byte")
        peer.send(b"!")
        self.assertEqual(peer.receive().code, 200)
        peer.send(self.options(peer, "hello", 60000))
        other = self.peer()
        while not peer.is_closed(0.5):
            self.assert_serves(other)
        self.finish()

    def test_bytes_that_are_no_sip_end_the_stream(self):
        for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
                     b"\x00" * 1000, b"OPTIONS sip:x SIP/2.0\r\nA: b\0c\r\n\r\n", b"x" * 200_000):
            with self.subTest(data[:20]):
                self.assert_broken(data)
        self.finish()


class Patience(Streams):
    def test_a_megabyte_of_line_ends(self):
        peer = self.peer()
        self.assert_serves(peer)
        memory = self.tandemd.resident_kb()
        for _ in range(64):
            peer.send(b"\r\n" * 8192)
            self.assertEqual(peer.receive(0.001), None)  # reads the answers to the pings
        self.assert_serves(peer)
        self.assertLess(self.tandemd.resident_kb() - memory, 4096)
        self.assertLess(self.tandemd.answers_options(), 0.5)
        self.finish()


class CutsOverTls(Cuts):
    transport = "tls"


class LengthsOverTls(Lengths):
    transport = "tls"


class PatienceOverTls(Patience):
    transport = "tls"

    def test_clients_that_stop_in_mid_handshake(self):
        """After no byte, after some of the ClientHello, after all of it: others are served, and these have to go."""
        hello = ssl.MemoryBIO()
        client = self.context.wrap_bio(ssl.MemoryBIO(), hello, server_hostname="127.0.0.1")
        self.assertRaises(ssl.SSLWantReadError, client.do_handshake)
        hello = hello.read()
        stopped = [Peer(("127.0.0.1", self.tandemd.port), "tcp") for _ in range(30)]
        self.peers += stopped
        for number, peer in enumerate(stopped):
            peer.send(hello[:number * len(hello) // 29])
        self.assert_serves(self.peer())
        for peer in stopped:
            self.assertTrue(peer.is_closed())
        self.assert_serves(self.peer())
        self.finish()


class Crowd(Streams):
    """Connections that say nothing, from many addresses, which may have 1024 each (lib/net/stream_options.hpp)."""

    def setUp(self):
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        if limit[1] != resource.RLIM_INFINITY and limit[1] < 12_000:
            self.skipTest(f"needs 12000 descriptors, and {limit[1]} are allowed")
        resource.setrlimit(resource.RLIMIT_NOFILE, (12_000, limit[1]))  # the server's too
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limit)
        self.crowd = []
        super().setUp()

    def gather(self, count, host, may_refuse=False):
        """So many connections; how many of them were reset before connect() was done, which few may be."""
        refused = 0
        for _ in range(count):
            try:
                self.crowd.append(socket.create_connection(("127.0.0.1", self.tandemd.port), PATIENCE, (host, 0)))
            except ConnectionResetError:
                self.assertTrue(may_refuse, "it is refused")
                refused += 1
        return refused

    def allow_descriptors(self, count):
        """To the server, from now on."""
        process = self.tandemd.process.pid
        resource.prlimit(process, resource.RLIMIT_NOFILE, (count, resource.prlimit(process, resource.RLIMIT_NOFILE)[1]))

    def hang_up_all(self):
        super().hang_up_all()
        while self.crowd:
            self.crowd.pop().close()

    def call(self):
        """A call over UDP, from its first message to its last."""
        with self.tandemd.raw() as caller:
            invite = caller.request("INVITE")
            caller.send(invite)
            leg = self.callee.receive()
            self.callee.respond(leg, 200)
            answer = caller.receive_other()
            while answer.code != 200:
                answer = caller.receive()
            dialog = {"uri": target_of(answer), "From": Message(invite).header("From"), "To": answer.header("To"),
                      "Call_ID": answer.call_id}
            caller.send(caller.request("ACK", **dialog))
            self.assertEqual(self.callee.receive().method, "ACK")
            bye = caller.request("BYE", CSeq="2 BYE", **dialog)
            caller.send(bye)
            self.callee.respond(self.callee.receive_other(leg), 200)
            while answer.method != "BYE":
                answer = caller.receive()
            self.assertEqual(answer.code, 200)

    @staticmethod
    def end_of(connection):
        """Reads to the end, which is one like a reset, of a connection that has been refused; else there is none."""
        if connection.recv(1) == b"":
            raise ConnectionError

    def test_ten_thousand_and_calls_go_on(self):
        start = time.monotonic()
        for address in range(10):
            self.gather(1000, f"127.0.1.{address + 1}")
            self.call()
        self.assertGreaterEqual(self.tandemd.descriptors(), 10_000)
        self.assert_serves(self.peer())
        self.call()
        # Who says nothing for 32 s has to go; the one who has spoken stays.
        wait_until(lambda: self.tandemd.descriptors() <= self.tandemd.descriptors_at_start + 1,
                   "the silent ones are hung up", timeout=60 + PATIENCE)
        self.assertGreater(time.monotonic() - start, 32)
        self.assert_serves(self.peers[0])
        self.finish(*[Cdr("caller_bye", 200)] * 11)

    def test_one_address_gets_no_more_than_its_share(self):
        self.gather(1024, "127.0.1.1")
        self.turn()
        self.assertTrue(self.is_refused("127.0.1.1"))
        self.assert_serves(self.peer("127.0.1.2"))
        self.call()
        self.crowd.pop().close()
        wait_until(lambda: not self.is_refused("127.0.1.1"), "a place that has become free is given away")
        self.finish(Cdr("caller_bye", 200))

    def test_without_descriptors_calls_go_on(self):
        """FAULTS L2: who can not be taken is refused, nothing spins, and it mends itself."""
        self.call()
        kept = self.peer("127.0.1.2")
        self.assert_serves(kept)
        self.allow_descriptors(self.tandemd.descriptors() + 40)
        refused = self.gather(200, "127.0.1.1", may_refuse=True)
        before, start = self.tandemd.cpu_ns(), time.monotonic()
        self.call()
        while time.monotonic() - start < 1:
            self.tandemd.answers_options()
            self.assert_serves(kept)
            self.callee.receive(0.05)
        self.crowd[-1].settimeout(PATIENCE)
        if not refused:
            self.assertRaises(ConnectionError, self.end_of, self.crowd[-1])
        self.assertLess(self.tandemd.cpu_ns() - before, 0.2e9, "CPU time of a second")
        self.allow_descriptors(12_000)
        self.hang_up_all()
        wait_until(lambda: not self.is_refused(), "connections are taken again")
        self.assert_serves(self.peer())
        self.finish(*[Cdr("caller_bye", 200)] * 2)


if __name__ == "__main__":
    main()
