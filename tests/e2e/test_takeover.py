"""Nodes with the same advertised address, of which one dies: the others go on with its calls [65, 88, 89]."""
import re
import sqlite3
import time
from contextlib import closing

from clustering import SLACK, ClusterTest
from disks import EVERY_LEG
from harness import main
from redis_servers import SlowWay
from sides import target_of
from sipp import Message, wait_until

VIRTUAL = "127.0.0.9:5999"  # the address that peers know; who sends there reaches any of them
BEAT = 2.0  # after its last sign of life a node is gone


class Takeover(ClusterTest):
    lease = BEAT * 5 / 2

    def node(self, **values):
        return super().node(redis="takeover = true", advertise=VIRTUAL, **values)

    def up(self, node, count):
        """Calls by this node that have been up for a moment, and are in Redis."""
        callers = self.callers(node, count)
        before = self.copies()
        self.run_until(lambda: all(call.answer for call in callers.calls.values()))
        self.run_until(lambda: self.copies() == before + count)
        return callers

    def copies(self):
        keys = [key for key in self.redis.ask("KEYS", "tandem:{*}calls:*") or []]
        return sum(self.redis.ask("HLEN", key) for key in keys)

    def taken_by(self, node):
        """How many calls of others it has taken over, by its own words."""
        return sum(int(n) for n in re.findall(r"takes over (\d+) calls? of node ", self.said(node)))

    def wait_for_takeover(self, count, *nodes):
        self.run_until(lambda: sum(self.taken_by(node) for node in nodes) == count)
        self.run_until(lambda: self.rows_of("SELECT id FROM dialog", *nodes) >= count)

    def rows_of(self, query, *nodes):
        return len(self.all_rows(query, *nodes))

    def all_rows(self, query, *nodes):
        rows = []
        for node in nodes:
            with closing(sqlite3.connect(node.folder / "tandem.db", timeout=30)) as database:
                rows += database.execute(query).fetchall()
        return rows

    def records(self, *nodes):
        return self.all_rows("SELECT id, end_reason, sip_code, duration_us, caller_call_id FROM cdr", *nodes)

    def move(self, node, *parties):
        """What these send reaches this node from now on."""
        for party in parties:
            party.raw.tandemd_port = node.port

    def callee_of(self, call):
        """The callee's side of a caller's call, whichever that is: by the order of the calls."""
        return list(self.callees.calls.values())[call]

    def callee_hangs_up(self, call):
        raw, invite = self.callees.raw, call.invite
        bye = raw.request("BYE", uri=target_of(invite), From=f"{invite.header('To')};tag=raw",
                          To=invite.header("From"), Call_ID=invite.call_id, CSeq="1 BYE")
        call.is_over = True
        self.callees.repeat(lambda: raw.send(bye), lambda: False, give_up=lambda: None)

    def hang_up_all(self, callers):
        self.hang_up(callers)
        self.run_until(lambda: callers.are_over and self.callees.up() == 0)
        self.assertEqual([call for call in callers.calls.values() if call.has_failed], [])

    def test_the_calls_of_a_killed_node_go_on_at_another(self):
        first, second = self.node(), self.node()
        began = time.monotonic()
        callers = self.up(first, 20)
        self.assertEqual(self.redis.size(), 20)
        first.kill()
        killed, sizes = time.monotonic(), set()
        self.run_until(lambda: sizes.add(self.redis.size()) or self.taken_by(second) == 20)
        after = time.monotonic() - killed
        self.assertGreater(after, BEAT * 2 / 3 - 0.1)
        self.assertLess(after, BEAT * 4 / 3 + 2 * SLACK)
        self.move(second, callers, self.callees)
        self.assertEqual(sizes, {20}, "their places were never free")

        calls = list(callers.calls.values())
        again = Message(callers.request(calls[0], "INVITE", 2))
        callers.raw.send(again.raw)
        replies = []
        self.run_until(lambda: replies or self.answer_reinvite(callers, again, replies))
        for number in range(8):
            self.callee_hangs_up(self.callee_of(number))
        self.run_until(lambda: sum(call.is_over for call in calls) == 8)
        self.hang_up(callers)
        self.run_until(lambda: callers.are_over and self.callees.up() == 0)
        seconds = time.monotonic() - began
        wait_until(lambda: len(self.records(second)) == 20, "each has its record")
        records = self.records(second)
        self.assertEqual(len({record[0] for record in records}), 20)
        self.assertEqual(sorted(record[1] for record in records), ["callee_bye"] * 8 + ["caller_bye"] * 12)
        for record in records:
            self.assertGreater(record[3] / 1e6, after)  # from the answer on, which the first one gave
            self.assertLess(record[3] / 1e6, seconds + SLACK)
        wait_until(lambda: self.redis.size() == 0 and self.copies() == 0, "nothing is left")

        first.start()  # with a store that has them all
        wait_until(lambda: "40 dialogs are gone: other nodes have taken them over" in self.said(first), "it says so")
        self.assertEqual(self.rows_of(EVERY_LEG, first), 0)
        self.assertEqual(self.records(first), [])
        self.assertEqual(self.redis.size(), 0)

    def answer_reinvite(self, callers, again, replies):
        """The callee answers it, and the caller gets that."""
        original = callers.take

        def take(message):
            if message.code == 200 and message.header("CSeq") == "2 INVITE":
                callers.raw.send(callers.raw.request(
                    "ACK", uri=target_of(message), From=message.header("From"), To=message.header("To"),
                    Call_ID=message.call_id, CSeq="2 ACK"))
                replies.append(message)
            else:
                original(message)
        callers.take = take
        self.assertEqual(again.method, "INVITE")
        return False

    def test_of_two_survivors_each_call_has_one(self):
        """[18, 82, 84]"""
        dead, *living = self.node(), self.node(), self.node()
        callers = self.up(dead, 80)
        dead.kill()
        self.wait_for_takeover(80, *living)
        ids = self.all_rows("SELECT id FROM dialog", *living)
        self.assertEqual(len(ids), 80)
        self.run_for(self.lease + SLACK)
        self.assertEqual(len(set(ids)), 80)
        self.assertEqual(self.redis.size(), 80)
        of_first = {row[0] for row in self.all_rows("SELECT call_id FROM dialog", living[0])}
        for call in callers.calls.values():  # as whatever spreads what comes to the address may learn
            at = living[0 if call.invite.call_id in of_first else 1]
            self.move(at, callers)
            callers.raw.send(callers.request(call, "BYE", 2))
        self.run_until(lambda: callers.are_over and self.callees.up() == 0)
        wait_until(lambda: len(self.records(*living)) == 80, "each has one record")
        self.assertEqual(len({record[0] for record in self.records(*living)}), 80)

    def test_who_comes_back_in_time_keeps_his_calls(self):
        first, second = self.node(), self.node()
        callers = self.up(first, 10)
        first.kill()
        first.start()
        self.run_for(BEAT * 2)
        self.assertEqual(self.taken_by(second), 0)
        self.assertEqual(self.copies(), 10)
        self.hang_up_all(callers)
        wait_until(lambda: len(self.records(first)) == 10, "each has its record")
        self.assertEqual(self.records(second), [])
        wait_until(lambda: self.copies() == 0, "nothing is left")

    def test_who_was_cut_off_drops_what_others_have_without_a_word(self):
        way = SlowWay(self.redis.port)
        first, second = self.node(url=f"redis://127.0.0.1:{way.port}"), self.node()
        callers = self.up(first, 10)
        way.close()
        self.wait_for_takeover(10, second)
        way = SlowWay(self.redis.port, way.port)
        self.addCleanup(way.close)
        wait_until(lambda: self.rows_of(EVERY_LEG, first) == 0, "it has dropped them")
        self.assertEqual(self.records(first), [])
        self.assertEqual(self.callees.up(), 10, "nobody was hung up")
        self.assertEqual(sum(call.is_over for call in callers.calls.values()), 0)
        self.run_for(BEAT)
        self.assertEqual(self.redis.size(), 10)
        self.move(second, callers)
        self.hang_up_all(callers)
        wait_until(lambda: len(self.records(second)) == 10, "each has its record")
        self.assertEqual(self.records(first), [])
        self.run_until(lambda: self.copies() == 0)
        more = self.up(first, 3)  # it goes on as before
        self.hang_up_all(more)

    def test_an_outage_of_redis_costs_nobody_a_call_and_an_empty_one_fills_again(self):
        """[83, 86, 90]"""
        first, second = self.node(), self.node()
        callers = self.up(first, 10)
        self.redis.freeze()
        self.run_for(BEAT * 2)
        self.redis.resume()
        self.run_for(BEAT * 2)
        self.assertEqual([self.taken_by(node) for node in self.nodes], [0, 0])
        self.redis.kill()
        self.redis.start()
        self.run_until(lambda: self.copies() == 10)
        self.run_for(BEAT * 2)
        self.assertEqual([self.taken_by(node) for node in self.nodes], [0, 0])
        first.kill()
        self.wait_for_takeover(10, second)
        self.move(second, callers)
        self.hang_up_all(callers)
        wait_until(lambda: len(self.records(second)) == 10, "each has its record")

    def test_a_taker_who_dies_has_heirs_himself(self):
        dead, second = self.node(), self.node()
        callers = self.up(dead, 30)
        dead.kill()
        self.run_until(lambda: self.taken_by(second) == 30)
        second.kill()  # with them in its store, or not yet
        third = self.node()
        self.wait_for_takeover(30, third)
        self.move(third, callers)
        self.hang_up_all(callers)
        wait_until(lambda: len(self.records(third)) == 30, "each has its record")
        for node in (dead, second):
            node.start()
            self.assertEqual(self.rows_of(EVERY_LEG, node), 0)
            self.assertEqual(self.records(node), [])

    def test_lifetimes_end_what_was_taken_over(self):
        timers = {"max_duration_ms": 5000}
        first, second = self.node(timers=timers), self.node(timers=timers)
        callers = self.up(first, 5)
        first.kill()
        self.move(second, callers)  # the copy may be older than the ACK: then it is asked for again
        self.wait_for_takeover(5, second)
        self.run_until(lambda: all(call.is_over for call in callers.calls.values()) and self.callees.up() == 0)
        wait_until(lambda: len(self.records(second)) == 5, "each has its record")
        for record in self.records(second):
            self.assertEqual(record[1], "expired")
            self.assertAlmostEqual(record[3] / 1e6, 5.0, delta=SLACK)

    def test_who_ends_in_order_leaves_nothing_to_take(self):
        first, second = self.node(), self.node()
        callers = self.up(first, 10)
        first.signal(15)
        self.hang_up_all(callers)
        self.assertEqual(first.ends(), 0)
        self.assertEqual(self.copies(), 0)
        self.run_for(BEAT * 2)
        self.assertEqual(self.taken_by(second), 0)
        self.assertEqual(len(self.records(first)), 10)
        self.assertEqual(self.records(second), [])


if __name__ == "__main__":
    main()
