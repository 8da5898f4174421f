"""Streams in: with one answer at their end, and together with a stream out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Iterable
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from ._calls import MESSAGE, Call, StreamCall
from ._core import Core
from ._errors import Code, Error, call_cancelled, cannot_carry
from ._items import Items, leading, release
from ._outbox import COST
from ._request import (
    DEFAULT,
    UNWRITABLE,
    Deadline,
    ends_at,
    failure,
    open_input,
    response,
    unwritable,
)
from ._state import Metadata, Response

T = TypeVar("T")


async def send_item(core: Core, call: Call, item: object) -> None:
    """Sends an item of a stream in, as soon as there is room. Of a call that has ended well it is
    dropped."""
    if call.is_over:
        return refuse(core, call)
    try:
        message = core.machine.item(call.seq, call.name, item)
    except UNWRITABLE as error:
        raise unwritable("item", error, call.name) from error
    core.check_size(message)
    await push(core, call, message)
    return None


async def push(core: Core, call: Call, message: bytes) -> None:
    """Sends a message of a call that has a stream in, as soon as there is room."""
    if not call.input_open:
        return refuse(core, call)
    while not core.has_room:
        try:
            at = None if is_sent(core, call) else call.deadline
            await core.room(len(message) + COST, at)
        except Error:
            # What happened to the call says more than that there is no room.
            if call.is_over:
                return refuse(core, call)
            if core.end is not None or not is_sent(core, call):
                raise
            continue
        break
    if not call.input_open:
        return refuse(core, call)
    core.push(call.seq, message)
    return None


def is_sent(core: Core, call: Call) -> bool:
    """Whether a call is past its deadline for being sent, and has no other."""
    return call.until_sent and call.seq <= core.sent


def refuse(core: Core, call: Call) -> None:
    """Says why nothing more can be sent to a call; nothing if it has ended well."""
    if not call.is_over:
        raise Error(Code.BAD_REQUEST, "the stream in has ended", procedure=call.name)
    last = call.future.result()
    if isinstance(last, Error) or last.type > MESSAGE + 1:
        raise failure(core, call, last)


async def end_input(core: Core, call: Call) -> None:
    """Ends a stream in."""
    if call.is_over:
        return refuse(core, call)
    await push(core, call, core.machine.end(call.seq, call.name))
    call.input_open = False
    return None


class Input:
    """What both kinds of streams in have in common."""

    def __init__(
        self, core: Core, name: str, metadata: Metadata | None, deadline: Deadline, owner: object
    ) -> None:
        self._core = core
        self._owner = owner
        self._name = name
        self._metadata = metadata
        self._deadline = deadline
        self._call: Call | None = None
        self._opening: asyncio.Lock | None = None
        self._left = False

    async def _open(self) -> Call:
        """The call, which begins now unless it has."""
        call = self._call
        if call is not None:
            return call
        if self._left:
            raise call_cancelled()
        if self._opening is None:
            self._opening = asyncio.Lock()
        async with self._opening:
            if self._call is None:
                core = self._core
                if not core.machine.streams_in:
                    raise cannot_carry(core.machine.name, "a stream in")
                at = ends_at(core, self._deadline)
                if core.must_wait():
                    await core.turn(1, at)
                    if self._left:
                        raise call_cancelled()
                call = self._make(core.last + 1, at)
                call.until_sent = self._deadline is DEFAULT
                open_input(core, call, self._metadata)
                self._call = call
                self._began(call)
        return self._call

    def _make(self, seq: int, deadline: float | None) -> Call:
        raise NotImplementedError

    def _began(self, call: Call) -> None:
        """The call is on its way."""

    @property
    def is_over(self) -> bool:
        """Whether the call has ended: the server has said its last word before the stream in has
        ended, or the call has failed. What is sent now is dropped."""
        return self._call is not None and self._call.is_over

    async def send(self, item: object) -> None:
        """Sends an item. Waits until there is room in the outgoing queue.

        After the server has said its last word, items are dropped without an error.

        :raises Error: what the call has failed with; code 413 if the item exceeds
            ``Limits.request``, which does not end the call.
        """
        call = self._call or await self._open()
        await send_item(self._core, call, item)

    async def send_all(self, items: AsyncIterable[object] | Iterable[object]) -> None:
        """Sends items one after the other, until there are none or the call is over."""
        call = await self._open()
        if isinstance(items, AsyncIterable):
            async for item in items:
                if call.is_over:
                    break
                await send_item(self._core, call, item)
        else:
            for item in items:
                if call.is_over:
                    break
                await send_item(self._core, call, item)

    async def leading(self) -> dict[str, Any]:
        """What the server says ahead of everything else. Waits until that has come, by itself or
        with the first thing that comes; empty if the server says nothing."""
        return await leading(self._core, await self._open())

    async def cancel(self) -> None:
        """Cancels the call, unless it has ended."""
        self._left = True
        if self._call is not None:
            self._core.abandon(self._call)

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.cancel()

    def __del__(self) -> None:
        call = self._call
        if call is not None and not call.is_over:
            release(self._core.loop, self._core, call)


class Sender(Input, Generic[T]):
    """A stream in that ends with one answer. Made by :meth:`swill.Client.stream_in`.

    Left before :meth:`finish`, be it by ``async with`` or because nobody holds it any more, it
    cancels the call.
    """

    __module__ = "swill"

    def __init__(
        self,
        core: Core,
        name: str,
        returns: Any,
        metadata: Metadata | None,
        deadline: Deadline,
        owner: object,
    ) -> None:
        """For :meth:`swill.Client.stream_in`."""
        super().__init__(core, name, metadata, deadline, owner)
        self._returns = returns

    def _make(self, seq: int, deadline: float | None) -> Call:
        return Call(seq, self._name, self._core.loop.create_future(), deadline, None)

    async def finish(self) -> T:
        """Ends the stream and waits for the answer.

        :raises Error: see :class:`swill.Client`.
        """
        return (await self.finish_with_metadata()).value

    async def finish_with_metadata(self) -> Response[T]:
        """Ends the stream and waits for the answer and the metadata around it.

        :raises Error: see :class:`swill.Client`.
        """
        core = self._core
        call = await self._open()
        if self._deadline is DEFAULT:
            call.until_sent = False
            call.deadline = ends_at(core, DEFAULT)
            if call.deadline is not None:
                core.wake_at(call.deadline)
        try:
            if call.input_open:
                await end_input(core, call)
            last = await asyncio.shield(call.future)
        except asyncio.CancelledError:
            core.abandon(call)
            raise
        return response(core, call, last, self._returns)

    def __repr__(self) -> str:
        return f"<swill.Sender of {self._name!r}{' that is over' if self.is_over else ''}>"


class Duplex(Input, Generic[T]):
    """Streams in and out of one call. Made by :meth:`swill.Client.both`.

    It is sent to with :meth:`send` and :meth:`end`, and read from with ``async for``; both may be
    done by tasks of their own. Left before its end, be it by ``async with`` or because nobody holds
    it any more, it cancels the call.
    """

    __module__ = "swill"

    def __init__(
        self,
        core: Core,
        name: str,
        returns: Any,
        metadata: Metadata | None,
        deadline: Deadline,
        owner: object,
    ) -> None:
        """For :meth:`swill.Client.both`."""
        super().__init__(core, name, metadata, deadline, owner)
        self._items: Items[T] = Items(core, name, None, returns, None, deadline, False, owner)

    def _make(self, seq: int, deadline: float | None) -> Call:
        core = self._core
        return StreamCall(seq, self._name, core.loop.create_future(), deadline, None, core.unread)

    def _began(self, call: Call) -> None:
        assert isinstance(call, StreamCall)
        self._items.adopt(call)

    async def end(self) -> None:
        """Ends the stream in. The stream out goes on.

        :raises Error: what the call has failed with.
        """
        call = await self._open()
        if call.input_open:
            await end_input(self._core, call)

    @property
    def trailing(self) -> dict[str, Any] | None:
        """What the server said at the end; ``None`` before the end was reached, and if the call
        failed."""
        return self._items.trailing

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        if self._call is None and not self._left:
            await self._open()
        return await self._items.__anext__()

    async def to_list(self) -> list[T]:
        """All items up to the end. The call is cancelled if one of them fails."""
        async with self:
            return [item async for item in self]

    async def cancel(self) -> None:
        """Cancels the call, unless it has ended. Unread items are dropped."""
        self._left = True
        if self._call is not None:
            self._core.abandon(self._call)
        await self._items.aclose()

    async def aclose(self) -> None:
        """As :meth:`cancel`."""
        await self.cancel()

    def __repr__(self) -> str:
        return f"<swill.Duplex of {self._name!r}{' that is over' if self.is_over else ''}>"
