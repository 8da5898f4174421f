"""The client's side of the opening handshake (RFC 6455, 4.1), on top of the library
`websockets`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidStatus
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from ._address import Address
from ._errors import Close, Code, Error

HEAD = 16 << 10
"""The largest head of an answer, in bytes."""

BODY = 8 << 10
"""How much of the body of a refusal is kept."""

BODY_WITHIN = 2.0
"""How long the body of a refusal is waited for, in seconds."""

NO_TOKEN = frozenset('()<>@,;:\\"/[]?={}')
"""The printable characters that a token may not have (RFC 7230, 3.2.6)."""

RESERVED = ("connection", "upgrade", "content-length", "transfer-encoding")


class AttemptError(Exception):
    """An attempt to connect has failed."""

    def __init__(self, error: Error, close: Close, *, final: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.close = close
        """What the client is closed with, if this was the last attempt."""
        self.final = final
        """Trying again would give the same."""


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuses headers that may not be sent.

    :raises Error: code 400.
    """
    for name, value in headers.items():
        lower = name.lower()
        own = lower in RESERVED or lower.startswith("sec-websocket-")
        token = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
        if own or not token or any(ord(character) in (0, 10, 13) for character in value):
            # The value may be a secret, also where it has slipped into the name.
            shown = name.replace("=", ":").replace(" ", ":").split(":")[0]
            why = f"the header `{shown}` cannot be sent with that name and value"
            raise Error(Code.BAD_REQUEST, why)


def begin(
    address: Address, headers: Mapping[str, str], subprotocols: Sequence[str], most: int
) -> ClientProtocol:
    """The state of a connection whose request is ready to be sent."""
    offered = [Subprotocol(name) for name in subprotocols]
    ws = ClientProtocol(parse_uri(address.url), subprotocols=offered or None, max_size=most)
    request = ws.connect()
    for name, value in headers.items():
        if name.lower() == "host":
            del request.headers["Host"]
        request.headers[name] = value
    ws.send_request(request)
    return ws


def status_of(head: bytes) -> int | None:
    """The status in the head of an answer."""
    parts = head.split(b" ", 2)
    if len(parts) > 1 and head.startswith(b"HTTP/1.") and parts[1].isdigit():
        return int(parts[1])
    return None


def foreign(why: str) -> AttemptError:
    """The server speaks something else."""
    message = f"the server does not answer as the WebSocket server that was asked for: {why}"
    return AttemptError(Error(Code.UNIMPLEMENTED, message), Close(1002, message), final=True)


def unreachable(why: str) -> AttemptError:
    message = f"the server cannot be reached: {why}"
    return AttemptError(Error(Code.UNAVAILABLE, message), Close(1006, message), final=False)


def too_late() -> AttemptError:
    message = "the server did not answer in time"
    return AttemptError(Error(Code.DEADLINE, message), Close(1006, message), final=False)


def refused(status: int, body: bytes) -> AttemptError:
    """The server said no."""
    text = body[:BODY].decode(errors="replace").strip()
    message = f"the server refused the connection with {status}"
    # A page for people is left to the error's data.
    if text and len(text) <= 200 and not text.startswith("<"):
        message = f"{message}: {text}"
    final = status < 500 and status not in (408, 425, 429)
    return AttemptError(Error(status, message, text or None), Close(status, message), final=final)


def failure(ws: ClientProtocol, head: bytes) -> AttemptError:
    """Why there is no connection, by what the library has found out."""
    error = ws.handshake_exc
    if isinstance(error, InvalidStatus):
        return refused(error.response.status_code, bytes(error.response.body or b""))
    status = status_of(head)
    if status is not None and status != 101:
        return refused(status, b"")
    if isinstance(error, InvalidMessage):
        if not head:
            return unreachable("it broke the connection")
        return foreign("its answer is not HTTP")
    if isinstance(error, InvalidHandshake):
        return foreign(str(error))
    return unreachable("it broke the connection")


def check_subprotocols(names: Sequence[str]) -> None:
    """Refuses names that may not be offered.

    :raises Error: code 400.
    """
    for name in names:
        if not name or any(
            character in NO_TOKEN or not "!" <= character <= "~" for character in name
        ):
            raise Error(Code.BAD_REQUEST, "a subprotocol is a word of the characters of a token")
