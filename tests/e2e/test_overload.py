"""More than tandemd can take, of calls, of one source, of memory, and a log that nobody reads."""
import fcntl
import os
import re
import signal
import time
from collections import Counter
from pathlib import Path

from harness import Cdr, EndToEnd, Route, main
from sipp import Message, wait_until


LOOK = 0.11  # seconds: it looks at its memory ten times a second, and takes what comes in between
FEW = 25  # calls that come in between, and fit in what the test allows beyond the budget


class Overload(EndToEnd):
    def start_with(self, lines, *routes):
        """tandemd with further lines of configuration, which are whole sections."""
        return self.start(*routes, profiles=lines)

    def status(self, name):
        return int(re.search(rf"^{name}:\s+(\d+)", Path(f"/proc/{self.tandemd.process.pid}/status").read_text(),
                             re.M)[1])

    def codes(self, raw, count, timeout=30):
        """Final answers to so many different requests, as messages by Call-ID."""
        finals, deadline = {}, time.monotonic() + timeout
        while len(finals) < count and time.monotonic() < deadline:
            message = raw.receive(1)
            if message and message.code and message.code >= 200:
                finals[message.call_id] = message
                raw.acknowledge(message)
        return finals

    def stopped_for(self, seconds, *sends):
        """Everything is sent while the process stands still, and has waited so long when it goes on."""
        self.tandemd.signal(signal.SIGSTOP)
        wait_until(lambda: Path(f"/proc/{self.tandemd.process.pid}/stat").read_text().split()[2] == "T", "it stands")
        for raw, data in sends:
            raw.send(data)
        sent = time.monotonic()
        wait_until(lambda: time.monotonic() > sent + seconds, "the time is over")
        self.tandemd.signal(signal.SIGCONT)

    def test_what_waited_too_long_is_refused_and_calls_that_are_up_are_served(self):
        callee = self.callee("callee_basic")
        self.start(Route(callee.port, "^bob$"))  # anybody else is not found
        with self.tandemd.raw() as raw, self.tandemd.raw() as other:
            invite = raw.request("INVITE")
            answer = raw.ask(invite)
            self.assertEqual(answer.code, 200)
            dialog = {"From": Message(invite).header("From"), "To": answer.header("To"), "Call_ID": answer.call_id}
            contact = answer.header("Contact").partition("<")[2].partition(">")[0]
            raw.send(raw.request("ACK", uri=contact, **dialog))
            callee.wait_for("ACK")

            # The first full batch makes the kernel stamp what comes, in its own time.
            def waiting_is_seen():
                first = [(other, other.request("INVITE", user="nobody")) for _ in range(100)]
                self.stopped_for(0.3, *first)
                finals = self.codes(other, 100)
                self.assertEqual(len(finals), 100)
                return any(message.code == 503 for message in finals.values())
            wait_until(waiting_is_seen, "that messages waited is seen")

            nobody = [(other, other.request("INVITE", user="nobody")) for _ in range(240)]
            bye = raw.request("BYE", uri=contact, **dialog | {"CSeq": "2 BYE"})
            self.stopped_for(0.3, *nobody[:160], (raw, bye), *nobody[160:])
            while (message := raw.receive()).method != "BYE":
                pass
            self.assertEqual(message.code, 200, "a call that is up is not refused")
            finals = self.codes(other, 240)
            self.assertEqual(len(finals), 240)
            refused = [message for message in finals.values() if message.code == 503]
            self.assertGreater(len(refused), 120)
            for message in refused:
                self.assertTrue(5 <= int(message.header("Retry-After")) <= 15, message.raw)

            recovered = time.monotonic()
            callees = set()
            while not callees:
                final = other.ask(other.request("INVITE", user="nobody"))
                self.assertLess(time.monotonic() - recovered, 2, "it goes on taking calls")
                callees |= {final.call_id} if final.code != 503 else set()
        callee.finish()
        self.assertEqual(self.said().count("overload: messages wait for"), 1)
        records = self.rows("SELECT sip_code FROM cdr WHERE sip_code = 503")
        self.assertEqual(records, [], "a refusal leaves no trace")
        self.finish(Cdr("caller_bye", 200), among="sip_code = 200")

    def test_beyond_its_memory_it_takes_no_call_and_keeps_those_it_has(self):
        silent = self.ports.take()  # nobody answers there
        self.start(silent)
        before = self.status("VmRSS")
        self.tandemd.kill()
        budget_mb = before // 1024 + 8
        self.tandemd = None
        self.start_with(f"[limits]\nmemory_mb = {budget_mb}\n", silent)
        with self.tandemd.raw() as raw:
            invites, refused = [], 0
            while not refused:
                began = time.monotonic()
                for _ in range(FEW):
                    invites.append(raw.request("INVITE"))
                    raw.send(invites[-1])
                trying = 0
                while trying < FEW and not refused:
                    message = raw.receive()
                    trying += message.code == 100
                    refused += message.code == 503
                self.assertLess(len(invites), 10_000, "the memory goes somewhere")
                wait_until(lambda: time.monotonic() > began + LOOK, "it looks at its memory with the next ones")
            peak = self.status("VmHWM") // 1024
            print(f"{len(invites)} calls in {peak} of {budget_mb} MB, after {before // 1024} MB without", flush=True)
            self.assertGreater(len(invites), 100)
            self.assertLess(peak, budget_mb + 4)
            self.assertTrue(self.tandemd.answers_options())

            first = Message(invites[0])
            same = {"Via": first.header("Via"), "From": first.header("From"), "Call_ID": first.call_id}
            raw.send(raw.request("CANCEL", **same))
            finals = {}
            while (first.call_id, "INVITE") not in finals:
                message = raw.receive()
                if message.code >= 200:
                    finals[message.call_id, message.method] = message.code
            self.assertEqual(finals[first.call_id, "INVITE"], 487, "a call that is up is served")
        self.wait_for_line("overload: memory is short")

    def test_a_source_beyond_its_rate_hears_so_once_a_second(self):
        callee = self.callee("callee_basic")
        self.start_with("[limits]\nsource_rate = 1\nsource_burst = 5\n", callee.port)
        with self.tandemd.raw() as raw:
            for _ in range(100):
                raw.send(raw.request("OPTIONS"))
            codes = Counter()
            while (message := raw.receive(0.3)) is not None:
                codes[message.code] += 1
        self.assertIn(codes[200], (5, 6))
        self.assertIn(codes[503], (1, 2))
        self.tandemd.signal(signal.SIGTERM)
        self.assertEqual(self.tandemd.ends(), 0)


if __name__ == "__main__":
    main()
