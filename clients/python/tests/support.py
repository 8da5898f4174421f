"""What tests of the client share: a pair of a client and a server, and waiting for what happens."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from peer import Connection, Server

import swill

MESSAGE, END, METADATA, ERROR = range(4)

QUICK = swill.Reconnect(base=0.001, cap=0.01)


@dataclass
class Pair:
    """A client and its server."""

    client: swill.Client
    server: Connection


async def pair_with(server: Server, **options: Any) -> Pair:
    """A client of a server, and the server's side of its connection."""
    client = await swill.connect(server.address, **options)
    return Pair(client, await server.client())


async def failure(awaitable: Any) -> swill.Error:
    """The error that something ends with."""
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
