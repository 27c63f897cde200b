"""Less memory and less CPU than calls want, by control groups: FAULTS L3 and S1."""
import time
from collections import Counter

from control_group import ControlGroup
from harness import Cdr, Raw, Route, main
from phones import Callees, Callers, run
from sides import Parties
from sipp import Message, wait_until

MB = 1 << 20


class Scarce(Parties):
    def group(self, controller, **limits):
        group = ControlGroup(controller, **limits)
        self.addCleanup(group.close)  # after the process has ended: what is added last is done first
        return group


class Memory(Scarce):
    GROUP, BUDGET = 64, 32  # MB

    def begin(self, group, lines="", ring_timeout_ms=20000):
        """A call that is up, and a user who never answers."""
        self.silent = self.ports.take()
        self.raws = {"bob": Raw()}
        self.addCleanup(self.raws["bob"].__exit__)
        self.start(Route(self.raws["bob"].port, "^bob$"), Route(self.silent, "", ring_timeout_ms), group=group,
                   profiles=lines)
        self.raws["bob"].tandemd_port = self.tandemd.port
        self.sides = self.talk(self.phone(), "bob", {}, {})

    def flood(self, raw, count):
        """So many INVITEs at once; how often which answer came first, and the 503s."""
        sent = [Message(raw.request("INVITE", user="nobody")) for _ in range(count)]
        for invite in sent:
            raw.send(invite.raw)
        waiting, first = {invite.call_id for invite in sent}, {}
        while waiting - first.keys():
            message = raw.receive()
            self.assertIsNotNone(message, f"{len(first)} of {count} have an answer; exit {self.tandemd.process.poll()}")
            raw.acknowledge(message)
            if message.call_id in waiting:  # and no call before has ended
                first.setdefault(message.call_id, message)
        return Counter(m.code for m in first.values()), [m for m in first.values() if m.code == 503]

    def test_beyond_its_own_budget_it_takes_no_call_and_never_meets_the_limit(self):
        group = self.group("memory", limit_in_bytes=self.GROUP * MB)
        self.begin(group, f"[limits]\nmemory_mb = {self.BUDGET}\n", ring_timeout_ms=10000)
        codes, batch = Counter(), 100
        with self.tandemd.raw() as raw:
            while codes.total() < 20_000:
                came, refused = self.flood(raw, batch)
                codes += came
                for refusal in refused:
                    self.assertRegex(refusal.header("Retry-After"), r"^\d+$")
            print(f"{dict(codes)} with {group.read('max_usage_in_bytes') >> 20} MB", flush=True)
            self.assertEqual(codes.keys(), {100, 503})
            self.assertEqual(codes.total(), 20_000)
            self.assertGreater(min(codes.values()), 1000)
            self.assertLess(self.tandemd.resident_kb() >> 10, self.BUDGET + 8)
            self.passes(*self.sides, body="a call that is up is served")
            self.passes(*self.sides[::-1])
            self.hang_up(*self.sides)
            wait_until(lambda: self.flood(raw, 1)[0][100], "with the calls gone new ones are taken", timeout=60)
        self.wait_for_line("overload: memory is short")
        wait_until(lambda: not self.dialogs(), "the calls are over", timeout=60)
        self.finish(Cdr("caller_bye", 200), among="answered_us > 0")

    def test_a_process_that_is_killed_for_its_memory_has_lost_nothing_that_was_answered(self):
        group = self.group("memory", limit_in_bytes=24 * MB)
        self.begin(group)
        with self.tandemd.raw() as raw:
            while self.tandemd.process.poll() is None:
                self.assertLess(raw._count, 60_000, "the memory goes somewhere")
                for _ in range(50):
                    raw.send(raw.request("INVITE", user="nobody"))
                while raw.receive(0.01):
                    pass
        self.assertEqual(self.tandemd.process.returncode, -9)
        self.tandemd.group = None
        self.tandemd.start()
        self.passes(*self.sides, body="a call that is up goes on")
        self.hang_up(*self.sides)
        self.finish(Cdr("caller_bye", 200), among="answered_us > 0")


class Timed(Callers):
    """They know how long it took until they had an answer."""

    def invite(self, call):
        call.began = time.monotonic()
        super().invite(call)

    def take_final(self, call, message):
        if not call.finals:
            call.took, call.retry_after = time.monotonic() - call.began, message.header("Retry-After")
        elif message.code == 200:  # a copy was refused, and the other one was taken: to be hung up as well
            call.is_over = False
        super().take_final(call, message)


class Processor(Scarce):
    SHARE = 1000, 50_000  # of one CPU: microseconds of so many
    CALLS = 100  # a second, that it gives; beside others who want the CPU it may seem less

    def test_a_flood_of_five_times_what_it_can_is_refused_and_what_is_taken_is_served(self):
        group = self.group("cpu", cfs_period_us=self.SHARE[1])
        callee = Raw()
        self.addCleanup(callee.__exit__)
        self.start(Route(callee.port), group=group)
        callee.tandemd_port = self.tandemd.port
        callees, self.callers = Callees(callee, ring=0), []
        group.write("cfs_quota_us", self.SHARE[0])

        self.taken_again(callees)
        some = self.place(callees, 800, 400)
        capacity = max(sum(bool(call.answer) for call in some.calls.values()) / 2, self.CALLS)
        self.taken_again(callees)
        flood = self.place(callees, round(5 * capacity * 3), 5 * capacity)
        self.taken_again(callees)
        run(among=[callees, *self.callers], timeout=60, until=lambda: not self.dialogs())

        calls = flood.calls.values()
        codes = Counter(frozenset(code for _, code in call.finals) for call in calls)
        took = sorted(call.took for call in calls if not call.has_failed)
        print(f"{capacity:.0f} calls/s; at {5 * capacity:.0f} {dict(codes)}; served in {took[len(took) // 2]:.3f} s, "
              f"95 % in {took[len(took) * 95 // 100]:.3f} s, the last in {took[-1]:.3f} s", flush=True)
        # A copy that was sent before the refusal came may be taken: such a call has to be hung up like any other.
        self.assertLess(codes[frozenset({200, 503})], len(calls) / 10)
        self.assertGreater(codes[frozenset({503})], codes[frozenset({200})])
        self.assertTrue(all(call.retry_after.isdigit() for call in calls if call.has_failed))
        self.assertLess(took[len(took) * 95 // 100], 8, "as long as what waits in the socket takes")
        group.write("cfs_quota_us", -1)
        answered = sum(bool(call.answer) for callers in self.callers for call in callers.calls.values())
        self.finish(*[Cdr("caller_bye", 200)] * answered, among="answered_us > 0")

    def taken_again(self, callees):
        began = time.monotonic()
        while next(iter(self.place(callees, 1, 1).calls.values())).has_failed:
            self.assertLess(time.monotonic() - began, 8, "calls are taken again")

    def place(self, callees, count, rate):
        """So many calls, from the first to the last message."""
        raw = self.phone()
        self.callers.append(Timed(raw, count, rate=rate, hold=0.02))
        run(self.callers[-1], among=[callees, *self.callers], timeout=60)
        return self.callers[-1]


if __name__ == "__main__":
    main()
