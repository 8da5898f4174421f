"""How much a client takes from a server, keeps and waits for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a client takes from a server, keeps and waits for. Every limit is on by default.

    Sizes are in bytes, times in seconds.

    >>> Limits(calls=16, ping_after=5.0).calls
    16
    """

    message: int = 16 << 20
    """An incoming message, reassembled. Beyond: the connection is closed with 1009, and the client
    connects again."""
    fragments: int = 65_536
    """In how many frames a message may come. Beyond: the connection is closed with 1008."""
    empty_fragments: int = 100
    """How many frames of a message may be empty. Beyond: the connection is closed with 1008."""
    metadata_keys: int = 64
    """Keys of the metadata that comes with an answer. Beyond: the call fails with code 413."""
    metadata_bytes: int = 8 << 10
    """Bytes of that metadata, as it is written. Beyond: the call fails with code 413."""
    request: int = 1 << 20
    """A message to the server, as much as a server takes by default. Beyond: the call or the item
    fails with code 413 before anything is sent. It counts for a batch as a whole, and for what
    handlers answer."""
    calls: int = 128
    """Calls and streams in flight, as many as a server allows by default. Beyond: a call waits
    until another one has ended, within its deadline. All calls of a batch go out together, so it
    can have no more."""
    serving: int = 128
    """Calls of the server that wait in handlers. Beyond: a call is refused with code 429; a
    notification is dropped, which is logged."""
    outbox: int = 64 << 10
    """Bytes that wait to be sent. Beyond: calls and senders wait, within their deadlines."""
    stream_unread: int = 256 << 10
    """Items of one stream that lie unread, each with 32 bytes more than it has. Beyond: nothing is
    read from the socket until half of it is free, so that TCP slows the server down."""
    unread: int = 4 << 20
    """The same for all streams together."""
    stream_stall: float = 10.0
    """How long a full stream of which nothing is taken may hold up other calls. Beyond: it fails
    with code 429."""
    ping_after: float = 20.0
    """After how much silence the server is sent a ping."""
    pong_within: float = 20.0
    """How long the server may then stay silent. Beyond: the connection counts as broken."""
    write_stall: float = 30.0
    """How long the socket may take nothing while something waits to be written. Beyond: the
    connection counts as broken."""
    close: float = 5.0
    """How long the server may take to answer a close. Beyond: the socket is dropped."""

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if not value > 0:
                raise ValueError(f"`Limits.{name}` has to be more than 0, and is {value}")
