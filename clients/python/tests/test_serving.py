"""Calls of the server in JSON-RPC (conformance/PROTOCOLS.md, chapter 2)."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest
from peer import serving
from support_jsonrpc import (
    CANCELLED,
    INTERNAL,
    INVALID_REQUEST,
    NOT_FOUND,
    PARSE_ERROR,
    Peers,
    error,
    request,
    result,
)

import swill


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
async def test_what_the_server_says_is_answered(peers: Peers, text: str, answer: object) -> None:
    assert await peers.ask(text) == answer


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
    peers: Peers, method: str, params: object, entry: dict[str, str]
) -> None:
    answer = await peers.ask(request(method, params))
    assert (answer["error"]["code"], answer["error"]["message"]) == (-32602, "Invalid params")
    (told,) = answer["error"]["data"]["errors"]
    assert entry.items() <= told.items()
    assert told["message"]


async def test_what_gets_no_answer(peers: Peers) -> None:
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
        peers.server.text(text)
    assert await peers.ask(request("subtract", [2, 1], "last")) == result(1, "last")
    assert peers.seen == [[1], [2]]


async def test_json_may_come_in_binary_messages(peers: Peers) -> None:
    peers.server.ws.send_binary(request("subtract", [2, 1]).encode())
    peers.server.flush()
    assert await peers.server.message() == result(1)


async def test_text_that_is_not_utf_8_ends_the_connection(peers: Peers) -> None:
    peers.server.ws.send_text(b'"\xff"')
    peers.server.flush()
    await peers.server.gone()
    assert peers.server.ws.close_rcvd is not None
    assert peers.server.ws.close_rcvd.code == 1007


async def test_handlers_that_wait_answer_when_they_are_ready(peers: Peers) -> None:
    peers.server.text(request("late", ["a"], 1))
    peers.server.text(f"[{request('late', ['b'], 2)}, {request('subtract', [3, 2], 3)}]")
    assert await peers.ask(request("subtract", [2, 1], 4)) == result(1, 4)
    peers.gate.set()
    answers = [await peers.server.message() for _ in range(2)]
    assert answers[0] == result("a", 1)
    assert sorted(answers[1], key=lambda answer: answer["id"]) == [result("b", 2), result(1, 3)]


async def test_too_many_calls_at_once_are_refused(
    peers: Peers, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        peers.server.text(request("late", [number], number))
    answer = await peers.ask(request("late", [3], 3))
    assert (answer["error"]["code"], answer["id"]) == (429, 3)
    peers.server.text('{"jsonrpc": "2.0", "method": "late", "params": [4]}')
    assert await peers.ask(request("nope", [], 5)) == error(NOT_FOUND, 5)
    assert "a notification of 'late' was dropped" in caplog.text
    assert len(peers.seen) == 3


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


async def test_the_server_may_cancel_its_calls(peers: Peers) -> None:
    peers.server.text(request("late", ["a"], 1))
    peers.server.text(request("late", ["b"], "1"))
    cancel = '{"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": "1"}}'
    assert await peers.ask(cancel) == error(CANCELLED, "1")
    peers.gate.set()
    assert await peers.server.message() == result("a", 1)


async def test_handlers_end_with_their_connection(peers: Peers) -> None:
    peers.server.text(request("late", ["a"]))
    assert await peers.ask(request("subtract", [2, 1], 2)) == result(1, 2)
    (task,) = [task for task in asyncio.all_tasks() if task.get_name() == "swill late"]
    peers.server.cut()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_handler_that_fails_is_logged(
    peers: Peers, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "swill"):
        assert await peers.ask(request("broken")) == error(INTERNAL)
    assert "the handler 'broken' failed unexpectedly" in caplog.text
    assert "LookupError: secret" in caplog.text


async def test_handlers_may_be_added_later(peers: Peers) -> None:
    peers.client.handle("later", lambda: "now")
    assert await peers.ask(request("later")) == result("now")


async def test_a_plain_handler_that_stumbles_over_a_cancelled_task_harms_nobody(
    peers: Peers,
) -> None:
    def look() -> object:
        task: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        task.cancel()
        return task.result()

    peers.client.handle("look", look)
    assert await peers.ask(request("look")) == error(INTERNAL)
    assert peers.client.state.kind == "open"
