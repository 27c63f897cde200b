"""Registrars that misbehave, as bare sockets: what no Kamailio answers. Each test has one tandemd, which registers with
many of them at once."""
import re
import signal
import time

from carrier import PASSWORD, REALM, Registrations, accept, reply, trunk
from harness import main
from sipp import wait_until

QUARTER = 15 * 60  # seconds, the shortest wait of who is refused


def challenge(nonce, realm=REALM, more="", name="WWW-Authenticate"):
    return f'{name}: Digest realm="{realm}", nonce="{nonce}", qop="auth", algorithm=MD5{more}'


def other_contacts(count, expires=5):
    return [f"Contact: <sip:tandem@192.0.2.{n}:5060>;expires={expires}" for n in range(count)]


class Faults(Registrations):
    def start_against(self, trunks=(), more=(), **answers):
        """tandemd, which registers with a registrar for each; see carrier.Faulty. `more`: TOML of each trunk."""
        registrars = {name: self.faulty(answer) for name, answer in answers.items()}
        settings = {"retry": 30} | dict(trunks)
        self.start_with(*[trunk(name, one.port, dict(more).get(name, ""), **settings)
                          for name, one in registrars.items()], to=[*registrars])
        return registrars

    def lasts(self, row):
        """For how many seconds the trunk is registered."""
        return (row["expires_us"] - row["since_us"]) / 1e6

    def waits(self, row):
        """How many seconds are left until it is tried again."""
        return row["next_us"] / 1e6 - time.time()

    def test_what_an_answer_grants_is_never_longer_than_what_was_asked_and_never_nonsense(self):
        def contact(request, params="", *lines):
            return reply(request, 200, f"Contact: {request.header('Contact')}{params}", *lines)
        granted = {  # of the 600 s that were asked for
            "largest": (600, lambda r, n: contact(r, ";expires=4294967295")),
            "beyond": (600, lambda r, n: contact(r, ";expires=99999999999999999999")),
            "missing": (600, lambda r, n: contact(r)),
            "letters": (600, lambda r, n: contact(r, ";expires=soon")),
            "negative": (600, lambda r, n: contact(r, ";expires=-1")),
            "header": (120, lambda r, n: contact(r, "", "Expires: 120")),
            "both": (200, lambda r, n: contact(r, ";expires=200", "Expires: 7")),
            "among": (300, lambda r, n: reply(r, 200, *other_contacts(60), f"m: {r.header('Contact')};expires=300",
                                              *other_contacts(60, 9999))),
        }
        refused = {
            "none": lambda r, n: reply(r, 200),
            "zero": lambda r, n: contact(r, ";expires=0"),
            "zero_header": lambda r, n: contact(r, "", "Expires: 0"),
            "others": lambda r, n: reply(r, 200, *other_contacts(3)),
            "star": lambda r, n: reply(r, 200, "Contact: *"),
            "telephone": lambda r, n: reply(r, 200, "Contact: <tel:+441234>;expires=600"),
        }
        registrars = self.start_against(**{name: answer for name, (_, answer) in granted.items()}, **refused)
        for name, (seconds, _) in granted.items():
            with self.subTest(name):
                self.assertAlmostEqual(self.lasts(self.wait_for("registered", name)), seconds, delta=0.5)
        for name in refused:
            with self.subTest(name):
                row = self.wait_for("failed", name, sip_code=200, expires_us=None)
                self.assertRegex(row["reason"], "^Our Contact ")
                self.assertTrue(20 < self.waits(row) <= 60, row)
                self.assertEqual(len(registrars[name].requests), 1, "it is not asked again at once")
        self.end()

    def test_a_challenge_that_can_not_be_answered_is_a_refusal(self):
        malformed = {
            "empty": "WWW-Authenticate:",
            "word": "WWW-Authenticate: Digest",
            "basic": f'WWW-Authenticate: Basic realm="{REALM}"',
            "open": f'WWW-Authenticate: Digest realm="{REALM}", nonce="n',
            "no_nonce": f'WWW-Authenticate: Digest realm="{REALM}", qop="auth"',
            "no_realm": 'WWW-Authenticate: Digest nonce="n", qop="auth"',
            "algorithm": f'WWW-Authenticate: Digest realm="{REALM}", nonce="n", algorithm=ROT13',
            "qop": f'WWW-Authenticate: Digest realm="{REALM}", nonce="n", qop="other"',
            "commas": "WWW-Authenticate: Digest ,,,,,,=,=,\"",
            "large": challenge("n" * 9000),
            "many": "\r\n".join(challenge(f"n{n}", f"realm{n}") for n in range(40)),
            "missing": "Server: none",
        }
        registrars = self.start_against(**{name: lambda r, n, line=line: reply(r, 401, line)
                                           for name, line in malformed.items() if name != "many"},
                                        many=lambda r, n: reply(r, 401, malformed["many"]))
        for name in malformed:
            with self.subTest(name):
                row = self.wait_for("failed", name, sip_code=401, refused=1)
                self.assertGreater(self.waits(row), QUARTER - 60)
                self.assertLessEqual(len(registrars[name].requests), 5 if name == "many" else 1)
        self.end()

    def test_refused_credentials_and_endless_challenges_are_no_storm(self):
        """However the registrar refuses, it gets a few REGISTERs and then none for a quarter of an hour."""
        answers = {
            "again": (2, lambda r, n: reply(r, 401, challenge(f"n{n}"))),
            "same": (2, lambda r, n: reply(r, 401, challenge("n"))),
            "proxy": (2, lambda r, n: reply(r, 407, challenge(f"n{n}", name="Proxy-Authenticate"))),
            "stale": (5, lambda r, n: reply(r, 401, challenge(f"n{n}", more=", stale=true"))),
            "realms": (5, lambda r, n: reply(r, 401, challenge(f"n{n}", f"realm{n}"))),
            "turns": (5, lambda r, n: reply(r, 401, challenge(f"n{n}", more=", stale=true")) if n % 2 else
                      reply(r, 407, challenge(f"n{n}", f"p{n}", name="Proxy-Authenticate"))),
        }
        registrars = self.start_against({"retry": 1}, **{name: answer for name, (_, answer) in answers.items()})
        rows = {name: self.wait_for("failed", name, refused=1) for name in answers}
        for name, (most, _) in answers.items():
            with self.subTest(name):
                self.assertTrue(QUARTER - 60 < self.waits(rows[name]) <= 2 * QUARTER, rows[name])
                requests = registrars[name].requests
                self.assertTrue(2 <= len(requests) <= most, len(requests))
                self.assertEqual([r.cseq for r in requests], list(range(1, len(requests) + 1)))
        self.assertGreater(len({row["next_us"] // 1_000_000 for row in rows.values()}), 2, "not all at one moment")
        refusal, _ = self.call_refused()
        self.assertEqual(refusal.code, 503)
        self.assertEqual({name: self.row(name)["sent"] for name in rows}, {n: row["sent"] for n, row in rows.items()},
                         "nor does a call make it try")
        self.end()

    def test_another_realm_is_answered_unless_the_trunk_has_one(self):
        def renamed(request, count):
            realm = REALM if count < 2 else "new"
            if f'realm="{realm}"' not in " ".join(request.headers("Authorization")):
                return reply(request, 401, challenge(f"n{count}", realm))
            return accept(request, 2 if count < 2 else 600)
        registrars = self.start_against(any=renamed, one=renamed, more={"one": f'realm = "{REALM}"'}, trunks={})
        wait_until(lambda: len(registrars["any"].requests) == 4, "the new realm is answered")
        row = self.wait_for("registered", "any", accepted=2)
        self.assertEqual(row["challenged"], 2)
        row = self.wait_for("failed", "one", sip_code=401)
        self.assertGreater(self.waits(row), QUARTER - 60)
        self.assertEqual(len(registrars["one"].requests), 3)
        self.assertNotRegex(registrars["one"].requests[2].raw.decode(), 'realm="new"')
        self.end()

    def test_an_interval_too_brief_is_obeyed_within_reason(self):
        def brief(request, wanted):
            return reply(request, 423, *([f"Min-Expires: {wanted}"] if wanted is not None else []))
        answers = {
            "obeyed": lambda r, n: accept(r, 1800) if r.header("Expires") == "1800" else brief(r, 1800),
            "comment": lambda r, n: accept(r, 900) if r.header("Expires") == "900" else brief(r, "900 ;x"),
        }
        failing = {
            "silent": (1, lambda r, n: brief(r, None)),
            "less": (1, lambda r, n: brief(r, 10)),
            "letters": (1, lambda r, n: brief(r, "long")),
            "largest": (1, lambda r, n: brief(r, 4294967295)),
            "rising": (3, lambda r, n: brief(r, int(r.header("Expires")) + 1)),
        }
        registrars = self.start_against(**answers, **{name: answer for name, (_, answer) in failing.items()})
        self.assertAlmostEqual(self.lasts(self.wait_for("registered", "obeyed", too_brief=1)), 1800, delta=0.5)
        self.assertAlmostEqual(self.lasts(self.wait_for("registered", "comment", too_brief=1)), 900, delta=0.5)
        for name, (sent, _) in failing.items():
            with self.subTest(name):
                row = self.wait_for("failed", name, sip_code=423)
                self.assertTrue(20 < self.waits(row) <= 60, row)
                self.assertEqual(len(registrars[name].requests), sent)
        self.end()

    def test_retry_after_is_kept_within_an_hour(self):
        answers = {
            "brief": ("2", 2, 2.2),
            "comment": ("1 (it is busy);duration=3600", 1, 1.1),
            "forever": ("99999999999999999999", 3600, 3960),
            "zero": ("0", 1, 1.1),
        }
        registrars = self.start_against(**{
            name: lambda r, n, value=value: accept(r) if n else reply(r, 503, f"Retry-After: {value}")
            for name, (value, _, _) in answers.items()})
        row = self.wait_for("failed", "forever", sip_code=503)
        self.assertTrue(3590 < self.waits(row) <= 3960, row)
        for name, (_, least, most) in answers.items():
            if name == "forever":
                continue
            with self.subTest(name):
                self.wait_for("registered", name)
                first, second = registrars[name].times
                self.assertGreaterEqual(second - first, least - 0.1)
                self.assertLess(second - first, most + 5, "the machine is slow, or the wait is")
        self.end()

    def test_failures_wait_longer_each_time_and_not_all_trunks_alike(self):
        names = [f"t{n}" for n in range(8)]
        registrars = self.start_against({"retry": 1}, **{name: lambda r, n: accept(r) if n >= 3 else reply(r, 500)
                                                         for name in names})
        for name in names:
            self.wait_for("registered", name, failed=3)
        waits = [[b - a for a, b in zip(one.times, one.times[1:])] for one in registrars.values()]
        for wait in waits:
            for number, span in enumerate(wait):
                longest = 2 ** (number + 1)
                self.assertTrue(longest / 2 - 0.1 <= span <= longest + 5, waits)
        firsts = sorted(wait[0] for wait in waits)
        self.assertGreater(firsts[-1] - firsts[0], 0.1, f"each has its own: {firsts}")
        for name in names:
            lines = re.findall(rf"trunk {name}: (.*?)(?: with .*)?$", self.said(), re.M)
            self.assertEqual(lines, ["not registered (500 Raw)", "registered"])
        self.end()

    def test_nobody_answers_and_then_somebody_does(self):
        """Timer F (RFC 3261 section 17.1.2.2); calls are refused at once meanwhile."""
        silent = self.start_against({"retry": 1}, carrier=lambda r, n: accept(r) if n else None)["carrier"]
        wait_until(lambda: silent.requests, "a REGISTER")
        self.wait_for("trying")
        refusal, took = self.call_refused()
        self.assertEqual((refusal.code, took < 5), (503, True))
        wait_until(lambda: self.row()["state"] == "failed", "Timer F", timeout=60)
        self.assertEqual((self.row()["sip_code"], self.row()["reason"]), (408, "No Answer"))
        self.assertTrue(8 <= silent.repeated <= 10, f"T1, doubled up to T2, until 64 T1: {silent.repeated}")
        self.wait_for("registered")
        self.assertEqual([r.cseq for r in silent.requests], [1, 2])
        self.end()

    def test_a_drain_does_not_wait_long_for_a_registrar_that_is_silent(self):
        registrar = self.start_against(carrier=lambda r, n: None if r.header("Expires") == "0" else accept(r))
        self.wait_for("registered")
        took = self.end()
        self.assertTrue(4.9 < took < 20, took)
        last = registrar["carrier"].requests[-1]
        self.assertEqual((last.header("Expires"), last.cseq), ("0", 2))

    def test_a_drain_ends_at_its_time_whatever_the_registrar_does(self):
        answers = {"carrier": lambda r, n: None if r.header("Expires") == "0" else accept(r)}
        registrar = self.faulty(answers["carrier"])
        self.start_with(trunk("carrier", registrar.port), drain_ms=300)
        self.wait_for("registered")
        self.assertLess(self.end(), 4.5)
        self.assertEqual(registrar.requests[-1].header("Expires"), "0")

    def test_a_drain_answers_a_challenge_and_takes_no_refusal_for_an_answer_to_wait_for(self):
        def wary(request, count):
            if request.header("Expires") == "0" and "n9" not in request.header("Authorization"):
                return reply(request, 401, challenge("n9", more=", stale=true"))
            return accept(request, 0 if request.header("Expires") == "0" else 600)
        registrars = self.start_against(wary=wary, gruff=lambda r, n: reply(r, 403) if n else accept(r))
        self.wait_for("registered", "wary")
        self.wait_for("registered", "gruff")
        self.assertLess(self.end(), 4)
        self.assertEqual([r.header("Expires") for r in registrars["wary"].requests], ["600", "0", "0"])
        self.assertEqual([r.header("Expires") for r in registrars["gruff"].requests], ["600", "0"])
        self.assertEqual([self.row(name)["state"] for name in registrars], ["off", "off"])

    def test_what_a_registrar_says_does_not_garble_the_log(self):
        def says(phrase):
            return lambda r, n: reply(r, 403).replace(b"403 Raw", b"403 " + phrase, 1)
        self.start_against(escape=says(b"\x1b[31mred"), latin=says(b"g\xe4rig"), long=says(b"x" * 4000),
                           fine=says("prüfen".encode()))
        rows = {name: self.wait_for("failed", name, sip_code=403)["reason"] for name in
                ("escape", "latin", "long", "fine")}
        self.assertEqual(rows, {"escape": None, "latin": None, "long": "x" * 128, "fine": "prüfen"})
        self.assertNotRegex(self.tandemd.stderr.read_bytes(), rb"\x1b|\xe4rig|x{129}")
        self.end()


if __name__ == "__main__":
    main()
