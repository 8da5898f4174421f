"""The task behind a client: connects, looks on, connects again."""

from __future__ import annotations

import asyncio
import inspect
import ssl as ssl_module
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from . import _handshake as handshake
from ._address import Address
from ._connection import Connection
from ._core import Core, logger
from ._errors import Close, Code, Error
from ._reconnect import Backoff, Reconnect
from ._state import State, closed_by

Token = str | Callable[[], str | Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Route:
    """How to get to the server."""

    address: Address
    headers: Mapping[str, str]
    token: Token | None
    subprotocols: Sequence[str]
    ssl: ssl_module.SSLContext | None
    within: float
    reconnect: Reconnect | None


class Driver:
    """See the module."""

    def __init__(self, core: Core, route: Route) -> None:
        self.core = core
        self.route = route
        self.backoff = Backoff(route.reconnect or Reconnect(attempts=0))
        self.connection: Connection | None = None
        self.task: asyncio.Task[Close] | None = None
        self.closing: Close | None = None
        self.closed: asyncio.Event = asyncio.Event()

    async def attempt(self) -> Connection:
        """Tries to connect, once.

        :raises AttemptError: if it does not come about.
        """
        try:
            async with asyncio.timeout(self.route.within):
                return await self.open()
        except TimeoutError:
            raise handshake.too_late() from None
        except ssl_module.SSLCertVerificationError as error:
            message = f"the certificate of the server is not trusted: {error.verify_message}"
            failed = Error(Code.UNAVAILABLE, message)
            raise handshake.AttemptError(failed, Close(1015, message), final=True) from error
        except OSError as error:
            raise handshake.unreachable(error.strerror or str(error)) from error

    async def open(self) -> Connection:
        route, address = self.route, self.route.address
        headers = dict(route.headers)
        if route.token is not None:
            for name in [name for name in headers if name.lower() == "authorization"]:
                del headers[name]
            headers["Authorization"] = f"Bearer {await self.token(route.token)}"
            handshake.check_headers(headers)
        core = self.core
        ws = handshake.begin(address, headers, route.subprotocols, core.limits.message)
        tls = (route.ssl or ssl_module.create_default_context()) if address.secure else None
        _, connection = await core.loop.create_connection(
            lambda: Connection(core, ws), address.host, address.port, ssl=tls
        )
        try:
            await connection.opened
        except BaseException:
            connection.drop()
            raise
        return connection

    async def token(self, token: Token) -> str:
        """The token for an attempt."""
        if isinstance(token, str):
            return token
        try:
            made = token()
            made = await made if inspect.isawaitable(made) else made
            if not isinstance(made, str):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(f"a token is a text, and not {type(made).__name__}")
            return made
        except Exception as error:
            logger.exception("the function that makes the token failed")
            message = f"the function that makes the token failed: {error!r}"
            failed = Error(Code.UNAUTHENTICATED, message)
            raise handshake.AttemptError(failed, Close(1006, message), final=False) from error

    def start(self, first: Connection | None) -> None:
        """Begins to look after connections."""
        if first is not None:
            self.enter(first)
        self.task = self.core.loop.create_task(self.go_on(first), name="swill client")
        # A task that is cancelled before it begins runs none of its code.
        self.task.add_done_callback(self.stopped)

    def enter(self, connection: Connection) -> None:
        self.connection = connection
        if not connection.over.done():
            connection.start()
        self.core.enter(State("open"))

    def stopped(self, task: asyncio.Task[Close]) -> None:
        """The task has ended, however it did."""
        if task.cancelled():
            return self.end(Close(1006, "the client's task was stopped"))
        error = task.exception()
        if error is None:
            return self.end(task.result())
        logger.error("the client failed unexpectedly", exc_info=error)
        return self.end(Close(1006, f"the client failed unexpectedly: {error!r}"))

    async def go_on(self, connection: Connection | None) -> Close:
        """Runs until there is to be no connection any more; returns why."""
        core, rules = self.core, self.route.reconnect
        while True:
            if connection is not None:
                since = core.loop.time()
                close = await connection.over
                self.connection = None
                core.lost(close)
                if self.closing is not None:
                    return self.closing
                if rules is None or not rules.when(close):
                    return close
                if core.loop.time() - since >= rules.steady:
                    self.backoff.reset()
                if not await self.wait(close):
                    return close
            core.enter(State("connecting", core.state.reason, core.state.code))
            try:
                connection = await self.attempt()
            except handshake.AttemptError as failed:
                connection = None
                logger.debug("an attempt to connect has failed: %s", failed)
                if failed.final or not await self.wait(failed.close):
                    return failed.close
                continue
            except Error as error:
                return Close(error.code, error.message)
            self.enter(connection)

    async def wait(self, why: Close) -> bool:
        """Waits for the next attempt. Whether there is one."""
        next_one = self.backoff.next()
        if next_one is None:
            return False
        attempt, delay = next_one
        self.core.enter(State("waiting", why.reason, why.code, attempt, delay))
        await asyncio.sleep(delay)
        return True

    def end(self, close: Close) -> None:
        """The client is closed."""
        core = self.core
        close = self.closing or close
        if self.connection is not None:
            self.connection.drop()
            core.lost(close)
        core.close(close)
        ours = State("closed", "closed by this side", close.code)
        core.enter(closed_by(close) if self.closing is None else ours)
        self.closed.set()

    @property
    def is_left(self) -> bool:
        """Whether there is something to close that nobody has closed."""
        return self.task is not None and self.closing is None and not self.closed.is_set()

    def close_soon(self) -> None:
        """Begins to close for good. What was said before is written first."""
        if self.closing is not None or self.closed.is_set():
            return
        self.closing = Close(1000, "")
        if self.connection is not None:
            self.connection.close(self.closing)
            self.core.close(self.closing)
        elif self.task is not None:
            self.task.cancel()
        else:
            self.end(self.closing)

    async def close(self) -> None:
        """Closes for good, and waits until that is done."""
        self.core.check_loop()
        self.close_soon()
        await self.closed.wait()
