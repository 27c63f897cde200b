"""What is under way when tandemd is killed comes to an end at both sides: calls that ring, answers without an ACK,
BYEs and re-INVITEs without an answer (FAULTS P3, P4)."""
import time

from harness import BYES, Cdr, main
from restarting import TALK, Pending
from sides import described, target_of

ONCE = 1.0  # seconds after the start within which both sides have heard


class Ringing(Pending):
    def begin_ringing(self, **settings):
        self.open("bob", **settings)
        return self.ring(self.phone(), "bob", **TALK[0])

    def begin_silent(self):
        """The callee has the INVITE, and has said nothing."""
        self.open("bob")
        caller, invite = self.send_invite(self.phone(), "bob", **TALK[0])
        callee, got = self.side_of("bob")
        caller.take(lambda m: m.code == 100)
        return caller, callee, invite, got

    def test_both_sides_hear_of_it_at_once(self):
        caller, callee, invite, got = self.begin_ringing()
        self.die()
        started = time.monotonic()
        self.both_hear(caller, callee, invite, got)
        self.assertLess(time.monotonic() - started, ONCE)
        self.finish(Cdr("restart", 487, rang=True, answered=False))

    def test_the_answer_is_sent_until_it_is_acknowledged(self):
        caller, callee, invite, got = self.begin_ringing()
        self.die()
        self.cancelled(callee, got)
        first = caller.final(invite)
        self.assertEqual(caller.final(invite).raw, first.raw, "sent again")
        caller.raw.acknowledge(first)
        self.assertIsNone(caller.raw.receive(1.2), "and not after the ACK")
        self.finish(Cdr("restart", 487))

    def test_a_second_kill_at_once_changes_nothing(self):
        caller, callee, invite, got = self.begin_ringing()
        self.die()
        self.die()
        self.both_hear(caller, callee, invite, got)
        self.finish(Cdr("restart", 487))

    def test_an_invite_that_comes_again_is_not_a_new_call(self):
        caller, callee, invite, got = self.begin_ringing()
        self.die()
        caller.raw.send(invite.raw)
        self.both_hear(caller, callee, invite, got)
        self.finish(Cdr("restart", 487))

    def test_a_callee_who_has_said_nothing_is_cancelled_when_he_rings(self):
        """A CANCEL waits for the first provisional response, RFC 3261 section 9.1."""
        caller, callee, invite, got = self.begin_silent()
        self.die()
        self.refused(caller, invite)
        callee.answer(got, 180)
        self.cancelled(callee, got)
        self.finish(Cdr("restart", 487, rang=False))

    def test_a_callee_who_has_said_nothing_and_answers_is_hung_up(self):
        caller, callee, invite, got = self.begin_silent()
        self.die()
        self.refused(caller, invite)
        callee.answer(got, **TALK[1])
        self.hung_up(callee, got)
        self.finish(Cdr("restart", 487))

    def test_a_callee_who_answers_meanwhile_is_hung_up(self):
        caller, callee, invite, got = self.begin_ringing()
        self.tandemd.kill()
        callee.answer(got, **TALK[1])
        self.tandemd.start()
        self.refused(caller, invite)
        callee.answer(callee.request("CANCEL"))
        callee.answer(got, **TALK[1])
        self.hung_up(callee, got)
        self.finish(Cdr("restart", 487))

    def test_a_caller_who_gives_up_meanwhile_hears_the_same(self):
        caller, callee, invite, got = self.begin_ringing()
        self.tandemd.kill()
        cancel = self.give_up(caller, invite)
        self.tandemd.start()
        caller.raw.send(cancel.raw)
        self.assertIn(caller.final(cancel).code, (200, 481))
        self.both_hear(caller, callee, invite, got)
        self.finish(Cdr(("restart", "cancelled"), 487))

    def test_forks_of_a_callee_are_cancelled_as_one(self):
        caller, callee, invite, got = self.begin_ringing()
        callee.answer(got, 180, tag="other")
        caller.take(lambda m: m.code == 180)
        self.die()
        self.both_hear(caller, callee, invite, got)
        self.finish(Cdr("restart", 487))

    def test_its_places_are_free_again(self):
        caller, callee, invite, got = self.begin_ringing(more='profiles = ["one"]',
                                                         profiles='[[profile]]\nname = "one"\nlimit = 1\n')
        self.die()
        self.both_hear(caller, callee, invite, got)
        self.wait_for_rows("SELECT * FROM dialog", 0)
        self.hang_up(*self.talk(self.phone(), "bob", *TALK))
        self.finish(Cdr("restart", 487), Cdr("caller_bye", 200))

    def test_a_call_that_was_cancelled_before_stays_cancelled(self):
        caller, callee, invite, got = self.begin_ringing()
        self.give_up(caller, invite)
        self.refused(caller, invite)
        callee.request("CANCEL")
        self.die()
        callee.answer(got, **TALK[1])
        self.hung_up(callee, got)
        self.finish(Cdr("cancelled", 487))


