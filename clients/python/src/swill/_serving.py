"""Calls of the server, and the functions that serve them."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import Any, Final, get_type_hints

import msgspec

from ._core import Core
from ._errors import INTERNAL_ERROR, METHOD_NOT_FOUND, REQUEST_CANCELLED, Code, Error
from ._outbox import REPLY

logger = logging.getLogger("swill")

Handler = Callable[..., Any]
"""A function that serves a procedure; it may be a coroutine function."""

ENCODER: Final = msgspec.json.Encoder()
PARAMS: Final = msgspec.json.Decoder(list[Any] | dict[str, Any] | None)


class Served:
    """A function with what is known of its parameters."""

    def __init__(self, name: str, function: Handler) -> None:
        self.name = name
        self.function = function
        self.signature = inspect.signature(function)
        try:
            hints = get_type_hints(function, include_extras=True)
        except (NameError, TypeError):
            hints = {}
        kinds = inspect.Parameter
        self.types: dict[str, Any] = {}
        for parameter in self.signature.parameters.values():
            hint = hints.get(parameter.name, Any)
            if parameter.kind is kinds.VAR_POSITIONAL:
                hint = tuple[hint, ...]  # type: ignore[valid-type]
            elif parameter.kind is kinds.VAR_KEYWORD:
                hint = dict[str, hint]  # type: ignore[valid-type]
            if hint is not Any:
                self.types[parameter.name] = hint

    def bind(self, written: bytes) -> inspect.BoundArguments:
        """The arguments out of parameters as they came.

        :raises Error: code -32602 if they do not fit.
        """
        try:
            params = PARAMS.decode(written) if written else None
            if isinstance(params, dict):
                bound = self.signature.bind(**params)
            else:
                bound = self.signature.bind(*(params or ()))
        except msgspec.ValidationError:
            raise misfit("", "type", "params are neither an array nor an object") from None
        except TypeError as error:
            raise misfit("", "unknown", str(error)) from None
        for name, value in bound.arguments.items():
            expected = self.types.get(name)
            if expected is None:
                continue
            try:
                bound.arguments[name] = msgspec.convert(value, expected)
            except msgspec.ValidationError as error:
                message, _, path = str(error).partition(" - at `$")
                raise misfit(name + path.rstrip("`"), "type", message) from None
        return bound


def misfit(path: str, code: str, message: str) -> Error:
    """Parameters do not fit (conformance/PROTOCOLS.md, 2.7)."""
    entry = {"path": path, "code": code, "message": message}
    name = path.split(".")[0].split("[")[0]
    if name:
        entry = {"parameter": name, **entry}
    return Error(-32602, "Invalid params", {"errors": [entry]})


class Handlers:
    """The functions of a client, by their names."""

    def __init__(self) -> None:
        self.functions: dict[str, Served] = {}

    def add(self, name: str, function: Handler) -> None:
        if name in self.functions:
            raise ValueError(f"there are two handlers with the name `{name}`")
        self.functions[name] = Served(name, function)


class AnswersOfBatch:
    """The answers to the elements of one batch of the server, which go out together."""

    def __init__(self, serving: Serving) -> None:
        self.serving = serving
        self.answers: list[bytes] = []
        self.open = 1
        """Elements that are still to be answered, and the batch itself while it is read."""

    def complete(self) -> None:
        """One of them is done."""
        self.open -= 1
        if self.open == 0 and self.answers:
            self.serving.send(b"[" + b",".join(self.answers) + b"]")


class Running:
    """A call of the server whose function waits."""

    __slots__ = ("batch", "cancelled", "id", "name", "task")

    def __init__(self, request_id: bytes | None, name: str, batch: AnswersOfBatch | None) -> None:
        self.id = request_id
        self.name = name
        self.batch = batch
        self.cancelled = False
        self.task: asyncio.Task[None] | None = None


class Serving:
    """The calls of the server on one connection after the other."""

    def __init__(self, handlers: Handlers) -> None:
        self.handlers = handlers
        self.core: Core
        """Set when both are made."""
        self.running: set[Running] = set()
        self.by_id: dict[bytes, Running] = {}
        """Of two calls with the same id, the later one is found by it."""
        self.fresh = 0
        """Calls that have not had a chance to end at once."""

    def batch(self) -> AnswersOfBatch:
        return AnswersOfBatch(self)

    def begin(
        self, method: str, params: bytes, request_id: bytes | None, batch: AnswersOfBatch | None
    ) -> None:
        """Begins a call."""
        served = self.handlers.functions.get(method)
        if served is None:
            return self.fail(request_id, METHOD_NOT_FOUND, batch)
        if len(self.running) - self.fresh >= self.core.limits.serving:
            if request_id is None:
                logger.warning("a notification of %r was dropped: `Limits.serving`", method)
            too_many = Error(Code.TOO_MANY, "too many calls at once; try again later")
            return self.fail(request_id, too_many, batch)
        try:
            bound = served.bind(params)
            result = served.function(*bound.args, **bound.kwargs)
        except (Exception, asyncio.CancelledError) as error:
            return self.fail(request_id, self.told(error, method), batch)
        if not inspect.isawaitable(result):
            return self.succeed(request_id, result, method, batch)
        running = Running(request_id, method, batch)
        if batch is not None and request_id is not None:
            batch.open += 1
        self.running.add(running)
        if request_id is not None:
            self.by_id[request_id] = running
        running.task = self.core.loop.create_task(self.run(running, result), name=f"swill {method}")
        if inspect.iscoroutine(result):
            # A task that is cancelled before it begins leaves it as it is.
            running.task.add_done_callback(lambda _: result.close())
        self.fresh += 1
        if self.fresh == 1:
            self.core.loop.call_soon(self.settle)
        if self.fresh >= self.core.limits.serving and batch is None and self.core.reader:
            # Those that end at once are to make room first.
            self.core.reader.hold()
        return None

    def settle(self) -> None:
        """The calls that were fresh have begun."""
        self.fresh = 0

    async def run(self, running: Running, result: Any) -> None:
        """Waits for a function, and answers."""
        try:
            try:
                value = await result
            finally:
                self.running.discard(running)
                if running.id is not None and self.by_id.get(running.id) is running:
                    del self.by_id[running.id]
        except asyncio.CancelledError:
            if not running.cancelled:
                self.end(running, self.error(running.id, INTERNAL_ERROR))
            raise
        except Exception as error:
            self.end(running, self.error(running.id, self.told(error, running.name)))
        else:
            self.end(running, self.answer(running.id, value, running.name))

    def end(self, running: Running, answer: bytes | None) -> None:
        """The last word on a call that had to wait."""
        if running.cancelled or answer is None:
            return
        if running.batch is None:
            self.send(answer)
        else:
            running.batch.answers.append(answer)
            running.batch.complete()

    def cancel(self, request_id: bytes) -> None:
        """The server does not want an answer any more."""
        running = self.by_id.get(request_id)
        if running is None:
            return
        del self.by_id[request_id]
        self.end(running, self.error(request_id, REQUEST_CANCELLED))
        running.cancelled = True
        if running.task is not None:
            running.task.cancel()

    def stop(self) -> None:
        """The connection has ended: nobody would hear the answers."""
        self.by_id.clear()
        for running in list(self.running):
            running.cancelled = True
            if running.task is not None:
                running.task.cancel()

    # Answers.

    def reject(self, request_id: bytes, error: Error, batch: AnswersOfBatch | None) -> None:
        """Answers what cannot be served."""
        self.fail(request_id, error, batch)

    def fail(self, request_id: bytes | None, error: Error, batch: AnswersOfBatch | None) -> None:
        self.say(self.error(request_id, error), batch)

    def succeed(
        self, request_id: bytes | None, value: object, name: str, batch: AnswersOfBatch | None
    ) -> None:
        self.say(self.answer(request_id, value, name), batch)

    def say(self, answer: bytes | None, batch: AnswersOfBatch | None) -> None:
        if answer is None:
            return
        if batch is None:
            self.send(answer)
        else:
            batch.answers.append(answer)

    def answer(self, request_id: bytes | None, value: object, name: str) -> bytes | None:
        """The answer to a call, written; nothing to a notification."""
        if request_id is None:
            return None
        try:
            written = ENCODER.encode(value)
        except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
            logger.exception("the answer of the handler %r cannot be written", name)
            return self.error(request_id, INTERNAL_ERROR)
        if len(written) > self.core.limits.request - 80:
            logger.error(
                "an answer of the handler %r has %d bytes, more than `Limits.request` allows",
                name,
                len(written),
            )
            return self.error(request_id, INTERNAL_ERROR)
        return b'{"jsonrpc":"2.0","result":' + written + b',"id":' + request_id + b"}"

    def error(self, request_id: bytes | None, error: Error) -> bytes | None:
        """An error as it is written."""
        if request_id is None:
            return None
        told: dict[str, Any] = {"code": error.code, "message": error.message}
        if error.data is not None:
            told["data"] = error.data
        try:
            written = ENCODER.encode(told)
        except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
            logger.exception("the data of an error cannot be written")
            del told["data"]
            written = ENCODER.encode(told)
        return b'{"jsonrpc":"2.0","error":' + written + b',"id":' + request_id + b"}"

    def told(self, error: BaseException, name: str) -> Error:
        """What the server is told of an exception."""
        if isinstance(error, Error):
            return error
        logger.error("the handler %r failed unexpectedly", name, exc_info=error)
        return INTERNAL_ERROR

    def send(self, message: bytes) -> None:
        core = self.core
        if core.reader is None:
            return
        core.push(REPLY, message)
        if core.wire is None and core.outbox.size >= core.full:
            # A server that takes no answers is not to ask for more of them.
            core.reader.choke()
