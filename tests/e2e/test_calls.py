"""Calls from INVITE to BYE, and calls that are refused: what passes, what is tandem's own, what is recorded."""
from harness import Cdr, EndToEnd, Route, main
from sipp import Message


class Calls(EndToEnd):
    def test_a_call_is_carried_tracked_and_recorded(self):
        """In one record, with both of its legs: field report [70]."""
        callee = self.callee("callee_basic", hold=600)
        self.start(callee.port)
        caller = self.caller("caller_basic", user="4930123", hold=600)
        caller.wait_for("INVITE", 200)
        self.assertTrue(self.dialogs(), "the call is in the store before its answer leaves (DESIGN section 3)")
        caller.finish()
        callee.finish()

        invite, leg_b = caller.sent("INVITE")[0], callee.received("INVITE")[0]
        self.assertEqual(leg_b.uri, f"sip:4930123@127.0.0.1:{callee.port}", "the user is kept, the host the target's")
        self.assertNotEqual(leg_b.call_id, invite.call_id)
        self.assertNotEqual(leg_b.tag("From"), invite.tag("From"))
        self.assertIsNone(leg_b.tag("To"))
        self.assertEqual(len(leg_b.headers("Via")), 1)
        self.assertIn(f"127.0.0.1:{self.tandemd.port}", leg_b.header("Via"))
        self.assertIn(f"127.0.0.1:{self.tandemd.port}", leg_b.header("Contact"))
        self.assertEqual(leg_b.header("Max-Forwards"), "69")
        self.assertIn('"Alice"', leg_b.header("From"))
        self.assertEqual(leg_b.body, invite.body)
        self.assertEqual(leg_b.header("Content-Type"), invite.header("Content-Type"))

        responses = [m for m in caller.received(code=None) + caller.messages(sent=False) if m.code]
        self.assertEqual([m.code for m in responses if m.method == "INVITE"][:3], [100, 180, 200])
        self.assertEqual(len(caller.received("INVITE", 100)), 1, "the callee's 100 stays between it and tandem")
        answer, leg_b_answer = caller.received("INVITE", 200)[0], callee.sent("INVITE", 200)[0]
        self.assertEqual(answer.body, leg_b_answer.body)
        self.assertEqual([via.partition(";")[0] for via in answer.headers("Via")],
                         [f"SIP/2.0/UDP 127.0.0.1:{caller.port}"])
        self.assertIn(f"127.0.0.1:{self.tandemd.port}", answer.header("Contact"))
        self.assertEqual(answer.tag("To"), caller.received("INVITE", 180)[0].tag("To"))
        self.assertNotEqual(answer.tag("To"), leg_b_answer.tag("To"))
        self.assertEqual(callee.received("ACK")[0].cseq, leg_b.cseq)
        self.assertGreater(callee.received("BYE")[0].cseq, leg_b.cseq)
        self.assertEqual(callee.received("BYE")[0].tag("To"), leg_b_answer.tag("To"))
        for message in callee.messages(sent=False):
            for theirs in (invite.call_id, invite.tag("From"), f"127.0.0.1:{caller.port};line=7"):
                self.assertNotIn(theirs.encode(), message.raw, "leg B knows nothing of leg A")

        record, = self.finish(Cdr("caller_bye", 200, caller, callee, rang=True))
        self.assertGreaterEqual(record["duration_us"], 500_000)
        self.assertIn("alice", record["from_uri"])
        self.assertIn("4930123", record["to_uri"])
        self.assertIn("4930123", record["request_uri"])
        self.assertIn("127.0.0.1", record["source"])

    def test_a_call_over_ipv6(self):
        caller, callee = self.call("caller_basic", "callee_basic", host="::1", hold=100)
        self.assertEqual(callee.received("INVITE")[0].uri, f"sip:bob@[::1]:{callee.port}")
        self.assertIn(f"[::1]:{self.tandemd.port}", callee.received("INVITE")[0].header("Contact"))
        record, = self.finish(Cdr("caller_bye", 200, caller, callee, rang=True))
        self.assertIn("::1", record["source"])

    def test_early_media_passes_with_its_sdp(self):
        caller, callee = self.call("caller_early_media", "callee_early_media")
        for code in (183, 180, 200):
            passed, sent = caller.received("INVITE", code)[0], callee.sent("INVITE", code)[0]
            self.assertEqual(passed.body, sent.body)
            self.assertEqual(passed.header("Content-Type"), sent.header("Content-Type"))
            self.assertEqual(passed.reason, sent.reason)
        self.finish(Cdr("caller_bye", 200, caller, callee, rang=True))

    def test_an_answer_may_come_without_ringing(self):
        caller, callee = self.call("caller_basic", "callee_answers_at_once", hold=100)
        self.finish(Cdr("caller_bye", 200, caller, callee, rang=False))

    def test_a_late_offer_goes_end_to_end(self):
        caller, callee = self.call("caller_makes_no_offer", "callee_makes_the_offer")
        self.assertEqual(callee.received("INVITE")[0].body, b"")
        self.assertEqual(caller.received("INVITE", 200)[0].body, callee.sent("INVITE", 200)[0].body)
        self.assertEqual(callee.received("ACK")[0].body, caller.sent("ACK")[0].body)
        self.assertEqual(callee.received("ACK")[0].header("Content-Type"), "application/sdp")
        self.finish(Cdr("caller_bye", 200, caller, callee))

    def test_a_retransmitted_invite_is_one_call(self):
        callee = self.callee("callee_basic")
        self.start(callee.port)
        with self.tandemd.raw() as raw:
            invite = raw.request("INVITE")
            copies = [invite] * 30
            for copy in copies:
                raw.send(copy)
            answer = raw.ask(invite)
            for copy in copies:
                raw.send(copy)
            self.assertEqual(answer.code, 200)
            invite = Message(invite)
            dialog = {"From": invite.header("From"), "To": answer.header("To"), "Call_ID": invite.call_id}
            contact = answer.header("Contact").partition("<")[2].partition(">")[0]
            raw.send(raw.request("ACK", uri=contact, **dialog))
            callee.wait_for("ACK")
            bye = raw.request("BYE", uri=contact, **dialog | {"CSeq": "2 BYE"})
            raw.send(bye)
            came = []
            while not came or came[-1].method != "BYE":
                came.append(raw.receive())
        callee.finish()
        copies = [m for m in came if m.method == "INVITE"]
        self.assertLessEqual({m.code for m in copies}, {100, 180, 200})
        self.assertLessEqual({m.tag("To") for m in copies if m.code > 100}, {answer.tag("To")})
        self.assertEqual(len({m.header("Via") for m in callee.received("INVITE")}), 1)
        self.finish(Cdr("caller_bye", 200, callee=callee, rang=True))

    def test_a_second_answer_is_acknowledged_and_hung_up(self):
        caller, callee = self.call("caller_basic", "callee_forks", hold=1500)
        first, second = (callee.sent("INVITE", 200)[0].tag("To"), callee.sent("INVITE", 200)[-1].tag("To"))
        self.assertNotEqual(first, second)
        byes = list(dict.fromkeys(m.tag("To") for m in callee.received("BYE")))
        self.assertEqual(byes, [second, first])
        self.assertEqual(len({m.tag("To") for m in caller.received("INVITE", 200)}), 1, "the caller sees one answer")
        self.finish(Cdr("caller_bye", 200, caller, callee))


