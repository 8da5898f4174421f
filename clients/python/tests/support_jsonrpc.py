"""What tests of JSON-RPC share: a client that serves its server, and messages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
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
class Peers:
    """A client and its server."""

    client: swill.Client
    server: Connection
    seen: list[Any]
    gate: asyncio.Event

    async def ask(self, text: str) -> Any:
        """What the client says to a message."""
        self.server.text(text)
        return await self.server.message()


def result(value: object, request_id: object = 1) -> dict[str, object]:
    return {"jsonrpc": "2.0", "result": value, "id": request_id}


def error(told: object, request_id: object = 1) -> dict[str, object]:
    return {"jsonrpc": "2.0", "error": told, "id": request_id}


def request(method: str, params: object = None, request_id: object = 1) -> str:
    members: dict[str, object] = {"jsonrpc": "2.0", "method": method, "id": request_id}
    if params is not None:
        members["params"] = params
    return json.dumps(members)


@asynccontextmanager
async def served() -> AsyncIterator[Peers]:
    """A client with procedures for its server."""
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
        yield Peers(client, await server.client(), seen, gate)
