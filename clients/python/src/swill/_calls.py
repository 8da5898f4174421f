"""Calls as the caller and the connection share them: what has come for each and has not been
taken."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Final, Protocol

import msgspec

from ._errors import Error, call_cancelled, not_taken

MESSAGE: Final = 0
END_OF_STREAM: Final = 1
METADATA: Final = 2
ERROR: Final = 3

COST: Final = 32
"""What an unread item counts beside its payload."""

NOTHING: Final = msgspec.Raw()
"""The data of a message that has none."""


SLACK: Final = 1024
"""So much more than an item counts may be kept along with it."""


def alone(data: msgspec.Raw, message: bytes | bytearray | msgspec.Raw) -> msgspec.Raw:
    """Data that does not keep the whole message that it came in."""
    return data.copy() if len(message) - len(data) > SLACK else data


class Answer(msgspec.Struct, array_like=True, gc=False):
    """A message of the server about a call of this side, as `swill/1` writes it
    (conformance/PROTOCOLS.md, 1.2)."""

    seq: int
    data: msgspec.Raw
    type: int = MESSAGE
    leading: dict[str, Any] | None = None
    trailing: dict[str, Any] | None = None


def wake(waiting: list[asyncio.Future[None]]) -> None:
    """Wakes everybody who waits."""
    for future in waiting:
        if not future.done():
            future.set_result(None)
    waiting.clear()


async def woken(loop: asyncio.AbstractEventLoop, waiting: list[asyncio.Future[None]]) -> None:
    """Waits until everybody who waits is woken. Who is cancelled waits no more."""
    future: asyncio.Future[None] = loop.create_future()
    waiting.append(future)
    try:
        await future
    except asyncio.CancelledError:
        if future in waiting:
            waiting.remove(future)
        raise


class Call:
    """A call without a stream out. ``future`` becomes the last answer, or the error that the client
    has found."""

    __slots__ = (
        "again",
        "deadline",
        "future",
        "input_open",
        "leading",
        "name",
        "seq",
        "tried",
        "until_sent",
        "watchers",
    )

    def __init__(
        self,
        seq: int,
        name: str,
        future: asyncio.Future[Answer | Error],
        deadline: float | None,
        again: bytes | None,
    ) -> None:
        self.seq = seq
        self.name = name
        self.future = future
        self.deadline: float | None = deadline
        self.again = again
        """The message that opens it, if it may be sent again over the next connection."""
        self.tried = False
        """It was sent over a connection that has ended, and may have been executed."""
        self.until_sent = False
        """The deadline ends when the call is sent."""
        self.input_open = False
        """It has a stream in that has not ended."""
        self.leading: dict[str, Any] | None = None
        self.watchers: list[asyncio.Future[None]] = []
        """Become ready when leading metadata has come or can come no more."""

    def receive(self, answer: Answer) -> bool:
        """A message has come for it. Whether that was the last."""
        if answer.type == METADATA:
            if self.leading is None:
                self.leading = answer.leading
                self.led()
            return False
        self.settle(answer)
        return True

    def settle(self, last: Answer | Error) -> None:
        """It is over."""
        if not self.future.done():
            self.future.set_result(last)
        if self.watchers:
            self.led()

    def led(self) -> None:
        """Leading metadata has come, or can come no more."""
        wake(self.watchers)

    @property
    def is_led(self) -> bool:
        return self.leading is not None or self.future.done()

    @property
    def is_over(self) -> bool:
        return self.future.done()


class Account(Protocol):
    """What all streams of a client together hold that nobody has read."""

    unread: int

    def took(self, call: StreamCall, cost: int) -> None:
        """A caller has used up or thrown away so much."""


class StreamCall(Call):
    """A call with a stream out: items wait in it until they are taken."""

    __slots__ = (
        "__weakref__",
        "account",
        "heard",
        "items",
        "moved",
        "readers",
        "subscription",
        "unread",
    )

    def __init__(
        self,
        seq: int,
        name: str,
        future: asyncio.Future[Answer | Error],
        deadline: float | None,
        again: bytes | None,
        account: Account,
    ) -> None:
        super().__init__(seq, name, future, deadline, again)
        self.account = account
        self.items: deque[msgspec.Raw] = deque()
        self.unread = 0
        """What the items count that have not been taken."""
        self.moved = -1
        """During which pause of reading something was taken last."""
        self.heard = False
        """Something has come for it: leading metadata can come no more."""
        self.readers: list[asyncio.Future[None]] = []
        """Become ready when something has come."""
        self.subscription: bytes | None = None
        """What the server calls the stream, in JSON-RPC."""

    def receive(self, answer: Answer) -> bool:
        kind = answer.type
        if kind == MESSAGE:
            if not self.heard:
                self.begin(answer)
            self.items.append(answer.data)
            cost = len(answer.data) + COST
            self.unread += cost
            self.account.unread += cost
            self.again = None
            if self.readers:
                wake(self.readers)
            return False
        if not self.heard:
            self.begin(answer)
        if kind == METADATA:
            return False
        self.settle(answer)
        return True

    def begin(self, answer: Answer) -> None:
        self.heard = True
        self.deadline = None
        if answer.leading is not None and self.leading is None:
            self.leading = answer.leading
        self.led()

    @property
    def is_led(self) -> bool:
        return self.heard

    def settle(self, last: Answer | Error) -> None:
        self.heard = True
        super().settle(last)
        if self.readers:
            wake(self.readers)

    def take(self) -> msgspec.Raw:
        """The next of the items, of which there is one."""
        data = self.items.popleft()
        cost = len(data) + COST
        self.unread -= cost
        self.account.took(self, cost)
        return data

    def drop(self) -> None:
        """Throws the unread items away."""
        unread, self.unread = self.unread, 0
        self.items.clear()
        if unread:
            self.account.took(self, unread)

    def fail_slow(self) -> None:
        """Its items were left unread for too long, be it still open or over."""
        self.drop()
        if self.future.done():
            # The end has come, and nobody has looked at it yet.
            self.future = self.future.get_loop().create_future()
        self.settle(not_taken())


def abandoned(call: Call) -> None:
    """Nobody wants to hear more of it."""
    if isinstance(call, StreamCall):
        call.drop()
    call.settle(call_cancelled())


class Waiter:
    """A caller that waits for room in the outbox, or for its turn among the calls in flight."""

    __slots__ = ("amount", "deadline", "future")

    def __init__(
        self, future: asyncio.Future[Error | None], amount: int, deadline: float | None
    ) -> None:
        self.future = future
        self.amount = amount
        """Bytes, or calls in flight."""
        self.deadline: float | None = deadline

    def tell(self, error: Error | None) -> bool:
        """Lets the caller go on. Whether it is still there: it may just have been cancelled."""
        if self.future.done():
            return False
        self.future.set_result(error)
        return True
