"""Targets with names: NAPTR, SRV and addresses of a real DNS server, failover, and a DNS that is dead (FAULTS L7)."""
import time

from harness import Cdr, EndToEnd, Raw, Route, main
from name_server import DeadServer, NameServer
from sides import target_of
from sipp import Message, wait_until


class Phone(Raw):
    """Says of itself what it is told to say."""
    contact = ""


class Names(EndToEnd):
    def name_server(self, *records):
        server = NameServer(self.folder, self.ports.take(), *records)
        self.addCleanup(server.stop)
        return server

    def start_with(self, server, *targets, timeout_ms=4000, match="", more_routes=()):
        """tandemd with this DNS server, and one route to these targets."""
        route = Route(0, match=match)
        names = ", ".join(f'"{target}"' for target in targets)
        route.toml = lambda host: (f"[dns]\nservers = [\"127.0.0.1:{server.port}\"]\ntimeout_ms = {timeout_ms}\n"
                                   f"[[route]]\nmatch = '{match}'\nto = [{names}]\n")
        self.start(route, *more_routes)

    def test_naptr_and_srv_lead_to_the_callee(self):
        callee = self.callee("callee_basic", hold=50)
        dns = self.name_server("--naptr-record=carrier.example,10,10,S,SIP+D2U,,_sip._udp.east.example",
                               f"--srv-host=_sip._udp.east.example,gate.east.example,{callee.port},10,1",
                               "--host-record=gate.east.example,127.0.0.1")
        self.start_with(dns, "sip:carrier.example")
        caller = self.caller("caller_basic", hold=50)
        for sipp in (caller, callee):
            sipp.finish()
        self.assertEqual(callee.received("INVITE")[0].uri, "sip:bob@carrier.example")
        self.finish(Cdr("caller_bye", 200, caller, callee))

    def test_after_503_the_next_srv_target_takes_the_call(self):
        refuses = self.callee("callee_refuses", code=503, reason="Full", headers="")
        answers = self.callee("callee_basic", hold=50)
        dns = self.name_server(f"--srv-host=_sip._udp.carrier.example,gate.carrier.example,{refuses.port},10,1",
                               f"--srv-host=_sip._udp.carrier.example,gate.carrier.example,{answers.port},20,1",
                               "--host-record=gate.carrier.example,127.0.0.1")
        self.start_with(dns, "sip:carrier.example")
        caller = self.caller("caller_basic", hold=50)
        for sipp in (caller, refuses, answers):
            sipp.finish()
        first, second = refuses.received("INVITE")[0], answers.received("INVITE")[0]
        self.assertEqual(first.uri, second.uri)
        self.assertNotEqual(first.branch, second.branch)
        self.finish(Cdr("caller_bye", 200, caller, answers))

    def test_calls_are_spread_by_weight_and_the_name_is_asked_for_once(self):
        calls = 24
        heavy = self.callee("callee_basic", calls=calls, hold=0)
        light = self.callee("callee_basic", calls=calls, hold=0)
        dns = self.name_server(f"--srv-host=_sip._udp.carrier.example,gate.carrier.example,{heavy.port},10,60",
                               f"--srv-host=_sip._udp.carrier.example,gate.carrier.example,{light.port},10,40",
                               "--host-record=gate.carrier.example,127.0.0.1")
        self.start_with(dns, "sip:carrier.example")
        self.caller("caller_basic", calls=calls, rate=50, hold=0).finish()
        shares = [len({m.call_id for m in callee.received("INVITE")}) for callee in (heavy, light)]
        self.assertEqual(sum(shares), calls)
        self.assertTrue(all(shares), f"one in a hundred thousand runs has all calls on one side: {shares}")
        self.assertEqual(dns.queries("_sip._udp.carrier.example"), 1)
        self.assertEqual(dns.queries("gate.carrier.example"), 1)
        self.finish(*[Cdr("caller_bye", 200)] * calls)

    def test_a_name_that_does_not_exist_is_hunted_past(self):
        answers = self.callee("callee_basic", hold=50)
        self.start_with(self.name_server(), "sip:gone.example", f"sip:127.0.0.1:{answers.port}")
        caller = self.caller("caller_basic", hold=50)
        for sipp in (caller, answers):
            sipp.finish()
        self.finish(Cdr("caller_bye", 200, caller, answers))

    def test_requests_inside_a_call_go_where_a_contact_that_is_a_name_leads(self):
        dns = self.name_server("--host-record=desk.example,127.0.0.1")
        with Phone() as callee, Raw() as desk:
            self.start_with(dns, f"sip:127.0.0.1:{callee.port}")
            callee.contact = f"<sip:bob@desk.example:{desk.port}>"
            caller = self.tandemd.raw()
            self.addCleanup(caller.socket.close)
            invite = Message(caller.request("INVITE"))
            caller.send(invite.raw)
            callee.respond(callee.receive(), 200)
            answer = caller.receive_code(200)

            def inside(method, cseq):
                return caller.request(method, uri=target_of(answer), From=invite.header("From"),
                                      To=answer.header("To"), Call_ID=invite.call_id, CSeq=f"{cseq} {method}")

            numbers = iter(range(2, 1000))

            def info_comes_to_the_desk():
                """Until the name is known they go to where the INVITE went, which repeats its 200 until its ACK."""
                caller.send(inside("ACK", 1))
                caller.send(inside("INFO", next(numbers)))
                while info := callee.receive(0.1):
                    if info.method == "INFO":
                        callee.respond(info, 200)
                info = desk.receive(0.1)
                if info and info.method == "INFO":
                    desk.respond(info, 200)
                    return True
                return False

            wait_until(info_comes_to_the_desk, "an INFO comes to the desk")
            self.assertEqual(dns.queries("desk.example"), 1)
            caller.send(inside("BYE", next(numbers)))
            while (bye := desk.receive()).method != "BYE":
                pass
            self.assertIn("desk.example", bye.uri)
            desk.respond(bye, 200)
            self.assertEqual(caller.receive_code(200).method, "INFO")
        self.finish(Cdr("caller_bye", 200))

    def test_a_host_of_this_machine_needs_no_dns(self):
        dead = DeadServer()
        self.addCleanup(dead.stop)
        callee = self.callee("callee_basic", hold=50)
        self.start_with(dead, f"sip:localhost:{callee.port}")
        caller = self.caller("caller_basic", hold=50)
        for sipp in (caller, callee):
            sipp.finish()
        self.assertEqual(dead.queries(), 0)
        self.finish(Cdr("caller_bye", 200, caller, callee))

    def test_a_dead_dns_delays_no_address_and_a_name_gets_503_in_time(self):
        dead = DeadServer()
        self.addCleanup(dead.stop)
        callee = self.callee("callee_basic", hold=50)
        self.start_with(dead, "sip:carrier.example", match="^name$", more_routes=[Route(callee.port)])
        with self.tandemd.raw() as raw:
            invite = raw.request("INVITE", user="name")
            asked = time.monotonic()
            raw.send(invite)
            self.assertEqual(raw.receive().code, 100)
            caller = self.caller("caller_basic", hold=50)  # a whole call meanwhile
            for sipp in (caller, callee):
                sipp.finish()
            self.assertTrue(dead.queries() > 0)
            refusal = raw.ask(invite)  # the same request once more: its answer, or the one to come
            taken = time.monotonic() - asked
            self.assertEqual(refusal.code, 503)
            self.assertTrue(3.5 < taken < 10, f"the lookup has 4 s, the answer came after {taken:.1f} s")
            # The silence is known for a while: nobody waits for it again.
            asked = time.monotonic()
            self.assertEqual(raw.ask(raw.request("INVITE", user="name")).code, 503)
            self.assertLess(time.monotonic() - asked, 3)
        self.wait_for_line("no answer from DNS in time")
        self.finish(Cdr("caller_bye", 200, caller, callee), Cdr("transport", 503), Cdr("transport", 503))

    def test_a_dead_dns_is_hunted_past_within_its_deadline(self):
        dead = DeadServer()
        self.addCleanup(dead.stop)
        answers = self.callee("callee_basic", hold=50)
        self.start_with(dead, "sip:carrier.example:5080", f"sip:127.0.0.1:{answers.port}", timeout_ms=600)
        caller = self.caller("caller_basic", hold=50)
        for sipp in (caller, answers):
            sipp.finish()
        self.finish(Cdr("caller_bye", 200, caller, answers))


if __name__ == "__main__":
    main()
