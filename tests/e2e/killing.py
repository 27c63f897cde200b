"""tandemd under mixed calls, killed and started again, and the truth of the phones in the end."""
import os
import time
from random import Random

import mixed_calls
from harness import EndToEnd, Raw, Route
from kept_promises import Judge, StoreCopy, check_whole, check_written_ahead
from phones import run

FEW = 5
PROFILES = ('[[profile]]\nname = "total"\n[[profile]]\nname = "few"\n' f'limit = {FEW}\n'
            '[[profile]]\nname = "user"\nvalue = true\n')


class Killed(EndToEnd):
    def begin(self, seed=None, **settings):
        self.seed = int(os.environ.get("TANDEM_E2E_SEED", 0)) or seed or time.time_ns() % 1_000_000
        print(f"seed {self.seed}", flush=True)
        self.random = Random(self.seed)
        callee = Raw()
        self.addCleanup(callee.__exit__)
        places = 'profiles = ["total", {}"user={{from.user}}"]'
        self.start(Route(callee.port, "^few-", more=places.format('"few", ')),
                   Route(callee.port, more=places.format("")), profiles=PROFILES, **{"drain_ms": 200} | settings)
        callee.tandemd_port = self.tandemd.port
        caller = self.tandemd.raw()
        self.addCleanup(caller.__exit__)
        by_name, self.kills = {}, []
        self.callers = mixed_calls.Callers(caller, by_name)
        self.callees = mixed_calls.Callees(callee, by_name)
        self.by_name = by_name

    @property
    def calls(self):
        return list(self.by_name.values())

    def go_on(self, seconds=0.0, until=lambda: False, timeout=40):
        """Both sides go on, for so long or until something is so."""
        end = time.monotonic() + seconds
        run(self.callers, self.callees, timeout=timeout,
            until=lambda: until() or (seconds and time.monotonic() >= end))

    def kill(self):
        """Now, and back at once."""
        killed = time.monotonic()
        self.tandemd.kill()
        self.come_back(killed)

    def come_back(self, killed):
        """From the dead, since then; what the file says is compared with what has been heard."""
        self.callers.drain()
        self.callees.drain()
        copy = StoreCopy(self.store, self.folder)
        self.tandemd.start()
        self.kills.append((killed, time.monotonic()))
        check_whole(self, copy.rows)
        check_written_ahead(self, copy.rows, self.calls)

    def end(self):
        """All calls end; the records are right, and all places are free."""
        self.callers.stop()
        self.callees.stop()
        self.go_on(until=lambda: self.callers.are_over)
        self.assertEqual({call.plan.name for call in self.calls if not call.is_over}, set())
        self.go_on(until=lambda: not self.living())
        self.check_free()
        records = self.end_calls(timeout=40)
        judge = Judge(self.calls, self.kills)
        faults = judge.compare(records)
        print(judge.summary(records), flush=True)
        self.assertEqual(faults, [], "\n".join([f"seed {self.seed}", *faults]))

    def living(self):
        """What the store has of calls. A callee whose INVITE has never left, or whose refusal was acknowledged before,
        is waited for 64*T1: he does not count."""
        return self.rows("SELECT id FROM dialog UNION ALL SELECT id FROM dialog_leg WHERE state = 'confirmed'")

    def check_free(self):
        """As many fit as the limit says, and not one more."""
        plans = mixed_calls.draw(self.random, FEW + 1, {"last": 1})
        for plan in plans:
            plan.name, plan.kind, plan.hangs_up, plan.inside = f"few-{plan.name}", "stay", "caller", []
        self.callers.begin(plans, 1000)
        self.go_on(until=lambda: all(plan.name in self.by_name and self.by_name[plan.name].caller.final
                                     for plan in plans))
        codes = sorted(self.by_name[plan.name].caller.final.code for plan in plans)
        self.assertEqual(codes, [200] * FEW + [503])
        self.callers.stop()
        self.go_on(until=lambda: self.callers.are_over)
