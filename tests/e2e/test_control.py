"""REST call control: what a decision server makes of calls, and what calls are spared when it is down, slow or wrong
(FAULTS H1 to H4)."""
import gzip
import json
import signal
import socket
import time

import decision_server
from decision_server import DecisionServer, answer
from harness import Cdr, Raw, Route, main
from registering import Registering, registrar
from sides import Parties
from sipp import Message, wait_until
from stream import Certificates

CONTROL = "control = true"
PROFILES = '[[profile]]\nname = "total"\n[[profile]]\nname = "user"\nvalue = true\n'


class Control(Parties):
    """Bob and Carol can be called, where a server says so."""

    def serve(self, behaviour=None, **how):
        server = DecisionServer(behaviour, **how)
        self.addCleanup(server.stop)
        return server

    def begin(self, *servers, timeout_ms=5000, more="", trunks="", names=("bob", "carol"), profiles=PROFILES,
              route=CONTROL, **settings):
        urls = json.dumps([server if isinstance(server, str) else server.url for server in servers])
        control = f"[control]\nurl = {urls}\ntimeout_ms = {timeout_ms}\n{more}\n"
        self.open(*names, profiles=control + profiles + trunks, more=route, **settings)

    def dead_url(self):
        return f"http://127.0.0.1:{self.ports.take()}/"

    def call(self, name="bob", phone=None, **values):
        """The caller's side and her INVITE."""
        return self.send_invite(phone or self.phone(), name, **values)

    def refused(self, code, name="bob", phone=None, **values):
        """The refusal of a call, acknowledged."""
        caller, invite = self.call(name, phone, **values)
        refusal = caller.final(invite)
        self.assertEqual(refusal.code, code, refusal.raw)
        caller.raw.acknowledge(refusal)
        return refusal

    def connected(self, name="bob", at=None, phone=None, **values):
        """A call that is up: the caller's side and the callee's, and what the callee got."""
        caller, invite = self.call(name, phone, **values)
        callee, got = self.side_of(at or name)
        callee.answer(got)
        self.accept(caller, invite)
        callee.request("ACK")
        return caller, callee, got

    def lines(self, part):
        return [line for line in self.said().splitlines() if part in line]


