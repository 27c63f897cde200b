"""Requests within a call: BYE from either side and both, re-INVITE, UPDATE, INFO, and those that only pass."""
from harness import BYES, Cdr, EndToEnd, main
from sides import Parties, described, target_of


class Bye(EndToEnd):
    def test_the_callee_hangs_up(self):
        caller, callee = self.call("caller_is_hung_up", "callee_hangs_up")
        self.assertRegex(caller.received("BYE")[0].header("Reason"), r"Q\.850\s*;\s*cause=16")
        self.assertEqual(caller.received("BYE")[0].tag("To"), caller.sent("INVITE")[0].tag("From"))
        self.assertEqual(caller.received("BYE")[0].tag("From"), caller.received("INVITE", 200)[0].tag("To"))
        self.finish(Cdr("callee_bye", 200, caller, callee, rang=True, q850=16))

    def test_the_callees_bye_crosses_the_callers(self):
        caller, callee = self.call("caller_basic", "callee_bye_crosses", hold=100)
        self.finish(Cdr(BYES, 200, caller, callee))

    def test_the_callers_bye_crosses_the_callees(self):
        caller, callee = self.call("caller_bye_crosses", "callee_hangs_up")
        self.finish(Cdr(BYES, 200, caller, callee))


class Sessions(EndToEnd):
    def assert_passed(self, sender, receiver, method, code=None):
        """Every such message that one side sent came to the other, in order, body and type byte for byte."""
        def contents(messages):
            by_cseq = {m.cseq: (m.header("Content-Type"), m.body) for m in messages}
            return list(by_cseq.values())
        sent = contents(sender.sent(method, code))
        self.assertTrue(sent)
        self.assertEqual(contents(receiver.received(method, code)), sent)

    def assert_rising(self, *sides):
        """The CSeq of every request that tandem sent within a call is above the one before."""
        for side in sides:
            numbers = [m.cseq for m in side.messages(sent=False, request=True) if m.method not in ("ACK", "CANCEL")]
            unique = list(dict.fromkeys(numbers))
            self.assertEqual(unique, sorted(unique))

    def test_the_caller_holds_and_resumes(self):
        caller, callee = self.call("caller_holds_and_resumes", "callee_is_held_and_resumed")
        self.assertEqual(len({m.cseq for m in callee.received("INVITE")}), 3)
        self.assert_passed(caller, callee, "INVITE")
        self.assert_passed(callee, caller, "INVITE", 200)
        self.assertEqual(len({m.cseq for m in callee.received("ACK")}), 3)
        self.assertEqual(len({(m.tag("From"), m.tag("To")) for m in callee.received("INVITE")[1:]}), 1)
        self.assert_rising(caller, callee)
        self.finish(Cdr("caller_bye", 200, caller, callee))

    def test_the_callee_holds(self):
        caller, callee = self.call("caller_is_held", "callee_holds")
        self.assert_passed(callee, caller, "INVITE")
        self.assert_passed(caller, callee, "INVITE", 200)
        self.assertIn(f"127.0.0.1:{self.tandemd.port}", caller.received("INVITE")[0].header("Contact"))
        self.assert_rising(caller, callee)
        self.finish(Cdr("callee_bye", 200, caller, callee))

    def test_a_refused_reinvite_leaves_the_call_as_it_was(self):
        caller, callee = self.call("caller_offer_is_refused", "callee_refuses_the_offer")
        refusal = caller.received("INVITE", 488)[0]
        self.assertEqual(refusal.reason, "Not Acceptable Here")
        self.assertIn("media type not available", refusal.header("Warning"))
        self.finish(Cdr("caller_bye", 200, caller, callee))

    def test_info_and_update_pass_both_ways(self):
        caller, callee = self.call("caller_sends_info_and_update", "callee_sends_info_and_update")
        for method in ("INFO", "UPDATE"):
            self.assert_passed(caller, callee, method)
            self.assert_passed(callee, caller, method)
        self.assert_passed(caller, callee, "UPDATE", 200)
        self.assert_passed(callee, caller, "UPDATE", 200)
        self.assert_rising(caller, callee)
        self.finish(Cdr("caller_bye", 200, caller, callee))


