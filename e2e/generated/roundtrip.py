"""Sends values of every type through the generated client, and looks at what comes back.

Usage: roundtrip.py ws://ADDRESS/ws values.json
"""

from __future__ import annotations

import asyncio
import base64
import datetime
import json
import re
import sys
import traceback
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, get_type_hints

import kinds
import msgspec
import swill

failed = 0


async def check(name: str, run: Callable[[], Awaitable[None]]) -> None:
    global failed
    try:
        await run()
        print(f"ok   {name}")
    except Exception as error:
        failed += 1
        traceback.print_exc()
        print(f"FAIL {name}: {error!r}")


def same(got: object, wanted: object) -> None:
    assert got == wanted, f"{got!r} instead of {wanted!r}"
    assert type(got) is type(wanted), f"{type(got)} instead of {type(wanted)}"


def revive(value: Any) -> Any:
    """Makes a value of what stands for it in the file."""
    if isinstance(value, list):
        return [revive(it) for it in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"$bytes": text}:
            return base64.b64decode(text)
        case {"$int": text}:
            return int(text)
        case {"$map": pairs}:
            return {key: revive(it) for key, it in pairs}
        case {"$unit": _}:
            return []
    return {key: revive(it) for key, it in value.items()}


def convert(value: object, kind: Any) -> Any:
    def decode(own: Any, inner: object) -> Any:
        return own.__swill_decode__(inner)

    return msgspec.convert(value, kind, dec_hook=decode)


def method_of(api: kinds.Api, procedure: str) -> Any:
    """The method of the generated client that calls a procedure."""
    target: Any = api
    for part in procedure.split("."):
        name = re.sub(r"\W", "_", part)
        target = getattr(target, name) if hasattr(target, name) else getattr(target, f"{name}_")
    return target


async def echo(api: kinds.Api, case: dict[str, Any]) -> None:
    method = method_of(api, case["procedure"])
    hints = get_type_hints(method, vars(kinds))
    result = hints.pop("return")
    hints.pop("options")
    (parameter,) = hints.values()
    value = convert(revive(case["value"]), parameter)
    wanted = convert(revive(case.get("answer", case["value"])), result)
    same(await method(value), wanted)


async def typed(api: kinds.Api) -> None:
    """What type checkers have to accept: a value of each form, written down."""
    here = kinds.Point(x=1.0, y=-2.0)
    external: kinds.External = kinds.ExternalRectangle(
        kinds.ExternalRectangleFields(width=1.0, height=2.0)
    )
    same(await api.enums.external(external), external)
    match await api.enums.external("Empty"):
        case "Empty":
            pass
        case external_other:
            raise AssertionError(external_other)
    match await api.enums.internal(kinds.InternalMovedTo(x=1.0, y=2.0)):
        case kinds.InternalMovedTo(x=x, y=y):
            same((x, y), (1.0, 2.0))
        case internal_other:
            raise AssertionError(internal_other)
    match await api.enums.adjacent(kinds.AdjacentPosition((1, 2))):
        case kinds.AdjacentPosition(data=(one, two)):
            same(one + two, 3)
        case adjacent_other:
            raise AssertionError(adjacent_other)
    untagged: kinds.Untagged = here
    same(await api.enums.untagged(untagged), here)
    same(await api.enums.colour(kinds.Colour.DARK_GREEN), kinds.Colour.DARK_GREEN)
    term: kinds.Term = kinds.TermNegate(term=kinds.TermNumber(value=1.0))
    same(await api.enums.term(term), term)
    settings = await api.structs.settings(kinds.Settings(name="a", retries=2))
    retries: int = settings.retries
    same((retries, settings.enabled, settings.tags), (2, False, []))
    moment = datetime.datetime(2026, 11, 20, 1, 2, 3, 4, tzinfo=datetime.UTC)
    same(await api.plain.moment(moment), moment)
    some = uuid.UUID(int=2**127)
    same(await api.plain.uuid_(some), some)
    same(await api.containers.set_({"a", "b"}), {"a", "b"})


