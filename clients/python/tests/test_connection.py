"""How connections come about, hold and end, against a server that does as it is told."""

from __future__ import annotations

import asyncio
import gc
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from peer import Connection, Server, http, serving
from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

import swill

MESSAGE = 0
QUICK = swill.Reconnect(base=0.001, cap=0.01)


async def failure(awaitable: Any) -> swill.Error:
    with pytest.raises(swill.Error) as caught:
        await awaitable
    return caught.value


async def until(client: swill.Client, kind: str) -> swill.State:
    """Waits for a state."""
    changed = asyncio.Event()
    remove = client.on_state(lambda _: changed.set())
    while client.state.kind != kind:
        changed.clear()
        await changed.wait()
    remove()
    return client.state


# The handshake.


@pytest.mark.parametrize(
    ("answer", "code", "told", "data"),
    [
        (http("401 Unauthorized", "log in first"), 401, "with 401: log in first", "log in first"),
        (http("404 Not Found"), 404, "refused the connection with 404", None),
        (http("403 No", "<html>no</html>"), 403, "connection with 403", "<html>no</html>"),
        (http("403 No", "x" * 9000), 403, "connection with 403", "x" * 8192),
        (http("503 Busy", "come later"), 503, "with 503: come later", "come later"),
        (http("302 Found", "", "Location: /x"), 302, "with 302", None),
        (
            b"HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"4\r\nwhat\r\n1\r\n?\r\n0\r\n\r\n",
            400,
            "with 400: what?",
            "what?",
        ),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", 501, "not HTTP", None),
        (b"x" * 20_000, 501, "too long", None),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: wrong\r\n\r\n",
            501,
            "does not answer as the WebSocket server",
            None,
        ),
    ],
)
async def test_who_is_refused_is_told_why(
    answer: bytes, code: int, told: str, data: str | None
) -> None:
    async with serving(lambda connection, request: answer) as server:
        error = await failure(swill.connect(server.address))
    assert (error.code, error.data) == (code, data)
    assert told in error.message


async def test_a_server_that_hangs_up_is_unreachable() -> None:
    def hang_up(connection: Connection, request: Request) -> bytes:
        connection.writer.close()
        return b""

    async with serving(hang_up) as server:
        error = await failure(swill.connect(server.address))
    assert error.code == 503
    assert "cannot be reached" in error.message


async def test_nobody_at_home_is_unreachable() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        error = await failure(swill.connect(f"ws://127.0.0.1:{port}/ws"))
    assert error.code == 503
    assert "cannot be reached" in error.message


async def test_a_handshake_has_its_time() -> None:
    async with serving(lambda connection, request: b"") as server:
        error = await failure(swill.connect(server.address, connect_timeout=0.05))
    assert error.code == 504


@pytest.mark.parametrize(("chosen", "code"), [("", 501), ("jsonrpc", 501)])
async def test_the_subprotocol_has_to_be_chosen(chosen: str, code: int) -> None:
    def choose(connection: Connection, request: Request) -> bytes:
        response = connection.ws.accept(request)
        del response.headers["Sec-WebSocket-Protocol"]
        if chosen:
            response.headers["Sec-WebSocket-Protocol"] = chosen
        return response.serialize()

    async with serving(choose) as server:
        assert (await failure(swill.connect(server.address))).code == code


@pytest.mark.parametrize("offered", [[], ["jsonrpc"]])
async def test_json_rpc_needs_no_subprotocol(offered: list[str]) -> None:
    requests: list[Request] = []

    def greet(connection: Connection, request: Request) -> bytes:
        requests.append(request)
        return ServerProtocol().accept(request).serialize()

    async with serving(greet) as server:
        client = await swill.connect(server.address, protocol="json-rpc", subprotocols=offered)
        assert client.state.kind == "open"
        assert ("Sec-WebSocket-Protocol" in requests[0].headers) == bool(offered)
        # The server is not in the mood to say goodbye.
        client._driver.connection.drop()  # type: ignore[union-attr]
        await client.close()


async def test_headers_and_tokens_go_with_every_handshake() -> None:
    tokens = iter(["one", "two"])

    async def token() -> str:
        return next(tokens)

    async with (
        serving() as server,
        swill.connect(
            server.address,
            token=token,
            headers={"X-Tenant": "t", "Host": "calc.example", "Cookie": "a=b"},
            reconnect=QUICK,
        ),
    ):
        for expected in ("Bearer one", "Bearer two"):
            connection = await server.client()
            assert connection.request is not None
            headers = connection.request.headers
            assert headers["Authorization"] == expected
            assert (headers["X-Tenant"], headers["Host"]) == ("t", "calc.example")
            assert headers["Cookie"] == "a=b"
            connection.cut()


async def test_a_token_that_cannot_be_made_is_told() -> None:
    def token() -> str:
        raise LookupError("no key")

    async with serving() as server:
        error = await failure(swill.connect(server.address, token=token))
    assert error.code == 401
    assert "no key" in error.message


async def test_messages_that_come_with_the_handshake_are_not_lost() -> None:
    def greet(connection: Connection, request: Request) -> bytes:
        ws = connection.ws
        ws.send_response(ws.accept(request))
        ws.send_text(b'{"jsonrpc":"2.0","method":"hello"}')
        ws.send_text(b'{"jsonrpc":"2.0","method":"hello"}')
        return b"".join(ws.data_to_send())

    heard = asyncio.Semaphore(0)
    async with (
        serving(greet) as server,
        swill.connect(server.address, protocol="json-rpc", handlers={"hello": heard.release}),
    ):
        await heard.acquire()
        await heard.acquire()


# TLS.


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for `localhost` that signs itself, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    file, key = folder / "certificate.pem", folder / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command += ["-keyout", str(key), "-out", str(file)]
    subprocess.run(command, capture_output=True, check=True)
    return file, key


async def test_tls_is_spoken_with_those_who_are_trusted(
    certificate: tuple[Path, Path],
) -> None:
    file, key = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)
    async with serving(tls=context) as server:
        port = server.address.split(":")[2].split("/")[0]
        address = f"wss://localhost:{port}/ws"
        error = await failure(swill.connect(address))
        assert error.code == 503
        assert "the certificate of the server is not trusted" in error.message
        trusting = ssl.create_default_context(cafile=str(file))
        async with swill.connect(address, ssl=trusting) as client:
            call = asyncio.create_task(client.call("echo", b"x" * 200_000))
            connection = await server.client()
            _, data, _ = await connection.message()
            connection.answer(1, data, MESSAGE, None, None)
            assert await call == data


# Ends.


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
    assert client.state == swill.State("closed", "", 1000)


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


# Time.


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


# Back-pressure.


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
        await fill(client.stream_in("total"))
        state = await until(client, "closed")
        assert "took nothing" in state.reason


async def flood(connection: Connection, seq: int, count: int) -> int:
    """Sends items until the client takes no more. Returns how many went out."""
    connection.writer.transport.set_write_buffer_limits(high=0)
    for number in range(count):
        connection.answer(seq, "x" * 1000, MESSAGE, None, None)
        try:
            async with asyncio.timeout(0.1):
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
        sent = await flood(connection, 1, 20_000)
        assert sent < 20_000
        assert client._core.unread.unread < 200_000
        await first
        # Whoever reads gets everything, and the rest comes.
        rest = asyncio.create_task(flood(connection, 1, 3000))
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


# Taps.


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
