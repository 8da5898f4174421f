"""From the bytes of the socket to messages of the protocol.

The library `websockets` reads everything that is rare: control frames, messages in several frames,
messages larger than the buffer. The frames that nearly all messages consist of, unfragmented and
small, are read here: that takes the library several times as long as all the rest of a call. A test
holds both against each other.
"""

from __future__ import annotations

from typing import Final, Protocol

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode

from ._bucket import Bucket
from ._core import Core
from ._errors import Close

READ: Final = 64 << 10
"""How much one read takes. An unfragmented message up to this size never passes through the
library."""

PINGS: Final = (1000, 100)
"""Pings of the server: so many at once, and so many per second."""


class Listener(Protocol):
    """The connection, as far as the reader tells it something."""

    def close(self, close: Close) -> None:
        """The server has broken a rule of this side."""

    def linger(self, close: Close) -> None:
        """The server has said goodbye, and was answered."""

    def broken(self) -> None:
        """The server has broken the rules of the WebSocket."""

    def write_rest(self) -> None:
        """The library may have something to say."""


class Reader:
    """What has come on a connection and is not handled yet."""

    def __init__(self, core: Core, ws: ClientProtocol, listener: Listener) -> None:
        self.core = core
        self.ws = ws
        self.listener = listener
        self.buffer = bytearray(READ + 4)
        self.view = memoryview(self.buffer)
        self.at = 0
        self.stop = 0
        self.usual = 0x82 if core.machine.binary else 0x81
        """The first byte of the frames that are read here."""
        self.plain = self.usual
        """The same, or no byte at all while the library has to see everything."""
        self.through = 0
        """So many bytes go through the library, which is in the middle of a frame."""
        self.parts: list[bytes] | None = None
        self.parts_opcode = Opcode.BINARY
        self.empty_parts = 0
        self.tapped = core.settings.tap is not None
        self.paused = False
        self.deaf = False
        """The connection is about to end: messages are of no interest any more."""
        self.pings = Bucket(*PINGS, core.loop.time())

    def room(self) -> memoryview:
        """Where the next bytes go."""
        at, stop = self.at, self.stop
        if at == stop:
            self.at = self.stop = 0
            return self.view
        if at:
            self.view[: stop - at] = self.view[at:stop]
            self.at, self.stop = 0, stop - at
        return self.view[self.stop :]

    def put(self, data: bytes) -> None:
        """Takes bytes that came along with the answer to the handshake."""
        if len(data) > len(self.buffer):
            self.buffer = bytearray(data)
            self.view = memoryview(self.buffer)
        self.buffer[: len(data)] = data
        self.at, self.stop = 0, len(data)

    def taken(self) -> bytes:
        """Everything that has come, for the handshake."""
        data = self.view[self.at : self.stop].tobytes()
        self.at = self.stop = 0
        return data

    def leave(self) -> None:
        """Nothing more is to be heard."""
        self.deaf = True
        self.plain = -1

    def take(self) -> None:
        """Handles what has come, until it is used up or too much is unread."""
        receive = self.core.machine.receive
        buffer = self.buffer
        at, stop = self.at, self.stop
        while not self.paused:
            left = stop - at
            if left < 2:
                # One byte may be the last of what the library waits for.
                self.at = at
                if left and (self.through or self.deaf) and self.pass_on():
                    at = self.at
                    continue
                break
            length = buffer[at + 1]
            if length < 126 and buffer[at] == self.plain:
                start = at + 2
            elif length == 126 and buffer[at] == self.plain and left >= 4:
                start = at + 4
                length = buffer[at + 2] << 8 | buffer[at + 3]
                if length > self.core.limits.message or length + 4 > len(buffer):
                    start = 0
            else:
                start = 0
            if not start:
                self.at = at
                if not self.pass_on():
                    return
                at = self.at
                continue
            end = start + length
            if end > stop:
                break
            message = buffer[start:end]
            self.at = at = end
            if self.tapped:
                self.show(message, self.plain & 15)
            close = receive(message)
            if close is not None:
                self.listener.close(close)

    def pass_on(self) -> bool:
        """Gives a frame to the library, or a part of it. Whether there may be more to do."""
        ws, at, stop = self.ws, self.at, self.stop
        if self.through:
            size = min(self.through, stop - at)
        elif self.deaf:
            # Where frames end is of no interest any more.
            size = stop - at
        else:
            size = self.measure(at, stop)
        if size == 0:
            return False
        if self.through:
            self.through -= size
        self.at = at + size
        ws.receive_data(self.view[at : at + size].tobytes())
        for event in ws.events_received():
            if isinstance(event, Frame):
                self.frame(event)
        self.listener.write_rest()
        if ws.parser_exc is not None:
            self.through = 0
            self.listener.broken()
        see_all = self.through or self.parts is not None or self.deaf
        self.plain = -1 if see_all else self.usual
        return True

    def measure(self, at: int, stop: int) -> int:
        """How many bytes of the frame that begins here are there, if its head is; otherwise 0."""
        length, head = self.buffer[at + 1] & 127, 2
        if length == 126:
            head = 4
        elif length == 127:
            head = 10
        if self.buffer[at + 1] & 128:
            # Masked, which the library will refuse.
            head += 4
        if stop - at < head:
            return 0
        if length >= 126:
            start = at + 2
            length = int.from_bytes(self.view[start : start + (2 if length == 126 else 8)], "big")
        self.through = head + length
        return min(self.through, stop - at)

    def frame(self, frame: Frame) -> None:
        """Takes a frame that the library has read."""
        opcode = frame.opcode
        data = bytes(frame.data)
        if opcode is Opcode.PING:
            if not self.pings.take(self.core.loop.time()):
                self.listener.close(Close(1008, "too many pings"))
        elif opcode is Opcode.PONG:
            pass
        elif opcode is Opcode.CLOSE:
            got = self.ws.close_rcvd
            code, reason = (got.code, got.reason) if got is not None else (1005, "")
            self.listener.linger(Close(int(code), reason))
        elif self.parts is None and frame.fin:
            self.message(data, opcode)
        else:
            self.part(frame, data)

    def part(self, frame: Frame, data: bytes) -> None:
        """Takes a frame of a message that comes in several."""
        limits = self.core.limits
        if self.parts is None:
            self.parts, self.parts_opcode, self.empty_parts = [], frame.opcode, 0
        if not data:
            self.empty_parts += 1
        self.parts.append(data)
        if len(self.parts) > limits.fragments or self.empty_parts > limits.empty_fragments:
            self.parts = None
            self.listener.close(Close(1008, "a message in too many frames"))
        elif frame.fin:
            message = b"".join(self.parts)
            self.parts = None
            self.message(message, self.parts_opcode)

    def message(self, data: bytes, opcode: Opcode) -> None:
        """Takes a message that the library has read."""
        if self.deaf:
            return
        machine = self.core.machine
        if self.tapped:
            self.show(data, opcode)
        binary = opcode is Opcode.BINARY
        close = (machine.receive if binary == machine.binary else machine.other_kind)(data)
        if close is not None:
            self.listener.close(close)

    def show(self, message: bytes | bytearray, opcode: int) -> None:
        data = bytes(message)
        text = opcode == Opcode.TEXT
        self.core.tapped("in", data.decode(errors="replace") if text else data)
