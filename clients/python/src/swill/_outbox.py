"""What waits to be sent, while there is no connection, or while its socket takes nothing."""

from __future__ import annotations

from collections.abc import Container
from typing import Final

COST: Final = 64
"""What a message counts beside its bytes."""

NOTICE: Final = -1
"""The number of messages that no call waits for, and that are sent over the next connection if need
be."""

REPLY: Final = 0
"""The number of messages that make sense on this connection only."""


class Bundle:
    """Calls and notifications that go out as one message."""

    __slots__ = ("parts",)

    def __init__(self, parts: list[tuple[int, bytes]]) -> None:
        self.parts = parts

    def join(self) -> bytes:
        return b"[" + b",".join([part for _, part in self.parts]) + b"]"

    def __len__(self) -> int:
        return sum(len(part) + 1 for _, part in self.parts)


Entry = tuple[int, "bytes | Bundle"]


class Outbox:
    """Messages in order, each with the number of the call that it belongs to."""

    __slots__ = ("entries", "size")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.size = 0

    def push(self, seq: int, message: bytes | Bundle) -> None:
        self.entries.append((seq, message))
        self.size += len(message) + COST

    def take(self) -> list[Entry]:
        """Everything, in order."""
        entries, self.entries = self.entries, []
        self.size = 0
        return entries

    def remove(self, seq: int) -> None:
        """Takes out what belongs to a call that is not to be sent any more."""
        entries = self.take()
        for at, message in entries:
            if at == seq:
                continue
            if isinstance(message, Bundle):
                message.parts = [part for part in message.parts if part[0] != seq]
                if not message.parts:
                    continue
            self.push(at, message)

    def put_back(self, entries: list[Entry], wanted: Container[int]) -> None:
        """Takes back what was not sent, as far as somebody still waits for it."""
        for seq, message in entries:
            if isinstance(message, Bundle):
                parts = message.parts
                message.parts = [part for part in parts if part[0] == NOTICE or part[0] in wanted]
                if message.parts:
                    self.push(seq, message)
            elif seq == NOTICE or seq in wanted:
                self.push(seq, message)
