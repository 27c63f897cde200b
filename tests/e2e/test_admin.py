"""Administration over HTTP: every number is that of the store and of the phones, and nobody who asks costs a call."""
import concurrent.futures
import http.client
import json
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

from admin import TANDEMCTL, Admin, Refused
from call_api import Bare
from harness import Cdr, EndToEnd, Route, main
from registering import DOMAIN, Registering, registrar
from sides import TwoSides
from sipp import wait_until
from stopped_thread import StoppedThread

PROFILES = ('[[profile]]\nname = "total"\nlimit = 1000\n'
            '[[profile]]\nname = "line"\nvalue = true\nlimit = 500\nlimits = { carol = 300 }\n')
JOINS = 'profiles = ["total", "line={request.user}"]\nvariables = { tenant = "blue" }\n'
NOBODY = "0123456789abcdef0123456789abcdef"


class WithAdmin(EndToEnd):
    token = ""

    def begin(self, *users, more="", **settings):
        """tandemd with a callee for each user, who rings and answers as often as he is called."""
        self.callees = {user: self.callee("callee_basic", calls=1000) for user in users}
        self.admin = Admin(self.ports.take(), self.token)
        return self.start(*[Route(callee.port, f"^{user}$", more=JOINS) for user, callee in self.callees.items()],
                          profiles=PROFILES + more, apis=self.admin.toml, **settings)

    def talking(self, user, calls=1, hold=600_000):
        """Callers who are up before this returns."""
        caller = self.caller("caller_basic", user=user, calls=calls, hold=hold, rate=50)
        wait_until(lambda: len(caller.sent("ACK")) == calls or caller._failed(), f"{calls} calls to {user}")
        return caller

    def refused(self, code, method, **params):
        with self.assertRaises(Refused) as refused:
            self.admin.call(method, **params)
        self.assertEqual(refused.exception.code, code, refused.exception.message)
        return refused.exception.message


