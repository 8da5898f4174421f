"""What a client's handles, its connection and its timer share: calls in flight, and what waits to
be sent.

Everything runs in the event loop and nothing here waits, so nothing is ever half done.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

from ._bucket import Bucket
from ._calls import Call, StreamCall, Waiter, abandoned
from ._errors import (
    Close,
    Code,
    Error,
    call_cancelled,
    client_closed,
    deadline_passed,
    outcome_unknown,
)
from ._limits import Limits
from ._machine import Machine
from ._outbox import Outbox
from ._state import State, TappedFrame
from ._unread import Unread

CANCELS = (150, 40)
"""CANCELs to the server: servers count them (200 at once, 50 per second), so the rest waits."""

logger = logging.getLogger("swill")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a core is made with."""

    limits: Limits
    deadline: float | None
    tap: Callable[[TappedFrame], None] | None


class Wire(Protocol):
    """The connection, as far as the core uses it."""

    def schedule(self) -> None:
        """Something waits to be sent: it goes out with the rest of this turn of the loop."""

    def flush(self) -> None:
        """Sends what waits, now."""

    def pause(self) -> None:
        """Reading stops."""

    def resume(self) -> None:
        """Reading goes on."""

    def hold(self) -> None:
        """Reading goes on when everything else had its turn."""

    def choke(self) -> None:
        """Reading goes on when the socket takes what is written."""


