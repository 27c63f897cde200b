"""Calls that are up when tandemd is killed: after the restart they go on as if nothing had happened (FAULTS P1).

The numbers in brackets are field reports (PEERS.md 4.2, 4.5, 4.6): what a restart breaks elsewhere.
"""
import json
import signal
import time

from harness import BYES, Cdr, Route, main
from restarting import TALK, Restart, with_lines
from sides import described, target_of
from sipp import wait_until

METHODS = ("INFO", "UPDATE", "OPTIONS", "MESSAGE", "NOTIFY")


class Calls(Restart):
    def test_requests_of_every_kind_pass_both_ways(self):
        caller, callee = self.begin()
        self.passes_with(caller, callee)
        self.passes_with(callee, caller)
        self.die()
        for one, other in ((caller, callee), (callee, caller)):
            for method in METHODS:
                with self.subTest(method):
                    self.passes_with(one, other, method)
            self.reinvite(one, other)
        self.ends_by(caller, callee)
        self.finish(Cdr("caller_bye", 200, rang=True))

    def test_the_first_thing_after_it_may_be_a_bye_of_either_side(self):
        self.open("bob")
        for number in (0, 1):
            sides = self.talk(self.phone(), "bob", *TALK)
            self.die()
            self.ends_by(sides[number], sides[1 - number])
        self.finish(Cdr("caller_bye", 200), Cdr("callee_bye", 200))

    def test_both_may_hang_up_at_once(self):
        caller, callee = self.begin()
        self.die()
        caller.answers = callee.answers = {"BYE": 200}
        byes = [side.send("BYE") for side in (caller, callee)]
        self.assertEqual([side.final(bye).code for side, bye in zip((caller, callee), byes)], [200, 200])
        self.finish(Cdr(BYES, 200))

    def test_a_call_outlives_many_kills(self):
        """And is recorded in the end [64], [77]."""
        caller, callee = self.begin()
        created = self.dialogs()[0]["id"]
        for round in range(4):
            self.die()
            self.die()  # a process that has done nothing but to recover
            self.passes_with(*((caller, callee) if round % 2 else (callee, caller)))
        self.ends_by(callee, caller)
        record, = self.finish(Cdr("callee_bye", 200))
        self.assertEqual(record["id"], created, "the record is that of the call as it began")

    def test_a_second_sigterm_leaves_calls_that_go_on(self):
        caller, callee = self.begin()
        self.drain()
        self.tandemd.signal(signal.SIGTERM)
        self.tandemd.ends()
        self.tandemd.start()
        self.passes_with(caller, callee)
        self.ends_by(caller, callee)
        self.finish(Cdr("caller_bye", 200), among="sip_code = 200")

    def test_a_drain_waits_for_calls_from_before_the_restart(self):
        caller, callee = self.begin()
        self.die()
        self.drain()
        self.passes_with(callee, caller)
        self.ends_by(caller, callee)
        self.assertEqual(self.tandemd.ends(), 0)
        self.assertEqual([row["end_reason"] for row in self.rows("SELECT * FROM cdr WHERE sip_code = 200")],
                         ["caller_bye"])

    def test_a_number_that_was_used_before_is_refused(self):
        caller, callee = self.begin()
        for one, other in ((caller, callee), (callee, caller)):
            for _ in range(2):
                self.passes_with(one, other)
        self.die()
        for one, other in ((caller, callee), (callee, caller)):
            self.assertEqual(one.final(one.send("INFO", cseq=one.cseq - 1)).code, 500)
            self.passes_with(one, other)
        self.ends_by(caller, callee)
        self.finish(Cdr("caller_bye", 200))

    def test_requests_in_no_dialog_get_481(self):
        caller, callee = self.begin()
        self.die()
        stranger = {"From": "<sip:raw@127.0.0.1>;tag=guessed"}
        self.assertEqual(caller.final(caller.send("BYE", **stranger)).code, 481)
        self.passes_with(caller, callee)
        self.ends_by(callee, caller)
        self.finish(Cdr("callee_bye", 200))

    def test_each_side_is_reached_by_its_route_set(self):
        """Record-Route of proxies on both sides, who take the requests themselves here."""
        self.open("bob")
        phone, proxies = self.phone(), [self.phone(), self.phone()]
        routes = [f"<sip:{proxy.name};lr;leg={number}>" for number, proxy in enumerate(proxies)]
        caller, callee, invite, got = self.ring(phone, "bob", **with_lines(TALK[0], f"Record-Route: {routes[0]}"))
        callee.answer(got, **with_lines(TALK[1], f"Record-Route: {routes[1]}"))
        self.accept(caller, invite)
        callee.raw = proxies[1]
        self.assertEqual(callee.request("ACK").headers("Route"), [routes[1]])
        caller.raw = proxies[0]
        self.die()
        for one, other, route, contact in ((caller, callee, routes[1], self.raws["bob"].contact),
                                           (callee, caller, routes[0], phone.contact)):
            got, _ = self.passes_with(one, other)
            self.assertEqual((got.headers("Route"), f"<{got.uri}>"), ([route], contact))
        got = self.ends_by(caller, callee)
        self.assertEqual(got.headers("Route"), [routes[1]])
        self.finish(Cdr("caller_bye", 200))

    def test_a_target_that_was_refreshed_is_the_one_that_is_reached(self):
        """By the Contact of a re-INVITE, RFC 3261 section 12.2.1.1."""
        caller, callee = self.begin()
        moved = self.phone()
        request = caller.send("INVITE", Contact=moved.contact, **described("alice", 4000))
        got = callee.request("INVITE")
        callee.answer(got, **described("bob", 4001))
        self.assertEqual(caller.final(request).code, 200)
        caller.send("ACK", cseq=request.cseq)
        callee.request("ACK")
        self.die()
        caller.raw = moved
        got, _ = self.passes_with(callee, caller)
        self.assertEqual(f"<{got.uri}>", moved.contact)
        self.ends_by(callee, caller)
        self.finish(Cdr("callee_bye", 200))

    def test_a_transfer_of_a_call_from_before(self):
        caller, callee = self.begin("bob", "carol")
        self.die()
        request = callee.send("REFER", headers=[f"Refer-To: <sip:carol@{self.raws['bob'].tandemd}>"])
        self.assertEqual(callee.final(request).code, 202)
        callee.answers = {"NOTIFY": 200, "BYE": 200}
        carol, got = self.side_of("carol")
        self.target_answers(carol, got, caller)
        caller.request("ACK")
        carol.request("ACK")
        callee.take(lambda m: m.method == "NOTIFY" and b"200" in m.body)
        callee.request("BYE")
        self.passes_with(caller, carol)
        self.ends_by(caller, carol)
        self.finish(Cdr("caller_bye", 200))

    def test_a_newcomer_takes_the_place_in_a_call_from_before(self):
        """Replaces, RFC 3891."""
        caller, callee = self.begin("bob")
        self.die()
        offer = with_lines(described("dave", 4004), f"Replaces: {callee.names()}", "Require: replaces")
        dave, invite = self.send_invite(self.phone(), "bob", **offer)
        asked = caller.request("INVITE")
        self.assertIn(b"m=audio 4004 ", asked.body)
        caller.answer(asked, **described("alice", 4005))
        caller.request("ACK")
        self.accept(dave, invite)
        callee.answer(callee.request("BYE"))
        self.passes(dave, caller)
        self.hang_up(dave, caller)
        self.finish(*[Cdr(BYES, 200)] * 2)


