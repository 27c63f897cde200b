"""Calls over TCP, over TCP to UDP and back, and over IPv6; TLS and its certificates; what is large."""
import re
import signal
import ssl
import subprocess

from harness import Cdr, EndToEnd, Raw, Route, Tandemd, main
from sipp import PATIENCE, Message, wait_until
from stream import Certificates, Connection, Listener


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


class Streams(EndToEnd):
    """tandemd with UDP, TCP and TLS, and connections that the tests hold in their own hands."""

    def begin(self, *routes, tls="", **settings):
        """tandemd; `tls` are further lines of [tls]."""
        self.certificates = Certificates(self.folder)
        self.certificates.make("tandem")
        self.tls_port = self.ports.take()
        port = self.ports.take()
        text = self.config(routes, port=port, **settings)
        listen = ", ".join(f'"{name}:127.0.0.1:{port}"' for name in ("udp", "tcp"))
        text = re.sub(r"listen = .*", f'listen = [{listen}, "tls:127.0.0.1:{self.tls_port}"]', text, count=1)
        text += f'[tls]\ncertificate = "tandem.pem"\nkey = "tandem.key"\n{tls}'
        self.tandemd = Tandemd(self.folder, text, "127.0.0.1", self.port)
        self.addCleanup(self.tandemd.kill)

    def connect(self, **values):
        connection = Connection("127.0.0.1", self.tandemd.port, **values)
        self.addCleanup(connection.socket.close)
        return connection

    def connect_tls(self, context=None, name="sip.example.com"):
        connection = Connection("127.0.0.1", self.tls_port, context or self.certificates.trusting(), name)
        self.addCleanup(connection.socket.close)
        return connection

    def listen(self, context=None):
        listener = Listener("127.0.0.1", self.ports.take(), context)
        self.addCleanup(listener.close)
        return listener

    def dialog(self, invite, answer):
        """What a caller's requests inside the dialog repeat."""
        contact = answer.header("Contact").partition("<")[2].partition(">")[0]
        return {"uri": contact, "From": invite.header("From"), "To": answer.header("To"), "Call_ID": invite.call_id}

    def set_up(self, caller, listener, **values):
        """A call from one connection to another: its dialog as the caller sees it, and the callee's connection."""
        invite = caller.request("INVITE", **values)
        caller.send(invite)
        callee = listener.accept()
        callee.respond(callee.expect("INVITE"), 200)
        answer = caller.expect("INVITE", 200)
        dialog = self.dialog(Message(invite), answer)
        caller.send(caller.request("ACK", **dialog))
        callee.expect("ACK")
        return dialog, answer, callee

    def hang_up(self, caller, callee, dialog):
        caller.send(caller.request("BYE", **dialog | {"CSeq": "2 BYE"}))
        callee.respond(callee.expect("BYE"), 200)
        caller.expect("BYE", 200)


