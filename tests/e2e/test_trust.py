"""Who may call: this machine, trunks by their addresses, and whom the `source` of a route names. A stranger is refused,
leaves nothing, and is not listened to for a while if he goes on."""
import re
import signal
import socket
import struct

import netns
from harness import Cdr, EndToEnd, Raw, Route, main
from name_server import NameServer
from registering import DOMAIN, Registering, credentials, registrar
from sides import target_of
from sipp import wait_until
from stream import Connection

TANDEM, TRUNK, OFFICE, STRANGER = "192.0.2.1", "192.0.2.80", "10.1.2.3", "192.0.2.81"
NAMED = "192.0.2.82"  # of a trunk that is known by its name
BURST = 20  # failures of a source before it is slowed down


def setUpModule():
    netns.enter()
    for address in (TANDEM, TRUNK, OFFICE, STRANGER, NAMED):
        netns.run("ip", "address", "add", f"{address}/32", "dev", "lo")


class Trust(EndToEnd):
    def setUp(self):
        super().setUp()
        self.callee = Raw(TANDEM)
        self.addCleanup(self.callee.__exit__)
        trunk = f'[[trunk]]\nname = "carrier"\nuri = "sip:{TRUNK}:5070"\n'
        self.start_with(trunk)

    def start_with(self, sections, **settings):
        self.start(Route(self.callee.port, "^bob$"), Route(self.callee.port, "^desk$", more='source = ["10.1.0.0/16"]'),
                   host=TANDEM, profiles=sections, **settings)
        self.callee.tandemd_port = self.tandemd.port

    def raw(self, host):
        raw = Raw(host, self.tandemd.port, TANDEM)
        self.addCleanup(raw.__exit__)
        return raw

    def test_a_user_calls_from_anywhere_once_he_has_shown_who_he_is(self):
        self.tandemd.kill()
        self.start_with('[registrar]\nchallenge_calls = true\nusers = { alice = "geheim", carol = "other" }\n')
        self.callee.tandemd_port = self.tandemd.port
        raw, uri = self.raw(STRANGER), f"sip:bob@{TANDEM}:{self.tandemd.port}"

        def invite(number, *headers, name="alice"):
            return raw.request("INVITE", "bob", headers, From=f"<sip:{name}@127.0.0.1>;tag=a{number}",
                               Call_ID="one@phone", CSeq=f"{number} INVITE")
        challenged = raw.ask(invite(1))
        self.assertEqual(challenged.code, 407)
        self.assertNotIn("stale", challenged.raw.decode())
        wrong = raw.ask(invite(2, credentials(challenged, "INVITE", uri, "alice", "wrong")))
        self.assertEqual(wrong.code, 407)
        stolen = raw.ask(invite(3, credentials(wrong, "INVITE", uri, "carol", "other")))
        self.assertEqual(stolen.code, 403)
        good = credentials(raw.ask(invite(4)), "INVITE", uri, "alice", "geheim")
        raw.send(invite(5, good))
        asked = self.callee.receive()
        self.assertEqual(asked.method, "INVITE")
        self.assertNotIn("Authorization", asked.raw.decode())
        self.callee.respond(asked, 486)
        busy = raw.receive_code(486)
        raw.acknowledge(busy)
        again = raw.ask(invite(6, good))
        self.assertEqual((again.code, "stale=true" in again.raw.decode()), (407, True), "no call by what was seen")
        self.assertEqual(self.code(STRANGER, "bob"), 403, "who comes as nobody of ours is a stranger")
        for secret in ("geheim", good.partition("response=")[2][1:65]):
            self.assertNotIn(secret, self.said())
        self.finish(Cdr("refused", 486))

    def code(self, host, user):
        """What an INVITE from there gets in the end; the callee, if it comes to him, is busy."""
        return self.code_at(self.raw(host), user)

    def code_at(self, raw, user, **changed):
        raw.send(raw.request("INVITE", user=user, **changed))
        while True:
            answer = raw.receive(0.05)
            if answer and answer.code >= 200:
                raw.acknowledge(answer)
                return answer.code
            asked = self.callee.receive(0.05)
            if asked and asked.method == "INVITE":
                self.callee.respond(asked, 486)

    def test_a_registered_user_calls_over_the_flow_of_his_phone_and_nobody_else_does(self):
        self.tandemd.kill()
        self.start_with(registrar(), domains=[DOMAIN], transports=("udp", "tcp"))
        self.callee.tandemd_port = self.tandemd.port
        phone = Registering(self.raw(STRANGER), "alice", "wonderland")
        alice = {"From": f"{phone.aor};tag=a"}

        def calls(raw, **changed):
            return self.code_at(raw, "bob", **alice | changed)
        self.assertEqual(calls(phone.raw), 403, "not before she has registered")
        self.assertEqual(phone.register(phone.here()).code, 200)
        self.assertEqual(calls(phone.raw), 486)
        self.assertEqual(self.code_at(phone.raw, "desk", **alice), 403, "a route with a source is for that")
        self.assertEqual(calls(self.raw(STRANGER)), 403, "from another port of her machine")
        self.assertEqual(calls(self.raw(NAMED)), 403, "from another machine")
        self.assertEqual(calls(phone.raw, From=f"<sip:bob@{DOMAIN}>;tag=b"), 403, "as somebody else")
        self.assertEqual(calls(phone.raw, From="<sip:raw@elsewhere.example>;tag=e"), 403, "as nobody of ours")
        self.assertEqual(phone.register("*", expires=0).code, 200)
        self.assertEqual(calls(phone.raw), 403, "not when she has left")
        self.finish(Cdr("refused", 486), Cdr("refused", 403))

    def connect(self, port=0):
        """A connection of the stranger's, from this port of his; closed, it leaves nothing behind (no TIME_WAIT)."""
        end = socket.socket()
        end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.bind((STRANGER, port))
        end.connect((TANDEM, self.tandemd.port))
        connection = Connection(STRANGER, self.tandemd.port, accepted=end)
        connection.tandemd_host = TANDEM
        self.addCleanup(connection.__exit__)
        return connection

    def test_a_connection_is_its_users_until_it_closes_and_not_of_who_has_its_address_next(self):
        self.tandemd.kill()
        self.start_with(registrar(), domains=[DOMAIN], transports=("udp", "tcp"))
        self.callee.tandemd_port = self.tandemd.port
        before = self.tandemd.descriptors()
        phone = Registering(self.connect(), "alice", "wonderland")
        self.assertEqual(phone.register(f"<sip:alice@{STRANGER};transport=tcp>").code, 200)
        self.assertEqual(self.code_at(phone.raw, "bob", From=f"{phone.aor};tag=a"), 486)
        phone.raw.socket.close()
        wait_until(lambda: self.tandemd.descriptors() == before, "the connection has ended")
        self.assertEqual(self.code_at(self.connect(phone.raw.port), "bob", From=f"{phone.aor};tag=b"), 403)
        self.finish(Cdr("refused", 486))

    def test_a_user_is_reached_at_the_address_that_he_calls_from_wherever_he_says_that_he_is(self):
        """A phone behind a NAT that calls, and is hung up by the callee."""
        self.tandemd.kill()
        self.start_with(registrar(), domains=[DOMAIN])
        self.callee.tandemd_port = self.tandemd.port
        phone = Registering(self.raw(STRANGER), "alice", "wonderland")
        contact = "<sip:alice@10.255.255.1:5060>"
        self.assertEqual(phone.register(contact).code, 200)
        invite = phone.raw.request("INVITE", "bob", From=f"{phone.aor};tag=a", Contact=contact)
        phone.raw.send(invite)
        asked = self.callee.receive()
        self.callee.respond(asked, 200)
        answer = phone.raw.receive_code(200)
        phone.raw.send(phone.raw.request("ACK", uri=target_of(answer), From=f"{phone.aor};tag=a",
                                         To=answer.header("To"), Call_ID=answer.call_id, CSeq="1 ACK"))
        self.assertEqual(self.callee.receive_other(asked).method, "ACK")
        self.callee.send(self.callee.request("BYE", uri=target_of(asked), From=f"{asked.header('To')};tag=raw",
                                             To=asked.header("From"), Call_ID=asked.call_id, CSeq="7 BYE"))
        bye = phone.raw.receive_other(answer)
        self.assertEqual((bye.method, f"<{bye.uri}>"), ("BYE", contact))
        phone.raw.respond(bye, 200)
        self.assertEqual(self.callee.receive_code(200).method, "BYE")
        self.finish(Cdr("callee_bye", 200))

    def test_a_call_is_taken_from_this_machine_from_a_trunk_and_from_the_source_of_a_route(self):
        for host, user, code in ((TANDEM, "bob", 486), (TRUNK, "bob", 486), (OFFICE, "desk", 486),
                                 (TANDEM, "desk", 403), (TRUNK, "desk", 403), (OFFICE, "bob", 403),
                                 (TRUNK, "nobody", 404), (STRANGER, "bob", 403), (STRANGER, "desk", 403),
                                 (STRANGER, "nobody", 403)):
            with self.subTest(f"{host} calls {user}"):
                self.assertEqual(self.code(host, user), code)
        # Strangers leave no record; who may call at all does.
        self.finish(*[Cdr("refused", 486)] * 3, *[Cdr("refused", 403)] * 3, Cdr("refused", 404))

    def test_who_may_call_one_number_has_no_other_one_called_by_a_transfer(self):
        for host, code in ((OFFICE, 403), (TRUNK, 486)):
            with self.subTest(f"{host} refers"):
                user = "desk" if host == OFFICE else "bob"
                raw = self.raw(host)
                raw.send(raw.request("INVITE", user, From="<sip:raw@a.example>;tag=a"))
                asked = self.callee.receive()
                self.callee.respond(asked, 200)
                answer = raw.receive_code(200)

                def inside(method, number, *headers):
                    return raw.request(method, uri=target_of(answer), headers=headers, From=answer.header("From"),
                                       To=answer.header("To"), Call_ID=answer.call_id, CSeq=f"{number} {method}")
                raw.send(inside("ACK", 1))
                self.assertEqual(self.callee.receive_other(asked).method, "ACK")
                self.assertEqual(raw.ask(inside("REFER", 2, "Refer-To: <sip:bob@b.example>")).code, 202)
                self.assertEqual(self.told(raw, answer), [100, code])
                self.assertEqual(raw.ask(inside("BYE", 3)).code, 200)
                self.callee.respond(self.callee.receive(), 200)
        self.finish(Cdr("caller_bye", 200), Cdr("refused", 486), Cdr("caller_bye", 200))

    def told(self, raw, *seen):
        """What the NOTIFYs of a transfer say, until its end; whoever is called by it is busy."""
        codes = []
        while not codes or codes[-1] < 200:
            notify = raw.receive_other(*seen) if not codes else raw.receive(0.05)
            if notify and notify.method == "NOTIFY":
                raw.respond(notify, 200)
                code = int(notify.body.split()[1])
                codes += [code] if code not in codes else []
            asked = self.callee.receive(0.05)
            if asked and asked.method == "INVITE":
                self.callee.respond(asked, 486)
        while self.callee.receive(0.05):  # the ACK
            pass
        return codes

    def test_a_trunk_with_a_name_is_known_by_the_address_of_that_name(self):
        self.tandemd.kill()
        server = NameServer(self.folder, self.ports.take(), f"--host-record=carrier.example,{NAMED}")
        self.addCleanup(server.stop)
        self.start_with(f'[dns]\nservers = ["127.0.0.1:{server.port}"]\n'
                        '[[trunk]]\nname = "carrier"\nuri = "sip:carrier.example"\n')
        self.callee.tandemd_port = self.tandemd.port
        wait_until(lambda: self.code(NAMED, "nobody") == 404, "its name is looked up, without a call to it")
        self.assertEqual(self.code(NAMED, "bob"), 486)
        self.assertEqual(self.code(STRANGER, "bob"), 403)
        self.finish(Cdr("refused", 404), Cdr("refused", 486))

    def test_a_trunk_whose_name_nobody_knows_yet_is_told_to_come_again_and_is_known_soon(self):
        self.tandemd.kill()
        port = self.ports.take()  # of a name server that starts later
        self.start_with(f'[dns]\nservers = ["127.0.0.1:{port}"]\ntimeout_ms = 500\n'
                        '[[trunk]]\nname = "carrier"\nuri = "sip:carrier.example"\n')
        self.callee.tandemd_port = self.tandemd.port
        raw = self.raw(NAMED)
        for _ in range(BURST + 2):  # nobody is slowed down for it
            refusal = raw.ask(raw.request("INVITE"))
            self.assertEqual((refusal.code, refusal.header("Retry-After")), (503, "2"))
        server = NameServer(self.folder, port, f"--host-record=carrier.example,{NAMED}")
        self.addCleanup(server.stop)
        wait_until(lambda: self.code_at(raw, "nobody") == 404, "it is looked up again within seconds", 15)
        self.assertEqual(self.code(STRANGER, "bob"), 403)
        self.finish(Cdr("refused", 404))

    def test_a_name_that_a_reload_brings_is_looked_up_at_once(self):
        self.tandemd.kill()
        server = NameServer(self.folder, self.ports.take(), f"--host-record=carrier.example,{NAMED}")
        self.addCleanup(server.stop)
        self.start_with(f'[dns]\nservers = ["127.0.0.1:{server.port}"]\n')
        self.callee.tandemd_port = self.tandemd.port
        self.assertEqual(self.code(NAMED, "bob"), 403)
        text = self.tandemd.config.read_text()
        self.tandemd.config.write_text(text + '[[trunk]]\nname = "carrier"\nuri = "sip:carrier.example"\n')
        self.tandemd.process.send_signal(signal.SIGHUP)
        raw = self.raw(NAMED)
        wait_until(lambda: raw.ask(raw.request("INVITE", "nobody")).code == 404,
                   "its name is looked up before the next round", 15)
        self.finish(Cdr("refused", 404))

    def test_who_guesses_passwords_is_not_listened_to_unless_it_is_this_machine(self):
        self.tandemd.kill()
        self.start_with(registrar(), domains=[DOMAIN])
        for host, is_heard in ((TANDEM, True), (STRANGER, False)):
            with self.subTest(f"{host} guesses"):
                phone = Registering(self.raw(host), "alice", "wonderland")
                for _ in range(BURST + 1):
                    self.assertEqual(phone.register(phone.here(), password="guess").code, 401)
                phone.raw.send(phone.request([f"Contact: {phone.here()}"]))
                self.assertEqual(phone.raw.receive(0.2) is not None, is_heard)
        lines = re.findall(r".*trust: .*", self.said())
        self.assertEqual(len(lines), 1)
        self.assertIn("1 wrong credentials", lines[0])
        self.finish()

    def test_who_fails_again_and_again_is_not_listened_to_and_the_log_says_so_once(self):
        raw = self.raw(STRANGER)
        for _ in range(BURST + 1):
            self.assertEqual(raw.ask(raw.request("INVITE")).code, 403)
        raw.send(raw.request("INVITE"))
        raw.send(raw.request("OPTIONS"))
        # One after the other over one socket: what another source asks later is answered, this is not.
        self.assertEqual(self.code(TRUNK, "nobody"), 404)
        self.assertIsNone(raw.receive(0.2))
        lines = re.findall(r".*trust: .*", self.said())
        self.assertEqual(len(lines), 1)
        self.assertIn("1 requests of strangers", lines[0])
        self.assertIn(STRANGER, lines[0])
        self.finish(Cdr("refused", 404))


if __name__ == "__main__":
    main()
