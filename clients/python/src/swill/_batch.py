"""Calls and notifications that go out together."""

from __future__ import annotations

import asyncio
from typing import Any, Self

from ._calls import MESSAGE, Answer, Call
from ._core import Core
from ._errors import Code, Error
from ._outbox import NOTICE, Bundle
from ._request import (
    DEFAULT,
    Deadline,
    ends_at,
    failure,
    open_call,
    open_notice,
    opening,
    value_of,
)


class Batch:
    """Calls and notifications that go out together. Made by :meth:`swill.Client.batch`.

    In JSON-RPC they are one message, whose answers come as one message when all of them are ready.
    In ``swill/1`` they are calls like others, sent one after the other. Calls of a batch answer
    once: streams have to be called by themselves.

    >>> sums = await client.batch().call("add", (1, 2)).call("add", (3, 4)).send()  # doctest: +SKIP
    [3, 7]
    """

    __module__ = "swill"

    def __init__(self, core: Core, owner: object) -> None:
        """For :meth:`swill.Client.batch`. The owner lives as long as this."""
        self._core = core
        self._owner = owner
        self._parts: list[tuple[str, object, Any, bool]] = []

    def call(self, name: str, params: object = None, *, returns: Any = Any) -> Self:
        """Adds a call. ``returns`` is the type of its answer."""
        self._parts.append((name, params, returns, True))
        return self

    def notify(self, name: str, params: object = None) -> Self:
        """Adds a notification, see :meth:`swill.Client.notify`."""
        self._parts.append((name, params, None, False))
        return self

    async def send(self, *, deadline: Deadline = DEFAULT) -> list[Any]:
        """Sends everything, and waits for the answers: one for each call, in the order of the
        calls. In the place of a call that failed there is its :class:`swill.Error`.

        A batch without calls is done as soon as it is on its way, and an empty one sends nothing.
        Cancelling the task cancels the calls.

        :param deadline: how many seconds all of it may take.
        :raises Error: if nothing was sent: 413 if all of it is larger than ``Limits.request``, 429
            if it has more calls than ``Limits.calls`` lets be in flight.
        """
        core = self._core
        if not self._parts:
            return []
        together = core.machine.notifies
        slots = sum(wanted or not together for _, _, _, wanted in self._parts)
        most = core.limits.calls
        if slots > most:
            why = f"a batch of {slots} calls exceeds the client's limit of {most} (`Limits.calls`)"
            raise Error(Code.TOO_MANY, f"{why}; it was not sent")
        at = ends_at(core, deadline)
        if core.must_wait(slots):
            await core.turn(slots, at)
        calls = self._bundle(at) if together else self._one_by_one(at)
        try:
            return [await self._result(call, returns) for call, returns in calls]
        except asyncio.CancelledError:
            for call, _ in calls:
                core.abandon(call)
            raise

    def _one_by_one(self, at: float | None) -> list[tuple[Call, Any]]:
        core = self._core
        # What cannot be written is found out before anything is sent.
        for name, params, _, _ in self._parts:
            opening(core, core.last + 1, name, params, None)
        calls: list[tuple[Call, Any]] = []
        for name, params, returns, wanted in self._parts:
            if wanted:
                calls.append((open_call(core, name, params, None, at, False), returns))
            else:
                open_notice(core, name, params, None, at)
        return calls

    def _bundle(self, at: float | None) -> list[tuple[Call, Any]]:
        core = self._core
        calls: list[tuple[Call, Any]] = []
        parts: list[tuple[int, bytes]] = []
        seq = core.last
        for name, params, returns, wanted in self._parts:
            if wanted:
                seq += 1
                message = opening(core, seq, name, params, None)
                calls.append((Call(seq, name, core.loop.create_future(), at, None), returns))
                parts.append((seq, message))
            else:
                parts.append((NOTICE, opening(core, 0, name, params, None, reply=False)))
        bundle = Bundle(parts)
        if len(bundle) > core.limits.request:
            core.check_size(bundle.join())
        core.last = seq
        for call, _ in calls:
            core.calls[call.seq] = call
        core.outbox.push(NOTICE, bundle)
        if at is not None and calls:
            core.wake_at(at)
        if core.wire is not None:
            core.wire.schedule()
        return calls

    async def _result(self, call: Call, returns: Any) -> Any:
        core = self._core
        last = await asyncio.shield(call.future)
        try:
            if isinstance(last, Answer) and last.type == MESSAGE:
                return value_of(core, call, last.data, returns)
        except Error as error:
            return error
        return failure(core, call, last)

    def __repr__(self) -> str:
        return f"<swill.Batch of {len(self._parts)}>"
