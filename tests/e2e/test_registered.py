"""Calls to registered users: each phone by the way it has opened, all of them by q, and what the caller hears of those
who have none."""
from harness import Cdr, Raw, main
from registering import DOMAIN, PASSWORDS, USERS, Registering, WithPhones, registrar, to
from sides import described
from sipp import Message, wait_until
from stream import Connection
from test_transports import Streams

NOWHERE = "10.255.255.1:5060"  # what a phone behind a NAT takes for its address
INSTANCE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"'


class Registered(WithPhones):
    def refused(self, code, user="bob"):
        return self.call(caller="caller_refused", user=user, code=code)

    def connection(self, user="bob"):
        """A phone on a connection of its own; nobody listens at the address that its Contact names."""
        connection = Connection("127.0.0.1", self.tandemd.port)
        self.addCleanup(connection.__exit__)
        return Registering(connection, user, PASSWORDS[user])

    def test_a_phone_is_called_by_its_contact(self):
        self.start_registrar()
        phone = self.phone("callee_basic")
        caller = self.call(phone)
        invite, = phone.received("INVITE")
        self.assertEqual(invite.uri, f"sip:bob@127.0.0.1:{phone.port}")
        self.assertEqual(invite.headers("Route"), [])
        self.finish(Cdr("caller_bye", 200, caller, phone, rang=True))

    def test_phones_of_equal_q_ring_together_before_those_of_a_lower_one(self):
        self.start_registrar()
        lobby = self.phone("callee_basic", params=";q=0.5")
        desk, mobile = self.phone("callee_rings"), self.phone("callee_answers_late", hold=300)
        caller = self.call(desk, mobile)
        self.assertEqual(len(desk.received("CANCEL")), 1)
        self.assertEqual(lobby.received(), [])
        self.finish(Cdr("caller_bye", 200, caller, mobile, rang=True))

    def test_the_phones_of_a_lower_q_ring_when_those_of_the_higher_one_have_failed(self):
        self.start_registrar()
        lobby = self.phone("callee_basic", params=";q=0.5")
        full = [self.phone("callee_refuses", code=503, reason="Full", headers="") for _ in range(2)]
        caller = self.call(*full, lobby)
        self.finish(Cdr("caller_bye", 200, caller, lobby))

    def test_a_phone_behind_a_nat_is_reached_where_it_registered_from_in_the_call_as_well(self):
        self.start_registrar()
        phone = self.phone("callee_behind_nat", NOWHERE)
        caller = self.call(phone)
        self.assertEqual({m.uri.partition(";")[0] for m in phone.messages(request=True, sent=False)},
                         {f"sip:bob@{NOWHERE}"})
        self.finish(Cdr("caller_bye", 200, caller, phone, rang=True))

    def test_a_phone_behind_a_nat_that_answers_when_the_caller_has_gone_is_hung_up_there(self):
        self.start_registrar()
        phone = self.phone("callee_behind_nat_answers_the_cancel", NOWHERE)
        caller = self.call(phone, caller="caller_cancels")
        self.finish(Cdr("cancelled", 487, caller))

    def answer_over(self, phone):
        """Takes a call over a connection, from its INVITE to its BYE."""
        caller = self.caller("caller_basic", hold=50)
        invite = phone.raw.expect("INVITE")
        phone.raw.respond(invite, 200, body=described("bob", 50000)["body"])
        phone.raw.expect("ACK")
        phone.raw.respond(phone.raw.expect("BYE"), 200)
        caller.finish()
        return caller, invite

    def test_a_phone_on_a_connection_is_called_over_it_and_listens_nowhere(self):
        self.start_registrar(transports=("udp", "tcp"))
        phone = self.connection()
        contact = f"<sip:bob@{NOWHERE};transport=tcp>"
        self.assertEqual(phone.register(contact).code, 200)
        caller, invite = self.answer_over(phone)
        self.assertEqual(f"<{invite.uri}>", contact)
        self.finish(Cdr("caller_bye", 200, caller))

    def flow(self, number):
        phone = self.connection()
        contact = f"<sip:bob@{NOWHERE};transport=tcp;ob>;{INSTANCE};reg-id={number}"
        answer = phone.register(contact, headers=["Supported: outbound, path"])
        self.assertEqual((answer.code, answer.header("Require")), (200, "outbound"))
        return phone

    def test_of_two_flows_of_a_phone_the_second_is_tried_when_the_first_fails_and_only_then(self):
        self.start_registrar(transports=("udp", "tcp"))
        older, newer = self.flow(1), self.flow(2)
        caller, _ = self.answer_over(newer)
        self.assertIsNone(older.raw.receive(0))
        again = self.caller("caller_basic", port=self.ports.take(), hold=50)
        failed = newer.raw.expect("INVITE")
        newer.raw.respond(failed, 430)
        invite = older.raw.expect("INVITE")
        self.assertNotEqual(invite.call_id, failed.call_id)
        older.raw.respond(invite, 200, body=described("bob", 50000)["body"])
        older.raw.expect("ACK")
        older.raw.respond(older.raw.expect("BYE"), 200)
        again.finish()
        self.finish(Cdr("caller_bye", 200, caller), Cdr("caller_bye", 200, again))

    def test_a_flow_whose_connection_has_closed_is_called_no_more(self):
        self.start_registrar(transports=("udp", "tcp"))
        older, newer = self.flow(1), self.flow(2)
        newer.raw.socket.close()
        wait_until(lambda: "registrar: lost the connection of bob@" in self.said(), "the log says so")
        row, = self.wait_for_rows("SELECT * FROM binding WHERE is_over", 1)
        self.assertEqual((row["reg_id"], row["port"]), (2, newer.raw.port))
        caller, _ = self.answer_over(older)
        older.raw.socket.close()
        self.wait_for_rows("SELECT * FROM binding WHERE is_over", 2)
        self.refused(480)
        self.finish(Cdr("caller_bye", 200, caller), Cdr("refused", 480))

    def test_a_phone_without_outbound_keeps_its_binding_when_its_connection_closes(self):
        """It may connect again from elsewhere, or listen: a call tries its Contact."""
        self.start_registrar(transports=("udp", "tcp"))
        phone, port = self.connection(), self.ports.take()
        self.assertEqual(phone.register(f"<sip:bob@127.0.0.1:{port};transport=tcp>").code, 200)
        connected = self.tandemd.descriptors()
        phone.raw.socket.close()
        wait_until(lambda: self.tandemd.descriptors() < connected, "the connection has ended")
        listens = self.callee("callee_basic", port=port, transport="t1")
        caller = self.call(listens)
        self.finish(Cdr("caller_bye", 200, caller, listens, rang=True))

    def test_a_phone_that_registers_again_from_elsewhere_is_called_once(self):
        """As one does that was woken (field report 115): its instance tells that it is the same."""
        self.start_registrar()
        left = self.register(self.ports.take(), params=f";{INSTANCE}")
        phone = self.phone("callee_basic", params=f";{INSTANCE}")
        left = self.callee("callee_basic", port=left)
        self.assertEqual(len(self.rows("SELECT * FROM binding WHERE NOT is_over")), 1)
        caller = self.call(phone)
        self.assertEqual(left.received(), [])
        self.finish(Cdr("caller_bye", 200, caller, phone))

    def test_who_has_no_phone_is_unavailable_and_who_is_no_user_is_not_found(self):
        self.start_registrar(more="min_expires_s = 1")
        self.refused(480)
        self.refused(404, "nobody")
        port = self.register(self.ports.take())
        self.register(port, expires=0)
        self.register(self.ports.take(), user="carol", expires=1)
        self.refused(480)
        wait_until(lambda: "registrar: expired carol" in self.said(), "carol's binding expires")
        self.refused(480, "carol")
        self.finish(*[Cdr("refused", 480)] * 3, Cdr("refused", 404))

    def test_who_has_no_phone_is_passed_over_where_the_route_leads_elsewhere(self):
        mailbox = self.callee("callee_basic")
        self.start_registrar(f'"sip:127.0.0.1:{mailbox.port}"')
        caller = self.call(mailbox)
        self.finish(Cdr("caller_bye", 200, caller, mailbox))

    def test_where_all_phones_fail_the_next_target_is_called(self):
        mailbox = self.callee("callee_basic")
        self.start_registrar(f'"sip:127.0.0.1:{mailbox.port}"')
        full = self.phone("callee_refuses", code=503, reason="Full", headers="")
        caller = self.call(full, mailbox)
        self.finish(Cdr("caller_bye", 200, caller, mailbox))

    def test_a_contact_that_leads_to_a_trunk_or_back_to_us_is_not_called(self):
        """It would be a call past the routes and limits; the second Via keeps the phone's own flow out of it."""
        def raw(host, *tandemd):
            socket = Raw(host, *tandemd)
            self.addCleanup(socket.__exit__)
            return socket
        carrier = raw("127.0.0.1")
        trunk = f'[[trunk]]\nname = "carrier"\nuri = "sip:127.0.0.1:{carrier.port}"\n'
        self.start(to('"registered"'), profiles=registrar(USERS) + trunk, domains=[DOMAIN])
        phone = Registering(raw("127.0.0.2", self.tandemd.port, "127.0.0.1"), "bob", PASSWORDS["bob"])
        behind = "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-edge"
        for port in (carrier.port, self.tandemd.port):
            self.assertEqual(phone.register(f"<sip:900123456@127.0.0.1:{port}>", headers=[behind]).code, 200)
            self.refused(480)
            self.assertEqual(phone.register("*", expires=0).code, 200)
            path = [behind, "Supported: path", f"Path: <sip:127.0.0.1:{port};lr>"]
            self.assertEqual(phone.register("<sip:900123456@192.0.2.9>", headers=path).code, 200)
            self.refused(480)
            self.assertEqual(phone.register("*", expires=0).code, 200)
        self.assertIsNone(carrier.receive(0.1))
        self.finish(*[Cdr("refused", 480)] * 4)

    def test_phones_are_called_after_a_restart_without_warning(self):
        self.start_registrar()
        port = self.register(self.ports.take(), NOWHERE)
        self.tandemd.kill()
        self.tandemd.start()
        phone = self.callee("callee_behind_nat", port=port)
        caller = self.call(phone)
        self.finish(Cdr("caller_bye", 200, caller, phone))


