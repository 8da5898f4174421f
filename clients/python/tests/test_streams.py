"""Streams on the wire of `swill/1`, against a server that does as it is told."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
from peer import serving
from support import END, ERROR, MESSAGE, METADATA, Pair, failure, pair_with

import swill


async def test_items_come_in_order_and_then_the_end(pair: Pair) -> None:
    items = pair.client.stream("count", 3, returns=int)
    task = asyncio.create_task(items.to_list())
    assert await pair.server.message() == [1, 3, "count"]
    for number in range(3):
        pair.server.answer(1, number, MESSAGE, {"lead": 1} if number == 0 else None, None)
    pair.server.answer(1, None, END, None, {"trail": 2})
    assert await task == [0, 1, 2]
    assert await items.leading() == {"lead": 1}
    assert items.trailing == {"trail": 2}


async def test_leading_metadata_comes_before_items(pair: Pair) -> None:
    items = pair.client.stream("count")
    leading = asyncio.create_task(items.leading())
    await pair.server.message()
    pair.server.answer(1, None, METADATA, {"lead": 1}, None)
    assert await leading == {"lead": 1}
    await items.aclose()


async def test_an_item_that_does_not_fit_is_an_error_in_its_place(pair: Pair) -> None:
    items = pair.client.stream("count", returns=int)
    first = asyncio.ensure_future(anext(items))
    await pair.server.message()
    for item in (1, "two", 3):
        pair.server.answer(1, item, MESSAGE, None, None)
    pair.server.answer(1, {"code": 409, "message": "broke"}, ERROR, None, None)
    assert await first == 1
    assert (await failure(anext(items))).code == 500
    assert await anext(items) == 3
    assert (await failure(anext(items))).code == 409
    with pytest.raises(StopAsyncIteration):
        await anext(items)
    assert items.trailing is None


async def leave_by_break(items: swill.Items[Any]) -> None:
    async for _ in items:
        break


async def leave_by_aclose(items: swill.Items[Any]) -> None:
    async for _ in items:
        await items.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(items)


async def leave_by_with(items: swill.Items[Any]) -> None:
    async with items:
        await anext(items)


async def leave_by_cancelling(items: swill.Items[Any]) -> None:
    async with items:
        await anext(items)
        async with asyncio.timeout(0.01):
            await anext(items)


@pytest.mark.parametrize(
    "leave", [leave_by_break, leave_by_aclose, leave_by_with, leave_by_cancelling]
)
async def test_leaving_a_stream_early_cancels_it(pair: Pair, leave: Any) -> None:
    async def use() -> None:
        await leave(pair.client.stream("ticks"))

    task = asyncio.create_task(use())
    await pair.server.message()
    pair.server.answer(1, 0, MESSAGE, None, None)
    await asyncio.gather(task, return_exceptions=True)
    gc.collect()
    assert await pair.server.message() == [1, None, "ticks", 3]


async def test_a_stream_that_is_not_begun_is_no_call(pair: Pair) -> None:
    items = pair.client.stream("ticks")
    del items
    sender = pair.client.stream_in("total")
    await sender.cancel()
    assert (await failure(sender.send(1))).code == 499
    call = asyncio.create_task(pair.client.call("get"))
    assert await pair.server.message() == [1, None, "get"]
    call.cancel()


async def test_a_stream_in_ends_with_an_answer(pair: Pair) -> None:
    async def use() -> swill.Response[int]:
        async with pair.client.stream_in("total", returns=int, metadata={"m": 1}) as numbers:
            await numbers.send(1)
            await numbers.send_all([2, 3])
            return await numbers.finish_with_metadata()

    task = asyncio.create_task(use())
    got = [await pair.server.message() for _ in range(5)]
    assert got == [
        [1, None, "total", METADATA, {"m": 1}],
        [1, 1, "total"],
        [1, 2, "total"],
        [1, 3, "total"],
        [1, None, "total", END],
    ]
    pair.server.answer(1, 6, MESSAGE, {"a": 1}, {"b": 2})
    assert await task == swill.Response(6, {"a": 1}, {"b": 2})


async def test_an_early_answer_ends_the_stream_in(pair: Pair) -> None:
    async with pair.client.stream_in("first", returns=int) as numbers:
        await numbers.send(1)
        assert [(await pair.server.message())[1] for _ in range(2)] == [None, 1]
        pair.server.answer(1, 1, MESSAGE, None, None)
        # The server is told that no more comes.
        assert await pair.server.message() == [1, None, "first", END]
        assert numbers.is_over
        await numbers.send(2)
        await numbers.send_all(range(3))
        assert await numbers.finish() == 1
    call = asyncio.create_task(pair.client.call("next"))
    assert await pair.server.message() == [2, None, "next"]
    call.cancel()


async def test_a_failed_stream_in_says_so_when_something_is_sent(pair: Pair) -> None:
    async with pair.client.stream_in("picky") as numbers:
        await numbers.send(1)
        await pair.server.message()
        pair.server.answer(1, {"code": 409, "message": "no"}, ERROR, None, None)
        assert await pair.server.message() == [1, 1, "picky"]
        assert await pair.server.message() == [1, None, "picky", END]
        assert (await failure(numbers.send(2))).code == 409
        assert (await failure(numbers.finish())).code == 409


async def test_leaving_a_stream_in_cancels_it(pair: Pair) -> None:
    async with pair.client.stream_in("total") as numbers:
        await numbers.send(1)
    got = [await pair.server.message() for _ in range(3)]
    assert got[-1] == [1, None, "total", 3]
    sender = pair.client.stream_in("total")
    await sender.send(1)
    await pair.server.message()
    await pair.server.message()
    del sender
    gc.collect()
    assert await pair.server.message() == [2, None, "total", 3]


async def test_the_deadline_of_a_stream_in_counts_from_its_end() -> None:
    async with serving() as server:
        pair = await pair_with(server, deadline=0.05)
        async with pair.client.stream_in("total") as numbers:
            await numbers.send(1)
            # The client's deadline does not hurry whoever sends.
            assert (await failure(pair.client.call("slow"))).code == 504
            await numbers.send(2)
            assert (await failure(numbers.finish())).code == 504
        await pair.client.close()


async def test_both_directions_go_on_independently(pair: Pair) -> None:
    async with pair.client.both("multiply", returns=int) as call:
        assert await pair.server.message() == [1, None, "multiply", METADATA, None]
        await call.send(2)
        assert await pair.server.message() == [1, 2, "multiply"]
        pair.server.answer(1, 2, MESSAGE, None, None)
        assert await anext(call) == 2
        await call.end()
        assert await pair.server.message() == [1, None, "multiply", END]
        assert (await failure(call.send(3))).code == 400
        pair.server.answer(1, 4, MESSAGE, None, None)
        pair.server.answer(1, None, END, None, {"n": 2})
        assert [item async for item in call] == [4]
        assert call.trailing == {"n": 2}


async def test_several_may_wait_for_items_and_one_may_give_up(pair: Pair) -> None:
    items = pair.client.stream("ticks", returns=int)
    readers = [asyncio.ensure_future(anext(items)) for _ in range(3)]
    await pair.server.message()
    readers[0].cancel()
    pair.server.answer(1, 1, MESSAGE, None, None)
    pair.server.answer(1, 2, MESSAGE, None, None)
    assert sorted(await asyncio.gather(*readers[1:])) == [1, 2]
    await items.aclose()
