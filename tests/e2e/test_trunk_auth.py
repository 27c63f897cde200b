"""A trunk that challenges: tandem answers for the caller, who hears nothing of it. The numbers in brackets are field
reports (PEERS.md 4.4): what goes wrong elsewhere when a request goes again with credentials.

Each trunk is a SIPp that checks the credentials (MD5) and the CSeq of every request itself; what it got is checked once
more here, from its trace: that a nonce is counted up, that the Request-URI is the one, and that nothing is repeated.
"""
import hashlib
import re

from harness import Cdr, EndToEnd, Route, main

USER, PASSWORD = "tandem", "geheim"


def challenge(code=401, nonce="n1", realm="carrier", more=""):
    name = "WWW-Authenticate" if code == 401 else "Proxy-Authenticate"
    return f'{name}: Digest realm="{realm}", nonce="{nonce}", qop="auth", algorithm=MD5{more}'


# What SIPp can check, and can not: it looks for no Proxy-Authorization. Those are checked by check_credentials() alone.
VERIFY = {401: f'<verifyauth assign_to="valid" username="{USER}" password="{PASSWORD}"/>',
          407: '<ereg regexp="Digest .*response=" search_in="hdr" header="Proxy-Authorization:" assign_to="valid"/>'}


class TrunkAuth(EndToEnd):
    def trunk(self, name, callee, password=PASSWORD):
        return (f'[[trunk]]\nname = "{name}"\nuri = "sip:127.0.0.1:{callee.port}"\n'
                f'username = "{USER}"\npassword = "{password}"\n')

    def start_with(self, *callees, more="", **settings):
        """tandemd, with a route to a trunk for each of them, in order."""
        names = [f"carrier{number}" for number in range(len(callees))]
        trunks = "".join(self.trunk(name, callee) for name, callee in zip(names, callees))
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

    def check_credentials(self, trunk):
        """Of every request that has some: the right answer, and each number of a nonce once; gives these by nonce."""
        used, invites = {}, {}
        for request in {m.raw: m for m in trunk.messages(sent=False, request=True)}.values():
            for line in request.headers("Authorization") + request.headers("Proxy-Authorization"):
                found = re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', line.partition("Digest ")[2])
                value = {name: quoted or bare for name, quoted, bare in found}
                method = "INVITE" if request.method == "ACK" else request.method
                if method == "INVITE":  # its ACK repeats them (RFC 3261 section 22.1)
                    self.assertEqual(invites.setdefault((request.call_id, request.cseq), line), line)

                def md5(*parts):
                    return hashlib.md5(":".join(parts).encode()).hexdigest()
                expected = md5(md5(USER, value["realm"], PASSWORD), value["nonce"], value["nc"], value["cnonce"],
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
        """Each request but ACK and CANCEL has a number of its own, in one call above the one before."""
        numbers = {}
        for request in {m.raw: m for m in trunk.messages(sent=False, request=True)}.values():
            if request.method not in ("ACK", "CANCEL"):
                numbers.setdefault(request.call_id, []).append(request.cseq)
        for call_id, sent in numbers.items():
            self.assertEqual(sent, list(range(1, len(sent) + 1)), call_id)

    def check_caller(self, caller):
        """He never hears of a challenge, nor of credentials."""
        for message in caller.messages(sent=False):
            self.assertNotIn(message.code, (401, 407))
            self.assertNotRegex(message.raw, rb"(?i)authenticat|authoriz|digest")

    def challenge_each(self, code):
        names = ("invite", "reinvite", "update", "info", "refer", "bye")
        trunk = self.callee("trunk_challenges_each", code=code, verify=VERIFY[code],
                            **{name: challenge(code, f"n-{name}") for name in names})
        self.start_with(trunk, more='refer = "pass"')
        caller = self.caller("caller_does_each")
        for sipp in (caller, trunk):
            sipp.finish()
        self.check_caller(caller)
        self.check_numbers(trunk)
        self.assertEqual(set(self.check_credentials(trunk)), {f"n-{name}" for name in names})
        bodies = [m.body for m in trunk.received("INVITE")]
        self.assertEqual(bodies, [bodies[0]] * 2 + [bodies[2]] * 2)
        self.finish(Cdr("caller_bye", 200, caller, trunk))

    def test_each_request_of_a_call_is_challenged_401(self):
        """INVITE and both kinds of ACK, re-INVITE, UPDATE, INFO, REFER, BYE: [53], [54], [55], [57], [60], [63]."""
        self.challenge_each(401)

    def test_each_request_of_a_call_is_challenged_407(self):
        """The same by a proxy: [53], [54], [55], [57], [60], [63]."""
        self.challenge_each(407)


if __name__ == "__main__":
    main()