async def several(api: kinds.Api) -> None:
    same(await api.streams.add(2**60, 1), 2**60 + 1)
    same(await api.streams.greet("ann"), "hello ann")
    same(await api.streams.greet("ann", "fr", times=2, deadline=5.0), "bonjour ann, bonjour ann")
    same(await api.streams.double(), 42)
    same(await api.streams.double(4), 8)
    await api.streams.ping()
    same(await api.class_.lambda_(1, 2, 3), 6)


async def streams(api: kinds.Api) -> None:
    numbers = [number async for number in api.streams.count(2**64 - 2, 2)]
    same(numbers, [2**64 - 2, 2**64 - 1])
    async with api.streams.total() as sender:
        for number in (1, -2, 2**60):
            await sender.send(number)
        same(await sender.finish(), 2**60 - 1)
    async with api.streams.mirror() as pieces:
        await pieces.send(b"\x00\xff")
        await pieces.send(b"")
        await pieces.end()
        same([piece async for piece in pieces], [b"\x00\xff", b""])


async def failures(api: kinds.Api) -> None:
    async def caught(name: str) -> swill.Error:
        try:
            raise AssertionError(await api.faults.fail(name))
        except swill.Error as error:
            return error

    same(await api.faults.fail("fine"), "fine")
    unknown = await caught("unknown")
    assert isinstance(unknown, kinds.UnknownError)
    same(unknown.data, kinds.UnknownErrorData(name="unknown"))
    taken = await caught("taken")
    assert isinstance(taken, kinds.TakenError)
    same(taken.data, 2**64 - 1)
    far = await caught("far")
    assert isinstance(far, kinds.FarError)
    same(far.data, (-(2**63), 1))
    until = await caught("until")
    assert isinstance(until, kinds.ClosedUntilError)
    place = kinds.Place(at=(1.5, -2.5), name=None)
    same(until.data, kinds.ClosedUntilErrorData(hour=8, place=place))
    assert isinstance(await caught("closed"), kinds.ClosedError)
    got = []
    try:
        async for number in api.faults.fail_after(2, "closed"):
            got.append(number)
        raise AssertionError("it did not fail")
    except kinds.ClosedError as error:
        same((got, error.code), ([0, 1], 410))
    try:
        await api.faults.surprise(kinds.Point(x=0.0, y=0.0))
        raise AssertionError("it did not fail")
    except swill.Error as error:
        same((type(error), error.code, error.data), (swill.Error, 418, "short and stout"))


async def json_rpc(url: str) -> None:
    """A single parameter is in a list, also if it is an object or a list itself."""
    async with swill.connect(url, protocol="json-rpc") as client:
        api = kinds.Api(client)
        here = kinds.Point(x=1.0, y=2.0)
        same(await api.structs.point(here), here)
        same(await api.containers.list_([1, 2]), [1, 2])
        same(await api.streams.double(), 42)
        same(await api.plain.bytes_(b"\xff"), b"\xff")
        same(await api.containers.by_number({1: "a"}), {1: "a"})
        external = kinds.ExternalAt(here)
        same(await api.enums.external(external), external)
        try:
            raise AssertionError(await api.faults.fail("unknown"))
        except kinds.UnknownError as error:
            same((error.code, error.data.name), (-32044, "unknown"))


async def main(url: str, values: str) -> None:
    async with swill.connect(url) as client:
        api = kinds.Api(client)
        with open(values, encoding="utf-8") as file:
            cases = json.load(file)
        for at, case in enumerate(cases):
            await check(f"{case['procedure']} #{at}", lambda case=case: echo(api, case))  # type: ignore[misc]
        await check("typed values", lambda: typed(api))
        await check("several parameters", lambda: several(api))
        await check("streams", lambda: streams(api))
        await check("typed errors", lambda: failures(api))

        async def nothing_has_changed() -> None:
            same(await api.check(), None)

        await check("nothing has changed", nothing_has_changed)
    await check("JSON-RPC", lambda: json_rpc(url))
    print(f"{failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
