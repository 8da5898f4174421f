"""The client: what calls go out through."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from ._batch import Batch
from ._calls import MESSAGE, Answer
from ._core import Core
from ._driver import Driver
from ._errors import Error
from ._items import Items, run_in
from ._procedures import Description, Procedure
from ._request import (
    DEFAULT,
    Deadline,
    ends_at,
    failure,
    open_call,
    open_notice,
    response,
    value_of,
)
from ._sender import Duplex, Sender
from ._serving import Handler, Handlers
from ._state import Metadata, Response, State

T = TypeVar("T")


class Client:
    """A connection to a Swill server: calls go out, answers come back, and a lost connection is
    replaced.

    Made by :func:`swill.connect`. It belongs to the event loop in which it was made; any number of
    tasks may use it at the same time.

    Params are what the procedure takes: for several parameters a tuple or a list (by position) or a
    dict, a dataclass or a ``msgspec.Struct`` (by name), for one parameter the value itself, for
    none ``None``. A procedure whose single parameter is a list takes the list, not a list around
    it, but in JSON-RPC: there params are always a list or a map, and whatever else is given becomes
    a list of one.

    ``returns`` is the type that is expected. The answer is decoded into it and checked, by the
    rules of msgspec; what does not fit is an error with code 500 that names the place. Without it
    anything is taken as it comes.

    Every call ends: by its answer, or with a :class:`swill.Error` of one of these codes:

    - 504: there was no answer in time; the server has been told to stop.
    - 503 with ``outcome_unknown``: the connection broke after the call was sent. It may have been
      executed, or not.
    - 503, or the HTTP status of a refusal: the client is closed; nothing was sent.
    - 413: the call exceeds ``Limits.request`` and was not sent, or the answer exceeds a limit.
    - 429: a stream was not read for so long that it held up other calls.
    - 501: the protocol cannot carry the call; nothing was sent.
    - 500: the parameters cannot be written, or the answer does not fit.
    - any other: what the procedure failed with, as the server says.

    In another event loop, or another thread, it raises ``RuntimeError``. A client that is thrown
    away without having been closed gives a ``ResourceWarning`` and is closed.
    """

    __module__ = "swill"

    def __init__(self, core: Core, driver: Driver, handlers: Handlers) -> None:
        """For :func:`swill.connect`."""
        self._core = core
        self._driver = driver
        self._handlers = handlers

    # Calls.

    @overload
    async def call(
        self,
        name: str,
        params: object = None,
        *,
        returns: type[T],
        metadata: Metadata | None = None,
        deadline: Deadline = DEFAULT,
        idempotent: bool = False,
    ) -> T: ...

    @overload
    async def call(
        self,
        name: str,
        params: object = None,
        *,
        returns: Any = Any,
        metadata: Metadata | None = None,
        deadline: Deadline = DEFAULT,
        idempotent: bool = False,
    ) -> Any: ...

    async def call(
        self,
        name: str,
        params: object = None,
        *,
        returns: Any = Any,
        metadata: Metadata | None = None,
        deadline: Deadline = DEFAULT,
        idempotent: bool = False,
    ) -> Any:
        """Calls a procedure that answers once.

        Cancelling the task cancels the call: the server is told, what it still answers is ignored.

        :param returns: the type of the answer.
        :param metadata: what the server is told beside the parameters.
        :param deadline: how many seconds it may take, waiting for a connection included; ``None``
            for as long as it takes; by default that of the client, 30 s.
        :param idempotent: it does no harm to execute it twice: if the connection breaks, it is sent
            again over the next one instead of failing with an unknown outcome. So is a call that a
            server has not begun because it is shutting down.
        :raises Error: see the class.
        """
        core = self._core
        at = ends_at(core, deadline)
        if core.must_wait():
            await core.turn(1, at)
        call = open_call(core, name, params, metadata, at, idempotent)
        try:
            answer = await call.future
        except asyncio.CancelledError:
            core.abandon(call)
            raise
        if isinstance(answer, Answer) and answer.type == MESSAGE:
            return value_of(core, call, answer.data, returns)
        raise failure(core, call, answer)

    @overload
    async def call_with_metadata(
        self,
        name: str,
        params: object = None,
        *,
        returns: type[T],
        metadata: Metadata | None = None,
        deadline: Deadline = DEFAULT,
        idempotent: bool = False,
    ) -> Response[T]: ...

    @overload
    async def call_with_metadata(
        self,
        name: str,
        params: object = None,
        *,
        returns: Any = Any,
        metadata: Metadata | None = None,
        deadline: Deadline = DEFAULT,
        idempotent: bool = False,
    ) -> Response[Any]: ...

    async def call_with_metadata(
        self,
        name: str,
        params: object = None,
        *,
        returns: Any = Any,
        metadata: Metadata | None = None,
        deadline: Deadline = DEFAULT,
        idempotent: bool = False,
    ) -> Response[Any]:
        """Calls a procedure that answers once, and returns the metadata along with the answer. As
        :meth:`call`."""
        core = self._core
        at = ends_at(core, deadline)
        if core.must_wait():
            await core.turn(1, at)
        call = open_call(core, name, params, metadata, at, idempotent)
        try:
            answer = await call.future
        except asyncio.CancelledError:
            core.abandon(call)
            raise
        return response(core, call, answer, returns)

    @overload
    def stream(
        self,
        name: str,
        params: object = None,
        *,
        returns: type[T],
        metadata: Metadata | None = None,
        deadline: Deadline = DEFAULT,
        idempotent: bool = False,
    ) -> Items[T]: ...

    @overload
    def stream(
        self,
        name: str,
        params: object = None,
        *,
        returns: Any = Any,
        metadata: Metadata | None = None,
        deadline: Deadline = DEFAULT,
        idempotent: bool = False,
    ) -> Items[Any]: ...

    def stream(
        self,
        name: str,
        params: object = None,
        *,
        returns: Any = Any,
        metadata: Metadata | None = None,
        deadline: Deadline = DEFAULT,
        idempotent: bool = False,
    ) -> Items[Any]:
        """Calls a procedure that streams out. The call begins with the first item that is asked
        for.

        >>> async for number in client.stream("count", 3, returns=int): ...  # doctest: +SKIP

        :param returns: the type of an item.
        :param deadline: how many seconds may pass until the first thing comes back, be it metadata,
            an item or the end; by default the deadline of the client counts until the call is sent.
            There is none between items.
        :param idempotent: if the connection breaks before an item has come, the call is sent again.
        """
        return Items(self._core, name, params, returns, metadata, deadline, idempotent, self)

    @overload
    def stream_in(
        self,
        name: str,
        *,
        returns: type[T],
        metadata: Metadata | None = None,
        deadline: Deadline = DEFAULT,
    ) -> Sender[T]: ...

    @overload
    def stream_in(
        self,
        name: str,
        *,
        returns: Any = Any,
        metadata: Metadata | None = None,
        deadline: Deadline = DEFAULT,
    ) -> Sender[Any]: ...

    def stream_in(
        self,
        name: str,
        *,
        returns: Any = Any,
        metadata: Metadata | None = None,
        deadline: Deadline = DEFAULT,
    ) -> Sender[Any]:
        """Calls a procedure that takes a stream in and answers once. The call begins with ``async
        with``, or with the first thing that is sent.

        :param returns: the type of the answer.
        :param deadline: how many seconds it may take until the answer, sending included; by default
            the deadline of the client counts until the call is sent, and once more from
            :meth:`Sender.finish` until the answer.
        """
        return Sender(self._core, name, returns, metadata, deadline, self)

    @overload
    def both(
        self,
        name: str,
        *,
        returns: type[T],
        metadata: Metadata | None = None,
        deadline: Deadline = DEFAULT,
    ) -> Duplex[T]: ...

    @overload
    def both(
        self,
        name: str,
        *,
        returns: Any = Any,
        metadata: Metadata | None = None,
        deadline: Deadline = DEFAULT,
    ) -> Duplex[Any]: ...

    def both(
        self,
        name: str,
        *,
        returns: Any = Any,
        metadata: Metadata | None = None,
        deadline: Deadline = DEFAULT,
    ) -> Duplex[Any]:
        """Calls a procedure that streams in and out. The call begins with ``async with``, or with
        the first thing that is sent or asked for.

        :param returns: the type of an item that comes out.
        :param deadline: as for :meth:`stream`.
        """
        return Duplex(self._core, name, returns, metadata, deadline, self)

    async def notify(
        self,
        name: str,
        params: object = None,
        *,
        metadata: Metadata | None = None,
        deadline: Deadline = DEFAULT,
    ) -> None:
        """Tells the server something, without an answer. Returns as soon as it is on its way;
        nobody learns what becomes of it.

        In JSON-RPC it is a notification, which the server does not answer. In ``swill/1`` servers
        answer every call: it is a call whose answer is dropped, and one of ``Limits.calls`` until
        that has come.

        :raises Error: those that say that nothing was sent.
        """
        core = self._core
        at = ends_at(core, deadline)
        if core.must_wait():
            await core.turn(1, at)
        open_notice(core, name, params, metadata, at)

    def batch(self) -> Batch:
        """Prepares calls and notifications that go out together."""
        return Batch(self._core, self)

    def handle(self, name: str, function: Handler) -> None:
        """Serves a procedure to the server, under this name. In JSON-RPC, calls go in both
        directions at any time.

        The function takes its parameters by position or by name, as they come. Those with
        annotations are checked and converted by the rules of msgspec; what does not fit is refused.
        It may be a coroutine function: then others run meanwhile, up to ``Limits.serving``, and it
        is cancelled when the server cancels the call and when the connection ends. Another function
        runs at once, and must not block.

        A :class:`swill.Error` that it raises goes to the server with its code, message and data.
        Any other exception is logged, and the server hears of an internal error. In ``swill/1``
        servers do not call.

        :raises ValueError: if the name is taken.
        """
        self._handlers.add(name, function)

    async def introspect(self) -> list[Procedure]:
        """The procedures of the server with the names of their types, in their order."""
        return await self.stream("swill.introspect", returns=Procedure).to_list()

    async def describe(self) -> Description:
        """The description of the server: procedures with documentation, schemas and errors, as its
        ``swill.json``."""
        return await self.call("swill.describe", returns=Description)

    # The connection.

    def type_errors(self, name: str, convert: Callable[[Error], Error]) -> None:
        """Says what becomes of errors that calls of a procedure fail with, in all shapes: the
        function gets each, and what it returns is raised. Generated clients make errors with types
        so."""
        self._core.error_types[name] = convert

    @property
    def protocol(self) -> str:
        """What is spoken: ``"swill"`` or ``"json-rpc"``."""
        return "swill" if self._core.machine.name == "swill/1" else "json-rpc"

    @property
    def state(self) -> State:
        """How the client stands with its server."""
        return self._core.state

    def on_state(self, listener: Callable[[State], None]) -> Callable[[], None]:
        """Calls a function with every new state. Returns a function that ends that.

        It is called from within the client and should only take note; what it raises is logged.
        """
        listeners = self._core.listeners
        listeners.append(listener)

        def remove() -> None:
            if listener in listeners:
                listeners.remove(listener)

        return remove

    async def close(self) -> None:
        """Closes the connection for good, and waits until that is done: at most the time of
        ``Limits.close``.

        What was sent before is written first. Calls without an answer fail, and so do all later
        ones.
        """
        await self._driver.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def __del__(self) -> None:
        driver = self._driver
        if driver.is_left:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=1)
            run_in(self._core.loop, driver.close_soon)

    def __repr__(self) -> str:
        return f"<swill.Client of {self._driver.route.address.shown}, {self.state.kind}>"
