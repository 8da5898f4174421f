"""JSON-RPC in both directions (conformance/PROTOCOLS.md, chapter 2), against a server that does as
it is told."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from peer import Connection, serving

import swill

PARSE_ERROR = {"code": -32700, "message": "Parse error"}
INVALID_REQUEST = {"code": -32600, "message": "Invalid Request"}
NOT_FOUND = {"code": -32601, "message": "Method not found"}
INTERNAL = {"code": -32603, "message": "Internal error"}
CANCELLED = {"code": -32800, "message": "Request cancelled"}


class Wall(msgspec.Struct):
    name: str
    width: int | None = None


@dataclass
class Pair:
    """A client and its server."""

    client: swill.Client
    server: Connection
    seen: list[Any]
    gate: asyncio.Event

    async def ask(self, text: str) -> Any:
        """What the client says to a message."""
        self.server.text(text)
        return await self.server.message()


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    seen: list[Any] = []
    gate = asyncio.Event()

    def subtract(minuend: int, subtrahend: int) -> int:
        return minuend - subtrahend

    def note(*params: object, **named: object) -> None:
        seen.append(named or list(params))

    async def late(value: object) -> object:
        seen.append(("late", value))
        await gate.wait()
        return value

    def paint(wall: Wall, *coats: int) -> str:
        return f"{wall.name} {wall.width} {sum(coats)}"

    def broken() -> None:
        raise LookupError("secret")

    def refuse() -> None:
        raise swill.Error(409, "not now", {"busy": True})

    def unwritable() -> object:
        return object()

    handlers: dict[str, Callable[..., Any]] = {
        "subtract": subtract,
        "note": note,
        "late": late,
        "paint": paint,
        "broken": broken,
        "refuse": refuse,
        "unwritable": unwritable,
    }
    async with (
        serving() as server,
        swill.connect(
            server.address,
            protocol="json-rpc",
            handlers=handlers,
            limits=swill.Limits(serving=3),
            reconnect=swill.Reconnect(base=0.001),
        ) as client,
    ):
        yield Pair(client, await server.client(), seen, gate)


def result(value: object, request_id: object = 1) -> dict[str, object]:
    return {"jsonrpc": "2.0", "result": value, "id": request_id}


def error(told: object, request_id: object = 1) -> dict[str, object]:
    return {"jsonrpc": "2.0", "error": told, "id": request_id}


def request(method: str, params: object = None, request_id: object = 1) -> str:
    members: dict[str, object] = {"jsonrpc": "2.0", "method": method, "id": request_id}
    if params is not None:
        members["params"] = params
    return json.dumps(members)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (request("subtract", [42, 23]), result(19)),
        (request("subtract", {"subtrahend": 23, "minuend": 42}), result(19)),
        (request("note"), result(None)),
        (request("note", [1], "x"), result(None, "x")),
        (request("note", [], 1.5), result(None, 1.5)),
        (request("note", [], 2**70), result(None, 2**70)),
        (request("note", [], None), result(None, None)),
        (request("paint", [{"name": "door"}, 1, 2]), result("door None 3")),
        (request("paint", {"wall": {"name": "door", "width": 3}}), result("door 3 0")),
        (request("nope"), error(NOT_FOUND)),
        (request("nope", [], "1"), error(NOT_FOUND, "1")),
        (request("broken"), error(INTERNAL)),
        (request("unwritable"), error(INTERNAL)),
        (request("refuse"), error({"code": 409, "message": "not now", "data": {"busy": True}})),
        (request("$/cancelRequest", {"id": 1}), error(NOT_FOUND)),
        ('{"jsonrpc": "2.0", "method": "nope", "id": 1, "more": []}', error(NOT_FOUND)),
        ("{", error(PARSE_ERROR, None)),
        ("[1,", error(PARSE_ERROR, None)),
        ("", error(PARSE_ERROR, None)),
        ("1", error(INVALID_REQUEST, None)),
        ("1 x", error(PARSE_ERROR, None)),
        ('"x"', error(INVALID_REQUEST, None)),
        ("null", error(INVALID_REQUEST, None)),
        ("{}", error(INVALID_REQUEST, None)),
        ("[]", error(INVALID_REQUEST, None)),
        ('{"id": 5}', error(INVALID_REQUEST, 5)),
        ('{"id": [5]}', error(INVALID_REQUEST, None)),
        ('{"jsonrpc": "2.0", "method": 1, "id": 5}', error(INVALID_REQUEST, 5)),
        ('{"jsonrpc": "2.0", "method": "note", "id": true}', error(INVALID_REQUEST, None)),
        ('{"jsonrpc": "1.0", "method": "note", "id": 5}', error(INVALID_REQUEST, 5)),
        ('{"method": "note", "id": 5}', error(INVALID_REQUEST, 5)),
        (request("note", [], "x" * 300), error(INVALID_REQUEST, None)),
        ("[1, [], {}]", [error(INVALID_REQUEST, None)] * 3),
        (
            f"[{request('subtract', [3, 1])}, {request('nope', [], 2)}]",
            [result(2), error(NOT_FOUND, 2)],
        ),
        (
            f"[{','.join(['1'] * 1025)}]",
            error({**INVALID_REQUEST, "data": "a batch may have at most 1024 elements"}, None),
        ),
    ],
)
async def test_what_the_server_says_is_answered(pair: Pair, text: str, answer: object) -> None:
    assert await pair.ask(text) == answer


@pytest.mark.parametrize(
    ("method", "params", "entry"),
    [
        ("subtract", [1], {"path": "", "code": "unknown"}),
        ("subtract", [1, 2, 3], {"path": "", "code": "unknown"}),
        ("subtract", {"minuend": 1, "other": 2}, {"path": "", "code": "unknown"}),
        ("subtract", 5, {"path": "", "code": "type"}),
        ("subtract", ["1", 2], {"parameter": "minuend", "path": "minuend", "code": "type"}),
        (
            "paint",
            [{"name": "door", "width": "x"}],
            {"parameter": "wall", "path": "wall.width", "code": "type"},
        ),
        ("paint", [{"name": "door"}, 1, "x"], {"parameter": "coats", "path": "coats[1]"}),
    ],
)
async def test_parameters_that_do_not_fit_are_refused(
    pair: Pair, method: str, params: object, entry: dict[str, str]
) -> None:
    answer = await pair.ask(request(method, params))
    assert (answer["error"]["code"], answer["error"]["message"]) == (-32602, "Invalid params")
    (told,) = answer["error"]["data"]["errors"]
    assert entry.items() <= told.items()
    assert told["message"]


async def test_what_gets_no_answer(pair: Pair) -> None:
    for text in (
        '{"jsonrpc": "2.0", "method": "note", "params": [1]}',
        '{"jsonrpc": "2.0", "method": "nope"}',
        '{"jsonrpc": "2.0", "method": "broken"}',
        '[{"jsonrpc": "2.0", "method": "note", "params": [2]}]',
        '{"jsonrpc": "2.0", "result": 1, "id": 77}',
        '{"jsonrpc": "2.0", "error": {"code": 1, "message": "x"}, "id": null}',
        '{"jsonrpc": "2.0", "result": 1, "id": "1"}',
        '{"result": 1}',
        '{"jsonrpc": "2.0", "method": "$/stream", "params": {"subscription": 5, "result": 1}}',
        '{"jsonrpc": "2.0", "method": "$/stream", "params": []}',
        '{"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 5}}',
        '{"jsonrpc": "2.0", "method": "$/cancelRequest"}',
    ):
        pair.server.text(text)
    assert await pair.ask(request("subtract", [2, 1], "last")) == result(1, "last")
    assert pair.seen == [[1], [2]]


async def test_json_may_come_in_binary_messages(pair: Pair) -> None:
    pair.server.ws.send_binary(request("subtract", [2, 1]).encode())
    pair.server.flush()
    assert await pair.server.message() == result(1)


async def test_text_that_is_not_utf_8_ends_the_connection(pair: Pair) -> None:
    pair.server.ws.send_text(b'"\xff"')
    pair.server.flush()
    await pair.server.gone()
    assert pair.server.ws.close_rcvd is not None
    assert pair.server.ws.close_rcvd.code == 1007


async def test_handlers_that_wait_answer_when_they_are_ready(pair: Pair) -> None:
    pair.server.text(request("late", ["a"], 1))
    pair.server.text(f"[{request('late', ['b'], 2)}, {request('subtract', [3, 2], 3)}]")
    assert await pair.ask(request("subtract", [2, 1], 4)) == result(1, 4)
    pair.gate.set()
    answers = [await pair.server.message() for _ in range(2)]
    assert answers[0] == result("a", 1)
    assert sorted(answers[1], key=lambda answer: answer["id"]) == [result("b", 2), result(1, 3)]


async def test_too_many_calls_at_once_are_refused(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        pair.server.text(request("late", [number], number))
    answer = await pair.ask(request("late", [3], 3))
    assert (answer["error"]["code"], answer["id"]) == (429, 3)
    pair.server.text('{"jsonrpc": "2.0", "method": "late", "params": [4]}')
    assert await pair.ask(request("nope", [], 5)) == error(NOT_FOUND, 5)
    assert "a notification of 'late' was dropped" in caplog.text
    assert len(pair.seen) == 3


async def test_calls_that_end_at_once_count_nothing() -> None:
    seen: list[int] = []

    async def note(number: int) -> None:
        seen.append(number)

    async with (
        serving() as server,
        swill.connect(
            server.address,
            protocol="json-rpc",
            handlers={"note": note},
            limits=swill.Limits(serving=2),
        ),
    ):
        connection = await server.client()
        texts = [
            json.dumps({"jsonrpc": "2.0", "method": "note", "params": [n]}) for n in range(500)
        ]
        for text in texts:
            connection.ws.send_text(text.encode())
        connection.ws.send_text(request("nope").encode())
        connection.flush()
        assert await connection.message() == error(NOT_FOUND)
        assert seen == list(range(500))


async def test_the_server_may_cancel_its_calls(pair: Pair) -> None:
    pair.server.text(request("late", ["a"], 1))
    pair.server.text(request("late", ["b"], "1"))
    cancel = '{"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": "1"}}'
    assert await pair.ask(cancel) == error(CANCELLED, "1")
    pair.gate.set()
    assert await pair.server.message() == result("a", 1)


async def test_handlers_end_with_their_connection(pair: Pair) -> None:
    pair.server.text(request("late", ["a"]))
    assert await pair.ask(request("subtract", [2, 1], 2)) == result(1, 2)
    (task,) = [task for task in asyncio.all_tasks() if task.get_name() == "swill late"]
    pair.server.cut()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_handler_that_fails_is_logged(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "swill"):
        assert await pair.ask(request("broken")) == error(INTERNAL)
    assert "the handler 'broken' failed unexpectedly" in caplog.text
    assert "LookupError: secret" in caplog.text


async def test_handlers_may_be_added_later(pair: Pair) -> None:
    pair.client.handle("later", lambda: "now")
    assert await pair.ask(request("later")) == result("now")


# Calls of the client.


@pytest.mark.parametrize(
    ("params", "written"),
    [
        (None, None),
        ((1, 2), [1, 2]),
        ([], []),
        ({"a": 1}, {"a": 1}),
        (Wall("door"), {"name": "door", "width": None}),
        ("wall", ["wall"]),
        (5, [5]),
        (b"abc", ["YWJj"]),
    ],
)
async def test_parameters_are_a_list_or_a_map(pair: Pair, params: object, written: object) -> None:
    call = asyncio.create_task(pair.client.call("get", params, returns=int))
    message = await pair.server.message()
    assert message.get("params") == written
    assert ("params" in message) == (written is not None)
    assert (message["jsonrpc"], message["method"], message["id"]) == ("2.0", "get", 1)
    pair.server.tell(result(7))
    assert await call == 7


@pytest.mark.parametrize(
    ("answer", "code", "message", "data"),
    [
        ({"code": -32000, "message": "x", "data": [1]}, -32000, "x", [1]),
        ({"code": 1, "message": "x"}, 1, "x", None),
        ({"code": "1"}, 500, "the error has no message", None),
        ("what", 500, "the error has no message", None),
        (None, 500, "the error has no message", None),
    ],
)
async def test_errors_say_what_they_can(
    pair: Pair, answer: object, code: int, message: str, data: object
) -> None:
    call = asyncio.create_task(pair.client.call("get"))
    await pair.server.message()
    pair.server.tell(error(answer))
    with pytest.raises(swill.Error) as caught:
        await call
    told = caught.value
    assert (told.code, told.message, told.data, told.procedure) == (code, message, data, "get")


async def test_an_error_of_null_beside_a_result_is_a_result(pair: Pair) -> None:
    call = asyncio.create_task(pair.client.call("get"))
    await pair.server.message()
    pair.server.tell({"jsonrpc": "2.0", "error": None, "result": 5, "id": 1})
    assert await call == 5


async def test_cancelling_and_deadlines_tell_the_server(pair: Pair) -> None:
    with pytest.raises(swill.Error) as caught:
        await pair.client.call("slow", deadline=0.01)
    assert caught.value.code == 504
    await pair.server.message()
    cancel = {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 1}}
    assert await pair.server.message() == cancel
    pair.server.tell(error(CANCELLED))
    call = asyncio.create_task(pair.client.call("next"))
    assert (await pair.server.message())["id"] == 2
    call.cancel()


def streamed(subscription: object, **said: object) -> dict[str, object]:
    params = {"subscription": subscription, **said}
    return {"jsonrpc": "2.0", "method": "$/stream", "params": params}


async def test_streams_come_as_notifications(pair: Pair) -> None:
    lines = asyncio.create_task(pair.client.stream("lines", 2, returns=str).to_list())
    ticks = pair.client.stream("ticks")
    first = asyncio.ensure_future(anext(ticks))
    assert (await pair.server.message())["params"] == [2]
    assert (await pair.server.message())["method"] == "ticks"
    pair.server.tell(result("s-1", 1))
    pair.server.tell(result(2, 2))
    # A second answer to one request means nothing.
    pair.server.tell(result(3, 2))
    pair.server.tell(streamed("s-1", result="a"))
    pair.server.tell(streamed(2, result=None))
    pair.server.tell(streamed(3, result="?"))
    pair.server.tell(streamed("s-1", result="b"))
    pair.server.tell(streamed("s-1", end=True))
    pair.server.tell(streamed("s-1", result="late"))
    assert await lines == ["a", "b"]
    assert await first is None
    pair.server.tell(streamed(2, error={"code": 409, "message": "broke"}))
    with pytest.raises(swill.Error, match="409 broke"):
        await anext(ticks)


async def test_leaving_a_stream_cancels_it(pair: Pair) -> None:
    async with pair.client.stream("ticks") as ticks:
        await pair.server.message()
        pair.server.tell(result(9))
        pair.server.tell(streamed(9, result=1))
        assert await anext(ticks) == 1
    message = await pair.server.message()
    assert (message["method"], message["params"]) == ("$/cancelRequest", {"id": 1})
    pair.server.tell(streamed(9, result=2))
    pair.server.tell(streamed(9, error=CANCELLED))


async def test_one_subscription_cannot_be_two_streams(pair: Pair) -> None:
    streams = [pair.client.stream("ticks") for _ in range(2)]
    for number, ticks in enumerate(streams, 1):
        await ticks.__aenter__()
        await pair.server.message()
        pair.server.tell(result("same", number))
    with pytest.raises(swill.Error) as caught:
        await anext(streams[1])
    assert caught.value.code == 400
    await streams[0].aclose()


async def test_what_json_rpc_cannot_carry_is_refused(pair: Pair) -> None:
    with pytest.raises(swill.Error, match=r"501 JSON-RPC 2.0 cannot carry a stream in"):
        async with pair.client.stream_in("total"):
            pass
    with pytest.raises(swill.Error, match=r"501 JSON-RPC 2.0 cannot carry a stream in"):
        await anext(pair.client.both("multiply"))
    with pytest.raises(swill.Error, match=r"501 JSON-RPC 2.0 cannot carry metadata"):
        await pair.client.call("get", metadata={"a": 1})


async def test_a_notification_has_no_id(pair: Pair) -> None:
    await pair.client.notify("log", ("x",))
    assert await pair.server.message() == {"jsonrpc": "2.0", "method": "log", "params": ["x"]}


async def test_a_batch_is_one_message(pair: Pair) -> None:
    batch = pair.client.batch().call("add", (1, 2), returns=int).notify("log").call("bad", "x")
    task = asyncio.create_task(batch.send())
    message = await pair.server.message()
    assert [(part["method"], part.get("id")) for part in message] == [
        ("add", 1),
        ("log", None),
        ("bad", 2),
    ]
    pair.server.tell([error({"code": 1, "message": "bad"}, 2), result(3, 1)])
    first, second = await task
    assert first == 3
    assert isinstance(second, swill.Error)
    assert (second.code, second.procedure) == (1, "bad")
    await pair.client.batch().notify("log").send()
    assert len(await pair.server.message()) == 1


async def test_a_batch_has_its_limits(pair: Pair) -> None:
    many = pair.client.batch()
    for _ in range(129):
        many.call("get")
    with pytest.raises(swill.Error, match="429 a batch of 129 calls exceeds"):
        await many.send()
    large = pair.client.batch().call("get", "x" * 600_000).call("get", "x" * 600_000)
    with pytest.raises(swill.Error) as caught:
        await large.send()
    assert caught.value.code == 413


async def test_a_notification_survives_its_connection() -> None:
    async with serving() as server:
        address = server.address
        async with swill.connect(address, protocol="json-rpc", lazy=True) as client:
            await client.notify("log", (1,))
            batch = asyncio.create_task(client.batch().call("one").call("two").send())
            await asyncio.sleep(0)
            connection = await server.client()
            assert (await connection.message())["method"] == "log"
            assert [part["method"] for part in await connection.message()] == ["one", "two"]
            batch.cancel()


@pytest.mark.parametrize(
    ("levels", "around", "fits"),
    [(64, 0, True), (65, 0, False), (63, 1, True), (64, 1, False), (2, 100, True)],
)
async def test_parameters_have_a_depth(pair: Pair, levels: int, around: int, fits: bool) -> None:
    params: object = '[{"\\'
    for _ in range(levels):
        params = [params]
    if around == 1:
        params = (params, 0)
    elif around:
        params = [params] * around
    call = asyncio.create_task(pair.client.call("get", params))
    if fits:
        await pair.server.message()
        call.cancel()
        return
    with pytest.raises(swill.Error, match="400 the parameters are nested deeper than 64 levels"):
        await call


async def test_a_stream_that_was_accepted_is_opened_anew_on_the_next_connection() -> None:
    rules = swill.Reconnect(base=0.001)
    async with (
        serving() as server,
        swill.connect(server.address, protocol="json-rpc", reconnect=rules) as client,
    ):
        first = asyncio.ensure_future(anext(client.stream("ticks", idempotent=True)))
        connection = await server.client()
        await connection.message()
        connection.tell(result(5))
        # An answer to this says that the client has read as far.
        connection.text(request("nope"))
        await connection.message()
        connection.cut()
        connection = await server.client()
        assert (await connection.message())["id"] == 2
        connection.tell(result(5, 2))
        connection.tell(streamed(5, result="tick"))
        assert await first == "tick"
