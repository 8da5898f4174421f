"""How connections hold and end, with a server that does as it is told."""

from __future__ import annotations

import asyncio

import pytest
from peer import Connection, http, serving
from support import ERROR, MESSAGE, QUICK, failure, until
from websockets.frames import Opcode
from websockets.http11 import Request

import swill


async def test_a_call_that_was_sent_has_an_unknown_outcome() -> None:
    async with serving() as server, swill.connect(server.address, reconnect=QUICK) as client:
        call = asyncio.create_task(client.call("charge"))
        connection = await server.client()
        await connection.message()
        connection.cut()
        error = await failure(call)
        assert (error.code, error.outcome_unknown) == (503, True)
        assert str(error).startswith("503 the outcome of the call is unknown")
        call = asyncio.create_task(client.call("again"))
        connection = await server.client()
        seq, _, name = await connection.message()
        assert (seq, name) == (2, "again")
        connection.answer(seq, True, MESSAGE, None, None)
        assert await call is True


async def test_an_idempotent_call_is_sent_again() -> None:
    async with serving() as server, swill.connect(server.address, reconnect=QUICK) as client:
        call = asyncio.create_task(
            client.call("get", (1, b"x"), idempotent=True, metadata={"a": 1})
        )
        for seq in (1, 2, 3):
            connection = await server.client()
            assert await connection.message() == [seq, [1, b"x"], "get", 0, {"a": 1}]
            if seq < 3:
                connection.cut()
        connection.answer(3, "yes", MESSAGE, None, None)
        assert await call == "yes"


async def test_what_a_leaving_server_has_not_begun_is_sent_to_the_next_one() -> None:
    async with serving() as server, swill.connect(server.address, reconnect=QUICK) as client:
        again, busy = (
            asyncio.create_task(client.call(name, idempotent=True)) for name in ("again", "busy")
        )
        once = asyncio.create_task(client.call("once"))
        connection = await server.client()
        assert [(await connection.message())[2] for _ in range(3)] == ["again", "busy", "once"]
        refusal = {"code": 503, "message": "the server is shutting down", "data": {"begun": False}}
        connection.answer(1, refusal, ERROR, None, None)
        connection.answer(2, {"code": 503, "message": "too much to do"}, ERROR, None, None)
        connection.answer(3, refusal, ERROR, None, None)
        assert (await failure(busy)).message == "too much to do"
        error = await failure(once)
        assert (error.code, error.outcome_unknown) == (503, False)
        connection.cut()
        connection = await server.client()
        seq, _, name = await connection.message()
        assert name == "again"
        connection.answer(seq, "done", MESSAGE, None, None)
        assert await again == "done"


async def test_the_outcome_of_a_call_that_was_tried_is_unknown_when_the_client_ends() -> None:
    slow = swill.Reconnect(base=1000, cap=1000)
    async with serving() as server, swill.connect(server.address, reconnect=slow) as client:
        tried = asyncio.create_task(client.call("get", idempotent=True))
        connection = await server.client()
        await connection.message()
        connection.cut()
        await until(client, "waiting")
        never = asyncio.create_task(client.call("get", idempotent=True))
        await asyncio.sleep(0)
        await client.close()
        assert (await failure(tried)).outcome_unknown
        assert not (await failure(never)).outcome_unknown


async def test_an_idempotent_stream_is_sent_again_until_an_item_has_come() -> None:
    async with serving() as server, swill.connect(server.address, reconnect=QUICK) as client:
        items = client.stream("count", idempotent=True)
        first = asyncio.ensure_future(anext(items))
        connection = await server.client()
        await connection.message()
        connection.cut()
        connection = await server.client()
        assert await connection.message() == [2, None, "count"]
        connection.answer(2, 0, MESSAGE, None, None)
        assert await first == 0
        connection.cut()
        assert (await failure(anext(items))).outcome_unknown


async def test_calls_wait_for_a_connection_within_their_deadlines() -> None:
    async with serving() as server, swill.connect(server.address, reconnect=QUICK) as client:
        (await server.client()).cut()
        await until(client, "waiting")
        calls = [asyncio.create_task(client.call("get", number)) for number in range(3)]
        connection = await server.client()
        assert [(await connection.message())[1] for _ in range(3)] == [0, 1, 2]
        for seq in (1, 2, 3):
            connection.answer(seq, seq, MESSAGE, None, None)
        assert await asyncio.gather(*calls) == [1, 2, 3]
    slow = swill.Reconnect(base=1000, cap=1000)
    async with serving() as server, swill.connect(server.address, reconnect=slow) as client:
        (await server.client()).cut()
        await until(client, "waiting")
        error = await failure(client.call("get", deadline=0.01))
        assert (error.code, error.outcome_unknown) == (504, False)


@pytest.mark.parametrize("code", [1000, 1008, 4001])
async def test_a_server_that_closes_for_good_is_left_alone(code: int) -> None:
    async with serving() as server:
        client = await swill.connect(server.address, reconnect=QUICK)
        connection = await server.client()
        connection.ws.send_close(code, "enough")
        connection.flush()
        state = await until(client, "closed")
        assert (state.code, state.reason) == (code, "enough")
        error = await failure(client.call("get"))
        assert (error.code, error.outcome_unknown) == (503, False)
        assert "the client is closed: enough" in error.message
        await client.close()