class Passing(Parties):
    """Requests that mean nothing to tandem go end to end, and so do their answers."""

    def begin(self):
        self.open("bob")
        return self.talk(self.phone(), "bob", described("alice", 4000), described("bob", 4001))

    def test_each_method_with_its_headers_and_its_body_both_ways(self):
        caller, callee = self.begin()
        text = ["Content-Type: text/plain;charset=utf-8"]
        lines = {"MESSAGE": text, "INFO": text, "OPTIONS": ["Accept: application/sdp"],
                 "SUBSCRIBE": ["Event: dialog;include-session-description", "Expires: 60"],
                 "NOTIFY": ["Event: dialog", "Subscription-State: active;expires=59", *text],
                 "PUBLISH": ["Event: presence", "Expires: 3600", *text]}
        for method, headers in lines.items():
            for one, other in ((caller, callee), (callee, caller)):
                with self.subTest(method):
                    body = f"{method}\r\n  as it was  \r\n" if headers[-1] == text[0] else ""
                    answer = {"headers": ["X-Answer: yes", "Content-Type: text/x-answer"], "body": "heard"}
                    got, heard = self.passes(one, other, method, 202, headers, body, answer)
                    for line in headers:
                        name, _, value = line.partition(": ")
                        self.assertEqual(got.headers(name), [value])
                    self.assertEqual((heard.headers("X-Answer"), heard.header("Content-Type"), heard.body),
                                     (["yes"], "text/x-answer", b"heard"))
                    _, refusal = self.passes(one, other, method, 405, answer={"headers": ["Allow: BYE"]})
                    self.assertEqual(refusal.header("Allow"), "BYE")
        self.hang_up(caller, callee)
        self.finish(Cdr("caller_bye", 200))

    def test_the_keys_that_phones_press_pass_as_they_are(self):
        caller, callee = self.begin()
        for kind, body in (("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"), ("application/dtmf", "#"),
                           ("application/dtmf-relay", "Signal= *\nDuration= 99999999\n"), ("application/dtmf", "zz")):
            for one, other in ((caller, callee), (callee, caller)):
                with self.subTest(body):
                    got, _ = self.passes(one, other, headers=[f"Content-Type: {kind}"], body=body)
                    self.assertEqual(got.header("Content-Type"), kind)
        self.hang_up(caller, callee)
        self.finish(Cdr("caller_bye", 200))

    def test_a_second_offer_of_one_side_before_the_first_is_answered_is_500(self):
        """RFC 3261 section 14.2, RFC 3311 section 5.2; the call goes on."""
        caller, callee = self.begin()
        first = caller.send("UPDATE", **described("alice", 4000, "sendonly"))
        passed = callee.request("UPDATE")
        refusal = caller.final(caller.send("UPDATE", **described("alice", 4000, "inactive")))
        self.assertEqual(refusal.code, 500)
        self.assertIn(int(refusal.header("Retry-After")), range(11))
        callee.answer(passed, **described("bob", 4001, "recvonly"))
        self.assertIn(b"a=recvonly", caller.final(first).body)
        self.passes(caller, callee)
        self.hang_up(caller, callee)
        self.finish(Cdr("caller_bye", 200))


class Early(Parties):
    def test_an_update_passes_both_ways_while_it_rings(self):
        """RFC 3311 section 5.1: once offer and answer have been exchanged, reliably."""
        self.open("bob")
        offer = described("alice", 4000)
        caller, callee, invite, got = self.ring(self.phone(), "bob", **offer | {
            "headers": [*offer["headers"], "Supported: 100rel", "Allow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE"]})
        answer = described("bob", 4001)
        callee.answer(got, 183, **answer | {"headers": [*answer["headers"], "Require: 100rel", "RSeq: 5"]})
        progress = caller.take(lambda m: m.code == 183)
        caller.target = target_of(progress)
        caller.dialog["To"] = progress.header("To")
        self.passes(caller, callee, "PRACK", headers=[f"RAck: {progress.header('RSeq')} {invite.header('CSeq')}"])
        for one, other in ((caller, callee), (callee, caller)):
            update = described("new", 4020)
            answered = described("newer", 4021)
            passed, heard = self.passes(one, other, "UPDATE", headers=update["headers"], body=update["body"],
                                        answer=answered)
            self.assertEqual(passed.header("Content-Type"), "application/sdp")
            self.assertEqual(heard.body.decode(), answered["body"])
        callee.answer(got)
        self.accept(caller, invite)
        self.assertEqual(callee.request("ACK").cseq, got.cseq)
        self.hang_up(caller, callee)
        self.finish(Cdr("caller_bye", 200, rang=True))


if __name__ == "__main__":
    main()
