"""The reading of frames, held against the library `websockets`."""

from __future__ import annotations

import asyncio
import random
import struct
from typing import Any

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from swill._core import Core, Settings
from swill._errors import Close
from swill._limits import Limits
from swill._reader import READ, Reader


class Machine:
    """Remembers what it is given."""

    binary = True

    def __init__(self, core: Core) -> None:
        self.messages: list[bytes] = []
        self.others: list[bytes] = []

    def receive(self, message: bytes | bytearray) -> Close | None:
        self.messages.append(bytes(message))
        return Close(1002, "as told") if message == b"bad" else None

    def other_kind(self, message: bytes | bytearray) -> Close | None:
        self.others.append(bytes(message))
        return None


class Listener:
    def __init__(self, ws: ClientProtocol) -> None:
        self.ws = ws
        self.closed: list[Close] = []
        self.out = b""
        self.reader: Reader

    def close(self, close: Close) -> None:
        self.closed.append(close)
        self.reader.leave()

    linger = close

    def broken(self) -> None:
        assert self.ws.close_sent is not None
        self.close(Close(int(self.ws.close_sent.code), self.ws.close_sent.reason))

    def write_rest(self) -> None:
        self.out += b"".join(self.ws.data_to_send())


class Bench:
    """A reader without a socket."""

    def __init__(self, **limits: Any) -> None:
        settings = Settings(Limits(**limits), None, None)
        machine: Any = Machine
        self.core = Core(asyncio.get_running_loop(), settings, machine)
        self.machine: Any = self.core.machine
        most = self.core.limits.message
        self.ws = ClientProtocol(parse_uri("ws://h/"), max_size=most, state=State.OPEN)
        self.listener = Listener(self.ws)
        self.reader = Reader(self.core, self.ws, self.listener)
        self.listener.reader = self.reader

    def feed(self, data: bytes, sizes: random.Random | None = None) -> None:
        """Hands bytes over, in pieces."""
        at = 0
        while at < len(data):
            room = self.reader.room()
            assert len(room) > 0
            size = min(len(room), len(data) - at)
            if sizes is not None:
                size = min(size, sizes.choice([1, 2, 3, 7, 100, 5000, 70_000]))
            room[:size] = data[at : at + size]
            self.reader.stop += size
            at += size
            self.reader.take()


def frame(data: bytes, opcode: Opcode = Opcode.BINARY, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=False)


async def test_it_reads_as_the_library_does() -> None:
    draw = random.Random(17)
    for _ in range(200):
        bench = Bench()
        library = ClientProtocol(parse_uri("ws://h/"), max_size=16 << 20, state=State.OPEN)
        data, expected, others = b"", [], []
        for _ in range(draw.randrange(1, 30)):
            size = draw.choice([0, 1, 5, 125, 126, 127, 1000, READ - 4, READ, READ + 1, 200_000])
            payload = draw.randbytes(size)
            match draw.randrange(8):
                case 0:
                    data += frame(payload[:125], Opcode.PING)
                case 1:
                    data += frame(payload[:125], Opcode.PONG)
                case 2:
                    cut = draw.randrange(size + 1)
                    data += frame(payload[:cut], fin=False)
                    data += frame(b"between", Opcode.PING)
                    data += frame(payload[cut:], Opcode.CONT)
                    expected.append(payload)
                case 3:
                    data += frame(b"text", Opcode.TEXT)
                    others.append(b"text")
                case _:
                    data += frame(payload)
                    expected.append(payload)
        bench.feed(data, draw)
        assert bench.machine.messages == expected
        assert bench.machine.others == others
        assert bench.listener.closed == []
        # What it said is what the library says: pongs, but for their masks.
        library.receive_data(data)
        assert len(bench.listener.out) == len(b"".join(library.data_to_send()))


@pytest.mark.parametrize(
    ("data", "sent"),
    [
        (frame(b"x" * READ), b"x" * READ),
        (frame(b"a", fin=False) + frame(b"bc", Opcode.CONT), b"abc"),
        (frame(b"ping", Opcode.PING) + frame(b"x"), b"x"),
    ],
    ids=["a large message", "a message in parts", "a message behind a ping"],
)
async def test_the_last_byte_may_come_alone(data: bytes, sent: bytes) -> None:
    bench = Bench()
    bench.feed(data[:-1])
    assert bench.machine.messages == []
    bench.feed(data[-1:])
    assert bench.machine.messages == [sent]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xc2\x00", 1002),
        (b"\x83\x00", 1002),
        (b"\x82\x81\x00\x00\x00\x00x", 1002),
        (frame(b"x", Opcode.CONT), 1002),
        (frame(b"x", fin=False) + frame(b"y"), 1002),
        (b"\x89\x7e\x00\x7e" + b"x" * 126, 1002),
        (b"\x09\x00", 1002),
        (b"\x88\x01x", 1002),
        (b"\x82\x7f" + struct.pack("!Q", 1 << 62), 1009),
        (b"\x82\x7e" + struct.pack("!H", 2001), 1009),
        (frame(b"x" * 1500, fin=False) + frame(b"y" * 1500, Opcode.CONT), 1009),
        (frame(struct.pack("!H", 1001) + b"bye", Opcode.CLOSE), 1001),
        (frame(b"", Opcode.CLOSE), 1005),
        (frame(b"", fin=False) + frame(b"", Opcode.CONT, False) * 10, 1008),
        (frame(b"", fin=False) + frame(b"x", Opcode.CONT, False) * 30, 1008),
        (frame(b"", Opcode.PING) * 1500, 1008),
        (frame(b"bad"), 1002),
    ],
)
@pytest.mark.parametrize("seed", [None, 1, 2])
async def test_what_breaks_the_rules_ends_the_connection(
    data: bytes, code: int, seed: int | None
) -> None:
    bench = Bench(message=2000, fragments=20, empty_fragments=5)
    after = frame(b"after") * 3
    bench.feed(frame(b"before") + data + after, None if seed is None else random.Random(seed))
    assert [close.code for close in bench.listener.closed[:1]] == [code]
    assert bench.machine.messages[:1] == [b"before"]
    assert b"after" not in bench.machine.messages


async def test_garbage_raises_nothing() -> None:
    draw = random.Random(4)
    for _ in range(2000):
        bench = Bench(message=5000)
        bench.feed(draw.randbytes(draw.randrange(1, 300)), draw)


async def test_nothing_is_read_while_it_is_paused() -> None:
    bench = Bench()
    received = bench.machine.receive

    def pause(message: bytes) -> Close | None:
        bench.reader.paused = True
        result: Close | None = received(message)
        return result

    bench.machine.receive = pause
    bench.feed(frame(b"one") + frame(b"two") + frame(b"three"))
    assert bench.machine.messages == [b"one"]
    bench.reader.paused = False
    bench.reader.take()
    assert bench.machine.messages == [b"one", b"two"]