class Routes(EndToEnd):
    def hops(self, message):
        return [value.rpartition("hop=")[2].strip("<>") for value in message.headers("Route")]

    def test_the_callees_route_set_is_kept(self):
        caller, callee = self.call("caller_basic", "callee_behind_proxies", hold=100)
        for method in ("ACK", "BYE"):
            request = callee.received(method)[0]
            self.assertEqual(self.hops(request), ["near", "far"], "Record-Route, reversed (RFC 3261 section 12.1.2)")
            self.assertEqual(request.uri, f"sip:bob@127.0.0.1:{callee.port};line=9")
        self.assertEqual(caller.received("INVITE", 200)[0].headers("Record-Route"), [], "leg A has a route of its own")
        self.finish(Cdr("caller_bye", 200, caller, callee))

    def test_the_callers_route_set_is_kept(self):
        caller, callee = self.call("caller_behind_proxies", "callee_hangs_up")
        invite, answer = caller.sent("INVITE")[0], caller.received("INVITE", 200)[0]
        self.assertEqual(answer.headers("Record-Route"), invite.headers("Record-Route"))
        self.assertEqual(callee.received("INVITE")[0].headers("Record-Route"), [])
        self.assertEqual(self.hops(caller.received("BYE")[0]), ["near", "far"])
        self.assertEqual(caller.received("BYE")[0].uri, f"sip:alice@127.0.0.1:{caller.port};line=7")
        self.finish(Cdr("callee_bye", 200, caller, callee))

    def test_the_first_route_that_matches_is_taken(self):
        callees = {user: self.callee("callee_basic") for user in ("4930", "44", "rest")}
        self.start(Route(callees["4930"].port, r"^\+?49(30)?1"), Route(callees["44"].port, r"^\+?44"),
                   Route(callees["rest"].port))
        for user, callee in (("+49301", "4930"), ("447", "44"), ("1234", "rest")):
            self.caller("caller_basic", user=user, hold=0).finish()
            callees[callee].finish()
            self.assertEqual(callees[callee].received("INVITE")[0].uri.partition("@")[0], f"sip:{user}")
        self.finish(*[Cdr("caller_bye", 200, callee=callee) for callee in callees.values()])

    def test_no_route_is_404(self):
        self.start(Route(self.ports.take(), "^49"))
        caller = self.caller("caller_refused", user="5551234", code=404)
        caller.finish()
        self.finish(Cdr("refused", 404, caller))


