"""What happens when one side does not take what the other sends."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from peer import Connection, Server, serving
from support import MESSAGE, failure, until

import swill


@asynccontextmanager
async def stuck(limits: swill.Limits) -> AsyncIterator[tuple[swill.Client, Connection]]:
    """A client whose server reads nothing."""
    async with serving() as server:
        client = await swill.connect(server.address, limits=limits, reconnect=None)
        connection = await server.client()
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined]
        transport = client._driver.connection.transport  # type: ignore[union-attr]
        assert transport is not None
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        yield client, connection
        connection.cut()
        await client.close()


async def fill(sender: swill.Sender[Any]) -> int:
    """Sends until nothing more is taken. Returns how many items were."""
    count = 0
    while True:
        try:
            async with asyncio.timeout(0.1):
                await sender.send(b"x" * 60_000)
        except TimeoutError:
            return count
        count += 1


async def test_a_stream_at_full_speed_leaves_room_for_others() -> None:
    async with serving() as server, swill.connect(server.address) as client:
        fast, slow = client.stream_in("fast"), client.stream_in("slow")

        async def flood() -> None:
            while True:
                await fast.send(b"x" * 1000)

        async def read() -> None:
            while True:
                await connection.message()

        connection = await server.client()
        flooding, reading = asyncio.create_task(flood()), asyncio.create_task(read())
        async with asyncio.timeout(10):
            for number in range(20):
                await asyncio.sleep(0.001)
                await slow.send(number)
        for task in (flooding, reading):
            task.cancel()


async def test_senders_wait_for_the_socket() -> None:
    async with stuck(swill.Limits(close=0.05)) as (client, connection):
        sender = client.stream_in("total")
        count = await fill(sender)
        assert count < 1000
        # Calls wait, too, within their deadlines.
        error = await failure(client.call("get", deadline=0.01))
        assert (error.code, error.outcome_unknown) == (504, False)
        waiting = asyncio.create_task(sender.send(b"last"))
        await asyncio.sleep(0)
        connection.writer.transport.resume_reading()  # type: ignore[attr-defined]
        await waiting
        items = 0
        while (message := await connection.message())[1] != b"last":
            items += message[1] is not None
        # The one whose sender gave up was not sent.
        assert items == count
        await sender.cancel()


async def test_a_socket_that_takes_nothing_is_given_up() -> None:
    limits = swill.Limits(write_stall=0.3, ping_after=100)
    async with stuck(limits) as (client, _):
        sender = client.stream_in("total")

        async def send_on() -> None:
            while True:
                await sender.send(b"x" * 60_000)

        assert (await failure(send_on())).outcome_unknown
        state = await until(client, "closed")
        assert "took nothing" in state.reason


async def flood(connection: Connection, seq: int, count: int, patience: float | None) -> int:
    """Sends items until the client takes no more for a while. Returns how many went out."""
    connection.writer.transport.set_write_buffer_limits(high=0)
    for number in range(count):
        connection.answer(seq, "x" * 1000, MESSAGE, None, None)
        try:
            async with asyncio.timeout(patience):
                await connection.writer.drain()
        except TimeoutError:
            return number
    return count


def small_buffers(server: Server, connection: Connection) -> None:
    raw = connection.writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)


async def test_a_stream_that_is_not_read_slows_the_server_down() -> None:
    limits = swill.Limits(stream_unread=50_000)
    async with serving() as server, swill.connect(server.address, limits=limits) as client:
        connection = await server.client()
        small_buffers(server, connection)
        items = client.stream("ticks", returns=str)
        first = asyncio.ensure_future(anext(items))
        await connection.message()
        sent = await flood(connection, 1, 20_000, 0.1)
        assert sent < 20_000
        assert client._core.unread.unread < 200_000
        await first
        # Whoever reads gets everything, and the rest comes.
        rest = asyncio.create_task(flood(connection, 1, 3000, None))
        count = 1
        async for _ in items:
            count += 1
            if count == sent + 3000:
                break
        await rest


async def test_a_stalled_stream_fails_so_that_others_get_on() -> None:
    limits = swill.Limits(stream_unread=5000, stream_stall=0.05)
    async with serving() as server, swill.connect(server.address, limits=limits) as client:
        connection = await server.client()
        items = client.stream("ticks", returns=str)
        await items.__aenter__()
        call = asyncio.create_task(client.call("get"))
        await connection.message()
        await connection.message()
        for _ in range(20):
            connection.answer(1, "x" * 1000, MESSAGE, None, None)
        connection.answer(2, "behind", MESSAGE, None, None)
        assert await call == "behind"
        assert (await failure(anext(items))).code == 429
        assert await connection.message() == [1, None, "ticks", 3]


async def test_what_is_thrown_away_counts_no_more() -> None:
    limits = swill.Limits(unread=5000)
    async with serving() as server, swill.connect(server.address, limits=limits) as client:
        connection = await server.client()
        streams = [client.stream("ticks") for _ in range(3)]
        for items in streams:
            await items.__aenter__()
            await connection.message()
        for seq in (1, 2, 3):
            for _ in range(3):
                connection.answer(seq, "x" * 1000, MESSAGE, None, None)
        paused = asyncio.Event()
        pause = client._core.reader.pause  # type: ignore[union-attr]
        client._core.reader.pause = lambda: (pause(), paused.set())  # type: ignore
        await paused.wait()
        del items
        streams.clear()
        gc.collect()
        call = asyncio.create_task(client.call("get"))
        while (message := await connection.message())[2] != "get":
            pass
        connection.answer(message[0], 1, MESSAGE, None, None)
        assert await call == 1
        assert client._core.unread.unread == 0


async def test_a_server_that_takes_no_answers_is_not_heard() -> None:
    async with (
        serving() as server,
        swill.connect(server.address, protocol="json-rpc") as client,
    ):
        connection = await server.client()
        reading: Any = connection.writer.transport
        writing: Any = client._driver.connection.transport  # type: ignore[union-attr]
        for transport in (reading, writing):
            raw = transport.get_extra_info("socket")
            for buffer in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                raw.setsockopt(socket.SOL_SOCKET, buffer, 1 << 17)
        reading.pause_reading()
        reading.set_write_buffer_limits(high=0)
        request = b'{"jsonrpc":"2.0","method":"nope","id":"' + b"x" * 200 + b'"}'
        sent = 0
        while sent < 200_000:
            connection.ws.send_text(request)
            connection.flush()
            sent += 1
            try:
                async with asyncio.timeout(0.2):
                    await connection.writer.drain()
            except TimeoutError:
                break
        assert sent < 200_000
        assert client._core.outbox.size < 200_000
        # When they are taken, all of them come.
        reading.resume_reading()
        for _ in range(sent):
            answer = await connection.message()
            assert answer["error"]["code"] == -32601


async def test_what_was_said_is_written_before_the_goodbye_also_when_the_socket_was_full() -> None:
    async with serving() as server:
        client = await swill.connect(server.address)
        connection = await server.client()
        writing: Any = client._driver.connection
        writing.pause_writing()
        await client.notify("last")
        call = asyncio.create_task(client.call("get"))
        await asyncio.sleep(0)
        await client.close()
        assert (await failure(call)).outcome_unknown
        assert [(await connection.message())[2] for _ in range(2)] == ["last", "get"]
