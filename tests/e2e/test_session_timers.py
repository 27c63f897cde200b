"""Session timers (RFC 4028), shorter than the RFC allows outside of a laboratory."""
from harness import Cdr, EndToEnd, main
from sides import Parties

SHORT = {"session_expires_s": 4, "min_se_s": 2}


class SessionTimers(EndToEnd):
    def test_both_sides_are_refreshed_by_update_without_a_description(self):
        caller, callee = self.call("caller_is_updated", "callee_is_updated", timers=SHORT)
        self.assertEqual(callee.received("INVITE")[0].headers("Session-Expires"), ["4"])
        self.assertEqual(caller.received("INVITE", 200)[0].header("Session-Expires"), "4;refresher=uas")
        for side in (caller, callee):
            update = side.received("UPDATE")[0]
            self.assertEqual((update.header("Session-Expires"), update.body), ("4;refresher=uac", b""))
        record, = self.finish(Cdr("caller_bye", 200, caller, callee, rang=True))
        self.assertGreaterEqual(record["duration_us"], 1_990_000, "not before half the time")

    def test_who_takes_no_update_is_refreshed_by_invite(self):
        caller, callee = self.call("caller_is_invited_again", "callee_is_invited_again", timers=SHORT)
        self.assertEqual(callee.received("INVITE")[-1].body, caller.sent("INVITE")[0].body)
        self.assertEqual(caller.received("INVITE")[-1].body, callee.sent("INVITE", 200)[0].body)
        self.finish(Cdr("caller_bye", 200, caller, callee, rang=True))

    def test_a_session_that_nobody_refreshes_ends(self):
        """And so does the record of a call whose BYE was lost, field report [67]."""
        caller, callee = self.call("caller_forgets_to_refresh", "callee_refreshes", timers=SHORT)
        self.assertEqual(caller.received("INVITE", 200)[0].header("Session-Expires"), "3;refresher=uac")
        record, = self.finish(Cdr("session_timer", 200, caller, callee, rang=True, answered=True))
        self.assertGreaterEqual(record["duration_us"], 1_990_000, "a third of it before its end")


class TooSmall(Parties):
    """422 (RFC 4028 section 5): a caller asks for too little, or tandem does where the callee wants more."""

    def test_a_caller_who_asks_for_less_than_the_minimum_hears_it_and_may_try_again(self):
        self.open("bob", timers={"session_expires_s": 1800, "min_se_s": 90})
        raw = self.phone()
        caller, invite = self.send_invite(raw, "bob", headers=["Supported: timer", "Session-Expires: 89"])
        refusal = caller.final(invite)
        raw.acknowledge(refusal)
        self.assertEqual((refusal.code, refusal.headers("Min-SE")), (422, ["90"]))
        caller, invite = self.send_invite(raw, "bob", headers=["Supported: timer", "Session-Expires: 90", "Min-SE: 90"])
        callee, got = self.side_of("bob")
        self.assertEqual(len(self.raws["bob"].taken), 1, "the first came to nobody")
        callee.answer(got)
        self.assertEqual(self.accept(caller, invite).header("Session-Expires").partition(";")[0], "90")
        callee.request("ACK")
        self.hang_up(caller, callee)
        self.finish(Cdr("caller_bye", 200), among="sip_code <> 422")

    def test_a_callee_who_wants_more_gets_it_and_the_caller_hears_nothing(self):
        self.open("bob", timers={"session_expires_s": 1800, "min_se_s": 90})
        caller, invite = self.send_invite(self.phone(), "bob")
        callee, first = self.side_of("bob")
        self.assertEqual((first.header("Session-Expires"), first.header("Min-SE") or "90"), ("1800", "90"))
        callee.answer(first, 422, headers=["Min-SE: 3600"])
        self.assertEqual(callee.request("ACK").cseq, first.cseq)
        callee, second = self.side_of("bob")
        self.assertEqual((second.header("Session-Expires"), second.header("Min-SE")), ("3600", "3600"))
        self.assertIsNone(second.tag("To"))
        self.assertNotEqual(second.branch, first.branch)
        callee.answer(second, headers=["Require: timer", "Session-Expires: 3600;refresher=uac"])
        answer = self.accept(caller, invite)
        self.assertNotIn("3600", answer.header("Session-Expires"), "it is agreed on each leg")
        self.assertEqual([m for m in caller.kept if m.code == 422], [])
        self.assertEqual(callee.request("ACK").cseq, second.cseq)
        self.hang_up(caller, callee)
        self.finish(Cdr("caller_bye", 200))

    def test_a_callee_who_never_has_enough_is_given_up(self):
        self.open("bob", timers={"session_expires_s": 1800, "min_se_s": 90})
        caller, invite = self.send_invite(self.phone(), "bob")
        for least in (2000, 3000, 4000, 5000):
            callee, got = self.side_of("bob")
            callee.answer(got, 422, headers=[f"Min-SE: {least}"])
            callee.request("ACK")
        refusal = caller.final(invite)
        caller.raw.acknowledge(refusal)
        self.assertEqual(refusal.code, 500, "a 422 would tell her to ask for more, which she has not asked for")
        self.assertEqual([m for m in callee.kept if m.method == "INVITE"], [])
        self.finish(Cdr("refused", None))


if __name__ == "__main__":
    main()
