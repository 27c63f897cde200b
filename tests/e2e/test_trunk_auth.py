"""A trunk that challenges: tandem answers for the caller, who hears nothing of it. The numbers in brackets are field
reports (PEERS.md 4.4): what goes wrong elsewhere when a request goes again with credentials.

Each trunk is a SIPp that checks the credentials (MD5) and the CSeq of every request itself; what it got is checked once
more here, from its trace: that a nonce is counted up, that the Request-URI is the one, and that nothing is repeated.
"""
import hashlib
import re

from harness import Cdr, EndToEnd, Route, main
from sides import Side, target_of

USER, PASSWORD = "tandem", "geheim"


def challenge(code=401, nonce="n1", realm="carrier", more=""):
    name = "WWW-Authenticate" if code == 401 else "Proxy-Authenticate"
    return f'{name}: Digest realm="{realm}", nonce="{nonce}", qop="auth", algorithm=MD5{more}'


def verify(code=401, user=USER, password=PASSWORD):
    """What SIPp can check, and can not: it looks for no Proxy-Authorization. Those check_credentials() checks alone."""
    if code == 401:
        return f'<verifyauth assign_to="valid" username="{user}" password="{password}"/>'
    return '<ereg regexp="Digest .*response=" search_in="hdr" header="Proxy-Authorization:" assign_to="valid"/>'


