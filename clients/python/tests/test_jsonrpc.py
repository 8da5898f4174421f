"""Calls of the client in JSON-RPC (conformance/PROTOCOLS.md, chapter 2)."""

from __future__ import annotations

import asyncio

import pytest
from peer import serving
from support_jsonrpc import (
    CANCELLED,
    Peers,
    Wall,
    error,
    request,
    result,
)

import swill


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
async def test_parameters_are_a_list_or_a_map(
    peers: Peers, params: object, written: object
) -> None:
    call = asyncio.create_task(peers.client.call("get", params, returns=int))
    message = await peers.server.message()
    assert message.get("params") == written
    assert ("params" in message) == (written is not None)
    assert (message["jsonrpc"], message["method"], message["id"]) == ("2.0", "get", 1)
    peers.server.tell(result(7))
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
    peers: Peers, answer: object, code: int, message: str, data: object
) -> None:
    call = asyncio.create_task(peers.client.call("get"))
    await peers.server.message()
    peers.server.tell(error(answer))
    with pytest.raises(swill.Error) as caught:
        await call
    told = caught.value
    assert (told.code, told.message, told.data, told.procedure) == (code, message, data, "get")


async def test_an_error_of_null_beside_a_result_is_a_result(peers: Peers) -> None:
    call = asyncio.create_task(peers.client.call("get"))
    await peers.server.message()
    peers.server.tell({"jsonrpc": "2.0", "error": None, "result": 5, "id": 1})
    assert await call == 5


async def test_cancelling_and_deadlines_tell_the_server(peers: Peers) -> None:
    with pytest.raises(swill.Error) as caught:
        await peers.client.call("slow", deadline=0.01)
    assert caught.value.code == 504
    await peers.server.message()
    cancel = {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 1}}
    assert await peers.server.message() == cancel
    peers.server.tell(error(CANCELLED))
    call = asyncio.create_task(peers.client.call("next"))
    assert (await peers.server.message())["id"] == 2
    call.cancel()


def streamed(subscription: object, **said: object) -> dict[str, object]:
    params = {"subscription": subscription, **said}
    return {"jsonrpc": "2.0", "method": "$/stream", "params": params}


async def test_streams_come_as_notifications(peers: Peers) -> None:
    lines = asyncio.create_task(peers.client.stream("lines", 2, returns=str).to_list())
    ticks = peers.client.stream("ticks")
    first = asyncio.ensure_future(anext(ticks))
    assert (await peers.server.message())["params"] == [2]
    assert (await peers.server.message())["method"] == "ticks"
    peers.server.tell(result("s-1", 1))
    peers.server.tell(result(2, 2))
    # A second answer to one request means nothing.
    peers.server.tell(result(3, 2))
    peers.server.tell(streamed("s-1", result="a"))
    peers.server.tell(streamed(2, result=None))
    peers.server.tell(streamed(3, result="?"))
    peers.server.tell(streamed("s-1", result="b"))
    peers.server.tell(streamed("s-1", end=True))
    peers.server.tell(streamed("s-1", result="late"))
    assert await lines == ["a", "b"]
    assert await first is None
    peers.server.tell(streamed(2, error={"code": 409, "message": "broke"}))
    with pytest.raises(swill.Error, match="409 broke"):
        await anext(ticks)


async def test_leaving_a_stream_cancels_it(peers: Peers) -> None:
    async with peers.client.stream("ticks") as ticks:
        await peers.server.message()
        peers.server.tell(result(9))
        peers.server.tell(streamed(9, result=1))
        assert await anext(ticks) == 1
    message = await peers.server.message()
    assert (message["method"], message["params"]) == ("$/cancelRequest", {"id": 1})
    peers.server.tell(streamed(9, result=2))
    peers.server.tell(streamed(9, error=CANCELLED))


async def test_one_subscription_cannot_be_two_streams(peers: Peers) -> None:
    streams = [peers.client.stream("ticks") for _ in range(2)]
    for number, ticks in enumerate(streams, 1):
        await ticks.__aenter__()
        await peers.server.message()
        peers.server.tell(result("same", number))
    with pytest.raises(swill.Error) as caught:
        await anext(streams[1])
    assert caught.value.code == 400
    await streams[0].aclose()


async def test_what_json_rpc_cannot_carry_is_refused(peers: Peers) -> None:
    with pytest.raises(swill.Error, match=r"501 JSON-RPC 2.0 cannot carry a stream in"):
        async with peers.client.stream_in("total"):
            pass
    with pytest.raises(swill.Error, match=r"501 JSON-RPC 2.0 cannot carry a stream in"):
        await anext(peers.client.both("multiply"))
    with pytest.raises(swill.Error, match=r"501 JSON-RPC 2.0 cannot carry metadata"):
        await peers.client.call("get", metadata={"a": 1})


async def test_a_notification_has_no_id(peers: Peers) -> None:
    await peers.client.notify("log", ("x",))
    assert await peers.server.message() == {"jsonrpc": "2.0", "method": "log", "params": ["x"]}


async def test_a_batch_is_one_message(peers: Peers) -> None:
    batch = peers.client.batch().call("add", (1, 2), returns=int).notify("log").call("bad", "x")
    task = asyncio.create_task(batch.send())
    message = await peers.server.message()
    assert [(part["method"], part.get("id")) for part in message] == [
        ("add", 1),
        ("log", None),
        ("bad", 2),
    ]
    peers.server.tell([error({"code": 1, "message": "bad"}, 2), result(3, 1)])
    first, second = await task
    assert first == 3
    assert isinstance(second, swill.Error)
    assert (second.code, second.procedure) == (1, "bad")
    await peers.client.batch().notify("log").send()
    assert len(await peers.server.message()) == 1


async def test_a_batch_has_its_limits(peers: Peers) -> None:
    many = peers.client.batch()
    for _ in range(129):
        many.call("get")
    with pytest.raises(swill.Error, match="429 a batch of 129 calls exceeds"):
        await many.send()
    large = peers.client.batch().call("get", "x" * 600_000).call("get", "x" * 600_000)
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
async def test_parameters_have_a_depth(peers: Peers, levels: int, around: int, fits: bool) -> None:
    params: object = '[{"\\'
    for _ in range(levels):
        params = [params]
    if around == 1:
        params = (params, 0)
    elif around:
        params = [params] * around
    call = asyncio.create_task(peers.client.call("get", params))
    if fits:
        await peers.server.message()
        call.cancel()
        return
    with pytest.raises(swill.Error, match="400 the parameters are nested deeper than 64 levels"):
        await call


async def test_what_a_leaving_server_has_not_begun_is_sent_to_the_next_one() -> None:
    rules = swill.Reconnect(base=0.001)
    async with (
        serving() as server,
        swill.connect(server.address, protocol="json-rpc", reconnect=rules) as client,
    ):
        call = asyncio.create_task(client.call("add", [1, 2], idempotent=True))
        connection = await server.client()
        await connection.message()
        connection.tell(error({"code": 503, "message": "no", "data": {"begun": False}}))
        connection.text(request("nope"))
        await connection.message()
        assert not call.done()
        connection.cut()
        connection = await server.client()
        assert (await connection.message())["params"] == [1, 2]
        connection.tell(result(3, 2))
        assert await call == 3


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
