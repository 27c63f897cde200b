"""Trunks that we register with, at a real registrar: Kamailio, with digest.
Faults that it does not have: test_trunk_registration_faults.py."""
import signal
import time

from carrier import PASSWORD, USER, Registrations, trunk
from harness import Cdr, Tandemd, main
from name_server import NameServer
from sipp import wait_until


class WithKamailio(Registrations):
    """A real registrar with digest, whose bindings the test can see."""

    def call_from(self, carrier, callee):
        """Somebody calls our user at the carrier, who sends him to where we have registered."""
        with carrier.raw() as raw:
            there = f"sip:{USER}@{raw.tandemd}"
            answer = raw.ask(raw.request("INVITE", user=USER, uri=there, Call_ID="from-the-carrier"))
            self.assertEqual(answer.code, 200)
            dialog = {"From": answer.header("From"), "To": answer.header("To"), "Call_ID": "from-the-carrier"}
            routes = [f"Route: {route}" for route in reversed(answer.headers("Record-Route"))]
            target = answer.header("Contact").strip("<>")
            raw.send(raw.request("ACK", uri=target, headers=routes, CSeq="1 ACK", **dialog))
            bye = raw.ask(raw.request("BYE", uri=target, headers=routes, CSeq="2 BYE", **dialog))
            self.assertEqual(bye.code, 200)
        callee.finish()

    def test_calls_go_out_and_come_in_by_it_and_it_is_taken_away_at_the_end(self):
        callee = self.proxied()
        carrier = self.kamailio(callee=callee.port)
        self.start_with(trunk("carrier", carrier.port))
        row = self.wait_for("registered", sip_code=200)
        self.assertEqual((row["transport"], row["address"], row["port"], row["failures"]),
                         ("udp", "127.0.0.1", carrier.port, 0))
        self.assertAlmostEqual(row["expires_us"] / 1e6, time.time() + 600, delta=30)
        self.assertTrue(row["since_us"] < row["next_us"] < row["expires_us"], row)
        self.assertEqual((row["sent"], row["accepted"], row["challenged"]), (2, 1, 1))
        self.assertEqual(list(carrier.bindings()), [f"sip:{USER}@127.0.0.1:{self.port}"])
        self.wait_for_line(f"trunk carrier: registered with udp:127.0.0.1:{carrier.port} for 600 s")

        outward = self.call(callee)
        comes = self.callee("callee_basic", hold=50)
        self.tandemd.config.write_text(self.tandemd.config.read_text().replace(
            'to = ["carrier"]', f'to = ["sip:127.0.0.1:{comes.port}"]'))
        self.tandemd.signal(signal.SIGHUP)
        wait_until(lambda: "routes are in force" in self.said(), "the reload")
        self.call_from(carrier, comes)
        self.finish(Cdr("caller_bye", 200, outward, callee), Cdr("caller_bye", 200, callee=comes))
        self.check_no_secrets()
        self.assertEqual(carrier.bindings(), {})
        self.assertEqual((self.row()["state"], self.row()["expires_us"]), ("off", None))
        self.wait_for_line("trunk carrier: unregistered")

    def test_it_is_refreshed_before_it_ends_with_one_call_id_and_rising_numbers(self):
        carrier = self.kamailio()
        self.start_with(trunk("carrier", carrier.port, expires=2))
        self.wait_for("registered")
        registers = wait_until(lambda: (lambda r: len(r) >= 8 and r)(carrier.registers()), "refreshes")
        self.assertEqual(len({call_id for call_id, *_ in registers}), 1)
        numbers = [cseq for _, cseq, *_ in registers]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        self.assertEqual(len(carrier.bindings()), 1)
        row = self.row()
        self.assertEqual((row["state"], row["failures"], row["failed"]), ("registered", 0, 0))
        self.assertGreaterEqual(row["accepted"], 3)
        self.assertEqual(self.said().count("trunk carrier: registered with"), 1, "a refresh is no change")
        self.end()
        self.assertEqual(carrier.bindings(), {})

    def test_a_nonce_that_has_grown_old_costs_one_more_request(self):
        carrier = self.kamailio(nonce_expire=1)
        self.start_with(trunk("carrier", carrier.port, expires=4))
        wait_until(lambda: (self.row() or {"accepted": 0})["accepted"] >= 2, "a refresh")
        row = self.row()
        self.assertEqual((row["state"], row["challenged"], row["refused"]), ("registered", row["accepted"], 0))
        self.end()
        self.assertEqual(carrier.bindings(), {})

    def test_an_interval_too_brief_becomes_what_the_registrar_wants(self):
        carrier = self.kamailio(min_expires=90)
        self.start_with(trunk("carrier", carrier.port, expires=5))
        row = self.wait_for("registered")
        self.assertEqual((row["too_brief"], row["failed"]), (1, 0))
        self.assertAlmostEqual(carrier.bindings()[f"sip:{USER}@127.0.0.1:{self.port}"], 90, delta=15)
        self.assertAlmostEqual((row["expires_us"] - row["since_us"]) / 1e6, 90, delta=1)
        self.end()
        self.assertEqual(carrier.bindings(), {})

    def test_a_longer_time_than_the_registrar_grants_is_as_long_as_that(self):
        carrier = self.kamailio(max_expires=70)
        self.start_with(trunk("carrier", carrier.port, expires=3600))
        row = self.wait_for("registered")
        self.assertAlmostEqual((row["expires_us"] - row["since_us"]) / 1e6, 70, delta=1)
        self.end()

    def test_another_contact_of_the_same_user_is_none_of_ours_and_stays(self):
        carrier = self.kamailio()
        self.start_with(trunk("carrier", carrier.port))
        self.wait_for("registered")
        other = self.folder / "other"
        other.mkdir()
        config = self.tandemd.config.read_text().replace(f":{self.port}\"", f":{self.ports.take()}\"", 1)
        config = config.replace(str(self.store), str(other / "tandem.db")).replace("expires_s = 600", "expires_s = 60")
        second = Tandemd(other, config)
        self.addCleanup(second.kill)
        wait_until(lambda: len(carrier.bindings()) == 2, "both")
        self.assertEqual(sorted(round(left, -2) for left in carrier.bindings().values()), [100, 600])
        second.signal(signal.SIGTERM)
        self.assertEqual(second.ends(), 0)
        self.assertEqual(list(carrier.bindings()), [f"sip:{USER}@127.0.0.1:{self.port}"])
        self.end()
        self.assertEqual(carrier.bindings(), {})

    def test_over_tcp_the_contact_says_so(self):
        carrier = self.kamailio(transport="tcp")
        self.start_with(trunk("carrier", 0, to=f"127.0.0.1:{carrier.port};transport=tcp"), transports=("udp", "tcp"))
        self.assertEqual(self.wait_for("registered")["transport"], "tcp")
        self.assertEqual(list(carrier.bindings()), [f"sip:{USER}@127.0.0.1:{self.port};transport=tcp"])
        self.end()
        self.assertEqual(carrier.bindings(), {})

    def test_a_name_leads_to_the_address_that_answers(self):
        carrier, dead = self.kamailio(transport="tcp"), self.ports.take()
        names = NameServer(self.folder, self.ports.take(), "--address=/ready/127.0.0.1",
                           "--address=/host.carrier.test/127.0.0.1",
                           f"--srv-host=_sip._tcp.carrier.test,host.carrier.test,{dead},1,1",
                           f"--srv-host=_sip._tcp.carrier.test,host.carrier.test,{carrier.port},2,1")
        self.addCleanup(names.stop)
        self.start_with(trunk("carrier", 0, to="carrier.test;transport=tcp"),
                        f'[dns]\nservers = ["127.0.0.1:{names.port}"]\n', transports=("udp", "tcp"))
        row = self.wait_for("registered")
        self.assertEqual((row["port"], row["failed"]), (carrier.port, 0))
        self.assertEqual(len(carrier.bindings()), 1)
        self.end()
        self.assertEqual(carrier.bindings(), {})

    def test_a_registrar_that_goes_and_comes_back(self):
        """The binding lives on until its end; then calls are refused; and it is registered anew when it is back."""
        carrier = self.kamailio(transport="tcp")
        self.start_with(trunk("carrier", 0, to=f"127.0.0.1:{carrier.port};transport=tcp", expires=6),
                        transports=("udp", "tcp"))
        self.wait_for("registered")
        carrier.stop()
        row = self.wait_for("registered", failures=1)
        self.assertEqual(row["sip_code"], 503)
        self.wait_for_line("trunk carrier: refresh failed (503 No Way There); registered for ")
        self.wait_for("failed")
        refusal, _ = self.call_refused()
        self.assertEqual((refusal.code, refusal.reason), (503, "Trunk Not Registered"))
        self.wait_for_line("trunk carrier: not registered (503 No Way There)")
        carrier.start()
        row = self.wait_for("registered", failures=0)
        self.assertEqual(len(carrier.bindings()), 1)
        self.assertEqual(self.said().count("trunk carrier: registered with"), 2)
        self.end()
        self.assertEqual(carrier.bindings(), {})

    def test_a_killed_process_registers_anew_and_its_rows_are_forgotten_at_the_start(self):
        carrier = self.kamailio()
        self.start_with(trunk("carrier", carrier.port), trunk("other", carrier.port, user="nobody", password="falsch"))
        self.wait_for("registered")
        self.wait_for("failed", "other", sip_code=401)
        self.tandemd.kill()
        self.assertEqual(self.row()["state"], "registered", "what was known last")
        config = self.tandemd.config.read_text()
        self.tandemd.config.write_text(config.replace("register = true", "register = false"))
        self.tandemd.start()
        self.assertEqual(self.rows("SELECT * FROM trunk"), [])
        self.tandemd.kill()
        self.tandemd.config.write_text(config)
        self.tandemd.start()
        self.wait_for("registered")
        self.assertEqual(len(carrier.bindings()), 1)
        self.assertEqual(len({call_id for call_id, *_ in carrier.registers()}), 2)
        self.end()
        self.assertEqual(carrier.bindings(), {})

    def test_a_call_that_is_up_goes_on_while_a_drain_has_taken_the_registration_away(self):
        callee = self.proxied()
        carrier = self.kamailio(callee=callee.port)
        self.start_with(trunk("carrier", carrier.port), drain_ms=60_000)
        self.wait_for("registered")
        caller = self.caller("caller_basic", hold=1500)
        callee.wait_for("ACK")
        self.tandemd.signal(signal.SIGTERM)
        self.wait_for("off")
        self.assertEqual(carrier.bindings(), {})
        self.assertIsNone(self.tandemd.process.poll(), "a call is up")
        for sipp in (caller, callee):
            sipp.finish()
        self.assertEqual(self.tandemd.ends(), 0)
        self.check_store()
        record, = self.rows("SELECT * FROM cdr")
        self.assertEqual((record["end_reason"], record["trunk"]), ("caller_bye", "carrier"))

    def test_a_reload_adds_removes_and_changes_trunks_and_leaves_the_others_alone(self):
        carrier, new = self.kamailio(), self.kamailio()
        a, b = trunk("a", carrier.port, user="a"), trunk("b", carrier.port, user="b")
        c, d = trunk("c", carrier.port, user="c"), trunk("d", new.port, user="d")
        self.start_with(a, b, c, to=("a", "b", "c"))
        for name in "abc":
            self.wait_for("registered", name)
        before = {name: carrier.registers(name) for name in "abc"}
        since = self.row("a")["since_us"]
        config = self.tandemd.config.read_text()
        changed = config.replace(b, "").replace(c, c.replace("expires_s = 600", "expires_s = 300") + d)
        self.tandemd.config.write_text(changed.replace('to = ["a", "b", "c"]', 'to = ["a", "c", "d"]'))
        self.tandemd.signal(signal.SIGHUP)
        self.wait_for("registered", "d")
        wait_until(lambda: not self.row("b"), "the row of `b` is gone")
        wait_until(lambda: 0 < list(carrier.bindings("c").values())[0] <= 300, "`c` is registered for less")
        self.assertEqual(carrier.bindings("b"), {})
        self.assertEqual((carrier.registers("a"), self.row("a")["since_us"]), (before["a"], since))
        self.assertEqual(len(new.bindings("d")), 1)
        self.assertEqual(self.row("c")["since_us"] > 0 and self.row("c")["state"], "registered")
        numbers = [cseq for _, cseq, *_ in carrier.registers("c")]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)), "the same registration goes on")
        self.wait_for_line("trunk b: not registered any more (reload)")
        self.tandemd.config.write_text(config)  # and back
        self.tandemd.signal(signal.SIGHUP)
        self.wait_for("registered", "b")
        wait_until(lambda: not self.row("d"), "the row of `d` is gone")
        wait_until(lambda: new.bindings("d") == {}, "`d` is taken away")
        self.end()
        self.assertEqual([carrier.bindings(name) for name in "abc"], [{}] * 3)

    def test_new_credentials_by_reload_end_a_refusal_at_once(self):
        carrier = self.kamailio()
        self.start_with(trunk("carrier", carrier.port, password="falsch"))
        row = self.wait_for("failed", sip_code=401)
        self.assertEqual((row["sent"], row["refused"]), (2, 1))
        self.assertGreaterEqual(row["next_us"] / 1e6, time.time() + 800, "who is refused does not try again and again")
        self.tandemd.config.write_text(self.tandemd.config.read_text().replace("falsch", PASSWORD))
        self.tandemd.signal(signal.SIGHUP)
        self.wait_for("registered")
        self.assertNotIn("falsch", self.said())
        self.end()
        self.assertEqual(carrier.bindings(), {})


