"""track: real calls, recorded, as captures of every kind; and captures that lie."""
import json
import random
import struct
import subprocess

import capture
from capture import FRAMES, Packet, Relay, ethernet, ipv4, ipv6, pcap, udp
from examples import PATIENCE, SANITIZER, ExampleTest, main, program

IN_2020 = 1_577_836_800_000_000  # microseconds
CALLS = {  # caller, callee, values, end reason, SIP code
    "talk": ("caller_basic", "callee_basic", {"hold": 100}, "caller_bye", 200),
    "cancel": ("caller_cancels", "callee_rings", {}, "cancelled", 487),
    "busy": ("caller_refused", "callee_refuses", {"code": 486, "reason": "Busy", "headers": ""}, "refused", 486),
    "hang_up": ("caller_is_hung_up", "callee_hangs_up", {}, "callee_bye", 200),
    "hold": ("caller_holds_and_resumes", "callee_is_held_and_resumed", {}, "caller_bye", 200),
}


class Track(ExampleTest):
    packets, expected = [], {}  # of the calls, and what their records have to say by Call-ID

    def setUp(self):
        super().setUp()
        if not Track.packets:
            self.record_calls()

    def record_calls(self):
        packets = []
        for caller, callee, values, reason, code in CALLS.values():
            called = self.callee(callee, **values)
            port = self.ports.take()
            relay = Relay(port, called.port)
            self.addCleanup(relay.stop)
            calling = self.caller(caller, port, **values)
            calling.finish()
            called.finish()
            Track.expected[calling.sent("INVITE")[0].call_id] = (reason, code)
            packets += relay.packets
        packets.sort(key=lambda packet: packet.us)
        first = packets[0].us
        Track.packets = [Packet(IN_2020 + one.us - first, one.source, one.target, one.data) for one in packets]

    def frames(self, name, packets=None):
        link_type, frame = FRAMES[name]
        return link_type, [(packet.us, frame(packet)) for packet in packets or self.packets]

    def track(self, file, code=0):
        """Its records and its last table."""
        path = self.folder / "test.pcap"
        path.write_bytes(file)
        done = subprocess.run([program("track"), str(path)], capture_output=True, stdin=subprocess.DEVNULL,
                              timeout=PATIENCE)
        said = done.stderr.decode()
        self.assertNotRegex(said, SANITIZER)
        if code is not None:
            self.assertEqual(done.returncode, code, said)
        self.assertIn(done.returncode, (0, 1, 2), said)
        return [json.loads(line) for line in done.stdout.splitlines()], said

    def found(self, records):
        return {record["call_id"]: (record["end_reason"], record["sip_code"]) for record in records}

    def test_calls_seen_on_both_sides_of_a_proxy_in_every_kind_of_frame(self):
        for name in FRAMES:
            with self.subTest(name):
                records, said = self.track(pcap(*self.frames(name)))
                self.assertEqual(self.found(records), self.expected)
                self.assertEqual(len(records), len(CALLS))
                self.assertIn(f"packets {len(self.packets)}, messages {len(self.packets)}, calls {len(CALLS)}: "
                              "early 0, active 0, failed 2", said)

    def test_calls_seen_on_one_side(self):
        one_side, seen = [], set()
        for packet in self.packets:  # each message where it passes first
            if packet.data not in seen:
                one_side.append(packet)
                seen.add(packet.data)
        records, _ = self.track(pcap(*self.frames("ethernet", one_side)))
        self.assertEqual(self.found(records), self.expected)

    def test_records_have_the_times_of_the_packets(self):
        for magic in (0xa1b2c3d4, 0xa1b23c4d):  # the second counts nanoseconds
            records, _ = self.track(pcap(*self.frames("raw"), magic=magic))
            for record in records:
                mine = [packet for packet in self.packets if f"Call-ID: {record['call_id']}".encode() in packet.data]
                self.assertEqual(record["created_us"], mine[0].us)
                self.check_record(record, *self.expected[record["call_id"]])
                if record["answered_us"]:
                    answer = next(p for p in mine if p.data.startswith(b"SIP/2.0 200") and b" INVITE" in p.data)
                    self.assertEqual(record["answered_us"], answer.us)
                    self.assertEqual(record["duration_us"], record["ended_us"] - record["answered_us"])

    def test_a_capture_that_ends_in_a_call_shows_it_in_the_table(self):
        call_id = next(name for name, (reason, _) in self.expected.items() if reason == "callee_bye").encode()
        bye = next(i for i, p in enumerate(self.packets) if p.data.startswith(b"BYE") and call_id in p.data)
        mine = [packet for packet in self.packets[:bye] if call_id in packet.data]
        records, said = self.track(pcap(*self.frames("raw", mine)))
        self.assertEqual(records, [])
        self.assertRegex(said, r"confirmed +\d+\.\d sip:alice@127.0.0.1:\d+ +sip:bob@127.0.0.1:\d+")
        self.assertIn("early 0, active 1, failed 0", said)

    def test_deadlines_pass_by_the_time_of_the_packets(self):
        call_id = next(name for name, (reason, _) in self.expected.items() if reason == "cancelled").encode()
        ringing = [p for p in self.packets if call_id in p.data and p.data.startswith((b"INVITE", b"SIP/2.0 180"))][:3]
        later = Packet(ringing[-1].us + 181_000_000, 9, 9, b"nothing of SIP")
        sooner = Packet(later.us - 1_000_000, 9, 9, b"")
        self.assertEqual(self.track(pcap(*self.frames("raw", [*ringing, sooner])))[0], [])
        records, _ = self.track(pcap(*self.frames("raw", [*ringing, later])))
        self.assertEqual(self.found(records), {call_id.decode(): ("no_answer", 408)})

    def test_frames_that_lie_are_passed_over(self):
        invite = self.packets[0]
        whole, sizes = udp(invite), (0, 7, 8, 19, 20, 21, 27, 39, 40, 41, 60, 0x7fff, 0xffff)
        frames = [ethernet(ipv4(udp(invite, length))) for length in (0, 7, len(whole) + 1, 0xffff)]
        frames += [ethernet(ipv4(whole, length)) for length in (0, 19, 20, 27, len(whole) + 21, 0xffff)]
        frames += [ethernet(ipv6(whole, length), 0x86dd) for length in (0, 7, len(whole) + 1, 0xffff)]
        frames += [ethernet(ipv4(whole, fragment=fragment)) for fragment in (0x2000, 1, 0x1fff, 0x3fff)]
        frames += [ethernet(ipv4(whole, protocol=6)), ethernet(ipv6(whole, next_header=44), 0x86dd),
                   ethernet(ipv6(whole, next_header=0, extensions=bytes([17, 255] + [0] * 6)), 0x86dd),
                   ethernet(ipv6(b"", next_header=0, extensions=bytes(7)), 0x86dd),
                   ethernet(ipv6(bytes(60000), next_header=0), 0x86dd),
                   ethernet(b"", tags=[0x8100] * 1000), bytes(12) + b"\x81", bytes(12) + b"\x81\x00\x00"]
        good = ethernet(ipv4(whole))
        frames += [good[:at] for at in range(len(good)) if at < 100 or at % 50 == 0]
        frames += [b"\x4f" * size for size in sizes if size < 1000] + [b"\x60" * size for size in sizes if size < 1000]
        for link_type in (capture.NULL, capture.ETHERNET, capture.RAW, capture.LINUX_SLL, capture.LINUX_SLL2,
                          capture.LOOP, 147):
            records, said = self.track(pcap(link_type, [(invite.us, frame) for frame in frames]))
            self.assertEqual(records, [])
            self.assertIn(f"packets {len(frames)}, messages ", said)
            self.assertIn("calls 0:", said, "a frame of a wrong length was believed")

    def test_files_that_lie(self):
        file = pcap(*self.frames("ethernet"))
        for at in (0, 3, 23, 24, 30, 40, 50, len(file) // 2, len(file) - 1):
            _, said = self.track(file[:at], code=None)
            self.assertNotEqual(said, "")
        for size in (0xffffffff, 0x80000000, 262145, 65536):
            self.track(file[:24] + struct.pack("=IIII", 1, 1, size, size) + file[40:], code=None)
        # Times that jump, back too, and to where no clock goes.
        link_type, frames = self.frames("ethernet")
        noise = random.Random(1)
        jumps = [(noise.choice((0, us, us + 10**13, (2**32 - 1) * 10**6 + 999_999)), frame) for us, frame in frames * 3]
        self.track(pcap(link_type, jumps))
        late = [(us if index else us + 40_000_000, frame) for index, (us, frame) in enumerate(frames)]
        self.assertEqual(self.found(self.track(pcap(link_type, late))[0]), self.expected, "time never goes back")

    def test_captures_with_bytes_changed(self):
        seed = random.randrange(1 << 32)
        print(f"seed {seed}", flush=True)
        noise = random.Random(seed)
        for name in FRAMES:
            link_type, frames = self.frames(name)
            changed = []
            for _ in range(1500):
                us, frame = noise.choice(frames)
                frame = bytearray(frame[:noise.randrange(len(frame) + 1)] if noise.random() < 0.2 else frame)
                for _ in range(noise.randrange(4)):
                    if frame:
                        where = noise.randrange(min(len(frame), 64) if noise.random() < 0.7 else len(frame))
                        frame[where] = noise.choice((0, 255, 0x40, noise.randrange(256)))
                changed.append((us, bytes(frame)))
            _, said = self.track(pcap(link_type, changed))
            self.assertIn("packets 1500,", said)
        file = pcap(*self.frames("ethernet"))
        for _ in range(20):
            broken = bytearray(file)
            for _ in range(3):
                broken[noise.randrange(len(broken))] = noise.randrange(256)
            self.track(bytes(broken), code=None)

    def test_wrong_use_is_explained(self):
        for arguments in ([], ["/nowhere"], ["nowhere0", "5060"], ["lo", "port"], ["a", "b", "c"]):
            done = subprocess.run([program("track"), *arguments], capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
            self.assertRegex(done.stderr, "^track: .+")


if __name__ == "__main__":
    main()
