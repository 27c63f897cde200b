"""Captures without the right to capture: a relay between two SIPps that keeps each datagram, and pcap files of them."""
import select
import socket
import struct
import threading
import time
from dataclasses import dataclass

# Link types (tcpdump.org/linktypes.html)
NULL, ETHERNET, RAW, LINUX_SLL, LOOP, LINUX_SLL2 = 0, 1, 101, 113, 108, 276


@dataclass
class Packet:
    us: int  # UTC
    source: int  # ports; the hosts are always the same
    target: int
    data: bytes


class Relay:
    """Passes datagrams from whoever calls its port to the callee and back; keeps both hops, as a proxy has them."""

    def __init__(self, port, callee):
        self.packets, self._callee, self._caller = [], ("127.0.0.1", callee), None
        self._front, self._back = self._socket(port), self._socket(0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @staticmethod
    def _socket(port):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(("127.0.0.1", port))
        return made

    def _run(self):
        while not self._stop.is_set():
            for ready in select.select([self._front, self._back], [], [], 0.05)[0]:
                data, sender = ready.recvfrom(65536)
                if ready is self._front:
                    self._caller = sender
                    self._pass(data, sender, self._front, self._back, self._callee)
                elif self._caller:
                    self._pass(data, sender, self._back, self._front, self._caller)

    def _pass(self, data, sender, inner, outer, receiver):
        here, there = inner.getsockname()[1], outer.getsockname()[1]
        self.packets.append(Packet(time.time_ns() // 1000, sender[1], here, data))
        outer.sendto(data, receiver)
        self.packets.append(Packet(time.time_ns() // 1000, there, receiver[1], data))

    def stop(self):
        self._stop.set()
        self._thread.join()
        self._front.close()
        self._back.close()


def udp(packet, length=None):
    length = 8 + len(packet.data) if length is None else length
    return struct.pack("!HHHH", packet.source, packet.target, length, 0) + packet.data


def ipv4(payload, length=None, fragment=0, options=b"", protocol=17):
    size = 20 + len(options)
    length = size + len(payload) if length is None else length
    return struct.pack("!BBHHHBBH4s4s", 0x40 | size // 4, 0, length, 1, fragment, 64, protocol, 0,
                       bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])) + options + payload


def ipv6(payload, length=None, extensions=b"", next_header=17):
    length = len(extensions) + len(payload) if length is None else length
    return struct.pack("!IHBB16s16s", 0x60000000, length, next_header, 64, bytes(16), bytes(16)) + extensions + payload


def ethernet(payload, kind=0x0800, tags=()):
    head = bytes(12)
    for tag in tags:
        head += struct.pack("!HH", tag, 7)
    return head + struct.pack("!H", kind) + payload


def sll(payload, kind=0x0800):
    return struct.pack("!HHH8sH", 0, 1, 6, bytes(8), kind) + payload


def sll2(payload, kind=0x0800):
    return struct.pack("!HHIHBB8s", kind, 0, 1, 1, 0, 6, bytes(8)) + payload


def null(payload):
    return struct.pack("=I", 2) + payload


# name: link type, frame of a packet
FRAMES = {
    "ethernet": (ETHERNET, lambda p: ethernet(ipv4(udp(p)))),
    "ethernet with padding": (ETHERNET, lambda p: ethernet(ipv4(udp(p)) + bytes(18))),
    "ethernet with a VLAN tag": (ETHERNET, lambda p: ethernet(ipv4(udp(p)), tags=[0x8100])),
    "ethernet with two VLAN tags": (ETHERNET, lambda p: ethernet(ipv4(udp(p)), tags=[0x88a8, 0x8100])),
    "ethernet, IPv6": (ETHERNET, lambda p: ethernet(ipv6(udp(p)), 0x86dd)),
    "cooked": (LINUX_SLL, lambda p: sll(ipv4(udp(p)))),
    "cooked, version 2": (LINUX_SLL2, lambda p: sll2(ipv4(udp(p)))),
    "cooked, version 2, IPv6": (LINUX_SLL2, lambda p: sll2(ipv6(udp(p)), 0x86dd)),
    "loopback": (NULL, lambda p: null(ipv4(udp(p)))),
    "raw": (RAW, lambda p: ipv4(udp(p))),
    "raw with IP options": (RAW, lambda p: ipv4(udp(p), options=bytes([1] * 8))),
    "raw IPv6": (RAW, lambda p: ipv6(udp(p))),
    "raw IPv6 with extension headers": (RAW, lambda p: ipv6(
        udp(p), next_header=0, extensions=bytes([60, 0] + [0] * 6) + bytes([17, 1] + [0] * 14))),
}


def pcap(link_type, frames, magic=0xa1b2c3d4, snap=262144):
    """A file of (microseconds, frame) pairs; `magic` may say nanoseconds."""
    fraction = 1000 if magic == 0xa1b23c4d else 1
    file = struct.pack("=IHHiIII", magic, 2, 4, 0, 0, snap, link_type)
    for us, frame in frames:
        file += struct.pack("=IIII", us // 1_000_000, us % 1_000_000 * fraction, len(frame), len(frame)) + frame
    return file
