"""Two messages that cross, with every distance in time between them: whoever is first, both sides agree in the end."""
import time

from harness import Cdr, main
from sides import Side, TwoSides, target_of
from sipp import wait_until

MS = 0.001


class Sweep(TwoSides):
    @staticmethod
    def in_order(offset, first, second):
        """Does the first now and the second `offset` later, or the second before the first. Meanwhile nobody looks at
        what comes: it is still under way to him."""
        early, late = (first, second) if offset >= 0 else (second, first)
        early()
        time.sleep(abs(offset))
        late()

    def begin_ringing(self):
        self.ring()
        self.caller = Side(self.caller_raw, self.invite.header("From"), self.invite.header("To"), self.invite.call_id,
                           self.invite.uri, 1)
        self.callee = Side(self.callee_raw, self.leg_b.header("To") + ";tag=raw", self.leg_b.header("From"),
                           self.leg_b.call_id, target_of(self.leg_b), 100)
        self.caller.take(lambda m: m.code == 180 and m.call_id == self.invite.call_id)


class Cancels(Sweep):
    def test_a_cancel_meets_the_answer(self):
        expected = []
        for offset in range(-20, 21):
            with self.subTest(f"the CANCEL goes {offset} ms after the 200"):
                self.begin_ringing()
                self.in_order(offset * MS, lambda: self.callee_raw.respond(self.leg_b, 200), self.cancel)
                expected.append(self.see_it_end())
        self.assertEqual(len(expected), 41)
        self.assertEqual({cdr.reason for cdr in expected}, {"cancelled", "caller_bye"}, "both came about")
        self.finish(*expected)

    def cancel(self):
        self.cancelled = self.caller.send("CANCEL", cseq=1, Via=self.invite.header("Via"))

    def see_it_end(self):
        """The caller gets one final response, the callee an ACK and a BYE whoever was first."""
        final = self.caller.final(self.invite)
        self.assertIn(final.code, (200, 487))
        self.assertEqual(self.caller.final(self.cancelled).code, 200)
        if final.code == 200:
            talking = Side(self.caller_raw, self.invite.header("From"), final.header("To"), self.invite.call_id,
                           target_of(final), 1)
            talking.send("ACK")
            self.assertEqual(talking.final(talking.send("BYE")).code, 200)
        else:
            self.caller_raw.acknowledge(final)
        self.assertEqual(self.callee.request("ACK").cseq, self.leg_b.cseq)
        self.callee_raw.respond(self.callee.request("BYE"), 200)
        for message in self.caller.kept:
            if message.call_id == self.invite.call_id and message.method == "INVITE" and message.code >= 200:
                self.assertEqual((message.code, message.tag("To")), (final.code, final.tag("To")), "no second answer")
        return Cdr("caller_bye", 200) if final.code == 200 else Cdr("cancelled", 487)


class Byes(Sweep):
    def test_both_hang_up(self):
        expected = []
        for offset in range(-20, 21, 2):
            with self.subTest(f"the callee hangs up {offset} ms after the caller"):
                self.caller, self.callee = self.talk()
                self.caller.answers = self.callee.answers = {"BYE": 200}
                byes = {}
                self.in_order(offset * MS, lambda: byes.update(caller=self.caller.send("BYE")),
                              lambda: byes.update(callee=self.callee.send("BYE")))
                self.assertEqual(self.caller.final(byes["caller"]).code, 200)
                self.assertEqual(self.callee.final(byes["callee"]).code, 200)
                reason = "caller_bye" if offset > 5 else "callee_bye" if offset < -5 else ("caller_bye", "callee_bye")
                expected.append(Cdr(reason, 200))
                wait_until(self.is_over, "the call is over")
        self.finish(*expected)

    def is_over(self):
        """Both sides answer meanwhile: what the server asks is under way as well."""
        self.caller.keep(MS)
        self.callee.keep(MS)
        return not self.dialogs()


class Reinvites(Sweep):
    def test_a_reinvite_of_each_side(self):
        self.caller, self.callee = self.talk()
        outcomes = set()
        for offset in range(-20, 21, 2):
            with self.subTest(f"the callee sends it {offset} ms after the caller"):
                outcomes.add(self.cross(offset * MS))
                for one, other in ((self.caller, self.callee), (self.callee, self.caller)):
                    self.assertEqual(self.reinvite(one, other), 200, "alone it passes")
        self.assertNotIn((200, 200), outcomes, "two that cross never both pass")
        self.caller.answers = self.callee.answers = {}
        self.hang_up(self.caller, self.callee)
        self.finish(Cdr("caller_bye", 200))

    def cross(self, offset):
        """Both send one; what each is answered."""
        sent, codes = {}, {}
        for side in (self.caller, self.callee):
            side.answers = {"INVITE": lambda _, side=side: 491 if side in sent and side not in codes else 200}
        self.in_order(offset, lambda: sent.update({self.caller: self.caller.send("INVITE")}),
                      lambda: sent.update({self.callee: self.callee.send("INVITE")}))
        while len(codes) < 2:
            for side, request in sent.items():
                side.keep(MS)
                final = next((m for m in side.kept if m.code and m.code >= 200 and m.branch == request.branch), None)
                if final and side not in codes:
                    codes[side] = final.code
                    self.acknowledge(side, request, final)
        self.assertLessEqual(set(codes.values()), {200, 491})
        return codes[self.caller], codes[self.callee]

    def reinvite(self, one, other):
        other.answers = {"INVITE": 200}
        old = {m.branch for m in other.kept}
        request = one.send("INVITE")
        passed = other.take(lambda m: m.method == "INVITE" and m.code is None and m.branch not in old)
        final = one.final(request)
        self.acknowledge(one, request, final)
        other.take(lambda m: m.method == "ACK" and m.cseq == passed.cseq)
        return final.code

    @staticmethod
    def acknowledge(side, request, final):
        if final.code == 200:
            side.send("ACK", cseq=request.cseq)
        else:
            side.raw.acknowledge(final)


class Forks(Sweep):
    def test_the_first_answer_wins_and_the_others_are_hung_up_within_a_second(self):
        self.begin_ringing()
        for tag in ("one", "two", "three"):
            self.callee_raw.respond(self.leg_b, 200, tag)
        start = time.monotonic()
        final = self.caller.final(self.invite)
        self.caller.dialog["To"], self.caller.target = final.header("To"), target_of(final)
        self.caller.send("ACK")
        acknowledged = {self.callee.request("ACK").tag("To") for _ in range(3)}
        self.assertEqual(acknowledged, {"one", "two", "three"})
        byes = [self.callee.request("BYE") for _ in range(2)]
        self.assertLess(time.monotonic() - start, 1)
        self.assertEqual({bye.tag("To") for bye in byes}, {"two", "three"})
        for bye in byes:
            self.callee_raw.respond(bye, 200)
        self.hang_up(self.caller, self.callee)
        self.finish(Cdr("caller_bye", 200))


if __name__ == "__main__":
    main()
