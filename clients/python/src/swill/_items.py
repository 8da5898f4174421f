"""The items of a stream out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from ._calls import END_OF_STREAM, Answer, Call, StreamCall, woken
from ._core import Core
from ._errors import Error, call_cancelled
from ._request import DEFAULT, Deadline, ends_at, failure, open_stream, value_of
from ._state import Metadata

T = TypeVar("T")


def run_in(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *args: object) -> None:
    """Runs something soon, from whichever thread; not in a loop that is closed."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(function, *args)


def release(loop: asyncio.AbstractEventLoop, core: Core, call: Call) -> None:
    """Cancels a call whose handle was thrown away, from whichever thread."""
    run_in(loop, core.abandon, call)


class Items(Generic[T]):
    """The items of a stream out. Made by :meth:`swill.Client.stream`.

    The call begins when the first item is asked for, or with ``async with`` or :meth:`leading`. If
    it fails, the loop ends with a :class:`swill.Error`. An item that does not fit the expected type
    is an error in its place; whoever goes on asking gets the next one.

    Leaving it early cancels the call: by :meth:`aclose`, at the end of ``async with``, or when the
    last reference is gone, as after a ``break`` out of ``async for``.

    Unread items are kept up to ``Limits.stream_unread``. A stream that is left unread holds up all
    calls of its client once the limit is reached: read it to its end, or leave it.
    """

    __module__ = "swill"

    def __init__(
        self,
        core: Core,
        name: str,
        params: object,
        returns: Any,
        metadata: Metadata | None,
        deadline: Deadline,
        idempotent: bool,
        owner: object,
    ) -> None:
        """For :meth:`swill.Client.stream`. The owner lives as long as this."""
        self._core = core
        self._owner = owner
        self._name = name
        self._returns = returns
        self._request = (params, metadata, deadline, idempotent)
        self._call: StreamCall | None = None
        self._opening: asyncio.Lock | None = None
        self._ended = False
        self._trailing: dict[str, Any] | None = None

    async def _open(self) -> StreamCall:
        """The call, which begins now unless it has."""
        call = self._call
        if call is not None:
            return call
        if self._ended:
            raise call_cancelled()
        if self._opening is None:
            self._opening = asyncio.Lock()
        async with self._opening:
            if self._call is None:
                self._call = await self._begin()
        return self._call

    async def _begin(self) -> StreamCall:
        core = self._core
        params, metadata, deadline, idempotent = self._request
        at = ends_at(core, deadline)
        if core.must_wait():
            await core.turn(1, at)
            if self._ended:
                raise call_cancelled()
        by_default = deadline is DEFAULT
        return open_stream(core, self._name, params, metadata, at, idempotent, by_default)

    def adopt(self, call: StreamCall) -> None:
        """Reads a call that somebody else has begun."""
        self._call = call

    async def leading(self) -> dict[str, Any]:
        """What the server says ahead of the first item.

        Waits until that has come: if it does not come by itself, then with the first item or with
        the end. Empty if the server says nothing.
        """
        return await leading(self._core, await self._open())

    @property
    def trailing(self) -> dict[str, Any] | None:
        """What the server said at the end; ``None`` before the end was reached, and if the call
        failed."""
        return self._trailing

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        call = self._call
        if call is None:
            if self._ended:
                raise StopAsyncIteration
            try:
                call = await self._open()
            except Error:
                if self._ended:
                    raise StopAsyncIteration from None
                raise
        while not call.items:
            if self._ended:
                raise StopAsyncIteration
            if call.future.done():
                self._end(call)
            await woken(self._core.loop, call.readers)
        value: T = value_of(self._core, call, call.take(), self._returns)
        return value

    def _end(self, call: StreamCall) -> None:
        """The end has come, and every item was taken."""
        self._ended = True
        last = call.future.result()
        if isinstance(last, Answer) and last.type == END_OF_STREAM:
            self._trailing = last.trailing or {}
            raise StopAsyncIteration
        raise failure(self._core, call, last)

    async def to_list(self) -> list[T]:
        """All items up to the end. The call is cancelled if one of them fails."""
        async with self:
            return [item async for item in self]

    async def aclose(self) -> None:
        """Cancels the call, unless it has ended. Unread items are dropped."""
        self._ended = True
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
        await self.aclose()

    def __del__(self) -> None:
        call = self._call
        if call is not None and (not call.is_over or call.unread):
            release(self._core.loop, self._core, call)

    def __repr__(self) -> str:
        return f"<swill.Items of {self._name!r}{' at its end' if self._ended else ''}>"


async def leading(core: Core, call: Call) -> dict[str, Any]:
    """What the server says ahead of everything else, as soon as it has come or can come no more."""
    while not call.is_led:
        await woken(core.loop, call.watchers)
    return dict(call.leading or {})
