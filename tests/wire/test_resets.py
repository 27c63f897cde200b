"""Connections, of TCP and of TLS, that are reset while a call is up, or on its way (FAULTS N10)."""
from stream_raw import StreamRaw

from harness import Cdr, Route, main
from sides import TwoSides
from stream import Certificates


class Resets(TwoSides):
    transport = "tcp"

    def contexts(self):
        """Of TLS, for a phone; and the lines of the configuration that it wants."""
        return {}, ""

    def open(self, **settings):
        contexts, lines = self.contexts()
        self.callee_raw = StreamRaw(**contexts)
        self.addCleanup(self.callee_raw.__exit__)
        self.start(Route(self.callee_raw.port, transport=self.transport), transports=("udp", self.transport),
                   profiles=lines, **settings)
        self.callee_raw.tandemd_port = self.tandemd.port
        self.caller_raw = StreamRaw(self.tandemd.port, **contexts)
        self.addCleanup(self.caller_raw.__exit__)
        self.seen = set()

    def finish(self, *expected):
        for raw in (self.caller_raw, self.callee_raw):
            raw.__exit__()
        return super().finish(*expected)

    def pass_info(self, one, other):
        info = one.send("INFO")
        other.raw.respond(other.request("INFO"), 200)
        self.assertEqual(one.final(info).code, 200)

    def test_the_callees_connection(self):
        caller, callee = self.talk()
        self.assertEqual(self.callee_raw.accepted, 1)
        self.callee_raw.reset()
        self.pass_info(caller, callee)
        self.assertEqual(self.callee_raw.accepted, 2, "the request has come by a connection that was made for it")
        self.pass_info(callee, caller)
        self.hang_up(caller, callee)
        self.finish(Cdr("caller_bye", 200))

    def test_the_callers_connection(self):
        caller, callee = self.talk()
        self.assertEqual(self.caller_raw.accepted, 0)
        self.caller_raw.reset()
        self.pass_info(callee, caller)
        self.assertEqual(self.caller_raw.accepted, 1, "to the port of the Contact")
        self.pass_info(caller, callee)
        self.hang_up(callee, caller)
        self.finish(Cdr("callee_bye", 200))

    def test_both_connections_then_a_bye(self):
        caller, callee = self.talk()
        self.callee_raw.reset()
        self.caller_raw.reset()
        self.hang_up(caller, callee)
        self.finish(Cdr("caller_bye", 200))

    def test_while_a_request_is_on_its_way(self):
        """It fails at once, not after 32 s (RFC 3261 section 8.1.3.1); the call is up as before."""
        caller, callee = self.talk()
        info = caller.send("INFO")
        callee.request("INFO")
        self.callee_raw.reset()
        self.assertEqual(caller.final(info).code, 503)
        self.pass_info(caller, callee)
        self.hang_up(caller, callee)
        self.finish(Cdr("caller_bye", 200))

    def test_of_a_callee_who_rings(self):
        self.ring()
        while self.caller_raw.receive().code != 180:  # what is on its way is lost with the connection
            pass
        self.callee_raw.reset()
        refusal = self.caller_raw.receive()
        self.caller_raw.acknowledge(refusal)
        self.assertEqual(refusal.code, 503)
        cancel = self.callee_raw.receive()
        self.assertEqual((cancel.method, cancel.call_id), ("CANCEL", self.leg_b.call_id), "by a connection made for it")
        self.finish(Cdr(None, 503, answered=False, rang=True))

    def test_of_a_caller_who_waits(self):
        """The answer goes to the address of the Via (RFC 3261 section 18.2.2)."""
        self.ring()
        while self.caller_raw.receive().code != 180:
            pass
        self.caller_raw.reset()
        self.callee_raw.respond(self.leg_b, 486)
        refusal = self.caller_raw.receive(2)
        self.assertEqual(refusal.code if refusal else None, 486)
        self.caller_raw.acknowledge(refusal)
        self.assertEqual(self.callee_raw.receive().method, "ACK")
        self.finish(Cdr("refused", 486, rang=True))


class ResetsOverTls(Resets):
    transport = "tls"

    def contexts(self):
        certificates = Certificates(self.folder)
        certificates.make("tandem")
        contexts = {"client": certificates.trusting(), "server": certificates.serving("phone")}
        return contexts, '[tls]\ncertificate = "tandem.pem"\nkey = "tandem.key"\n'


if __name__ == "__main__":
    main()
