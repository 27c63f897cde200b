"""Who would take a user's place, or the registrar's time and memory: REGISTERs that are to be refused, while a phone is
registered that is to stay so. No secret of theirs or ours is in the log or in the store afterwards."""
import hashlib
import re

from harness import EndToEnd, Raw, Route, main
from registering import DOMAIN, Registering, bindings, credentials, registrar
from sipp import wait_until

PASSWORDS = {"alice": "wonderland-7", "bob": "builder-7"}
GUESS = "guess-of-mallory-7"
MALLORY = "<sip:mallory@192.0.2.66:5062>"
URI = f"sip:{DOMAIN}"
SOURCES = 2000  # of a flood


class Recorded(Raw):
    """It remembers what it has sent."""
    def __init__(self, *where):
        super().__init__(*where)
        self.sent = []

    def send(self, data):
        self.sent.append(data)
        super().send(data)


class Hostile(EndToEnd):
    def config(self, *arguments, **settings):
        return super().config(*arguments, **settings).replace('level = "info"', 'level = "debug"')

    def start_registrar(self, more="", **settings):
        users = ", ".join(f'{user} = "{password}"' for user, password in PASSWORDS.items())
        self.start(Route(9), profiles=registrar(f"{{ {users} }}", more), domains=[DOMAIN], **settings)
        self.phones = []
        self.alice = self.phone()
        self.assertEqual(self.alice.register(self.alice.here(), expires=3000).code, 200)
        self.row, = self.rows("SELECT * FROM binding")

    def phone(self, user="alice", host="127.0.0.1"):
        raw = Recorded(host, self.tandemd.port, self.tandemd.host)
        self.addCleanup(raw.__exit__)
        phone = Registering(raw, user, PASSWORDS.get(user, GUESS))
        phone.cseq = 1000  # lower ones are there to be tried
        self.phones.append(phone)
        return phone

    def line(self, phone, method="REGISTER", uri=URI, user=None):
        """Right credentials that nobody has used yet."""
        user = user or phone.user
        return credentials(phone.ask([]), method, uri, user, PASSWORDS[user])

    def check_unharmed(self):
        """The binding of alice's phone is what it was, and the only one."""
        self.assertEqual(self.rows("SELECT * FROM binding WHERE NOT is_over"), [self.row])
        fetched = self.alice.register()
        self.assertEqual((fetched.code, list(bindings(fetched))), (200, [self.alice.here().strip("<>")]))

    def end(self):
        self.check_unharmed()
        sent = b"".join(data for phone in self.phones for data in phone.raw.sent)
        self.finish()
        secrets = [*PASSWORDS.values(), GUESS]
        secrets += re.findall(r'(?:response|nonce)="(\w{16,})"', sent.decode(errors="replace"))
        for user, password in PASSWORDS.items():
            text = f"{user}:{DOMAIN}:{password}".encode()
            secrets += [hashlib.md5(text).hexdigest(), hashlib.sha256(text).hexdigest()]
        self.assertGreater(len(secrets), 10)
        files = [*self.folder.glob("tandemd-*"), *self.folder.glob("tandem.db*")]
        self.assertGreater(len(files), 1)
        for file in files:
            held = file.read_bytes()
            for secret in secrets:
                self.assertNotIn(secret.encode(), held, f"in {file.name}")
            self.assertNotIn(b"Digest", held, f"in {file.name}")

    def refused(self, answer, *codes):
        self.assertIn(answer.code, codes, answer.raw)
        self.assertEqual(answer.headers("Contact"), [])
        self.assertEqual(self.rows("SELECT * FROM binding WHERE NOT is_over"), [self.row])

    def test_what_was_overheard_is_no_use_for_another_request_or_another_time(self):
        self.start_registrar("challenge_calls = true")
        mallory = self.phone(host="127.0.0.2")
        used = re.search(r"Authorization: .*", self.alice.last.decode())[0].strip()
        for to in (None, f"<sip:bob@{DOMAIN}>"):
            replayed = mallory.ask([f"Contact: {MALLORY}", used], to)
            self.refused(replayed, 401)
            self.assertIn("stale=true", replayed.raw.decode())
        # The phone's request was lost, and its credentials are still good: for what it asked.
        fresh = self.line(self.alice)
        self.refused(mallory.ask([f"Contact: {MALLORY}", fresh], f"<sip:bob@{DOMAIN}>"), 403)
        fresh = self.line(self.alice)
        elsewhere = mallory.request([f"Contact: {MALLORY}", fresh]).replace(
            f"REGISTER {URI} ".encode(), b"REGISTER sip:sub.example.com ")
        self.refused(mallory.raw.ask(elsewhere), 400)
        changed = fresh.replace(f'uri="{URI}"', 'uri="sip:sub.example.com"')
        self.refused(mallory.ask([f"Contact: {MALLORY}", changed]), 401)
        self.refused(mallory.ask([f"Contact: {MALLORY}", fresh.replace('username="alice"', 'username="bob"')],
                                 f"<sip:bob@{DOMAIN}>"), 401)
        self.refused(mallory.ask([f"Contact: {MALLORY}", fresh.replace("nc=00000001", "nc=00000002")]), 401)
        call = mallory.raw.request("INVITE", uri=URI, headers=[fresh.replace("Authorization", "Proxy-Authorization")],
                                   From=f"<sip:alice@{DOMAIN}>;tag=m")
        self.assertEqual(mallory.raw.ask(call).code, 407)
        self.end()

    def test_a_nonce_ends_with_its_time_and_the_phone_goes_on_without_a_question(self):
        self.start_registrar("nonce_s = 1")
        phone = self.phone("bob")
        self.assertEqual(phone.register().code, 200)
        answers = []

        def is_over():
            answers.append(phone.register(send_ahead=True))
            return answers[-1].code == 401
        wait_until(is_over, "the nonce is over")
        self.assertIn("stale=true", answers[-1].raw.decode())
        self.assertEqual({answer.code for answer in answers[:-1]}, {200})
        self.assertEqual(phone.register().code, 200)
        self.end()

    def test_credentials_out_of_grammar_get_no_further_than_their_refusal(self):
        self.start_registrar()
        mallory = self.phone()
        good = self.line(mallory)
        name = 'username="alice"'
        for bad, codes in {'username="al%0d%0aX-Evil: 1"': (401,), 'username="al%00ice"': (401,),
                           'username="al\\\r\n ice"': (401,), 'username="al\\\r\nX-Evil: 1\r\n ice"': (400, 401),
                           'username="al\\\x00ice"': (400,), 'username="al\\"ice"': (401,), 'username="alice': (400,),
                           'username="' + 8000 * "a" + '"': (400,), name + ", " + name: (400,),
                           name + 2000 * ", x=1": (400, 401), 'username=""': (401,),
                           name + ', userhash=true': (400,)}.items():
            with self.subTest(bad[:30]):
                answer = mallory.ask([f"Contact: {MALLORY}", good.replace(name, bad)])
                self.refused(answer, *codes)
                self.assertNotIn("Evil", answer.raw.decode())
        for value in ("Digest", "Digest ,", "Basic YWxpY2U6eA==", "Digest =", 'Digest realm="example.com"', "\xff\xfe"):
            with self.subTest(value):
                self.refused(mallory.ask([f"Contact: {MALLORY}", f"Authorization: {value}"]), 400, 401)
        self.refused(mallory.ask([f"Contact: {MALLORY}", *200 * ['Authorization: Digest realm="x"']]), 400, 401)
        self.end()

    def test_star_stands_alone_and_only_with_an_expiry_of_zero(self):
        self.start_registrar()
        for contacts, expires in ((["*"], None), (["*"], 1), (["*"], -1), (["*"], 4294967296), (["*;expires=0"], None),
                                  (["*", self.alice.here()], 0), ([self.alice.here(), "*"], 0), (["*, *"], 0)):
            with self.subTest(contacts=contacts, expires=expires):
                self.refused(self.alice.register(*contacts, expires=expires), 400)
        self.end()

    def test_an_expiry_that_overflows_is_an_hour_or_the_most_there_is(self):
        self.start_registrar("max_expires_s = 4000")
        phone = self.phone("bob")
        for text, seconds in {"4294967296": 4000, "18446744073709551617": 4000, 3000 * "9": 4000, "-1": 3600,
                              "-4294967295": 3600, "0x10": 3600, "1e3": 3600}.items():
            with self.subTest(text[:24]):
                contact = f"{phone.here()};expires={text}"
                self.assertEqual(list(bindings(phone.register(contact)).values()), [seconds])
                self.assertEqual(list(bindings(phone.register(phone.here(), expires=text)).values()), [seconds])
        self.assertEqual(phone.register("*", expires=0).code, 200)
        self.end()

    def test_one_bad_contact_refuses_the_good_ones_beside_it(self):
        self.start_registrar()
        gone = f"{self.alice.here()};expires=0"
        for bad in (f"{MALLORY};q=1.001", f"{MALLORY};q=-1", f"{MALLORY};q=0.12345", f"{MALLORY};q=high",
                    f"{MALLORY};expires=60;expires=70", "<sip:mallory@[::1>", "<sip:mallory@192.0.2.66",
                    "<tel:+4930123>", "<>", f"{MALLORY};reg-id=0", "<sip:m@h\x01>", "<sip:m@h%0d%0aX-Evil:1>"):
            with self.subTest(bad):
                self.refused(self.alice.register(gone, bad), 400)
        self.end()

    def test_contacts_by_the_thousand_are_refused_whole(self):
        self.start_registrar("contacts_max = 32")
        many = [f"<sip:a{n}@192.0.2.1>" for n in range(1000)]
        self.refused(self.alice.register(", ".join(many[:500]), ", ".join(many[500:])), 403)
        self.refused(self.alice.register(*many[:200]), 403)
        self.refused(self.alice.register(*200 * [MALLORY]), 403)
        self.refused(self.alice.register(*many[:300]), 400)  # more lines than may be
        self.refused(self.alice.register(", ".join(900 * [MALLORY])), 400)  # a line longer than may be
        self.alice.raw.send(self.alice.request([f"Contact: {contact}" for contact in many]))
        self.assertIsNone(self.alice.raw.receive(0.2), "so many that nobody answers")
        self.end()

    def test_a_cseq_too_low_changes_nothing(self):
        self.start_registrar()
        tries = (([f"{self.alice.here()};expires=0", MALLORY], None), (["*"], 0), ([self.alice.here()], 60))
        for n, (contacts, expires) in enumerate(tries):
            for cseq in (0, 500, self.row["cseq"] - 8):
                self.alice.cseq = cseq + 2 * n  # none twice: that would be a loop
                self.refused(self.alice.register(*contacts, expires=expires), 500)
        self.alice.cseq = 2000
        self.end()

    def test_a_flood_from_everywhere_costs_no_memory_and_no_binding(self):
        self.start_registrar()

        def flood(first, count):
            for n in range(first, first + count):
                with Raw(f"127.{1 + n // 62500}.{n // 250 % 250}.{1 + n % 250}", self.tandemd.port, "127.0.0.1") as raw:
                    phone = Registering(raw, "alice", GUESS)
                    self.assertEqual(phone.register(MALLORY).code, 401)  # without credentials, and with wrong ones
                    self.assertEqual(phone.ask([f"Contact: {MALLORY}"], f"<sip:u{n}@elsewhere.example>").code, 403)
                    self.assertEqual(phone.ask([f"Contact: {MALLORY}", 'Authorization: Digest realm="x']).code, 400)
        flood(0, SOURCES)
        before = self.tandemd.resident_kb()
        flood(SOURCES, 2 * SOURCES)
        if not self.tandemd.is_sanitized:
            self.assertLess(self.tandemd.resident_kb() - before, 1000)
        lines = re.findall(r".*trust: .*", self.said())
        self.assertIn(len(lines), (1, 2, 3), "one a minute")
        self.assertLess(len(self.said()), 5000)
        self.end()


if __name__ == "__main__":
    main()