class TrunkAuth(EndToEnd):
    def start_with(self, *callees, more="", accounts=None, **settings):
        """tandemd, with a route to a trunk for each of them, in order."""
        names = [f"carrier{number}" for number in range(len(callees))]
        trunks = ""
        for name, callee, (user, password) in zip(names, callees, accounts or [(USER, PASSWORD)] * len(callees)):
            trunks += (f'[[trunk]]\nname = "{name}"\nuri = "sip:127.0.0.1:{callee.port}"\n'
                       f'username = "{user}"\npassword = "{password}"\n')
        route = Route(0)
        to = ", ".join(f'"{name}"' for name in names)
        route.toml = lambda host: f"[[route]]\nto = [{to}]\nring_timeout_ms = 20000\n{more}\n"
        self.start(route, profiles=trunks, **settings)

    def end_calls(self, *arguments, **settings):
        """And no secret is left anywhere (and of a password there is none but in the configuration)."""
        records = super().end_calls(*arguments, **settings)
        for path in self.folder.iterdir():
            if path.name.startswith(("tandemd-", "tandem.db")):
                self.assertNotRegex(path.read_bytes(), rb"geheim|Digest |response=", path.name)
        return records

    def check_credentials(self, trunk, user=USER, password=PASSWORD):
        """Of every request that has some: the right answer, and each number of a nonce once; gives these by nonce."""
        used, invites, branches = {}, {}, set()
        for request in {m.raw: m for m in trunk.messages(sent=False, request=True)}.values():
            if request.method == "ACK" and request.branch not in branches:
                self.assertIn((request.call_id, request.cseq), invites, "the ACK of a 2xx follows its INVITE")
                self.assertIn(b"uthorization: ", request.raw)
            branches.add(request.branch)
            for line in request.headers("Authorization") + request.headers("Proxy-Authorization"):
                found = re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', line.partition("Digest ")[2])
                value = {name: quoted or bare for name, quoted, bare in found}
                method = "INVITE" if request.method == "ACK" else request.method
                if method == "INVITE":  # its ACK repeats them (RFC 3261 section 22.1)
                    self.assertEqual(invites.setdefault((request.call_id, request.cseq), line), line)

                def md5(*parts):
                    return hashlib.md5(":".join(parts).encode()).hexdigest()
                expected = md5(md5(user, value["realm"], password), value["nonce"], value["nc"], value["cnonce"],
                               value["qop"], md5(method, value["uri"]))
                self.assertEqual(value["response"], expected, request)
                if request.method != "ACK":
                    self.assertEqual(value["uri"], request.uri)
                    counts = used.setdefault(value["nonce"], [])
                    counts.append(int(value["nc"], 16))
        for nonce, counts in used.items():
            self.assertEqual(counts, list(range(1, len(counts) + 1)), nonce)
        return used

    def check_numbers(self, trunk):
        """Each request but ACK and CANCEL has a number of its own, the next one, and who calls is the same: [58]."""
        numbers = {}
        for request in {m.raw: m for m in trunk.messages(sent=False, request=True)}.values():
            if request.method not in ("ACK", "CANCEL"):
                numbers.setdefault((request.call_id, request.tag("From")), []).append(request.cseq)
        for call, sent in numbers.items():
            self.assertEqual(sent, list(range(1, len(sent) + 1)), call)

    def check(self, caller, trunk, *nonces):
        """The caller has heard nothing, and the trunk got credentials for just these nonces."""
        self.check_caller(caller)
        self.check_numbers(trunk)
        self.assertEqual(list(self.check_credentials(trunk)), list(nonces))

    def call_trunk(self, caller, trunk, accounts=None, more="", timers=(), **values):
        """One call to a trunk, as both scenarios say."""
        values = {"invite": challenge(), "verify": verify(), "silence": 0, "code": 401, "again": ""} | values
        trunk = self.callee(trunk, **values)
        self.start_with(trunk, accounts=accounts, more=more, timers=timers)
        caller = self.caller(caller, **values)
        for sipp in (caller, trunk):
            sipp.finish()
        return caller, trunk

    def check_caller(self, caller):
        """He never hears of a challenge, nor of credentials."""
        for message in caller.messages(sent=False):
            self.assertNotIn(message.code, (401, 407))
            self.assertNotRegex(message.raw, rb"(?i)authenticat|authoriz|digest")

    def challenge_each(self, code):
        names = ("invite", "reinvite", "update", "info", "refer", "bye")
        caller, trunk = self.call_trunk("caller_does_each", "trunk_challenges_each", more='refer = "pass"', code=code,
                                        verify=verify(code), **{name: challenge(code, f"n-{name}") for name in names})
        self.check(caller, trunk, *[f"n-{name}" for name in names])
        bodies = [m.body for m in trunk.received("INVITE")]
        self.assertEqual(bodies, [bodies[0]] * 2 + [bodies[2]] * 2)
        self.finish(Cdr("caller_bye", 200, caller, trunk))

    def test_each_request_of_a_call_is_challenged_401(self):
        """INVITE and both kinds of ACK, re-INVITE, UPDATE, INFO, REFER, BYE: [53], [54], [55], [57], [60], [63]."""
        self.challenge_each(401)

    def test_each_request_of_a_call_is_challenged_407(self):
        """The same by a proxy: [53], [54], [55], [57], [60], [63]."""
        self.challenge_each(407)

    def check_pracks(self, caller, trunk):
        self.check(caller, trunk, "n1", "n2")
        self.assertEqual([m.header("RAck") for m in trunk.received("PRACK")], ["7001 2 INVITE"] * 2)
        self.finish(Cdr("caller_bye", 200, caller, trunk, rang=True))

    def test_the_rack_of_a_prack_names_the_invite_that_was_authenticated(self):
        """Also where the PRACK is challenged itself; and the BYE has the next number: [57], [59], [63]."""
        self.check_pracks(*self.call_trunk("caller_acknowledges_progress", "trunk_progresses_reliably", code=183,
                                           support="Supported", prack=challenge(nonce="n2")))

    def test_a_prack_of_tandems_own_is_challenged(self):
        """[59], [61]."""
        self.check_pracks(*self.call_trunk("caller_gets_the_early_answer", "trunk_progresses_reliably",
                                           prack=challenge(nonce="n2")))

    def test_a_bye_of_tandems_own_has_the_next_number(self):
        """Of a call that nobody hangs up: [61], [62]."""
        caller, trunk = self.call_trunk("caller_is_hung_up", "trunk_challenges_tandem", bye=challenge(nonce="n2"),
                                        timers={"max_duration_ms": 700})
        self.check(caller, trunk, "n1", "n2")
        self.finish(Cdr("expired", 200, caller, trunk))

    def test_the_ack_of_a_refusal_has_the_number_of_the_authenticated_invite(self):
        """[55]."""
        caller, trunk = self.call_trunk("caller_refused", "trunk_refuses", code=486)
        self.check(caller, trunk, "n1")
        self.finish(Cdr("refused", 486, caller, trunk))

    def test_a_cancel_goes_to_the_authenticated_invite(self):
        caller, trunk = self.call_trunk("caller_cancels", "trunk_is_cancelled", code=487)
        self.check(caller, trunk, "n1")
        first, again = trunk.received("INVITE")
        self.assertEqual(trunk.received("CANCEL")[0].header("Via"), again.header("Via"))
        self.assertNotEqual(first.branch, again.branch)
        self.finish(Cdr("cancelled", 487, caller, trunk, rang=True))

    def test_a_cancel_while_the_authenticated_invite_is_not_answered_waits_for_its_ringing(self):
        """And what is challenged once more then goes no more."""
        caller, trunk = self.call_trunk("caller_cancels_before_ringing", "trunk_is_cancelled", patience=150,
                                        silence=400, code=401, again=challenge(nonce="n2", more=", stale=true"))
        self.check(caller, trunk, "n1")
        self.finish(Cdr("cancelled", 487, caller, trunk))

    def test_a_challenge_after_the_cancel_is_not_answered(self):
        caller, trunk = self.call_trunk("caller_cancels_before_ringing", "trunk_challenges_too_late", patience=150)
        self.check(caller, trunk)
        self.finish(Cdr("cancelled", 487, caller, trunk))

    def test_a_caller_who_repeats_his_invite_while_the_authenticated_one_is_out(self):
        """He hears what he heard before, the trunk nothing, and what tandem repeats is the same each time: [52]."""
        trunk = self.callee("trunk_challenges_once", invite=challenge(), verify=verify(), silence=1200)
        self.start_with(trunk)
        with self.tandemd.raw() as raw:
            invite = raw.request("INVITE")
            raw.send(invite)
            raw.receive_code(100)
            for _ in range(5):
                trunk.wait_for("ACK")
                raw.send(invite)
                self.assertEqual(raw.receive().code, 100)
            answer = raw.receive_code(200)
            side = Side(raw, answer.header("From"), answer.header("To"), answer.call_id, target_of(answer), 1)
            side.send("ACK", cseq=1)
            self.assertEqual(side.final(side.send("BYE")).code, 200)
        trunk.finish()
        first, *again = trunk.received("INVITE")
        self.assertEqual((first.cseq, len(again), len({m.raw for m in again})), (1, 2, 1), "at once and after 500 ms")
        self.check_numbers(trunk)
        self.check_credentials(trunk)
        self.finish(Cdr("caller_bye", 200, callee=trunk))

    def test_the_next_carrier_has_its_own_numbers_and_credentials(self):
        """Hunting from one that was authenticated and is full: [56]."""
        first = self.callee("trunk_refuses", invite=challenge(nonce="of-a"), verify=verify(), code=503, again="")
        other = "someone", "anders"
        second = self.callee("trunk_challenges_once", invite=challenge(nonce="of-b"), verify=verify(401, *other),
                             silence=0)
        self.start_with(first, second, accounts=[(USER, PASSWORD), other])
        caller = self.caller("caller_basic", hold=100)
        for sipp in (caller, first, second):
            sipp.finish()
        self.check(caller, first, "of-a")
        self.check_numbers(second)
        self.assertEqual(list(self.check_credentials(second, *other)), ["of-b"])
        self.assertNotIn(b"Authorization", second.received("INVITE")[0].raw)
        self.finish(Cdr("caller_bye", 200, caller, second))

    def test_credentials_that_are_refused_are_503_and_the_record_says_why(self):
        caller, trunk = self.call_trunk("caller_refused", "trunk_challenges_twice", accounts=[(USER, "falsch")],
                                        invite=challenge(407), again=challenge(407, "n2"), code=503, trunk_code=407)
        self.check_caller(caller)
        self.check_numbers(trunk)
        self.finish(Cdr("refused", 407, caller, trunk))

    def test_credentials_that_are_refused_let_the_next_carrier_ring(self):
        first = self.callee("trunk_challenges_twice", invite=challenge(), again=challenge(nonce="n2"), trunk_code=401)
        second = self.callee("callee_basic")
        self.start_with(first, second)
        caller = self.caller("caller_basic", hold=100)
        for sipp in (caller, first, second):
            sipp.finish()
        self.check_caller(caller)
        self.finish(Cdr("caller_bye", 200, caller, second))

    def test_the_nonce_serves_the_next_call_until_it_is_stale(self):
        values = {"invite": challenge(), "verify": verify(), "silence": 0}
        trunk = self.callee("trunk_challenges_once", **values)
        self.start_with(trunk)

        def call(trunk):
            caller = self.caller("caller_basic", hold=100)
            for sipp in (caller, trunk):
                sipp.finish()
            self.check_caller(caller)
            self.check_numbers(trunk)
            return Cdr("caller_bye", 200, caller)
        cdrs = [call(trunk)]
        self.assertEqual(self.check_credentials(trunk), {"n1": [1, 2]})
        trunk = self.callee("trunk_challenges_never", port=trunk.port, **values)
        cdrs.append(call(trunk))
        trunk = self.callee("trunk_challenges_once", port=trunk.port,
                            **values | {"invite": challenge(nonce="n2", more=", stale=true")})
        cdrs.append(call(trunk))
        self.assertIn('nonce="n1"', trunk.received("INVITE")[0].header("Authorization"))
        self.finish(*cdrs)


if __name__ == "__main__":
    main()
