"""Profiles and their limits: who may call, who is refused, and what the store and the records say of it."""
import json
import signal
from collections import Counter

from harness import Cdr, EndToEnd, Route, main
from restarting import TALK
from sides import Parties
from sipp import wait_until
from straced import Injected

JOINS = 'profiles = ["total", "line={request.user}"]'


def profiles(total=0, line=0, limits=""):
    """[[profile]]s: one plain, one by the called user."""
    return (f'[[profile]]\nname = "total"\nlimit = {total}\n'
            f'[[profile]]\nname = "line"\nvalue = true\nlimit = {line}\n{limits}\n')


class Limits(EndToEnd):
    def setUp(self):
        super().setUp()
        self.callees = []

    def begin(self, *users, more=JOINS, **limits):
        """tandemd with a callee for each user, who rings and answers as often as he is called."""
        self.callees = {user: self.callee("callee_basic", calls=1000) for user in users}
        self.start(*[Route(callee.port, f"^{user}$", more=more) for user, callee in self.callees.items()],
                   profiles=profiles(**limits))

    def talking(self, user, calls=1, hold=60000):
        """Callers who are up before this returns."""
        caller = self.caller("caller_basic", user=user, calls=calls, hold=hold)
        wait_until(lambda: len(caller.sent("ACK")) == calls or caller._failed(), f"{calls} calls to {user}")
        return caller

    def refused(self, user, calls=1):
        caller = self.caller("caller_refused", user=user, calls=calls, code=503)
        caller.finish()
        answers = caller.received("INVITE", 503)
        self.assertEqual(len(answers), calls)
        for answer in answers:
            self.assertRegex(answer.header("Retry-After"), r"^\d+$")
            self.assertTrue(answer.tag("To"))
        return answers

    def members(self):
        """Members by profile and value, as the store has them."""
        rows = self.rows("SELECT profile, value, count(*) AS members FROM dialog_profile GROUP BY profile, value")
        return {(row["profile"], row["value"]): row["members"] for row in rows}

    def test_the_call_over_the_limit_of_its_value_is_refused_and_the_others_are_not(self):
        self.begin("bob", "carol", line=2)
        bob = self.talking("bob", calls=2, hold=3000)
        self.refused("bob")
        carol = self.talking("carol", hold=1000)
        self.assertEqual(self.members(), {("total", ""): 3, ("line", "bob"): 2, ("line", "carol"): 1})
        for caller in (bob, carol):
            caller.finish()
        self.finish(Cdr("limit", 503, rang=False), *[Cdr("caller_bye", 200)] * 3)
        self.assertEqual(self.members(), {})

    def test_a_place_is_free_as_soon_as_its_call_has_ended(self):
        self.begin("bob", line=1)
        for _ in range(3):
            self.talking("bob", hold=300).finish()
        self.finish(*[Cdr("caller_bye", 200)] * 3)

    def test_all_profiles_are_joined_or_none(self):
        self.begin("bob", "carol", total=2, line=1)
        bob = self.talking("bob", hold=3000)
        self.refused("bob", calls=3)  # by the value's limit: the total does not move
        self.assertEqual(self.members(), {("total", ""): 1, ("line", "bob"): 1})
        carol = self.talking("carol", hold=1500)
        self.refused("carol")
        for caller in (bob, carol):
            caller.finish()
        self.finish(*[Cdr("limit", 503)] * 4, *[Cdr("caller_bye", 200)] * 2)

    def test_a_value_may_have_a_limit_of_its_own(self):
        self.begin("bob", "carol", line=1, limits="limits = { carol = 3 }")
        carol = self.talking("carol", calls=3, hold=2000)
        self.refused("carol")
        bob = self.talking("bob", hold=500)
        self.refused("bob")
        for caller in (carol, bob):
            caller.finish()
        self.finish(*[Cdr("limit", 503)] * 2, *[Cdr("caller_bye", 200)] * 4)

    def test_a_ringing_call_counts_and_a_cancelled_one_does_not(self):
        callee = self.callee("callee_rings")
        self.start(Route(callee.port, more=JOINS), profiles=profiles(line=1))
        with self.tandemd.raw() as raw:
            invite = raw.request("INVITE")
            raw.send(invite)
            while raw.receive().code != 180:
                pass
            self.refused("bob")
            self.assertEqual(self.members(), {("total", ""): 1, ("line", "bob"): 1})
            raw.send(invite.replace(b"INVITE", b"CANCEL", 1).replace(b"1 INVITE", b"1 CANCEL", 1))
            while (answer := raw.receive()).code != 487:
                pass
            raw.acknowledge(answer)
            callee.finish()
            self.wait_for_rows("SELECT * FROM dialog_profile", 0)
        self.finish(Cdr("limit", 503), Cdr("cancelled", 487))

    def test_records_say_what_the_call_was_in_and_had(self):
        self.begin("bob", line=5, more=JOINS + '\nvariables = { tenant = "blue", who = "{from.user}" }')
        caller = self.talking("bob", hold=1000)
        variables = self.rows("SELECT name, type, value FROM dialog_variable ORDER BY name")
        self.assertEqual(variables, [{"name": "tenant", "type": "text", "value": "blue"},
                                     {"name": "who", "type": "text", "value": "alice"}])
        caller.finish()
        record, = self.finish(Cdr("caller_bye", 200))
        self.assertEqual(json.loads(record["profiles"]), [{"name": "total"}, {"name": "line", "value": "bob"}])
        self.assertEqual(json.loads(record["variables"]), {"tenant": "blue", "who": "alice"})
        self.assertEqual(self.rows("SELECT * FROM dialog_variable"), [])

    def test_sighup_takes_a_new_limit_over(self):
        self.begin("bob", line=1)
        first = self.talking("bob", hold=4000)
        self.refused("bob")
        config = self.tandemd.config.read_text()
        self.tandemd.config.write_text(config.replace("limit = 1\n", "limit = 2\n"))
        self.tandemd.signal(signal.SIGHUP)
        wait_until(lambda: "routes are in force" in self.said(), "the new configuration is in force")
        second = self.talking("bob", hold=1000)
        self.refused("bob")
        for caller in (first, second):
            caller.finish()
        self.finish(*[Cdr("limit", 503)] * 2, *[Cdr("caller_bye", 200)] * 2)

    def test_a_rush_never_brings_one_more_than_the_limit_through(self):
        limit, calls = 10, 150
        self.begin("bob", line=limit)
        caller = self.caller("caller_tries", user="bob", calls=calls, rate=300, hold=400)
        caller.finish()
        up, most = 0, 0
        for message in self.callees["bob"].messages(sent=False, request=True):
            up += {"INVITE": 1, "BYE": -1}.get(message.method, 0)
            most = max(most, up)
        self.assertEqual(most, limit, "as many as fit, and not one more, are at the callee at once")
        admitted = len({m.call_id for m in self.callees["bob"].received("INVITE")})
        self.assertGreaterEqual(admitted, limit)
        self.finish(*[Cdr("caller_bye", 200)] * admitted, *[Cdr("limit", 503)] * (calls - admitted))
        self.assertEqual(Counter(), Counter(self.members()))


class AtOnce(Parties):
    def test_who_hears_that_a_call_has_ended_may_call_again_at_once(self):
        """Also where the thread that said so rests before it goes on; and the callee hears of the end first."""
        self.open("bob", more='profiles = ["total"]', profiles='[[profile]]\nname = "total"\nlimit = 1\n')
        strace = Injected(self.tandemd, "sendmmsg", "delay_exit=20000")
        calls = 12
        for _ in range(calls):
            self.hang_up(*self.talk(self.phone(), "bob", *TALK))
        strace.let_go()
        self.finish(*[Cdr("caller_bye", 200)] * calls)


if __name__ == "__main__":
    main()