class Answered(Pending):
    def answered(self):
        self.open("bob")
        caller, callee, invite, got = self.ring(self.phone(), "bob", **TALK[0])
        callee.answer(got, **TALK[1])
        first = caller.final(invite)
        self.assertEqual(first.code, 200)
        caller.dialog["To"], caller.target = first.header("To"), target_of(first)
        return caller, callee, invite, got, first

    def test_an_answer_without_an_ack_is_sent_again_and_the_call_goes_on(self):
        caller, callee, invite, got, first = self.answered()
        self.die()
        again = self.accept(caller, invite)
        self.assertEqual((again.tag("To"), again.body), (first.tag("To"), first.body))
        self.assertEqual(self.hear(callee, "ACK").cseq, got.cseq)
        self.passes_with(caller, callee)
        self.ends_by(callee, caller)
        self.finish(Cdr("callee_bye", 200))

    def test_a_callee_who_repeats_his_answer_gets_an_ack(self):
        """The one that was sent may have been lost."""
        caller, callee, invite, got, first = self.answered()
        caller.send("ACK", cseq=invite.cseq)
        self.hear(callee, "ACK")
        self.die()
        callee.answer(got, **TALK[1])
        ack = self.hear(callee, "ACK")
        self.assertEqual((ack.cseq, ack.tag("To")), (got.cseq, "raw"))
        self.ends_by(caller, callee)
        self.finish(Cdr("caller_bye", 200))

    def test_a_caller_who_has_never_heard_of_it_may_hang_up(self):
        caller, callee, invite, got, first = self.answered()
        self.die()
        bye = caller.send("BYE")
        self.hung_up(callee, got)
        self.assertEqual(caller.final(bye).code, 200)
        self.finish(Cdr("caller_bye", 200))


class LateOffers(Pending):
    """The offer is in the 2xx, the answer in its ACK (RFC 3264 section 5)."""

    def test_the_answer_passes_in_the_ack_of_a_2xx_that_is_sent_again(self):
        self.open("bob")
        caller, callee, invite, got = self.ring(self.phone(), "bob")
        self.assertEqual(got.body, b"")
        callee.answer(got, **TALK[1])
        first = caller.final(invite)
        self.assertIn(b"m=audio 4001 ", first.body)
        caller.dialog["To"], caller.target = first.header("To"), target_of(first)
        self.die()
        self.assertIn(b"m=audio 4001 ", caller.final(invite).body)
        caller.send("ACK", cseq=invite.cseq, **TALK[0])
        ack = self.hear(callee, "ACK")
        self.assertEqual((ack.cseq, ack.header("Content-Type")), (got.cseq, "application/sdp"))
        self.assertIn(b"m=audio 4000 ", ack.body)
        self.reinvite(callee, caller)
        self.ends_by(caller, callee)
        self.finish(Cdr("caller_bye", 200))

    def test_an_ack_that_was_lost_is_sent_again_with_the_answer(self):
        self.open("bob")
        caller, callee, invite, got = self.ring(self.phone(), "bob")
        callee.answer(got, **TALK[1])
        first = caller.final(invite)
        caller.dialog["To"], caller.target = first.header("To"), target_of(first)
        caller.send("ACK", cseq=invite.cseq, **TALK[0])
        sent = self.hear(callee, "ACK")
        self.die()
        callee.answer(got, **TALK[1])
        again = self.hear(callee, "ACK")
        self.assertEqual((again.cseq, again.header("Content-Type"), again.body),
                         (got.cseq, "application/sdp", sent.body))
        self.ends_by(caller, callee)
        self.finish(Cdr("caller_bye", 200))


