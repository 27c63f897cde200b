"""Where users are: REGISTER with digest, its bindings in the store, over a restart, and who may not have one."""
import re
import sqlite3
from contextlib import closing

from harness import EndToEnd, Route, main
from registering import DOMAIN, Registering, bindings, registrar
from sipp import wait_until

FLOOD = 20000


def phone_that_heard(phone):
    """The answer to what the phone has sent last, as another request."""
    heard = phone.last.replace(b"branch=z9hG4bK", b"branch=z9hG4bK-replayed", 1)
    return phone.raw.ask(re.sub(rb"CSeq: \d+", b"CSeq: 99", heard))


class Registrar(EndToEnd):
    def start_registrar(self, more="", **settings):
        self.start(Route(9), profiles=registrar(more=more), domains=[DOMAIN], **settings)

    def phone(self, user="alice", password="wonderland"):
        raw = self.tandemd.raw()
        self.addCleanup(raw.__exit__)
        return Registering(raw, user, password)

    def alive(self):
        return self.rows("SELECT * FROM binding WHERE NOT is_over ORDER BY contact")

    def test_a_phone_registers_refreshes_asks_and_removes_and_the_store_knows_it_before_the_answer(self):
        self.start_registrar()
        phone = self.phone()
        answer = phone.register(f"{phone.here()};q=0.5", expires=120)
        self.assertEqual((answer.code, list(bindings(answer).values())), (200, [120]))
        self.assertIn("q=0.5", answer.header("Contact"))
        row, = self.alive()
        self.assertEqual((row["aor"], row["q"], row["transport"], row["port"], row["version"]),
                         (f"alice@{DOMAIN}", 500, "udp", phone.raw.port, 1))
        self.assertEqual((row["expires_us"] - row["registered_us"]) // 1000000, 120)

        again = phone.register(phone.here(), expires=300, send_ahead=True)
        self.assertEqual(list(bindings(again).values()), [300])
        self.assertEqual([(row["q"], row["version"]) for row in self.alive()], [(1000, 2)])
        second = phone.register("<sip:alice@192.0.2.9:5062>", expires=60)
        self.assertEqual(sorted(bindings(second).values()), [60, 300])
        self.assertEqual(len(self.alive()), 2)
        fetched = phone.register()
        self.assertEqual(sorted(bindings(fetched)), sorted(bindings(second)))
        removed = phone.register(f"{phone.here()};expires=0")
        self.assertEqual(list(bindings(removed)), ["sip:alice@192.0.2.9:5062"])
        self.assertEqual([row["contact"] for row in self.alive()], ["sip:alice@192.0.2.9:5062"])
        phone.register(phone.here())
        nothing = phone.register("*", expires=0)
        self.assertEqual((nothing.code, nothing.headers("Contact")), (200, []))
        self.assertEqual(self.alive(), [])
        said = self.said()
        self.assertIn(f"registrar: added alice@{DOMAIN} sip:alice@", said)
        self.assertEqual(said.count("registrar: removed"), 3)
        self.finish()

    def test_a_restart_keeps_bindings_but_for_those_that_are_over_or_of_a_user_who_is_gone(self):
        self.start_registrar()
        alice, bob = self.phone(), self.phone("bob", "builder")
        for phone in (alice, bob):
            self.assertEqual(phone.register(phone.here(), "<sip:gone@192.0.2.1>", expires=600).code, 200)
            self.assertEqual(phone.register("<sip:gone@192.0.2.1>;expires=0").code, 200)
        self.tandemd.kill()
        self.tandemd.start()
        self.wait_for_line("registrar: 2 bindings of a former process are in force")
        stale = alice.register(send_ahead=True)
        self.assertEqual((stale.code, "stale=true" in stale.raw.decode()), (401, True), "without asking her again")
        self.assertEqual(list(bindings(alice.register())), [alice.here().strip("<>")])
        self.tandemd.kill()
        config = self.tandemd.config.read_text()
        self.tandemd.config.write_text(config.replace('bob = "builder"', 'carol = "c"'))
        self.tandemd.start()
        self.wait_for_rows("SELECT * FROM binding WHERE NOT is_over", 1)
        self.assertEqual(bob.register().code, 401)
        self.assertEqual(list(bindings(alice.register())), [alice.here().strip("<>")])
        self.finish()

    def test_phones_register_while_the_store_fails_and_it_knows_them_when_it_is_back(self):
        self.start_registrar()
        phone = self.phone()
        gone, kept = "<sip:alice@192.0.2.1>", "<sip:alice@192.0.2.2>"
        self.assertEqual(phone.register(gone, expires=600).code, 200)
        with closing(sqlite3.connect(self.store, isolation_level=None)) as shell:
            shell.execute("BEGIN EXCLUSIVE")
            self.assertEqual(phone.register(f"{gone};expires=0", kept, expires=600).code, 200)
            wait_until(lambda: "calls go on" in self.said(), "the store has failed")
        wait_until(lambda: "store: back after" in self.said(), "the store is back")
        self.assertEqual([row["contact"] for row in self.alive()], ["sip:alice@192.0.2.2"])
        self.tandemd.kill()
        self.tandemd.start()
        self.assertEqual(list(bindings(phone.register())), ["sip:alice@192.0.2.2"])
        self.finish()

    def test_what_is_asked_is_kept_within_bounds(self):
        self.start_registrar("min_expires_s = 2\nmax_expires_s = 90\ncontacts_max = 3")
        phone = self.phone()
        brief = phone.register(phone.here(), expires=1)
        self.assertEqual((brief.code, brief.header("Min-Expires")), (423, "2"))
        self.assertEqual(list(bindings(phone.register(phone.here(), expires=4000000000)).values()), [90])
        self.assertEqual(list(bindings(phone.register(phone.here())).values()), [90])
        many = [f"<sip:alice@192.0.2.{n}>" for n in range(3)]
        self.assertEqual(phone.register(*many).code, 403)
        self.assertEqual(len(self.alive()), 1, "nothing of it has happened")
        self.assertEqual(phone.register(*many[:2], f"{phone.here()};expires=2").code, 200)
        wait_until(lambda: len(self.alive()) == 2, "the one that expires first has expired")
        wait_until(lambda: "registrar: expired" in self.said(), "the log says so")
        self.finish()

    def test_nobody_registers_for_somebody_else_or_elsewhere_or_by_a_wrong_password(self):
        self.start_registrar()
        mallory = self.phone("bob", "builder")
        self.assertEqual(mallory.register(mallory.here(), to=f"<sip:alice@{DOMAIN}>").code, 403)
        self.assertEqual(mallory.register(mallory.here(), password="secret-guess").code, 401)
        self.assertEqual(mallory.register(mallory.here(), to="<sip:bob@elsewhere.example>").code, 403)
        self.assertEqual(mallory.register().code, 200)
        replayed = phone_that_heard(mallory)
        self.assertEqual((replayed.code, "stale=true" in replayed.raw.decode()), (401, True))
        nobody = self.phone("nobody", "nothing")
        self.assertEqual(nobody.register(nobody.here()).code, 401)
        self.assertEqual(self.rows("SELECT * FROM binding"), [])
        for secret in ("builder", "secret-guess", "wonderland", "Digest", "response="):
            self.assertNotIn(secret, self.said())
        self.finish()

    def test_where_there_are_no_users_or_the_registrar_is_off_nobody_registers_until_a_reload(self):
        self.start(Route(9), domains=[DOMAIN])
        phone = self.phone()
        self.assertEqual(phone.register(phone.here()).code, 403)
        config = self.tandemd.config.read_text()

        def reload(sections):
            self.tandemd.config.write_text(config.replace("[store]", sections + "[store]"))
            seen = self.said().count("routes are in force")
            self.tandemd.signal(1)
            wait_until(lambda: self.said().count("routes are in force") > seen, "the reload")
        reload(registrar().replace(f'realm = "{DOMAIN}"\n', ""))  # it takes a restart
        self.assertEqual(phone.register(phone.here()).code, 200)
        reload(registrar(more="enabled = false"))
        self.assertEqual(phone.register(phone.here()).code, 403)
        self.finish()

    def test_thousand_parameters_of_a_contact_and_contacts_by_the_hundred_harm_nobody(self):
        self.start_registrar()
        phone = self.phone()
        params = "".join(f";p{n}={n}" for n in range(1000))
        self.assertEqual(phone.register(f"{phone.here()}{params}", expires=60).code, 200)
        self.assertLess(len(self.alive()[0]["contact"]), 200)
        uri = f"<sip:alice@{phone.raw.name}{params}>"
        self.assertIn(phone.register(uri, expires=60).code, (400, 413))
        self.assertEqual(phone.register(*[f"<sip:alice@192.0.2.1:{port}>" for port in range(1, 200)]).code, 403)
        self.assertEqual(phone.register(f"{phone.here()};expires=60;expires=70").code, 400)
        self.assertEqual(phone.register("<tel:+1234>").code, 400)
        self.assertEqual(len(bindings(phone.register())), 1)
        self.finish()

    def test_a_flood_without_credentials_costs_no_memory(self):
        self.start_registrar()
        phone = self.phone()
        self.assertEqual(phone.register(phone.here()).code, 200)

        def flood(count, first):
            for n in range(first, first + count):
                phone.user = f"user{n}"
                self.assertEqual(phone.ask([f"Contact: <sip:u{n}@192.0.2.1>"]).code, 401)
        flood(FLOOD // 10, 0)
        before = self.tandemd.resident_kb()
        flood(FLOOD, FLOOD)
        if not self.tandemd.is_sanitized:
            self.assertLess(self.tandemd.resident_kb() - before, 1000)
        phone.user = "alice"
        self.assertEqual(len(bindings(phone.register())), 1)
        self.finish()


if __name__ == "__main__":
    main()
