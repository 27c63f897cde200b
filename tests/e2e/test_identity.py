"""What crosses a call about who calls and why: asserted identities between trusted peers alone (RFC 3325), the rest as
it came."""
from harness import Cdr, Raw, Route, main
from sides import Parties

TRUSTED, STRANGER = "127.0.0.1", "127.0.0.2"
ASSERTED = ('P-Asserted-Identity: "Alice" <sip:+441@a.example>, <tel:+441>',
            "P-Preferred-Identity: <sip:+442@a.example>", "Privacy: id")


class Identity(Parties):
    def test_an_asserted_identity_passes_between_two_trusted_peers_and_to_or_from_nobody_else(self):
        callees = {host: Raw(host, tandemd_host=TRUSTED) for host in (TRUSTED, STRANGER)}
        self.start(*[Route(callees[host].port, f"^{name}$", host=host)
                     for name, host in (("friend", TRUSTED), ("other", STRANGER))], trusted=[f"{TRUSTED}/32"])
        self.raws = {"friend": callees[TRUSTED], "other": callees[STRANGER]}
        for raw in callees.values():
            raw.tandemd_port = self.tandemd.port
            self.addCleanup(raw.__exit__)
        for host in (TRUSTED, STRANGER):
            for name in self.raws:
                with self.subTest(f"from {host} to {name}"):
                    with Raw(host, self.tandemd.port, TRUSTED) as raw:
                        self.check(raw, name, host == TRUSTED and name == "friend")
        self.finish(*[Cdr("caller_bye", 200)] * 4)

    def check(self, raw, name, passes):
        caller, invite = self.send_invite(raw, name, headers=ASSERTED)
        callee, got = self.side_of(name)
        self.assertEqual(got.headers("P-Asserted-Identity"),
                         ['"Alice" <sip:+441@a.example>, <tel:+441>'] if passes else [])
        self.assertEqual(got.headers("P-Preferred-Identity"), [], "a wish to us, and we assert nothing")
        self.assertEqual(got.headers("Privacy"), ["id"])
        callee.answer(got, headers=["P-Asserted-Identity: <sip:+443@b.example>", "Privacy: none"])
        heard = self.accept(caller, invite)
        self.assertEqual(heard.headers("P-Asserted-Identity"), ["<sip:+443@b.example>"] if passes else [])
        self.assertEqual(heard.headers("Privacy"), ["none"])
        callee.request("ACK")
        for one, other in ((caller, callee), (callee, caller)):
            info, _ = self.passes(one, other, headers=["P-Asserted-Identity: <tel:+444>"])
            self.assertEqual(info.headers("P-Asserted-Identity"), ["<tel:+444>"] if passes else [])
        self.hang_up(caller, callee)


class History(Parties):
    """Diversion (RFC 5806), History-Info (RFC 7044) and Reason (RFC 3326): byte for byte, in their order."""
    HISTORY = ("History-Info: <sip:bob@b.example?Reason=SIP%3Bcause%3D302>;index=1, <sip:c@c.example>;index=1.1",
               "History-Info: <sip:d@d.example>;index=1.2;mp=1",
               "Diversion: \"Office\" <sip:x@y.example>;reason=no-answer;counter=1",
               "Diversion: <tel:+445>;reason=unconditional")

    def check(self, message, *lines):
        for name in dict.fromkeys(line.partition(": ")[0] for line in lines):
            values = [line.partition(": ")[2] for line in lines if line.startswith(f"{name}:")]
            self.assertEqual(message.headers(name), values)

    def test_they_pass_both_ways_in_requests_and_responses(self):
        self.open("bob")
        caller, invite = self.send_invite(self.phone(), "bob", headers=self.HISTORY)
        callee, got = self.side_of("bob")
        self.check(got, *self.HISTORY)
        callee.answer(got, 181, headers=self.HISTORY[::-1])
        self.check(caller.take(lambda m: m.code == 181), *self.HISTORY[::-1])
        callee.answer(got, headers=self.HISTORY)
        self.check(self.accept(caller, invite), *self.HISTORY)
        callee.request("ACK")
        reasons = ('Reason: SIP;cause=600;text="Busy Everywhere"', "Reason: Q.850;cause=31")
        bye = callee.send("BYE", headers=reasons)
        passed = caller.request("BYE")
        self.assertEqual(",".join(passed.headers("Reason")), 'SIP;cause=600;text="Busy Everywhere",Q.850;cause=31')
        caller.answer(passed)
        self.assertEqual(callee.final(bye).code, 200)
        self.finish(Cdr("callee_bye", 200, q850=31))

    def test_the_reason_of_a_cancel_reaches_who_rings(self):
        self.open("bob")
        caller, callee, invite, got = self.ring(self.phone(), "bob")
        reason = 'Reason: SIP;cause=200;text="Call completed elsewhere"'
        cancel = caller.send("CANCEL", cseq=1, Via=invite.header("Via"), To=invite.header("To"), headers=[reason])
        self.assertEqual(caller.final(cancel).code, 200)
        passed = callee.request("CANCEL")
        self.check(passed, reason)
        callee.answer(passed)
        callee.answer(got, 487)
        caller.raw.acknowledge(caller.final(invite))
        self.assertEqual(callee.request("ACK").cseq, got.cseq)
        self.finish(Cdr("cancelled", 487, rang=True))


if __name__ == "__main__":
    main()
