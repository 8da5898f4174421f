"""How a client stands with its server, and what else it tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from ._errors import Close

T = TypeVar("T")

Metadata = Mapping[str, Any]
"""What travels around a call: names and values."""


@dataclass(frozen=True, slots=True)
class State:
    """How a client stands with its server at a moment."""

    kind: Literal["connecting", "open", "waiting", "closed"]
    """``connecting``: a connection is being opened, calls wait. ``open``. ``waiting``: there is no
    connection, the next attempt comes by itself, calls wait. ``closed``: there is none and there
    will be none, calls fail at once."""
    reason: str = ""
    """Why there is no connection, in words; empty if there is one."""
    code: int | None = None
    """What ended the last connection: its close code, 1006 if it broke, or, below 1000, the HTTP
    status of a handshake that was refused. ``None`` if nothing did."""
    attempt: int = 0
    """While waiting: which attempt in a row comes next, from 1."""
    delay: float | None = None
    """While waiting: how many seconds the client waits before it, counted from the moment this
    state began."""


@dataclass(frozen=True, slots=True)
class Response(Generic[T]):
    """An answer with the metadata around it."""

    value: T
    """The answer."""
    leading: dict[str, Any] = field(default_factory=dict[str, Any])
    """What the server said ahead of the answer or with it; empty if nothing."""
    trailing: dict[str, Any] = field(default_factory=dict[str, Any])
    """What the server said at the end; empty if nothing."""


@dataclass(frozen=True, slots=True)
class TappedFrame:
    """A message on the wire, as a tap sees it. See the option ``tap`` of :func:`swill.connect`."""

    direction: Literal["in", "out"]
    """``in`` from the server, ``out`` to it."""
    data: bytes | str
    """The message: bytes in Swill's own protocol, text in JSON-RPC."""
    at: float
    """When, on the clock of ``time.monotonic``."""


def closed_by(close: Close) -> State:
    return State("closed", close.reason, close.code)
