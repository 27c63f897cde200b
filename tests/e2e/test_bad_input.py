"""What is not in order: refused with the right code, or dropped; never more than that."""
from harness import Cdr, EndToEnd, Route, main
from sipp import Message
from torture import answered, dropped


class Refused(EndToEnd):
    def setUp(self):
        super().setUp()
        self.start(Route(self.ports.take(), "^somebody$"))
        self.raw = self.tandemd.raw()
        self.addCleanup(self.raw.__exit__)

    def ask(self, method, **values):
        return self.raw.ask(self.raw.request(method, **values))

    def end(self):
        self.finish(among="answered_us > 0 OR sip_code < 300")  # none

    def test_an_unknown_method_is_501(self):
        self.assertEqual(self.ask("FROBNICATE").code, 501)
        self.end()

    def test_an_unsupported_require_is_420_and_named(self):
        for method in ("INVITE", "OPTIONS"):
            refusal = self.ask(method, user="somebody", headers=["Require: nothingSupportsThis"])
            self.assertEqual(refusal.code, 420)
            self.assertIn("nothingSupportsThis", refusal.header("Unsupported"))
        self.end()

    def test_a_request_within_no_dialog_is_481(self):
        for method in ("BYE", "INVITE", "UPDATE", "INFO"):
            with self.subTest(method):
                self.assertEqual(self.ask(method, To="<sip:somebody@127.0.0.1>;tag=none").code, 481)
        self.assertEqual(self.ask("CANCEL", user="somebody").code, 481)
        self.end()

    def test_no_hop_left_is_483(self):
        self.assertEqual(self.ask("INVITE", user="somebody", Max_Forwards="0").code, 483)
        self.end()

    def test_options_is_200(self):
        response = self.ask("OPTIONS")
        self.assertEqual(response.code, 200)
        self.assertTrue(response.tag("To"))
        self.assertIn("INVITE", response.header("Allow"))
        self.assertEqual(response.headers("Via")[0].partition(";")[0], f"SIP/2.0/UDP 127.0.0.1:{self.raw.port}")
        self.assertRegex(response.header("Via"), rf";\s*rport={self.raw.port}\b")
        self.end()

    def test_the_answer_goes_where_via_and_the_source_say(self):
        request = self.raw.request("OPTIONS", Via=f"SIP/2.0/UDP 192.0.2.9:{self.raw.port};branch=z9hG4bK-elsewhere")
        self.assertRegex(self.raw.ask(request).header("Via"), r";\s*received=127\.0\.0\.1\b")
        self.end()

    def test_malformed_but_answerable_is_refused_and_told_why(self):
        for name, message, right in answered(self.raw):
            with self.subTest(name):
                codes = self.answers(message)
                self.assertLessEqual(len(codes), 1, "one final response")
                response = codes[0] if codes else None
                self.assertIn(response.code if response else None, right, response)
                if right == {400}:
                    self.assertNotIn(response.reason.strip().lower(), ("", "bad request"), "says what is wrong")
        self.end()

    def answers(self, message):
        """The final responses to it, known to be all when an OPTIONS sent after it has been answered."""
        self.raw.send(message)
        after = self.raw.request("OPTIONS")
        self.raw.send(after)
        came = []
        while True:
            response = self.raw.receive()
            self.assertIsNotNone(response, "the OPTIONS behind it is not answered")
            if response.call_id == Message(after).call_id:
                return list({m.raw: m for m in came}.values())
            if response.code and response.code >= 200 and response.call_id not in self.done:
                came.append(response)
                self.done.add(response.call_id)
                self.raw.acknowledge(response)

    @property
    def done(self):
        """Call-IDs that were answered: what comes again later is a retransmission."""
        return self.__dict__.setdefault("_done", set())

    def test_what_is_not_sip_is_dropped(self):
        for name, data in dropped(self.raw):
            with self.subTest(name):
                self.assertEqual(self.answers(data), [])
        self.end()


class Loops(EndToEnd):
    def test_a_call_that_comes_back_is_482(self):
        port = self.ports.take()
        self.start(Route(port), port=port)
        with self.tandemd.raw() as raw:
            refusal = raw.ask(raw.request("INVITE"))
        self.assertEqual(refusal.code, 482)
        self.finish(Cdr("refused", 482, rang=False), among=f"caller_call_id = '{refusal.call_id}'")

    def test_a_request_merged_from_two_ways_is_482(self):
        callee = self.callee("callee_rings")
        self.start(callee.port)
        with self.tandemd.raw() as raw:
            first = raw.request("INVITE")
            raw.send(first)
            callee.wait_for("INVITE")
            second = first.replace(b"branch=z9hG4bK-raw", b"branch=z9hG4bK-other-way")
            self.assertEqual(raw.ask(second).code, 482)
            cancel = raw.request("CANCEL", Via=Message(first).header("Via"), From=Message(first).header("From"),
                                 Call_ID=Message(first).call_id)
            codes = {(m.method, m.code) for m in (raw.ask(cancel), raw.ask(first))}
            self.assertEqual(codes, {("CANCEL", 200), ("INVITE", 487)})
            callee.finish()
        self.assertEqual(len({m.call_id for m in callee.received("INVITE")}), 1)
        self.finish(Cdr("cancelled", 487, callee=callee))


if __name__ == "__main__":
    main()
