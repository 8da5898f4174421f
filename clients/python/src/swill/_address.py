"""Where a server is, out of what a user writes."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from ._errors import Code, Error

SCHEME = re.compile(r"^([a-zA-Z][a-zA-Z0-9+.-]*)://")
SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is. The query may be a secret."""

    secure: bool
    host: str
    """A name or an IP address, without brackets."""
    port: int
    target: str
    """Path and query."""

    @property
    def url(self) -> str:
        """As the handshake takes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.secure else 80
        port = "" if self.port == usual else f":{self.port}"
        return f"{'wss' if self.secure else 'ws'}://{host}{port}{self.target}"

    @property
    def shown(self) -> str:
        """As errors and logs show it: without the query."""
        return self.url.split("?")[0]


def parse(text: str) -> Address:
    """Takes a full URL (``ws``, ``wss``, ``http``, ``https``), or ``host[:port][/path]``.

    Without a scheme, loopback hosts are ``ws`` at port 8000 and others are ``wss`` at port 443, and
    the path is ``/ws`` unless there is one.

    >>> parse("localhost").url
    'ws://localhost:8000/ws'
    >>> parse("calc.example").url
    'wss://calc.example/ws'

    :raises Error: code 400 if it is no address.
    """

    def bad(why: str) -> Error:
        return Error(
            Code.BAD_REQUEST, f"`{without_secrets(text)}` is no address of a server: {why}"
        )

    if any(character.isspace() or ord(character) < 32 for character in text):
        raise bad("there is a blank in it")
    scheme = SCHEME.match(text)
    if scheme is not None and scheme[1].lower() not in SCHEMES:
        raise bad("it has to begin with ws://, wss://, http:// or https://, or with a host")
    try:
        parts = urlsplit(text if scheme is not None else f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise bad("the port is no number up to 65535, or the brackets are wrong") from error
    if parts.username is not None or parts.password is not None:
        raise bad("credentials belong into a header")
    if not host:
        raise bad("there is no host")
    try:
        host = host.encode("idna").decode()
    except UnicodeError as error:
        raise bad("the host is no name") from error
    path = parts.path
    if scheme is not None:
        secure = SCHEMES[scheme[1].lower()] == "wss"
        usual = 443 if secure else 80
        path = path or "/"
    else:
        secure = not is_loopback(host)
        usual = 443 if secure else 8000
        path = path or "/ws"
    if not path.isascii() or not parts.query.isascii():
        raise bad("path and query have to be percent-encoded")
    target = f"{path}?{parts.query}" if parts.query else path
    return Address(secure, host, usual if port is None else port, target)


def is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def without_secrets(text: str) -> str:
    """An address as errors show it: without query and credentials."""
    shown = text.split("?")[0].split("#")[0]
    scheme = SCHEME.match(shown)
    rest = shown[scheme.end() :] if scheme is not None else shown
    if "@" in rest:
        rest = "…@" + rest.rsplit("@", 1)[1]
    return (scheme[0] if scheme is not None else "") + rest
