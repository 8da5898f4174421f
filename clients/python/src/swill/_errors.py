"""What goes wrong: the error that every failure of a call is, and its codes."""

from __future__ import annotations

from typing import Any, NamedTuple


class Code:
    """The codes of errors that have a name.

    They are the numbers of the HTTP status codes with the same meaning. An application may use any
    other number for its own errors, and JSON-RPC has negative ones: -32601 for an unknown method,
    -32602 for parameters that do not fit.
    """

    BAD_REQUEST = 400
    """The request makes no sense."""
    UNAUTHENTICATED = 401
    """The peer has not said who it is."""
    FORBIDDEN = 403
    """The peer may not do this."""
    NOT_FOUND = 404
    """There is no such procedure, or no such thing."""
    CONFLICT = 409
    """The request collides with the present state."""
    TOO_LARGE = 413
    """The request or the answer is too large."""
    INVALID = 422
    """The parameters do not fit the procedure."""
    TOO_MANY = 429
    """Too many calls at once, or a stream that was not taken in time; try again later."""
    CANCELLED = 499
    """The call was cancelled."""
    INTERNAL = 500
    """Something unexpected went wrong."""
    UNIMPLEMENTED = 501
    """The protocol of the connection cannot carry the call."""
    UNAVAILABLE = 503
    """Nobody can answer now. See also :attr:`Error.outcome_unknown`."""
    DEADLINE = 504
    """The deadline of the call has passed."""


class Error(Exception):
    """What a call has failed with, be it said by the server or found out by the client.

    A procedure that is served with :meth:`swill.Client.handle` raises it to tell the server a code,
    a message and data.

    >>> error = Error(409, "the name is taken", {"name": "ann"})
    >>> str(error)
    '409 the name is taken'
    """

    __module__ = "swill"

    code: int
    """What kind of failure it is, see :class:`swill.Code`."""
    message: str
    """What a person is told."""
    data: Any
    """What the server adds for programs; ``None`` if nothing."""
    outcome_unknown: bool
    """The connection broke after the call was sent: it may have been executed, or not. The code is
    503."""
    procedure: str | None
    """The name of the procedure that was called; ``None`` if it was no call that failed."""

    def __init__(
        self,
        code: int,
        message: str,
        data: Any = None,
        outcome_unknown: bool = False,
        *,
        procedure: str | None = None,
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.data = data
        self.outcome_unknown = outcome_unknown
        self.procedure = procedure

    def __str__(self) -> str:
        place = f' (call of "{self.procedure}")' if self.procedure is not None else ""
        return f"{self.code} {self.message}{place}"

    def __repr__(self) -> str:
        data = f", data={self.data!r}" if self.data is not None else ""
        unknown = ", outcome_unknown=True" if self.outcome_unknown else ""
        return f"swill.Error({self.code}, {self.message!r}{data}{unknown})"


class Close(NamedTuple):
    """What ended a connection: a close code of the WebSocket, and the reason in words.

    1006 stands for a connection that broke, a code below 1000 for the HTTP status of a handshake
    that was refused.
    """

    code: int
    reason: str

    def __str__(self) -> str:
        return f"{self.code} {self.reason}" if self.reason else str(self.code)


BROKEN = Close(1006, "the connection broke")


def client_closed(close: Close) -> Error:
    """A call that was not sent, because the client has ended."""
    # Below 1000 it is the status of a refused handshake, which says more than "unavailable".
    code = close.code if close.code < 1000 else Code.UNAVAILABLE
    reason = f": {close.reason}" if close.reason else ""
    return Error(code, f"the client is closed{reason}")


def outcome_unknown(close: Close) -> Error:
    """A call that may have reached the server when its connection ended."""
    return Error(
        Code.UNAVAILABLE,
        f"the outcome of the call is unknown: the connection ended with {close}",
        outcome_unknown=True,
    )


def deadline_passed() -> Error:
    return Error(Code.DEADLINE, "the deadline of the call has passed")


def call_cancelled() -> Error:
    return Error(Code.CANCELLED, "the caller cancelled the call")


def not_taken() -> Error:
    return Error(Code.TOO_MANY, "the stream was not taken in time")


def answer_too_deep() -> Error:
    return Error(Code.TOO_LARGE, "the answer is nested too deeply")


def cannot_carry(protocol: str, what: str) -> Error:
    return Error(Code.UNIMPLEMENTED, f"{protocol} cannot carry {what}; nothing was sent")


# What JSON-RPC 2.0 says of itself (conformance/PROTOCOLS.md, 2.2): exactly these messages, and no
# data.
PARSE_ERROR = Error(-32700, "Parse error")
INVALID_REQUEST = Error(-32600, "Invalid Request")
METHOD_NOT_FOUND = Error(-32601, "Method not found")
INTERNAL_ERROR = Error(-32603, "Internal error")
REQUEST_CANCELLED = Error(-32800, "Request cancelled")
