"""Calls between bare sockets through a tandemd that is killed and comes back."""
import signal

from harness import Raw
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

    def opened(self):
        """A socket before there is a server."""
        raw = Raw()
        self.addCleanup(raw.__exit__)
        return raw

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

    def target_answers(self, target, got, remaining):
        """The target of a transfer takes the call, and so does who remains."""
        target.answer(got, **described("carol", 4003))
        offer = remaining.request("INVITE")
        self.check_dialog(offer, remaining)
        remaining.answer(offer, **TALK[0])

    def ends_by(self, one, other):
        """The BYE of one side; what the other gets."""
        bye = one.send("BYE")
        got = other.request("BYE")
        self.check_dialog(got, other)
        other.answer(got)
        self.assertEqual(one.final(bye).code, 200)
        return got


class Pending(Restart):
    def hear(self, side, method, what=lambda message: True):
        """The next request of this method, also if it is one that came before, once more."""
        found = side.take(lambda m: m.method == method and m.code is None and what(m))
        side.raw.__dict__.setdefault("taken", set()).add(found.raw)
        return found

    def refused(self, caller, invite, code=487):
        final = caller.final(invite)
        self.assertEqual(final.code, code, final.raw)
        caller.raw.acknowledge(final)
        return final

    def both_hear(self, caller, callee, invite, got):
        """487 and a CANCEL."""
        self.refused(caller, invite)
        self.cancelled(callee, got)

    @staticmethod
    def give_up(caller, invite):
        return caller.send("CANCEL", cseq=invite.cseq, Via=invite.header("Via"), To=invite.header("To"))

    def cancelled(self, callee, got):
        """A CANCEL that the callee's INVITE matches, RFC 3261 section 9.1, and the end of that."""
        cancel = callee.request("CANCEL")
        self.assertEqual((cancel.headers("Via"), cancel.uri, cancel.cseq, cancel.call_id, cancel.header("From")),
                         (got.headers("Via"), got.uri, got.cseq, got.call_id, got.header("From")))
        callee.answer(cancel)
        callee.answer(got, 487)
        ack = self.hear(callee, "ACK")
        self.assertEqual((ack.branch, ack.cseq), (got.branch, got.cseq))

    def hung_up(self, callee, got, tag="raw"):
        """A 2xx is taken and the call ended at once."""
        ack = self.hear(callee, "ACK")
        bye = self.hear(callee, "BYE")
        for request in (ack, bye):
            self.assertEqual((request.call_id, request.tag("To")), (got.call_id, tag))
        callee.answer(bye)
