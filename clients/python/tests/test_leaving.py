"""Callers that give up: at every point where they may wait, and what is left behind."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from peer import Connection, http, serving
from support import MESSAGE, QUICK, Pair, failure, pair_with
from websockets.frames import Opcode
from websockets.http11 import Request

import swill
from swill._calls import Call

Use = Callable[[swill.Client], Awaitable[object]]


def nothing_is_left(client: swill.Client) -> None:
    """Nobody is in flight, and nobody waits."""
    core = client._core
    left = (core.calls, list(core.waiting), list(core.senders), core.reserved, core.unread.unread)
    assert left == ({}, [], [], 0, 0)


async def call(client: swill.Client) -> object:
    return await client.call("get")


async def call_with_metadata(client: swill.Client) -> object:
    return await client.call_with_metadata("get")


async def batch(client: swill.Client) -> object:
    return await client.batch().call("get").call("get").send()


async def item(client: swill.Client) -> object:
    async with client.stream("get") as items:
        return await anext(items)


async def to_list(client: swill.Client) -> object:
    return await client.stream("get").to_list()


async def leading(client: swill.Client) -> object:
    async with client.stream("get") as items:
        return await items.leading()


async def finish(client: swill.Client) -> object:
    async with client.stream_in("get") as sender:
        await sender.send(1)
        return await sender.finish()


async def both(client: swill.Client) -> object:
    async with client.both("get") as duplex:
        await duplex.send(1)
        await duplex.end()
        return await anext(duplex)


USES: list[Use] = [call, call_with_metadata, batch, item, to_list, leading, finish, both]


@asynccontextmanager
async def full(pair: Pair) -> AsyncIterator[None]:
    """All places are taken for a while."""
    holders = [asyncio.create_task(pair.client.call("hold")) for _ in range(2)]
    for _ in holders:
        await pair.server.message()
    yield
    for holder in holders:
        holder.cancel()
    await asyncio.gather(*holders, return_exceptions=True)


@pytest.mark.parametrize("use", USES)
async def test_whoever_is_cancelled_in_flight_leaves_nothing(pair: Pair, use: Use) -> None:
    task = asyncio.ensure_future(use(pair.client))
    await pair.server.message()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    nothing_is_left(pair.client)
    while (await pair.server.message())[3:] != [3]:
        pass


@pytest.mark.parametrize("use", USES)
async def test_whoever_is_cancelled_while_all_places_are_taken_leaves_nothing(use: Use) -> None:
    async with serving() as server:
        pair = await pair_with(server, limits=swill.Limits(calls=2))
        async with full(pair):
            task = asyncio.ensure_future(use(pair.client))
            await asyncio.sleep(0)
            assert len(pair.client._core.waiting) == 1
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not pair.client._core.waiting
        nothing_is_left(pair.client)
        await pair.client.close()


@pytest.mark.parametrize("turns", range(6))
@pytest.mark.parametrize("use", USES)
async def test_a_cancellation_may_come_when_the_place_does(use: Use, turns: int) -> None:
    async with serving() as server:
        pair = await pair_with(server, limits=swill.Limits(calls=2))
        holders = [asyncio.create_task(pair.client.call("hold")) for _ in range(2)]
        for _ in holders:
            await pair.server.message()
        task = asyncio.ensure_future(use(pair.client))
        await asyncio.sleep(0)
        for holder in holders:
            holder.cancel()
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        ended = await asyncio.gather(*holders, task, return_exceptions=True)
        assert {type(end) for end in ended} == {asyncio.CancelledError}
        nothing_is_left(pair.client)
        await pair.client.close()


async def test_a_group_that_fails_gives_all_places_back() -> None:
    async with serving() as server:
        pair = await pair_with(server, limits=swill.Limits(calls=2))

        async def fail() -> None:
            for _ in range(2):
                await pair.server.message()
            raise LookupError("one of them")

        async def together() -> None:
            async with asyncio.TaskGroup() as group:
                for _ in range(10):
                    group.create_task(pair.client.call("slow"))
                group.create_task(fail())

        with pytest.raises(ExceptionGroup) as caught:
            await together()
        assert [type(error) for error in caught.value.exceptions] == [LookupError]
        nothing_is_left(pair.client)
        await pair.client.close()


async def test_waiting_for_items_again_and_again_keeps_nothing(pair: Pair) -> None:
    async with pair.client.stream("ticks") as items:
        stream: Any = items._call
        for _ in range(10):
            for wait in (lambda: anext(items), items.leading):
                task = asyncio.ensure_future(wait())
                await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        assert (stream.readers, stream.watchers) == ([], [])


async def test_a_stream_that_is_left_while_it_waits_for_its_place_is_not_begun() -> None:
    async with serving() as server:
        pair = await pair_with(server, limits=swill.Limits(calls=2))
        async with full(pair):
            items, sender = pair.client.stream("late"), pair.client.stream_in("late")
            first = asyncio.ensure_future(anext(items, "nothing"))
            sent = asyncio.ensure_future(sender.send(1))
            await asyncio.sleep(0)
            await items.aclose()
            await sender.cancel()
        ended = await asyncio.gather(first, sent, return_exceptions=True)
        assert [getattr(end, "code", end) for end in ended] == ["nothing", 499]
        nothing_is_left(pair.client)
        await pair.client.close()


async def test_an_exception_within_a_stream_passes_and_cancels_it(pair: Pair) -> None:
    for begin in (pair.client.stream, pair.client.stream_in, pair.client.both):
        with pytest.raises(LookupError):
            async with begin("get"):
                raise LookupError
        nothing_is_left(pair.client)


async def numbers(client: swill.Client) -> AsyncIterator[object]:
    async with client.stream("count") as items:
        async for number in items:
            yield number


async def test_a_generator_around_a_stream_can_be_closed(pair: Pair) -> None:
    generator: Any = numbers(pair.client)
    first = asyncio.ensure_future(anext(generator))
    await pair.server.message()
    pair.server.answer(1, 7, MESSAGE, None, None)
    assert await first == 7
    await generator.aclose()
    nothing_is_left(pair.client)
    assert await pair.server.message() == [1, None, "count", 3]


async def test_calls_that_ran_out_of_time_are_forgotten() -> None:
    async with serving() as server, swill.connect(server.address, lazy=True) as client:
        await server.client()
        seen: weakref.WeakSet[Any] = weakref.WeakSet()
        client._core.cancels.level = client._core.cancels.burst = 1e9

        async def late() -> None:
            seen.add(asyncio.current_task())
            async with asyncio.timeout(0.001):
                await client.call("slow")

        for _ in range(20):
            ends = await asyncio.gather(*[late() for _ in range(500)], return_exceptions=True)
            assert {type(end) for end in ends} == {TimeoutError}
        ends.clear()
        nothing_is_left(client)
        await asyncio.sleep(0)
        gc.collect()
        assert len(seen) == 0
        assert not [kept for kept in gc.get_objects() if isinstance(kept, Call)]


async def test_a_stream_in_may_wait_for_the_socket_after_the_deadline_for_its_opening() -> None:
    async with serving() as server:
        pair = await pair_with(server, deadline=0.02, limits=swill.Limits(outbox=1))
        async with pair.client.stream_in("total") as sender:
            assert (await pair.server.message())[1] is None
            assert (await failure(pair.client.call("slow"))).code == 504
            assert [(await pair.server.message())[2] for _ in range(2)] == ["slow", "slow"]
            connection: Any = pair.client._driver.connection
            connection.pause_writing()
            await sender.send(1)
            second = asyncio.ensure_future(sender.send(2))
            assert (await failure(pair.client.call("slow"))).code == 504
            assert not second.done()
            connection.resume_writing()
            await second
        await pair.client.close()


async def test_a_client_can_be_closed_before_it_has_begun() -> None:
    async with asyncio.timeout(5), swill.connect("ws://127.0.0.1:9/", lazy=True) as client:
        pass
    assert client.state.kind == "closed"


@pytest.mark.parametrize("turns", range(12))
async def test_a_client_may_be_closed_while_it_connects(
    turns: int, caplog: pytest.LogCaptureFixture
) -> None:
    def busy(connection: Connection, request: Request) -> bytes:
        return http("503 Busy")

    caplog.set_level(logging.ERROR)
    async with asyncio.timeout(5), serving(busy) as server:
        client = await swill.connect(server.address, lazy=True, reconnect=QUICK)
        for _ in range(turns):
            await asyncio.sleep(0)
        await client.close()
        task = asyncio.ensure_future(swill.connect(server.address)._connect())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        del task, client
        for _ in range(5):
            await asyncio.sleep(0)
        gc.collect()
    assert caplog.records == []


async def test_closing_may_be_cancelled_and_goes_on() -> None:
    async with serving() as server:
        client = await swill.connect(server.address)
        connection = await server.client()
        task = asyncio.create_task(client.close())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await connection.frame()).opcode is Opcode.CLOSE
        await client.close()
        assert client.state.kind == "closed"


@pytest.mark.parametrize("what", ["send", "send_all", "end", "call", "notify"])
async def test_whoever_is_cancelled_while_the_socket_is_full_leaves_nothing(what: str) -> None:
    async with serving() as server:
        pair = await pair_with(server, limits=swill.Limits(outbox=1))
        async with pair.client.both("total") as duplex:
            await pair.server.message()
            connection: Any = pair.client._driver.connection
            connection.pause_writing()
            await duplex.send(1)
            waits: dict[str, Callable[[], Any]] = {
                "send": lambda: duplex.send(2),
                "send_all": lambda: duplex.send_all([2]),
                "end": duplex.end,
                "call": lambda: pair.client.call("get"),
                "notify": lambda: pair.client.notify("get"),
            }
            task = asyncio.ensure_future(waits[what]())
            await asyncio.sleep(0)
            core = pair.client._core
            assert len(core.senders) + len(core.waiting) == 1
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            connection.resume_writing()
            await duplex.send(3)
            assert [(await pair.server.message())[1] for _ in range(2)] == [1, 3]
        nothing_is_left(pair.client)
        await pair.client.close()
