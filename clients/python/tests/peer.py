"""A server that does as a test says: it speaks WebSocket properly unless it is told not to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

Greet = Callable[["Connection", Request], bytes | None]
"""Answers a handshake in place of the library; `None` leaves it to the library."""


class Connection:
    """A client that has come."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.ws = ServerProtocol(subprotocols=["swill.1", "jsonrpc"])  # type: ignore[list-item]
        self.frames: asyncio.Queue[Frame | None] = asyncio.Queue()
        self.request: Request | None = None
        self.answers_pings = True

    async def serve(self, greet: Greet | None, opened: asyncio.Queue[Connection]) -> None:
        try:
            while data := await self.reader.read(65_536):
                self.ws.receive_data(data)
                for event in self.ws.events_received():
                    if isinstance(event, Request):
                        self.request = event
                        answer = greet(self, event) if greet is not None else None
                        if answer is not None:
                            self.writer.write(answer)
                            continue
                        self.ws.send_response(self.ws.accept(event))
                        opened.put_nowait(self)
                    elif isinstance(event, Frame):
                        self.frames.put_nowait(event)
                out = self.ws.data_to_send()
                if self.answers_pings:
                    self.writer.write(b"".join(out))
                if b"" in out:
                    break
        except (ConnectionError, EOFError):
            pass
        finally:
            self.frames.put_nowait(None)
            self.writer.close()

    async def frame(self) -> Frame:
        """The next frame."""
        frame = await self.frames.get()
        assert frame is not None, "the client has hung up"
        return frame

    async def message(self) -> Any:
        """The next message of `swill/1`, or of JSON-RPC if it is text."""
        while True:
            frame = await self.frame()
            if frame.opcode is Opcode.BINARY:
                return msgspec.msgpack.decode(frame.data)
            if frame.opcode is Opcode.TEXT:
                return msgspec.json.decode(frame.data)

    async def gone(self) -> None:
        """Waits until the client has hung up."""
        while await self.frames.get() is not None:
            pass

    def answer(self, *message: Any) -> None:
        """Sends a message of `swill/1`."""
        self.ws.send_binary(msgspec.msgpack.encode(message))
        self.flush()

    def text(self, text: str) -> None:
        self.ws.send_text(text.encode())
        self.flush()

    def tell(self, message: Any) -> None:
        """Sends a message of JSON-RPC."""
        self.ws.send_text(msgspec.json.encode(message))
        self.flush()

    def flush(self) -> None:
        self.writer.write(b"".join(self.ws.data_to_send()))

    def raw(self, data: bytes) -> None:
        self.writer.write(data)

    def cut(self) -> None:
        self.writer.transport.abort()


class Server:
    """Listens, and hands out the clients that come."""

    def __init__(self, address: str, opened: asyncio.Queue[Connection]) -> None:
        self.address = address
        self.opened = opened

    async def client(self) -> Connection:
        """The next client."""
        return await self.opened.get()


@asynccontextmanager
async def serving(
    greet: Greet | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Server]:
    """A server of one's own at a free port."""
    opened: asyncio.Queue[Connection] = asyncio.Queue()
    tasks: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(Connection(reader, writer).serve(greet, opened))
        tasks.add(task)

    listener = await asyncio.start_server(begin, "127.0.0.1", 0, ssl=tls)
    host, port = listener.sockets[0].getsockname()[:2]
    try:
        yield Server(f"ws://{host}:{port}/ws", opened)
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def http(status: str, body: str = "", *headers: str) -> bytes:
    """An answer of HTTP."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}", *headers, "", body]
    return "\r\n".join(lines).encode()
