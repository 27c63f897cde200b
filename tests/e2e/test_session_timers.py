"""Session timers (RFC 4028), shorter than the RFC allows outside of a laboratory."""
from harness import Cdr, EndToEnd, main

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
        caller, callee = self.call("caller_forgets_to_refresh", "callee_refreshes", timers=SHORT)
        self.assertEqual(caller.received("INVITE", 200)[0].header("Session-Expires"), "3;refresher=uac")
        record, = self.finish(Cdr("session_timer", 200, caller, callee, rang=True, answered=True))
        self.assertGreaterEqual(record["duration_us"], 1_990_000, "a third of it before its end")


if __name__ == "__main__":
    main()
