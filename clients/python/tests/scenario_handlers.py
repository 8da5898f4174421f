"""What scenarios let a client serve to its server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from values import Round

import swill


class StepError(AssertionError):
    """A step went wrong."""


def only(step: dict[str, Any], *allowed: str) -> None:
    unknown = set(step) - {"do", *allowed}
    if unknown:
        raise StepError(f"unknown members {sorted(unknown)}")


class Received:
    """What the handlers of a client got, in order."""

    def __init__(self) -> None:
        self.calls: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()


def handler(
    clients: dict[str, swill.Client],
    name: str,
    told: dict[str, Any],
    client: str,
    names: Round,
    received: Received,
) -> Callable[..., Any]:
    (kind,) = told

    def begin(arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        params: Any = named or list(arguments)
        received.calls.put_nowait((name, params))
        return params

    def value(*arguments: Any, **named: Any) -> Any:
        begin(arguments, named)
        return names.value(told["value"])

    def error(*arguments: Any, **named: Any) -> Any:
        begin(arguments, named)
        failure = told["error"]
        only(failure, "code", "message", "data")
        raise swill.Error(
            failure["code"], names.text(failure["message"]), names.value(failure.get("data"))
        )

    def params(*arguments: Any, **named: Any) -> Any:
        return begin(arguments, named)

    async def call(*arguments: Any, **named: Any) -> Any:
        begin(arguments, named)
        request = told["call"]
        only(request, "name", "params")
        return await clients[client].call(
            names.text(request["name"]), names.value(request.get("params"))
        )

    async def hang(*arguments: Any, **named: Any) -> Any:
        begin(arguments, named)
        await asyncio.Event().wait()

    return {"value": value, "error": error, "params": params, "call": call, "hang": hang}[kind]