class Kept(Restart):
    """What belongs to a call: its places, its variables, its times."""

    def test_limits_count_the_calls_from_before(self):
        """Each of them once, through two restarts: [20], [25]."""
        self.open("bob", more='profiles = ["total", "line={request.user}"]',
                  profiles='[[profile]]\nname = "total"\nlimit = 3\n[[profile]]\nname = "line"\nvalue = true\n')
        members = "SELECT profile, value, count(*) AS size FROM dialog_profile GROUP BY profile ORDER BY profile"
        full = [{"profile": "line", "value": "bob", "size": 3}, {"profile": "total", "value": "", "size": 3}]
        calls = [self.talk(self.phone(), "bob", *TALK) for _ in range(3)]
        self.wait_for_rows("SELECT * FROM dialog_profile", 6)
        for _ in range(2):
            self.die()
            self.assertEqual(self.rows(members), full)
            self.assertEqual(self.phone().ask(self.phone().request("INVITE")).code, 503)
            self.ends_by(*calls.pop(0))
            calls.append(self.talk(self.phone(), "bob", *TALK))
            self.assertEqual(self.phone().ask(self.phone().request("INVITE")).code, 503)
            self.assertEqual(self.rows(members), full)
        for caller, callee in calls:
            self.ends_by(callee, caller)
        self.finish(*[Cdr("caller_bye", 200)] * 2, *[Cdr("callee_bye", 200)] * 3, *[Cdr("limit", 503)] * 4)

    def test_records_say_what_the_call_had_before(self):
        """[69], [81]."""
        caller, callee = self.begin(more='profiles = ["total", "line={request.user}"]\n'
                                    'variables = { tenant = "bl\\u00fcu", who = "{from.user}" }',
                                    profiles='[[profile]]\nname = "total"\n[[profile]]\nname = "line"\nvalue = true\n')
        before, = self.dialogs()
        self.die()
        self.ends_by(caller, callee)
        record, = self.finish(Cdr("caller_bye", 200))
        self.assertEqual(json.loads(record["variables"]), {"tenant": "bl\u00fcu", "who": "raw"})
        self.assertEqual(sorted(json.loads(record["profiles"]), key=str),
                         sorted([{"name": "total"}, {"name": "line", "value": "bob"}], key=str))
        for name in ("id", "call_id", "callee_call_id", "from_uri", "to_uri", "request_uri", "source", "created_us",
                     "ringing_us", "answered_us"):
            self.assertEqual(record[name], before[name], name)

    def test_what_the_route_said_of_it_still_holds(self):
        """[79]: who may refer, and how."""
        caller, callee = self.begin(more='refer = "pass"')
        self.die()
        _, heard = self.passes_with(callee, caller, "REFER", code=202, headers=["Refer-To: <sip:carol@far.example>"])
        self.assertEqual(heard.tag("To"), callee.tag("To"))
        self.ends_by(caller, callee)
        self.finish(Cdr("caller_bye", 200))

    def test_the_duration_is_from_the_answer_to_the_end_with_the_time_in_between(self):
        caller, callee = self.begin()
        answered = time.time_ns() // 1000
        self.die(1.5)
        self.ends_by(caller, callee)
        ended = time.time_ns() // 1000
        record, = self.finish(Cdr("caller_bye", 200))
        self.assertAlmostEqual(record["answered_us"], answered, delta=500_000)
        self.assertAlmostEqual(record["ended_us"], ended, delta=500_000)
        self.assertAlmostEqual(record["duration_us"], ended - answered, delta=500_000)


