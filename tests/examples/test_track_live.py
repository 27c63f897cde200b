"""track on the loopback interface, while calls pass. Needs the right to capture: without it, the test is skipped."""
import signal
import socket
import sys

from examples import SKIPPED, ExampleTest, main, wait_until


def may_capture():
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
    except PermissionError:
        return False
    return True


class TrackLive(ExampleTest):
    def test_calls_through_a_proxy_are_seen_once_while_they_pass(self):
        port = self.ports.take()
        track = self.start("track", "lo", port)
        wait_until(lambda: track.runs() and "STATE" in track.said(), "the first table")
        callee = self.callee("callee_is_held_and_resumed", calls=2)
        proxy = self.start("limit-proxy", port, f"127.0.0.1:{callee.port}", 10, port=port)
        callers = [self.caller("caller_waits_for_a_sign", port, user) for user in ("alice", "carol")]
        for user in ("alice", "carol"):
            wait_until(lambda: f"sip:{user}@127.0.0.1" in track.said(), f"{user}'s call is in the table")
        wait_until(lambda: "early 0, active 2" in track.said(), "two calls up")
        for caller in callers:
            self.sign(caller)
            caller.finish()
        records = track.wait_for_records(2)
        for record in records:
            self.check_record(record, "caller_bye", 200)
        proxied = proxy.wait_for_records(2)
        self.assertEqual({record["call_id"] for record in records}, {record["call_id"] for record in proxied})
        for one, other in zip(sorted(records, key=call_id), sorted(proxied, key=call_id)):
            self.assertLess(abs(one["answered_us"] - other["answered_us"]), 1_000_000, "the same clock")
        track.process.send_signal(signal.SIGINT)
        self.assertEqual(track.ends(), 0)
        self.assertIn("calls 2: early 0, active 0, failed 0", track.said())


def call_id(record):
    return record["call_id"]


if __name__ == "__main__":
    if not may_capture():
        print("skipped: this process may not capture (it wants root or CAP_NET_RAW)")
        sys.exit(SKIPPED)
    main()