class Secure(Streams):
    def test_a_call_to_a_sips_uri_reaches_phones_by_tls_alone_over_their_connections(self):
        self.begin(to('"registered"'), profiles=registrar(USERS), domains=[DOMAIN])
        plain, secure = [Registering(connection, "bob", PASSWORDS["bob"])
                         for connection in (self.connect(), self.connect_tls())]
        self.assertEqual(plain.register(f"<sip:bob@{NOWHERE};transport=tcp>;q=1").code, 200)
        self.assertEqual(secure.register(f"<sip:bob@{NOWHERE};transport=tls>;q=0.5").code, 200)
        caller = self.connect_tls()
        sent = caller.request("INVITE", uri=f"sips:bob@{DOMAIN}")
        caller.send(sent)
        invite = secure.raw.expect("INVITE")
        self.assertTrue(invite.uri.startswith(f"sips:bob@{NOWHERE}"), invite.uri)
        secure.raw.respond(invite, 200)
        answer = caller.expect("INVITE", 200)
        dialog = self.dialog(Message(sent), answer)
        caller.send(caller.request("ACK", **dialog))
        secure.raw.expect("ACK")
        self.hang_up(caller, secure.raw, dialog)
        self.assertIsNone(plain.raw.receive(0))
        self.finish(Cdr("caller_bye", 200))


if __name__ == "__main__":
    main()
