"""Messages larger than a packet, over IPv4 and IPv6: in fragments, and whole at the other end."""
import netns
from harness import Cdr, EndToEnd, Raw, Route, main
from sides import Side, target_of
from sipp import Message

MTU = 1500  # of an Ethernet; lo has more, and would never cut anything
SDP = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n"


def setUpModule():
    netns.enter()
    netns.run("ip", "link", "set", "lo", "mtu", str(MTU))


class BigDatagrams(EndToEnd):
    def call_with(self, size):
        """A call whose offer and whose INFO have bodies of this size. Nobody listens with TCP, so all goes over UDP."""
        body = SDP + "a=x-filler:" + "x" * (size - len(SDP) - 13) + "\r\n"
        described = {"headers": ["Content-Type: application/sdp"], "body": body}
        with self.tandemd.raw() as raw:
            invite = Message(raw.request("INVITE", **described))
            raw.send(invite.raw)
            leg = self.callee.receive()
            self.assertEqual(leg.body.decode(), body)
            self.callee.respond(leg, 200)
            while (answer := raw.receive()).code != 200:
                pass
            caller = Side(raw, invite.header("From"), answer.header("To"), invite.call_id, target_of(answer), 1)
            caller.send("ACK")
            self.assertEqual(self.callee.receive().method, "ACK")
            info = caller.send("INFO", **described)
            passed = self.callee.receive()
            self.assertEqual(passed.body.decode(), body)
            self.callee.respond(passed, 200)
            self.assertEqual(caller.final(info).code, 200)
            bye = caller.send("BYE")
            self.callee.respond(self.callee.receive(), 200)
            self.assertEqual(caller.final(bye).code, 200)

    def check(self, host):
        self.callee = Raw(host)
        self.addCleanup(self.callee.__exit__)
        self.start(Route(self.callee.port), host=host)
        self.callee.tandemd_port = self.tandemd.port
        sizes = (1200, 1500, 4000, 60000)
        for size in sizes:
            with self.subTest(f"a body of {size} bytes"):
                self.call_with(size)
        self.finish(*[Cdr("caller_bye", 200)] * len(sizes))

    def test_over_ipv4(self):
        self.check("127.0.0.1")

    def test_over_ipv6(self):
        self.check("::1")


if __name__ == "__main__":
    main()
