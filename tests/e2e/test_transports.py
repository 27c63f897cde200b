"""Calls over TCP, over TCP to UDP and back, and over IPv6; connections that end in the middle of a call."""
from harness import Cdr, EndToEnd, Route, main


class Tcp(EndToEnd):
    def place(self, caller="t1", callee="t1", host="127.0.0.1", calls=1, **scenarios):
        """One call or several, each side over its transport."""
        there = self.callee(scenarios.get("callee_scenario", "callee_basic"), host, transport=callee, calls=calls,
                            hold=100)
        route = Route(there.port, transport="" if callee.startswith("u") else "tcp")
        self.start(route, host=host, transports=("udp", "tcp"))
        here = self.caller(scenarios.get("caller_scenario", "caller_basic"), transport=caller, calls=calls, rate=50,
                           hold=100)
        for sipp in (here, there):
            sipp.finish()
        return here, there

    def check_hop(self, message, transport, host="127.0.0.1"):
        """Via and Contact of what tandem sent name the transport that it was sent by."""
        self.assertTrue(message.header("Via").startswith(f"SIP/2.0/{transport} {host}:{self.tandemd.port}"), message)
        self.assertEqual(message.header("Contact"), self.contact(transport, host))

    def contact(self, transport, host="127.0.0.1"):
        return f"<sip:{host}:{self.tandemd.port}" + (";transport=tcp>" if transport == "TCP" else ">")

    def test_a_call_over_tcp(self):
        caller, callee = self.place()
        self.check_hop(callee.received("INVITE")[0], "TCP")
        self.assertEqual(caller.received("INVITE", 200)[0].header("Contact"), self.contact("TCP"))
        self.assertEqual(len(callee.received("INVITE")), 1)
        self.finish(Cdr("caller_bye", 200, caller, callee, rang=True))

    def test_a_call_from_tcp_to_udp(self):
        caller, callee = self.place(callee="u1")
        self.check_hop(callee.received("INVITE")[0], "UDP")
        self.assertEqual(caller.received("INVITE", 200)[0].header("Contact"), self.contact("TCP"))
        self.finish(Cdr("caller_bye", 200, caller, callee, rang=True))

    def test_a_call_from_udp_to_tcp(self):
        caller, callee = self.place(caller="u1")
        self.check_hop(callee.received("INVITE")[0], "TCP")
        self.assertEqual(caller.received("INVITE", 200)[0].header("Contact"), self.contact("UDP"))
        self.finish(Cdr("caller_bye", 200, caller, callee, rang=True))

    def test_a_call_over_tcp_and_ipv6(self):
        caller, callee = self.place(host="::1")
        self.check_hop(callee.received("INVITE")[0], "TCP", "[::1]")
        record, = self.finish(Cdr("caller_bye", 200, caller, callee, rang=True))
        self.assertIn("::1", record["source"])

    def test_the_callee_hangs_up_over_the_callers_connection(self):
        caller, callee = self.place(caller_scenario="caller_is_hung_up", callee_scenario="callee_hangs_up")
        self.finish(Cdr("callee_bye", 200, caller, callee))

    def test_many_calls_by_one_connection(self):
        self.many("t1")

    def test_many_calls_by_a_connection_each(self):
        self.many("tn")

    def many(self, caller):
        callee = self.place(caller=caller, calls=60)[1]
        self.assertEqual(len(callee.received("BYE")), 60)
        self.finish(*[Cdr("caller_bye", 200)] * 60)

    def test_a_refusal_over_tcp(self):
        callee = self.callee("callee_refuses", transport="t1", code=486, reason="Busy Here", headers="")
        self.start(Route(callee.port, transport="tcp"), transports=("udp", "tcp"))
        caller = self.caller("caller_refused", transport="t1", code=486)
        for sipp in (caller, callee):
            sipp.finish()
        self.assertEqual(len(callee.received("ACK")), 1)
        self.finish(Cdr("refused", 486, caller, callee))

    def test_nobody_listens(self):
        """The refused connection ends the call at once, not after 32 s (RFC 3261 section 8.1.3.1)."""
        self.start(Route(self.ports.take(), transport="tcp"), transports=("udp", "tcp"))
        caller = self.caller("caller_refused", transport="t1", code=503)
        caller.finish(timeout=10)
        self.finish(Cdr(None, 503, caller, answered=False))


if __name__ == "__main__":
    main()
