"""Datagrams that come twice, in another order, or a hundred times."""
import random

from harness import Cdr, EndToEnd, Raw, Route, main
from phones import Callees, Callers, run
from sipp import Message
from udp_proxy import UdpProxy


class Duplicates(EndToEnd):
    def test_duplicates_and_another_order_change_nothing(self):
        seed, calls = random.randrange(1 << 32), 200
        print(f"seed {seed}", flush=True)
        proxy = UdpProxy(seed, duplicate=0.2, reorder=0.2)
        self.addCleanup(proxy.close)
        callee, caller = Raw(), Raw()
        for raw in (callee, caller):
            self.addCleanup(raw.__exit__)
            raw.port = proxy.stand_in(raw.port)
        port = self.ports.take()
        server = proxy.stand_in(port)
        callee.tandemd_port = caller.tandemd_port = server
        self.start(Route(callee.port), port=port, advertise=f"127.0.0.1:{server}")
        before = self.tandemd.resident_kb()

        callers, callees = Callers(caller, calls, rate=100, hold=0.05), Callees(callee, ring=0.02)
        run(callers, callees, timeout=60)
        self.assertGreater(min(proxy.doubled, proxy.overtaken), calls)
        self.assertEqual(len(callees.calls), calls, "one leg to the callee for each call")
        self.assertEqual({len(call.branches) for call in callees.calls.values()}, {1}, "and one INVITE on it")
        for call in callers.calls.values():
            self.assertEqual([code for _, code in call.finals], [200], "one answer, whatever came twice")
        if not self.tandemd.is_sanitized:
            self.assertLess(self.tandemd.resident_kb(), before + 16384)
        self.finish(*[Cdr("caller_bye", 200)] * calls)


class Storm(EndToEnd):
    def setUp(self):
        super().setUp()
        self.callee = Raw()
        self.addCleanup(self.callee.__exit__)
        self.start(Route(self.callee.port))
        self.callee.tandemd_port = self.tandemd.port
        self.caller = self.tandemd.raw()
        self.addCleanup(self.caller.__exit__)

    def cost(self, ask, count=200):
        """CPU of what is asked, and answered at once."""
        before = self.tandemd.cpu_ns()
        for _ in range(count):
            ask()
        return (self.tandemd.cpu_ns() - before) / count

    def ask_anew(self):
        self.assertEqual(self.caller.ask(self.caller.request("OPTIONS")).code, 200)

    def ask_again(self, invite):
        self.caller.send(invite.raw)
        self.answer = self.caller.receive()
        self.assertIn(self.answer.code, (100, 180))
        if self.answer.code == 180:
            self.tags.add(self.answer.tag("To"))

    def test_a_hundred_copies_of_one_invite_are_one_call(self):
        invite = Message(self.caller.request("INVITE"))
        for _ in range(100):
            self.caller.send(invite.raw)
        leg = self.callee.receive()
        self.callee.respond(leg, 180)
        while (ringing := self.caller.receive()).code != 180:
            self.assertEqual(ringing.code, 100)

        self.tags = {ringing.tag("To")}
        # In turn: a machine that others work on as well is as quick for the one as for the other.
        costs = [(self.cost(lambda: self.ask_again(invite)), self.cost(self.ask_anew)) for _ in range(15)]
        self.assertEqual(len(self.tags), 1, "all copies get the same answer")
        again, anew = sorted(costs, key=lambda pair: pair[0] / pair[1])[len(costs) // 2]
        print(f"CPU of a copy {again:.0f} ns, of a request that is answered {anew:.0f} ns", flush=True)
        self.assertLess(again, anew * 1.5, "a copy costs no more than to read and to answer")
        while (more := self.callee.receive(0)) is not None:
            self.assertEqual(more.raw, leg.raw, "one leg to the callee")
        self.callee.respond(leg, 486)
        refusal = self.caller.receive_other(self.answer)
        while refusal.code != 486:
            refusal = self.caller.receive()
        self.caller.acknowledge(refusal)
        self.finish(Cdr("refused", 486))


if __name__ == "__main__":
    main()