async def test_states_are_told_in_their_order() -> None:
    async with serving() as server:
        client = await swill.connect(
            server.address, reconnect=swill.Reconnect(base=0.001, attempts=1)
        )
        states: list[swill.State] = []
        remove = client.on_state(states.append)

        def broken(state: swill.State) -> None:
            raise RuntimeError("a listener that fails harms nobody")

        client.on_state(broken)
        connection = await server.client()
        connection.ws.send_close(1012, "restarting")
        connection.flush()
        await server.client()
        await until(client, "open")
        remove()
        remove()
        await client.close()
    assert [state.kind for state in states] == ["waiting", "connecting", "open"]
    assert (states[0].code, states[0].reason, states[0].attempt) == (1012, "restarting", 1)
    assert states[0].delay is not None
    assert client.state == swill.State("closed", "closed by this side", 1000)


async def test_attempts_run_out() -> None:
    refused = 0

    def busy(connection: Connection, request: Request) -> bytes:
        nonlocal refused
        refused += 1
        return http("503 Busy", "come later")

    async with serving(busy) as server:
        rules = swill.Reconnect(base=0.001, cap=0.001, attempts=3)
        client = await swill.connect(server.address, reconnect=rules, lazy=True)
        error = await failure(client.call("get"))
        assert error.code == 503
        assert "come later" in error.message
        assert refused == 4
        await client.close()


async def test_a_refusal_ends_the_attempts() -> None:
    async with serving(lambda connection, request: http("401 No", "log in")) as server:
        client = await swill.connect(server.address, lazy=True)
        error = await failure(client.call("get"))
        assert error.code == 401
        assert client.state == swill.State(
            "closed", "the server refused the connection with 401: log in", 401
        )


async def test_closing_says_goodbye_and_fails_what_waits() -> None:
    async with serving() as server:
        client = await swill.connect(server.address)
        connection = await server.client()
        call = asyncio.create_task(client.call("slow"))
        await connection.message()
        last = asyncio.create_task(client.notify("last"))
        await last
        await client.close()
        assert (await failure(call)).outcome_unknown
        assert (await connection.message())[2] == "last"
        frame = await connection.frame()
        assert frame.opcode is Opcode.CLOSE
        assert client.state.kind == "closed"
        assert (await failure(client.call("get"))).code == 503
        assert (await failure(anext(client.stream("get")))).code == 503
        await client.close()


async def test_a_server_that_answers_no_close_is_dropped() -> None:
    async with serving() as server:
        client = await swill.connect(server.address, limits=swill.Limits(close=0.05))
        connection = await server.client()
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.close()
        assert client.state.kind == "closed"


async def test_a_lazy_client_can_be_closed_at_once() -> None:
    client = await swill.connect("ws://127.0.0.1:9/", lazy=True)
    call = asyncio.create_task(client.call("get"))
    await asyncio.sleep(0)
    await client.close()
    assert (await failure(call)).code == 503


async def test_a_silent_server_is_pinged_and_given_up() -> None:
    limits = swill.Limits(ping_after=0.02, pong_within=0.05)
    async with serving() as server:
        client = await swill.connect(server.address, limits=limits, reconnect=None)
        connection = await server.client()
        connection.answers_pings = False
        assert (await connection.frame()).opcode is Opcode.PING
        state = await until(client, "closed")
        assert (state.code, state.reason) == (1006, "the server did not answer a ping")
        await client.close()


async def test_a_server_that_answers_pings_is_kept() -> None:
    limits = swill.Limits(ping_after=0.01, pong_within=5)
    async with serving() as server, swill.connect(server.address, limits=limits) as client:
        connection = await server.client()
        for _ in range(3):
            assert (await connection.frame()).opcode is Opcode.PING
        assert client.state.kind == "open"


async def test_pings_of_the_server_are_answered() -> None:
    async with serving() as server, swill.connect(server.address):
        connection = await server.client()
        connection.ws.send_ping(b"are you there")
        connection.flush()
        frame = await connection.frame()
        assert (frame.opcode, bytes(frame.data)) == (Opcode.PONG, b"are you there")


async def test_a_tap_sees_every_message() -> None:
    frames: list[swill.TappedFrame] = []

    def tap(frame: swill.TappedFrame) -> None:
        frames.append(frame)
        raise RuntimeError("a tap that fails harms nobody")

    async with serving() as server, swill.connect(server.address, tap=tap) as client:
        connection = await server.client()
        call = asyncio.create_task(client.call("get"))
        await connection.message()
        connection.answer(1, 2, MESSAGE, None, None)
        await call
    assert [(frame.direction, frame.data) for frame in frames] == [
        ("out", b"\x93\x01\xc0\xa3get"),
        ("in", b"\x95\x01\x02\x00\xc0\xc0"),
    ]
    assert frames[0].at <= frames[1].at


async def test_a_client_shows_its_server_and_no_secrets() -> None:
    async with serving() as server, swill.connect(server.address + "?key=s3cr3t") as client:
        assert repr(client) == f"<swill.Client of {server.address}, open>"
