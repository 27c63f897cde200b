"""Many calls of every kind at once, and what is thrown at the port between them."""
import random
import threading
from collections import Counter

from harness import Cdr, EndToEnd, Route, main
from torture import garbage, torture


class Load(EndToEnd):
    CALL_KB = 5  # what a call that is up has, about; for 32 s after it there are transactions, of less than two

    def test_two_hundred_calls_at_fifty_a_second_of_every_kind(self):
        kinds = {  # user: caller, callee, values, end reason, SIP code
            "talk": ("caller_basic", "callee_basic", {"hold": 300}, "caller_bye", 200),
            "busy": ("caller_refused", "callee_refuses", {"code": 486, "reason": "Busy Here", "headers": ""},
                     "refused", 486),
            "cancel": ("caller_cancels", "callee_rings", {}, "cancelled", 487),
            "race": ("caller_cancels", "callee_answers_the_cancel", {}, "cancelled", 487),
            "hangup": ("caller_is_hung_up", "callee_hangs_up", {}, "callee_bye", 200),
            "cross": ("caller_basic", "callee_bye_crosses", {"hold": 200}, ("caller_bye", "callee_bye"), 200),
            "hold": ("caller_holds_and_resumes", "callee_is_held_and_resumed", {}, "caller_bye", 200),
            "late": ("caller_makes_no_offer", "callee_makes_the_offer", {}, "caller_bye", 200),
            "info": ("caller_sends_info_and_update", "callee_sends_info_and_update", {}, "caller_bye", 200),
            "long": ("caller_refused", "callee_rings", {"code": 408}, "no_answer", 408),
        }
        each, rate, more = 20, 5, 400
        callees = {user: self.callee(callee, calls=each + more * (user == "talk"), **values)
                   for user, (_, callee, values, _, _) in kinds.items()}
        self.start(*[Route(callee.port, f"^{user}$", ring_timeout_ms=800 if user == "long" else 20000)
                     for user, callee in callees.items()])
        callers = {user: self.caller(caller, user=user, calls=each, rate=rate, **values)
                   for user, (caller, _, values, _, _) in kinds.items()}
        for sipp in callers.values():
            sipp.finish()
        warm = self.tandemd.resident_kb()
        self.caller("caller_basic", user="talk", calls=more, rate=200, hold=0).finish()
        for sipp in callees.values():
            sipp.finish()
        if not self.tandemd.is_sanitized:
            grown = self.tandemd.resident_kb() - warm
            print(f"{grown} kB for {more} calls more", flush=True)
            self.assertLess(grown, more * self.CALL_KB * 0.8, "what calls that are over had is used again")
        records = self.finish(*[Cdr(reason, code) for _, _, _, reason, code in kinds.values() for _ in range(each)],
                              *[Cdr("caller_bye", 200)] * more)
        self.assertEqual(len({record["caller_call_id"] for record in records}), each * len(kinds) + more)
        self.assertEqual(len({record["callee_call_id"] for record in records}), each * len(kinds) + more)
        self.assertEqual(Counter(record["from_uri"].startswith("sip:alice") for record in records)[True], len(records))

    def test_garbage_between_calls_disturbs_none(self):
        callee = self.callee("callee_basic", calls=80)
        self.start(Route(callee.port, "^bob$"))
        caller = self.caller("caller_basic", calls=80, rate=20, hold=400)
        seed = random.randrange(1 << 32)
        print(f"seed {seed}", flush=True)
        stop, thrown = threading.Event(), Counter()

        def throw():
            with self.tandemd.raw() as raw:
                noise = random.Random(seed)
                while not stop.is_set():
                    for data in [*torture(raw), *garbage(noise, raw.request("INVITE", user="garbage"), 40)]:
                        raw.send(data)
                        thrown["messages"] += 1
                        if thrown["messages"] % 4 == 0:  # some hundreds a second, so that the kernel drops none
                            stop.wait(0.008)
        thrower = threading.Thread(target=throw)
        thrower.start()
        self.addCleanup(thrower.join)
        self.addCleanup(stop.set)
        caller.finish()
        callee.finish()
        stop.set()
        thrower.join()
        self.assertGreater(thrown["messages"], 300)
        self.assertEqual(len({m.call_id for m in callee.received("INVITE")}), 80)
        self.finish(*[Cdr("caller_bye", 200, rang=True)] * 80, among="request_uri LIKE 'sip:bob@%' AND sip_code = 200")


if __name__ == "__main__":
    main()
