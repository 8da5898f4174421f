"""What a protocol is to the rest of the client."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from ._calls import Call, StreamCall
from ._errors import Close, Error


class Machine(Protocol):
    """Writes and reads the messages of a protocol. It lives as long as the client, over all
    connections."""

    name: str
    binary: bool
    """Whether messages are binary."""
    streams_in: bool
    metadata: bool
    notifies: bool
    """Whether there are calls without an answer."""
    needs_subprotocol: bool
    """Whether a server has to choose a subprotocol."""

    def reset(self) -> None:
        """A connection has ended."""

    def open(
        self, seq: int, name: str, params: object, metadata: object = None, reply: bool = True
    ) -> bytes:
        """The message that begins a call without a stream in."""
        ...

    def open_in(self, seq: int, name: str, metadata: object) -> bytes:
        """The message that begins a call with a stream in."""
        ...

    def item(self, seq: int, name: str, item: object) -> bytes:
        """An item of a stream in."""
        ...

    def end(self, seq: int, name: str) -> bytes:
        """The end of a stream in."""
        ...

    def cancel(self, seq: int, name: str) -> bytes:
        """Tells the server to stop."""
        ...

    def streams(self, call: StreamCall) -> None:
        """A call with a stream out begins."""

    def forget(self, call: Call) -> None:
        """A call was ended from this side."""

    def renumber(self, message: bytes, seq: int) -> bytes:
        """The message that begins a call, for another number."""
        ...

    def receive(self, message: bytes | bytearray) -> Close | None:
        """Takes a message of the server. Returns what the connection is to be closed with if it
        breaks the rules."""
        ...

    def other_kind(self, message: bytes | bytearray) -> Close | None:
        """As ``receive``, for a message that is text where it should be binary, or the other way
        round."""
        ...

    def decode(self, data: msgspec.Raw, returns: Any) -> Any:
        """A value, checked against the type that the caller expects."""
        ...

    def failure(self, data: msgspec.Raw) -> Error:
        """What the server says of a call that failed."""
        ...

    def size(self, metadata: dict[str, Any]) -> int:
        """How many bytes metadata has."""
        ...
