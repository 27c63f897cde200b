"""Several nodes that share limits through Redis: never one call too many, whatever dies, stops or forgets."""
import time
from collections import Counter

from clustering import LEASE, SLACK, TIMEOUT, ClusterTest
from harness import WORKERS, main
from redis_servers import Babbler, Sentinel, SlowWay
from sipp import wait_until


class Cluster(ClusterTest):
    def load(self, *nodes, limit, seconds, rate):
        """Calls at a rate that is shared by the nodes; returns when the last is over."""
        count = int(rate * seconds / len(nodes))
        parties = [self.callers(node, count, rate / len(nodes), hold=1.0) for node in nodes]
        self.run_until(lambda: all(party.are_over for party in parties), timeout=seconds + 60)
        codes = sum((party.codes() for party in parties), Counter())
        self.assertEqual(set(codes), {200, 503}, codes)
        self.assertEqual(self.callees.highest, limit)
        self.assertEqual(codes[200], len(self.callees.calls))
        wait_until(lambda: self.redis.size() == 0, "all have let go of their places")
        return codes

    # Limits

    def test_two_nodes_share_a_limit_to_the_call(self):
        self.load(self.node(), self.node(), limit=100, seconds=3, rate=300)

    def test_three_nodes_share_a_limit_to_the_call(self):
        self.load(self.node(), self.node(), self.node(), limit=100, seconds=3, rate=300)

    def test_a_place_is_free_as_soon_as_its_call_has_ended_on_whatever_node(self):
        first, second = self.node(limit=1), self.node(limit=1)
        for node in (first, second) * 3:
            wait_until(lambda at=node: self.call(at, hold=0.05) == {200: 1}, "the place is free")
            self.assertEqual(self.call(second if node is first else first), {503: 1})
            self.run_until(lambda: all(party.are_over for party in self.parties))

    def test_the_share_of_a_killed_node_is_free_after_its_leases_and_not_before(self):
        """So old may be what a node knows of the others, and no older [27]."""
        first, second = self.node(limit=10), self.node(limit=10)
        self.assertEqual(self.call(first, 6), {200: 6})
        self.assertEqual(self.call(second, 6), {200: 4, 503: 2})
        first.kill()
        killed = time.monotonic()
        free_at = None
        while free_at is None:
            if self.redis.size() == 4:
                free_at = time.monotonic() - killed
            self.run_for(0.02)
        self.assertGreater(free_at, LEASE * 2 / 3 - 0.1)
        self.assertLess(free_at, LEASE + SLACK)
        self.assertEqual(self.call(second, 8), {200: 6, 503: 2})

    def test_a_node_that_comes_back_with_its_store_counts_its_calls_once(self):
        first, second = self.node(limit=4), self.node(limit=4)
        calls = self.callers(first, 3)
        self.run_until(lambda: all(call.answer for call in calls.calls.values()))
        self.assertEqual(self.call(second, 2), {200: 1, 503: 1})
        first.kill()
        first.start()  # before its leases are over
        self.assertEqual(self.call(second), {503: 1})
        self.run_for(LEASE + SLACK)
        self.assertEqual(self.redis.size(), 4)
        first.kill()
        wait_until(lambda: self.redis.size() == 1, "its leases are over", timeout=LEASE + SLACK)
        first.start()
        wait_until(lambda: self.redis.size() == 4, "it has them again", timeout=LEASE)
        self.assertEqual(self.call(second), {503: 1})
        self.hang_up(calls)
        self.run_until(lambda: calls.are_over)
        wait_until(lambda: self.redis.size() == 1, "they are free")

    # Redis is away

    def check_outage(self, begin, end, on_outage, passes):
        """Two nodes with a limit of 4 each, 3 up in all: who passes meanwhile, how quickly, and what is true after."""
        first, second = self.node(limit=4, on_outage=on_outage), self.node(limit=4, on_outage=on_outage)
        self.assertEqual(self.call(first, 2), {200: 2})
        self.assertEqual(self.call(second, 1), {200: 1})
        begin()
        self.assertEqual(self.call(first, 5), {code: n for code, n in ((200, passes), (503, 5 - passes)) if n})
        self.assertLess(self.longest, TIMEOUT + SLACK)
        wait_until(lambda: "redis: " in self.said(first), "it says so")
        self.call(first, 1)
        # Nobody waits for what his worker knows.
        self.assertLess(self.longest, SLACK if WORKERS == 1 else TIMEOUT + SLACK)
        self.run_for(1.0)
        self.assertIs(first.process.poll(), None)
        end()
        wait_until(lambda: all("redis: back after" in self.said(node) for node in (first, second)), "both are back")
        self.assertEqual(self.redis.size(), self.callees.up())
        room = max(4 - self.callees.up(), 0)
        self.assertEqual(self.call(second, 5), {code: n for code, n in ((200, room), (503, 5 - room)) if n})
        for node in (first, second):
            self.assertEqual(self.said(node).count("redis: "), 2, self.said(node))  # once away, once back

    def test_redis_killed_and_started_empty_closed(self):
        self.check_outage(self.redis.kill, self.redis.start, "closed", 0)

    def test_redis_killed_and_started_empty_open(self):
        self.check_outage(self.redis.kill, self.redis.start, "open", 5)

    def test_redis_killed_and_started_empty_local(self):
        self.check_outage(self.redis.kill, self.redis.start, "local", 2)  # 4 less the 2 that are its own

    def test_redis_frozen_closed(self):
        self.check_outage(self.redis.freeze, self.redis.resume, "closed", 0)

    def test_redis_frozen_local(self):
        self.check_outage(self.redis.freeze, self.redis.resume, "local", 2)

    def test_redis_emptied_under_load_admits_nobody_too_many(self):
        first, second = self.node(limit=20), self.node(limit=20)
        self.assertEqual(self.call(first, 10), {200: 10})
        self.assertEqual(self.call(second, 10), {200: 10})
        parties = [self.callers(node, 200, 50, hold=0.5) for node in (first, second)]
        self.run_for(1.0)
        self.redis.ask("FLUSHALL")
        self.run_until(lambda: all(party.are_over for party in parties))
        self.assertEqual(self.callees.highest, 20)
        wait_until(lambda: self.redis.size() == 20, "it knows all that are up")
        self.run_for(LEASE)
        self.assertEqual(self.call(first), {503: 1})

    def test_a_slow_redis_holds_nobody_up_for_longer_than_the_timeout(self):
        """[26]"""
        way = SlowWay(self.redis.port)
        self.addCleanup(way.close)
        node = self.node(limit=9, url=f"redis://127.0.0.1:{way.port}")
        self.assertEqual(self.call(node), {200: 1})
        way.delay = 0.1
        self.assertEqual(self.call(node), {200: 1})
        self.assertGreater(self.longest, 0.09)
        way.delay = 2.0
        for _ in range(5):
            self.assertEqual(self.call(node), {503: 1})
            self.assertLess(self.longest, TIMEOUT + SLACK)
            self.run_for(0.3)
        way.delay = 0.0
        wait_until(lambda: "redis: back after" in self.said(), "it is back")
        self.assertEqual(self.call(node), {200: 1})

    def test_a_node_that_is_cut_off_gives_its_places_to_the_others_and_counts_again_when_it_is_back(self):
        way = SlowWay(self.redis.port)
        first, second = self.node(limit=4, url=f"redis://127.0.0.1:{way.port}"), self.node(limit=4)
        self.assertEqual(self.call(first, 3), {200: 3})
        self.assertEqual(self.call(second, 2), {200: 1, 503: 1})
        way.close()
        self.assertEqual(self.call(first), {503: 1})
        wait_until(lambda: self.redis.size() == 1, "its leases are over", timeout=LEASE + SLACK)
        self.assertEqual(self.call(second, 5), {200: 3, 503: 2})
        way = SlowWay(self.redis.port, way.port)
        self.addCleanup(way.close)
        wait_until(lambda: "redis: back after" in self.said(first), "it is back")
        self.assertEqual(self.redis.size(), 7)  # the truth, which is above the limit
        for node in (first, second):
            self.assertEqual(self.call(node), {503: 1})
        self.assertNotIn("redis: ", self.said(second))

    def test_an_old_dump_brings_nobody_back_and_hides_nobody(self):
        first, second = self.node(limit=4), self.node(limit=4)
        old = self.callers(first, 3)
        self.run_until(lambda: all(call.answer for call in old.calls.values()))
        self.redis.ask("SAVE")
        self.hang_up(old)
        self.run_until(lambda: old.are_over)
        self.assertEqual(self.call(second, 4), {200: 4})
        self.redis.kill()
        self.redis.start()
        wait_until(lambda: all("redis: back after" in self.said(node) for node in self.nodes), "both are back")
        wait_until(lambda: self.redis.size() == 4, "it knows who is up", timeout=LEASE + SLACK)
        self.assertEqual(self.callees.up(), 4)
        self.assertEqual(self.call(first), {503: 1})

    def test_without_redis_at_the_start_calls_are_taken_as_the_profile_says_and_counted_when_it_comes(self):
        self.redis.kill()
        closed, opened = self.node(limit=9), self.node(limit=9, on_outage="open")
        self.assertEqual(self.call(closed), {503: 1})
        self.assertEqual(self.call(opened, 3), {200: 3})
        self.redis.start()
        wait_until(lambda: all("redis: back after" in self.said(node) for node in self.nodes), "both are back")
        self.assertEqual(self.redis.size(), 3)

    def test_a_failover_by_sentinel_loses_no_place(self):
        replica = self.server("replica", "--replicaof", "127.0.0.1", str(self.redis.port))
        sentinel = Sentinel(self.folder / "sentinel", self.ports.take(), self.redis)
        self.addCleanup(sentinel.kill)
        url = f"redis-sentinel://127.0.0.1:{sentinel.port}/m/0"
        first, second = self.node(limit=4, url=url), self.node(limit=4, url=url)
        self.assertEqual(self.call(first, 2), {200: 2})
        wait_until(lambda: int(dict(line.split(":", 1) for line in sentinel.ask("INFO", "sentinel").split("\r\n")
                                    if ":" in line)["master0"].split("slaves=")[1].split(",")[0]) == 1,
                   "sentinel knows the replica")
        replica.freeze()  # it lacks what comes now
        self.assertEqual(self.call(second, 1), {200: 1})
        self.redis.kill()
        replica.resume()
        wait_until(lambda: sentinel.master() == replica.port, "the replica is the master")
        self.redis = replica
        wait_until(lambda: all("redis: back after" in self.said(node) for node in self.nodes), "both are back")
        self.assertEqual(self.redis.size(), 3)
        self.assertEqual(self.call(first, 3), {200: 1, 503: 2})

    def test_nonsense_is_no_answer_and_no_harm(self):
        babbler = Babbler([b"nonsense\r\n", b"*2147483647\r\n", b"$536870912\r\n" + b"x" * 3000000, b"*2\r\n$3\r\n",
                           b"+OK\r\n" * 50, b"\0" * 5000, b":1\r\n" * 50])
        self.addCleanup(babbler.close)
        node = self.node(limit=9, on_outage="open", url=f"redis://127.0.0.1:{babbler.port}")
        wait_until(lambda: babbler.greeted >= 8, "it was asked again and again")
        self.assertEqual(self.call(node), {200: 1})
        self.assertLess(self.longest, TIMEOUT + SLACK)
        self.assertEqual(self.said().count("redis: "), 1)

    def test_a_password_is_used_and_never_shown(self):
        locked = self.server("locked", password="hush-hush")
        url = f"redis://:hush-hush@127.0.0.1:{locked.port}/3"
        node = self.node(limit=1, url=url)
        self.assertEqual(self.call(node), {200: 1})
        wrong = self.node(limit=1, url=url.replace("hush-hush", "hush-wrong"))
        self.assertEqual(self.call(wrong), {503: 1})
        wait_until(lambda: "WRONGPASS" in self.said(wrong), "it says why")
        for node in self.nodes:
            self.assertNotIn("hush", self.said(node))


if __name__ == "__main__":
    main()
