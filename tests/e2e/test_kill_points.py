"""Killed at every single write and at every single send of a call, one after the other, and while it recovers.

FAULTS P2 and P4: a call is in the file whole or not at all, and up at both sides or at none.
"""
import time

from harness import main
from killing import Killed
from mixed_calls import Call, Plan, Side
from straced import KilledAt, at, inject

# What each call does. Their sides repeat what is lost soon, for there is much to lose.
TALKS = Plan("", "few", 0.02, 0.12, "caller", [(0.02, "callee", "INFO"), (0.06, "caller", "INVITE")])
IS_HUNG_UP = Plan("", "talk", 0.02, 0.08, "callee", [(0.02, "caller", "UPDATE"), (0.04, "callee", "INVITE")])
CANCELS = Plan("", "cancel", 0.05, 0, "caller", [])
CROSSES = Plan("", "cross", 0.03, 0.02, "caller", [])
IS_BUSY = Plan("", "busy", 0.02, 0, "caller", [])
ENDS_EARLY = Plan("", "early", 0.05, 0, "caller", [])
STAYS = Plan("", "stay", 0.02, 0, "callee", [])
RINGS = Plan("", "talk", 60, 0, "caller", [])
T1 = 0.1


class Points(Killed):
    def begin(self):
        super().begin()
        self.callers.t1 = self.callees.t1 = T1
        self.callers.patience = 1.0
        self.count = 0

    def call(self, plan):
        """One more, as this one."""
        self.count += 1
        plan = Plan(**vars(plan) | {"name": f"{plan.kind}-{self.count}"})
        self.callers.begin([plan], 1)
        self.go_on(until=lambda: plan.name in self.by_name)
        return self.by_name[plan.name]

    def sweep(self, call, *plans):
        """A kill at each such system call of the first on, until one call passes without."""
        self.begin()
        points = []
        for plan in plans:
            for number in range(1, 200):
                if self.passes(call, number, plan):
                    break
            points.append(number - 1)
        print(f"killed at {points} points", flush=True)
        self.assertGreater(min(points), 2)
        self.end()

    def passes(self, name, number, plan):
        """Whether the call comes to its end before the process does."""
        strace = KilledAt(self.tandemd, name, number)
        call, began = self.call(plan), time.monotonic()
        with self.subTest(f"{plan.kind}, {name} {number}"):
            self.go_on(until=lambda: self.has_died() or call.is_over)
            if not self.has_died():
                self.go_on(0.1)  # what comes after the last message that its sides see
            strace.let_go()
            if not self.has_died():
                return True
            self.come_back(began)
            self.go_on(until=lambda: call.is_over or call.faults, timeout=10)
        return False

    def has_died(self):
        return self.tandemd.process.poll() is not None


class Writes(Points):
    def test_a_call_that_talks(self):
        self.sweep("pwrite64", TALKS)

    def test_a_call_that_comes_to_nothing(self):
        self.sweep("pwrite64", CANCELS, IS_BUSY)


class Sends(Points):
    def test_calls_of_every_kind(self):
        self.sweep("sendmmsg", TALKS, IS_HUNG_UP, CANCELS, CROSSES, IS_BUSY, ENDS_EARLY)


class Transfers(Points):
    def test_two_are_left_who_can_talk_be_the_transfer_done_or_not(self):
        self.begin()
        number, is_done = 0, False
        while not is_done and number < 50:
            number += 1
            with self.subTest(f"sendmmsg {number}"):
                is_done = self.transfer(number)
        print(f"killed at {number - 1} points", flush=True)
        self.assertGreater(number, 4)
        self.end()

    def transfer(self, number):
        """Bob sends Alice on to Carol; whether that is over before the process is."""
        call = self.call(Plan(**vars(STAYS) | {"hangs_up": "caller"}))
        self.go_on(until=lambda: call.callee.is_acked)
        name, began = f"carol-{number}", time.monotonic()
        carol = Call(Plan(**vars(STAYS) | {"name": name, "hangs_up": ""}), Side("caller"), Side("callee"), began)
        self.by_name[name] = carol
        strace = KilledAt(self.tandemd, "sendmmsg", number)
        self.callees.ask(call, "REFER", headers=[f"Refer-To: <sip:{name}@{self.callers.raw.tandemd}>"])
        self.go_on(until=lambda: self.has_died() or (carol.callee.is_acked and call.callee.hung_up_at), timeout=10)
        if not self.has_died():
            self.go_on(0.1)
        strace.let_go()
        has_died = self.has_died()
        if has_died:
            self.come_back(began)
            self.go_on(until=lambda: call.callee.talks != carol.callee.talks, timeout=10)
        self.go_on(0.5)  # nobody leaves after that
        self.see_two_talk(call, carol)
        del self.by_name[name]
        return not has_died

    def see_two_talk(self, call, carol):
        self.assertTrue(call.caller.talks)
        self.assertNotEqual(call.callee.talks, carol.callee.talks)
        other = call if call.callee.talks else carol
        codes = []
        for phones, one in ((self.callers, call), (self.callees, other)):
            phones.ask(one, "INFO", lambda message: codes.append(message and message.code))
        self.go_on(until=lambda: len(codes) == 2, timeout=10)
        self.assertEqual(codes, [200, 200])
        self.callers.hang_up(call)
        self.go_on(until=lambda: call.caller.is_over and other.callee.is_over, timeout=10)
        self.assertEqual(call.faults + carol.faults, [])


class Recoveries(Points):
    def test_a_process_that_is_killed_while_it_recovers_leaves_the_next_one_the_same(self):
        """At each write from its start on, with a call that is up, one that rings and one that ends."""
        self.begin()
        number, is_ready = 1, False
        while number < 200 and not is_ready:
            calls = [self.call(plan) for plan in (STAYS, RINGS)]
            self.go_on(until=lambda: calls[0].callee.is_acked and calls[1].progress == 180)
            killed = time.monotonic()
            self.tandemd.kill()
            is_ready = not self.dies_at(number)
            self.go_on(until=lambda: calls[1].is_over or self.has_died(), timeout=10)
            if self.has_died():
                is_ready = False
            else:
                self.tandemd.kill()
            self.come_back(killed)
            self.callers.stop()
            self.callees.stop()
            self.go_on(until=lambda: self.callers.are_over, timeout=10)
            number += 1
        print(f"killed at {number - 2} points", flush=True)
        self.assertGreater(number, 5)
        self.end()

    def dies_at(self, number):
        """Whether a process that is started now is killed before it is ready."""
        self.tandemd.under = [*inject("pwrite64", at(number)), "-D"]
        try:
            self.tandemd.start()
            return False
        except AssertionError:
            self.assertEqual(self.tandemd.process.returncode, -9, self.said())
            return True
        finally:
            self.tandemd.under = []


if __name__ == "__main__":
    main()