class Deadlines(Restart):
    """What is left of a time goes on where it was, to a second."""

    def left_after(self, seconds, started):
        wait_until(lambda: time.monotonic() >= started + seconds, f"{seconds} s are over", timeout=seconds + 5)
        self.die()

    def test_a_call_ends_at_its_longest_duration(self):
        caller, callee = self.begin(timers={"max_duration_ms": 3000})
        started = time.monotonic()
        self.left_after(1.5, started)
        for side in (caller, callee):
            side.answer(side.request("BYE"))
            self.assertAlmostEqual(time.monotonic() - started, 3, delta=0.7)
        record, = self.finish(Cdr("expired", 200))
        self.assertAlmostEqual(record["duration_us"], 3_000_000, delta=700_000)

    def test_a_deadline_that_passed_while_it_was_down_fires_at_once(self):
        caller, callee = self.begin(timers={"max_duration_ms": 1000})
        self.die(1.5)
        started = time.monotonic()
        for side in (caller, callee):
            side.answer(side.request("BYE"))
        self.assertLess(time.monotonic() - started, 1)
        self.finish(Cdr("expired", 200))

    def test_sessions_are_refreshed_and_end_when_they_would_have(self):
        """RFC 4028: one call in which tandem refreshes both legs, one that the caller forgets to refresh."""
        self.open("bob", "carol", timers={"session_expires_s": 8, "min_se_s": 2})
        allow = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE, OPTIONS, INFO"
        timer = ["Supported: timer", allow]
        caller, callee, invite, got = self.ring(self.phone(), "bob", **with_lines(TALK[0], *timer,
                                         "Session-Expires: 8;refresher=uas"))
        callee.answer(got, **with_lines(TALK[1], allow))
        started = time.monotonic()
        self.assertEqual(self.accept(caller, invite).header("Session-Expires"), "8;refresher=uas")
        callee.request("ACK")
        asks = with_lines(TALK[0], *timer, "Session-Expires: 6;refresher=uac")
        sleeper, other, invite, got = self.ring(self.phone(), "carol", **asks)
        other.answer(got, **with_lines(TALK[1], allow))
        slept = time.monotonic()
        self.assertEqual(self.accept(sleeper, invite).header("Session-Expires"), "6;refresher=uac")
        other.request("ACK")
        self.left_after(2, started)
        sides, seen = (caller, callee, sleeper, other), {}
        for side in sides:
            side.answers = {"UPDATE": 200, "BYE": 200}

        def note(name, side, method, since):
            if any(m.method == method and m.code is None and m.call_id == side.dialog["Call_ID"] for m in side.kept):
                seen.setdefault(name, time.monotonic() - since)

        def all_are_seen():
            for side in sides:
                side.keep(0.005)
            note("caller", caller, "UPDATE", started)
            note("callee", callee, "UPDATE", started)
            note("end", sleeper, "BYE", slept)
            note("its other side", other, "BYE", slept)
            return len(seen) == 4
        wait_until(all_are_seen, "refreshes and an end", timeout=12)
        for name, at in seen.items():
            self.assertAlmostEqual(at, 4, delta=1, msg=f"{name}: half of 8 s, or a third before the end of 6")
        callee.answers = {}
        self.ends_by(caller, callee)
        self.finish(Cdr("session_timer", 200, answered=True), Cdr("caller_bye", 200))

    def test_who_never_acknowledges_is_hung_up_at_the_time_it_would_have_been(self):
        self.open("bob", timers={"no_ack_ms": 3000})
        caller, callee, invite, got = self.ring(self.phone(), "bob", **TALK[0])
        callee.answer(got, **TALK[1])
        started = time.monotonic()
        answer = caller.final(invite)
        caller.dialog["To"], caller.target = answer.header("To"), target_of(answer)
        self.left_after(1.5, started)
        for side in (callee, caller):
            side.answer(side.request("BYE"))
            self.assertAlmostEqual(time.monotonic() - started, 3, delta=0.7)
        self.finish(Cdr("no_ack", 200))


