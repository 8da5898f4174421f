"""How a client comes about."""

from __future__ import annotations

import asyncio
import ssl as ssl_module
from collections.abc import Callable, Generator, Mapping, Sequence
from types import TracebackType
from typing import Final, Literal

from . import _address, _handshake
from ._client import Client
from ._core import Core, Settings
from ._driver import Driver, Route, Token
from ._errors import Code, Error
from ._jsonrpc import JsonRpc
from ._limits import Limits
from ._machine import Machine
from ._reconnect import Reconnect
from ._serving import Handler, Handlers, Serving
from ._state import TappedFrame
from ._swill1 import Swill1

SUBPROTOCOLS: Final = {"swill": ("swill.1",), "json-rpc": ("jsonrpc",)}


class Connecting:
    """What :func:`swill.connect` returns: to be awaited, or entered with ``async with``."""

    __module__ = "swill"

    def __init__(self, make: Callable[[], tuple[Client, Driver]], lazy: bool) -> None:
        """For :func:`swill.connect`."""
        self._make = make
        self._lazy = lazy
        self._client: Client | None = None

    async def _connect(self) -> Client:
        client, driver = self._make()
        if self._lazy:
            driver.start(None)
            return client
        try:
            driver.start(await driver.attempt())
        except _handshake.AttemptError as failed:
            raise failed.error from failed.__cause__
        return client

    def __await__(self) -> Generator[None, None, Client]:
        return self._connect().__await__()

    async def __aenter__(self) -> Client:
        self._client = await self._connect()
        return self._client

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._client is not None:
            await self._client.close()


def connect(
    address: str = "localhost",
    *,
    protocol: Literal["swill", "json-rpc"] = "swill",
    token: Token | None = None,
    headers: Mapping[str, str] | None = None,
    subprotocols: Sequence[str] | None = None,
    reconnect: Reconnect | None = Reconnect(),  # noqa: B008 (it is immutable)
    deadline: float | None = 30.0,
    connect_timeout: float = 10.0,
    limits: Limits = Limits(),  # noqa: B008 (it is immutable)
    ssl: ssl_module.SSLContext | None = None,
    tap: Callable[[TappedFrame], None] | None = None,
    handlers: Mapping[str, Handler] | None = None,
    lazy: bool = False,
) -> Connecting:
    """Connects to a server.

    >>> async with swill.connect("localhost") as client:      # doctest: +SKIP
    ...     assert await client.call("add", (1, 2)) == 3
    >>> client = await swill.connect("localhost")             # doctest: +SKIP

    :param address: a full URL (``ws``, ``wss``; ``http`` and ``https`` stand for them), or
        ``host[:port][/path]``. Without a scheme, loopback hosts mean ``ws://`` and port 8000,
        others ``wss://`` and port 443, and the path is ``/ws``.
    :param protocol: what is spoken: ``swill``, Swill's own, or ``json-rpc``, which servers of any
        make understand. JSON-RPC has no streams in and no metadata: code 501. In return, the server
        may call the client.
    :param token: sent with every handshake as ``Authorization: Bearer TOKEN``. A function, which
        may be a coroutine function, is asked before every attempt.
    :param headers: further headers of the handshake.
    :param subprotocols: what is offered, the preferred one first, in place of ``swill.1`` or
        ``jsonrpc``. Whatever the name, what is spoken is what ``protocol`` says.
    :param reconnect: when and how a lost connection is replaced; ``None`` for never.
    :param deadline: how many seconds a call may take unless it says otherwise; ``None`` for as long
        as it takes. A stream may take as long as it likes.
    :param connect_timeout: how many seconds an attempt to connect may take: name, TCP, TLS and
        handshake.
    :param limits: how much the client takes, keeps and waits for.
    :param ssl: the TLS context for ``wss``, in place of ``ssl.create_default_context()``.
    :param tap: is shown every message on the wire. It is called from within the client and should
        only take note.
    :param handlers: procedures that are served to the server, by their names, see
        :meth:`swill.Client.handle`.
    :param lazy: the client is there at once, and connects in the background, again and again as
        ``reconnect`` says; calls wait within their deadlines.
    :raises Error: there is one attempt only, unless ``lazy``, and the first failure is raised. 503:
        the server cannot be reached, or its certificate is not trusted; 504: it took too long; the
        HTTP status: the server refused the handshake, and the data is what it says, at most 8 KiB
        of it; 501: the server speaks something else; 400: what was said here makes no sense.
    """
    where = _address.parse(address)
    if protocol not in SUBPROTOCOLS:
        raise Error(Code.BAD_REQUEST, f"there is no protocol `{protocol}`: `swill` or `json-rpc`")
    offered = tuple(SUBPROTOCOLS[protocol] if subprotocols is None else subprotocols)
    if not offered and protocol == "swill":
        why = "swill/1 is spoken only under a subprotocol, and none is to be offered"
        raise Error(Code.BAD_REQUEST, why)
    _handshake.check_subprotocols(offered)
    _handshake.check_headers(headers or {})
    if isinstance(token, str):
        _handshake.check_headers({"Authorization": f"Bearer {token}"})
    route = Route(where, headers or {}, token, offered, ssl, connect_timeout, reconnect)
    served = Handlers()
    for name, function in (handlers or {}).items():
        served.add(name, function)

    def make() -> tuple[Client, Driver]:
        serving = Serving(served)

        def machine(core: Core) -> Machine:
            serving.core = core
            return Swill1(core) if protocol == "swill" else JsonRpc(core, serving)

        core = Core(asyncio.get_running_loop(), Settings(limits, deadline, tap), machine)
        driver = Driver(core, route)
        return Client(core, driver, served), driver

    return Connecting(make, lazy)
