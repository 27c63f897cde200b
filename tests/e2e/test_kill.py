"""Killed at random moments under mixed calls, many times, and nothing is lost, and nothing is counted twice.

TANDEM_E2E_KILLS is how many times (8), TANDEM_E2E_SEED what is drawn from (printed).
"""
import os

import mixed_calls
from harness import main
from killing import Killed

KILLS = int(os.environ.get("TANDEM_E2E_KILLS", 8))


class Mixed(Killed):
    def test_nothing_is_lost_and_nothing_counted_twice(self):
        self.begin()
        rate = 40
        moments = [self.random.uniform(0.05, 1.5) for _ in range(KILLS)]
        self.callers.begin(mixed_calls.draw(self.random, int(sum(moments) * rate)), rate)
        for moment in moments:
            self.go_on(moment)
            self.kill()
        self.go_on(0.5)
        self.end()

    def test_without_a_kill_the_same_is_right(self):
        """Else the test above proves nothing."""
        self.begin()
        self.callers.begin(mixed_calls.draw(self.random, 100), 50)
        self.go_on(2.5)
        self.end()


class Many(Killed):
    def test_500_calls_go_on(self):
        """FAULTS P1: any request from either side, then the end by either side."""
        self.begin()
        plans = mixed_calls.draw(self.random, 500, {"stay": 1})
        for plan in plans:
            plan.inside = []  # nothing is under way when it dies
        self.callers.begin(plans, 250)
        self.go_on(self.random.uniform(2.2, 2.6))
        self.go_on(until=lambda: len(self.calls) == 500 and all(call.callee.is_acked for call in self.calls))
        self.kill()
        members = self.rows("SELECT profile, count(*) AS size FROM dialog_profile GROUP BY profile ORDER BY profile")
        self.assertEqual(members, [{"profile": "total", "size": 500}, {"profile": "user", "size": 500}])
        asked = []
        for number, call in enumerate(self.calls):
            for phones in (self.callers, self.callees):
                method = ("INFO", "UPDATE", "OPTIONS", "INVITE")[number % 4]
                phones.later(number / 250 + 0.2 * (phones is self.callees),
                             lambda phones=phones, call=call, method=method: asked.append(
                                 phones.ask_inside(call, method)))
        self.go_on(until=lambda: len(asked) == 1000 and not self.callers.open and not self.callees.open)
        self.assertEqual([fault for call in self.calls for fault in call.faults], [])
        self.assertEqual((self.callers.codes, self.callees.codes), ({200: 500}, {200: 500}))
        self.end()


if __name__ == "__main__":
    main()