class Trunk(Restart):
    def test_a_challenge_to_what_is_sent_after_the_restart_is_answered(self):
        """With the credentials of the trunk, which are in the configuration and not in the store."""
        trunk = self.opened()
        self.raws = {"carrier": trunk}
        route = Route(trunk.port)
        route.toml = lambda host: '[[route]]\nto = ["carrier"]\n'
        self.start(route, profiles=f'[[trunk]]\nname = "carrier"\nuri = "sip:127.0.0.1:{trunk.port}"\n'
                                   'username = "u"\npassword = "geheim"\n')
        trunk.tandemd_port = self.tandemd.port
        caller, callee = self.talk(self.phone(), "carrier", *TALK)
        self.die()
        for method in ("INFO", "BYE"):
            request = caller.send(method)
            first = callee.request(method)
            callee.answer(first, 407, headers=['Proxy-Authenticate: Digest realm="carrier", nonce="n1", qop="auth"'])
            second = callee.request(method)
            self.assertEqual(second.cseq, first.cseq + 1)
            self.assertIn('username="u"', second.header("Proxy-Authorization"))
            callee.answer(second)
            self.assertEqual(caller.final(request).code, 200)
        record, = self.finish(Cdr("caller_bye", 200))
        self.assertEqual(record["trunk"], "carrier")
        for path in self.folder.iterdir():
            if path.name.startswith(("tandemd-", "tandem.db")):
                self.assertNotRegex(path.read_bytes(), rb"geheim|Digest |response=")


if __name__ == "__main__":
    main()