class Decisions(Control):
    def test_a_refusal_is_the_answer_and_the_question_says_who_calls_whom_from_where(self):
        server = self.serve({"code": 403, "reason": "IP Auth Failed"})
        self.begin(server)
        refusal = self.refused(403, From="\"Al \\\"X\\\"\" <sip:5556@1.2.3.4>;tag=a", To="<sip:0046@1.2.3.5>",
                               headers=["User-Agent: Linksys-SPA942"])
        self.assertEqual(refusal.reason, "IP Auth Failed")
        [question] = server.questions
        self.assertEqual(question, {
            "call-id": refusal.call_id, "from-uri": "sip:5556@1.2.3.4", "from-user-id": "5556",
            "from-display-name": 'Al "X"', "to-uri": "sip:0046@1.2.3.5", "to-user-id": "0046", "to-display-name": "",
            "from-domain": "1.2.3.4", "to-domain": "1.2.3.5", "agent": "Linksys-SPA942", "source-ip": "127.0.0.1",
            "method": "INVITE", "request-uri": f"sip:bob@127.0.0.1:{self.tandemd.port}", "request-user-id": "bob",
            "request-domain": "127.0.0.1"})
        [head] = server.heads
        self.assertTrue(head.startswith("POST /api/callcontrol HTTP/1.1\r\n"), head)
        self.assertRegex(head, r"(?m)^Content-Type: application/json\r$")
        self.assertRegex(head, r"(?m)^Idempotency-Key: \w{20,}\r$")
        self.assertNotRegex(head, "(?i)expect:|accept-encoding:")
        self.finish(Cdr("refused", 403))

    def test_an_allowed_call_goes_by_its_route_and_100_was_sent_before(self):
        server = self.serve(decision_server.late(0.2, {"code": 200}))
        self.begin(server)
        caller, invite = self.call()
        caller.take(lambda m: m.code == 100)
        self.assertEqual(len(self.dialogs()), 1)  # counted, and in the store
        callee, got = self.side_of("bob")
        callee.answer(got)
        self.accept(caller, invite)
        callee.request("ACK")
        self.hang_up(caller, callee)
        self.finish(Cdr("caller_bye", 200))

    def test_a_route_without_control_asks_nobody(self):
        server = self.serve()
        self.begin(server, route="")
        self.hang_up(*self.connected()[:2])
        self.assertEqual(server.questions, [])
        self.finish(Cdr("caller_bye", 200))

    def test_a_redirection_names_its_targets(self):
        self.begin(self.serve({"code": 302, "reason": "Elsewhere", "route": ["sip:127.0.0.1:9", "carrier"]}),
                   trunks='[[trunk]]\nname = "carrier"\nuri = "sip:127.0.0.1:10"\n')
        moved = self.refused(302)
        self.assertEqual(moved.headers("Contact"), ["<sip:bob@127.0.0.1:9>", "<sip:bob@127.0.0.1:10>"])
        self.finish(Cdr("refused", 302))

    def test_a_call_is_led_to_a_trunk_and_its_record_names_it(self):
        carrier = Raw()
        self.addCleanup(carrier.__exit__)
        self.begin(self.serve({"code": 200, "route": ["carrier"], "to-user-id": "+4612"}),
                   trunks=f'[[trunk]]\nname = "carrier"\nuri = "sip:127.0.0.1:{carrier.port}"\n')
        carrier.tandemd_port = self.tandemd.port
        self.raws["carrier"] = carrier
        caller, callee, got = self.connected(at="carrier")
        self.assertEqual(got.uri, f"sip:+4612@127.0.0.1:{carrier.port}")
        self.hang_up(caller, callee)
        [record] = self.finish(Cdr("caller_bye", 200))
        self.assertEqual(record["trunk"], "carrier")
        self.assertRegex(record["request_uri"], "^sip:bob@")  # as she has dialled

    def test_targets_are_tried_in_order_and_those_in_an_array_ring_together(self):
        server = self.serve()
        self.begin(server, timeout_ms=5000, route=CONTROL + "\nhunt_on = [503]")
        bob, carol = (f"sip:127.0.0.1:{self.raws[name].port}" for name in ("bob", "carol"))
        server.behaviour = {"code": 200, "route": [bob, carol]}
        caller, invite = self.call()
        callee, got = self.side_of("bob")
        callee.answer(got, 503)
        callee, got = self.side_of("carol")
        callee.answer(got, 486)
        caller.raw.acknowledge(caller.final(invite))
        server.behaviour = {"code": 200, "route": [[bob, carol]]}
        caller, invite = self.call()
        (first, got_bob), (second, got_carol) = self.side_of("bob"), self.side_of("carol")
        first.answer(got_bob, 486)
        second.answer(got_carol, 486)
        caller.raw.acknowledge(caller.final(invite))
        self.finish(Cdr("refused", 486), Cdr("refused", 486))

    def test_numbers_names_and_headers_are_rewritten(self):
        self.begin(self.serve({"code": 200, "to-user-id": "600", "from-user-id": "5000",
                               "from-display-name": "Sales \"A\"",
                               "headers": {"X-Account": "77", "Subject": "new"}}))
        caller, callee, got = self.connected(headers=["Subject: old", "X-Kept: 1"])
        self.assertTrue(got.uri.startswith("sip:600@"), got.uri)
        self.assertIn("<sip:600@", got.header("To"))
        self.assertRegex(got.header("From"), r'^"Sales \\"A\\"" <sip:5000@')
        self.assertEqual(got.headers("Subject"), ["new"])
        self.assertEqual((got.header("X-Account"), got.header("X-Kept")), ("77", "1"))
        info, heard = self.passes(caller, callee)
        self.assertIn("<sip:5000@", info.header("From"))
        self.assertNotIn("5000", heard.header("From"))
        self.hang_up(callee, caller)
        self.finish(Cdr("callee_bye", 200))

    def test_variables_and_profiles_are_in_the_dialog_and_in_the_record(self):
        self.begin(self.serve({"code": 200, "variables": {"account": 77, "is_paid": True, "tenant": "red"},
                               "profiles": [{"name": "user", "value": "alice", "limit": 5}]}),
                   route=CONTROL + '\nprofiles = ["total"]\nvariables = { tenant = "blue", line = "{request.user}" }')
        caller, callee, _ = self.connected()
        members = self.rows("SELECT profile, value FROM dialog_profile ORDER BY profile")
        self.assertEqual(members, [{"profile": "total", "value": ""}, {"profile": "user", "value": "alice"}])
        self.tandemd.restart()
        self.hang_up(caller, callee)
        [record] = self.end_calls(1)
        self.assertEqual(json.loads(record["profiles"]), [{"name": "total"}, {"name": "user", "value": "alice"}])
        self.assertEqual(json.loads(record["variables"]),
                         {"account": 77, "is_paid": True, "line": "bob", "tenant": "red"})

    def test_a_limit_of_the_calls_own_refuses_the_call_that_is_one_too_many(self):
        self.begin(self.serve({"code": 200, "profiles": [{"name": "user", "value": "alice", "limit": 1}]}),
                   route=CONTROL + '\nprofiles = ["total"]')
        caller, callee, _ = self.connected()
        self.assertEqual(self.refused(503).reason, "Too Many Calls")
        self.assertEqual(len(self.rows("SELECT * FROM dialog_profile")), 2)
        self.hang_up(caller, callee)
        self.finish(Cdr("caller_bye", 200), Cdr("limit", 503))

    def test_a_call_ends_at_its_longest_duration(self):
        self.begin(self.serve({"code": 200, "max-duration-ms": 1000}))
        caller, callee, _ = self.connected()
        for side in (caller, callee):
            side.answer(side.request("BYE"))
        [record] = self.finish(Cdr("expired", 200))
        self.assertAlmostEqual(record["duration_us"], 1_000_000, delta=400_000)

    def test_a_decision_that_holds_for_a_while_is_not_asked_for_again(self):
        server = self.serve({"code": 404, "cache-ms": 1500})
        self.begin(server)
        phone = self.phone()
        caller = {"From": "<sip:alice@a>;tag=x"}
        for _ in range(5):
            self.refused(404, phone=phone, **caller)
        self.assertEqual(len(server.questions), 1)
        self.refused(404, phone=phone, From="<sip:dave@a>;tag=x")  # another question
        self.assertEqual(len(server.questions), 2)
        wait_until(lambda: self.refused(404, phone=phone, **caller) and len(server.questions) == 3, "it is asked again")

    def test_a_decision_that_a_reload_has_made_impossible_is_asked_for_again(self):
        trunk = f'[[trunk]]\nname = "carrier"\nuri = "sip:127.0.0.1:{self.ports.take()}"\n'
        server = self.serve({"code": 302, "route": ["carrier"], "cache-ms": 60000})
        self.begin(server, trunks=trunk)
        phone = self.phone()
        caller = {"From": "<sip:alice@a>;tag=x"}
        for _ in range(2):
            self.refused(302, phone=phone, **caller)
        self.assertEqual(len(server.questions), 1)
        self.tandemd.config.write_text(self.tandemd.config.read_text().replace(trunk, ""))
        self.tandemd.signal(signal.SIGHUP)
        self.wait_for_line("routes are in force")
        server.behaviour = {"code": 404}
        self.refused(503, phone=phone, **caller)
        self.refused(404, phone=phone, **caller)
        self.assertEqual(len(server.questions), 2)
        self.finish(Cdr("refused", 404), among="sip_code = 404")

    def test_three_hundred_calls_are_decided_by_a_server_that_takes_50_ms(self):
        server = self.serve(decision_server.late(0.05, {"code": 200}))
        callee = self.callee("callee_basic", calls=300)
        control = f'[control]\nurl = ["{server.url}"]\ntimeout_ms = 5000\n'
        self.start(Route(callee.port, more=CONTROL), profiles=control)
        caller = self.caller("caller_basic", calls=300, rate=100, hold=0)
        for sipp in (caller, callee):
            sipp.finish()
        self.assertEqual(len(server.questions), 300)
        self.assertLessEqual(len(server.connections), 64)
        self.assertEqual(len({question["call-id"] for question in server.questions}), 300)
        self.tandemd.descriptors_at_start += len(server.connections)  # which are kept
        self.finish(*[Cdr("caller_bye", 200)] * 300)


