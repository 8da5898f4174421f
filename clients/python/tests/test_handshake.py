"""How connections come about, with a server that does as it is told."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import pytest
from peer import Connection, http, serving
from support import MESSAGE, QUICK, failure
from websockets.http11 import Request
from websockets.server import ServerProtocol

import swill


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


async def test_a_token_is_a_text_and_the_only_one() -> None:
    def nothing() -> str:
        return None  # type: ignore[return-value]

    async with serving() as server:
        error = await failure(swill.connect(server.address, token=nothing))
        assert error.code == 401
        assert "a token is a text, and not NoneType" in error.message
        headers = {"authorization": "Basic x"}
        async with swill.connect(server.address, token="t", headers=headers):
            request = (await server.client()).request
            assert request is not None
            assert request.headers.get_all("Authorization") == ["Bearer t"]


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
