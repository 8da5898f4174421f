"""What is nested deeply, or carries more than it counts."""

from __future__ import annotations

import asyncio
import tracemalloc

import pytest
from peer import serving
from support import MESSAGE, Pair, failure, pair_with
from support_jsonrpc import INVALID_REQUEST, PARSE_ERROR, Peers, error, request, result

import swill
from swill._depth import CUT, is_too_deep, pruned

DEEP = 100_000
TEXT = "[" * DEEP + "]" * DEEP


@pytest.mark.parametrize("place", ["data", "leading", "trailing", "beyond"])
async def test_no_depth_harms_the_connection(pair: Pair, place: str) -> None:
    parts = {"data": b"\xc0", "leading": b"\xc0", "trailing": b"\xc0", "beyond": b"\xc0"}
    codes: set[int | None] = set()
    for depth in [*range(1, 1200, 100), *range(800, 1000), DEEP]:
        call = asyncio.create_task(pair.client.call("get"))
        while len(opened := await pair.server.message()) > 3:
            assert opened[3] == 3
        seq = opened[0]
        nested = b"\x91" * depth + b"\xc0"
        value = b"\x81\xa1a" + nested if place.endswith("ing") else nested
        data, leading, trailing, beyond = ({**parts, place: value}).values()
        message = b"\x96\xcd" + seq.to_bytes(2, "big") + data + b"\x00" + leading + trailing
        pair.server.ws.send_binary(message + beyond)
        pair.server.flush()
        try:
            await call
            codes.add(None)
        except swill.Error as error:
            codes.add(error.code)
    assert codes <= {None, 413}
    assert pair.client.state.kind == "open"


@pytest.mark.parametrize("batch", [False, True])
async def test_an_answer_of_json_that_is_nested_too_deeply_fails_its_call_only(
    peers: Peers, batch: bool
) -> None:
    calls = [asyncio.create_task(peers.client.call("get")) for _ in range(2)]
    for _ in calls:
        await peers.server.message()
    deep = f'{{"jsonrpc":"2.0","result":{{"]\\"[":{TEXT}}},"id":1}}'
    good = '{"jsonrpc":"2.0","result":"good","id":2}'
    if batch:
        peers.server.text(f"[{deep},{good}]")
    else:
        peers.server.text(deep)
        peers.server.text(good)
    assert (await failure(calls[0])).code == 413
    assert await calls[1] == "good"
    assert (await peers.server.message())["method"] == "$/cancelRequest"


async def test_an_item_of_json_that_is_nested_too_deeply_fails_its_stream(peers: Peers) -> None:
    items = peers.client.stream("ticks")
    first = asyncio.ensure_future(anext(items))
    await peers.server.message()
    peers.server.text('{"jsonrpc":"2.0","result":"s","id":1}')
    said = '{"jsonrpc":"2.0","method":"$/stream","params":{"subscription":"s","result":%s}}'
    peers.server.text(said % "1")
    peers.server.text(said % TEXT)
    peers.server.text(said % "3")
    assert await first == 1
    assert (await failure(anext(items))).code == 413
    assert await anext(items, "the end") == "the end"


@pytest.mark.parametrize(
    ("text", "is_batch"),
    [
        (TEXT, True),
        ("[" * DEEP, False),
        (f'{{"a":{TEXT}', False),
        (f'{{"jsonrpc":"2.0","method":"note","id":1,"params":{TEXT}}}', False),
        (f'{{"jsonrpc":"2.0","method":{TEXT},"id":1}}', False),
        (f'{{"jsonrpc":"2.0","result":1,"id":{TEXT}}} x', False),
    ],
    ids=range(6),
)
async def test_other_json_that_is_nested_too_deeply_is_refused(
    peers: Peers, text: str, is_batch: bool
) -> None:
    answer = await peers.ask(text)
    expected = INVALID_REQUEST if is_batch else PARSE_ERROR
    assert answer == ([error(expected, None)] if is_batch else error(expected, None))
    assert peers.client.state.kind == "open"


def test_a_string_without_an_end_takes_no_longer_than_others() -> None:
    # In the square of the time, this would take hours.
    endless = b"[" * 80 + b'"' + b'\\"' * 1_000_000
    assert is_too_deep(endless)
    assert pruned(endless) == b""
    assert not is_too_deep(b'"' + b'[\\"' * 1_000_000)
    assert not is_too_deep(b"[" * 65 + b'"' + b"[" * 100 + b"\\")


async def test_items_keep_no_more_than_they_count() -> None:
    async with serving() as server:
        pair = await pair_with(server)
        async with pair.client.stream("ticks", returns=int) as items:
            await pair.server.message()
            tracemalloc.start()
            for number in range(30):
                pair.server.answer(1, number, MESSAGE, None, None, bytes(1_000_000))
            call = asyncio.create_task(pair.client.call("get"))
            await pair.server.message()
            pair.server.answer(2, None, MESSAGE, None, None)
            await call
            kept, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert kept < 20_000_000
            assert [await anext(items) for _ in range(30)] == list(range(30))
        await pair.client.close()


async def test_items_of_json_keep_no_more_than_they_count(peers: Peers) -> None:
    async with peers.client.stream("ticks") as items:
        await peers.server.message()
        peers.server.text('{"jsonrpc":"2.0","result":"s","id":1}')
        tracemalloc.start()
        for number in range(30):
            params = {"subscription": "s", "result": number, "more": "x" * 1_000_000}
            peers.server.tell({"jsonrpc": "2.0", "method": "$/stream", "params": params})
        assert await peers.ask(request("subtract", [3, 2])) == result(1)
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert kept < 20_000_000
        assert [await anext(items) for _ in range(30)] == list(range(30))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (b"[" * 67 + b"]" * 67, b"[" * 67 + b"]" * 67),
        (b"[" * 68 + b"]" * 68, b"[" * 67 + CUT + b"]" * 67),
        (b'{"a":' * 67 + b"[1,[2],[]]" + b"}" * 67, b'{"a":' * 67 + CUT + b"}" * 67),
        (
            b"[" * 67 + b"1,[2],3,{}" + b"]" * 67 + b" ",
            b"[" * 67 + b"1," + CUT + b",3," + CUT + b"]" * 67 + b" ",
        ),
        (b"[" * 60 + b'"' + b"[" * 60 + b'\\"]"' + b"]" * 60, None),
        (b"[" * 68, b""),
        (b"", b""),
    ],
)
def test_what_is_nested_too_deeply_is_cut_out(written: bytes, expected: bytes | None) -> None:
    assert pruned(written) == (written if expected is None else expected)
