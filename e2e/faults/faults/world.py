"""What a case has to work with: a server, a client, and what is between them."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from . import link as links
from .link import Link
from .processes import CaseError, Client, Event, Programs, Server, until
from .truth import judge

# A dead peer is noticed after 4 s instead of 40 s, and no client waits for long before it connects
# again.
QUICK_SERVER = ["--ping-after", "2000", "--pong-within", "2000"]
QUICK: dict[str, Any] = {"ping_after": 2000, "pong_within": 2000, "cap": 500}

# How much more memory a server may have at its end.
_MEMORY = 24 << 20


class World:
    """One run of one case. ``async with`` ends everything that was started in it."""

    def __init__(self, programs: Programs, kind: str, protocol: str, over_link: bool) -> None:
        self._programs = programs
        self.kind = kind
        self.protocol = protocol
        self.streams_in = protocol == "swill"
        self._folder = tempfile.TemporaryDirectory(prefix="swill-faults-")
        self._link = Link(seed=1) if over_link else None
        self._clients: list[Client] = []
        self._servers: list[Server] = []
        self._balancer: Balancer | None = None
        self.notes: list[str] = []
        """Figures worth telling."""

    @property
    def link(self) -> Link:
        assert self._link is not None, "this case has no link"
        return self._link

    @property
    def server(self) -> Server:
        return self._servers[0]

    @property
    def client(self) -> Client:
        return self._clients[0]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for client in self._clients:
            await client.kill()
        for server in self._servers:
            await server.kill()
        if self._balancer is not None:
            self._balancer.close()
        if self._link is not None:
            self._link.close()
        self._folder.cleanup()

    async def serve(self, *options: str) -> Server:
        """Starts a server."""
        space, host = None, "127.0.0.1"
        if self._link is not None:
            space, host = self._link.server_space, links.SERVER
        journal = Path(self._folder.name) / "journal"
        server = Server(self._programs, journal, space, host)
        server.options = list(options)
        self._servers.append(server)
        await server.start()
        return server

    async def connect(self, address: str | None = None, **options: Any) -> Client:
        """Starts a client, which connects at once; waits for nothing."""
        client = Client(self.kind, self.protocol)
        self._clients.append(client)
        space = None if self._link is None else self._link.client_space
        url = f"ws://{address or self.server.address}/ws"
        await client.start(self._programs, space, url, options)
        return client

    async def both_ends(self, server: list[str] | None = None, **options: Any) -> None:
        """Starts a server and a client, and waits until they are connected."""
        await self.serve(*(server or []))
        await self.connect(**options)
        # Browsers take their time to begin.
        await self.client.state("open", 40)

    async def balance(self, servers: list[Server]) -> str:
        """Passes connections to those of several servers that take them. Returns where."""
        self._balancer = Balancer([server.address for server in servers])
        return await self._balancer.open()

    async def quiet(self, within: float = 10.0) -> None:
        """Waits until the server does nothing, and has given everything back."""
        server = self.server
        await until(lambda: not server.active(), within, "the server still executes calls")
        await until(lambda: server.connections() == 0, within, "the server has connections left")
        await until(
            lambda: server.open_files() <= server.files,
            5,
            f"the server had {server.files} open files, and has not as few again",
        )
        grown = server.resident() - server.memory
        if grown > _MEMORY:
            raise CaseError(f"the server has {grown >> 20} MiB more than at its beginning")

    async def finish(self) -> list[str]:
        """Ends the client in peace, and tells everything that was wrong."""
        wrong = []
        for client in self._clients:
            if client.process is not None and client.process.returncode is None:
                try:
                    await client.leave()
                except CaseError as error:
                    wrong.append(str(error))
            wrong += judge(client, self.server)
        return wrong


class Balancer:
    """Passes every connection to a server that takes it, preferably the one that had the fewest."""

    def __init__(self, addresses: list[str]) -> None:
        self._addresses = addresses
        self._passed = dict.fromkeys(addresses, 0)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> str:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return "{}:{}".format(*self._server.sockets[0].getsockname())

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            for address in sorted(self._addresses, key=lambda address: self._passed[address]):
                host, port = address.rsplit(":", 1)
                with suppress(OSError):
                    upstream = await asyncio.open_connection(host, int(port))
                    self._passed[address] += 1
                    await asyncio.gather(
                        _copy(reader, upstream[1]),
                        _copy(upstream[0], writer),
                        return_exceptions=True,
                    )
                    return
        except asyncio.CancelledError:
            pass
        finally:
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.transport.abort()


Run = Callable[[World], Awaitable[None]]


@dataclass(frozen=True)
class Case:
    """A case of the list."""

    name: str
    run: Run
    over_link: bool
    short: bool
    """Whether it is a part of the short form."""
    protocols: tuple[str, ...]
    pages: bool
    """Whether it is tried in a browser, too."""


CASES: list[Case] = []


def case(
    name: str,
    *,
    link: bool = False,
    short: bool = False,
    json_rpc: bool = False,
    pages: bool = False,
) -> Callable[[Run], Run]:
    """Puts a case on the list. Over JSON-RPC and in a browser, too, if that is said."""
    protocols = ("swill", "json-rpc") if json_rpc else ("swill",)

    def add(run: Run) -> Run:
        CASES.append(Case(name, run, link, short, protocols, pages))
        return run

    return add


def expect(end: Event, outcome: str) -> None:
    """Holds how a call has ended against how it has to: ``ok``, ``unknown`` or ``late``."""
    found = "ok" if end["ok"] else "unknown" if end["unknown"] else str(end["code"])
    if found not in outcome.replace("late", "504").split("|"):
        what = "" if end["ok"] else f" ({end['message']})"
        raise CaseError(f"`{end['id']}` ended as {found}{what}, and not as {outcome}")