class Refusals(EndToEnd):
    def test_busy_keeps_its_reason_and_its_q850_cause(self):
        caller, callee = self.call("caller_refused", "callee_refuses", code=486, reason="Busy Here",
                                   headers='Reason: Q.850;cause=17;text="User busy"')
        refusal = caller.received("INVITE", 486)[0]
        self.assertEqual(refusal.reason, "Busy Here")
        self.assertRegex(refusal.header("Reason"), r"Q\.850\s*;\s*cause=17")
        self.assertEqual(len(caller.received("INVITE", 100)), 1)
        self.finish(Cdr("refused", 486, caller, callee, q850=17))

    def test_refusals_pass_with_code_reason_and_their_own_headers(self):
        cases = [(404, "Not Found", ""), (480, "Gone Fishing", ""), (500, "Server Internal Error", ""),
                 (488, "Not Acceptable Here", 'Warning: 305 bob "no"'), (503, "Service Unavailable", "Retry-After: 17"),
                 (600, "Busy Everywhere", ""), (603, "Decline", "")]
        callees = {code: self.callee("callee_refuses", code=code, reason=reason, headers=headers)
                   for code, reason, headers in cases}
        self.start(*[Route(callee.port, f"^{code}$") for code, callee in callees.items()])
        callers = {code: self.caller("caller_refused", user=str(code), code=code) for code in callees}
        for code, reason, header in cases:
            callers[code].finish()
            callees[code].finish()
            refusal = callers[code].received("INVITE", code)[0]
            self.assertEqual(refusal.reason, reason)
            if header:
                name, _, value = header.partition(": ")
                self.assertEqual(refusal.header(name), value)
        self.finish(*[Cdr("refused", code, callers[code], callees[code], rang=False) for code in callees])


if __name__ == "__main__":
    main()