class Transfers(Pending):
    def refer(self):
        """The callee asks for carol instead of himself."""
        self.open("bob", "carol")
        caller, callee = self.talk(self.phone(), "bob", *TALK)
        callee.answers = {"NOTIFY": 200}
        request = callee.send("REFER", headers=[f"Refer-To: <sip:carol@{self.raws['bob'].tandemd}>"])
        self.assertEqual(callee.final(request).code, 202)
        carol, got = self.side_of("carol")
        return caller, callee, carol, got

    def test_who_rings_for_a_transfer_is_cancelled_and_the_call_goes_on(self):
        caller, callee, carol, got = self.refer()
        carol.answer(got, 180)
        callee.take(lambda m: m.method == "NOTIFY" and b"180" in m.body)
        self.die()
        self.cancelled(carol, got)
        self.passes_with(caller, callee)
        self.passes_with(callee, caller)
        self.ends_by(caller, callee)
        self.finish(*[Cdr("caller_bye", 200)], among="answered_us > 0")

    def test_a_transfer_that_was_done_is_done(self):
        caller, callee, carol, got = self.refer()
        callee.answers = {"NOTIFY": 200, "BYE": 200}
        self.target_answers(carol, got, caller)
        self.hear(caller, "ACK")
        self.hear(carol, "ACK")
        self.hear(callee, "BYE")
        self.die()
        self.passes_with(caller, carol)
        self.passes_with(carol, caller)
        self.ends_by(carol, caller)
        self.finish(Cdr(BYES, 200))


class Ending(Pending):
    def test_a_bye_that_is_not_answered_yet_is_sent_again(self):
        self.open("bob")
        for number, reason in enumerate(BYES):
            with self.subTest(reason):
                sides = self.talk(self.phone(), "bob", *TALK)
                one, other = sides[number], sides[1 - number]
                bye = one.send("BYE")
                self.hear(other, "BYE")
                ended = time.time_ns() // 1000
                self.die()
                other.answer(self.hear(other, "BYE"))
                if not any(m.code == 200 and m.method == "BYE" for m in one.kept):
                    one.raw.send(bye.raw)
                self.assertEqual(one.final(bye).code, 200)
                self.wait_for_rows("SELECT * FROM dialog", 0)
        for record in self.finish(*[Cdr(reason, 200) for reason in BYES]):
            self.assertLess(record["ended_us"], ended + 1_500_000)

    def test_who_has_forgotten_the_call_meanwhile_ends_it(self):
        self.open("bob")
        caller, callee = self.talk(self.phone(), "bob", *TALK)
        caller.send("BYE")
        self.hear(callee, "BYE")
        self.die()
        callee.answer(self.hear(callee, "BYE"), 481)
        self.finish(Cdr("caller_bye", 200))


class Inside(Pending):
    def test_a_request_that_was_under_way_may_be_sent_again(self):
        """Its transaction has died, its sender still repeats it (RFC 3261 section 17.1.2.2)."""
        self.open("bob")
        sides = self.talk(self.phone(), "bob", *TALK)
        for one, other in (sides, sides[::-1]):
            request = one.send("INFO")
            self.hear(other, "INFO")
            self.die()
            one.raw.send(request.raw)
            other.answer(self.hear(other, "INFO"))
            self.assertEqual(one.final(request).code, 200)
            self.passes_with(other, one)
        self.ends_by(*sides)
        self.finish(Cdr("caller_bye", 200))

    def test_a_reinvite_that_was_under_way_is_refused_and_may_be_tried_again(self):
        """Who has heard a 100 would wait for ever; what the other side still says to it is acknowledged."""
        self.open("bob")
        sides = self.talk(self.phone(), "bob", *TALK)
        for one, other in (sides, sides[::-1]):
            request = one.send("INVITE", **described("new", 4010))
            got = self.hear(other, "INVITE")
            self.die()
            refusal = one.final(request)
            self.assertEqual(refusal.code, 500)
            self.assertIn(int(refusal.header("Retry-After")), range(11))
            one.raw.acknowledge(refusal)
            other.answer(got, **described("newer", 4011))
            self.assertEqual(self.hear(other, "ACK").cseq, got.cseq)
            self.reinvite(one, other)
            self.passes_with(other, one)
        self.ends_by(*sides)
        self.finish(Cdr("caller_bye", 200))

    def test_a_bye_ends_a_call_whose_reinvite_nobody_has_answered(self):
        self.open("bob")
        caller, callee = self.talk(self.phone(), "bob", *TALK)
        caller.send("INVITE", **described("new", 4010))
        got = self.hear(callee, "INVITE")
        self.die()
        callee.answer(got, **described("newer", 4011))
        self.ends_by(caller, callee)
        self.finish(Cdr("caller_bye", 200))


if __name__ == "__main__":
    main()