class Hunting(Registrations):
    """A trunk that is not registered gets no call, and nobody waits for it."""

    def start_two(self, *to, **settings):
        """Trunks `carrier` and `next` at two Kamailios, of which `carrier` has the wrong password; their callees."""
        callees = [self.proxied() for _ in range(2)]
        first, second = [self.kamailio(callee=callee.port) for callee in callees]
        self.start_with(trunk("carrier", first.port, password="falsch"), trunk("next", second.port), to=to, **settings)
        self.wait_for("failed")
        self.wait_for("registered", "next")
        return callees

    def register_all(self):
        self.tandemd.config.write_text(self.tandemd.config.read_text().replace("falsch", PASSWORD))
        self.tandemd.signal(signal.SIGHUP)
        self.wait_for("registered")

    def test_a_trunk_is_passed_over_until_it_is_registered(self):
        first, second = self.start_two("carrier", "next", more="hunt_on = [503]")
        self.call(second)
        self.assertEqual(first.received(), [])
        self.register_all()
        self.call(first)
        self.assertEqual(len(second.received("INVITE")), 1)
        self.finish(Cdr("caller_bye", 200, callee=first), Cdr("caller_bye", 200, callee=second))
        trunks = [row["trunk"] for row in self.rows("SELECT trunk FROM cdr ORDER BY created_us")]
        self.assertEqual(trunks, ["next", "carrier"])

    def test_of_trunks_that_ring_together_the_others_ring_and_not_before_their_turn(self):
        before = self.callee("callee_basic", hold=50)
        _, second = self.start_two(f'"sip:127.0.0.1:{before.port}"', '["carrier", "next"]', more="hunt_on = [503]")
        self.call(before)
        self.assertEqual(second.received(), [], "it does not ring with the target before them")
        self.tandemd.config.write_text(self.tandemd.config.read_text().replace(f'"sip:127.0.0.1:{before.port}", ', ""))
        self.tandemd.signal(signal.SIGHUP)
        wait_until(lambda: "routes are in force" in self.said(), "the reload")
        self.call(second)
        self.finish(Cdr("caller_bye", 200, callee=before), Cdr("caller_bye", 200, callee=second))

    def test_without_any_trunk_that_is_registered_a_call_is_refused_at_once(self):
        callee = self.proxied()
        carrier, closed = self.kamailio(callee=callee.port), self.ports.take()
        self.start_with(trunk("carrier", carrier.port, password="falsch"), trunk("other", closed),
                        to=("carrier", "other"))
        self.wait_for("failed")
        self.wait_for("trying", "other")
        refusal, took = self.call_refused()
        self.assertEqual((refusal.code, refusal.reason), (503, "Trunk Not Registered"))
        self.assertLess(took, 5)
        self.assertEqual(callee.received(), [])
        self.tandemd.config.write_text(self.tandemd.config.read_text().replace("register = true", "register = false"))
        self.tandemd.signal(signal.SIGHUP)
        self.wait_for_rows("SELECT * FROM trunk", 0)
        self.call(callee)
        self.finish(Cdr("refused", 503), Cdr("caller_bye", 200, callee=callee))


if __name__ == "__main__":
    main()
