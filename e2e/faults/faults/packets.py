"""IPv4 packets with TCP in them: as much as it takes to tell them apart and break a connection."""

from __future__ import annotations

import struct
from dataclasses import dataclass

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10

_TCP = 6


@dataclass(frozen=True, slots=True)
class Segment:
    """A TCP segment on its way."""

    source: bytes
    target: bytes
    source_port: int
    target_port: int
    seq: int
    ack: int
    flags: int
    payload: bytes

    @property
    def end(self) -> int:
        """The number of the byte that follows; SYN and FIN count as one each (RFC 9293, 3.4)."""
        length = len(self.payload) + bool(self.flags & SYN) + bool(self.flags & FIN)
        return (self.seq + length) & 0xFFFF_FFFF


def parse(packet: bytes) -> Segment | None:
    """Takes an IP packet apart; ``None`` if it has no TCP over IPv4 in it."""
    if len(packet) < 40 or packet[0] >> 4 != 4 or packet[9] != _TCP:
        return None
    start = (packet[0] & 0x0F) * 4
    source_port, target_port, seq, ack, offset, flags = struct.unpack_from("!HHIIBB", packet, start)
    payload = packet[start + (offset >> 4) * 4 : int.from_bytes(packet[2:4], "big")]
    return Segment(packet[12:16], packet[16:20], source_port, target_port, seq, ack, flags, payload)


def resets(segment: Segment) -> tuple[bytes, bytes]:
    """What breaks the connection of a segment: for the side that has sent it, and for the other.

    The numbers are those that each side waits for; others would be answered with a challenge
    (RFC 5961, 3.2).
    """
    back = _reset(
        segment.target,
        segment.source,
        segment.target_port,
        segment.source_port,
        segment.ack if segment.flags & ACK else 0,
        segment.end,
    )
    on = _reset(
        segment.source,
        segment.target,
        segment.source_port,
        segment.target_port,
        segment.seq,
        segment.ack,
    )
    return back, on


def _reset(
    source: bytes, target: bytes, source_port: int, target_port: int, seq: int, ack: int
) -> bytes:
    tcp = struct.pack("!HHIIBBHHH", source_port, target_port, seq, ack, 5 << 4, RST | ACK, 0, 0, 0)
    pseudo = source + target + struct.pack("!BBH", 0, _TCP, len(tcp))
    tcp = tcp[:16] + _checksum(pseudo + tcp) + tcp[18:]
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, _TCP, 0) + source + target
    return head[:10] + _checksum(head) + head[12:] + tcp


def _checksum(data: bytes) -> bytes:
    """The sum of the Internet (RFC 1071)."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)
