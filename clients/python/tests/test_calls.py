"""Calls on the wire of `swill/1`, against a server that does as it is told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from peer import serving
from support import END, ERROR, MESSAGE, METADATA, Pair, failure, pair_with
from websockets.frames import Opcode

import swill


async def test_numbers_count_from_one_and_answers_find_their_calls(pair: Pair) -> None:
    calls = [asyncio.create_task(pair.client.call("echo", number)) for number in range(3)]
    got = [await pair.server.message() for _ in calls]
    assert got == [[1, 0, "echo"], [2, 1, "echo"], [3, 2, "echo"]]
    for seq in (3, 1, 2):
        pair.server.answer(seq, seq * 10, MESSAGE, None, None)
    assert await asyncio.gather(*calls) == [10, 20, 30]


async def test_what_is_said_in_one_turn_leaves_in_one_write(pair: Pair) -> None:
    writes: list[Any] = []
    transport: Any = pair.client._driver.connection.transport  # type: ignore[union-attr]
    write = transport.write

    def note(data: bytes) -> None:
        writes.append(data)
        write(data)

    transport.write = note
    calls = [asyncio.create_task(pair.client.call("echo", number)) for number in range(50)]
    for seq in range(1, 51):
        assert (await pair.server.message())[0] == seq
        pair.server.answer(seq, None, MESSAGE, None, None)
    await asyncio.gather(*calls)
    # The first one finds nobody to wait for.
    assert len(writes) == 2


@pytest.mark.parametrize(
    ("params", "written"),
    [
        (None, None),
        ((1, 2), [1, 2]),
        ([1, "a"], [1, "a"]),
        ({"a": 1}, {"a": 1}),
        (b"\x00\xff", b"\x00\xff"),
        (2**64 - 1, 2**64 - 1),
        (-(2**63), -(2**63)),
        (datetime(2026, 1, 2, 3, 4, 5, 678901, UTC), "2026-01-02T03:04:05.678901Z"),
        ({"at": date(2026, 1, 2)}, {"at": "2026-01-02"}),
        (
            [msgspec.msgpack.Ext(7, b"x"), datetime(2026, 1, 2, tzinfo=UTC), b"\xd6\xff"],
            [msgspec.msgpack.Ext(7, b"x"), "2026-01-02T00:00:00Z", b"\xd6\xff"],
        ),
        (
            {1: b"\xd6\xff", 2: 2**64 - 1, b"\xd7\xff": 0.5},
            {1: b"\xd6\xff", 2: 2**64 - 1, b"\xd7\xff": 0.5},
        ),
        (msgspec.msgpack.Ext(-1, bytes(4)), datetime(1970, 1, 1, tzinfo=UTC)),
        (msgspec.msgpack.Ext(7, b"x"), msgspec.msgpack.Ext(7, b"x")),
        ({1: {2: b""}}, {1: {2: b""}}),
    ],
)
async def test_values_make_the_round(pair: Pair, params: object, written: object) -> None:
    call = asyncio.create_task(pair.client.call("echo", params))
    seq, got, _ = await pair.server.message()
    assert got == written
    assert type(got) is type(written)
    pair.server.answer(seq, got, MESSAGE, None, None)
    answer = await call
    assert answer == written
    assert type(answer) is type(written)


class Point(msgspec.Struct):
    x: int
    y: float = 0.5


@dataclass
class Line:
    points: list[Point]


@pytest.mark.parametrize(
    ("returns", "sent", "expected"),
    [
        (int, 3, 3),
        (list[int], [1, 2], [1, 2]),
        (Point, {"x": 1}, Point(1)),
        (Line, {"points": [{"x": 1, "y": 2.0}]}, Line([Point(1, 2.0)])),
        (int | None, None, None),
        (tuple[int, str], [1, "a"], (1, "a")),
        (bytes, b"abc", b"abc"),
        (Any, [1, {"a": None}], [1, {"a": None}]),
        (datetime, "2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (datetime, datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)),
    ],
)
async def test_answers_become_what_is_expected(
    pair: Pair, returns: Any, sent: object, expected: object
) -> None:
    call = asyncio.create_task(pair.client.call("get", returns=returns))
    await pair.server.message()
    pair.server.answer(1, sent, MESSAGE, None, None)
    assert await call == expected


@pytest.mark.parametrize(
    ("returns", "sent", "told"),
    [
        (int, "x", "what the server sent is no int: Expected `int`, got `str`"),
        (list[int], [1, "x"], "no list[int]: Expected `int`, got `str` - at `$[1]`"),
        (Line, {"points": [{"x": "1"}]}, "got `str` - at `$.points[...].x`"),
        (Point, {}, "Object missing required field `x`"),
    ],
)
async def test_answers_that_do_not_fit_name_the_place(
    pair: Pair, returns: Any, sent: object, told: str
) -> None:
    call = asyncio.create_task(pair.client.call("get", returns=returns))
    await pair.server.message()
    pair.server.answer(1, sent, MESSAGE, None, None)
    error = await failure(call)
    assert (error.code, error.procedure) == (500, "get")
    if "$.points" not in told:
        assert told in error.message
    assert "Expected" in error.message or "missing" in error.message


async def test_errors_of_the_server_are_told_with_their_data(pair: Pair) -> None:
    call = asyncio.create_task(pair.client.call("ad"))
    await pair.server.message()
    pair.server.answer(1, {"code": 404, "message": "No func", "data": [1]}, ERROR, None, None)
    error = await failure(call)
    assert str(error) == '404 No func (call of "ad")'
    assert (error.data, error.outcome_unknown) == ([1], False)


@pytest.mark.parametrize(
    ("answer", "code", "told"),
    [
        ((1, None, END, None, None), 500, "without an answer"),
        ((1, "what", ERROR, None, None), 500, "cannot be read"),
        ((1, {"code": "x", "message": "y"}, ERROR, None, None), 500, "cannot be read"),
    ],
)
async def test_odd_ends_are_errors(
    pair: Pair, answer: tuple[Any, ...], code: int, told: str
) -> None:
    call = asyncio.create_task(pair.client.call("get"))
    await pair.server.message()
    pair.server.answer(*answer)
    error = await failure(call)
    assert error.code == code
    assert told in error.message


async def test_what_nobody_waits_for_is_ignored(pair: Pair) -> None:
    for seq in (0, -1, 7, 2**63):
        pair.server.answer(seq, "x", MESSAGE, None, None)
        pair.server.answer(seq, {"code": 400, "message": "no"}, ERROR, None, None)
    call = asyncio.create_task(pair.client.call("get"))
    await pair.server.message()
    # Elements may be missing, and there may be more.
    pair.server.answer(1, "yes", MESSAGE, None, None, "more")
    pair.server.answer(1, "again", MESSAGE, None, None)
    assert await call == "yes"
    call = asyncio.create_task(pair.client.call("get"))
    await pair.server.message()
    pair.server.answer(2, "short")
    assert await call == "short"


@pytest.mark.parametrize(
    ("data", "opcode", "code"),
    [
        (b"", Opcode.BINARY, 1002),
        (b"\xc1", Opcode.BINARY, 1002),
        (b"\x01", Opcode.BINARY, 1002),
        (b"\x95\xa1x\xc0\x00\xc0\xc0", Opcode.BINARY, 1002),
        (b"\x95\x01\xc0\x09\xc0\xc0", Opcode.BINARY, 1002),
        (b"\x95\x01\xc0\x00\xc0\xc0\xc0", Opcode.BINARY, 1002),
        (b"\x95\x01\xc0\x00\x05\xc0", Opcode.BINARY, 1002),
        (b"\x95\x01\xc0\x00\x81\x01\xc0\xc0", Opcode.BINARY, 1002),
        (b"hello", Opcode.TEXT, 1003),
    ],
)
async def test_a_server_that_breaks_the_rules_is_left(
    data: bytes, opcode: Opcode, code: int
) -> None:
    async with serving() as server:
        pair = await pair_with(server)
        call = asyncio.create_task(pair.client.call("get"))
        await pair.server.message()
        if opcode is Opcode.TEXT:
            pair.server.ws.send_text(data)
        else:
            pair.server.ws.send_binary(data)
        pair.server.flush()
        error = await failure(call)
        assert (error.code, error.outcome_unknown) == (503, True)
        assert str(code) in error.message
        await pair.server.gone()
        received = pair.server.ws.close_rcvd
        assert received is not None
        assert received.code == code
        await pair.client.close()
        assert pair.client.state.kind == "closed"


async def test_metadata_goes_both_ways(pair: Pair) -> None:
    call = asyncio.create_task(
        pair.client.call_with_metadata("greet", "Ann", returns=str, metadata={"lang": "fr"})
    )
    assert await pair.server.message() == [1, "Ann", "greet", 0, {"lang": "fr"}]
    pair.server.answer(1, None, METADATA, {"a": 1}, None)
    pair.server.answer(1, "Salut", MESSAGE, {"ignored": 1}, {"b": 2})
    response = await call
    assert response == swill.Response("Salut", {"a": 1}, {"b": 2})


@pytest.mark.parametrize("metadata", [{str(key): None for key in range(65)}, {"long": "x" * 9000}])
async def test_too_much_metadata_fails_the_call_only(
    pair: Pair, metadata: dict[str, object]
) -> None:
    call = asyncio.create_task(pair.client.call("get"))
    await pair.server.message()
    pair.server.answer(1, "x", MESSAGE, metadata, None)
    assert (await failure(call)).code == 413
    assert await pair.server.message() == [1, None, "get", 3]


async def test_an_answer_that_is_nested_too_deeply_fails_the_call_only(pair: Pair) -> None:
    call = asyncio.create_task(pair.client.call("get"))
    await pair.server.message()
    pair.server.ws.send_binary(b"\x95\x01" + b"\x91" * 100_000 + b"\xc0" + b"\x00\xc0\xc0")
    pair.server.flush()
    assert (await failure(call)).code == 413
    assert await pair.server.message() == [1, None, "get", 3]


async def test_cancelling_the_task_cancels_the_call(pair: Pair) -> None:
    call = asyncio.create_task(pair.client.call("slow"))
    await pair.server.message()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await pair.server.message() == [1, None, "slow", 3]
    pair.server.answer(1, "late", MESSAGE, None, None)
    call = asyncio.create_task(pair.client.call("next"))
    assert await pair.server.message() == [2, None, "next"]
    pair.server.answer(2, "on time", MESSAGE, None, None)
    assert await call == "on time"


async def test_a_call_that_is_cancelled_before_it_is_sent_is_not_sent() -> None:
    async with serving() as server, swill.connect(server.address, lazy=True) as client:
        calls = [asyncio.create_task(client.call(name)) for name in ("one", "two", "three")]
        await asyncio.sleep(0)
        calls[1].cancel()
        connection = await server.client()
        assert [(await connection.message())[2] for _ in range(2)] == ["one", "three"]
        calls[0].cancel()
        calls[2].cancel()


async def test_a_deadline_ends_the_call_and_tells_the_server(pair: Pair) -> None:
    error = await failure(pair.client.call("slow", deadline=0.01))
    assert (error.code, error.outcome_unknown) == (504, False)
    assert await pair.server.message() == [1, None, "slow"]
    assert await pair.server.message() == [1, None, "slow", 3]


async def test_deadlines_pass_in_their_order(pair: Pair) -> None:
    ended: list[int] = []

    async def call(number: int, deadline: float) -> None:
        with pytest.raises(swill.Error):
            await pair.client.call("slow", deadline=deadline)
        ended.append(number)

    await asyncio.gather(call(3, 0.09), call(1, 0.01), call(2, 0.05))
    assert ended == [1, 2, 3]


async def test_only_so_many_calls_are_in_flight() -> None:
    async with serving() as server:
        pair = await pair_with(server, limits=swill.Limits(calls=2))
        calls = [asyncio.create_task(pair.client.call("get", number)) for number in range(5)]
        assert [(await pair.server.message())[1] for _ in range(2)] == [0, 1]
        # A caller that gives up while it waits leaves its place to the next.
        calls[2].cancel()
        error = await failure(pair.client.call("get", "late", deadline=0.01))
        assert error.code == 504
        for seq, expected in ((1, 3), (2, 4)):
            pair.server.answer(seq, None, MESSAGE, None, None)
            assert (await pair.server.message())[1] == expected
        for seq in (3, 4):
            pair.server.answer(seq, None, MESSAGE, None, None)
        await asyncio.gather(*calls[:2], *calls[3:])
        await pair.client.close()


async def test_a_call_that_cannot_be_written_takes_no_place() -> None:
    async with serving() as server:
        pair = await pair_with(server, limits=swill.Limits(calls=1))
        for params in (object(), 2**70):
            error = await failure(pair.client.call("get", params))
            assert error.code == 500
            assert "the parameters cannot be written" in error.message
        error = await failure(pair.client.call("get", "x" * (1 << 20)))
        assert error.code == 413
        assert "`Limits.request`" in error.message
        assert (await failure(pair.client.call("n" * 256))).code == 404
        first = asyncio.create_task(pair.client.call("get", 1))
        await pair.server.message()
        # It gets the only place, and gives it on at once.
        second = asyncio.create_task(pair.client.call("get", object()))
        third = asyncio.create_task(pair.client.call("get", 3))
        await asyncio.sleep(0)
        pair.server.answer(1, None, MESSAGE, None, None)
        await first
        assert (await failure(second)).code == 500
        assert (await pair.server.message())[1] == 3
        third.cancel()
        await pair.client.close()


async def test_a_notification_is_a_call_whose_answer_is_dropped(pair: Pair) -> None:
    await pair.client.notify("log", "x", metadata={"a": 1})
    assert await pair.server.message() == [1, "x", "log", 0, {"a": 1}]
    pair.server.answer(1, {"code": 500, "message": "no"}, ERROR, None, None)
    call = asyncio.create_task(pair.client.call("next"))
    assert await pair.server.message() == [2, None, "next"]
    call.cancel()


async def test_a_batch_is_calls_one_after_the_other(pair: Pair) -> None:
    batch = pair.client.batch().call("add", (1, 2), returns=int).notify("log").call("bad")
    task = asyncio.create_task(batch.send())
    got = [await pair.server.message() for _ in range(3)]
    assert got == [[1, [1, 2], "add"], [2, None, "log"], [3, None, "bad"]]
    pair.server.answer(3, {"code": 400, "message": "bad"}, ERROR, None, None)
    pair.server.answer(1, 3, MESSAGE, None, None)
    first, second = await task
    assert first == 3
    assert isinstance(second, swill.Error)
    assert await pair.client.batch().send() == []
    assert (await failure(pair.client.batch().call("x", object()).send())).code == 500
