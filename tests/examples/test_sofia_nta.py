"""sofia-nta: an application on nta, called by SIPp; what tandem tells of its calls."""
import signal

from examples import ExampleTest, main


class SofiaNta(ExampleTest):
    def start_application(self, *arguments):
        self.port = self.ports.take()
        self.application = self.start("sofia-nta", self.port, *arguments, port=self.port)
        return self.application

    def finish(self, count):
        """SIGTERM ends it with 0; then all it said is there."""
        records = self.application.wait_for_records(count)
        self.application.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.application.ends(), 0)
        return records

    def events(self):
        """What happened, without the dialog that it happened to."""
        return [line.partition(" ")[2].strip() for line in self.application.said().splitlines()]

    def test_a_call_is_answered_and_hung_up(self):
        self.start_application()
        caller = self.caller("caller_basic", self.port, hold=50)
        caller.finish()
        record, = self.finish(1)
        self.check_record(record, "caller_bye", 200)
        self.assertEqual(record["call_id"], caller.sent("INVITE")[0].call_id)
        self.assertTrue(record["ringing_us"])
        self.assertEqual(self.events(), ["created", "early", "confirmed", "acked", "request", "ended caller_bye"])

    def test_a_call_is_cancelled_while_it_rings(self):
        self.start_application(60000)
        caller = self.caller("caller_cancels", self.port)
        caller.finish()
        record, = self.finish(1)
        self.check_record(record, "cancelled", 487)
        self.assertEqual(self.events(), ["created", "early", "ended cancelled"])

    def test_a_call_that_lasts_too_long_is_hung_up(self):
        self.start_application(0, 300)
        caller = self.caller("caller_is_hung_up", self.port)
        caller.finish()
        record, = self.finish(1)
        self.check_record(record, "expired", 200)
        self.assertGreaterEqual(record["duration_us"], 300_000)
        self.assertEqual(self.events()[-3:], ["end due expired", "request", "ended expired"])

    def test_requests_inside_the_call(self):
        self.start_application()
        caller = self.caller("caller_holds_and_resumes", self.port)
        caller.finish()
        self.check_record(self.finish(1)[0], "caller_bye", 200)
        self.assertEqual(self.events().count("request"), 3)

    def test_many_calls(self):
        self.start_application()
        self.caller("caller_basic", self.port, calls=100, rate=25, hold=100).finish()
        records = self.finish(100)
        for record in records:
            self.check_record(record, "caller_bye", 200)
        self.assertEqual(len({record["call_id"] for record in records}), 100)


if __name__ == "__main__":
    main()
