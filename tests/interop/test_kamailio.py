"""Kamailio as the proxy between tandemd and the caller, the callee, and both of them.

It looks at every message, takes none in a dialog but by a Route that names it, and wants each Contact to be the address
that it came from; what it complains of is a failure.
"""
from kamailio import EdgeProxy, Kamailio
from phone import SESSION, Phone, uri_of

from harness import Cdr, EndToEnd, Route, main
from registering import WithPhones


class Calls:
    """Calls through a chain of caller, tandemd and callee; a subclass says where Kamailio is in it."""
    of_caller = of_callee = False
    hops = 1  # Record-Route values of one Kamailio: two where it takes at one port and sends by another

    def setUp(self):
        super().setUp()
        self.callee = Phone()
        self.addCleanup(self.callee.close)
        way, ports = {}, [self.ports.take() for _ in range(4)]
        if self.hops == 1:
            ports[1], ports[3] = ports[0], ports[2]
        self.start(Route(ports[2] if self.of_callee else self.callee.port))
        if self.of_caller:
            way[ports[0]] = (ports[1], self.tandemd.port)
        if self.of_callee:
            way[ports[2]] = (ports[3], self.callee.port)
        self.kamailio = Kamailio(self.folder, way)
        self.addCleanup(self.kamailio.stop)
        self.caller = Phone(ports[0] if self.of_caller else self.tandemd.port)
        self.addCleanup(self.caller.close)

    def ring(self):
        self.caller.call()
        self.callee.take_call()
        self.callee.answer(self.callee.invite, 180)
        self.caller.take("INVITE", 180)

    def talk(self):
        """A call that is up."""
        self.ring()
        self.callee.answer(self.callee.invite, 200, SESSION)
        answer = self.caller.take_answer()
        self.assert_arrived(self.callee, self.callee.take("ACK"))
        self.assertEqual(answer.body.decode(), SESSION)
        self.assertEqual(len(self.caller.route), self.hops * self.of_caller)
        self.assertEqual(len(self.callee.route), self.hops * self.of_callee)
        for phone in (self.caller, self.callee):
            self.assertEqual(phone.target.rpartition(":")[2], str(self.tandemd.port), "strictly tandem's own Contact")

    def assert_arrived(self, phone, request):
        """It is for the Contact of the phone, and its Route has been used up on the way."""
        self.assertEqual(request.uri, uri_of(phone.contact))
        self.assertEqual(request.headers("Route"), [])

    def hang_up(self, one, other):
        bye = one.send("BYE")
        arrived = other.take("BYE")
        self.assert_arrived(other, arrived)
        other.answer(arrived, 200)
        self.assertEqual(one.take("BYE", 200).cseq, bye.cseq)

    def reinvite(self, one, other):
        one.invite = one.send("INVITE", body=SESSION)
        arrived = other.take("INVITE")
        self.assert_arrived(other, arrived)
        other.target = uri_of(arrived.header("Contact"))
        other.answer(arrived, 200, SESSION)
        self.assertEqual(one.take_answer().cseq, one.invite.cseq)
        ack = other.take("ACK")
        self.assert_arrived(other, ack)
        self.assertEqual(ack.cseq, arrived.cseq)

    def finish(self, *expected):
        self.assertEqual(self.kamailio.complaints(), [])
        return super().finish(*expected)

    def test_the_caller_hangs_up(self):
        self.talk()
        self.hang_up(self.caller, self.callee)
        self.finish(Cdr("caller_bye", 200, rang=True))

    def test_reinvites_both_ways_then_the_callee_hangs_up(self):
        self.talk()
        self.reinvite(self.caller, self.callee)
        self.reinvite(self.callee, self.caller)
        self.reinvite(self.caller, self.callee)
        self.hang_up(self.callee, self.caller)
        self.finish(Cdr("callee_bye", 200, rang=True))

    def test_requests_in_the_call_both_ways(self):
        self.talk()
        for one, other in ((self.caller, self.callee), (self.callee, self.caller)):
            for method in ("INFO", "UPDATE", "MESSAGE", "OPTIONS"):
                sent = one.send(method)
                arrived = other.take(method)
                self.assert_arrived(other, arrived)
                other.answer(arrived, 200)
                self.assertEqual(one.take(method, 200).cseq, sent.cseq)
        self.hang_up(self.caller, self.callee)
        self.finish(Cdr("caller_bye", 200, rang=True))

    def test_the_caller_gives_up(self):
        self.ring()
        self.caller.cancel()
        cancel = self.callee.take("CANCEL")
        self.assertEqual(cancel.branch, self.callee.invite.branch)
        self.callee.answer(cancel, 200)
        self.callee.answer(self.callee.invite, 487)
        self.caller.take("CANCEL", 200)
        self.caller.take_refusal(487)
        self.assertEqual(self.callee.take("ACK").branch, self.callee.invite.branch)
        self.finish(Cdr("cancelled", 487, rang=True))

    def test_the_callee_is_busy(self):
        self.caller.call()
        self.callee.take_call()
        self.callee.answer(self.callee.invite, 486)
        self.caller.take_refusal(486)
        self.assertEqual(self.callee.take("ACK").branch, self.callee.invite.branch)
        self.finish(Cdr("refused", 486, rang=False))


class OfTheCaller(Calls, EndToEnd):
    of_caller = True


class OfTheCallee(Calls, EndToEnd):
    of_callee = True


class OfTheCallerByTwoPorts(OfTheCaller):
    hops = 2


class OfTheCalleeByTwoPorts(OfTheCallee):
    hops = 2


class OfBothByTwoPorts(Calls, EndToEnd):
    """One process on both sides: each call comes through it twice, as two calls."""
    of_caller = of_callee = True
    hops = 2


class AtTheEdge(WithPhones):
    def test_a_phone_behind_an_edge_proxy_is_called_through_the_path_of_its_register(self):
        """Also the requests inside the call go there, by the Record-Route (field report 114)."""
        self.start_registrar()
        edge = EdgeProxy(self.folder, self.ports.take(), self.tandemd.port)
        self.addCleanup(edge.stop)
        phone = self.callee("callee_by_a_proxy", port=self.register(self.ports.take(), by=edge.port))
        caller = self.call(phone)
        for request in phone.messages(request=True, sent=False):
            self.assertEqual([via.split()[1].partition(";")[0] for via in request.headers("Via")],
                             [f"127.0.0.1:{edge.port}", f"127.0.0.1:{self.tandemd.port}"], request)
            self.assertEqual(request.headers("Route"), [], "it is used up")
        self.assertEqual(edge.complaints(), [])
        self.finish(Cdr("caller_bye", 200, caller, phone, rang=True))


if __name__ == "__main__":
    main()