class Tls(Streams):
    def test_a_call_over_tls(self):
        listener = self.listen()
        self.begin(Route(listener.port, transport="tls"))
        listener.context = self.certificates.serving("callee")
        caller = self.connect_tls()
        dialog, answer, callee = self.set_up(caller, listener)
        self.assertEqual(answer.header("Contact"), f"<sip:127.0.0.1:{self.tls_port};transport=tls>")
        self.hang_up(caller, callee, dialog)
        self.finish(Cdr("caller_bye", 200))

    def test_a_sips_call_is_sips_on_both_legs(self):
        listener = self.listen()
        self.begin(Route(listener.port, transport="tls"))
        listener.context = self.certificates.serving("callee")
        caller = self.connect_tls()
        caller.send(caller.request("INVITE", uri="sips:bob@127.0.0.1"))
        callee = listener.accept()
        invite = callee.expect("INVITE")
        self.assertTrue(invite.uri.startswith("sips:bob@"), invite.uri)
        self.assertEqual(invite.header("Contact"), f"<sips:127.0.0.1:{self.tls_port}>")
        self.assertTrue(invite.header("Via").startswith(f"SIP/2.0/TLS 127.0.0.1:{self.tls_port};"))
        callee.respond(invite, 486)
        caller.expect("INVITE", 486)
        self.finish(Cdr("refused", 486))

    def test_a_call_from_tls_to_sipp_over_udp(self):
        callee = self.callee("callee_basic")
        self.begin(Route(callee.port))
        caller = self.connect_tls()
        invite = caller.request("INVITE")
        answer = caller.ask(invite)
        dialog = self.dialog(Message(invite), answer)
        caller.send(caller.request("ACK", **dialog))
        callee.wait_for("ACK")
        caller.send(caller.request("BYE", **dialog | {"CSeq": "2 BYE"}))
        caller.expect("BYE", 200)
        callee.finish()
        self.finish(Cdr("caller_bye", 200, callee=callee))

    def test_a_peer_without_the_right_name_is_not_called(self):
        listener = self.listen()
        self.begin(Route(listener.port, transport="tls"), tls='verify_peer = true\nca = "ca.pem"\n')
        self.certificates.make("stranger", "DNS:stranger.example.com")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.folder / "stranger.pem", self.folder / "stranger.key")
        listener.context = context
        caller = self.connect_tls(self.certificates.trusting("caller"))
        caller.send(caller.request("INVITE"))
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            listener.accept().receive()
        self.assertEqual(caller.expect("INVITE", 503).code, 503)
        self.assertIn(f"warn cannot connect to tls:127.0.0.1:{listener.port}: TLS: certificate verify failed: IP "
                      "address mismatch", self.said())
        self.finish(Cdr(None, 503, answered=False))

    def test_who_shows_no_certificate_is_refused_where_one_is_asked_for(self):
        self.begin(tls='verify_peer = true\nca = "ca.pem"\n')
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            stranger = self.connect_tls()
            stranger.ask(stranger.request("OPTIONS"))
        friend = self.connect_tls(self.certificates.trusting("friend"))
        self.assertEqual(friend.ask(friend.request("OPTIONS")).code, 200)
        self.finish()

    def test_old_versions_of_tls_are_refused(self):
        self.begin()
        for version, works in (("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)):
            with self.subTest(version):
                self.assertEqual(self.s_client(version)[0] == 0, works)
        self.finish()

    def s_client(self, *arguments):
        """openssl s_client's exit code and what it printed."""
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.tls_port}", *arguments],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
        return done.returncode, done.stdout + done.stderr

    def subject(self):
        return re.search(r"subject=CN = (\S+)", self.s_client()[1])[1]

    def test_sighup_takes_over_a_new_certificate_and_keeps_the_old_one_if_the_new_is_bad(self):
        self.begin()
        self.assertEqual(self.subject(), "tandem")
        caller = self.connect_tls()
        self.assertEqual(caller.ask(caller.request("OPTIONS")).code, 200)
        text = self.tandemd.config.read_text()

        self.certificates.make("renewed")
        self.tandemd.config.write_text(text.replace('"tandem.', '"renewed.'))
        self.tandemd.signal(signal.SIGHUP)
        wait_until(lambda: "reload: 0 routes are in force" in self.said(), "the reload")
        self.assertEqual(self.subject(), "renewed")
        self.assertEqual(caller.ask(caller.request("OPTIONS")).code, 200, "the connection that lives goes on")

        (self.folder / "renewed.pem").write_text("no certificate\n")
        self.tandemd.signal(signal.SIGHUP)
        wait_until(lambda: "the former configuration stays in force" in self.said(), "the refusal")
        self.wait_for_line('reload: [tls] certificate "renewed.pem": no start line')
        self.assertEqual(self.subject(), "renewed")
        self.finish()

    def test_a_key_that_does_not_match_is_one_line_at_the_start(self):
        self.begin()
        self.finish()
        self.certificates.make("other")
        path = self.write_config(self.tandemd.config.read_text().replace('"tandem.key"', '"other.key"'))
        result = self.run_tandemd("--config", path)
        self.assertEqual(result.returncode, 2)
        self.assertEqual(result.stderr, 'tandemd: [tls] key "other.key": key values mismatch\n')


class Large(Streams):
    """RFC 3261 section 18.1.1."""
    BODY = "x" * 1500

    def begin_with_callee(self):
        """tandemd, and the callee's UDP socket."""
        callee = Raw("127.0.0.1")
        self.addCleanup(callee.socket.close)
        self.begin(Route(callee.port))
        callee.tandemd_port = self.port
        return callee

    def offer(self, caller):
        caller.send(caller.request("INVITE", headers=("Content-Type: text/plain",), body=self.BODY))

    def test_an_invite_beyond_1300_bytes_goes_by_tcp(self):
        udp = self.begin_with_callee()
        listener = Listener("127.0.0.1", udp.port)
        self.addCleanup(listener.close)
        with self.tandemd.raw() as caller:
            self.offer(caller)
            callee = listener.accept()
            invite = callee.expect("INVITE")
            self.assertTrue(invite.header("Via").startswith(f"SIP/2.0/TCP 127.0.0.1:{self.port};"), invite)
            self.assertEqual(invite.header("Contact"), f"<sip:127.0.0.1:{self.port}>")
            self.assertEqual(invite.body.decode(), self.BODY)
            callee.respond(invite, 486)
            callee.expect("ACK")
            refusal = caller.receive_code(486)
            caller.acknowledge(refusal)
        self.assertIsNone(udp.receive(timeout=0.2))
        self.finish(Cdr("refused", 486))

    def test_without_tcp_at_the_other_side_it_goes_by_udp_after_all(self):
        udp = self.begin_with_callee()
        with self.tandemd.raw() as caller:
            self.offer(caller)
            invite = udp.receive(timeout=5)
            self.assertEqual((invite.method, invite.body.decode()), ("INVITE", self.BODY))
            self.assertTrue(invite.header("Via").startswith(f"SIP/2.0/UDP 127.0.0.1:{self.port};"), invite)
            udp.respond(invite, 486)
            caller.acknowledge(caller.receive_code(486))
        self.finish(Cdr("refused", 486))


if __name__ == "__main__":
    main()
