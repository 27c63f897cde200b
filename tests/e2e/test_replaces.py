"""An INVITE with Replaces takes the place of a dialog that is up, or picks up one that rings (RFC 3891)."""
from harness import BYES, Cdr, main
from sides import Parties, described

TALK = described("alice", 4000), described("bob", 4001)


class Places(Parties):
    def begin(self, **settings):
        self.open("bob", "dave", **settings)
        self.alice, self.bob = self.talk(self.phone(), "bob", *TALK)

    def take_over(self, replaced, stays):
        """Dave takes the place of one of the two."""
        dave, invite = self.newcomer(replaced.names())
        offer = stays.request("INVITE")
        self.assertIn(b"m=audio 4004 ", offer.body)
        stays.answer(offer, **described("stays", 4005))
        self.assertEqual(stays.request("ACK").cseq, offer.cseq)
        answer = self.accept(dave, invite)
        self.assertIn(b"m=audio 4005 ", answer.body)
        replaced.answer(replaced.request("BYE"))
        self.passes(dave, stays, body="from the newcomer")
        self.passes(stays, dave, body="to the newcomer")
        self.hang_up(dave, stays)
        self.finish(*[Cdr(BYES, 200)] * 2)

    def newcomer(self, replaces, user="bob", more=(), offer=described("dave", 4004)):
        raw = self.phone()
        values = offer | {"headers": [*offer["headers"], f"Replaces: {replaces}", "Require: replaces", *more]}
        return self.send_invite(raw, user, **values)

    def test_a_newcomer_takes_the_place_of_the_caller(self):
        self.begin()
        self.take_over(self.alice, self.bob)

    def test_a_newcomer_takes_the_place_of_the_callee(self):
        self.begin()
        self.take_over(self.bob, self.alice)

    def test_a_call_that_rings_is_picked_up(self):
        self.open("bob")
        alice, bob, invite, got = self.ring(self.phone(), "bob", **described("alice", 4000))
        dave, place = self.newcomer(bob.names() + ";early-only")
        bob.answer(bob.request("CANCEL"))
        bob.answer(got, 487)
        self.assertEqual(bob.request("ACK").cseq, got.cseq)
        self.assertIn(b"m=audio 4004 ", self.accept(alice, invite).body)
        self.assertIn(b"m=audio 4000 ", self.accept(dave, place).body)
        self.passes(alice, dave, body="one")
        self.passes(dave, alice, body="other")
        self.hang_up(alice, dave)
        self.finish(*[Cdr(BYES, 200)] * 2)

    def test_a_pick_up_with_other_media_is_488_and_it_rings_on(self):
        self.open("bob")
        alice, bob, invite, got = self.ring(self.phone(), "bob", **described("alice", 4000))
        dave, place = self.newcomer(bob.names(), offer=described("dave", 4004, more="m=video 4006 RTP/AVP 96\r\n"))
        self.refused(dave, place, 488)
        bob.answer(got, **described("bob", 4001))
        self.accept(alice, invite)
        bob.request("ACK")
        self.hang_up(alice, bob)
        self.finish(Cdr("caller_bye", 200), among="sip_code = 200")

    def test_if_the_other_peer_refuses_the_call_stays_as_it_was(self):
        self.begin()
        dave, invite = self.newcomer(self.alice.names())
        self.bob.answer(self.bob.request("INVITE"), 488)
        self.refused(dave, invite, 488)
        self.passes(self.alice, self.bob)
        self.hang_up(self.alice, self.bob)
        self.finish(Cdr("caller_bye", 200), Cdr("refused", 488))

    def test_what_may_take_no_place(self):
        """RFC 3891 section 3. Nobody else notices."""
        self.begin()
        good = self.alice.names()
        cases = {"of an unknown call": (481, "x;to-tag=1;from-tag=2", {}),
                 "with a guessed tag": (481, good.replace("to-tag=", "to-tag=0"), {}),
                 "with one tag": (400, good.partition(";from-tag")[0], {}),
                 "twice": (400, good, {"more": [f"Replaces: {good}"]}),
                 "with Join": (400, good, {"more": ["Join: x;to-tag=1;from-tag=2"]}),
                 "early alone, and it is up": (486, good + ";early-only", {}),
                 "without an offer": (488, good, {"offer": {"headers": [], "body": ""}}),
                 "by one who may call nobody": (404, good, {"user": "stranger"})}
        for name, (code, replaces, values) in cases.items():
            with self.subTest(name):
                self.refused(*self.newcomer(replaces, **values), code)
        self.passes(self.alice, self.bob)
        self.assertEqual([m for m in self.bob.kept if m.method == "INVITE" and m.code is None], [])
        self.hang_up(self.alice, self.bob)
        self.finish(Cdr("caller_bye", 200), among="sip_code = 200")

    def test_the_place_of_a_caller_can_not_be_taken_while_it_rings(self):
        """RFC 3891 section 3: an early dialog is replaced only where we have begun it."""
        self.open("bob")
        alice, bob, invite, got = self.ring(self.phone(), "bob", **described("alice", 4000))
        self.refused(*self.newcomer(alice.names()), 481)
        bob.answer(got, 486)
        bob.request("ACK")
        self.refused(alice, invite, 486)
        self.finish(Cdr("refused", 486), among="sip_code <> 481")

    def refused(self, side, invite, code):
        refusal = side.final(invite)
        side.raw.acknowledge(refusal)
        self.assertEqual(refusal.code, code, refusal.reason)


if __name__ == "__main__":
    main()
