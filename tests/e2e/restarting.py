"""Calls between bare sockets through a tandemd that is killed and comes back."""
import signal

from sides import Parties, described
from sipp import wait_until

TALK = described("alice", 4000), described("bob", 4001)


def with_lines(description, *lines):
    return description | {"headers": [*description["headers"], *lines]}


class Restart(Parties):
    """Each side remembers the highest number that tandem used towards it before."""

    def begin(self, *names, offer=TALK[0], answer=TALK[1], **settings):
        self.open(*(names or ["bob"]), **settings)
        return self.talk(self.phone(), names[0] if names else "bob", offer, answer)

    def die(self, down=0):
        """Killed, and back after so many seconds."""
        self.tandemd.restart(down)

    def passes_with(self, one, other, method="INFO", **values):
        """It comes in the dialog of the other side, with a number above all before."""
        got, heard = self.passes(one, other, method, **values)
        self.check_dialog(got, other)
        return got, heard

    def drain(self):
        self.tandemd.signal(signal.SIGTERM)
        with self.tandemd.raw() as raw:  # nobody has a route: 404 until the drain has begun
            wait_until(lambda: raw.ask(raw.request("INVITE", "nobody")).code == 503, "503 while draining")

    def check_dialog(self, got, side):
        """The request comes in the dialog of this side."""
        self.assertEqual((got.call_id, got.tag("From"), got.tag("To")),
                         (side.dialog["Call_ID"], side.tag("To"), side.tag("From")))
        if got.method != "ACK":
            self.assertGreater(got.cseq, side.__dict__.get("seen", 0), "tandem's numbers rise")
            side.seen = got.cseq

    def reinvite(self, one, other, port=4010):
        """A re-INVITE, with its offer, answer and ACK end to end."""
        request = one.send("INVITE", **described("new", port))
        got = other.request("INVITE")
        self.check_dialog(got, other)
        self.assertIn(f"m=audio {port} ".encode(), got.body)
        other.answer(got, **described("newer", port + 1))
        answer = one.final(request)
        self.assertEqual((answer.code, answer.tag("To")), (200, one.tag("To")))
        self.assertIn(f"m=audio {port + 1} ".encode(), answer.body)
        one.send("ACK", cseq=request.cseq)
        self.assertEqual(other.request("ACK").cseq, got.cseq)

    def ends_by(self, one, other):
        """The BYE of one side; what the other gets."""
        bye = one.send("BYE")
        got = other.request("BYE")
        self.check_dialog(got, other)
        other.answer(got)
        self.assertEqual(one.final(bye).code, 200)
        return got
