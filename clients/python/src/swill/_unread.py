"""What all streams of a client together hold that nobody has read, and what is done when it is too
much."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from ._calls import StreamCall
from ._errors import not_taken

if TYPE_CHECKING:
    from ._core import Core


class Unread:
    """Counts unread items, and stops reading while they are too many."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.unread = 0
        self.paused = False
        self.cause: StreamCall | None = None
        """The stream that is full; ``None`` if all are full together."""
        self.since = 0.0
        """When the pause began, or its clock was set back."""
        self.pause = 0
        """Which pause it is, or was. A caller that takes something notes it on its stream."""
        self.left: weakref.WeakSet[StreamCall] = weakref.WeakSet()
        """Streams that were over before everything was read. The core knows them no more."""

    def look_at(self, call: StreamCall) -> None:
        """Something has come for a stream."""
        if self.paused:
            return
        limits = self.core.limits
        if call.unread > limits.stream_unread:
            self.stop(call)
        elif self.unread > limits.unread:
            self.stop(None)

    def took(self, call: StreamCall, cost: int) -> None:
        """A caller has used up or thrown away so much."""
        self.unread -= cost
        if self.paused:
            call.moved = self.pause
            if not self.is_full():
                self.resume()

    def stop(self, cause: StreamCall | None) -> None:
        self.paused, self.cause = True, cause
        self.restart_clock()
        wire = self.core.reader
        if wire is not None:
            wire.pause()

    def restart_clock(self) -> None:
        self.pause += 1
        self.since = self.core.loop.time()
        self.core.wake_at(self.since + self.core.limits.stream_stall)

    def is_full(self) -> bool:
        limits, cause = self.core.limits, self.cause
        if cause is not None:
            # For a call that is over nothing more comes.
            return not cause.is_over and cause.unread > limits.stream_unread // 2
        return self.unread > limits.unread // 2

    def resume(self) -> None:
        if not self.paused:
            return
        self.paused, self.cause = False, None
        wire = self.core.reader
        if wire is not None:
            wire.resume()

    def tick(self, now: float) -> float:
        """Looks at a pause that has lasted for long. Returns when to look again."""
        if not self.paused:
            return float("inf")
        at = self.since + self.core.limits.stream_stall
        if now < at:
            return at
        while self.paused and self.is_full():
            call = self.stalled()
            if call is None:
                self.restart_clock()
                break
            self.core.cancel(call, not_taken())
            call.fail_slow()
        if not self.paused:
            return float("inf")
        if not self.is_full():
            self.resume()
            return float("inf")
        return self.since + self.core.limits.stream_stall

    def stalled(self) -> StreamCall | None:
        """The stream that is to fail so that others get on: of those that hold them up and of which
        nothing was taken meanwhile, the fullest."""
        calls = [call for call in self.core.calls.values() if isinstance(call, StreamCall)]
        calls.extend(call for call in self.left if call.seq not in self.core.calls)
        still = [call for call in calls if call.unread > 0 and call.moved != self.pause]
        if self.cause is not None:
            still = [call for call in still if call is self.cause]
        elif sum(call.unread for call in still) <= self.core.limits.unread // 2:
            # The others can end the pause by going on as they do.
            return None
        if not still:
            return None
        call = max(still, key=lambda call: call.unread)
        others = len(self.core.calls) - (call.seq in self.core.calls)
        return call if others > 0 or self.core.waiting else None
