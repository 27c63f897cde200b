"""Calls over a network that loses a part of all datagrams, both ways and on both legs, and calls without a server."""
import math

import netns
from harness import EndToEnd, Raw, Route, main
from phones import T1, Callees, Callers, run

# Percent of the datagrams that are lost, and of the calls that have to complete nevertheless: an INVITE is sent seven
# times and a BYE eleven times (RFC 3261 section 17).
COMPLETE = {5: 99.9, 10: 99.5, 20: 99.0, 30: 95.0}
CALLS, RATE = 400, 30  # of each, and a second; together as many as Python carries without losing any itself


def setUpModule():
    netns.enter()


class Loss(EndToEnd):
    def raw(self, tandemd_port=None):
        raw = Raw("127.0.0.1", tandemd_port)
        self.addCleanup(raw.__exit__)
        return raw

    def test_calls_complete_under_loss_as_they_do_without_a_server(self):
        callees = {(way, percent): Callees(self.raw(), ring=0.05) for way in ("through", "direct")
                   for percent in COMPLETE}
        self.start(*[Route(callees["through", percent].raw.port, f"^p{percent}$", ring_timeout_ms=60000)
                     for percent in COMPLETE])
        callers, rules = {}, []
        for (way, percent), callee in callees.items():
            port = self.tandemd.port if way == "through" else callee.raw.port
            callers[way, percent] = Callers(self.raw(port), CALLS, rate=RATE, hold=0.2, user=f"p{percent}")
            both = f"{{ {callers[way, percent].raw.port}, {callee.raw.port} }}"
            rules.append((percent, f"udp dport {both}"))
            if way == "through":
                callee.raw.tandemd_port = port
                rules.append((percent, f"udp dport {port} udp sport {both}"))
        with netns.Loss(*rules) as loss:
            run(*callers.values(), among=callees.values(), timeout=4 * 64 * T1)
            self.assertTrue(all(count > CALLS * 0.05 for count in loss.lost()), f"it was lossy: {loss.lost()}")

        done = {key: {call.invite.call_id for call in caller.calls.values() if not call.has_failed}
                for key, caller in callers.items()}
        for percent, least in COMPLETE.items():
            through, direct = len(done["through", percent]), len(done["direct", percent])
            print(f"{percent} % lost: of {CALLS} calls {through} complete, {direct} without a server", flush=True)
            with self.subTest(f"{percent} %"):
                self.assertGreaterEqual(100 * through / CALLS, least)
                # One point less than direct, and what chance may do to two such numbers: three standard deviations.
                chance = 3 * math.sqrt(2 * CALLS - through - direct)
                self.assertGreaterEqual(through, direct - CALLS / 100 - chance)
        self.check_records(callers, callees, set().union(*[done["through", percent] for percent in COMPLETE]))

    def check_records(self, callers, callees, completed):
        """One record for each call that came, and each that was hung up in good order says so."""
        through = [callees["through", percent] for percent in COMPLETE]
        run(among=through, timeout=4 * 64 * T1, until=lambda: not self.dialogs())
        records = self.end_calls()
        reasons = {record["caller_call_id"]: record["end_reason"] for record in records}
        self.assertEqual(len(reasons), len(records), "no call has two records")
        called = set().union(*[callers["through", percent].calls for percent in COMPLETE])
        self.assertEqual(reasons.keys() - called, set())
        self.assertEqual({reasons.get(call_id) for call_id in completed}, {"caller_bye"})
        for callee in through:
            self.assertEqual({len(call.branches) for call in callee.calls.values()}, {1}, "one INVITE for one leg")


if __name__ == "__main__":
    main()
