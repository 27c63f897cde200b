"""Records of calls in a stream of Redis: each at least once, whatever is killed, and once where nothing goes wrong."""
import json
import signal
import time
from collections import Counter
from pathlib import Path

from harness import EndToEnd, Raw, Route, main
from phones import Callees, Callers, run
from redis_servers import Redis, SlowWay
from sipp import wait_until
from straced import KilledAt

KEY = "tandem:calls"
UNSENT = "SELECT * FROM cdr_unsent"


class Stream(EndToEnd):
    def setUp(self):
        super().setUp()
        self.redis = Redis(self.folder / "redis", self.ports.take())
        self.addCleanup(self.redis.kill)
        self.addCleanup(self.redis.resume)
        self.callees = Callees(self.phone(Raw()), ring=0)
        self.parties = []

    def phone(self, raw):
        self.addCleanup(raw.socket.close)
        return raw

    def begin(self, more="", port=0):
        redis = f'[redis]\nurl = "redis://127.0.0.1:{port or self.redis.port}/0"\ncdr_stream = "calls"\n{more}\n'
        self.start(Route(self.callees.raw.port), profiles=redis)

    def calls(self, count, rate=100):
        """Calls from their first to their last message."""
        callers = Callers(self.phone(self.tandemd.raw()), count, rate, hold=0.02)
        self.parties.append(callers)
        run(among=(self.callees, *self.parties), until=lambda: callers.are_over and self.callees.are_over, timeout=60)
        self.assertFalse(any(call.has_failed for call in callers.calls.values()))

    def stream(self):
        """Ids and records, in their order."""
        found = []
        for _, fields in self.redis.ask("XRANGE", KEY, "-", "+") or []:
            self.assertEqual(fields[::2], ["id", "cdr"])
            record = json.loads(fields[3])
            self.assertEqual(record["id"], fields[1])
            found.append((fields[1], record))
        return found

    def ids(self):
        return Counter(identity for identity, _ in self.stream())

    def wait_for(self, count):
        wait_until(lambda: len(self.ids()) >= count, f"{count} records are there", timeout=20)

    def wait_until_all_is_sent(self):
        self.wait_for_rows(UNSENT, 0, timeout=20)

    def check_all_are_there(self):
        """Those of the table, and no other; how often each."""
        def are_there():
            return not self.rows(UNSENT) and set(self.ids()) == {row["id"] for row in self.rows("SELECT id FROM cdr")}
        wait_until(are_there, "the stream has what the table has", timeout=20)
        return self.ids()

    def end(self):
        """What end_calls() does, but for the descriptors: those of its ways to Redis come after the start."""
        self.wait_for_rows("SELECT * FROM dialog", 0)
        self.tandemd.signal(signal.SIGTERM)
        self.assertEqual(self.tandemd.ends(), 0)
        self.check_store()

    def thread(self, name):
        """Its number."""
        for task in Path(f"/proc/{self.tandemd.process.pid}/task").iterdir():
            if (task / "comm").read_text().strip() == name:
                return int(task.name)
        self.fail(f"there is no thread {name}")

    # In peace

    def test_each_record_comes_once_and_says_what_the_table_says(self):
        self.begin()
        self.calls(100)
        self.assertEqual(set(self.check_all_are_there().values()), {1})
        rows = {row["id"]: row for row in self.rows("SELECT * FROM cdr")}
        self.assertEqual(len(rows), 100)
        for identity, record in self.stream():
            row = rows[identity]
            row |= {name: json.loads(row[name]) for name in ("profiles", "variables")}
            self.assertEqual(list(record), list(row))
            self.assertEqual(record, row)
        self.end()
        self.assertEqual(set(self.ids().values()), {1})
        self.assertNotIn("redis: ", self.said())

    def test_the_stream_is_as_long_as_it_may_be_and_no_longer(self):
        self.begin("cdr_stream_max = 200")
        self.calls(700, rate=400)
        self.wait_until_all_is_sent()
        length = self.redis.ask("XLEN", KEY)
        self.assertGreaterEqual(length, 200)
        self.assertLess(length, 400)  # whole nodes of 100 go
        newest = self.rows("SELECT id FROM cdr ORDER BY ended_us DESC LIMIT 1")[0]["id"]
        self.assertIn(newest, self.ids())

    def test_the_end_of_the_process_leaves_nothing_to_be_sent(self):
        self.begin()
        self.calls(20)
        self.end()  # at once
        self.assertEqual(len(self.rows("SELECT id FROM cdr")), 20)
        self.assertEqual(self.rows(UNSENT), [])
        self.assertEqual(set(self.ids().values()), {1})

    # Redis

    def test_what_ends_while_redis_is_away_comes_when_it_is_back_and_empty(self):
        self.begin()
        self.calls(5)
        self.wait_until_all_is_sent()
        self.redis.kill()
        self.calls(300, rate=100)  # some seconds
        self.assertEqual(len(self.rows(UNSENT)), 300)
        self.redis.start()
        self.wait_until_all_is_sent()
        ids = self.ids()
        self.assertEqual(len(ids), 300)
        self.assertEqual(set(ids.values()), {1})
        self.assertLess(ids.keys(), {row["id"] for row in self.rows("SELECT id FROM cdr")})
        self.wait_for_line('redis: the stream "tandem:calls" goes on after')
        lines = [line for line in self.said().splitlines() if "tandem:calls" in line]
        self.assertEqual(len(lines), 2, lines)  # its begin and its end
        self.calls(5)
        self.wait_for(305)

    def test_without_redis_at_the_start_records_wait_for_it(self):
        self.redis.kill()
        self.begin()
        self.calls(5)
        self.redis.start()
        self.assertEqual(set(self.check_all_are_there().values()), {1})

    def test_a_redis_that_stands_still_holds_no_call_up_and_gets_all(self):
        self.begin()
        self.calls(1)
        self.redis.freeze()
        since = time.monotonic()
        self.calls(100)
        self.assertLess(time.monotonic() - since, 5)
        self.assertGreaterEqual(len(self.rows(UNSENT)), 100)
        self.wait_for_line("no answer within 5000 ms; records of calls wait")
        self.redis.resume()
        self.check_all_are_there()

    def test_a_key_that_is_no_stream_holds_the_records_back_until_it_is_gone(self):
        self.redis.ask("SET", KEY, "mine")
        self.begin()
        self.calls(5)
        self.wait_for_line("WRONGTYPE")
        self.assertEqual(self.redis.ask("GET", KEY), "mine")
        self.redis.ask("DEL", KEY)
        self.assertEqual(set(self.check_all_are_there().values()), {1})
        self.assertEqual(self.said().count("WRONGTYPE"), 1)

    # A killed process

    def test_killed_while_redis_is_away_the_next_process_sends_what_is_left(self):
        self.begin()
        self.redis.kill()
        self.calls(300, rate=300)
        self.tandemd.kill()
        self.redis.start()
        self.assertEqual(len(self.rows(UNSENT)), 300)
        self.tandemd.start()
        self.assertEqual(set(self.check_all_are_there().values()), {1})

    def test_killed_with_records_on_their_way_they_come_once_more(self):
        """With the same id [73]."""
        self.begin()
        self.calls(1)
        self.wait_until_all_is_sent()
        self.redis.freeze()
        self.calls(20)
        self.tandemd.kill()
        self.redis.resume()  # and reads what was sent
        self.tandemd.start()
        self.check_all_are_there()

    def sweep(self, thread, call, numbers):
        """A kill at each such system call of this thread."""
        self.begin()
        killed = 0
        for number in numbers:
            strace = KilledAt(self.tandemd, call, number, thread=self.thread(thread))
            callers = Callers(self.phone(self.tandemd.raw()), 3, 20, hold=0.02)
            callers.t1 = self.callees.t1 = 0.1
            has_died = lambda: self.tandemd.process.poll() is not None  # noqa: E731
            end = time.monotonic() + 2
            run(among=(self.callees, callers), until=lambda: has_died() or time.monotonic() > end, timeout=10)
            killed += has_died()
            self.assertIn(self.tandemd.process.poll(), (None, -signal.SIGKILL))
            strace.let_go()
            if has_died():
                self.tandemd.start()
            end = time.monotonic() + 1
            run(among=(self.callees, callers), until=lambda: callers.are_over or time.monotonic() > end, timeout=10)
            with self.subTest(f"{thread}, {call} {number}"):
                self.check_all_are_there()
        print(f"killed {killed} times", flush=True)
        self.assertGreater(killed, len(numbers) // 2)
        self.assertGreater(len(self.ids()), len(numbers))

    def test_killed_before_it_sends_to_redis(self):
        self.sweep("cdr_stream", "sendto", range(1, 4))

    def test_killed_before_it_has_read_the_answer(self):
        self.sweep("cdr_stream", "recvfrom", range(1, 4))

    def test_killed_while_the_store_writes(self):
        self.sweep("store", "pwrite64", range(2, 62, 4))

    # Without a store

    def test_without_a_store_records_wait_in_memory(self):
        self.store = ""
        self.begin()
        self.calls(50)
        self.wait_for(50)
        self.redis.kill()
        self.calls(20)
        self.redis.start()
        self.wait_for(20)
        self.assertEqual(set(self.ids().values()), {1})
        self.redis.kill()
        self.calls(7)
        self.wait_for_line("redis: the stream")
        self.tandemd.signal(signal.SIGTERM)
        self.assertEqual(self.tandemd.ends(), 0)
        self.wait_for_line("7 records of calls were not sent, and are lost")

    def test_late_answers_make_no_record_twice(self):
        way = SlowWay(self.redis.port)
        self.addCleanup(way.close)
        way.delay = 1.0
        self.begin(port=way.port)
        self.calls(50)
        self.assertEqual(set(self.check_all_are_there().values()), {1})


if __name__ == "__main__":
    main()
