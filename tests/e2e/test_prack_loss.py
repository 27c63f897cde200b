"""Early media by reliable responses, over a network that loses them, their PRACKs and the answers (FAULTS N9)."""
import time

import netns
from harness import Cdr, main
from phones import T1
from sides import Parties, described, target_of
from sipp import PATIENCE


def setUpModule():
    netns.enter()


def begins(text):
    """A datagram that begins so, as nft says it: behind the eight bytes of the UDP header."""
    return f"@th,64,{8 * len(text)} 0x{text.encode().hex()}"


def each_second(match):
    """The first such datagram is lost, the second comes, and so on."""
    return 100, f"{match} numgen inc mod 2 < 1"


class Lossy(Parties):
    EARLY, OFFER = described("bob", 4001), described("alice", 4000)

    def begin(self, *options):
        self.open("bob", ring_timeout_ms=60000)
        headers = [*self.OFFER["headers"], *options]
        sides = self.ring(self.phone(), "bob", headers=headers, body=self.OFFER["body"])
        self.one, self.other, self.invite, self.got = sides

    def progress(self):
        """The callee's reliable 183 with early media."""
        self.other.answer(self.got, 183, body=self.EARLY["body"],
                          headers=[*self.EARLY["headers"], "Require: 100rel", "RSeq: 5"])

    def repeat(self, send, wanted):
        """Both take part; `send` is done now and every 500 ms until what is wanted has come, which it gives."""
        due, end = 0, time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if time.monotonic() >= due:
                send()
                due = time.monotonic() + T1
            for side in (self.one, self.other):
                side.keep(0.005)
                found = next((m for m in side.kept if wanted(m)), None)
                if found:
                    return found
        self.fail(f"it does not come; what came: {self.one.kept} {self.other.kept}")

    def answer_and_hang_up(self, **described):
        self.other.answer(self.got, **described)
        answer = self.accept(self.one, self.invite)
        self.other.request("ACK")
        self.hang_up(self.one, self.other)
        self.finish(Cdr("caller_bye", 200, rang=True))
        return answer

    def rules(self, but=None):
        """Every second 183, PRACK and answer to one, both ways on both legs."""
        one, other, tandemd = self.one.raw.port, self.other.raw.port, self.tandemd.port
        ways = {"from the callee": f"udp sport {other} udp dport {tandemd}", "to the callee": f"udp dport {other}",
                "from the caller": f"udp sport {one} udp dport {tandemd}", "to the caller": f"udp dport {one}"}
        texts = {"from the callee": ("SIP/2.0 183", "SIP/2.0 200"), "to the callee": ("PRACK ",),
                 "from the caller": ("PRACK ",), "to the caller": ("SIP/2.0 183", "SIP/2.0 200")}
        return [each_second(f"{ways[way]} {begins(text)}")
                for way, some in texts.items() for text in some if way != but]

    def pracks(self):
        return [m for m in self.other.kept if m.method == "PRACK" and m.code is None]

    def test_what_is_lost_is_sent_again_and_everything_comes_once(self):
        self.begin("Supported: 100rel")
        self.other.answers = {"PRACK": 200}  # whenever it comes
        with netns.Loss(*self.rules()) as loss:
            heard = self.repeat(self.progress, lambda m: m.code == 183)
            self.assertEqual(heard.body.decode(), self.EARLY["body"])
            self.one.dialog["To"], self.one.target = heard.header("To"), target_of(heard)
            prack = self.one.raw.request("PRACK", uri=self.one.target, **self.one.dialog, CSeq="2 PRACK",
                                         headers=[f"RAck: {heard.header('RSeq')} {self.invite.header('CSeq')}"])
            self.one.cseq = 2
            final = self.repeat(lambda: self.one.raw.send(prack), lambda m: m.method == "PRACK" and m.code)
            self.assertEqual(final.code, 200)
            self.assertTrue(all(loss.lost()), loss.lost())
        self.assertEqual({m.header("RAck") for m in self.pracks()}, {f"5 {self.got.header('CSeq')}"})
        self.assertEqual(len({m.raw for m in self.pracks()}), 1, "one PRACK, sent again")
        self.assertEqual(self.answer_and_hang_up().body, b"", "the answer was in the 183")

    def test_the_prack_that_tandem_makes_is_sent_again(self):
        self.begin()
        self.other.answers = {"PRACK": 200}
        with netns.Loss(*self.rules(but="to the caller")) as loss:  # she gets it once
            heard = self.repeat(self.progress, lambda m: m.code == 183)
            self.assertEqual((heard.header("RSeq"), heard.header("Require")), ("", ""))
            self.repeat(lambda: None, lambda _: len(self.pracks()) > 1)
            self.assertGreater(loss.lost()[2], 0)
        self.assertEqual(len({m.raw for m in self.pracks()}), 1)
        self.assertEqual(self.answer_and_hang_up().body.decode(), self.EARLY["body"])

    def test_a_caller_whom_no_183_reaches_hears_504_and_the_callee_a_cancel(self):
        """RFC 3262 section 3: sent again for 64*T1."""
        self.begin("Supported: 100rel")
        with netns.Loss((100, f"udp dport {self.one.raw.port} {begins('SIP/2.0 183')}")) as loss:
            self.progress()
            refusal = self.one.take(lambda m: m.code and m.code >= 200, 64 * T1 + PATIENCE)
            self.assertEqual(refusal.code, 504)
            self.one.raw.acknowledge(refusal)
            self.assertEqual(loss.lost(), [7], "after 0, 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s")
        self.other.answer(self.other.request("CANCEL"))
        self.other.answer(self.got, 487)
        self.assertEqual(self.other.request("ACK").cseq, self.got.cseq)
        self.finish(Cdr("refused", 504, rang=True))


if __name__ == "__main__":
    main()