class Failures(Control):
    """FAULTS H1 to H4."""

    def test_h1_nobody_listens_and_the_call_is_refused_at_once(self):
        self.begin(self.dead_url())
        start = time.monotonic()
        refusal = self.refused(503)
        self.assertLess(time.monotonic() - start, 1)
        self.assertRegex(refusal.header("Retry-After"), r"^\d+$")
        self.assertEqual(refusal.reason, "No Decision")
        self.finish(Cdr("refused", 503))

    def test_h1_nobody_listens_and_the_call_goes_by_its_route(self):
        self.begin(self.dead_url(), more='on_failure = "allow"')
        self.hang_up(*self.connected()[:2])
        self.finish(Cdr("caller_bye", 200))

    def test_h1_connections_that_are_reset_or_closed_decide_nothing(self):
        server = self.serve()
        self.begin(server)
        for behaviour in (decision_server.closes, decision_server.resets):
            server.behaviour = behaviour
            self.refused(503)
        server.behaviour = {"code": 404}
        self.refused(404)
        self.finish(*[Cdr("refused", 503)] * 2, Cdr("refused", 404))

    def test_h1_after_failures_nobody_is_asked_for_a_while_and_then_one_call_tries(self):
        port = self.ports.take()
        self.begin(f"http://127.0.0.1:{port}/")
        phone = self.phone()
        for _ in range(20):
            self.refused(503, phone=phone)
        self.assertEqual(len(self.lines("is left alone")), 1, self.said())
        server = self.serve({"code": 404}, port=port)

        def is_asked():
            caller, invite = self.call(phone=phone)
            refusal = caller.final(invite)
            phone.acknowledge(refusal)
            return refusal.code == 404
        wait_until(is_asked, "it is asked again")
        self.refused(404, phone=phone)
        self.wait_for_line("is asked again")
        self.assertEqual(len(self.lines("is asked again")), 1, self.said())
        self.assertEqual(len(self.lines("is left alone")), 1, self.said())

    def test_h1_a_server_is_tried_again_though_the_caller_of_the_first_try_hangs_up(self):
        server = self.serve(decision_server.never)
        self.begin(server, timeout_ms=500)
        phone = self.phone()
        for _ in range(5):
            self.refused(503, phone=phone)
        self.wait_for_line("is left alone")

        def tries():
            asked = len(server.questions)
            caller, invite = self.call()
            wait_until(lambda: caller.keep(0.01) and any(m.code == 503 for m in caller.kept)
                       or len(server.questions) > asked, "it is asked, or the call refused")
            if len(server.questions) > asked:
                return caller, invite
            caller.raw.acknowledge(caller.final(invite))
            return None
        caller, invite = wait_until(tries, "one call tries it")
        server.behaviour = {"code": 404}
        caller.raw.send(invite.raw.replace(b"INVITE sip:", b"CANCEL sip:", 1).replace(b"1 INVITE", b"1 CANCEL", 1))
        caller.raw.acknowledge(caller.take(lambda m: m.code == 487))
        self.refused(404, phone=phone)
        self.finish(Cdr("refused", 404), among="sip_code = 404")

    def test_h1_two_servers_share_the_calls_and_one_that_is_gone_is_passed_over(self):
        first, second = self.serve({"code": 404}), self.serve({"code": 404})
        self.begin(first, second)
        phone = self.phone()
        for _ in range(6):
            self.refused(404, phone=phone)
        self.assertEqual((len(first.questions), len(second.questions)), (3, 3))
        first.stop()
        for _ in range(12):
            self.refused(404, phone=phone)
        self.assertEqual(len(second.questions), 15)
        self.assertEqual(len(self.lines("is left alone")), 1, self.said())
        self.assertIn("the others are asked", self.said())

    def test_h1_a_server_that_lets_nobody_connect_leaves_time_for_the_next(self):
        full = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.addCleanup(full.close)
        for _ in range(8):  # whoever comes later is not even refused
            waiting = socket.socket()
            self.addCleanup(waiting.close)
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        self.begin(f"http://127.0.0.1:{full.getsockname()[1]}/", self.serve({"code": 404}), timeout_ms=2000)
        for _ in range(3):
            self.refused(404)
        self.finish(*[Cdr("refused", 404)] * 3)

    def test_h2_an_answer_that_does_not_come_in_time_decides_nothing(self):
        server = self.serve()
        self.begin(server, timeout_ms=300)
        for behaviour in (decision_server.never, decision_server.by_bytes):
            server.behaviour = behaviour
            start = time.monotonic()
            self.refused(503)
            self.assertGreater(time.monotonic() - start, 0.28)
            self.assertLess(time.monotonic() - start, 1.5)
        self.finish(*[Cdr("refused", 503)] * 2)

    def test_h2_calls_that_wait_hold_no_more_connections_than_there_may_be(self):
        server = self.serve(decision_server.never)
        self.begin(server, timeout_ms=1000)
        phone = self.phone()
        invites = [Message(phone.request("INVITE", "bob")) for _ in range(300)]
        for invite in invites:
            phone.send(invite.raw)
        wait_until(lambda: len(server.questions) >= 64, "all connections are in use")
        self.assertLessEqual(self.tandemd.descriptors(), self.tandemd.descriptors_at_start + 64 + 2)
        self.assertLess(self.tandemd.answers_options(), 1)
        left = {invite.call_id for invite in invites}
        while left:
            message = phone.receive()
            self.assertIsNotNone(message, f"{len(left)} calls without an answer")
            if message.code == 503:
                phone.acknowledge(message)
                left.discard(message.call_id)
        self.finish(*[Cdr("refused", 503)] * 300)

    def test_h2_an_answer_after_the_deadline_changes_nothing(self):
        server = self.serve(decision_server.late(1, {"code": 200}))
        self.begin(server, timeout_ms=500)
        self.refused(503)
        wait_until(lambda: server.over, "the server has sent it")
        self.assertIsNone(self.raws["bob"].receive(0.1))
        self.finish(Cdr("refused", 503))

    def test_h3_what_is_no_decision_decides_nothing(self):
        server = self.serve()
        self.begin(server)
        phone = self.phone()
        before = self.tandemd.resident_kb()
        deep = b'{"code":200,"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
        good = b'{"code":404}'
        bodies = [b"", b"{", b"[]", b"null", b"404", b"<html>", b"{}", b"{'code':404}", b'{"code":404,}',
                  b'{"code":404}{"code":404}', b'{"code":404,"code":200}', b'{"code":"404"}', b'{"code":404.5}',
                  b'{"code":true}', b'{"code":99}', b'{"code":301}', b'{"code":407}', b'{"code":1000}',
                  b'{"code":404,"reason":["x"]}', b'{"code":404,"reason":"\xff\xfe"}',
                  b'{"code":404,"reason":"\\u0000"}',
                  b'{"code":404,"reason":"\\ud800"}', deep, b'{"code":404,"x":"' + b"a" * 10_000_000 + b'"}',
                  b'{"code":200,"route":["no such trunk"]}', b'{"code":200,"route":["sip:"]}',
                  b'{"code":200,"route":["sip:127.0.0.1:9;transport=sctp"]}', b'{"code":200,"route":["http://a/"]}',
                  b'{"code":200,"profiles":[{"name":"unknown"}]}', b'{"code":200,"max-duration-ms":-1}',
                  b'{"code":200,"to-user-id":"a b"}', b'{"code":200,"to-user-id":""}',
                  b'{"code":200,"headers":{"Via":"x"}}']
        answers = [answer(body) for body in bodies]
        answers += [answer(good, status) for status in ("500 Oops", "404 Nothing", "302 Found")]
        answers += [answer(gzip.compress(good), headers=["Content-Encoding: gzip"]),
                    answer(gzip.compress(b" " * 50_000_000), headers=["Content-Encoding: gzip"]),
                    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + good,
                    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                    b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b"HTTP/2 200\r\n\r\n", b"SSH-2.0-x\r\n\r\n",
                    decision_server.endless_chunks, decision_server.endless_headers]
        for behaviour in answers:
            with self.subTest(str(behaviour)[:120]):
                # A good one before each: what is wrong with a connection opens no breaker.
                server.behaviour = {"code": 404}
                self.refused(404, phone=phone)
                server.behaviour = behaviour
                self.refused(503, phone=phone)
        self.assertEqual(len(self.lines("is no decision")), 1, self.said())
        self.assertEqual(self.lines("is left alone"), [])
        if not self.tandemd.is_sanitized:
            self.assertLess(self.tandemd.resident_kb() - before, 20_000)
        self.finish(*[Cdr("refused", 404), Cdr("refused", 503)] * len(answers))

    def test_h3_a_body_that_is_longer_than_it_says_leaves_nothing_for_the_next_call(self):
        server = self.serve(answer({"code": 404}) + answer({"code": 200}))
        self.begin(server)
        for _ in range(3):
            self.refused(404)
        self.finish(*[Cdr("refused", 404)] * 3)

    def test_h3_a_redirection_to_another_host_is_not_followed(self):
        other = self.serve({"code": 200})
        self.begin(self.serve(answer(b"", "307 Elsewhere", [f"Location: {other.url}"])))
        self.refused(503)
        self.assertEqual(other.connections, [])
        self.finish(Cdr("refused", 503))

    def test_h4_a_cancel_gives_the_question_up_and_a_late_answer_is_ignored(self):
        server = self.serve(decision_server.never)
        self.begin(server)
        caller, invite = self.call()
        server.wait_for(1)
        cancel = invite.raw.replace(b"INVITE sip:", b"CANCEL sip:", 1).replace(b"1 INVITE", b"1 CANCEL", 1)
        caller.raw.send(cancel)
        refusal = caller.take(lambda m: m.code == 487)
        caller.raw.acknowledge(refusal)
        wait_until(lambda: server.over == 1, "the server sees that nobody waits")
        server.behaviour = decision_server.late(0.3, {"code": 200})
        caller, invite = self.call()
        server.wait_for(2)
        caller.raw.send(invite.raw.replace(b"INVITE sip:", b"CANCEL sip:", 1).replace(b"1 INVITE", b"1 CANCEL", 1))
        caller.raw.acknowledge(caller.take(lambda m: m.code == 487))
        wait_until(lambda: server.over == 2, "the answer was sent")
        self.assertIsNone(self.raws["bob"].receive(0.1))
        self.finish(*[Cdr("cancelled", 487)] * 2)

    def test_what_would_add_a_header_is_no_decision(self):
        evil = "x\r\nX-Evil: 1"
        server = self.serve()
        self.begin(server, more='on_failure = "allow"')
        for decision in ({"code": 403, "reason": evil}, {"code": 200, "headers": {"X-A": evil}},
                         {"code": 200, "headers": {evil: "a"}}, {"code": 200, "from-display-name": evil},
                         {"code": 200, "to-user-id": evil}, {"code": 200, "from-user-id": evil},
                         {"code": 200, "route": ["sip:127.0.0.1;x=" + evil]}, {"code": 200, "variables": {"a": evil}},
                         {"code": 200, "headers": {"X-A": "a\0b"}}, {"code": 200, "headers": {"Session-Expires": "90"}},
                         {"code": 200, "variables": {f"{i:a>64}": 256 * "x" for i in range(64)}}):
            with self.subTest(str(decision)):
                server.behaviour = decision
                caller, callee, got = self.connected()
                self.assertNotIn(b"Evil", got.raw)
                self.assertLessEqual(len(got.headers("Session-Expires")), 1)
                self.hang_up(caller, callee)
        records = self.finish(*[Cdr("caller_bye", 200)] * 11)
        self.assertEqual({record["variables"] for record in records}, {"{}"}, "all of a decision, or nothing")

    def test_a_call_that_waits_when_the_process_dies_hears_that_it_is_over(self):
        server = self.serve(decision_server.never)
        self.begin(server)
        caller, invite = self.call()
        server.wait_for(1)
        self.wait_for_rows("SELECT * FROM dialog", 1)
        self.tandemd.restart()
        caller.raw.send(invite.raw)
        refusal = caller.final(invite)
        self.assertIn(refusal.code, (487, 500, 503))
        caller.raw.acknowledge(refusal)
        self.finish(Cdr("restart", None))


