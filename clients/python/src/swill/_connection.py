"""One connection: its handshake, what is written, and its end.

The library `websockets` does the handshakes and says what is rare. The frames of messages are
written here, see the module `_reader` for why.
"""

from __future__ import annotations

import asyncio
import os
from typing import Final

from websockets.client import ClientProtocol
from websockets.protocol import State as WebSocketState

from . import _handshake as handshake
from ._core import Core
from ._errors import BROKEN, Close
from ._outbox import Bundle
from ._reader import Reader

try:
    from websockets.speedups import apply_mask
except ImportError:
    from websockets.utils import apply_mask

LINGER: Final = 1.0
"""How long a server may take to hang up once both sides have said goodbye, in seconds."""

KEYS: Final = 1024
"""So many masking keys are drawn at once: asking the system for each costs more than the
masking."""


class Connection(asyncio.BufferedProtocol):
    """A connection from its handshake to its end."""

    def __init__(self, core: Core, ws: ClientProtocol) -> None:
        loop = core.loop
        self.core = core
        self.ws = ws
        self.opened: asyncio.Future[None] = loop.create_future()
        """Fails with :class:`swill._handshake.AttemptError` if the handshake does."""
        self.over: asyncio.Future[Close] = loop.create_future()
        self.ended_by: Close | None = None
        self.transport: asyncio.Transport | None = None
        self.head = b""
        self.in_handshake = True
        self.reader = Reader(core, ws, self)
        self.continuing = False
        self.choked = False
        # Writing.
        self.keys = b""
        self.next_key = 0
        self.scheduled = False
        self.first = 0x82 if core.machine.binary else 0x81
        # Time.
        now = loop.time()
        self.heard = now
        self.pinged: float | None = None
        self.stalled_since: float | None = None
        self.until: float | None = None
        """When a connection that closes is dropped."""

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(high=0)
        transport.write(b"".join(self.ws.data_to_send()))

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.reader.room()

    def buffer_updated(self, nbytes: int) -> None:
        self.reader.stop += nbytes
        self.heard = self.core.loop.time()
        if self.pinged is not None:
            self.pinged = None
            self.core.wake_at(self.heard + self.core.limits.ping_after)
        if self.in_handshake:
            self.shake_hands()
        else:
            self.reader.take()

    def eof_received(self) -> bool:
        if self.in_handshake:
            self.refuse_at_end()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self.in_handshake:
            self.refuse_at_end()
        if not self.over.done():
            self.over.set_result(self.ended_by or BROKEN)

    def pause_writing(self) -> None:
        if self.core.wire is self:
            self.core.wire = None
        self.stalled_since = self.core.loop.time()
        self.core.wake_at(self.stalled_since + self.core.limits.write_stall)

    def resume_writing(self) -> None:
        self.stalled_since = None
        if self.core.reader is self and self.ended_by is None:
            self.core.wire = self
            self.flush()

    # The handshake.

    def shake_hands(self) -> None:
        """Takes a part of the server's answer."""
        self.head += self.reader.taken()
        end = self.head.find(b"\r\n\r\n")
        if end < 0:
            if len(self.head) > handshake.HEAD:
                self.refuse(handshake.foreign("the head of its answer is too long"))
            return None
        head, rest = self.head[: end + 4], self.head[end + 4 :]
        if handshake.status_of(head) == 101:
            self.ws.receive_data(head)
            if self.ws.state is WebSocketState.OPEN:
                return self.open(rest)
            return self.refuse(handshake.failure(self.ws, head))
        if len(rest) >= handshake.BODY:
            return self.refuse(
                handshake.refused(handshake.status_of(head) or 0, rest[: handshake.BODY])
            )
        # The body may take several reads. The library knows where it ends.
        ws = self.fresh()
        ws.receive_data(self.head)
        if ws.handshake_exc is not None:
            self.refuse(handshake.failure(ws, head))
        elif self.until is None:
            loop = self.core.loop
            self.until = loop.time() + handshake.BODY_WITHIN
            loop.call_at(self.until, self.refuse_at_end)
        return None

    def fresh(self) -> ClientProtocol:
        """A state of the library that has not seen an answer."""
        return ClientProtocol(self.ws.uri, max_size=None)

    def refuse_at_end(self) -> None:
        """The answer has come to its end, or its time is up."""
        if not self.in_handshake:
            return
        ws = self.fresh()
        if self.head:
            ws.receive_data(self.head)
        ws.receive_eof()
        self.refuse(handshake.failure(ws, self.head))

    def refuse(self, failed: handshake.AttemptError) -> None:
        self.in_handshake = False
        if not self.opened.done():
            self.opened.set_exception(failed)
            # Whoever connects may have been cancelled: then nobody looks at it.
            self.opened.exception()
        self.drop()

    def open(self, rest: bytes) -> None:
        chosen = self.ws.subprotocol
        self.ws.events_received()
        if chosen is None and self.core.machine.needs_subprotocol:
            return self.refuse(handshake.foreign("it chose no subprotocol"))
        self.in_handshake = False
        self.head = b""
        if not self.opened.done():
            self.opened.set_result(None)
        if rest:
            self.reader.put(rest)
            self.go_on()
        return None

    def start(self) -> None:
        """The handshake is done, and the client takes the connection over."""
        core = self.core
        core.reader = self
        core.tick = self.tick
        if self.stalled_since is None:
            core.wire = self
            self.schedule()
        core.wake_at(core.loop.time() + core.limits.ping_after)

    # From the socket.

    def pause(self) -> None:
        self.reader.paused = True
        if self.transport is not None:
            self.transport.pause_reading()

    def resume(self) -> None:
        self.reader.paused = False
        # Pongs were waiting behind the data.
        self.heard = self.core.loop.time()
        self.pinged = None
        self.go_on()

    def hold(self) -> None:
        """Handles the rest of what has come when everything else had its turn."""
        if not self.reader.paused:
            self.pause()
            self.core.loop.call_soon(self.release)

    def choke(self) -> None:
        """Handles no more until what waits to be sent has been written."""
        if not self.reader.paused:
            self.choked = True
            self.pause()

    def release(self) -> None:
        if not self.core.unread.paused:
            self.resume()

    def go_on(self) -> None:
        """Handles soon what has come already, and then reads on."""
        if not self.continuing:
            self.continuing = True
            self.core.loop.call_soon(self.went_on)

    def went_on(self) -> None:
        self.continuing = False
        if self.reader.paused or self.over.done():
            return
        self.reader.take()
        if not self.reader.paused and self.transport is not None:
            self.transport.resume_reading()

    # To the socket.

    def schedule(self) -> None:
        if not self.scheduled:
            self.scheduled = True
            self.core.loop.call_soon(self.flush)

    def flush(self) -> None:
        """Writes everything that waits, in one piece."""
        self.scheduled = False
        core = self.core
        entries = core.outbox.entries
        if not entries or core.wire is not self or self.transport is None:
            return
        core.sent = core.last
        core.outbox.entries = []
        core.outbox.size = 0
        if len(entries) == 1:
            data = self.framed(entries[0][1])
        else:
            data = b"".join([self.framed(message) for _, message in entries])
        self.transport.write(data)
        if self.choked and core.wire is self:
            self.choked = False
            self.release()
        if core.senders or core.waiting:
            core.admit()

    def framed(self, message: bytes | Bundle) -> bytes:
        """A message as a frame of its own, masked (RFC 6455, 5.2 and 5.3)."""
        if isinstance(message, Bundle):
            message = message.join()
        if self.reader.tapped:
            self.core.tapped("out", message if self.first == 0x82 else message.decode())
        at = self.next_key
        if at == len(self.keys):
            self.keys, at = os.urandom(4 * KEYS), 0
        self.next_key = at + 4
        key = self.keys[at : at + 4]
        length = len(message)
        if length < 126:
            head = bytes((self.first, 0x80 | length))
        elif length < 65_536:
            head = bytes((self.first, 0xFE)) + length.to_bytes(2, "big")
        else:
            head = bytes((self.first, 0xFF)) + length.to_bytes(8, "big")
        return head + key + apply_mask(message, key)

    def write_rest(self) -> None:
        """Writes what the library wants to say."""
        data = b"".join(self.ws.data_to_send())
        if data and self.transport is not None:
            self.transport.write(data)

    # The end.

    def close(self, close: Close) -> None:
        """Begins to close from this side. What was said before is written first."""
        if self.ws.state is not WebSocketState.OPEN:
            return
        if self.core.reader is self:
            # Also if the socket is full: no more will come, and it has its time.
            self.core.wire = self
        self.flush()
        self.leave(close)
        self.ws.send_close(close.code, close.reason)
        self.write_rest()
        self.give_up_after(self.core.limits.close)

    def leave(self, close: Close) -> None:
        """Nothing more is said or heard."""
        if self.ended_by is None:
            self.ended_by = close
        if self.core.reader is self:
            self.core.wire = None
        self.reader.leave()
        if self.reader.paused:
            self.resume()

    def linger(self, close: Close) -> None:
        """Both sides have said goodbye: the server hangs up."""
        self.leave(close)
        self.give_up_after(LINGER)

    def broken(self) -> None:
        """The server has broken the rules of the WebSocket."""
        sent = self.ws.close_sent
        self.leave(Close(int(sent.code), sent.reason) if sent is not None else BROKEN)
        self.give_up_after(LINGER)

    def give_up_after(self, seconds: float) -> None:
        now = self.core.loop.time()
        until = now + seconds
        if self.until is None or until < self.until:
            self.until = until
            self.core.loop.call_at(until, self.drop)

    def drop(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def lose(self, close: Close) -> None:
        """The connection counts as broken."""
        if self.ended_by is None:
            self.ended_by = close
        self.drop()

    # Time.

    def tick(self, now: float) -> float:
        """Does what is due. Returns when to look again."""
        limits = self.core.limits
        next_at = float("inf")
        if self.stalled_since is not None:
            at = self.stalled_since + limits.write_stall
            if now >= at:
                self.lose(Close(1006, "the server took nothing of what was sent to it"))
                return next_at
            next_at = at
        if self.ended_by is not None:
            return next_at
        if self.reader.paused:
            # Pongs wait behind the data that is not read: the server's silence is ours.
            self.heard, self.pinged = now, None
        if self.pinged is not None:
            at = self.pinged + limits.pong_within
            if now >= at:
                self.lose(Close(1006, "the server did not answer a ping"))
                return next_at
            return min(next_at, at)
        at = self.heard + limits.ping_after
        if now >= at:
            self.pinged = now
            self.ws.send_ping(b"")
            self.write_rest()
            at = now + limits.pong_within
        return min(next_at, at)