class Listings(WithAdmin):
    def setUp(self):
        super().setUp()
        self.begin("bob", "carol")
        self.callers = [self.talking("bob", 6), self.talking("carol", 3)]
        self.wait_for_rows("SELECT * FROM dialog WHERE state = 'confirmed' AND is_acked", 9)
        self.stored = {row["id"]: row for row in self.rows("SELECT * FROM dialog")}

    def test_counts_are_those_of_the_phones(self):
        counts = self.admin.call("dlg.stats_active")
        self.assertEqual([counts[name] for name in ("starting", "connecting", "ongoing", "all", "processed", "failed")],
                         [0, 0, 9, 9, 9, 0])
        size = self.admin.call
        self.assertEqual(size("dlg.profile_get_size", profile="total"), 9)
        self.assertEqual(size("dlg.profile_get_size", profile="line"), 9)
        self.assertEqual(size("dlg.profile_get_size", profile="line", value="bob"), 6)
        self.assertEqual(size("dlg.profile_get_size", profile="line", value="dave"), 0)
        values = {item["value"]: (item["size"], item["limit"])
                  for item in self.admin.items("dlg.profile_values", profile="line", limit=1)}
        self.assertEqual(values, {"bob": (6, 500), "carol": (3, 300)})
        profiles = {item["name"]: (item["size"], item["limit"], item["values"])
                    for item in self.admin.call("dlg.profiles")["items"]}
        self.assertEqual(profiles, {"total": (9, 1000, 0), "line": (9, 500, 2)})

    def test_pages_are_short_and_have_each_call_once(self):
        pages = list(self.admin.pages("dlg.list", limit=2))
        self.assertTrue(all(len(page) <= 2 for page in pages))
        self.assertEqual(sorted(item["id"] for page in pages for item in page), sorted(self.stored))
        for params, count in (({"profile": "total"}, 9), ({"profile": "line", "value": "carol"}, 3)):
            ids = [item["id"] for item in self.admin.items("dlg.profile_list", limit=2, **params)]
            self.assertEqual((len(ids), len(set(ids))), (count, count))
            self.assertLessEqual(set(ids), set(self.stored))

    def test_who_asks_for_much_at_once_is_told_so_and_loops_are_not_held_up_by_it(self):
        """Each request is a slice of a turn of a worker's loop: 32 of them at a time."""
        missing = {"id": "0" * 31 + "1"}
        for method, params in (("dlg.list", {}), ("dlg.profile_list", {"profile": "total"}), ("dlg.get", missing),
                               ("dlg.end", missing), ("dlg.set_var", missing | {"name": "a", "value": 1}),
                               ("dlg.messages", {"caller": "nobody"}), ("dlg.audit", {}), ("trunk.list", {}),
                               ("config.reload", {})):
            with self.subTest(method):
                answers = self.admin.post(json.dumps(
                    [{"jsonrpc": "2.0", "id": number, "method": method, "params": params} for number in range(64)]))
                codes = Counter(answer.get("error", {}).get("code") for answer in answers)
                self.assertEqual(codes.pop(-32004), 32, "busy")
                self.assertEqual(sum(codes.values()), 32)

    def test_a_page_keeps_its_place_while_calls_come_and_go(self):
        others = self.caller("caller_basic", user="carol", calls=100, hold=50, rate=40)
        while others.process.poll() is None:
            ids = [item["id"] for item in self.admin.items("dlg.list", limit=3)]
            self.assertEqual(len(ids), len(set(ids)))
            self.assertLessEqual(set(self.stored), set(ids))
        others.finish()

    def test_a_record_is_what_the_store_and_both_phones_know(self):
        legs = {row["call_id"]: row for row in self.rows("SELECT * FROM dialog_leg")}
        said = {message.call_id: message for caller in self.callers for message in caller.sent("INVITE")}
        heard = {message.call_id: message for callee in self.callees.values() for message in callee.received("INVITE")}
        for item in self.admin.items("dlg.list"):
            row, leg = self.stored[item["id"]], legs[item["callee"]["call-id"]]
            for name, column in {"call-id": "call_id", "from_uri": "from_uri", "to_uri": "to_uri", "state": "state",
                                 "request_uri": "request_uri", "source": "source", "init_ts": "created_us",
                                 "ringing_ts": "ringing_us", "start_ts": "answered_us",
                                 "timeout": "deadline_us"}.items():
                self.assertEqual(item[name], row[column], name)
            self.assertEqual(item["end_ts"], 0)
            self.assertEqual(item["lifetime"], 43_200_000_000)
            self.assertAlmostEqual(item["duration"], time.time_ns() // 1000 - item["start_ts"], delta=2_000_000)
            caller, callee = item["caller"], item["callee"]
            self.assertEqual(caller["tag"], said[caller["call-id"]].tag("From"))
            self.assertEqual((caller["contact"], caller["route_set"]), (row["caller_contact"], row["caller_route_set"]))
            self.assertEqual((caller["cseq"], callee["cseq"]),
                             (row["caller_cseq"] or row["invite_cseq"], leg["callee_cseq"]))
            self.assertIn(callee["call-id"], heard)
            self.assertEqual((callee["tag"], callee["contact"]), (leg["callee_tag"], leg["callee_contact"]))
            self.assertEqual(caller["socket"], f"udp:127.0.0.1:{self.port}")
            user = row["request_uri"].partition(":")[2].partition("@")[0]
            self.assertEqual(item["profiles"], [{"name": "total"}, {"name": "line", "value": user}])
            self.assertEqual(item["variables"], {"tenant": "blue"})
            self.assertEqual(self.admin.call("dlg.get", id=item["id"])["call-id"], item["call-id"])
            for call_id in (caller["call-id"], callee["call-id"]):
                self.assertEqual(self.admin.call("dlg.get", call_id=call_id)["id"], item["id"])

    def test_a_filter_shows_what_fits_and_nothing_else(self):
        def count(**names):
            return len(self.admin.items("dlg.list", limit=2, filter=names))
        one = next(iter(self.stored.values()))
        self.assertEqual(count(state="confirmed"), 9)
        self.assertEqual(count(state="early"), 0)
        self.assertEqual(count(to="sip:carol@*"), 3)
        self.assertEqual(count(**{"to": "sip:*", "from": one["from_uri"].replace("*", "\\*")}) > 0, True)
        self.assertEqual(count(**{"call-id": one["call_id"]}), 1)
        self.assertEqual(count(profile="line", value="bob"), 6)
        self.assertEqual(count(profile="line", value="bob", state="early"), 0)
        self.assertEqual(count(trunk="none"), 0)

    def test_metrics_say_the_same(self):
        metrics = self.admin.metrics()
        self.assertEqual(metrics.get("tandem_dialogs", state="confirmed"), 9)
        self.assertEqual([metrics.get("tandem_dialogs", state=state) for state in ("trying", "proceeding", "early")],
                         [0, 0, 0])
        self.assertEqual(metrics.get("tandem_dialogs_processed_total"), 9)
        self.assertEqual(metrics.get("tandem_profile_size", profile="total"), 9)
        self.assertEqual(metrics.get("tandem_profile_size", profile="line", value="bob"), 6)
        self.assertEqual(metrics.get("tandem_limit_refused_total", profile="line"), 0)
        self.assertEqual(metrics.get("tandem_store_behind"), 0)
        got = sum(len(sipp.sent()) for sipp in (*self.callers, *self.callees.values()))
        self.assertGreaterEqual(metrics.get("tandem_sip_messages_total", direction="in", transport="udp"), got)
        self.assertGreaterEqual(metrics.get("tandem_http_requests_total", section="admin"), 1)
        self.assertGreater(len(metrics.families), 60)
        self.assertTrue(all(name.startswith("tandem_") for name in metrics.families))

    def test_an_audit_finds_all_in_order(self):
        found = self.admin.call("dlg.audit")
        self.assertEqual((found["dialogs"], found["repairs"], found["store_compared"]), (18, 0, 1))


class Ends(TwoSides):
    """One call between two bare sockets."""

    def open(self, **settings):
        self.admin = Admin(self.ports.take())
        super().open(apis=self.admin.toml, **settings)

    def only(self):
        item, = self.admin.items("dlg.list")
        return item

    def test_both_legs_hear_of_the_end_once_and_the_record_says_admin(self):
        caller, callee = self.talk()
        name = self.only()["id"]
        self.assertEqual(self.admin.call("dlg.end", id=name), {"id": name, "was_ending": False})
        byes = [side.request("BYE") for side in (caller, callee)]
        self.assertEqual(self.admin.call("dlg.end", id=name), {"id": name, "was_ending": True})
        self.assertEqual(self.only()["end_reason"], "admin")
        for side, bye in zip((caller, callee), byes):
            side.answer(bye)
        self.wait_for_rows("SELECT * FROM dialog", 0)
        with self.assertRaises(Refused) as refused:
            self.admin.call("dlg.end", id=name)
        self.assertEqual((refused.exception.code, refused.exception.message), (-32001, "no such call is up"))
        self.finish(Cdr("admin", 200, answered=True))

    def test_a_call_that_rings_is_shown_as_it_is_and_cancelled_with_the_reason_that_is_given(self):
        self.ring()
        wait_until(lambda: self.admin.call("dlg.stats_active")["connecting"] == 1, "it rings")
        shown = self.only()
        self.assertEqual((shown["state"], shown["start_ts"], shown["duration"]), ("early", 0, 0))
        self.assertEqual(shown["callee"]["call-id"], self.leg_b.call_id)
        self.admin.call("dlg.end", call_id=self.invite.call_id, reason="expired")
        cancel = self.callee_raw.receive()
        self.assertEqual(cancel.method, "CANCEL")
        self.callee_raw.respond(cancel, 200)
        self.callee_raw.respond(self.leg_b, 487)
        final = self.caller_raw.receive_code(480)
        self.caller_raw.acknowledge(final)
        record, = self.wait_for_rows("SELECT * FROM cdr", 1)
        self.assertEqual(record["end_reason"], "expired")

    def test_a_variable_is_in_the_store_when_it_is_told(self):
        caller, callee = self.talk()
        name = self.only()["id"]
        for value, stored in (("red & blue", "red & blue"), (-7, -7), (True, 1)):
            self.admin.call("dlg.set_var", id=name, name="note", value=value)
            row, = self.rows("SELECT * FROM dialog_variable WHERE name = 'note'")
            self.assertIn(stored, list(row.values()))
            self.assertEqual(self.admin.call("dlg.get_var", id=name, name="note"), value)
        self.assertEqual(self.admin.call("dlg.get_var", call_id=self.leg_b.call_id), {"note": True})
        self.admin.call("dlg.set_var", id=name, name="note", value=None)
        self.assertEqual(self.rows("SELECT * FROM dialog_variable"), [])
        for code, values in ((-32602, {"name": "a b", "value": "x"}), (-32602, {"name": "a", "value": "x\r\ny"}),
                             (-32602, {"name": "a" * 65, "value": "x"}), (-32602, {"name": "a", "value": 1.5})):
            with self.assertRaises(Refused) as refused:
                self.admin.call("dlg.set_var", id=name, **values)
            self.assertEqual(refused.exception.code, code)
        for i in range(64):
            self.admin.call("dlg.set_var", id=name, name=f"v{i}", value=i)
        with self.assertRaises(Refused) as refused:
            self.admin.call("dlg.set_var", id=name, name="v64", value=1)
        self.assertEqual(refused.exception.code, -32004)
        self.hang_up(caller, callee)
        record, = self.finish(Cdr("caller_bye", 200))
        self.assertEqual(json.loads(record["variables"]), {f"v{i}": i for i in range(64)})


class Records(WithAdmin):
    def test_records_are_those_of_the_store_the_latest_first(self):
        self.begin("bob")
        self.caller("caller_basic", user="bob", calls=7, hold=20, rate=50).finish()
        self.caller("caller_refused", user="nobody", calls=1, code=404).finish()
        rows = self.wait_for_rows("SELECT * FROM cdr ORDER BY rowid DESC", 8)
        for row in rows:
            row["profiles"], row["variables"] = json.loads(row["profiles"]), json.loads(row["variables"])
        self.assertEqual(self.admin.items("cdr.list", limit=3), rows)
        since = rows[3]["ended_us"]
        self.assertEqual(self.admin.items("cdr.list", since=since), [row for row in rows if row["ended_us"] >= since])
        self.assertEqual(self.admin.call("cdr.list", since=since + 10**15), {"items": [], "next": None})

    def test_without_a_store_it_says_so(self):
        self.store = ""
        self.begin("bob")
        self.assertIn("there is no store", self.refused(-32005, "cdr.list"))
        self.talking("bob")
        name = self.admin.call("dlg.list")["items"][0]["id"]
        self.admin.call("dlg.set_var", id=name, name="a", value=1)
        self.assertEqual(self.admin.call("dlg.get_var", id=name, name="a"), 1)

    def test_bindings_and_trunks_are_listed(self):
        trunk = self.ports.take()
        self.begin("bob", domains=[DOMAIN],
                   more=registrar() + f'[[trunk]]\nname = "carrier"\nuri = "sip:127.0.0.1:{trunk}"\n')
        for user, password in (("alice", "wonderland"), ("bob", "builder")):
            raw = self.tandemd.raw()
            self.addCleanup(raw.__exit__)
            phone = Registering(raw, user, password)
            self.assertEqual(phone.register(f"<sip:{user}@{raw.name}>;q=0.5", expires=600).code, 200)
        rows = self.rows("SELECT * FROM binding ORDER BY aor")
        shown = self.admin.items("registrar.list", limit=1)
        self.assertEqual([(item["aor"], item["contact"], item["q"], item["expires_ts"] // 1000000) for item in shown],
                         [(row["aor"], row["contact"], row["q"] / 1000, row["expires_us"] // 1000000) for row in rows])
        self.assertEqual([item["aor"] for item in self.admin.items("registrar.list", aor=f"bob@{DOMAIN}")],
                         [f"bob@{DOMAIN}"])
        self.assertEqual(self.admin.items("trunk.list"),
                         [{"name": "carrier", "uri": f"sip:127.0.0.1:{trunk}", "registers": False}])
        self.assertEqual(self.admin.metrics().get("tandem_registrar_bindings"), 2)


class BadInput(WithAdmin):
    def test_each_bad_text_has_its_code_and_costs_nobody_anything(self):
        self.begin("bob")
        self.talking("bob")
        call = '{"jsonrpc":"2.0","id":1,"method":"%s","params":%s}'
        for code, text in ((-32700, ""), (-32700, "{"), (-32700, "[" * 20000), (-32700, b'"\xff"'),
                           (-32700, '{"jsonrpc":"2.0","id":1,"id":2,"method":"dlg.list"}'),
                           (-32700, call % ("dlg.list", '{"cursor":"' + "0" * 70000 + '"}')),
                           (-32600, "[]"), (-32600, "7"), (-32600, '{"jsonrpc":"1.0","id":1,"method":"dlg.list"}'),
                           (-32601, call % ("dlg.dance", "{}")), (-32601, call % ("", "{}")),
                           (-32602, call % ("dlg.list", "[1]")), (-32602, call % ("dlg.list", '{"limit":1e9}')),
                           (-32602, call % ("dlg.list", '{"cursor":"18446744073709551615"}')),
                           (-32602, call % ("dlg.list", '{"filter":{"from":{}}}')),
                           (-32602, call % ("dlg.get", '{"id":"x"}')),
                           (-32602, call % ("dlg.get", r'{"call-id":"a\r\nVia: b"}')),
                           (-32602, call % ("dlg.profile_list", '{"profile":"total","value":"x"}')),
                           (-32602, call % ("dlg.profile_get_size", '{"profile":"total","value":"x"}')),
                           (-32602, call % ("dlg.profile_values", '{"profile":"total"}')),
                           (-32602, call % ("dlg.profile_list", '{"profile":"total","cursor":"99999999999"}')),
                           (-32602, call % ("cdr.list", '{"since":"yesterday"}')),
                           (-32001, call % ("dlg.get", f'{{"id":"{NOBODY}"}}')),
                           (-32001, call % ("dlg.end", '{"call-id":"nobody"}')),
                           (-32001, call % ("dlg.set_var", f'{{"id":"{NOBODY}","name":"a","value":1}}')),
                           (-32001, call % ("dlg.profile_get_size", '{"profile":"gone"}')),
                           (-32001, call % ("dlg.profile_values", '{"profile":"gone"}'))):
            answer = self.admin.post(text)
            self.assertEqual(answer.get("error", {}).get("code"), code, f"{text[:100]!r}: {answer}")
            self.assertNotIn("\n", answer["error"]["message"])
        answers = self.admin.post("[" + ",".join([call % ("dlg.stats_active", "{}"), call % ("x", "{}")]) + "]")
        self.assertEqual(sorted("result" in answer for answer in answers), [False, True])
        self.assertEqual(self.admin.http("GET", "/rpc")[0], 405)
        self.assertEqual(self.admin.http("GET", "/nothing")[0], 404)
        self.assertEqual(self.admin.call("dlg.profile_get_size", profile="total"), 1)
        self.assertLess(self.tandemd.answers_options(), 0.5)


class Tokens(WithAdmin):
    token = "open-sesame"

    def test_who_guesses_is_shut_out_and_who_knows_the_token_is_not(self):
        self.begin("bob")
        codes = [self.admin.http("POST", "/rpc", "{}", token=f"guess-{i}")[0] for i in range(200)]
        self.assertEqual(codes[0], 401)
        self.assertEqual(set(codes[50:]), {429})
        self.assertEqual(self.admin.http("GET", "/metrics", token="")[0], 429)
        self.assertEqual([self.admin.http("GET", path, token="")[0] for path in ("/healthz", "/readyz")], [200, 200])
        elsewhere = ("127.0.0.2", 0)
        with closing(http.client.HTTPConnection("127.0.0.1", self.admin.port, source_address=elsewhere)) as other:
            other.request("GET", "/metrics", headers={"Authorization": "Bearer open-sesame"})
            self.assertEqual(other.getresponse().status, 200)

    def test_a_page_of_somebody_else_asks_nothing(self):
        self.begin("bob")
        self.assertEqual(self.admin.http("POST", "/rpc", "{}", headers={"Origin": "https://evil.example"})[0], 403)
        self.assertEqual(self.admin.http("POST", "/rpc", "{}")[0], 200)


class Sockets(WithAdmin):
    token = "open-sesame"

    def socket(self):
        socket = Bare(self.admin.port)
        self.addCleanup(socket.close)
        return socket

    def test_the_methods_and_events_are_on_a_websocket_too(self):
        self.begin("bob")
        self.assertEqual(self.socket().upgrade(path="/rpc"), 401)
        self.assertEqual(self.socket().upgrade(f"Authorization: Bearer {self.token}", path="/other"), 404)
        page = self.socket()
        self.assertEqual(page.upgrade(f"Authorization: Bearer {self.token}", path="/rpc"), 101)

        def ask(number, method, **params):
            page.frame(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}))
            return self.heard(page, lambda message: message.get("id") == number)["result"]
        self.assertEqual(ask(1, "dlg.stats_active")["all"], 0)
        ask(2, "EventSubscribe", event="dialog.*")
        call_id = self.talking("bob").sent("INVITE")[0].call_id
        self.heard(page, lambda message: message.get("method") == "Event" and call_id in json.dumps(message))
        self.assertEqual([item["call-id"] for item in ask(3, "dlg.list")["items"]], [call_id])
        self.assertEqual(ask(4, "dlg.profile_get_size", profile="total"), 1)

    @staticmethod
    def heard(page, wanted):
        while not wanted(message := json.loads(page.receive()[1])):
            pass
        return message


class Reload(WithAdmin):
    def test_of_a_hundred_broken_files_each_is_told_and_changes_nothing(self):
        self.begin("bob")
        good = self.tandemd.config.read_text()
        lines = good.splitlines(keepends=True)
        garbage = ['name == "x"\n', "[nonsense]\n", '"broken\n', "limit = 99999999999999999999\n", "\x01\n"]
        for i in range(100):
            at = random.randrange(len(lines) + 1)
            text = "".join(lines[:at]) + garbage[i % len(garbage)] + "".join(lines[at:])
            self.tandemd.config.write_text(text.replace("limit = 1000", "limit = 1"))
            message = self.refused(-32005, "config.reload")
            self.assertRegex(message, r"tandem\.toml:\d+:\d+: ", text)
        self.talking("bob", 2)
        self.assertEqual({item["name"]: item["limit"] for item in self.admin.call("dlg.profiles")["items"]},
                         {"total": 1000, "line": 500})
        self.tandemd.config.write_text(good.replace("limit = 1000", "limit = 2"))
        self.assertEqual(self.admin.call("config.reload"), {"reloaded": True})
        self.assertEqual(self.admin.call("dlg.profiles")["items"][0]["limit"], 2)
        self.caller("caller_refused", user="bob", code=503).finish()
        self.assertEqual(self.admin.metrics().get("tandem_limit_refused_total", profile="total"), 1)


class Health(WithAdmin):
    def status(self, path, timeout=1):
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", self.admin.port, timeout=timeout)) as connection:
                connection.request("GET", path)
                return connection.getresponse().status
        except TimeoutError:
            return None

    def test_it_is_ready_until_it_drains(self):
        self.begin("bob", drain_ms=60_000)
        self.talking("bob")
        self.assertEqual([self.status(path) for path in ("/healthz", "/readyz")], [200, 200])
        self.tandemd.signal(signal.SIGTERM)
        wait_until(lambda: self.status("/readyz") == 503, "it drains")
        self.assertEqual(self.status("/healthz"), 200)
        self.assertEqual(self.admin.metrics().get("tandem_draining"), 1)

    def test_it_is_not_ready_while_the_store_is_lost_and_calls_are_refused(self):
        self.store_settings = 'on_failure = "reject"\nwait_max_ms = 200\n'
        self.begin("bob")
        with closing(sqlite3.connect(self.store, isolation_level=None, timeout=30)) as shell:
            shell.execute("BEGIN EXCLUSIVE")
            self.talking("bob")
            wait_until(lambda: self.status("/readyz") == 503, "the store is lost")
            self.assertEqual(self.admin.metrics().get("tandem_store_behind"), 1)
            shell.execute("ROLLBACK")
        wait_until(lambda: self.status("/readyz") == 200, "the store is back")

    def config(self, *arguments, **values):
        settings = getattr(self, "store_settings", "")
        return super().config(*arguments, **values).replace("[timers]\n", settings + "[timers]\n", 1)

    def test_a_loop_that_stands_still_is_seen(self):
        self.begin("bob")
        self.assertEqual(self.status("/healthz"), 200)
        try:
            process = self.tandemd.process.pid
            stopped = StoppedThread(process, Path(f"/proc/{process}/comm").read_text().strip())  # the main one is first
        except PermissionError as error:
            self.skipTest(f"ptrace: {error}")
        try:
            wait_until(lambda: self.status("/healthz") == 503, "the loop is missed")
            self.assertEqual(self.status("/readyz"), 200, "whoever only reads is answered")
        finally:
            stopped.go_on()
        wait_until(lambda: self.status("/healthz") == 200, "it turns again")


class UnderLoad(WithAdmin):
    def test_whoever_scrapes_and_lists_costs_no_call_anything(self):
        self.begin("bob")
        held = self.talking("bob", 40)
        caller = self.caller("caller_basic", user="bob", calls=400, hold=30, rate=100)
        asked = 0
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            while caller.process.poll() is None:
                list(pool.map(lambda ask: ask(), [self.admin.metrics, lambda: self.admin.items("dlg.list", limit=10),
                                                  lambda: self.admin.items("cdr.list", limit=50),
                                                  lambda: self.admin.items("dlg.profile_list", profile="total")]))
                asked += 1
        caller.finish()
        self.assertGreater(asked, 5)
        self.assertEqual(len(self.admin.items("dlg.list")), 40)
        self.assertEqual(self.rows("SELECT count(*) AS n FROM cdr WHERE end_reason <> 'caller_bye'")[0]["n"], 0)
        self.assertIsNone(held.process.poll())


class Tandemctl(WithAdmin):
    token = "open-sesame"

    def test_it_prints_as_kamcmd_does(self):
        self.begin("bob")
        self.talking("bob", 2)
        ctl = self.admin.ctl
        self.assertEqual(ctl("dlg.profile_get_size", "total").stdout, "2\n")
        self.assertEqual(ctl("dlg.profile_get_size", "line", "bob").stdout, "2\n")
        self.assertRegex(ctl("dlg.stats_active").stdout,
                         r"^\{\n\tstarting: 0\n\tconnecting: 0\n\tongoing: 2\n\tall: 2\n(\t\w+: \d+\n)+\}\n$")
        blocks = ctl("dlg.list", "state=confirmed").stdout
        self.assertEqual(blocks.count("\n}\n"), 2)
        self.assertRegex(blocks, r"\n\tcaller: \{\n(\t\t[\w-]+: .*\n)+\t\}\n\tcallee: \{\n")
        lines = ctl("--json", "dlg.list", "--limit", 1).stdout.splitlines()
        call = json.loads(*lines)
        for name in (call["id"], call["callee"]["call-id"]):
            self.assertEqual(json.loads(ctl("--json", "dlg.get", name).stdout)["id"], call["id"])
        self.assertEqual(ctl("dlg.set_var", call["id"], "tries", 5).returncode, 0)
        self.assertEqual(ctl("dlg.get_var", call["id"], "tries").stdout, "5\n")
        self.assertIn('\ttenant: blue\n', ctl("dlg.get_var", call["id"]).stdout)
        self.assertEqual(ctl("readyz").stdout, "ready\n")
        self.assertIn("# TYPE tandem_dialogs gauge\n", ctl("metrics").stdout)

    def test_errors_are_one_line_and_have_their_exit_codes(self):
        self.begin("bob")

        def told(code, *arguments, **environment):
            ended = self.admin.ctl(*arguments, **environment)
            self.assertEqual((ended.returncode, ended.stdout, ended.stderr.count("\n")), (code, "", 1), ended.stderr)
            self.assertTrue(ended.stderr.startswith("tandemctl: "), ended.stderr)
        told(1, "dlg.get", NOBODY)
        told(1, "dlg.profile_get_size", "gone")
        told(1, "dlg.list", "color=red")
        told(1, "dlg.stats_active", TANDEM_TOKEN="wrong")
        told(2, "dlg.dance")
        told(2, "dlg.get")
        told(2, "dlg.list", "bob")
        told(2, "cdr.list", "yesterday")
        told(2, "dlg.list", TANDEM_URL="gopher://x")
        told(2, "--nonsense", "dlg.list")
        told(3, "dlg.list", TANDEM_URL=f"http://127.0.0.1:{self.ports.take()}")
        with socket.create_server(("127.0.0.1", 0)) as silent:
            other = f"http://127.0.0.1:{silent.getsockname()[1]}"
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                ended = pool.submit(self.admin.ctl, "dlg.list", TANDEM_URL=other)
                peer, _ = silent.accept()
                peer.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n")
                self.assertEqual(ended.result().returncode, 3)
                peer.close()

    def test_bash_completes_what_there_is(self):
        def completed(*words):
            script = (f'source "{TANDEMCTL}.bash"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tandemctl; '
                      'echo "${COMPREPLY[@]}"')
            return subprocess.run(["bash", "-c", script, "bash", "tandemctl", *words], capture_output=True, text=True,
                                  check=True).stdout.split()
        listed = [line.split()[0] for line in self.help().splitlines() if line.startswith("  ") and line[2:3].islower()]
        methods = [name for name in listed if "." in name or name in ("healthz", "readyz", "metrics")]
        self.assertEqual(sorted(completed("")), sorted(methods))
        self.assertEqual(completed("dlg.profile_g"), ["dlg.profile_get_size"])
        self.assertEqual(completed("--json", "dlg.list", "sta"), ["state="])
        self.assertEqual(completed("--w"), ["--watch"])

    @staticmethod
    def help():
        return subprocess.run([sys.executable, TANDEMCTL, "--help"], capture_output=True, text=True, check=True).stdout

    def test_it_watches_until_it_is_told_to_end(self):
        self.begin("bob")
        command = [sys.executable, TANDEMCTL, "--url", f"http://127.0.0.1:{self.admin.port}", "--token", self.token,
                   "--watch", "0.1", "dlg.profile_get_size", "total"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
            self.assertEqual([watching.stdout.readline() for _ in range(4)], ["0\n", "\n", "0\n", "\n"])
            self.talking("bob")
            wait_until(lambda: watching.stdout.readline() == "1\n", "it sees the call")
            watching.send_signal(signal.SIGINT)
            watching.stdout.read()
            self.assertEqual(watching.wait(), 0)


if __name__ == "__main__":
    main()