class Core:
    """See the module."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        settings: Settings,
        machine: Callable[[Core], Machine],
    ) -> None:
        self.loop = loop
        self.settings = settings
        self.limits = settings.limits
        self.most, self.full = settings.limits.calls, settings.limits.outbox
        self.machine = machine(self)
        self.error_types: dict[str, Callable[[Error], Error]] = {}
        """What makes typed errors of those that procedures fail with, by their names."""
        self.calls: dict[int, Call] = {}
        """Calls in flight and on their way, by their numbers."""
        self.last = 0
        """The number of the last call. Numbers count over all connections, so none comes twice."""
        self.sent = 0
        """The last number that a socket may have seen."""
        self.outbox = Outbox()
        self.waiting: deque[Waiter] = deque()
        """Callers that wait for their turn."""
        self.senders: deque[Waiter] = deque()
        self.promised = 0
        """Bytes of items that are about to be sent, for whose senders room is kept."""
        """Senders of items that wait for room. They go first: their calls cannot end before."""
        self.reserved = 0
        """Turns that were given to callers that have not woken up yet."""
        self.reader: Wire | None = None
        """The connection, while it is open."""
        self.wire: Wire | None = None
        """The connection, while it is open and its socket takes what is written."""
        self.end: Close | None = None
        """Why the client is closed."""
        self.state = State("connecting")
        self.listeners: list[Callable[[State], None]] = []
        self.unread = Unread(self)
        self.alarm: asyncio.TimerHandle | None = None
        self.alarm_at = float("inf")
        self.tick: Callable[[float], float] | None = None
        """What the connection does about time; returns when it wants to be asked again."""
        self.cancels = Bucket(*CANCELS, loop.time())
        self.late_cancels: deque[Call] = deque()
        """Calls that are over, and to be cancelled as soon as the server bears it. They count as
        being in flight."""

    # Callers.

    def check_loop(self) -> None:
        """Refuses to be used in another event loop, or another thread."""
        if asyncio.get_running_loop() is not self.loop:
            why = "the client belongs to another event loop: the one in which it was made"
            raise RuntimeError(why)

    def must_wait(self, slots: int = 1) -> bool:
        """Whether a new call has to wait for its turn. To be asked first, and followed by ``turn``
        if so."""
        return bool(
            self.waiting
            or len(self.calls) + self.reserved + len(self.late_cancels) + slots > self.most
            or self.outbox.size >= self.full
            or self.end is not None
        )

    async def turn(self, slots: int, deadline: float | None) -> None:
        """Waits until so many new calls may be made; they have to be made at once then."""
        await self.wait(self.waiting, slots, deadline)
        self.reserved -= slots
        if self.waiting:
            # The turn may come to nothing.
            self.loop.call_soon(self.admit)

    @property
    def has_room(self) -> bool:
        """Whether an item can be sent at once."""
        return self.outbox.size + self.promised < self.limits.outbox and not self.senders

    async def room(self, size: int, deadline: float | None) -> None:
        """Waits until there is room for an item of this size; it has to be sent at once then.

        The room is kept for it: whoever sends as fast as he can would take it all before the
        others wake up.
        """
        await self.wait(self.senders, size, deadline)
        self.promised -= size
        if self.senders:
            # The item may not be sent any more.
            self.loop.call_soon(self.admit)

    async def wait(self, queue: deque[Waiter], amount: int, deadline: float | None) -> None:
        if self.end is not None:
            raise client_closed(self.end)
        waiter = Waiter(self.loop.create_future(), amount, deadline)
        queue.append(waiter)
        if deadline is not None:
            self.wake_at(deadline)
        try:
            error = await waiter.future
        except asyncio.CancelledError:
            if waiter in queue:
                queue.remove(waiter)
            elif not waiter.future.cancelled() and waiter.future.result() is None:
                # It was its turn already.
                if queue is self.senders:
                    self.promised -= amount
                else:
                    self.reserved -= amount
            self.admit()
            raise
        if error is not None:
            raise error

    def admit(self) -> None:
        """Lets those go on for whom there is room now."""
        queue = self.senders
        while queue and self.outbox.size + self.promised < self.limits.outbox:
            waiter = queue.popleft()
            if waiter.tell(None):
                self.promised += waiter.amount
        queue = self.waiting
        while queue and self.outbox.size < self.limits.outbox:
            waiter = queue[0]
            taken = len(self.calls) + self.reserved + len(self.late_cancels)
            if taken + waiter.amount > self.limits.calls:
                return
            queue.popleft()
            if waiter.tell(None):
                self.reserved += waiter.amount

    def push(self, seq: int, message: bytes) -> None:
        """Takes a message that belongs to a call."""
        self.outbox.push(seq, message)
        wire = self.wire
        if wire is not None:
            wire.schedule()

    def check_size(self, message: bytes) -> None:
        """Refuses what the server would not take."""
        most = self.limits.request
        if len(message) > most:
            why = f"a message of {len(message)} bytes exceeds the client's limit of {most}"
            raise Error(Code.TOO_LARGE, f"{why} (`Limits.request`); it was not sent")

    def check_metadata(self, metadata: dict[str, Any] | None) -> str | None:
        """Why metadata of the server is too much, if it is."""
        if not metadata:
            return None
        keys, most = len(metadata), self.limits.metadata_keys
        if keys > most:
            return f"the answer has metadata with {keys} keys, and the client takes {most}"
        try:
            size, most = self.machine.size(metadata), self.limits.metadata_bytes
        except RecursionError:
            return "the answer has metadata that is nested too deeply"
        if size > most:
            return f"the answer has {size} bytes of metadata, and the client takes {most}"
        return None

    def abandon(self, call: Call) -> None:
        """The caller wants to hear no more: the server is told, unless it has ended."""
        if call.seq in self.calls:
            self.cancel(call, call_cancelled())
        abandoned(call)

    # The connection.

    def keeps(self, call: Call, error: Error) -> bool:
        """Whether a call that has failed stays, to be sent again when the server closes the
        connection: a server that is shutting down has not begun it."""
        data = error.data
        not_begun = isinstance(data, dict) and cast("dict[str, Any]", data).get("begun") is False
        return call.again is not None and error.code == Code.UNAVAILABLE and not_begun

    def ended(self, call: Call) -> None:
        """The server has said its last word on a call."""
        del self.calls[call.seq]
        if isinstance(call, StreamCall) and call.unread:
            self.unread.left.add(call)
        if call.input_open:
            # The server keeps the call until it hears that its stream in has ended.
            call.input_open = False
            self.push(call.seq, self.machine.end(call.seq, call.name))
        if self.waiting:
            self.admit()

    def cancel(self, call: Call, why: Error) -> None:
        """Ends a call from this side."""
        if self.calls.pop(call.seq, None) is None:
            return
        call.input_open = False
        call.settle(why)
        self.machine.forget(call)
        if call.seq > self.sent:
            self.outbox.remove(call.seq)
        elif not self.late_cancels and self.cancels.take(self.loop.time()):
            self.push(call.seq, self.machine.cancel(call.seq, call.name))
        else:
            self.late_cancels.append(call)
            self.wake_at(self.loop.time() + self.cancels.due())
        if self.waiting:
            self.admit()

    def look_at_unread(self, call: Call) -> None:
        """Stops reading if too much is unread now that something has come for a stream."""
        if isinstance(call, StreamCall):
            self.unread.look_at(call)

    def lost(self, close: Close) -> None:
        """A connection has ended: calls that no socket has seen, or that may be sent again, wait
        for the next one."""
        self.reader = self.wire = None
        self.tick = None
        self.late_cancels.clear()
        self.unread.resume()
        self.machine.reset()
        unseen = self.outbox.take()
        again: list[Call] = []
        for call in list(self.calls.values()):
            if call.seq > self.sent:
                continue
            del self.calls[call.seq]
            if call.again is not None:
                again.append(call)
            else:
                call.input_open = False
                call.settle(outcome_unknown(close))
        for call in again:
            self.renew(call)
        self.outbox.put_back(unseen, self.calls)
        self.admit()

    def renew(self, call: Call) -> None:
        """Sends a call again, under a new number: so its answer cannot be mistaken for
        another's."""
        assert call.again is not None
        call.tried = True
        self.last += 1
        call.again = self.machine.renumber(call.again, self.last)
        call.seq = self.last
        self.calls[call.seq] = call
        if isinstance(call, StreamCall):
            call.subscription = None
        if call.until_sent:
            within = self.settings.deadline
            call.deadline = None if within is None else self.loop.time() + within
        self.outbox.push(call.seq, call.again)

    def close(self, close: Close) -> None:
        """The client has ended: everything that waits fails, and whatever comes."""
        if self.end is not None:
            return
        self.end = close
        self.reader = self.wire = None
        calls, self.calls = self.calls, {}
        for call in calls.values():
            call.input_open = False
            is_unsent = call.seq > self.sent and not call.tried
            call.settle(client_closed(close) if is_unsent else outcome_unknown(close))
        for queue in (self.waiting, self.senders):
            while queue:
                queue.popleft().tell(client_closed(close))
        self.outbox.take()
        if self.alarm is not None:
            self.alarm.cancel()

    def enter(self, state: State) -> None:
        """The state has changed."""
        if state == self.state:
            return
        self.state = state
        for listener in tuple(self.listeners):
            try:
                listener(state)
            except Exception:
                logger.exception("a listener of the client's state failed")

    def tapped(self, direction: Any, data: bytes | str) -> None:
        """Shows a message to the tap."""
        tap = self.settings.tap
        if tap is not None:
            try:
                tap(TappedFrame(direction, data, self.loop.time()))
            except Exception:
                logger.exception("the tap failed")

    # Time.

    def wake_at(self, at: float) -> None:
        """Asks to be woken at a time, if that is not to happen earlier anyway. One timer serves
        everything."""
        if at >= self.alarm_at or self.end is not None:
            return
        if self.alarm is not None:
            self.alarm.cancel()
        self.alarm_at = at
        self.alarm = self.loop.call_at(at, self.wake)

    def wake(self) -> None:
        """Does what is due."""
        self.alarm, self.alarm_at = None, float("inf")
        now = self.loop.time()
        next_at = self.expire(now)
        while self.late_cancels and self.cancels.take(now):
            call = self.late_cancels.popleft()
            self.push(call.seq, self.machine.cancel(call.seq, call.name))
            self.admit()
        if self.late_cancels:
            next_at = min(next_at, now + self.cancels.due())
        next_at = min(next_at, self.unread.tick(now))
        if self.tick is not None:
            next_at = min(next_at, self.tick(now))
        if next_at != float("inf"):
            # With many calls, those that end at nearly the same time are looked for once.
            self.wake_at(max(next_at, now + 0.001 + len(self.calls) * 1e-5))

    def expire(self, now: float) -> float:
        """Ends what has waited for too long. Returns when the next deadline passes."""
        next_at = float("inf")
        due: list[tuple[float, Call]] = []
        for call in self.calls.values():
            at = call.deadline
            if at is None or (call.until_sent and call.seq <= self.sent):
                continue
            if at <= now:
                due.append((at, call))
            else:
                next_at = min(next_at, at)
        due.sort(key=lambda late: late[0])
        for _, call in due:
            self.cancel(call, deadline_passed())
        for queue in (self.waiting, self.senders):
            for waiter in list(queue):
                at = waiter.deadline
                if at is None:
                    continue
                if at <= now:
                    queue.remove(waiter)
                    waiter.tell(deadline_passed())
                else:
                    next_at = min(next_at, at)
        return next_at
