"""Clients that nobody closes, and clients in the wrong place."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from peer import Connection, http, serving
from support import MESSAGE, QUICK, Pair, failure, until
from websockets.frames import Opcode
from websockets.http11 import Request

import swill


async def test_a_client_that_is_thrown_away_warns_and_is_closed() -> None:
    async with serving() as server:
        client = await swill.connect(server.address)
        connection = await server.client()
        with pytest.warns(ResourceWarning, match=r"unclosed <swill.Client of ws://.*, open>"):
            del client
        assert (await connection.frame()).opcode is Opcode.CLOSE
        await connection.gone()


async def test_a_client_that_waits_is_closed_when_it_is_thrown_away() -> None:
    before = asyncio.all_tasks()
    client = await swill.connect(
        "ws://127.0.0.1:9/", lazy=True, reconnect=swill.Reconnect(base=1000, cap=1000)
    )
    await until(client, "waiting")
    with pytest.warns(ResourceWarning, match="unclosed"):
        del client
    await asyncio.wait(asyncio.all_tasks() - before, timeout=5)
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("how", ["closed", "refused", "lost"])
@pytest.mark.filterwarnings("error")
async def test_a_client_that_has_ended_is_thrown_away_in_silence(how: str) -> None:
    async with serving() as server:
        client = await swill.connect(server.address, reconnect=None)
        connection = await server.client()
        if how == "closed":
            await client.close()
        elif how == "refused":
            connection.ws.send_close(1008, "no")
            connection.flush()
        else:
            connection.cut()
        await until(client, "closed")
        del client
        gc.collect()


async def test_a_stream_holds_its_client() -> None:
    async with serving() as server:
        client = await swill.connect(server.address)
        items, sender = client.stream("ticks"), client.stream_in("total")
        batch, duplex = client.batch().call("get"), client.both("multiply")
        connection = await server.client()
        first = asyncio.ensure_future(anext(items))
        await connection.message()
        del client
        gc.collect()
        connection.answer(1, "here", MESSAGE, None, None)
        assert await first == "here"
        del items, first, batch, duplex
        assert await connection.message() == [1, None, "ticks", 3]
        await sender.send(1)
        assert (await connection.message())[2] == "total"
        with pytest.warns(ResourceWarning, match="unclosed"):
            del sender
        await connection.gone()


USES: list[Callable[[swill.Client], Coroutine[Any, Any, object]]] = [
    lambda client: client.call("get"),
    lambda client: client.call_with_metadata("get"),
    lambda client: client.notify("get"),
    lambda client: client.batch().call("get").send(),
    lambda client: client.stream("get").to_list(),
    lambda client: client.stream_in("get").send(1),
    lambda client: client.both("get").send(1),
    lambda client: client.close(),
]


@pytest.mark.parametrize("use", USES)
async def test_a_client_belongs_to_its_loop(
    pair: Pair, use: Callable[[swill.Client], Coroutine[Any, Any, object]]
) -> None:
    errors: list[BaseException] = []

    def elsewhere() -> None:
        try:
            asyncio.run(use(pair.client))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    await asyncio.to_thread(thread.join)
    assert [str(error) for error in errors] == [
        "the client belongs to another event loop: the one in which it was made"
    ]
    assert type(errors[0]) is RuntimeError
    assert (pair.client._core.calls, pair.client._core.last) == ({}, 0)
    assert pair.client.state.kind == "open"


def test_a_program_may_end_with_a_client_open(caplog: pytest.LogCaptureFixture) -> None:
    kept: list[swill.Client] = []

    async def main() -> None:
        async with serving() as server:
            kept.append(await swill.connect(server.address))

    asyncio.run(main())
    assert kept[0].state.kind == "closed"
    error = asyncio.run(failure_of(kept[0]))
    assert "another event loop" in str(error)
    assert caplog.records == []


async def failure_of(client: swill.Client) -> BaseException:
    with pytest.raises(RuntimeError) as caught:
        await client.call("get")
    return caught.value


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example", "nobody.invalid"])
@pytest.mark.parametrize("lazy", [False, True])
async def test_a_host_that_is_none_is_unreachable(host: str, lazy: bool) -> None:
    async def use() -> None:
        rules = swill.Reconnect(base=0.001, attempts=1)
        async with swill.connect(f"ws://{host}:9/", lazy=lazy, reconnect=rules) as client:
            await client.call("get")

    error = await failure(use())
    assert error.code == (503 if host == "nobody.invalid" else 400)


async def test_a_server_that_closes_at_once_is_not_asked_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    delays: list[float] = []
    sleep = asyncio.sleep

    async def note(delay: float) -> None:
        delays.append(delay)
        await sleep(0)

    monkeypatch.setattr("swill._driver.asyncio.sleep", note)
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    rules = swill.Reconnect(base=0.5, cap=3.0, attempts=6)
    async with serving() as server:
        client = await swill.connect(server.address, reconnect=rules)

        async def close_all() -> None:
            while True:
                connection = await server.client()
                connection.ws.send_close(1012, "restarting")
                connection.flush()

        closing = asyncio.create_task(close_all())
        state = await until(client, "closed")
        closing.cancel()
        assert (state.code, state.reason) == (1012, "restarting")
    assert [delay for delay in delays if delay] == [0.5, 1.0, 2.0, 3.0, 3.0, 3.0]


async def test_handlers_are_stopped_with_their_connection_and_serve_the_next() -> None:
    begun, ended = asyncio.Semaphore(0), asyncio.Semaphore(0)

    async def wait() -> None:
        begun.release()
        try:
            await asyncio.Event().wait()
        finally:
            ended.release()

    async with (
        serving() as server,
        swill.connect(
            server.address, protocol="json-rpc", handlers={"wait": wait}, reconnect=QUICK
        ) as client,
    ):
        for _ in range(3):
            connection = await server.client()
            connection.tell({"jsonrpc": "2.0", "method": "wait", "id": 1})
            await begun.acquire()
            connection.cut()
            await ended.acquire()
        await server.client()
        await until(client, "open")


async def test_a_rule_that_fails_closes_the_client(caplog: pytest.LogCaptureFixture) -> None:
    def when(close: swill.Close) -> bool:
        raise LookupError("what now")

    caplog.set_level(logging.ERROR)
    async with serving() as server:
        client = await swill.connect(server.address, reconnect=swill.Reconnect(when=when))
        (await server.client()).cut()
        state = await until(client, "closed")
        assert "what now" in state.reason
        assert [record.name for record in caplog.records] == ["swill"]
        assert "what now" in (await failure(client.call("get"))).message


async def test_nobody_is_told_twice_of_one_refusal() -> None:
    asked = 0

    def refuse(connection: Connection, request: Request) -> bytes:
        nonlocal asked
        asked += 1
        return http("403 No")

    async with serving(refuse) as server:
        client = await swill.connect(server.address, lazy=True, reconnect=QUICK)
        await until(client, "closed")
        assert asked == 1