class Https(Control):
    def test_a_server_is_believed_that_the_ca_file_vouches_for_and_no_other(self):
        certificates = Certificates(self.folder)
        Certificates(self.folder, "other")
        server = self.serve({"code": 404}, context=certificates.serving("control"))
        self.begin(server, more=f'ca = "{self.folder / "ca.pem"}"')
        for _ in range(2):
            self.refused(404)
        self.assertEqual(len(server.connections), 1)
        self.finish(*[Cdr("refused", 404)] * 2)
        for ca in ("other.pem", None):
            more = f'ca = "{self.folder / ca}"' if ca else ""
            self.begin(server, more=more)
            self.refused(503)
            self.tandemd.kill()
        self.assertEqual(len(server.questions), 2)

    def test_a_certificate_for_another_name_is_refused(self):
        certificates = Certificates(self.folder)
        context = certificates.serving("control")
        context.load_cert_chain(*certificates.make("elsewhere", "DNS:elsewhere.example.com"))
        server = self.serve({"code": 404}, context=context)
        self.begin(server, more=f'ca = "{self.folder / "ca.pem"}"')
        self.refused(503)
        self.assertEqual(server.questions, [])

    def test_a_ca_file_without_a_certificate_stops_the_start(self):
        path = self.write_config('[sip]\nlisten = ["udp:127.0.0.1:%d"]\n[store]\npath = ""\n[control]\nurl = '
                                 '["https://127.0.0.1/"]\nca = "/etc/passwd"\n' % self.ports.take())
        ended = self.run_tandemd("--config", path)
        self.assertNotEqual(ended.returncode, 0)
        self.assertIn("[control] \"/etc/passwd\"", ended.stderr)


