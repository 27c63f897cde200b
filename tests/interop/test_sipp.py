"""The scenarios that are built into SIPp, as its users run them: -sn uac, uas, regexp and the four of 3PCC."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))

from harness import Cdr, EndToEnd, Raw, Route, main  # noqa: E402
from sipp import port_is_open, wait_until  # noqa: E402

CALLS = 20


class BuiltIn(EndToEnd):
    """Their callers send ACK and BYE to the URI that they called, not to the Contact."""

    def built_in_callee(self, scenario, **values):
        return self.callee(scenario, is_built_in=True, **values)

    def built_in_caller(self, scenario, **values):
        return self.caller(scenario, is_built_in=True, **values)

    def test_uac_calls_uas(self):
        callee = self.built_in_callee("uas", calls=CALLS)
        self.start(callee.port)
        caller = self.built_in_caller("uac", calls=CALLS, rate=20)
        for sipp in (caller, callee):
            sipp.finish()
        self.assertEqual(len({m.call_id for m in callee.received("INVITE")}), CALLS)
        self.finish(*[Cdr("caller_bye", 200, rang=True)] * CALLS)

    def test_uac_calls_uas_over_ipv6(self):
        callee = self.built_in_callee("uas", host="::1")
        self.start(callee.port, host="::1")
        caller = self.built_in_caller("uac")
        for sipp in (caller, callee):
            sipp.finish()
        self.finish(Cdr("caller_bye", 200, caller, callee, rang=True))

    def test_regexp_reads_the_address_and_the_session_of_uas(self):
        """It takes them out of the 200 and gives them in headers of its ACK."""
        callee = self.built_in_callee("uas", calls=CALLS)
        self.start(callee.port)
        caller = self.built_in_caller("regexp", calls=CALLS, rate=20)
        for sipp in (caller, callee):
            sipp.finish()
        for ack in caller.sent("ACK"):
            self.assertEqual(ack.header("retrievedIp"), f"127.0.0.1:{caller.port}", "the first there is, its own Via's")
            self.assertIn(f"127.0.0.1:{self.tandemd.port}", ack.header("retrievedContact"))
            self.assertEqual(ack.header("retrievedSdpOrigin-session-id"), "53655765")
        self.finish(*[Cdr("caller_bye", 200, rang=True)] * CALLS)

    def test_a_3pcc_controller_joins_two_calls(self):
        """Late offers both: what A offers in its 200 is B's offer, B's answer goes in the ACK to A (RFC 3725)."""
        self.call_ids_are_unique = False  # the controller knows both of its calls by one
        sides = {name: self.built_in_callee(f"3pcc-{name}") for name in "AB"}
        self.start(*[Route(sides[name].port, f"^{name}$") for name in "AB"])
        twin = self.ports.take()
        controllers = {}
        for name in "BA":  # B's listens for A's
            controllers[name] = self.built_in_caller(f"3pcc-C-{name}", user=name,
                                                     arguments=("-3pcc", f"127.0.0.1:{twin}"))
            if name == "B":
                wait_until(lambda: port_is_open(twin, "tcp"), "the controller of B listens for that of A")
        for sipp in (*controllers.values(), *sides.values()):
            sipp.finish()
        offer, = {m.body for m in controllers["A"].received("INVITE", 200)}
        self.assertEqual(offer, sides["A"].sent("INVITE", 200)[0].body)
        self.assertEqual(sides["B"].received("INVITE")[0].body.strip(), offer.strip())
        self.assertEqual(sides["A"].received("ACK")[0].body.strip(), sides["B"].sent("INVITE", 200)[0].body.strip())
        self.finish(*[Cdr("caller_bye", 200, controllers[name], sides[name]) for name in "AB"])

    def test_branchc_is_told_that_nobody_registers_here(self):
        """branchc and branchs want a REGISTER and an INVITE of one Call-ID to come through: a proxy does that."""
        with Raw() as callee:
            self.start(callee.port)
            caller = self.built_in_caller("branchc")
            self.assertEqual(caller.wait_for("REGISTER", 403).code, 403)
            caller.stop()
            self.assertIsNone(callee.receive(0.001))
        self.sipps.remove(caller)  # it hangs up what never was a call
        self.finish()


if __name__ == "__main__":
    main()
