"""Transfers by REFER with three parties, blind and attended (RFC 5589): done by tandem, passed on, refused."""
from urllib.parse import quote, unquote

from harness import BYES, Cdr, EndToEnd, Route, main
from sides import Parties, described
from sipp import wait_until

TALK = described("alice", 4000), described("bob", 4001)


def reference(user, side):
    """A Refer-To with the name of that dialog."""
    return f"Refer-To: <sip:{user}@127.0.0.1?Replaces={quote(side.names(), safe='')}>"


class Transfer(EndToEnd):
    def transfer(self, caller, first, second, **values):
        """A call to `first`, who transfers the caller to `second`; the three when all is over."""
        first = self.callee(first)
        second = self.callee(second, **values)
        self.start(Route(second.port, match="^carol$"), Route(first.port))
        caller = self.caller(caller)
        for sipp in (caller, first, second):
            sipp.finish()
        return caller, first, second

    @staticmethod
    def fragments(side):
        by_cseq = {m.cseq: m.body.strip() for m in side.received("NOTIFY")}
        return [body.decode() if isinstance(body, bytes) else body for body in by_cseq.values()]

    def test_the_callee_transfers_the_caller(self):
        caller, first, second = self.transfer("caller_is_transferred", "callee_refers", "callee_is_asked_again")
        self.assertEqual(self.fragments(first), ["SIP/2.0 100 Trying", "SIP/2.0 180 Ringing", "SIP/2.0 200 OK"])
        self.assertIn("terminated", first.received("NOTIFY")[-1].header("Subscription-State"))
        self.assertTrue(second.received("INVITE")[0].header("Referred-By"))
        self.finish(Cdr("caller_bye", 200, caller, second))

    def test_a_target_that_is_busy_leaves_the_call_as_it_was(self):
        caller, first, second = self.transfer("caller_is_hung_up", "callee_transfer_fails", "callee_refuses",
                                              code=486, reason="Busy Here", headers="")
        self.assertEqual(self.fragments(first)[-1], "SIP/2.0 486 Busy Here")
        self.assertEqual(caller.received("INVITE"), [])
        self.finish(Cdr("callee_bye", 200, caller))

    def refused(self, policy, caller, code):
        callee = self.callee("callee_may_not_refer", code=code)
        self.start(Route(callee.port, more=f'refer = "{policy}"'))
        caller = self.caller(caller)
        for sipp in (caller, callee):
            sipp.finish()
        return caller, callee

    def test_a_route_may_reject_transfers(self):
        caller, callee = self.refused("reject", "caller_is_hung_up", 603)
        self.finish(Cdr("callee_bye", 200, caller, callee))

    def test_a_route_may_pass_transfers(self):
        caller, callee = self.refused("pass", "caller_takes_refer", 202)
        self.assertEqual(caller.received("REFER")[0].header("Refer-To"), "<sip:carol@tandem.example>")
        self.finish(Cdr("callee_bye", 200, caller, callee))


class Passed(Parties):
    """Where a route passes REFER both sides are their own: Refer-To, what names who referred, and the NOTIFYs back."""

    def refer(self, *lines):
        """The callee's REFER, as the caller gets it; both sides."""
        self.open("bob", "carol", more='refer = "pass"')
        caller, callee = self.talk(self.phone(), "bob", {}, {})
        got, _ = self.passes(callee, caller, "REFER", 202, lines)
        return caller, callee, got

    def end(self, caller, callee):
        self.hang_up(caller, callee)
        self.finish(Cdr("caller_bye", 200))

    def test_refer_to_and_referred_by_pass_and_notify_comes_back(self):
        caller, callee, got = self.refer("Refer-To: <sip:carol@c.example;user=phone>",
                                         "Referred-By: <sip:bob@b.example>")
        self.assertEqual(got.headers("Refer-To"), ["<sip:carol@c.example;user=phone>"])
        self.assertEqual(got.headers("Referred-By"), ["<sip:bob@b.example>"])
        for state, fragment in (("active;expires=60", "100 Trying"), ("terminated;reason=noresource", "200 OK")):
            notify, _ = self.passes(caller, callee, "NOTIFY", headers=[
                "Event: refer", f"Subscription-State: {state}", "Content-Type: message/sipfrag"],
                body=f"SIP/2.0 {fragment}\r\n")
            self.assertEqual((notify.header("Event"), notify.header("Subscription-State")), ("refer", state))
        self.end(caller, callee)

    def test_a_dialog_of_somebody_else_is_named_as_it_was(self):
        target = "<sip:carol@c.example?Replaces=x%40y%3Bto-tag%3D1%3Bfrom-tag%3D2>"
        caller, callee, got = self.refer(f"Refer-To: {target}")
        self.assertEqual(got.header("Refer-To"), target)
        self.end(caller, callee)

    def test_a_dialog_of_the_callee_is_named_by_its_other_leg(self):
        """It is the caller's own there: its Call-ID and its tags."""
        self.open("bob", more='refer = "pass"')
        caller, callee = self.talk(self.phone(), "bob", {}, {})
        named = quote(callee.names(), safe="")
        got, _ = self.passes(callee, caller, "REFER", 202, [f"Refer-To: <sip:carol@c.example?Replaces={named}>"])
        replaces = unquote(got.header("Refer-To").partition("Replaces=")[2].rstrip(">"))
        ours, theirs = caller.tag("To"), caller.tag("From")
        self.assertEqual(replaces, f"{caller.dialog['Call_ID']};to-tag={theirs};from-tag={ours}")
        self.end(caller, callee)

    def test_a_refusal_of_the_other_side_is_the_answer(self):
        self.open("bob", more='refer = "pass"')
        caller, callee = self.talk(self.phone(), "bob", {}, {})
        self.passes(callee, caller, "REFER", 603, ["Refer-To: <sip:carol@c.example>"])
        self.end(caller, callee)