class Registers(Control):
    def begin_with(self, server, more="register = true"):
        self.begin(server, more=more, profiles=registrar(), route="", domains=["example.com"])
        raw = self.phone()
        return Registering(raw, "alice", "wonderland"), f"<sip:alice@127.0.0.1:{raw.port}>"

    def test_a_register_is_asked_about_when_its_credentials_are_right(self):
        server = self.serve({"code": 200})
        phone, contact = self.begin_with(server)
        self.assertEqual(phone.register(contact, password="wrong").code, 401)
        self.assertEqual(server.questions, [])
        self.assertEqual(phone.register(contact).code, 200)
        [question] = server.questions
        self.assertEqual((question["method"], question["from-user-id"], question["to-uri"], question["source-ip"]),
                         ("REGISTER", "alice", "sip:alice@example.com", "127.0.0.1"))
        server.behaviour = {"code": 403, "reason": "Not From There"}
        refusal = phone.register(contact)
        self.assertEqual((refusal.code, refusal.reason), (403, "Not From There"))
        server.behaviour = decision_server.closes
        self.assertEqual(phone.register(contact).code, 503)

    def test_without_an_answer_a_register_may_be_allowed(self):
        phone, contact = self.begin_with(self.dead_url(), 'register = true\non_failure = "allow"')
        self.assertEqual(phone.register(contact).code, 200)

    def test_registers_are_not_asked_about_unless_that_is_wanted(self):
        server = self.serve()
        phone, contact = self.begin_with(server, "")
        self.assertEqual(phone.register(contact).code, 200)
        self.assertEqual(server.questions, [])


if __name__ == "__main__":
    main()