class Attended(Parties):
    def begin(self):
        """Alice talks with Bob, and by another dialog with Carol, whom she wants him to have."""
        self.open("bob", "carol")
        self.to_bob, self.bob = self.talk(self.phone(), "bob", *TALK)
        self.to_carol, self.carol = self.talk(self.phone(), "carol", described("alice", 4010), described("carol", 4002))

    def refer(self):
        refer = self.to_bob.send("REFER", headers=[reference("carol", self.to_carol)])
        self.assertEqual(self.to_bob.final(refer).code, 202)
        self.assertEqual(self.fragment(), "SIP/2.0 100 Trying")

    def asked_first(self):
        """Bob is; where several workers have the two calls it is Carol, by the one that has hers."""
        def has_invite(side):
            while side.keep(0.05):
                pass
            return any(message.method == "INVITE" and message.code is None for message in side.kept)
        found = []
        wait_until(lambda: found.extend(filter(has_invite, (self.bob, self.carol))) or found, "one of the two is asked")
        return found[0]

    def fragment(self):
        notify = self.to_bob.request("NOTIFY")
        self.to_bob.answer(notify)
        self.assertIn("refer", notify.header("Event"))
        self.state = notify.header("Subscription-State")
        return notify.body.decode().strip()

    def test_the_two_who_remain_are_joined_and_who_referred_is_released(self):
        self.begin()
        self.refer()
        ports = {self.bob: 4001, self.carol: 4002}
        asked = self.asked_first()
        for side in (asked, self.bob if asked is self.carol else self.carol):
            offer = side.request("INVITE")
            self.assertIn(f"m=audio {8003 - ports[side]} ".encode(), offer.body)
            side.answer(offer, **described("bob" if side is self.bob else "carol", ports[side]))
            self.assertEqual(side.request("ACK").cseq, offer.cseq)
        self.to_carol.answer(self.to_carol.request("BYE"))
        self.assertEqual(self.fragment(), "SIP/2.0 200 OK")
        self.assertIn("terminated", self.state)
        self.to_bob.answer(self.to_bob.request("BYE"))
        self.passes(self.carol, self.bob, body="one")
        self.passes(self.bob, self.carol, body="other")
        self.hang_up(self.bob, self.carol)
        self.finish(*[Cdr(BYES, 200)] * 3)

    def test_a_refusal_leaves_both_calls_as_they_were(self):
        self.begin()
        self.refer()
        asked = self.asked_first()
        asked.answer(asked.request("INVITE"), 488)
        self.assertEqual(self.fragment(), "SIP/2.0 488 Not Acceptable Here")
        for one, other in ((self.to_bob, self.bob), (self.to_carol, self.carol)):
            self.passes(one, other)
            self.passes(other, one)
            self.hang_up(one, other)
        # Where two workers join calls the one that asks the other has a record of it.
        inner = [Cdr("refused", 488)] if asked is self.carol else []
        self.finish(*[Cdr("caller_bye", 200)] * 2, *inner)

    def test_a_dialog_that_is_not_here_is_named_to_the_target(self):
        """RFC 5589 section 7.1: the target knows it, and answers in its place."""
        self.open("bob", "carol")
        to_bob, bob = self.talk(self.phone(), "bob", *TALK)
        self.to_bob = to_bob
        refer = to_bob.send("REFER", headers=["Refer-To: <sip:carol@x?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2>"])
        self.assertEqual(to_bob.final(refer).code, 202)
        self.assertEqual(self.fragment(), "SIP/2.0 100 Trying")
        carol, to_carol = self.side_of("carol")
        self.assertEqual(to_carol.header("Replaces"), "x;to-tag=1;from-tag=2")
        carol.answer(to_carol, 481)
        self.assertEqual(self.fragment(), "SIP/2.0 481 Call/Transaction Does Not Exist")
        self.hang_up(to_bob, bob)
        self.finish(Cdr("caller_bye", 200), Cdr("refused", 481))


if __name__ == "__main__":
    main()
